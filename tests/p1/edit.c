/* SPDX-License-Identifier: MIT */
/* What the guest changes, and the invalidations that a driver would queue for it, in every legal form. */
#include <string.h>

#include "p1.h"

const uint32_t p1_ssids[P1_SSIDS] = {0, 1, 70, 1100};

/* Pages of 4 KiB from a region's start: neighbours, and both sides of the boundaries of every leaf size. */
static const uint32_t offsets_a[] = {0,  1,  2,  3,  4,  5,     7,     8,     11,    12,     15,     16,      17,
				     31, 32, 48, 63, 64, 0x1ff, 0x200, 0x201, 0x400, 0x1fff, 0x2000, 0x1ffff, 0x20000};
static const uint32_t offsets_b[] = {0, 1, 2, 16, 0x200, 0x3ff, 0x2000, 0x3fff, 0x10000, 0x3ffff};
#define OFFSETS_A (sizeof(offsets_a) / sizeof(offsets_a[0]))
#define OFFSETS_B (sizeof(offsets_b) / sizeof(offsets_b[0]))
_Static_assert(2 * (OFFSETS_A + OFFSETS_B) == P1_POINTS, "points");

/* A gigabyte each; the last one is the end of the address space. */
static const uint64_t regions[2][2] = {
	{UINT64_C(0x100000000), UINT64_C(0x3ffc0000000)},
	{UINT64_C(0xffffff9000000000), UINT64_C(0xffffffffc0000000)},
};
/* Where stage 1 points to. The first is a region of input addresses too: for streams that bypass stage 1. */
static const uint64_t ipas[] = {UINT64_C(0x100000000), UINT64_C(0x140000000), UINT64_C(0x2000000000)};
#define GIB (UINT64_C(1) << 30)

/* --- Jobs -------------------------------------------------------------------------------------------------------- */

static void add(struct p1_job *job, struct synth_cmd cmd)
{
	if (job->count < P1_STEPS)
		job->step[job->count++] = cmd;
}

static void add_sync(struct p1_job *job)
{
	if (job->count < P1_STEPS)
		job->sync[job->count++] = true;
}

static struct p1_job *free_job(struct p1_world *w)
{
	for (unsigned int i = 0; i < P1_JOBS; i++) {
		if (w->job[i].pos == w->job[i].count) {
			w->job[i] = (struct p1_job){.waits = p1_one_in(w, 2)};
			return &w->job[i];
		}
	}
	return NULL;
}

/* Guests forget things; what they forget may stay. */
static void maybe_forget(struct p1_world *w, struct p1_job *job)
{
	uint32_t i;

	if (!job->count || !p1_one_in(w, 15))
		return;
	i = p1_below(w, job->count);
	if (!job->sync[i]) {
		job->step[i] = synth_cmd_prefetch_config(w->stream[0].sid);
		p1_log(w, "the guest forgets a command");
	}
}

void job_step(struct p1_world *w)
{
	struct p1_job *job = &w->job[p1_below(w, P1_JOBS)];

	for (uint32_t n = 1 + p1_below(w, 6); n && job->pos < job->count && !w->result.stale; n--) {
		if (job->wait_for > w->cons)
			return;
		if (job->sync[job->pos]) {
			uint64_t at = guest_push_sync(w);

			job->wait_for = job->waits ? at + 1 : 0;
		} else {
			guest_push(w, job->step[job->pos]);
		}
		job->pos++;
	}
}

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
static uint32_t list_overlap(const struct p1_list *list, uint64_t from, unsigned int shift, struct p1_map *out,
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
static void put_map(struct p1_world *w, struct synth_pt *pt, struct p1_list *list, const struct p1_map *m)
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

static void remove_maps(struct p1_world *w, struct synth_pt *pt, struct p1_list *list, const struct p1_map *maps,
			uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (synth_pt_unmap(pt, maps[i].from, maps[i].level))
			p1_found(w, "the synthetic guest cannot unmap 0x%llx", (unsigned long long)maps[i].from);
		list_drop(list, maps[i].from, maps[i].shift);
	}
}

/* --- Page tables ------------------------------------------------------------------------------------------------- */

static unsigned int random_level(struct p1_world *w, const struct synth_pt *pt)
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

/* Points in [first, last] are about to change: devices look now, so that there is something to go stale, and later. */
static void attract(struct p1_world *w, uint64_t first, uint64_t last)
{
	for (unsigned int p = 0; p < P1_POINTS; p++) {
		if (w->point[p] >= first && w->point[p] <= last && p1_one_in(w, 2))
			w->recent[w->recent_next++ % P1_RECENT] = p;
	}
	for (unsigned int n = p1_below(w, 16); n && !w->result.stale; n--)
		model_access_random(w);
}

