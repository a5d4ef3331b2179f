/* SPDX-License-Identifier: MIT */
/* Stage 2: legal start levels (IHI 0070 5.2.2, DDI 0487 D8.2), walks of every shape, every fault. */
#include <errno.h>

#include "walk.h"

#define PS_48    5
#define CLASS_IN VIQ_SMMUV3_EVT_CLASS_IN
#define CLASS_TT VIQ_SMMUV3_EVT_CLASS_TT

/* tg, sl0 -> start level; S2T0SZ lo..hi with one table, then the values with 2, 4, 8, 16 tables (0: none). */
static const struct geometry {
	unsigned int tg, sl0, start, lo, hi;
	unsigned int concat[4];
} geometries[] = {
	{0, 2, 0, 16, 24, {0}},  {0, 1, 1, 25, 33, {24, 23, 22, 21}}, {0, 0, 2, 34, 39, {33, 32, 31, 30}},
	{2, 2, 1, 17, 27, {16}}, {2, 1, 2, 28, 38, {27, 26, 25, 24}}, {2, 0, 3, 39, 39, {38, 37, 36, 35}},
	{1, 2, 1, 16, 21, {0}},  {1, 1, 2, 22, 34, {21, 20, 19, 18}}, {1, 0, 3, 35, 39, {34, 33, 32, 31}},
};

/* Side-by-side tables at the start, 0: the combination is ILLEGAL. */
static unsigned int start_tables(unsigned int tg, unsigned int sl0, unsigned int t0sz, unsigned int *start)
{
	for (unsigned int i = 0; i < sizeof(geometries) / sizeof(geometries[0]); i++) {
		const struct geometry *g = &geometries[i];

		if (g->tg != tg || g->sl0 != sl0)
			continue;
		*start = g->start;
		if (t0sz >= g->lo && t0sz <= g->hi)
			return 1;
		for (unsigned int c = 0; c < 4; c++) {
			if (g->concat[c] && t0sz == g->concat[c])
				return 2u << c;
		}
	}
	return 0;
}

static void start_level_table(void **state)
{
	static const unsigned int granule[] = {12, 16, 14};
	struct walk_env *env = *state;
	unsigned int tg, sl0, t0sz, start = 0, legal = 0;

	for (tg = 0; tg < 4; tg++) {
		for (sl0 = 0; sl0 < 4; sl0++) {
			for (t0sz = 0; t0sz < 64; t0sz++) {
				unsigned int tables = start_tables(tg, sl0, t0sz, &start);
				struct smmuv3_s2 s2 = {.granule = 99};
				int ret = soft_s2_init(&s2, &env->f, 0xfffffffff0, t0sz, sl0, tg, PS_48);

				assert_int_equal(ret, tables ? 0 : -EINVAL);
				if (!tables) {
					assert_int_equal(s2.granule, 99);
					continue;
				}
				legal++;
				assert_int_equal(s2.granule, granule[tg]);
				assert_int_equal(s2.start, start);
				assert_int_equal(s2.ia_bits, 64 - t0sz);
				if (tables > 1) /* aligned to all the tables */
					assert_int_equal(s2.ttb,
							 0xfffffffff0 & ~((tables << s2.granule) - UINT64_C(1)));
			}
		}
	}
	/* Counted from the table: 9+13+10, 12+15+5, 6+17+9. */
	assert_int_equal(legal, 96);
}

static void start_level_suits_the_physical_size(void **state)
{
	struct smmuv3_features f;
	struct smmuv3_s2 s2;

	smmuv3_features_init(&f, IDR0, IDR1, IDR3, 0x72, 0); /* 40 bits */
	assert_int_equal(f.oas, 40);
	assert_int_equal(soft_s2_init(&s2, &f, 0, 24, 2, 0, 2), -EINVAL); /* 4K level 0 */
	assert_int_equal(soft_s2_init(&s2, &f, 0, 24, 1, 0, 2), 0);
	assert_int_equal(soft_s2_init(&s2, &f, 0, 24, 2, 2, 2), -EINVAL); /* 16K level 1 */
	assert_int_equal(soft_s2_init(&s2, &f, 0, 24, 1, 2, 2), 0);
	assert_int_equal(soft_s2_init(&s2, &f, 0, 23, 1, 0, 2), -EINVAL); /* input beyond IAS */
	smmuv3_features_init(&f, IDR0, IDR1, IDR3, 0x73, 0);              /* 42 bits */
	assert_int_equal(soft_s2_init(&s2, &f, 0, 22, 2, 0, 3), -EINVAL);
	assert_int_equal(soft_s2_init(&s2, &f, 0, 22, 2, 2, 3), 0);
	smmuv3_features_init(&f, IDR0, IDR1, IDR3, 0x74, 0); /* 44 bits */
	assert_int_equal(soft_s2_init(&s2, &f, 0, 20, 2, 0, 4), 0);
}

