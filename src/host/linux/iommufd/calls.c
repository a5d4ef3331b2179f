/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "call/exact.h"
#include "calls.h"

int linux_call_invalidate(struct linux_calls *calls, uint32_t object, uint32_t type, const void *entries,
			  uint32_t entry_size, uint32_t *n)
{
	struct uapi_iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = object,
		.data_uptr = (uintptr_t)entries,
		.data_type = type,
		.entry_len = entry_size,
		.entry_num = *n,
	};
	int ret;

	linux_add(&calls->ioctls, 1);
	linux_add(&calls->entries, *n);
	ret = linux_ioctl(calls->ctx, calls->ctx->fd, UAPI_IOMMU_HWPT_INVALIDATE, &cmd);
	*n = cmd.entry_num;
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
