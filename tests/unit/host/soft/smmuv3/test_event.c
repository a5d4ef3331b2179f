/* SPDX-License-Identifier: MIT */
/* Faults of accesses: the event record of each (IHI 0070 7.3), and what the device sees (5.5). */
#include "support/soft.h"

#define VA UINT64_C(0x123456789000)

struct expect {
	uint64_t record[4];
	int ret;
	bool silent;
};

static uint64_t dw0(unsigned int event)
{
	return event | VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, VSID);
}

static uint64_t dw0_ssid(unsigned int event, uint32_t ssid)
{
	return dw0(event) | VIQ_SMMUV3_EVT_0_SSV | VIQ_PUT(VIQ_SMMUV3_EVT_0_SSID, ssid);
}

#define RNW      VIQ_SMMUV3_EVT_1_RNW
#define CLASS_IN VIQ_PUT(VIQ_SMMUV3_EVT_1_CLASS, VIQ_SMMUV3_EVT_CLASS_IN)
#define CLASS_TT VIQ_PUT(VIQ_SMMUV3_EVT_1_CLASS, VIQ_SMMUV3_EVT_CLASS_TT)

static void check(struct machine *m, uint64_t va, uint32_t ssid, uint32_t flags, const struct expect *e)
{
	struct viq_soft_counters before, after;
	uint64_t pa;

	machine_events(m);
	viq_soft_counters(m->soft, &before, sizeof(before));
	assert_int_equal(translate(m->dev, va, ssid, flags, &pa), e->ret);
	viq_soft_counters(m->soft, &after, sizeof(after));
	assert_int_equal(after.faults, before.faults + 1);
	assert_int_equal(machine_events(m), !e->silent);
	for (unsigned int i = 0; !e->silent && i < 4; i++)
		assert_int_equal(m->events[0][i], e->record[i]);
}

/* The access aborts, with this record. */
static void aborts(struct machine *m, uint64_t va, uint32_t ssid, uint32_t flags, const uint64_t record[4])
{
	struct expect e = {.ret = -EFAULT};

	memcpy(e.record, record, sizeof(e.record));
	check(m, va, ssid, flags, &e);
}

static void an_unmapped_page(void **state)
{
	const uint32_t rw = VIQ_SOFT_READ | VIQ_SOFT_WRITE;
	struct machine m;

	machine_init_s1(&m, NULL);
	aborts(&m, VA, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x10), RNW | CLASS_IN, VA});
	aborts(&m, VA + 0x7ff, 0, VIQ_SOFT_WRITE, (uint64_t[4]){dw0(0x10), CLASS_IN, VA + 0x7ff});
	aborts(&m, VA, 0, rw, (uint64_t[4]){dw0(0x10), CLASS_IN, VA});
	aborts(&m, VA, 0, VIQ_SOFT_READ | VIQ_SOFT_PRIV | VIQ_SOFT_EXEC,
	       (uint64_t[4]){dw0(0x10), RNW | CLASS_IN | VIQ_SMMUV3_EVT_1_PNU | VIQ_SMMUV3_EVT_1_IND, VA});
	/* TTB1 is off; an address in neither half. */
	aborts(&m, ~UINT64_C(0xfff), 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x10), RNW | CLASS_IN, ~UINT64_C(0xfff)});
	aborts(&m, UINT64_C(1) << 50, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x10), RNW | CLASS_IN, UINT64_C(1) << 50});
	machine_fini(&m);
}

