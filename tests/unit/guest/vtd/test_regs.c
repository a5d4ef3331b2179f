/* SPDX-License-Identifier: MIT */
/* Registers: what reads back, the GCMD/GSTS protocol, the queue's registers and their nonsense, register-based
 * requests. */
#include <string.h>

#include "support/vvtd.h"

#define IOTLB (0xf0 + 8)
#define IVA   0xf0
#define FRCD  0x220

static void test_reset_values(void **state)
{
	struct vvtd *v = vvtd_new(NULL);

	for (unsigned int after_reset = 0; after_reset < 2; after_reset++) {
		assert_int_equal(vvtd_r32(v, VREG(VER)), 0x40);
		assert_true(vvtd_r64(v, VREG(CAP)) == v->config.cap);
		assert_true(vvtd_r64(v, VREG(ECAP)) == v->config.ecap);
		for (uint64_t offset = VREG(GCMD); offset < VVTD_STATUS >> 11; offset += 4) {
			bool mask = offset == VREG(FECTL) || offset == VREG(IECTL);

			assert_int_equal(vvtd_r32(v, offset), mask ? 0x80000000 : 0);
		}
		/* Leave marks everywhere, and take them away. */
		vvtd_boot(v, 256, 2);
		vvtd_submit(v, desc_page(1, 1, 1));
		for (uint64_t offset = VREG(GCMD); offset < 0x400; offset += 4)
			vvtd_w32(v, offset, 0xffffffff);
		viq_vtd_fault(v->vtd, (const uint64_t[2]){0x1000, 1});
		v->lax = true;
		viq_vtd_reset(v->vtd);
	}
	assert_int_equal(v->log[v->log_count - 2].reconfig.cause, VIQ_VTD_RESTORED);
	assert_int_equal(v->log[v->log_count - 1].a, VIQ_VTD_REMAP_RESTORED);
	vvtd_free(v);
}

/* Which bits of which registers hold what is written. */
static void test_writable_bits(void **state)
{
	static const struct {
		uint64_t offset, bits;
		unsigned int width;
	} regs[] = {
		{VREG(VER), 0, 4},
		{VREG(CAP), 0, 8},
		{VREG(ECAP), 0, 8},
		{VREG(GSTS), 0, 4},
		{VREG(RTADDR), 0xfffffffffffffc00, 8},
		{VREG(FEDATA), 0xffff, 4},
		{VREG(FEADDR), 0xfffffffc, 4},
		{VREG(FEUADDR), 0xffffffff, 4},
		{VREG(IQH), 0, 8},
		{VREG(IQT), 0x7fff0, 8},
		{VREG(IQA), 0xfffffffffffff807, 8},
		{VREG(ICS), 0, 4},
		{VREG(IEDATA), 0xffff, 4},
		{VREG(IEADDR), 0xfffffffc, 4},
		{VREG(IEUADDR), 0xffffffff, 4},
		{VREG(IQERCD), 0, 8},
		{VREG(IRTA), 0xfffffffffffff80f, 8},
		{IVA, 0, 8},
		{0x48, 0, 4},
		{0x64, 0, 4},
		{0x98, 0, 4},
		{0xc0, 0, 8},
		{0xe0, 0, 4},
		{FRCD, 0, 8},
		{FRCD + 8, 0, 8},
		{0xff8, 0, 8},
	};
	struct vvtd *v = vvtd_new(NULL);

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		uint64_t offset = regs[i].offset, was;

		if (regs[i].width == 4) {
			was = vvtd_r32(v, offset) & ~regs[i].bits;
			vvtd_w32(v, offset, 0xffffffff);
			assert_int_equal(vvtd_r32(v, offset), was | regs[i].bits);
			vvtd_w32(v, offset, 0);
			assert_int_equal(vvtd_r32(v, offset), was);
			continue;
		}
		was = vvtd_r64(v, offset) & ~regs[i].bits;
		vvtd_w64(v, offset, UINT64_MAX);
		assert_true(vvtd_r64(v, offset) == (was | regs[i].bits));
		/* By halves. */
		vvtd_w32(v, offset, 0);
		assert_true(vvtd_r64(v, offset) == (was | (regs[i].bits & 0xffffffff00000000)));
		vvtd_w64(v, offset, 0);
		vvtd_w32(v, offset + 4, 0xffffffff);
		assert_true(vvtd_r64(v, offset) == (was | (regs[i].bits & 0xffffffff00000000)));
		assert_int_equal(vvtd_r32(v, offset + 4), (was | regs[i].bits) >> 32);
		vvtd_w64(v, offset, 0);
	}
	vvtd_free(v);
}

