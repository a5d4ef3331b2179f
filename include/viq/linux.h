/* SPDX-License-Identifier: MIT */
/*
 * Linux's iommufd: the kernel objects that nested translation needs, each made by one system call.
 *
 * The order in which a VMM makes them, and who owns what:
 *
 *   viq_linux_open()              /dev/iommu, or the caller's fd
 *   viq_linux_vfio_bind()         each device: the caller's vfio cdev fd -> device id, until the cdev is closed
 *   viq_linux_ioas_alloc(), _map  guest memory at its guest-physical addresses
 *   viq_linux_hwpt_alloc()        the stage-2 page table, parent of everything nested
 *   viq_linux_viommu_alloc()      the guest's view of one physical IOMMU; target of invalidate calls
 *   viq_linux_vdevice_alloc()     a device and its number in the guest (vSID); before it is attached to translate
 *   viq_linux_nested_alloc()      a nested page table, from two words of the guest's STE
 *   viq_linux_vfio_attach()       the device translates; attaching again replaces without a gap
 *
 * VT-d has neither vIOMMUs nor vDEVICEs: viq_linux_vtd_nested_alloc() takes the stage 2 itself.
 *
 * <viq/linux_smmuv3.h> and <viq/linux_vtd.h> do the last ones for a whole guest IOMMU. What is made here is an id (0 is
 * never one) in the iommufd: the caller destroys it with viq_linux_destroy() in the reverse order, or closes the
 * iommufd, which destroys all. The functions may be used from any thread.
 *
 * Errors, for all functions: 0 or a negative errno, the kernel's own where it gave one:
 *   -EINVAL      arguments make no sense (also found before the kernel is asked)
 *   -ENOENT      no such id, or of another kind
 *   -EBUSY       still in use
 *   -EOPNOTSUPP  this kernel, IOMMU or device has no such feature
 *   -ENOTTY      the kernel does not know the call: too old
 *   -EINTR       never: interrupted calls are made again (256 times at most, then -EAGAIN)
 * Nothing has changed then, and nothing half-made is left.
 */
#ifndef VIQ_LINUX_H
#define VIQ_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/export.h>
#include <viq/why.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The system calls that the library makes, replaceable: for tests, for tracing, for a process that must have them made
 * elsewhere. Each returns as the system call does, but a negative errno instead of -1. Called from any thread.
 */
struct viq_linux_sys {
	uint32_t size; /* sizeof(struct viq_linux_sys) */
	int (*open)(void *opaque, const char *path, int flags);
	int (*close)(void *opaque, int fd);
	int (*ioctl)(void *opaque, int fd, unsigned long request, void *arg);
	int64_t (*read)(void *opaque, int fd, void *buf, size_t len);
	/*
	 * The number of the IOMMU group that the device of a vfio cdev is in, as sysfs has it. Any negative errno, or
	 * NULL here: it is not known, and the group is not checked.
	 */
	int (*group)(void *opaque, int cdev, uint32_t *group);
	/*
	 * Another descriptor of the same file, closed on exec, which the library closes with close(). NULL here: it
	 * uses the caller's own, which must stay open, and the same file, as long as it needs them.
	 */
	int (*dup)(void *opaque, int fd);
	/* NULL here: devices' page requests cannot be answered, so none are taken. */
	int64_t (*write)(void *opaque, int fd, const void *buf, size_t len);
};

struct viq_linux;

struct viq_linux_config {
	uint32_t size;                   /* sizeof(struct viq_linux_config) */
	int fd;                          /* an open /dev/iommu, which is duplicated; -1: open one */
	const struct viq_linux_sys *sys; /* copied; NULL: the system's */
	void *sys_opaque;
};

/* fd -1, the system's calls. */
VIQ_EXPORT void viq_linux_config_init(struct viq_linux_config *config, size_t size);
/* config NULL: the default. *out is the caller's, for viq_linux_close(). why may be NULL, here and below. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_open(const struct viq_linux_config *config, struct viq_linux **out,
					     struct viq_why *why);
/* NULL is allowed. Kernel objects live on as long as the caller has the iommufd open. */
VIQ_EXPORT void viq_linux_close(struct viq_linux *ctx);
/* Open as long as ctx, which closes it; the caller's own has another number. */
VIQ_EXPORT int viq_linux_fd(const struct viq_linux *ctx);
/*
 * Does this kernel say which entries can have failed an invalidate call, and why (docs/kernels.md, "7.3 with
 * integrations/linux")? Without it viq is as exact, but what the hardware raised stays unknown. Context: any thread.
 */
VIQ_EXPORT bool viq_linux_reports(const struct viq_linux *ctx);

