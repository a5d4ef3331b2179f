/* SPDX-License-Identifier: MIT */
/*
 * A stage 2 of the guest's own, alone and below its stage 1 (IHI 0070 5.2, Config 6 and 7): walks, events, what each
 * TLBI removes, whose VMID is whose.
 *
 * Addresses of stage 2 are written by hand in 4 KiB pages of a table with 48 bits (S2T0SZ 16, S2SL0 2).
 */
#include "support/soft.h"

#define IPA  UINT64_C(0x10000000)
#define VA   UINT64_C(0x7000000000)
#define OLD  (MEM_BASE + 0x2000000)
#define NEW  (MEM_BASE + 0x2100000)
#define S2RW UINT64_C(0x7ff) /* page, normal memory, R and W, AF */
#define ASID 1

#define STE2_48                                                                                                        \
	(VIQ_PUT(VIQ_SMMUV3_STE_2_S2T0SZ, 16) | VIQ_PUT(VIQ_SMMUV3_STE_2_S2SL0, 2) |                                   \
	 VIQ_PUT(VIQ_SMMUV3_STE_2_S2PS, 5) | VIQ_SMMUV3_STE_2_S2AA64 | VIQ_SMMUV3_STE_2_S2R)

static struct viq_smmuv3_ids ids_of_guest(void)
{
	struct viq_soft_config c;

	viq_soft_config_init(&c, sizeof(c));
	return (struct viq_smmuv3_ids){.size = sizeof(struct viq_smmuv3_ids),
				       .idr0 = c.idr0 | VIQ_SMMUV3_IDR0_NS1ATS | VIQ_SMMUV3_IDR0_TERM_MODEL,
				       .idr1 = c.idr1,
				       .idr3 = c.idr3 | VIQ_SMMUV3_IDR3_XNX | VIQ_SMMUV3_IDR3_FWB,
				       .idr5 = c.idr5,
				       .aidr = 1};
}

/* The machine, whose guest has both stages. */
static void guest_init(struct machine *m, void (*tune)(struct viq_soft_config *))
{
	const struct viq_smmuv3_ids ids = ids_of_guest();
	struct viq_smmuv3_backend b;

	machine_init(m, tune);
	b = viq_soft_backend(m->soft, m->viommu);
	assert_int_equal(b.ops->promise(b.opaque, b.object, &ids, NULL), 0);
}

static struct viq_soft_dev *new_dev(struct machine *m, uint32_t vsid)
{
	struct viq_soft_dev *dev;
	uint32_t id;

	assert_int_equal(viq_soft_dev_alloc(m->soft, &dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m->soft, m->viommu, dev, vsid, &id, NULL), 0);
	return dev;
}

/* The fate of a stream with this STE. */
static uint32_t set(struct machine *m, uint32_t vsid, const uint64_t ste[4])
{
	struct viq_smmuv3_backend b = viq_soft_backend(m->soft, m->viommu);
	struct viq_smmuv3_stream stream = {.size = sizeof(stream),
					   .mode = ste[0] & 4 ? VIQ_SMMUV3_STAGE2 : VIQ_SMMUV3_STAGE1,
					   .ste = {ste[0], ste[1]},
					   .stage2 = {ste[2], ste[3]}};
	struct viq_smmuv3_outcome o = {.size = sizeof(o)};

	assert_int_equal(b.ops->set(b.opaque, b.object, vsid, &stream, &o), 0);
	return o.fate;
}

static uint64_t vmid_field(uint16_t vmid)
{
	return VIQ_PUT(VIQ_SMMUV3_STE_2_S2VMID, vmid);
}

/* Stage 2 alone, through the table at ttb. */
static void set_s2(struct machine *m, uint32_t vsid, uint16_t vmid, uint64_t ttb)
{
	const uint64_t ste[4] = {ste0(VIQ_SMMUV3_STE_CONFIG_S2, 0, 0), 0, STE2_48 | vmid_field(vmid), ttb};

	assert_int_equal(set(m, vsid, ste), VIQ_SMMUV3_STREAM_STAGE2);
}

static void set_nested(struct machine *m, uint32_t vsid, uint16_t vmid, uint64_t ttb, uint64_t cd)
{
	const uint64_t ste[4] = {ste0(VIQ_SMMUV3_STE_CONFIG_NESTED, cd, 0), 0, STE2_48 | vmid_field(vmid), ttb};

	assert_int_equal(set(m, vsid, ste), VIQ_SMMUV3_STREAM_STAGE2);
}

