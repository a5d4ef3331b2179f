// SPDX-License-Identifier: MIT
/*
 * The software host: what a translation costs that it has cached, and whether an invalidation's cost depends on how
 * much is cached.
 *
 * Hits are measured in two sets of pages, gone through in order: 16 pages, as a device's rings and buffers of the
 * moment, and 4,096, of which no first-level cache holds the entries.
 *
 * For invalidations the device first translates N pages, so that as many entries are cached (a few less than a million:
 * some of the sets overflow). Then single pages and ranges of 512 pages are invalidated, and at last the whole ASID,
 * which only a fill can repeat. What the processor's caches hold of the TLB says nothing about N and would hide what
 * does: so the pages are those that the device has just used, as pages that a guest unmaps mostly are, and before each
 * measurement another ASID is invalidated a few times. A range may cost as much as it has pages and has no target.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "iommu.h"
#include "soft_threads.h"
#include "subjects.h"

#define RECENT_PAGES 16
#define TLB_PAGES    4096

/* --- Hits -------------------------------------------------------------------------------------------------------- */

struct hits {
	const struct bench_iommu *iommu;
	uint32_t pages;  /* gone through in order; a power of two */
	uint32_t repeat; /* accesses in one measurement */
};

static double hit(void *opaque)
{
	const struct hits *h = opaque;
	struct viq_soft_xlate xlate;
	uint64_t start, end;
	int err = 0;

	start = bench_now();
	for (uint32_t i = 0; i < h->repeat; i++)
		err |= bench_iommu_access(h->iommu, i & (h->pages - 1), &xlate);
	end = bench_now();
	return err ? -1 : (double)(end - start) / h->repeat;
}

static void report_hit(const struct bench *b, const struct bench_case *c, struct bench_row row)
{
	row.unit = "ns/access";
	row.value = bench_stat(&c->samples);
	b->emit(b->opaque, &row);
}

static int measure_hits(const struct bench *b, const struct bench_iommu *iommu)
{
	struct hits recent = {.iommu = iommu, .pages = RECENT_PAGES, .repeat = b->quick ? 1000 : 20000};
	struct hits spread = {.iommu = iommu, .pages = TLB_PAGES, .repeat = b->quick ? TLB_PAGES : 5 * TLB_PAGES};
	struct bench_case *cases = calloc(2, sizeof(*cases));
	int ret;

	if (!cases)
		return -ENOMEM;
	cases[0] = (struct bench_case){.run = hit, .opaque = &recent};
	cases[1] = (struct bench_case){.run = hit, .opaque = &spread};
	ret = bench_rounds(cases, 2, bench_round_count(b, 300));
	if (!ret) {
		report_hit(b, &cases[0],
			   (struct bench_row){.name = "hit_recent",
					      .title = "hit, 16 pages in turn",
					      .bound = BENCH_AT_MOST,
					      .limit = 11});
		report_hit(b, &cases[1],
			   (struct bench_row){.name = "hit_spread",
					      .title = "hit, 4,096 pages in turn",
					      .bound = BENCH_AT_MOST,
					      .limit = 11});
	}
	free(cases);
	return ret;
}

/* --- Invalidations ----------------------------------------------------------------------------------------------- */

#define SIZES       5   /* 10^2 to 10^6 entries */
#define QUICK_SIZES 3   /* to 10^4 */
#define RANGE_PAGES 512 /* what Linux sends for 2 MiB */
#define SINGLES     16  /* pages invalidated per measurement */
#define RANGES      4

enum kind {
	KIND_ASID,
	KIND_PAGE,
	KIND_RANGE,
	KINDS
};

static const struct {
	const char *name, *title;
} kinds[KINDS] = {
	[KIND_ASID] = {"asid", "invalidate an ASID"},
	[KIND_PAGE] = {"page", "invalidate a page"},
	[KIND_RANGE] = {"range", "invalidate 512 pages"},
};

struct flat {
	const struct bench_iommu *iommu;
	double clock_cost;
	uint32_t sizes;
	struct bench_samples samples[KINDS][SIZES]; /* ns per call */
};

