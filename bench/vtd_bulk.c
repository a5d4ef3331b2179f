// SPDX-License-Identifier: MIT
/*
 * Bulk: one doorbell for as many invalidations as a queue of 512 KiB holds, and a wait descriptor, against memcpy() of
 * the same bytes. Measured as bulk.c does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "subjects.h"
#include "vtd_bulk.h"

struct vtd_desc vtd_bulk_desc(const struct vtd_bulk *bulk, uint32_t i)
{
	if (i == bulk->count - 1)
		return vtd_guest_wait(&bulk->guest, 2);
	return vtd_guest_page(&bulk->guest, UINT64_C(0x100000000) + i * UINT64_C(4096));
}

int vtd_bulk_open(struct vtd_bulk *bulk, bool wide)
{
	int ret;

	*bulk = (struct vtd_bulk){0};
	ret = vtd_guest_open(&bulk->guest, VTD_BULK_QS, wide, viq_call_null_host());
	if (ret)
		return ret;
	bulk->count = bulk->guest.entries - 1;
	bulk->copy = malloc((size_t)bulk->count * bulk->guest.entry_size);
	if (!bulk->copy)
		return -ENOMEM;
	memset(bulk->copy, 0xff, (size_t)bulk->count * bulk->guest.entry_size);
	return 0;
}

void vtd_bulk_close(struct vtd_bulk *bulk)
{
	free(bulk->copy);
	vtd_guest_close(&bulk->guest);
}

static void write_stream(struct vtd_bulk *bulk)
{
	vtd_guest_rewind(&bulk->guest);
	for (uint32_t i = 0; i < bulk->count; i++)
		vtd_guest_put(&bulk->guest, i, vtd_bulk_desc(bulk, i));
}

double vtd_bulk_ring(void *opaque)
{
	struct vtd_bulk *bulk = opaque;
	uint64_t start, end;

	write_stream(bulk);
	start = bench_now();
	vtd_guest_doorbell(&bulk->guest, bulk->count);
	end = bench_now();
	return vtd_guest_done(&bulk->guest, bulk->count) ? (double)(end - start) / bulk->count : -1;
}

static double copy_stream(void *opaque)
{
	struct vtd_bulk *bulk = opaque;
	const void *ring = synth_ptr(&bulk->guest.synth, bulk->guest.ring);
	uint64_t start, end;

	write_stream(bulk);
	start = bench_now();
	memcpy(bulk->copy, ring, (size_t)bulk->count * bulk->guest.entry_size);
	/* The copy is wanted: it may not be left out. */
	__asm__ volatile("" : : "r"(bulk->copy) : "memory");
	end = bench_now();
	return (double)(end - start) / bulk->count;
}

static int measure(const struct bench *b, bool wide, struct bench_case cases[2])
{
	struct vtd_bulk bulk;
	int ret;

	ret = vtd_bulk_open(&bulk, wide);
	if (!ret) {
		cases[0] = (struct bench_case){.run = vtd_bulk_ring, .opaque = &bulk};
		cases[1] = (struct bench_case){.run = copy_stream, .opaque = &bulk};
		ret = bench_rounds(cases, 2, bench_round_count(b, 300));
	}
	vtd_bulk_close(&bulk);
	return ret;
}

static int report(const struct bench *b, bool wide, const char *name, const char *title)
{
	struct bench_case *cases = calloc(2, sizeof(*cases));
	int ret;

	if (!cases)
		return -ENOMEM;
	ret = measure(b, wide, cases);
	if (!ret)
		b->emit(b->opaque, &(struct bench_row){
					   .name = name,
					   .title = title,
					   .unit = "ns/descriptor",
					   .value = bench_stat(&cases[0].samples),
					   .figure_name = "x memcpy",
					   .figure = bench_ratio(&cases[0].samples, &cases[1].samples),
					   .bound = BENCH_AT_MOST,
					   .limit = 3,
				   });
	free(cases);
	return ret;
}

int bench_vtd_bulk(const struct bench *b)
{
	int ret = report(b, false, "iotlb", "32,766 IOTLB of 128 bits + wait");

	return ret ? ret : report(b, true, "pasid_iotlb", "16,382 PASID-IOTLB of 256 bits + wait");
}
