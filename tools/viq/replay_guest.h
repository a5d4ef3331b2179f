/* SPDX-License-Identifier: MIT */
/* The guest around a capture: memory, ring, stream table and registers. */
#ifndef VIQ_TOOL_REPLAY_GUEST_H
#define VIQ_TOOL_REPLAY_GUEST_H

#include "replay_scan.h"
#include "soft_guest.h"
#include "synth/synth.h"

#define GUEST_RAM_BASE  UINT64_C(0x40000000)
#define GUEST_RAM_SIZE  (UINT64_C(1) << 30)
#define GUEST_TLB_LOG2  17
#define GUEST_ADDR_BITS 48

struct replay_guest {
	void *ram;
	struct viq_mem *vmem;
	struct synth_mem mem;
	struct viq_smmuv3_config config; /* of smmu */
	struct viq_smmuv3 *smmu;
	bool soft; /* host is there */
	struct soft_guest host;
	struct synth_st st;
	struct synth_cmdq ring;
	bool ring_on;
	uint32_t cons; /* up to where consumption was noticed */
	bool kicked;
	uint64_t clock_cost; /* ns, taken off every measurement */
};

/* Memory, front end and host; nothing enabled. False after an error, which was printed. */
bool guest_create(struct replay_guest *guest, const struct replay_options *options, const struct scan *scan);
void guest_destroy(struct replay_guest *guest);
/* Enable translation with the stream table as it is now, and the event queue. */
void guest_enable(struct replay_guest *guest);
/* A (new) command queue of this size, empty at this index. */
bool guest_start_queue(struct replay_guest *guest, uint32_t entries, uint32_t first);

uint32_t guest_read(struct replay_guest *guest, uint32_t offset);
/* Write PROD, and run until the front end has nothing left. Returns nanoseconds. */
uint64_t guest_ring(struct replay_guest *guest, uint32_t prod);
/* Is CMDQ_ERR active? */
bool guest_stopped(struct replay_guest *guest);
/* Acknowledge, and run. */
void guest_acknowledge(struct replay_guest *guest);

#endif
