/* SPDX-License-Identifier: MIT */
/* What accessing threads count, each in lines of its own as far as stripes go round. */
#ifndef VIQ_SOFT_COUNT_H
#define VIQ_SOFT_COUNT_H

#include <viq/soft.h>

#include "host/soft/cache/slot.h"
#include "thread.h"

#define SOFT_STRIPES 64u

enum soft_count {
	SOFT_TLB_HITS,
	SOFT_TLB_MISSES,
	SOFT_ATC_HITS,
	SOFT_WALKS,
	SOFT_FAULTS,
	SOFT_COUNTS,
};
struct soft_stripe {
	_Alignas(2 * SOFT_LINE) soft_word counts[SOFT_COUNTS];
};

/* stripes: SOFT_STRIPES of them. */
static inline void soft_stripes_count(struct soft_stripe *stripes, const struct soft_thread *thread,
				      enum soft_count what)
{
	soft_word *count = &stripes[thread->number % SOFT_STRIPES].counts[what];

	/* Not a read-modify-write: threads that share a stripe may lose counts, none waits for a line. */
	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

static inline uint64_t soft_stripes_sum(const struct soft_stripe *stripes, enum soft_count what)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < SOFT_STRIPES; i++)
		sum += atomic_load_explicit(&stripes[i].counts[what], memory_order_relaxed);
	return sum;
}

/* What is counted in stripes, into a snapshot of all counters. */
static inline void soft_stripes_snapshot(const struct soft_stripe *stripes, struct viq_soft_counters *out)
{
	out->tlb_hits = soft_stripes_sum(stripes, SOFT_TLB_HITS);
	out->tlb_misses = soft_stripes_sum(stripes, SOFT_TLB_MISSES);
	out->atc_hits = soft_stripes_sum(stripes, SOFT_ATC_HITS);
	out->walks = soft_stripes_sum(stripes, SOFT_WALKS);
	out->faults = soft_stripes_sum(stripes, SOFT_FAULTS);
}

#endif
