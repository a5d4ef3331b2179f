/* SPDX-License-Identifier: MIT */
/*
 * The software host's TLB: what each TLBI must remove (IHI 0070 4.3, 4.4), and what the host promises to keep.
 *
 * The pattern: translate (fills the TLB), change the tables, translate again (the old address shows that the entry was
 * there), invalidate, translate (the new address shows that it is gone).
 */
#include "support/soft.h"
#include "synth/synth.h"

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
	assert_int_equal(viq_soft_dev_alloc(m.soft, &dev2, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, dev2, 9, &vdev2, NULL), 0);
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

static void globals_match_accesses_of_the_same_aset_only(void **state)
{
	struct machine m;
	struct viq_soft_dev *dev2;
	uint32_t vdev2;
	uint64_t ttb = machine_init_s1(&m, NULL), cd2 = alloc_pages(&m, 1);

	write_cd(&m, cd2, 2, alloc_pages(&m, 1));
	put_word(&m, cd2, le64toh(*word_at(&m, cd2)) & ~VIQ_SMMUV3_CD_0_ASET);
	assert_int_equal(viq_soft_dev_alloc(m.soft, &dev2, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, dev2, 9, &vdev2, NULL), 0);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, 9,
						    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, cd2, 0), 0}),
			 0);
	map_page(&m, ttb, VA, OLD | (PAGE_RW & ~NG));
	assert_translates(m.dev, VA, OLD);
	assert_faults(dev2, VA);
	machine_fini(&m);
}

/* --- Nesting: fragments ------------------------------------------------------------------------------------------ */

#define GUEST_BASE (MEM_BASE + MEM_SIZE / 2) /* the guest's tables: IPA = PA there */
#define DATA_IPA   UINT64_C(0x200000000)

struct nested {
	struct machine m;
	struct synth_mem s2_mem, s1_mem;
	struct synth_pt s2, s1;
	struct synth_cdt cdt;
	uint32_t viommu, vdevice;
	struct viq_soft_dev *dev;
	struct viq_call_host host;
};

/* A stage 2 of 4 KiB pages, all out of order, below a stage 1 with this granule. */
static void nested_init(struct nested *n, unsigned int granule)
{
	struct viq_soft_s2_config config = {.size = sizeof(config), .ps = 5};
	uint64_t cd[VIQ_SMMUV3_CD_WORDS], ste[VIQ_SMMUV3_STE_WORDS];
	uint32_t s2;

	machine_init(&n->m, NULL);
	synth_mem_init(&n->s2_mem, n->m.ram, MEM_BASE, MEM_SIZE / 2);
	synth_mem_init(&n->s1_mem, word_at(&n->m, GUEST_BASE), GUEST_BASE, MEM_SIZE / 2);
	assert_int_equal(synth_pt_init(&n->s2, &n->s2_mem, 2, 12, 40, 1), 0);
	for (uint64_t a = GUEST_BASE; a < MEM_BASE + MEM_SIZE; a += 0x200000)
		assert_int_equal(synth_pt_map(&n->s2, a, a, 2, 0), 0);
	config.ttb = n->s2.root;
	config.t0sz = 24;
	config.sl0 = synth_s2_sl0(&n->s2);
	config.tg = synth_s2_tg(&n->s2);
	assert_int_equal(viq_soft_s2_alloc(n->m.soft, &config, &s2, NULL), 0);
	assert_int_equal(viq_soft_viommu_alloc(n->m.soft, s2, &n->viommu, NULL), 0);
	n->m.viommu = n->viommu;
	n->host = viq_soft_host(n->m.soft, n->viommu);
	assert_int_equal(synth_pt_init(&n->s1, &n->s1_mem, 1, granule, 48, 0), 0);
	assert_int_equal(synth_cdt_init(&n->cdt, &n->s1_mem, 0, 0), 0);
	synth_cd(cd, &n->s1, NULL, ASID, 48);
	assert_int_equal(synth_cdt_set(&n->cdt, 0, cd), 0);
	synth_ste_s1(ste, &n->cdt, 0, 0);
	assert_int_equal(viq_soft_dev_alloc(n->m.soft, &n->dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(n->m.soft, n->viommu, n->dev, VSID, &n->vdevice, NULL), 0);
	ste[0] &= VIQ_SMMUV3_STE_0_NESTING;
	ste[1] &= VIQ_SMMUV3_STE_1_NESTING;
	assert_int_equal(viq_soft_vdevice_configure(n->m.soft, n->viommu, VSID, ste), 0);
}

/* Physical page behind page i of an IPA block: any will do, as long as neighbours do not follow each other. */
static uint64_t scattered(uint64_t ipa)
{
	return UINT64_C(0x5000000000) + ((ipa >> 12 ^ 0x15) * 0x3000 & UINT64_C(0xffffffff));
}

/*
 * 4.3: a combined entry cut down to a smaller stage-2 size still belongs to the stage-1 block. A block in several
 * fragments; then one command for one address of it, which need not be that of any fragment.
 */
static void check_fragments(unsigned int granule, unsigned int attr, uint64_t cmd0, uint64_t cmd1)
{
	static const unsigned int pages[] = {0, 1, 7, 100, 511};
	const uint64_t block = UINT64_C(1) << (granule + granule - 3), va = block * 5;
	const uint64_t cmd[1][2] = {{cmd0, cmd1 + va + 0x33000}};
	struct nested n;

	nested_init(&n, granule);
	assert_int_equal(synth_pt_map(&n.s1, va, DATA_IPA & ~(block - 1), 2, attr), 0);
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t off = pages[i] * UINT64_C(4096), ipa = (DATA_IPA & ~(block - 1)) + off;

		assert_int_equal(synth_pt_map(&n.s2, ipa, scattered(ipa), 3, 0), 0);
		assert_int_equal(synth_pt_map(&n.s2, ipa + block, scattered(ipa + block), 3, 0), 0);
		assert_translates(n.dev, va + off, scattered(ipa));
	}
	assert_int_equal(synth_pt_map(&n.s1, va, (DATA_IPA & ~(block - 1)) + block, 2, attr), 0);
	for (unsigned int i = 0; i < 5; i++)
		assert_true(viq_soft_cached(n.dev, va + pages[i] * UINT64_C(4096), 0, VIQ_SOFT_READ, false));
	assert_int_equal(call_host(n.host, cmd, 1).error, VIQ_CALL_NONE);
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t off = pages[i] * UINT64_C(4096);

		assert_translates(n.dev, va + off, scattered((DATA_IPA & ~(block - 1)) + block + off));
	}
	machine_fini(&n.m);
}

