/* SPDX-License-Identifier: MIT */
/* Threads that translate at once. */
#ifndef VIQ_BENCH_SOFT_THREADS_H
#define VIQ_BENCH_SOFT_THREADS_H

#include "iommu.h"

#define SOFT_THREADS 2

/* All threads use the same device and the same pages, each on a processor of its own. */
struct soft_threads {
	const struct bench_iommu *iommu;
	uint32_t pages;  /* a power of two */
	uint32_t repeat; /* accesses of each thread */
	bool control;    /* a little arithmetic in registers in place of each access: what the machine itself gives */
	int cpus[SOFT_THREADS];
};

/* false: this process may not use as many processors. */
bool soft_threads_pick_cpus(struct soft_threads *threads);

/*
 * Run count threads, at most SOFT_THREADS. ns from the start of the first to the end of the last, divided by the
 * accesses of all; negative if it could not be done.
 */
double soft_threads_run(struct soft_threads *threads, uint32_t count);

#endif
