/* SPDX-License-Identifier: MIT */
/* Cached context descriptors: stale until CFGI_CD, CFGI_CD_ALL or another attachment (IHI 0070 4.3). */
#include "support/soft.h"

#define VA UINT64_C(0x5000)
#define A  UINT64_C(0x40100000)
#define B  UINT64_C(0x40200000)

/* Two tables that map VA differently, under different ASIDs: which CD is in use shows without any TLBI. */
struct two {
	struct machine m;
	uint64_t ttb[2];
};

static void two_init(struct two *t)
{
	t->ttb[0] = machine_init_s1(&t->m, NULL);
	t->ttb[1] = alloc_pages(&t->m, 1);
	map_page(&t->m, t->ttb[0], VA, A | PAGE_RW);
	map_page(&t->m, t->ttb[1], VA, B | PAGE_RW);
	assert_translates(t->m.dev, VA, A);
	write_cd(&t->m, t->m.cd, 2, t->ttb[1]);
	assert_translates(t->m.dev, VA, A);
}

static void a_descriptor_stays_until_cfgi_cd(void **state)
{
	struct two t;

	two_init(&t);
	invalidate(&t.m, VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0); /* touches no configuration */
	assert_translates(t.m.dev, VA, A);
	invalidate(&t.m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	assert_translates(t.m.dev, VA, B);
	machine_fini(&t.m);
}

static void leaf_or_not_and_all_of_them(void **state)
{
	const uint64_t cmds[][2] = {
		{with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 0},
		{with_sid(VIQ_SMMUV3_OP_CFGI_CD_ALL, VSID), 0},
	};

	for (unsigned int i = 0; i < 2; i++) {
		struct two t;

		two_init(&t);
		invalidate(&t.m, cmds[i][0], cmds[i][1]);
		assert_translates(t.m.dev, VA, B);
		machine_fini(&t.m);
	}
}

static void another_stream_keeps_its_own_copy(void **state)
{
	struct viq_soft_dev *dev;
	uint32_t id;
	struct two t;

	two_init(&t);
	write_cd(&t.m, t.m.cd, 1, t.ttb[0]);
	assert_int_equal(viq_soft_dev_alloc(t.m.soft, &dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(t.m.soft, t.m.viommu, dev, VSID + 1, &id, NULL), 0);
	assert_int_equal(viq_soft_vdevice_configure(t.m.soft, t.m.viommu, VSID + 1,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, t.m.cd, 0), 0}),
			 0);
	assert_translates(dev, VA, A);
	write_cd(&t.m, t.m.cd, 2, t.ttb[1]);
	invalidate(&t.m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID + 1), 1);
	assert_translates(dev, VA, B);
	assert_translates(t.m.dev, VA, A);
	machine_fini(&t.m);
}

static void attaching_again_reads_it_again(void **state)
{
	uint64_t ste[2];
	uint32_t nested;
	struct two t;

	two_init(&t);
	ste[0] = ste0(VIQ_SMMUV3_STE_CONFIG_S1, t.m.cd, 0);
	ste[1] = 0;
	assert_int_equal(viq_soft_vdevice_configure(t.m.soft, t.m.viommu, VSID, ste), 0); /* the same STE */
	assert_translates(t.m.dev, VA, B);
	write_cd(&t.m, t.m.cd, 1, t.ttb[0]);
	assert_translates(t.m.dev, VA, B);
	assert_int_equal(viq_soft_nested_alloc(t.m.soft, t.m.viommu, ste, &nested, NULL), 0);
	assert_int_equal(viq_soft_attach(t.m.dev, nested), 0);
	assert_translates(t.m.dev, VA, A);
	write_cd(&t.m, t.m.cd, 2, t.ttb[1]);
	assert_int_equal(viq_soft_attach(t.m.dev, nested), 0);
	assert_translates(t.m.dev, VA, B);
	machine_fini(&t.m);
}

/* An STE that is refused changes nothing. */
static void a_refused_configuration_leaves_the_old_one(void **state)
{
	struct two t;

	two_init(&t);
	assert_int_equal(viq_soft_vdevice_configure(t.m.soft, t.m.viommu, VSID, (uint64_t[2]){1 | 6 << 1, 0}), -EINVAL);
	assert_translates(t.m.dev, VA, A);
	machine_fini(&t.m);
}

static void cfgi_does_not_touch_the_tlb(void **state)
{
	struct machine m;
	uint64_t ttb = machine_init_s1(&m, NULL);

	map_page(&m, ttb, VA, A | PAGE_RW);
	assert_translates(m.dev, VA, A);
	map_page(&m, ttb, VA, B | PAGE_RW);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	assert_translates(m.dev, VA, A);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0), 0}),
			 0);
	assert_translates(m.dev, VA, A);
	invalidate(&m, tlbi_va(1), VA);
	assert_translates(m.dev, VA, B);
	machine_fini(&m);
}

/* --- Substreams -------------------------------------------------------------------------------------------------- */

