/* SPDX-License-Identifier: MIT */
/*
 * What the host calls of one invalidate call cost: one rule for a host, a fan-out, and whatever a host makes of an
 * array by itself.
 *
 * A host may make several calls for one array, each for at least call_entries entries but the last, and each twice
 * where hardware needs that. These are *due*: 2 for each call_entries entries, and 2 for the last part; 1 if that
 * failed, since it is not repeated then. All other calls are *extra*: a failure has cost them. A call that the search
 * adds is always extra; what the host makes of it by itself is due as long as the array's due lasts.
 *
 * A host may claim any number: sums saturate.
 */
#ifndef VIQ_CALL_COST_H
#define VIQ_CALL_COST_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>

#include "host.h"

struct call_cost {
	uint32_t calls; /* made */
	uint32_t extra; /* of these */
	uint32_t due;   /* that may still be made without being extra */
};

static inline uint32_t call_cost_sum(uint32_t a, uint32_t b)
{
	return b < UINT32_MAX - a ? a + b : UINT32_MAX;
}

/* What a host's answer says that it cost: at least 1. */
static inline uint32_t call_cost_claimed(int ret, const struct viq_call_result *answer)
{
	return ret || !answer->host_calls ? 1 : answer->host_calls;
}

/* n > 0 calls were made; search: not for the array as such. */
static inline void call_cost_add(struct call_cost *c, uint32_t n, bool search)
{
	uint32_t due = n - search < c->due ? n - search : c->due;

	c->due -= due;
	c->calls = call_cost_sum(c->calls, n);
	c->extra = call_cost_sum(c->extra, n - due);
}

/* After the first answer to an array of count entries. */
static inline struct call_cost call_cost_of(const struct viq_call_host *host, uint32_t count, bool failed, int ret,
					    const struct viq_call_result *answer)
{
	uint32_t entries = CALL_HOST_OP(host->ops, call_entries);
	struct call_cost c = {.due = failed ? 1 : 2};
	uint32_t n = call_cost_claimed(ret, answer);

	/* Mostly there is nothing to work out. */
	if (!failed && n <= c.due)
		return (struct call_cost){.calls = n, .due = c.due - n};
	if (entries)
		c.due += 2 * (count / entries);
	call_cost_add(&c, n, false);
	return c;
}

#endif
