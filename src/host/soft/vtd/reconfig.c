/* SPDX-License-Identifier: MIT */
/*
 * What a reconfiguration takes over. An entry is read again if it was cached under what the guest says, or if it now
 * is what the guest says: a guest may name the old domain-id or the new one (VT-d 6.5.2). All others stay as they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"

#include "unit.h"

/* A view in the making. */
struct draft {
	enum soft_vtd_state state;
	uint64_t rtaddr;
	struct vtd_context ctx;
	struct soft_vtd_fault fault;
	struct soft_vtd_list list;
};

static bool device_in_scope(const struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what)
{
	return what->scope != VIQ_VTD_SCOPE_DEVICE || !((dev->sid ^ what->source_id) & what->source_mask);
}

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

/* As it is in memory now. */
static void read_context(const struct viq_soft_vtd_dev *dev, struct draft *d)
{
	const struct viq_soft_vtd *soft = dev->soft;
	const struct soft_vtd_request req = {.sid = dev->sid};

	d->rtaddr = soft->tables.root | VIQ_PUT(VIQ_VTD_RTADDR_TTM, soft->tables.mode);
	if (!soft->tables.enabled) {
		d->state = SOFT_VTD_OFF;
		return;
	}
	d->state = SOFT_VTD_ON;
	memset(&d->ctx, 0, sizeof(d->ctx));
	if (soft_vtd_fetch_context(soft->guest_mem, &soft->features, d->rtaddr, &req, &d->ctx, &d->fault)) {
		d->state = SOFT_VTD_FAULT;
	} else if (!context_possible(soft, &d->ctx)) {
		d->state = SOFT_VTD_FAULT;
		d->fault = (struct soft_vtd_fault){.reason = VIQ_VTD_FR_CTX_INVALID, .recorded = !d->ctx.fpd};
	}
}

/* Domain-selective, in legacy mode: neither what is cached nor what is there now is this domain's. */
static bool other_domain(const struct soft_vtd_view *old, const struct draft *d, const struct viq_vtd_reconfig *what)
{
	bool was = old->state == SOFT_VTD_ON && (old->ctx.scalable || old->ctx.did == what->domain_id);
	bool is = d->state == SOFT_VTD_ON && (d->ctx.scalable || d->ctx.did == what->domain_id);

	return what->scope == VIQ_VTD_SCOPE_DOMAIN && !was && !is;
}

/* Returns whether the context entry is another one than what is cached. */
static bool take_context(const struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what, struct draft *d)
{
	const struct soft_vtd_view *old = soft_vtd_view(dev);

	if (whole_device(dev, what)) {
		read_context(dev, d);
		return true;
	}
	if (what->cause == VIQ_VTD_CONTEXT_CACHE) {
		read_context(dev, d);
		if (!other_domain(old, d, what))
			return d->state != old->state || (d->state == SOFT_VTD_ON && !same_context(&d->ctx, &old->ctx));
	}
	d->state = old->state;
	d->rtaddr = old->rtaddr;
	d->ctx = old->ctx;
	d->fault = old->fault;
	return false;
}

static const struct soft_vtd_entry *list_find(const struct soft_vtd_entry *entries, uint32_t count, uint32_t *at,
					      uint32_t pasid)
{
	while (*at < count && entries[*at].pasid < pasid)
		++*at;
	return *at < count && entries[*at].pasid == pasid ? &entries[*at] : NULL;
}

/* Of a cached and a fresh entry of one PASID, either of which may be NULL: the one to have. */
static const struct soft_vtd_entry *choose(const struct soft_vtd_entry *old, const struct soft_vtd_entry *fresh,
					   uint32_t pasid, const struct viq_vtd_reconfig *what)
{
	if (what->scope == VIQ_VTD_SCOPE_ALL || what->scope == VIQ_VTD_SCOPE_DEVICE)
		return fresh;
	if (what->scope == VIQ_VTD_SCOPE_PASID && pasid != what->pasid)
		return old;
	if ((old && old->regime.did == what->domain_id) || (fresh && fresh->regime.did == what->domain_id))
		return fresh;
	return old;
}

