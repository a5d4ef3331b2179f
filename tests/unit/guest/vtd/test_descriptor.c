/* SPDX-License-Identifier: MIT */
/* The descriptor table: every reserved bit of every type, under every feature; granularities; names and text. */
#include <string.h>

#include "support/vvtd.h"

/* Reserved bits as the specification's figures show them, without bits 11:9, which belong to the type. */
static const struct layout {
	unsigned int type;
	uint64_t base[2]; /* a legal one */
	uint64_t reserved[2];
	bool wide; /* in queues of 256-bit descriptors only */
} layouts[] = {
	{0x1, {0x11, 0}, {0xfffc00000000f1c0, UINT64_MAX}, false},
	{0x2, {0x12, 0}, {0xffffffff0000f100, 0xf80}, false},
	{0x3, {0x3, 0}, {0xffff0000ffe0f1f0, 0xffe}, false},
	{0x4, {0x4, 0}, {0xffff000007fff1e0, UINT64_MAX}, false},
	{0x5, {0x5, 0}, {0x00000000fffff180, 0x3}, false},
	{0x6, {0x26, 0}, {0xfff000000000f1c0, 0xf80}, true},
	{0x7, {0x7, 0}, {0xfff000000000f1c0, UINT64_MAX}, true},
	{0x8, {0x8, 0}, {0xfff000000000f000, 0x7fe}, true},
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

/* Bits that make a legal descriptor of this type another granularity or size: not tested one by one. */
static bool chooses(unsigned int type, unsigned int word, unsigned int bit)
{
	return word == 0 && (bit < 4 || ((bit == 4 || bit == 5) && type != 3 && type != 5 && type != 8));
}

static void test_every_bit(void **state)
{
	struct viq_vtd_config config;

	vvtd_config(&config);
	for (size_t i = 0; i < LAYOUTS; i++) {
		const struct layout *l = &layouts[i];

		for (unsigned int bit = 0; bit < 256; bit++) {
			uint64_t desc[4] = {l->base[0], l->base[1], 0, 0}, one = UINT64_C(1) << bit % 64;
			unsigned int word = bit / 64, want = 0;

			assert_int_equal(viq_vtd_descriptor_check(desc, 256, &config), 0);
			if (chooses(l->type, word, bit))
				continue;
			desc[word] ^= one;
			if (word == 0 && bit >= 9 && bit <= 11)
				want = 3;
			else if (word > 1 || (l->reserved[word] & one))
				want = 4;
			assert_int_equal(viq_vtd_descriptor_check(desc, 256, &config), want);
			if (l->wide)
				want = 3;
			else if (word > 1)
				want = 0;
			assert_int_equal(viq_vtd_descriptor_check(desc, 128, &config), want);
		}
	}
}

/* The same through the queue: the guest sees it, and nothing of the descriptor is carried out. */
static void test_every_bit_in_the_queue(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);
	unsigned int stops = 0;

	vvtd_attach(v, host, 0, 0, 0, VIQ_VTD_TABLE_RID | VIQ_VTD_DEVTLB_IMPLIED);
	vvtd_attach(v, host, 0, 0, 0, VIQ_VTD_DEVTLB_IMPLIED);
	for (unsigned int width = 128; width <= 256; width += 128) {
		vvtd_boot(v, width, 0);
		for (size_t i = 0; i < LAYOUTS; i++) {
			for (unsigned int bit = 0; bit < width; bit++) {
				const struct layout *l = &layouts[i];
				struct test_desc d = {{l->base[0], l->base[1], 0, 0}};
				bool bad = bit / 64 > 1 || (l->reserved[bit / 64] >> bit % 64 & 1);

				if (!bad || (l->wide && width == 128))
					continue;
				vvtd_forget(v);
				d.qw[bit / 64] ^= UINT64_C(1) << bit % 64;
				vvtd_submit(v, d);
				assert_iqe(v, v->prod - 2, 4);
				assert_int_equal(host->effect_count, 0);
				assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG) + vvtd_log_number(v, VLOG_REMAP) +
							 vvtd_log_number(v, VLOG_DEVTLB) +
							 vvtd_log_number(v, VLOG_WRITE),
						 0);
				vvtd_replace_desc(v, v->prod - 2, desc_wait(false, false, true, 0, 0));
				vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
				assert_vidle(v);
				stops++;
			}
		}
		vvtd_gcmd(v, VREG(GCMD_QIE), false);
	}
	assert_int_equal(vtd_counters(v->vtd).iqe[4], stops);
	assert_true(stops > 1000);
	vvtd_free(v);
}

