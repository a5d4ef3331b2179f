// SPDX-License-Identifier: MIT
/*
 * Doorbells as real guests ring them: [invalidate, wait], then IQT. Measured as doorbell.c does: what a doorbell takes
 * beyond the call of the host with the same entry is the front end's.
 */
#include <errno.h>
#include <stdlib.h>

#include "subjects.h"
#include "vtd_doorbell.h"
#include "vtd_iommu.h"

/* Every second slot a wait descriptor. They stay, lap after lap. */
static void write_ring(struct vtd_doorbell *d)
{
	for (uint32_t i = 0; i < d->guest.entries; i += 2) {
		vtd_guest_put(&d->guest, i, vtd_guest_page(&d->guest, UINT64_C(0x100000) + i * 4096));
		vtd_guest_put(&d->guest, i + 1, vtd_guest_wait(&d->guest, 2));
	}
}

double vtd_doorbell_ring(void *opaque)
{
	struct vtd_doorbell *d = opaque;
	uint32_t tail = d->tail;
	uint64_t start, end;

	start = bench_now();
	for (uint32_t i = 0; i < d->repeat; i++) {
		tail = (tail + 2) & (d->guest.entries - 1);
		vtd_guest_doorbell(&d->guest, tail);
	}
	end = bench_now();
	d->tail = tail;
	return vtd_guest_done(&d->guest, tail) ? (double)(end - start) / d->repeat : -1;
}

int vtd_doorbell_open_at(struct vtd_doorbell *d, unsigned int qs, bool wide, struct viq_call_host host)
{
	int ret;

	*d = (struct vtd_doorbell){
		.host = host, .entry = {.addr = 0x100000, .npages = 1, .flags = VIQ_VTD_S1_LEAF}, .repeat = 100};
	ret = vtd_guest_open(&d->guest, qs, wide ? VTD_GUEST_WIDE : 0, host);
	if (!ret)
		write_ring(d);
	return ret;
}

static double call_host(void *opaque)
{
	struct vtd_doorbell *d = opaque;
	const struct viq_call_piece piece = {&d->entry, 1};
	const struct viq_call_request request = {
		.size = sizeof(request),
		.object = d->host.object,
		.type = VIQ_CALL_VTD_S1,
		.entry_size = sizeof(d->entry),
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result result = {.size = sizeof(result)};
	uint64_t start, end;

	start = bench_now();
	for (uint32_t i = 0; i < d->repeat; i++) {
		if (viq_call_invalidate(&d->host, &request, &result) || result.error)
			return -1;
	}
	end = bench_now();
	return (double)(end - start) / d->repeat;
}

static int measure(const struct bench *b, struct vtd_doorbell *d, struct bench_case cases[2])
{
	cases[0] = (struct bench_case){.run = vtd_doorbell_ring, .opaque = d};
	cases[1] = (struct bench_case){.run = call_host, .opaque = d};
	return bench_rounds(cases, 2, bench_round_count(b, BENCH_MAX_SAMPLES));
}

static int report(const struct bench *b, struct viq_call_host host, bool wide, struct bench_row row)
{
	struct bench_case *cases = calloc(2, sizeof(*cases));
	struct vtd_doorbell d;
	int ret;

	if (!cases)
		return -ENOMEM;
	ret = vtd_doorbell_open(&d, wide, host);
	if (!ret)
		ret = measure(b, &d, cases);
	vtd_guest_close(&d.guest);
	if (!ret) {
		row.unit = "ns/doorbell";
		row.value = bench_stat(&cases[0].samples);
		row.figure_name = "ns beyond the host";
		row.figure = bench_difference(&cases[0].samples, &cases[1].samples);
		row.bound = BENCH_AT_MOST;
		row.limit = 60;
		b->emit(b->opaque, &row);
	}
	free(cases);
	return ret;
}

/* With 10,000 translations cached. */
static int report_soft(const struct bench *b)
{
	const uint32_t pages = 10000;
	struct vtd_iommu iommu;
	int ret;

	ret = vtd_iommu_open(&iommu, &(struct vtd_iommu_shape){1u << 16, pages, 1, 1});
	for (uint32_t i = 0; !ret && i < pages; i++)
		ret = vtd_iommu_access(&iommu, i);
	if (!ret)
		ret = report(
			b, iommu.host[0], true,
			(struct bench_row){.name = "soft", .title = "software host, [PASID-IOTLB, wait] of 256 bits"});
	vtd_iommu_close(&iommu);
	return ret;
}

static double read_iqh(void *opaque)
{
	struct vtd_doorbell *d = opaque;
	uint64_t sum = 0, start = bench_now();

	for (uint32_t i = 0; i < d->repeat; i++)
		sum += viq_vtd_mmio_read(d->guest.vtd, VIQ_VTD_IQH, 8);
	return sum == UINT64_MAX ? -1 : (double)(bench_now() - start) / d->repeat;
}

static int report_read(const struct bench *b)
{
	struct vtd_doorbell d = {.repeat = 100};
	struct bench_case one = {.run = read_iqh, .opaque = &d};
	int ret = vtd_guest_open(&d.guest, 0, VTD_GUEST_WIDE, viq_call_null_host());

	if (!ret)
		ret = bench_rounds(&one, 1, bench_round_count(b, BENCH_MAX_SAMPLES));
	vtd_guest_close(&d.guest);
	if (!ret)
		b->emit(b->opaque, &(struct bench_row){.name = "read",
						       .title = "a read of IQH",
						       .unit = "ns/read",
						       .value = bench_stat(&one.samples),
						       .bound = BENCH_AT_MOST,
						       .limit = 3});
	return ret;
}

int bench_vtd_doorbell(const struct bench *b)
{
	int ret;

	ret = report(b, viq_call_null_host(), false,
		     (struct bench_row){.name = "iotlb", .title = "null host, [IOTLB, wait] of 128 bits"});
	if (!ret)
		ret = report(b, viq_call_null_host(), true,
			     (struct bench_row){.name = "pasid_iotlb",
						.title = "null host, [PASID-IOTLB, wait] of 256 bits"});
	if (!ret)
		ret = report_read(b);
	return ret ? ret : report_soft(b);
}
