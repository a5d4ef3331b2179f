/* SPDX-License-Identifier: MIT */
/*
 * /init of the virtual machine, its only program. The kernel's command line says what to do:
 *
 *   viq.run=tests    run the tests (viq.only=PREFIX: those whose names begin so)
 *   viq.run=bench    measure
 *   viq.run=iort     write the firmware's IORT to the console, in hex
 *   viq.run=story    make demo-kernel
 *
 * Then the machine is switched off.
 */
#include <string.h>

#include "machine.h"
#include "tap.h"
#include "tests.h"

static const struct tap_test tests[] = {
	{"objects", test_objects},
	{"bare-valid", test_bare_valid},
	{"bare-pair", test_bare_pair},
	{"bare-groups", test_bare_groups},
	{"bare-answers", test_bare_answers},
	{"exact-guest", test_exact_guest},
	{"exact-kernel", test_exact_kernel},
	{"exact-strict", test_exact_strict},
	{"exact-single", test_exact_single},
	{"exact-many", test_exact_many},
	{"exact-call", test_exact_call},
	{"exact-call-listed", test_exact_call_listed},
	{"exact-reserved", test_exact_reserved},
	{"streams-ste", test_streams_ste},
	{"streams-bad-ste", test_streams_bad_ste},
	{"streams-cd", test_streams_cd},
	{"streams-smmuen", test_streams_smmuen},
	{"streams-move", test_streams_move},
	{"streams-plug", test_streams_plug},
	{"streams-event", test_streams_event},
	{"doorbell-bulk", test_doorbell_bulk},
	{"doorbell-strict", test_doorbell_strict},
	{"doorbell-single", test_doorbell_single},
	{"replay", test_replay},
	{"mock-array", test_mock_array},
	{"mock-count", test_mock_count},
	{"mock-refusal", test_mock_refusal},
	{"mock-pasids", test_mock_pasids},
	{"leak", test_leak},
};

static void run_tests(const char *only)
{
	tap_run(tests, sizeof(tests) / sizeof(tests[0]), only);
}

static void dump_iort(const char *unused)
{
	machine_dump_iort();
}

static void run_bench(const char *unused)
{
	static const struct tap_test measure = {"bench", bench};

	tap_run(&measure, 1, NULL);
}

static void tell_story(const char *unused)
{
	story();
}

static const struct job {
	const char *name;
	void (*run)(const char *only);
} jobs[] = {
	{"tests", run_tests},
	{"bench", run_bench},
	{"iort", dump_iort},
	{"story", tell_story},
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
