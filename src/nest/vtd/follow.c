/* SPDX-License-Identifier: MIT */
/*
 * One device: from the guest's entries to what the host is set to.
 *
 * Context-cache and PASID-cache descriptors are not told apart in what is read: hardware may have dropped an entry from
 * either cache at any time, so reading more than was asked for is always right.
 *
 * An error of the host makes the guest's queue wait at the descriptor, while something may translate by entries that
 * the guest has asked to leave, or if it may soon pass. Where all is blocked the descriptor completes.
 */
#include <errno.h>

#include "base/minmax.h"
#include "base/work.h"
#include "nest/blame.h"

#include "nest.h"

#define TABLE VIQ_VTD_PE_TABLE

/* Memory at the lookup's next entry, count times its words. NULL: there is none. */
static const uint64_t *read_entries(const struct viq_nest_vtd *n, struct nest_vtd_device *d, const struct vtd_lookup *l,
				    uint64_t *words, uint32_t count)
{
	work_spend(&d->work, count);
	return viq_mem_read_words(n->mem, l->at, words, (size_t)count * l->words) ? NULL : words;
}

static void look_up(const struct viq_nest_vtd *n, struct nest_vtd_device *d, struct vtd_lookup *l)
{
	uint64_t words[VIQ_VTD_PE_WORDS];

	while (l->words)
		vtd_lookup_step(l, read_entries(n, d, l, words, 1));
}

/* --- One PASID's requests, or those without ----------------------------------------------------------------------- */

static bool is_there(const struct viq_nest_vtd *n, const struct nest_vtd_device *d)
{
	const struct viq_vtd_backend *b = &n->config.backend;
	struct viq_vtd_device_state state = {.size = sizeof(state)};
	uint32_t source_id = d->source_id;

	return b->ops->next(b->opaque, &source_id, &state) > 0 && source_id == d->source_id;
}

/* pasid 0: requests without PASID. */
static void set(struct viq_nest_vtd *n, struct nest_vtd_device *d, uint32_t pasid,
		const struct viq_vtd_translation *translation)
{
	const struct viq_vtd_backend *b = &n->config.backend;
	struct viq_vtd_outcome outcome = {.size = sizeof(outcome)};
	int err;

	err = b->ops->set(b->opaque, d->source_id, pasid, translation, &outcome);
	work_spend(&d->work, (uint64_t)(outcome.calls ? outcome.calls : 1) * VIQ_WORK_CALL);
	d->gone = err && !is_there(n, d);
	if (d->gone)
		return;
	nest_vtd_first(outcome.fate != VIQ_VTD_SET_FAILED || nest_may_pass(err) ? &d->err : &d->blocked, err);
	if (n->config.trace)
		n->config.trace(n->config.opaque, &outcome);
}

static struct viq_vtd_translation block(uint32_t pasid, uint8_t reason)
{
	return (struct viq_vtd_translation){
		.size = sizeof(struct viq_vtd_translation), .mode = VIQ_VTD_BLOCK, .pasid = pasid, .reason = reason};
}

/* What a checked entry asks for. */
static struct viq_vtd_translation translate(const struct nest_vtd_device *d, uint32_t pasid,
					    const struct vtd_regime *regime)
{
	static const uint8_t modes[] = {
		[VIQ_VTD_PGTT_FS] = VIQ_VTD_STAGE1,
		[VIQ_VTD_PGTT_SS] = VIQ_VTD_STAGE2,
		[VIQ_VTD_PGTT_NESTED] = VIQ_VTD_STAGE2,
		[VIQ_VTD_PGTT_PT] = VIQ_VTD_BYPASS,
	};

	return (struct viq_vtd_translation){
		.size = sizeof(struct viq_vtd_translation),
		.mode = modes[regime->pgtt],
		.pasid = pasid,
		.domain_id = regime->did,
		.renew = d->renew,
		.table = regime->fs.table,
		.levels = regime->fs.levels,
		.sre = regime->sre,
		.ere = regime->ere,
		.wpe = regime->fs.wpe,
		.eafe = regime->fs.eafe,
	};
}

/* Is there an entry, if a faulty one? */
static bool is_present(uint8_t reason)
{
	return !reason || reason == VIQ_VTD_FR_PE_RSVD || reason == VIQ_VTD_FR_PE_INVALID;
}

