/* SPDX-License-Identifier: MIT */
/* What the guest changes. */
#include <string.h>

#include "edit.h"

/* --- Edits ------------------------------------------------------------------------------------------------------- */

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

static void edit_tables(struct p1_world *w, struct p1_job *job)
{
	unsigned int i = p1_below(w, P1_ASIDS), half = p1_below(w, 2);
	int number = w->space[i].half[half];
	struct p1_map m, over, gone[OLD_MAX];
	bool stretch = false;
	struct p1_tables *t;
	struct old old;
	uint32_t n;

	if (number < 0)
		return;
	t = &w->tables[number];
	m = edit_random_map(w, t, w->shared_half == (int)half);
	if (p1_one_in(w, 4) && t->list.count) { /* what is there, with other rights */
		over = t->list.map[p1_below(w, t->list.count)];
		over.attr = m.attr;
		m = over;
	}
	if (p1_one_in(w, 6)) { /* a stretch of pages and blocks at once */
		stretch = true;
		m.shift = 13 + p1_below(w, 12);
		m.from = m.from >> m.shift << m.shift;
	}
	n = map_list_overlap(&t->list, m.from, m.shift, gone, OLD_MAX);
	if (n == OLD_MAX)
		return;
	old = edit_describe(w, number, gone, n);
	old.tables_freed = !stretch && n && gone[0].shift < m.shift;
	if (n)
		attract(w, old.first, old.last);
	model_refresh(w);
	w->result.edits++;
	if (stretch || (n && p1_one_in(w, 6))) {
		map_remove(w, &t->pt, &t->list, gone, n);
		p1_log(w, "edit: tables %d, unmap 0x%llx to 0x%llx", number, (unsigned long long)old.first,
		       (unsigned long long)old.last);
	} else {
		map_put(w, &t->pt, &t->list, &m);
		p1_log(w, "edit: tables %d, map 0x%llx to 0x%llx, level %u, attr 0x%x, in place of %u", number,
		       (unsigned long long)m.from, (unsigned long long)m.to, m.level, m.attr, n);
	}
	model_walk(w, t);
	w->now++;
	if (!n)
		return;
	job_add_tlbi(w, job, &old);
	job_add_atc(w, job, old.first, old.last);
}

void edit_write_cd(struct p1_world *w, unsigned int c, unsigned int i, const struct p1_cd *cd)
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
			job_add(job, synth_cmd_cfgi_cd_all(s->sid));
			break;
		case 1:
			job_add(job, synth_cmd_cfgi_ste(s->sid, p1_one_in(w, 2)));
			break;
		default:
			job_add(job, synth_cmd_cfgi_cd(s->sid, p1_ssids[index], p1_one_in(w, 2)));
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
	edit_write_cd(w, c, i, &cd);
	w->result.edits++;
	p1_log(w, "edit: CD %u of table %u: %s, ASID %u, tables %d %d", p1_ssids[i], c, cd.valid ? "valid" : "invalid",
	       w->asids[cd.asid], cd.half[0], cd.half[1]);
	w->now++;
	cfgi_job(w, job, c, i);
	job_add_sync(job);
	job_add_atc(w, job, 0, UINT64_MAX);
}

