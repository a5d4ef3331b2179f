/* SPDX-License-Identifier: MIT */
/*
 * count: what viq has counted. bench, peers: what an unmap costs in the guest, and what it makes viq, or any VMM, do.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/machine.h"
#include "work.h"

#define IOVA (UINT64_C(0x700000000) + PAGE) /* no table of the last level is filled, so that none goes at once */
/*
 * Pages of the largest unmap. For one page more a driver without range invalidation would take a single command, for
 * all addresses, in the place of one for each page; with ranges, this is the length that needs two.
 */
#define MANY  511
#define TIMES 600 /* most */

void work_count(void)
{
	char detail[256];

	ask(detail, sizeof(detail), "count");
	say_ok("count", "%s", detail);
	ask(detail, sizeof(detail), "stats");
	say_note("stats %s", detail);
}

/* A number of "name=value name=value ...". */
static uint64_t stat(const char *stats, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = stats; (at = strstr(at, name)); at += length) {
		if ((at == stats || at[-1] == ' ') && at[length] == '=')
			return strtoull(at + length + 1, NULL, 10);
	}
	fail("\"%s\" has no %s", stats, name);
}

static void __attribute__((format(printf, 3, 4))) figure(uint64_t value, const char *unit, const char *format, ...)
{
	char name[64];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	say_figure(name, value, unit);
}

/* What whoever is asked for its counters must know; the last one NULL. */
typedef const char *const counter_names[5];
static counter_names of_viq = {"doorbells", "commands", "entries", "ioctls"};
static counter_names of_machine = {"runs", "calls", "invalidates"};

static void measure(struct space *space, struct pool *pool, uint32_t pages, uint32_t times, counter_names counters)
{
	char before[256], after[256];
	uint64_t took[TIMES], total = 0;

	ask(before, sizeof(before), "stats");
	for (uint32_t i = 0; i < times; i++) {
		uint64_t start;

		space_map(space, IOVA, pool_page(pool, 0), pages);
		start = machine_now_ns();
		space_unmap(space, IOVA, pages);
		took[i] = machine_now_ns() - start;
		total += took[i];
	}
	ask(after, sizeof(after), "stats");
	figure(machine_median(took, times), "ns", "unmap-%u", pages);
	figure(total, "ns", "unmap-%u-total", pages);
	figure(times, "unmaps", "unmap-%u-times", pages);
	for (size_t i = 0; counters[i]; i++)
		figure(stat(after, counters[i]) - stat(before, counters[i]), counters[i], "unmap-%u-%s", pages,
		       counters[i]);
}

static void measure_all(counter_names counters)
{
	struct space space;
	struct pool pool;

	pool_create(&pool, MANY);
	space_open(&space);
	measure(&space, &pool, 1, TIMES, counters);
	measure(&space, &pool, 16, TIMES / 2, counters);
	measure(&space, &pool, MANY, TIMES / 10, counters);
	space_close(&space);
}

void work_bench(void)
{
	measure_all(of_viq);
	say_ok("bench", "measured");
}

/* What asking costs lies between two answers as well. */
static void measure_question(void)
{
	char before[256], after[256];

	ask(before, sizeof(before), "stats");
	ask(after, sizeof(after), "stats");
	for (size_t i = 0; of_machine[i]; i++)
		figure(stat(after, of_machine[i]) - stat(before, of_machine[i]), of_machine[i], "question-%s",
		       of_machine[i]);
}

void work_peers(void)
{
	measure_question();
	measure_all(of_machine);
	say_ok("peers", "measured");
}
