/* SPDX-License-Identifier: MIT */
/* A vIOMMU's streams for who follows a guest's tables. */
#include <errno.h>
#include <string.h>

#include "base/sized.h"
#include "base/why.h"
#include "host/offer_smmuv3.h"

#include "object.h"

/*
 * There is no AIDR in the configuration: the version is what the other fields make it. A vIOMMU has a stage 2 for its
 * guest if the embedder has put none below it; what the walk can do there is more than the configuration says, which
 * is about the embedder's.
 */
static struct viq_smmuv3_ids ids_of(const struct viq_soft *soft, const struct soft_viommu *viommu)
{
	const struct viq_soft_config *c = &soft->config;
	struct viq_smmuv3_ids ids = {.idr0 = c->idr0, .idr1 = c->idr1, .idr3 = c->idr3, .idr5 = c->idr5, .aidr = 3};

	if (viommu->s2->regime.identity)
		ids.idr3 |= VIQ_SMMUV3_IDR3_XNX | VIQ_SMMUV3_IDR3_FWB | VIQ_SMMUV3_IDR3_PTWNNC;
	else
		offer_smmuv3_stage1(&ids);
	return ids;
}

static void offer(void *opaque, uint32_t object, bool raise, bool ats, struct viq_smmuv3_ids *ids)
{
	struct viq_smmuv3_ids host, own = {0};
	struct soft_retired retired = {0};
	struct viq_soft *soft = opaque;
	struct soft_viommu *v;
	int err;

	if (offer_smmuv3_take(&own, ids, NULL) || soft_lock(soft))
		return;
	v = soft_viommu_find(soft, object, &err);
	if (v)
		host = ids_of(soft, v);
	soft_unlock(soft, &retired);
	if (!v)
		return;
	offer_smmuv3(&host, raise, ats, &own);
	sized_give(ids, ids->size, &own, sizeof(own));
}

/* What the guest does not have is ILLEGAL, or out of range, in its STEs and CDs: from the next time on that they are
 * set. */
static int promise(void *opaque, uint32_t object, const struct viq_smmuv3_ids *ids, struct viq_why *why)
{
	struct soft_retired retired = {0};
	struct viq_soft *soft = opaque;
	struct viq_smmuv3_ids own = {0}, both;
	struct soft_viommu *v;
	int err;

	err = offer_smmuv3_take(&own, ids, why);
	if (err)
		return err;
	err = soft_lock(soft);
	if (err)
		return soft_say(why, err, NULL);
	v = soft_viommu_find(soft, object, &err);
	if (!v) {
		soft_say(why, err, "object: no such vIOMMU");
		goto out;
	}
	both = ids_of(soft, v);
	err = offer_smmuv3_check(&both, &own, why);
	if (err)
		goto out;
	offer_smmuv3(&own, false, true, &both);
	smmuv3_features_init(&v->features, both.idr0, both.idr1, both.idr3, both.idr5, both.aidr);
out:
	soft_unlock(soft, &retired);
	return err;
}

static int next(void *opaque, uint32_t object, uint32_t *vsid, bool *broken)
{
	const struct soft_vsid *first = NULL;
	struct soft_retired retired = {0};
	struct viq_soft *soft = opaque;
	const struct soft_viommu *v;
	int err = soft_lock(soft);

	if (err)
		return err;
	v = soft_viommu_find(soft, object, &err);
	if (v)
		first = sorted_from(&v->vsids, *vsid);
	if (first) {
		*vsid = first->vsid;
		*broken = false;
	}
	soft_unlock(soft, &retired);
	return err ? err : first != NULL;
}