static void set_s1(struct machine *m, uint32_t vsid, uint16_t vmid, uint64_t cd)
{
	const uint64_t ste[4] = {ste0(VIQ_SMMUV3_STE_CONFIG_S1, cd, 0), 0, vmid_field(vmid), 0};

	assert_int_equal(set(m, vsid, ste), VIQ_SMMUV3_STREAM_STAGE1);
}

static uint64_t op_vmid(uint64_t op, uint16_t vmid)
{
	return op | VIQ_PUT(VIQ_SMMUV3_TLBI_VMID, vmid);
}

/* One access fails and leaves this event: number, S2 and CLASS, the access, IPA. */
static void assert_event(struct machine *m, struct viq_soft_dev *dev, uint64_t va, uint32_t flags, unsigned int event,
			 uint64_t word1, uint64_t word3)
{
	uint64_t pa;

	assert_int_equal(machine_events(m), 0);
	assert_int_equal(translate(dev, va, 0, flags, &pa), -EFAULT);
	assert_int_equal(machine_events(m), 1);
	assert_int_equal(m->events[0][0] & 0xff, event);
	assert_int_equal(m->events[0][1], word1);
	assert_int_equal(m->events[0][2], va);
	assert_int_equal(m->events[0][3], word3);
}

#define READS     VIQ_SMMUV3_EVT_1_RNW
#define STAGE2(c) (VIQ_SMMUV3_EVT_1_S2 | VIQ_PUT(VIQ_SMMUV3_EVT_1_CLASS, VIQ_SMMUV3_EVT_CLASS_##c))

/* 7.3.12 to 7.3.15: S2 = 1, CLASS = IN, IPA [51:12]. */
static void stage_2_alone(void **state)
{
	struct machine m;
	struct viq_soft_dev *dev;
	uint64_t ttb, pa;

	guest_init(&m, NULL);
	dev = new_dev(&m, 9);
	ttb = alloc_pages(&m, 1);
	set_s2(&m, 9, 5, ttb);
	map_page(&m, ttb, IPA, OLD | S2RW);
	map_page(&m, ttb, IPA + 0x1000, OLD | (S2RW & ~UINT64_C(0x80)));  /* S2AP: not writable */
	map_page(&m, ttb, IPA + 0x2000, OLD | (S2RW & ~UINT64_C(0x400))); /* AF = 0 */
	map_page(&m, ttb, IPA + 0x3000, UINT64_C(1) << 47 | S2RW);        /* 48 bits: still legal */
	assert_translates(dev, IPA + 0x123, OLD + 0x123);
	assert_translates(dev, IPA + 0x1000, OLD);
	assert_event(&m, dev, IPA + 0x5678, VIQ_SOFT_READ, VIQ_SMMUV3_EVT_F_TRANSLATION, READS | STAGE2(IN),
		     IPA + 0x5000);
	assert_event(&m, dev, IPA + 0x1010, VIQ_SOFT_WRITE, VIQ_SMMUV3_EVT_F_PERMISSION, STAGE2(IN), IPA + 0x1000);
	assert_event(&m, dev, IPA + 0x2000, VIQ_SOFT_READ, VIQ_SMMUV3_EVT_F_ACCESS, READS | STAGE2(IN), IPA + 0x2000);
	/* Beyond 64 - S2T0SZ = OAS bits it is stage 1, though bypassed, whose input is too large (3.4). */
	assert_event(&m, dev, UINT64_C(1) << 48, VIQ_SOFT_READ, VIQ_SMMUV3_EVT_F_ADDR_SIZE,
		     READS | VIQ_PUT(VIQ_SMMUV3_EVT_1_CLASS, VIQ_SMMUV3_EVT_CLASS_IN), 0);
	/* Stage 1 is off: no SubstreamIDs (5.2, S1Fmt). */
	assert_int_equal(translate(dev, IPA, 1, VIQ_SOFT_READ | VIQ_SOFT_SSV, &pa), -EFAULT);
	assert_int_equal(machine_events(&m), 1);
	assert_int_equal(m.events[0][0] & 0xff, VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID);
	machine_fini(&m);
}