static struct p1_map random_map(struct p1_world *w, const struct p1_tables *t, bool shared)
{
	struct p1_map m = {.level = random_level(w, &t->pt)};

	m.shift = synth_pt_shift(&t->pt, m.level);
	m.from = random_point(w, t->upper) >> m.shift << m.shift;
	m.to = (ipas[p1_below(w, 3)] + (uint64_t)offsets_a[p1_below(w, OFFSETS_A)] * 4096) >> m.shift << m.shift;
	m.attr = (p1_one_in(w, 6) ? SYNTH_RO : 0) | (p1_one_in(w, 8) ? SYNTH_PRIV : 0);
	/* A global one is found under every ASID, so it must mean the same under each. */
	m.attr |= shared && p1_one_in(w, 2) ? 0 : SYNTH_NG;
	return m;
}

static int new_tables(struct p1_world *w, bool upper, bool shared)
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
		struct p1_map m = random_map(w, &w->tables[i], shared), over;

		if (n < 6 || !map_list_find(&w->tables[i].list, m.from, &over))
			put_map(w, &w->tables[i].pt, &w->tables[i].list, &m);
	}
	model_walk(w, &w->tables[i]);
	return (int)i;
}

/* --- TLBI for leaves that were there ----------------------------------------------------------------------------- */

#define OLD_MAX 32
struct old {
	struct p1_map map[OLD_MAX];
	uint32_t count;
	uint64_t first, last;
	unsigned int granule, level; /* level 0: several */
	bool global, own;            /* among them */
	bool tables_freed;
	unsigned int asid[P1_ASIDS], asids; /* under which they were */
};

static struct old describe(const struct p1_world *w, int tables, const struct p1_map *maps, uint32_t n)
{
	struct old o = {.count = n, .first = UINT64_MAX, .granule = w->tables[tables].pt.granule};

	for (uint32_t i = 0; i < n; i++) {
		uint64_t last = maps[i].from + (UINT64_C(1) << maps[i].shift) - 1;

		o.map[i] = maps[i];
		o.first = maps[i].from < o.first ? maps[i].from : o.first;
		o.last = last > o.last ? last : o.last;
		o.level = !i || o.level == maps[i].level ? maps[i].level : 0;
		o.global |= !(maps[i].attr & SYNTH_NG);
		o.own |= !!(maps[i].attr & SYNTH_NG);
	}
	for (unsigned int i = 0; i < P1_ASIDS; i++) {
		if (w->space[i].half[w->tables[tables].upper] == tables)
			o.asid[o.asids++] = i;
	}
	return o;
}

static uint64_t inside(struct p1_world *w, const struct p1_map *m)
{
	return m->from + (p1_random(w) & ((UINT64_C(1) << m->shift) - 1) & ~UINT64_C(0xfff));
}

static struct synth_cmd as_vaa(struct synth_cmd cmd)
{
	cmd.w[0] &= ~(VIQ_SMMUV3_CMD_OP | VIQ_SMMUV3_TLBI_ASID);
	cmd.w[0] |= VIQ_SMMUV3_OP_TLBI_NH_VAA;
	return cmd;
}

/* One command for each leaf: any address in it does. */
static void tlbi_each(struct p1_world *w, struct p1_job *job, const struct old *o, unsigned int asid, bool vaa)
{
	for (uint32_t i = 0; i < o->count; i++) {
		struct synth_cmd cmd = synth_cmd_tlbi_nh_va(w->asids[asid], inside(w, &o->map[i]), !o->tables_freed);

		add(job, vaa ? as_vaa(cmd) : cmd);
	}
}

/* Ranges as Linux cuts them. */
static void tlbi_linux(struct p1_world *w, struct p1_job *job, const struct old *o, unsigned int asid, bool vaa)
{
	uint64_t va = o->first, pages = ((o->last - o->first) >> o->granule) + 1;
	unsigned int ttl = o->tables_freed || p1_one_in(w, 4) ? 0 : o->level;

	while (pages) {
		struct synth_cmd cmd =
			synth_cmd_tlbi_next_range(w->asids[asid], &va, &pages, !o->tables_freed, o->granule, ttl);

		add(job, vaa ? as_vaa(cmd) : cmd);
	}
}

