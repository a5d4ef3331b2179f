/* SPDX-License-Identifier: MIT */
/* P2, P4, P8 on the call floor: what every kind of host says becomes an answer that holds, within a bounded cost. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <viq/call.h>

#include "fake_host.h"

/* One call with count entries of cmds in one piece. */
static struct viq_call_result invalidate(struct fake_host *fake, const uint64_t *cmds, uint32_t count)
{
	struct viq_call_host host = fake_host(fake);
	struct viq_call_piece piece = {cmds, count};
	struct viq_call_request req = {
		.size = sizeof(req),
		.object = host.object,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = 16,
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
	return res;
}

/* What must hold of every answer about entries with ids 0, 1, ...: nothing is reported that did not run. */
static void assert_holds(const struct fake_host *fake, const struct viq_call_result *res, uint32_t count)
{
	assert_true(res->handled <= count);
	for (uint32_t i = 0; i < res->handled; i++)
		assert_true(fake->entries[i].runs > 0);
	if (res->error) {
		assert_true(res->handled < count);
		assert_in_range(res->suspect, res->handled, count - 1);
	} else {
		assert_int_equal(res->handled, count);
		assert_int_equal(res->suspect, count);
	}
	assert_int_equal(res->host_calls, fake->calls);
}

static void assert_exact(const struct fake_host *fake, const struct viq_call_result *res, uint32_t count,
			 uint32_t culprit)
{
	assert_holds(fake, res, count);
	assert_int_equal(res->error, VIQ_CALL_ILLEGAL);
	assert_int_equal(res->handled, culprit);
	assert_int_equal(res->suspect, culprit);
	assert_int_equal(fake->entries[culprit].runs, 0);
}

/* Every length up to 200, every culprit: exact, at a cost of at most max_calls. */
static void sweep(struct fake_host *fake, uint32_t max_calls)
{
	uint64_t *cmds = fake_array(200);

	for (uint32_t count = 1; count <= 200; count++) {
		for (uint32_t culprit = 0; culprit < count; culprit++) {
			struct viq_call_result res;

			fake_host_reset(fake);
			fake->entries[culprit].error = VIQ_CALL_ILLEGAL;
			res = invalidate(fake, cmds, count);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p2_exact_host_costs_one_call),
		cmocka_unit_test(p8_linux_7_3_every_index_in_three_calls),
		cmocka_unit_test(p8_linux_next_every_index_in_nine_calls),
		cmocka_unit_test(p8_garbage_counts_every_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
