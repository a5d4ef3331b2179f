/* SPDX-License-Identifier: MIT */
/* P4, P8 on the call layer: what is not a refusal, passes, or is nonsense is reported honestly, at a bounded cost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <viq/call.h>

#include "support/test.h"
#include "fixture.h"

/* Errors other than a refusal are not hunted for, but the window holds the culprit and nothing before it is false. */
static void p8_other_errors_have_an_honest_window(void **state)
{
	static const uint8_t errors[] = {VIQ_CALL_ABORTED,
					 VIQ_CALL_TIMEOUT,
					 VIQ_CALL_FAILED,
					 VIQ_CALL_GONE,
					 VIQ_CALL_UNSUPPORTED,
					 VIQ_CALL_ERROR_COUNT,
					 200};
	uint64_t *cmds = fake_array(200);

	for (enum fake_kind kind = FAKE_EXACT; kind <= FAKE_GARBAGE; kind++) {
		struct fake_host fake;

		fake_host_init(&fake, kind, 200);
		fake.before = 3;
		fake.after = 80;
		fake.hw_code = 0x1234;
		fake.os_error = -EIO;
		for (uint32_t i = 0; i < 200; i++) {
			for (uint32_t k = 0; k < sizeof(errors); k++) {
				struct viq_call_result res;

				fake_host_reset(&fake);
				fake.entries[i].error = errors[k];
				res = fake_invalidate(&fake, cmds, 200);
				assert_holds(&fake, &res, 200);
				assert_int_equal(res.error,
						 errors[k] < VIQ_CALL_ERROR_COUNT ? errors[k] : VIQ_CALL_FAILED);
				assert_int_equal(res.hw_code, 0x1234);
				assert_int_equal(res.os_error, -EIO);
				assert_int_equal(res.host_calls, 1);
				assert_in_range(i, res.handled, res.suspect);
				if (kind == FAKE_EXACT)
					assert_int_equal(res.suspect, res.handled);
				if (kind == FAKE_LINUX_7_3 || kind == FAKE_LINUX_NEXT)
					assert_in_range(res.suspect, res.handled, res.handled + 62);
			}
		}
		fake_host_fini(&fake);
	}
	free(cmds);
}

/* Entry 100 is illegal; on the way to it the host times out somewhere in [63, 100). */
static void p8_another_error_during_the_search(void **state)
{
	uint64_t *cmds = fake_array(200);

	for (enum fake_kind kind = FAKE_LINUX_7_3; kind <= FAKE_GARBAGE; kind++) {
		for (uint32_t i = 0; i < 100; i++) {
			struct viq_call_result res;
			struct fake_host fake;

			fake_host_init(&fake, kind, 200);
			fake.entries[100].error = VIQ_CALL_ILLEGAL;
			fake.entries[i].error = VIQ_CALL_TIMEOUT;
			fake.entries[i].spare = 1;
			res = fake_invalidate(&fake, cmds, 200);
			assert_holds(&fake, &res, 200);
			/* What is before the safe prefix of the first call is not sent again. */
			if (kind == FAKE_GARBAGE || i >= 63) {
				assert_int_equal(res.error, VIQ_CALL_TIMEOUT);
				assert_in_range(i, res.handled, res.suspect);
			} else {
				assert_exact(&fake, &res, 200, 100);
			}
			fake_host_fini(&fake);
		}
	}
	free(cmds);
}

static void p8_negative_return_says_nothing(void **state)
{
	static const struct {
		int32_t os_error;
		uint32_t error;
	} cases[] = {
		{-EIO, VIQ_CALL_FAILED},       {-EINVAL, VIQ_CALL_FAILED},
		{-ETIMEDOUT, VIQ_CALL_FAILED}, {-ENOENT, VIQ_CALL_GONE},
		{-ENODEV, VIQ_CALL_GONE},      {-EFAULT, VIQ_CALL_ABORTED},
		{-EDEADLK, VIQ_CALL_FAILED},   {-EOPNOTSUPP, VIQ_CALL_UNSUPPORTED},
		{INT32_MIN, VIQ_CALL_FAILED},
	};
	uint64_t *cmds = fake_array(100);

	for (uint32_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct viq_call_result res;
		struct fake_host fake;

		fake_host_init(&fake, FAKE_ERRNO, 100);
		fake.os_error = cases[k].os_error;
		fake.entries[40].error = VIQ_CALL_ILLEGAL;
		res = fake_invalidate(&fake, cmds, 100);
		assert_holds(&fake, &res, 100);
		assert_int_equal(res.error, cases[k].error);
		assert_int_equal(res.os_error, cases[k].os_error);
		assert_int_equal(res.handled, 0);
		assert_int_equal(res.suspect, 99);
		assert_int_equal(res.host_calls, 1);
		fake_host_fini(&fake);
	}
	free(cmds);
}