static int merge(const struct viq_soft_vtd *soft, const struct soft_vtd_view *old, const struct soft_vtd_list *fresh,
		 const struct viq_vtd_reconfig *what, struct soft_vtd_list *out)
{
	uint32_t i = 0, j = 0;
	int ret = 0;

	while (!ret && (i < old->count || j < fresh->count)) {
		uint32_t next_old = i < old->count ? old->entries[i].pasid : UINT32_MAX;
		uint32_t next_fresh = j < fresh->count ? fresh->entries[j].pasid : UINT32_MAX;
		uint32_t pasid = next_old < next_fresh ? next_old : next_fresh;
		const struct soft_vtd_entry *entry =
			choose(next_old == pasid ? &old->entries[i] : NULL,
			       next_fresh == pasid ? &fresh->entries[j] : NULL, pasid, what);

		if (entry)
			ret = soft_vtd_list_add(soft, out, entry);
		i += next_old == pasid;
		j += next_fresh == pasid;
	}
	return ret;
}

static int keep_entries(const struct viq_soft_vtd *soft, const struct soft_vtd_view *old, struct soft_vtd_list *list)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < old->count; i++)
		ret = soft_vtd_list_add(soft, list, &old->entries[i]);
	return ret;
}

/* The PASID-table entries of a context that has not changed. */
static int refresh_entries(const struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what, struct draft *d)
{
	const struct viq_soft_vtd *soft = dev->soft;
	struct soft_vtd_list fresh = {0};
	int ret;

	if (what->cause != VIQ_VTD_PASID_CACHE || !d->ctx.scalable)
		return keep_entries(soft, soft_vtd_view(dev), &d->list);
	if (what->scope == VIQ_VTD_SCOPE_PASID)
		ret = soft_vtd_scan_one(soft, &d->ctx, what->pasid, &fresh);
	else
		ret = soft_vtd_scan(soft, &d->ctx, &fresh);
	if (!ret)
		ret = merge(soft, soft_vtd_view(dev), &fresh, what, &d->list);
	free(fresh.entries);
	return ret;
}

static int take_entries(const struct viq_soft_vtd_dev *dev, bool changed, const struct viq_vtd_reconfig *what,
			struct draft *d)
{
	struct soft_vtd_entry legacy = {0};

	if (d->state != SOFT_VTD_ON)
		return 0;
	if (!changed)
		return refresh_entries(dev, what, d);
	if (d->ctx.scalable)
		return soft_vtd_scan(dev->soft, &d->ctx, &d->list);
	vtd_legacy_regime(&d->ctx, &legacy.regime);
	return soft_vtd_list_add(dev->soft, &d->list, &legacy);
}

static bool is_rid(const struct draft *d, const struct soft_vtd_entry *entry)
{
	return !d->ctx.scalable || entry->pasid == d->ctx.rid_pasid;
}

/* Entries that are of the same table as before keep their attachment, all others get one. */
static int attach_entries(struct viq_soft_vtd_dev *dev, struct draft *d)
{
	const struct soft_vtd_view *old = soft_vtd_view(dev);
	uint32_t at = 0;
	int ret = 0;

	for (uint32_t i = 0; i < d->list.count; i++) {
		struct soft_vtd_entry *entry = &d->list.entries[i];
		const struct soft_vtd_entry *was = NULL;

		entry->attachment = NULL;
		if (old)
			was = list_find(old->entries, old->count, &at, entry->pasid);
		if (was && was->attachment->rid == is_rid(d, entry) &&
		    was->attachment->table->key == soft_vtd_key(&entry->regime, entry->pasid)) {
			entry->attachment = was->attachment;
			entry->asid = was->asid;
		} else if (!ret) {
			ret = soft_vtd_attach(dev, entry, is_rid(d, entry));
		}
	}
	return ret;
}

