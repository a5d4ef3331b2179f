/* SPDX-License-Identifier: MIT */
/*
 * Property: after any sequence of maps, unmaps, replacements and changes of tables' rights in both stages, a walk gives
 * what plain lists of the mappings say, for every type of translation and every number of levels. The lists know
 * nothing of tables.
 *
 * The guest's memory, so its first-stage tables, is scattered over physical memory in chunks: a guest-physical address
 * taken for a physical one is found out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

#define CHUNK   (UINT64_C(64) << 10)
#define CHUNKS  (ARENA / CHUNK)
#define STEPS   1500
#define REGIONS 6
#define MAX     1024

/* --- The oracle -------------------------------------------------------------------------------------------------- */

/* A mapping; or, with table, what the table entry over this piece forbids. */
struct piece {
	uint64_t from, to;
	unsigned int shift, attr;
	bool table, dirty;
};

struct list {
	struct piece all[MAX];
	unsigned int count;
};

static bool covers(const struct piece *p, uint64_t addr)
{
	return addr >> p->shift == p->from >> p->shift;
}

static struct piece *find(struct list *list, uint64_t addr)
{
	for (unsigned int i = 0; i < list->count; i++) {
		if (!list->all[i].table && covers(&list->all[i], addr))
			return &list->all[i];
	}
	return NULL;
}

/* What the mapping of addr and the tables above it forbid together. */
static unsigned int attr_at(const struct list *list, uint64_t addr)
{
	unsigned int attr = 0;

	for (unsigned int i = 0; i < list->count; i++)
		attr |= covers(&list->all[i], addr) ? list->all[i].attr : 0;
	return attr;
}

/* Drop everything inside [from, from + 2^shift), a table of this very piece included: how many mappings went. */
static unsigned int drop(struct list *list, uint64_t from, unsigned int shift)
{
	unsigned int kept = 0, mappings = 0, old = list->count;

	for (unsigned int i = 0; i < old; i++) {
		if (list->all[i].shift > shift || list->all[i].from >> shift != from >> shift)
			list->all[kept++] = list->all[i];
		else
			mappings += !list->all[i].table;
	}
	list->count = kept;
	return mappings;
}

static void add(struct list *list, struct piece piece)
{
	assert_true(list->count < MAX);
	list->all[list->count++] = piece;
}

/* --- The machine under test -------------------------------------------------------------------------------------- */

struct world {
	uint64_t seed;
	char *buf;
	struct viq_mem *mem;
	struct synth_mem host, guest;
	uint64_t chunk_pa[CHUNKS];
	struct vtd_caps f;
	struct vtd_regime regime;
	struct synth_vtd_pt fs, ss;
	struct list m1, m2;
	uint64_t iova_region[REGIONS], gpa_region[REGIONS];
	unsigned int good, large;
	unsigned int *seen;
};

static uint64_t pick(struct world *w, uint64_t below)
{
	return vtd_walk_random(&w->seed) % below;
}

static uint64_t low(uint64_t value, unsigned int bits)
{
	return value & ((UINT64_C(1) << bits) - 1);
}

static uint64_t canonical(const struct world *w, uint64_t iova)
{
	unsigned int unused = w->fs.levels == 5 ? 7 : 16;

	return (uint64_t)((int64_t)(iova << unused) >> unused);
}

static bool has_fs(const struct world *w)
{
	return w->regime.pgtt != VIQ_VTD_PGTT_SS;
}

static bool is_nested(const struct world *w)
{
	return w->regime.pgtt == VIQ_VTD_PGTT_NESTED;
}

static void scatter_memory(struct world *w)
{
	struct viq_mem_region regions[CHUNKS + 1];
	unsigned int first = pick(w, CHUNKS);

	for (unsigned int i = 0; i < CHUNKS; i++) {
		/* 7 is prime to the number of chunks: a permutation, with holes between them. */
		w->chunk_pa[i] = GUEST_PA + (first + i * 7) % CHUNKS * 2 * CHUNK;
		regions[i] = (struct viq_mem_region){
			.gpa = w->chunk_pa[i], .size = CHUNK, .host = w->buf + ARENA + i * CHUNK};
	}
	regions[CHUNKS] = (struct viq_mem_region){.gpa = HOST_PA, .size = ARENA, .host = w->buf};
	assert_int_equal(viq_mem_create(regions, CHUNKS + 1, NULL, NULL, &w->mem, NULL), 0);
}

