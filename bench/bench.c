// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* --- Samples ----------------------------------------------------------------------------------------------------- */

void bench_add(struct bench_samples *samples, double value)
{
	if (samples->count < BENCH_MAX_SAMPLES)
		samples->value[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct bench_stat bench_stat(const struct bench_samples *samples)
{
	struct bench_samples sorted = *samples;
	uint32_t n = sorted.count;

	if (!n)
		return (struct bench_stat){0};
	qsort(sorted.value, n, sizeof(sorted.value[0]), compare);
	return (struct bench_stat){
		.median = (sorted.value[(n - 1) / 2] + sorted.value[n / 2]) / 2,
		.p10 = sorted.value[(n - 1) / 10],
		.p90 = sorted.value[n - 1 - (n - 1) / 10],
		.samples = n,
	};
}

struct bench_stat bench_ratio(const struct bench_samples *a, const struct bench_samples *b)
{
	struct bench_samples ratio = {.count = 0};

	for (uint32_t i = 0; i < a->count && i < b->count; i++) {
		/* Faster than the clock can tell: no ratio. */
		if (b->value[i] > 0)
			bench_add(&ratio, a->value[i] / b->value[i]);
	}
	return bench_stat(&ratio);
}

struct bench_stat bench_difference(const struct bench_samples *a, const struct bench_samples *b)
{
	struct bench_samples difference = {.count = 0};

	for (uint32_t i = 0; i < a->count && i < b->count; i++) {
		/* A part that took longer than the whole was interrupted: no difference. */
		if (a->value[i] >= b->value[i])
			bench_add(&difference, a->value[i] - b->value[i]);
	}
	return bench_stat(&difference);
}

struct bench_stat bench_constant(double value)
{
	return (struct bench_stat){.median = value, .p10 = value, .p90 = value, .samples = 1};
}

/* --- Rounds ------------------------------------------------------------------------------------------------------ */

volatile sig_atomic_t bench_stop;

int bench_rounds(struct bench_case *cases, uint32_t count, uint32_t rounds)
{
	for (uint32_t round = 0; round <= rounds; round++) {
		if (bench_stop)
			return -EINTR;
		for (uint32_t i = 0; i < count; i++) {
			struct bench_case *c = &cases[(round + i) % count];
			double value = c->run(c->opaque);

			if (value < 0)
				return -EIO;
			if (round)
				bench_add(&c->samples, value);
		}
	}
	return 0;
}

double bench_clock_cost(void)
{
	struct bench_samples samples = {.count = 0};

	for (unsigned int i = 0; i < BENCH_MAX_SAMPLES; i++) {
		uint64_t start = bench_now();

		bench_add(&samples, (double)(bench_now() - start));
	}
	return bench_stat(&samples).median;
}

/* --- Rows -------------------------------------------------------------------------------------------------------- */

bool bench_reached(const struct bench_row *row)
{
	const struct bench_stat *stat = row->figure_name ? &row->figure : &row->value;

	if (row->bound == BENCH_NO_TARGET)
		return true;
	if (row->skipped || !stat->samples)
		return false;
	return row->bound == BENCH_AT_MOST ? stat->median <= row->limit : stat->median >= row->limit;
}