/* Nobody has used those that were just made. */
static void undo_attachments(struct viq_soft_vtd_dev *dev, struct draft *d)
{
	const struct soft_vtd_view *old = soft_vtd_view(dev);

	for (uint32_t i = 0; i < d->list.count; i++) {
		struct soft_vtd_attachment *a = d->list.entries[i].attachment;
		const struct soft_vtd_entry *was = old && a ? soft_vtd_entry_find(old, a->pasid) : NULL;

		if (a && !(was && was->attachment == a))
			soft_vtd_release(dev->soft, a);
	}
}

static bool ats_allowed(const struct viq_soft_vtd *soft, const struct vtd_context *ctx)
{
	return soft->config.ecap & VIQ_VTD_ECAP_DT && (ctx->scalable ? ctx->dte : ctx->tt == VIQ_VTD_TT_SS_ATS);
}

static struct soft_vtd_view *make_view(const struct viq_soft_vtd_dev *dev, const struct draft *d)
{
	size_t bytes = d->list.count * sizeof(struct soft_vtd_entry);
	struct soft_vtd_view *view = calloc(1, sizeof(*view) + bytes);

	if (!view)
		return NULL;
	view->state = d->state;
	view->rtaddr = d->rtaddr;
	view->ctx = d->ctx;
	view->fault = d->fault;
	view->ats = d->state == SOFT_VTD_ON && dev->ats && ats_allowed(dev->soft, &d->ctx);
	view->count = d->list.count;
	if (bytes)
		memcpy(view->entries, d->list.entries, bytes);
	return view;
}

int soft_vtd_update(struct viq_soft_vtd_dev *dev, const struct viq_vtd_reconfig *what, struct soft_vtd_change *change)
{
	struct soft_vtd_view *view = NULL;
	struct draft d = {0};
	bool changed;
	int ret;

	if (!dev->soft->tables.size || (what && !device_in_scope(dev, what)))
		return 0;
	changed = take_context(dev, what, &d);
	ret = take_entries(dev, changed, what, &d);
	if (!ret) {
		ret = attach_entries(dev, &d);
		if (!ret) {
			view = make_view(dev, &d);
			ret = view ? 0 : -ENOMEM;
		}
		if (ret)
			undo_attachments(dev, &d);
	}
	free(d.list.entries);
	soft_vtd_publish(dev, view, change);
	return ret;
}

static bool arguments_ok(const struct viq_vtd_tables *tables, const struct viq_vtd_reconfig *what)
{
	return tables->mode <= VIQ_VTD_TTM_ABORT && what->cause <= VIQ_VTD_RESTORED &&
	       what->scope <= VIQ_VTD_SCOPE_PASID;
}

int viq_soft_vtd_reconfig(struct viq_soft_vtd *soft, const struct viq_vtd_tables *told,
			  const struct viq_vtd_reconfig *asked)
{
	struct viq_vtd_tables own_tables = {0}, *const tables = &own_tables;
	struct viq_vtd_reconfig own = {0}, *const what = &own;
	struct soft_vtd_change change = {0};
	int ret, first_err = 0;

	if (!soft)
		return -EINVAL;
	ret = sized_take(tables, sizeof(*tables), told, SIZED_TO(struct viq_vtd_tables, remap_table), "tables", NULL);
	if (!ret)
		ret = sized_take(what, sizeof(*what), asked, SIZED_TO(struct viq_vtd_reconfig, pasid), "what", NULL);
	if (ret)
		return ret;
	if (!arguments_ok(tables, what))
		return -EINVAL;
	ret = soft_vtd_enter(soft);
	if (ret)
		return ret;
	soft->tables = *tables;
	/* A front end that was restored knows of no table, whether it is the one of before or not. */
	if (what->cause == VIQ_VTD_RESTORED) {
		for (struct viq_soft_vtd_dev *dev = soft->devs; dev; dev = dev->next)
			soft_vtd_publish(dev, NULL, &change);
		soft_vtd_finish(soft, &change);
	}
	for (struct viq_soft_vtd_dev *dev = soft->devs; dev; dev = dev->next) {
		ret = soft_vtd_update(dev, what, &change);
		if (!first_err)
			first_err = ret;
	}
	soft_vtd_finish(soft, &change);
	soft_vtd_leave(soft);
	return first_err;
}
