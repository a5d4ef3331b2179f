/* SPDX-License-Identifier: MIT */
/*
 * From the guest's entries to what is attached.
 *
 *   the guest says                 attached                                     if it fails
 *   nothing, broken, unsupported   nothing                                      error
 *   bypass                         stage 2                                      blocked, error
 *   nested, new                    a table of its own                           blocked; error unless it is refused
 *   nested, as attached            as before
 *
 * "As attached" is the whole entry, its domain-id and PASID with it: these are the keys by which the guest invalidates,
 * and what was cached under the old ones must not be met under the new.
 *
 * Context-cache and PASID-cache descriptors are not told apart in what is read: hardware may have dropped an entry from
 * either cache at any time, so reading more than was asked for is always right.
 *
 * An error is returned to the guest's queue, which stops at the descriptor: the guest retries. It is never hidden while
 * something translates by entries that the guest has asked to leave.
 */
#include <errno.h>

#include "vvtd.h"

#define TABLE VIQ_VTD_PE_TABLE

struct follow {
	struct viq_linux_vvtd *v;
	struct linux_vtd_device *d;
	const struct linux_vtd_guest *g;
	struct linux_vtd_context ctx;
	bool force; /* what is attached already is attached anew: the tables below have changed as well */
	int err;    /* the first */
};

/* --- One PASID's requests, or those without ----------------------------------------------------------------------- */

static void trace(const struct follow *f, uint32_t pasid, const struct linux_vtd_want *want,
		  enum viq_linux_vtd_fate fate, int err)
{
	const struct viq_linux_vtd_trace t = {
		.size = sizeof(t),
		.fate = fate,
		.os_error = err,
		.source_id = (uint16_t)f->d->dev.number,
		.has_pasid = pasid != 0,
		.reason = want->reason,
		.pasid = pasid ? pasid : f->ctx.rid_pasid,
		.domain_id = want->domain_id,
		.s1 = want->s1,
		.why = want->why,
	};

	if (f->v->ops.trace)
		f->v->ops.trace(f->v->opaque, &t);
}

static int change(const struct follow *f, struct linux_vtd_slot *s, const struct linux_vtd_want *want,
		  enum viq_linux_vtd_fate *fate)
{
	switch (want->kind) {
	case LINUX_VTD_NOTHING:
		*fate = VIQ_LINUX_VTD_BLOCKED;
		return linux_vtd_slot_block(f->v, f->d, s);
	case LINUX_VTD_UNSUPPORTED:
		*fate = VIQ_LINUX_VTD_UNSUPPORTED;
		return linux_vtd_slot_block(f->v, f->d, s);
	case LINUX_VTD_BYPASS:
		*fate = VIQ_LINUX_VTD_BYPASS;
		return linux_vtd_slot_bypass(f->v, f->d, s);
	case LINUX_VTD_NESTED:
		*fate = VIQ_LINUX_VTD_UNCHANGED;
		if (!f->force && linux_vtd_slot_has(s, want))
			return 0;
		*fate = VIQ_LINUX_VTD_NESTED;
		return linux_vtd_slot_nest(f->v, f->d, s, want);
	}
	return -EINVAL;
}

static bool refused(int err)
{
	return err == -EINVAL || err == -EOPNOTSUPP || err == -ENOSPC;
}

/* It cannot be what the guest says: then it is blocked. An error: it must not be hidden. */
static int give_up(const struct follow *f, struct linux_vtd_slot *s, int err, enum viq_linux_vtd_fate *fate)
{
	bool rejected = *fate != VIQ_LINUX_VTD_BLOCKED && refused(err);

	*fate = VIQ_LINUX_VTD_BROKEN;
	if (linux_vtd_slot_block(f->v, f->d, s))
		return err;
	*fate = rejected ? VIQ_LINUX_VTD_REJECTED : VIQ_LINUX_VTD_FAILED;
	if (!rejected)
		return err;
	linux_add(&f->v->rejected, 1);
	return 0;
}

