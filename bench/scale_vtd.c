// SPDX-License-Identifier: MIT
/* How costs grow: VT-d's axes. */
#include <errno.h>
#include <stdlib.h>

#include "scale.h"
#include "vtd_doorbell.h"
#include "vtd_iommu.h"

struct point {
	struct vtd_iommu iommu;
	struct vtd_iommu_shape shape;
	struct viq_soft_vtd_dev **devs; /* shape.devices of them */
};

/* --- The front end's ---------------------------------------------------------------------------------------------- */

static int ring(void *point, uint32_t i)
{
	struct vtd_doorbell *d = point;

	(void)i;
	d->tail = (d->tail + 2) & (d->guest.entries - 1);
	vtd_guest_doorbell(&d->guest, d->tail);
	return vtd_guest_done(&d->guest, d->tail) ? 0 : -EIO;
}

/* n descriptors of 256 bits. */
static int open_queue(void *point, uint32_t n)
{
	unsigned int qs = 0;

	while ((4096u / VIQ_VTD_DESC_SIZE_256) << qs < n)
		qs++;
	return vtd_doorbell_open_at(point, qs, true, viq_call_null_host());
}

static void close_queue(void *point)
{
	struct vtd_doorbell *d = point;

	vtd_guest_close(&d->guest);
}

/* --- The software host's ------------------------------------------------------------------------------------------ */

/* PASID 0 is that of requests without one. */
static int access_one(const struct point *p, uint32_t device, uint32_t page, uint32_t pasid)
{
	uint32_t flags = VIQ_SOFT_READ | (pasid ? VIQ_SOFT_SSV : 0);
	struct viq_soft_xlate xlate;
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_vtd_translate(p->devs[device], VTD_IOMMU_VA + page * UINT64_C(4096), pasid, flags, &xlate);
	viq_soft_access_end();
	return ret;
}

static int hit(void *point, uint32_t i)
{
	const struct point *p = point;

	return access_one(p, scale_recent(p->shape.devices, i), scale_recent(p->shape.pages, i),
			  scale_recent(p->shape.pasids, i));
}

static int invalidate_page(void *point, uint32_t i)
{
	const struct point *p = point;
	uint64_t addr = VTD_IOMMU_VA + (p->shape.pages + i) * UINT64_C(4096);

	return vtd_iommu_invalidate(&p->iommu, 0, (struct viq_vtd_s1_entry){addr, 1, VIQ_VTD_S1_LEAF, 0});
}

static int invalidate_table(void *point, uint32_t i)
{
	const struct point *p = point;

	(void)i;
	return vtd_iommu_invalidate(&p->iommu, 1, (struct viq_vtd_s1_entry){.npages = VIQ_VTD_S1_ALL});
}

static int context_cache(void *point, uint32_t i)
{
	const struct point *p = point;
	struct viq_vtd_reconfig what = {.cause = VIQ_VTD_CONTEXT_CACHE,
					.scope = VIQ_VTD_SCOPE_DEVICE,
					.domain_id = 1,
					.source_id = (uint16_t)scale_recent(p->shape.devices, i),
					.source_mask = UINT16_MAX};

	return vtd_iommu_reconfig(&p->iommu, what) | hit(point, i);
}

static int pasid_cache(void *point, uint32_t i)
{
	const struct point *p = point;
	struct viq_vtd_reconfig what = {.cause = VIQ_VTD_PASID_CACHE,
					.scope = VIQ_VTD_SCOPE_PASID,
					.domain_id = 1,
					.pasid = scale_recent(p->shape.pasids, i)};

	return vtd_iommu_reconfig(&p->iommu, what) | hit(point, i);
}

static int open_point(struct point *p, struct vtd_iommu_shape shape)
{
	uint32_t accesses = shape.pages > shape.devices ? shape.pages : shape.devices;
	int ret = vtd_iommu_open(&p->iommu, &shape);

	p->shape = shape;
	p->devs = calloc(shape.devices, sizeof(struct viq_soft_vtd_dev *));
	if (!ret && !p->devs)
		ret = -ENOMEM;
	for (uint32_t n = 0; !ret && n < shape.devices; n++)
		p->devs[n] = viq_soft_vtd_dev_find(p->iommu.soft, (uint16_t)n);
	if (accesses < shape.pasids)
		accesses = shape.pasids;
	for (uint32_t i = 0; !ret && i < accesses; i++)
		ret = access_one(p, i % shape.devices, i % shape.pages, i % shape.pasids);
	return ret;
}

static int open_tlb(void *point, uint32_t n)
{
	return open_point(point, (struct vtd_iommu_shape){1u << 21, n, 1, 1});
}

static int open_devices(void *point, uint32_t n)
{
	return open_point(point, (struct vtd_iommu_shape){1u << 16, SCALE_TURNS, n, 1});
}

static int open_pasids(void *point, uint32_t n)
{
	return open_point(point, (struct vtd_iommu_shape){1u << 16, SCALE_TURNS, 1, n});
}

static void close_point(void *point)
{
	struct point *p = point;

	vtd_iommu_close(&p->iommu);
	free(p->devs);
}

#define SOFT_AXIS .size = sizeof(struct point), .close = close_point

const struct scale_axis scale_vtd[] = {
	{.name = "vtd_queue",
	 .what = "descriptors of room",
	 .n = {128, 1024, 16384},
	 .quick = 2,
	 .size = sizeof(struct vtd_doorbell),
	 .open = open_queue,
	 .close = close_queue,
	 .ops = {{"doorbell", "VT-d: [PASID-IOTLB, wait], a status write", ring, SCALE_WARM}}},
	{.name = "vtd_tlb",
	 .what = "entries cached",
	 .n = {100, 1000, 10000, 100000, 1000000},
	 .quick = 3,
	 SOFT_AXIS,
	 .open = open_tlb,
	 .ops = {{"hit", "VT-d: a hit", hit, SCALE_WARM_HIT},
		 {"page", "VT-d: a page invalidated", invalidate_page, SCALE_WARM},
		 {"table", "VT-d: all of a table invalidated", invalidate_table, SCALE_WARM}}},
	{.name = "vtd_devices",
	 .what = "devices",
	 .n = {1, 16, 256, 4096, 60000},
	 .quick = 3,
	 SOFT_AXIS,
	 .open = open_devices,
	 .ops = {{"hit", "VT-d: a hit", hit, SCALE_WARM_HIT},
		 {"page", "VT-d: a page invalidated", invalidate_page, SCALE_WARM},
		 {"context", "VT-d: a device's context-cache invalidation and an access", context_cache, SCALE_WARM}}},
	{.name = "vtd_pasids",
	 .what = "PASIDs",
	 .n = {1, 16, 100, 1000, 10000, 60000},
	 .quick = 3,
	 SOFT_AXIS,
	 .open = open_pasids,
	 .ops = {{"hit", "VT-d: a hit", hit, SCALE_WARM_HIT},
		 {"page", "VT-d: a page invalidated", invalidate_page, SCALE_WARM},
		 {"pasid", "VT-d: a PASID-cache invalidation and an access", pasid_cache, SCALE_WARM}}},
	{.name = NULL},
};
