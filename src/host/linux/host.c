/* SPDX-License-Identifier: MIT */
/* The nested SMMUv3 as a host of <viq/call.h>. From any thread. */
#include "vsmmu.h"

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct viq_linux_vsmmu *v = opaque;

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

const struct viq_call_host_ops linux_vsmmu_host_ops = {
	.size = sizeof(linux_vsmmu_host_ops),
	.report_group = 1,
	.invalidate = invalidate,
	.stream = stream,
};
