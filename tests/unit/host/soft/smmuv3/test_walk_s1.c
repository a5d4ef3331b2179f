/* SPDX-License-Identifier: MIT */
/* Stage 1 (DDI 0487 D8.2 to D8.4): geometry, halves, rights, faults. Nesting is in test_walk_nested.c. */
#include <byteswap.h>
#include <errno.h>

#include "walk.h"

#define CLASS_IN VIQ_SMMUV3_EVT_CLASS_IN
#define CLASS_TT VIQ_SMMUV3_EVT_CLASS_TT

static int walk(struct walk_env *env, const struct soft_cd *cd, uint64_t va, unsigned int access,
		struct soft_leaf *leaf, struct soft_fault *fault)
{
	return soft_walk(env->mem, &env->f, &env->s2, cd, va, access, leaf, fault);
}

/* TxSZ to start level, per granule. */
static const struct geometry {
	unsigned int granule, lo, hi, start;
} geometries[] = {
	{12, 16, 24, 0}, {12, 25, 33, 1}, {12, 34, 39, 2}, {14, 16, 16, 0}, {14, 17, 27, 1},
	{14, 28, 38, 2}, {14, 39, 39, 3}, {16, 16, 21, 1}, {16, 22, 34, 2}, {16, 35, 39, 3},
};

static const unsigned int leaf_shift[17][4] = {
	[12] = {0, 30, 21, 12},
	[14] = {0, 0, 25, 14},
	[16] = {0, 0, 29, 16},
};

