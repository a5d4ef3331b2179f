/* SPDX-License-Identifier: MIT */
/* A software IOMMU behind one emulated SMMUv3: identity stage 2, one vIOMMU, a device per StreamID. */
#ifndef VIQ_TOOL_SOFT_GUEST_H
#define VIQ_TOOL_SOFT_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/nest_smmuv3.h>
#include <viq/soft_smmuv3.h>

struct soft_guest {
	struct viq_soft *soft;
	uint32_t viommu;
	struct viq_nest_smmuv3 *nest;
	bool registered; /* viq_soft_thread_register() was called */
};

/*
 * Build it over this memory, with address sizes and granules that the guest is told of. The calling thread may
 * translate from now on. Destroy it also after a failure.
 */
int soft_guest_init(struct soft_guest *guest, const struct viq_mem *mem, const struct viq_smmuv3_config *smmu,
		    uint32_t tlb_entries);
void soft_guest_fini(struct soft_guest *guest);
/* The SMMU whose tables are followed. -EINVAL with *why: it tells the guest of what the software host lacks. */
int soft_guest_bind(struct soft_guest *guest, struct viq_smmuv3 *smmu, struct viq_why *why);
/* A device with this StreamID; aborts until it is configured. -EEXIST: there is one. */
int soft_guest_add(struct soft_guest *guest, uint32_t sid, bool ats);
/* NULL: no device has this StreamID. */
struct viq_soft_dev *soft_guest_find(const struct soft_guest *guest, uint32_t sid);
/*
 * One DMA access, and its event if it fails: 0, or as viq_soft_dma_read(). On the guest's thread. ssid < 0: none.
 */
int soft_guest_dma(struct soft_guest *guest, struct viq_soft_dev *dev, int64_t ssid, bool write, uint64_t iova,
		   void *buf, size_t len);

#endif
