/* SPDX-License-Identifier: MIT */
/*
 * What a device takes over of the guest's structures, in steps. An entry is read again if it was cached under what the
 * guest says, or if it now is what the guest says: a guest may name the old domain-id or the new one (VT-d 6.5.2). All
 * others stay as they are.
 *
 * Until the draft is done the device translates as before; its new tables are attached by then, so nothing that could
 * be cached through them goes without being invalidated.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* --- The context entry -------------------------------------------------------------------------------------------- */

/* Does everything that the device has cached go? */
static bool whole_device(const struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what)
{
	if (!what || !soft_vtd_view(dev))
		return true;
	return what->cause != VIQ_VTD_CONTEXT_CACHE && what->cause != VIQ_VTD_PASID_CACHE;
}

static bool same_ss(const struct vtd_ss *a, const struct vtd_ss *b)
{
	return a->table == b->table && a->levels == b->levels && a->width == b->width && a->ad == b->ad;
}

static bool same_context(const struct vtd_context *a, const struct vtd_context *b)
{
	if (a->scalable != b->scalable || a->fpd != b->fpd)
		return false;
	if (!a->scalable)
		return a->tt == b->tt && a->did == b->did && same_ss(&a->ss, &b->ss);
	return a->dte == b->dte && a->paside == b->paside && a->pre == b->pre && a->rid_priv == b->rid_priv &&
	       a->pdts == b->pdts && a->rid_pasid == b->rid_pasid && a->pasid_dir == b->pasid_dir;
}

/* A context entry of a mode, or a parent, that knows no such translation. */
static bool context_possible(const struct viq_soft_vtd *soft, const struct vtd_context *ctx)
{
	return ctx->scalable || !soft->config.parent_aw || ctx->tt == VIQ_VTD_TT_PT;
}

int soft_vtd_read_context(const struct viq_soft_vtd *soft, uint64_t rtaddr, const struct soft_vtd_request *req,
			  struct vtd_context *ctx, struct soft_vtd_fault *fault)
{
	memset(ctx, 0, sizeof(*ctx));
	if (soft_vtd_fetch_context(soft->guest_mem, &soft->features, rtaddr, req, ctx, fault))
		return -EFAULT;
	if (context_possible(soft, ctx))
		return 0;
	*fault = (struct soft_vtd_fault){.reason = VIQ_VTD_FR_CTX_INVALID, .recorded = !ctx->fpd};
	return -EFAULT;
}

static void read_context(const struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d)
{
	const struct viq_soft_vtd *soft = dev->soft;
	const struct soft_vtd_request req = {.sid = (uint16_t)dev->sid};

	d->rtaddr = soft->tables.root | VIQ_PUT(VIQ_VTD_RTADDR_TTM, soft->tables.mode);
	if (!soft->tables.enabled) {
		d->state = SOFT_VTD_OFF;
		return;
	}
	d->state = soft_vtd_read_context(soft, d->rtaddr, &req, &d->ctx, &d->fault) ? SOFT_VTD_FAULT : SOFT_VTD_ON;
}

/*
 * Domain-selective, in legacy mode: neither what is cached nor what is there now is this domain's. What is not present,
 * or faulty, is cached under domain-id 0 (6.2.2).
 */
static bool other_domain(const struct soft_vtd_view *old, const struct soft_vtd_draft *d,
			 const struct viq_vtd_reconfig *what)
{
	bool was = old->state == SOFT_VTD_ON ? old->ctx.scalable || old->ctx.did == what->domain_id : !what->domain_id;
	bool is = d->state == SOFT_VTD_ON && (d->ctx.scalable || d->ctx.did == what->domain_id);

	return what->scope == VIQ_VTD_SCOPE_DOMAIN && !was && !is;
}

static bool is_cached(const struct soft_vtd_draft *d, const struct soft_vtd_view *old)
{
	if (d->state != old->state)
		return false;
	if (d->state == SOFT_VTD_FAULT)
		return d->fault.reason == old->fault.reason && d->fault.recorded == old->fault.recorded;
	return d->state == SOFT_VTD_OFF || same_context(&d->ctx, &old->ctx);
}

/* Returns whether the context entry is another one than what is cached. */
static bool take_context(const struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what,
			 struct soft_vtd_draft *d)
{
	const struct soft_vtd_view *old = soft_vtd_view(dev);

