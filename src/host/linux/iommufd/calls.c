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

static inline struct linux_hwpt_invalidate argument(bool report, uint32_t object, uint32_t type, const void *entries,
						    uint32_t entry_size, uint32_t n)
{
	return (struct linux_hwpt_invalidate){
		.cmd =
			{
				.size = report ? sizeof(struct linux_hwpt_invalidate)
					       : sizeof(struct uapi_iommu_hwpt_invalidate),
				.hwpt_id = object,
				.data_uptr = (uintptr_t)entries,
				.data_type = type,
				.entry_len = entry_size,
				.entry_num = n,
				.__reserved = report ? LINUX_INVALIDATE_REPORT : 0,
			},
	};
}

bool linux_call_invalidate(struct linux_calls *calls, uint32_t object, uint32_t type, const void *entries,
			   uint32_t entry_size, uint32_t n, struct linux_answer *answer)
{
	const struct viq_linux *ctx = calls->ctx;
	struct linux_hwpt_invalidate call = argument(ctx->report, object, type, entries, entry_size, n);
	int ret;

	if (n == 1) {
		linux_add(&calls->single, 1);
	} else {
		linux_add(&calls->others, 1);
		linux_add(&calls->entries, n);
	}
	ret = linux_ioctl_once(ctx, ctx->fd, UAPI_IOMMU_HWPT_INVALIDATE, &call);
	if (ret == -EINTR) {
		call = argument(ctx->report, object, type, entries, entry_size, n);
		ret = linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_HWPT_INVALIDATE, &call);
	}
	if (!ret && call.cmd.entry_num == n)
		return true;
	*answer = (struct linux_answer){.err = ret, .handled = call.cmd.entry_num};
	/* A range that cannot be is no report. */
	if (ctx->report && ret && answer->handled <= call.out_last_index && call.out_last_index < n) {
		answer->report = true;
		answer->last = call.out_last_index;
		answer->hw_code = call.out_error;
	}
	return false;
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
