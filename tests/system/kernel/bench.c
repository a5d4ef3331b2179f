/* SPDX-License-Identifier: MIT */
/*
 * What one call costs by its length: IOMMU_HWPT_INVALIDATE alone; viq_call_invalidate() around it; and a guest's whole
 * doorbell with a CMD_SYNC behind the commands, its driver's work included. Times of an emulated machine: only their
 * relation to each other says something. Where its clock counts instructions, they are exact, and without the IOMMU's
 * share.
 */
#include <stdio.h>

#include <viq/call.h>

#include "bare.h"
#include "machine.h"
#include "nest.h"
#include "tap.h"
#include "tests.h"

#define LOG2    13
#define LONGEST 4096
#define REPEATS 301

static struct synth_cmd commands[LONGEST];
static struct nest nest;
static struct viq_call_host strict;

static void bare_call(uint32_t count)
{
	uint32_t done = count;

	check_equal(bare_invalidate(viq_linux_fd(nest.linux_host), nest.host.object, commands, &done), 0);
	check_equal(done, count);
}

static void reported_call(uint32_t count)
{
	uint32_t done = count, last, error;

	check_equal(bare_report(viq_linux_fd(nest.linux_host), nest.host.object, commands, &done, &last, &error), 0);
	check_equal(done, count);
}

static void viq_call_on(const struct viq_call_host *host, uint32_t count)
{
	struct viq_call_piece piece = {commands, count};
	struct viq_call_result res = {.size = sizeof(res)};
	struct viq_call_request req = {.size = sizeof(req),
				       .object = host->object,
				       .type = VIQ_CALL_SMMUV3,
				       .entry_size = sizeof(commands[0]),
				       .pieces = &piece,
				       .piece_count = 1};

	check_equal(viq_call_invalidate(host, &req, &res), 0);
	check_equal(res.handled, count);
}

static void bulk_call(uint32_t count)
{
	viq_call_on(&nest.host, count);
}

static void strict_call(uint32_t count)
{
	viq_call_on(&strict, count);
}

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
	{"kernel alone", bare_call},
	{"viq, bulk", bulk_call},
	{"viq, strict", strict_call},
	{"doorbell, bulk", doorbell},
	{"kernel alone, report", reported_call}, /* the last one: only if it can */
};
static const uint32_t lengths[] = {1, 4, 16, 63, 64, 126, 256, 1024, 4096};
enum {
	SUBJECTS = sizeof(subjects) / sizeof(subjects[0]),
	LENGTHS = sizeof(lengths) / sizeof(lengths[0])
};
static uint64_t times[LENGTHS][SUBJECTS][REPEATS];
static unsigned int subject_count;

/* All of them in turns, so that a slow moment of the machine falls on all alike; each right after one that is not
 * timed, so that none pays for what its neighbour left in the caches. */
static void measure(unsigned int round)
{
	for (unsigned int l = 0; l < LENGTHS; l++) {
		for (unsigned int s = 0; s < subject_count; s++) {
			uint64_t start;

			subjects[s].call(lengths[l]);
			start = machine_now_ns();
			subjects[s].call(lengths[l]);
			times[l][s][round] = machine_now_ns() - start;
		}
	}
}

/* A line each: "BENCH|subject|entries|ns of this clock per entry". */
static void report(void)
{
	for (unsigned int l = 0; l < LENGTHS; l++) {
		for (unsigned int s = 0; s < subject_count; s++) {
			printf("BENCH|%s|%u|%.1f\n", subjects[s].name, lengths[l],
			       (double)machine_median(times[l][s], REPEATS) / lengths[l]);
		}
	}
	fflush(stdout);
}

void bench(void)
{
	struct viq_linux_vsmmu *other;
	struct viq_linux_vsmmu_config config;

	nest_create(&nest, &(struct nest_config){.log2size = LOG2, .vsid = 5});
	subject_count = viq_linux_reports(nest.linux_host) ? SUBJECTS : SUBJECTS - 1;
	/* A second one beside it, for its calls alone: it has no device. */
	viq_linux_vsmmu_config_init(&config, sizeof(config));
	config.ioas = nest.ioas;
	config.device = nest.device;
	config.calls = VIQ_LINUX_CALLS_STRICT;
	check_equal(viq_linux_vsmmu_create(nest.linux_host, &config, &other, NULL), 0);
	strict = viq_linux_vsmmu_host(other);
	for (unsigned int i = 0; i < LONGEST; i++)
		commands[i] = guest_tlbi(i);
	for (unsigned int round = 0; round < REPEATS; round++)
		measure(round);
	report();
	check_equal(viq_linux_vsmmu_destroy(other), 0);
	nest_destroy(&nest);
}