/* A positive number is not in the contract: neither success nor an errno. */
static void p8_positive_return_says_nothing(void **state)
{
	uint64_t *cmds = fake_array(10);
	struct viq_call_result res;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_ERRNO, 10);
	fake.os_error = 5;
	fake.entries[9].error = VIQ_CALL_FAILED;
	res = fake_invalidate(&fake, cmds, 10);
	assert_int_equal(res.error, VIQ_CALL_FAILED);
	assert_int_equal(res.handled, 0);
	assert_int_equal(res.suspect, 9);
	assert_int_equal(res.os_error, 0);
	fake_host_fini(&fake);
	free(cmds);
}

/* -ENOMEM is no memory however it is said: entry 40 cannot be taken, also alone. */
static void p8_negative_enomem_is_halved(void **state)
{
	uint64_t *cmds = fake_array(100);
	struct viq_call_result res;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_ERRNO, 100);
	fake.os_error = -ENOMEM;
	fake.entries[40].error = VIQ_CALL_NO_MEMORY;
	res = fake_invalidate(&fake, cmds, 100);
	assert_holds(&fake, &res, 100);
	assert_int_equal(res.error, VIQ_CALL_NO_MEMORY);
	assert_int_equal(res.os_error, -ENOMEM);
	assert_int_equal(res.handled, 40);
	assert_int_equal(res.suspect, 40);
	fake_host_fini(&fake);
	free(cmds);
}

static void p8_success_with_short_count_is_a_failure(void **state)
{
	uint64_t *cmds = fake_array(100);

	for (uint32_t i = 0; i < 100; i++) {
		struct viq_call_result res;
		struct fake_host fake;

		fake_host_init(&fake, FAKE_SHORT, 100);
		fake.entries[i].error = VIQ_CALL_ILLEGAL;
		res = fake_invalidate(&fake, cmds, 100);
		assert_holds(&fake, &res, 100);
		assert_int_equal(res.error, VIQ_CALL_FAILED);
		assert_int_equal(res.handled, i);
		assert_int_equal(res.suspect, 99);
		fake_host_fini(&fake);
	}
	free(cmds);
}

static void p8_no_memory_shortens_the_array(void **state)
{
	uint64_t *cmds = fake_array(1000);

	for (enum fake_kind kind = FAKE_EXACT; kind <= FAKE_GARBAGE; kind++) {
		for (uint32_t memory = 40; memory <= 1000; memory += 40) {
			struct viq_call_result res;
			struct fake_host fake;

			fake_host_init(&fake, kind, 1000);
			fake.memory = memory;
			fake.os_error = -ENOMEM;
			res = fake_invalidate(&fake, cmds, 1000);
			assert_holds(&fake, &res, 1000);
			assert_int_equal(res.error, VIQ_CALL_NONE);
			assert_int_equal(res.os_error, 0);
			fake_host_fini(&fake);
		}
	}
	free(cmds);
}

/* Memory for one entry only: 64 calls do not suffice for 1000. What was done is reported, no more. */
static void p4_no_memory_is_bounded(void **state)
{
	uint64_t *cmds = fake_array(1000);
	struct viq_call_result res;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_EXACT, 1000);
	fake.memory = 1;
	fake.os_error = -ENOMEM;
	res = fake_invalidate(&fake, cmds, 1000);
	assert_holds(&fake, &res, 1000);
	assert_int_equal(res.host_calls, VIQ_CALL_MAX_HOST_CALLS);
	assert_int_equal(res.error, VIQ_CALL_NO_MEMORY);
	assert_int_equal(res.os_error, -ENOMEM);
	/* 1000, 500, ... 2: nine or ten calls to get down to one entry, one entry each from there. */
	assert_in_range(res.handled, 50, 55);
	assert_int_equal(res.suspect, 999);
	fake_host_fini(&fake);
	free(cmds);
}

/* A refusal that passes: all is done in the end, and nobody is blamed. An exact host's word is final, though. */
static void p8_passing_refusal_blames_nobody(void **state)
{
	uint64_t *cmds = fake_array(200);

	for (enum fake_kind kind = FAKE_WINDOW; kind <= FAKE_GARBAGE; kind++) {
		for (uint32_t i = 0; i < 200; i++) {
			struct viq_call_result res;
			struct fake_host fake;

			fake_host_init(&fake, kind, 200);
			fake.after = 20;
			fake.entries[i].error = VIQ_CALL_ILLEGAL;
			fake.entries[i].times = 1;
			res = fake_invalidate(&fake, cmds, 200);
			assert_holds(&fake, &res, 200);
			/* The array's end cuts this window to one entry, and the host is believed. */
			assert_int_equal(res.error, kind == FAKE_WINDOW && i == 199 ? VIQ_CALL_ILLEGAL : VIQ_CALL_NONE);
			fake_host_fini(&fake);
		}
	}
	free(cmds);
}

