// SPDX-License-Identifier: MIT
/*
 * The Linux host without Linux: the system call is replaced by one that returns at once. What a doorbell takes then is
 * the library's: the front end, the check of every command against the kernel's list, the call's argument.
 */
#include <errno.h>
#include <stdlib.h>

#include <viq/linux_host.h>

#include "doorbell.h"
#include "kernel.h"
#include "linux_calls.h"
#include "subjects.h"
#include "vtd_doorbell.h"

#define ENTRIES 2048u /* what the front end passes at most in one call */

static int measure_doorbell(const struct bench *b)
{
	struct bench_row row = {.name = "doorbell",
				.title = "[TLBI_NH_VA, CMD_SYNC], front end and host",
				.unit = "ns/doorbell",
				.bound = BENCH_AT_MOST,
				.limit = 100};
	struct bench_case *one = calloc(1, sizeof(*one));
	struct bench_kernel kernel;
	struct doorbell doorbell = {.repeat = 0};
	int ret;

	if (!one)
		return -ENOMEM;
	ret = bench_kernel_open(&kernel, VIQ_LINUX_CALLS_BULK);
	if (!ret)
		ret = doorbell_open(&doorbell, kernel.host, false);
	if (!ret) {
		*one = (struct bench_case){.run = doorbell_ring, .opaque = &doorbell};
		ret = bench_rounds(one, 1, bench_round_count(b, BENCH_MAX_SAMPLES));
	}
	if (!ret) {
		row.value = bench_stat(&one->samples);
		b->emit(b->opaque, &row);
	}
	doorbell_close(&doorbell);
	bench_kernel_close(&kernel);
	free(one);
	return ret;
}

/* A nested page table that somebody else has made: the kernel answers for any. */
static int measure_vtd_doorbell(const struct bench *b)
{
	struct bench_row row = {.name = "vtd_doorbell",
				.title = "VT-d: [PASID-IOTLB, wait], front end and host",
				.unit = "ns/doorbell",
				.bound = BENCH_AT_MOST,
				.limit = 100};
	struct bench_case *one = calloc(1, sizeof(*one));
	struct vtd_doorbell doorbell = {.repeat = 0};
	struct viq_linux_vtd_host *host = NULL;
	struct bench_kernel kernel;
	int ret;

	if (!one)
		return -ENOMEM;
	ret = bench_kernel_open(&kernel, VIQ_LINUX_CALLS_BULK);
	if (!ret)
		ret = viq_linux_vtd_host_create(kernel.ctx, 1, &host, NULL);
	if (!ret)
		ret = vtd_doorbell_open(&doorbell, true, viq_linux_vtd_host_get(host));
	if (!ret) {
		*one = (struct bench_case){.run = vtd_doorbell_ring, .opaque = &doorbell};
		ret = bench_rounds(one, 1, bench_round_count(b, BENCH_MAX_SAMPLES));
	}
	if (!ret) {
		row.value = bench_stat(&one->samples);
		b->emit(b->opaque, &row);
	}
	vtd_guest_close(&doorbell.guest);
	viq_linux_vtd_host_destroy(host);
	bench_kernel_close(&kernel);
	free(one);
	return ret;
}

struct array {
	struct bench_kernel kernel;
	uint64_t entries[ENTRIES][2];
};

static double call(void *opaque)
{
	struct array *array = opaque;
	const struct viq_call_piece piece = {array->entries, ENTRIES};
	const struct viq_call_request request = {
		.size = sizeof(request),
		.object = array->kernel.host.object,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = sizeof(array->entries[0]),
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result result = {.size = sizeof(result)};
	uint64_t start, end;

	start = bench_now();
	if (viq_call_invalidate(&array->kernel.host, &request, &result) || result.error)
		return -1;
	end = bench_now();
	return (double)(end - start) / ENTRIES;
}

static int array_open(struct array *array, enum viq_linux_calls calls)
{
	for (uint32_t i = 0; i < ENTRIES; i++) {
		struct synth_cmd tlbi = synth_cmd_tlbi_nh_va(1, UINT64_C(4096) * i, true);

		array->entries[i][0] = tlbi.w[0];
		array->entries[i][1] = tlbi.w[1];
	}
	return bench_kernel_open(&array->kernel, calls);
}

static int measure_entries(const struct bench *b, struct bench_case cases[2], struct array arrays[2])
{
	static const struct bench_row rows[2] = {
		{.name = "entry_bulk", .title = "2,048 entries, bulk: one call", .unit = "ns/entry"},
		{.name = "entry_strict", .title = "2,048 entries, strict: 33 calls", .unit = "ns/entry"},
	};
	int ret;

	for (int i = 0; i < 2; i++)
		cases[i] = (struct bench_case){.run = call, .opaque = &arrays[i]};
	ret = bench_rounds(cases, 2, bench_round_count(b, BENCH_MAX_SAMPLES));
	for (int i = 0; !ret && i < 2; i++) {
		struct bench_row row = rows[i];

		row.value = bench_stat(&cases[i].samples);
		b->emit(b->opaque, &row);
	}
	return ret;
}

static int measure_calls(const struct bench *b)
{
	struct bench_case *cases = calloc(2, sizeof(*cases));
	struct array *arrays = calloc(2, sizeof(*arrays));
	int ret = -ENOMEM;

	if (cases && arrays) {
		ret = array_open(&arrays[0], VIQ_LINUX_CALLS_BULK);
		if (!ret)
			ret = array_open(&arrays[1], VIQ_LINUX_CALLS_STRICT);
		if (!ret)
			ret = measure_entries(b, cases, arrays);
		bench_kernel_close(&arrays[1].kernel);
		bench_kernel_close(&arrays[0].kernel);
	}
	free(arrays);
	free(cases);
	return ret;
}

int bench_linux(const struct bench *b)
{
	int ret = measure_doorbell(b);

	if (!ret)
		ret = measure_vtd_doorbell(b);
	if (!ret)
		ret = measure_calls(b);
	return ret ? ret : linux_calls(b);
}