/* --- A device's entries ------------------------------------------------------------------------------------------- */

/* The lowest PASID from this one on that is not blocked; UINT32_MAX: none, or the host goes backwards. */
static uint32_t next_set(const struct viq_nest_vtd *n, struct nest_vtd_device *d, uint32_t pasid)
{
	const struct viq_vtd_backend *b = &n->config.backend;
	uint32_t from = pasid ? pasid : 1, next = from;

	if (b->ops->next_pasid(b->opaque, d->source_id, &next) <= 0)
		return UINT32_MAX;
	if (next >= from && next < UINT32_C(1) << VIQ_VTD_PASID_BITS)
		return next;
	nest_vtd_first(&d->err, -EIO);
	return UINT32_MAX;
}

/*
 * An entry, by who uses it: requests without PASID, or those with; for these RID_PASID is none (SCT.9). It is read
 * once. PASID 0 is never a request's: with VT-d it is the usual RID_PASID, and hosts know no other use of it.
 */
static void follow_entry(struct viq_nest_vtd *n, struct nest_vtd_device *d, uint32_t pasid, bool has_pasid,
			 const struct viq_vtd_translation *t)
{
	if (pasid != d->ctx.rid_pasid) {
		if (pasid && has_pasid)
			set(n, d, pasid, t);
		return;
	}
	set(n, d, 0, t);
	if (pasid && !d->gone && next_set(n, d, pasid) == pasid) {
		const struct viq_vtd_translation none = block(pasid, VIQ_VTD_FR_SM_RID_PASID);

		set(n, d, pasid, &none);
	}
}

static void follow_one(struct viq_nest_vtd *n, struct nest_vtd_device *d, uint32_t pasid)
{
	bool is_set = next_set(n, d, pasid) == pasid;
	struct viq_vtd_translation t;
	struct vtd_lookup l;

	vtd_lookup_pasid(&l, &d->guest.caps, &d->ctx, pasid);
	look_up(n, d, &l);
	t = l.reason ? block(pasid, l.reason) : translate(d, pasid, &l.regime);
	follow_entry(n, d, pasid, pasid < d->limit && (is_present(l.reason) || is_set), &t);
}

/* A descriptor names this one. */
static void follow_pasid(struct viq_nest_vtd *n, struct nest_vtd_device *d, uint32_t pasid)
{
	if (pasid < vtd_context_pasids(&d->ctx))
		follow_one(n, d, pasid);
	/* It cannot be in requests any more. */
	if (pasid >= d->limit && pasid && next_set(n, d, pasid) == pasid) {
		const struct viq_vtd_translation nothing = block(pasid, 0);

		set(n, d, pasid, &nothing);
	}
	/* Requests without PASID have translated by the entry until now, and the context entry names another one. */
	if (pasid != d->ctx.rid_pasid && pasid == d->state.rid_pasid)
		follow_one(n, d, d->ctx.rid_pasid);
}

/* PASIDs that its requests can have are below this: 0 if they have none. */
static uint32_t pasid_limit(const struct nest_vtd_device *d)
{
	uint32_t bits = (uint32_t)VIQ_GET(VIQ_VTD_ECAP_PSS, d->guest.caps.ecap) + 1, limit;

	if (!d->by_pasid || !d->ctx.paside || !d->state.pasid_bits)
		return 0;
	limit = UINT32_C(1) << min_u32(d->state.pasid_bits, bits);
	return min_u32(limit, vtd_context_pasids(&d->ctx));
}

static void read_context(struct viq_nest_vtd *n, struct nest_vtd_device *d)
{
	const struct viq_vtd_tables *tables = &d->guest.tables;
	struct vtd_lookup l;

	vtd_lookup_context(&l, &d->guest.caps, tables->root | VIQ_PUT(VIQ_VTD_RTADDR_TTM, tables->mode), d->source_id);
	if (!tables->root_set) {
		d->reason = VIQ_VTD_FR_RTADDR;
		return;
	}
	look_up(n, d, &l);
	d->ctx = l.context;
	d->reason = l.reason;
	d->by_pasid = !l.reason && l.context.scalable;
}