/* s: NULL if nothing is attached, and the guest wants nothing. */
static void follow_slot(struct follow *f, uint32_t pasid, struct linux_vtd_slot *s, const struct linux_vtd_want *want)
{
	enum viq_linux_vtd_fate fate =
		want->kind == LINUX_VTD_UNSUPPORTED ? VIQ_LINUX_VTD_UNSUPPORTED : VIQ_LINUX_VTD_BLOCKED;
	int err = 0, hidden = 0;

	if (s) {
		s->seen = true;
		err = change(f, s, want, &fate);
		if (err)
			hidden = give_up(f, s, err, &fate);
	}
	linux_first(&f->err, hidden);
	trace(f, pasid, want, fate, err);
	if (s && s->slot.pasid && linux_slot_empty(&s->slot))
		linux_vtd_free_slot(f->d, s);
}

static bool wants_nothing(const struct linux_vtd_want *want)
{
	return want->kind == LINUX_VTD_NOTHING || want->kind == LINUX_VTD_UNSUPPORTED;
}

/* Requests with this PASID; 0: those without. */
static void follow_want(struct follow *f, uint32_t pasid, const struct linux_vtd_want *want)
{
	struct linux_vtd_slot *s = linux_vtd_find_slot(f->d, pasid);

	if (!s && !wants_nothing(want)) {
		s = linux_vtd_get_slot(f->d, pasid);
		if (!s) {
			linux_first(&f->err, -ENOMEM);
			trace(f, pasid, want, VIQ_LINUX_VTD_FAILED, -ENOMEM);
			return;
		}
	}
	follow_slot(f, pasid, s, want);
}

/* --- The entries of a device -------------------------------------------------------------------------------------- */

/* PASIDs that its requests can have are below this: 0 if they have none. */
static uint32_t pasid_limit(const struct follow *f)
{
	uint32_t bits = VIQ_GET(VIQ_VTD_ECAP_PSS, f->g->ecap) + 1, limit;

	if (!f->ctx.pasids || !f->d->pasid_bits)
		return 0;
	if (f->d->pasid_bits < bits)
		bits = f->d->pasid_bits;
	limit = UINT32_C(1) << bits;
	return limit < f->ctx.limit ? limit : f->ctx.limit;
}

/* An entry, by who uses it: there may be two, and it is read once. */
static void follow_entry(struct follow *f, uint32_t pasid, uint8_t reason, const uint64_t entry[VIQ_VTD_PE_WORDS],
			 uint32_t limit)
{
	struct linux_vtd_want want = {.kind = LINUX_VTD_NOTHING, .reason = reason};

	if (!reason)
		want = linux_vtd_decode(f->g, pasid, entry);
	if (pasid == f->ctx.rid_pasid)
		follow_want(f, 0, &want);
	/* PASID 0 is never a request's: with VT-d it is the usual RID_PASID, and the kernel knows no other use of it.
	 */
	if (!pasid || pasid >= limit)
		return;
	if ((!reason && entry[0] & VIQ_VTD_PE_P) || linux_vtd_find_slot(f->d, pasid))
		follow_want(f, pasid, &want);
}

static void read_and_follow(struct follow *f, uint32_t pasid, uint32_t limit)
{
	uint64_t entry[1][VIQ_VTD_PE_WORDS];
	uint8_t reason = linux_vtd_read_entries(f->g, &f->ctx, pasid, entry, 1);

	follow_entry(f, pasid, reason, entry[0], limit);
}

/* All PASIDs of which the guest has no entry any more, or that cannot be in requests. */
static void sweep(struct follow *f)
{
	const struct linux_vtd_want nothing = {.kind = LINUX_VTD_NOTHING, .reason = f->ctx.all.reason};

	for (size_t i = f->d->slots.count; i-- > 1;) {
		struct linux_vtd_slot *s = f->d->slots.items[i];

		if (!s->seen)
			follow_slot(f, s->slot.pasid, s, &nothing);
	}
}

static void follow_table(struct follow *f, uint32_t first, uint32_t count, uint32_t limit)
{
	uint64_t entries[TABLE][VIQ_VTD_PE_WORDS];
	uint8_t reason = linux_vtd_read_entries(f->g, &f->ctx, first, entries, count);

	for (uint32_t i = 0; i < count; i++) {
		/* Without a table there is nothing to look at but what sweep() finds. */
		if (!reason || first + i == f->ctx.rid_pasid)
			follow_entry(f, first + i, reason, entries[i], limit);
	}
}

