// SPDX-License-Identifier: MIT
/*
 * How many IOMMU_HWPT_INVALIDATE a doorbell costs, and how many entries each carries: counted, so the same on every
 * machine. *bulk* and *strict* are what viq_linux_vsmmu_config.calls offers; *one by one* is a call for every command
 * that concerns the host, as QEMU makes them: as many as there are entries.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/capture.h"
#include "guest.h"
#include "kernel.h"
#include "linux_calls.h"

#define CAPTURE "captures/linux-7.3-arm64-smmuv3-strict-nvme.pcap"

/* One stream of doorbells. */
struct stream {
	const char *name, *title;
	unsigned int log2size; /* of the queue */
	uint32_t tlbis;        /* before each CMD_SYNC; 0: the capture */
};

static const struct stream streams[] = {
	{"capture", "NVMe, strict: a recorded guest", 18, 0},
	{"512", "512 TLBI_NH_VA + CMD_SYNC", 10, 512},
	{"65536", "65,536 TLBI_NH_VA + CMD_SYNC", 17, 65536},
};

struct count {
	uint64_t doorbells, calls, entries;
};

/* What the guest had written when it rang, doorbell by doorbell. */
static int ring_capture(struct bench_guest *guest, struct viq_capture_reader *reader, struct count *count)
{
	uint32_t mask = (1u << streams[0].log2size) - 1;
	struct viq_capture_event event;
	struct viq_capture_error err;
	int ret;

	while ((ret = viq_capture_reader_next(reader, &event, &err)) > 0) {
		const struct viq_capture_entries *e = &event.entries;

		if (event.type != VIQ_CAPTURE_ENTRIES && event.type != VIQ_CAPTURE_DOORBELL)
			continue;
		for (uint32_t i = 0; i < e->count; i++)
			memcpy(synth_ptr(&guest->synth, guest->queue.base + ((e->first + i) & mask) * 16),
			       (const char *)e->bytes + i * 16, 16);
		if (event.type != VIQ_CAPTURE_DOORBELL)
			continue;
		bench_guest_doorbell(guest, e->doorbell);
		count->doorbells++;
		if (!bench_guest_done(guest, e->doorbell))
			return -EIO;
	}
	return ret;
}

static int ring_synthetic(struct bench_guest *guest, const struct stream *stream, struct count *count)
{
	for (uint32_t i = 0; i < stream->tlbis; i++)
		synth_cmdq_push(&guest->queue, synth_cmd_tlbi_nh_va(1, UINT64_C(4096) * i, true));
	synth_cmdq_push(&guest->queue, synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_SEV, 0, 0));
	bench_guest_doorbell(guest, stream->tlbis + 1);
	count->doorbells = 1;
	return bench_guest_done(guest, stream->tlbis + 1) ? 0 : -EIO;
}

/* -ENOENT: the capture is not there. */
static int ring(struct bench_guest *guest, const struct stream *stream, struct count *count)
{
	struct viq_capture_reader *reader;
	struct viq_capture_error err;
	int ret;

	if (stream->tlbis)
		return ring_synthetic(guest, stream, count);
	ret = viq_capture_reader_open(CAPTURE, &reader, &err);
	if (ret)
		return ret;
	ret = ring_capture(guest, reader, count);
	viq_capture_reader_close(reader);
	return ret;
}

static int count_calls(const struct stream *stream, enum viq_linux_calls calls, struct count *count)
{
	struct bench_kernel kernel;
	struct bench_guest guest = {.ram = NULL};
	int ret;

	*count = (struct count){.calls = 0};
	ret = bench_kernel_open(&kernel, calls);
	if (!ret)
		ret = bench_guest_open(&guest, (32u << stream->log2size) + (1u << 20), stream->log2size, kernel.host);
	kernel.calls = kernel.entries = 0; /* without the host's question how the kernel reports */
	if (!ret)
		ret = ring(&guest, stream, count);
	count->calls = kernel.calls;
	count->entries = kernel.entries;
	bench_guest_close(&guest);
	bench_kernel_close(&kernel);
	return ret;
}

static void report(const struct bench *b, const struct stream *stream, const char *way, const struct count *count,
		   const char *skipped)
{
	char name[64], title[96];
	struct bench_row row = {.name = name, .title = title, .unit = "calls/doorbell", .skipped = skipped};

	snprintf(name, sizeof(name), "calls_%s_%s", stream->name, way);
	snprintf(title, sizeof(title), "%s, %s", stream->title, strcmp(way, "each") ? way : "one by one");
	if (!skipped) {
		row.value = bench_constant((double)count->calls / (double)count->doorbells);
		row.figure_name = "entries per call";
		row.figure = bench_constant((double)count->entries / (double)count->calls);
	}
	b->emit(b->opaque, &row);
}

int linux_calls(const struct bench *b)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		struct count bulk, strict, each;
		const char *skipped = NULL;
		int ret;

		ret = count_calls(&streams[i], VIQ_LINUX_CALLS_BULK, &bulk);
		if (!ret)
			ret = count_calls(&streams[i], VIQ_LINUX_CALLS_STRICT, &strict);
		if (ret == -ENOENT)
			skipped = "no " CAPTURE " here";
		else if (ret)
			return ret;
		each = bulk;
		each.calls = each.entries;
		report(b, &streams[i], "bulk", &bulk, skipped);
		report(b, &streams[i], "strict", &strict, skipped);
		report(b, &streams[i], "each", &each, skipped);
	}
	return 0;
}
