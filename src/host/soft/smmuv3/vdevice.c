/* SPDX-License-Identifier: MIT */
/* vDEVICEs: a device under a guest's StreamID. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"

struct soft_vdevice *soft_vdevice_find(const struct soft_viommu *viommu, uint32_t vsid)
{
	const struct soft_vsid *place = sorted_find(&viommu->vsids, vsid);

	return place ? place->vdevice : NULL;
}

static int reserve_vsid(struct viq_soft *soft, struct soft_viommu *viommu)
{
	struct soft_guests *guests = soft_guests(soft, viommu->object.id);
	int ret;

	soft_guests_lock(guests);
	ret = sorted_reserve(&viommu->vsids);
	pthread_mutex_unlock(&guests->lock);
	return ret;
}

/* There is room for it. */
static void link_vsid(struct viq_soft *soft, struct soft_vdevice *vdevice)
{
	struct soft_guests *guests = soft_guests(soft, vdevice->viommu->object.id);

	vdevice->place = (struct soft_vsid){vdevice->vsid, vdevice};
	vdevice->viommu->object.users++;
	soft_guests_lock(guests);
	sorted_insert(&vdevice->viommu->vsids, &vdevice->place);
	pthread_mutex_unlock(&guests->lock);
}

static void unlink_vsid(struct viq_soft *soft, struct soft_vdevice *vdevice)
{
	struct soft_guests *guests = soft_guests(soft, vdevice->viommu->object.id);

	vdevice->viommu->object.users--;
	soft_guests_lock(guests);
	sorted_remove(&vdevice->viommu->vsids, &vdevice->place);
	pthread_mutex_unlock(&guests->lock);
}

/* *rule: what is broken, if it is not memory. */
static int vdevice_link(struct viq_soft *soft, struct soft_vdevice *vdevice, uint32_t viommu,
			struct soft_retired *retired, const char **rule) MUST_HOLD(soft->lock)
{
	struct viq_soft_dev *dev = vdevice->dev;
	struct soft_viommu *v;
	int ret;

	*rule = "viommu: there is none";
	v = soft_viommu_find(soft, viommu, &ret);
	if (ret)
		return ret;
	*rule = dev->vdevice ? "dev: it has a StreamID" : "vsid: another device has it";
	if (dev->vdevice || soft_vdevice_find(v, vdevice->vsid))
		return -EEXIST;
	*rule = "dev: its page table is one of another vIOMMU";
	if (dev->nested && dev->nested->viommu != v)
		return -EINVAL;
	if (reserve_vsid(soft, v))
		return -ENOMEM;
	vdevice->viommu = v;
	ret = soft_object_link(soft, &vdevice->object, SOFT_VDEVICE);
	if (ret)
		return ret;
	ret = soft_dev_set(dev, dev->nested, vdevice, dev->ats, retired);
	if (ret) {
		soft_object_unlink(soft, &vdevice->object);
		return ret;
	}
	link_vsid(soft, vdevice);
	return 0;
}

int viq_soft_vdevice_alloc(struct viq_soft *soft, uint32_t viommu, struct viq_soft_dev *dev, uint32_t vsid,
			   uint32_t *id, struct viq_why *why)
{
	struct soft_retired retired = {0};
	struct soft_vdevice *vdevice;
	const char *rule = NULL;
	int ret;

	if (!soft || !dev || dev->soft != soft || !id)
		return why_say(why, -EINVAL, "soft, dev, id: NULL, or a device of another one");
	vdevice = calloc(1, sizeof(*vdevice));
	if (!vdevice)
		return soft_say(why, -ENOMEM, NULL);
	vdevice->dev = dev;
	vdevice->vsid = vsid;
	ret = soft_lock(soft);
	if (ret)
		goto err_free;
	ret = vdevice_link(soft, vdevice, viommu, &retired, &rule);
	if (!ret)
		*id = vdevice->object.id;
	soft_unlock(soft, &retired);
	if (ret)
		goto err_free;
	return 0;

err_free:
	free(vdevice);
	return soft_say(why, ret, rule);
}