static void sizes_and_granules(void **state)
{
	static const unsigned int bits[] = {32, 36, 40, 42, 44, 48, 48, 48};
	struct walk_env *env = *state;
	struct smmuv3_features f;
	struct smmuv3_s2 s2;

	for (unsigned int ps = 0; ps < 8; ps++) { /* effective S2PS = min(S2PS, OAS) */
		assert_int_equal(soft_s2_init(&s2, &env->f, 0, 32, 1, 0, ps), 0);
		assert_int_equal(s2.oa_bits, bits[ps]);
		assert_int_equal(soft_s2_init(&s2, &env->f, (UINT64_C(1) << bits[ps]) - 4096, 32, 1, 0, ps), 0);
		assert_int_equal(soft_s2_init(&s2, &env->f, UINT64_C(1) << bits[ps], 32, 1, 0, ps), -EINVAL);
	}
	smmuv3_features_init(&f, IDR0, IDR1, IDR3, 0x15, 0); /* 4K only */
	assert_int_equal(soft_s2_init(&s2, &f, 0, 32, 1, 0, 5), 0);
	assert_int_equal(soft_s2_init(&s2, &f, 0, 32, 1, 1, 5), -EINVAL);
	assert_int_equal(soft_s2_init(&s2, &f, 0, 32, 1, 2, 5), -EINVAL);
	smmuv3_features_init(&f, IDR0, IDR1, IDR3, 0x65, 0); /* 16K and 64K */
	assert_int_equal(soft_s2_init(&s2, &f, 0, 32, 1, 0, 5), -EINVAL);
	/* Small tables: 4K from level 3. */
	assert_int_equal(soft_s2_init(&s2, &env->f, 0, 48, 3, 0, 5), -EINVAL);
	smmuv3_features_init(&f, IDR0, IDR1, IDR3 | 0x200, IDR5, 0);
	assert_int_equal(soft_s2_init(&s2, &f, 0, 48, 3, 0, 5), 0);
	assert_int_equal(s2.start, 3);
	assert_int_equal(soft_s2_init(&s2, &f, 0, 49, 3, 0, 5), -EINVAL);
	assert_int_equal(soft_s2_init(&s2, &f, 0, 48, 0, 1, 5), -EINVAL); /* 64K: 47 at most */
	assert_int_equal(soft_s2_init(&s2, &f, 0, 47, 0, 1, 5), 0);
}

/* n = 40, 4K, SL0 = 1: two level-1 tables side by side; IPA bit 39 chooses. Written by hand. */
static void concatenated_tables(void **state)
{
	struct walk_env *env = *state;
	uint64_t ttb = HOST_PA + 0x2000;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct smmuv3_s2 s2;

	assert_int_equal(soft_s2_init(&s2, &env->f, ttb + 0x1000, 24, 1, 0, PS_48), 0);
	assert_int_equal(s2.ttb, ttb);                       /* bit 12 is taken as 0 */
	synth_store(&env->host, ttb, 0x7c1);                 /* table 0, entry 0: 1 GiB block to 0 */
	synth_store(&env->host, ttb + 0x1000, 0x400007c1);   /* table 1, entry 0: to 1 GiB */
	synth_store(&env->host, ttb + 0x1ff8, 0x80000007c1); /* table 1, last entry */
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0x8000000000, SOFT_R, CLASS_IN, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, 0x40000000);
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0x123456, SOFT_R, CLASS_IN, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, 0x123456);
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0xffffffffff, SOFT_R, CLASS_IN, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, 0x803fffffff);
	assert_int_equal(leaf.shift, 30);
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0x10000000000, SOFT_R, CLASS_IN, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 1, CLASS_IN, 0x10000000000, 0);
}

static const unsigned int leaf_shift[3][4] = {
	/* level        0   1   2   3 */
	[0] = {0, 30, 21, 12}, /* 4K */
	[1] = {0, 0, 29, 16},  /* 64K */
	[2] = {0, 0, 25, 14},  /* 16K */
};