/* What a wide queue's descriptors had above is nothing to a narrow one's in their place. */
static void test_narrow_after_wide(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 0, 0x100, 0);
	vvtd_boot(v, 256, 1);
	/* The first one stops the queue, all are read. */
	for (unsigned int i = 0; i < 200; i++)
		vvtd_push(v, (struct test_desc){{0x12, 0, UINT64_MAX, UINT64_MAX}});
	vvtd_ring(v);
	assert_iqe(v, 0, 4);
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	vvtd_w64(v, VREG(RTADDR), 0); /* legacy mode */
	vvtd_gcmd(v, VREG(GCMD_SRTP), true);
	vvtd_boot(v, 128, 1);
	for (unsigned int i = 0; i < 100; i++) {
		vvtd_push(v, desc_iotlb(i % 2 + 1, 1, 0, 0, false));
		vvtd_push_wait(v);
	}
	vvtd_ring(v);
	assert_vidle(v);
	assert_int_equal(host->effect_count, 100);
	vvtd_free(v);
}

static unsigned int check(uint64_t cap, uint64_t ecap, unsigned int width, struct test_desc d)
{
	struct viq_vtd_config config;

	viq_vtd_config_init(&config, sizeof(config));
	config.cap = cap;
	config.ecap = ecap;
	return viq_vtd_descriptor_check(d.qw, width, &config);
}

/* What a missing feature makes of a type, a bit, a number. */
static void test_features(void **state)
{
	const uint64_t smts = VREG(ECAP_SMTS), dt = VREG(ECAP_DT), dit = VREG(ECAP_DIT), psi = VREG(CAP_PSI);
	const uint64_t mamv9 = VIQ_PUT(VREG(CAP_MAMV), 9);
	struct test_desc pd = desc_wait(true, false, false, 0, 0), pfsid3 = desc_devtlb(1, 0, false),
			 pfsid8 = desc_pdevtlb(1, 1, false, 0, false);

	pd.qw[0] |= 0x80;
	pfsid3.qw[0] |= 0xfff000000000f000;
	pfsid8.qw[0] |= 0xfff000000000f000;
	assert_int_equal(check(0, 0, 256, desc_devtlb(1, 0, false)), 3);
	assert_int_equal(check(0, dt, 256, desc_devtlb(1, 0, false)), 0);
	assert_int_equal(check(0, dt, 256, desc_pdevtlb(1, 1, false, 0, false)), 3);
	assert_int_equal(check(0, smts, 256, desc_pdevtlb(1, 1, false, 0, false)), 3);
	assert_int_equal(check(0, smts | dt, 256, desc_pdevtlb(1, 1, false, 0, false)), 0);
	assert_int_equal(check(0, smts | dt, 128, desc_pdevtlb(1, 1, false, 0, false)), 3);
	assert_int_equal(check(0, dt, 256, pfsid3), 4);
	assert_int_equal(check(0, dt | dit, 256, pfsid3), 0);
	assert_int_equal(check(0, smts | dt, 256, pfsid8), 4);
	assert_int_equal(check(0, smts | dt | dit, 256, pfsid8), 0);
	assert_int_equal(check(0, 0, 256, desc_iec(false, 0, 0)), 3);
	assert_int_equal(check(0, VREG(ECAP_IR), 256, desc_iec(false, 0, 0)), 0);
	assert_int_equal(check(0, 0, 256, desc_page(1, 1, 1)), 3);
	assert_int_equal(check(0, smts, 256, desc_page(1, 1, 1)), 0);
	assert_int_equal(check(0, 0, 256, desc_pc(3, 1, 1)), 3);
	assert_int_equal(check(0, smts, 256, desc_pc(3, 1, 1)), 0);
	assert_int_equal(check(0, smts, 256, pd), 4);
	assert_int_equal(check(0, smts | VREG(ECAP_PDS), 256, pd), 0);
	assert_int_equal(check(0, UINT64_MAX & ~VREG(ECAP_PRS), 256, (struct test_desc){{9}}), 3);
	/* AM against MAMV, in descriptors that are page-selective, of a unit that can do so. */
	assert_int_equal(check(psi | mamv9, 0, 128, desc_iotlb(3, 1, 0, 9, false)), 0);
	assert_int_equal(check(psi | mamv9, 0, 128, desc_iotlb(3, 1, 0, 10, false)), 4);
	assert_int_equal(check(psi | mamv9, 0, 128, desc_iotlb(2, 1, 0, 10, false)), 0);
	/* 6.5.2.3: without CAP.PSI page-selective is invalid. */
	assert_int_equal(check(mamv9, 0, 128, desc_iotlb(3, 1, 0, 0, false)), 4);
	assert_int_equal(check(mamv9, 0, 128, desc_iotlb(2, 1, 0, 0, false)), 0);
	assert_int_equal(check(0, 0, 128, desc_iotlb(3, 1, 0, 63, false)), 4);
	assert_int_equal(check(psi | mamv9, smts, 256, desc_piotlb(3, 1, 1, 0, 63, false)), 0);
	/* Everything that exists is legal where everything is offered. */
	for (uint64_t type = 1; type <= 9; type++) {
		const uint64_t desc[4] = {type | (type == 6 ? 0x20 : type == 1 || type == 2 ? 0x10 : 0)};

		assert_int_equal(viq_vtd_descriptor_check(desc, 256, NULL), 0);
	}
	assert_int_equal(viq_vtd_descriptor_check(NULL, 256, NULL), 3);
	assert_int_equal(viq_vtd_descriptor_check(pd.qw, 64, NULL), 3);
}

