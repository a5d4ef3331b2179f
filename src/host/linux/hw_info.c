/* SPDX-License-Identifier: MIT */
/* IOMMU_GET_HW_INFO: the physical IOMMU in front of a device. */
#include <errno.h>
#include <string.h>

#include "linux.h"

int viq_linux_hw_info(struct viq_linux *ctx, uint32_t device, struct viq_linux_hw_info *info)
{
	/* An IOMMU of another type fills it with registers of its own, which are not looked at. */
	struct uapi_iommu_hw_info_arm_smmuv3 smmu = {0};
	struct uapi_iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = device,
		.data_len = sizeof(smmu),
		.data_uptr = (uintptr_t)&smmu,
	};
	int ret;

	if (!ctx || !device || !info || info->size != sizeof(*info))
		return -EINVAL;
	ret = linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_GET_HW_INFO, &cmd);
	if (ret)
		return ret;
	*info = (struct viq_linux_hw_info){
		.size = sizeof(*info),
		.type = cmd.out_data_type,
		.capabilities = cmd.out_capabilities,
		.max_pasid_log2 = cmd.out_max_pasid_log2,
	};
	if (info->type != VIQ_LINUX_HW_SMMUV3)
		return 0;
	info->flags = smmu.flags;
	memcpy(info->idr, smmu.idr, sizeof(info->idr));
	info->iidr = smmu.iidr;
	info->aidr = smmu.aidr;
	return 0;
}
