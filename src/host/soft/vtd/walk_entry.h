/* SPDX-License-Identifier: MIT */
/* What the walks of both stages, and the tables above them, share. */
#ifndef VIQ_SOFT_VTD_WALK_ENTRY_H
#define VIQ_SOFT_VTD_WALK_ENTRY_H

#include "spec/vtd/pte.h"
#include "walk.h"

/* A walk that is going on. */
struct soft_vtd_walker {
	const struct viq_mem *mem;
	const struct vtd_caps *f;
	const struct vtd_regime *regime;
	struct soft_vtd_fault *fault;
	bool dirty; /* set dirty flags of the request's leaves: it is known to be allowed */
};

/* What the second stage is asked for: that decides which fault its refusal is. */
enum soft_vtd_purpose {
	SOFT_VTD_FOR_REQUEST,
	SOFT_VTD_FOR_FS_ROOT, /* the first-stage table at FSPTPTR */
	SOFT_VTD_FOR_FS_TABLE,
};

/* A second-stage leaf. */
struct soft_vtd_ss_leaf {
	uint64_t pa; /* of the address asked for */
	uint8_t level;
	uint8_t rights; /* SOFT_R/W */
	bool dirty;     /* as in struct soft_vtd_leaf */
};

/*
 * Another agent may change an entry between its read and the setting of its flags; then it is read again. After this
 * many times the update is given up, as hardware may (reasons 0x7d, 0x91): a guest cannot hold a walk up for ever.
 */
#define SOFT_VTD_FLAG_TRIES 64

static inline bool soft_vtd_is_interrupt(uint64_t addr)
{
	return addr >= VIQ_VTD_MSI_FIRST && addr <= VIQ_VTD_MSI_LAST;
}

/* Fill *fault; recorded unless fpd and the reason is a qualified one. Returns -EFAULT. */
int soft_vtd_fail(struct soft_vtd_fault *fault, unsigned int reason, bool fpd);

/* The same, of an entry. */
int soft_vtd_fail_entry(struct soft_vtd_fault *fault, unsigned int reason, bool fpd, unsigned int level,
			uint64_t fetch);

/*
 * Set flags in the entry at pa, *entry being its value. 0 with *entry as it is now; -EAGAIN: it has changed; -EFAULT:
 * this memory cannot.
 */
int soft_vtd_set_flags(const struct viq_mem *mem, uint64_t pa, uint64_t *entry, uint64_t flags);

/* Second stage of gpa. access: SOFT_R/W/X it must allow. 0 or -EFAULT with the walker's fault. */
int soft_vtd_walk_ss(const struct soft_vtd_walker *w, uint64_t gpa, unsigned int access, enum soft_vtd_purpose purpose,
		     struct soft_vtd_ss_leaf *leaf);
/* The fault if a leaf's second-stage rights deny a request, or 0. */
unsigned int soft_vtd_ss_denies(const struct vtd_regime *regime, unsigned int rights, unsigned int access);

/* First stage of iova: fills gpa, fs_shift, fs_level, fs_user, fs_priv and dirty of *leaf. */
int soft_vtd_walk_fs(const struct soft_vtd_walker *w, uint64_t iova, unsigned int access, struct soft_vtd_leaf *leaf);
unsigned int soft_vtd_fs_denies(const struct soft_vtd_leaf *leaf, unsigned int access);

#endif
