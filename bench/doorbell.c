// SPDX-License-Identifier: MIT
/*
 * Doorbells as real guests ring them: [TLBI_NH_VA, CMD_SYNC], then CMDQ_PROD.
 *
 * The same host is also called alone, with the one entry that the doorbell sends it; what the doorbell takes beyond
 * that is the front end's: decoding the register access, fetching and checking two commands, completing the CMD_SYNC.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "doorbell.h"
#include "iommu.h"
#include "subjects.h"

/* Every second slot a CMD_SYNC. They stay, lap after lap. */
static void write_ring(struct doorbell *d, struct synth_cmd sync)
{
	for (uint32_t i = 0; i < 1u << d->guest.queue.log2size; i += 2) {
		synth_cmdq_push(&d->guest.queue, synth_cmd_tlbi_nh_va(1, UINT64_C(0x100000) + i * 4096, true));
		synth_cmdq_push(&d->guest.queue, sync);
	}
	d->guest.queue.prod = 0;
}

double doorbell_ring(void *opaque)
{
	struct doorbell *d = opaque;
	uint32_t prod = d->guest.queue.prod, mask = (2u << d->guest.queue.log2size) - 1;
	uint64_t start, end;

	start = bench_now();
	for (uint32_t i = 0; i < d->repeat; i++) {
		prod = (prod + 2) & mask;
		bench_guest_doorbell(&d->guest, prod);
	}
	end = bench_now();
	d->guest.queue.prod = prod;
	return bench_guest_done(&d->guest, prod) ? (double)(end - start) / d->repeat : -1;
}

