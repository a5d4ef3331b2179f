/* SPDX-License-Identifier: MIT */
/* Both stages: which fault wins and what its record says (IHI 0070 7.3), and how leaves combine. */
#include <errno.h>

#include "walk.h"

#define CLASS_IN VIQ_SMMUV3_EVT_CLASS_IN
#define CLASS_TT VIQ_SMMUV3_EVT_CLASS_TT
#define R        SOFT_R
#define W        SOFT_W
#define RW       (SOFT_R | SOFT_W)

#define PAGE_VA  UINT64_C(0x123456789000)
#define DATA_IPA UINT64_C(0x5000000000)
#define DATA_PA  UINT64_C(0x7000000000)

/* A guest page at PAGE_VA to DATA_IPA, a host page from there to DATA_PA. */
struct nested {
	struct walk_env *env;
	struct synth_pt pt;
	struct soft_cd cd;
};

static void nest(struct walk_env *env, struct nested *n)
{
	n->env = env;
	walk_nest(env);
	assert_int_equal(synth_pt_init(&n->pt, &env->guest, 1, 12, 48, 0), 0);
	assert_int_equal(synth_pt_map(&n->pt, PAGE_VA, DATA_IPA, 3, 0), 0);
	assert_int_equal(synth_pt_map(&env->s2_pt, DATA_IPA, DATA_PA, 3, 0), 0);
	walk_cd(env, &n->pt, NULL, 0, 0, &n->cd);
}

static int walk(const struct nested *n, uint64_t va, unsigned int access, struct soft_leaf *leaf,
		struct soft_fault *fault)
{
	return soft_walk(n->env->mem, &n->env->f, &n->env->s2, &n->cd, va, access, leaf, fault);
}

