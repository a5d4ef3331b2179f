/* SPDX-License-Identifier: MIT */
/* The synthetic guest writes what the architecture and Linux's driver write: checked against literal words. */
#include <errno.h>
#include <stdlib.h>

#include "support/test.h"
#include "synth/synth.h"

#define BASE UINT64_C(0x40000000)
#define SIZE (16u << 20)

static int setup(void **state)
{
	struct synth_mem *mem = malloc(sizeof(*mem));
	void *buf = mem ? calloc(1, SIZE) : NULL;

	if (!buf)
		return -1;
	synth_mem_init(mem, buf, BASE, SIZE);
	*state = mem;
	return 0;
}

static int teardown(void **state)
{
	struct synth_mem *mem = *state;

	free(mem->buf);
	free(mem);
	return 0;
}

static void assert_cmd(struct synth_cmd cmd, uint64_t w0, uint64_t w1)
{
	assert_int_equal(cmd.w[0], w0);
	assert_int_equal(cmd.w[1], w1);
}

/* Words recorded from a Linux guest. */
static void commands_are_those_of_linux(void **state)
{
	struct synth_range page = {.num = 0, .scale = 0, .ttl = 3, .tg = 1};
	struct synth_range pages_16 = {.num = 0, .scale = 4, .ttl = 3, .tg = 1};
	struct synth_range block = {.num = 0, .scale = 9, .ttl = 2, .tg = 1};

	assert_cmd(synth_cmd_cfgi_all(), 0x4, 0x1f);
	assert_cmd(synth_cmd_tlbi_nsnh_all(), 0x30, 0);
	assert_cmd(synth_cmd_tlbi_nh_all(), 0x10, 0);
	assert_cmd(synth_cmd_cfgi_cd(8, 0, true), 0x0000000800000005, 1);
	assert_cmd(synth_cmd_cfgi_cd(1, 0xabcde, false), 0x00000001abcde005, 0);
	assert_cmd(synth_cmd_cfgi_cd_all(3), 0x0000000300000006, 0);
	assert_cmd(synth_cmd_cfgi_ste(8, true), 0x0000000800000003, 1);
	assert_cmd(synth_cmd_cfgi_ste_range(0x100, 7), 0x0000010000000004, 7);
	assert_cmd(synth_cmd_prefetch_config(8), 0x0000000800000001, 0);
	assert_cmd(synth_cmd_tlbi_nh_va_range(2, 0xffffc000, true, page), 0x0002000000000012, 0x00000000ffffc701);
	assert_cmd(synth_cmd_tlbi_nh_va_range(2, 0xfffa0000, true, pages_16), 0x0002000000400012, 0x00000000fffa0701);
	assert_cmd(synth_cmd_tlbi_nh_va_range(5, 0x40000000, true, block), 0x0005000000900012, 0x0000000040000601);
	assert_cmd(synth_cmd_tlbi_nh_vaa_range(0x40000000, false, block), 0x0000000000900013, 0x0000000040000600);
	assert_cmd(synth_cmd_tlbi_nh_va(5, 0x10000000, true), 0x0005000000000012, 0x0000000010000001);
	assert_cmd(synth_cmd_tlbi_nh_vaa(0x10000000, false), 0x13, 0x0000000010000000);
	assert_cmd(synth_cmd_tlbi_nh_asid(2), 0x0002000000000011, 0);
	assert_cmd(synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_SEV, 0, 0), 0x000000000fc02046, 0);
	assert_cmd(synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_IRQ, 0x40001230, 7), 0x000000070fc01046, 0x40001230);
	assert_cmd(synth_cmd_atc_inv(8, false, 5, true, 0x10000000, 3), 0x0000000800000040, 0x10000003);
	assert_cmd(synth_cmd_atc_inv(8, true, 5, true, 0, 52), 0x0000000800005a40, 52);
}

struct step {
	unsigned int num, scale;
	uint64_t va;
};

static void assert_ranges(uint64_t va, uint64_t pages, bool leaf, unsigned int ttl, const struct step *steps)
{
	while (pages) {
		struct synth_cmd cmd = synth_cmd_tlbi_next_range(5, &va, &pages, leaf, 12, ttl);

		assert_int_equal(VIQ_GET(VIQ_SMMUV3_TLBI_NUM, cmd.w[0]), steps->num);
		assert_int_equal(VIQ_GET(VIQ_SMMUV3_TLBI_SCALE, cmd.w[0]), steps->scale);
		assert_int_equal(cmd.w[1] & VIQ_SMMUV3_TLBI_1_VA, steps->va);
		steps++;
	}
	assert_int_equal(steps->va, 0);
}

