/* SPDX-License-Identifier: MIT */
/* IOMMU_HWPT_INVALIDATE on an SMMUv3 vIOMMU: from a request to calls, and from what the kernel says to what is true. */
#ifndef VIQ_HOST_LINUX_INVALIDATE_H
#define VIQ_HOST_LINUX_INVALIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>
#include <viq/linux_host.h>

#include "allow.h"
#include "host/linux/iommufd/calls.h"
#include "host/linux/iommufd/linux.h"

/* Commands that the kernel's driver issues at once: after a failure only whole groups count. */
#define LINUX_GROUP 63

/* Constant after linux_invalidate_init(), but for the counters: used from any thread without a lock. */
struct linux_invalidate {
	struct linux_calls calls;
	uint32_t object; /* what requests call the vIOMMU */
	uint32_t viommu;
	uint32_t slice; /* entries per call at most */
	bool repeat;    /* VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI */
	struct linux_allow allow;
	/* As in struct viq_linux_host_counters; atomic, relaxed. */
	uint64_t repeated, refused;
};

/* calls: enum viq_linux_calls, checked by the caller. */
void linux_invalidate_init(struct linux_invalidate *inv, struct viq_linux *ctx, uint32_t viommu,
			   const struct viq_linux_hw_info *hw, uint32_t calls);
/* The vIOMMU of a struct that was initialised without one: nobody has used it yet, but for the counters. */
void linux_invalidate_start(struct linux_invalidate *inv, uint32_t viommu, const struct viq_linux_hw_info *hw);
/* Is the vIOMMU there, and does it take such calls? 0, or the kernel's error. */
int linux_invalidate_probe(struct linux_calls *calls, uint32_t viommu);
/*
 * As viq_call_host_ops.invalidate of a host with report_group 1: handled is true, [handled, suspect] the honest window.
 */
int linux_invalidate(struct linux_invalidate *inv, const struct viq_call_request *req, struct viq_call_result *res);

#endif
