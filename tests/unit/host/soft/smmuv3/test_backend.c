/* SPDX-License-Identifier: MIT */
/* The streams of a vIOMMU for who follows a guest's tables: found in order, set by value. */
#include <viq/smmuv3.h>

#include "support/soft.h"
#include "support/sized.h"

static struct viq_smmuv3_backend backend_of(const struct machine *m)
{
	return viq_soft_backend(m->soft, m->viommu);
}

static int set(const struct viq_smmuv3_backend *b, uint32_t vsid, enum viq_smmuv3_stream_mode mode, uint64_t dw0,
	       struct viq_smmuv3_outcome *outcome)
{
	const struct viq_smmuv3_stream stream = {.size = sizeof(stream),
						 .mode = mode,
						 .ste = {dw0, 0},
						 .event = {VIQ_SMMUV3_EVT_C_BAD_STE | (uint64_t)vsid << 32}};

	*outcome = (struct viq_smmuv3_outcome){.size = sizeof(*outcome)};
	return b->ops->set(b->opaque, b->object, vsid, &stream, outcome);
}

static void streams_are_found_in_order(void **state)
{
	static const uint32_t vsids[] = {UINT32_MAX, 7, 263, 519, 8};
	static const uint32_t sorted[] = {7, 8, 263, 519, UINT32_MAX};
	struct viq_smmuv3_backend b;
	struct viq_soft_dev *dev[5], *found;
	struct machine m;
	uint32_t id, vsid;
	bool broken;

	machine_init(&m, NULL);
	b = backend_of(&m);
	vsid = 0;
	assert_int_equal(b.ops->next(b.opaque, b.object, &vsid, &broken), 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(viq_soft_dev_alloc(m.soft, &dev[i], NULL), 0);
		assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, dev[i], vsids[i], &id, NULL), 0);
	}
	for (int i = 0; i < 5; i++) {
		vsid = i ? sorted[i - 1] + 1 : 0;
		broken = true;
		assert_int_equal(b.ops->next(b.opaque, b.object, &vsid, &broken), 1);
		assert_int_equal(vsid, sorted[i]);
		assert_false(broken);
		assert_int_equal(viq_soft_vdevice_find(m.soft, m.viommu, vsids[i], &found), 0);
		assert_ptr_equal(found, dev[i]);
	}
	assert_int_equal(viq_soft_vdevice_find(m.soft, m.viommu, 6, &found), -ENOENT);
	assert_int_equal(viq_soft_vdevice_find(m.soft, 4711, 7, &found), -ENOENT);
	assert_int_equal(viq_soft_vdevice_find(m.soft, m.viommu, 7, NULL), -EINVAL);
	vsid = 0;
	assert_int_equal(b.ops->next(b.opaque, 4711, &vsid, &broken), -ENOENT);
	assert_null(viq_soft_backend(NULL, m.viommu).ops);
	machine_fini(&m);
}