static void one_address_removes_all_fragments_of_its_block(void **state)
{
	const uint64_t vaa = VIQ_SMMUV3_OP_TLBI_NH_VAA;

	for (unsigned int granule = 12; granule <= 16; granule += 2) {
		unsigned int tg = (granule - 10) / 2;
		/* A range must be aligned to TTL's block; one that is not is rounded out to it. */
		const uint64_t r1 = range1(2, tg);

		check_fragments(granule, SYNTH_NG, tlbi_va(ASID), 0);
		check_fragments(granule, SYNTH_NG, tlbi_va(ASID), VIQ_SMMUV3_CMD_1_LEAF);
		check_fragments(granule, 0, tlbi_va(ASID + 7), 0);
		check_fragments(granule, SYNTH_NG, vaa, 0);
		check_fragments(granule, 0, vaa, 0);
		check_fragments(granule, SYNTH_NG, tlbi_va(ASID) | range0(0, 0), r1);
		check_fragments(granule, SYNTH_NG, tlbi_va(ASID) | range0(3, 1), range1(0, tg));
		check_fragments(granule, 0, vaa | range0(0, 2), range1(0, tg));
		if (tg == 2) /* no leaves at level 1 without DS: leaves at any (4.4.1.1) */
			check_fragments(granule, 0, vaa | range0(3, 0), range1(1, tg));
	}
}

static void a_changed_stage_2_is_forgotten_on_demand(void **state)
{
	const uint64_t va = 0x1000;
	struct nested n;

	nested_init(&n, 12);
	assert_int_equal(synth_pt_map(&n.s1, va, DATA_IPA, 3, SYNTH_NG), 0);
	assert_int_equal(synth_pt_map(&n.s2, DATA_IPA, OLD, 3, 0), 0);
	assert_translates(n.dev, va, OLD);
	assert_int_equal(synth_pt_map(&n.s2, DATA_IPA, NEW, 3, 0), 0);
	assert_translates(n.dev, va, OLD);
	assert_int_equal(viq_soft_s2_invalidate(n.m.soft, n.m.s2, DATA_IPA, 4096), 0); /* another stage 2 */
	assert_translates(n.dev, va, OLD);
	assert_int_equal(viq_soft_s2_invalidate(n.m.soft, n.viommu - 1, DATA_IPA, 4096), 0);
	assert_translates(n.dev, va, NEW);
	machine_fini(&n.m);
}

