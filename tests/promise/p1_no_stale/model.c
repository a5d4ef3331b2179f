/* SPDX-License-Identifier: MIT */
/* What is mapped, and what each cache may hold. */
#include <string.h>

#include "model.h"

/* --- Sets -------------------------------------------------------------------------------------------------------- */

static void set_add(struct p1_set *set, const struct p1_answer *answer, uint64_t until)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (memcmp(&set->seen[i].answer, answer, sizeof(*answer)))
			continue;
		if (set->seen[i].until < until)
			set->seen[i].until = until;
		return;
	}
	if (set->count == P1_SET) {
		set->full = true;
		set->full_until = until;
		return;
	}
	set->seen[set->count++] = (struct p1_seen){*answer, until};
}

void model_set_remove(struct p1_set *set, uint32_t i)
{
	set->seen[i] = set->seen[--set->count];
}

/* --- Walks: what the lists of mappings say now ------------------------------------------------------------------ */

bool map_list_find(const struct p1_list *list, uint64_t addr, struct p1_map *out)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (addr >> list->map[i].shift == list->map[i].from >> list->map[i].shift) {
			*out = list->map[i];
			return true;
		}
	}
	return false;
}

static bool stage2(const struct p1_world *w, uint64_t ipa, struct p1_answer *a)
{
	struct p1_map m;

	a->ipa = ipa;
	a->pa = ipa;
	if (w->identity)
		return true;
	if (!map_list_find(&w->s2_list, ipa, &m))
		return false;
	a->pa = m.to + (ipa - m.from);
	a->attr2 = m.attr;
	return true;
}

void model_walk(struct p1_world *w, struct p1_tables *t)
{
	for (unsigned int p = 0; p < P1_POINTS; p++) {
		struct p1_answer *a = &t->answer[p];
		struct p1_map m;

		*a = (struct p1_answer){0};
		t->ok[p] = t->upper == (w->point[p] >> 63) && map_list_find(&t->list, w->point[p], &m);
		if (!t->ok[p])
			continue;
		a->attr1 = m.attr & (SYNTH_RO | SYNTH_PRIV);
		a->shift = m.shift;
		a->level = m.level;
		a->gran = t->pt.granule;
		a->global = !(m.attr & SYNTH_NG);
		t->ok[p] = stage2(w, m.to + (w->point[p] - m.from), a);
	}
}

void model_walk_all(struct p1_world *w)
{
	for (unsigned int i = 0; i < P1_TABLES; i++) {
		if (w->tables[i].used)
			model_walk(w, &w->tables[i]);
	}
	for (unsigned int p = 0; p < P1_POINTS; p++) {
		w->s2_answer[p] = (struct p1_answer){0};
		w->s2_ok[p] = !(w->point[p] >> 48) && stage2(w, w->point[p], &w->s2_answer[p]);
	}
}

/* --- Configuration ----------------------------------------------------------------------------------------------- */

/* The index of the CD that an access uses (5.2, S1CDMax and S1DSS), or MODEL_BYPASS or MODEL_FAULT. */
int model_resolve(const struct p1_world *w, const struct p1_ste *ste, unsigned int slot)
{
	unsigned int cdmax;

	if (ste->kind == P1_BYPASS)
		return slot ? MODEL_FAULT : MODEL_BYPASS;
	if (ste->kind != P1_STAGE1)
		return MODEL_FAULT;
	cdmax = w->cdt[ste->cdt].cdmax;
	if (slot) {
		if (!cdmax || p1_ssids[slot - 1] >> cdmax || (ste->dss == 2 && !p1_ssids[slot - 1]))
			return MODEL_FAULT;
		return (int)slot - 1;
	}
	if (!cdmax || ste->dss == 2)
		return 0;
	return ste->dss == 1 ? MODEL_BYPASS : MODEL_FAULT;
}

bool model_uses_atc(const struct p1_stream *s, const struct p1_ste *ste)
{
	return s->ats && ste->kind == P1_STAGE1 && ste->eats;
}

static void see_ste(struct p1_stream *s, uint64_t now)
{
	for (uint32_t i = 0; i < s->ste_count; i++) {
		if (!memcmp(&s->ste[i].ste, &s->now, sizeof(s->now))) {
			s->ste[i].until = now;
			return;
		}
	}
	if (s->ste_count == P1_SET) /* the guest waits before it makes so many, see edit.c */
		return;
	s->ste[s->ste_count++] = (struct p1_ste_seen){s->now, now};
}

static void see_cd(struct p1_stream *s, unsigned int index, const struct p1_cd *cd, int8_t cdt, uint64_t now)
{
	struct p1_cd_seen *seen = s->cd[index];

	for (uint32_t i = 0; i < s->cd_count[index]; i++) {
		if (seen[i].cdt == cdt && !memcmp(&seen[i].cd, cd, sizeof(*cd))) {
			seen[i].until = now;
			return;
		}
	}
	if (s->cd_count[index] < P1_SET)
		seen[s->cd_count[index]++] = (struct p1_cd_seen){*cd, cdt, now};
}

/* Every STE and CD that can be read at this moment. */
static void refresh_config(struct p1_world *w)
{
	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		struct p1_stream *s = &w->stream[n];

		see_ste(s, w->now);
		for (uint32_t v = 0; v < s->ste_count; v++) {
			const struct p1_ste *ste = &s->ste[v].ste;

			for (unsigned int i = 0; ste->kind == P1_STAGE1 && i < P1_SSIDS; i++) {
				const struct p1_cdt *cdt = &w->cdt[ste->cdt];

				if (!(p1_ssids[i] >> cdt->cdmax) && cdt->cd[i].valid)
					see_cd(s, i, &cdt->cd[i], ste->cdt, w->now);
			}
		}
	}
}

