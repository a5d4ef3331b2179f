/* SPDX-License-Identifier: MIT */
/*
 * /init of the machine that viq-vmm runs on. The kernel's command line says what to do:
 *
 *   viq.run=tests    run the tests (viq.only=PREFIX: those whose names begin so)
 *   viq.run=demo     one guest, to be watched
 *   viq.run=bench    what the guest's own operations cost, by the length of viq's calls
 *   viq.run=iort     write the firmware's IORT to the console, in hex
 *
 * and viq.seed=N is passed on to the guest. Then the machine is switched off.
 */
#include <stdio.h>

#include "kernel/machine.h"
#include "refuse.h"
#include "talk.h"

/* Each is a guest's whole life. Freezing is saving and restoring its SMMU while it works. */
static const struct talk_plan vcpu = {
	.options = "--cpus 2 --count",
	.work = "load,modes,fault,inject,msi,count",
	.settings = "viq.rounds=1000 viq.freeze=5",
};
/* Without range invalidation a doorbell brings many commands, and some are left when the SMMU is frozen. */
static const struct talk_plan worker = {
	.options = "--cpus 2 --queue worker --budget 3 --no-range --count",
	.work = "load,inject,count",
	.settings = "viq.rounds=200 viq.freeze=10",
	.busy = true,
};
/* The longest arrays that Linux makes, 64 commands before a CMD_SYNC: one more than its own driver issues at a time. */
static const struct talk_plan bulk = {
	.options = "--calls bulk --no-range --msi --count",
	.work = "load,count",
	.settings = "viq.rounds=300",
};
static const struct talk_plan strict = {
	.options = "--calls strict --no-range --count",
	.work = "load,count",
	.settings = "viq.rounds=300",
};
static const struct talk_plan single = {
	.options = "--calls single --no-range --count",
	.work = "load,count",
	.settings = "viq.rounds=100",
};
/* So few entries that the guest's driver waits for room, and both indices wrap many times; they are saved wherever. */
static const struct talk_plan small_queue = {
	.options = "--cpus 2 --cmdq 7 --budget 5 --count",
	.work = "load,inject,count",
	.settings = "viq.rounds=300 viq.freeze=5",
};
/* The guest reads the registers from memory. */
static const struct talk_plan page = {
	.options = "--cpus 2 --reads page --no-range --count",
	.work = "load,inject,count",
	.settings = "viq.rounds=300 viq.freeze=5",
	.no_reads = true,
};
/* What the others would find if an invalidation did not reach the host's SMMU. */
static const struct talk_plan drop = {
	.options = "--cpus 2 --drop 40",
	.work = "load",
	.settings = "viq.rounds=300 viq.places=1",
	.finds = "stale",
	.loses = true,
};
/* A driver of the guest's kernel that knows nothing of all this. */
static const struct talk_plan disk = {
	.options = "--cpus 2 --count",
	.work = "disk,count",
	.settings = "viq.rounds=200 viq.freeze=5",
	.disk = true,
};
/* What that driver is left with if the guest does not map what the device's MSIs are written to. */
static const struct talk_plan disk_unmapped = {
	.options = "--msi-window none",
	.work = "disk",
	.disk = true,
	.finds = "iova: 0x8000040",
};

static void test_vcpu(void)
{
	talk(&vcpu, NULL);
}

static void test_worker(void)
{
	talk(&worker, NULL);
}

static void test_bulk(void)
{
	talk(&bulk, NULL);
}

static void test_strict(void)
{
	talk(&strict, NULL);
}

static void test_single(void)
{
	talk(&single, NULL);
}

static void test_small_queue(void)
{
	talk(&small_queue, NULL);
}

static void test_page(void)
{
	talk(&page, NULL);
}

static void test_drop(void)
{
	talk(&drop, NULL);
}

static void test_disk(void)
{
	talk(&disk, NULL);
}

static void test_disk_unmapped(void)
{
	talk(&disk_unmapped, NULL);
}

static const struct tap_test tests[] = {
	{"refuse", test_refuse},       {"refuse-busy", test_refuse_busy},
	{"guest-vcpu", test_vcpu},     {"guest-worker", test_worker},
	{"guest-bulk", test_bulk},     {"guest-strict", test_strict},
	{"guest-single", test_single}, {"guest-small-queue", test_small_queue},
	{"guest-page", test_page},     {"guest-drop", test_drop},
	{"guest-disk", test_disk},     {"guest-disk-unmapped", test_disk_unmapped},
};

static void demo(void)
{
	static const struct talk_plan plan = {
		.options = "--cpus 2 --no-range --status 1 --count",
		.work = "load,fault,inject,count",
		.settings = "loglevel=7 viq.rounds=200 viq.freeze=3",
	};

	talk(&plan, NULL);
}

static const char *const modes[] = {
	"bulk", "strict", "single", "bulk --no-range", "strict --no-range", "single --no-range",
};
static const char *mode;

static void bench_figure(const char *figure)
{
	printf("BENCH|%s|%s\n", mode, figure);
	fflush(stdout);
}

/* Each mode in turns, and each guest a new one: what disturbs the machine for a while does not fall on one mode alone.
 */
#define TURNS 5

static void bench(void)
{
	const size_t count = sizeof(modes) / sizeof(modes[0]);

	for (size_t i = 0; i < TURNS * count; i++) {
		char options[64];

		mode = modes[i % count];
		snprintf(options, sizeof(options), "--calls %s", mode);
		talk(&(struct talk_plan){.options = options, .work = "bench"}, bench_figure);
	}
}

static const struct tap_test shows[] = {{"demo", demo}};
static const struct tap_test measurements[] = {{"bench", bench}};

static const struct machine_job jobs[] = {
	{"tests", MACHINE_TESTS(tests)},
	{"demo", MACHINE_TESTS(shows)},
	{"bench", MACHINE_TESTS(measurements)},
};

int main(void)
{
	return machine_run(jobs, sizeof(jobs) / sizeof(jobs[0]));
}
