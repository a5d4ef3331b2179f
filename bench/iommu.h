/* SPDX-License-Identifier: MIT */
/* A software IOMMU with one device, whose guest has mapped pages: what the software host's benchmarks drive. */
#ifndef VIQ_BENCH_IOMMU_H
#define VIQ_BENCH_IOMMU_H

#include <viq/soft_smmuv3.h>

#include "synth/synth.h"

#define IOMMU_ASID       1u
#define IOMMU_OTHER_ASID 2u /* nothing is cached of it */
#define IOMMU_PAGE       UINT64_C(4096)
#define IOMMU_VA         UINT64_C(0x100000000) /* of page 0 */

struct bench_iommu {
	void *ram;
	size_t ram_size;
	struct viq_mem *mem;
	struct synth_mem synth;
	struct synth_pt pt;
	struct synth_cdt cdt;
	struct viq_soft *soft;
	struct viq_soft_dev *dev; /* StreamID 1 of the guest behind viommu */
	uint32_t s2, viommu;
	uint64_t ste[VIQ_SMMUV3_STE_WORDS]; /* the device's, as hosts get it */
	struct viq_call_host host;
	bool registered;
};

/*
 * The device may access pages of 4 KiB, from page 0 to pages - 1, through stage 1; stage 2 is the identity. The calling
 * thread is registered for accesses.
 */
int bench_iommu_open(struct bench_iommu *iommu, uint32_t tlb_entries, uint32_t pages);
void bench_iommu_close(struct bench_iommu *iommu); /* also after a failed open */

static inline uint64_t bench_iommu_va(uint32_t page)
{
	return IOMMU_VA + page * IOMMU_PAGE;
}

/* One read access, begun and ended. */
static inline int bench_iommu_access(const struct bench_iommu *iommu, uint32_t page, struct viq_soft_xlate *out)
{
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_translate(iommu->dev, bench_iommu_va(page), 0, VIQ_SOFT_READ, out);
	viq_soft_access_end();
	return ret;
}

/* One more device, under a StreamID of a guest that there is, with that STE. */
int bench_iommu_add_device(const struct bench_iommu *iommu, uint32_t viommu, uint32_t vsid, const uint64_t ste[2],
			   struct viq_soft_dev **dev);
/* One more guest, with a device under StreamID 1 and the same tables. */
int bench_iommu_add_guest(const struct bench_iommu *iommu, uint32_t *viommu, struct viq_soft_dev **dev);

struct synth_cmd bench_iommu_entry(struct synth_cmd cmd); /* as the host takes it */
/* An invalidate call of these commands, of the first guest or of another one. */
int bench_iommu_invalidate_of(struct viq_call_host host, const struct synth_cmd *entries, uint32_t count);
int bench_iommu_invalidate(const struct bench_iommu *iommu, const struct synth_cmd *entries, uint32_t count);
/* Set the stream anew, as it is. */
int bench_iommu_configure(const struct bench_iommu *iommu);

#endif
