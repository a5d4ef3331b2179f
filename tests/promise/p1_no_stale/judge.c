/* SPDX-License-Identifier: MIT */
/* Accesses of devices, and whether their outcome is allowed. */
#include <errno.h>
#include <stdio.h>

#include "model.h"

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
	int index = model_resolve(w, ste, slot);

	if (model_uses_atc(s, ste)) {
		const struct p1_set *atc = &s->atc[slot][p];

		/* A cached translation without the permission makes the device ask again. */
		for (uint32_t i = 0; i < atc->count; i++) {
			if (grants(&atc->seen[i].answer, flags))
				allow(v, &atc->seen[i].answer, flags);
		}
		v->anything |= atc->full;
	}
	if (index == MODEL_FAULT) {
		v->fault = true;
		return;
	}
	if (index == MODEL_BYPASS) {
		allow_set(v, &tlb->bypass[p], flags);
		allow_walk(v, w->s2_ok[p], &w->s2_answer[p], flags);
		return;
	}
	if (!w->cdt[ste->cdt].cd[index].valid)
		v->fault = true;
	for (uint32_t i = 0; i < s->cd_count[index]; i++) {
		const struct p1_cd *cd = &s->cd[index][i].cd;
		const struct p1_tables *t = model_tables_of(w, cd, p);

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
	if (s->blocked) {
		if (ret != -EFAULT)
			report(w, s, slot, iova, flags, &(struct verdict){.fault = true}, ret, x.pa);
		return;
	}
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
	model_refresh_points(w, p, p);
	model_refresh_points(w, p, p);
	judge(w, stream, slot, p, false);
}

void model_access_random(struct p1_world *w)
{
	unsigned int stream = 0, slot = 0, p = p1_below(w, P1_POINTS);

	for (unsigned int tries = 0; tries < 4; tries++) {
		stream = p1_below(w, P1_STREAMS);
		slot = p1_below(w, P1_SLOTS);
		if (model_resolve(w, &w->stream[stream].now, slot) != MODEL_FAULT)
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
			if (model_resolve(w, &w->stream[n].now, slot) == MODEL_FAULT && !p1_one_in(w, 8))
				continue;
			for (unsigned int p = 0; p < P1_POINTS && !w->result.stale; p++)
				judge(w, n, slot, p, must_be_tight);
		}
	}
}
