/* SPDX-License-Identifier: MIT */
/*
 * Accessed, extended-accessed and dirty flags (3.6.2, 3.7.2): which are set by which request, atomically, and what
 * they ask of the second stage. Also what large pages and rights of a leaf come to.
 */
#include <errno.h>
#include <pthread.h>

#include "walk.h"

#define FS_ALL (VIQ_VTD_FS_A | VIQ_VTD_FS_D | VIQ_VTD_FS_EA)
#define SS_ALL (VIQ_VTD_SS_A | VIQ_VTD_SS_D)

static uint64_t in_memory(const struct vtd_walk_env *env, uint64_t addr)
{
	return env->pgtt == VIQ_VTD_PGTT_NESTED ? vtd_walk_gpa_to_pa(addr) : addr;
}

static uint64_t fs_slot(struct vtd_walk_env *env, unsigned int level)
{
	return in_memory(env, synth_vtd_pt_slot(&env->fs, IOVA, level, false));
}

static uint64_t ss_slot(struct vtd_walk_env *env, uint64_t gpa, unsigned int level)
{
	return synth_vtd_pt_slot(&env->ss, gpa, level, false);
}

static uint64_t load(const struct vtd_walk_env *env, uint64_t addr)
{
	uint64_t word;

	assert_int_equal(viq_mem_read_words(env->mem, addr, &word, 1), 0);
	return word;
}

static void change(struct vtd_walk_env *env, uint64_t addr, uint64_t clear, uint64_t set)
{
	assert_int_equal(viq_mem_write_u64(env->mem, addr, (load(env, addr) & ~clear) | set), 0);
}

static void change_entry(struct vtd_walk_env *env, unsigned int word, uint64_t set)
{
	change(env, synth_vtd_pasids_slot(&env->pasids, PASID, false) + word * 8, 0, set);
}

/* Clear every flag on the way of IOVA, of its tables' pages and of its data. */
static void clear_flags(struct vtd_walk_env *env)
{
	for (unsigned int level = 1; level <= 4; level++) {
		change(env, fs_slot(env, level), FS_ALL, 0);
		change(env, ss_slot(env, DATA_GPA, level), SS_ALL, 0);
		if (env->pgtt == VIQ_VTD_PGTT_NESTED)
			change(env, ss_slot(env, synth_vtd_pt_slot(&env->fs, IOVA, level, false), 1), SS_ALL, 0);
	}
}

static void assert_fs_flags(struct vtd_walk_env *env, uint64_t tables, uint64_t leaf)
{
	for (unsigned int level = 1; level <= 4; level++)
		assert_int_equal(load(env, fs_slot(env, level)) & FS_ALL, level > 1 ? tables : leaf);
}

static void assert_ss_flags(struct vtd_walk_env *env, uint64_t tables, uint64_t leaf)
{
	for (unsigned int level = 1; level <= 4; level++)
		assert_int_equal(load(env, ss_slot(env, DATA_GPA, level)) & SS_ALL, level > 1 ? tables : leaf);
}

static void first_stage(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	clear_flags(env);
	assert_int_equal(vtd_walk_try(env), 0);
	assert_fs_flags(env, VIQ_VTD_FS_A, VIQ_VTD_FS_A);
	assert_false(env->leaf.dirty);
	env->req.access = SOFT_W;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_fs_flags(env, VIQ_VTD_FS_A, VIQ_VTD_FS_A | VIQ_VTD_FS_D);
	assert_true(env->leaf.dirty);
	change_entry(env, 2, VIQ_VTD_PE_2_EAFE);
	env->req.access = SOFT_R;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_fs_flags(env, VIQ_VTD_FS_A | VIQ_VTD_FS_EA, FS_ALL);
	assert_true(env->leaf.dirty);
}

static void first_stage_denied(void **state)
{
	struct vtd_walk_env *env = *state;

	/* A write that is denied makes nothing dirty, nor the page accessed. */
	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	clear_flags(env);
	change(env, fs_slot(env, 1), VIQ_VTD_FS_RW, 0);
	env->req.access = SOFT_W;
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_fs_flags(env, VIQ_VTD_FS_A, 0);
}

