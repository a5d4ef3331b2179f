/* SPDX-License-Identifier: MIT */
/* The nested SMMUv3 as a host of <viq/call.h>. From any thread. */
#include <errno.h>

#include "call/gather.h"
#include "vsmmu.h"

/* No device was here yet. */
static int nothing_cached(const struct viq_linux_vsmmu *v, const struct viq_call_request *req,
			  struct viq_call_result *res)
{
	uint32_t total = gather_count(req);

	if (req->object != v->inv.object)
		return -ENOENT;
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = total, .suspect = total};
	return 0;
}

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct viq_linux_vsmmu *v = opaque;

	if (!__atomic_load_n(&v->live, __ATOMIC_ACQUIRE))
		return nothing_cached(v, req, res);
	return linux_invalidate(&v->inv, req, res);
}

static uint32_t stream(void *opaque, uint32_t object, uint32_t sid)
{
	struct viq_linux_vsmmu *v = opaque;
	const struct linux_stream *s;
	uint32_t flags;

	pthread_mutex_lock(&v->lock);
	s = linux_streams_find(v, sid);
	flags = s ? s->flags : 0;
	pthread_mutex_unlock(&v->lock);
	return flags;
}

/* Bulk, too, makes a call a group where the caller's pieces are short. */
static const struct viq_call_host_ops groups = {
	.size = sizeof(groups),
	.report_group = 1,
	.invalidate = invalidate,
	.stream = stream,
	.call_entries = LINUX_GROUP,
};

static const struct viq_call_host_ops single = {
	.size = sizeof(single),
	.report_group = 1,
	.invalidate = invalidate,
	.stream = stream,
	.call_entries = 1,
};

struct viq_call_host viq_linux_vsmmu_host(struct viq_linux_vsmmu *v)
{
	if (!v)
		return (struct viq_call_host){0};
	return (struct viq_call_host){
		.ops = v->inv.slice == 1 ? &single : &groups, .opaque = v, .object = v->inv.object};
}
