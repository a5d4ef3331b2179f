// SPDX-License-Identifier: MIT
/*
 * Bulk: one doorbell for 65,536 TLBI_NH_VA and a CMD_SYNC, against memcpy() of the same bytes.
 *
 * The guest writes the stream anew before each measurement, of memcpy() as well: both find the ring where a guest's
 * stores have left it, a little over 1 MiB that the caches hold as far as they can. memcpy() writes to a buffer of the
 * same size, already present, as someone who only wanted a private copy would.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "subjects.h"

#define PAGE UINT64_C(4096)

struct synth_cmd bulk_command(uint32_t i, enum bulk_form form)
{
	struct synth_range range = {.ttl = 3, .tg = 1};
	uint64_t va = UINT64_C(0x100000000) + i * PAGE;

	if (i == BULK_TLBIS)
		return synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_SEV, 0, 0);
	if (form == BULK_TYPES && i % 2)
		return synth_cmd_tlbi_nh_asid(1);
	if (form == BULK_ADDRESS || form == BULK_TYPES || form == BULK_BEHIND)
		return synth_cmd_tlbi_nh_va(1, va, true);
	if (form == BULK_MIXED)
		range.num = i % 32;
	return synth_cmd_tlbi_nh_va_range(1, va, true, range);
}

int bulk_open(struct bulk *bulk, enum bulk_form form)
{
	int ret;

	*bulk = (struct bulk){.form = form};
	ret = (form == BULK_BEHIND ? bench_guest_open_behind : bench_guest_open)(&bulk->guest, 4u << 20, BULK_LOG2SIZE,
										 viq_call_null_host());
	if (ret)
		return ret;
	bulk->copy = malloc(BULK_BYTES);
	if (!bulk->copy)
		return -ENOMEM;
	memset(bulk->copy, 0xff, BULK_BYTES);
	return 0;
}

void bulk_close(struct bulk *bulk)
{
	free(bulk->copy);
	bench_guest_close(&bulk->guest);
}

static void write_stream(struct bulk *bulk)
{
	bench_guest_rewind(&bulk->guest);
	for (uint32_t i = 0; i < BULK_COMMANDS; i++)
		synth_cmdq_push(&bulk->guest.queue, bulk_command(i, bulk->form));
}

double bulk_ring(void *opaque)
{
	struct bulk *bulk = opaque;
	uint64_t start, end;

	write_stream(bulk);
	start = bench_now();
	bench_guest_doorbell(&bulk->guest, BULK_COMMANDS);
	end = bench_now();
	return bench_guest_done(&bulk->guest, BULK_COMMANDS) ? (double)(end - start) / BULK_COMMANDS : -1;
}

static double copy_stream(void *opaque)
{
	struct bulk *bulk = opaque;
	const void *ring = synth_ptr(&bulk->guest.synth, bulk->guest.queue.base);
	uint64_t start, end;

	write_stream(bulk);
	start = bench_now();
	memcpy(bulk->copy, ring, BULK_BYTES);
	/* The copy is wanted: it may not be left out. */
	__asm__ volatile("" : : "r"(bulk->copy) : "memory");
	end = bench_now();
	return (double)(end - start) / BULK_COMMANDS;
}

/* Beside memcpy() of the same stream, or, with the memory behind callbacks, beside what is mapped. */
static int measure(const struct bench *b, enum bulk_form form, struct bench_case cases[2])
{
	struct bulk bulk, mapped = {.copy = NULL};
	int ret;

	ret = bulk_open(&bulk, form);
	if (!ret && form == BULK_BEHIND)
		ret = bulk_open(&mapped, BULK_ADDRESS);
	if (!ret) {
		cases[0] = (struct bench_case){.run = bulk_ring, .opaque = &bulk};
		cases[1] = form == BULK_BEHIND ? (struct bench_case){.run = bulk_ring, .opaque = &mapped}
					       : (struct bench_case){.run = copy_stream, .opaque = &bulk};
		ret = bench_rounds(cases, 2, bench_round_count(b, 300));
	}
	bulk_close(&mapped);
	bulk_close(&bulk);
	return ret;
}

static int report(const struct bench *b, enum bulk_form form, struct bench_row row)
{
	struct bench_case *cases = calloc(2, sizeof(*cases));
	int ret;

	if (!cases)
		return -ENOMEM;
	ret = measure(b, form, cases);
	if (!ret) {
		row.unit = "ns/command";
		row.value = bench_stat(&cases[0].samples);
		if (row.figure_name)
			row.figure = bench_ratio(&cases[0].samples, &cases[1].samples);
		b->emit(b->opaque, &row);
	}
	if (!ret && form == BULK_ADDRESS) {
		row = (struct bench_row){.name = "memcpy", .title = "memcpy of the same bytes", .unit = "ns/command"};
		row.value = bench_stat(&cases[1].samples);
		b->emit(b->opaque, &row);
	}
	free(cases);
	return ret;
}

#define ROW(form, id, text, beside, most)                                                                              \
	[form] = {.name = (id), .title = (text), .figure_name = (beside), .bound = BENCH_AT_MOST, .limit = (most)}

int bench_bulk(const struct bench *b)
{
	static const struct bench_row rows[] = {
		ROW(BULK_ADDRESS, "tlbi_va", "65,536 TLBI_NH_VA + CMD_SYNC", "x memcpy", 3),
		ROW(BULK_PAGES, "tlbi_range", "the same, range form, one page each", "x memcpy", 3),
		ROW(BULK_MIXED, "tlbi_range_mixed", "the same, range form, 1 to 32 pages", "x memcpy", 2),
		ROW(BULK_TYPES, "tlbi_types", "TLBI_NH_VA and TLBI_NH_ASID in turns", NULL, 2.5),
		ROW(BULK_BEHIND, "tlbi_va_callbacks", "65,536 TLBI_NH_VA, memory behind callbacks", "x mapped", 2),
	};
	int ret = 0;

	for (unsigned int form = BULK_ADDRESS; !ret && form <= BULK_BEHIND; form++)
		ret = report(b, form, rows[form]);
	return ret;
}
