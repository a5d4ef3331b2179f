/* SPDX-License-Identifier: MIT */
#ifndef VIQ_BENCH_LINUX_CALLS_H
#define VIQ_BENCH_LINUX_CALLS_H

#include "bench.h"

/* Rows of the linux subject that are counted, not measured: calls per doorbell, entries per call. */
int linux_calls(const struct bench *b);

#endif
