/* SPDX-License-Identifier: MIT */
/*
 * What one call costs by its length: IOMMU_HWPT_INVALIDATE alone; viq_call_invalidate() around it; and a guest's whole
 * doorbell with a CMD_SYNC behind the commands, its driver's work included. Times of an emulated machine: only their
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

#define LOG2         13
#define LONGEST      4096
#define REPEATS      301
#define MAX_SUBJECTS 3

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

static void doorbell(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		nest_push(&nest, commands[i]);
	nest_push_sync(&nest);
	nest_ring(&nest);
	check_equal(nest_cons(&nest), nest.queue.prod);
}

struct subject {
	const char *name;
	void (*call)(uint32_t count);
};

static uint64_t time_of(const struct subject *subject, uint32_t count)
{
	uint64_t start = now();

	subject->call(count);
	return now() - start;
}

/* In turns, so that load on the machine falls on all alike. A line each: "BENCH|subject|entries|ns per entry". */
static void measure(const struct subject *subjects, size_t count, uint32_t length)
{
	static uint64_t times[MAX_SUBJECTS][REPEATS];

	for (size_t s = 0; s < count; s++)
		subjects[s].call(length);
	for (unsigned int i = 0; i < REPEATS; i++) {
		for (size_t s = 0; s < count; s++)
			times[s][i] = time_of(&subjects[s], length);
	}
	for (size_t s = 0; s < count; s++) {
		qsort(times[s], REPEATS, sizeof(times[s][0]), by_time);
		printf("BENCH|%s|%u|%.1f\n", subjects[s].name, length, (double)times[s][REPEATS / 2] / length);
	}
	fflush(stdout);
}

static void measure_all(uint32_t calls, const struct subject *subjects, size_t count)
{
	static const uint32_t lengths[] = {1, 4, 16, 63, 64, 126, 256, 1024, 4096};

	nest_create(&nest, &(struct nest_config){.log2size = LOG2, .vsid = 5, .calls = calls});
	for (unsigned int i = 0; i < LONGEST; i++)
		commands[i] = guest_tlbi(i);
	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		measure(subjects, count, lengths[i]);
	nest_destroy(&nest);
}

void bench(void)
{
	static const struct subject bulk[] = {{"kernel alone", bare_call}, {"viq", viq_call}, {"doorbell", doorbell}};
	static const struct subject strict[] = {{"viq, strict", viq_call}};

	measure_all(VIQ_LINUX_CALLS_BULK, bulk, sizeof(bulk) / sizeof(bulk[0]));
	measure_all(VIQ_LINUX_CALLS_STRICT, strict, sizeof(strict) / sizeof(strict[0]));
}
