/* SPDX-License-Identifier: MIT */
/* What host calls cost: which are due, which are extra, and numbers that no host can have made. */

#include "support/test.h"
#include "call/cost.h"

/* The cost of an array of 200 entries on a host that says it made so many calls. */
static struct call_cost cost(uint32_t call_entries, bool failed, uint32_t calls)
{
	const struct viq_call_host_ops ops = {.size = sizeof(ops), .report_group = 1, .call_entries = call_entries};
	const struct viq_call_host host = {.ops = &ops};
	const struct viq_call_result answer = {.size = sizeof(answer), .host_calls = calls};

	return call_cost_of(&host, 200, failed, 0, &answer);
}

static void what_entries_need_is_due(void **state)
{
	static const struct {
		uint32_t call_entries, due; /* without a failure */
	} rows[] = {
		{0, 2},       /* one call, or two */
		{200, 4},     /* a whole part, and perhaps a last one */
		{201, 2},     /* one part, which is the last */
		{63, 2 + 6},  /* three whole ones, and the last */
		{1, 2 + 400}, /* a call an entry */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t more = 0; more < 3; more++) {
			struct call_cost c = cost(rows[i].call_entries, false, rows[i].due + more);

			assert_int_equal(c.calls, rows[i].due + more);
			assert_int_equal(c.extra, more);
			assert_int_equal(c.due, 0);
			/* The part that failed is not made twice. */
			c = cost(rows[i].call_entries, true, rows[i].due + more);
			assert_int_equal(c.extra, more + 1);
		}
		assert_int_equal(cost(rows[i].call_entries, false, 1).extra, 0);
		assert_int_equal(cost(rows[i].call_entries, true, 1).extra, 0);
	}
}

/* A call of the search is extra, and what the host makes of it by itself as soon as nothing is due any more. */
static void searches_are_extra(void **state)
{
	struct call_cost c = cost(63, true, 4);

	assert_int_equal(c.due, 3);
	call_cost_add(&c, 1, true);
	assert_int_equal(c.extra, 1);
	assert_int_equal(c.due, 3);
	call_cost_add(&c, 3, true);
	assert_int_equal(c.extra, 2);
	assert_int_equal(c.due, 1);
	call_cost_add(&c, 3, true);
	assert_int_equal(c.extra, 4);
	assert_int_equal(c.calls, 4 + 1 + 3 + 3);
}

static void a_host_that_counts_nothing_made_one_call(void **state)
{
	const struct viq_call_result none = {.host_calls = 0}, some = {.host_calls = 7};

	assert_int_equal(call_cost_claimed(0, &none), 1);
	assert_int_equal(call_cost_claimed(0, &some), 7);
	assert_int_equal(call_cost_claimed(-5, &some), 1);
}

static void sums_saturate(void **state)
{
	struct call_cost c = cost(63, false, UINT32_MAX);

	assert_int_equal(c.calls, UINT32_MAX);
	assert_int_equal(c.extra, UINT32_MAX - 8);
	for (int i = 0; i < 2; i++) {
		call_cost_add(&c, UINT32_MAX, true);
		assert_int_equal(c.calls, UINT32_MAX);
		assert_int_equal(c.extra, UINT32_MAX);
	}
	assert_int_equal(call_cost_sum(UINT32_MAX - 1, 1), UINT32_MAX);
	assert_int_equal(call_cost_sum(UINT32_MAX - 2, 1), UINT32_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_counts_nothing_made_one_call),
		cmocka_unit_test(searches_are_extra),
		cmocka_unit_test(sums_saturate),
		cmocka_unit_test(what_entries_need_is_due),
	};

	return cmocka_run_group_tests_name("call-cost", tests, NULL, NULL);
}
