/* SPDX-License-Identifier: MIT */
/*
 * A device's own cache of translations (PCIe ATS; IHI 0070 3.9; VT-d's device-TLB). The IOMMU is not asked again on a
 * hit, so what is here stays until ATC_INV (4.5) or a device-TLB invalidation, or until the host turns ATS off.
 *
 * Entries are tagged with the PASID of the access, or none, and removed by the address of the piece that they translate
 * (not of a stage-1 leaf, as in the TLB).
 */
#ifndef VIQ_SOFT_ATC_H
#define VIQ_SOFT_ATC_H

#include <stdbool.h>
#include <stdint.h>

#include "slot.h"

#define SOFT_ATC_STEPS 256u /* pieces that one command invalidates one by one */
#define SOFT_ATC_SIZES 8u   /* sizes that a translation may have: every leaf of every granule */
#define SOFT_NO_PASID  UINT32_MAX

struct soft_atc {
	soft_word *slots;
	uint64_t set_mask;
	uint32_t steps;
	struct soft_page_gens pages;
	void *alloc; /* slots and pages */
	soft_word gen;
	soft_word pasid_gen[SOFT_OWNERS]; /* everything of an owner's PASIDs */
	soft_word sizes;                  /* log2 sizes that entries may have; bits only get set, before the first */
};

struct soft_atc_entry {
	uint64_t base, base_pa;
	uint8_t shift;
	uint8_t rights; /* SOFT_R/W/X of unprivileged accesses, and << 4 of privileged ones */
};

/* Counters of whatever a translation request may return, before it was made. */
struct soft_atc_sample {
	uint64_t sizes; /* in use then */
	uint64_t common;
	uint64_t piece[SOFT_ATC_SIZES]; /* by size */
};

int soft_atc_init(struct soft_atc *atc, uint32_t entries);
void soft_atc_fini(struct soft_atc *atc);

/* Readers, in a section. */
bool soft_atc_lookup(struct soft_atc *atc, uint32_t pasid, uint64_t addr, struct soft_atc_entry *entry);
void soft_atc_sample(struct soft_atc *atc, uint32_t pasid, uint64_t addr, struct soft_atc_sample *sample);
/* False: the first of its size. Nothing was inserted; sample and request again, now that invalidations know of it. */
bool soft_atc_insert(struct soft_atc *atc, uint32_t pasid, const struct soft_atc_sample *sample,
		     const struct soft_atc_entry *entry);

/* Invalidations, under the lock. A grace period must follow. */
void soft_atc_inv_all(struct soft_atc *atc);
/* [first, last], of one PASID; or with any_pasid of all PASIDs and of none. */
void soft_atc_inv(struct soft_atc *atc, bool any_pasid, uint32_t pasid, uint64_t first, uint64_t last);

#endif
