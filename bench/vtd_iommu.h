/* SPDX-License-Identifier: MIT */
/* A software VT-d with two devices, a domain each; the first one's guest has mapped pages. */
#ifndef VIQ_BENCH_VTD_IOMMU_H
#define VIQ_BENCH_VTD_IOMMU_H

#include <viq/soft_vtd.h>

#include "synth/synth.h"

#define VTD_IOMMU_DEVICES 2
#define VTD_IOMMU_VA      UINT64_C(0x100000000) /* of page 0 */

struct vtd_iommu {
	void *ram;
	size_t ram_size;
	struct viq_mem *mem;
	struct synth_mem synth;
	uint64_t root, context, tables; /* tables: of the first device's first stage */
	struct viq_soft_vtd *soft;
	struct viq_soft_vtd_dev *dev[VTD_IOMMU_DEVICES];
	struct viq_call_host host[VTD_IOMMU_DEVICES]; /* of their tables */
	uint32_t attached;
	bool registered;
};

/*
 * The first device may access pages of 4 KiB, from page 0 to pages - 1, through a first stage of four levels. The
 * calling thread is registered for accesses. The object must stay where it is.
 */
int vtd_iommu_open(struct vtd_iommu *iommu, uint32_t tlb_entries, uint32_t pages);
void vtd_iommu_close(struct vtd_iommu *iommu); /* also after a failed open */

/* One read access of the first device, begun and ended. */
static inline int vtd_iommu_access(const struct vtd_iommu *iommu, uint32_t page)
{
	struct viq_soft_xlate xlate;
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_vtd_translate(iommu->dev[0], VTD_IOMMU_VA + page * UINT64_C(4096), 0, VIQ_SOFT_READ, &xlate);
	viq_soft_access_end();
	return ret;
}

/* An invalidate call of one entry, on a device's table. */
int vtd_iommu_invalidate(const struct vtd_iommu *iommu, unsigned int device, struct viq_vtd_s1_entry entry);

#endif
