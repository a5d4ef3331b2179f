/* SPDX-License-Identifier: MIT */
/*
 * What one call costs by its length: the kernel's alone, and viq's around it. Times of an emulated machine: only their
 * relation to each other says something.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <viq/call.h>

#include "bare.h"
#include "nest.h"
#include "tap.h"
#include "tests.h"

#define LOG2    13
#define LONGEST 4096
#define REPEATS 101

static struct synth_cmd commands[LONGEST];
static struct nest nest;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The median of REPEATS calls, ns. */
static uint64_t measure(void (*call)(uint32_t count), uint32_t count)
{
	uint64_t times[REPEATS];

	call(count);
	for (unsigned int i = 0; i < REPEATS; i++) {
		uint64_t start = now();

		call(count);
		times[i] = now() - start;
	}
	qsort(times, REPEATS, sizeof(times[0]), by_time);
	return times[REPEATS / 2];
}

static void bare_call(uint32_t count)
{
	uint32_t done = count;

	check_equal(bare_invalidate(viq_linux_fd(nest.linux_host), nest.host.object, commands, &done), 0);
	check_equal(done, count);
}

static void viq_call(uint32_t count)
{
	struct viq_call_piece piece = {commands, count};
	struct viq_call_result res = {.size = sizeof(res)};
	struct viq_call_request req = {.size = sizeof(req),
				       .object = nest.host.object,
				       .type = VIQ_CALL_SMMUV3,
				       .entry_size = sizeof(commands[0]),
				       .pieces = &piece,
				       .piece_count = 1};

	check_equal(viq_call_invalidate(&nest.host, &req, &res), 0);
	check_equal(res.handled, count);
}

/* [commands, CMD_SYNC] through the guest's queue, its driver's work included. */
static void doorbell(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		nest_push(&nest, commands[i]);
	nest_push_sync(&nest);
	nest_ring(&nest);
	check_equal(nest_cons(&nest), nest.queue.prod);
}

static const struct {
	const char *name;
	void (*call)(uint32_t count);
} subjects[] = {
	{"IOMMU_HWPT_INVALIDATE", bare_call},
	{"viq_call_invalidate()", viq_call},
	{"a guest's doorbell", doorbell},
};

/* A line each: "BENCH|subject|entries|ns per entry". */
void bench(void)
{
	static const uint32_t lengths[] = {1, 16, 63, 64, 256, 4096};

	nest_create(&nest, &(struct nest_config){.log2size = LOG2, .vsid = 5});
	for (unsigned int i = 0; i < LONGEST; i++)
		commands[i] = guest_tlbi(i);
	for (unsigned int s = 0; s < sizeof(subjects) / sizeof(subjects[0]); s++) {
		for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			uint64_t time = measure(subjects[s].call, lengths[i]);

			printf("BENCH|%s|%u|%.1f\n", subjects[s].name, lengths[i], (double)time / lengths[i]);
			fflush(stdout);
		}
	}
	nest_destroy(&nest);
}
