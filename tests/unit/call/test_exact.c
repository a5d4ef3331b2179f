/* SPDX-License-Identifier: MIT */
/* P2, P4, P8 on the call layer: a refusal by any kind of host becomes one exact index, at a bounded cost. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <viq/call.h>

#include "support/test.h"
#include "fixture.h"

/* Every length up to 200, every culprit: exact, at a cost of at most max_calls. */
static void sweep(struct fake_host *fake, uint32_t max_calls)
{
	uint64_t *cmds = fake_array(200);

	for (uint32_t count = 1; count <= 200; count++) {
		for (uint32_t culprit = 0; culprit < count; culprit++) {
			struct viq_call_result res;

			fake_host_reset(fake);
			fake->entries[culprit].error = VIQ_CALL_ILLEGAL;
			res = fake_invalidate(fake, cmds, count);
			assert_exact(fake, &res, count, culprit);
			assert_in_range(res.host_calls, 1, max_calls);
		}
	}
	free(cmds);
}

static void p2_exact_host_costs_one_call(void **state)
{
	struct fake_host fake;

	fake_host_init(&fake, FAKE_EXACT, 200);
	sweep(&fake, 1);
	fake_host_fini(&fake);
}

static void p8_linux_7_3_every_index_in_three_calls(void **state)
{
	struct fake_host fake;

	fake_host_init(&fake, FAKE_LINUX_7_3, 200);
	sweep(&fake, 3);
	fake_host_fini(&fake);
}

static void p8_linux_next_every_index_in_nine_calls(void **state)
{
	struct fake_host fake;

	fake_host_init(&fake, FAKE_LINUX_NEXT, 200);
	sweep(&fake, 9);
	fake_host_fini(&fake);
}

/* The hint, at worst misleading, then halving 200: 1 + 2 + 8 + 1. */
static void p8_garbage_counts_every_index(void **state)
{
	struct fake_host fake;

	fake_host_init(&fake, FAKE_GARBAGE, 200);
	fake.random = fake_seed();
	sweep(&fake, 12);
	fake_host_fini(&fake);
}

/* A window of 15 takes 4 halvings and the culprit's own call. */
static void p2_exact_host_with_window_every_index(void **state)
{
	struct fake_host fake;

	fake_host_init(&fake, FAKE_WINDOW, 200);
	fake.before = 5;
	fake.after = 9;
	sweep(&fake, 6);
	fake_host_fini(&fake);
}

static void p2_first_of_several_culprits_property(void **state)
{
	uint32_t random = fake_seed();
	uint64_t *cmds = fake_array(2000);

	for (int round = 0; round < 2000; round++) {
		uint32_t count = 1 + fake_random(&random) % 2000, culprit = count;
		struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
		struct viq_call_result res;
		struct fake_host fake;

		fake_host_init_random(&fake, &random, count);
		for (uint32_t k = 1 + fake_random(&random) % 5; k; k--) {
			uint32_t i = fake_random(&random) % count;

			fake.entries[i].error = VIQ_CALL_ILLEGAL;
			culprit = i < culprit ? i : culprit;
		}
		/* Memory for at least an eighth: three more calls to find out, eight where one would do. */
		if (fake_random(&random) % 4 == 0)
			fake.memory = count / 8 + 1;
		res = fake_invalidate_pieces(&fake, pieces, fake_cut(cmds, count, &random, pieces));
		assert_exact(&fake, &res, count, culprit);
		assert_in_range(res.host_calls, 1, VIQ_CALL_MAX_HOST_CALLS);
		fake_host_fini(&fake);
	}
	free(cmds);
}

/* The same array on the same host state: the same answer, the cost included, however it is cut. */
static void p2_same_answer_however_cut(void **state)
{
	uint32_t random = fake_seed();
	uint64_t *cmds = fake_array(500);

	for (int round = 0; round < 200; round++) {
		uint32_t count = 1 + fake_random(&random) % 500, state_before = fake_random(&random);
		uint32_t culprit = fake_random(&random) % count, error = 1 + fake_random(&random) % 7;
		struct viq_call_result whole, parts;
		struct fake_host fake;

		fake_host_init_random(&fake, &random, count);
		for (int k = 0; k < 10; k++) {
			struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];

			fake_host_reset(&fake);
			fake.random = state_before;
			fake.entries[culprit].error = (uint8_t)error;
			if (!k) {
				whole = fake_invalidate(&fake, cmds, count);
				assert_int_equal(whole.error, error);
				continue;
			}
			parts = fake_invalidate_pieces(&fake, pieces, fake_cut(cmds, count, &random, pieces));
			assert_memory_equal(&whole, &parts, sizeof(whole));
		}
		fake_host_fini(&fake);
	}
	free(cmds);
}

/*
 * What the host calls a call's cost is believed and ends the search: here the first call already spends it all. Two
 * calls for every 63 entries are not the search's.
 */