	if (whole_device(dev, what)) {
		read_context(dev, d);
		return true;
	}
	if (what->cause == VIQ_VTD_CONTEXT_CACHE) {
		read_context(dev, d);
		if (!other_domain(old, d, what))
			return !is_cached(d, old);
	}
	d->state = old->state;
	d->rtaddr = old->rtaddr;
	d->ctx = old->ctx;
	d->fault = old->fault;
	return false;
}

/* --- PASID-table entries ------------------------------------------------------------------------------------------ */

/*
 * Of a cached and a fresh entry of one PASID, either of which may be NULL: the one to have. What is not present, or
 * faulty, is cached under domain-id 0 (6.2.3).
 */
static const struct soft_vtd_entry *choose(const struct soft_vtd_entry *old, const struct soft_vtd_entry *fresh,
					   uint32_t pasid, const struct viq_vtd_reconfig *what)
{
	if (what->scope == VIQ_VTD_SCOPE_ALL || what->scope == VIQ_VTD_SCOPE_DEVICE)
		return fresh;
	if (what->scope == VIQ_VTD_SCOPE_PASID && pasid != what->pasid)
		return old;
	if ((old ? old->regime.did : 0) == what->domain_id || (fresh && fresh->regime.did == what->domain_id))
		return fresh;
	return old;
}

static bool is_rid(const struct soft_vtd_draft *d, const struct soft_vtd_entry *entry)
{
	return !d->ctx.scalable || entry->pasid == d->ctx.rid_pasid;
}

/* The group in the making gets the entry. One that is of the same table as before keeps its attachment. */
static int take_entry(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, struct soft_vtd_group *group,
		      const struct soft_vtd_entry *old, const struct soft_vtd_entry *chosen)
{
	struct soft_vtd_entry *entry = &group->entries[group->count];
	int ret;

	*entry = *chosen;
	if (old && old->attachment->rid == is_rid(d, entry) &&
	    old->attachment->table->key == soft_vtd_key(&entry->regime, entry->pasid)) {
		entry->attachment = old->attachment;
		entry->asid = old->asid;
	} else {
		ret = soft_vtd_attach(dev, entry, is_rid(d, entry));
		/* Where accesses look for themselves, one for which there is no room is not cached. */
		if (ret)
			return ret == -ENOSPC && dev->soft->looks ? 0 : ret;
	}
	group->count++;
	return 0;
}