static void check_leaf(struct walk_env *env, const struct soft_cd *cd, struct synth_pt *pt, unsigned int level,
		       uint64_t va)
{
	unsigned int shift = leaf_shift[pt->granule][level];
	uint64_t size = UINT64_C(1) << shift, pa = UINT64_C(0x6543) << shift & 0xffffffffffff;
	uint64_t probe[] = {0, size / 2 + 8, size - 1};
	struct soft_fault fault;
	struct soft_leaf leaf;

	va &= ~(size - 1);
	assert_int_equal(synth_pt_map(pt, va, pa, level, SYNTH_NG), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(walk(env, cd, va + probe[i], SOFT_R | SOFT_W, &leaf, &fault), 0);
		assert_int_equal(leaf.pa, pa + probe[i]);
		assert_int_equal(leaf.ipa, pa + probe[i]);
		assert_int_equal(leaf.base_pa, pa);
		assert_int_equal(leaf.base_va, va);
		assert_int_equal(leaf.shift, shift);
		assert_int_equal(leaf.s1_shift, shift);
		assert_int_equal(leaf.s1_level, level);
		assert_int_equal(leaf.s1_granule, pt->granule);
		assert_int_equal(leaf.s2_shift, 64);
		assert_false(leaf.global);
	}
	assert_int_equal(walk(env, cd, va ^ size, SOFT_R, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 0, CLASS_IN, 0, 0);
	assert_int_equal(leaf.shift, 0);
	assert_int_equal(synth_pt_unmap(pt, va, level), 0);
}

/* Both halves with the same shape; the other half holds nothing, so a mix-up shows. */
static void check_shape(struct walk_env *env, const struct geometry *g, unsigned int txsz)
{
	uint64_t top = (UINT64_C(1) << (64 - txsz)) - 1;
	struct synth_pt lower, upper;
	struct soft_cd cd;

	assert_int_equal(synth_pt_init(&lower, &env->guest, 1, g->granule, 64 - txsz, 0), 0);
	assert_int_equal(synth_pt_init(&upper, &env->guest, 1, g->granule, 64 - txsz, 0), 0);
	walk_cd(env, &lower, &upper, 0, 0, &cd);
	assert_int_equal(cd.tt[0].start, g->start);
	assert_int_equal(cd.tt[1].start, g->start);
	for (unsigned int level = g->start; level <= 3; level++) {
		if (!leaf_shift[g->granule][level])
			continue;
		check_leaf(env, &cd, &lower, level, 0);
		check_leaf(env, &cd, &lower, level, top);
		check_leaf(env, &cd, &lower, level, 0x5a5a5a5a5a5a & top);
		check_leaf(env, &cd, &upper, level, ~UINT64_C(0));
		check_leaf(env, &cd, &upper, level, ~top);
		check_leaf(env, &cd, &upper, level, ~top | 0x5a5a5a5a5a5a);
	}
	synth_pt_fini(&lower);
	synth_pt_fini(&upper);
}

static void every_granule_start_and_leaf(void **state)
{
	for (unsigned int i = 0; i < sizeof(geometries) / sizeof(geometries[0]); i++) {
		for (unsigned int txsz = geometries[i].lo; txsz <= geometries[i].hi; txsz++)
			check_shape(*state, &geometries[i], txsz);
	}
}

static void assert_range_fault(struct walk_env *env, const struct soft_cd *cd, uint64_t va)
{
	struct soft_fault fault;
	struct soft_leaf leaf;

	assert_int_equal(walk(env, cd, va, SOFT_R, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 0, CLASS_IN, 0, 0);
}

static void assert_pa(struct walk_env *env, const struct soft_cd *cd, uint64_t va, uint64_t pa)
{
	struct soft_fault fault;
	struct soft_leaf leaf;

	assert_int_equal(walk(env, cd, va, SOFT_R, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, pa);
}

/* 39 bits below, 40 bits above, the first and last GiB of each mapped. */
static void halves(struct walk_env *env, uint64_t set, struct soft_cd *cd)
{
	struct synth_pt lower, upper;

	assert_int_equal(synth_pt_init(&lower, &env->guest, 1, 12, 39, 0), 0);
	assert_int_equal(synth_pt_init(&upper, &env->guest, 1, 12, 40, 0), 0);
	assert_int_equal(synth_pt_map(&lower, 0, UINT64_C(1) << 30, 1, 0), 0);
	assert_int_equal(synth_pt_map(&lower, 0x7fc0000000, UINT64_C(2) << 30, 1, 0), 0);
	assert_int_equal(synth_pt_map(&upper, 0xffffff0000000000, UINT64_C(3) << 30, 1, 0), 0);
	assert_int_equal(synth_pt_map(&upper, 0xffffffffc0000000, UINT64_C(4) << 30, 1, 0), 0);
	walk_cd(env, &lower, &upper, set, 0, cd);
}

static void bit_55_selects_and_the_bits_above_must_equal_it(void **state)
{
	struct walk_env *env = *state;
	struct soft_cd cd;

	halves(env, 0, &cd);
	assert_pa(env, &cd, 0x123, 0x40000123);
	assert_pa(env, &cd, 0x7fffffffff, 0xbfffffff);
	assert_pa(env, &cd, 0xffffff0000000000, 0xc0000000);
	assert_pa(env, &cd, ~UINT64_C(0), 0x13fffffff);
	assert_range_fault(env, &cd, 0x8000000000);       /* 2^39 */
	assert_range_fault(env, &cd, 0xfffffeffffffffff); /* below the top 2^40 */
	assert_range_fault(env, &cd, UINT64_C(1) << 56);  /* lower half, bit 56 */
	assert_range_fault(env, &cd, UINT64_C(1) << 63);
	assert_range_fault(env, &cd, UINT64_C(1) << 55);  /* upper half, all else 0 */
	assert_range_fault(env, &cd, 0x7fffffffffffffff); /* upper half, bit 63 */
	assert_range_fault(env, &cd, 0x00ffffffffffffff);
}

static void tbi_is_of_the_half_that_is_selected(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct soft_cd cd;

	halves(env, VIQ_SMMUV3_CD_0_TBI0, &cd);
	assert_pa(env, &cd, 0xab00000000000123, 0x40000123);
	assert_range_fault(env, &cd, 0xab40000000000123); /* bit 54 still counts */
	assert_range_fault(env, &cd, 0xabffffffc0000000);
	halves(env, VIQ_SMMUV3_CD_0_TBI1, &cd);
	assert_pa(env, &cd, 0xabffffffc0000000, 0x100000000);
	assert_range_fault(env, &cd, 0xabbfffffc0000000);
	assert_range_fault(env, &cd, 0xab00000000000123);
	assert_int_equal(walk(env, &cd, 0xabffffffc0000123, SOFT_R, &leaf, &fault), 0);
	assert_int_equal(leaf.base_va, 0xabffffffc0000000);
}

static void a_disabled_half_faults(void **state)
{
	struct walk_env *env = *state;
	struct synth_pt pt;
	struct soft_cd cd;

	assert_int_equal(synth_pt_init(&pt, &env->guest, 1, 12, 39, 0), 0);
	assert_int_equal(synth_pt_map(&pt, 0, 0, 1, 0), 0);
	walk_cd(env, &pt, NULL, 0, 0, &cd);
	assert_pa(env, &cd, 0, 0);
	assert_range_fault(env, &cd, ~UINT64_C(0));
	walk_cd(env, NULL, &pt, 0, 0, &cd);
	assert_range_fault(env, &cd, 0);
	assert_pa(env, &cd, 0xffffff8000000000, 0);
	walk_cd(env, NULL, NULL, 0, 0, &cd); /* legal, and useless */
	assert_range_fault(env, &cd, 0);
	assert_range_fault(env, &cd, ~UINT64_C(0));
}

/* --- Rights ------------------------------------------------------------------------------------------------------ */

#define R  SOFT_R
#define W  SOFT_W
#define X  SOFT_X
#define RW (SOFT_R | SOFT_W)

/* One page of 4K at FAULT_VA through four levels, with these attributes, table bits and CD bits. */
#define FAULT_VA UINT64_C(0x123456789abc)

static void one_page(struct walk_env *env, uint64_t table_add, unsigned int attr, uint64_t cd_set, struct synth_pt *pt,
		     struct soft_cd *cd)
{
	assert_int_equal(synth_pt_init(pt, &env->guest, 1, 12, 48, 0), 0);
	pt->table_add = table_add;
	assert_int_equal(synth_pt_map(pt, FAULT_VA & ~UINT64_C(0xfff), GUEST_PA, 3, attr), 0);
	walk_cd(env, pt, NULL, cd_set, 0, cd);
}

/* The access is allowed exactly if the rights have it, and soft_check_rights() agrees with the walk. */
static void check_access(struct walk_env *env, const struct soft_cd *cd, unsigned int access, unsigned int user,
			 unsigned int priv)
{
	unsigned int rights = access & SOFT_P ? priv : user, need = access & X ? X : access & RW;
	int expected = (rights & need) == need ? 0 : -EFAULT;
	struct soft_leaf leaf, whole;
	struct soft_fault fault;

	assert_int_equal(walk(env, cd, FAULT_VA, 0, &whole, &fault), 0); /* asks for nothing */
	assert_int_equal(whole.s1_user, user);
	assert_int_equal(whole.s1_priv, priv);
	assert_int_equal(walk(env, cd, FAULT_VA, access, &leaf, &fault), expected);
	if (expected)
		assert_fault(&fault, 0x13, 0, CLASS_IN, 0, 0);
	fault = (struct soft_fault){0};
	assert_int_equal(soft_check_rights(cd, &whole, access, &fault), expected);
	if (expected)
		assert_fault(&fault, 0x13, 0, CLASS_IN, 0, 0);
}

static void access_permissions(void **state)
{
	static const struct {
		uint64_t table, cd;
		unsigned int attr, user, priv;
	} rows[] = {
		/* AP[2:1] = 01, 11, 00, 10. What the unprivileged may write the privileged never execute. */
		{0, 0, 0, RW | X, RW},
		{0, 0, SYNTH_RO, R | X, R | X},
		{0, 0, SYNTH_PRIV, X, RW | X},
		{0, 0, SYNTH_PRIV | SYNTH_RO, X, R | X},
		/* UXN, PXN */
		{0, 0, SYNTH_RO | SYNTH_XN, R, R | X},
		{0, 0, SYNTH_RO | SYNTH_PXN, R | X, R},
		/* APTable[0], APTable[1], PXNTable, UXNTable; together */
		{UINT64_C(1) << 61, 0, 0, X, RW | X},
		{UINT64_C(1) << 62, 0, 0, R | X, R | X},
		{UINT64_C(1) << 59, 0, SYNTH_RO, R | X, R},
		{UINT64_C(1) << 60, 0, SYNTH_RO, R, R | X},
		{UINT64_C(0xf) << 59, 0, 0, 0, R},
		/* WXN; PAN, which looks at data only and at the page's final AP[1] */
		{0, VIQ_SMMUV3_CD_0_WXN, 0, RW, RW},
		{0, VIQ_SMMUV3_CD_0_WXN, SYNTH_PRIV, X, RW},
		{0, VIQ_SMMUV3_CD_0_WXN, SYNTH_RO, R | X, R | X},
		{0, VIQ_SMMUV3_CD_0_PAN, 0, RW | X, 0},
		{0, VIQ_SMMUV3_CD_0_PAN, SYNTH_RO, R | X, X},
		{0, VIQ_SMMUV3_CD_0_PAN, SYNTH_PRIV, X, RW | X},
		{UINT64_C(1) << 61, VIQ_SMMUV3_CD_0_PAN, 0, X, RW | X},
	};
	struct walk_env *env = *state;
	struct synth_pt pt;
	struct soft_cd cd;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		one_page(env, rows[i].table, rows[i].attr, rows[i].cd, &pt, &cd);
		for (unsigned int access = 0; access < 16; access++)
			check_access(env, &cd, access, rows[i].user, rows[i].priv);
		synth_pt_fini(&pt);
	}
}

/* The limits of one table, whatever its level, hold below it; HAD makes them void. */
static void hierarchical_limits_of_any_level(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct synth_pt pt;
	struct soft_cd cd;

	for (unsigned int level = 0; level < 3; level++) {
		uint64_t slot;

		one_page(env, 0, 0, 0, &pt, &cd);
		slot = synth_pt_slot(&pt, FAULT_VA, level, false);
		synth_store(&env->guest, slot, synth_load(&env->guest, slot) | UINT64_C(1) << 62);
		assert_int_equal(walk(env, &cd, FAULT_VA, W, &leaf, &fault), -EFAULT);
		assert_fault(&fault, 0x13, 0, CLASS_IN, 0, 0);
		cd.tt[0].had = true;
		assert_int_equal(walk(env, &cd, FAULT_VA, W, &leaf, &fault), 0);
		synth_pt_fini(&pt);
	}
}

static void global_is_the_leafs_ng_bit(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct synth_pt pt;
	struct soft_cd cd;

	one_page(env, 0, SYNTH_CONT, 0, &pt, &cd);
	assert_int_equal(walk(env, &cd, FAULT_VA, R, &leaf, &fault), 0);
	assert_true(leaf.global);
	assert_int_equal(leaf.shift, 12); /* Contiguous is a hint only */
}

/* --- Faults ------------------------------------------------------------------------------------------------------ */

static void check_desc(struct walk_env *env, struct synth_pt *pt, const struct soft_cd *cd, unsigned int level,
		       uint64_t desc, unsigned int event, unsigned int klass, uint64_t fetch)
{
	uint64_t slot = synth_pt_slot(pt, FAULT_VA, level, false), old = synth_load(&env->guest, slot);
	struct soft_fault fault;
	struct soft_leaf leaf;

	synth_store(&env->guest, slot, desc);
	assert_int_equal(walk(env, cd, FAULT_VA, RW, &leaf, &fault), -EFAULT);
	assert_fault(&fault, event, 0, klass, 0, fetch);
	assert_int_equal(leaf.shift, 0);
	synth_store(&env->guest, slot, old);
}

static void every_fault_of_a_descriptor(void **state)
{
	struct walk_env *env = *state;
	struct synth_pt pt;
	struct soft_cd cd;

	one_page(env, 0, 0, 0, &pt, &cd);
	cd.oa_bits = 44;
	for (unsigned int level = 0; level < 3; level++) {
		unsigned int shift = 12 + 9 * (2 - level);

		check_desc(env, &pt, &cd, level, 0, 0x10, CLASS_IN, 0);
		check_desc(env, &pt, &cd, level, 2, 0x10, CLASS_IN, 0);
		check_desc(env, &pt, &cd, level, NOWHERE | 3, 0xb, CLASS_TT, NOWHERE + (FAULT_VA >> shift & 511) * 8);
		check_desc(env, &pt, &cd, level, UINT64_C(1) << 44 | 3, 0x11, CLASS_IN, 0);
	}
	check_desc(env, &pt, &cd, 0, 0x741, 0x10, CLASS_IN, 0);                     /* no block at level 0 */
	check_desc(env, &pt, &cd, 1, UINT64_C(1) << 44 | 0x741, 0x11, CLASS_IN, 0); /* block beyond IPS */
	check_desc(env, &pt, &cd, 3, UINT64_C(1) << 47 | 0x743, 0x11, CLASS_IN, 0);
	check_desc(env, &pt, &cd, 3, 0x741, 0x10, CLASS_IN, 0); /* reserved */
	check_desc(env, &pt, &cd, 3, 0x343, 0x12, CLASS_IN, 0); /* AF = 0 */
	check_desc(env, &pt, &cd, 3, 0x7c3, 0x13, CLASS_IN, 0); /* read-only */
	check_desc(env, &pt, &cd, 3, 0x703, 0x13, CLASS_IN, 0); /* privileged */
	/* Priority: translation, address size, access flag, permission. */
	check_desc(env, &pt, &cd, 3, UINT64_C(1) << 44, 0x10, CLASS_IN, 0);
	check_desc(env, &pt, &cd, 3, UINT64_C(1) << 44 | 3, 0x11, CLASS_IN, 0);
	check_desc(env, &pt, &cd, 3, 0x83, 0x12, CLASS_IN, 0);
	cd.affd = true;
	check_desc(env, &pt, &cd, 3, 0x83, 0x13, CLASS_IN, 0);
}

/* Which levels have blocks, per granule (DDI 0487 D8.3). */
static void blocks_only_at_legal_levels(void **state)
{
	static const struct {
		unsigned int granule, level;
		bool legal;
	} rows[] = {{12, 0, false}, {12, 1, true}, {12, 2, true},  {14, 0, false},
		    {14, 1, false}, {14, 2, true}, {16, 1, false}, {16, 2, true}};
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct synth_pt pt;
	struct soft_cd cd;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(synth_pt_init(&pt, &env->guest, 1, rows[i].granule, 48, 0), 0);
		walk_cd(env, &pt, NULL, 0, 0, &cd);
		synth_store(&env->guest, synth_pt_slot(&pt, 0, rows[i].level, true), 0x741);
		assert_int_equal(walk(env, &cd, 0, R, &leaf, &fault), rows[i].legal ? 0 : -EFAULT);
		if (!rows[i].legal)
			assert_fault(&fault, 0x10, 0, CLASS_IN, 0, 0);
		synth_pt_fini(&pt);
	}
}

static void wide_addresses_with_64k(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct synth_pt pt;
	struct soft_cd cd;

	smmuv3_features_init(&env->f, IDR0, IDR1, IDR3, 0x476, 0); /* 52 bits, also of VA */
	assert_int_equal(synth_pt_init(&pt, &env->guest, 1, 16, 52, 0), 0);
	assert_int_equal(pt.start, 1);
	assert_int_equal(synth_pt_map(&pt, 0xfedcba9870000, 0xa987654320000, 3, 0), 0);
	walk_cd(env, &pt, NULL, VIQ_SMMUV3_CD_0_IPS, 0, &cd); /* 7 acts as 6 */
	assert_int_equal(walk(env, &cd, 0xfedcba9871234, R, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, 0xa987654321234);
	walk_cd(env, &pt, NULL, 0, 0, &cd); /* 48 bits */
	assert_int_equal(cd.oa_bits, 48);
	assert_int_equal(walk(env, &cd, 0xfedcba9871234, R, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x11, 0, CLASS_IN, 0, 0);
}

static void big_endian_tables(void **state)
{
	struct walk_env *env = *state;
	struct synth_pt pt;
	struct soft_cd cd;

	smmuv3_features_init(&env->f, IDR0 & ~(3u << 21), IDR1, IDR3, IDR5, 0); /* mixed */
	one_page(env, 0, 0, VIQ_SMMUV3_CD_0_ENDI, &pt, &cd);
	assert_range_fault(env, &cd, FAULT_VA);
	/* Swap from the leaf upwards: synth can follow little-endian tables only. */
	for (unsigned int level = 4; level-- > 0;) {
		uint64_t slot = synth_pt_slot(&pt, FAULT_VA, level, false);

		synth_store(&env->guest, slot, bswap_64(synth_load(&env->guest, slot)));
	}
	assert_pa(env, &cd, FAULT_VA, GUEST_PA + (FAULT_VA & 0xfff));
}

/* --- No stage 1 -------------------------------------------------------------------------------------------------- */

static void bypass_checks_the_input_size(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;

	assert_int_equal(walk(env, NULL, 0xfffffffff123, RW | X | SOFT_P, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, 0xfffffffff123);
	assert_int_equal(leaf.base_pa, 0xfffffffff000);
	assert_int_equal(leaf.base_va, 0xfffffffff000);
	assert_int_equal(leaf.shift, 12);
	assert_int_equal(leaf.s1_shift, 64);
	assert_int_equal(leaf.s1_level, 0xff);
	assert_int_equal(leaf.s1_granule, 0);
	assert_int_equal(leaf.s2_shift, 64);
	assert_int_equal(soft_check_rights(NULL, &leaf, RW, &fault), 0);
	assert_int_equal(walk(env, NULL, UINT64_C(1) << 48, R, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x11, 0, CLASS_IN, 0, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, walk_setup, walk_teardown)
	const struct CMUnitTest tests[] = {
		CASE(every_granule_start_and_leaf),
		CASE(bit_55_selects_and_the_bits_above_must_equal_it),
		CASE(tbi_is_of_the_half_that_is_selected),
		CASE(a_disabled_half_faults),
		CASE(access_permissions),
		CASE(hierarchical_limits_of_any_level),
		CASE(global_is_the_leafs_ng_bit),
		CASE(every_fault_of_a_descriptor),
		CASE(blocks_only_at_legal_levels),
		CASE(wide_addresses_with_64k),
		CASE(big_endian_tables),
		CASE(bypass_checks_the_input_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
