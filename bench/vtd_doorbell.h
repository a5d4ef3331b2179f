/* SPDX-License-Identifier: MIT */
/* A guest that rings for every [invalidate, wait], in front of any host of one table. */
#ifndef VIQ_BENCH_VTD_DOORBELL_H
#define VIQ_BENCH_VTD_DOORBELL_H

#include "vtd_guest.h"

struct vtd_doorbell {
	struct vtd_guest guest;
	struct viq_call_host host;
	struct viq_vtd_s1_entry entry; /* what the host gets from one */
	uint32_t tail;
	uint32_t repeat; /* doorbells in one measurement */
};

/*
 * A queue of 4096 << qs bytes. wide: PASID-IOTLB descriptors of 256 bits. The guest is closed by vtd_guest_close(),
 * also after a failed open.
 */
int vtd_doorbell_open_at(struct vtd_doorbell *doorbell, unsigned int qs, bool wide, struct viq_call_host host);
static inline int vtd_doorbell_open(struct vtd_doorbell *doorbell, bool wide, struct viq_call_host host)
{
	return vtd_doorbell_open_at(doorbell, 0, wide, host);
}
/* ns per doorbell. opaque is a struct vtd_doorbell. */
double vtd_doorbell_ring(void *opaque);

#endif