static void second_stage(void **state)
{
	struct vtd_walk_env *env = *state;

	/* Without SSADE there are no flags: the bits are ignored. */
	vtd_walk_build(env, false, VIQ_VTD_PGTT_SS, 4);
	clear_flags(env);
	env->req.access = SOFT_W;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_ss_flags(env, 0, 0);
	assert_true(env->leaf.dirty);
	change_entry(env, 0, VIQ_VTD_PE_SSADE);
	env->req.access = SOFT_R;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_ss_flags(env, VIQ_VTD_SS_A, VIQ_VTD_SS_A);
	assert_false(env->leaf.dirty);
	env->req.access = SOFT_W;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_ss_flags(env, VIQ_VTD_SS_A, SS_ALL);
	assert_true(env->leaf.dirty);
}

/* The second stage's flags of a page with first-stage tables: a flag that is set there is a write to it. */
static void nested(void **state)
{
	struct vtd_walk_env *env = *state;
	uint64_t table_page;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_NESTED, 4);
	change_entry(env, 0, VIQ_VTD_PE_SSADE);
	clear_flags(env);
	table_page = ss_slot(env, synth_vtd_pt_slot(&env->fs, IOVA, 1, false), 1);
	change(env, fs_slot(env, 1), 0, VIQ_VTD_FS_A);
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(load(env, table_page) & SS_ALL, VIQ_VTD_SS_A);
	assert_false(env->leaf.dirty);
	assert_fs_flags(env, VIQ_VTD_FS_A, VIQ_VTD_FS_A);
	env->req.access = SOFT_W;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(load(env, table_page) & SS_ALL, SS_ALL);
	assert_fs_flags(env, VIQ_VTD_FS_A, VIQ_VTD_FS_A | VIQ_VTD_FS_D);
	assert_int_equal(load(env, ss_slot(env, DATA_GPA, 1)) & SS_ALL, SS_ALL);
	assert_true(env->leaf.dirty);
	/* Dirty is what both stages say. */
	change(env, ss_slot(env, DATA_GPA, 1), VIQ_VTD_SS_D, 0);
	env->req.access = SOFT_R;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_false(env->leaf.dirty);
}

/* 3.6.2, 3.7.2: neither stage's flag of a page that is not written after all, whatever refuses it. */
static void refused_writes_make_nothing_dirty(void **state)
{
	struct vtd_walk_env *env = *state;
	uint64_t page;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_NESTED, 4);
	change_entry(env, 0, VIQ_VTD_PE_SSADE);
	clear_flags(env);
	page = ss_slot(env, DATA_GPA, 1);
	env->req.access = SOFT_W;
	change(env, page, VIQ_VTD_SS_W, 0);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_SM_WRITE);
	assert_fs_flags(env, VIQ_VTD_FS_A, VIQ_VTD_FS_A);
	change(env, page, VIQ_BITS(51, 12), VIQ_VTD_SS_W | 0xfee00000);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_SM_INTERRUPT_ADDR);
	assert_fs_flags(env, VIQ_VTD_FS_A, VIQ_VTD_FS_A);
	assert_int_equal(load(env, page) & SS_ALL, VIQ_VTD_SS_A);
	/* The pages with first-stage tables were written: their entries are accessed. */
	assert_int_equal(load(env, ss_slot(env, synth_vtd_pt_slot(&env->fs, IOVA, 1, false), 1)) & SS_ALL, SS_ALL);
	/* Nor if the other stage's flag cannot be set. */
	vtd_walk_build(env, false, VIQ_VTD_PGTT_NESTED, 4);
	change_entry(env, 0, VIQ_VTD_PE_SSADE);
	clear_flags(env);
	change(env, synth_vtd_pasids_slot(&env->pasids, PASID, false) + 8, VIQ_VTD_PE_1_PWSNP, 0);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_fs_flags(env, 0, 0);
}

/* 9.4: without PASID there is no execute request, nor without ERE anything to refuse. */
static void execution_needs_a_pasid(void **state)
{
	struct vtd_walk_env *env = *state;
	unsigned int access;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	env->req.access = SOFT_R | SOFT_X;
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_PE_ERE);
	env->req.has_pasid = false;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(soft_vtd_admit(NULL, &env->regime, &env->req, &access, &env->fault), 0);
	assert_int_equal(access, SOFT_R);
}

