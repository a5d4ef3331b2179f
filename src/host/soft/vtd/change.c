/* SPDX-License-Identifier: MIT */
/* Changes of what devices have cached, made in three steps: publish, wait, release. */
#include <stdlib.h>

#include "host/soft/thread.h"
#include "unit.h"

static bool keeps(const struct soft_vtd_view *view, const struct soft_vtd_attachment *a)
{
	const struct soft_vtd_entry *entry = view ? soft_vtd_entry_find(view, a->pasid) : NULL;

	return entry && entry->attachment == a;
}

/* True if something was dropped. */
static bool drop_attachments(const struct soft_vtd_view *old, const struct soft_vtd_view *view,
			     struct soft_vtd_change *change)
{
	bool any = false;

	for (uint32_t i = 0; i < old->count; i++) {
		struct soft_vtd_attachment *a = old->entries[i].attachment;

		if (keeps(view, a))
			continue;
		a->dropped = change->dropped;
		change->dropped = a;
		any = true;
	}
	return any;
}

void soft_vtd_publish(struct viq_soft_vtd_dev *dev, struct soft_vtd_view *view, struct soft_vtd_change *change)
{
	struct soft_vtd_view *old = soft_vtd_view(dev);
	bool had_ats = old && old->ats, has_ats = view && view->ats;

	if (!old && !view)
		return;
	/* Before the device can fill its TLB, invalidations must find it. */
	pthread_mutex_lock(&dev->soft->lock);
	dev->uses_ats |= has_ats;
	/* Paired with the acquire of accesses: who finds the view finds it whole. */
	atomic_store_explicit(&dev->view, view, memory_order_release);
	/* Then this, the other way round than accesses look at both: none is remembered under an old view. */
	soft_gen_bump(&dev->configs);
	pthread_mutex_unlock(&dev->soft->lock);
	change->published = true;
	if (!old)
		return;
	if (drop_attachments(old, view, change) && had_ats)
		dev->emptied = true;
	if (had_ats && (!has_ats || old->state != view->state))
		dev->emptied = true;
	change->emptied |= dev->emptied;
	old->retired = change->views;
	change->views = old;
}

/* Accesses through the old views have ended, so nothing can be filled by them any more. */
static void empty_devtlbs(struct viq_soft_vtd *soft)
{
	pthread_mutex_lock(&soft->lock);
	for (struct viq_soft_vtd_dev *dev = soft->devs; dev; dev = dev->next) {
		const struct soft_vtd_view *view = soft_vtd_view(dev);

		if (!dev->emptied)
			continue;
		soft_atc_inv_all(dev->atc);
		dev->emptied = false;
		dev->uses_ats = view && view->ats;
	}
	pthread_mutex_unlock(&soft->lock);
	/* And those that went on with what was there. */
	soft_grace_period();
}

void soft_vtd_wait(struct viq_soft_vtd *soft, struct soft_vtd_change *change)
{
	if (change->published)
		soft_grace_period();
	else
		soft_vtd_drain(soft);
	if (change->emptied)
		empty_devtlbs(soft);
	change->published = change->emptied = false;
}

bool soft_vtd_release_some(struct viq_soft_vtd *soft, struct soft_vtd_change *change, uint32_t count)
{
	for (uint32_t i = 0; i < count && change->dropped; i++) {
		struct soft_vtd_attachment *a = change->dropped;

		change->dropped = a->dropped;
		soft_vtd_release(soft, a);
	}
	for (uint32_t i = 0; i < count && change->views; i++) {
		struct soft_vtd_view *view = change->views;

		change->views = view->retired;
		free(view);
	}
	return change->dropped || change->views;
}

void soft_vtd_finish(struct viq_soft_vtd *soft, struct soft_vtd_change *change)
{
	soft_vtd_wait(soft, change);
	(void)soft_vtd_release_some(soft, change, UINT32_MAX);
}
