/* SPDX-License-Identifier: MIT */
/* The oracle of P1 bites: with a host, or a layer before it, that loses invalidations, it finds stale translations. */
#include <stdlib.h>

#include "support/test.h"
#include "p1.h"

#define RUNS 12

/* How many of RUNS worlds are found out. */
static unsigned int found(struct p1_options options)
{
	struct p1_result r;
	unsigned int n = 0;

	options.quiet = true;
	for (unsigned int i = 0; i < RUNS; i++) {
		options.seed = p1_seed() + i;
		options.steps = p1_steps(4000);
		assert_int_equal(p1_run(&options, &r), 0);
		n += r.stale;
	}
	print_message("seeds %llu to %llu: found in %u of %u\n", (unsigned long long)p1_seed(),
		      (unsigned long long)p1_seed() + RUNS - 1, n, RUNS);
	return n;
}

static void a_host_that_drops_an_entry_now_and_then_is_found_out(void **state)
{
	assert_true(found((struct p1_options){.hosts = 1, .drop = true}) > RUNS / 2);
}

static void so_is_one_of_two_hosts(void **state)
{
	assert_true(found((struct p1_options){.hosts = 2, .drop = true}) > RUNS / 2);
}

static void so_is_a_sync_that_completes_without_the_call(void **state)
{
	assert_true(found((struct p1_options){.hosts = 1, .liar = true}) > RUNS / 2);
}

static void the_same_worlds_without_it_are_clean(void **state)
{
	assert_int_equal(found((struct p1_options){.hosts = 1}), 0);
	assert_int_equal(found((struct p1_options){.hosts = 2}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_drops_an_entry_now_and_then_is_found_out),
		cmocka_unit_test(so_is_one_of_two_hosts),
		cmocka_unit_test(so_is_a_sync_that_completes_without_the_call),
		cmocka_unit_test(the_same_worlds_without_it_are_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
