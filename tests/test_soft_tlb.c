/* SPDX-License-Identifier: MIT */
/*
 * The software host's TLB: what each TLBI must remove (IHI 0070 4.3, 4.4), and what the host promises to keep.
 *
 * The pattern: translate (fills the TLB), change the tables, translate again (the old address shows that the entry was
 * there), invalidate, translate (the new address shows that it is gone).
 */
#include "soft_fixture.h"

#define VA   UINT64_C(0x10000000)
#define OLD  UINT64_C(0x40100000)
#define NEW  UINT64_C(0x40200000)
#define FAR  UINT64_C(0x7000000000) /* another page, that tests of exactness look at */
#define ASID 1

/* Map pages at va to OLD + i pages, fill the TLB, point the tables at NEW. */
static void make_stale(struct machine *m, uint64_t ttb, uint64_t va, unsigned int pages, uint64_t attr)
{
	for (unsigned int i = 0; i < pages; i++) {
		map_page(m, ttb, va + i * 4096, (OLD + i * 4096) | attr);
		assert_translates(m->dev, va + i * 4096, OLD + i * 4096);
		map_page(m, ttb, va + i * 4096, (NEW + i * 4096) | attr);
		assert_translates(m->dev, va + i * 4096, OLD + i * 4096);
	}
}

static void assert_fresh(struct machine *m, uint64_t va, unsigned int pages)
{
	for (unsigned int i = 0; i < pages; i++)
		assert_translates(m->dev, va + i * 4096, NEW + i * 4096);
}

static void a_translation_stays_until_it_is_invalidated(void **state)
{
	struct machine m;
	uint64_t ttb = machine_init_s1(&m, NULL);

	make_stale(&m, ttb, VA, 1, PAGE_RW);
	assert_true(viq_soft_cached(m.dev, VA, 0, VIQ_SOFT_READ, false));
	invalidate(&m, tlbi_va(ASID), VA);
	assert_false(viq_soft_cached(m.dev, VA, 0, VIQ_SOFT_READ, false));
	assert_fresh(&m, VA, 1);
	machine_fini(&m);
}

struct scope {
	uint64_t cmd0, cmd1;
	bool same, other_asid, global, far; /* are entries of the ASID, another ASID, global ones, another page gone? */
	bool exact;                         /* the host promises to keep those that need not go */
};

/*
 * Four entries: VA of ASID 1, VA of ASID 2, a global page at VA + 4096, and a page far away. TLBI names ASID 1; the
 * global page is invalidated by its own address.
 */
static void check_scope(const struct scope *s)
{
	const uint64_t global_va = VA + 4096;
	struct machine m;
	struct viq_soft_dev *dev2;
	uint32_t vdev2;
	uint64_t ttb = machine_init_s1(&m, NULL), cd2 = alloc_pages(&m, 1), ttb2 = alloc_pages(&m, 1);

	write_cd(&m, cd2, 2, ttb2);
	assert_int_equal(viq_soft_dev_alloc(m.soft, &dev2), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, dev2, 9, &vdev2), 0);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, 9,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, cd2, 0), 0}),
			 0);
	make_stale(&m, ttb, VA, 1, PAGE_RW);
	make_stale(&m, ttb, FAR, 1, PAGE_RW);
	make_stale(&m, ttb, global_va, 1, PAGE_RW & ~NG);
	map_page(&m, ttb2, VA, OLD | PAGE_RW);
	assert_translates(dev2, VA, OLD);
	map_page(&m, ttb2, VA, NEW | PAGE_RW);
	/* The global entry serves ASID 2 as well: its own table does not map the page at all. */
	assert_translates(dev2, global_va, OLD);

	invalidate(&m, s->cmd0, s->cmd1);
	if (s->same || s->exact)
		assert_translates(m.dev, VA, s->same ? NEW : OLD);
	if (s->other_asid || s->exact)
		assert_translates(dev2, VA, s->other_asid ? NEW : OLD);
	if (s->far || s->exact)
		assert_translates(m.dev, FAR, s->far ? NEW : OLD);
	if (s->global)
		assert_faults(dev2, global_va);
	else if (s->exact)
		assert_translates(dev2, global_va, OLD);
	if (s->global)
		assert_translates(m.dev, global_va, NEW);
	machine_fini(&m);
}

static void each_tlbi_has_its_scope(void **state)
{
	const uint64_t vaa = VIQ_SMMUV3_OP_TLBI_NH_VAA, leaf = VIQ_SMMUV3_CMD_1_LEAF;
	const struct scope scopes[] = {
		{VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0, true, true, true, true, true},
		{VIQ_SMMUV3_OP_TLBI_NH_ALL, 0, true, true, true, true, true},
		/* The VMID that a guest names is not its own: the host puts that in. */
		{VIQ_SMMUV3_OP_TLBI_NH_ALL | VIQ_PUT(VIQ_SMMUV3_TLBI_VMID, 77), 0, true, true, true, true, true},
		{tlbi_asid(1), 0, true, false, false, true, true},
		{tlbi_asid(2), 0, false, true, false, false, true},
		{tlbi_asid(3), 0, false, false, false, false, true},
		{tlbi_va(1), VA, true, false, false, false, true},
		{tlbi_va(1), VA | leaf, true, false, false, false, true},
		{tlbi_va(2), VA, false, true, false, false, true},
		/* Globals go whatever the ASID. */
		{tlbi_va(1), VA + 4096, false, false, true, false, true},
		{tlbi_va(3), VA + 4096, false, false, true, false, true},
		{vaa, VA, true, true, false, false, true},
		{vaa, VA + 4096, false, false, true, false, true},
		/* Bits [63:56] of the address do not count. */
		{tlbi_va(1), VA | UINT64_C(0xab) << 56, true, false, false, false, true},
		/* Ranges: two pages, then two pages that end before, then one far too long. */
		{tlbi_va(1) | range0(0, 1), VA | range1(0, 1), true, false, true, false, true},
		{tlbi_va(1) | range0(1, 0), (VA - 0x2000) | range1(3, 1), false, false, false, false, true},
		{vaa | range0(1, 0), VA | range1(3, 1) | leaf, true, true, true, false, true},
		{tlbi_va(1) | range0(31, 31), range1(0, 1), true, false, true, true, false},
		{vaa | range0(31, 31), range1(0, 3) | 0, false, false, false, false, false},
		{vaa | range0(31, 31), range1(3, 1), true, true, true, true, false},
		/* The range ends at 2^64. */
		{tlbi_va(1) | range0(31, 0), UINT64_C(0xfffffffffffff000) | range1(3, 1), false, false, false, false,
		 true},
	};

	for (unsigned int i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		print_message("scope %u: %016llx %016llx\n", i, (unsigned long long)scopes[i].cmd0,
			      (unsigned long long)scopes[i].cmd1);
		check_scope(&scopes[i]);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_translation_stays_until_it_is_invalidated),
	cmocka_unit_test(each_tlbi_has_its_scope),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