/* Requests without PASID where no PASID entry says what they do. */
static void follow_context(struct viq_nest_vtd *n, struct nest_vtd_device *d)
{
	struct viq_vtd_translation t = block(0, d->reason);
	struct vtd_regime regime;

	if (!d->guest.tables.enabled) {
		t.mode = VIQ_VTD_BYPASS;
	} else if (!d->reason) {
		vtd_legacy_regime(&d->ctx, &regime);
		t = translate(d, 0, &regime);
	}
	set(n, d, 0, &t);
}

void nest_vtd_device_read(struct viq_nest_vtd *n, struct nest_vtd_device *d, const struct viq_vtd_reconfig *what)
{
	uint64_t cap, ecap;

	d->renew = what->cause == VIQ_VTD_RESTORED;
	d->guest.tables.size = sizeof(d->guest.tables);
	(void)viq_vtd_tables(n->vtd, &d->guest.tables);
	viq_vtd_caps(n->vtd, &cap, &ecap);
	vtd_caps_init(&d->guest.caps, cap, ecap, n->config.haw);
	if (d->guest.tables.enabled)
		read_context(n, d);
	d->limit = pasid_limit(d);
}

bool nest_vtd_device_begin(struct viq_nest_vtd *n, struct nest_vtd_device *d, const struct viq_vtd_reconfig *what)
{
	if (!d->by_pasid) {
		follow_context(n, d);
	} else if (what->scope == VIQ_VTD_SCOPE_PASID && !d->state.unsure) {
		follow_pasid(n, d, what->pasid);
		return false;
	} else if (d->ctx.rid_pasid >= d->limit) {
		follow_one(n, d, d->ctx.rid_pasid);
	}
	return !d->gone && (d->limit || next_set(n, d, 0) != UINT32_MAX);
}

/* From this PASID to the end of its table: present entries, those that are set, and that of requests without PASID. */
static void follow_table(struct viq_nest_vtd *n, struct nest_vtd_device *d, uint32_t first, uint32_t count)
{
	uint64_t entries[TABLE * VIQ_VTD_PE_WORDS], word;
	uint32_t is_set = next_set(n, d, first);
	struct vtd_lookup l;

	vtd_lookup_pasid(&l, &d->guest.caps, &d->ctx, first);
	vtd_lookup_step(&l, read_entries(n, d, &l, &word, 1));
	if (l.words && !read_entries(n, d, &l, entries, count))
		vtd_lookup_step(&l, NULL);
	for (uint32_t i = 0; i < count && !d->gone; i++) {
		uint32_t pasid = d->pasid++;
		struct viq_vtd_translation t;
		uint8_t reason = l.reason;
		struct vtd_regime regime;

		if (!reason)
			reason = (uint8_t)vtd_pasid_decode(&d->guest.caps, &entries[i * VIQ_VTD_PE_WORDS], l.fpd,
							   &regime);
		if (!is_present(reason) && pasid != is_set && pasid != d->ctx.rid_pasid)
			continue;
		t = reason ? block(pasid, reason) : translate(d, pasid, &regime);
		follow_entry(n, d, pasid, is_present(reason) || pasid == is_set, &t);
		if (pasid == is_set)
			is_set = next_set(n, d, pasid + 1);
		if (!work_goes_on(&d->work))
			break;
	}
}

/* The next PASID that is set and that requests cannot have any more. */
static void block_next(struct viq_nest_vtd *n, struct nest_vtd_device *d)
{
	const struct viq_vtd_translation nothing = block(next_set(n, d, d->pasid), d->by_pasid ? 0 : d->reason);

	d->pasid = nothing.pasid;
	if (nothing.pasid != UINT32_MAX)
		set(n, d, d->pasid++, &nothing);
}

bool nest_vtd_device_step(struct viq_nest_vtd *n, struct nest_vtd_device *d)
{
	uint32_t end = (d->pasid | (TABLE - 1)) + 1;

	if (d->pasid < d->limit)
		follow_table(n, d, d->pasid, (end < d->limit ? end : d->limit) - d->pasid);
	else
		block_next(n, d);
	return !d->gone && d->pasid != UINT32_MAX;
}

void nest_vtd_device_block(struct viq_nest_vtd *n, struct nest_vtd_device *d)
{
	const struct viq_vtd_translation nothing = block(0, 0);

	/* PASIDs first: some kernels look at what is attached for requests without. */
	while (!d->gone && d->pasid != UINT32_MAX)
		block_next(n, d);
	if (!d->gone)
		set(n, d, 0, &nothing);
}
