// SPDX-License-Identifier: MIT
/*
 * How costs grow: with the queue, the guest's memory regions, what the software host has cached, its streams, PASIDs
 * and guests. An *axis* has a few *points*, all of them there at once and measured in turns; each *operation* of the
 * axis is measured at every point. bench/table.py fits a law to what comes out.
 *
 * Operations touch the 16 last objects of a point: how far they are in the processor's caches is the same everywhere,
 * so what grows is viq's own doing. An invalidation finds nothing, or makes one access read a structure again, which is
 * part of it: so it can be repeated.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "doorbell.h"
#include "iommu.h"
#include "subjects.h"

#define POINTS 6
#define OPS    3
#define TURNS  16 /* objects that are used in turn */
#define REPEAT 64 /* operations in one measurement */

struct point {
	uint32_t n, repeat;
	struct doorbell doorbell;
	struct bench_iommu iommu;
	struct viq_soft_dev **devs; /* those that make accesses, dev_count of them */
	uint32_t dev_count, pages, ssids;
	uint32_t flags; /* of accesses */
};

struct axis {
	const char *name, *what;   /* "streams"; "%u " before it in a title */
	uint32_t n[POINTS], quick; /* quick: so many points */
	int (*open)(struct point *point);
	struct {
		const char *name, *title;
		double (*run)(void *point);
	} ops[OPS];
};

/* --- Operations -------------------------------------------------------------------------------------------------- */

/* The last of count objects, then the one before it, ... */
static uint32_t recent(uint32_t count, uint32_t i)
{
	uint32_t turns = count < TURNS ? count : TURNS;

	return count - 1 - i % turns;
}

static int access_one(const struct point *p, uint32_t i)
{
	struct viq_soft_xlate xlate;
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_translate(p->devs[recent(p->dev_count, i)], bench_iommu_va(recent(p->pages, i)),
				 recent(p->ssids, i), p->flags, &xlate);
	viq_soft_access_end();
	return ret;
}

static int invalidate(const struct point *p, struct synth_cmd cmd)
{
	const struct synth_cmd entry = bench_iommu_entry(cmd);

	return bench_iommu_invalidate(&p->iommu, &entry, 1);
}

static int hit(const struct point *p, uint32_t i)
{
	return access_one(p, i);
}

static int tlbi_va(const struct point *p, uint32_t i)
{
	return invalidate(p, synth_cmd_tlbi_nh_va(IOMMU_ASID, bench_iommu_va(p->pages + i), true));
}

static int tlbi_asid(const struct point *p, uint32_t i)
{
	(void)i;
	return invalidate(p, synth_cmd_tlbi_nh_asid(IOMMU_OTHER_ASID));
}

static int cfgi_ste(const struct point *p, uint32_t i)
{
	/* What a guest's CFGI_STE makes of it (viq_soft_backend()). */
	return viq_soft_vdevice_configure(p->iommu.soft, p->iommu.viommu, 1 + recent(p->dev_count, i), p->iommu.ste) |
	       access_one(p, i);
}

static int cfgi_cd(const struct point *p, uint32_t i)
{
	return invalidate(p, synth_cmd_cfgi_cd(2, recent(p->ssids, i), true)) | access_one(p, i);
}

static double timed(const struct point *p, int (*op)(const struct point *p, uint32_t i))
{
	uint64_t start, end;
	int err = 0;

	/* What another point has pushed out of the processor's caches comes back. */
	for (uint32_t i = 0; i < TURNS; i++)
		err |= op(p, i);
	start = bench_now();
	for (uint32_t i = 0; i < REPEAT; i++)
		err |= op(p, i);
	end = bench_now();
	return err ? -1 : (double)(end - start) / REPEAT;
}

static double run_hit(void *opaque)
{
	return timed(opaque, hit);
}

static double run_tlbi_va(void *opaque)
{
	return timed(opaque, tlbi_va);
}

static double run_tlbi_asid(void *opaque)
{
	return timed(opaque, tlbi_asid);
}

static double run_cfgi_ste(void *opaque)
{
	return timed(opaque, cfgi_ste);
}

