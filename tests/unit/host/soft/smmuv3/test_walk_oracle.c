/* SPDX-License-Identifier: MIT */
/*
 * Property: after any sequence of maps, unmaps and replacements in both stages, a walk gives what a plain list of the
 * mappings says, for every pair of granules. The list knows nothing of tables.
 *
 * The guest's memory, so its stage-1 tables, is scattered over physical memory in chunks: an IPA taken for a physical
 * address is found out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

#define CLASS_IN VIQ_SMMUV3_EVT_CLASS_IN
#define CHUNK    (UINT64_C(2) << 20)
#define CHUNKS   16
#define STEPS    3000
#define REGIONS  6

/* --- The oracle -------------------------------------------------------------------------------------------------- */

struct mapping {
	uint64_t from, to;
	unsigned int shift, level, attr;
};

struct mapping_list {
	struct mapping all[512];
	unsigned int count;
};

static const struct mapping *find(const struct mapping_list *list, uint64_t addr)
{
	for (unsigned int i = 0; i < list->count; i++) {
		if (addr >> list->all[i].shift == list->all[i].from >> list->all[i].shift)
			return &list->all[i];
	}
	return NULL;
}

/* Drop everything inside [from, from + 2^shift): how many went. */
static unsigned int drop(struct mapping_list *list, uint64_t from, unsigned int shift)
{
	unsigned int kept = 0, old = list->count;

	for (unsigned int i = 0; i < old; i++) {
		if (list->all[i].shift > shift || list->all[i].from >> shift != from >> shift)
			list->all[kept++] = list->all[i];
	}
	list->count = kept;
	return old - kept;
}

/* Stage 1's rights, from the words of the architecture rather than from bits. */
static bool stage1_allows(const struct mapping *m, unsigned int access)
{
	bool priv = access & SOFT_P;
	bool user_may_write = !(m->attr & (SYNTH_PRIV | SYNTH_RO));

	if (access & SOFT_X)
		return priv ? !(m->attr & SYNTH_PXN) && !user_may_write : !(m->attr & SYNTH_XN);
	if (!priv && m->attr & SYNTH_PRIV)
		return !(access & (SOFT_R | SOFT_W));
	return !(access & SOFT_W) || !(m->attr & SYNTH_RO);
}

static bool stage2_allows(const struct mapping *m, unsigned int access)
{
	if (access & SOFT_X)
		return !(m->attr & SYNTH_XN);
	return !(access & SOFT_R && m->attr & SYNTH_NO_READ) && !(access & SOFT_W && m->attr & SYNTH_RO);
}

/* --- The machine under test -------------------------------------------------------------------------------------- */

struct world {
	uint64_t seed;
	char *buf;
	struct viq_mem *mem;
	struct synth_mem host, guest;
	uint64_t chunk_pa[CHUNKS];
	struct smmuv3_features f;
	struct smmuv3_s2 s2;
	struct soft_cd cd;
	struct synth_pt tt[2], s2_pt;
	struct mapping_list m1, m2;
	uint64_t va_region[REGIONS], ipa_region[REGIONS];
	unsigned int seen[2][0x14], good;
};

static uint64_t pick(struct world *w, uint64_t below)
{
	return walk_random(&w->seed) % below;
}

static uint64_t low(uint64_t value, unsigned int bits)
{
	return value & ((UINT64_C(1) << bits) - 1);
}

static void scatter_memory(struct world *w)
{
	struct viq_mem_region regions[CHUNKS + 1];
	unsigned int first = pick(w, CHUNKS);

	for (unsigned int i = 0; i < CHUNKS; i++) {
		/* 7 is prime to 16: a permutation, with holes between the chunks. */
		w->chunk_pa[i] = GUEST_PA + (first + i * 7) % CHUNKS * 2 * CHUNK;
		regions[i] = (struct viq_mem_region){
			.gpa = w->chunk_pa[i], .size = CHUNK, .host = w->buf + ARENA + i * CHUNK};
	}
	regions[CHUNKS] = (struct viq_mem_region){.gpa = HOST_PA, .size = ARENA, .host = w->buf};
	assert_int_equal(viq_mem_create(regions, CHUNKS + 1, NULL, NULL, &w->mem, NULL), 0);
}