/* One range around it all, that begins and ends anywhere. */
static void tlbi_around(struct p1_world *w, struct p1_job *job, const struct old *o, unsigned int asid, bool vaa)
{
	uint64_t before = p1_below(w, 4), start = o->first - (before << o->granule);
	uint64_t pages = ((o->last - start) >> o->granule) + 1;
	struct synth_range r = {.tg = o->granule / 2 - 5};
	struct synth_cmd cmd;

	while (pages > UINT64_C(32) << r.scale)
		r.scale++;
	r.num = (pages + (UINT64_C(1) << r.scale) - 1) / (UINT64_C(1) << r.scale) - 1;
	if (!r.num && !r.scale)
		r.num = 1;
	cmd = synth_cmd_tlbi_nh_va_range(w->asids[asid], start, false, r);
	add(job, vaa ? as_vaa(cmd) : cmd);
}

static void tlbi_job(struct p1_world *w, struct p1_job *job, const struct old *o)
{
	static void (*const forms[])(struct p1_world *, struct p1_job *, const struct old *, unsigned int,
				     bool) = {tlbi_each, tlbi_linux, tlbi_linux, tlbi_around};
	unsigned int form = p1_below(w, 9);

	if (form >= 7 || !o->asids || (form < 2 && o->count * o->asids > 24)) {
		add(job, p1_one_in(w, 2) ? synth_cmd_tlbi_nh_all() : synth_cmd_tlbi_nsnh_all());
	} else if (form == 6 && !o->global) {
		for (unsigned int i = 0; i < o->asids; i++)
			add(job, synth_cmd_tlbi_nh_asid(w->asids[o->asid[i]]));
	} else if (form >= 5) {
		forms[p1_below(w, 4)](w, job, o, 0, true);
	} else if (!o->own) {
		/* Globals go with any ASID, also with one that never used them. */
		forms[p1_below(w, 4)](w, job, o, p1_below(w, P1_ASIDS), false);
	} else {
		for (unsigned int i = 0; i < o->asids; i++)
			forms[p1_below(w, 4)](w, job, o, o->asid[i], false);
	}
	add_sync(job);
}

/* --- ATC_INV ----------------------------------------------------------------------------------------------------- */

/* The smallest aligned power of two that holds both. */
static unsigned int enclosing(uint64_t first, uint64_t last)
{
	unsigned int size = 0;

	while (size < VIQ_SMMUV3_ATC_SIZE_ALL && first >> (12 + size) != last >> (12 + size))
		size++;
	return size;
}

static void atc_stream(struct p1_world *w, struct p1_job *job, uint32_t sid, uint64_t first, uint64_t last)
{
	unsigned int size = enclosing(first, last), form = p1_below(w, 6);

	if (form < 2)
		add(job, synth_cmd_atc_inv(sid, false, 0, false, 0, VIQ_SMMUV3_ATC_SIZE_ALL));
	else if (form < 4)
		add(job, synth_cmd_atc_inv(sid, false, 0, false, first, size));
	else if (form < 5)
		add(job, synth_cmd_atc_inv(sid, true, p1_ssids[p1_below(w, P1_SSIDS)], true, last, size));
	else /* of these substreams alone */
		for (unsigned int i = 0; i < P1_SSIDS; i++)
			add(job, synth_cmd_atc_inv(sid, true, p1_ssids[i], false, first, size));
}

static void atc_job(struct p1_world *w, struct p1_job *job, uint64_t first, uint64_t last)
{
	bool any = false;

	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		if (!w->stream[n].ats && !p1_one_in(w, 16))
			continue;
		atc_stream(w, job, w->stream[n].sid, first, last);
		any = true;
	}
	if (any)
		add_sync(job);
}

/* --- Edits ------------------------------------------------------------------------------------------------------- */