static void each_mode(void **state)
{
	struct viq_smmuv3_outcome o;
	struct viq_smmuv3_backend b;
	struct machine m;
	uint64_t ttb, pa;

	ttb = machine_init_s1(&m, NULL);
	map_page(&m, ttb, 0x5000, (MEM_BASE + 0x7000) | PAGE_RW);
	b = backend_of(&m);
	assert_int_equal(set(&b, VSID, VIQ_SMMUV3_STAGE1, ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0), &o), 0);
	assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_STAGE1);
	assert_int_equal(o.vsid, VSID);
	assert_int_equal(o.ste[0], ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0));
	assert_translates(m.dev, 0x5000, MEM_BASE + 0x7000);
	assert_int_equal(set(&b, VSID, VIQ_SMMUV3_BYPASS, ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0), &o), 0);
	assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_BYPASS);
	assert_translates(m.dev, 0x5000, 0x5000);
	machine_events(&m);
	assert_int_equal(set(&b, VSID, VIQ_SMMUV3_ABORT, VIQ_SMMUV3_STE_0_V, &o), 0);
	assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_ABORT);
	assert_int_equal(translate(m.dev, 0x5000, 0, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(machine_events(&m), 0);
	assert_int_equal(set(&b, VSID, VIQ_SMMUV3_FAULT, VIQ_SMMUV3_STE_0_V, &o), 0);
	assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_FAULT);
	assert_int_equal(translate(m.dev, 0x5000, 0, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(machine_events(&m), 1);
	assert_int_equal(m.events[0][0], VIQ_SMMUV3_EVT_C_BAD_STE | (uint64_t)VSID << 32);
	machine_fini(&m);
}

/* As a guest's SMMU with SMMUEN = 0 and GBPA.ABORT = 0. */
static void switch_off(const struct viq_smmuv3_backend *b, uint32_t vsid)
{
	const struct viq_smmuv3_stream off = {.size = sizeof(off),
					      .mode = VIQ_SMMUV3_BYPASS,
					      .ste = {ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0)},
					      .disabled = 1};
	struct viq_smmuv3_outcome o = {.size = sizeof(o)};

	assert_int_equal(b->ops->set(b->opaque, b->object, vsid, &off, &o), 0);
	assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_BYPASS);
}

/*
 * 6.3.9.6: everything bypasses, also with a SubstreamID; 3.4: what is beyond OAS aborts; 7.2.1: nothing is recorded. A
 * bypassing STE differs in all three (5.2, 3.4).
 */
static void an_smmu_that_is_off(void **state)
{
	const uint64_t beyond = UINT64_C(1) << 48;
	struct viq_smmuv3_outcome o;
	struct viq_smmuv3_backend b;
	struct machine m;
	uint64_t pa = 0;

	machine_init_s1(&m, NULL);
	b = backend_of(&m);
	for (unsigned int ats = 0; ats < 2; ats++) {
		assert_int_equal(viq_soft_dev_set_ats(m.dev, ats), 0);
		switch_off(&b, VSID);
		machine_events(&m);
		for (unsigned int again = 0; again < 20; again++) { /* caches, too, have it */
			assert_translates(m.dev, 0x5000, 0x5000);
			assert_int_equal(translate(m.dev, 0x6000, 3, VIQ_SOFT_READ | VIQ_SOFT_SSV, &pa), 0);
			assert_int_equal(pa, 0x6000);
			assert_int_equal(translate(m.dev, beyond, 0, VIQ_SOFT_READ, &pa), -EFAULT);
		}
		assert_int_equal(machine_events(&m), 0);
		assert_int_equal(set(&b, VSID, VIQ_SMMUV3_BYPASS, ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0), &o), 0);
		assert_translates(m.dev, 0x5000, 0x5000);
		assert_int_equal(translate(m.dev, 0x6000, 3, VIQ_SOFT_READ | VIQ_SOFT_SSV, &pa), -EFAULT);
		assert_int_equal(translate(m.dev, beyond, 0, VIQ_SOFT_READ, &pa), -EFAULT);
		assert_int_equal(machine_events(&m), 2);
		assert_int_equal(m.events[0][0] & 0xff, VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID);
		assert_int_equal(m.events[1][0] & 0xff, VIQ_SMMUV3_EVT_F_ADDR_SIZE);
	}
	machine_fini(&m);
}

