/* SPDX-License-Identifier: MIT */
/*
 * Property: whatever the guest has written, a walk ends, in a leaf that is inside the output size and in itself
 * consistent, or in a fault that the architecture has. (Sanitizers watch the rest.)
 */
#include <errno.h>

#include "walk.h"

#define TABLES (UINT64_C(1) << 20) /* bytes of random words */

/* Words that are often descriptors that lead on: random bits alone would mostly end at the first level. */
static uint64_t random_word(uint64_t *seed)
{
	uint64_t word = walk_random(seed), kind = walk_random(seed) % 8;

	if (kind < 4) /* a table here, or a page */
		return (word & 0x0070000000000ffc) | (GUEST_PA + (word >> 20 & (TABLES - 1) & ~UINT64_C(0xffff))) | 3;
	if (kind < 5)
		return word | 0x401; /* an accessed block or page, anywhere */
	return word;
}

static void fill(struct walk_env *env, uint64_t *seed)
{
	for (uint64_t i = 0; i < TABLES; i += 8)
		synth_store(&env->guest, GUEST_PA + i, random_word(seed));
}

static void assert_leaf(const struct soft_leaf *leaf, uint64_t va, unsigned int oa_bits)
{
	uint64_t mask = (UINT64_C(1) << leaf->shift) - 1;

	assert_in_range(leaf->shift, 12, 42);
	assert_int_equal(leaf->pa >> oa_bits, 0);
	assert_int_equal(leaf->base_va, va & ~mask);
	assert_int_equal(leaf->base_pa, leaf->pa & ~mask);
	assert_int_equal(leaf->pa & mask, va & mask);
	assert_true(leaf->shift == leaf->s1_shift || leaf->shift == leaf->s2_shift || leaf->s1_shift == 64);
	if (leaf->s1_shift != 64) /* what the unprivileged may write the privileged never execute */
		assert_false(leaf->s1_user & SOFT_W && leaf->s1_priv & SOFT_X);
	assert_int_equal((leaf->s1_user | leaf->s1_priv) & ~(SOFT_R | SOFT_W | SOFT_X), 0);
}

static bool fault_known(const struct soft_fault *fault)
{
	switch (fault->event) {
	case VIQ_SMMUV3_EVT_F_STREAM_DISABLED:
	case VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID:
	case VIQ_SMMUV3_EVT_F_CD_FETCH:
	case VIQ_SMMUV3_EVT_C_BAD_CD:
	case VIQ_SMMUV3_EVT_F_WALK_EABT:
	case VIQ_SMMUV3_EVT_F_TRANSLATION:
	case VIQ_SMMUV3_EVT_F_ADDR_SIZE:
	case VIQ_SMMUV3_EVT_F_ACCESS:
	case VIQ_SMMUV3_EVT_F_PERMISSION:
		return fault->klass <= VIQ_SMMUV3_EVT_CLASS_IN && fault->stage2 <= 1;
	default:
		return false;
	}
}

/* A CD of random bits is nearly always ILLEGAL: this one is legal now and then. */
static void random_cd(uint64_t *seed, uint64_t cd[8])
{
	for (unsigned int i = 0; i < 8; i++)
		cd[i] = walk_random(seed);
	cd[0] |= UINT64_C(0x0000420080000000);                /* A, AA64, V */
	cd[0] &= ~UINT64_C(0x00001c0000008000);               /* S, HA, HD, ENDI */
	cd[0] = (cd[0] & ~UINT64_C(0x003f003f)) | 0x00140014; /* TxSZ = 20 .. */
	cd[0] += walk_random(seed) % 20;
	cd[0] += walk_random(seed) % 20 << 16;
	cd[1] = GUEST_PA + (walk_random(seed) & (TABLES - 1));
	cd[2] = GUEST_PA + (walk_random(seed) & (TABLES - 1));
}

static uint64_t random_va(uint64_t *seed)
{
	uint64_t va = walk_random(seed) >> walk_random(seed) % 52;

	return walk_random(seed) % 2 ? va : ~va;
}

static void random_stage2(struct walk_env *env, uint64_t *seed)
{
	env->s2.identity = !(walk_random(seed) % 4);
	if (env->s2.identity)
		return;
	while (soft_s2_init(&env->s2, &env->f, GUEST_PA + (walk_random(seed) & (TABLES - 1)), walk_random(seed) % 64,
			    walk_random(seed) % 4, walk_random(seed) % 4, 4 + walk_random(seed) % 4))
		;
}

static void any_tables(void **state)
{
	static const uint32_t idr5[] = {0x75, 0x476, 0x72, 0x75, 0x76};
	uint64_t seed = walk_seed(), cd_words[8], ste[2];
	unsigned int leaves = 0, cds = 0;
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct soft_cd cd;

	for (unsigned int round = 0; round < 60; round++) {
		smmuv3_features_init(&env->f, IDR0, IDR1, IDR3 | (round % 3 ? 0 : 0x210), idr5[round % 5], 0);
		fill(env, &seed);
		for (unsigned int i = 0; i < 2000; i++) {
			uint64_t va = random_va(&seed), at = GUEST_PA + (walk_random(&seed) & (TABLES - 64));
			unsigned int oa_bits;
			int ret;

			random_stage2(env, &seed);
			random_cd(&seed, cd_words);
			for (unsigned int w = 0; w < 8; w++)
				synth_store(&env->guest, at + w * 8, cd_words[w]);
			ste[0] = VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_S1) | at |
				 (walk_random(&seed) & (VIQ_SMMUV3_STE_0_S1CDMAX | VIQ_SMMUV3_STE_0_S1FMT));
			ste[1] = walk_random(&seed) & VIQ_SMMUV3_STE_1_S1DSS;
			if (soft_check_ste(&env->f, ste))
				continue;
			ret = soft_fetch_cd(env->mem, &env->f, &env->s2, ste, walk_random(&seed) % 2,
					    walk_random(&seed) & 0xfffff, &cd, &fault);
			if (ret < 0) {
				assert_true(fault_known(&fault));
				continue;
			}
			cds += !ret;
			oa_bits = env->s2.identity ? env->f.oas : env->s2.oa_bits;
			ret = soft_walk(env->mem, &env->f, &env->s2, ret ? NULL : &cd, va, walk_random(&seed) % 16,
					&leaf, &fault);
			if (ret)
				assert_true(fault_known(&fault));
			if (leaf.shift)
				assert_leaf(&leaf, va, oa_bits);
			leaves += leaf.shift != 0;
		}
	}
	print_message("%u CDs, %u leaves\n", cds, leaves);
	assert_true(cds > 100 && leaves > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_tables, walk_setup, walk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