/* IOMMU_DESTROY, for every kind of id. -EBUSY: others are built on it. */
VIQ_EXPORT int viq_linux_destroy(struct viq_linux *ctx, uint32_t id);

/* --- Guest memory (struct iommu_ioas_*) --------------------------------------------------------------------------- */

#define VIQ_LINUX_READ  0x1u
#define VIQ_LINUX_WRITE 0x2u

VIQ_EXPORT int viq_linux_ioas_alloc(struct viq_linux *ctx, uint32_t *ioas);
/*
 * Map len bytes of this process's memory at va to the guest-physical address gpa; all three are multiples of the page
 * size. The memory is pinned until it is unmapped: RLIMIT_MEMLOCK applies (-ENOMEM). -EEXIST: overlaps a mapping.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_ioas_map(struct viq_linux *ctx, uint32_t ioas, uint64_t gpa, void *va,
						 uint64_t len, uint32_t access);
/* Whole mappings only. -ENOENT: nothing is mapped there, or the range cuts a mapping. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_ioas_unmap(struct viq_linux *ctx, uint32_t ioas, uint64_t gpa, uint64_t len);

struct viq_linux_range {
	uint64_t first, last; /* both included */
};
/*
 * The guest-physical addresses that can be mapped, given the devices attached so far (MSI windows and reserved regions
 * are holes). *count: ranges has room for; out: how many there are. -EMSGSIZE: more than fit, *count says how many, and
 * ranges has the first of them. -EIO: the kernel says that all fit, and there are more.
 */
VIQ_EXPORT int viq_linux_ioas_ranges(struct viq_linux *ctx, uint32_t ioas, struct viq_linux_range *ranges,
				     uint32_t *count);

/* --- Devices (vfio cdev, /dev/vfio/devices/vfioN) ----------------------------------------------------------------- */

/*
 * The cdev fd stays the caller's; the end of its file ends the binding and everything attached. *why says what the
 * kernel's errno means here: -EINVAL for one, that another program has the device.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vfio_bind(struct viq_linux *ctx, int cdev, uint32_t *device,
						  struct viq_why *why);
/* pt: an IOAS, a HWPT, or a nested page table. Replaces what is attached. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vfio_attach(struct viq_linux *ctx, int cdev, uint32_t pt);
/* The device's accesses are blocked from now on. */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vfio_detach(struct viq_linux *ctx, int cdev);
/*
 * The same for the device's requests with this PASID, 1 to 2^20 - 1; those above are for requests without. pt: made
 * with VIQ_LINUX_PASID, like what is attached for requests without PASID. -EOPNOTSUPP, -EINVAL: the device or the
 * kernel (before 6.15) has none.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vfio_attach_pasid(struct viq_linux *ctx, int cdev, uint32_t pasid, uint32_t pt);
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vfio_detach_pasid(struct viq_linux *ctx, int cdev, uint32_t pasid);

/* enum iommu_hw_info_type */
enum viq_linux_hw_type {
	VIQ_LINUX_HW_NONE = 0,
	VIQ_LINUX_HW_VTD = 1,
	VIQ_LINUX_HW_SMMUV3 = 2,
	VIQ_LINUX_HW_AMD = 4,
};

/* out_capabilities of struct iommu_hw_info */
#define VIQ_LINUX_CAP_DIRTY_TRACKING 0x1u
#define VIQ_LINUX_CAP_PASID_EXEC     0x2u
#define VIQ_LINUX_CAP_PASID_PRIV     0x4u
#define VIQ_LINUX_CAP_NO_ATS         0x8u /* older kernels never say so */

/* flags of struct iommu_hw_info_arm_smmuv3: every TLBI and CFGI must be issued twice */
#define VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI 0x1u

/* What IOMMU_GET_HW_INFO tells of the physical IOMMU in front of a device. */
struct viq_linux_hw_info {
	uint32_t size;           /* sizeof(struct viq_linux_hw_info), set by the caller */
	uint32_t type;           /* enum viq_linux_hw_type */
	uint64_t capabilities;   /* VIQ_LINUX_CAP_* */
	uint32_t max_pasid_log2; /* 0: no PASIDs */
	uint32_t flags;          /* of the struct below; else 0 */
	/* VIQ_LINUX_HW_SMMUV3: struct iommu_hw_info_arm_smmuv3, raw registers; else 0 */
	uint32_t idr[6], iidr, aidr;
	/* VIQ_LINUX_HW_VTD: struct iommu_hw_info_vtd, raw registers; else 0 */
	uint64_t cap, ecap;
};
VIQ_EXPORT int viq_linux_hw_info(struct viq_linux *ctx, uint32_t device, struct viq_linux_hw_info *info);

/* A device gets another number in the guest: StreamID, source-id. */
struct viq_linux_move {
	uint32_t from, to;
};

