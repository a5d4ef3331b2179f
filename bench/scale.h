/* SPDX-License-Identifier: MIT */
/*
 * How costs grow. An *axis* has a few *points*, all of them there at once and measured in turns; each *operation* of
 * the axis is measured at every point. table.py fits a law to what comes out.
 *
 * Operations touch the 16 last objects of a point: how far they are in the processor's caches is the same everywhere,
 * so what grows is viq's own doing. An invalidation finds nothing, or makes one access read a structure again, which is
 * part of it: so it can be repeated.
 */
#ifndef VIQ_BENCH_SCALE_H
#define VIQ_BENCH_SCALE_H

#include <stddef.h>
#include <stdint.h>

#define SCALE_POINTS 6
#define SCALE_OPS    3
#define SCALE_TURNS  16 /* objects that are used in turn */

/*
 * Operations before those that are measured. What other points and operations have pushed out of the processor's caches
 * comes back; and for hits also what an invalidation has unlearned: one translation in eight is taken into the software
 * host's front cache, and a reader hides its sections after 256.
 */
#define SCALE_WARM     SCALE_TURNS
#define SCALE_WARM_HIT 1024

struct scale_op {
	const char *name, *title;
	int (*run)(void *point, uint32_t i); /* the i-th in a row; not 0: it could not be done */
	uint32_t warm;
};

struct scale_axis {
	const char *name, *what;         /* "streams"; "%u " before it in a title */
	uint32_t n[SCALE_POINTS], quick; /* quick: so many points */
	size_t size;                     /* of a point, which begins as zeroes */
	int (*open)(void *point, uint32_t n);
	void (*close)(void *point); /* also after a failed open */
	struct scale_op ops[SCALE_OPS];
};

/* The last ones have no name. */
extern const struct scale_axis scale_smmuv3[], scale_vtd[];

/* The last of count objects, then the one before it, ... */
static inline uint32_t scale_recent(uint32_t count, uint32_t i)
{
	uint32_t turns = count < SCALE_TURNS ? count : SCALE_TURNS;

	return count - 1 - i % turns;
}

#endif