/* Sizes and places that are none. Two 32-bit registers side by side take one 8-byte access. */
static void test_odd_accesses(void **state)
{
	struct vvtd *v = vvtd_new(NULL);

	vvtd_w64(v, VREG(FEADDR), 0x12345678fee00000);
	assert_int_equal(vvtd_r32(v, VREG(FEADDR)), 0xfee00000);
	assert_int_equal(vvtd_r32(v, VREG(FEUADDR)), 0x12345678);
	assert_true(vvtd_r64(v, VREG(FEADDR)) == 0x12345678fee00000);
	viq_vtd_mmio_write(v->vtd, VREG(FEADDR), 1, 0);
	viq_vtd_mmio_write(v->vtd, VREG(FEADDR), 2, 0);
	viq_vtd_mmio_write(v->vtd, VREG(FEADDR) + 2, 4, 0);
	viq_vtd_mmio_write(v->vtd, VREG(FEADDR) - 4, 16, 0);
	viq_vtd_mmio_write(v->vtd, VREG(FEDATA), 8, 0);
	viq_vtd_mmio_write(v->vtd, UINT64_MAX - 7, 8, UINT64_MAX);
	viq_vtd_mmio_write(v->vtd, UINT64_MAX, 4, UINT64_MAX);
	assert_true(vvtd_r64(v, VREG(FEADDR)) == 0x12345678fee00000);
	assert_int_equal(viq_vtd_mmio_read(v->vtd, VREG(CAP), 1), 0);
	assert_int_equal(viq_vtd_mmio_read(v->vtd, VREG(CAP), 2), 0);
	assert_int_equal(viq_vtd_mmio_read(v->vtd, VREG(CAP) + 4, 8), 0);
	assert_int_equal(viq_vtd_mmio_read(v->vtd, VREG(CAP), 3), 0);
	assert_int_equal(viq_vtd_mmio_read(v->vtd, UINT64_MAX - 7, 8), 0);
	assert_int_equal(viq_vtd_mmio_read(NULL, 0, 4), 0);
	viq_vtd_mmio_write(NULL, 0, 4, 0);
	assert_false(viq_vtd_run(NULL, 0));
	vvtd_free(v);
}

static void test_gcmd(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct viq_vtd_tables t = {.size = sizeof(t)};

	/* The address is taken over by SRTP only. */
	vvtd_w64(v, VREG(RTADDR), 0x123400);
	assert_int_equal(viq_vtd_tables(v->vtd, &t), 0);
	assert_false(t.root_set || t.root || t.mode || t.enabled);
	vvtd_gcmd(v, VREG(GCMD_SRTP), true);
	assert_int_equal(v->log[v->log_count - 1].reconfig.cause, VIQ_VTD_ROOT_TABLE);
	vvtd_w64(v, VREG(RTADDR), 0x567000);
	assert_int_equal(viq_vtd_tables(v->vtd, &t), 0);
	assert_true(t.root_set && t.root == 0x123000 && t.mode == VIQ_VTD_TTM_SCALABLE);
	/* One-shot bits: nothing when written 0, again when written 1. */
	vvtd_w32(v, VREG(GCMD), 0);
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), VREG(GSTS_RTPS));
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_SRTP));
	assert_int_equal(viq_vtd_tables(v->vtd, &t), 0);
	assert_true(t.root == 0x567000 && t.mode == VIQ_VTD_TTM_LEGACY);
	/* Level bits act on change only. */
	v->log_count = 0;
	vvtd_gcmd(v, VREG(GCMD_TE), true);
	assert_int_equal(v->log_count, 1);
	assert_int_equal(v->log[0].reconfig.cause, VIQ_VTD_ENABLED);
	vvtd_gcmd(v, VREG(GCMD_TE), true);
	vvtd_gcmd(v, VREG(GCMD_WBF), true);
	assert_int_equal(v->log_count, 1);
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_TE) | VREG(GCMD_EAFL) | VREG(GCMD_SFL) | 0x7fffff);
	assert_int_equal(v->log_count, 1);
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), VREG(GSTS_TES) | VREG(GSTS_RTPS));
	vvtd_gcmd(v, VREG(GCMD_TE), false);
	assert_int_equal(v->log[1].reconfig.cause, VIQ_VTD_DISABLED);
	/* Interrupt remapping. */
	vvtd_w64(v, VREG(IRTA), 0x9000 | VREG(IRTA_EIME) | 7);
	vvtd_gcmd(v, VREG(GCMD_SIRTP), true);
	vvtd_gcmd(v, VREG(GCMD_IRE), true);
	vvtd_gcmd(v, VREG(GCMD_CFI), true);
	assert_int_equal(v->log[2].a, VIQ_VTD_REMAP_TABLE);
	assert_int_equal(v->log[3].a, VIQ_VTD_REMAP_STATE);
	assert_int_equal(v->log[4].a, VIQ_VTD_REMAP_STATE);
	assert_int_equal(v->log_count, 5);
	assert_int_equal(viq_vtd_tables(v->vtd, &t), 0);
	assert_true(t.remap_set && t.remap_enabled && t.compat && t.extended);
	assert_int_equal(t.remap_entries, 256);
	assert_int_equal(t.remap_table, 0x9000);
	vvtd_gcmd(v, VREG(GCMD_CFI), false);
	vvtd_gcmd(v, VREG(GCMD_IRE), false);
	assert_int_equal(viq_vtd_tables(v->vtd, &t), 0);
	assert_false(t.remap_enabled || t.compat);
	t.size++;
	assert_int_equal(viq_vtd_tables(v->vtd, &t), -22);
	assert_int_equal(viq_vtd_tables(v->vtd, NULL), -22);
	vvtd_free(v);
}