/* What stage 2 has to say is the embedder's business: it is told as ever. */
static void an_smmu_that_is_off_has_its_stage_2(void **state)
{
	struct viq_soft_s2_config s2 = {.size = sizeof(s2), .t0sz = 16, .sl0 = 2, .ps = 5};
	struct machine m;
	uint32_t id;
	uint64_t pa;

	machine_init(&m, NULL);
	s2.ttb = alloc_pages(&m, 1);
	assert_int_equal(viq_soft_s2_alloc(m.soft, &s2, &id, NULL), 0);
	assert_int_equal(viq_soft_viommu_alloc(m.soft, id, &m.viommu, NULL), 0);
	assert_int_equal(viq_soft_dev_alloc(m.soft, &m.dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, m.dev, VSID, &m.vdevice, NULL), 0);
	switch_off(&(struct viq_smmuv3_backend[]){backend_of(&m)}[0], VSID);
	assert_int_equal(translate(m.dev, 0x5000, 0, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(machine_events(&m), 1);
	assert_true(m.events[0][1] & VIQ_SMMUV3_EVT_1_S2);
	machine_fini(&m);
}

/*
 * 5.2, 5.4, 3.4: what the guest's ID registers do not have is ILLEGAL in its STEs and CDs, though the IOMMU has it:
 * here 16-bit ASIDs, 20-bit SubstreamIDs, 64K granules and addresses above 2^40. Commands for such ASIDs need affect
 * nothing (4.4), so nothing may be cached under them.
 */
static void a_guest_that_has_less(void **state)
{
	static const struct viq_smmuv3_ids less = {
		.size = sizeof(less),
		.idr0 = 0x2 | 2 << 2 | 2 << 21 | 1 << 24 | 1 << 26,
		.idr1 = 2 << 6 | 16,
		.idr3 = 0x4,
		.idr5 = 2 | 1 << 4,
	};
	const uint64_t page = MEM_BASE + 0x7000, low = 16 | VIQ_SMMUV3_CD_0_EPD1 | VIQ_SMMUV3_CD_0_V |
						       VIQ_SMMUV3_CD_0_AA64 | VIQ_SMMUV3_CD_0_R |
						       VIQ_PUT(VIQ_SMMUV3_CD_0_IPS, 5);
	const struct {
		uint64_t cd0, va;
		unsigned int event; /* 0: translates */
	} cases[] = {
		{low | VIQ_SMMUV3_CD_0_A | UINT64_C(0xff) << 48, 0x5000, 0},
		{low | VIQ_SMMUV3_CD_0_A | UINT64_C(0x105) << 48, 0x5000, VIQ_SMMUV3_EVT_C_BAD_CD},
		{low | VIQ_SMMUV3_CD_0_A | VIQ_PUT(VIQ_SMMUV3_CD_0_TG0, 1), 0x5000, VIQ_SMMUV3_EVT_C_BAD_CD},
		{low, 0x5000, VIQ_SMMUV3_EVT_C_BAD_CD},                        /* A = 0 with TERM_MODEL 1 */
		{low | VIQ_SMMUV3_CD_0_A, 0x6000, VIQ_SMMUV3_EVT_F_ADDR_SIZE}, /* IPS 48 bits is OAS, 40 bits */
	};
	struct viq_why why = {""};

	for (unsigned int limited = 0; limited < 2; limited++) {
		struct viq_smmuv3_outcome o;
		struct viq_smmuv3_backend b;
		struct machine m;
		uint64_t ttb = machine_init_s1(&m, NULL), pa = 0;

		b = backend_of(&m);
		map_page(&m, ttb, 0x5000, page | PAGE_RW);
		map_page(&m, ttb, 0x6000, UINT64_C(1) << 40 | PAGE_RW);
		assert_int_equal(b.ops->promise(b.opaque, 4711, &less, &why), -ENOENT);
		assert_non_null(strstr(why.text, "vIOMMU"));
		assert_int_equal(b.ops->promise(b.opaque, b.object, NULL, &why), -EINVAL);
		if (limited)
			assert_int_equal(b.ops->promise(b.opaque, b.object, &less, &why), 0);
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			const bool fails = limited && cases[i].event;

			if (!limited && cases[i].cd0 & VIQ_SMMUV3_CD_0_TG0)
				continue; /* other tables */
			put_word(&m, m.cd, cases[i].cd0);
			assert_int_equal(set(&b, VSID, VIQ_SMMUV3_STAGE1, ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0), &o),
					 0);
			machine_events(&m);
			assert_int_equal(translate(m.dev, cases[i].va, 0, VIQ_SOFT_READ, &pa), fails ? -EFAULT : 0);
			assert_int_equal(machine_events(&m), fails);
			if (fails)
				assert_int_equal(m.events[0][0] & 0xff, cases[i].event);
		}
		/* S1CDMax, and the address of a bypassing stream. */
		assert_int_equal(set(&b, VSID, VIQ_SMMUV3_STAGE1, ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 2), &o), 0);
		assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_STAGE1);
		assert_int_equal(set(&b, VSID, VIQ_SMMUV3_STAGE1, ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 3), &o), 0);
		assert_int_equal(o.fate, limited ? VIQ_SMMUV3_STREAM_REJECTED : VIQ_SMMUV3_STREAM_STAGE1);
		assert_int_equal(set(&b, VSID, VIQ_SMMUV3_BYPASS, ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0), &o), 0);
		assert_int_equal(translate(m.dev, UINT64_C(1) << 40, 0, VIQ_SOFT_READ, &pa), limited ? -EFAULT : 0);
		machine_fini(&m);
	}
}

