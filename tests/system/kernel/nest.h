/* SPDX-License-Identifier: MIT */
/*
 * A guest SMMUv3 of viq's in front of the machine's own, and a guest's driver for it: memory, tables, a command queue.
 * The device is behind it with StreamID vsid.
 */
#ifndef VIQ_KERNEL_NEST_H
#define VIQ_KERNEL_NEST_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/linux_smmuv3.h>
#include <viq/nest_smmuv3.h>

#include "guest.h"

#define NEST_EVENTS_LOG2 4

struct nest_config {
	unsigned int log2size;        /* of the command queue, in entries */
	uint32_t vsid;                /* below 256 */
	uint32_t calls;               /* enum viq_linux_calls */
	struct viq_linux *linux_host; /* NULL: of its own */
	bool ats;                     /* let the device keep translations of its own */
	bool any_stream; /* tell the guest's side that every StreamID has a device: the kernel knows better */
};

struct nest {
	struct nest_config config;
	struct guest guest;
	struct edu edu;
	struct synth_st streams;
	struct synth_cmdq queue;
	uint64_t events;      /* the event queue, of 2^NEST_EVENTS_LOG2 records */
	uint32_t events_cons; /* as in EVENTQ_CONS */
	/* Made in this order. */
	struct viq_linux *linux_host;
	uint32_t device, ioas, stage2;
	struct viq_linux_vsmmu *vsmmu;
	struct viq_nest_smmuv3 *nest;
	struct viq_mem *mem;
	struct viq_smmuv3_ops ops;
	struct viq_call_host host;     /* the vSMMU's own */
	struct viq_call_host_ops liar; /* any_stream */
	struct viq_smmuv3 *smmu;
	/* What its hooks saw. */
	uint32_t host_errors, kicks;
	uint32_t last_host_error; /* enum viq_call_error */
};

/* Everything up to a guest that has switched its SMMU on, with the device translating. Fails the test. */
void nest_create(struct nest *nest, const struct nest_config *config);
/* Everything destroyed, one by one; each call must succeed. */
void nest_destroy(struct nest *nest);

/* The guest's driver. Write a stream's STE (no command). */
void nest_set_ste(struct nest *nest, uint32_t sid, const uint64_t ste[VIQ_SMMUV3_STE_WORDS]);
void nest_push(struct nest *nest, struct synth_cmd command);
void nest_push_sync(struct nest *nest);
void nest_ring(struct nest *nest);
/* Queue one command and a CMD_SYNC, ring; both must be consumed without an error. */
void nest_command(struct nest *nest, struct synth_cmd command);

/* As the guest sees it: CMDQ_CONS's index with its wrap flag; the active error or CERROR_NONE. */
uint32_t nest_cons(struct nest *nest);
unsigned int nest_error(struct nest *nest);
/* GERRORN, and go on where CMDQ_CONS is. */
void nest_acknowledge(struct nest *nest);
/* What Linux does about CERROR_ILL: a CMD_SYNC in place of the command; then acknowledge. Here for any error. */
void nest_repair(struct nest *nest);

/* The device appears behind StreamID vsid, as nest_create() does with the configured one. */
void nest_add(struct nest *nest, uint32_t vsid);
/* CR0.SMMUEN; GBPA, which is 0 or ABORT. */
void nest_switch(struct nest *nest, bool on);
void nest_gbpa(struct nest *nest, uint32_t value);
/* Take the next record out of the event queue. False: there is none. */
bool nest_event(struct nest *nest, uint64_t record[4]);

#endif