static void follow_all(struct follow *f)
{
	uint32_t limit = f->ctx.by_pasid ? pasid_limit(f) : 0;

	for (size_t i = 0; i < f->d->slots.count; i++)
		((struct linux_vtd_slot *)f->d->slots.items[i])->seen = false;
	for (uint32_t pasid = 0; pasid < limit; pasid += TABLE)
		follow_table(f, pasid, limit - pasid < TABLE ? limit - pasid : TABLE, limit);
	if (!f->ctx.by_pasid)
		follow_want(f, 0, &f->ctx.all);
	else if (f->ctx.rid_pasid >= limit)
		read_and_follow(f, f->ctx.rid_pasid, 0);
	sweep(f);
}

/* Do requests without PASID use, or did they when that was attached, the entry of this PASID? */
static bool used_by_rid(const struct follow *f, uint32_t pasid)
{
	const struct linux_vtd_slot *s = f->d->slots.items[0];

	for (int i = 0; i < 2; i++) {
		if (s->slot.tables[i] && s->tables[i].of.pasid == pasid)
			return true;
	}
	return false;
}

static void follow_pasid(struct follow *f, uint32_t pasid)
{
	uint32_t limit = pasid_limit(f);

	read_and_follow(f, pasid, limit);
	/* It cannot be in requests any more. */
	if (pasid >= limit && pasid && linux_vtd_find_slot(f->d, pasid)) {
		const struct linux_vtd_want nothing = {.kind = LINUX_VTD_NOTHING};

		follow_want(f, pasid, &nothing);
	}
	if (pasid != f->ctx.rid_pasid && used_by_rid(f, pasid))
		read_and_follow(f, f->ctx.rid_pasid, 0);
}

/* Something could not be blocked: it is tried again whenever there is a chance, and its error is everybody's. */
static bool is_broken(const struct linux_vtd_device *d)
{
	for (size_t i = 0; i < d->slots.count; i++) {
		const struct linux_vtd_slot *s = d->slots.items[i];

		if (!s->slot.sure)
			return true;
	}
	return false;
}

static void look(const struct viq_linux_vvtd *v, struct linux_vtd_guest *g)
{
	*g = (struct linux_vtd_guest){.mem = v->mem, .tables = {.size = sizeof(g->tables)}};
	(void)viq_vtd_tables(v->vtd, &g->tables);
	g->cap = viq_vtd_mmio_read(v->vtd, VIQ_VTD_CAP, 8);
	g->ecap = viq_vtd_mmio_read(v->vtd, VIQ_VTD_ECAP, 8);
}

static int follow_device(struct viq_linux_vvtd *v, const struct linux_vtd_guest *g, struct linux_vtd_device *d,
			 const struct viq_vtd_reconfig *what)
{
	struct follow f = {.v = v, .d = d, .g = g, .force = what->cause == VIQ_VTD_RESTORED};

	linux_vtd_read_context(g, (uint16_t)d->dev.number, &f.ctx);
	if (what->scope == VIQ_VTD_SCOPE_PASID && f.ctx.by_pasid && !is_broken(d))
		follow_pasid(&f, what->pasid);
	else
		follow_all(&f);
	return f.err;
}

int linux_vtd_follow(struct viq_linux_vvtd *v, struct linux_vtd_device *d, const struct viq_vtd_reconfig *what)
{
	struct linux_vtd_guest g;

	look(v, &g);
	return follow_device(v, &g, d, what);
}

static bool concerns(const struct linux_vtd_device *d, const struct viq_vtd_reconfig *what)
{
	return what->scope != VIQ_VTD_SCOPE_DEVICE || !((d->dev.number ^ what->source_id) & what->source_mask) ||
	       is_broken(d);
}

int viq_linux_vvtd_reconfig(struct viq_linux_vvtd *v, const struct viq_vtd_reconfig *what)
{
	struct linux_vtd_guest g;
	int err = 0;

	if (!v || !what || what->size != sizeof(*what) || what->cause > VIQ_VTD_RESTORED ||
	    what->scope > VIQ_VTD_SCOPE_PASID)
		return -EINVAL;
	if (!v->vtd)
		return -ENODEV;
	look(v, &g);
	for (size_t i = 0; i < v->devices.count; i++) {
		struct linux_vtd_device *d = v->devices.items[i];

		if (concerns(d, what))
			linux_first(&err, follow_device(v, &g, d, what));
	}
	linux_vtd_collect_removed(v);
	return err;
}