/* What another vCPU reads in the middle of a hook or a host's call. */
struct look {
	uint32_t gsts;
	uint64_t ccmd, iotlb;
};

static struct look look_at(struct vvtd *v)
{
	uint64_t iro = VIQ_GET(VIQ_VTD_ECAP_IRO, v->config.ecap) * VIQ_VTD_OFFSET_UNITS;

	return (struct look){vvtd_r32(v, VREG(GSTS)), vvtd_r64(v, VREG(CCMD)), vvtd_r64(v, iro + 8)};
}

static struct look seen;

static void look(struct vvtd *v, const struct viq_vtd_reconfig *what)
{
	seen = look_at(v);
}

static int look_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	seen = look_at(opaque);
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = 1, .suspect = 1};
	return 0;
}

/* A vCPU may poll while another one's write is being carried out: GSTS, ICC and IVT say when it is done. */
static void test_told_when_done(void **state)
{
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops), .report_group = 1, .invalidate = look_invalidate};
	struct vvtd *v = vvtd_new(NULL);
	uint64_t iro = VIQ_GET(VIQ_VTD_ECAP_IRO, v->config.ecap) * VIQ_VTD_OFFSET_UNITS;

	v->on_reconfig = look;
	for (int again = 0; again < 2; again++) {
		vvtd_gcmd(v, VREG(GCMD_SRTP), true);
		assert_int_equal(seen.gsts & VREG(GSTS_RTPS), 0);
	}
	vvtd_gcmd(v, VREG(GCMD_TE), true);
	assert_int_equal(seen.gsts, VREG(GSTS_RTPS));
	vvtd_gcmd(v, VREG(GCMD_TE), false);
	assert_int_equal(seen.gsts, VREG(GSTS_RTPS) | VREG(GSTS_TES));
	vvtd_w64(v, VREG(CCMD), VREG(CCMD_ICC) | VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_GLOBAL));
	assert_true(seen.ccmd & VREG(CCMD_ICC));
	assert_false(vvtd_r64(v, VREG(CCMD)) & VREG(CCMD_ICC));
	vvtd_attach_ref(v, (struct viq_call_host){.ops = &ops, .opaque = v}, 1, 0, 1, 0);
	vvtd_w64(v, iro + 8, VREG(IOTLB_IVT) | VIQ_PUT(VREG(IOTLB_IIRG), VIQ_VTD_IOTLB_GLOBAL));
	assert_true(seen.iotlb & VREG(IOTLB_IVT));
	assert_int_equal(VIQ_GET(VREG(IOTLB_IAIG), vvtd_r64(v, iro + 8)), VIQ_VTD_IOTLB_GLOBAL);
	assert_false(vvtd_r64(v, iro + 8) & VREG(IOTLB_IVT));
	vvtd_free(v);
}

static void test_gcmd_without_remapping(void **state)
{
	struct viq_vtd_config config;
	struct vvtd *v;

	viq_vtd_config_init(&config, sizeof(config));
	v = vvtd_new(&config);
	vvtd_w64(v, VREG(IRTA), UINT64_MAX);
	vvtd_w32(v, VREG(FEUADDR), 1);
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_IRE) | VREG(GCMD_SIRTP) | VREG(GCMD_CFI));
	assert_int_equal(vvtd_r64(v, VREG(IRTA)), 0);
	assert_int_equal(vvtd_r32(v, VREG(FEUADDR)), 0);
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), 0);
	assert_int_equal(v->log_count, 0);
	vvtd_free(v);
}

