/* SPDX-License-Identifier: MIT */
/*
 * Walks of the SMMUv3's tables: context descriptors, stage 1 and stage 2 (IHI 0070 chapter 5; DDI 0487 D8).
 *
 * Pure functions of memory: no cache, no lock, no event. Each word is read once. A walk ends in a leaf or in a fault
 * that says everything an event record needs except the stream's identity.
 */
#ifndef VIQ_SOFT_WALK_H
#define VIQ_SOFT_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/mem.h>
#include <viq/smmuv3_spec.h>

#include "host/soft/access.h"
#include "host/soft/cache/leaf.h"
#include "spec/smmuv3/pte.h"
#include "spec/smmuv3/tables.h"

/*
 * Of the ID registers, without effect here, so not to be offered: IDR0.HTTU (flags are never updated), IDR0.TTF bit 0
 * (AArch32 tables), IDR5.DS and D128 (other descriptor formats), IDR3.E0PD, EPAN, S1PI, S2PI, S2PO, THE and DPT. OAS 7
 * acts as 52 bits.
 */

/* As smmuv3_s2_shape(): 0, or -EINVAL if ILLEGAL (5.2). */
int soft_s2_init(struct smmuv3_s2 *s2, const struct smmuv3_features *f, uint64_t ttb, unsigned int t0sz,
		 unsigned int sl0, unsigned int tg, unsigned int ps);

/* One half (TTB0 or TTB1) of a checked CD. */
struct soft_tt {
	bool disabled; /* EPDx */
	bool tbi, had;
	bool pa52; /* as in soft_s2 */
	uint8_t granule, start, ia_bits;
	uint64_t ttb;
};
/* A checked context descriptor. */
struct soft_cd {
	struct soft_tt tt[2];
	uint16_t asid;
	uint8_t oa_bits; /* effective IPS */
	bool affd, wxn, uwxn, pan, aset;
	bool big_endian; /* CD.ENDI, legal with a mixed-endian IDR0.TTENDIAN */
	bool abort;      /* CD.A */
	bool record;     /* CD.R */
};

/*
 * How a walk failed; the fields of an event record (7.3) that do not name the stream. CD.R and CD.A are the caller's
 * to apply: a stage-1 fault (stage2 = 0, event F_TRANSLATION to F_PERMISSION) is not recorded if the CD's record is
 * false, and does not abort the access if its abort is false.
 */
struct soft_fault {
	uint8_t event;   /* VIQ_SMMUV3_EVT_* */
	uint8_t stage2;  /* S2 */
	uint8_t klass;   /* VIQ_SMMUV3_EVT_CLASS_* */
	bool ttrnw_read; /* TTRnW, for F_PERMISSION with CLASS_TT */
	uint64_t ipa;    /* with stage2: the IPA that faulted */
	uint64_t fetch;  /* F_CD_FETCH, F_WALK_EABT: physical address of the structure */
};

/*
 * Translate an IPA for a purpose (klass). access: SOFT_R/W/X (and P) the stage-2 leaf must allow; 0 checks no
 * permission. Returns 0 with *leaf, the IPA being its address and piece; -EFAULT with *fault, and with *leaf too if the
 * event is F_PERMISSION.
 */
int soft_walk_s2(const struct viq_mem *mem, const struct smmuv3_s2 *s2, uint64_t ipa, unsigned int access,
		 unsigned int klass, struct soft_leaf *leaf, struct soft_fault *fault);

/*
 * Find and check the CD of a stream. ste: words 0 and 1 of a checked stage-1 STE. ssv/ssid as the access has them;
 * S1DSS is applied. Returns 0 with *cd; 1: stage 1 is skipped (S1DSS = 1); -EFAULT with *fault.
 */
int soft_fetch_cd(const struct viq_mem *mem, const struct smmuv3_features *f, const struct smmuv3_s2 *s2,
		  const uint64_t ste[2], bool ssv, uint32_t ssid, struct soft_cd *cd, struct soft_fault *fault);

/* The smallest piece of an identity translation. */
#define SOFT_IDENTITY_SHIFT 12

/* Do stage-2 rights (soft_leaf.s2) allow the access? In walk_s2.c. */
bool soft_s2_allows(unsigned int rights, unsigned int access);

/* Check words 0 and 1 of a V = 1 STE against the features: 0 or -EINVAL if ILLEGAL (5.2). */
int soft_check_ste(const struct smmuv3_features *f, const uint64_t ste[2]);

/*
 * Walk stage 1 then stage 2 for va. access: SOFT_R/W/X, with SOFT_P for privileged. cd NULL: stage 1 is bypassed, the
 * address is an IPA (checked against OAS). Permissions are checked in the architecture's order. Returns 0, or -EFAULT
 * with *fault. Stage 2 of the final address is not looked at once stage 1 has denied the access, so after -EFAULT
 * leaf->shift says whether the leaf is whole (and may be cached): not 0 if only stage 2's rights denied the access.
 *
 * base_va keeps the bits that TBI ignores as they are in va.
 */
int soft_walk(const struct viq_mem *mem, const struct smmuv3_features *f, const struct smmuv3_s2 *s2,
	      const struct soft_cd *cd, uint64_t va, unsigned int access, struct soft_leaf *leaf,
	      struct soft_fault *fault);

/*
 * The rights check alone, for a cached leaf: 0, or -EFAULT with *fault (event, stage2, klass, ipa). leaf->ipa must be
 * the stage-1 output for this access.
 */
int soft_check_rights(const struct soft_cd *cd, const struct soft_leaf *leaf, unsigned int access,
		      struct soft_fault *fault);

#endif
