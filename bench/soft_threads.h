/* SPDX-License-Identifier: MIT */
/* Threads that translate, or invalidate, at once. */
#ifndef VIQ_BENCH_SOFT_THREADS_H
#define VIQ_BENCH_SOFT_THREADS_H

#include "iommu.h"

#define SOFT_THREADS 2

/* The device and the pages are the same for all threads; each has a processor of its own. */
struct soft_threads {
	const struct bench_iommu *iommu;
	uint32_t pages;  /* a power of two */
	uint32_t repeat; /* accesses of each thread, or entries */
	bool control;    /* a little arithmetic in registers in place of each access: what the machine itself gives */
	uint32_t bulk;   /* not 0: pages are invalidated instead, in calls of so many entries, a guest each thread */
	struct viq_call_host guests[SOFT_THREADS];
	int cpus[SOFT_THREADS];
};

/* false: this process may not use as many processors. */
bool soft_threads_pick_cpus(struct soft_threads *threads);

/*
 * Run count threads, at most SOFT_THREADS. ns from the start of the first to the end of the last, divided by the
 * accesses or entries of all; negative if it could not be done.
 */
double soft_threads_run(struct soft_threads *threads, uint32_t count);

#endif