static void edit_tables(struct p1_world *w, struct p1_job *job)
{
	unsigned int i = p1_below(w, P1_ASIDS), half = p1_below(w, 2);
	int number = w->space[i].half[half];
	struct p1_map m, over, gone[OLD_MAX];
	struct p1_tables *t;
	struct old old;
	uint32_t n;

	if (number < 0)
		return;
	t = &w->tables[number];
	m = random_map(w, t, w->shared_half == (int)half);
	if (p1_one_in(w, 4) && t->list.count) { /* what is there, with other rights */
		over = t->list.map[p1_below(w, t->list.count)];
		over.attr = m.attr;
		m = over;
	}
	n = list_overlap(&t->list, m.from, m.shift, gone, OLD_MAX);
	if (n == OLD_MAX)
		return;
	old = describe(w, number, gone, n);
	old.tables_freed = n && gone[0].shift < m.shift;
	if (n)
		attract(w, old.first, old.last);
	model_refresh(w);
	w->result.edits++;
	if (n && p1_one_in(w, 5)) {
		remove_maps(w, &t->pt, &t->list, gone, n);
		p1_log(w, "edit: tables %d, unmap 0x%llx to 0x%llx", number, (unsigned long long)old.first,
		       (unsigned long long)old.last);
	} else {
		put_map(w, &t->pt, &t->list, &m);
		p1_log(w, "edit: tables %d, map 0x%llx to 0x%llx, level %u, attr 0x%x, in place of %u", number,
		       (unsigned long long)m.from, (unsigned long long)m.to, m.level, m.attr, n);
	}
	model_walk(w, t);
	w->now++;
	if (!n)
		return;
	tlbi_job(w, job, &old);
	atc_job(w, job, old.first, old.last);
}

static void write_cd(struct p1_world *w, unsigned int c, unsigned int i, const struct p1_cd *cd)
{
	uint64_t words[VIQ_SMMUV3_CD_WORDS];
	int a = cd->half[0], b = cd->half[1];

	if (cd->valid)
		synth_cd(words, a < 0 ? NULL : &w->tables[a].pt, b < 0 ? NULL : &w->tables[b].pt, w->asids[cd->asid],
			 48);
	if (synth_cdt_set(&w->cdt[c].cdt, p1_ssids[i], cd->valid ? words : NULL))
		p1_found(w, "the synthetic guest cannot write CD %u", p1_ssids[i]);
	w->cdt[c].cd[i] = *cd;
}

/* For every stream that reads this CD table. */
static void cfgi_job(struct p1_world *w, struct p1_job *job, unsigned int c, unsigned int index)
{
	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		const struct p1_stream *s = &w->stream[n];

		if (s->now.kind != P1_STAGE1 || s->now.cdt != (int)c)
			continue;
		switch (p1_below(w, 6)) {
		case 0:
			add(job, synth_cmd_cfgi_cd_all(s->sid));
			break;
		case 1:
			add(job, synth_cmd_cfgi_ste(s->sid, p1_one_in(w, 2)));
			break;
		default:
			add(job, synth_cmd_cfgi_cd(s->sid, p1_ssids[index], p1_one_in(w, 2)));
		}
	}
}

static void edit_cd(struct p1_world *w, struct p1_job *job)
{
	unsigned int c = p1_below(w, P1_CDTS), i = p1_below(w, P1_SSIDS);
	struct p1_cd cd = {.half = {-1, -1}};

	if (p1_ssids[i] >> w->cdt[c].cdmax)
		i = 0;
	if (!p1_one_in(w, 8))
		cd = w->space[p1_below(w, P1_ASIDS)];
	model_refresh(w);
	write_cd(w, c, i, &cd);
	w->result.edits++;
	p1_log(w, "edit: CD %u of table %u: %s, ASID %u, tables %d %d", p1_ssids[i], c, cd.valid ? "valid" : "invalid",
	       w->asids[cd.asid], cd.half[0], cd.half[1]);
	w->now++;
	cfgi_job(w, job, c, i);
	add_sync(job);
	atc_job(w, job, 0, UINT64_MAX);
}

/* The ASID stands for other tables from now on. */
static void edit_space(struct p1_world *w, struct p1_job *job)
{
	unsigned int a = p1_below(w, P1_ASIDS), half = p1_below(w, 2);
	int number;

	if ((int)half == w->shared_half)
		half = !half;
	model_refresh(w);
	number = new_tables(w, half, false);
	if (number < 0)
		return;
	w->space[a].half[half] = (int8_t)number;
	w->result.edits++;
	p1_log(w, "edit: ASID %u has new tables %d", w->asids[a], number);
	for (unsigned int c = 0; c < P1_CDTS; c++) {
		for (unsigned int i = 0; i < P1_SSIDS; i++) {
			if (!w->cdt[c].cd[i].valid || w->cdt[c].cd[i].asid != a)
				continue;
			write_cd(w, c, i, &w->space[a]);
			if (job->count < 32)
				cfgi_job(w, job, c, i);
		}
	}
	if (job->count >= 30)
		job->count = 0, add(job, synth_cmd_cfgi_all());
	w->now++;
	add_sync(job);
	add(job, p1_one_in(w, 2) ? synth_cmd_tlbi_nh_asid(w->asids[a]) : synth_cmd_tlbi_nh_all());
	add_sync(job);
	atc_job(w, job, 0, UINT64_MAX);
}

