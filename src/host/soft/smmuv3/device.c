/* SPDX-License-Identifier: MIT */
/* Devices: what is attached to them, and the view of it that accesses go by. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"

int viq_soft_dev_alloc(struct viq_soft *soft, struct viq_soft_dev **out, struct viq_why *why)
{
	struct soft_retired retired = {0};
	struct viq_soft_dev *dev;
	int ret;

	if (!soft || !out)
		return why_say(why, -EINVAL, "soft, out: NULL");
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return soft_say(why, -ENOMEM, NULL);
	dev->soft = soft;
	ret = soft_lock(soft);
	if (ret) {
		free(dev);
		return soft_say(why, ret, NULL);
	}
	dev->next = soft->devs;
	if (dev->next)
		dev->next->prev = dev;
	soft->devs = dev;
	soft_unlock(soft, &retired);
	*out = dev;
	return 0;
}

void soft_view_free(struct soft_view *view)
{
	soft_config_fini(&view->cds);
	free(view);
}

static struct soft_view *get_view(const struct viq_soft_dev *dev)
{
	return atomic_load_explicit(&dev->view, memory_order_relaxed);
}

bool soft_dev_uses_ats(const struct viq_soft_dev *dev)
{
	const struct soft_view *view = get_view(dev);

	return view && view->atc;
}

/* Full ATS is for streams that are translated; EATS is ignored elsewhere (5.2). */
static bool ats_effective(const struct soft_nested *nested)
{
	struct smmuv3_ste ste;

	smmuv3_ste_decode(&nested->viommu->features, nested->ste, &ste);
	return SOFT_TRANSLATES(nested->config) && ste.eats == 1;
}

static uint32_t cd_slots(const struct soft_nested *nested)
{
	struct smmuv3_ste ste;

	smmuv3_ste_decode(&nested->viommu->features, nested->ste, &ste);
	return SOFT_STAGE1(nested->config) && ste.cdmax ? SOFT_CONFIG_SLOTS : 1;
}

static int make_view(struct viq_soft_dev *dev, const struct soft_nested *nested, const struct soft_vdevice *vdevice,
		     bool ats, struct soft_view **out)
{
	struct soft_view *view;

	*out = NULL;
	if (!nested)
		return 0;
	view = calloc(1, sizeof(*view));
	if (!view)
		return -ENOMEM;
	view->vm = nested->vmid ? &nested->vmid->vm : &nested->viommu->vm;
	if (soft_config_init(&view->cds, cd_slots(nested))) {
		free(view);
		return -ENOMEM;
	}
	/* What is cached of another view is not this one's. */
	view->owner = soft_front_owner(++dev->soft->views);
	view->config = nested->config;
	view->disabled = nested->disabled;
	view->vdevice = vdevice ? vdevice->object.id : 0;
	view->viommu = nested->viommu;
	view->vsid = vdevice ? vdevice->vsid : 0;
	view->ste[0] = nested->ste[0];
	view->ste[1] = nested->ste[1];
	if (!ats) /* a failed translation request is answered to the device, not recorded */
		memcpy(view->fault, nested->fault, sizeof(view->fault));
	view->features = nested->viommu->features;
	view->s2 = SOFT_STAGE2(nested->config) ? &nested->stage2 : &nested->viommu->s2->regime;
	view->atc = ats && ats_effective(nested) ? dev->atc : NULL;
	*out = view;
	return 0;
}

static void replace_nested(struct viq_soft_dev *dev, struct soft_nested *nested, struct soft_retired *retired)
{
	struct soft_nested *old = dev->nested;

	if (nested)
		nested->object.users++;
	dev->nested = nested;
	if (!old)
		return;
	old->object.users--;
	guard_held(&dev->soft->lock);
	if (!old->object.users && !old->object.id)
		soft_nested_drop(dev->soft, old, retired);
}