/* Entry 10 of [10, 11] is refused once. The search ends when both have succeeded: no one is left to be illegal. */
static void p8_passing_refusal_at_the_end_of_the_search(void **state)
{
	uint64_t *cmds = fake_array(200);
	struct viq_call_result res;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_WINDOW, 200);
	fake.after = 1;
	fake.entries[10].error = VIQ_CALL_ILLEGAL;
	fake.entries[10].times = 1;
	fake.charge = VIQ_CALL_MAX_HOST_CALLS / 2; /* the first one's are not all the search's */
	res = fake_invalidate(&fake, cmds, 200);
	assert_int_equal(fake.calls, 3);
	assert_int_equal(res.error, VIQ_CALL_FAILED);
	assert_int_equal(res.handled, 12);
	assert_int_equal(res.suspect, 199);
	fake_host_fini(&fake);
	free(cmds);
}

/*
 * After a refusal at 10 that passes, the one at 150 is searched for afresh, its hint counted from 63: 1 call, 2 for the
 * hint, 6 for the 52 entries left in the window, 1 for the rest, 2 for its hint.
 */
static void p8_search_goes_on_after_a_passing_refusal(void **state)
{
	uint64_t *cmds = fake_array(200);
	struct viq_call_result res;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_LINUX_7_3, 200);
	fake.entries[10].error = VIQ_CALL_ILLEGAL;
	fake.entries[10].times = 1;
	fake.entries[150].error = VIQ_CALL_ILLEGAL;
	res = fake_invalidate(&fake, cmds, 200);
	assert_exact(&fake, &res, 200, 150);
	assert_int_equal(res.host_calls, 12);
	fake_host_fini(&fake);
	free(cmds);
}

/* What an exact host did before its memory ran out is not done again. */
static void p8_no_memory_half_way_keeps_what_is_done(void **state)
{
	uint64_t *cmds = fake_array(200);
	struct viq_call_result res;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_EXACT, 200);
	fake.entries[100].error = VIQ_CALL_NO_MEMORY;
	fake.entries[100].times = 1;
	res = fake_invalidate(&fake, cmds, 200);
	assert_holds(&fake, &res, 200);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_int_equal(res.host_calls, 2);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(fake.entries[i].runs, 1);
	fake_host_fini(&fake);
	free(cmds);
}

/* Every entry is refused a few times before it is taken. */
static void p4_passing_refusals_are_bounded(void **state)
{
	uint32_t random = fake_seed();
	uint64_t *cmds = fake_array(2000);

	for (int round = 0; round < 200; round++) {
		struct viq_call_result res;
		struct fake_host fake;

		fake_host_init_random(&fake, &random, 2000);
		for (uint32_t i = 0; i < 2000; i++) {
			fake.entries[i].error = VIQ_CALL_ILLEGAL;
			fake.entries[i].times = (uint16_t)(1 + fake_random(&random) % 3);
		}
		res = fake_invalidate(&fake, cmds, 2000);
		assert_holds(&fake, &res, 2000);
		assert_in_range(res.host_calls, 1, VIQ_CALL_MAX_HOST_CALLS);
		/* Whoever is called illegal was refused by itself and never ran. */
		if (res.error == VIQ_CALL_ILLEGAL && res.handled == res.suspect)
			assert_int_equal(fake.entries[res.handled].runs, 0);
		fake_host_fini(&fake);
	}
	free(cmds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p4_no_memory_is_bounded),
		cmocka_unit_test(p4_passing_refusals_are_bounded),
		cmocka_unit_test(p8_another_error_during_the_search),
		cmocka_unit_test(p8_negative_enomem_is_halved),
		cmocka_unit_test(p8_negative_return_says_nothing),
		cmocka_unit_test(p8_no_memory_half_way_keeps_what_is_done),
		cmocka_unit_test(p8_no_memory_shortens_the_array),
		cmocka_unit_test(p8_other_errors_have_an_honest_window),
		cmocka_unit_test(p8_passing_refusal_at_the_end_of_the_search),
		cmocka_unit_test(p8_passing_refusal_blames_nobody),
		cmocka_unit_test(p8_positive_return_says_nothing),
		cmocka_unit_test(p8_search_goes_on_after_a_passing_refusal),
		cmocka_unit_test(p8_success_with_short_count_is_a_failure),
	};

	return cmocka_run_group_tests_name("call-failures", tests, NULL, NULL);
}