/* The queue on and off, with the order that Windows uses, too; base and size as they were when it was switched on. */
static void test_queue_switch(void **state)
{
	struct vvtd *v = vvtd_new(NULL);

	vvtd_boot(v, 256, 0);
	/* Off without ever having been used: accepted. */
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	/* The tail first. */
	vvtd_push(v, desc_wait(true, false, false, 7, VVTD_STATUS));
	vvtd_w32(v, VREG(IQT), 32);
	assert_int_equal(vvtd_peek32(v, VVTD_STATUS), 0);
	assert_int_equal(vvtd_r64(v, VREG(IQT)), 32);
	vvtd_w64(v, VREG(IQA), VVTD_QUEUE | VREG(IQA_DW));
	assert_int_equal(vvtd_r64(v, VREG(IQT)), 32);
	vvtd_gcmd(v, VREG(GCMD_QIE), true);
	assert_int_equal(vvtd_peek32(v, VVTD_STATUS), 7);
	assert_int_equal(vvtd_r64(v, VREG(IQH)), 32);
	/* While it is on, IQA does not change. */
	vvtd_w64(v, VREG(IQA), 0x5000);
	vvtd_w32(v, VREG(IQA), 0x5003);
	assert_int_equal(vvtd_r64(v, VREG(IQA)), VVTD_QUEUE | VREG(IQA_DW));
	/* Off in the middle: IQH starts again at 0. */
	vvtd_push(v, (struct test_desc){{0}});
	vvtd_w32(v, VREG(IQT), 64);
	assert_iqe(v, 1, 3);
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	assert_int_equal(vvtd_r64(v, VREG(IQH)), 0);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	assert_int_equal(vvtd_r64(v, VREG(IQH)), 0);
	/* IQE set while the queue is switched on again: nothing is fetched until it is cleared. */
	vvtd_gcmd(v, VREG(GCMD_QIE), true);
	assert_iqe(v, 1, 3);
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	vvtd_replace_desc(v, 1, desc_wait(true, false, false, 9, VVTD_STATUS));
	vvtd_gcmd(v, VREG(GCMD_QIE), true);
	assert_int_equal(vvtd_r64(v, VREG(IQH)), 0);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	assert_int_equal(vvtd_peek32(v, VVTD_STATUS), 9);
	assert_int_equal(vvtd_r64(v, VREG(IQH)), 64);
	vvtd_free(v);
}

/* Only the lower half of IQT is a doorbell; only a change of it has work. */
static void test_doorbells(void **state)
{
	struct vvtd *v = vvtd_new(NULL);

	vvtd_boot(v, 256, 0);
	vvtd_push_wait(v);
	vvtd_push_wait(v);
	assert_int_equal(vtd_counters(v->vtd).doorbells, 1);
	vvtd_w32(v, VREG(IQT) + 4, 0xffffffff);
	assert_int_equal(vtd_counters(v->vtd).doorbells, 1);
	assert_int_equal(vtd_counters(v->vtd).runs, 0);
	vvtd_w64(v, VREG(IQT), 0xffffffff00000000 | 32 | 0xf);
	assert_true(vvtd_completed(v, 0));
	assert_int_equal(vvtd_r64(v, VREG(IQT)), 32);
	vvtd_w32(v, VREG(IQT), 32);
	assert_int_equal(vtd_counters(v->vtd).runs, 1);
	vvtd_w32(v, VREG(IQT), 0xfff80040);
	assert_true(vvtd_completed(v, 1));
	assert_int_equal(vtd_counters(v->vtd).runs, 2);
	vvtd_free(v);
}