static void p4_host_calls_are_summed_and_end_the_search(void **state)
{
	uint64_t *cmds = fake_array(200);
	struct viq_call_result res;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_LINUX_NEXT, 200);
	fake.entries[100].error = VIQ_CALL_ILLEGAL;
	fake.charge = VIQ_CALL_MAX_HOST_CALLS + 2 * (200 / 63);
	res = fake_invalidate(&fake, cmds, 200);
	assert_int_equal(fake.calls, 1);
	assert_int_equal(res.host_calls, fake.charge);
	assert_int_equal(res.extra_calls, VIQ_CALL_MAX_HOST_CALLS - 1);
	assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
	assert_int_equal(res.handled, 63);
	assert_int_equal(res.suspect, 125);
	/* One less, and it goes on. */
	fake.charge--;
	res = fake_invalidate(&fake, cmds, 200);
	assert_int_equal(fake.calls, 2);
	assert_int_equal(res.host_calls, 2 * fake.charge);
	assert_int_equal(res.extra_calls, 2 * fake.charge - 2 * (200 / 63) - 1);
	/* A host that counts nothing is counted. */
	fake.charge = 0;
	res = fake_invalidate(&fake, cmds, 200);
	assert_exact(&fake, &res, 200, 100);
	assert_int_equal(res.extra_calls, fake.calls - 1);
	/* No wrap at 2^32. */
	fake.charge = UINT32_MAX;
	res = fake_invalidate(&fake, cmds, 200);
	assert_int_equal(res.host_calls, UINT32_MAX);
	fake_host_fini(&fake);
	free(cmds);
}

/* What a host needs for the array itself is granted once, not for every call of the search. */
static void p4_the_search_has_its_own_bound(void **state)
{
	uint64_t *cmds = fake_array(2000);
	struct viq_call_result res;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_LINUX_NEXT, 2000);
	fake.entries[100].error = VIQ_CALL_ILLEGAL;
	fake.charge = 2 * (2000 / 63);
	res = fake_invalidate(&fake, cmds, 2000);
	assert_int_equal(fake.calls, 3);
	assert_in_range(res.host_calls, fake.charge, VIQ_CALL_MAX_HOST_CALLS + 2 * fake.charge);
	fake_host_fini(&fake);
	free(cmds);
}

/* A hint in the window is looked at first: the entries before it, and it alone. One elsewhere changes nothing. */
static void p2_a_hint_is_followed_and_not_passed_on(void **state)
{
	static const uint32_t hints[] = {0, 49, 50, 51, 75, 76, 199, 200, UINT32_MAX};
	uint64_t *cmds = fake_array(200);

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		struct viq_call_result res;
		struct fake_host fake;

		fake_host_init(&fake, FAKE_WINDOW, 200);
		fake.before = 1;
		fake.after = 25;
		fake.entries[51].error = VIQ_CALL_ILLEGAL;
		fake.hint = hints[i];
		res = fake_invalidate(&fake, cmds, 200);
		assert_exact(&fake, &res, 200, 51);
		assert_int_equal(res.hint, 0);
		/* The window is [50, 76], the right hint 51. Halving: to 64, 57, 54, 52, 51, and it alone. */
		if (hints[i] == 51)
			assert_int_equal(res.host_calls, 1 + 2);
		else if (hints[i] == 75 || hints[i] == 76)
			assert_in_range(res.host_calls, 1 + 3, 1 + 8);
		else
			assert_int_equal(res.host_calls, 1 + 6);
		fake_host_fini(&fake);
	}
	free(cmds);
}

/* The largest request, nothing known of the count: 19 halvings are enough for exactness. */
static void p4_largest_request_is_narrowed(void **state)
{
	uint64_t *cmds = fake_array(VIQ_CALL_MAX_ENTRIES);
	struct viq_call_result res;
	struct fake_host fake;

	fake_host_init(&fake, FAKE_GARBAGE, VIQ_CALL_MAX_ENTRIES);
	fake.random = fake_seed();
	fake.entries[300000].error = VIQ_CALL_ILLEGAL;
	res = fake_invalidate(&fake, cmds, VIQ_CALL_MAX_ENTRIES);
	assert_exact(&fake, &res, VIQ_CALL_MAX_ENTRIES, 300000);
	assert_in_range(res.host_calls, 20, 1 + 2 + 19 + 1);
	fake_host_fini(&fake);
	free(cmds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p2_exact_host_costs_one_call),
		cmocka_unit_test(p2_exact_host_with_window_every_index),
		cmocka_unit_test(p2_first_of_several_culprits_property),
		cmocka_unit_test(p2_same_answer_however_cut),
		cmocka_unit_test(p4_host_calls_are_summed_and_end_the_search),
		cmocka_unit_test(p4_the_search_has_its_own_bound),
		cmocka_unit_test(p2_a_hint_is_followed_and_not_passed_on),
		cmocka_unit_test(p4_largest_request_is_narrowed),
		cmocka_unit_test(p8_garbage_counts_every_index),
		cmocka_unit_test(p8_linux_7_3_every_index_in_three_calls),
		cmocka_unit_test(p8_linux_next_every_index_in_nine_calls),
	};

	return cmocka_run_group_tests_name("call-exact", tests, NULL, NULL);
}
