/* SPDX-License-Identifier: MIT */
/* IOMMU_GET_HW_INFO: the physical IOMMU in front of a device. */
#include <errno.h>
#include <string.h>

#include "base/sized.h"

#include "linux.h"

int viq_linux_hw_info(struct viq_linux *ctx, uint32_t device, struct viq_linux_hw_info *info)
{
	/* An IOMMU of another type fills it with registers of its own, which are not looked at. */
	union {
		struct uapi_iommu_hw_info_arm_smmuv3 smmu;
		struct uapi_iommu_hw_info_vtd vtd;
	} regs = {0};
	struct uapi_iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = device,
		.data_len = sizeof(regs),
		.data_uptr = (uintptr_t)&regs,
	};
	struct viq_linux_hw_info all;
	int ret;

	if (!ctx || !device || !info || !SIZED_ROOM(struct viq_linux_hw_info, info, type))
		return -EINVAL;
	ret = linux_ioctl(ctx, ctx->fd, UAPI_IOMMU_GET_HW_INFO, &cmd);
	if (ret)
		return ret;
	all = (struct viq_linux_hw_info){
		.type = cmd.out_data_type,
		.capabilities = cmd.out_capabilities,
		.max_pasid_log2 = cmd.out_max_pasid_log2,
	};
	switch (all.type) {
	case VIQ_LINUX_HW_SMMUV3:
		all.flags = regs.smmu.flags;
		memcpy(all.idr, regs.smmu.idr, sizeof(all.idr));
		all.iidr = regs.smmu.iidr;
		all.aidr = regs.smmu.aidr;
		break;
	case VIQ_LINUX_HW_VTD:
		all.flags = regs.vtd.flags;
		all.cap = regs.vtd.cap_reg;
		all.ecap = regs.vtd.ecap_reg;
		break;
	}
	sized_give(info, info->size, &all, sizeof(all));
	return 0;
}

int linux_ask_hw(struct viq_linux *ctx, uint32_t device, struct viq_linux_hw_info *info, struct viq_why *why)
{
	int err;

	info->size = sizeof(*info);
	err = viq_linux_hw_info(ctx, device, info);
	if (!err)
		return 0;
	return why_say(why, err, "device %u: GET_HW_INFO: %s; is it bound to this iommufd?", device, strerror(-err));
}
