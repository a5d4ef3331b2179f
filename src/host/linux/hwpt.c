/* SPDX-License-Identifier: MIT */
/* Page tables of the hardware (HWPT): the kernel's own, and nested ones from a guest's STE. */
#include <endian.h>
#include <errno.h>

#include "linux.h"

static_assert(VIQ_LINUX_NEST_PARENT == UAPI_IOMMU_HWPT_ALLOC_NEST_PARENT, "passed on as it is");
static_assert(VIQ_LINUX_DIRTY_TRACKING == UAPI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING, "passed on as it is");

static int hwpt_alloc(struct viq_linux *ctx, struct uapi_iommu_hwpt_alloc *cmd, uint32_t *out)
{
	int ret = linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_HWPT_ALLOC, cmd);

	if (!ret)
		*out = cmd->out_hwpt_id;
	return ret;
}

int viq_linux_hwpt_alloc(struct viq_linux *ctx, uint32_t device, uint32_t ioas, uint32_t flags, uint32_t *hwpt)
{
	struct uapi_iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = device,
		.pt_id = ioas,
		.data_type = UAPI_IOMMU_HWPT_DATA_NONE,
	};

	if (!ctx || !device || !ioas || !hwpt || flags & ~(VIQ_LINUX_NEST_PARENT | VIQ_LINUX_DIRTY_TRACKING))
		return -EINVAL;
	return hwpt_alloc(ctx, &cmd, hwpt);
}

int viq_linux_nested_alloc(struct viq_linux *ctx, uint32_t device, uint32_t viommu, const uint64_t ste[2],
			   uint32_t *nested)
{
	struct uapi_iommu_hwpt_arm_smmuv3 data;
	struct uapi_iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = device,
		.pt_id = viommu,
		.data_type = UAPI_IOMMU_HWPT_DATA_ARM_SMMUV3,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};

	if (!ctx || !device || !viommu || !ste || !nested)
		return -EINVAL;
	data.ste[0] = htole64(ste[0]);
	data.ste[1] = htole64(ste[1]);
	return hwpt_alloc(ctx, &cmd, nested);
}
