/* SPDX-License-Identifier: MIT */
/*
 * Setting requests by value.
 *
 *   asked for            attached                                     if it fails
 *   blocked              nothing                                      error
 *   what Linux cannot    nothing                                      error
 *   bypass               stage 2                                      blocked, error
 *   first stage, new     a table of its own                           blocked; error unless it is refused
 *   first stage, as is   as before
 *
 * "As is" is the whole entry, its domain-id and PASID with it: these are the keys by which the guest invalidates, and
 * what was cached under the old ones must not be met under the new.
 */
#include <errno.h>

#include "base/sized.h"
#include "call/cost.h"

#include "vvtd.h"

/* What this kernel does not take of a legal entry; NULL: nothing. */
static const char *cannot(const struct viq_vtd_translation *t)
{
	if (t->mode == VIQ_VTD_STAGE2)
		return "PGTT, TT: the guest's own second-stage translation cannot be nested";
	if (t->mode == VIQ_VTD_STAGE1 && (t->ere || t->nxe || t->smep))
		return "PASID entry, ERE, NXE, SMEP: the kernel does not take them";
	return NULL;
}

static int change(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s,
		  const struct viq_vtd_translation *t, uint32_t *fate, bool *refused)
{
	switch (*fate) {
	case VIQ_VTD_SET_BYPASS:
		return linux_vtd_slot_bypass(v, d, s);
	case VIQ_VTD_SET_NESTED:
		if (t->renew || !linux_vtd_slot_has(s, t))
			return linux_vtd_slot_nest(v, d, s, t, refused);
		*fate = VIQ_VTD_SET_UNCHANGED;
		return 0;
	default:
		return linux_vtd_slot_block(v, d, s);
	}
}

/* It cannot be what was asked for: then it is blocked. An error: it must not be hidden. */
static int give_up(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s, int err,
		   uint32_t *fate, bool refused)
{
	*fate = VIQ_VTD_SET_BROKEN;
	if (linux_vtd_slot_block(v, d, s))
		return err;
	*fate = refused ? VIQ_VTD_SET_REJECTED : VIQ_VTD_SET_FAILED;
	s->failed = !refused;
	linux_add(refused ? &v->rejected : &v->failed, 1);
	return refused ? 0 : err;
}

static uint32_t fate_of(const struct viq_vtd_translation *t, const char *why)
{
	if (why)
		return VIQ_VTD_SET_UNSUPPORTED;
	if (t->mode == VIQ_VTD_BYPASS)
		return VIQ_VTD_SET_BYPASS;
	return t->mode == VIQ_VTD_STAGE1 ? VIQ_VTD_SET_NESTED : VIQ_VTD_SET_BLOCKED;
}

static int set(struct viq_linux_vvtd *v, struct linux_vtd_device *d, uint32_t pasid,
	       const struct viq_vtd_translation *t, struct viq_vtd_outcome *o)
{
	struct linux_vtd_slot *s = linux_vtd_find_slot(d, pasid);
	bool refused = false;
	int err;

	if (!s && (o->fate == VIQ_VTD_SET_BLOCKED || o->fate == VIQ_VTD_SET_UNSUPPORTED))
		return 0;
	if (!s)
		s = linux_vtd_get_slot(d, pasid);
	if (!s) {
		o->fate = VIQ_VTD_SET_FAILED;
		o->os_error = -ENOMEM;
		return -ENOMEM;
	}
	s->failed = false;
	o->os_error = err = change(v, d, s, t, &o->fate, &refused);
	if (err)
		err = give_up(v, d, s, err, &o->fate, refused);
	if (s->slot.pasid && linux_slot_empty(&s->slot) && !s->failed)
		linux_vtd_free_slot(d, s);
	return err;
}

