/* SPDX-License-Identifier: MIT */
/*
 * What the walks must not look at: ignored bits, fields that the type of translation does not have, the neighbours of
 * entries. A guest may keep anything there; a fault would be a bug that no correct guest's test finds.
 */
#include "walk.h"

static void set(struct vtd_walk_env *env, uint64_t addr, uint64_t bits)
{
	uint64_t word;

	assert_int_equal(viq_mem_read_words(env->mem, addr, &word, 1), 0);
	assert_int_equal(viq_mem_write_u64(env->mem, addr, word | bits), 0);
}

static uint64_t context(struct vtd_walk_env *env, unsigned int word)
{
	return synth_vtd_root_slot(&env->root, SID, false) + word * 8;
}

static uint64_t entry(struct vtd_walk_env *env, unsigned int word)
{
	return synth_vtd_pasids_slot(&env->pasids, PASID, false) + word * 8;
}

static void assert_translates(struct vtd_walk_env *env, uint64_t pa)
{
	if (vtd_walk_try(env))
		fail_msg("reason %#x", env->fault.reason);
	assert_int_equal(env->leaf.pa, pa);
}

static void first_stage_bits(void **state)
{
	/* PWT, PCD, G, AVL; D and PAT where they mean nothing; EA without EAFE; XD. */
	uint64_t table = VIQ_BITS(4, 3) | VIQ_BITS(6, 6) | VIQ_BITS(11, 8) | VIQ_BITS(63, 52),
		 leaf = table | VIQ_BIT(7);
	struct vtd_walk_env *env = *state;

	for (unsigned int i = 0; i < 2; i++) {
		vtd_walk_build(env, false, i ? VIQ_VTD_PGTT_NESTED : VIQ_VTD_PGTT_FS, 4);
		for (unsigned int level = 1; level <= 4; level++) {
			uint64_t slot = synth_vtd_pt_slot(&env->fs, IOVA, level, false);

			set(env, i ? vtd_walk_gpa_to_pa(slot) : slot, level > 1 ? table : leaf);
		}
		assert_translates(env, DATA_PA);
		assert_int_equal(env->leaf.fs_user, SOFT_R | SOFT_W | SOFT_X);
	}
}

/* Bit 12 of a large page is PAT, not an address. */
static void large_page_pat(void **state)
{
	struct vtd_walk_env *env = *state;

	for (unsigned int level = 2; level <= 3; level++) {
		uint64_t size = UINT64_C(1) << synth_vtd_shift(level);

		vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
		assert_int_equal(synth_vtd_pt_map(&env->fs, IOVA & ~(size - 1), 5 * size, level, 0), 0);
		set(env, synth_vtd_pt_slot(&env->fs, IOVA, level, false), VIQ_BIT(12));
		env->req.addr = IOVA & ~VIQ_BIT(12);
		assert_translates(env, 5 * size + (env->req.addr & (size - 1)));
		assert_int_equal(env->leaf.base_pa, 5 * size);
	}
}

static void second_stage_bits(void **state)
{
	/* X, memory type, A and D without SSADE, AVL; bit 7 of a page. SNP is in leaves. */
	uint64_t table = VIQ_BITS(6, 2) | VIQ_BITS(10, 8) | VIQ_BITS(61, 52) | VIQ_BIT(63);
	struct vtd_walk_env *env = *state;

	for (unsigned int i = 0; i < 3; i++) {
		vtd_walk_build(env, i == 1, i == 2 ? VIQ_VTD_PGTT_NESTED : VIQ_VTD_PGTT_SS, 4);
		for (unsigned int level = 1; level <= 4; level++)
			set(env, synth_vtd_pt_slot(&env->ss, DATA_GPA, level, false),
			    level > 1 ? table : table | VIQ_BIT(7) | VIQ_VTD_SS_SNP);
		assert_translates(env, DATA_PA);
	}
}

static void contexts(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_walk_build(env, true, VIQ_VTD_PGTT_SS, 4);
	set(env, context(env, 1), VIQ_BITS(6, 3));
	assert_translates(env, DATA_PA);
	/* Pass-through has no table, and the largest width of this hardware. */
	vtd_walk_build(env, true, VIQ_VTD_PGTT_PT, 4);
	set(env, context(env, 0), VIQ_VTD_CTX_SSPTPTR);
	assert_translates(env, DATA_PA);
	vtd_caps_init(&env->f, VTD_CAP & ~VIQ_PUT(VIQ_VTD_CAP_SAGAW, VIQ_VTD_SAGAW_57), VTD_ECAP, VTD_HAW);
	assert_int_not_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->f.max_aw, VIQ_VTD_AW_48);
	vtd_caps_init(&env->f, VTD_CAP, VTD_ECAP, VTD_HAW);
	/* Requests with PASID have no RID_PASID and no RID_PRIV. */
	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	set(env, context(env, 1), VIQ_PUT(VIQ_VTD_SCTX_1_RID_PASID, 0x1fff) | VIQ_VTD_SCTX_1_RID_PRIV);
	assert_translates(env, DATA_PA);
	/* Translation requests are let in by TT 1 and by DTE. */
	set(env, context(env, 0), VIQ_VTD_SCTX_DTE | VIQ_VTD_SCTX_PRE);
	env->req.type = VIQ_VTD_AT_TRANSLATION;
	assert_translates(env, DATA_PA);
	vtd_walk_build(env, true, VIQ_VTD_PGTT_SS, 4);
	set(env, context(env, 0), VIQ_PUT(VIQ_VTD_CTX_TT, VIQ_VTD_TT_SS_ATS));
	env->req.type = VIQ_VTD_AT_TRANSLATION;
	assert_translates(env, DATA_PA);
}