/* A PASID-table entry of this world through the decoder, or a legacy context entry. */
static void make_regime(struct world *w, bool legacy, unsigned int pgtt)
{
	uint64_t entry[VIQ_VTD_PE_WORDS];
	struct vtd_context ctx = {.tt = VIQ_VTD_TT_SS};

	if (legacy) {
		assert_int_equal(vtd_ss_init(&ctx.ss, &w->f, w->ss.root, w->ss.levels - 2u), 0);
		vtd_legacy_regime(&ctx, &w->regime);
		return;
	}
	synth_vtd_pasid(entry, pgtt == VIQ_VTD_PGTT_SS ? NULL : &w->fs, pgtt == VIQ_VTD_PGTT_FS ? NULL : &w->ss, DID);
	entry[0] |= pick(w, 2) ? VIQ_VTD_PE_SSADE : 0;
	entry[1] |= VIQ_VTD_PE_1_PWSNP;
	entry[2] |= VIQ_VTD_PE_2_SRE | (pick(w, 2) ? VIQ_VTD_PE_2_WPE : 0) | (pick(w, 2) ? VIQ_VTD_PE_2_EAFE : 0);
	assert_int_equal(vtd_pasid_decode(&w->f, entry, false, &w->regime), 0);
	assert_int_equal(w->regime.pgtt, pgtt);
}

/* Places where mappings crowd, so that they meet. */
static void make_regions(struct world *w)
{
	for (unsigned int i = 0; i < REGIONS; i++) {
		w->iova_region[i] = canonical(w, vtd_walk_random(&w->seed));
		w->gpa_region[i] = low(vtd_walk_random(&w->seed), i % 3 ? 34 : w->regime.ss.width) | UINT64_C(2) << 30;
	}
}

static void make_world(struct world *w, uint64_t seed, bool legacy, unsigned int pgtt, unsigned int fs_levels,
		       unsigned int ss_levels)
{
	uint64_t base = pgtt == VIQ_VTD_PGTT_NESTED ? GUEST_GPA : HOST_PA;

	*w = (struct world){.seed = seed};
	w->buf = calloc(2, ARENA);
	assert_non_null(w->buf);
	vtd_caps_init(&w->f, VTD_CAP, VTD_ECAP, VTD_HAW);
	scatter_memory(w);
	synth_mem_init(&w->host, w->buf, HOST_PA, ARENA);
	if (base == GUEST_GPA)
		synth_mem_init(&w->guest, w->buf + ARENA, base, ARENA);
	/* Not nested, the first stage's tables lie where the second stage's would. */
	assert_int_equal(synth_vtd_pt_init(&w->ss, &w->host, 2, ss_levels), 0);
	assert_int_equal(synth_vtd_pt_init(&w->fs, base == GUEST_GPA ? &w->guest : &w->host, 1, fs_levels), 0);
	for (uint64_t i = 0; i < ARENA; i += 4096)
		assert_int_equal(synth_vtd_pt_map(&w->ss, GUEST_GPA + i, w->chunk_pa[i / CHUNK] + i % CHUNK, 1, 0), 0);
	make_regime(w, legacy, pgtt);
	if (pgtt == VIQ_VTD_PGTT_FS)
		w->regime.ss.width = 46;
	make_regions(w);
}

static void free_world(struct world *w)
{
	viq_mem_destroy(w->mem);
	free(w->buf);
}

/* --- Edits ------------------------------------------------------------------------------------------------------- */

static unsigned int random_attr(struct world *w, bool first)
{
	unsigned int attr = pick(w, 4) ? 0 : SYNTH_RO;

	if (first)
		attr |= pick(w, 4) ? 0 : SYNTH_PRIV;
	else if (!attr) /* neither readable nor writable is not a mapping */
		attr |= pick(w, 4) ? 0 : SYNTH_NO_READ;
	return attr | (pick(w, 3) ? 0 : SYNTH_NO_AF) | (pick(w, 3) ? 0 : SYNTH_NO_DIRTY);
}

