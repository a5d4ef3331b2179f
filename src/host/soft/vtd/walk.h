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
 *   soft_vtd_fetch_pasid()    PASID cache (scalable mode only; soft_vtd_legacy_regime() else)
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

/*
 * What CAP and ECAP allow, decoded once.
 *
 * Without effect here, so not to be offered: CAP.ZLR, ECAP.MTS (memory types are ignored), ECAP.ADMS.
 */
struct soft_vtd_features {
	uint64_t cap, ecap;
	uint8_t haw;    /* host address width of the machine, 32 to 52: pointers have no bits above */
	uint8_t mgaw;   /* CAP.MGAW + 1: bits of a second-stage input address */
	uint8_t max_aw; /* the largest AW that CAP.SAGAW allows; 0: none */
};
void soft_vtd_features_init(struct soft_vtd_features *f, uint64_t cap, uint64_t ecap, unsigned int haw);

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
 * How a request failed. "Qualified" faults are not recorded if a Fault Processing Disable says so (7.2.2); recorded is
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

/* First-stage tables. */
struct soft_vtd_fs {
	uint64_t table; /* FSPTPTR; a guest-physical address in nested translation */
	uint8_t levels; /* 4, 5 */
	bool wpe;       /* supervisors obey R/W too */
	bool eafe;      /* set the extended-accessed flag */
	bool nxe;       /* obey XD */
	bool smep;      /* supervisors do not execute user pages */
};
/* Second-stage tables. */
struct soft_vtd_ss {
	uint64_t table; /* SSPTPTR */
	uint8_t levels; /* 3, 4, 5 */
	uint8_t width;  /* input address bits: the smaller of AGAW and MGAW */
	bool ad;        /* SSADE: accessed and dirty flags exist */
};

/* A checked PASID-table entry, or a checked legacy context entry: how to translate. */
struct soft_vtd_regime {
	uint8_t pgtt;  /* VIQ_VTD_PGTT_* */
	bool legacy;   /* of a legacy context entry: faults have its reasons */
	bool fpd;      /* qualified faults are not recorded */
	bool sre, ere; /* supervisor requests, execute requests are let in */
	uint16_t did;
	struct soft_vtd_fs fs; /* PGTT_FS, PGTT_NESTED */
	struct soft_vtd_ss ss; /* PGTT_SS, PGTT_NESTED */
};

/*
 * Tables that come not from a guest's structures but from calls. Return 0, or -EINVAL: AW (as PASID-table entries code
 * it), number of levels, or pointer (not aligned, above HAW) that this hardware does not have. nested: table is a
 * guest-physical address. The other members become false.
 */
int soft_vtd_fs_init(struct soft_vtd_fs *fs, const struct soft_vtd_features *f, uint64_t table, unsigned int levels,
		     bool nested);
int soft_vtd_ss_init(struct soft_vtd_ss *ss, const struct soft_vtd_features *f, uint64_t table, unsigned int aw);

/* A checked context entry. */
struct soft_vtd_context {
	bool scalable; /* else legacy */
	bool fpd;
	/* Legacy */
	uint8_t tt; /* VIQ_VTD_TT_* */
	uint16_t did;
	struct soft_vtd_ss ss; /* not with TT_PT */
	/* Scalable */
	bool dte, paside, pre;
	bool rid_priv; /* requests without PASID are privileged */
	uint8_t pdts;  /* the directory has 2^(pdts + 7) entries */
	uint32_t rid_pasid;
	uint64_t pasid_dir;
};

/*
 * Find and check the context entry of a request's source. rtaddr: RTADDR as SRTP latched it. Returns 0 with *ctx, or
 * -EFAULT with *fault. Of req, sid and has_pasid matter.
 */
int soft_vtd_fetch_context(const struct viq_mem *mem, const struct soft_vtd_features *f, uint64_t rtaddr,
			   const struct soft_vtd_request *req, struct soft_vtd_context *ctx,
			   struct soft_vtd_fault *fault);

/*
 * May this context send this request, and as which PASID? Returns 0 with *pasid (RID_PASID for requests without; 0 in
 * legacy mode), or -EFAULT with *fault.
 */
int soft_vtd_select_pasid(const struct soft_vtd_context *ctx, const struct soft_vtd_request *req, uint32_t *pasid,
			  struct soft_vtd_fault *fault);

/* What a legacy context entry makes of a request. */
void soft_vtd_legacy_regime(const struct soft_vtd_context *ctx, struct soft_vtd_regime *regime);

/* Find and check a PASID-table entry, of a scalable context. 0 with *regime, or -EFAULT with *fault. */
int soft_vtd_fetch_pasid(const struct viq_mem *mem, const struct soft_vtd_features *f,
			 const struct soft_vtd_context *ctx, uint32_t pasid, struct soft_vtd_regime *regime,
			 struct soft_vtd_fault *fault);

/* Check the eight words of a present PASID-table entry: 0 with *regime, or the reason (VIQ_VTD_FR_PE_RSVD,
 * _INVALID). */
unsigned int soft_vtd_decode_pasid(const struct soft_vtd_features *f, const uint64_t entry[VIQ_VTD_PE_WORDS],
				   struct soft_vtd_regime *regime);

/*
 * Apply ERE and SRE. *access becomes the request's access with SOFT_P if the request is privileged, by itself or by
 * RID_PRIV. 0 or -EFAULT with *fault. ctx NULL: there is no RID_PRIV.
 */
int soft_vtd_admit(const struct soft_vtd_context *ctx, const struct soft_vtd_regime *regime,
		   const struct soft_vtd_request *req, unsigned int *access, struct soft_vtd_fault *fault);

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
int soft_vtd_walk(const struct viq_mem *mem, const struct soft_vtd_features *f, const struct soft_vtd_regime *regime,
		  uint64_t iova, unsigned int access, struct soft_vtd_leaf *leaf, struct soft_vtd_fault *fault);

/*
 * The checks of a leaf alone, for a cached one: rights and the interrupt range. leaf->pa and gpa must be those of this
 * access. 0, or -EFAULT with *fault.
 */
int soft_vtd_check_leaf(const struct soft_vtd_regime *regime, const struct soft_vtd_leaf *leaf, unsigned int access,
			struct soft_vtd_fault *fault);

/*
 * All of the above for one request, nothing cached: what translation must come to once every cache has been
 * invalidated. regime may be NULL. Not for translated requests, which are not walked.
 */
int soft_vtd_translate(const struct viq_mem *mem, const struct soft_vtd_features *f, uint64_t rtaddr,
		       const struct soft_vtd_request *req, struct soft_vtd_regime *regime, struct soft_vtd_leaf *leaf,
		       struct soft_vtd_fault *fault);

#endif
