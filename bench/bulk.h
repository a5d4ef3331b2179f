/* SPDX-License-Identifier: MIT */
/* The stream of the bulk benchmark, which qemu.c sends through QEMU too. */
#ifndef VIQ_BENCH_BULK_H
#define VIQ_BENCH_BULK_H

#include "guest.h"

#define BULK_TLBIS    65536u            /* invalidations */
#define BULK_COMMANDS (BULK_TLBIS + 1u) /* and the CMD_SYNC */
#define BULK_LOG2SIZE 17                /* the smallest queue that holds them all */
#define BULK_BYTES    ((size_t)BULK_COMMANDS * VIQ_SMMUV3_CMD_SIZE)

/* TLBI_NH_VA of one page after the other, a CMD_SYNC last. */
enum bulk_form {
	BULK_ADDRESS, /* as without range invalidation */
	BULK_PAGES,   /* the range form for single pages, as Linux unmaps them */
	BULK_MIXED,   /* the range form, no two neighbours of the same length */
	BULK_TYPES,   /* every second one a TLBI_NH_ASID */
	BULK_BEHIND,  /* BULK_ADDRESS, and viq reaches the memory through callbacks only */
};
/* Command i of the stream. */
struct synth_cmd bulk_command(uint32_t i, enum bulk_form form);

struct bulk {
	struct bench_guest guest;
	enum bulk_form form;
	void *copy; /* BULK_BYTES, for memcpy */
};

/* Null host. */
int bulk_open(struct bulk *bulk, enum bulk_form form);
void bulk_close(struct bulk *bulk); /* also after a failed open */

/* The guest writes the stream and rings once: ns per command of the ringing alone. opaque is a struct bulk. */
double bulk_ring(void *opaque);

#endif
