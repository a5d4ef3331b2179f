/* SPDX-License-Identifier: MIT */
/*
 * The invalidate call on a vIOMMU as a host of <viq/call.h>, from any thread: of a nested SMMUv3, which knows its
 * streams, and of a vIOMMU that somebody else has made. Both are a struct linux_invalidate.
 */
#include <errno.h>
#include <stdlib.h>

#include <viq/linux_host.h>

#include "base/sized.h"
#include "call/gather.h"
#include "vsmmu.h"

struct viq_linux_smmuv3_host {
	struct linux_invalidate inv;
};

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	return linux_invalidate(opaque, req, res);
}

static struct viq_linux_vsmmu *vsmmu_of(void *opaque)
{
	return (struct viq_linux_vsmmu *)((char *)opaque - offsetof(struct viq_linux_vsmmu, inv));
}

/* Before there was a device nothing can be cached. */
static int nested_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct linux_invalidate *inv = opaque;
	uint32_t total;

	if (__atomic_load_n(&vsmmu_of(opaque)->live, __ATOMIC_ACQUIRE))
		return linux_invalidate(inv, req, res);
	if (req->object != inv->object)
		return -ENOENT;
	total = gather_count(req);
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = total, .suspect = total};
	return 0;
}

static uint32_t nested_stream(void *opaque, uint32_t object, uint32_t sid)
{
	struct viq_linux_vsmmu *v = vsmmu_of(opaque);
	const struct linux_stream *s;
	uint32_t flags;

	pthread_mutex_lock(&v->lock);
	s = linux_streams_find(v, sid);
	flags = s ? s->flags : 0;
	pthread_mutex_unlock(&v->lock);
	return flags;
}

/* Bulk, too, makes a call per group where the caller's pieces are short. */
#define OPS(call, knows, entries)                                                                                      \
	{                                                                                                              \
		.size = sizeof(struct viq_call_host_ops), .report_group = 1, .invalidate = (call), .stream = (knows),  \
		.call_entries = (entries)                                                                              \
	}

/* By whether it is nested, and whether each entry is a call. */
static const struct viq_call_host_ops ops[2][2] = {
	{OPS(invalidate, NULL, LINUX_GROUP), OPS(invalidate, NULL, 1)},
	{OPS(nested_invalidate, nested_stream, LINUX_GROUP), OPS(nested_invalidate, nested_stream, 1)},
};

static struct viq_call_host host_of(struct linux_invalidate *inv, bool nested)
{
	return (struct viq_call_host){.ops = &ops[nested][inv->slice == 1], .opaque = inv, .object = inv->object};
}

struct viq_call_host viq_linux_vsmmu_host(struct viq_linux_vsmmu *v)
{
	return v ? host_of(&v->inv, true) : (struct viq_call_host){0};
}

/* --- For a vIOMMU that somebody else has made --------------------------------------------------------------------- */

int viq_linux_smmuv3_host_create(struct viq_linux *ctx, uint32_t viommu, const struct viq_linux_hw_info *hw,
				 uint32_t calls, struct viq_linux_smmuv3_host **out, struct viq_why *why)
{
	struct viq_linux_smmuv3_host *host;
	struct viq_linux_hw_info own = {0};
	int err;

	if (!ctx || !hw || !out)
		return why_say(why, -EINVAL, "ctx, hw and out must not be NULL");
	err = sized_take(&own, sizeof(own), hw, SIZED_TO(struct viq_linux_hw_info, aidr), "hw", why);
	if (err)
		return err;
	if (calls > VIQ_LINUX_CALLS_SINGLE)
		return why_say(why, -EINVAL, "calls: %u is not one of enum viq_linux_calls", calls);
	if (own.type != VIQ_LINUX_HW_SMMUV3)
		return why_say(why, -EOPNOTSUPP, "hw: not of an SMMUv3 (IOMMU type %u)", own.type);
	err = linux_invalidate_probe(&(struct linux_calls){.ctx = ctx}, viommu);
	if (err)
		return linux_call_why(why, err, "vIOMMU of an SMMUv3", viommu);
	host = calloc(1, sizeof(*host));
	if (!host)
		return why_say(why, -ENOMEM, "out of memory");
	linux_invalidate_init(&host->inv, ctx, viommu, &own, calls);
	*out = host;
	return 0;
}

void viq_linux_smmuv3_host_destroy(struct viq_linux_smmuv3_host *host)
{
	free(host);
}

struct viq_call_host viq_linux_smmuv3_host_get(struct viq_linux_smmuv3_host *host)
{
	return host ? host_of(&host->inv, false) : (struct viq_call_host){0};
}

int viq_linux_smmuv3_host_counters(const struct viq_linux_smmuv3_host *host, struct viq_linux_host_counters *out,
				   size_t size)
{
	struct viq_linux_host_counters now;

	if (!host)
		return -EINVAL;
	now = (struct viq_linux_host_counters){
		.ioctls = linux_calls_made(&host->inv.calls),
		.entries = linux_calls_entries(&host->inv.calls),
		.failed = linux_load(&host->inv.calls.failed),
		.refused = linux_load(&host->inv.refused),
		.repeated = linux_load(&host->inv.repeated),
	};
	return sized_counters(out, size, &now, sizeof(now));
}