static void ranges_are_cut_as_by_linux(void **state)
{
	static const struct step pages_16[] = {{0, 4, 0x10000000}, {0}};
	static const struct step pages_259[] = {{2, 0, 0x10000000}, {0, 8, 0x10003000}, {0}};
	static const struct step one_non_leaf[] = {{0, 1, 0x10000000}, {0}};
	static const struct step pages_33_non_leaf[] = {{16, 1, 0x10000000}, {0}};
	static const struct step pages_65_non_leaf[] = {{0, 1, 0x10000000}, {0, 6, 0x10002000}, {0}};

	assert_ranges(0x10000000, 16, true, 3, pages_16);
	assert_ranges(0x10000000, 259, true, 3, pages_259);
	assert_ranges(0x10000000, 1, false, 0, one_non_leaf);
	assert_ranges(0x10000000, 33, false, 0, pages_33_non_leaf);
	assert_ranges(0x10000000, 65, false, 0, pages_65_non_leaf);
}

static void the_queue_wraps_with_its_flag(void **state)
{
	struct synth_mem *mem = *state;
	struct synth_cmdq q;

	assert_int_equal(synth_cmdq_init(&q, mem, 20), -EINVAL);
	assert_int_equal(synth_cmdq_init(&q, mem, 1), 0);
	assert_int_equal(synth_cmdq_base(&q), q.base | 1 | UINT64_C(1) << 62);
	assert_int_equal(synth_cmdq_space(&q, 0), 2);
	synth_cmdq_push(&q, synth_cmd_tlbi_nh_asid(1));
	synth_cmdq_push(&q, synth_cmd_tlbi_nh_asid(2));
	assert_int_equal(q.prod, 2); /* index 0, wrap flag set */
	assert_int_equal(synth_cmdq_space(&q, 0), 0);
	assert_int_equal(synth_cmdq_space(&q, 1), 1);
	synth_cmdq_push(&q, synth_cmd_tlbi_nh_asid(3));
	assert_int_equal(synth_load(mem, q.base), 0x0003000000000011);
	assert_int_equal(synth_load(mem, q.base + 16), 0x0002000000000011);
	synth_cmdq_push(&q, synth_cmd_tlbi_nh_asid(4));
	assert_int_equal(q.prod, 0);
}

static void descriptors_have_the_bits_of_the_architecture(void **state)
{
	struct synth_pt s1, s2, s64;

	assert_int_equal(synth_pt_init(&s1, *state, 1, 12, 39, 0), 0);
	assert_int_equal(synth_pt_init(&s2, *state, 2, 12, 40, 1), 0);
	assert_int_equal(synth_pt_init(&s64, *state, 1, 16, 48, 0), 0);
	assert_int_equal(s1.start, 1);
	assert_int_equal(s64.start, 1);
	/* valid, page, AttrIndx 1, AP[1], inner shareable, AF */
	assert_int_equal(synth_pt_leaf_desc(&s1, 0x80001000, 3, 0), 0x80001747);
	assert_int_equal(synth_pt_leaf_desc(&s1, 0x80000000, 2, SYNTH_RO | SYNTH_NG), 0x80000fc5);
	assert_int_equal(synth_pt_leaf_desc(&s1, 0x80000000, 2, SYNTH_PRIV | SYNTH_NO_AF), 0x80000305);
	assert_int_equal(synth_pt_leaf_desc(&s1, 0, 3, SYNTH_XN | SYNTH_PXN | SYNTH_CONT), 0x0070000000000747);
	/* valid, page, MemAttr 0xf, S2AP read and write, inner shareable, AF */
	assert_int_equal(synth_pt_leaf_desc(&s2, 0x80001000, 3, 0), 0x800017ff);
	assert_int_equal(synth_pt_leaf_desc(&s2, 0x80001000, 3, SYNTH_RO), 0x8000177f);
	assert_int_equal(synth_pt_leaf_desc(&s2, 0x80001000, 3, SYNTH_NO_READ), 0x800017bf);
	assert_int_equal(synth_pt_leaf_desc(&s64, UINT64_C(0x000a123412340000), 3, 0), 0x000012341234a747);
	assert_int_equal(s2.root % (2 * 4096), 0); /* two tables of level 1 */
	synth_pt_fini(&s1);
	synth_pt_fini(&s2);
	synth_pt_fini(&s64);
}

