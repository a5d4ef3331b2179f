/* SPDX-License-Identifier: MIT */
/* A device's ATC: stale until ATC_INV (IHI 0070 3.9, 4.5), whatever the IOMMU has forgotten meanwhile. */
#include "support/soft.h"

#define VA   UINT64_C(0x10000000)
#define PA   UINT64_C(0x40100000)
#define EATS VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1)

static void configure(struct machine *m, unsigned int s1cdmax, uint64_t word1)
{
	assert_int_equal(
		viq_soft_vdevice_configure(m->soft, m->viommu, VSID,
					   (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, m->cd, s1cdmax), word1}),
		0);
}

/* ATS on; 256 pages mapped at VA. Returns the table. */
static uint64_t atc_init(struct machine *m)
{
	uint64_t ttb = machine_init_s1(m, NULL);

	for (unsigned int i = 0; i < 256; i++)
		map_page(m, ttb, VA + i * 4096, (PA + i * 4096) | PAGE_RW);
	assert_int_equal(viq_soft_dev_set_ats(m->dev, true), 0);
	configure(m, 0, EATS);
	return ttb;
}

static void fill(struct machine *m, uint32_t pasid, uint32_t flags)
{
	uint64_t pa;

	for (unsigned int i = 0; i < 256; i++) {
		assert_int_equal(translate(m->dev, VA + i * 4096, pasid, VIQ_SOFT_READ | flags, &pa), 0);
		assert_int_equal(pa, PA + i * 4096);
	}
}

static bool held(struct machine *m, unsigned int page, uint32_t pasid, uint32_t flags)
{
	return viq_soft_cached(m->dev, VA + page * UINT64_C(4096), pasid, VIQ_SOFT_READ | flags, true);
}

static void atc_inv(struct machine *m, uint64_t word0, uint64_t word1)
{
	invalidate(m, with_sid(VIQ_SMMUV3_OP_ATC_INV, VSID) | word0, word1);
}

static void a_device_uses_its_copy_until_atc_inv(void **state)
{
	struct machine m;
	uint64_t ttb = atc_init(&m);
	struct viq_soft_counters before, after;

	fill(&m, 0, 0);
	viq_soft_counters(m.soft, &before, sizeof(before));
	assert_translates(m.dev, VA, PA);
	viq_soft_counters(m.soft, &after, sizeof(after));
	assert_int_equal(after.atc_hits, before.atc_hits + 1);
	assert_int_equal(after.tlb_hits, before.tlb_hits);
	map_page(&m, ttb, VA, 0);
	invalidate(&m, VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD_ALL, VSID), 0);
	assert_translates(m.dev, VA, PA);
	atc_inv(&m, 0, VA);
	assert_faults(m.dev, VA);
	assert_translates(m.dev, VA + 4096, PA + 4096);
	machine_fini(&m);
}

/* The other way round the ATC refills from the old TLB entry. */
static void atc_inv_does_not_touch_the_tlb(void **state)
{
	struct machine m;
	uint64_t ttb = atc_init(&m);

	assert_translates(m.dev, VA, PA);
	map_page(&m, ttb, VA, 0);
	atc_inv(&m, 0, VA);
	assert_translates(m.dev, VA, PA);
	machine_fini(&m);
}

static void a_span_is_aligned_to_its_size(void **state)
{
	static const struct {
		unsigned int size, at, first, last; /* pages */
	} spans[] = {
		{0, 17, 17, 17},    {1, 17, 16, 17},  {3, 0, 0, 7},    {4, 7, 0, 15},   {4, 25, 16, 31},
		{7, 200, 128, 255}, {8, 255, 0, 255}, {20, 3, 0, 255}, {51, 9, 0, 255}, {52, 9, 0, 255},
	};
	struct machine m;

	atc_init(&m);
	for (unsigned int i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		bool exact = spans[i].size <= 8;

		fill(&m, 0, 0);
		atc_inv(&m, 0, (VA + spans[i].at * UINT64_C(4096)) | spans[i].size);
		for (unsigned int page = 0; page < 256; page++) {
			bool gone = page >= spans[i].first && page <= spans[i].last;

			if (gone || exact)
				assert_int_equal(held(&m, page, 0, 0), !gone);
		}
	}
	/* Size 52 takes no account of the address. */
	fill(&m, 0, 0);
	atc_inv(&m, 0, (VA & ~VIQ_BITS(63, 40)) | UINT64_C(0xab) << 56 | 52);
	assert_false(held(&m, 0, 0, 0));
	machine_fini(&m);
}

