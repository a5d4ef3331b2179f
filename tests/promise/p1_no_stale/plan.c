/* SPDX-License-Identifier: MIT */
/* The commands that a driver would queue for an edit, in every legal form, and queueing them bit by bit. */
#include "edit.h"

/* --- Jobs -------------------------------------------------------------------------------------------------------- */

void job_add(struct p1_job *job, struct synth_cmd cmd)
{
	if (job->count < P1_STEPS)
		job->step[job->count++] = cmd;
}

void job_add_sync(struct p1_job *job)
{
	if (job->count < P1_STEPS)
		job->sync[job->count++] = true;
}

struct p1_job *job_free(struct p1_world *w)
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
void job_maybe_forget(struct p1_world *w, struct p1_job *job)
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

/* --- TLBI for leaves that were there ----------------------------------------------------------------------------- */

struct old edit_describe(const struct p1_world *w, int tables, const struct p1_map *maps, uint32_t n)
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

		job_add(job, vaa ? as_vaa(cmd) : cmd);
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

		job_add(job, vaa ? as_vaa(cmd) : cmd);
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
	job_add(job, vaa ? as_vaa(cmd) : cmd);
}

void job_add_tlbi(struct p1_world *w, struct p1_job *job, const struct old *o)
{
	static void (*const forms[])(struct p1_world *, struct p1_job *, const struct old *, unsigned int,
				     bool) = {tlbi_each, tlbi_linux, tlbi_linux, tlbi_around};
	unsigned int form = p1_below(w, 9);

	if (form >= 7 || !o->asids || (form < 2 && o->count * o->asids > 24)) {
		job_add(job, p1_one_in(w, 2) ? synth_cmd_tlbi_nh_all() : synth_cmd_tlbi_nsnh_all());
	} else if (form == 6 && !o->global) {
		for (unsigned int i = 0; i < o->asids; i++)
			job_add(job, synth_cmd_tlbi_nh_asid(w->asids[o->asid[i]]));
	} else if (form >= 5) {
		forms[p1_below(w, 4)](w, job, o, 0, true);
	} else if (!o->own) {
		/* Globals go with any ASID, also with one that never used them. */
		forms[p1_below(w, 4)](w, job, o, p1_below(w, P1_ASIDS), false);
	} else {
		for (unsigned int i = 0; i < o->asids; i++)
			forms[p1_below(w, 4)](w, job, o, o->asid[i], false);
	}
	job_add_sync(job);
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

void job_add_atc_stream(struct p1_world *w, struct p1_job *job, uint32_t sid, uint64_t first, uint64_t last)
{
	unsigned int size = enclosing(first, last), form = p1_below(w, 6);

	if (form < 1)
		job_add(job, synth_cmd_atc_inv(sid, false, 0, false, 0, VIQ_SMMUV3_ATC_SIZE_ALL));
	else if (form < 4)
		job_add(job, synth_cmd_atc_inv(sid, false, 0, false, first, size));
	else if (form < 5)
		job_add(job, synth_cmd_atc_inv(sid, true, p1_ssids[p1_below(w, P1_SSIDS)], true, last, size));
	else /* of these substreams alone */
		for (unsigned int i = 0; i < P1_SSIDS; i++)
			job_add(job, synth_cmd_atc_inv(sid, true, p1_ssids[i], false, first, size));
}

void job_add_atc(struct p1_world *w, struct p1_job *job, uint64_t first, uint64_t last)
{
	bool any = false;

	for (unsigned int n = 0; n < P1_STREAMS; n++) {
		if (!w->stream[n].ats && !p1_one_in(w, 16))
			continue;
		job_add_atc_stream(w, job, w->stream[n].sid, first, last);
		any = true;
	}
	if (any)
		job_add_sync(job);
}