/* 5.5: S2R = 0 keeps the four translation-related events back, S2AFFD accepts AF = 0, S2ENDI turns descriptors. */
static void mixed_endian(struct viq_soft_config *config)
{
	config->idr0 &= (uint32_t)~VIQ_SMMUV3_IDR0_TTENDIAN;
}

static void flags_of_stage_2(void **state)
{
	struct machine m;
	struct viq_soft_dev *dev;
	uint64_t ttb, big, pa, ste[4] = {ste0(VIQ_SMMUV3_STE_CONFIG_S2, 0, 0), 0, STE2_48, 0};

	struct viq_smmuv3_ids ids = ids_of_guest();
	struct viq_smmuv3_backend b;

	machine_init(&m, mixed_endian);
	b = viq_soft_backend(m.soft, m.viommu);
	ids.idr0 &= (uint32_t)~VIQ_SMMUV3_IDR0_TTENDIAN;
	assert_int_equal(b.ops->promise(b.opaque, b.object, &ids, NULL), 0);
	dev = new_dev(&m, 9);
	ttb = alloc_pages(&m, 1);
	big = alloc_pages(&m, 1);
	map_page(&m, ttb, IPA, OLD | (S2RW & ~UINT64_C(0x400)));
	ste[3] = ttb;
	ste[2] &= ~VIQ_SMMUV3_STE_2_S2R;
	assert_int_equal(set(&m, 9, ste), VIQ_SMMUV3_STREAM_STAGE2);
	assert_faults(dev, IPA);
	assert_faults(dev, IPA + 0x1000);
	assert_int_equal(machine_events(&m), 0);
	ste[2] |= VIQ_SMMUV3_STE_2_S2AFFD;
	assert_int_equal(set(&m, 9, ste), VIQ_SMMUV3_STREAM_STAGE2);
	assert_translates(dev, IPA, OLD);
	/* A 512 GiB table of one level: S2T0SZ 25, S2SL0 1, big endian, with one 1 GiB block. */
	put_word(&m, big, __builtin_bswap64(UINT64_C(0x40000000) | 0x7c1));
	ste[2] = VIQ_PUT(VIQ_SMMUV3_STE_2_S2T0SZ, 25) | VIQ_PUT(VIQ_SMMUV3_STE_2_S2SL0, 1) |
		 VIQ_PUT(VIQ_SMMUV3_STE_2_S2PS, 5) | VIQ_SMMUV3_STE_2_S2AA64 | VIQ_SMMUV3_STE_2_S2ENDI;
	ste[3] = big;
	assert_int_equal(set(&m, 9, ste), VIQ_SMMUV3_STREAM_STAGE2);
	invalidate(&m, VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0);
	assert_int_equal(translate(dev, 0x1234, 0, VIQ_SOFT_WRITE, &pa), 0);
	assert_int_equal(pa, 0x40001234);
	machine_fini(&m);
}

/* --- Both stages -------------------------------------------------------------------------------------------------- */

/* Stage 1 at IPAs that are their PAs + SHIFT, so that a walk that forgets stage 2 finds nothing. */
#define SHIFT UINT64_C(0x100000000)

struct nested {
	struct machine m;
	struct viq_soft_dev *dev;
	uint64_t s2, cd, s1; /* PAs */
};

static void show_page(struct nested *n, uint64_t pa)
{
	map_page(&n->m, n->s2, pa + SHIFT, pa | S2RW);
}

static void nested_init(struct nested *n)
{
	uint64_t table;

	guest_init(&n->m, NULL);
	n->dev = new_dev(&n->m, 9);
	n->s2 = alloc_pages(&n->m, 1);
	n->cd = alloc_pages(&n->m, 1);
	table = n->s1 = alloc_pages(&n->m, 1);
	write_cd(&n->m, n->cd, ASID, n->s1 + SHIFT);
	show_page(n, n->cd);
	show_page(n, n->s1);
	for (unsigned int level = 0; level < 3; level++) { /* levels 1 to 3 for VA */
		uint64_t next = alloc_pages(&n->m, 1);

		put_word(&n->m, table + (VA >> (39 - 9 * level) & 511) * 8, (next + SHIFT) | 3);
		show_page(n, next);
		table = next;
	}
	put_word(&n->m, table + (VA >> 12 & 511) * 8, IPA | PAGE_RW);
	map_page(&n->m, n->s2, IPA, OLD | S2RW);
	set_nested(&n->m, 9, 5, n->s2, n->cd + SHIFT);
}

