/* SPDX-License-Identifier: MIT */
/* What an embedder may and may not offer, and how it is told. */
#include <errno.h>
#include <string.h>

#include "support/vvtd.h"

static int devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	return 0;
}

static int page_response(void *opaque, const struct viq_vtd_page_response *response)
{
	return 0;
}

static const struct viq_vtd_ops ops = {.size = sizeof(ops), .devtlb = devtlb, .page_response = page_response};

static void full(struct viq_vtd_config *config, const struct viq_mem *mem)
{
	viq_vtd_config_init(config, sizeof(*config));
	config->mem = mem;
	config->ops = &ops;
}

/* One change to the default; the answer names the field. */
static void test_refused(void **state)
{
	const struct {
		uint64_t cap_on, cap_off, ecap_on, ecap_off;
		const char *field;
	} cases[] = {
		{0, 0, 0, 0, NULL},
		{0, VREG(CAP_CM), 0, 0, NULL},
		{0, 0, 0, VREG(ECAP_QI), "ECAP.QI"},
		{0, 0, VREG(ECAP_PRS), 0, "ECAP.PRS: needs ECAP.DT"},
		{0, 0, VREG(ECAP_PRS) | VREG(ECAP_DT), 0, NULL},
		{0, VREG(CAP_FS1GP), VREG(ECAP_PRS) | VREG(ECAP_DT),
		 VREG(ECAP_SMTS) | VREG(ECAP_PASID) | VREG(ECAP_PSS) | VREG(ECAP_FSTS), "ECAP.PRS: needs ECAP.SMTS"},
		{0, 0, VREG(ECAP_PDS) | VREG(ECAP_DT), 0, "ECAP.PDS"},
		{0, 0, VREG(ECAP_PDS) | VREG(ECAP_PRS) | VREG(ECAP_DT), 0, NULL},
		{0, 0, VREG(ECAP_MTS), 0, "ECAP.MTS"},
		{0, 0, VREG(ECAP_ERS), 0, "ECAP.ERS"},
		{0, 0, VREG(ECAP_VCS), 0, "ECAP.VCS"},
		{0, 0, VREG(ECAP_PMS), 0, "ECAP.PMS"},
		{0, 0, VIQ_BIT(24), 0, "ECAP"},
		{0, 0, VIQ_BIT(63), 0, "ECAP"},
		{0, 0, VREG(ECAP_EIM), 0, "ECAP.EIM"},
		{0, 0, VREG(ECAP_EIM) | VREG(ECAP_IR), 0, NULL},
		{0, 0, VIQ_PUT(VREG(ECAP_MHMV), 1), 0, "ECAP.MHMV"},
		{0, 0, VREG(ECAP_DIT), 0, "ECAP.DIT"},
		{0, 0, VREG(ECAP_NWFS), 0, "ECAP.NWFS"},
		{0, 0, VREG(ECAP_DIT) | VREG(ECAP_DT), 0, NULL},
		{0, 0, 0, VREG(ECAP_SMTS), "ECAP.PASID"},
		{0, 0, 0, VREG(ECAP_SMTS) | VREG(ECAP_PASID) | VREG(ECAP_PSS), "ECAP.FSTS"},
		{0, 0, 0, VREG(ECAP_PASID), "ECAP.PSS"},
		{0, VREG(CAP_FS1GP), VREG(ECAP_SSTS),
		 VREG(ECAP_SMTS) | VREG(ECAP_PASID) | VREG(ECAP_PSS) | VREG(ECAP_FSTS), "ECAP.SSTS"},
		{0, 0, VREG(ECAP_SSADS) | VREG(ECAP_SMPWCS), 0, "ECAP.SSADS"},
		/* 11.4.3: no flags of the second stage without coherent walks; nesting takes both stages. */
		{0, 0, VREG(ECAP_SSADS) | VREG(ECAP_SSTS), 0, "ECAP.SSADS"},
		{0, 0, VREG(ECAP_SSADS) | VREG(ECAP_SSTS) | VREG(ECAP_SMPWCS), 0, NULL},
		{0, 0, VREG(ECAP_NEST), 0, "ECAP.NEST"},
		{0, VREG(CAP_FS1GP), VREG(ECAP_NEST) | VREG(ECAP_SSTS), VREG(ECAP_FSTS), "ECAP.NEST"},
		{0, 0, VREG(ECAP_NEST) | VREG(ECAP_SSTS), 0, NULL},
		{0, 0, VREG(ECAP_SRS), 0, NULL},
		{0, VREG(CAP_FS1GP), VREG(ECAP_SRS), VREG(ECAP_FSTS), "ECAP.SRS"},
		{0, VREG(CAP_FS1GP), VREG(ECAP_EAFS), VREG(ECAP_FSTS), "ECAP.EAFS"},
		/* 11.4.3: without coherent walks there is no extended-accessed flag to set. */
		{0, 0, VREG(ECAP_EAFS), VREG(ECAP_SMPWCS), "ECAP.EAFS"},
		{0, 0, VREG(ECAP_EAFS) | VREG(ECAP_SMPWCS), 0, NULL},
		{0, 0, VREG(ECAP_RPRIVS), 0, "ECAP.RPRIVS"},
		{0, VREG(CAP_FS1GP), 0, VREG(ECAP_FSTS) | VREG(ECAP_PT), "ECAP.SMTS"},
		{0, 0, VIQ_PUT(VREG(ECAP_PSS), 31), 0, "ECAP.PSS"},
		{0, VREG(CAP_FS1GP), VREG(ECAP_SMPWCS),
		 VREG(ECAP_SMTS) | VREG(ECAP_PASID) | VREG(ECAP_PSS) | VREG(ECAP_FSTS), "ECAP.SMPWCS"},
		{0, VREG(CAP_FS1GP), VREG(ECAP_RPS),
		 VREG(ECAP_SMTS) | VREG(ECAP_PASID) | VREG(ECAP_PSS) | VREG(ECAP_FSTS), "ECAP.RPS"},
		{VREG(CAP_AFL), 0, 0, 0, "CAP.AFL"},
		{VREG(CAP_RWBF), 0, 0, 0, "CAP.RWBF"},
		{VREG(CAP_PLMR), 0, 0, 0, "CAP.PLMR"},
		{VREG(CAP_PHMR), 0, 0, 0, "CAP.PLMR"},
		{VREG(CAP_ECMDS), 0, 0, 0, "CAP.ECMDS"},
		{VREG(CAP_ESRTPS), 0, 0, 0, "CAP.ESRTPS"},
		{VREG(CAP_ESIRTPS), 0, 0, 0, "CAP.PI, ESIRTPS"},
		{VREG(CAP_PI), 0, 0, 0, "CAP.PI, ESIRTPS"},
		{VREG(CAP_PI) | VREG(CAP_ESIRTPS), 0, VREG(ECAP_IR), 0, NULL},
		{VIQ_BIT(13), 0, 0, 0, "CAP"},
		{VIQ_BIT(38), 0, 0, 0, "CAP"},
		{VREG(CAP_ND), 0, 0, 0, "CAP.ND"},
		{0, VREG(CAP_SAGAW), 0, 0, "CAP.SAGAW"},
		{VIQ_BIT(8), 0, 0, 0, "CAP.SAGAW"},
		{VREG(CAP_MGAW), 0, 0, 0, "CAP.MGAW"},
		{0, VREG(CAP_MGAW), 0, 0, "CAP.MGAW"},
		{VIQ_PUT(VREG(CAP_MGAW), 37), VREG(CAP_MGAW) & ~VIQ_PUT(VREG(CAP_MGAW), 37), 0, 0, "CAP.MGAW"},
		{VIQ_PUT(VREG(CAP_MGAW), 38), VREG(CAP_MGAW) & ~VIQ_PUT(VREG(CAP_MGAW), 38), 0, 0, NULL},
		{VIQ_PUT(VREG(CAP_MGAW), 56), VREG(CAP_MGAW) & ~VIQ_PUT(VREG(CAP_MGAW), 56), 0, 0, NULL},
		{VIQ_PUT(VREG(CAP_MGAW), 57), VREG(CAP_MGAW) & ~VIQ_PUT(VREG(CAP_MGAW), 57), 0, 0, "CAP.MGAW"},
		{VREG(CAP_SSLPS), 0, 0, 0, "CAP.SSLPS"},
		{0, VREG(CAP_MAMV), 0, 0, "CAP.MAMV"},
		{VREG(CAP_MAMV), 0, 0, 0, "CAP.MAMV"},
		/* Bits 63 to 12 of an address are 2^52 pages. */
		{VIQ_PUT(VREG(CAP_MAMV), 51), VREG(CAP_MAMV) & ~VIQ_PUT(VREG(CAP_MAMV), 51), 0, 0, NULL},
		{VIQ_PUT(VREG(CAP_MAMV), 52), VREG(CAP_MAMV) & ~VIQ_PUT(VREG(CAP_MAMV), 52), 0, 0, "CAP.MAMV"},
		{0, VREG(CAP_MAMV) | VREG(CAP_PSI), 0, 0, NULL},
		{0, 0, 0, VREG(ECAP_FSTS), "CAP.FS1GP"},
		{0, VREG(CAP_FRO), 0, 0, "CAP.FRO"},
		{VREG(CAP_FRO), 0, 0, 0, "CAP.FRO"},
		{VREG(CAP_NFR), 0, 0, 0, "CAP.FRO"},
		{0, 0, 0, VREG(ECAP_IRO), "ECAP.IRO"},
		{0, 0, VREG(ECAP_IRO), 0, "ECAP.IRO"},
		{VIQ_PUT(VREG(CAP_FRO), 0xf), VREG(CAP_FRO) & ~VIQ_PUT(VREG(CAP_FRO), 0xf), 0, 0, "CAP.FRO, ECAP.IRO"},
		{VIQ_PUT(VREG(CAP_FRO), 0x10), VREG(CAP_FRO) & ~VIQ_PUT(VREG(CAP_FRO), 0x10), 0, 0, NULL},
		{VIQ_PUT(VREG(CAP_NFR), 1), 0, VIQ_PUT(VREG(ECAP_IRO), 0x23),
		 VREG(ECAP_IRO) & ~VIQ_PUT(VREG(ECAP_IRO), 0x23), "CAP.FRO, ECAP.IRO"},
	};
	struct viq_mem *mem;

	assert_int_equal(viq_mem_create(NULL, 0, NULL, NULL, &mem, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct viq_vtd_config config;
		struct viq_why why = {""};
		struct viq_vtd *vtd = NULL;
		int want = cases[i].field ? -EINVAL : 0;

		full(&config, mem);
		config.cap = (config.cap & ~cases[i].cap_off) | cases[i].cap_on;
		config.ecap = (config.ecap & ~cases[i].ecap_off) | cases[i].ecap_on;
		if (viq_vtd_config_check(&config, &why) != want ||
		    (cases[i].field && strncmp(why.text, cases[i].field, strlen(cases[i].field))))
			fail_msg("case %zu: wanted %s, got: %s", i, cases[i].field, why.text);
		assert_int_equal(viq_vtd_config_check(&config, NULL), want);
		assert_int_equal(viq_vtd_create(&config, &vtd, NULL), want);
		assert_true(!vtd == !!want);
		viq_vtd_destroy(vtd);
	}
	viq_mem_destroy(mem);
}

static void expect(const struct viq_vtd_config *config, const char *field)
{
	struct viq_why why = {""};

	assert_int_equal(viq_vtd_config_check(config, &why), -EINVAL);
	assert_int_equal(strncmp(why.text, field, strlen(field)), 0);
}

static void test_embedding(void **state)
{
	struct viq_vtd_ops bad = ops;
	struct viq_vtd_config good, c;
	struct viq_why why = {""};
	struct viq_vtd *vtd;
	struct viq_mem *mem;

	assert_int_equal(viq_mem_create(NULL, 0, NULL, NULL, &mem, NULL), 0);
	full(&good, mem);
	expect(NULL, "config");
	c = good, c.size++;
	expect(&c, "config.size");
	c = good, c.mem = NULL;
	expect(&c, "mem");
	c = good, c.page = (char *)mem - (uintptr_t)mem % 4096 + 2048;
	expect(&c, "page");
	c = good, c.reserved = 1;
	expect(&c, "reserved");
	c = good, c.version = 0x110;
	expect(&c, "version");
	c = good, c.version = 0x0f;
	expect(&c, "version");
	c = good, c.ops = &bad, bad.size++;
	expect(&c, "config.ops.size");
	bad = ops, bad.devtlb = NULL;
	c.ecap |= VREG(ECAP_DT);
	expect(&c, "ECAP.DT");
	c.ops = NULL;
	expect(&c, "ECAP.DT");
	bad = ops, bad.page_response = NULL;
	c.ops = &bad;
	c.ecap |= VREG(ECAP_PRS);
	expect(&c, "ECAP.PRS: page requests need ops.page_response");
	c.ops = &ops;
	assert_int_equal(viq_vtd_config_check(&c, NULL), 0);
	assert_int_equal(viq_vtd_create(&good, NULL, &why), -EINVAL);
	assert_string_equal(why.text, "out: NULL");
	/* Without any hook: a guest can use all that is left. */
	good.ops = NULL;
	good.ecap |= VREG(ECAP_IR);
	assert_int_equal(viq_vtd_create(&good, &vtd, NULL), 0);
	viq_vtd_mmio_write(vtd, VREG(GCMD), 4, VREG(GCMD_TE) | VREG(GCMD_SRTP) | VREG(GCMD_SIRTP) | VREG(GCMD_IRE));
	viq_vtd_mmio_write(vtd, VREG(FECTL), 4, 0);
	assert_int_equal(viq_vtd_fault(vtd, (const uint64_t[2]){0, 0}), 0);
	viq_vtd_mmio_write(vtd, VREG(IQT), 4, 16);
	viq_vtd_mmio_write(vtd, VREG(GCMD), 4, VREG(GCMD_QIE));
	assert_int_equal(viq_vtd_mmio_read(vtd, VREG(FSTS), 4), VREG(FSTS_IQE) | VREG(FSTS_PPF));
	viq_vtd_reset(vtd);
	assert_true(viq_vtd_footprint(vtd) <= 32 * 1024);
	viq_vtd_destroy(vtd);
	viq_vtd_destroy(NULL);
	viq_vtd_reset(NULL);
	viq_vtd_config_init(NULL, 0);
	assert_int_equal(viq_vtd_footprint(NULL), 0);
	assert_int_equal(viq_vtd_counters(NULL, &(struct viq_vtd_counters){0}, 8), -EINVAL);
	viq_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_embedding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