/* --- ID registers ------------------------------------------------------------------------------------------------- */

/* What a guest would see that begins with the defaults, on an IOMMU that is tuned so. */
static struct viq_smmuv3_ids offered(void (*tune)(struct viq_soft_config *), bool raise, bool ats,
				     const struct viq_smmuv3_ids *more)
{
	struct viq_smmuv3_ids ids = {.size = sizeof(ids)};
	struct viq_smmuv3_config guest;
	struct viq_smmuv3_backend b;
	struct machine m;

	viq_smmuv3_config_init(&guest, sizeof(guest));
	ids.idr0 = guest.idr0 | more->idr0;
	ids.idr1 = guest.idr1 | more->idr1;
	ids.idr3 = guest.idr3 | more->idr3;
	ids.idr5 = guest.idr5 | more->idr5;
	ids.aidr = guest.aidr | more->aidr;
	machine_init(&m, tune);
	b = backend_of(&m);
	b.ops->offer(b.opaque, b.object, raise, ats, &ids);
	assert_int_equal(b.ops->promise(b.opaque, b.object, &ids, NULL), 0);
	machine_fini(&m);
	guest.idr0 = ids.idr0;
	guest.idr1 = ids.idr1;
	guest.idr3 = ids.idr3;
	guest.idr5 = ids.idr5;
	guest.aidr = ids.aidr;
	guest.mem = (const struct viq_mem *)&m; /* the check wants one; it is not looked at */
	assert_int_equal(viq_smmuv3_config_check(&guest, NULL), 0);
	return ids;
}

static void has_less(struct viq_soft_config *config)
{
	config->idr0 &= (uint32_t) ~(VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_ASID16);
	config->idr1 = 8 << 6;
	config->idr3 = 0;
	config->idr5 = 2 | 1 << 4;
}

static void has_bbml(struct viq_soft_config *config)
{
	config->idr3 |= 2 << 11;
}

