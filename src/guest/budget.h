/* SPDX-License-Identifier: MIT */
/*
 * What one write of the guest, or one run, may still cost, in plain commands: one rule for all guests. A command costs
 * 1; so does each further entry that is made of it. Each host call costs VIQ_WORK_CALL, whatever it is made for
 * (struct viq_call_result.host_calls), and a hook's work what the hook says. A device that does not answer in time ends
 * the run: nothing else takes as long.
 */
#ifndef VIQ_GUEST_BUDGET_H
#define VIQ_GUEST_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/work.h>

struct budget {
	uint32_t left;
	uint32_t write; /* of one MMIO write */
};

static inline uint32_t budget_of_run(uint32_t given)
{
	return given ? given : VIQ_WORK_BUDGET;
}

/* config.budget: UINT32_MAX (DEFER) is nothing. */
static inline uint32_t budget_of_write(uint32_t given)
{
	return given == UINT32_MAX ? 0 : budget_of_run(given);
}

/* Nobody goes on when a budget has ended, if no hook tells the embedder: 0 is without end then, see *_kick(). */
#define BUDGET_NEEDS_KICK "budget: can end before the work does, and needs ops.kick then: must be 0 without it"

static inline bool budget_needs_kick(uint32_t config)
{
	return config && config != VIQ_WORK_UNLIMITED;
}

/* More than is left leaves nothing. */
static inline void budget_spend(struct budget *b, uint64_t cost)
{
	b->left = cost < b->left ? b->left - (uint32_t)cost : 0;
}

/* Of so many pieces of work, which cost as much each: those that can be paid, but one at least. */
static inline uint32_t budget_covers(const struct budget *b, uint32_t pieces, uint32_t cost)
{
	if ((uint64_t)pieces * cost <= b->left)
		return pieces;
	return b->left > cost ? b->left / cost : 1;
}

/* Of an invalidate call. */
static inline void budget_spend_call(struct budget *b, const struct viq_call_result *res)
{
	budget_spend(b, (uint64_t)res->host_calls * VIQ_WORK_CALL);
	if (res->error == VIQ_CALL_TIMEOUT)
		b->left = 0;
}

/* Before a hook is called that may leave its work; b->left is not 0. */
static inline void budget_lend(const struct budget *b, struct viq_work *work)
{
	work->budget = b->left;
	work->cost = 0;
}

/* After it; result 1: it has left its work, and what it has not said that it cost is gone too. */
static inline void budget_take_back(struct budget *b, const struct viq_work *work, int result)
{
	budget_spend(b, result > 0 ? UINT32_MAX : work->cost);
}

#endif