/* Map the piece around ipa at level, and look at its first, middle and last byte, and next to it. */
static void check_leaf(struct walk_env *env, const struct geometry *g, unsigned int t0sz, unsigned int level,
		       uint64_t ipa)
{
	static const unsigned int granule[] = {12, 16, 14};
	unsigned int shift = leaf_shift[g->tg][level];
	uint64_t size = UINT64_C(1) << shift, pa = UINT64_C(0x654321) << shift & 0xffffffffffff;
	uint64_t probe[] = {0, size / 2 + 8, size - 1};
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct synth_pt pt;
	struct smmuv3_s2 s2;

	ipa &= ~(size - 1);
	assert_int_equal(synth_pt_init(&pt, &env->host, 2, granule[g->tg], 64 - t0sz, g->start), 0);
	assert_int_equal(synth_s2_sl0(&pt), g->sl0);
	assert_int_equal(synth_pt_map(&pt, ipa, pa, level, 0), 0);
	assert_int_equal(soft_s2_init(&s2, &env->f, pt.root, t0sz, g->sl0, g->tg, PS_48), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(soft_walk_s2(env->mem, &s2, ipa + probe[i], SOFT_R | SOFT_W, CLASS_IN, &leaf, &fault),
				 0);
		assert_int_equal(leaf.pa, pa + probe[i]);
		assert_int_equal(leaf.base_pa, pa);
		assert_int_equal(leaf.base_va, ipa);
		assert_int_equal(leaf.ipa, ipa + probe[i]);
		assert_int_equal(leaf.shift, shift);
		assert_int_equal(leaf.s2_shift, shift);
		assert_int_equal(leaf.s1_shift, 64);
	}
	ipa ^= size; /* the neighbour */
	assert_int_equal(soft_walk_s2(env->mem, &s2, ipa, 0, CLASS_IN, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 1, CLASS_IN, ipa, 0);
	synth_pt_fini(&pt);
}

static void every_granule_start_and_leaf(void **state)
{
	for (unsigned int i = 0; i < sizeof(geometries) / sizeof(geometries[0]); i++) {
		const struct geometry *g = &geometries[i];

		for (unsigned int level = g->start; level <= 3; level++) {
			if (!leaf_shift[g->tg][level])
				continue;
			for (unsigned int t0sz = 16; t0sz <= 39; t0sz++) {
				unsigned int start;
				uint64_t top = (UINT64_C(1) << (64 - t0sz)) - 1;

				/* A lone page needs a neighbour that is in range. */
				if (!start_tables(g->tg, g->sl0, t0sz, &start))
					continue;
				check_leaf(*state, g, t0sz, level, 0);
				check_leaf(*state, g, t0sz, level, top);
				check_leaf(*state, g, t0sz, level, 0x5a5a5a5a5a5a5a & top);
			}
		}
	}
}

/* A 4K stage 2 from level 0, with a page at ipa; slots of its path are then overwritten. */
static void fault_pt(struct walk_env *env, uint64_t ipa, struct synth_pt *pt, struct smmuv3_s2 *s2)
{
	assert_int_equal(synth_pt_init(pt, &env->host, 2, 12, 48, 0), 0);
	assert_int_equal(synth_pt_map(pt, ipa, GUEST_PA, 3, 0), 0);
	assert_int_equal(soft_s2_init(s2, &env->f, pt->root, 16, 2, 0, 4), 0); /* 44 output bits */
}

#define FAULT_IPA UINT64_C(0x123456789abc)

/* Put desc into the level's slot: the walk must fail with this. */
static void check_desc(struct walk_env *env, const struct synth_pt *pt, const struct smmuv3_s2 *s2, unsigned int level,
		       uint64_t desc, unsigned int access, unsigned int event, uint64_t fetch)
{
	uint64_t slot = synth_pt_slot((struct synth_pt *)pt, FAULT_IPA, level, false),
		 old = synth_load(&env->host, slot);
	struct soft_fault fault;
	struct soft_leaf leaf;

	synth_store(&env->host, slot, desc);
	assert_int_equal(soft_walk_s2(env->mem, s2, FAULT_IPA, access, CLASS_TT, &leaf, &fault), -EFAULT);
	assert_fault(&fault, event, 1, CLASS_TT, FAULT_IPA, fetch);
	assert_true(fault.ttrnw_read);
	synth_store(&env->host, slot, old);
}

static void every_fault_of_a_descriptor(void **state)
{
	struct walk_env *env = *state;
	struct synth_pt pt;
	struct smmuv3_s2 s2;

	fault_pt(env, FAULT_IPA & ~UINT64_C(0xfff), &pt, &s2);
	for (unsigned int level = 0; level < 3; level++) {
		unsigned int shift = 12 + 9 * (2 - level);

		check_desc(env, &pt, &s2, level, 0, 0, 0x10, 0);
		check_desc(env, &pt, &s2, level, 2, 0, 0x10, 0); /* bit 0 decides */
		/* No memory behind the next table: the abort names the descriptor. */
		check_desc(env, &pt, &s2, level, NOWHERE | 3, 0, 0xb, NOWHERE + (FAULT_IPA >> shift & 511) * 8);
		check_desc(env, &pt, &s2, level, UINT64_C(1) << 44 | 3, 0, 0x11, 0);
	}
	check_desc(env, &pt, &s2, 0, 0x7c1, 0, 0x10, 0);                          /* no blocks at level 0 */
	check_desc(env, &pt, &s2, 1, UINT64_C(1) << 44 | 0x7c1, 0, 0x11, 0);      /* block beyond S2PS */
	check_desc(env, &pt, &s2, 3, UINT64_C(1) << 47 | 0x7c3, 0, 0x11, 0);      /* page beyond S2PS */
	check_desc(env, &pt, &s2, 3, GUEST_PA | 0x7c1, 0, 0x10, 0);               /* reserved at level 3 */
	check_desc(env, &pt, &s2, 3, GUEST_PA | 0x3c3, 0, 0x12, 0);               /* AF = 0 */
	check_desc(env, &pt, &s2, 3, GUEST_PA | 0x783, SOFT_R, 0x13, 0);          /* S2AP = write only */
	check_desc(env, &pt, &s2, 3, GUEST_PA | 0x743, SOFT_W, 0x13, 0);          /* read only */
	check_desc(env, &pt, &s2, 3, GUEST_PA | 0x743, SOFT_R | SOFT_W, 0x13, 0); /* half of it */
	/* Priority: translation, address size, access flag, permission. */
	check_desc(env, &pt, &s2, 3, UINT64_C(1) << 44, SOFT_W, 0x10, 0);
	check_desc(env, &pt, &s2, 3, UINT64_C(1) << 44 | 3, SOFT_W, 0x11, 0);
	check_desc(env, &pt, &s2, 3, GUEST_PA | 3, SOFT_W, 0x12, 0);
	/* An address that is RES0 in this granule's descriptors: bits [49:48] are not looked at. */
	synth_store(&env->host, synth_pt_slot(&pt, FAULT_IPA, 3, false), GUEST_PA | UINT64_C(3) << 48 | 0x7c3);
	assert_int_equal(soft_walk_s2(env->mem, &s2, FAULT_IPA, SOFT_R, CLASS_TT, &(struct soft_leaf){0},
				      &(struct soft_fault){0}),
			 0);
}

static void start_table_abort_names_the_descriptor(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct smmuv3_s2 s2;

	assert_int_equal(soft_s2_init(&s2, &env->f, NOWHERE, 16, 2, 0, PS_48), 0);
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0x18000000000, 0, 0, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0xb, 1, 0, 0x18000000000, NOWHERE + 3 * 8);
	assert_false(fault.ttrnw_read);
}