int viq_linux_vvtd_set(struct viq_linux_vvtd *v, uint16_t source_id, uint32_t pasid,
		       const struct viq_vtd_translation *translation, struct viq_vtd_outcome *outcome)
{
	struct viq_vtd_translation own = {0};
	const struct viq_vtd_translation *t = &own;
	struct viq_vtd_outcome o;
	struct linux_vtd_device *d;
	int err;

	if (!v || pasid >> VIQ_VTD_PASID_BITS || (outcome && !SIZED_ROOM(struct viq_vtd_outcome, outcome, domain_id)))
		return -EINVAL;
	err = sized_take(&own, sizeof(own), translation, SIZED_TO(struct viq_vtd_translation, smep), "translation",
			 NULL);
	if (err)
		return err;
	if (t->mode > VIQ_VTD_STAGE2)
		return -EINVAL;
	d = sorted_find(&v->devices, source_id);
	if (!d)
		return -ENOENT;
	o = (struct viq_vtd_outcome){
		.size = sizeof(o),
		.source_id = source_id,
		.has_pasid = pasid != 0,
		.reason = t->reason,
		.pasid = pasid ? pasid : t->pasid,
		.domain_id = t->domain_id,
		.why = cannot(t),
	};
	o.fate = fate_of(t, o.why);
	v->attacher.calls = 0;
	err = set(v, d, pasid, t, &o);
	o.calls = call_cost_sum(v->attacher.calls, v->settle_calls);
	v->settle_calls = 0;
	if (outcome)
		sized_give(outcome, outcome->size, &o, sizeof(o));
	return err;
}

/* --- As a backend ------------------------------------------------------------------------------------------------- */

/* Something could not be blocked, whose error is everybody's, or not be set: it is tried again at every chance. */
static bool is_unsure(const struct linux_vtd_device *d)
{
	for (size_t i = 0; i < d->slots.count; i++) {
		const struct linux_vtd_slot *s = d->slots.items[i];

		if (!s->slot.sure || s->failed)
			return true;
	}
	return false;
}

static int next(void *opaque, uint32_t *source_id, struct viq_vtd_device_state *state)
{
	struct viq_linux_vvtd *v = opaque;
	const struct linux_vtd_device *d = sorted_from(&v->devices, *source_id);
	struct viq_vtd_device_state s = {.size = sizeof(s)};
	const struct linux_vtd_slot *rid;
	int own;

	if (!d)
		return 0;
	rid = d->slots.items[0];
	own = linux_slot_own(&rid->slot);
	*source_id = d->dev.number;
	s.pasid_bits = d->pasid_bits;
	s.rid_pasid = own < 0 ? UINT32_MAX : rid->tables[own].of.pasid;
	s.unsure = is_unsure(d);
	sized_give(state, state->size, &s, sizeof(s));
	return 1;
}

static int next_pasid(void *opaque, uint16_t source_id, uint32_t *pasid)
{
	struct viq_linux_vvtd *v = opaque;
	const struct linux_vtd_device *d = sorted_find(&v->devices, source_id);
	const struct linux_vtd_slot *s = d ? sorted_from(&d->slots, *pasid) : NULL;

	if (!s)
		return 0;
	*pasid = s->slot.pasid;
	return 1;
}

static int backend_set(void *opaque, uint16_t source_id, uint32_t pasid, const struct viq_vtd_translation *translation,
		       struct viq_vtd_outcome *outcome)
{
	return viq_linux_vvtd_set(opaque, source_id, pasid, translation, outcome);
}

static int listen(void *opaque, const struct viq_vtd_listener *listener)
{
	return viq_linux_vvtd_listen(opaque, listener);
}

static void settle(void *opaque)
{
	struct viq_linux_vvtd *v = opaque;

	v->attacher.calls = 0;
	linux_vtd_collect_removed(v);
	v->settle_calls = call_cost_sum(v->settle_calls, v->attacher.calls);
}

static int page_requests(void *opaque, struct viq_vtd_host_page_request *requests, uint32_t *count)
{
	return linux_vtd_page_requests(opaque, requests, count);
}

/* A guest that drains its requests (PD) finds in its queue what the kernel has. */
static bool pending(void *opaque)
{
	const struct viq_linux_vvtd *v = opaque;

	return v->pages.askers;
}

struct viq_vtd_backend viq_linux_vvtd_backend(struct viq_linux_vvtd *v)
{
	static const struct viq_vtd_backend_ops ops = {
		.size = sizeof(ops),
		.next = next,
		.next_pasid = next_pasid,
		.set = backend_set,
		.listen = listen,
		.settle = settle,
		.pending = pending,
		.page_requests = page_requests,
		.look_cost = VIQ_WORK_CALL,
	};

	return (struct viq_vtd_backend){.ops = &ops, .opaque = v};
}
