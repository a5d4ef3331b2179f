// SPDX-License-Identifier: MIT
/* How costs grow: the SMMUv3's axes. */
#include <errno.h>
#include <stdlib.h>

#include "doorbell.h"
#include "iommu.h"
#include "scale.h"

struct point {
	struct bench_iommu iommu;
	struct viq_soft_dev **devs; /* those that make accesses, dev_count of them */
	uint32_t dev_count, pages, ssids;
	uint32_t flags; /* of accesses */
};

/* --- The front end's ---------------------------------------------------------------------------------------------- */

static int ring(void *point, uint32_t i)
{
	struct doorbell *d = point;

	(void)i;
	d->guest.queue.prod = (d->guest.queue.prod + 2) & ((2u << d->guest.queue.log2size) - 1);
	bench_guest_doorbell(&d->guest, d->guest.queue.prod);
	return bench_guest_done(&d->guest, d->guest.queue.prod) ? 0 : -EIO;
}

static int open_queue(void *point, uint32_t n)
{
	unsigned int log2size = 0;

	while (1u << log2size < n)
		log2size++;
	return doorbell_open_at(point, log2size, 1, viq_call_null_host(), true);
}

static int open_regions(void *point, uint32_t n)
{
	return doorbell_open_at(point, 8, n, viq_call_null_host(), true);
}

static void close_doorbell(void *point)
{
	doorbell_close(point);
}

/* --- The software host's ------------------------------------------------------------------------------------------ */

static int hit(void *point, uint32_t i)
{
	const struct point *p = point;
	struct viq_soft_xlate xlate;
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_translate(p->devs[scale_recent(p->dev_count, i)], bench_iommu_va(scale_recent(p->pages, i)),
				 scale_recent(p->ssids, i), p->flags, &xlate);
	viq_soft_access_end();
	return ret;
}

static int invalidate(const struct point *p, struct synth_cmd cmd)
{
	const struct synth_cmd entry = bench_iommu_entry(cmd);

	return bench_iommu_invalidate(&p->iommu, &entry, 1);
}

static int tlbi_va(void *point, uint32_t i)
{
	const struct point *p = point;

	return invalidate(p, synth_cmd_tlbi_nh_va(IOMMU_ASID, bench_iommu_va(p->pages + i), true));
}

static int tlbi_asid(void *point, uint32_t i)
{
	(void)i;
	return invalidate(point, synth_cmd_tlbi_nh_asid(IOMMU_OTHER_ASID));
}

/* What a guest's CFGI_STE makes of it (viq_soft_backend()). */
static int cfgi_ste(void *point, uint32_t i)
{
	const struct point *p = point;

	return viq_soft_vdevice_configure(p->iommu.soft, p->iommu.viommu, 1 + scale_recent(p->dev_count, i),
					  p->iommu.ste) |
	       hit(point, i);
}

static int cfgi_cd(void *point, uint32_t i)
{
	const struct point *p = point;

	return invalidate(p, synth_cmd_cfgi_cd(2, scale_recent(p->ssids, i), true)) | hit(point, i);
}

/* The device of bench_iommu_open() is the first. */
static int open_iommu(struct point *p, uint32_t tlb_entries, uint32_t pages, uint32_t devs)
{
	int ret = bench_iommu_open(&p->iommu, tlb_entries, pages);

	p->pages = pages;
	p->ssids = 1;
	p->flags = VIQ_SOFT_READ;
	p->devs = calloc(devs, sizeof(struct viq_soft_dev *));
	if (!ret && !p->devs)
		ret = -ENOMEM;
	if (!ret) {
		p->devs[0] = p->iommu.dev;
		p->dev_count = 1;
	}
	return ret;
}

static int warm_up(const struct point *p, uint32_t count)
{
	int err = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct viq_soft_xlate xlate;

		viq_soft_access_begin();
		err |= viq_soft_translate(p->devs[i % p->dev_count], bench_iommu_va(i % p->pages), i % p->ssids,
					  p->flags, &xlate);
		viq_soft_access_end();
	}
	return err ? -EIO : 0;
}

static int open_tlb(void *point, uint32_t n)
{
	struct point *p = point;
	int ret = open_iommu(p, 1u << 21, n, 1);

	return ret ? ret : warm_up(p, n);
}

static int open_streams(void *point, uint32_t n)
{
	struct point *p = point;
	int ret = open_iommu(p, 1u << 16, SCALE_TURNS, n);

	for (uint32_t i = 1; !ret && i < n; i++)
		ret = bench_iommu_add_device(&p->iommu, p->iommu.viommu, 1 + i, p->iommu.ste, &p->devs[p->dev_count++]);
	return ret ? ret : warm_up(p, n);
}

