/* SPDX-License-Identifier: MIT */
/* The guest's view of one physical SMMU (vIOMMU), and its devices there (vDEVICE). */
#include <errno.h>

#include "linux.h"

int viq_linux_viommu_alloc(struct viq_linux *ctx, uint32_t device, uint32_t hwpt, uint32_t *viommu)
{
	struct uapi_iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = UAPI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
		.dev_id = device,
		.hwpt_id = hwpt,
	};
	int ret;

	if (!ctx || !device || !hwpt || !viommu)
		return -EINVAL;
	ret = linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_VIOMMU_ALLOC, &cmd);
	if (!ret)
		*viommu = cmd.out_viommu_id;
	return ret;
}

int viq_linux_vdevice_alloc(struct viq_linux *ctx, uint32_t viommu, uint32_t device, uint32_t vsid, uint32_t *vdevice)
{
	struct uapi_iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.dev_id = device,
		.virt_id = vsid,
	};
	int ret;

	if (!ctx || !viommu || !device || !vdevice)
		return -EINVAL;
	ret = linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_VDEVICE_ALLOC, &cmd);
	if (!ret)
		*vdevice = cmd.out_vdevice_id;
	return ret;
}