/* Twice each: from the tables and, for rights, from the TLB. Faults of leaves are not remembered. */
static void rights_and_leaf_faults(void **state)
{
	const uint64_t page = MEM_BASE + 0x100000;
	struct machine m;
	uint64_t ttb = machine_init_s1(&m, NULL), pa;

	map_page(&m, ttb, VA, (page | PAGE_RW) & ~UINT64_C(0x400)); /* AF = 0 */
	aborts(&m, VA, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x12), RNW | CLASS_IN, VA});
	map_page(&m, ttb, VA, page | PAGE_RW | 0x80); /* read-only */
	assert_translates(m.dev, VA, page);
	for (unsigned int i = 0; i < 2; i++)
		aborts(&m, VA, 0, VIQ_SOFT_WRITE, (uint64_t[4]){dw0(0x13), CLASS_IN, VA});
	/* Now writable, but the TLB knows it otherwise. */
	map_page(&m, ttb, VA, page | PAGE_RW);
	aborts(&m, VA, 0, VIQ_SOFT_WRITE, (uint64_t[4]){dw0(0x13), CLASS_IN, VA});
	invalidate(&m, tlbi_va(1), VA);
	assert_int_equal(translate(m.dev, VA, 0, VIQ_SOFT_WRITE, &pa), 0);
	/* Privileged only. */
	map_page(&m, ttb, VA, (page | PAGE_RW) & ~UINT64_C(0x40));
	invalidate(&m, tlbi_va(1), VA);
	assert_int_equal(translate(m.dev, VA, 0, VIQ_SOFT_READ | VIQ_SOFT_PRIV, &pa), 0);
	aborts(&m, VA, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x13), RNW | CLASS_IN, VA});
	/* UXN. */
	map_page(&m, ttb, VA, page | PAGE_RW | UINT64_C(1) << 54);
	invalidate(&m, tlbi_va(1), VA);
	assert_translates(m.dev, VA, page);
	aborts(&m, VA, 0, VIQ_SOFT_READ | VIQ_SOFT_EXEC,
	       (uint64_t[4]){dw0(0x13), RNW | CLASS_IN | VIQ_SMMUV3_EVT_1_IND, VA});
	machine_fini(&m);
}

/*
 * An instruction fetch asks for execution and nothing else: a page that an unprivileged access may only execute
 * (AP 0b00, UXN 0) is fetched from and not read. Three times each: from the tables, the TLB and the front.
 */
static void instruction_fetches(void **state)
{
	const uint32_t fetch = VIQ_SOFT_READ | VIQ_SOFT_EXEC;
	const uint64_t page = MEM_BASE + 0x100000, xn = UINT64_C(1) << 54, pxn = UINT64_C(1) << 53;
	struct machine m;
	uint64_t ttb = machine_init_s1(&m, NULL), pa;
	char buf[4] = "";

	map_page(&m, ttb, VA, (page | PAGE_RW) & ~UINT64_C(0x40));
	map_page(&m, ttb, VA + 0x1000, ((page + 0x1000) | PAGE_RW) & ~UINT64_C(0x40));
	map_page(&m, ttb, VA + 0x2000, (page + 0x2000) | PAGE_RW | 0x80 | pxn);
	map_page(&m, ttb, VA + 0x3000, (page + 0x3000) | ((PAGE_RW | 0x80) & ~UINT64_C(0x40)) | xn);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(translate(m.dev, VA + 8, 0, fetch, &pa), 0);
		assert_int_equal(pa, page + 8);
		aborts(&m, VA, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x13), RNW | CLASS_IN, VA});
		/* The other order: what is not readable is cached first. */
		aborts(&m, VA + 0x1000, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x13), RNW | CLASS_IN, VA + 0x1000});
		assert_int_equal(translate(m.dev, VA + 0x1000, 0, fetch, &pa), 0);
		assert_int_equal(pa, page + 0x1000);
		/* PXN and UXN: each for its own privilege. */
		assert_int_equal(translate(m.dev, VA + 0x2000, 0, fetch, &pa), 0);
		assert_int_equal(pa, page + 0x2000);
		aborts(&m, VA + 0x2000, 0, fetch | VIQ_SOFT_PRIV,
		       (uint64_t[4]){dw0(0x13), RNW | CLASS_IN | VIQ_SMMUV3_EVT_1_IND | VIQ_SMMUV3_EVT_1_PNU,
				     VA + 0x2000});
		assert_int_equal(translate(m.dev, VA + 0x3000, 0, fetch | VIQ_SOFT_PRIV, &pa), 0);
		assert_int_equal(pa, page + 0x3000);
		aborts(&m, VA + 0x3000, 0, fetch,
		       (uint64_t[4]){dw0(0x13), RNW | CLASS_IN | VIQ_SMMUV3_EVT_1_IND, VA + 0x3000});
	}
	put_word(&m, page, UINT64_C(0x44332211));
	assert_int_equal(viq_soft_dma_read(m.dev, VA, 0, VIQ_SOFT_EXEC, buf, sizeof(buf)), 0);
	assert_memory_equal(buf, "\x11\x22\x33\x44", 4);
	assert_int_equal(viq_soft_dma_read(m.dev, VA, 0, 0, buf, sizeof(buf)), -EFAULT);
	machine_fini(&m);
}

