/* SPDX-License-Identifier: MIT */
/*
 * VMM and guest in one process: viq's guest VT-d in front of the machine's own, through Linux's real Intel driver, and
 * the device behind both.
 *
 * A page of the device's address space is remapped from OLD to NEW. A device that still reads OLD does so through what
 * an IOMMU, or the device itself, remembers: that must be seen before the guest's descriptor, and never after.
 */
#ifndef VIQ_NESTED_VMM_H
#define VIQ_NESTED_VMM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/edu.h"
#include "kernel/vtd_guest.h"

struct vmm {
	struct vtd_guest_host host;
	struct vtd_guest guest;
	struct edu edu;
	uint32_t ioas;
	uint8_t *ram;
};

extern struct vmm vmm; /* each test is a process, and has one */

/* The device has PASIDs, and asks for pages: so says who made the machine. */
bool vmm_has_pasids(void);
/* ctx: the caller's. No page of any address space is mapped. */
void vmm_start(struct viq_linux *ctx);
/* The kernel says EBUSY if anything is left that was built on them. */
void vmm_end(void);

/* --- The guest's address spaces, 0 to 2 --- */

#define VMM_SPACES 3u
#define VMM_PAGES  512u /* of each, from 0 */

/* Its tables: four levels. */
uint64_t vmm_space(unsigned int space);
/* What a page is mapped to, before and after. Of every 64th page it is the same. */
uint64_t vmm_old(unsigned int page);
uint64_t vmm_new(unsigned int page);
void vmm_map(unsigned int space, unsigned int page, uint64_t where); /* 0: not */

/* --- The device --- */

/* Of the requests that follow; 0: without. */
void vmm_use_pasid(uint32_t pasid);
/* What the device reads; 0: it reaches nothing. */
uint64_t vmm_look(unsigned int page);
/* The first pages are OLD, are used, and become NEW: and the device does not know it. */
void vmm_make_stale(unsigned int space, uint32_t pasid, unsigned int pages);
/* Each of these is read as it is now, or as it was. */
void vmm_see(uint32_t pasid, unsigned int first, unsigned int count, bool fresh);

#endif