static uint32_t size_of(uint32_t size)
{
	static const uint32_t entries[SIZES] = {100, 1000, 10000, 100000, 1000000};

	return entries[size];
}

static int fill(const struct bench_iommu *iommu, uint32_t pages)
{
	struct viq_soft_xlate xlate;
	int err = 0;

	for (uint32_t i = 0; i < pages; i++)
		err |= bench_iommu_access(iommu, i, &xlate);
	return err ? -EIO : 0;
}

static struct synth_cmd command(enum kind kind, uint32_t page)
{
	const struct synth_range range = {.num = RANGE_PAGES / 32 - 1, .scale = 5, .ttl = 3, .tg = 1};

	switch (kind) {
	case KIND_PAGE:
		return synth_cmd_tlbi_nh_va(IOMMU_ASID, bench_iommu_va(page), true);
	case KIND_RANGE:
		return synth_cmd_tlbi_nh_va_range(IOMMU_ASID, bench_iommu_va(page), true, range);
	default:
		return synth_cmd_tlbi_nh_asid(IOMMU_ASID);
	}
}

/* The first page of call i: backwards from the page that was translated last. */
static uint32_t first_page(enum kind kind, uint32_t pages, uint32_t i)
{
	uint32_t back = kind == KIND_RANGE ? RANGE_PAGES * (i + 1) : i + 1;

	return back < pages ? pages - back : 0;
}

/* count calls; ns per call, or negative. */
static double invalidate(const struct flat *f, enum kind kind, uint32_t pages, uint32_t count)
{
	const struct synth_cmd other = bench_iommu_entry(synth_cmd_tlbi_nh_asid(IOMMU_OTHER_ASID));
	uint64_t start, end;
	int err = 0;

	for (unsigned int i = 0; i < 8; i++)
		err |= bench_iommu_invalidate(f->iommu, &other, 1);
	start = bench_now();
	for (uint32_t i = 0; i < count; i++) {
		struct synth_cmd cmd = bench_iommu_entry(command(kind, first_page(kind, pages, i)));

		err |= bench_iommu_invalidate(f->iommu, &cmd, 1);
	}
	end = bench_now();
	return err ? -1 : ((double)(end - start) - f->clock_cost) / count;
}

static int measure_size(struct flat *f, uint32_t size, bool count)
{
	static const uint32_t calls[KINDS] = {[KIND_PAGE] = SINGLES, [KIND_RANGE] = RANGES, [KIND_ASID] = 1};
	static const enum kind order[] = {KIND_PAGE, KIND_RANGE, KIND_ASID};
	int ret;

	ret = fill(f->iommu, size_of(size));
	for (unsigned int i = 0; !ret && i < KINDS; i++) {
		double value = invalidate(f, order[i], size_of(size), calls[order[i]]);

		if (value < 0)
			ret = -EIO;
		else if (count)
			bench_add(&f->samples[order[i]][size], value);
	}
	return ret;
}

static void report_flat(const struct bench *b, const struct flat *f, enum kind kind)
{
	for (uint32_t size = 0; size < f->sizes; size++) {
		char name[32], title[64];
		struct bench_row row = {.name = name, .title = title, .unit = "ns/call"};

		snprintf(name, sizeof(name), "invalidate_%s_%u", kinds[kind].name, size_of(size));
		snprintf(title, sizeof(title), "%s, %u entries cached", kinds[kind].title, size_of(size));
		row.value = bench_stat(&f->samples[kind][size]);
		if (size && kind != KIND_RANGE) {
			row.figure_name = "x that of 100";
			row.figure = bench_ratio(&f->samples[kind][size], &f->samples[kind][0]);
			row.bound = BENCH_AT_MOST;
			row.limit = 2;
		}
		b->emit(b->opaque, &row);
	}
}

