/* SPDX-License-Identifier: MIT */
/*
 * What is used of the kernel's interface: <linux/iommufd.h> (Linux 6.2 to 7.3) and <linux/vfio.h>, declared here
 * because the headers of most systems are older than the calls. A test compares it with the real ones where they are
 * new enough. Members keep the kernel's names.
 */
#ifndef VIQ_HOST_LINUX_UAPI_H
#define VIQ_HOST_LINUX_UAPI_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "base/le.h"

#define UAPI_SIZE(type, bytes) static_assert(sizeof(struct type) == (bytes), #type)

#define UAPI_IOMMUFD(nr) _IO(';', nr)
#define UAPI_VFIO(nr)    _IO(';', 100 + (nr))

#define UAPI_IOMMU_DESTROY           UAPI_IOMMUFD(0x80)
#define UAPI_IOMMU_IOAS_ALLOC        UAPI_IOMMUFD(0x81)
#define UAPI_IOMMU_IOAS_IOVA_RANGES  UAPI_IOMMUFD(0x84)
#define UAPI_IOMMU_IOAS_MAP          UAPI_IOMMUFD(0x85)
#define UAPI_IOMMU_IOAS_UNMAP        UAPI_IOMMUFD(0x86)
#define UAPI_IOMMU_HWPT_ALLOC        UAPI_IOMMUFD(0x89)
#define UAPI_IOMMU_GET_HW_INFO       UAPI_IOMMUFD(0x8a)
#define UAPI_IOMMU_HWPT_INVALIDATE   UAPI_IOMMUFD(0x8d)
#define UAPI_IOMMU_FAULT_QUEUE_ALLOC UAPI_IOMMUFD(0x8e)
#define UAPI_IOMMU_VIOMMU_ALLOC      UAPI_IOMMUFD(0x90)
#define UAPI_IOMMU_VDEVICE_ALLOC     UAPI_IOMMUFD(0x91)
#define UAPI_IOMMU_VEVENTQ_ALLOC     UAPI_IOMMUFD(0x93)
#define UAPI_VFIO_BIND_IOMMUFD       UAPI_VFIO(18)
#define UAPI_VFIO_ATTACH_IOMMUFD_PT  UAPI_VFIO(19)
#define UAPI_VFIO_DETACH_IOMMUFD_PT  UAPI_VFIO(20)

struct uapi_iommu_destroy {
	uint32_t size, id;
};
UAPI_SIZE(uapi_iommu_destroy, 8);

struct uapi_iommu_ioas_alloc {
	uint32_t size, flags, out_ioas_id;
};
UAPI_SIZE(uapi_iommu_ioas_alloc, 12);

struct uapi_iommu_iova_range {
	uint64_t start, last;
};
UAPI_SIZE(uapi_iommu_iova_range, 16);

struct uapi_iommu_ioas_iova_ranges {
	uint32_t size, ioas_id, num_iovas, __reserved;
	uint64_t allowed_iovas, out_iova_alignment;
};
UAPI_SIZE(uapi_iommu_ioas_iova_ranges, 32);

#define UAPI_IOMMU_IOAS_MAP_FIXED_IOVA (1u << 0)
#define UAPI_IOMMU_IOAS_MAP_WRITEABLE  (1u << 1)
#define UAPI_IOMMU_IOAS_MAP_READABLE   (1u << 2)

struct uapi_iommu_ioas_map {
	uint32_t size, flags, ioas_id, __reserved;
	uint64_t user_va, length, iova;
};
UAPI_SIZE(uapi_iommu_ioas_map, 40);

struct uapi_iommu_ioas_unmap {
	uint32_t size, ioas_id;
	uint64_t iova, length;
};
UAPI_SIZE(uapi_iommu_ioas_unmap, 24);

#define UAPI_IOMMU_HWPT_ALLOC_NEST_PARENT    (1u << 0)
#define UAPI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING (1u << 1)
#define UAPI_IOMMU_HWPT_FAULT_ID_VALID       (1u << 2)
#define UAPI_IOMMU_HWPT_ALLOC_PASID          (1u << 3)
#define UAPI_IOMMU_HWPT_DATA_NONE            0
#define UAPI_IOMMU_HWPT_DATA_VTD_S1          1
#define UAPI_IOMMU_HWPT_DATA_ARM_SMMUV3      2

struct uapi_iommu_hwpt_alloc {
	uint32_t size, flags, dev_id, pt_id, out_hwpt_id, __reserved, data_type, data_len;
	uint64_t data_uptr;
	uint32_t fault_id, __reserved2;
};
UAPI_SIZE(uapi_iommu_hwpt_alloc, 48);

struct uapi_iommu_hwpt_arm_smmuv3 {
	le64 ste[2];
};
UAPI_SIZE(uapi_iommu_hwpt_arm_smmuv3, 16);

#define UAPI_IOMMU_VTD_S1_SRE  (1u << 0)
#define UAPI_IOMMU_VTD_S1_EAFE (1u << 1)
#define UAPI_IOMMU_VTD_S1_WPE  (1u << 2)

struct uapi_iommu_hwpt_vtd_s1 {
	uint64_t flags, pgtbl_addr;
	uint32_t addr_width, __reserved;
};
UAPI_SIZE(uapi_iommu_hwpt_vtd_s1, 24);

struct uapi_iommu_hw_info {
	uint32_t size, flags, dev_id, data_len;
	uint64_t data_uptr;
	uint32_t out_data_type;
	uint8_t out_max_pasid_log2, __reserved[3];
	uint64_t out_capabilities;
};
UAPI_SIZE(uapi_iommu_hw_info, 40);

