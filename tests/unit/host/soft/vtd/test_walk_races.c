/* SPDX-License-Identifier: MIT */
/*
 * The guest changes an entry between the walk's look at it and the setting of its flags: the walk looks again, and goes
 * by what it sees then. It does not do so for ever.
 *
 * The file that sets flags is compiled in here, with a guest between it and the memory.
 */

#include <viq/mem.h>

static int guest_then_cas(const struct viq_mem *mem, uint64_t gpa, uint64_t expected, uint64_t value);
#define viq_mem_cas_u64 guest_then_cas
#include "support/test.h"
#include "host/soft/vtd/walk.c"
#undef viq_mem_cas_u64

#include "walk.h"

/* Before each of the next changes to a flag, the guest writes this word there (with another ignored bit each time). */
static unsigned int changes, updates;
static uint64_t change;

static int guest_then_cas(const struct viq_mem *mem, uint64_t gpa, uint64_t expected, uint64_t value)
{
	updates++;
	if (changes) {
		changes--;
		assert_int_equal(viq_mem_write_u64(mem, gpa, change | (uint64_t)(changes % 8) << 52), 0);
	}
	return viq_mem_cas_u64(mem, gpa, expected, value);
}

/* A page of this stage without accessed flag, and the guest about to write word over its entry n times. */
static void race(struct vtd_walk_env *env, unsigned int pgtt, uint64_t word, unsigned int n)
{
	uint64_t slot;

	vtd_walk_build(env, false, pgtt, 4);
	slot = synth_vtd_pasids_slot(&env->pasids, PASID, false);
	if (pgtt == VIQ_VTD_PGTT_SS) {
		assert_int_equal(viq_mem_write_u64(env->mem, slot, synth_load(&env->host, slot) | VIQ_VTD_PE_SSADE), 0);
		slot = synth_vtd_pt_slot(&env->ss, DATA_GPA, 1, false);
		synth_store(&env->host, slot, synth_load(&env->host, slot) & ~VIQ_VTD_SS_A);
	} else {
		slot = synth_vtd_pt_slot(&env->fs, IOVA, 1, false);
		synth_store(&env->guest, slot, synth_load(&env->guest, slot) & ~VIQ_VTD_FS_A);
	}
	change = word;
	changes = n;
	updates = 0;
}

static void the_new_entry_counts(void **state)
{
	struct vtd_walk_env *env = *state;

	race(env, VIQ_VTD_PGTT_FS, 0x777000 | VIQ_VTD_FS_P | VIQ_VTD_FS_US, 3);
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->leaf.base_pa, 0x777000);
	assert_int_equal(env->leaf.fs_user, SOFT_R | SOFT_X);
	assert_int_equal(updates, 4);
	race(env, VIQ_VTD_PGTT_SS, 0x777000 | VIQ_VTD_SS_R, 3);
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->leaf.base_pa, 0x777000);
	assert_int_equal(env->leaf.ss, SOFT_R);
	assert_int_equal(updates, 4);
}

static void a_new_entry_can_fault(void **state)
{
	struct vtd_walk_env *env = *state;

	race(env, VIQ_VTD_PGTT_FS, 0, 1);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_FS_P);
	race(env, VIQ_VTD_PGTT_FS, 0x777000 | VIQ_VTD_FS_P, 1);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_FS_US);
	race(env, VIQ_VTD_PGTT_SS, 0, 1);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_SM_SS_P);
}

static void p4_changes_without_end(void **state)
{
	struct vtd_walk_env *env = *state;

	race(env, VIQ_VTD_PGTT_FS, 0x777000 | VIQ_VTD_FS_P | VIQ_VTD_FS_US, UINT32_MAX);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_FS_FLAG_FAILED);
	assert_in_range(updates, 2, 100);
	race(env, VIQ_VTD_PGTT_SS, 0x777000 | VIQ_VTD_SS_R, UINT32_MAX);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_SS_FLAG_FAILED);
	assert_in_range(updates, 2, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_entry_can_fault, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(p4_changes_without_end, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(the_new_entry_counts, vtd_walk_setup, vtd_walk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
