/* SPDX-License-Identifier: MIT */
/*
 * Just the call: exact invalidation through Linux's iommufd, for a VMM that has a guest IOMMU of its own.
 *
 * The VMM has made a vIOMMU (SMMUv3) or a nested page table (VT-d), reads the guest's queue, and knows what an error
 * looks like to its guest. What it gets here is a host of <viq/call.h> for that object: an array goes in by
 * viq_call_invalidate(), and the answer says exactly which entries took effect, on kernels whose own count does not
 * (docs/kernels.md). There is no front end, and nothing is made in the kernel. docs/just-the-call.md has an example.
 *
 *   viq_linux_open(&(struct viq_linux_config){.size = ..., .fd = iommufd}, &ctx, &why);
 *   viq_linux_smmuv3_host_create(ctx, viommu, &hw, VIQ_LINUX_CALLS_BULK, &host, &why);
 *   call = viq_linux_smmuv3_host_get(host);
 *   viq_call_invalidate(&call, &request, &result);
 *
 * Threads: everything may be used from any thread, but nobody may use a host that is being destroyed.
 *
 * Errors: as <viq/linux.h>.
 */
#ifndef VIQ_LINUX_HOST_H
#define VIQ_LINUX_HOST_H

#include <stdint.h>

#include <viq/call.h>
#include <viq/export.h>
#include <viq/linux.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How long an array one IOMMU_HWPT_INVALIDATE gets. All are exact; see docs/kernels.md for what they cost. */
enum viq_linux_calls {
	VIQ_LINUX_CALLS_DEFAULT, /* bulk */
	VIQ_LINUX_CALLS_BULK,    /* whole runs */
	VIQ_LINUX_CALLS_STRICT,  /* at most 63 entries, the kernel's own group: no failed call has run two groups */
	VIQ_LINUX_CALLS_SINGLE,  /* one entry: slow, for comparing with VMMs that do so */
};

/* Since creation. Every member is a uint64_t. */
struct viq_linux_host_counters {
	uint64_t ioctls;   /* IOMMU_HWPT_INVALIDATE calls */
	uint64_t entries;  /* passed in them */
	uint64_t failed;   /* of the calls */
	uint64_t refused;  /* entries that are not legal: no call was made for them */
	uint64_t repeated; /* SMMUv3: second calls for REPEAT_TLBI_CFGI */
	uint64_t whole;    /* VT-d: times that a whole table was invalidated, since the kernel refused a legal entry */
};

/* --- SMMUv3: entries of type VIQ_CALL_SMMUV3 for a vIOMMU --------------------------------------------------------- */

struct viq_linux_smmuv3_host;

/*
 * viommu: the id of a vIOMMU. hw: what viq_linux_hw_info() says of any device behind its physical SMMU (copied): it
 * decides which commands the kernel takes, and whether an erratum asks for each of them twice. calls: enum
 * viq_linux_calls. The host knows every stream: a command for a StreamID that has no vDEVICE ends in VIQ_CALL_GONE at
 * its index. ctx must outlive the object; the vIOMMU may go before it (VIQ_CALL_GONE).
 * Returns: 0; -ENOENT: no such object; -EOPNOTSUPP: no SMMUv3, or the object takes no such entries; -EINVAL; -ENOMEM;
 * each with *why. Context: any thread; makes a system call.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_smmuv3_host_create(struct viq_linux *ctx, uint32_t viommu,
							   const struct viq_linux_hw_info *hw, uint32_t calls,
							   struct viq_linux_smmuv3_host **out, struct viq_why *why);
VIQ_EXPORT void viq_linux_smmuv3_host_destroy(struct viq_linux_smmuv3_host *host); /* NULL is allowed */
/* For viq_call_invalidate(), a front end or a fan-out: valid until the host is destroyed. */
VIQ_EXPORT struct viq_call_host viq_linux_smmuv3_host_get(struct viq_linux_smmuv3_host *host);
/* size: sizeof(*out). Returns: 0; -EINVAL: NULL, or size is no multiple of 8. Context: any thread, also while others
 * call. */
VIQ_EXPORT int viq_linux_smmuv3_host_counters(const struct viq_linux_smmuv3_host *host,
					      struct viq_linux_host_counters *out, size_t size);

/* --- VT-d: entries of type VIQ_CALL_VTD_S1 for a nested page table ------------------------------------------------ */

struct viq_linux_vtd_host;

/*
 * hwpt: the id of a nested page table. What can be promised on VT-d: docs/kernels.md. ctx must outlive the object.
 * Returns: 0; -ENOENT: no such object; -EOPNOTSUPP: the object takes no such entries; -EINVAL; -ENOMEM; each with *why.
 * Context: any thread; makes a system call.
 */
VIQ_EXPORT VIQ_MUST_CHECK int viq_linux_vtd_host_create(struct viq_linux *ctx, uint32_t hwpt,
							struct viq_linux_vtd_host **out, struct viq_why *why);
VIQ_EXPORT void viq_linux_vtd_host_destroy(struct viq_linux_vtd_host *host); /* NULL is allowed */
VIQ_EXPORT struct viq_call_host viq_linux_vtd_host_get(struct viq_linux_vtd_host *host);
VIQ_EXPORT int viq_linux_vtd_host_counters(const struct viq_linux_vtd_host *host, struct viq_linux_host_counters *out,
					   size_t size);

#ifdef __cplusplus
}
#endif
#endif