static int measure_flat(const struct bench *b, const struct bench_iommu *iommu)
{
	struct flat *f = calloc(1, sizeof(*f));
	uint32_t rounds = bench_round_count(b, 12);
	int ret = 0;

	if (!f)
		return -ENOMEM;
	f->iommu = iommu;
	f->clock_cost = bench_clock_cost();
	f->sizes = b->quick ? QUICK_SIZES : SIZES;
	for (uint32_t round = 0; !ret && round <= rounds; round++) {
		for (uint32_t i = 0; !ret && i < f->sizes; i++)
			ret = measure_size(f, (round + i) % f->sizes, round > 0);
	}
	for (unsigned int kind = 0; !ret && kind < KINDS; kind++)
		report_flat(b, f, kind);
	free(f);
	return ret;
}

/* --- Many invalidations in one call, and a stream's configuration ------------------------------------------------ */

#define BULK 2048 /* entries of a call: as many as a front end gathers */

struct bulk_call {
	const struct bench_iommu *iommu;
	struct synth_cmd cmds[BULK];
};

static double bulk_call(void *opaque)
{
	const struct bulk_call *c = opaque;
	uint64_t start = bench_now();

	if (bench_iommu_invalidate(c->iommu, c->cmds, BULK))
		return -1;
	return (double)(bench_now() - start) / BULK;
}

/* What CFGI_STE comes to, as often as a guest's driver that attaches and detaches. */
static double configure(void *opaque)
{
	const struct bulk_call *c = opaque;
	uint64_t start = bench_now();
	int err = 0;

	for (unsigned int i = 0; i < 16; i++)
		err |= bench_iommu_configure(c->iommu);
	return err ? -1 : (double)(bench_now() - start) / 16;
}

static int measure_calls(const struct bench *b, const struct bench_iommu *iommu)
{
	struct bulk_call *c = calloc(1, sizeof(*c));
	struct bench_case *cases = calloc(2, sizeof(*cases));
	int ret = -ENOMEM;

	if (!c || !cases)
		goto out;
	c->iommu = iommu;
	for (uint32_t i = 0; i < BULK; i++)
		c->cmds[i] = bench_iommu_entry(synth_cmd_tlbi_nh_va(IOMMU_ASID, bench_iommu_va(i), true));
	cases[0] = (struct bench_case){.run = bulk_call, .opaque = c};
	cases[1] = (struct bench_case){.run = configure, .opaque = c};
	ret = bench_rounds(cases, 2, bench_round_count(b, 300));
	if (ret)
		goto out;
	b->emit(b->opaque, &(struct bench_row){.name = "invalidate_bulk",
					       .title = "invalidate 2,048 pages, an entry each, one call",
					       .unit = "ns/entry",
					       .value = bench_stat(&cases[0].samples),
					       .bound = BENCH_AT_MOST,
					       .limit = 15});
	b->emit(b->opaque, &(struct bench_row){.name = "configure",
					       .title = "set a stream",
					       .unit = "ns/stream",
					       .value = bench_stat(&cases[1].samples),
					       .bound = BENCH_AT_MOST,
					       .limit = 1000});
out:
	free(cases);
	free(c);
	return ret;
}

/* --- Threads ----------------------------------------------------------------------------------------------------- */

static double one_thread(void *opaque)
{
	return soft_threads_run(opaque, 1);
}

static double two_threads(void *opaque)
{
	return soft_threads_run(opaque, 2);
}

/* What two threads do, in place of one. */
static const struct {
	struct bench_row row;
	uint32_t pages, bulk, repeat, quick;
	bool control;
} pairs[] = {
	{{.name = "threads_recent",
	  .title = "two threads, hits, the same 16 pages",
	  .unit = "ns/access, both",
	  .bound = BENCH_AT_LEAST,
	  .limit = 1.8},
	 .pages = RECENT_PAGES,
	 .repeat = 2000000,
	 .quick = 20000},
	{{.name = "threads_spread",
	  .title = "two threads, hits, the same 4,096 pages",
	  .unit = "ns/access, both",
	  .bound = BENCH_AT_LEAST,
	  .limit = 1.8},
	 .pages = TLB_PAGES,
	 .repeat = 2000000,
	 .quick = 20000},
	{{.name = "threads_invalidate",
	  .title = "two guests, a thread each, invalidate a page",
	  .unit = "ns/call, both",
	  .bound = BENCH_AT_LEAST,
	  .limit = 1.9},
	 .pages = RECENT_PAGES,
	 .bulk = 1,
	 .repeat = 500000,
	 .quick = 5000},
	{{.name = "threads_bulk",
	  .title = "two guests, a thread each, 2,048 pages in one call",
	  .unit = "ns/entry, both",
	  .bound = BENCH_AT_LEAST,
	  .limit = 1.9},
	 .pages = BULK,
	 .bulk = BULK,
	 .repeat = 500 * BULK,
	 .quick = 5 * BULK},
	{{.name = "threads_control", .title = "two threads, arithmetic alone", .unit = "ns/access, both"},
	 .repeat = 2000000,
	 .quick = 20000,
	 .control = true},
};
#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