/* --- A model: everything that must go, goes ---------------------------------------------------------------------- */

#define STREAMS     6u  /* two of each granule; ASID = number + 1 */
#define LEAVES      24u /* in each stream's tables */
#define MODEL_STEPS 400

struct leaf {
	uint64_t va;
	uint8_t shift, level, granule;
	bool global;
};

struct stream {
	struct viq_soft_dev *dev, *twin; /* twin: in another vIOMMU, with the same tables and ASID */
	struct synth_pt pt;
	struct leaf leaves[LEAVES];
};

static uint64_t seed;
static uint64_t rnd(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

static struct viq_soft_dev *add_device(struct machine *m, uint32_t viommu, uint32_t vsid, const uint64_t ste[2])
{
	struct viq_soft_dev *dev;
	uint32_t id;

	assert_int_equal(viq_soft_dev_alloc(m->soft, &dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m->soft, viommu, dev, vsid, &id, NULL), 0);
	assert_int_equal(viq_soft_vdevice_configure(m->soft, viommu, vsid, ste), 0);
	return dev;
}

/* Leaves near each other, so that ranges meet several; every stream in a part of its own, for the globals' sake. */
static void fill_stream(struct stream *s, unsigned int number, unsigned int granule)
{
	unsigned int block = granule + granule - 3;

	for (unsigned int i = 0; i < LEAVES; i++) {
		struct leaf *l = &s->leaves[i];

		l->granule = granule;
		l->level = i % 3 ? 3 : 2;
		l->shift = l->level == 3 ? granule : block;
		l->global = rnd(4) == 0;
		l->va = (uint64_t)(number + 1) << 42;
		l->va += l->level == 2 ? (uint64_t)(1 + i) << block : ((uint64_t)i * 2 + rnd(2)) << granule;
		assert_int_equal(synth_pt_map(&s->pt, l->va, MEM_BASE, l->level, l->global ? 0 : SYNTH_NG), 0);
	}
}

static bool in_range(const struct leaf *l, const uint64_t cmd[2])
{
	uint64_t tg = VIQ_GET(VIQ_SMMUV3_TLBI_1_TG, cmd[1]), ttl = VIQ_GET(VIQ_SMMUV3_TLBI_1_TTL, cmd[1]);
	uint64_t va = cmd[1] & VIQ_SMMUV3_TLBI_1_VA, bytes;

	if (!tg)
		return (va & (UINT64_MAX >> 8)) >> l->shift == l->va >> l->shift;
	bytes = (VIQ_GET(VIQ_SMMUV3_TLBI_NUM, cmd[0]) + 1) * (UINT64_C(1) << VIQ_GET(VIQ_SMMUV3_TLBI_SCALE, cmd[0])) *
		(UINT64_C(1) << (10 + 2 * tg));
	return l->granule == 10 + 2 * tg && (!ttl || l->level == ttl) && va < l->va + (UINT64_C(1) << l->shift) &&
	       l->va < va + bytes;
}

/* 4.3 and 4.4, read literally. */
static bool must_go(const struct leaf *l, uint16_t asid, const uint64_t cmd[2])
{
	bool ours = l->global || VIQ_GET(VIQ_SMMUV3_TLBI_ASID, cmd[0]) == asid;

	switch (VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0])) {
	case VIQ_SMMUV3_OP_TLBI_NH_ASID:
		return !l->global && ours;
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
		return ours && in_range(l, cmd);
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
		return in_range(l, cmd);
	default:
		return true;
	}
}

static void random_command(const struct stream *streams, uint64_t cmd[2])
{
	unsigned int who = rnd(STREAMS);
	const struct leaf *l = &streams[who].leaves[rnd(LEAVES)];
	uint64_t tg;

	cmd[1] = 0;
	switch (rnd(12)) {
	case 0:
		cmd[0] = rnd(2) ? VIQ_SMMUV3_OP_TLBI_NH_ALL : VIQ_SMMUV3_OP_TLBI_NSNH_ALL;
		return;
	case 1:
		cmd[0] = tlbi_asid(who + 1);
		return;
	case 2:
	case 3:
		cmd[0] = VIQ_SMMUV3_OP_TLBI_NH_VAA;
		break;
	default:
		cmd[0] = tlbi_va(rnd(3) ? who + 1 : rnd(STREAMS) + 1);
	}
	cmd[1] = (l->va + (rnd(3) ? 0 : rnd(UINT64_C(1) << l->shift)) - (rnd(3) ? 0 : rnd(64) << 12)) &
		 VIQ_SMMUV3_TLBI_1_VA;
	if (!rnd(3))
		return;
	tg = rnd(4) ? (l->granule - 10u) / 2 : 1 + rnd(3);
	cmd[0] |= range0(rnd(32), rnd(4) ? rnd(8) : rnd(32));
	cmd[1] |= range1(rnd(2) ? 0 : 2 + rnd(2), tg);
	if (!(cmd[0] & (VIQ_SMMUV3_TLBI_NUM | VIQ_SMMUV3_TLBI_SCALE)))
		cmd[0] |= range0(1, 0); /* NUM = SCALE = TTL = 0 is reserved */
}

