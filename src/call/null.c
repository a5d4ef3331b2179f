/* SPDX-License-Identifier: MIT */
/* The null host: everything succeeds, nothing happens. */
#include "gather.h"

static int null_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	uint32_t count = gather_count(req);

	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count, .host_calls = 1};
	return 0;
}

struct viq_call_host viq_call_null_host(void)
{
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops),
		.report_group = 1,
		.invalidate = null_invalidate,
	};

	return (struct viq_call_host){.ops = &ops};
}