/* LGN.1.3: in legacy mode, too, the machine alone limits what passes through. */
static void pass_through_is_as_wide_as_the_machine(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_caps_init(&env->f, VTD_CAP & ~VIQ_PUT(VIQ_VTD_CAP_MGAW, 15), VTD_ECAP, VTD_HAW); /* MGAW 33 */
	vtd_walk_build(env, true, VIQ_VTD_PGTT_PT, 4);
	env->req.addr = VIQ_BIT(VTD_HAW) - 1;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->leaf.pa, VIQ_BIT(VTD_HAW) - 1);
}

/* SSS.2: entries of which each allows something, and together nothing, are as one that is not there. */
static void rights_that_cancel_out(void **state)
{
	struct vtd_walk_env *env = *state;

	for (unsigned int nested = 0; nested < 2; nested++) {
		vtd_walk_build(env, false, nested ? VIQ_VTD_PGTT_NESTED : VIQ_VTD_PGTT_SS, 4);
		change(env, ss_slot(env, DATA_GPA, 2), VIQ_VTD_SS_R, 0);
		change(env, ss_slot(env, DATA_GPA, 1), VIQ_VTD_SS_W, 0);
		for (env->req.access = 0; env->req.access <= (SOFT_R | SOFT_W); env->req.access++) {
			assert_int_equal(vtd_walk_try(env), -EFAULT);
			assert_int_equal(env->fault.reason, VIQ_VTD_FR_SM_SS_P);
			assert_int_equal(env->fault.level, 1);
		}
	}
}

/* Tables that need no flag may be read-only to the guest. */
static void nested_read_only_tables(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_NESTED, 4);
	for (unsigned int level = 1; level <= 4; level++)
		change(env, ss_slot(env, synth_vtd_pt_slot(&env->fs, IOVA, level, false), 1), VIQ_VTD_SS_W, 0);
	env->req.access = SOFT_W;
	assert_int_equal(vtd_walk_try(env), 0);
	change(env, fs_slot(env, 3), VIQ_VTD_FS_A, 0);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_FS_TABLE_WRITE);
	assert_int_equal(load(env, fs_slot(env, 3)) & VIQ_VTD_FS_A, 0);
}

static void without_rights_asked_nothing_gets_dirty(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_NESTED, 4);
	change_entry(env, 0, VIQ_VTD_PE_SSADE);
	clear_flags(env);
	change(env, fs_slot(env, 2), VIQ_VTD_FS_US, 0); /* supervisors only */
	change(env, ss_slot(env, DATA_GPA, 1), VIQ_VTD_SS_R, 0);
	env->req.access = 0;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->leaf.fs_user, 0);
	assert_int_equal(env->leaf.fs_priv, SOFT_R | SOFT_W | SOFT_X);
	assert_int_equal(env->leaf.ss, SOFT_W);
	assert_fs_flags(env, VIQ_VTD_FS_A, VIQ_VTD_FS_A);
	assert_ss_flags(env, VIQ_VTD_SS_A, VIQ_VTD_SS_A);
	/* A cached copy denies what the walk would have. */
	assert_int_equal(soft_vtd_check_leaf(&env->regime, &env->leaf, SOFT_R, &env->fault), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_FS_US);
	assert_int_equal(soft_vtd_check_leaf(&env->regime, &env->leaf, SOFT_R | SOFT_P, &env->fault), -EFAULT);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_SM_READ);
	assert_true(env->fault.second_stage);
	assert_int_equal(env->fault.gpa, DATA_GPA);
	assert_int_equal(soft_vtd_check_leaf(&env->regime, &env->leaf, SOFT_W | SOFT_P, &env->fault), 0);
}

/* Supervisors write read-only pages and read user pages. NXE, SMEP and XD are ignored (9.6, 9.7). */
static void rights_of_supervisors(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	change_entry(env, 2, VIQ_VTD_PE_2_SRE | VIQ_VTD_PE_2_ERE);
	change(env, fs_slot(env, 3), VIQ_VTD_FS_RW, VIQ_VTD_FS_XD);
	env->req.access = SOFT_W | SOFT_P;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->leaf.fs_user, SOFT_R | SOFT_X);
	assert_int_equal(env->leaf.fs_priv, SOFT_R | SOFT_W | SOFT_X);
	change_entry(env, 2, VIQ_VTD_PE_2_NXE | VIQ_VTD_PE_2_SMEP | VIQ_VTD_PE_2_WPE);
	env->req.access = SOFT_R;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->leaf.fs_user, SOFT_R | SOFT_X);
	assert_int_equal(env->leaf.fs_priv, SOFT_R | SOFT_X);
	change(env, fs_slot(env, 3), VIQ_VTD_FS_US, VIQ_VTD_FS_RW);
	env->req.access = SOFT_R | SOFT_P | SOFT_X;
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->leaf.fs_user, 0);
	assert_int_equal(env->leaf.fs_priv, SOFT_R | SOFT_W | SOFT_X);
}