/* A stage 2 of random shape, wide enough for the guest's memory and some gigabytes more. */
static void make_stage2(struct world *w, unsigned int granule)
{
	unsigned int t0sz, start;

	do {
		t0sz = 16 + pick(w, 15);
		start = pick(w, 4);
		if (synth_pt_init(&w->s2_pt, &w->host, 2, granule, 64 - t0sz, start))
			continue;
		if (!soft_s2_init(&w->s2, &w->f, w->s2_pt.root, t0sz, synth_s2_sl0(&w->s2_pt), synth_s2_tg(&w->s2_pt),
				  4 + pick(w, 2)))
			break;
		synth_pt_fini(&w->s2_pt);
	} while (true);
	for (uint64_t i = 0; i < ARENA; i += UINT64_C(1) << granule)
		assert_int_equal(synth_pt_map(&w->s2_pt, GUEST_IPA + i, w->chunk_pa[i / CHUNK] + i % CHUNK, 3, 0), 0);
}

static void make_stage1(struct world *w, unsigned int granule)
{
	static const unsigned int ips[] = {40, 44, 48};
	uint64_t words[8], ste[8];
	struct soft_fault fault;
	struct synth_cdt cdt;

	for (unsigned int half = 0; half < 2; half++)
		assert_int_equal(synth_pt_init(&w->tt[half], &w->guest, 1, granule, 25 + pick(w, 24), 0), 0);
	synth_cd(words, &w->tt[0], &w->tt[1], 1, ips[pick(w, 3)]);
	assert_int_equal(synth_cdt_init(&cdt, &w->guest, 0, 0), 0);
	assert_int_equal(synth_cdt_set(&cdt, 0, words), 0);
	synth_ste_s1(ste, &cdt, 0, 0);
	assert_int_equal(soft_fetch_cd(w->mem, &w->f, &w->s2, ste, false, 0, &w->cd, &fault), 0);
}

/* Places where mappings crowd, so that they meet. IPAs stay clear of the gigabyte that holds the guest's tables. */
static void make_regions(struct world *w)
{
	unsigned int ipa_bits = w->s2.identity ? 48 : w->s2.ia_bits;

	for (unsigned int i = 0; i < REGIONS; i++) {
		w->va_region[i] = low(walk_random(&w->seed), w->tt[i % 2].ia_bits);
		if (i % 2)
			w->va_region[i] |= ~UINT64_C(0) << w->tt[1].ia_bits;
		w->ipa_region[i] = low(walk_random(&w->seed), i % 3 ? 34 : ipa_bits) | UINT64_C(2) << 30;
	}
}

static void make_world(struct world *w, uint64_t seed, unsigned int s1_granule, unsigned int s2_granule)
{
	*w = (struct world){.seed = seed};
	w->buf = calloc(2, ARENA);
	assert_non_null(w->buf);
	smmuv3_features_init(&w->f, IDR0, IDR1, IDR3, IDR5, 0);
	synth_mem_init(&w->host, w->buf, HOST_PA, ARENA);
	if (s2_granule) {
		scatter_memory(w);
		synth_mem_init(&w->guest, w->buf + ARENA, GUEST_IPA, ARENA);
		make_stage2(w, s2_granule);
	} else {
		struct viq_mem_region region = {.gpa = GUEST_PA, .size = ARENA, .host = w->buf + ARENA};

		assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &w->mem, NULL), 0);
		synth_mem_init(&w->guest, w->buf + ARENA, GUEST_PA, ARENA);
		w->s2.identity = true;
	}
	make_stage1(w, s1_granule);
	make_regions(w);
}

static void free_world(struct world *w)
{
	viq_mem_destroy(w->mem);
	free(w->buf);
}

/* --- Edits ------------------------------------------------------------------------------------------------------- */