static void silent_and_harmless_terminations(void **state)
{
	struct machine m;
	uint64_t ttb = machine_init_s1(&m, NULL), cd = le64toh(*word_at(&m, m.cd));
	char buf[8] = "abcdefg";

	/* CD.A, CD.R: 00 silent RAZ/WI; 01 RAZ/WI with event; 10 silent abort. */
	for (unsigned int ar = 0; ar < 4; ar++) {
		uint64_t bits = (ar & 1 ? VIQ_SMMUV3_CD_0_R : 0) | (ar & 2 ? VIQ_SMMUV3_CD_0_A : 0);

		put_word(&m, m.cd, (cd & ~(VIQ_SMMUV3_CD_0_R | VIQ_SMMUV3_CD_0_A)) | bits);
		invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
		check(&m, VA, 0, VIQ_SOFT_READ,
		      &(struct expect){{dw0(0x10), RNW | CLASS_IN, VA}, ar & 2 ? -EFAULT : -ENODATA, !(ar & 1)});
	}
	/* They speak for the stage-1 translation faults only: a table beyond memory is recorded and aborts. */
	put_word(&m, m.cd, cd & ~(VIQ_SMMUV3_CD_0_R | VIQ_SMMUV3_CD_0_A));
	put_word(&m, ttb + (VA >> 39) * 8, (MEM_BASE + MEM_SIZE) | 3);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	aborts(&m, VA, 0, VIQ_SOFT_READ,
	       (uint64_t[4]){dw0(0x0b), RNW | CLASS_TT, VA, MEM_BASE + MEM_SIZE + (VA >> 30 & 511) * 8});
	/* What DMA makes of it. */
	assert_int_equal(viq_soft_dma_read(m.dev, 0x1000, 0, 0, buf, 4), -ENODATA);
	assert_memory_equal(buf, "\0\0\0\0efg", 8);
	assert_int_equal(viq_soft_dma_write(m.dev, 0x1000, 0, 0, buf, 4), -ENODATA);
	machine_fini(&m);
}

static void configuration_faults(void **state)
{
	struct machine m;
	uint64_t cds;

	machine_init_s1(&m, NULL);
	put_word(&m, m.cd, 0);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	aborts(&m, VA, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x0a)});
	/* No substreams: C_BAD_SUBSTREAMID has an SSID and no SSV. */
	aborts(&m, VA, 5, VIQ_SOFT_READ | VIQ_SOFT_SSV, (uint64_t[4]){dw0(0x08) | 5 << 12});
	cds = alloc_pages(&m, 1);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, cds, 4), 0}),
			 0);
	/* S1DSS = 0: F_STREAM_DISABLED names the stream alone. */
	aborts(&m, VA, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x06)});
	aborts(&m, VA, 3, VIQ_SOFT_READ | VIQ_SOFT_SSV, (uint64_t[4]){dw0_ssid(0x0a, 3)});
	aborts(&m, VA, 16, VIQ_SOFT_READ | VIQ_SOFT_SSV, (uint64_t[4]){dw0(0x08) | 16 << 12});
	write_cd(&m, cds + 3 * 64, 9, alloc_pages(&m, 1));
	aborts(&m, VA, 3, VIQ_SOFT_READ | VIQ_SOFT_SSV, (uint64_t[4]){dw0_ssid(0x10, 3), RNW | CLASS_IN, VA});
	assert_int_equal(
		viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
					   (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, MEM_BASE + MEM_SIZE, 0), 0}),
		0);
	aborts(&m, VA, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x09), 0, 0, MEM_BASE + MEM_SIZE});
	machine_fini(&m);
}