/*
 * Beside the accesses, in the same rounds, a control that shares nothing: on a virtual machine two processors may be
 * one, or be lent to somebody else meanwhile, and then nothing scales.
 */
static int measure_threads(const struct bench *b, const struct bench_iommu *iommu)
{
	struct bench_case *cases = calloc(2 * PAIRS, sizeof(*cases));
	struct soft_threads sides[PAIRS], first = {.iommu = iommu, .guests = {iommu->host}};
	bool picked = soft_threads_pick_cpus(&first);
	struct viq_soft_xlate xlate;
	struct viq_soft_dev *dev;
	uint32_t viommu;
	int ret = cases ? bench_iommu_add_guest(iommu, &viommu, &dev) : -ENOMEM;

	if (ret)
		goto out;
	first.guests[1] = viq_soft_host(iommu->soft, viommu);
	/* So that the second guest, too, has leaves to invalidate. */
	viq_soft_access_begin();
	ret = viq_soft_translate(dev, bench_iommu_va(0), 0, VIQ_SOFT_READ, &xlate);
	viq_soft_access_end();
	for (unsigned int i = 0; i < PAIRS; i++) {
		sides[i] = first;
		sides[i].pages = pairs[i].pages;
		sides[i].bulk = pairs[i].bulk;
		sides[i].repeat = b->quick ? pairs[i].quick : pairs[i].repeat;
		sides[i].control = pairs[i].control;
		cases[2 * i] = (struct bench_case){.run = one_thread, .opaque = &sides[i]};
		cases[2 * i + 1] = (struct bench_case){.run = two_threads, .opaque = &sides[i]};
	}
	if (!ret && picked)
		ret = bench_rounds(cases, 2 * PAIRS, bench_round_count(b, 40));
	for (unsigned int i = 0; !ret && i < PAIRS; i++) {
		struct bench_row row = pairs[i].row;

		if (picked) {
			row.figure_name = "x one thread";
			row.value = bench_stat(&cases[2 * i + 1].samples);
			row.figure = bench_ratio(&cases[2 * i].samples, &cases[2 * i + 1].samples);
		} else {
			row.skipped = "needs two processors";
		}
		b->emit(b->opaque, &row);
	}
out:
	free(cases);
	return ret;
}

/* --- The subject ------------------------------------------------------------------------------------------------- */

/* A TLB of the default size. */
static int measure_translation(const struct bench *b)
{
	struct bench_iommu iommu;
	int ret;

	ret = bench_iommu_open(&iommu, 1u << 16, TLB_PAGES);
	if (!ret)
		ret = measure_hits(b, &iommu);
	if (!ret)
		ret = measure_threads(b, &iommu);
	if (!ret)
		ret = measure_calls(b, &iommu);
	bench_iommu_close(&iommu);
	return ret;
}

static int measure_invalidation(const struct bench *b)
{
	struct bench_iommu iommu;
	int ret;

	/* Twice as many entries as are wanted: sets overflow at random. */
	ret = bench_iommu_open(&iommu, b->quick ? 1u << 16 : 1u << 21, size_of((b->quick ? QUICK_SIZES : SIZES) - 1));
	if (!ret)
		ret = measure_flat(b, &iommu);
	bench_iommu_close(&iommu);
	return ret;
}

int bench_soft(const struct bench *b)
{
	int ret = measure_translation(b);

	return ret ? ret : measure_invalidation(b);
}