static void requests_without_pasid(void **state)
{
	struct vtd_walk_env *env = *state;
	uint64_t slot;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	env->req.has_pasid = false;
	slot = synth_vtd_pasids_slot(&env->pasids, RID_PASID, false);
	change(env, slot + 8, 0xffff, 0x77);
	assert_int_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->regime.did, 0x77);
	/* With RID_PRIV they are supervisors. */
	change(env, slot + 16, 0, VIQ_VTD_PE_2_SRE);
	change(env, fs_slot(env, 1), VIQ_VTD_FS_US, 0);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	change(env, synth_vtd_root_slot(&env->root, SID, false) + 8, 0, VIQ_VTD_SCTX_1_RID_PRIV);
	assert_int_equal(vtd_walk_try(env), 0);
	/* Without the capabilities both fields are reserved (9.4): PASID 0, user. */
	env->f.ecap &= ~(VIQ_VTD_ECAP_RPRIVS | VIQ_VTD_ECAP_RPS);
	change(env, synth_vtd_root_slot(&env->root, SID, false) + 8, VIQ_VTD_SCTX_1_RID_PRIV | RID_PASID, 0);
	assert_int_equal(vtd_walk_try(env), -EFAULT);
	assert_int_equal(env->fault.fetch, synth_vtd_pasids_dir_slot(&env->pasids, 0));
}

/* A guest that clears flags as fast as it can: nothing else of the entry is ever lost. */
struct clearer {
	struct vtd_walk_env *env;
	uint64_t slot;
	unsigned int cleared; /* times */
	bool stop;
};

static void *clear_for_ever(void *opaque)
{
	struct clearer *c = opaque;
	uint64_t generation = 0, *word = synth_ptr(&c->env->guest, c->slot), old;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		/* Bits 62:52 are the guest's own: it counts in them. */
		generation = (generation + 1) & 0x7ff;
		old = __atomic_load_n(word, __ATOMIC_RELAXED);
		old = (old & ~(FS_ALL | VIQ_BITS(62, 52))) | generation << 52;
		__atomic_store_n(word, old, __ATOMIC_RELEASE);
		for (unsigned int i = 0; i < 100; i++) {
			uint64_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);

			if ((now & VIQ_BITS(62, 52)) >> 52 != generation)
				return (void *)1;
		}
		__atomic_store_n(&c->cleared, c->cleared + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void flags_are_set_atomically(void **state)
{
	struct vtd_walk_env *env = *state;
	struct clearer c = {.env = env};
	pthread_t thread;
	void *lost;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	c.slot = fs_slot(env, 1);
	env->req.access = SOFT_W;
	assert_int_equal(pthread_create(&thread, NULL, clear_for_ever, &c), 0);
	/* However the threads are scheduled, flags are cleared under the walks often. */
	for (unsigned int i = 0; i < 200000 || __atomic_load_n(&c.cleared, __ATOMIC_RELAXED) < 2000; i++) {
		if (!vtd_walk_try(env))
			assert_int_equal(env->leaf.pa, DATA_PA);
		else
			assert_int_equal(env->fault.reason, VIQ_VTD_FR_FS_FLAG_FAILED);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, &lost), 0);
	assert_null(lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_stage, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(first_stage_denied, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(execution_needs_a_pasid, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(pass_through_is_as_wide_as_the_machine, vtd_walk_setup,
						vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(refused_writes_make_nothing_dirty, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(rights_that_cancel_out, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(flags_are_set_atomically, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(nested, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(nested_read_only_tables, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(requests_without_pasid, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(rights_of_supervisors, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(second_stage, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(without_rights_asked_nothing_gets_dirty, vtd_walk_setup,
						vtd_walk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