/* 7.3: CLASS says what the IPA was for: the CD, a stage-1 table, the access. */
static void both_stages(void **state)
{
	struct nested n;

	nested_init(&n);
	assert_translates(n.dev, VA + 0x10, OLD + 0x10);
	map_page(&n.m, n.s2, IPA, 0);
	invalidate(&n.m, op_vmid(VIQ_SMMUV3_OP_TLBI_S12_VMALL, 5), 0);
	assert_event(&n.m, n.dev, VA + 0x10, VIQ_SOFT_WRITE, VIQ_SMMUV3_EVT_F_TRANSLATION, STAGE2(IN), IPA);
	map_page(&n.m, n.s2, IPA, OLD | S2RW);
	map_page(&n.m, n.s2, n.s1 + SHIFT, 0);
	assert_event(&n.m, n.dev, VA + 0x10, VIQ_SOFT_READ, VIQ_SMMUV3_EVT_F_TRANSLATION, READS | STAGE2(TT),
		     n.s1 + SHIFT);
	map_page(&n.m, n.s2, n.s1 + SHIFT, n.s1 | S2RW);
	/* A context descriptor stays cached until CFGI_CD (4.3). */
	map_page(&n.m, n.s2, n.cd + SHIFT, 0);
	assert_translates(n.dev, VA + 0x10, OLD + 0x10);
	invalidate(&n.m, with_sid(VIQ_SMMUV3_OP_CFGI_CD_ALL, 9), 0);
	assert_event(&n.m, n.dev, VA + 0x10, VIQ_SOFT_READ, VIQ_SMMUV3_EVT_F_TRANSLATION, READS | STAGE2(CD),
		     n.cd + SHIFT);
	machine_fini(&n.m);
}

/* 5.2, S2PTW: what stage 1 reads of its own may not be Device memory; the access itself may. */
static void protected_table_walk(void **state)
{
	const uint64_t device = UINT64_C(0x3) << 2, fwb_device = UINT64_C(0xb) << 2, memattr = UINT64_C(0xf) << 2;
	struct nested n;

	nested_init(&n);
	for (unsigned int fwb = 0; fwb < 2; fwb++) {
		uint64_t ste[4] = {ste0(VIQ_SMMUV3_STE_CONFIG_NESTED, n.cd + SHIFT, 0),
				   fwb ? VIQ_SMMUV3_STE_1_S2FWB : 0, STE2_48 | VIQ_SMMUV3_STE_2_S2PTW | vmid_field(5),
				   n.s2};
		uint64_t desc = (S2RW & ~memattr) | (fwb ? fwb_device : device);

		assert_int_equal(set(&n.m, 9, ste), VIQ_SMMUV3_STREAM_STAGE2);
		map_page(&n.m, n.s2, IPA, OLD | desc);
		invalidate(&n.m, VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0);
		assert_translates(n.dev, VA, OLD);
		map_page(&n.m, n.s2, n.s1 + SHIFT, n.s1 | desc);
		invalidate(&n.m, VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0);
		assert_event(&n.m, n.dev, VA, VIQ_SOFT_READ, VIQ_SMMUV3_EVT_F_PERMISSION,
			     READS | STAGE2(TT) | VIQ_SMMUV3_EVT_1_TTRNW, n.s1 + SHIFT);
		map_page(&n.m, n.s2, n.s1 + SHIFT, n.s1 | S2RW);
		map_page(&n.m, n.s2, n.cd + SHIFT, n.cd | desc);
		invalidate(&n.m, with_sid(VIQ_SMMUV3_OP_CFGI_CD_ALL, 9), 0);
		assert_event(&n.m, n.dev, VA, VIQ_SOFT_READ, VIQ_SMMUV3_EVT_F_PERMISSION, READS | STAGE2(CD),
			     n.cd + SHIFT);
		ste[2] &= ~VIQ_SMMUV3_STE_2_S2PTW;
		assert_int_equal(set(&n.m, 9, ste), VIQ_SMMUV3_STREAM_STAGE2);
		assert_translates(n.dev, VA, OLD);
		map_page(&n.m, n.s2, n.cd + SHIFT, n.cd | S2RW);
	}
	machine_fini(&n.m);
}

