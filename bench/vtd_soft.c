// SPDX-License-Identifier: MIT
/*
 * The software VT-d: what an invalidate call costs with few and with many translations cached.
 *
 * One page, of which nothing is cached, and all of a table of which nothing is cached: what is measured is finding that
 * out, beside the translations of the other table.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "subjects.h"
#include "vtd_iommu.h"

#define SIZES       3 /* 10^2, 10^4, 10^6 translations cached */
#define QUICK_SIZES 2
#define REPEAT      200

enum {
	KIND_PAGE,
	KIND_TABLE,
	KINDS
};

static const struct {
	const char *name, *title;
} kinds[KINDS] = {
	[KIND_PAGE] = {"page", "one page"},
	[KIND_TABLE] = {"table", "all of a table"},
};

static uint32_t size_of(uint32_t size)
{
	static const uint32_t sizes[SIZES] = {100, 10000, 1000000};

	return sizes[size];
}

struct flat {
	struct vtd_iommu iommu;
	uint32_t sizes;
	struct bench_samples samples[KINDS][SIZES];
};

/* Exactly this many translations cached, or as many of them as the TLB's sets take. */
static int fill(const struct vtd_iommu *iommu, uint32_t pages)
{
	int ret = vtd_iommu_invalidate(iommu, 0, (struct viq_vtd_s1_entry){.npages = VIQ_VTD_S1_ALL});

	for (uint32_t i = 0; !ret && i < pages; i++)
		ret = vtd_iommu_access(iommu, i);
	return ret;
}

static int measure_kind(struct flat *f, unsigned int kind, uint32_t size, bool count)
{
	const struct viq_vtd_s1_entry page = {.addr = VTD_IOMMU_VA - 4096, .npages = 1, .flags = VIQ_VTD_S1_LEAF};
	const struct viq_vtd_s1_entry all = {.npages = VIQ_VTD_S1_ALL};
	uint64_t start = bench_now();

	for (unsigned int i = 0; i < REPEAT; i++) {
		if (kind == KIND_PAGE ? vtd_iommu_invalidate(&f->iommu, 0, page)
				      : vtd_iommu_invalidate(&f->iommu, 1, all))
			return -EIO;
	}
	if (count)
		bench_add(&f->samples[kind][size], (double)(bench_now() - start) / REPEAT);
	return 0;
}

static void report(const struct bench *b, const struct flat *f, unsigned int kind, uint32_t size)
{
	char name[32], title[64];
	struct bench_row row = {.name = name, .title = title, .unit = "ns/call"};

	snprintf(name, sizeof(name), "invalidate_%s_%u", kinds[kind].name, size_of(size));
	snprintf(title, sizeof(title), "%s, %u entries cached", kinds[kind].title, size_of(size));
	row.value = bench_stat(&f->samples[kind][size]);
	if (size) {
		row.figure_name = "x that of 100";
		row.figure = bench_ratio(&f->samples[kind][size], &f->samples[kind][0]);
		row.bound = BENCH_AT_MOST;
		row.limit = 2;
	}
	b->emit(b->opaque, &row);
}

static int measure(const struct bench *b, struct flat *f)
{
	uint32_t rounds = bench_round_count(b, 12);
	int ret = 0;

	for (uint32_t round = 0; !ret && round <= rounds; round++) {
		for (uint32_t i = 0; !ret && i < f->sizes; i++) {
			uint32_t size = (round + i) % f->sizes;

			ret = fill(&f->iommu, size_of(size));
			for (unsigned int kind = 0; !ret && kind < KINDS; kind++)
				ret = measure_kind(f, kind, size, round > 0);
		}
	}
	for (unsigned int kind = 0; !ret && kind < KINDS; kind++)
		for (uint32_t size = 0; size < f->sizes; size++)
			report(b, f, kind, size);
	return ret;
}

int bench_vtd_soft(const struct bench *b)
{
	struct flat *f = calloc(1, sizeof(*f));
	struct vtd_iommu_shape shape = {.devices = 1, .pasids = 1};
	int ret;

	if (!f)
		return -ENOMEM;
	f->sizes = b->quick ? QUICK_SIZES : SIZES;
	shape.pages = size_of(f->sizes - 1);
	/* Twice as many entries as are wanted: sets overflow at random. */
	shape.tlb_entries = b->quick ? 1u << 16 : 1u << 21;
	ret = vtd_iommu_open(&f->iommu, &shape);
	if (!ret)
		ret = measure(b, f);
	vtd_iommu_close(&f->iommu);
	free(f);
	return ret;
}