/* Nobody may go on with the old configuration. It needs no memory: BROKEN is only who is asked inside an access. */
static int block(struct viq_soft *soft, uint32_t object, uint32_t vsid)
{
	struct soft_retired retired = {0};
	struct soft_vdevice *vdevice = NULL;
	struct soft_viommu *v;
	int err = soft_lock(soft);

	if (err)
		return err;
	v = soft_viommu_find(soft, object, &err);
	if (v)
		vdevice = soft_vdevice_find(v, vsid);
	if (vdevice)
		err = soft_dev_set(vdevice->dev, NULL, vdevice, vdevice->dev->ats, &retired);
	soft_unlock(soft, &retired);
	return err;
}

static int set(void *opaque, uint32_t object, uint32_t vsid, const struct viq_smmuv3_stream *stream,
	       struct viq_smmuv3_outcome *outcome)
{
	static const uint8_t fates[] = {
		[VIQ_SMMUV3_ABORT] = VIQ_SMMUV3_STREAM_ABORT,   [VIQ_SMMUV3_FAULT] = VIQ_SMMUV3_STREAM_FAULT,
		[VIQ_SMMUV3_BYPASS] = VIQ_SMMUV3_STREAM_BYPASS, [VIQ_SMMUV3_STAGE1] = VIQ_SMMUV3_STREAM_STAGE1,
		[VIQ_SMMUV3_STAGE2] = VIQ_SMMUV3_STREAM_STAGE2,
	};
	struct viq_smmuv3_outcome o = {.size = sizeof(o), .vsid = vsid};
	struct viq_smmuv3_stream own = {0};
	int err = sized_take(&own, sizeof(own), stream, SIZED_TO(struct viq_smmuv3_stream, event), "stream", NULL);

	if (err)
		return err;
	if (own.mode > VIQ_SMMUV3_STAGE2 || !outcome || !SIZED_ROOM(struct viq_smmuv3_outcome, outcome, calls))
		return -EINVAL;
	memcpy(o.ste, own.ste, sizeof(o.ste));
	o.fate = fates[own.mode];
	o.os_error = err = soft_vdevice_set(opaque, object, vsid, &own);
	if (err && block(opaque, object, vsid)) {
		o.fate = VIQ_SMMUV3_STREAM_BROKEN;
	} else if (err == -EINVAL) {
		o.fate = VIQ_SMMUV3_STREAM_REJECTED;
		err = 0;
	} else if (err) {
		o.fate = VIQ_SMMUV3_STREAM_FAILED;
	}
	sized_give(outcome, outcome->size, &o, sizeof(o));
	return err;
}

static bool has_own_stage2(struct viq_soft *soft, uint32_t object)
{
	struct soft_retired retired = {0};
	const struct soft_viommu *v;
	bool own = false;
	int err;

	if (soft_lock(soft))
		return false;
	v = soft_viommu_find(soft, object, &err);
	if (v)
		own = soft_own_stage2(v);
	soft_unlock(soft, &retired);
	return own;
}

/* Faults of stage 2 are the embedder's affair, unless it is the guest's. */
static int events(void *opaque, uint32_t object, struct viq_smmuv3_host_event *out, uint32_t *count)
{
	int err = viq_soft_events(opaque, object, out, count);

	if (err || !*count || has_own_stage2(opaque, object))
		return err;
	for (uint32_t i = 0; i < *count; i++) {
		if (out[i].record[1] & VIQ_SMMUV3_EVT_1_S2)
			out[i].record[0] = 0;
	}
	return err;
}

static bool pending(void *opaque, uint32_t object)
{
	const struct viq_soft *soft = opaque;

	return atomic_load_explicit(&soft->waiting, memory_order_relaxed);
}

static const struct viq_smmuv3_backend_ops ops = {.size = sizeof(ops),
						  .offer = offer,
						  .promise = promise,
						  .next = next,
						  .set = set,
						  .events = events,
						  .pending = pending};

struct viq_smmuv3_backend viq_soft_backend(struct viq_soft *soft, uint32_t viommu)
{
	if (!soft)
		return (struct viq_smmuv3_backend){0};
	return (struct viq_smmuv3_backend){
		.ops = &ops, .opaque = soft, .object = viommu, .host = viq_soft_host(soft, viommu)};
}