/* Larger pieces go whole, by any address in them. */
static void a_block_goes_by_any_of_its_pages(void **state)
{
	struct machine m;
	uint64_t ttb = atc_init(&m), block = UINT64_C(0x40000000), pa;

	put_word(&m, desc_at(&m, ttb, block, 2), 0x40000000 | BLOCK_RW);
	assert_int_equal(translate(m.dev, block + 0x1000, 0, VIQ_SOFT_READ, &pa), 0);
	assert_true(viq_soft_cached(m.dev, block + 0x123456, 0, VIQ_SOFT_READ, true));
	atc_inv(&m, 0, block + 0x1f0000);
	assert_false(viq_soft_cached(m.dev, block + 0x1000, 0, VIQ_SOFT_READ, true));
	machine_fini(&m);
}

/* Three PASIDs and traffic without one, all translating through CD 0's table under one ASID. */
static void pasids_init(struct machine *m)
{
	uint64_t ttb = atc_init(m);

	m->cd = alloc_pages(m, 1);
	for (unsigned int i = 0; i < 4; i++)
		write_cd(m, m->cd + i * 64, 1, ttb);
	configure(m, 2, EATS | VIQ_PUT(VIQ_SMMUV3_STE_1_S1DSS, 2));
	fill(m, 0, 0);
	for (uint32_t pasid = 1; pasid < 4; pasid++)
		fill(m, pasid, VIQ_SOFT_SSV);
}

static void check_pasids(struct machine *m, unsigned int page, bool none, bool p1, bool p2)
{
	assert_int_equal(held(m, page, 0, 0), none);
	assert_int_equal(held(m, page, 1, VIQ_SOFT_SSV), p1);
	assert_int_equal(held(m, page, 2, VIQ_SOFT_SSV), p2);
}

static uint64_t pasid_bits(uint32_t pasid)
{
	return VIQ_SMMUV3_CMD_SSV | VIQ_PUT(VIQ_SMMUV3_CMD_SSID, pasid);
}

static void a_request_with_a_pasid_reaches_that_pasid(void **state)
{
	struct machine m;

	pasids_init(&m);
	check_pasids(&m, 5, true, true, true);
	atc_inv(&m, pasid_bits(1), VA + 5 * 4096);
	check_pasids(&m, 5, true, false, true);
	check_pasids(&m, 6, true, true, true);
	/* Without one: all, and those without. The SSID field is ignored then. */
	atc_inv(&m, VIQ_PUT(VIQ_SMMUV3_CMD_SSID, 3), VA + 6 * 4096);
	check_pasids(&m, 6, false, false, false);
	/* Global: all PASIDs. */
	atc_inv(&m, pasid_bits(1) | VIQ_SMMUV3_ATC_G, VA + 7 * 4096);
	assert_false(held(&m, 7, 1, VIQ_SOFT_SSV));
	assert_false(held(&m, 7, 2, VIQ_SOFT_SSV));
	/* G without SSV is ignored. */
	atc_inv(&m, VIQ_SMMUV3_ATC_G, VA + 8 * 4096);
	check_pasids(&m, 8, false, false, false);
	/* Everything of one PASID; then a span too long to go page by page. */
	atc_inv(&m, pasid_bits(2), 52);
	check_pasids(&m, 100, true, true, false);
	atc_inv(&m, pasid_bits(1), VA | 30);
	check_pasids(&m, 100, true, false, false);
	atc_inv(&m, 0, 52);
	check_pasids(&m, 100, false, false, false);
	machine_fini(&m);
}

static void only_the_named_device_is_reached(void **state)
{
	struct viq_soft_dev *dev;
	struct machine m;
	uint32_t id;

	atc_init(&m);
	assert_int_equal(viq_soft_dev_alloc(m.soft, &dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, dev, VSID + 1, &id, NULL), 0);
	fill(&m, 0, 0);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_ATC_INV, VSID + 1), 52); /* no ATS there: no effect, no error */
	assert_true(held(&m, 0, 0, 0));
	machine_fini(&m);
}

static void without_ats_there_is_no_copy(void **state)
{
	struct machine m;
	uint64_t ttb = atc_init(&m), pa;

	fill(&m, 0, 0);
	/* Another page table with EATS = 1: the device keeps its copy. */
	configure(&m, 0, EATS);
	assert_true(held(&m, 0, 0, 0));
	/* EATS = 0 empties it, also for the time after. */
	configure(&m, 0, 0);
	assert_false(held(&m, 0, 0, 0));
	assert_translates(m.dev, VA, PA);
	assert_false(held(&m, 0, 0, 0));
	configure(&m, 0, EATS);
	assert_false(held(&m, 0, 0, 0));
	fill(&m, 0, 0);
	assert_int_equal(viq_soft_dev_set_ats(m.dev, false), 0);
	assert_int_equal(viq_soft_dev_set_ats(m.dev, true), 0);
	assert_false(held(&m, 0, 0, 0));
	fill(&m, 0, 0);
	assert_int_equal(viq_soft_attach(m.dev, 0), 0);
	assert_int_equal(translate(m.dev, VA, 0, VIQ_SOFT_READ, &pa), -EFAULT);
	configure(&m, 0, EATS);
	assert_false(held(&m, 0, 0, 0));
	/* A changed stage 2 is the embedder's own doing: nobody would send ATC_INV. */
	fill(&m, 0, 0);
	map_page(&m, ttb, VA, 0);
	assert_int_equal(viq_soft_s2_invalidate(m.soft, m.s2, 0, 0), 0);
	assert_faults(m.dev, VA);
	machine_fini(&m);
}

