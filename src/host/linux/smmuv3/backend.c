/* SPDX-License-Identifier: MIT */
/* The nested SMMUv3 for who follows a guest's tables. */
#include "vsmmu.h"

static void offer(void *opaque, uint32_t object, bool raise, bool ats, struct viq_smmuv3_ids *ids)
{
	viq_linux_vsmmu_offer(opaque, raise, ats, ids);
}

static int promise(void *opaque, uint32_t object, const struct viq_smmuv3_ids *ids, struct viq_why *why)
{
	return viq_linux_vsmmu_promise(opaque, ids, why);
}

static int next(void *opaque, uint32_t object, uint32_t *vsid, bool *broken)
{
	const struct viq_linux_vsmmu *v = opaque;
	const struct linux_stream *s = sorted_from(&v->streams, *vsid);

	if (!s)
		return 0;
	*vsid = s->dev.number;
	*broken = !s->slot.sure || s->failed;
	return 1;
}

static int set(void *opaque, uint32_t object, uint32_t vsid, const struct viq_smmuv3_stream *stream,
	       struct viq_smmuv3_outcome *outcome)
{
	return viq_linux_vsmmu_set(opaque, vsid, stream, outcome);
}

static int events(void *opaque, uint32_t object, struct viq_smmuv3_host_event *out, uint32_t *count)
{
	return viq_linux_vsmmu_events(opaque, out, count);
}

/* The kernel's own come when they come; of those that were taken out of it nobody else will tell. */
static bool pending(void *opaque, uint32_t object)
{
	const struct viq_linux_vsmmu *v = opaque;

	return v->waiting_count || v->waiting_lost;
}

static const struct viq_smmuv3_backend_ops ops = {.size = sizeof(ops),
						  .offer = offer,
						  .promise = promise,
						  .next = next,
						  .set = set,
						  .events = events,
						  .pending = pending};

struct viq_smmuv3_backend viq_linux_vsmmu_backend(struct viq_linux_vsmmu *v)
{
	if (!v)
		return (struct viq_smmuv3_backend){0};
	return (struct viq_smmuv3_backend){.ops = &ops, .opaque = v, .host = viq_linux_vsmmu_host(v)};
}