/* What stops the queue before any descriptor is read, and how a guest gets out of it. */
static void test_setups(void **state)
{
	const struct {
		uint64_t ecap_off;
		unsigned int width, mode;
		uint32_t tail;
		unsigned int iqei;
	} cases[] = {
		{0, 256, 0, 0x20, 0},
		{0, 256, 1, 0x20, 0},
		{0, 128, 0, 0x10, 0},
		{0, 128, 1, 0x10, 5},
		{0, 128, 2, 0x10, 7},
		{0, 256, 2, 0x20, 7},
		{0, 256, 3, 0x20, 7},
		{VREG(ECAP_SMTS), 256, 0, 0x20, 5},
		{VREG(ECAP_SMTS), 128, 0, 0x10, 0},
		{VREG(ECAP_SMTS), 128, 1, 0x10, 7},
		{0, 256, 0, 0x10, 6},
		{0, 256, 0, 0x30, 6},
		{0, 256, 0, 0x7fff0, 6},
		{0, 256, 0, 0x1000, 1},
		{0, 256, 0, 0x7ffe0, 1},
		{0, 128, 0, 0x1000, 1},
		{0, 128, 0, 0x7fff0, 1},
		{0, 128, 0, 0xff0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct viq_vtd_config config;
		struct vvtd *v;

		vvtd_config(&config);
		if (cases[i].ecap_off) {
			config.ecap &= ~(VREG(ECAP_SMTS) | VREG(ECAP_FSTS) | VREG(ECAP_PASID) | VREG(ECAP_PSS));
			config.cap &= ~VREG(CAP_FS1GP);
		}
		v = vvtd_new(&config);
		v->lax = true;
		vvtd_w64(v, VREG(RTADDR), (uint64_t)cases[i].mode << 10);
		vvtd_gcmd(v, VREG(GCMD_SRTP), true);
		vvtd_boot(v, cases[i].width, 0);
		/* Plenty of good descriptors. */
		for (uint32_t n = 0; n < v->slots; n++)
			vvtd_push(v, desc_wait(false, false, true, 0, 0));
		vvtd_w32(v, VREG(IQT), cases[i].tail);
		assert_int_equal(vvtd_r64(v, VREG(IQT)), cases[i].tail);
		assert_int_equal(vvtd_r32(v, VREG(FSTS)), cases[i].iqei ? VREG(FSTS_IQE) : 0);
		assert_int_equal(vvtd_r64(v, VREG(IQERCD)), cases[i].iqei);
		assert_int_equal(vvtd_r64(v, VREG(IQH)), cases[i].iqei ? 0 : cases[i].tail);
		if (cases[i].iqei == 1 || cases[i].iqei == 6) {
			/* A good tail is taken, and used once the error is cleared. */
			vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
			assert_iqe(v, 0, cases[i].iqei);
			vvtd_w32(v, VREG(IQT), 0x40);
			assert_iqe(v, 0, cases[i].iqei);
			vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
			assert_int_equal(vvtd_r64(v, VREG(IQH)), 0x40);
			assert_int_equal(vvtd_r64(v, VREG(IQERCD)), 0);
		}
		vvtd_free(v);
	}
}

/* Memory that is not there: fetch error at that descriptor, with all before done. */
static void test_fetch_error(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 0, 0x100, 0);
	v->lax = true;
	vvtd_boot_at(v, 256, 1, VVTD_RAM_SIZE - 4096);
	for (unsigned int i = 0; i < 128; i++)
		vvtd_push(v, desc_page(1, 0, i));
	vvtd_w32(v, VREG(IQT), 200 * 32);
	assert_iqe(v, 128, 2);
	assert_int_equal(host->effect_count, 128);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	assert_iqe(v, 128, 2);
	/* Nowhere at all. */
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	vvtd_boot_at(v, 256, 0, UINT64_C(0xfffffffffffff000));
	vvtd_w32(v, VREG(IQT), 32);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	assert_iqe(v, 0, 2);
	vvtd_free(v);
}

/* --- Register-based requests -------------------------------------------------------------------------------------- */

static unsigned int iotlb(struct vvtd *v, unsigned int granularity, uint16_t did)
{
	uint64_t value;

	vvtd_w64(v, IOTLB, VREG(IOTLB_IVT) | (uint64_t)granularity << 60 | (uint64_t)did << 32);
	value = vvtd_r64(v, IOTLB);
	assert_int_equal(value >> 63, 0);
	assert_int_equal(value >> 32 & 0xffff, did);
	return value >> 57 & 3;
}

static unsigned int ccmd(struct vvtd *v, unsigned int granularity)
{
	uint64_t value;

	vvtd_w64(v, VREG(CCMD), VREG(CCMD_ICC) | (uint64_t)granularity << 61 | UINT64_C(2) << 32 | 0x1230004);
	value = vvtd_r64(v, VREG(CCMD));
	assert_int_equal(value >> 63, 0);
	assert_int_equal(value & 0x3ffffffff, 0x201230004);
	return value >> 59 & 3;
}

