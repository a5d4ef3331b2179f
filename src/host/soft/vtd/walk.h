/* SPDX-License-Identifier: MIT */
/*
 * Walks of VT-d's tables: root, context and PASID structures, first and second stage (sections 3 and 9).
 *
 * Functions of memory alone: no cache, no lock, no fault record. Each word is read once per look. A walk ends in a leaf
 * or in a fault that says everything a fault record needs except the request. The one thing written is what the
 * architecture writes: accessed and dirty flags.
 *
 * All structures are at addresses of mem. Levels are VT-d's: 1 (4 KiB pages), 2 (2 MiB), 3 (1 GiB), 4, 5.
 *
 * The way of a request, each step's result being what hardware caches:
 *
 *   soft_vtd_fetch_context()  context cache, by source-id
 *   soft_vtd_select_pasid()
 *   soft_vtd_fetch_pasid()    PASID cache (scalable mode only; vtd_legacy_regime() else)
 *   soft_vtd_admit()
 *   soft_vtd_walk()           IOTLB
 */
#ifndef VIQ_SOFT_VTD_WALK_H
#define VIQ_SOFT_VTD_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/mem.h>
#include <viq/vtd_spec.h>

#include "host/soft/access.h"
#include "spec/vtd/tables.h"

/* Everything of a request that the tables decide about. */
struct soft_vtd_request {
	uint64_t addr;
	uint32_t pasid; /* with has_pasid; below 2^20 */
	uint16_t sid;
	bool has_pasid;
	uint8_t type;   /* VIQ_VTD_AT_* */
	uint8_t access; /* SOFT_R/W (both: AtomicOp)/X, with SOFT_P for privileged; 0: no permission is checked */
};

/*
 * How a request failed. "Qualified" faults are not recorded if a Fault Processing Disable says so (7.1.1); recorded is
 * the outcome of that.
 */
struct soft_vtd_fault {
	uint8_t reason; /* VIQ_VTD_FR_* */
	bool recorded;
	bool second_stage; /* the second stage's, in nested translation: the host's tables deny it, not the guest's */
	uint8_t level;     /* of the paging entry; 0: none is to blame */
	uint64_t gpa;      /* with second_stage: the address that the second stage was asked for */
	uint64_t fetch;    /* address of the entry that is to blame, 0: none */
};
/* The fault record for it (11.4.14), F included. */
void soft_vtd_fault_record(const struct soft_vtd_request *req, const struct soft_vtd_fault *fault, uint64_t record[2]);

/*
 * Find and check the context entry of a request's source. rtaddr: RTADDR as SRTP latched it. Returns 0 with *ctx, or
 * -EFAULT with *fault. Of req, sid and has_pasid matter.
 */
int soft_vtd_fetch_context(const struct viq_mem *mem, const struct vtd_caps *f, uint64_t rtaddr,
			   const struct soft_vtd_request *req, struct vtd_context *ctx, struct soft_vtd_fault *fault);

/*
 * May this context send this request, and as which PASID? Returns 0 with *pasid (RID_PASID for requests without; 0 in
 * legacy mode), or -EFAULT with *fault.
 */
int soft_vtd_select_pasid(const struct vtd_caps *f, const struct vtd_context *ctx, const struct soft_vtd_request *req,
			  uint32_t *pasid, struct soft_vtd_fault *fault);

/* Find and check a PASID-table entry, of a scalable context. 0 with *regime, or -EFAULT with *fault. */
int soft_vtd_fetch_pasid(const struct viq_mem *mem, const struct vtd_caps *f, const struct vtd_context *ctx,
			 uint32_t pasid, struct vtd_regime *regime, struct soft_vtd_fault *fault);

/*
 * Apply ERE and SRE. Requests without PASID are no execute requests. *access becomes the request's access with SOFT_P
 * if the request is privileged, by itself or by RID_PRIV. 0 or -EFAULT with *fault. ctx NULL: there is no RID_PRIV.
 */
int soft_vtd_admit(const struct vtd_context *ctx, const struct vtd_regime *regime, const struct soft_vtd_request *req,
		   unsigned int *access, struct soft_vtd_fault *fault);

/* A successful walk. */
struct soft_vtd_leaf {
	uint64_t pa;        /* translation of the address asked for */
	uint64_t base_pa;   /* physical address of the combined piece */
	uint64_t base_iova; /* input address of the combined piece */
	uint64_t gpa;       /* first-stage output for the address asked for; the address itself without first stage */
	uint8_t shift;      /* log2 of the combined piece's size: the smaller of both leaves; 12 for pass-through */
	uint8_t fs_shift;   /* log2 of the first-stage leaf's size; 64 without first stage */
	uint8_t ss_shift;   /* log2 of the second-stage leaf's size; 64 without second stage */
	uint8_t fs_level;   /* 1 to 3; 0 without first stage */
	uint8_t ss_level;   /* 1 to 3; 0 without second stage */
	/* Rights, each a set of SOFT_R/W/X: first stage for user and supervisor requests, and second stage. */
	uint8_t fs_user, fs_priv, ss;
	/*
	 * The dirty flags are set, or there are none: a cached copy may serve writes. If false, a write has to walk
	 * again, which sets them.
	 */
	bool dirty;
};

/*
 * Walk. access: as soft_vtd_request has it; 0 checks no permission and sets no dirty flag. Of the tables used, accessed
 * flags are set (and extended ones, with EAFE), and by a write that is allowed the leaf's dirty flag. So an ATS
 * translation is walked without rights, and once more with SOFT_W if it is to grant writing.
 *
 * Returns 0 with *leaf, or -EFAULT with *fault. leaf->shift is 0 then: there is nothing to cache, flags may not have
 * been set. But if it is the interrupt range alone that was in the way, the leaf is whole, and may be cached.
 */
int soft_vtd_walk(const struct viq_mem *mem, const struct vtd_caps *f, const struct vtd_regime *regime, uint64_t iova,
		  unsigned int access, struct soft_vtd_leaf *leaf, struct soft_vtd_fault *fault);

/*
 * The checks of a leaf alone, for a cached one: rights and the interrupt range. leaf->pa and gpa must be those of this
 * access. 0, or -EFAULT with *fault.
 */
int soft_vtd_check_leaf(const struct vtd_regime *regime, const struct soft_vtd_leaf *leaf, unsigned int access,
			struct soft_vtd_fault *fault);

/*
 * All of the above for one request, nothing cached: what translation must come to once every cache has been
 * invalidated. regime may be NULL. Not for translated requests, which are not walked.
 */
int soft_vtd_translate(const struct viq_mem *mem, const struct vtd_caps *f, uint64_t rtaddr,
		       const struct soft_vtd_request *req, struct vtd_regime *regime, struct soft_vtd_leaf *leaf,
		       struct soft_vtd_fault *fault);

#endif