struct uapi_iommu_hw_info_arm_smmuv3 {
	uint32_t flags, __reserved, idr[6], iidr, aidr;
};
UAPI_SIZE(uapi_iommu_hw_info_arm_smmuv3, 40);

struct uapi_iommu_hw_info_vtd {
	uint32_t flags, __reserved;
	uint64_t cap_reg, ecap_reg;
};
UAPI_SIZE(uapi_iommu_hw_info_vtd, 24);

#define UAPI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3 1

/* Older kernels know it without data_len and what follows, and take a longer one if the rest is 0. */
struct uapi_iommu_viommu_alloc {
	uint32_t size, flags, type, dev_id, hwpt_id, out_viommu_id, data_len, __reserved;
	uint64_t data_uptr;
};
UAPI_SIZE(uapi_iommu_viommu_alloc, 40);

struct uapi_iommu_vdevice_alloc {
	uint32_t size, viommu_id, dev_id, out_vdevice_id;
	uint64_t virt_id;
};
UAPI_SIZE(uapi_iommu_vdevice_alloc, 24);

#define UAPI_IOMMU_HWPT_INVALIDATE_DATA_VTD_S1       0
#define UAPI_IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 1

struct uapi_iommu_hwpt_invalidate {
	uint32_t size, hwpt_id;
	uint64_t data_uptr;
	uint32_t data_type, entry_len, entry_num, __reserved;
};
UAPI_SIZE(uapi_iommu_hwpt_invalidate, 32);

/* What no released kernel has: integrations/linux. The flag is in the place of __reserved. */
#define LINUX_INVALIDATE_REPORT 1u

struct linux_hwpt_invalidate {
	struct uapi_iommu_hwpt_invalidate cmd;
	uint32_t out_last_index, out_error;
};
static_assert(sizeof(struct linux_hwpt_invalidate) == 40, "linux_hwpt_invalidate");

#define UAPI_IOMMU_VTD_INV_FLAGS_LEAF (1u << 0)

struct uapi_iommu_hwpt_vtd_s1_invalidate {
	uint64_t addr, npages;
	uint32_t flags, __reserved;
};
UAPI_SIZE(uapi_iommu_hwpt_vtd_s1_invalidate, 24);

#define UAPI_IOMMU_VEVENTQ_TYPE_ARM_SMMUV3  1
#define UAPI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS (1u << 0)

struct uapi_iommu_veventq_alloc {
	uint32_t size, flags, viommu_id, type, veventq_depth, out_veventq_id, out_veventq_fd, __reserved;
};
UAPI_SIZE(uapi_iommu_veventq_alloc, 32);

struct uapi_iommufd_vevent_header {
	uint32_t flags, sequence;
};
UAPI_SIZE(uapi_iommufd_vevent_header, 8);

struct uapi_iommu_vevent_arm_smmuv3 {
	le64 evt[4];
};
UAPI_SIZE(uapi_iommu_vevent_arm_smmuv3, 32);

struct uapi_iommu_fault_alloc {
	uint32_t size, flags, out_fault_id, out_fault_fd;
};
UAPI_SIZE(uapi_iommu_fault_alloc, 16);

#define UAPI_IOMMU_PGFAULT_FLAGS_PASID_VALID (1u << 0)
#define UAPI_IOMMU_PGFAULT_FLAGS_LAST_PAGE   (1u << 1)
#define UAPI_IOMMU_PGFAULT_PERM_READ         (1u << 0)
#define UAPI_IOMMU_PGFAULT_PERM_WRITE        (1u << 1)
#define UAPI_IOMMU_PGFAULT_PERM_EXEC         (1u << 2)
#define UAPI_IOMMU_PGFAULT_PERM_PRIV         (1u << 3)

struct uapi_iommu_hwpt_pgfault {
	uint32_t flags, dev_id, pasid, grpid, perm, __reserved;
	uint64_t addr;
	uint32_t length, cookie;
};
UAPI_SIZE(uapi_iommu_hwpt_pgfault, 40);

#define UAPI_IOMMUFD_PAGE_RESP_SUCCESS 0
#define UAPI_IOMMUFD_PAGE_RESP_INVALID 1

struct uapi_iommu_hwpt_page_response {
	uint32_t cookie, code;
};
UAPI_SIZE(uapi_iommu_hwpt_page_response, 8);

struct uapi_vfio_device_bind_iommufd {
	uint32_t argsz, flags;
	int32_t iommufd;
	uint32_t out_devid;
	uint64_t token_uuid_ptr;
};
UAPI_SIZE(uapi_vfio_device_bind_iommufd, 24);

/* Both grew a pasid, which counts only if flags say so: any kernel takes the form without it. */
#define UAPI_VFIO_DEVICE_ATTACH_PASID (1u << 0)
#define UAPI_VFIO_DEVICE_DETACH_PASID (1u << 0)
#define UAPI_VFIO_ATTACH_NO_PASID     offsetof(struct uapi_vfio_device_attach_iommufd_pt, pasid)
#define UAPI_VFIO_DETACH_NO_PASID     offsetof(struct uapi_vfio_device_detach_iommufd_pt, pasid)

struct uapi_vfio_device_attach_iommufd_pt {
	uint32_t argsz, flags, pt_id, pasid;
};
UAPI_SIZE(uapi_vfio_device_attach_iommufd_pt, 16);

struct uapi_vfio_device_detach_iommufd_pt {
	uint32_t argsz, flags, pasid;
};
UAPI_SIZE(uapi_vfio_device_detach_iommufd_pt, 12);

#endif
