/* SPDX-License-Identifier: MIT */
/*
 * What one write of the guest, or one run, may still cost, in plain commands: one rule for all guests. A command costs
 * 1; so does each further entry that is made of it. Of an invalidate call the host calls that a failure has cost are
 * charged (struct viq_call_result.extra_calls): those that its entries need are paid for by these.
 */
#ifndef VIQ_GUEST_BUDGET_H
#define VIQ_GUEST_BUDGET_H

#include <stdint.h>

/* Of one host call: the commands of one kernel batch. */
#define HOST_CALL_COST 64

struct budget {
	uint32_t left;
	uint32_t write; /* of one MMIO write */
};

/* config.budget in plain commands: 0 is a whole queue, UINT32_MAX (DEFER) nothing. */
static inline uint32_t budget_of_write(uint32_t config, uint32_t slots)
{
	return config ? (config == UINT32_MAX ? 0 : config) : slots;
}

/* More than is left leaves nothing. */
static inline void budget_spend(struct budget *b, uint64_t cost)
{
	b->left = cost < b->left ? b->left - (uint32_t)cost : 0;
}

static inline void budget_spend_calls(struct budget *b, uint32_t calls)
{
	if (calls)
		budget_spend(b, (uint64_t)calls * HOST_CALL_COST);
}

#endif