static unsigned int random_attr(struct world *w)
{
	static const unsigned int bits[] = {SYNTH_RO, SYNTH_PRIV, SYNTH_NG,      SYNTH_NO_AF,
					    SYNTH_XN, SYNTH_PXN,  SYNTH_NO_READ, SYNTH_CONT};
	unsigned int attr = 0;

	for (unsigned int i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		attr |= pick(w, 6) ? 0 : bits[i];
	return attr;
}

/* Is the address one that tables of these bits, below or above, have an entry for? */
static bool in_range(uint64_t addr, unsigned int bits, bool upper)
{
	return (upper ? ~addr : addr) >> bits == 0;
}

/* A few pieces of this size around a region. */
static uint64_t near(struct world *w, uint64_t region, unsigned int shift)
{
	return (region + (pick(w, 4) << shift)) >> shift << shift;
}

/* The same edit to the tables and to the list. */
static void edit(struct world *w, struct synth_pt *pt, bool upper, struct mapping_list *list, uint64_t region,
		 uint64_t to)
{
	unsigned int level, shift;
	const struct mapping *over;
	struct mapping m;
	uint64_t from;
	int ret;

	do
		level = pick(w, 4);
	while (!synth_pt_leaf_legal(pt, level));
	shift = synth_pt_shift(pt, level);
	from = near(w, region, shift);
	if (!in_range(from, pt->ia_bits, upper))
		return;
	over = find(list, from);
	if (!pick(w, 3)) {
		bool block = over && over->shift > shift;

		ret = synth_pt_unmap(pt, from, level);
		if (block)
			assert_int_equal(ret, -ENOENT);
		else if (drop(list, from, shift))
			assert_int_equal(ret, 0);
		return;
	}
	m = (struct mapping){.from = from,
			     .to = low(to, 48) >> shift << shift,
			     .shift = shift,
			     .level = level,
			     .attr = random_attr(w)};
	ret = synth_pt_map(pt, from, m.to, level, m.attr);
	if (over && over->shift > shift) {
		assert_int_equal(ret, -EEXIST);
		return;
	}
	assert_int_equal(ret, 0);
	drop(list, from, shift);
	assert_true(list->count < 512);
	list->all[list->count++] = m;
}

static void random_edit(struct world *w)
{
	unsigned int r = pick(w, REGIONS);
	uint64_t to;

	if (w->s2.identity || pick(w, 2)) {
		/* To where stage 2 has something, or anywhere. */
		to = pick(w, 8) ? w->ipa_region[pick(w, REGIONS)] : walk_random(&w->seed);
		if (!w->s2.identity && low(to, 48) >> 30 == GUEST_IPA >> 30)
			return;
		edit(w, &w->tt[r % 2], r % 2, &w->m1, w->va_region[r], to);
	} else {
		to = low(walk_random(&w->seed), pick(w, 8) ? 44 : 48);
		edit(w, &w->s2_pt, false, &w->m2, w->ipa_region[r], to);
	}
}

/* --- Looks ------------------------------------------------------------------------------------------------------- */

static void expect_fault(struct world *w, int ret, const struct soft_fault *fault, unsigned int event,
			 unsigned int stage2, uint64_t ipa)
{
	assert_int_equal(ret, -EFAULT);
	assert_fault(fault, event, stage2, CLASS_IN, stage2 ? ipa : 0, 0);
	w->seen[stage2][event]++;
}

/* What stage 2 alone must make of an IPA: the event, or 0 with *pa and *shift. */
static unsigned int stage2_event(const struct world *w, uint64_t ipa, unsigned int access, uint64_t *pa,
				 unsigned int *shift)
{
	const struct mapping *m;

	*pa = ipa;
	*shift = 64;
	if (w->s2.identity)
		return 0;
	m = ipa >> w->s2.ia_bits ? NULL : find(&w->m2, ipa);
	if (!m)
		return VIQ_SMMUV3_EVT_F_TRANSLATION;
	*pa = m->to + low(ipa, m->shift);
	*shift = m->shift;
	if (m->to >> w->s2.oa_bits)
		return VIQ_SMMUV3_EVT_F_ADDR_SIZE;
	if (m->attr & SYNTH_NO_AF)
		return VIQ_SMMUV3_EVT_F_ACCESS;
	return stage2_allows(m, access) ? 0 : VIQ_SMMUV3_EVT_F_PERMISSION;
}

static unsigned int stage1_event(const struct world *w, const struct mapping *m, unsigned int access)
{
	if (!m)
		return VIQ_SMMUV3_EVT_F_TRANSLATION;
	if (m->to >> w->cd.oa_bits)
		return VIQ_SMMUV3_EVT_F_ADDR_SIZE;
	if (m->attr & SYNTH_NO_AF)
		return VIQ_SMMUV3_EVT_F_ACCESS;
	return stage1_allows(m, access) ? 0 : VIQ_SMMUV3_EVT_F_PERMISSION;
}

static void look(struct world *w)
{
	unsigned int r = pick(w, REGIONS), access = pick(w, 16), event, s2_shift, small;
	uint64_t va = w->va_region[r] + low(walk_random(&w->seed), 12 + pick(w, 22)), ipa, pa;
	const struct mapping *m;
	struct soft_fault fault = {0};
	struct soft_leaf leaf;
	int ret;

	ret = soft_walk(w->mem, &w->f, &w->s2, &w->cd, va, access, &leaf, &fault);
	m = in_range(va, w->tt[va >> 55 & 1].ia_bits, va >> 55 & 1) ? find(&w->m1, va) : NULL;
	event = stage1_event(w, m, access);
	if (event) {
		expect_fault(w, ret, &fault, event, 0, 0);
		return;
	}
	ipa = m->to + low(va, m->shift);
	event = stage2_event(w, ipa, access, &pa, &s2_shift);
	if (event) {
		expect_fault(w, ret, &fault, event, 1, ipa);
		return;
	}
	assert_int_equal(ret, 0);
	small = m->shift < s2_shift ? m->shift : s2_shift;
	assert_int_equal(leaf.pa, pa);
	assert_int_equal(leaf.ipa, ipa);
	assert_int_equal(leaf.shift, small);
	assert_int_equal(leaf.base_va, va >> small << small);
	assert_int_equal(leaf.base_pa, pa >> small << small);
	assert_int_equal(leaf.s1_shift, m->shift);
	assert_int_equal(leaf.s1_level, m->level);
	assert_int_equal(leaf.s2_shift, s2_shift);
	assert_int_equal(leaf.global, !(m->attr & SYNTH_NG));
	w->good++;
}

static void walks_agree_with_the_list_of_mappings(void **state)
{
	static const unsigned int granules[] = {12, 14, 16, 0}; /* 0: no stage 2 */
	unsigned int seen[2][0x14] = {0}, good = 0;
	struct world *w = malloc(sizeof(*w));
	uint64_t seed = walk_seed();

	assert_non_null(w);
	for (unsigned int round = 0; round < 24; round++) {
		make_world(w, seed + round * 1000003, granules[round % 3], granules[round / 3 % 4]);
		for (unsigned int step = 0; step < STEPS; step++) {
			random_edit(w);
			look(w);
			look(w);
		}
		for (unsigned int i = 0x10; i < 0x14; i++) {
			seen[0][i] += w->seen[0][i];
			seen[1][i] += w->seen[1][i];
		}
		good += w->good;
		free_world(w);
	}
	free(w);
	print_message("translated %u; stage-1 faults %u %u %u %u; stage-2 faults %u %u %u %u\n", good, seen[0][0x10],
		      seen[0][0x11], seen[0][0x12], seen[0][0x13], seen[1][0x10], seen[1][0x11], seen[1][0x12],
		      seen[1][0x13]);
	/* Every outcome was met: else this proves little. */
	assert_true(good > 1000);
	for (unsigned int i = 0x10; i < 0x14; i++)
		assert_true(seen[0][i] && seen[1][i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_agree_with_the_list_of_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
