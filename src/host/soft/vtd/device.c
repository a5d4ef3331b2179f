/* SPDX-License-Identifier: MIT */
/* Devices. */
#include <errno.h>
#include <stdlib.h>

#include "unit.h"

struct viq_soft_vtd_dev *viq_soft_vtd_dev_find(struct viq_soft_vtd *soft, uint16_t source_id)
{
	return soft ? soft_vtd_dev_find(soft, source_id) : NULL;
}

static struct viq_soft_vtd_dev *make_dev(struct viq_soft_vtd *soft, uint16_t sid)
{
	struct viq_soft_vtd_dev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	dev->soft = soft;
	dev->sid = sid;
	return dev;
}

static int link_dev(struct viq_soft_vtd_dev *dev)
{
	struct viq_soft_vtd *soft = dev->soft;
	int ret;

	if (soft_vtd_dev_find(soft, (uint16_t)dev->sid))
		return -EEXIST;
	pthread_mutex_lock(&soft->lock);
	ret = sorted_reserve(&soft->devs);
	if (!ret) {
		dev->id = ++soft->last_dev;
		dev->owner = soft_front_owner(dev->id);
		sorted_insert(&soft->devs, dev);
	}
	pthread_mutex_unlock(&soft->lock);
	return ret;
}

static void unlink_dev(struct viq_soft_vtd_dev *dev)
{
	pthread_mutex_lock(&dev->soft->lock);
	sorted_remove(&dev->soft->devs, dev);
	pthread_mutex_unlock(&dev->soft->lock);
}

int viq_soft_vtd_dev_alloc(struct viq_soft_vtd *soft, uint16_t source_id, struct viq_soft_vtd_dev **out,
			   struct viq_why *why)
{
	struct soft_vtd_change change = {0};
	struct viq_soft_vtd_dev *dev;
	int ret;

	if (!soft || !out)
		return why_say(why, -EINVAL, "soft, out: NULL");
	dev = make_dev(soft, source_id);
	if (!dev)
		return soft_say(why, -ENOMEM, NULL);
	ret = soft_vtd_enter(soft);
	if (ret)
		goto err_dev;
	ret = link_dev(dev);
	if (ret) {
		soft_vtd_leave(soft);
		goto err_dev;
	}
	/* If it cannot be had now the device is blocked, which is how it begins. */
	soft_vtd_update(dev, NULL, &change);
	soft_vtd_finish(soft, &change);
	soft_vtd_leave(soft);
	*out = dev;
	return 0;

err_dev:
	soft_vtd_dev_destroy(dev);
	return soft_say(why, ret, "source_id: another device has it");
}

void soft_vtd_dev_destroy(struct viq_soft_vtd_dev *dev)
{
	const struct soft_vtd_view *view = soft_vtd_view(dev);

	for (uint32_t i = 0; view && i < view->count; i++)
		free(view->groups[i]);
	free(soft_vtd_view(dev));
	if (dev->atc) {
		soft_atc_fini(dev->atc);
		free(dev->atc);
	}
	free(dev);
}

int viq_soft_vtd_dev_free(struct viq_soft_vtd_dev *dev)
{
	struct soft_vtd_change change = {0};
	struct viq_soft_vtd *soft;
	int ret;

	if (!dev)
		return -EINVAL;
	soft = dev->soft;
	ret = soft_vtd_enter(soft);
	if (ret)
		return ret;
	soft_vtd_work_leave(dev, true, &change);
	soft_vtd_publish(dev, NULL, &change);
	soft_vtd_finish(soft, &change);
	/* Of what the reconfiguration under way has dropped some may be the device's. */
	soft_vtd_finish(soft, &soft->work.change);
	unlink_dev(dev);
	soft_vtd_leave(soft);
	soft_vtd_dev_destroy(dev);
	return 0;
}

static int make_atc(struct viq_soft_vtd_dev *dev)
{
	struct soft_atc *atc;

	if (dev->atc)
		return 0;
	atc = calloc(1, sizeof(*atc));
	if (!atc)
		return -ENOMEM;
	if (soft_atc_init(atc, dev->soft->config.devtlb_entries)) {
		free(atc);
		return -ENOMEM;
	}
	pthread_mutex_lock(&dev->soft->lock);
	dev->atc = atc;
	pthread_mutex_unlock(&dev->soft->lock);
	return 0;
}

int viq_soft_vtd_dev_set_ats(struct viq_soft_vtd_dev *dev, bool on)
{
	/* Nothing is read again. */
	static const struct viq_vtd_reconfig nothing = {.size = sizeof(nothing),
							.cause = VIQ_VTD_PASID_CACHE,
							.scope = VIQ_VTD_SCOPE_PASID,
							.pasid = UINT32_MAX};
	struct soft_vtd_change change = {0};
	int ret;

	if (!dev)
		return -EINVAL;
	ret = soft_vtd_enter(dev->soft);
	if (ret)
		return ret;
	if (on != dev->ats) {
		ret = on ? make_atc(dev) : 0;
		if (!ret) {
			dev->ats = on;
			/* One that is blocked for lack of memory is tried again. */
			if (!dev->isolated)
				ret = soft_vtd_update(dev, soft_vtd_view(dev) ? &nothing : NULL, &change);
			soft_vtd_finish(dev->soft, &change);
			if (ret)
				dev->ats = !on;
		}
	}
	soft_vtd_leave(dev->soft);
	return ret;
}
