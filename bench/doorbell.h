/* SPDX-License-Identifier: MIT */
/* A guest that rings for every [TLBI_NH_VA, CMD_SYNC], in front of any host. */
#ifndef VIQ_BENCH_DOORBELL_H
#define VIQ_BENCH_DOORBELL_H

#include "guest.h"

struct doorbell {
	struct bench_guest guest;
	struct viq_call_host host;
	uint64_t entry[2]; /* what the host gets from one */
	uint32_t repeat;   /* doorbells in one measurement */
};

/* msi: the guest polls a word of its memory instead of CMDQ_CONS. */
int doorbell_open(struct doorbell *doorbell, struct viq_call_host host, bool msi);
void doorbell_close(struct doorbell *doorbell); /* also after a failed open */

/* ns per doorbell. opaque is a struct doorbell. */
double doorbell_ring(void *opaque);

#endif
