/* SPDX-License-Identifier: MIT */
/* What each cache may hold, and what each command takes from it: the minimum scopes of IHI 0070 4.3 to 4.5. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "p1.h"

enum {
	FAULT = -1,
	BYPASS = -2
};

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

static void set_remove(struct p1_set *set, uint32_t i)
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

/* The index of the CD that an access uses (5.2, S1CDMax and S1DSS), or BYPASS or FAULT. */
static int resolve(const struct p1_world *w, const struct p1_ste *ste, unsigned int slot)
{
	unsigned int cdmax;

	if (ste->kind == P1_BYPASS)
		return slot ? FAULT : BYPASS;
	if (ste->kind != P1_STAGE1)
		return FAULT;
	cdmax = w->cdt[ste->cdt].cdmax;
	if (slot) {
		if (!cdmax || p1_ssids[slot - 1] >> cdmax || (ste->dss == 2 && !p1_ssids[slot - 1]))
			return FAULT;
		return (int)slot - 1;
	}
	if (!cdmax || ste->dss == 2)
		return 0;
	return ste->dss == 1 ? BYPASS : FAULT;
}

static bool uses_atc(const struct p1_stream *s, const struct p1_ste *ste)
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
static const struct p1_tables *tables_of(const struct p1_world *w, const struct p1_cd *cd, unsigned int p)
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
	struct p1_set *atc = uses_atc(s, ste) ? &s->atc[slot][p] : NULL;
	int index = resolve(w, ste, slot);

	if (index == FAULT)
		return;
	if (index == BYPASS) {
		if (w->s2_ok[p])
			set_add(&tlb->bypass[p], &w->s2_answer[p], w->now);
		if (atc)
			add_all(atc, &tlb->bypass[p], w->now);
		return;
	}
	for (uint32_t v = 0; v < s->cd_count[index]; v++) {
		const struct p1_cd *cd = &s->cd[index][v].cd;
		const struct p1_tables *t = tables_of(w, cd, p);
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

static void refresh_points(struct p1_world *w, unsigned int first, unsigned int last)
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
	refresh_points(w, 0, P1_POINTS - 1);
	refresh_points(w, 0, P1_POINTS - 1);
}

/* --- Commands ---------------------------------------------------------------------------------------------------- */

/* An address command, decoded. */
struct range {
	uint64_t first, last;     /* bits [55:0] */
	unsigned int gran, level; /* 0: any */
	bool single;
};

static struct range decode(const struct synth_cmd *cmd)
{
	uint64_t addr = cmd->w[1] & VIQ_SMMUV3_TLBI_1_VA;
	unsigned int tg = VIQ_GET(VIQ_SMMUV3_TLBI_1_TG, cmd->w[1]);
	uint64_t bytes = 1;

	if (tg) {
		bytes = (VIQ_GET(VIQ_SMMUV3_TLBI_NUM, cmd->w[0]) + 1)
			<< (VIQ_GET(VIQ_SMMUV3_TLBI_SCALE, cmd->w[0]) + 10 + 2 * tg);
	}
	return (struct range){
		.first = addr,
		.last = bytes - 1 > UINT64_MAX - addr ? UINT64_MAX : addr + bytes - 1,
		.gran = tg ? 10 + 2 * tg : 0,
		.level = tg ? VIQ_GET(VIQ_SMMUV3_TLBI_1_TTL, cmd->w[1]) : 0,
	};
}

/* 4.4.1.1: granule, level and range are those of the stage-1 leaf. Addresses here are sign-extended from bit 55. */
static bool covers(const struct range *r, const struct p1_answer *a, uint64_t va)
{
	uint64_t low = va >> a->shift << a->shift, high = low | ((UINT64_C(1) << a->shift) - 1);

	return (!r->gran || r->gran == a->gran) && (!r->level || r->level == a->level) && r->first <= high &&
	       low <= r->last;
}

/* Take what a TLBI covers (range NULL: everything) from a set, unless it can have been cached after begun. */
static void set_invalidate(struct p1_set *set, const struct range *r, uint64_t va, uint64_t begun)
{
	for (uint32_t i = 0; i < set->count;) {
		if (set->seen[i].until < begun && (!r || covers(r, &set->seen[i].answer, va)))
			set_remove(set, i);
		else
			i++;
	}
	if (!r && set->full && set->full_until < begun)
		set->full = false;
}