/* Change what the table entry over this piece allows, if there is one. */
static void edit_table(struct world *w, struct synth_vtd_pt *pt, struct list *list, uint64_t from, unsigned int level)
{
	uint64_t slot = synth_vtd_pt_slot(pt, from, level, false), rights, entry;
	unsigned int attr = random_attr(w, pt->stage == 1), shift = synth_vtd_shift(level);
	struct synth_mem *mem = pt->mem;

	entry = slot == SYNTH_NONE ? 0 : synth_load(mem, slot);
	if (!(entry & 3) || entry & VIQ_VTD_FS_PS || level == 1)
		return;
	rights = pt->stage == 1 ? VIQ_VTD_FS_RW | VIQ_VTD_FS_US : VIQ_VTD_SS_R | VIQ_VTD_SS_W;
	entry |= rights;
	if (attr & SYNTH_RO)
		entry &= ~UINT64_C(2);
	if (attr & SYNTH_PRIV)
		entry &= ~VIQ_VTD_FS_US;
	if (attr & SYNTH_NO_READ)
		entry &= ~VIQ_VTD_SS_R;
	synth_store(mem, slot, entry);
	for (unsigned int i = 0; i < list->count; i++) {
		if (list->all[i].table && list->all[i].shift == shift && covers(&list->all[i], from)) {
			list->all[i].attr = attr;
			return;
		}
	}
	add(list, (struct piece){.from = from, .shift = shift, .attr = attr, .table = true});
}

/* The same edit to the tables and to the list. */
static void edit(struct world *w, struct synth_vtd_pt *pt, struct list *list, uint64_t region, uint64_t to)
{
	unsigned int level = pick(w, 2) ? 1 : 1 + pick(w, 3), shift = synth_vtd_shift(level), kind = pick(w, 8);
	uint64_t from = (region + (pick(w, 4) << shift)) >> shift << shift;
	const struct piece *over;
	struct piece p;
	int ret;

	from = pt->stage == 1 ? canonical(w, from) : low(from, synth_vtd_shift(pt->levels + 1));
	if (pt->stage == 2 && from >> 30 == GUEST_GPA >> 30)
		return;
	over = find(list, from);
	if (kind < 2) {
		ret = synth_vtd_pt_unmap(pt, from, level);
		if (over && over->shift > shift)
			assert_int_equal(ret, -ENOENT);
		else if (drop(list, from, shift))
			assert_int_equal(ret, 0);
		return;
	}
	if (kind == 2) {
		level = 2 + pick(w, pt->levels - 1);
		/* The second stage's table over the guest's own memory stays as it is. */
		if (pt->stage == 1 || synth_vtd_shift(level) <= 30)
			edit_table(w, pt, list, from >> synth_vtd_shift(level) << synth_vtd_shift(level), level);
		return;
	}
	p = (struct piece){
		.from = from, .to = to >> shift << shift, .shift = shift, .attr = random_attr(w, pt->stage == 1)};
	p.dirty = !(p.attr & (SYNTH_NO_DIRTY | SYNTH_RO));
	ret = synth_vtd_pt_map(pt, from, p.to, level, p.attr);
	if (over && over->shift > shift) {
		assert_int_equal(ret, -EEXIST);
		return;
	}
	assert_int_equal(ret, 0);
	drop(list, from, shift);
	add(list, p);
}

static void random_edit(struct world *w)
{
	unsigned int r = pick(w, REGIONS);
	uint64_t to = low(vtd_walk_random(&w->seed), pick(w, 8) ? VTD_HAW : 52);

	if (has_fs(w) && (!is_nested(w) || pick(w, 2))) {
		if (is_nested(w) && pick(w, 8))
			to = w->gpa_region[pick(w, REGIONS)] + low(vtd_walk_random(&w->seed), 12 + pick(w, 20));
		edit(w, &w->fs, &w->m1, w->iova_region[r], low(to, 52));
	} else {
		edit(w, &w->ss, &w->m2, w->gpa_region[r], to);
	}
}

/* --- Looks ------------------------------------------------------------------------------------------------------- */

/* What a request for an address must come to: a reason, or 0 with the rest. */
struct expected {
	unsigned int reason;
	uint64_t gpa, pa;
	unsigned int fs_shift, ss_shift;
	bool dirty, second_stage;
	struct piece *written[2]; /* what the write makes dirty, if nothing refuses it (3.6.2, 3.7.2) */
};

