/* SPDX-License-Identifier: MIT */
/* One function a subject, in the file of its name. */
#ifndef VIQ_BENCH_SUBJECTS_H
#define VIQ_BENCH_SUBJECTS_H

#include "bench.h"

int bench_bulk(const struct bench *b);
int bench_doorbell(const struct bench *b);
int bench_linux(const struct bench *b);
int bench_memory(const struct bench *b);
int bench_qemu(const struct bench *b);
int bench_scale(const struct bench *b);
int bench_soft(const struct bench *b);
int bench_vtd_bulk(const struct bench *b);
int bench_vtd_doorbell(const struct bench *b);
int bench_vtd_qemu(const struct bench *b);
int bench_vtd_soft(const struct bench *b);

#endif