/* 6.3.1 to 6.3.8. The size of addresses is the VMM's own choice: nobody raises it. */
static void what_it_has_is_offered(void **state)
{
	static const struct viq_smmuv3_ids all = {.idr0 = 1 << 10,
						  .idr1 = 20 << 6,
						  .idr3 = 1 << 10 | 2 << 11 | 1 << 13,
						  .idr5 = 1 << 7 | 1 << 10,
						  .aidr = 3};
	struct viq_smmuv3_ids ids;

	ids = offered(NULL, true, true, &(struct viq_smmuv3_ids){0});
	assert_int_equal(ids.idr0 & (VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_ASID16 | VIQ_SMMUV3_IDR0_CD2L),
			 1 << 10 | 1 << 12 | 1 << 19);
	assert_int_equal(ids.idr0 & VIQ_SMMUV3_IDR0_TERM_MODEL, 0);
	assert_int_equal(VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, ids.idr1), 20);
	assert_int_equal(ids.idr3, 1 << 2 | 1 << 10);
	assert_int_equal(ids.idr5, 5 | 7 << 4);
	assert_int_equal(ids.aidr, 1);
	ids = offered(NULL, true, false, &all);
	assert_int_equal(ids.idr0 & VIQ_SMMUV3_IDR0_ATS, 0);
	assert_int_equal(ids.idr3, 1 << 2 | 1 << 10); /* no BBML, no E0PD: so neither v3.2 nor v3.3 */
	assert_int_equal(ids.idr5, 5 | 7 << 4);       /* no DS, no VAX */
	assert_int_equal(ids.aidr, 1);
	/* A later one only takes away. */
	ids = offered(NULL, false, true, &(struct viq_smmuv3_ids){0});
	assert_int_equal(ids.idr0 & (VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_CD2L), 0);
	assert_int_equal(VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, ids.idr1), 0);
	/* An IOMMU with less; with more. */
	ids = offered(has_less, true, true, &all);
	assert_int_equal(ids.idr0 & (VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_ASID16), 0);
	assert_int_equal(VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, ids.idr1), 8);
	assert_int_equal(ids.idr3, 0);
	assert_int_equal(ids.idr5, 2 | 1 << 4);
	assert_int_equal(ids.aidr, 0);
	ids = offered(has_bbml, true, true, &all);
	assert_int_equal(ids.idr3, 1 << 2 | 1 << 10 | 2 << 11);
	assert_int_equal(ids.aidr, 2);
}

/* The same text as of a Linux host; the promise before stands. */
static void a_guest_that_sees_more_is_refused(void **state)
{
	struct viq_smmuv3_ids ids = {
		.size = sizeof(ids), .idr0 = 2 << 2 | 1 << 24 | 2 << 21, .idr1 = 2 << 6, .idr5 = 2 | 1 << 4};
	struct viq_smmuv3_outcome o;
	struct viq_smmuv3_backend b;
	struct viq_why why = {""};
	struct machine m;

	machine_init_s1(&m, NULL);
	b = backend_of(&m);
	assert_int_equal(b.ops->promise(b.opaque, b.object, &ids, &why), 0);
	ids.idr1 = 20 << 6;
	ids.idr3 = 2 << 11;
	assert_int_equal(b.ops->promise(b.opaque, b.object, &ids, &why), -EINVAL);
	assert_string_equal(why.text, "IDR3.BBML: the guest would see 2, the host has 0");
	assert_int_equal(set(&b, VSID, VIQ_SMMUV3_STAGE1, ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 3), &o), 0);
	assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_REJECTED);
	ids.size--;
	b.ops->offer(b.opaque, b.object, true, true, &ids);
	assert_int_equal(ids.idr3, 2 << 11);
	ids.size++;
	b.ops->offer(b.opaque, b.object, false, true, &ids);
	assert_takes_later(viq_smmuv3_ids, ids, b.ops->promise(b.opaque, b.object, later, &why));
	machine_fini(&m);
}

/* A caller that does not know of disabled; one that knows more. */
static void streams_of_other_versions(void **state)
{
	struct {
		struct viq_smmuv3_stream stream;
		uint64_t more;
	} s = {.stream = {.mode = VIQ_SMMUV3_BYPASS, .ste = {ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0)}, .disabled = 1}};
	struct viq_smmuv3_outcome o = {.size = sizeof(o)};
	struct viq_smmuv3_backend b;
	struct machine m;
	uint64_t pa;

	machine_init_s1(&m, NULL);
	b = backend_of(&m);
	s.stream.size = offsetof(struct viq_smmuv3_stream, disabled);
	assert_int_equal(b.ops->set(b.opaque, b.object, VSID, &s.stream, &o), 0);
	assert_int_equal(translate(m.dev, 0x6000, 3, VIQ_SOFT_READ | VIQ_SOFT_SSV, &pa), -EFAULT);
	s.stream.size = sizeof(s);
	assert_int_equal(b.ops->set(b.opaque, b.object, VSID, &s.stream, &o), 0);
	assert_int_equal(translate(m.dev, 0x6000, 3, VIQ_SOFT_READ | VIQ_SOFT_SSV, &pa), 0);
	s.more = 1;
	assert_int_equal(b.ops->set(b.opaque, b.object, VSID, &s.stream, &o), -E2BIG);
	machine_fini(&m);
}

