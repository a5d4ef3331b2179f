/* SPDX-License-Identifier: MIT */
/* A software VT-d with devices of two domains; the first one's guest has mapped pages. */
#ifndef VIQ_BENCH_VTD_IOMMU_H
#define VIQ_BENCH_VTD_IOMMU_H

#include <viq/soft_vtd.h>

#include "synth/synth_vtd.h"

#define VTD_IOMMU_DOMAINS 2
#define VTD_IOMMU_VA      UINT64_C(0x100000000) /* of page 0 */
#define VTD_IOMMU_OTHER   0xffffu               /* source-id of the second domain's device */

struct vtd_iommu_shape {
	uint32_t tlb_entries;
	uint32_t pages;   /* of 4 KiB, through a first stage of four levels */
	uint32_t devices; /* of the first domain: source-ids from 0 on, at most VTD_IOMMU_OTHER of them */
	uint32_t pasids;  /* from 0 on, all with these pages; 0 is that of requests without one */
};

struct vtd_iommu {
	void *ram;
	size_t ram_size;
	struct viq_mem *mem;
	struct synth_mem synth;
	struct synth_vtd_root root;
	struct viq_soft_vtd *soft;
	struct viq_soft_vtd_dev *dev;                 /* source-id 0 */
	struct viq_call_host host[VTD_IOMMU_DOMAINS]; /* of their tables: of one with PASIDs, the last one's */
	uint32_t attached;
	bool registered;
};

/*
 * Devices of the first domain may access its pages, those of the second nothing. The calling thread is registered for
 * accesses. The object must stay where it is.
 */
int vtd_iommu_open(struct vtd_iommu *iommu, const struct vtd_iommu_shape *shape);
void vtd_iommu_close(struct vtd_iommu *iommu); /* also after a failed open */

/* One read access of the first device, begun and ended. */
static inline int vtd_iommu_access(const struct vtd_iommu *iommu, uint32_t page)
{
	struct viq_soft_xlate xlate;
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_vtd_translate(iommu->dev, VTD_IOMMU_VA + page * UINT64_C(4096), 0, VIQ_SOFT_READ, &xlate);
	viq_soft_access_end();
	return ret;
}

/* An invalidate call of one entry, on a table of the first (0) or second (1) domain. */
int vtd_iommu_invalidate(const struct vtd_iommu *iommu, unsigned int domain, struct viq_vtd_s1_entry entry);
/* The guest has invalidated what the unit has cached of entries in scope. */
int vtd_iommu_reconfig(const struct vtd_iommu *iommu, struct viq_vtd_reconfig what);

#endif