static int translate_ssid(struct machine *m, uint32_t ssid, uint64_t *pa)
{
	return translate(m->dev, VA, ssid, VIQ_SOFT_READ | VIQ_SOFT_SSV, pa);
}

/* 64 CDs; CD n maps VA to A + n pages, under ASID n + 1. */
static void substreams_init(struct machine *m, unsigned int dss)
{
	uint64_t cds;

	machine_init_s1(m, NULL);
	cds = alloc_pages(m, 1);
	for (unsigned int n = 0; n < 64; n++) {
		uint64_t ttb = alloc_pages(m, 1);

		map_page(m, ttb, VA, (A + n * 4096) | PAGE_RW);
		write_cd(m, cds + n * 64, n + 1, ttb);
	}
	m->cd = cds;
	assert_int_equal(viq_soft_vdevice_configure(m->soft, m->viommu, VSID,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, cds, 6), dss}),
			 0);
}

static void cfgi_cd_is_for_one_substream(void **state)
{
	struct machine m;
	uint64_t pa, ttb;

	substreams_init(&m, 2);
	for (unsigned int n = 1; n < 64; n++) {
		assert_int_equal(translate_ssid(&m, n, &pa), 0);
		assert_int_equal(pa, A + n * 4096);
	}
	assert_translates(m.dev, VA, A); /* without SSID: CD 0 */
	ttb = alloc_pages(&m, 1);
	map_page(&m, ttb, VA, B | PAGE_RW);
	for (unsigned int n = 0; n < 64; n++)
		write_cd(&m, m.cd + n * 64, 100 + n, ttb);
	/* The last 32 are still cached. */
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID) | VIQ_PUT(VIQ_SMMUV3_CMD_SSID, 50), 1);
	assert_int_equal(translate_ssid(&m, 50, &pa), 0);
	assert_int_equal(pa, B);
	assert_int_equal(translate_ssid(&m, 51, &pa), 0);
	assert_int_equal(pa, A + 51 * 4096);
	/* SSID 0 names the CD of traffic without SSID. */
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	assert_translates(m.dev, VA, B);
	assert_int_equal(translate_ssid(&m, 51, &pa), 0);
	assert_int_equal(pa, A + 51 * 4096);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD_ALL, VSID), 0);
	for (unsigned int n = 1; n < 64; n++) {
		assert_int_equal(translate_ssid(&m, n, &pa), 0);
		assert_int_equal(pa, B);
	}
	machine_fini(&m);
}

/* The CD of traffic without SSID must not be found by SSID 0, which is disabled then. */
static void s1dss_decides_about_traffic_without_ssid(void **state)
{
	uint64_t pa;

	for (unsigned int dss = 0; dss < 3; dss++) {
		struct machine m;

		substreams_init(&m, dss);
		for (unsigned int twice = 0; twice < 2; twice++) {
			int no_ssid = translate(m.dev, VA, 0, VIQ_SOFT_READ, &pa);

			assert_int_equal(no_ssid, dss == 0 ? -EFAULT : 0);
			if (!no_ssid)
				assert_int_equal(pa, dss == 1 ? VA : A);
			assert_int_equal(translate_ssid(&m, 0, &pa), dss == 2 ? -EFAULT : 0);
			assert_int_equal(translate_ssid(&m, 64, &pa), -EFAULT);
		}
		assert_int_equal(machine_events(&m), dss == 1 ? 2 : 4);
		machine_fini(&m);
	}
}

/* --- What must not be remembered --------------------------------------------------------------------------------- */

static void a_failed_fetch_is_tried_again(void **state)
{
	struct machine m;
	uint64_t ttb = machine_init_s1(&m, NULL), cd = m.cd;

	map_page(&m, ttb, VA, A | PAGE_RW);
	/* An invalid CD may be remembered until CFGI_CD; a driver sends one. */
	put_word(&m, cd, 0);
	assert_faults(m.dev, VA);
	write_cd(&m, cd, 1, ttb);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	assert_translates(m.dev, VA, A);
	/* A CD beyond memory cannot be fetched. */
	assert_int_equal(
		viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
					   (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, MEM_BASE + MEM_SIZE, 0), 0}),
		0);
	assert_faults(m.dev, VA);
	assert_int_not_equal(machine_events(&m), 0);
	assert_int_equal(m.events[m.event_count - 1][0] & 0xff, VIQ_SMMUV3_EVT_F_CD_FETCH);
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_descriptor_stays_until_cfgi_cd),
	cmocka_unit_test(leaf_or_not_and_all_of_them),
	cmocka_unit_test(another_stream_keeps_its_own_copy),
	cmocka_unit_test(attaching_again_reads_it_again),
	cmocka_unit_test(a_refused_configuration_leaves_the_old_one),
	cmocka_unit_test(cfgi_does_not_touch_the_tlb),
	cmocka_unit_test(cfgi_cd_is_for_one_substream),
	cmocka_unit_test(s1dss_decides_about_traffic_without_ssid),
	cmocka_unit_test(a_failed_fetch_is_tried_again),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