static void both_stages_translate(void **state)
{
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct nested n;

	nest(*state, &n);
	assert_int_equal(walk(&n, PAGE_VA + 0x123, RW, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, DATA_PA + 0x123);
	assert_int_equal(leaf.ipa, DATA_IPA + 0x123);
	assert_int_equal(leaf.shift, 12);
	assert_int_equal(leaf.s1_shift, 12);
	assert_int_equal(leaf.s2_shift, 12);
}

/* Take the guest's table page at each level out of stage 2: the IPA reported is the descriptor's own. */
static void stage2_faults_of_a_table_walk_name_the_descriptor(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct nested n;

	nest(env, &n);
	/* Pages instead of blocks, so that one table alone can be taken away. */
	assert_int_equal(synth_pt_unmap(&env->s2_pt, GUEST_IPA, 2), 0);
	for (uint64_t i = 0; i < 2 << 20; i += 4096)
		assert_int_equal(synth_pt_map(&env->s2_pt, GUEST_IPA + i, GUEST_PA + i, 3, 0), 0);
	assert_int_equal(walk(&n, PAGE_VA, R, &leaf, &fault), 0);

	for (unsigned int level = 0; level <= 3; level++) {
		uint64_t desc_ipa = synth_pt_slot(&n.pt, PAGE_VA, level, false);
		uint64_t page = desc_ipa & ~UINT64_C(0xfff), pa = page - GUEST_IPA + GUEST_PA;
		uint64_t slot = synth_pt_slot(&env->s2_pt, page, 3, false);

		assert_int_equal(synth_pt_unmap(&env->s2_pt, page, 3), 0);
		assert_int_equal(walk(&n, PAGE_VA, W, &leaf, &fault), -EFAULT);
		assert_fault(&fault, 0x10, 1, CLASS_TT, desc_ipa, 0);

		assert_int_equal(synth_pt_map(&env->s2_pt, page, pa, 3, SYNTH_NO_AF), 0);
		assert_int_equal(walk(&n, PAGE_VA, W, &leaf, &fault), -EFAULT);
		assert_fault(&fault, 0x12, 1, CLASS_TT, desc_ipa, 0);

		assert_int_equal(synth_pt_map(&env->s2_pt, page, pa, 3, SYNTH_NO_READ), 0);
		assert_int_equal(walk(&n, PAGE_VA, W, &leaf, &fault), -EFAULT);
		assert_fault(&fault, 0x13, 1, CLASS_TT, desc_ipa, 0);
		assert_true(fault.ttrnw_read);
		assert_int_equal(leaf.shift, 0);

		/* No memory behind the descriptor: stage 1's own abort, at the physical address. */
		synth_store(&env->host, slot, NOWHERE | 0x7c3);
		assert_int_equal(walk(&n, PAGE_VA, W, &leaf, &fault), -EFAULT);
		assert_fault(&fault, 0xb, 0, CLASS_TT, 0, NOWHERE | (desc_ipa & 0xfff));

		/* No memory behind stage 2's table. */
		slot = synth_pt_slot(&env->s2_pt, page, 2, false);
		pa = synth_load(&env->host, slot);
		synth_store(&env->host, slot, NOWHERE | 3);
		assert_int_equal(walk(&n, PAGE_VA, W, &leaf, &fault), -EFAULT);
		desc_ipa = synth_pt_slot(&n.pt, PAGE_VA, 0, false); /* the root is in the same 2 MiB */
		assert_fault(&fault, 0xb, 1, CLASS_TT, desc_ipa, NOWHERE + (desc_ipa >> 12 & 511) * 8);
		synth_store(&env->host, slot, pa);

		/* A table that may be read but not written serves walks: their reads only count. */
		assert_int_equal(synth_pt_map(&env->s2_pt, page, page - GUEST_IPA + GUEST_PA, 3, SYNTH_RO), 0);
		assert_int_equal(walk(&n, PAGE_VA, W, &leaf, &fault), 0);
	}
}

static void stage2_faults_of_the_data_name_its_ipa(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct nested n;

	nest(env, &n);
	assert_int_equal(synth_pt_map(&env->s2_pt, DATA_IPA, DATA_PA, 3, SYNTH_RO), 0);
	assert_int_equal(walk(&n, PAGE_VA + 0x10, R, &leaf, &fault), 0);
	assert_int_equal(walk(&n, PAGE_VA + 0x10, W, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x13, 1, CLASS_IN, DATA_IPA + 0x10, 0);
	assert_int_equal(leaf.shift, 12); /* whole: it may be cached */
	assert_int_equal(leaf.pa, DATA_PA + 0x10);
	fault = (struct soft_fault){0};
	assert_int_equal(soft_check_rights(&n.cd, &leaf, W, &fault), -EFAULT);
	assert_fault(&fault, 0x13, 1, CLASS_IN, DATA_IPA + 0x10, 0);
	assert_int_equal(soft_check_rights(&n.cd, &leaf, R, &fault), 0);

	assert_int_equal(synth_pt_unmap(&env->s2_pt, DATA_IPA, 3), 0);
	assert_int_equal(walk(&n, PAGE_VA + 0x10, R, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 1, CLASS_IN, DATA_IPA + 0x10, 0);
	assert_int_equal(leaf.shift, 0);

	/* An IPA that stage 1 may name but stage 2 has no input bits for. */
	assert_int_equal(synth_pt_map(&n.pt, PAGE_VA, UINT64_C(1) << 40, 3, 0), 0);
	assert_int_equal(walk(&n, PAGE_VA, R, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 1, CLASS_IN, UINT64_C(1) << 40, 0);
}

static void stage1_faults_come_before_stage2_of_the_data(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct nested n;

	nest(env, &n);
	assert_int_equal(synth_pt_unmap(&env->s2_pt, DATA_IPA, 3), 0);
	assert_int_equal(synth_pt_map(&n.pt, PAGE_VA, DATA_IPA, 3, SYNTH_RO), 0);
	assert_int_equal(walk(&n, PAGE_VA, W, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x13, 0, CLASS_IN, 0, 0);
	assert_int_equal(leaf.shift, 0); /* not whole */
	assert_int_equal(synth_pt_map(&n.pt, PAGE_VA, DATA_IPA, 3, SYNTH_NO_AF), 0);
	assert_int_equal(walk(&n, PAGE_VA, W, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x12, 0, CLASS_IN, 0, 0);
	assert_int_equal(walk(&n, UINT64_C(1) << 48, W, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 0, CLASS_IN, 0, 0); /* the range, before any table is read */
}

/* Leaves of any two sizes: the smaller is the piece, and it lies where both stages agree. */
static void the_smaller_leaf_is_the_piece(void **state)
{
	static const unsigned int shift[] = {0, 30, 21, 12};
	struct walk_env *env = *state;
	uint64_t va = 0x7fc0000000, ipa = 0x4000000000, pa = 0x8000000000, offset = 0x3abcdef8;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct nested n;

	nest(env, &n);
	for (unsigned int s1 = 1; s1 <= 3; s1++) {
		for (unsigned int s2 = 1; s2 <= 3; s2++) {
			uint64_t o1 = offset >> shift[s1] << shift[s1], o2 = offset >> shift[s2] << shift[s2];
			unsigned int small = s1 > s2 ? s1 : s2;
			uint64_t piece = s1 > s2 ? o1 : o2;

			assert_int_equal(synth_pt_map(&n.pt, va + o1, ipa + o1, s1, 0), 0);
			assert_int_equal(synth_pt_map(&env->s2_pt, ipa + o2, pa + o2, s2, 0), 0);
			assert_int_equal(walk(&n, va + offset, RW, &leaf, &fault), 0);
			assert_int_equal(leaf.pa, pa + offset);
			assert_int_equal(leaf.ipa, ipa + offset);
			assert_int_equal(leaf.shift, shift[small]);
			assert_int_equal(leaf.base_pa, pa + piece);
			assert_int_equal(leaf.base_va, va + piece);
			assert_int_equal(leaf.s1_shift, shift[s1]);
			assert_int_equal(leaf.s1_level, s1);
			assert_int_equal(leaf.s2_shift, shift[s2]);
			assert_int_equal(synth_pt_unmap(&n.pt, va, 1), 0);
			assert_int_equal(synth_pt_unmap(&env->s2_pt, ipa, 1), 0);
		}
	}
}

static void bypassed_stage1_is_stage2_alone(void **state)
{
	struct walk_env *env = *state;
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct nested n;

	nest(env, &n);
	assert_int_equal(soft_walk(env->mem, &env->f, &env->s2, NULL, DATA_IPA + 8, RW, &leaf, &fault), 0);
	assert_int_equal(leaf.pa, DATA_PA + 8);
	assert_int_equal(leaf.shift, 12);
	assert_int_equal(leaf.s1_shift, 64);
	assert_int_equal(leaf.s1_level, 0xff);
	assert_int_equal(leaf.s2_shift, 12);
	assert_int_equal(soft_walk(env->mem, &env->f, &env->s2, NULL, 0x9000, R, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 1, CLASS_IN, 0x9000, 0);
	assert_int_equal(soft_walk(env->mem, &env->f, &env->s2, NULL, UINT64_C(1) << 40, R, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x10, 1, CLASS_IN, UINT64_C(1) << 40, 0);
	assert_int_equal(soft_walk(env->mem, &env->f, &env->s2, NULL, UINT64_C(1) << 48, R, &leaf, &fault), -EFAULT);
	assert_fault(&fault, 0x11, 0, CLASS_IN, 0, 0); /* beyond IAS: stage 1's */
}

/* --- The guest may change a table while it is walked ------------------------------------------------------------- */

/* Memory that counts: every read goes through here. */
struct counted {
	struct walk_env *env;
	uint64_t descriptors[8]; /* physical addresses to watch */
	unsigned int reads_of[8], reads;
};

static int counted_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct counted *c = opaque;

	c->reads++;
	for (unsigned int i = 0; i < 8; i++)
		c->reads_of[i] += c->descriptors[i] - gpa < len;
	return viq_mem_read(c->env->mem, gpa, buf, len);
}

static void each_descriptor_is_read_once(void **state)
{
	const struct viq_mem_ops ops = {.size = sizeof(ops), .read = counted_read};
	struct counted c = {.env = *state};
	struct soft_fault fault;
	struct soft_leaf leaf;
	struct viq_mem *mem;
	struct nested n;

	nest(*state, &n);
	assert_int_equal(viq_mem_create(NULL, 0, &ops, &c, &mem, NULL), 0);
	for (unsigned int level = 0; level <= 3; level++)
		c.descriptors[level] = synth_pt_slot(&n.pt, PAGE_VA, level, false) - GUEST_IPA + GUEST_PA;
	for (unsigned int level = 1; level <= 3; level++)
		c.descriptors[3 + level] = synth_pt_slot(&c.env->s2_pt, DATA_IPA, level, false);
	assert_int_equal(soft_walk(mem, &c.env->f, &c.env->s2, &n.cd, PAGE_VA, RW, &leaf, &fault), 0);
	for (unsigned int i = 0; i < 7; i++)
		assert_int_equal(c.reads_of[i], 1);
	/* Four levels, each through two of stage 2's; three for the data. */
	assert_int_equal(c.reads, 4 * (2 + 1) + 3);
	viq_mem_destroy(mem);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, walk_setup, walk_teardown)
	const struct CMUnitTest tests[] = {
		CASE(both_stages_translate),
		CASE(stage2_faults_of_a_table_walk_name_the_descriptor),
		CASE(stage2_faults_of_the_data_name_its_ipa),
		CASE(stage1_faults_come_before_stage2_of_the_data),
		CASE(the_smaller_leaf_is_the_piece),
		CASE(bypassed_stage1_is_stage2_alone),
		CASE(each_descriptor_is_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
