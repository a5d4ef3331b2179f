/* SPDX-License-Identifier: MIT */
/* Page tables of the hardware (HWPT): the kernel's own, and nested ones from what a guest says. */
#include <errno.h>

#include "linux.h"

static_assert(VIQ_LINUX_NEST_PARENT == UAPI_IOMMU_HWPT_ALLOC_NEST_PARENT, "passed on as it is");
static_assert(VIQ_LINUX_PASID == UAPI_IOMMU_HWPT_ALLOC_PASID, "passed on as it is");
static_assert(VIQ_LINUX_DIRTY_TRACKING == UAPI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING, "passed on as it is");

#define HWPT_FLAGS (VIQ_LINUX_NEST_PARENT | VIQ_LINUX_DIRTY_TRACKING | VIQ_LINUX_PASID)
#define S1_FLAGS   (VIQ_LINUX_VTD_SRE | VIQ_LINUX_VTD_EAFE | VIQ_LINUX_VTD_WPE)

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

	if (!ctx || !device || !ioas || !hwpt || flags & ~HWPT_FLAGS)
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
	data.ste[0] = le64_put(ste[0]);
	data.ste[1] = le64_put(ste[1]);
	return hwpt_alloc(ctx, &cmd, nested);
}

/* Low bits of the address would land in flags of the hardware's entry: the kernel does not look at them. */
static bool s1_ok(const struct viq_linux_vtd_s1 *s1)
{
	return !(s1->flags & ~(uint64_t)S1_FLAGS) && !(s1->pgtbl_addr % 4096) && !s1->reserved;
}

int linux_vtd_nested_alloc(struct viq_linux *ctx, uint32_t device, uint32_t parent, uint32_t flags, uint32_t fault,
			   const struct viq_linux_vtd_s1 *s1, uint32_t *nested)
{
	struct uapi_iommu_hwpt_vtd_s1 data;
	struct uapi_iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags | (fault ? UAPI_IOMMU_HWPT_FAULT_ID_VALID : 0),
		.dev_id = device,
		.pt_id = parent,
		.data_type = UAPI_IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
		.fault_id = fault,
	};

	if (!ctx || !device || !parent || flags & ~VIQ_LINUX_PASID || !s1 || !nested || !s1_ok(s1))
		return -EINVAL;
	data = (struct uapi_iommu_hwpt_vtd_s1){
		.flags = s1->flags, .pgtbl_addr = s1->pgtbl_addr, .addr_width = s1->addr_width};
	return hwpt_alloc(ctx, &cmd, nested);
}

int viq_linux_vtd_nested_alloc(struct viq_linux *ctx, uint32_t device, uint32_t parent, uint32_t flags,
			       const struct viq_linux_vtd_s1 *s1, uint32_t *nested)
{
	return linux_vtd_nested_alloc(ctx, device, parent, flags, 0, s1, nested);
}
