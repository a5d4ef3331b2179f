/* SPDX-License-Identifier: MIT */
/*
 * The invalidate call on a nested page table of VT-d as a host of <viq/call.h>, from any thread: of a nested VT-d,
 * whose tables are all reached through one, and of a page table that somebody else has made.
 */
#include <errno.h>
#include <stdlib.h>

#include <viq/linux_host.h>

#include "base/sized.h"

#include "vvtd.h"

struct viq_linux_vtd_host {
	struct linux_vtd_invalidate inv;
	uint32_t hwpt;
};

static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	return linux_vtd_invalidate(opaque, req, res);
}

static const struct viq_call_host_ops ops = {.size = sizeof(ops), .report_group = 1, .invalidate = invalidate};

struct viq_call_host linux_vtd_host_of(struct linux_vtd_invalidate *inv, uint32_t hwpt)
{
	return (struct viq_call_host){.ops = &ops, .opaque = inv, .object = hwpt};
}

/* --- For a page table that somebody else has made ----------------------------------------------------------------- */

int viq_linux_vtd_host_create(struct viq_linux *ctx, uint32_t hwpt, struct viq_linux_vtd_host **out,
			      struct viq_why *why)
{
	struct viq_linux_vtd_host *host;
	int err;

	if (!ctx || !out)
		return why_say(why, -EINVAL, "ctx and out must not be NULL");
	err = linux_vtd_invalidate_probe(&(struct linux_calls){.ctx = ctx}, hwpt);
	if (err)
		return linux_call_why(why, err, "nested page table of VT-d", hwpt);
	host = calloc(1, sizeof(*host));
	if (!host)
		return why_say(why, -ENOMEM, "out of memory");
	host->inv.calls.ctx = ctx;
	host->hwpt = hwpt;
	*out = host;
	return 0;
}

void viq_linux_vtd_host_destroy(struct viq_linux_vtd_host *host)
{
	free(host);
}

struct viq_call_host viq_linux_vtd_host_get(struct viq_linux_vtd_host *host)
{
	return host ? linux_vtd_host_of(&host->inv, host->hwpt) : (struct viq_call_host){0};
}

int viq_linux_vtd_host_counters(const struct viq_linux_vtd_host *host, struct viq_linux_host_counters *out, size_t size)
{
	struct viq_linux_host_counters now;

	if (!host)
		return -EINVAL;
	now = (struct viq_linux_host_counters){
		.ioctls = linux_calls_made(&host->inv.calls),
		.entries = linux_calls_entries(&host->inv.calls),
		.failed = linux_load(&host->inv.calls.failed),
		.refused = linux_load(&host->inv.refused),
		.whole = linux_load(&host->inv.whole),
	};
	return sized_counters(out, size, &now, sizeof(now));
}
