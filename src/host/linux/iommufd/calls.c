/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "call/exact.h"
#include "calls.h"

/* An id that no object has: the flag is looked at before. */
bool linux_ask_report(const struct viq_linux *ctx)
{
	struct linux_hwpt_invalidate call = {.cmd.size = sizeof(call), .cmd.__reserved = LINUX_INVALIDATE_REPORT};

	return linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_HWPT_INVALIDATE, &call) == -ENOENT;
}

int linux_call_invalidate(struct linux_calls *calls, uint32_t object, uint32_t type, const void *entries,
			  uint32_t entry_size, struct linux_answer *answer)
{
	const bool report = calls->ctx->report;
	const uint32_t n = answer->handled;
	struct linux_hwpt_invalidate call = {
		.cmd =
			{
				.size = report ? sizeof(call) : sizeof(call.cmd),
				.hwpt_id = object,
				.data_uptr = (uintptr_t)entries,
				.data_type = type,
				.entry_len = entry_size,
				.entry_num = n,
				.__reserved = report ? LINUX_INVALIDATE_REPORT : 0,
			},
	};
	int ret;

	linux_add(&calls->ioctls, 1);
	linux_add(&calls->entries, n);
	ret = linux_ioctl(calls->ctx, calls->ctx->fd, UAPI_IOMMU_HWPT_INVALIDATE, &call);
	*answer = (struct linux_answer){.handled = call.cmd.entry_num};
	/* A range that cannot be is no report. */
	if (report && ret && answer->handled <= call.out_last_index && call.out_last_index < n) {
		answer->report = true;
		answer->last = call.out_last_index;
		answer->hw_code = call.out_error;
	}
	return ret;
}

uint32_t linux_call_error(int err)
{
	switch (err) {
	case -ETIMEDOUT:
		return VIQ_CALL_TIMEOUT;
	case -ENOTTY:
		return VIQ_CALL_UNSUPPORTED;
	}
	return call_error_of_errno(err);
}

int linux_call_why(struct viq_why *why, int err, const char *kind, uint32_t object)
{
	switch (err) {
	case -ENOENT:
		return why_say(why, err, "no object %u in this iommufd", object);
	case -EINVAL:
	case -EOPNOTSUPP:
		return why_say(why, -EOPNOTSUPP, "object %u is no %s", object, kind);
	case -ENOTTY:
		return why_say(why, -EOPNOTSUPP, "the kernel has no HWPT_INVALIDATE: it is too old");
	}
	return why_say(why, err, "HWPT_INVALIDATE: %s", strerror(-err));
}