/* The other half of a scalable root entry, the next one, and the entries around ours. */
static void neighbours(void **state)
{
	struct vtd_walk_env *env = *state;
	uint64_t root;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	root = synth_vtd_root_entry(&env->root, SID);
	set(env, root - 8, ~UINT64_C(0));
	set(env, root + 8, ~UINT64_C(0));
	set(env, context(env, 0) - 8, ~UINT64_C(0));
	set(env, context(env, 4), ~UINT64_C(0));
	set(env, synth_vtd_pasids_dir_slot(&env->pasids, PASID) - 8, ~UINT64_C(0));
	set(env, entry(env, 0) - 8, ~UINT64_C(0));
	set(env, entry(env, 8), ~UINT64_C(0));
	assert_translates(env, DATA_PA);
	assert_int_equal(env->regime.did, DID);
}

static void fields_of_other_types(void **state)
{
	const uint64_t memory_types = VIQ_VTD_PE_1_CD | VIQ_VTD_PE_1_EMTE | VIQ_VTD_PE_1_PAT;
	const uint64_t pointer = VIQ_BITS(VTD_HAW - 1, 12); /* above, they are reserved in any case */
	struct vtd_walk_env *env = *state;

	env->f.ecap |= VIQ_VTD_ECAP_MTS;
	/* First stage: no AW, no second-stage pointer. */
	vtd_walk_build(env, false, VIQ_VTD_PGTT_FS, 4);
	set(env, entry(env, 0), VIQ_VTD_PE_AW | pointer | VIQ_VTD_PE_SSADE);
	set(env, entry(env, 1), memory_types | VIQ_VTD_PE_1_PWSNP | VIQ_VTD_PE_1_PGSNP);
	set(env, entry(env, 2), VIQ_VTD_PE_2_NXE | VIQ_VTD_PE_2_SMEP | VIQ_VTD_PE_2_WPE);
	assert_translates(env, DATA_PA);
	/* NXE and SMEP mean nothing ever, WPE without supervisors. */
	env->f.ecap &= ~(VIQ_VTD_ECAP_ERS | VIQ_VTD_ECAP_SRS);
	assert_translates(env, DATA_PA);
	/* Second stage: no first-stage pointer or mode. */
	vtd_caps_init(&env->f, VTD_CAP, VTD_ECAP, VTD_HAW);
	vtd_walk_build(env, false, VIQ_VTD_PGTT_SS, 4);
	set(env, entry(env, 2), pointer | VIQ_VTD_PE_2_FSPM);
	assert_translates(env, DATA_PA);
	/* Pass-through: none of them. */
	vtd_walk_build(env, false, VIQ_VTD_PGTT_PT, 4);
	set(env, entry(env, 0), VIQ_VTD_PE_AW | pointer);
	set(env, entry(env, 2), pointer | VIQ_VTD_PE_2_FSPM);
	assert_translates(env, DATA_PA);
	assert_int_equal(env->leaf.shift, 12);
}

/* Capability bits that the architecture has not given a meaning: PS stays reserved at level 4, HAW ends at 52. */
static void reserved_capabilities(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_caps_init(&env->f, VTD_CAP | VIQ_VTD_CAP_SSLPS, VTD_ECAP, 64);
	assert_int_equal(env->f.haw, 52);
	vtd_walk_build(env, false, VIQ_VTD_PGTT_SS, 4);
	set(env, synth_vtd_pt_slot(&env->ss, DATA_GPA, 4, false), VIQ_VTD_SS_PS);
	assert_int_not_equal(vtd_walk_try(env), 0);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_SM_SS_RSVD);
}

/* A cached leaf of second-stage tables alone: its denial is no one else's. */
static void cached_second_stage(void **state)
{
	struct vtd_walk_env *env = *state;

	vtd_walk_build(env, false, VIQ_VTD_PGTT_SS, 4);
	assert_translates(env, DATA_PA);
	env->leaf.ss = SOFT_R;
	assert_int_not_equal(soft_vtd_check_leaf(&env->regime, &env->leaf, SOFT_W, &env->fault), 0);
	assert_int_equal(env->fault.reason, VIQ_VTD_FR_SM_WRITE);
	assert_false(env->fault.second_stage);
	assert_int_equal(env->fault.gpa, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cached_second_stage, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(contexts, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(fields_of_other_types, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(first_stage_bits, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(large_page_pat, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(neighbours, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(reserved_capabilities, vtd_walk_setup, vtd_walk_teardown),
		cmocka_unit_test_setup_teardown(second_stage_bits, vtd_walk_setup, vtd_walk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