static void stage_1_bypassed(void **state)
{
	const uint64_t beyond = UINT64_C(1) << 48;
	struct machine m;
	uint64_t pa;

	machine_init_s1(&m, NULL);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0), 0}),
			 0);
	assert_translates(m.dev, 0x1234, 0x1234);
	aborts(&m, beyond, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x11), RNW | CLASS_IN, beyond});
	aborts(&m, 0, 1, VIQ_SOFT_READ | VIQ_SOFT_SSV, (uint64_t[4]){dw0(0x08) | 1 << 12});
	/* An aborting stream says nothing, and is no fault of the tables. */
	machine_events(&m);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID, (uint64_t[2]){1, 0}), 0);
	assert_int_equal(translate(m.dev, 0, 0, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(machine_events(&m), 0);
	machine_fini(&m);
}

/* The stage 2 maps 1 GiB of IPA space; the guest's structures may lie beyond it. */
static void stage_2_faults(void **state)
{
	const uint64_t s2_class[] = {VIQ_SMMUV3_EVT_1_S2 | VIQ_PUT(VIQ_SMMUV3_EVT_1_CLASS, VIQ_SMMUV3_EVT_CLASS_CD),
				     VIQ_SMMUV3_EVT_1_S2 | CLASS_TT, VIQ_SMMUV3_EVT_1_S2 | CLASS_IN};
	const uint64_t far = UINT64_C(0x80000000);
	struct viq_soft_s2_config config = {.size = sizeof(config), .t0sz = 24, .sl0 = 1, .tg = 0, .ps = 5};
	struct machine m;
	uint64_t s2_table, cd, ttb, pa;
	uint32_t s2;

	machine_init(&m, NULL);
	s2_table = alloc_pages(&m, 2);
	put_word(&m, s2_table + (MEM_BASE >> 30) * 8, MEM_BASE | 0x4c1); /* read-write block */
	put_word(&m, s2_table + 3 * 8, MEM_BASE | 0x441);                /* read-only block at IPA 3 GiB */
	config.ttb = s2_table;
	assert_int_equal(viq_soft_s2_alloc(m.soft, &config, &s2, NULL), 0);
	assert_int_equal(viq_soft_viommu_alloc(m.soft, s2, &m.viommu, NULL), 0);
	m.host = viq_soft_host(m.soft, m.viommu);
	assert_int_equal(viq_soft_dev_alloc(m.soft, &m.dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, m.dev, VSID, &m.vdevice, NULL), 0);

	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, far, 0), 0}),
			 0);
	aborts(&m, VA, 0, VIQ_SOFT_WRITE, (uint64_t[4]){dw0(0x10), s2_class[0], VA, far});

	cd = alloc_pages(&m, 1);
	ttb = alloc_pages(&m, 1);
	write_cd(&m, cd, 1, far);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, cd, 0), 0}),
			 0);
	/* The IPA is the descriptor's own, from bit 12 up; CD.A = CD.R = 0 do not matter. */
	put_word(&m, cd, le64toh(*word_at(&m, cd)) & ~(VIQ_SMMUV3_CD_0_R | VIQ_SMMUV3_CD_0_A));
	aborts(&m, VA, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x10), RNW | s2_class[1], VA, far});

	write_cd(&m, cd, 1, ttb);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	map_page(&m, ttb, VA, (far + 0x5000) | PAGE_RW);
	aborts(&m, VA + 0x123, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x10), RNW | s2_class[2], VA + 0x123, far + 0x5000});

	/* Stage 2 denies writing: from the walk, then from the TLB. */
	map_page(&m, ttb, VA, UINT64_C(0xc0005000) | PAGE_RW);
	for (unsigned int i = 0; i < 2; i++)
		aborts(&m, VA + 0x123, 0, VIQ_SOFT_WRITE,
		       (uint64_t[4]){dw0(0x13), s2_class[2], VA + 0x123, UINT64_C(0xc0005000)});
	assert_true(viq_soft_cached(m.dev, VA, 0, VIQ_SOFT_READ, false));
	assert_int_equal(translate(m.dev, VA, 0, VIQ_SOFT_READ, &pa), 0);
	assert_int_equal(pa, MEM_BASE + 0x5000);
	machine_fini(&m);
}