static void expect_first(struct world *w, uint64_t iova, unsigned int access, struct expected *e)
{
	struct piece *m = find(&w->m1, iova);
	unsigned int attr = attr_at(&w->m1, iova);
	bool priv = access & SOFT_P;

	if (canonical(w, iova) != iova) {
		e->reason = VIQ_VTD_FR_FS_CANONICAL;
	} else if (!m) {
		e->reason = VIQ_VTD_FR_FS_P;
	} else if (!is_nested(w) && m->to >> VTD_HAW) {
		e->reason = VIQ_VTD_FR_FS_RSVD;
	} else if (access & (SOFT_R | SOFT_W) && !priv && attr & SYNTH_PRIV) {
		e->reason = VIQ_VTD_FR_FS_US;
	} else if (access & SOFT_W && attr & SYNTH_RO && (!priv || w->regime.fs.wpe)) {
		e->reason = VIQ_VTD_FR_SM_WRITE;
	} else {
		e->written[0] = access & SOFT_W ? m : NULL;
		e->dirty = m->dirty || access & SOFT_W;
		e->fs_shift = m->shift;
		e->gpa = m->to + low(iova, m->shift);
	}
}

static unsigned int legacy(const struct world *w, unsigned int scalable_reason, unsigned int legacy_reason)
{
	return w->regime.legacy ? legacy_reason : scalable_reason;
}

static void expect_second(struct world *w, unsigned int access, struct expected *e)
{
	struct piece *m = find(&w->m2, e->gpa);
	unsigned int attr = attr_at(&w->m2, e->gpa);

	e->second_stage = is_nested(w);
	if (e->gpa >> w->regime.ss.width) {
		/* SFS.5, SGN.5, LGN.1.1 */
		e->reason = is_nested(w) ? VIQ_VTD_FR_FS_TABLE_ADDR : legacy(w, VIQ_VTD_FR_SM_SS_ADDR, VIQ_VTD_FR_ADDR);
	} else if (!m) {
		e->reason = legacy(w, VIQ_VTD_FR_SM_SS_P, access & SOFT_W ? VIQ_VTD_FR_WRITE : VIQ_VTD_FR_READ);
	} else if (m->to >> VTD_HAW) {
		e->reason = legacy(w, VIQ_VTD_FR_SM_SS_RSVD, VIQ_VTD_FR_SS_RSVD);
	} else if (attr & SYNTH_RO && attr & SYNTH_NO_READ) {
		/* The entries together allow nothing (SSS.2). */
		e->reason = legacy(w, VIQ_VTD_FR_SM_SS_P, access & SOFT_W ? VIQ_VTD_FR_WRITE : VIQ_VTD_FR_READ);
	} else if (access & SOFT_W && attr & SYNTH_RO) {
		e->reason = legacy(w, VIQ_VTD_FR_SM_WRITE, VIQ_VTD_FR_WRITE);
	} else if (access & SOFT_R && attr & SYNTH_NO_READ) {
		e->reason = legacy(w, VIQ_VTD_FR_SM_READ, VIQ_VTD_FR_READ);
	} else {
		e->written[1] = access & SOFT_W ? m : NULL;
		e->dirty &= !w->regime.ss.ad || m->dirty || access & SOFT_W;
		e->ss_shift = m->shift;
		e->pa = m->to + low(e->gpa, m->shift);
	}
}

static struct expected expect(struct world *w, uint64_t iova, unsigned int access)
{
	struct expected e = {.gpa = iova, .fs_shift = 64, .ss_shift = 64, .dirty = true};

	if (has_fs(w))
		expect_first(w, iova, access, &e);
	e.pa = e.gpa;
	if (!e.reason && w->regime.pgtt != VIQ_VTD_PGTT_FS)
		expect_second(w, access, &e);
	if (!e.reason && e.pa >> 20 == 0xfee) {
		e.reason = legacy(w, VIQ_VTD_FR_SM_INTERRUPT_ADDR, VIQ_VTD_FR_INTERRUPT_ADDR);
		e.second_stage = false;
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (!e.reason && e.written[i])
			e.written[i]->dirty = true;
	}
	return e;
}

static void check_leaf(const struct soft_vtd_leaf *leaf, const struct expected *e, uint64_t iova)
{
	unsigned int small = e->fs_shift < e->ss_shift ? e->fs_shift : e->ss_shift;

	assert_int_equal(leaf->pa, e->pa);
	assert_int_equal(leaf->gpa, e->gpa);
	assert_int_equal(leaf->fs_shift, e->fs_shift);
	assert_int_equal(leaf->ss_shift, e->ss_shift);
	assert_int_equal(leaf->fs_level, e->fs_shift == 64 ? 0 : (e->fs_shift - 3) / 9);
	assert_int_equal(leaf->ss_level, e->ss_shift == 64 ? 0 : (e->ss_shift - 3) / 9);
	assert_int_equal(leaf->shift, small);
	assert_int_equal(leaf->base_iova, iova >> small << small);
	assert_int_equal(leaf->base_pa, e->pa >> small << small);
	assert_int_equal(leaf->dirty, e->dirty);
}

