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
#include <string.h>

#include "../kernel/machine.h"
#include "../kernel/tap.h"
#include "refuse.h"
#include "talk.h"

/* Each is a guest's whole life. Freezing is saving and restoring its SMMU while it works. */
static const struct talk_plan vcpu = {
	.options = "--cpus 2",
	.work = "load,modes,fault,inject,count",
	.settings = "viq.rounds=300 viq.freeze=5",
};
/* Without range invalidation a doorbell brings many commands, and some are left when the SMMU is frozen. */
static const struct talk_plan worker = {
	.options = "--cpus 2 --queue worker --budget 3 --no-range",
	.work = "load,inject,count",
	.settings = "viq.rounds=300 viq.freeze=10",
	.busy = true,
};
static const struct talk_plan strict = {
	.options = "--calls strict",
	.work = "load,count",
	.settings = "viq.rounds=300",
};
static const struct talk_plan single = {
	.options = "--calls single --no-range",
	.work = "load,count",
	.settings = "viq.rounds=100",
};
/* So few entries that the guest's driver waits for room, and both indices wrap many times. */
static const struct talk_plan small_queue = {
	.options = "--cpus 2 --cmdq 7 --budget 5",
	.work = "load,inject,count",
	.settings = "viq.rounds=300",
};
/* What the others would find if an invalidation did not reach the host's SMMU. */
static const struct talk_plan drop = {
	.options = "--cpus 2 --drop 40",
	.work = "load",
	.settings = "viq.rounds=300 viq.places=1",
	.stale = true,
};

static void test_vcpu(void)
{
	talk(&vcpu, NULL);
}

static void test_worker(void)
{
	talk(&worker, NULL);
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

static void test_drop(void)
{
	talk(&drop, NULL);
}

static const struct tap_test tests[] = {
	{"refuse", test_refuse},
	{"refuse-busy", test_refuse_busy},
	{"guest-vcpu", test_vcpu},
	{"guest-worker", test_worker},
	{"guest-strict", test_strict},
	{"guest-single", test_single},
	{"guest-small-queue", test_small_queue},
	{"guest-drop", test_drop},
};

static void run_tests(const char *only)
{
	tap_run(tests, sizeof(tests) / sizeof(tests[0]), only);
}

static void demo(void)
{
	static const struct talk_plan plan = {
		.options = "--cpus 2 --no-range --status 1",
		.work = "load,fault,inject,count",
		.settings = "loglevel=7 viq.rounds=200 viq.freeze=3",
	};

	talk(&plan, NULL);
}

static void run_demo(const char *unused)
{
	static const struct tap_test show = {"demo", demo};

	tap_run(&show, 1, NULL);
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

static void bench(void)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		char options[64];

		mode = modes[i];
		snprintf(options, sizeof(options), "--calls %s", mode);
		talk(&(struct talk_plan){.options = options, .work = "bench"}, bench_figure);
	}
}

static void run_bench(const char *unused)
{
	static const struct tap_test measure = {"bench", bench};

	tap_run(&measure, 1, NULL);
}

static void dump_iort(const char *unused)
{
	machine_dump_iort();
}

static const struct job {
	const char *name;
	void (*run)(const char *only);
} jobs[] = {
	{"tests", run_tests},
	{"demo", run_demo},
	{"bench", run_bench},
	{"iort", dump_iort},
};

int main(void)
{
	char run[32], only[64];
	bool chosen;

	machine_start();
	machine_option("viq.run", run, sizeof(run));
	chosen = machine_option("viq.only", only, sizeof(only));
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		if (!strcmp(run, jobs[i].name))
			jobs[i].run(chosen ? only : NULL);
	}
	machine_end();
	return 0;
}