/* --- Invalidation ------------------------------------------------------------------------------------------------- */

enum entry {
	S2_ONLY,   /* stage 2 alone, VMID 5, at IPA */
	S2_FAR,    /* the same, another page */
	S2_OTHER,  /* stage 2 alone, VMID 6, at IPA */
	NESTED,    /* both stages, VMID 5, VA that leads to IPA */
	S1_ONLY,   /* stage 1 alone, VMID 0, ASID 1, at IPA: a VA there */
	S1_TAGGED, /* stage 1 alone, VMID 7, ASID 1, at IPA */
	ENTRIES,
};

struct scope {
	uint64_t cmd0, cmd1;
	unsigned int gone; /* a bit for each that must go; the host promises to keep the others */
};

#define ALL        ((1u << ENTRIES) - 1)
#define BITS_VMID5 (1u << S2_ONLY | 1u << S2_FAR | 1u << NESTED)
#define FAR_IPA    (IPA + 0x40000000)

static void check_scope(const struct scope *s)
{
	struct viq_soft_dev *dev[ENTRIES];
	uint64_t at[ENTRIES] = {IPA, FAR_IPA, IPA, VA, IPA, IPA}, table[ENTRIES], other, s1, s1_tagged, cd, cd_tagged;
	struct nested n;

	nested_init(&n);
	dev[S2_ONLY] = dev[S2_FAR] = new_dev(&n.m, 10);
	dev[S2_OTHER] = new_dev(&n.m, 11);
	dev[NESTED] = n.dev;
	dev[S1_ONLY] = new_dev(&n.m, 12);
	dev[S1_TAGGED] = new_dev(&n.m, 13);
	other = alloc_pages(&n.m, 1);
	s1 = alloc_pages(&n.m, 1);
	s1_tagged = alloc_pages(&n.m, 1);
	cd = alloc_pages(&n.m, 1);
	cd_tagged = alloc_pages(&n.m, 1);
	write_cd(&n.m, cd, ASID, s1);
	write_cd(&n.m, cd_tagged, ASID, s1_tagged);
	set_s2(&n.m, 10, 5, n.s2);
	set_s2(&n.m, 11, 6, other);
	set_s1(&n.m, 12, 0, cd);
	set_s1(&n.m, 13, 7, cd_tagged);
	table[S2_ONLY] = table[S2_FAR] = table[NESTED] = n.s2;
	table[S2_OTHER] = other;
	table[S1_ONLY] = s1;
	table[S1_TAGGED] = s1_tagged;
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int e = 0; e < ENTRIES; e++) {
			uint64_t page = e == NESTED ? IPA : at[e];

			map_page(&n.m, table[e], page, (round ? NEW : OLD) | (e >= S1_ONLY ? PAGE_RW : S2RW));
		}
		for (unsigned int e = 0; e < ENTRIES; e++)
			assert_translates(dev[e], at[e], OLD);
	}
	invalidate(&n.m, s->cmd0, s->cmd1);
	for (unsigned int e = 0; e < ENTRIES; e++) {
		print_message("  entry %u\n", e);
		assert_translates(dev[e], at[e], s->gone >> e & 1 ? NEW : OLD);
	}
	machine_fini(&n.m);
}

