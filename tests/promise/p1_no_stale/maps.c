/* SPDX-License-Identifier: MIT */
/* Tables and lists of mappings, changed alike. */
#include "edit.h"

const uint32_t p1_ssids[P1_SSIDS] = {0, 1, 70, 1100};

const uint32_t edit_offsets_a[EDIT_OFFSETS] = {0,     1,     2,     3,     4,      5,      7,       8,      11,
					       12,    15,    16,    17,    31,     32,     48,      63,     64,
					       0x1ff, 0x200, 0x201, 0x400, 0x1fff, 0x2000, 0x1ffff, 0x20000};
/* Where stage 1 points to. The first is a region of input addresses too: for streams that bypass stage 1. */
const uint64_t edit_ipas[] = {UINT64_C(0x100000000), UINT64_C(0x140000000), UINT64_C(0x2000000000)};

/* --- Lists of mappings ------------------------------------------------------------------------------------------- */

static void list_drop(struct p1_list *list, uint64_t from, unsigned int shift)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		if (list->map[i].shift > shift || list->map[i].from >> shift != from >> shift)
			list->map[kept++] = list->map[i];
	}
	list->count = kept;
}

/* Everything of the list that [from, from + 2^shift) touches. */
uint32_t map_list_overlap(const struct p1_list *list, uint64_t from, unsigned int shift, struct p1_map *out,
			  uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < list->count && n < max; i++) {
		unsigned int wide = list->map[i].shift > shift ? list->map[i].shift : shift;

		if (list->map[i].from >> wide == from >> wide)
			out[n++] = list->map[i];
	}
	return n;
}

/* Make the tables and the list agree on a mapping; with a larger block in the way, that goes first. */
void map_put(struct p1_world *w, struct synth_pt *pt, struct p1_list *list, const struct p1_map *m)
{
	struct p1_map over;

	if (list->count == P1_MAPS)
		return;
	if (map_list_find(list, m->from, &over) && over.shift > m->shift) {
		if (synth_pt_unmap(pt, over.from, over.level))
			p1_found(w, "the synthetic guest cannot unmap 0x%llx", (unsigned long long)over.from);
		list_drop(list, over.from, over.shift);
	}
	if (synth_pt_map(pt, m->from, m->to, m->level, m->attr)) {
		p1_found(w, "the synthetic guest cannot map 0x%llx", (unsigned long long)m->from);
		return;
	}
	list_drop(list, m->from, m->shift);
	list->map[list->count++] = *m;
}

void map_remove(struct p1_world *w, struct synth_pt *pt, struct p1_list *list, const struct p1_map *maps, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (synth_pt_unmap(pt, maps[i].from, maps[i].level))
			p1_found(w, "the synthetic guest cannot unmap 0x%llx", (unsigned long long)maps[i].from);
		list_drop(list, maps[i].from, maps[i].shift);
	}
}

/* --- Page tables ------------------------------------------------------------------------------------------------- */

unsigned int edit_random_level(struct p1_world *w, const struct synth_pt *pt)
{
	unsigned int level;

	do
		level = p1_one_in(w, 2) ? 3 : p1_below(w, 4);
	while (!synth_pt_leaf_legal(pt, level));
	return level;
}

static uint64_t random_point(struct p1_world *w, bool upper)
{
	return w->point[(upper ? P1_POINTS / 2 : 0) + p1_below(w, P1_POINTS / 2)];
}

struct p1_map edit_random_map(struct p1_world *w, const struct p1_tables *t, bool shared)
{
	struct p1_map m = {.level = edit_random_level(w, &t->pt)};

	m.shift = synth_pt_shift(&t->pt, m.level);
	m.from = random_point(w, t->upper) >> m.shift << m.shift;
	m.to = (edit_ipas[p1_below(w, 3)] + (uint64_t)edit_offsets_a[p1_below(w, EDIT_OFFSETS)] * 4096) >>
	       m.shift << m.shift;
	m.attr = (p1_one_in(w, 6) ? SYNTH_RO : 0) | (p1_one_in(w, 8) ? SYNTH_PRIV : 0);
	/* A global one is found under every ASID, so it must mean the same under each. */
	m.attr |= shared && p1_one_in(w, 2) ? 0 : SYNTH_NG;
	return m;
}

int edit_new_tables(struct p1_world *w, bool upper, bool shared)
{
	static const unsigned int granules[] = {12, 12, 14, 16};
	unsigned int i = 0;

	for (unsigned int n = 0; n < P1_TABLES; n++) {
		if (w->tables[n].used && !model_tables_in_use(w, (int)n)) {
			synth_pt_fini(&w->tables[n].pt);
			w->tables[n].used = false;
		}
	}
	while (i < P1_TABLES && w->tables[i].used)
		i++;
	if (i == P1_TABLES)
		return -1;
	w->tables[i] = (struct p1_tables){.used = true, .upper = upper};
	if (synth_pt_init(&w->tables[i].pt, &w->guest, 1, granules[p1_below(w, 4)], 42 + p1_below(w, 6), 0)) {
		p1_found(w, "the synthetic guest's memory is full");
		return -1;
	}
	for (unsigned int n = 0; n < 60 && !w->result.stale; n++) {
		struct p1_map m = edit_random_map(w, &w->tables[i], shared), over;

		if (n < 6 || !map_list_find(&w->tables[i].list, m.from, &over))
			map_put(w, &w->tables[i].pt, &w->tables[i].list, &m);
	}
	model_walk(w, &w->tables[i]);
	return (int)i;
}

struct p1_map edit_random_s2_map(struct p1_world *w, uint64_t ipa, unsigned int level)
{
	struct p1_map m = {.level = level, .shift = synth_pt_shift(&w->s2, level)};

	m.from = ipa >> m.shift << m.shift;
	m.to = (UINT64_C(0x100000000000) + (p1_random(w) & UINT64_C(0xfffffffffff))) >> m.shift << m.shift;
	m.attr = (p1_one_in(w, 8) ? SYNTH_RO : 0) | (p1_one_in(w, 12) ? SYNTH_NO_READ : 0);
	return m;
}