/* TBI: the top byte is ignored, and told as it was. */
static void the_input_address_is_told_as_given(void **state)
{
	const uint64_t tagged = VA | UINT64_C(0x5a) << 56;
	struct machine m;
	uint64_t ttb = machine_init_s1(&m, NULL), cd = le64toh(*word_at(&m, m.cd));

	aborts(&m, tagged, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x10), RNW | CLASS_IN, tagged});
	put_word(&m, m.cd, cd | VIQ_SMMUV3_CD_0_TBI0);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	map_page(&m, ttb, VA, MEM_BASE | PAGE_RW);
	assert_translates(m.dev, tagged + 5, MEM_BASE + 5);
	assert_translates(m.dev, VA + 6, MEM_BASE + 6);
	/* One entry for all tags. */
	assert_true(viq_soft_cached(m.dev, VA | UINT64_C(0x77) << 56, 0, VIQ_SOFT_READ, false));
	map_page(&m, ttb, VA, 0);
	invalidate(&m, tlbi_va(1), VA);
	aborts(&m, tagged, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x10), RNW | CLASS_IN, tagged});
	/* A cached page is not found through a tag that is not ignored. */
	put_word(&m, m.cd, cd);
	invalidate(&m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	map_page(&m, ttb, VA, MEM_BASE | PAGE_RW);
	assert_translates(m.dev, VA, MEM_BASE);
	aborts(&m, tagged, 0, VIQ_SOFT_READ, (uint64_t[4]){dw0(0x10), RNW | CLASS_IN, tagged});
	machine_fini(&m);
}

static void dma_crosses_pages(void **state)
{
	struct machine m;
	uint64_t ttb = machine_init_s1(&m, NULL);
	char out[6000], in[6000];

	for (unsigned int i = 0; i < sizeof(out); i++)
		out[i] = i * 7;
	map_page(&m, ttb, VA, (MEM_BASE + 0x300000) | PAGE_RW);
	map_page(&m, ttb, VA + 0x1000, (MEM_BASE + 0x200000) | PAGE_RW);
	assert_int_equal(viq_soft_dma_write(m.dev, VA + 0x7f, 0, 0, out, sizeof(out)), 0);
	assert_int_equal(viq_soft_dma_read(m.dev, VA + 0x7f, 0, VIQ_SOFT_READ, in, sizeof(in)), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_memory_equal((char *)word_at(&m, MEM_BASE + 0x200000), out + 0x1000 - 0x7f, 100);
	/* The third page is not there: what comes before it was copied. */
	memset(in, 0, sizeof(in));
	assert_int_equal(viq_soft_dma_read(m.dev, VA + 0x1ff0, 0, 0, in, 32), -EFAULT);
	assert_memory_equal(in, (char *)word_at(&m, MEM_BASE + 0x200ff0), 16);
	assert_int_equal(in[16], 0);
	/* A page outside memory. */
	map_page(&m, ttb, VA + 0x2000, (MEM_BASE + MEM_SIZE) | PAGE_RW);
	machine_events(&m);
	assert_int_equal(viq_soft_dma_write(m.dev, VA + 0x2000, 0, 0, out, 8), -EFAULT);
	assert_int_equal(machine_events(&m), 0);
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_unmapped_page),     cmocka_unit_test(rights_and_leaf_faults),
	cmocka_unit_test(instruction_fetches),  cmocka_unit_test(silent_and_harmless_terminations),
	cmocka_unit_test(configuration_faults), cmocka_unit_test(stage_1_bypassed),
	cmocka_unit_test(stage_2_faults),       cmocka_unit_test(the_input_address_is_told_as_given),
	cmocka_unit_test(dma_crosses_pages),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