static void tlbi(struct p1_world *w, unsigned int asid, bool all_asids, bool globals, const struct range *r,
		 uint64_t begun)
{
	for (unsigned int h = 0; h < w->options.hosts; h++) {
		for (unsigned int p = 0; p < P1_POINTS; p++) {
			for (unsigned int i = 0; i < P1_ASIDS; i++) {
				if (all_asids || i == asid)
					set_invalidate(&w->tlb[h].asid[i][p], r, w->point[p], begun);
			}
			if (globals)
				set_invalidate(&w->tlb[h].global[p], r, w->point[p], begun);
		}
	}
}

static void cfgi_cd(struct p1_stream *s, unsigned int index, uint64_t begun)
{
	for (uint32_t v = 0; v < s->cd_count[index];) {
		if (s->cd[index][v].until < begun)
			s->cd[index][v] = s->cd[index][--s->cd_count[index]];
		else
			v++;
	}
}

static bool reads_cdt(const struct p1_stream *s, int8_t cdt)
{
	for (uint32_t v = 0; v < s->ste_count; v++) {
		if (s->ste[v].ste.kind == P1_STAGE1 && s->ste[v].ste.cdt == cdt)
			return true;
	}
	return false;
}

/* The STE and, with it, all CDs read through it. */
static void cfgi_ste(struct p1_stream *s, uint64_t begun)
{
	for (uint32_t v = 0; v < s->ste_count;) {
		if (s->ste[v].until < begun)
			s->ste[v] = s->ste[--s->ste_count];
		else
			v++;
	}
	for (unsigned int i = 0; i < P1_SSIDS; i++) {
		cfgi_cd(s, i, begun);
		for (uint32_t v = 0; v < s->cd_count[i];) {
			if (!reads_cdt(s, s->cd[i][v].cdt))
				s->cd[i][v] = s->cd[i][--s->cd_count[i]];
			else
				v++;
		}
	}
}

static void atc_inv(struct p1_world *w, struct p1_stream *s, const struct synth_cmd *cmd, uint64_t begun)
{
	unsigned int size = VIQ_GET(VIQ_SMMUV3_ATC_1_SIZE, cmd->w[1]);
	uint64_t span = size == VIQ_SMMUV3_ATC_SIZE_ALL ? UINT64_MAX : (UINT64_C(4096) << size) - 1;
	uint64_t base = cmd->w[1] & VIQ_SMMUV3_ATC_1_ADDR & ~span;
	bool one = cmd->w[0] & VIQ_SMMUV3_CMD_SSV && !(cmd->w[0] & VIQ_SMMUV3_ATC_G);

	for (unsigned int slot = 0; slot < P1_SLOTS; slot++) {
		if (one && (!slot || p1_ssids[slot - 1] != VIQ_GET(VIQ_SMMUV3_CMD_SSID, cmd->w[0])))
			continue;
		for (unsigned int p = 0; p < P1_POINTS; p++) {
			if (w->point[p] - base <= span)
				set_invalidate(&s->atc[slot][p], NULL, 0, begun);
		}
	}
}

static void stream_command(struct p1_world *w, const struct synth_cmd *cmd, uint64_t begun)
{
	uint32_t sid = VIQ_GET(VIQ_SMMUV3_CMD_SID, cmd->w[0]), first = sid, last = sid;
	unsigned int op = VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd->w[0]);

	if (op == VIQ_SMMUV3_OP_CFGI_STE_RANGE) {
		uint64_t low = (UINT64_C(2) << VIQ_GET(VIQ_SMMUV3_CFGI_1_RANGE, cmd->w[1])) - 1;

		first = sid & ~(uint32_t)low;
		last = sid | (uint32_t)low;
	}
	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		struct p1_stream *s = &w->stream[n];

		if (s->sid < first || s->sid > last)
			continue;
		if (op == VIQ_SMMUV3_OP_ATC_INV)
			atc_inv(w, s, cmd, begun);
		else if (op == VIQ_SMMUV3_OP_CFGI_STE || op == VIQ_SMMUV3_OP_CFGI_STE_RANGE)
			cfgi_ste(s, begun);
		for (unsigned int i = 0; i < P1_SSIDS; i++) {
			if (op == VIQ_SMMUV3_OP_CFGI_CD_ALL ||
			    (op == VIQ_SMMUV3_OP_CFGI_CD && VIQ_GET(VIQ_SMMUV3_CMD_SSID, cmd->w[0]) == p1_ssids[i]))
				cfgi_cd(s, i, begun);
		}
	}
}