/* The ASID stands for other tables from now on. */
static void edit_space(struct p1_world *w, struct p1_job *job)
{
	unsigned int a = p1_below(w, P1_ASIDS), half = p1_below(w, 2);
	int number;

	if ((int)half == w->shared_half)
		half = !half;
	model_refresh(w);
	number = edit_new_tables(w, half, false);
	if (number < 0)
		return;
	w->space[a].half[half] = (int8_t)number;
	w->result.edits++;
	p1_log(w, "edit: ASID %u has new tables %d", w->asids[a], number);
	for (unsigned int c = 0; c < P1_CDTS; c++) {
		for (unsigned int i = 0; i < P1_SSIDS; i++) {
			if (!w->cdt[c].cd[i].valid || w->cdt[c].cd[i].asid != a)
				continue;
			edit_write_cd(w, c, i, &w->space[a]);
			if (job->count < 32)
				cfgi_job(w, job, c, i);
		}
	}
	if (job->count >= 30)
		job->count = 0, job_add(job, synth_cmd_cfgi_all());
	w->now++;
	job_add_sync(job);
	job_add(job, p1_one_in(w, 2) ? synth_cmd_tlbi_nh_asid(w->asids[a]) : synth_cmd_tlbi_nh_all());
	job_add_sync(job);
	job_add_atc(w, job, 0, UINT64_MAX);
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
	if (w->own && s->now.kind >= P1_BYPASS) {
		ste[0] |= VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, 2);
		ste[2] = VIQ_PUT(VIQ_SMMUV3_STE_2_S2VMID, w->vmid) |
			 VIQ_PUT(VIQ_SMMUV3_STE_2_S2T0SZ, 64 - w->s2.ia_bits) |
			 VIQ_PUT(VIQ_SMMUV3_STE_2_S2SL0, synth_s2_sl0(&w->s2)) |
			 VIQ_PUT(VIQ_SMMUV3_STE_2_S2TG, synth_s2_tg(&w->s2)) | VIQ_PUT(VIQ_SMMUV3_STE_2_S2PS, 5) |
			 VIQ_SMMUV3_STE_2_S2AA64 | VIQ_SMMUV3_STE_2_S2R;
		ste[3] = w->s2.root;
	}
	if (synth_st_set(&w->st, s->sid, ste))
		p1_found(w, "the synthetic guest cannot write STE 0x%x", s->sid);
}

void edit_ste(struct p1_world *w, struct p1_job *job)
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
		job_add(job, synth_cmd_cfgi_all());
	else if (form == 1)
		job_add(job, synth_cmd_cfgi_ste_range(s->sid, p1_below(w, 10)));
	else
		job_add(job, synth_cmd_cfgi_ste(s->sid, p1_one_in(w, 2)));
	job_add_sync(job);
	if (p1_one_in(w, 2))
		job_add(job, synth_cmd_prefetch_config(s->sid));
	if (s->ats) {
		job_add_atc_stream(w, job, s->sid, 0, UINT64_MAX);
		job_add_sync(job);
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
	job = w->result.stale ? NULL : job_free(w);
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
	job_maybe_forget(w, job);
}

/* --- Stage 2 ----------------------------------------------------------------------------------------------------- */

static void dirty(struct p1_world *w, uint64_t from, unsigned int shift)
{
	uint64_t last = from + (UINT64_C(1) << shift) - 1;

	w->s2_dirty_first = from < w->s2_dirty_first ? from : w->s2_dirty_first;
	w->s2_dirty_last = last > w->s2_dirty_last ? last : w->s2_dirty_last;
}

void edit_stage2(struct p1_world *w)
{
	uint64_t ipa = edit_ipas[p1_below(w, 3)] + (uint64_t)edit_offsets_a[p1_below(w, EDIT_OFFSETS)] * 4096;
	struct p1_map m, gone[OLD_MAX];
	uint32_t n;

	if (w->identity)
		return;
	m = edit_random_s2_map(w, ipa, edit_random_level(w, &w->s2));
	n = map_list_overlap(&w->s2_list, m.from, m.shift, gone, OLD_MAX);
	if (n == OLD_MAX)
		return;
	model_refresh(w);
	w->result.edits++;
	for (uint32_t i = 0; i < n; i++)
		dirty(w, gone[i].from, gone[i].shift);
	dirty(w, m.from, m.shift);
	if (n && p1_one_in(w, 5))
		map_remove(w, &w->s2, &w->s2_list, gone, n);
	else
		map_put(w, &w->s2, &w->s2_list, &m);
	p1_log(w, "stage 2: 0x%llx, level %u, in place of %u", (unsigned long long)m.from, m.level, n);
	model_walk_all(w);
	w->now++;
}