static void affd_accepts_a_clear_access_flag(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct synth_pt pt;
	struct smmuv3_s2 s2;

	fault_pt(env, 0x1000, &pt, &s2);
	assert_int_equal(synth_pt_map(&pt, 0x1000, GUEST_PA, 3, SYNTH_NO_AF), 0);
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0x1000, SOFT_R, CLASS_IN, &leaf, &fault), -EFAULT);
	s2.affd = true;
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0x1000, SOFT_R, CLASS_IN, &leaf, &fault), 0);
}

/* Who may execute, by XN[54:53]: unprivileged, privileged. */
static void execute_never(void **state)
{
	static const struct {
		unsigned int idr3, attr;
		bool user, priv;
	} rows[] = {
		{IDR3, 0, true, true},
		{IDR3, SYNTH_PXN, true, true}, /* XN[0] is RES0 without XNX */
		{IDR3, SYNTH_XN, false, false},
		{IDR3 | 0x10, 0, true, true},
		{IDR3 | 0x10, SYNTH_PXN, true, false},
		{IDR3 | 0x10, SYNTH_XN, false, false},
		{IDR3 | 0x10, SYNTH_XN | SYNTH_PXN, false, true},
	};
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct synth_pt pt;
	struct smmuv3_s2 s2;

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		smmuv3_features_init(&env->f, IDR0, IDR1, rows[i].idr3, IDR5, 0);
		fault_pt(env, 0x1000, &pt, &s2);
		assert_int_equal(synth_pt_map(&pt, 0x1000, GUEST_PA, 3, rows[i].attr), 0);
		assert_int_equal(soft_walk_s2(env->mem, &s2, 0x1000, SOFT_R | SOFT_X, CLASS_IN, &leaf, &fault),
				 rows[i].user ? 0 : -EFAULT);
		assert_int_equal(soft_walk_s2(env->mem, &s2, 0x1000, SOFT_X | SOFT_P, CLASS_IN, &leaf, &fault),
				 rows[i].priv ? 0 : -EFAULT);
		assert_int_equal(soft_walk_s2(env->mem, &s2, 0x1000, SOFT_R | SOFT_W, CLASS_IN, &leaf, &fault), 0);
		synth_pt_fini(&pt);
	}
}