static int list_add(struct soft_vtd_list *list, struct soft_vtd_group *group)
{
	uint32_t room = list->room ? 2 * list->room : 4;
	struct soft_vtd_group **bigger;

	if (list->count == list->room) {
		bigger = realloc(list->groups, room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		list->groups = bigger;
		list->room = room;
	}
	list->groups[list->count++] = group;
	return 0;
}

/* The list gets a group with room for so many entries, to be filled and then ended. NULL: no memory. */
static struct soft_vtd_group *group_begin(struct soft_vtd_draft *d, uint32_t index, uint32_t room)
{
	struct soft_vtd_group *group = calloc(1, sizeof(*group) + room * sizeof(group->entries[0]));

	if (!group)
		return NULL;
	group->index = index;
	if (list_add(&d->list, group)) {
		free(group);
		return NULL;
	}
	return group;
}

/* What is in it now is all. old, which may be NULL: it is there instead if nothing has changed. */
static void group_end(struct soft_vtd_draft *d, struct soft_vtd_group *group, struct soft_vtd_group *old, bool changed)
{
	if (changed && group->count)
		return;
	free(group);
	d->list.groups[d->list.count - 1] = old;
	if (changed || !old)
		d->list.count--;
}

/* Cached groups, from where the draft has come to, below this index: they stay. */
static int keep(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, uint32_t below)
{
	const struct soft_vtd_view *old = soft_vtd_view(dev);
	int ret = 0;

	for (; old && !ret && d->at < old->count && old->groups[d->at]->index < below; d->at++) {
		if (!d->renewed)
			ret = list_add(&d->list, old->groups[d->at]);
	}
	return ret;
}

/* The cached group of the PASIDs that the draft has come to. NULL: none. */
static struct soft_vtd_group *next_cached(const struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, uint32_t index)
{
	const struct soft_vtd_view *view = soft_vtd_view(dev);

	return view && d->at < view->count && view->groups[d->at]->index == index ? view->groups[d->at++] : NULL;
}

/* count PASIDs of one table, as they are in memory and as they are cached; what else is cached of the table stays. */
static int refresh(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, uint32_t first, uint32_t count,
		   struct soft_vtd_cost *cost)
{
	const uint32_t index = first / VIQ_VTD_PE_TABLE;
	struct soft_vtd_entry fresh[VIQ_VTD_PE_TABLE];
	struct soft_vtd_group *group, *cached;
	uint32_t n = soft_vtd_scan(dev->soft, &d->ctx, first, count, fresh, cost), i = 0, have, at = 0;
	bool changed = false;
	int ret = keep(dev, d, index);

	if (ret)
		return ret;
	cached = next_cached(dev, d, index);
	have = cached ? cached->count : 0;
	if (!n && !have)
		return 0;
	group = group_begin(d, index, n + have < VIQ_VTD_PE_TABLE ? n + have : VIQ_VTD_PE_TABLE);
	if (!group)
		return -ENOMEM;
	while (!ret && (i < n || at < have)) {
		const uint32_t next_new = i < n ? fresh[i].pasid : UINT32_MAX;
		const uint32_t next_old = at < have ? cached->entries[at].pasid : UINT32_MAX;
		const uint32_t pasid = next_new < next_old ? next_new : next_old;
		const struct soft_vtd_entry *new = next_new == pasid ? &fresh[i++] : NULL;
		const struct soft_vtd_entry *old = next_old == pasid ? &cached->entries[at++] : NULL;
		const struct soft_vtd_entry *chosen = old;

		if (d->renewed)
			chosen = new;
		else if (pasid - first < count)
			chosen = choose(old, new, pasid, &d->what);
		changed |= chosen != old;
		if (chosen)
			ret = take_entry(dev, d, group, old, chosen);
	}
	group_end(d, group, cached, changed);
	d->changed |= changed;
	return ret;
}

/* --- In steps ----------------------------------------------------------------------------------------------------- */

static int take_legacy(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d)
{
	const struct soft_vtd_view *old = soft_vtd_view(dev);
	struct soft_vtd_group *group = group_begin(d, 0, 1);
	struct soft_vtd_entry legacy = {0};
	int ret;

	if (!group)
		return -ENOMEM;
	vtd_legacy_regime(&d->ctx, &legacy.regime);
	ret = take_entry(dev, d, group, old ? soft_vtd_entry_find(old, 0) : NULL, &legacy);
	group_end(d, group, NULL, true);
	return ret;
}

/* Which PASIDs are to be looked at. */
static void plan(const struct viq_soft_vtd *soft, struct soft_vtd_draft *d)
{
	uint32_t pasids = vtd_context_pasids(&d->ctx);
	uint32_t limit = 2u << VIQ_GET(VIQ_VTD_ECAP_PSS, soft->config.ecap);

	if (d->wanted != UINT32_MAX) {
		d->single = d->wanted;
	} else if (!d->renewed && d->what.scope == VIQ_VTD_SCOPE_PASID) {
		d->single = d->what.pasid;
	} else if (!d->ctx.paside) {
		d->single = d->ctx.rid_pasid;
	} else {
		/* Whole tables. Where requests without PASID go is for the guest to choose. */
		limit = limit < VIQ_VTD_PE_TABLE ? VIQ_VTD_PE_TABLE : limit;
		d->limit = pasids < limit ? pasids : limit;
		d->single = d->ctx.rid_pasid >= d->limit ? d->ctx.rid_pasid : UINT32_MAX;
	}
}

static void begin(struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what, struct soft_vtd_draft *d)
{
	const bool pasids = d->what.cause == VIQ_VTD_PASID_CACHE || d->wanted != UINT32_MAX;

	d->renewed = d->changed = take_context(dev, what, d);
	if (d->state != SOFT_VTD_ON)
		return;
	if (d->renewed && !d->ctx.scalable)
		d->err = take_legacy(dev, d);
	else if (d->renewed || (d->ctx.scalable && pasids))
		plan(dev->soft, d);
}

void soft_vtd_draft_begin(struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what, struct soft_vtd_draft *d,
			  struct soft_vtd_cost *cost)
{
	*d = (struct soft_vtd_draft){.single = UINT32_MAX, .wanted = UINT32_MAX};
	if (what)
		d->what = *what;
	cost->reads += 2;
	cost->entries += 2;
	begin(dev, what, d);
}

void soft_vtd_draft_fetch(struct viq_soft_vtd_dev *dev, uint32_t pasid, struct soft_vtd_draft *d)
{
	struct soft_vtd_cost cost = {0};

	*d = (struct soft_vtd_draft){.what = {.cause = VIQ_VTD_CONTEXT_CACHE, .scope = VIQ_VTD_SCOPE_DEVICE},
				     .single = UINT32_MAX,
				     .wanted = pasid};
	begin(dev, &d->what, d);
	while (soft_vtd_draft_step(dev, d, &cost))
		;
}

bool soft_vtd_draft_step(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, struct soft_vtd_cost *cost)
{
	if (!d->err && d->next < d->limit) {
		d->err = refresh(dev, d, d->next, VIQ_VTD_PE_TABLE, cost);
		d->next += VIQ_VTD_PE_TABLE;
	} else if (!d->err && d->single != UINT32_MAX) {
		d->err = refresh(dev, d, d->single, 1, cost);
		d->single = UINT32_MAX;
	}
	return !d->err && (d->next < d->limit || d->single != UINT32_MAX);
}

static bool ats_allowed(const struct viq_soft_vtd *soft, const struct vtd_context *ctx)
{
	return soft->config.ecap & VIQ_VTD_ECAP_DT && (ctx->scalable ? ctx->dte : ctx->tt == VIQ_VTD_TT_SS_ATS);
}

static bool uses_ats(const struct viq_soft_vtd_dev *dev, const struct soft_vtd_draft *d)
{
	return d->state == SOFT_VTD_ON && dev->ats && ats_allowed(dev->soft, &d->ctx);
}

static struct soft_vtd_view *make_view(const struct viq_soft_vtd_dev *dev, const struct soft_vtd_draft *d)
{
	size_t bytes = d->list.count * sizeof(struct soft_vtd_group *);
	struct soft_vtd_view *view = calloc(1, sizeof(*view) + bytes);

	if (!view)
		return NULL;
	view->state = d->state;
	view->rtaddr = d->rtaddr;
	view->ctx = d->ctx;
	view->fault = d->fault;
	view->ats = uses_ats(dev, d);
	view->count = d->list.count;
	if (bytes)
		memcpy(view->groups, d->list.groups, bytes);
	return view;
}

void soft_vtd_draft_drop(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, struct soft_vtd_change *change)
{
	const struct soft_vtd_view *old = soft_vtd_view(dev);

	for (uint32_t i = 0; i < d->list.count; i++) {
		struct soft_vtd_group *group = d->list.groups[i];

		if (old && soft_vtd_group_find(old, group->index) == group)
			continue;
		soft_vtd_group_drop(group, old, change);
		free(group);
	}
	free(d->list.groups);
	d->list = (struct soft_vtd_list){0};
}

/* Is the device, or one of its entries, what has changed? */
static bool is_named(const struct soft_vtd_draft *d)
{
	const struct viq_vtd_reconfig *what = &d->what;

	if (what->scope == VIQ_VTD_SCOPE_ALL || what->scope == VIQ_VTD_SCOPE_DEVICE)
		return true;
	for (uint32_t i = 0; i < d->list.count; i++) {
		const struct soft_vtd_group *group = d->list.groups[i];

		for (uint32_t n = 0; n < group->count; n++) {
			if (group->entries[n].regime.did == what->domain_id &&
			    (what->scope == VIQ_VTD_SCOPE_DOMAIN || group->entries[n].pasid == what->pasid))
				return true;
		}
	}
	return false;
}

int soft_vtd_draft_commit(struct viq_soft_vtd_dev *dev, struct soft_vtd_draft *d, struct soft_vtd_change *change)
{
	const struct soft_vtd_view *old = soft_vtd_view(dev);
	struct soft_vtd_view *view = NULL;

	if (!d->err && (dev->isolated ? !is_named(d) : !d->changed && uses_ats(dev, d) == old->ats)) {
		soft_vtd_draft_drop(dev, d, change);
		return 0;
	}
	if (!d->err)
		d->err = keep(dev, d, UINT32_MAX);
	if (!d->err) {
		view = make_view(dev, d);
		d->err = view ? 0 : -ENOMEM;
	}
	if (view) {
		d->list.count = 0; /* the view has them */
		dev->isolated = false;
	}
	soft_vtd_draft_drop(dev, d, change);
	/* Of a fetch that failed nothing follows. */
	if (view || d->wanted == UINT32_MAX)
		soft_vtd_publish(dev, view, change);
	return d->err;
}
