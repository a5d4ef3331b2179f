/* SPDX-License-Identifier: MIT */
/* P1, no stale completion: whatever a random guest does and whichever way its hosts fail. */
#include <stdlib.h>

#include "support/test.h"
#include "p1.h"

/* VIQ_SEED runs that world alone, VIQ_STEPS sets its length, VIQ_RUNS the number of worlds. */
static void run_many(unsigned int runs, uint32_t steps, uint32_t hosts, bool failures)
{
	const char *text = getenv("VIQ_RUNS");
	struct p1_result sum = {0};
	uint64_t first = p1_seed();

	if (getenv("VIQ_SEED"))
		runs = 1;
	else if (text)
		runs = (unsigned int)strtoul(text, NULL, 0);
	for (unsigned int i = 0; i < runs; i++) {
		const struct p1_options options = {
			.seed = first + i, .steps = p1_steps(steps), .hosts = hosts, .failures = failures};
		struct p1_result r;

		assert_int_equal(p1_run(&options, &r), 0);
		assert_false(r.stale);
		sum.checks += r.checks;
		sum.tight += r.tight;
		sum.hits += r.hits;
		sum.syncs += r.syncs;
		sum.commands += r.commands;
		sum.injected += r.injected;
		sum.migrations += r.migrations;
		sum.edits += r.edits;
		sum.plugs += r.plugs;
		sum.guests += r.guests;
		for (unsigned int e = 0; e < 4; e++)
			sum.errors[e] += r.errors[e];
		sum.waits += r.waits;
		sum.blocked += r.blocked;
	}
	print_message("seeds %llu to %llu: %llu edits, %llu commands, %llu CMD_SYNCs, %llu accesses (%llu translated, "
		      "%llu with one answer allowed), %llu failures armed, ILL %llu, waits %llu, ATC_INV_SYNC %llu, "
		      "%llu migrations, %llu to another guest's objects, %llu devices plugged again\n",
		      (unsigned long long)first, (unsigned long long)(first + runs - 1), (unsigned long long)sum.edits,
		      (unsigned long long)sum.commands, (unsigned long long)sum.syncs, (unsigned long long)sum.checks,
		      (unsigned long long)sum.hits, (unsigned long long)sum.tight, (unsigned long long)sum.injected,
		      (unsigned long long)sum.errors[1], (unsigned long long)sum.waits,
		      (unsigned long long)sum.errors[3], (unsigned long long)sum.migrations,
		      (unsigned long long)sum.guests, (unsigned long long)sum.plugs);
	if (runs < 8)
		return;
	/* It met what it is there for, and judged sharply. */
	assert_true(sum.tight > sum.checks / 2);
	assert_true(sum.hits > sum.checks / 12);
	assert_true(sum.plugs > 10 * runs);
	if (failures) {
		assert_true(sum.errors[VIQ_SMMUV3_CERROR_ILL] && sum.errors[VIQ_SMMUV3_CERROR_ATC_INV_SYNC]);
		assert_true(sum.waits && sum.blocked && sum.migrations && sum.guests > runs);
	}
}

static void no_stale_translation_after_a_sync(void **state)
{
	run_many(8, 3000, 1, false);
}

static void nor_when_hosts_fail_and_queues_migrate(void **state)
{
	run_many(16, 3000, 1, true);
}

/* An emulated and an assigned device behind one queue: P1 holds over both, and either may fail. */
static void nor_behind_a_fan_out_to_two_hosts(void **state)
{
	run_many(16, 3000, 2, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_stale_translation_after_a_sync),
		cmocka_unit_test(nor_when_hosts_fail_and_queues_migrate),
		cmocka_unit_test(nor_behind_a_fan_out_to_two_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