static void replaced_tables_are_reused(void **state)
{
	struct synth_mem *mem = *state;
	struct synth_pt pt;
	uint64_t used;

	assert_int_equal(synth_pt_init(&pt, mem, 1, 12, 39, 0), 0);
	assert_int_equal(synth_pt_map(&pt, 0x1000, 0x5000, 3, 0), 0);
	used = mem->next;
	assert_int_equal(synth_pt_map(&pt, 0, 0x200000, 2, 0), 0); /* over the level-3 table */
	assert_int_equal(synth_pt_map(&pt, 0x1000, 0x5000, 3, 0), -EEXIST);
	assert_int_equal(synth_pt_unmap(&pt, 0x1000, 3), -ENOENT);
	assert_int_equal(synth_pt_unmap(&pt, 0, 2), 0);
	assert_int_equal(synth_pt_unmap(&pt, 0, 2), -ENOENT);
	assert_int_equal(synth_pt_map(&pt, 0x1001, 0x5000, 3, 0), -EINVAL);
	assert_int_equal(synth_pt_map(&pt, 0, 0, 0, 0), -EINVAL);
	assert_int_equal(synth_pt_map(&pt, 0x3000, 0x5000, 3, 0), 0);
	assert_int_equal(mem->next, used);
	assert_int_equal(synth_load(mem, synth_pt_slot(&pt, 0x1000, 3, false)), 0); /* zeroed again */
	assert_int_equal(synth_pt_unmap(&pt, 0, 1), 0);
	synth_pt_fini(&pt);
	assert_int_equal(synth_pt_init(&pt, mem, 1, 12, 39, 0), 0);
	assert_int_equal(mem->next, used);
	synth_pt_fini(&pt);
}

static void a_full_memory_changes_nothing(void **state)
{
	struct synth_mem *mem = *state, small;
	struct synth_pt pt;

	synth_mem_init(&small, mem->buf, BASE, 3 * 4096);
	assert_int_equal(synth_pt_init(&pt, &small, 1, 12, 39, 0), 0);
	assert_int_equal(synth_pt_map(&pt, 0x1000, 0, 3, 0), 0);
	assert_int_equal(synth_pt_map(&pt, 0x200000, 0, 3, 0), -ENOMEM);
	assert_int_equal(synth_alloc(&small, 12), SYNTH_NONE);
	assert_int_equal(synth_pt_slot(&pt, 0x200000, 3, false), SYNTH_NONE);
}

static void stream_tables_are_as_linux_makes_them(void **state)
{
	uint64_t ste[8], slot;
	struct synth_cdt cdt;
	struct synth_st lin, two;

	assert_int_equal(synth_st_init(&lin, *state, 4, 0), 0);
	assert_int_equal(synth_st_base_cfg(&lin), 4);
	assert_int_equal(synth_st_init(&two, *state, 16, 8), 0);
	assert_int_equal(synth_st_base_cfg(&two), 0x10000 | 8 << 6 | 16);
	assert_int_equal(synth_st_base(&two), two.base | UINT64_C(1) << 62);
	assert_int_equal(synth_cdt_init(&cdt, *state, 10, 2), 0);
	synth_ste_s1(ste, &cdt, 2, 1);
	assert_int_equal(ste[0], cdt.base | UINT64_C(10) << 59 | 2 << 4 | 0xb);
	assert_int_equal(ste[1], 0x100000d6);
	assert_int_equal(synth_st_slot(&two, 0x102, false), SYNTH_NONE);
	assert_int_equal(synth_st_set(&two, 0x102, ste), 0);
	slot = synth_load(*state, two.base + 8);
	assert_int_equal(slot & 0x1f, 9);
	assert_int_equal(synth_load(*state, (slot & ~UINT64_C(0x1f)) + 2 * 64), ste[0]);
	assert_int_equal(synth_load(*state, (slot & ~UINT64_C(0x1f)) + 3 * 64), 1); /* V, abort */
	assert_int_equal(synth_st_set(&lin, 3, ste), 0);
	assert_int_equal(synth_load(*state, lin.base + 3 * 64 + 8), ste[1]);
	assert_int_equal(synth_st_set(&lin, 16, ste), -EINVAL);
	synth_ste_bypass(ste);
	assert_int_equal(ste[0], 9);
	synth_ste_abort(ste);
	assert_int_equal(ste[0], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_those_of_linux),
		cmocka_unit_test(ranges_are_cut_as_by_linux),
		cmocka_unit_test_setup_teardown(the_queue_wraps_with_its_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors_have_the_bits_of_the_architecture, setup, teardown),
		cmocka_unit_test_setup_teardown(replaced_tables_are_reused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_memory_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(stream_tables_are_as_linux_makes_them, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
