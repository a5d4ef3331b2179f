/* SPDX-License-Identifier: MIT */
/* A guest with a command queue in front of a viq SMMUv3: what the front end's benchmarks drive. */
#ifndef VIQ_BENCH_GUEST_H
#define VIQ_BENCH_GUEST_H

#include <viq/smmuv3.h>

#include "synth/synth.h"

#define BENCH_GUEST_BASE UINT64_C(0x40000000)

struct bench_guest {
	void *ram;
	size_t ram_size;
	struct viq_mem *mem;
	struct synth_mem synth; /* allocates in ram */
	struct synth_cmdq queue;
	struct viq_smmuv3 *smmu;
};

/*
 * Memory of ram_size bytes (a multiple of 4096), present and not swapped; a queue of 2^log2size commands, enabled. The
 * guest may use range invalidation and MSIs. Of so many regions of memory one is used, the others lie around
 * it; 0: viq reaches the memory through callbacks only (..._behind()).
 */
int bench_guest_open_regions(struct bench_guest *guest, size_t ram_size, unsigned int log2size, uint32_t regions,
			     struct viq_call_host host);
static inline int bench_guest_open(struct bench_guest *guest, size_t ram_size, unsigned int log2size,
				   struct viq_call_host host)
{
	return bench_guest_open_regions(guest, ram_size, log2size, 1, host);
}
static inline int bench_guest_open_behind(struct bench_guest *guest, size_t ram_size, unsigned int log2size,
					  struct viq_call_host host)
{
	return bench_guest_open_regions(guest, ram_size, log2size, 0, host);
}
void bench_guest_close(struct bench_guest *guest); /* also after a failed open */

/* An empty queue that begins at its first slot again. */
void bench_guest_rewind(struct bench_guest *guest);

static inline void bench_guest_doorbell(struct bench_guest *guest, uint32_t prod)
{
	viq_smmuv3_mmio_write(guest->smmu, VIQ_SMMUV3_CMDQ_PROD, 4, prod);
}

/* Has everything up to prod been consumed, and no error shown? */
static inline bool bench_guest_done(const struct bench_guest *guest, uint32_t prod)
{
	return viq_smmuv3_mmio_read(guest->smmu, VIQ_SMMUV3_CMDQ_CONS, 4) == prod;
}

#endif
