/* SPDX-License-Identifier: MIT */
/* The guest around a capture, as far as it is the same for every IOMMU: memory, ring, doorbells. */
#ifndef VIQ_TOOL_REPLAY_GUEST_H
#define VIQ_TOOL_REPLAY_GUEST_H

#include <viq/mem.h>

#include "replay.h"
#include "synth/synth.h"

#define GUEST_RAM_BASE  UINT64_C(0x40000000)
#define GUEST_RAM_SIZE  (UINT64_C(1) << 30)
#define GUEST_TLB_LOG2  17
#define GUEST_ADDR_BITS 48

struct guest_ring {
	uint64_t base;       /* SYNTH_NONE: there is none */
	uint32_t entries;    /* a power of two */
	uint32_t entry_size; /* bytes */
};

/* The first member of an architecture's own. */
struct replay_guest {
	const struct replay_arch *arch;
	void *ram;
	struct viq_mem *vmem;
	struct synth_mem mem;
	struct viq_fault *fault; /* in front of the software host; NULL: there is none */
	struct guest_ring ring;
	uint32_t head;       /* up to where consumption was noticed */
	bool kicked;         /* set by the front end's kick() */
	uint64_t clock_cost; /* ns, taken off every measurement */
};

/* Memory of GUEST_RAM_SIZE, front end and host; nothing enabled. NULL after an error, which was printed. */
struct replay_guest *guest_create(const struct replay_arch *arch, const struct replay_options *options,
				  const struct scan *scan);
void guest_destroy(struct replay_guest *guest);
/* For kick() of either front end; opaque is the guest. */
void guest_kick(void *opaque);

uint32_t guest_read32(struct replay_guest *guest, uint64_t offset);
void guest_write32(struct replay_guest *guest, uint64_t offset, uint64_t value);
void guest_write64(struct replay_guest *guest, uint64_t offset, uint64_t value);

/* A (new) ring, empty at this index. False after an error, which was printed. */
bool guest_start_queue(struct replay_guest *guest, uint32_t entries, uint32_t entry_size, uint32_t first);
/* The bits that an index has. */
uint32_t guest_index_mask(const struct replay_guest *guest);
/* Index that a doorbell of this value stands for. */
uint32_t guest_doorbell_index(const struct replay_guest *guest, uint32_t doorbell);
void guest_load(const struct replay_guest *guest, uint32_t index, uint64_t entry[4]);
void guest_store(struct replay_guest *guest, uint32_t index, const uint64_t entry[4]);

/* Ring, and run until the front end has nothing left. Returns nanoseconds. */
uint64_t guest_ring(struct replay_guest *guest, uint32_t doorbell);
/* Run until the front end has nothing left. */
void guest_run(struct replay_guest *guest);

#endif