static void no_ats(struct viq_soft_config *config)
{
	config->idr0 &= ~VIQ_SMMUV3_IDR0_ATS;
}

static void an_iommu_without_ats_ignores_eats(void **state)
{
	struct machine m;
	uint64_t ttb = machine_init_s1(&m, no_ats);

	map_page(&m, ttb, VA, PA | PAGE_RW);
	assert_int_equal(viq_soft_dev_set_ats(m.dev, true), 0);
	configure(&m, 0, EATS);
	assert_translates(m.dev, VA, PA);
	assert_false(held(&m, 0, 0, 0));
	machine_fini(&m);
}

/* 3.9.1: faults of translation requests are answered, not recorded; missing rights are asked for again. */
static void requests_record_no_events_and_rights_are_per_kind(void **state)
{
	struct machine m;
	uint64_t ttb = atc_init(&m), pa;

	assert_faults(m.dev, VA + UINT64_C(0x10000000));
	map_page(&m, ttb, VA, PA | PAGE_RW | 0x80); /* read-only */
	assert_translates(m.dev, VA, PA);
	assert_int_equal(translate(m.dev, VA, 0, VIQ_SOFT_WRITE, &pa), -EFAULT);
	assert_int_equal(machine_events(&m), 0);
	assert_true(held(&m, 0, 0, 0));
	assert_false(viq_soft_cached(m.dev, VA, 0, VIQ_SOFT_WRITE, true));
	/* The page becomes writable: no invalidation of the ATC needed, only of the TLB. */
	map_page(&m, ttb, VA, PA | PAGE_RW);
	invalidate(&m, tlbi_va(1), VA);
	assert_int_equal(translate(m.dev, VA, 0, VIQ_SOFT_WRITE, &pa), 0);
	assert_true(viq_soft_cached(m.dev, VA, 0, VIQ_SOFT_WRITE, true));
	put_word(&m, m.cd, 0);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	assert_faults(m.dev, VA + 4096);
	assert_int_equal(machine_events(&m), 0);
	machine_fini(&m);
}

/* What a device may fetch instructions from and not read: granted so, and kept so. */
static void a_copy_for_fetches_is_none_for_reads(void **state)
{
	const uint32_t fetch = VIQ_SOFT_READ | VIQ_SOFT_EXEC | VIQ_SOFT_SSV;
	struct viq_soft_counters before, after;
	struct machine m;
	uint64_t ttb, pa;

	pasids_init(&m);
	ttb = le64toh(*word_at(&m, m.cd + 64 + 8));
	map_page(&m, ttb, VA, (PA | PAGE_RW) & ~UINT64_C(0x40)); /* AP 0b00, UXN 0 */
	invalidate(&m, tlbi_va(1), VA);
	atc_inv(&m, pasid_bits(1), VA);
	assert_int_equal(translate(m.dev, VA, 1, fetch, &pa), 0);
	viq_soft_counters(m.soft, &before, sizeof(before));
	assert_int_equal(translate(m.dev, VA, 1, fetch, &pa), 0);
	viq_soft_counters(m.soft, &after, sizeof(after));
	assert_int_equal(pa, PA);
	assert_int_equal(after.atc_hits, before.atc_hits + 1);
	assert_true(viq_soft_cached(m.dev, VA, 1, fetch, true));
	assert_false(viq_soft_cached(m.dev, VA, 1, VIQ_SOFT_READ | VIQ_SOFT_SSV, true));
	assert_int_equal(translate(m.dev, VA, 1, VIQ_SOFT_READ | VIQ_SOFT_SSV, &pa), -EFAULT);
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_device_uses_its_copy_until_atc_inv),
	cmocka_unit_test(atc_inv_does_not_touch_the_tlb),
	cmocka_unit_test(a_span_is_aligned_to_its_size),
	cmocka_unit_test(a_block_goes_by_any_of_its_pages),
	cmocka_unit_test(a_request_with_a_pasid_reaches_that_pasid),
	cmocka_unit_test(only_the_named_device_is_reached),
	cmocka_unit_test(without_ats_there_is_no_copy),
	cmocka_unit_test(an_iommu_without_ats_ignores_eats),
	cmocka_unit_test(requests_record_no_events_and_rights_are_per_kind),
	cmocka_unit_test(a_copy_for_fetches_is_none_for_reads),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