static double run_cfgi_cd(void *opaque)
{
	return timed(opaque, cfgi_cd);
}

static double run_doorbell(void *opaque)
{
	struct point *p = opaque;

	doorbell_ring(&p->doorbell);
	return doorbell_ring(&p->doorbell);
}

/* --- Points ------------------------------------------------------------------------------------------------------ */

static int open_queue(struct point *p)
{
	unsigned int log2size = 0;

	while (1u << log2size < p->n)
		log2size++;
	return doorbell_open_at(&p->doorbell, log2size, 1, viq_call_null_host(), true);
}

static int open_regions(struct point *p)
{
	return doorbell_open_at(&p->doorbell, 8, p->n, viq_call_null_host(), true);
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

static int open_tlb(struct point *p)
{
	int ret = open_iommu(p, 1u << 21, p->n, 1);

	return ret ? ret : warm_up(p, p->n);
}

static int open_streams(struct point *p)
{
	int ret = open_iommu(p, 1u << 16, TURNS, p->n);

	for (uint32_t i = 1; !ret && i < p->n; i++)
		ret = bench_iommu_add_device(&p->iommu, p->iommu.viommu, 1 + i, p->iommu.ste, &p->devs[p->dev_count++]);
	return ret ? ret : warm_up(p, p->n);
}

/* Stream 2 has a table of its own, with so many context descriptors: each an address space of the same pages. */
static int open_pasids(struct point *p)
{
	uint64_t cd[VIQ_SMMUV3_CD_WORDS], ste[VIQ_SMMUV3_STE_WORDS];
	struct synth_cdt cdt;
	unsigned int cdmax = 1;
	int ret = open_iommu(p, 1u << 16, TURNS, 2);

	while (1u << cdmax < p->n)
		cdmax++;
	if (!ret)
		ret = synth_cdt_init(&cdt, &p->iommu.synth, cdmax, 1);
	if (ret)
		return ret;
	synth_cd(cd, &p->iommu.pt, NULL, IOMMU_ASID, 48);
	for (uint32_t ssid = 0; !ret && ssid < p->n; ssid++)
		ret = synth_cdt_set(&cdt, ssid, cd);
	synth_ste_s1(ste, &cdt, 0, 0);
	ste[1] &= VIQ_SMMUV3_STE_1_NESTING;
	if (!ret)
		ret = bench_iommu_add_device(&p->iommu, p->iommu.viommu, 2, ste, &p->devs[0]);
	if (ret)
		return ret;
	p->ssids = p->n;
	p->flags |= VIQ_SOFT_SSV;
	return warm_up(p, p->n);
}

/* Calls go to the last guest. */
static int open_guests(struct point *p)
{
	int ret = open_iommu(p, 1u << 16, TURNS, p->n);

	for (uint32_t i = 1; !ret && i < p->n; i++) {
		uint32_t viommu;

		ret = bench_iommu_add_guest(&p->iommu, &viommu, &p->devs[i]);
		p->iommu.host = viq_soft_host(p->iommu.soft, viommu);
	}
	/* Every guest's device, every page. */
	for (uint32_t page = 0; !ret && page < TURNS; page++) {
		for (uint32_t i = 0; !ret && i < p->n; i++) {
			struct viq_soft_xlate xlate;

			viq_soft_access_begin();
			ret = viq_soft_translate(p->devs[i], bench_iommu_va(page), 0, VIQ_SOFT_READ, &xlate);
			viq_soft_access_end();
		}
	}
	return ret;
}

static void close_point(struct point *p)
{
	doorbell_close(&p->doorbell);
	bench_iommu_close(&p->iommu);
	free(p->devs);
}

/* --- The subject ------------------------------------------------------------------------------------------------- */

static const struct axis axes[] = {
	{.name = "queue",
	 .what = "commands of room",
	 .n = {16, 256, 4096, 65536, 524288},
	 .quick = 3,
	 .open = open_queue,
	 .ops = {{"doorbell", "[TLBI_NH_VA, CMD_SYNC], an MSI", run_doorbell}}},
	{.name = "regions",
	 .what = "regions of memory",
	 .n = {1, 10, 100, 1000},
	 .quick = 3,
	 .open = open_regions,
	 .ops = {{"doorbell", "[TLBI_NH_VA, CMD_SYNC], an MSI", run_doorbell}}},
	{.name = "tlb",
	 .what = "entries cached",
	 .n = {100, 1000, 10000, 100000, 1000000},
	 .quick = 3,
	 .open = open_tlb,
	 .ops = {{"hit", "a hit", run_hit},
		 {"tlbi_va", "TLBI_NH_VA", run_tlbi_va},
		 {"tlbi_asid", "TLBI_NH_ASID", run_tlbi_asid}}},
	{.name = "streams",
	 .what = "streams",
	 .n = {1, 16, 256, 4096, 65536},
	 .quick = 3,
	 .open = open_streams,
	 .ops = {{"hit", "a hit", run_hit},
		 {"tlbi_va", "TLBI_NH_VA", run_tlbi_va},
		 {"cfgi_ste", "CFGI_STE and an access", run_cfgi_ste}}},
	{.name = "pasids",
	 .what = "PASIDs",
	 .n = {1, 10, 100, 1000, 10000, 100000},
	 .quick = 3,
	 .open = open_pasids,
	 .ops = {{"hit", "a hit", run_hit},
		 {"tlbi_va", "TLBI_NH_VA", run_tlbi_va},
		 {"cfgi_cd", "CFGI_CD and an access", run_cfgi_cd}}},
	{.name = "guests",
	 .what = "guests",
	 .n = {1, 4, 16, 64, 256},
	 .quick = 3,
	 .open = open_guests,
	 .ops = {{"hit", "a hit", run_hit},
		 {"tlbi_va", "TLBI_NH_VA", run_tlbi_va},
		 {"tlbi_asid", "TLBI_NH_ASID", run_tlbi_asid}}},
};

static uint32_t point_count(const struct bench *b, const struct axis *axis)
{
	uint32_t count = 0;

	while (count < POINTS && axis->n[count])
		count++;
	return b->quick && axis->quick < count ? axis->quick : count;
}

static void report(const struct bench *b, const struct axis *axis, uint32_t op, const struct bench_case *cases,
		   uint32_t points)
{
	for (uint32_t i = 0; i < points; i++) {
		char name[48], title[80];
		struct bench_row row = {.name = name, .title = title, .unit = "ns"};

		snprintf(name, sizeof(name), "%s_%s_%u", axis->name, axis->ops[op].name, axis->n[i]);
		snprintf(title, sizeof(title), "%s, %u %s", axis->ops[op].title, axis->n[i], axis->what);
		row.value = bench_stat(&cases[i].samples);
		if (i) {
			row.figure_name = "x the first";
			row.figure = bench_ratio(&cases[i].samples, &cases[0].samples);
		}
		b->emit(b->opaque, &row);
	}
}

static int measure_axis(const struct bench *b, const struct axis *axis, struct point *points, uint32_t count)
{
	struct bench_case *cases = calloc((size_t)OPS * count, sizeof(*cases));
	uint32_t ops = 0;
	int ret = 0;

	if (!cases)
		return -ENOMEM;
	for (uint32_t i = 0; !ret && i < count; i++) {
		points[i].n = axis->n[i];
		ret = axis->open(&points[i]);
	}
	for (; ops < OPS && axis->ops[ops].run; ops++) {
		for (uint32_t i = 0; i < count; i++)
			cases[ops * count + i] = (struct bench_case){.run = axis->ops[ops].run, .opaque = &points[i]};
	}
	if (!ret)
		ret = bench_rounds(cases, ops * count, bench_round_count(b, 60));
	for (uint32_t op = 0; !ret && op < ops; op++)
		report(b, axis, op, &cases[op * count], count);
	for (uint32_t i = 0; i < count; i++)
		close_point(&points[i]);
	free(cases);
	return ret;
}

int bench_scale(const struct bench *b)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(axes) / sizeof(axes[0]); i++) {
		struct point *points = calloc(POINTS, sizeof(*points));

		if (!points)
			return -ENOMEM;
		ret = measure_axis(b, &axes[i], points, point_count(b, &axes[i]));
		free(points);
	}
	return ret;
}
