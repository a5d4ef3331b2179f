/* SPDX-License-Identifier: MIT */
/* A guest's VT-d on Linux's iommufd, and the driver of that guest: queue, PASID-table entries. All of it is viq. */
#ifndef VIQ_KERNEL_VTD_GUEST_H
#define VIQ_KERNEL_VTD_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/linux_vtd.h>
#include <viq/nest_vtd.h>
#include <viq/vtd.h>

/* Its memory, from 0; what lies from the first to the second address is the driver's. */
#define VTD_GUEST_RAM    0x100000
#define VTD_GUEST_STATUS 0x20000 /* 8 bytes for each descriptor */
#define VTD_GUEST_PRQ    0x38000 /* page requests, 128 of them */
#define VTD_GUEST_SID    0x0100  /* of the device */
#define VTD_GUEST_FREE   0x40000
#define VTD_GUEST_DONE   2   /* a wait descriptor's status */
#define VTD_GUEST_DID    4   /* of all its entries */
#define VTD_GUEST_SLOTS  512 /* of its queue: descriptors of 256 bits */

struct vtd_guest {
	uint8_t *ram;
	struct viq_mem *mem;
	struct viq_vtd *vtd;
	struct viq_vtd_ops ops;
	struct viq_linux_vvtd *vv;
	struct viq_nest_vtd *nest;
	uint32_t tail; /* descriptors queued since the beginning */
};

/* What the VMM has of the kernel. */
struct vtd_guest_host {
	struct viq_linux *ctx;
	uint32_t parent, device; /* the second stage; the device, bound */
	int cdev;
	bool pasids;
	bool devtlb; /* the guest is to be offered device-TLBs, which the second stage's IOMMU must have */
	bool asks;   /* the device may ask for pages */
};

/* ram: VTD_GUEST_RAM zeroes; the caller's. Translation is on, and no PASID has an entry. */
void vtd_guest_start(struct vtd_guest *g, const struct vtd_guest_host *host, uint8_t *ram);
/* Nothing may be left: what the host has can be destroyed then. */
void vtd_guest_end(struct vtd_guest *g);

void vtd_guest_poke(struct vtd_guest *g, uint64_t gpa, uint64_t value);
void vtd_guest_push(struct vtd_guest *g, uint64_t qw0, uint64_t qw1);
/* PASID-IOTLB, of one page. */
void vtd_guest_push_page(struct vtd_guest *g, uint32_t pasid, uint64_t page);
/* The same of the device's TLB. */
void vtd_guest_push_devtlb(struct vtd_guest *g, uint32_t pasid, uint64_t page);
/* What stands in a slot of the queue becomes this. */
void vtd_guest_rewrite(struct vtd_guest *g, uint32_t slot, uint64_t qw0, uint64_t qw1);
/* A wait descriptor, and the doorbell. Did it complete? */
bool vtd_guest_ring(struct vtd_guest *g);
/* The last one: did it, by now? */
bool vtd_guest_done(const struct vtd_guest *g);
/* The entry of a PASID below 64: first-stage tables at this address; 0: none. Its descriptor must complete. */
void vtd_guest_set(struct vtd_guest *g, uint32_t pasid, uint64_t table);

#endif
