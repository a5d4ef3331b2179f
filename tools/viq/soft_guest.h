/* SPDX-License-Identifier: MIT */
/*
 * A software IOMMU behind one emulated SMMUv3: identity stage 2, one vIOMMU, a device per StreamID, configured from
 * what the guest's registers and stream table say.
 */
#ifndef VIQ_TOOL_SOFT_GUEST_H
#define VIQ_TOOL_SOFT_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/smmuv3.h>
#include <viq/soft.h>

struct soft_stream {
	uint32_t sid;
	struct viq_soft_dev *dev;
};

struct soft_guest {
	struct viq_soft *soft;
	uint32_t viommu;
	struct viq_smmuv3 *smmu; /* set by the owner before the first reconfiguration; events go there */
	struct soft_stream *streams;
	size_t count, room;
	bool registered; /* viq_soft_thread_register() was called */
};

/*
 * Build it over this memory, with address sizes and granules of idr5: those that the guest is told of. The calling
 * thread may translate from now on. Destroy it also after a failure.
 */
int soft_guest_init(struct soft_guest *guest, const struct viq_mem *mem, uint32_t idr5, uint32_t tlb_entries);
void soft_guest_fini(struct soft_guest *guest);
/* A device with this StreamID; aborts until it is configured. -EEXIST: there is one. */
int soft_guest_add(struct soft_guest *guest, uint32_t sid, bool ats);
/* Valid until the next soft_guest_add(). NULL: no device has this StreamID. */
struct soft_stream *soft_guest_find(const struct soft_guest *guest, uint32_t sid);
/* For viq_smmuv3_ops.reconfig. A device that cannot be configured aborts. Returns the first error. */
int soft_guest_reconfig(struct soft_guest *guest, uint32_t first, uint32_t last);
/*
 * One DMA access: 0, or as viq_soft_dma_read(). A stream whose configuration is faulty aborts, and its event is
 * recorded. ssid < 0: none.
 */
int soft_guest_dma(struct soft_guest *guest, struct soft_stream *stream, int64_t ssid, bool write, uint64_t iova,
		   void *buf, size_t len);

#endif