static void write_ste(struct p1_world *w, const struct p1_stream *s)
{
	uint64_t ste[VIQ_SMMUV3_STE_WORDS] = {0};

	if (s->now.kind == P1_ABORT)
		synth_ste_abort(ste);
	else if (s->now.kind == P1_BYPASS)
		synth_ste_bypass(ste);
	else if (s->now.kind == P1_STAGE1)
		synth_ste_s1(ste, &w->cdt[s->now.cdt].cdt, s->now.dss, s->now.eats);
	if (synth_st_set(&w->st, s->sid, ste))
		p1_found(w, "the synthetic guest cannot write STE 0x%x", s->sid);
}

static void edit_ste(struct p1_world *w, struct p1_job *job)
{
	static const uint8_t kinds[] = {P1_INVALID, P1_ABORT,  P1_BYPASS, P1_STAGE1, P1_STAGE1,
					P1_STAGE1,  P1_STAGE1, P1_STAGE1, P1_STAGE1, P1_STAGE1};
	struct p1_stream *s = &w->stream[p1_below(w, P1_STREAMS)];
	struct p1_ste ste = {.kind = kinds[p1_below(w, 10)], .cdt = -1};
	unsigned int form = p1_below(w, 6);

	if (ste.kind == P1_STAGE1) {
		ste.cdt = (int8_t)p1_below(w, P1_CDTS);
		ste.dss = p1_one_in(w, 4) ? p1_below(w, 2) : 2;
		ste.eats = s->ats && !p1_one_in(w, 3);
	}
	model_refresh(w);
	s->now = ste;
	write_ste(w, s);
	w->result.edits++;
	p1_log(w, "edit: STE 0x%x: kind %u, CD table %d, S1DSS %u, EATS %u", s->sid, ste.kind, ste.cdt, ste.dss,
	       ste.eats);
	w->now++;
	if (form == 0)
		add(job, synth_cmd_cfgi_all());
	else if (form == 1)
		add(job, synth_cmd_cfgi_ste_range(s->sid, p1_below(w, 10)));
	else
		add(job, synth_cmd_cfgi_ste(s->sid, p1_one_in(w, 2)));
	add_sync(job);
	if (p1_one_in(w, 2))
		add(job, synth_cmd_prefetch_config(s->sid));
	if (s->ats) {
		atc_stream(w, job, s->sid, 0, UINT64_MAX);
		add_sync(job);
	}
}

/* Sets of versions are small: let things calm down before they overflow. */
static bool too_many_versions(const struct p1_world *w)
{
	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		if (w->stream[n].ste_count > P1_SET - 3)
			return true;
		for (unsigned int i = 0; i < P1_SSIDS; i++) {
			if (w->stream[n].cd_count[i] > P1_SET - 5)
				return true;
		}
	}
	return false;
}

void edit_random(struct p1_world *w)
{
	struct p1_job *job;
	unsigned int what = p1_below(w, 20);

	model_refresh(w);
	if (too_many_versions(w))
		guest_settle(w);
	job = w->result.stale ? NULL : free_job(w);
	if (!job)
		return;
	if (what < 13)
		edit_tables(w, job);
	else if (what < 16)
		edit_cd(w, job);
	else if (what < 17)
		edit_space(w, job);
	else
		edit_ste(w, job);
	maybe_forget(w, job);
}

/* --- Stage 2 ----------------------------------------------------------------------------------------------------- */

static void dirty(struct p1_world *w, uint64_t from, unsigned int shift)
{
	uint64_t last = from + (UINT64_C(1) << shift) - 1;

	w->s2_dirty_first = from < w->s2_dirty_first ? from : w->s2_dirty_first;
	w->s2_dirty_last = last > w->s2_dirty_last ? last : w->s2_dirty_last;
}

static struct p1_map random_s2_map(struct p1_world *w, uint64_t ipa, unsigned int level)
{
	struct p1_map m = {.level = level, .shift = synth_pt_shift(&w->s2, level)};

	m.from = ipa >> m.shift << m.shift;
	m.to = (UINT64_C(0x100000000000) + (p1_random(w) & UINT64_C(0xfffffffffff))) >> m.shift << m.shift;
	m.attr = (p1_one_in(w, 8) ? SYNTH_RO : 0) | (p1_one_in(w, 12) ? SYNTH_NO_READ : 0);
	return m;
}