static void a_denied_leaf_is_filled(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf = {0};
	struct synth_pt pt;
	struct smmuv3_s2 s2;

	fault_pt(env, 0x1000, &pt, &s2);
	assert_int_equal(synth_pt_map(&pt, 0x1000, GUEST_PA, 3, SYNTH_RO), 0);
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0x1008, SOFT_W, CLASS_IN, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x13, 1, CLASS_IN, 0x1008, 0);
	assert_int_equal(leaf.pa, GUEST_PA + 8);
	assert_int_equal(leaf.shift, 12);
}

static void identity_needs_no_memory(void **state)
{
	struct smmuv3_s2 s2 = {.identity = true};
	struct soft_fault fault;
	struct soft_leaf leaf;

	assert_int_equal(
		soft_walk_s2(NULL, &s2, 0x123456789, SOFT_R | SOFT_W | SOFT_X | SOFT_P, CLASS_IN, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, 0x123456789);
	assert_int_equal(leaf.s2_shift, 64);
	assert_int_equal(leaf.base_pa, 0x123456000);
	assert_int_equal(leaf.shift, 12);
}

/* With OAS 52 the 64K granule has address bits [51:48] at [15:12], and 4 TiB blocks at level 1. */
static void wide_addresses_with_64k(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct smmuv3_features f;
	struct smmuv3_s2 s2;
	uint64_t ttb = HOST_PA + 0x10000;

	smmuv3_features_init(&f, IDR0, IDR1, IDR3, 0x76, 0);
	assert_int_equal(f.oas, 52);
	assert_int_equal(soft_s2_init(&s2, &f, ttb + 0x10, 12, 2, 1, 6), 0); /* 52 input bits from level 1 */
	assert_int_equal(s2.ttb, ttb);
	assert_int_equal(soft_s2_init(&s2, &f, ttb, 12, 2, 0, 6), -EINVAL); /* 4K has 48 */
	assert_int_equal(soft_s2_init(&s2, &f, ttb, 12, 2, 1, 6), 0);
	synth_store(&env->host, ttb + 1023 * 8, 0x4000000a7c1);
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0xffffffffff123, SOFT_R, CLASS_IN, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, 0xa07fffffff123);
	assert_int_equal(leaf.shift, 42);
	/* A smaller S2PS makes those bits a fault; 48-bit hardware does not look at them, and has no such block. */
	assert_int_equal(soft_s2_init(&s2, &f, ttb, 16, 2, 1, 5), 0);
	synth_store(&env->host, ttb, 0xa7c1);
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0, SOFT_R, CLASS_IN, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x11, 1, CLASS_IN, 0, 0);
	assert_int_equal(soft_s2_init(&s2, &env->f, ttb, 16, 2, 1, 5), 0);
	assert_int_equal(soft_walk_s2(env->mem, &s2, 0, SOFT_R, CLASS_IN, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 1, CLASS_IN, 0, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, walk_setup, walk_teardown)
	const struct CMUnitTest tests[] = {
		CASE(start_level_table),
		CASE(start_level_suits_the_physical_size),
		CASE(sizes_and_granules),
		CASE(concatenated_tables),
		CASE(every_granule_start_and_leaf),
		CASE(every_fault_of_a_descriptor),
		CASE(start_table_abort_names_the_descriptor),
		CASE(affd_accepts_a_clear_access_flag),
		CASE(execute_never),
		CASE(a_denied_leaf_is_filled),
		CASE(identity_needs_no_memory),
		CASE(wide_addresses_with_64k),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