/* Stream 2 has a table of its own, with so many context descriptors: each an address space of the same pages. */
static int open_pasids(void *point, uint32_t n)
{
	struct point *p = point;
	uint64_t cd[VIQ_SMMUV3_CD_WORDS], ste[VIQ_SMMUV3_STE_WORDS];
	struct synth_cdt cdt;
	unsigned int cdmax = 1;
	int ret = open_iommu(p, 1u << 16, SCALE_TURNS, 2);

	while (1u << cdmax < n)
		cdmax++;
	if (!ret)
		ret = synth_cdt_init(&cdt, &p->iommu.synth, cdmax, 1);
	if (ret)
		return ret;
	synth_cd(cd, &p->iommu.pt, NULL, IOMMU_ASID, 48);
	for (uint32_t ssid = 0; !ret && ssid < n; ssid++)
		ret = synth_cdt_set(&cdt, ssid, cd);
	synth_ste_s1(ste, &cdt, 0, 0);
	ste[1] &= VIQ_SMMUV3_STE_1_NESTING;
	if (!ret)
		ret = bench_iommu_add_device(&p->iommu, p->iommu.viommu, 2, ste, &p->devs[0]);
	if (ret)
		return ret;
	p->ssids = n;
	p->flags |= VIQ_SOFT_SSV;
	return warm_up(p, n);
}

/* Calls go to the last guest. */
static int open_guests(void *point, uint32_t n)
{
	struct point *p = point;
	int ret = open_iommu(p, 1u << 16, SCALE_TURNS, n);

	for (uint32_t i = 1; !ret && i < n; i++) {
		uint32_t viommu;

		ret = bench_iommu_add_guest(&p->iommu, &viommu, &p->devs[p->dev_count++]);
		p->iommu.host = viq_soft_host(p->iommu.soft, viommu);
	}
	/* Every guest's device, every page. */
	for (uint32_t page = 0; !ret && page < SCALE_TURNS; page++) {
		for (uint32_t i = 0; !ret && i < n; i++) {
			struct viq_soft_xlate xlate;

			viq_soft_access_begin();
			ret = viq_soft_translate(p->devs[i], bench_iommu_va(page), 0, VIQ_SOFT_READ, &xlate);
			viq_soft_access_end();
		}
	}
	return ret;
}

static void close_point(void *point)
{
	struct point *p = point;

	bench_iommu_close(&p->iommu);
	free(p->devs);
}

#define SOFT_AXIS .size = sizeof(struct point), .close = close_point
#define QUEUE_OPS                                                                                                      \
	{                                                                                                              \
		{                                                                                                      \
			"doorbell", "[TLBI_NH_VA, CMD_SYNC], an MSI", ring, SCALE_WARM                                 \
		}                                                                                                      \
	}

const struct scale_axis scale_smmuv3[] = {
	{.name = "queue",
	 .what = "commands of room",
	 .n = {16, 256, 4096, 65536, 524288},
	 .quick = 3,
	 .size = sizeof(struct doorbell),
	 .open = open_queue,
	 .close = close_doorbell,
	 .ops = QUEUE_OPS},
	{.name = "regions",
	 .what = "regions of memory",
	 .n = {1, 10, 100, 1000},
	 .quick = 3,
	 .size = sizeof(struct doorbell),
	 .open = open_regions,
	 .close = close_doorbell,
	 .ops = QUEUE_OPS},
	{.name = "tlb",
	 .what = "entries cached",
	 .n = {100, 1000, 10000, 100000, 1000000},
	 .quick = 3,
	 SOFT_AXIS,
	 .open = open_tlb,
	 .ops = {{"hit", "a hit", hit, SCALE_WARM_HIT},
		 {"tlbi_va", "TLBI_NH_VA", tlbi_va, SCALE_WARM},
		 {"tlbi_asid", "TLBI_NH_ASID", tlbi_asid, SCALE_WARM}}},
	{.name = "streams",
	 .what = "streams",
	 .n = {1, 16, 256, 4096, 65536},
	 .quick = 3,
	 SOFT_AXIS,
	 .open = open_streams,
	 .ops = {{"hit", "a hit", hit, SCALE_WARM_HIT},
		 {"tlbi_va", "TLBI_NH_VA", tlbi_va, SCALE_WARM},
		 {"cfgi_ste", "CFGI_STE and an access", cfgi_ste, SCALE_WARM}}},
	{.name = "pasids",
	 .what = "PASIDs",
	 .n = {1, 16, 100, 1000, 10000, 100000},
	 .quick = 3,
	 SOFT_AXIS,
	 .open = open_pasids,
	 .ops = {{"hit", "a hit", hit, SCALE_WARM_HIT},
		 {"tlbi_va", "TLBI_NH_VA", tlbi_va, SCALE_WARM},
		 {"cfgi_cd", "CFGI_CD and an access", cfgi_cd, SCALE_WARM}}},
	{.name = "guests",
	 .what = "guests",
	 .n = {1, 4, 16, 64, 256},
	 .quick = 3,
	 SOFT_AXIS,
	 .open = open_guests,
	 .ops = {{"hit", "a hit", hit, SCALE_WARM_HIT},
		 {"tlbi_va", "TLBI_NH_VA", tlbi_va, SCALE_WARM},
		 {"tlbi_asid", "TLBI_NH_ASID", tlbi_asid, SCALE_WARM}}},
	{.name = NULL},
};
