/* SPDX-License-Identifier: MIT */
#ifndef VIQ_KERNEL_TESTS_H
#define VIQ_KERNEL_TESTS_H

/* One line per test, by subject; init.c lists them in the order of a run. */
void test_ats(void);
void test_ats_pasids(void);
void test_bare_answers(void);
void test_bare_groups(void);
void test_bare_hardware(void);
void test_bare_pair(void);
void test_bare_report(void);
void test_bare_valid(void);
void test_doorbell_bulk(void);
void test_doorbell_single(void);
void test_doorbell_strict(void);
void test_exact_call(void);
void test_exact_call_listed(void);
void test_exact_guest(void);
void test_exact_kernel(void);
void test_exact_many(void);
void test_exact_reserved(void);
void test_exact_single(void);
void test_exact_strict(void);
void test_leak(void);
void test_mock_array(void);
void test_mock_count(void);
void test_mock_pasids(void);
void test_mock_refusal(void);
void test_objects(void);
void test_pasids(void);
void test_replay(void);
void test_selftests(void);
void test_selftests_fail_nth(void);
void test_streams_bad_ste(void);
void test_streams_cd(void);
void test_streams_event(void);
void test_streams_move(void);
void test_streams_plug(void);
void test_streams_smmuen(void);
void test_streams_ste(void);

/* Not tests, but run as such. */
void bench(void);
void story_bare(void);
void story_viq(void);

#endif
