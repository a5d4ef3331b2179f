/* SPDX-License-Identifier: MIT */
/* What each command takes from the caches: the minimum scopes of IHI 0070 4.3 to 4.5. */
#include "model.h"

/* An address command, decoded. */
struct range {
	uint64_t first, last;     /* bits [55:0] */
	unsigned int gran, level; /* 0: any */
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
			model_set_remove(set, i);
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

/* What stage 2 alone translates; its points are IPAs. range NULL: all. */
static void tlbi_ipa(struct p1_world *w, const struct range *r, uint64_t begun)
{
	for (unsigned int h = 0; h < w->options.hosts; h++) {
		for (unsigned int p = 0; p < P1_POINTS; p++) {
			if (!r || (w->point[p] >= r->first && w->point[p] <= r->last))
				set_invalidate(&w->tlb[h].bypass[p], NULL, 0, begun);
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
	case VIQ_SMMUV3_OP_TLBI_S2_IPA: /* spares combined entries */
		tlbi_ipa(w, &r, begun);
		break;
	case VIQ_SMMUV3_OP_TLBI_NSNH_ALL:
	case VIQ_SMMUV3_OP_TLBI_S12_VMALL:
		if (w->own)
			tlbi_ipa(w, NULL, begun);
		tlbi(w, 0, true, true, NULL, begun);
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_ALL:
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
