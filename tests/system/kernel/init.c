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
#include "machine.h"
#include "tests.h"

static const struct tap_test tests[] = {
	{"objects", test_objects},
	{"bare-valid", test_bare_valid},
	{"bare-pair", test_bare_pair},
	{"bare-groups", test_bare_groups},
	{"bare-report", test_bare_report},
	{"bare-hardware", test_bare_hardware},
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
	{"ats", test_ats},
	{"ats-pasids", test_ats_pasids},
	{"pasids", test_pasids},
	{"doorbell-bulk", test_doorbell_bulk},
	{"doorbell-strict", test_doorbell_strict},
	{"doorbell-single", test_doorbell_single},
	{"replay", test_replay},
	{"mock-array", test_mock_array},
	{"mock-count", test_mock_count},
	{"mock-refusal", test_mock_refusal},
	{"mock-pasids", test_mock_pasids},
	{"leak", test_leak},
	{"selftests", test_selftests},
	{"selftests-fail-nth", test_selftests_fail_nth},
};

static const struct tap_test measurements[] = {{"bench", bench}};
static const struct tap_test chapters[] = {{"bare", story_bare}, {"viq", story_viq}};

static const struct machine_job jobs[] = {
	{"tests", MACHINE_TESTS(tests)},
	{"bench", MACHINE_TESTS(measurements)},
	{"story", MACHINE_TESTS(chapters)},
};

int main(void)
{
	return machine_run(jobs, sizeof(jobs) / sizeof(jobs[0]));
}