static void test_by_register(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *a = vvtd_host_new(v), *b = vvtd_host_new(v);

	vvtd_attach(v, a, 1, 0, 0x100, 0);
	vvtd_attach(v, b, 2, 0, 0x100, 0);
	assert_int_equal(iotlb(v, 1, 0), 1);
	assert_int_equal(a->effect_count + b->effect_count, 2);
	assert_int_equal(iotlb(v, 2, 1), 2);
	assert_int_equal(a->effect_count, 2);
	/* Page-selective acts on the whole domain, and says so. IVA does not read back. */
	vvtd_w64(v, IVA, 0x5000 | 18);
	assert_int_equal(iotlb(v, 3, 2), 2);
	assert_int_equal(b->effect_count, 2);
	vvtd_w64(v, IVA, 0x5000 | 19);
	assert_int_equal(iotlb(v, 3, 2), 0);
	assert_int_equal(iotlb(v, 0, 2), 0);
	assert_int_equal(a->effect_count + b->effect_count, 4);
	/* What could not be confirmed, and is given up, was not done. */
	v->gives_up = true;
	vvtd_host_fail(b, entry_all(), VIQ_CALL_FAILED, 1);
	assert_int_equal(iotlb(v, 1, 0), 0);
	vvtd_host_fail(a, entry_all(), VIQ_CALL_FAILED, 1);
	assert_int_equal(iotlb(v, 1, 0), 0);
	assert_int_equal(iotlb(v, 1, 0), 1);
	/* The half with IVT is what triggers. */
	a->effect_count = 0;
	vvtd_w32(v, IOTLB, 0);
	assert_int_equal(a->effect_count, 0);
	vvtd_w32(v, IOTLB + 4, 0x80000000 | 1u << 28);
	assert_int_equal(a->effect_count, 1);
	/* 11.4.6.1: a reserved granularity is ignored. */
	vvtd_forget(v);
	assert_int_equal(ccmd(v, 0), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG), 0);
	assert_int_equal(ccmd(v, 1), 1);
	assert_int_equal(v->log[v->log_count - 1].reconfig.scope, VIQ_VTD_SCOPE_ALL);
	assert_int_equal(ccmd(v, 2), 2);
	assert_int_equal(v->log[v->log_count - 1].reconfig.scope, VIQ_VTD_SCOPE_DOMAIN);
	assert_int_equal(v->log[v->log_count - 1].reconfig.domain_id, 4);
	assert_int_equal(ccmd(v, 3), 3);
	assert_int_equal(v->log[v->log_count - 1].reconfig.source_id, 0x123);
	assert_int_equal(v->log[v->log_count - 1].reconfig.source_mask, 0xfff9);
	v->reconfig_result = -5;
	assert_int_equal(ccmd(v, 1), 0);
	v->reconfig_result = 0;
	/* While the queue is on, or not in legacy mode: invalid, but never busy for ever. */
	vvtd_forget(v);
	vvtd_boot(v, 256, 0);
	assert_int_equal(ccmd(v, 1), 0);
	assert_int_equal(iotlb(v, 1, 0), 0);
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	vvtd_w64(v, VREG(RTADDR), 0x400);
	vvtd_gcmd(v, VREG(GCMD_SRTP), true);
	assert_int_equal(ccmd(v, 1), 0);
	assert_int_equal(iotlb(v, 1, 0), 0);
	assert_int_equal(a->effect_count + b->effect_count, 0);
	assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG), 1);
	vvtd_free(v);
}

static void test_no_registers_from_version_6(void **state)
{
	struct viq_vtd_config config;
	struct vvtd *v;

	vvtd_config(&config);
	config.version = 0x60;
	v = vvtd_new(&config);
	vvtd_w64(v, VREG(CCMD), UINT64_MAX);
	vvtd_w64(v, IOTLB, UINT64_MAX);
	assert_int_equal(vvtd_r64(v, VREG(CCMD)), 0);
	assert_int_equal(vvtd_r64(v, IOTLB), 0);
	assert_int_equal(v->log_count, 0);
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset_values),   cmocka_unit_test(test_writable_bits),
		cmocka_unit_test(test_odd_accesses),   cmocka_unit_test(test_gcmd),
		cmocka_unit_test(test_told_when_done), cmocka_unit_test(test_gcmd_without_remapping),
		cmocka_unit_test(test_queue_switch),   cmocka_unit_test(test_doorbells),
		cmocka_unit_test(test_setups),         cmocka_unit_test(test_fetch_error),
		cmocka_unit_test(test_by_register),    cmocka_unit_test(test_no_registers_from_version_6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
