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

/* msi: the guest polls a word of its memory instead of CMDQ_CONS. Regions of memory: as in bench_guest_open_regions().
 */
int doorbell_open_at(struct doorbell *doorbell, unsigned int log2size, uint32_t regions, struct viq_call_host host,
		     bool msi);
/* A queue as Linux makes it for a small machine, one region: what matters is that it is warm. */
static inline int doorbell_open(struct doorbell *doorbell, struct viq_call_host host, bool msi)
{
	return doorbell_open_at(doorbell, 8, 1, host, msi);
}
void doorbell_close(struct doorbell *doorbell); /* also after a failed open */

/* ns per doorbell. opaque is a struct doorbell. */
double doorbell_ring(void *opaque);

#endif
