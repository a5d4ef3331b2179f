/* SPDX-License-Identifier: MIT */
/* What is done with a struct viq_work by who does the work. */
#ifndef VIQ_BASE_WORK_H
#define VIQ_BASE_WORK_H

#include <stdbool.h>

#include <viq/work.h>

/* May another step be made? The first always. */
static inline bool work_goes_on(const struct viq_work *w)
{
	return !w->budget || w->cost < w->budget;
}

static inline void work_spend(struct viq_work *w, uint64_t cost)
{
	w->cost = cost < UINT32_MAX - w->cost ? w->cost + (uint32_t)cost : UINT32_MAX;
}

#endif