int soft_dev_set(struct viq_soft_dev *dev, struct soft_nested *nested, struct soft_vdevice *vdevice, bool ats,
		 struct soft_retired *retired)
{
	/* Who invalidates finds the device by its vDEVICE. */
	const struct soft_vdevice *bound = vdevice ? vdevice : dev->vdevice;
	struct soft_guests *guests = soft_guests(dev->soft, bound ? bound->viommu->object.id : 0);
	struct soft_view *view, *old = get_view(dev);
	int ret;

	ret = make_view(dev, nested, vdevice, ats, &view);
	if (ret)
		return ret;
	soft_guests_lock(guests);
	/* Paired with the acquire of accesses: who finds the view finds it whole. */
	atomic_store_explicit(&dev->view, view, memory_order_release);
	/* In this order: see is_replaced(). */
	if (old && old->atc && !(view && view->atc)) {
		soft_atc_inv_all(old->atc);
		retired->caches = true;
	}
	pthread_mutex_unlock(&guests->lock);
	if (old) {
		old->retired = retired->views;
		retired->views = old;
	}
	dev->ats = ats;
	dev->vdevice = vdevice;
	replace_nested(dev, nested, retired);
	return 0;
}

int viq_soft_dev_free(struct viq_soft_dev *dev)
{
	struct soft_retired retired = {0};
	struct viq_soft *soft;
	int ret;

	if (!dev)
		return -EINVAL;
	soft = dev->soft;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	ret = dev->vdevice ? -EBUSY : soft_dev_set(dev, NULL, NULL, false, &retired);
	if (!ret) {
		*(dev->prev ? &dev->prev->next : &soft->devs) = dev->next;
		if (dev->next)
			dev->next->prev = dev->prev;
	}
	soft_unlock(soft, &retired);
	if (!ret)
		soft_dev_destroy(dev);
	return ret;
}

void soft_dev_destroy(struct viq_soft_dev *dev)
{
	struct soft_view *view = get_view(dev);

	if (view)
		soft_view_free(view);
	if (dev->nested && !dev->nested->object.id)
		free(dev->nested);
	if (dev->atc) {
		soft_atc_fini(dev->atc);
		free(dev->atc);
	}
	free(dev);
}

static int make_atc(struct viq_soft_dev *dev)
{
	struct soft_atc *atc;

	if (dev->atc)
		return 0;
	atc = calloc(1, sizeof(*atc));
	if (!atc)
		return -ENOMEM;
	if (soft_atc_init(atc, dev->soft->config.atc_entries)) {
		free(atc);
		return -ENOMEM;
	}
	dev->atc = atc;
	return 0;
}

int viq_soft_dev_set_ats(struct viq_soft_dev *dev, bool on)
{
	struct soft_retired retired = {0};
	int ret;

	if (!dev)
		return -EINVAL;
	ret = soft_lock(dev->soft);
	if (ret)
		return ret;
	if (on != dev->ats) {
		ret = on ? make_atc(dev) : 0;
		if (!ret)
			ret = soft_dev_set(dev, dev->nested, dev->vdevice, on, &retired);
	}
	soft_unlock(dev->soft, &retired);
	return ret;
}

/* A page table of another vIOMMU than the one that the device is bound to is nobody's business here. */
static int attach_check(const struct viq_soft_dev *dev, const struct soft_nested *nested)
{
	if (dev->vdevice)
		return dev->vdevice->viommu == nested->viommu ? 0 : -EINVAL;
	return SOFT_TRANSLATES(nested->config) ? -EINVAL : 0;
}

int viq_soft_attach(struct viq_soft_dev *dev, uint32_t nested)
{
	struct soft_retired retired = {0};
	struct soft_object *object = NULL;
	int ret;

	if (!dev)
		return -EINVAL;
	ret = soft_lock(dev->soft);
	if (ret)
		return ret;
	if (nested)
		ret = soft_object_find(dev->soft, nested, SOFT_NESTED, &object);
	if (!ret && object)
		ret = attach_check(dev, (struct soft_nested *)object);
	if (!ret)
		ret = soft_dev_set(dev, (struct soft_nested *)object, dev->vdevice, dev->ats, &retired);
	soft_unlock(dev->soft, &retired);
	return ret;
}
