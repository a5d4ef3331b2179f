/* SPDX-License-Identifier: MIT */
/* The synthetic guest's VT-d tables: what its errors are, and that it loses no memory. What the tables mean, the tests
 * of the walks say. */
#include <errno.h>

#include "support/test.h"
#include "synth/synth_vtd.h"

#define BASE UINT64_C(0x10000000)
#define SIZE (UINT64_C(1) << 20)

static _Alignas(8) char arena[SIZE];

static struct synth_mem fresh(uint64_t size)
{
	struct synth_mem mem;

	for (uint64_t i = 0; i < SIZE; i++)
		arena[i] = 0;
	synth_mem_init(&mem, arena, BASE, size);
	return mem;
}

static void page_tables_give_back_what_they_took(void **state)
{
	for (unsigned int stage = 1; stage <= 2; stage++) {
		struct synth_mem mem = fresh(SIZE);
		struct synth_vtd_pt pt;
		uint64_t used = 0;

		for (unsigned int round = 0; round < 50; round++) {
			assert_int_equal(synth_vtd_pt_init(&pt, &mem, stage, 5), 0);
			for (uint64_t i = 0; i < 8; i++)
				assert_int_equal(synth_vtd_pt_map(&pt, i * 0x8000201000, 0x5000, 1, 0), 0);
			/* Replaced by a large page, then gone. */
			assert_int_equal(synth_vtd_pt_map(&pt, 0, UINT64_C(1) << 30, 3, 0), 0);
			assert_int_equal(synth_vtd_pt_unmap(&pt, UINT64_C(0x8000000000), 4), 0);
			synth_vtd_pt_fini(&pt);
			if (!round)
				used = mem.next;
			assert_int_equal(mem.next, used);
		}
	}
}

static void structures_give_back_what_they_took(void **state)
{
	uint64_t entry[VIQ_VTD_PE_WORDS] = {1}, ctx[VIQ_VTD_SCTX_WORDS] = {1}, used = 0;
	struct synth_mem mem = fresh(SIZE);
	struct synth_vtd_pasids pasids;
	struct synth_vtd_root root;

	for (unsigned int round = 0; round < 50; round++) {
		assert_int_equal(synth_vtd_root_init(&root, &mem, round % 2), 0);
		assert_int_equal(synth_vtd_root_set(&root, 0x0100, ctx), 0);
		assert_int_equal(synth_vtd_root_set(&root, 0x0280, ctx), 0);
		assert_int_equal(synth_vtd_pasids_init(&pasids, &mem, 7), 0);
		assert_int_equal(synth_vtd_pasids_set(&pasids, 0, entry), 0);
		assert_int_equal(synth_vtd_pasids_set(&pasids, 0xfffff, entry), 0);
		synth_vtd_pasids_fini(&pasids);
		synth_vtd_root_fini(&root);
		if (!round)
			used = mem.next;
		assert_int_equal(mem.next, used);
	}
}

static void errors(void **state)
{
	struct synth_mem mem = fresh(5 * 4096);
	uint64_t entry[VIQ_VTD_PE_WORDS] = {1};
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt;

	assert_int_equal(synth_vtd_pt_init(&pt, &mem, 1, 3), -EINVAL);
	assert_int_equal(synth_vtd_pt_init(&pt, &mem, 2, 6), -EINVAL);
	assert_int_equal(synth_vtd_pt_init(&pt, &mem, 3, 4), -EINVAL);
	assert_int_equal(synth_vtd_pt_init(&pt, &mem, 2, 4), 0);
	assert_int_equal(synth_vtd_pt_map(&pt, 0, 0, 4, 0), -EINVAL);
	assert_int_equal(synth_vtd_pt_map(&pt, 0, 0, 0, 0), -EINVAL);
	assert_int_equal(synth_vtd_pt_map(&pt, 0x1000, 0, 2, 0), -EINVAL);
	assert_int_equal(synth_vtd_pt_map(&pt, 0, 0x1000, 2, 0), -EINVAL);
	assert_int_equal(synth_vtd_pt_unmap(&pt, 0, 5), -EINVAL);
	assert_int_equal(synth_vtd_pt_unmap(&pt, 0, 1), -ENOENT);
	assert_int_equal(synth_vtd_pt_map(&pt, 0, 0x200000, 2, 0), 0);
	assert_int_equal(synth_vtd_pt_map(&pt, 0x1000, 0x1000, 1, 0), -EEXIST);
	assert_int_equal(synth_vtd_pt_unmap(&pt, 0x1000, 1), -ENOENT);
	assert_int_equal(synth_vtd_pt_map(&pt, UINT64_C(1) << 39, 0x1000, 1, 0), -ENOMEM);
	mem = fresh(SIZE);
	assert_int_equal(synth_vtd_pasids_init(&pasids, &mem, 8), -EINVAL);
	assert_int_equal(synth_vtd_pasids_init(&pasids, &mem, 0), 0);
	assert_int_equal(synth_vtd_pasids_set(&pasids, 0x2000, entry), -EINVAL);
	assert_int_equal(synth_vtd_pasids_slot(&pasids, 0x2000, true), SYNTH_NONE);
	assert_int_equal(synth_vtd_pasids_slot(&pasids, 0x1fff, false), SYNTH_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors),
		cmocka_unit_test(page_tables_give_back_what_they_took),
		cmocka_unit_test(structures_give_back_what_they_took),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