static void everything_that_must_go_goes_and_other_guests_keep_theirs(void **state)
{
	const char *env = getenv("VIQ_SEED");
	struct stream streams[STREAMS];
	struct synth_mem mem;
	struct machine m;
	uint32_t viommu2;

	seed = env ? strtoull(env, NULL, 0) | 1 : 0x5eed1;
	print_message("VIQ_SEED=%llu\n", (unsigned long long)seed);
	machine_init(&m, NULL);
	synth_mem_init(&mem, m.ram, MEM_BASE, MEM_SIZE);
	assert_int_equal(viq_soft_viommu_alloc(m.soft, m.s2, &viommu2, NULL), 0);
	for (unsigned int i = 0; i < STREAMS; i++) {
		struct stream *s = &streams[i];
		uint64_t cd[VIQ_SMMUV3_CD_WORDS], ste[VIQ_SMMUV3_STE_WORDS];
		struct synth_cdt cdt;

		assert_int_equal(synth_pt_init(&s->pt, &mem, 1, 12 + 2 * (i % 3), 48, 0), 0);
		fill_stream(s, i, 12 + 2 * (i % 3));
		assert_int_equal(synth_cdt_init(&cdt, &mem, 0, 0), 0);
		synth_cd(cd, &s->pt, NULL, i + 1, 48);
		assert_int_equal(synth_cdt_set(&cdt, 0, cd), 0);
		synth_ste_s1(ste, &cdt, 0, 0);
		ste[0] &= VIQ_SMMUV3_STE_0_NESTING;
		ste[1] &= VIQ_SMMUV3_STE_1_NESTING;
		s->dev = add_device(&m, m.viommu, i, ste);
		s->twin = add_device(&m, viommu2, i, ste);
	}
	for (unsigned int step = 0; step < MODEL_STEPS; step++) {
		uint64_t cmd[1][2], pa;

		for (unsigned int i = 0; i < STREAMS * LEAVES; i++) {
			const struct stream *s = &streams[i / LEAVES];

			assert_int_equal(translate(s->dev, s->leaves[i % LEAVES].va, 0, VIQ_SOFT_READ, &pa), 0);
			assert_int_equal(translate(s->twin, s->leaves[i % LEAVES].va, 0, VIQ_SOFT_READ, &pa), 0);
		}
		random_command(streams, cmd[0]);
		assert_int_equal(call_host(m.host, cmd, 1).error, VIQ_CALL_NONE);
		for (unsigned int i = 0; i < STREAMS * LEAVES; i++) {
			const struct stream *s = &streams[i / LEAVES];
			const struct leaf *l = &s->leaves[i % LEAVES];

			/* Pages share counters with others; VMIDs and ASIDs do not. */
			if (!cmd[0][1])
				assert_true(viq_soft_cached(s->twin, l->va, 0, VIQ_SOFT_READ, false));
			if (must_go(l, i / LEAVES + 1, cmd[0]) &&
			    viq_soft_cached(s->dev, l->va, 0, VIQ_SOFT_READ, false))
				fail_msg("step %u: %016llx %016llx left %llx of stream %u", step,
					 (unsigned long long)cmd[0][0], (unsigned long long)cmd[0][1],
					 (unsigned long long)l->va, i / LEAVES);
		}
	}
	machine_fini(&m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_translation_stays_until_it_is_invalidated),
	cmocka_unit_test(each_tlbi_has_its_scope),
	cmocka_unit_test(globals_match_accesses_of_the_same_aset_only),
	cmocka_unit_test(one_address_removes_all_fragments_of_its_block),
	cmocka_unit_test(a_changed_stage_2_is_forgotten_on_demand),
	cmocka_unit_test(everything_that_must_go_goes_and_other_guests_keep_theirs),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