/* The tables that a CD has for a point, or NULL. */
const struct p1_tables *model_tables_of(const struct p1_world *w, const struct p1_cd *cd, unsigned int p)
{
	int half = cd->half[w->point[p] >> 63];

	return half < 0 ? NULL : &w->tables[half];
}

static void add_all(struct p1_set *to, const struct p1_set *from, uint64_t now)
{
	for (uint32_t i = 0; i < from->count; i++)
		set_add(to, &from->seen[i].answer, now);
	if (from->full) {
		to->full = true;
		to->full_until = now;
	}
}

/* What an access through this configuration can put into the caches, now. */
static void refresh_point(struct p1_world *w, struct p1_stream *s, const struct p1_ste *ste, unsigned int slot,
			  unsigned int p)
{
	struct p1_tlb *tlb = &w->tlb[s->host];
	struct p1_set *atc = model_uses_atc(s, ste) ? &s->atc[slot][p] : NULL;
	int index = model_resolve(w, ste, slot);

	if (index == MODEL_FAULT)
		return;
	if (index == MODEL_BYPASS) {
		if (w->s2_ok[p])
			set_add(&tlb->bypass[p], &w->s2_answer[p], w->now);
		if (atc)
			add_all(atc, &tlb->bypass[p], w->now);
		return;
	}
	for (uint32_t v = 0; v < s->cd_count[index]; v++) {
		const struct p1_cd *cd = &s->cd[index][v].cd;
		const struct p1_tables *t = model_tables_of(w, cd, p);
		struct p1_set *own = &tlb->asid[cd->asid][p];

		if (!t)
			continue;
		if (t->ok[p])
			set_add(t->answer[p].global ? &tlb->global[p] : own, &t->answer[p], w->now);
		if (atc) {
			add_all(atc, own, w->now);
			add_all(atc, &tlb->global[p], w->now);
		}
	}
}

void model_refresh_points(struct p1_world *w, unsigned int first, unsigned int last)
{
	refresh_config(w);
	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		struct p1_stream *s = &w->stream[n];

		for (uint32_t v = 0; v < s->ste_count; v++) {
			for (unsigned int slot = 0; slot < P1_SLOTS; slot++) {
				for (unsigned int p = first; p <= last; p++)
					refresh_point(w, s, &s->ste[v].ste, slot, p);
			}
		}
	}
}

void model_refresh(struct p1_world *w)
{
	/* Twice: an ATC may be filled from what another stream has put into the TLB. */
	model_refresh_points(w, 0, P1_POINTS - 1);
	model_refresh_points(w, 0, P1_POINTS - 1);
}

/* --- The host's own doings --------------------------------------------------------------------------------------- */

static void forget_old_stage2(struct p1_world *w, struct p1_set *set)
{
	for (uint32_t i = 0; i < set->count;) {
		struct p1_answer now = set->seen[i].answer;

		now.attr2 = 0;
		if (!stage2(w, now.ipa, &now) || memcmp(&now, &set->seen[i].answer, sizeof(now)))
			model_set_remove(set, i);
		else
			i++;
	}
}

/* The hosts have forgotten everything that came from stage-2 entries that have changed, in one step. */
void model_stage2_forgotten(struct p1_world *w)
{
	for (unsigned int p = 0; p < P1_POINTS; p++) {
		for (unsigned int h = 0; h < w->options.hosts; h++) {
			for (unsigned int i = 0; i < P1_ASIDS; i++)
				forget_old_stage2(w, &w->tlb[h].asid[i][p]);
			forget_old_stage2(w, &w->tlb[h].global[p]);
			forget_old_stage2(w, &w->tlb[h].bypass[p]);
		}
		for (unsigned int n = 0; n < P1_STREAMS; n++) {
			for (unsigned int slot = 0; slot < P1_SLOTS; slot++)
				forget_old_stage2(w, &w->stream[n].atc[slot][p]);
		}
	}
}

/* Nothing is cached anywhere. */
void model_fresh_hosts(struct p1_world *w)
{
	memset(w->tlb, 0, sizeof(w->tlb));
	for (unsigned int n = 0; n < P1_STREAMS; n++)
		model_fresh_stream(&w->stream[n]);
}

/* Of its configuration, and in its device, nothing is cached. */
void model_fresh_stream(struct p1_stream *s)
{
	s->ste_count = 0;
	memset(s->cd_count, 0, sizeof(s->cd_count));
	memset(s->atc, 0, sizeof(s->atc));
}

bool model_tables_in_use(const struct p1_world *w, int tables)
{
	for (unsigned int i = 0; i < P1_ASIDS; i++) {
		if (w->space[i].half[0] == tables || w->space[i].half[1] == tables)
			return true;
	}
	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		for (unsigned int i = 0; i < P1_SSIDS; i++) {
			for (uint32_t v = 0; v < w->stream[n].cd_count[i]; v++) {
				const struct p1_cd *cd = &w->stream[n].cd[i][v].cd;

				if (cd->half[0] == tables || cd->half[1] == tables)
					return true;
			}
		}
	}
	for (unsigned int c = 0; c < P1_CDTS; c++) {
		for (unsigned int i = 0; i < P1_SSIDS; i++) {
			const struct p1_cd *cd = &w->cdt[c].cd[i];

			if (cd->valid && (cd->half[0] == tables || cd->half[1] == tables))
				return true;
		}
	}
	return false;
}
