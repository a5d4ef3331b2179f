/* SPDX-License-Identifier: MIT */
/* Changes of what devices have cached, made in three steps: publish, wait, release. */
#include <stdlib.h>

#include "host/soft/thread.h"
#include "unit.h"

bool soft_vtd_group_drop(const struct soft_vtd_group *group, const struct soft_vtd_view *view,
			 struct soft_vtd_change *change)
{
	bool any = false;

	for (uint32_t i = 0; i < group->count; i++) {
		struct soft_vtd_attachment *a = group->entries[i].attachment;
		const struct soft_vtd_entry *entry = view ? soft_vtd_entry_find(view, a->pasid) : NULL;

		if (entry && entry->attachment == a)
			continue;
		a->dropped = change->dropped;
		change->dropped = a;
		any = true;
	}
	return any;
}

/* Those of its groups that the next view, which may be NULL, does not have. True if an attachment was dropped. */
static bool retire_groups(const struct soft_vtd_view *old, const struct soft_vtd_view *view,
			  struct soft_vtd_change *change)
{
	bool any = false;

	for (uint32_t i = 0, n = 0; i < old->count; i++) {
		struct soft_vtd_group *group = old->groups[i];

		while (view && n < view->count && view->groups[n]->index < group->index)
			n++;
		if (view && n < view->count && view->groups[n] == group)
			continue;
		any |= soft_vtd_group_drop(group, view, change);
		group->retired = change->groups;
		change->groups = group;
	}
	return any;
}

static void use_ats(struct viq_soft_vtd_dev *dev, const struct soft_vtd_view *view) MUST_HOLD(dev->soft->lock)
{
	dev->uses_ats = true;
	for (uint32_t i = 0; i < view->count; i++) {
		for (uint32_t n = 0; n < view->groups[i]->count; n++)
			soft_vtd_attachment_ats(view->groups[i]->entries[n].attachment);
	}
}

void soft_vtd_publish(struct viq_soft_vtd_dev *dev, struct soft_vtd_view *view, struct soft_vtd_change *change)
{
	struct soft_vtd_view *old = soft_vtd_view(dev);
	bool had_ats = old && old->ats, has_ats = view && view->ats;

	if (!old && !view)
		return;
	/* Before the device can fill its TLB, invalidations must find it. */
	pthread_mutex_lock(&dev->soft->lock);
	if (has_ats && !dev->uses_ats)
		use_ats(dev, view);
	/* Paired with the acquire of accesses: who finds the view finds it whole. */
	atomic_store_explicit(&dev->view, view, memory_order_release);
	/* Then this, the other way round than accesses look at both: none is remembered under an old view. */
	soft_gen_bump(&dev->configs);
	pthread_mutex_unlock(&dev->soft->lock);
	change->published = true;
	if (!old)
		return;
	if (retire_groups(old, view, change) && had_ats)
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
	for (size_t i = 0; i < soft->devs.count; i++) {
		struct viq_soft_vtd_dev *dev = soft->devs.items[i];
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
	for (uint32_t i = 0; i < count && change->groups; i++) {
		struct soft_vtd_group *group = change->groups;

		change->groups = group->retired;
		free(group);
	}
	return change->dropped || change->views || change->groups;
}

void soft_vtd_finish(struct viq_soft_vtd *soft, struct soft_vtd_change *change)
{
	soft_vtd_wait(soft, change);
	(void)soft_vtd_release_some(soft, change, UINT32_MAX);
}