/* 4.4.2 to 4.4.4. */
static void each_tlbi_has_its_scope(void **state)
{
	const uint64_t ipa = VIQ_SMMUV3_OP_TLBI_S2_IPA, leaf = VIQ_SMMUV3_CMD_1_LEAF;
	const struct scope scopes[] = {
		{VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0, ALL},
		{op_vmid(VIQ_SMMUV3_OP_TLBI_S12_VMALL, 5), 0, BITS_VMID5},
		{op_vmid(VIQ_SMMUV3_OP_TLBI_S12_VMALL, 6), 0, 1u << S2_OTHER},
		{op_vmid(VIQ_SMMUV3_OP_TLBI_S12_VMALL, 0), 0, 1u << S1_ONLY},
		{op_vmid(VIQ_SMMUV3_OP_TLBI_S12_VMALL, 4), 0, 0},
		{op_vmid(VIQ_SMMUV3_OP_TLBI_NH_ALL, 7), 0, 1u << S1_TAGGED},
		{op_vmid(VIQ_SMMUV3_OP_TLBI_NH_ALL, 0), 0, 1u << S1_ONLY},
		/* Stage 2 alone; combined entries are the hypervisor's to invalidate by VMID. */
		{op_vmid(ipa, 5), IPA, 1u << S2_ONLY},
		{op_vmid(ipa, 5), IPA | leaf, 1u << S2_ONLY},
		{op_vmid(ipa, 5), FAR_IPA, 1u << S2_FAR},
		{op_vmid(ipa, 5), IPA + 0x1000, 0},
		{op_vmid(ipa, 6), IPA, 1u << S2_OTHER},
		{op_vmid(ipa, 0), IPA, 0},
		{op_vmid(ipa, 0x105), IPA, 0},
		{op_vmid(ipa, 5) | range0(3, 0), (IPA - 0x2000) | range1(3, 1), 1u << S2_ONLY},
		{op_vmid(ipa, 5) | range0(1, 0), (IPA - 0x2000) | range1(3, 1), 0},
		{op_vmid(ipa, 5) | range0(3, 0), (IPA - 0x2000) | range1(2, 1), 0}, /* leaves of level 2: none */
		{op_vmid(ipa, 5) | range0(31, 31), range1(0, 1), BITS_VMID5},       /* too long to go page by page */
		/* By ASID and VA, of one VMID. */
		{op_vmid(tlbi_asid(ASID), 5), 0, 1u << NESTED},
		{op_vmid(tlbi_asid(ASID), 7), 0, 1u << S1_TAGGED},
		{op_vmid(tlbi_asid(ASID), 0), 0, 1u << S1_ONLY},
		{op_vmid(tlbi_va(ASID), 5), VA, 1u << NESTED},
		{op_vmid(tlbi_va(ASID), 5), IPA, 0},
		{op_vmid(tlbi_va(ASID), 7), IPA, 1u << S1_TAGGED},
		{op_vmid(VIQ_SMMUV3_OP_TLBI_NH_VAA, 5), VA, 1u << NESTED},
		{op_vmid(VIQ_SMMUV3_OP_TLBI_NH_VAA, 7), IPA, 1u << S1_TAGGED},
		{op_vmid(VIQ_SMMUV3_OP_TLBI_NH_VAA, 6), VA, 0},
	};

	for (unsigned int i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		print_message("scope %u: %016llx %016llx\n", i, (unsigned long long)scopes[i].cmd0,
			      (unsigned long long)scopes[i].cmd1);
		check_scope(&scopes[i]);
	}
}

/* One call, many VMIDs: each command is carried out in the one that it names. */
static void commands_of_many_vmids_in_one_call(void **state)
{
	enum {
		VMIDS = 20
	};
	uint64_t cmds[3 * VMIDS][2];
	struct viq_soft_dev *dev[VMIDS];
	uint64_t ttb[VMIDS];
	struct machine m;

	guest_init(&m, NULL);
	for (unsigned int i = 0; i < VMIDS; i++) {
		dev[i] = new_dev(&m, 100 + i);
		ttb[i] = alloc_pages(&m, 1);
		set_s2(&m, 100 + i, (uint16_t)(i * 3277), ttb[i]);
		map_page(&m, ttb[i], IPA, OLD | S2RW);
		assert_translates(dev[i], IPA, OLD);
		map_page(&m, ttb[i], IPA, NEW | S2RW);
		/* The same twice but for the address, and between them one that turns to another VMID, which nobody
		 * has. */
		cmds[3 * i][0] = cmds[3 * i + 2][0] = op_vmid(VIQ_SMMUV3_OP_TLBI_S2_IPA, (uint16_t)(i * 3277));
		cmds[3 * i][1] = IPA + 0x2000;
		cmds[3 * i + 1][0] = op_vmid(VIQ_SMMUV3_OP_TLBI_S12_VMALL, (uint16_t)(i * 3277 + 1));
		cmds[3 * i + 1][1] = 0;
		cmds[3 * i + 2][1] = i % 2 ? IPA : IPA + 0x1000;
	}
	assert_int_equal(call_host(m.host, (const uint64_t(*)[2])cmds, 3 * VMIDS).handled, 3 * VMIDS);
	for (unsigned int i = 0; i < VMIDS; i++)
		assert_translates(dev[i], IPA, i % 2 ? NEW : OLD);
	machine_fini(&m);
}