/* Fields that the granularity does not use are not looked at. */
static void test_unused_fields(void **state)
{
	const struct test_desc descs[] = {
		{{0xffffffff0011 | UINT64_C(3) << 48, 0, 0, 0}},
		{{0xffff00d2, 0xfffffffffffff07f, 0, 0}},
		{{0xffff00e2, 0xfffffffffffff07f, 0, 0}},
		{{0xfffffffff0026 | UINT64_C(0xfff) << 16, ~0xf80ull, 0, 0}},
		{{0xfffffffff0037 | 0xfff00000, 0, 0, 0}},
		{{0xfffff8000004, 0, 0, 0}},
	};

	for (size_t i = 0; i < sizeof(descs) / sizeof(descs[0]); i++)
		assert_int_equal(viq_vtd_descriptor_check(descs[i].qw, 256, NULL), 0);
}

static void expect_text(struct test_desc d, const struct viq_vtd_config *config, const char *want)
{
	char text[512];
	int len = viq_vtd_descriptor_text(d.qw, config, text, sizeof(text));

	assert_string_equal(text, want);
	assert_int_equal(len, strlen(want));
	len = viq_vtd_descriptor_text(d.qw, config, text, 6);
	assert_int_equal(len, strlen(want));
	assert_int_equal(strlen(text), strlen(want) < 5 ? strlen(want) : 5);
}

static void test_text(void **state)
{
	struct viq_vtd_config config;

	vvtd_config(&config);
	expect_text(desc_page(4, 0, 0xffffd), &config,
		    "pasid-iotlb G=0x3 DID=0x4 PASID=0x0 ADDR=0xffffd000 AM=0x0 IH=0x1 [0xffffd000 + 4K]");
	expect_text(desc_iotlb(3, 4, 0xffda3000, 5, false), &config,
		    "iotlb G=0x3 DID=0x4 ADDR=0xffda3000 AM=0x5 DW=0x1 DR=0x1 [0xffda0000 + 128K]");
	expect_text(desc_iotlb(3, 4, 0, 19, false), &config,
		    "iotlb G=0x3 DID=0x4 ADDR=0x0 AM=0x13 DW=0x1 DR=0x1 !(AM is above CAP.MAMV)");
	expect_text(desc_wait(true, false, false, 2, 0x1063c04), &config, "wait DATA=0x2 ADDR=0x1063c04 SW=0x1");
	expect_text((struct test_desc){{0x10000000a5, 3, 0, 1}}, &config,
		    "wait DATA=0x10 ADDR=0x0 SW=0x1 !PD=0x1(reserved here) !qw1[0]=1(reserved) !qw1[1]=1(reserved) "
		    "!qw3[0]=1(reserved)");
	expect_text(desc_pdevtlb(0x100, 3, false, 0x7ffffffffffff000, true), &config,
		    "pasid-device-tlb SID=0x100 PASID=0x3 ADDR=0x7ffffffffffff000 S=0x1 [everything]");
	expect_text((struct test_desc){{0x9, 0, 0, 0}}, &config,
		    "!page-group-response RID=0x0 PASID=0x0 PRGI=0x0 RESP=0x0");
	expect_text((struct test_desc){{0x20a, 1, 2, 3}}, NULL,
		    "!invalid type 0x1a qw0=0x000000000000020a qw1=0x0000000000000001 qw2=0x0000000000000002 "
		    "qw3=0x0000000000000003");
	assert_int_equal(viq_vtd_descriptor_text(NULL, NULL, NULL, 0), 0);
	assert_true(viq_vtd_descriptor_text(desc_page(1, 1, 1).qw, NULL, NULL, 0) > 0);
}

static void test_names(void **state)
{
	static const char *const names[] = {
		"context-cache", "iotlb",       "device-tlb",       "interrupt-entry-cache", "wait",
		"pasid-iotlb",   "pasid-cache", "pasid-device-tlb", "page-group-response"};

	for (uint64_t type = 0; type < 16; type++) {
		const uint64_t desc[4] = {type}, high[4] = {type | 0x200};

		if (type >= 1 && type <= 9)
			assert_string_equal(viq_vtd_descriptor_name(desc), names[type - 1]);
		else
			assert_null(viq_vtd_descriptor_name(desc));
		assert_null(viq_vtd_descriptor_name(high));
	}
	assert_null(viq_vtd_descriptor_name(NULL));
	for (unsigned int i = 0; i < 8; i++)
		assert_non_null(viq_vtd_iqei_name(i));
	assert_null(viq_vtd_iqei_name(8));
	assert_string_equal(viq_vtd_fault_name(0x71), "first-stage entry not present");
	assert_null(viq_vtd_fault_name(0));
	assert_null(viq_vtd_fault_name(0x6f));
	assert_null(viq_vtd_fault_name(0x92));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_bit_in_the_queue),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_unused_fields),
		cmocka_unit_test(test_narrow_after_wide),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
