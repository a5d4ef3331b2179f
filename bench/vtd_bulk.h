/* SPDX-License-Identifier: MIT */
/* The stream of the VT-d bulk benchmark, which qemu.c sends through QEMU too. */
#ifndef VIQ_BENCH_VTD_BULK_H
#define VIQ_BENCH_VTD_BULK_H

#include "vtd_guest.h"

#define VTD_BULK_QS 7 /* the largest queue there is: 512 KiB */

struct vtd_bulk {
	struct vtd_guest guest;
	uint32_t count; /* descriptors: as many as the queue can hold */
	void *copy;     /* of all of them, for memcpy */
};

/* Null host; the form is VTD_GUEST_*: IOTLB descriptors, or PASID-IOTLB ones if wide. */
int vtd_bulk_open(struct vtd_bulk *bulk, unsigned int form);
void vtd_bulk_close(struct vtd_bulk *bulk); /* also after a failed open */

/* Descriptor i: one page after the other, a wait descriptor last. */
struct vtd_desc vtd_bulk_desc(const struct vtd_bulk *bulk, uint32_t i);

/* The guest writes the stream and rings once: ns per descriptor of the ringing alone. opaque is a struct vtd_bulk. */
double vtd_bulk_ring(void *opaque);

#endif