/* 3.17: entries of a bypassing stream have no VMID, and are not those of VMID 0. */
static void bypass_is_no_vmid(void **state)
{
	struct viq_soft_dev *dev, *bypass;
	const uint64_t ste[4] = {ste0(VIQ_SMMUV3_STE_CONFIG_BYPASS, 0, 0)};
	struct machine m;
	uint64_t ttb;

	guest_init(&m, NULL);
	dev = new_dev(&m, 9);
	bypass = new_dev(&m, 10);
	ttb = alloc_pages(&m, 1);
	map_page(&m, ttb, IPA, OLD | S2RW);
	set_s2(&m, 9, 0, ttb);
	set(&m, 10, ste);
	for (unsigned int i = 0; i < 3; i++) {
		assert_translates(dev, IPA, OLD);
		assert_translates(bypass, IPA, IPA);
	}
	machine_fini(&m);
}

/* A VMID that no stream has any more is as good as invalidated; what another VMID has cached is never found. */
static void vmids_come_and_go(void **state)
{
	struct viq_soft_dev *dev;
	struct machine m;
	uint64_t ttb, next;

	guest_init(&m, NULL);
	dev = new_dev(&m, 9);
	ttb = alloc_pages(&m, 1);
	next = alloc_pages(&m, 1);
	map_page(&m, ttb, IPA, OLD | S2RW);
	map_page(&m, next, IPA, NEW | S2RW);
	for (unsigned int vmid = 0; vmid < 300; vmid++) {
		set_s2(&m, 9, (uint16_t)vmid, ttb);
		assert_translates(dev, IPA, OLD);
		set_s2(&m, 9, (uint16_t)(vmid + 1), next);
		assert_translates(dev, IPA, NEW);
		invalidate(&m, VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0);
	}
	machine_fini(&m);
}

/* --- ATS ---------------------------------------------------------------------------------------------------------- */

/* 5.2, EATS = 1: translation requests are for every stage that is on. */
static void translation_requests(void **state)
{
	struct nested n;
	uint64_t pa, ste[4];

	nested_init(&n);
	assert_int_equal(viq_soft_dev_set_ats(n.dev, true), 0);
	memcpy(ste,
	       (uint64_t[4]){ste0(VIQ_SMMUV3_STE_CONFIG_NESTED, n.cd + SHIFT, 0), VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1),
			     STE2_48 | vmid_field(5), n.s2},
	       sizeof(ste));
	for (unsigned int alone = 0; alone < 2; alone++) {
		uint64_t at = alone ? IPA : VA;

		assert_int_equal(set(&n.m, 9, ste), VIQ_SMMUV3_STREAM_STAGE2);
		map_page(&n.m, n.s2, IPA, OLD | S2RW);
		invalidate(&n.m, VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0);
		assert_translates(n.dev, at, OLD);
		assert_true(viq_soft_cached(n.dev, at, 0, VIQ_SOFT_READ, true));
		map_page(&n.m, n.s2, IPA, NEW | S2RW);
		invalidate(&n.m, op_vmid(VIQ_SMMUV3_OP_TLBI_S12_VMALL, 5), 0);
		assert_translates(n.dev, at, OLD); /* the device's own */
		invalidate(&n.m, with_sid(VIQ_SMMUV3_OP_ATC_INV, 9), VIQ_SMMUV3_ATC_SIZE_ALL);
		assert_translates(n.dev, at, NEW);
		/* A failed request is answered, not recorded (3.9.1). */
		assert_int_equal(translate(n.dev, at + 0x100000, 0, VIQ_SOFT_READ, &pa), -EFAULT);
		assert_int_equal(machine_events(&n.m), 0);
		ste[0] = ste0(VIQ_SMMUV3_STE_CONFIG_S2, 0, 0);
	}
	/* 2: of stage 1 alone, which IDR0.NS1ATS says is not there. */
	ste[1] = VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 2);
	assert_int_equal(set(&n.m, 9, ste), VIQ_SMMUV3_STREAM_REJECTED);
	machine_fini(&n.m);
}

/* --- Who has one -------------------------------------------------------------------------------------------------- */