int viq_soft_vdevice_find(struct viq_soft *soft, uint32_t viommu, uint32_t vsid, struct viq_soft_dev **dev)
{
	struct soft_retired retired = {0};
	struct soft_vdevice *vdevice;
	struct soft_viommu *v;
	int ret;

	if (!soft || !dev)
		return -EINVAL;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	v = soft_viommu_find(soft, viommu, &ret);
	vdevice = v ? soft_vdevice_find(v, vsid) : NULL;
	if (vdevice)
		*dev = vdevice->dev;
	soft_unlock(soft, &retired);
	return vdevice ? 0 : -ENOENT;
}

/*
 * A vDEVICE whose device translates through somebody's nested page table is busy. One that viq_soft_vdevice_configure()
 * has made is its own, and goes with it.
 */
int soft_vdevice_release(struct viq_soft *soft, struct soft_object *object, struct soft_retired *retired)
{
	struct soft_vdevice *vdevice = (struct soft_vdevice *)object;
	struct viq_soft_dev *dev = vdevice->dev;
	bool own = dev->nested && !dev->nested->object.id;
	int ret;

	if (dev->nested && !own && SOFT_TRANSLATES(dev->nested->config))
		return -EBUSY;
	ret = soft_dev_set(dev, own ? NULL : dev->nested, NULL, dev->ats, retired);
	if (ret)
		return ret;
	unlink_vsid(soft, vdevice);
	return 0;
}

static bool may_fault(const uint64_t record[4])
{
	switch (VIQ_GET(VIQ_SMMUV3_EVT_0_ID, record[0])) {
	case VIQ_SMMUV3_EVT_C_BAD_STREAMID:
	case VIQ_SMMUV3_EVT_F_STE_FETCH:
	case VIQ_SMMUV3_EVT_C_BAD_STE:
		return true;
	default:
		return false;
	}
}

int soft_vdevice_set(struct viq_soft *soft, uint32_t viommu, uint32_t vsid, const struct viq_smmuv3_stream *stream)
{
	struct soft_retired retired = {0};
	struct soft_vdevice *vdevice;
	struct soft_nested *nested;
	struct soft_viommu *v;
	uint64_t ste[4];
	int ret;

	if (stream->mode == VIQ_SMMUV3_FAULT && !may_fault(stream->event))
		return -EINVAL;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	v = soft_viommu_find(soft, viommu, &ret);
	if (!v)
		goto out;
	vdevice = soft_vdevice_find(v, vsid);
	if (!vdevice) {
		ret = -ENOENT;
		goto out;
	}
	memcpy(ste, stream->ste, sizeof(stream->ste));
	memcpy(ste + 2, stream->stage2, sizeof(stream->stage2));
	ret = soft_nested_make(soft, v, ste, &nested);
	if (ret)
		goto out;
	nested->disabled = stream->disabled;
	if (stream->mode == VIQ_SMMUV3_FAULT)
		memcpy(nested->fault, stream->event, sizeof(nested->fault));
	ret = soft_dev_set(vdevice->dev, nested, vdevice, vdevice->dev->ats, &retired);
	if (ret)
		soft_nested_drop(soft, nested, &retired);
out:
	soft_unlock(soft, &retired);
	return ret;
}

int viq_soft_vdevice_configure(struct viq_soft *soft, uint32_t viommu, uint32_t vsid, const uint64_t ste[2])
{
	if (!soft || !ste)
		return -EINVAL;
	return soft_vdevice_set(soft, viommu, vsid,
				&(struct viq_smmuv3_stream){.mode = VIQ_SMMUV3_STAGE1, .ste = {ste[0], ste[1]}});
}

int viq_soft_vdevice_fault(struct viq_soft *soft, uint32_t viommu, uint32_t vsid, const uint64_t record[4])
{
	struct viq_smmuv3_stream stream = {.mode = VIQ_SMMUV3_FAULT, .ste = {VIQ_SMMUV3_STE_0_V}};

	if (!soft || !record)
		return -EINVAL;
	memcpy(stream.event, record, sizeof(stream.event));
	return soft_vdevice_set(soft, viommu, vsid, &stream);
}
