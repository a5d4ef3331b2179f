// SPDX-License-Identifier: MIT
/*
 * Bulk: one doorbell for as many invalidations as a queue of 512 KiB holds, and a wait descriptor, against memcpy() of
 * the same bytes, and, with the guest's memory behind callbacks, against what is mapped. Measured as bulk.c does.
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

int vtd_bulk_open(struct vtd_bulk *bulk, unsigned int form)
{
	int ret;

	*bulk = (struct vtd_bulk){0};
	ret = vtd_guest_open(&bulk->guest, VTD_BULK_QS, form, viq_call_null_host());
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

/* Beside memcpy() of the same stream, or, with the memory behind callbacks, beside what is mapped. */
static int measure(const struct bench *b, unsigned int form, struct bench_case cases[2])
{
	struct vtd_bulk bulk, mapped = {.copy = NULL};
	int ret;

	ret = vtd_bulk_open(&bulk, form);
	if (!ret && form & VTD_GUEST_BEHIND)
		ret = vtd_bulk_open(&mapped, form & ~VTD_GUEST_BEHIND);
	if (!ret) {
		cases[0] = (struct bench_case){.run = vtd_bulk_ring, .opaque = &bulk};
		cases[1] = mapped.copy ? (struct bench_case){.run = vtd_bulk_ring, .opaque = &mapped}
				       : (struct bench_case){.run = copy_stream, .opaque = &bulk};
		ret = bench_rounds(cases, 2, bench_round_count(b, 300));
	}
	vtd_bulk_close(&mapped);
	vtd_bulk_close(&bulk);
	return ret;
}

static int report(const struct bench *b, unsigned int form, struct bench_row row)
{
	struct bench_case *cases = calloc(2, sizeof(*cases));
	int ret;

	if (!cases)
		return -ENOMEM;
	ret = measure(b, form, cases);
	if (!ret) {
		row.unit = "ns/descriptor";
		row.value = bench_stat(&cases[0].samples);
		row.figure = bench_ratio(&cases[0].samples, &cases[1].samples);
		row.bound = BENCH_AT_MOST;
		b->emit(b->opaque, &row);
	}
	free(cases);
	return ret;
}

#define ROW(id, text, beside, most)                                                                                    \
	{                                                                                                              \
		.name = (id), .title = (text), .figure_name = (beside), .limit = (most)                                \
	}

int bench_vtd_bulk(const struct bench *b)
{
	static const struct bench_row rows[] = {
		[0] = ROW("iotlb", "32,766 IOTLB of 128 bits + wait", "x memcpy", 3),
		[VTD_GUEST_WIDE] = ROW("pasid_iotlb", "16,382 PASID-IOTLB of 256 bits + wait", "x memcpy", 3),
		[VTD_GUEST_BEHIND] = ROW("iotlb_callbacks", "32,766 IOTLB, memory behind callbacks", "x mapped", 2),
		[VTD_GUEST_WIDE | VTD_GUEST_BEHIND] =
			ROW("pasid_iotlb_callbacks", "16,382 PASID-IOTLB, memory behind callbacks", "x mapped", 2),
	};
	int ret = 0;

	for (unsigned int form = 0; !ret && form < sizeof(rows) / sizeof(rows[0]); form++)
		ret = report(b, form, rows[form]);
	return ret;
}