/* Nothing here walks three stages: below the guest's there must be none of the embedder's. */
static void a_guest_on_an_embedders_stage_2_has_none(void **state)
{
	struct viq_smmuv3_ids ids = ids_of_guest(), offered = ids;
	struct viq_smmuv3_backend b;
	struct viq_soft_s2_config config = {.size = sizeof(config), .t0sz = 24, .sl0 = 1, .ps = 5};
	struct viq_why why;
	struct machine m;
	uint32_t s2;

	machine_init(&m, NULL);
	b = viq_soft_backend(m.soft, m.viommu);
	b.ops->offer(b.opaque, b.object, false, true, &offered);
	assert_true(offered.idr0 & VIQ_SMMUV3_IDR0_S2P);
	assert_true(offered.idr0 & VIQ_SMMUV3_IDR0_VMID16);
	assert_true(offered.idr3 & VIQ_SMMUV3_IDR3_XNX);
	config.ttb = alloc_pages(&m, 2);
	assert_int_equal(viq_soft_s2_alloc(m.soft, &config, &s2, NULL), 0);
	assert_int_equal(viq_soft_viommu_alloc(m.soft, s2, &m.viommu, NULL), 0);
	b = viq_soft_backend(m.soft, m.viommu);
	offered = ids;
	b.ops->offer(b.opaque, b.object, false, true, &offered);
	assert_false(offered.idr0 & (VIQ_SMMUV3_IDR0_S2P | VIQ_SMMUV3_IDR0_VMID16));
	assert_false(offered.idr3 & (VIQ_SMMUV3_IDR3_XNX | VIQ_SMMUV3_IDR3_FWB));
	assert_int_equal(b.ops->promise(b.opaque, b.object, &ids, &why), -EINVAL);
	assert_non_null(strstr(why.text, "IDR0.S2P"));
	machine_fini(&m);
}

/* Without IDR0.S2P Config 6 and 7 are ILLEGAL (5.2), TLBI_S2_IPA and TLBI_S12_VMALL too (4.4.3). */
static void a_guest_without_it(void **state)
{
	const uint64_t cmds[2][2] = {{op_vmid(VIQ_SMMUV3_OP_TLBI_S2_IPA, 5), IPA},
				     {op_vmid(VIQ_SMMUV3_OP_TLBI_S12_VMALL, 5), 0}};
	uint64_t ste[4] = {ste0(VIQ_SMMUV3_STE_CONFIG_S2, 0, 0), 0, STE2_48, MEM_BASE};
	struct viq_smmuv3_ids ids = ids_of_guest();
	struct viq_smmuv3_backend b;
	struct machine m;

	machine_init(&m, NULL);
	(void)new_dev(&m, 9);
	b = viq_soft_backend(m.soft, m.viommu);
	ids.idr0 &= (uint32_t) ~(VIQ_SMMUV3_IDR0_S2P | VIQ_SMMUV3_IDR0_VMID16);
	ids.idr3 &= (uint32_t) ~(VIQ_SMMUV3_IDR3_XNX | VIQ_SMMUV3_IDR3_FWB);
	for (unsigned int promised = 0; promised < 2; promised++) {
		for (unsigned int i = 0; i < 2; i++) {
			struct viq_call_result res = call_host(m.host, &cmds[i], 1);

			assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
			assert_int_equal(res.hw_code, VIQ_SMMUV3_CERROR_ILL);
			ste[0] = ste0(i ? VIQ_SMMUV3_STE_CONFIG_NESTED : VIQ_SMMUV3_STE_CONFIG_S2, MEM_BASE, 0);
			assert_int_equal(set(&m, 9, ste), VIQ_SMMUV3_STREAM_REJECTED);
		}
		assert_int_equal(b.ops->promise(b.opaque, b.object, &ids, NULL), 0);
	}
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stage_2_alone),
		cmocka_unit_test(flags_of_stage_2),
		cmocka_unit_test(both_stages),
		cmocka_unit_test(protected_table_walk),
		cmocka_unit_test(each_tlbi_has_its_scope),
		cmocka_unit_test(commands_of_many_vmids_in_one_call),
		cmocka_unit_test(bypass_is_no_vmid),
		cmocka_unit_test(vmids_come_and_go),
		cmocka_unit_test(translation_requests),
		cmocka_unit_test(a_guest_on_an_embedders_stage_2_has_none),
		cmocka_unit_test(a_guest_without_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