void edit_stage2(struct p1_world *w)
{
	uint64_t ipa = ipas[p1_below(w, 3)] + (uint64_t)offsets_a[p1_below(w, OFFSETS_A)] * 4096;
	struct p1_map m, gone[OLD_MAX];
	uint32_t n;

	if (w->identity)
		return;
	m = random_s2_map(w, ipa, random_level(w, &w->s2));
	n = list_overlap(&w->s2_list, m.from, m.shift, gone, OLD_MAX);
	if (n == OLD_MAX)
		return;
	model_refresh(w);
	w->result.edits++;
	for (uint32_t i = 0; i < n; i++)
		dirty(w, gone[i].from, gone[i].shift);
	dirty(w, m.from, m.shift);
	if (n && p1_one_in(w, 5))
		remove_maps(w, &w->s2, &w->s2_list, gone, n);
	else
		put_map(w, &w->s2, &w->s2_list, &m);
	p1_log(w, "stage 2: 0x%llx, level %u, in place of %u", (unsigned long long)m.from, m.level, n);
	model_walk_all(w);
	w->now++;
}

static void init_stage2(struct p1_world *w)
{
	unsigned int level = w->identity || w->s2.granule != 12 ? 2 : 1;

	w->s2_dirty_first = UINT64_MAX;
	for (unsigned int r = 0; r < 3 && !w->identity; r++) {
		uint64_t step = UINT64_C(1) << synth_pt_shift(&w->s2, level);

		for (uint64_t at = 0; at < GIB; at += step) {
			struct p1_map m = random_s2_map(w, ipas[r] + at, level);

			put_map(w, &w->s2, &w->s2_list, &m);
		}
	}
}

/* --- The beginning ----------------------------------------------------------------------------------------------- */

static void init_points(struct p1_world *w)
{
	unsigned int n = 0;

	for (unsigned int half = 0; half < 2; half++) {
		for (unsigned int i = 0; i < OFFSETS_A; i++)
			w->point[n++] = regions[half][0] + (uint64_t)offsets_a[i] * 4096;
		for (unsigned int i = 0; i < OFFSETS_B; i++)
			w->point[n++] = regions[half][1] + (uint64_t)offsets_b[i] * 4096;
	}
}

static void init_spaces(struct p1_world *w)
{
	int shared = -1;

	w->shared_half = (int)p1_below(w, 4) - 1;
	if (w->shared_half > 1)
		w->shared_half = 1;
	if (w->shared_half >= 0)
		shared = new_tables(w, w->shared_half, true);
	for (unsigned int i = 0; i < P1_ASIDS; i++) {
		unsigned int other = w->shared_half == 0 ? 1 : 0;

		w->asids[i] = (uint16_t)(i * 6 + (p1_one_in(w, 2) ? 0x100 * (1 + p1_below(w, 200)) : 0));
		w->space[i] = (struct p1_cd){.valid = true, .asid = (uint8_t)i, .half = {-1, -1}};
		w->space[i].half[other] = (int8_t)new_tables(w, other, false);
		if (!p1_one_in(w, 5))
			w->space[i].half[!other] =
				(int8_t)(w->shared_half >= 0 ? shared : new_tables(w, !other, false));
		if (w->space[i].half[other] < 0)
			p1_found(w, "no tables are left");
	}
}

static void init_cdts(struct p1_world *w)
{
	static const unsigned int sizes[] = {0, 7, 11, 11, 11};

	for (unsigned int c = 0; c < P1_CDTS; c++) {
		unsigned int cdmax = sizes[p1_below(w, 5)], fmt = cdmax > 1 ? p1_below(w, 3) : 0;

		w->cdt[c].cdmax = cdmax;
		if (synth_cdt_init(&w->cdt[c].cdt, &w->guest, cdmax, fmt))
			p1_found(w, "no memory for a CD table");
		for (unsigned int i = 0; i < P1_SSIDS && !(p1_ssids[i] >> cdmax); i++) {
			if (!p1_one_in(w, 8))
				write_cd(w, c, i, &w->space[p1_below(w, P1_ASIDS)]);
		}
	}
}

int edit_init(struct p1_world *w)
{
	init_points(w);
	init_stage2(w);
	init_spaces(w);
	if (!w->result.stale)
		init_cdts(w);
	model_walk_all(w);
	/* Streams begin with a configuration of their own, as after a boot. */
	for (unsigned int n = 0; n < 8 && !w->result.stale; n++) {
		struct p1_job job = {0};

		edit_ste(w, &job);
	}
	guest_settle(w);
	return w->result.stale ? -1 : 0;
}