static uint64_t random_address(struct world *w)
{
	uint64_t *regions = has_fs(w) ? w->iova_region : w->gpa_region;
	uint64_t addr = regions[pick(w, REGIONS)] + low(vtd_walk_random(&w->seed), 12 + pick(w, 1 + pick(w, 22)));

	return pick(w, 50) ? addr : addr ^ UINT64_C(1) << (38 + pick(w, 26));
}

static void look(struct world *w)
{
	static const uint8_t accesses[] = {0, SOFT_R, SOFT_W, SOFT_R | SOFT_W, SOFT_R | SOFT_P, SOFT_W | SOFT_P};
	unsigned int access = accesses[pick(w, sizeof(accesses))];
	uint64_t iova = random_address(w);
	struct soft_vtd_fault fault = {0};
	struct soft_vtd_leaf leaf;
	struct expected e;
	int ret;

	if (!has_fs(w) && iova >> 30 == GUEST_GPA >> 30)
		return;
	ret = soft_vtd_walk(w->mem, &w->f, &w->regime, iova, access, &leaf, &fault);
	e = expect(w, iova, access);
	if (is_nested(w) && e.fs_shift != 64 && e.gpa >> 30 == GUEST_GPA >> 30)
		return; /* the guest's own memory is not in the list */
	assert_int_equal(ret, e.reason ? -EFAULT : 0);
	if (ret) {
		assert_int_equal(fault.reason, e.reason);
		assert_int_equal(fault.second_stage, e.second_stage);
		assert_int_equal(fault.gpa, e.second_stage ? e.gpa : 0);
		assert_true(fault.recorded);
		w->seen[e.reason]++;
		return;
	}
	check_leaf(&leaf, &e, iova);
	w->good++;
	w->large += leaf.shift > 12;
}

/* --- The property ------------------------------------------------------------------------------------------------ */

static const struct {
	bool legacy;
	uint8_t pgtt, fs_levels, ss_levels;
} kinds[] = {
	{false, VIQ_VTD_PGTT_FS, 4, 4},     {false, VIQ_VTD_PGTT_NESTED, 4, 4}, {false, VIQ_VTD_PGTT_NESTED, 5, 3},
	{false, VIQ_VTD_PGTT_FS, 5, 4},     {false, VIQ_VTD_PGTT_SS, 4, 3},     {true, VIQ_VTD_PGTT_SS, 4, 3},
	{false, VIQ_VTD_PGTT_NESTED, 4, 5}, {false, VIQ_VTD_PGTT_SS, 4, 4},     {true, VIQ_VTD_PGTT_SS, 4, 4},
	{false, VIQ_VTD_PGTT_NESTED, 5, 5}, {false, VIQ_VTD_PGTT_SS, 4, 5},     {true, VIQ_VTD_PGTT_SS, 4, 5},
};

static void walks_agree_with_the_lists_of_mappings(void **state)
{
	static const uint8_t must[] = {0x04, 0x05, 0x06, 0x0c, 0x71, 0x72, 0x79, 0x7a, 0x80, 0x81, 0x84, 0x85, 0x86};
	unsigned int seen[256] = {0}, good = 0, large = 0;
	struct world *w = malloc(sizeof(*w));
	uint64_t seed = vtd_walk_seed();

	assert_non_null(w);
	for (unsigned int round = 0; round < 2 * sizeof(kinds) / sizeof(kinds[0]); round++) {
		unsigned int k = round % (sizeof(kinds) / sizeof(kinds[0]));

		make_world(w, seed + round * 1000003, kinds[k].legacy, kinds[k].pgtt, kinds[k].fs_levels,
			   kinds[k].ss_levels);
		w->seen = seen;
		for (unsigned int step = 0; step < STEPS; step++) {
			random_edit(w);
			look(w);
			look(w);
		}
		good += w->good;
		large += w->large;
		free_world(w);
	}
	free(w);
	print_message("translated %u, large %u\n", good, large);
	/* Every outcome was met: else this proves little. */
	assert_true(large > 1000 && good - large > 1000);
	for (unsigned int i = 0; i < sizeof(must); i++) {
		if (!seen[must[i]])
			fail_msg("reason %#x was never met", must[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_agree_with_the_lists_of_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