/* --- Page tables, vIOMMU, vDEVICE, events ------------------------------------------------------------------------- */

/* flags of viq_linux_hwpt_alloc(): IOMMU_HWPT_ALLOC_* */
#define VIQ_LINUX_NEST_PARENT    0x1u /* SMMUv3, up to Linux 7.3: with no other flag (-EOPNOTSUPP) */
#define VIQ_LINUX_DIRTY_TRACKING 0x2u /* the caller drives IOMMU_HWPT_*DIRTY* itself */
#define VIQ_LINUX_PASID          0x8u /* for devices with something attached to a PASID */

/* A kernel-managed page table of the IOAS; with VIQ_LINUX_NEST_PARENT the stage 2 below nested ones. */
VIQ_EXPORT int viq_linux_hwpt_alloc(struct viq_linux *ctx, uint32_t device, uint32_t ioas, uint32_t flags,
				    uint32_t *hwpt);

/*
 * An SMMUv3 vIOMMU on stage 2 hwpt. device: any device behind the same physical SMMU. -EOPNOTSUPP also: the device's
 * DMA is not known to be coherent (ACPI IORT's CANWBS, or S2FWB hardware). One vIOMMU per stage 2, whose VMID it
 * has: here that is the caller's to see to, viq_linux_vsmmu_create() checks its own.
 */
VIQ_EXPORT int viq_linux_viommu_alloc(struct viq_linux *ctx, uint32_t device, uint32_t hwpt, uint32_t *viommu);
/* Bind the device to StreamID vsid of the guest. -EEXIST: the vSID or the device is bound already. */
VIQ_EXPORT int viq_linux_vdevice_alloc(struct viq_linux *ctx, uint32_t viommu, uint32_t device, uint32_t vsid,
				       uint32_t *vdevice);
/*
 * A nested page table from words 0 and 1 of an STE, CPU byte order (struct iommu_hwpt_arm_smmuv3). -EIO: the kernel
 * refuses the STE: a bit outside its mask, or Config not 0, 4 or 5.
 */
VIQ_EXPORT int viq_linux_nested_alloc(struct viq_linux *ctx, uint32_t device, uint32_t viommu, const uint64_t ste[2],
				      uint32_t *nested);

/* flags of struct viq_linux_vtd_s1: IOMMU_VTD_S1_* */
#define VIQ_LINUX_VTD_SRE  0x1u
#define VIQ_LINUX_VTD_EAFE 0x2u
#define VIQ_LINUX_VTD_WPE  0x4u

/* What a nested page table of VT-d takes from a guest's PASID-table entry (struct iommu_hwpt_vtd_s1). */
struct viq_linux_vtd_s1 {
	uint64_t flags;      /* VIQ_LINUX_VTD_* */
	uint64_t pgtbl_addr; /* FSPTPTR: guest-physical, a multiple of 4096 */
	uint32_t addr_width; /* 48: 4 levels, 57: 5 levels */
	uint32_t reserved;   /* 0 */
};
/*
 * A nested page table of VT-d on the stage-2 page table parent, whose target of invalidate calls it is itself. flags: 0
 * or VIQ_LINUX_PASID. The kernel looks at the width, SRE and EAFE only when it is attached (-EINVAL then). -EOPNOTSUPP:
 * no VT-d, no nested translation, or the host does not use scalable mode. -EINVAL also: parent cannot be one.
 */
VIQ_EXPORT int viq_linux_vtd_nested_alloc(struct viq_linux *ctx, uint32_t device, uint32_t parent, uint32_t flags,
					  const struct viq_linux_vtd_s1 *s1, uint32_t *nested);

/*
 * The queue of the physical SMMU's events that concern this vIOMMU's devices, at most depth of them (>= 1). *id and *fd
 * are the caller's: close the fd, then destroy the id (-EBUSY before). The fd is readable when there are events.
 * -EEXIST: has one already. -EIO: the kernel has given no file.
 */
VIQ_EXPORT int viq_linux_veventq_alloc(struct viq_linux *ctx, uint32_t viommu, uint32_t depth, uint32_t *id, int *fd);

struct viq_linux_vevent {
	uint32_t lost;      /* the kernel dropped events at this place */
	uint32_t sequence;  /* of the kernel, 0 .. 2^31 - 1 */
	uint64_t record[4]; /* CPU byte order, with the vSID; all 0 if lost != 0 */
};
/*
 * Read at most *count events (>= 1); *count: how many there were. -EAGAIN: none. It never waits. Losses in a row are
 * one event, with the last one's sequence. -EIO: what was read is no event.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_veventq_read(struct viq_linux *ctx, int fd, struct viq_linux_vevent *events,
						     uint32_t *count);

#ifdef __cplusplus
}
#endif
#endif