/* Words that this IOMMU does not take: as a bad STE, not as a failure. Nobody goes on with the old ones. */
static void refused_words_abort(void **state)
{
	struct viq_smmuv3_outcome o;
	struct viq_smmuv3_backend b;
	struct machine m;
	uint64_t pa;

	machine_init_s1(&m, NULL);
	b = backend_of(&m);
	assert_int_equal(set(&b, VSID, VIQ_SMMUV3_BYPASS, ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0), &o), 0);
	assert_int_equal(set(&b, VSID, VIQ_SMMUV3_STAGE1, VIQ_BIT(63) | ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 31), &o),
			 0);
	assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_REJECTED);
	assert_int_equal(o.os_error, -EINVAL);
	assert_int_equal(translate(m.dev, 0x5000, 0, VIQ_SOFT_READ, &pa), -EFAULT);
	machine_fini(&m);
}

static void errors(void **state)
{
	struct viq_smmuv3_stream stream = {.size = sizeof(stream), .mode = VIQ_SMMUV3_STAGE2 + 1};
	struct viq_smmuv3_outcome o;
	struct viq_smmuv3_backend b;
	struct machine m;
	uint32_t vsid = 0;
	bool broken;

	machine_init_s1(&m, NULL);
	b = backend_of(&m);
	assert_int_equal(set(&b, VSID + 1, VIQ_SMMUV3_ABORT, VIQ_SMMUV3_STE_0_V, &o), -ENOENT);
	o = (struct viq_smmuv3_outcome){.size = sizeof(o)};
	assert_int_equal(b.ops->set(b.opaque, b.object, VSID, &stream, &o), -EINVAL);
	stream.mode = VIQ_SMMUV3_ABORT;
	stream.size--;
	assert_int_equal(b.ops->set(b.opaque, b.object, VSID, &stream, &o), -EINVAL);
	assert_int_equal(b.ops->set(b.opaque, b.object, VSID, NULL, &o), -EINVAL);
	stream.size++;
	assert_takes_later(viq_smmuv3_stream, stream, b.ops->set(b.opaque, b.object, VSID, later, &o));
	assert_gives_later(viq_smmuv3_outcome, b.ops->set(b.opaque, b.object, VSID, &stream, later));
	/* Inside an access nothing can be changed. */
	viq_soft_access_begin();
	assert_int_equal(b.ops->next(b.opaque, b.object, &vsid, &broken), -EDEADLK);
	assert_int_equal(set(&b, VSID, VIQ_SMMUV3_ABORT, VIQ_SMMUV3_STE_0_V, &o), -EDEADLK);
	assert_int_equal(o.fate, VIQ_SMMUV3_STREAM_BROKEN);
	viq_soft_access_end();
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_found_in_order), cmocka_unit_test(each_mode),
		cmocka_unit_test(an_smmu_that_is_off),        cmocka_unit_test(an_smmu_that_is_off_has_its_stage_2),
		cmocka_unit_test(a_guest_that_has_less),      cmocka_unit_test(streams_of_other_versions),
		cmocka_unit_test(what_it_has_is_offered),     cmocka_unit_test(a_guest_that_sees_more_is_refused),
		cmocka_unit_test(refused_words_abort),        cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