static double call_host(void *opaque)
{
	struct doorbell *d = opaque;
	const struct viq_call_piece piece = {d->entry, 1};
	const struct viq_call_request request = {
		.size = sizeof(request),
		.object = d->host.object,
		.type = VIQ_CALL_SMMUV3,
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

/* whole: a target is for all of it. */
static int report(const struct bench *b, struct doorbell *d, bool whole, struct bench_row row)
{
	struct bench_case *cases = calloc(2, sizeof(*cases));
	int ret;

	if (!cases)
		return -ENOMEM;
	cases[0] = (struct bench_case){.run = doorbell_ring, .opaque = d};
	cases[1] = (struct bench_case){.run = call_host, .opaque = d};
	ret = bench_rounds(cases, 2, bench_round_count(b, BENCH_MAX_SAMPLES));
	if (!ret) {
		row.unit = "ns/doorbell";
		row.value = bench_stat(&cases[0].samples);
		if (!whole) {
			row.figure_name = "ns beyond the host";
			row.figure = bench_difference(&cases[0].samples, &cases[1].samples);
		}
		b->emit(b->opaque, &row);
	}
	free(cases);
	return ret;
}

int doorbell_open_at(struct doorbell *d, unsigned int log2size, uint32_t regions, struct viq_call_host host, bool msi)
{
	struct synth_cmd tlbi = synth_cmd_tlbi_nh_va(1, 0x100000, true);
	uint64_t word;
	int ret;

	*d = (struct doorbell){.host = host, .entry = {tlbi.w[0], tlbi.w[1]}, .repeat = 100};
	ret = bench_guest_open_regions(&d->guest, (1u << 20) + (16u << log2size), log2size, regions, host);
	if (ret)
		return ret;
	word = synth_alloc(&d->guest.synth, 3);
	write_ring(d, msi ? synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_IRQ, word, 0)
			  : synth_cmd_sync(VIQ_SMMUV3_SYNC_CS_SEV, 0, 0));
	return 0;
}

void doorbell_close(struct doorbell *d)
{
	bench_guest_close(&d->guest);
}

static int measure_doorbell(const struct bench *b, struct viq_call_host host, bool msi, bool whole,
			    struct bench_row row)
{
	struct doorbell d;
	int ret;

	ret = doorbell_open(&d, host, msi);
	if (!ret)
		ret = report(b, &d, whole, row);
	doorbell_close(&d);
	return ret;
}

static int measure(const struct bench *b, struct viq_call_host host, bool msi, struct bench_row row)
{
	return measure_doorbell(b, host, msi, false, row);
}

/* A device's thread: in no access, or in one after the other. */
struct device {
	const struct bench_iommu *iommu;
	bool busy;
	pthread_t thread;
	sem_t registered, end;
	_Atomic bool stop;
};

static void *run_device(void *opaque)
{
	struct device *device = opaque;
	struct viq_soft_xlate xlate;

	viq_soft_thread_register();
	sem_post(&device->registered);
	for (uint32_t i = 0; device->busy && !atomic_load_explicit(&device->stop, memory_order_relaxed); i++)
		bench_iommu_access(device->iommu, i & 15, &xlate);
	sem_wait(&device->end);
	viq_soft_thread_unregister();
	return NULL;
}

static int measure_beside(const struct bench *b, const struct bench_iommu *iommu, bool busy, struct bench_row row)
{
	struct device device = {.iommu = iommu, .busy = busy};
	int ret;

	sem_init(&device.registered, 0, 0);
	sem_init(&device.end, 0, 0);
	ret = -pthread_create(&device.thread, NULL, run_device, &device);
	if (!ret) {
		sem_wait(&device.registered);
		ret = measure_doorbell(b, iommu->host, false, true, row);
		atomic_store(&device.stop, true);
		sem_post(&device.end);
		pthread_join(device.thread, NULL);
	}
	sem_destroy(&device.registered);
	sem_destroy(&device.end);
	return ret;
}

/* With 10,000 entries cached. */
static int measure_soft(const struct bench *b)
{
	const uint32_t pages = 10000;
	struct bench_iommu iommu;
	struct viq_soft_xlate xlate;
	int ret;

	ret = bench_iommu_open(&iommu, 1u << 16, pages);
	for (uint32_t i = 0; !ret && i < pages; i++)
		ret = bench_iommu_access(&iommu, i, &xlate);
	if (!ret)
		ret = measure(b, iommu.host, false,
			      (struct bench_row){.name = "soft",
						 .title = "software host, guest polls CMDQ_CONS",
						 .bound = BENCH_AT_MOST,
						 .limit = 60});
	if (!ret)
		ret = measure_beside(b, &iommu, false,
				     (struct bench_row){.name = "soft_threads",
							.title = "software host, a device has a thread",
							.bound = BENCH_AT_MOST,
							.limit = 400});
	if (!ret)
		ret = measure_beside(b, &iommu, true,
				     (struct bench_row){.name = "soft_busy_thread",
							.title = "software host, a thread accesses without a pause"});
	bench_iommu_close(&iommu);
	return ret;
}

/* As a guest polls that has the registers not mapped, without its exit. */
static double read_cons(void *opaque)
{
	struct doorbell *d = opaque;
	uint64_t sum = 0, start = bench_now();

	for (uint32_t i = 0; i < d->repeat; i++)
		sum += viq_smmuv3_mmio_read(d->guest.smmu, VIQ_SMMUV3_CMDQ_CONS, 4);
	return sum == UINT64_MAX ? -1 : (double)(bench_now() - start) / d->repeat;
}

static int measure_read(const struct bench *b)
{
	struct bench_case one = {.run = read_cons};
	struct doorbell d;
	int ret = doorbell_open(&d, viq_call_null_host(), false);

	one.opaque = &d;
	if (!ret)
		ret = bench_rounds(&one, 1, bench_round_count(b, BENCH_MAX_SAMPLES));
	if (!ret)
		b->emit(b->opaque, &(struct bench_row){.name = "read",
						       .title = "a read of CMDQ_CONS",
						       .unit = "ns/read",
						       .value = bench_stat(&one.samples),
						       .bound = BENCH_AT_MOST,
						       .limit = 3});
	doorbell_close(&d);
	return ret;
}

int bench_doorbell(const struct bench *b)
{
	int ret;

	ret = measure(b, viq_call_null_host(), false,
		      (struct bench_row){.name = "null",
					 .title = "null host, guest polls CMDQ_CONS",
					 .bound = BENCH_AT_MOST,
					 .limit = 60});
	if (!ret)
		ret = measure(b, viq_call_null_host(), true,
			      (struct bench_row){.name = "null_msi",
						 .title = "null host, guest polls an MSI in memory",
						 .bound = BENCH_AT_MOST,
						 .limit = 60});
	if (!ret)
		ret = measure_read(b);
	return ret ? ret : measure_soft(b);
}
