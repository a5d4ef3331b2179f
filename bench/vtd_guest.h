/* SPDX-License-Identifier: MIT */
/* A guest with an invalidation queue in front of a viq VT-d: what the front end's benchmarks drive. */
#ifndef VIQ_BENCH_VTD_GUEST_H
#define VIQ_BENCH_VTD_GUEST_H

#include <viq/vtd.h>

#include "synth/synth.h"

#define VTD_GUEST_BASE   UINT64_C(0x40000000)
#define VTD_GUEST_DOMAIN 1
#define VTD_GUEST_PASID  0

struct vtd_guest {
	void *ram;
	size_t ram_size;
	struct viq_mem *mem;
	struct synth_mem synth; /* allocates in ram */
	struct viq_vtd *vtd;
	uint64_t ring, status; /* guest addresses; status is a 32-bit word for wait descriptors */
	uint32_t entries, entry_size;
};

struct vtd_desc {
	uint64_t w[2]; /* the other two are 0 */
};

#define VTD_GUEST_WIDE   1u /* a queue of 256-bit descriptors: scalable mode */
#define VTD_GUEST_BEHIND 2u /* viq reaches the memory through callbacks only */

/* Memory, present; a queue of 4096 << qs bytes; one table, of domain 1 and PASID 0, with this host. */
int vtd_guest_open(struct vtd_guest *guest, unsigned int qs, unsigned int form, struct viq_call_host host);
void vtd_guest_close(struct vtd_guest *guest); /* also after a failed open */

/* An empty queue that begins at its first slot again. */
void vtd_guest_rewind(struct vtd_guest *guest);
void vtd_guest_put(struct vtd_guest *guest, uint32_t slot, struct vtd_desc desc);

/* One page: an IOTLB descriptor, or a PASID-IOTLB one if the queue is wide. */
struct vtd_desc vtd_guest_page(const struct vtd_guest *guest, uint64_t addr);
/* A wait descriptor that writes the status word. */
struct vtd_desc vtd_guest_wait(const struct vtd_guest *guest, uint32_t data);

static inline void vtd_guest_doorbell(struct vtd_guest *guest, uint32_t slot)
{
	viq_vtd_mmio_write(guest->vtd, VIQ_VTD_IQT, 4, (uint64_t)slot * guest->entry_size);
}

/* Has everything up to this slot been consumed, and no error shown? */
static inline bool vtd_guest_done(const struct vtd_guest *guest, uint32_t slot)
{
	return viq_vtd_mmio_read(guest->vtd, VIQ_VTD_IQH, 4) == (uint64_t)slot * guest->entry_size &&
	       !viq_vtd_mmio_read(guest->vtd, VIQ_VTD_FSTS, 4);
}

#endif