void model_complete(struct p1_world *w, const struct synth_cmd *cmd, uint64_t begun)
{
	unsigned int asid = p1_asid_of(w, cmd->w[0]);
	struct range r = decode(cmd);

	switch (VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd->w[0])) {
	case VIQ_SMMUV3_OP_TLBI_NH_ALL:
	case VIQ_SMMUV3_OP_TLBI_NSNH_ALL:
		tlbi(w, 0, true, true, NULL, begun);
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_ASID: /* spares globals */
		tlbi(w, asid, false, false, NULL, begun);
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_VA: /* globals whatever their ASID */
		tlbi(w, asid, false, true, &r, begun);
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
		tlbi(w, asid, true, true, &r, begun);
		break;
	default:
		stream_command(w, cmd, begun);
	}
}

/* --- The host's own doings --------------------------------------------------------------------------------------- */

static void forget_old_stage2(struct p1_world *w, struct p1_set *set)
{
	for (uint32_t i = 0; i < set->count;) {
		struct p1_answer now = set->seen[i].answer;

		now.attr2 = 0;
		if (!stage2(w, now.ipa, &now) || memcmp(&now, &set->seen[i].answer, sizeof(now)))
			set_remove(set, i);
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
	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		w->stream[n].ste_count = 0;
		memset(w->stream[n].cd_count, 0, sizeof(w->stream[n].cd_count));
		memset(w->stream[n].atc, 0, sizeof(w->stream[n].atc));
	}
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

/* --- Judgement --------------------------------------------------------------------------------------------------- */

/* The outcomes that an access may have. */
struct verdict {
	bool fault, anything;
	uint64_t pa[4 * P1_SET];
	uint32_t count;
};

static bool grants(const struct p1_answer *a, uint32_t flags)
{
	bool write = flags & VIQ_SOFT_WRITE, read = flags & VIQ_SOFT_READ;

	if (a->attr1 & SYNTH_PRIV && !(flags & VIQ_SOFT_PRIV))
		return false;
	return !(write && (a->attr1 | a->attr2) & SYNTH_RO) && !(read && a->attr2 & SYNTH_NO_READ);
}

static void allow(struct verdict *v, const struct p1_answer *a, uint32_t flags)
{
	if (!grants(a, flags)) {
		v->fault = true;
		return;
	}
	for (uint32_t i = 0; i < v->count; i++) {
		if (v->pa[i] == a->pa)
			return;
	}
	if (v->count < sizeof(v->pa) / sizeof(v->pa[0]))
		v->pa[v->count++] = a->pa;
	else
		v->anything = true;
}

static void allow_set(struct verdict *v, const struct p1_set *set, uint32_t flags)
{
	for (uint32_t i = 0; i < set->count; i++)
		allow(v, &set->seen[i].answer, flags);
	v->anything |= set->full;
}

/* A walk now, which a miss leads to. */
static void allow_walk(struct verdict *v, bool ok, const struct p1_answer *a, uint32_t flags)
{
	if (ok)
		allow(v, a, flags);
	else
		v->fault = true;
}

static void allow_ste(struct p1_world *w, struct p1_stream *s, const struct p1_ste *ste, unsigned int slot,
		      unsigned int p, uint32_t flags, struct verdict *v)
{
	const struct p1_tlb *tlb = &w->tlb[s->host];
	int index = resolve(w, ste, slot);

	if (uses_atc(s, ste)) {
		const struct p1_set *atc = &s->atc[slot][p];

		/* A cached translation without the permission makes the device ask again. */
		for (uint32_t i = 0; i < atc->count; i++) {
			if (grants(&atc->seen[i].answer, flags))
				allow(v, &atc->seen[i].answer, flags);
		}
		v->anything |= atc->full;
	}
	if (index == FAULT) {
		v->fault = true;
		return;
	}
	if (index == BYPASS) {
		allow_set(v, &tlb->bypass[p], flags);
		allow_walk(v, w->s2_ok[p], &w->s2_answer[p], flags);
		return;
	}
	if (!w->cdt[ste->cdt].cd[index].valid)
		v->fault = true;
	for (uint32_t i = 0; i < s->cd_count[index]; i++) {
		const struct p1_cd *cd = &s->cd[index][i].cd;
		const struct p1_tables *t = tables_of(w, cd, p);

		if (!t) {
			v->fault = true;
			continue;
		}
		allow_set(v, &tlb->asid[cd->asid][p], flags);
		allow_set(v, &tlb->global[p], flags);
		allow_walk(v, t->ok[p], &t->answer[p], flags);
	}
}

static bool in_verdict(const struct verdict *v, int ret, uint64_t page)
{
	if (v->anything)
		return true;
	if (ret)
		return ret == -EFAULT && v->fault;
	for (uint32_t i = 0; i < v->count; i++) {
		if (v->pa[i] == page)
			return true;
	}
	return false;
}

static void report(struct p1_world *w, const struct p1_stream *s, unsigned int slot, uint64_t iova, uint32_t flags,
		   const struct verdict *v, int ret, uint64_t pa)
{
	char expected[512] = "", got[64], ssid[32] = "no SSID";
	size_t len = 0;

	for (uint32_t i = 0; i < v->count && len < 400; i++)
		len += snprintf(expected + len, sizeof(expected) - len, " 0x%llx",
				(unsigned long long)(v->pa[i] + (iova & 0xfff)));
	if (v->fault)
		snprintf(expected + len, sizeof(expected) - len, " a fault");
	if (slot)
		snprintf(ssid, sizeof(ssid), "SSID %u", p1_ssids[slot - 1]);
	if (ret)
		snprintf(got, sizeof(got), "error %d", ret);
	else
		snprintf(got, sizeof(got), "0x%llx", (unsigned long long)pa);
	p1_found(w, "stream 0x%x (host %u%s), %s, iova 0x%llx, %s%s%s: expected one of:%s; got %s", s->sid, s->host,
		 s->ats ? ", ATS" : "", ssid, (unsigned long long)iova, flags & VIQ_SOFT_READ ? "r" : "",
		 flags & VIQ_SOFT_WRITE ? "w" : "", flags & VIQ_SOFT_PRIV ? " privileged" : "", expected, got);
}

static void judge(struct p1_world *w, unsigned int stream, unsigned int slot, unsigned int p, bool must_be_tight)
{
	static const uint32_t kinds[] = {VIQ_SOFT_READ, VIQ_SOFT_READ, VIQ_SOFT_READ | VIQ_SOFT_PRIV, VIQ_SOFT_WRITE,
					 VIQ_SOFT_READ | VIQ_SOFT_WRITE};
	struct p1_stream *s = &w->stream[stream];
	uint32_t flags = kinds[p1_below(w, 5)] | (slot ? VIQ_SOFT_SSV : 0);
	uint64_t iova = w->point[p] + p1_below(w, 4096);
	struct viq_soft_xlate x = {0};
	struct verdict v = {0};
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_translate(s->dev, iova, slot ? p1_ssids[slot - 1] : 0, flags, &x);
	viq_soft_access_end();
	for (uint32_t i = 0; i < s->ste_count; i++)
		allow_ste(w, s, &s->ste[i].ste, slot, p, flags, &v);
	w->result.checks++;
	w->result.hits += !ret;
	w->result.tight += !v.anything && v.count + v.fault == 1;
	if (!in_verdict(&v, ret, x.pa - (iova & 0xfff)))
		report(w, s, slot, iova, flags, &v, ret, x.pa);
	else if (must_be_tight && (v.anything || v.count + v.fault != 1))
		p1_found(
			w,
			"the model still allows %u answers after everything was invalidated (stream 0x%x, iova 0x%llx)",
			v.count + v.fault, s->sid, (unsigned long long)iova);
}

void model_access(struct p1_world *w, unsigned int stream, unsigned int slot, unsigned int p)
{
	refresh_points(w, p, p);
	refresh_points(w, p, p);
	judge(w, stream, slot, p, false);
}

void model_access_random(struct p1_world *w)
{
	unsigned int stream = 0, slot = 0, p = p1_below(w, P1_POINTS);

	for (unsigned int tries = 0; tries < 4; tries++) {
		stream = p1_below(w, P1_STREAMS);
		slot = p1_below(w, P1_SLOTS);
		if (resolve(w, &w->stream[stream].now, slot) != FAULT)
			break;
	}
	if (!p1_one_in(w, 3))
		p = w->recent[p1_below(w, P1_RECENT)];
	model_access(w, stream, slot, p);
}

void model_check_all(struct p1_world *w, bool must_be_tight)
{
	model_refresh(w);
	for (unsigned int n = 0; n < P1_STREAMS && !w->result.stale; n++) {
		for (unsigned int slot = 0; slot < P1_SLOTS; slot++) {
			if (resolve(w, &w->stream[n].now, slot) == FAULT && !p1_one_in(w, 8))
				continue;
			for (unsigned int p = 0; p < P1_POINTS && !w->result.stale; p++)
				judge(w, n, slot, p, must_be_tight);
		}
	}
}
