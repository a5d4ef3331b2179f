/* SPDX-License-Identifier: MIT */
/*
 * Measuring.
 *
 * A *subject* (bulk.c, doorbell.c, ...) measures one thing that matters and reports *rows*. A row has a *value*, in the
 * row's unit, and may have a *figure* worked out from it and something measured beside it: a ratio, a difference. A row
 * may have a target.
 *
 * What is compared is measured in turns, many short times: one *round* runs every case once, starting with another one
 * each time, and a figure is worked out round by round. So whatever else the machine does meanwhile falls on both sides
 * alike, and the median is little moved by it.
 *
 * Functions that return int return 0 or a negative errno.
 */
#ifndef VIQ_BENCH_H
#define VIQ_BENCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* --- Samples ----------------------------------------------------------------------------------------------------- */

#define BENCH_MAX_SAMPLES 1000

struct bench_samples {
	double value[BENCH_MAX_SAMPLES];
	uint32_t count;
};

/* The middle of the samples, and the values that one in ten lies below and above. */
struct bench_stat {
	double median, p10, p90;
	uint32_t samples;
};

void bench_add(struct bench_samples *samples, double value); /* beyond BENCH_MAX_SAMPLES: dropped */
struct bench_stat bench_stat(const struct bench_samples *samples);
/* Round by round: a / b, a - b of which b is a part. Rounds that say nothing are left out. */
struct bench_stat bench_ratio(const struct bench_samples *a, const struct bench_samples *b);
struct bench_stat bench_difference(const struct bench_samples *a, const struct bench_samples *b);
/* Of something that does not vary. */
struct bench_stat bench_constant(double value);

/* --- Rounds ------------------------------------------------------------------------------------------------------ */

/* One of the things that are measured in turns. */
struct bench_case {
	/* Do it once; returns what it took, in the row's unit, or a negative value if it could not be done. */
	double (*run)(void *opaque);
	void *opaque;
	struct bench_samples samples;
};

/* Not 0: somebody wants no more. For a signal handler. */
extern volatile sig_atomic_t bench_stop;

/*
 * A first round that does not count, then rounds that do. -EIO: a case could not be done; -EINTR: bench_stop, which
 * ends it after a round.
 */
int bench_rounds(struct bench_case *cases, uint32_t count, uint32_t rounds);

static inline uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* What reading the clock twice takes, in ns: to be taken off what is timed one by one. */
double bench_clock_cost(void);

/* --- Rows -------------------------------------------------------------------------------------------------------- */

enum bench_bound {
	BENCH_NO_TARGET,
	BENCH_AT_MOST,
	BENCH_AT_LEAST,
};

struct bench_row {
	const char *name;  /* for programs: letters, digits, '_' */
	const char *title; /* for people */
	const char *unit;  /* of value */
	struct bench_stat value;
	const char *figure_name; /* "x memcpy", ...; NULL: there is none */
	struct bench_stat figure;
	enum bench_bound bound; /* the target: the figure's median, or the value's if there is none, within limit */
	double limit;
	const char *skipped; /* why it was not measured; NULL: it was */
};

/* Without a target: true. */
bool bench_reached(const struct bench_row *row);

/* --- Subjects ---------------------------------------------------------------------------------------------------- */

struct bench {
	bool quick;       /* few rounds, small sizes: to see that it works, not how fast */
	const char *self; /* path of the viq command, for `viq device` */
	/* Takes a row while the subject runs; the row does not stay. */
	void (*emit)(void *opaque, const struct bench_row *row);
	void *opaque;
};

/* How many rounds: full, or few of them. */
static inline uint32_t bench_round_count(const struct bench *b, uint32_t full)
{
	return !b->quick ? full : full < 5 ? full : 5;
}

struct bench_subject {
	const char *name;
	const char *title;
	int (*run)(const struct bench *bench);
};

/* In the order in which they are to run; ends with a NULL name. */
extern const struct bench_subject bench_subjects[];

#endif
