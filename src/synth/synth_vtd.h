/* SPDX-License-Identifier: MIT */
/*
 * A synthetic guest with a VT-d: the tables that its driver would build, in the memory of synth.h. The conventions of
 * that header hold here too: nothing is shared with the walker but names of fields, one 64-bit store per entry, int
 * results are 0 or a negative errno.
 */
#ifndef VIQ_SYNTH_VTD_H
#define VIQ_SYNTH_VTD_H

#include <viq/vtd_spec.h>

#include "synth.h"

/* --- Page tables (vtd_pt.c) -------------------------------------------------------------------------------------- */

/* One set of tables. Levels are VT-d's: 1 (4 KiB) to 5. */
struct synth_vtd_pt {
	struct synth_mem *mem;
	unsigned int stage;  /* 1: first stage, 2: second stage */
	unsigned int levels; /* first stage 4, 5; second stage 3, 4, 5 */
	uint64_t root;       /* FSPTPTR, SSPTPTR */
	uint16_t table_attr; /* attributes of new table entries; those that only leaves have are ignored */
};

/*
 * Attributes are those of struct synth_pt, where VT-d has them: SYNTH_RO, SYNTH_PRIV (U/S = 0), SYNTH_NO_AF (A = 0),
 * SYNTH_XN (first stage XD), SYNTH_NO_READ (second stage), and this. None: readable, writable, for users, A and D set.
 * With SYNTH_RO, D is clear.
 */
#define SYNTH_NO_DIRTY (1u << 8) /* D = 0 */

int synth_vtd_pt_init(struct synth_vtd_pt *pt, struct synth_mem *mem, unsigned int stage, unsigned int levels);
/* Free all tables. */
void synth_vtd_pt_fini(struct synth_vtd_pt *pt);

/* Bytes that one entry of this level covers, as log2: 12, 21, 30, 39, 48. */
unsigned int synth_vtd_shift(unsigned int level);

/*
 * Write a leaf at level 1, 2 or 3 for ia, to oa (both multiples of what the level covers). Whatever the slot held is
 * replaced; tables that hung there are freed. Bits of ia above the tables' width are ignored, so first-stage addresses
 * may be canonical ones of the upper half. -EEXIST: a larger leaf covers ia. -EINVAL: level or alignment.
 */
int synth_vtd_pt_map(struct synth_vtd_pt *pt, uint64_t ia, uint64_t oa, unsigned int level, unsigned int attr);
/*
 * Clear the slot for ia at level, and free the tables that hung there. -ENOENT: nothing there, or a larger leaf
 * covers it. Tables that become empty above it stay.
 */
int synth_vtd_pt_unmap(struct synth_vtd_pt *pt, uint64_t ia, unsigned int level);

/*
 * The address of ia's entry at level (1 to levels), for writing anything into it with synth_store(). Missing tables on
 * the way are made if create, else SYNTH_NONE; also SYNTH_NONE under a leaf.
 */
uint64_t synth_vtd_pt_slot(struct synth_vtd_pt *pt, uint64_t ia, unsigned int level, bool create);
/* The word that synth_vtd_pt_map() writes. */
uint64_t synth_vtd_pt_leaf(const struct synth_vtd_pt *pt, uint64_t oa, unsigned int level, unsigned int attr);

/* --- Root, context and PASID tables (vtd_tables.c) --------------------------------------------------------------- */

/* A PASID directory of 2^(pdts + 7) entries, for 2^(pdts + 13) PASIDs. */
struct synth_vtd_pasids {
	struct synth_mem *mem;
	unsigned int pdts; /* 0 to 7 */
	unsigned int log2; /* of the directory's bytes, a page at least */
	uint64_t base;
};
int synth_vtd_pasids_init(struct synth_vtd_pasids *pasids, struct synth_mem *mem, unsigned int pdts);
/* Free all of it. */
void synth_vtd_pasids_fini(struct synth_vtd_pasids *pasids);
/* Write an entry: words 1 to 7, then word 0. NULL writes zeroes, word 0 first. Makes a missing table. */
int synth_vtd_pasids_set(struct synth_vtd_pasids *pasids, uint32_t pasid, const uint64_t entry[VIQ_VTD_PE_WORDS]);
/* The address of an entry, or SYNTH_NONE (out of range, or no table and not create). */
uint64_t synth_vtd_pasids_slot(struct synth_vtd_pasids *pasids, uint32_t pasid, bool create);
/* The address of the directory entry of this PASID. */
uint64_t synth_vtd_pasids_dir_slot(const struct synth_vtd_pasids *pasids, uint32_t pasid);

/*
 * A PASID-table entry: nested with both stages, pass-through with none, else of the one that is there. AW is that of
 * the second stage, 48 bits without one. Change words before setting it for anything else.
 */
void synth_vtd_pasid(uint64_t entry[VIQ_VTD_PE_WORDS], const struct synth_vtd_pt *fs, const struct synth_vtd_pt *ss,
		     unsigned int did);

/* Context entries, 4 words in either mode: those of a legacy entry beyond 2 are 0. */
void synth_vtd_context(uint64_t ctx[VIQ_VTD_SCTX_WORDS], const struct synth_vtd_pasids *pasids, uint32_t rid_pasid);
/* ss NULL: pass-through; aw is used then (VIQ_VTD_AW_*). */
void synth_vtd_legacy_context(uint64_t ctx[VIQ_VTD_SCTX_WORDS], const struct synth_vtd_pt *ss, unsigned int aw,
			      unsigned int did);

/* A root table. */
struct synth_vtd_root {
	struct synth_mem *mem;
	bool scalable;
	uint64_t base;
};
int synth_vtd_root_init(struct synth_vtd_root *root, struct synth_mem *mem, bool scalable);
/* Free it, and its context tables. */
void synth_vtd_root_fini(struct synth_vtd_root *root);
/* The value for RTADDR. */
uint64_t synth_vtd_root_rtaddr(const struct synth_vtd_root *root);
/* Write a context entry, as synth_vtd_pasids_set() does. */
int synth_vtd_root_set(struct synth_vtd_root *root, uint16_t sid, const uint64_t ctx[VIQ_VTD_SCTX_WORDS]);
/* The addresses of a context entry (SYNTH_NONE: no table and not create) and of the word that points to its table. */
uint64_t synth_vtd_root_slot(struct synth_vtd_root *root, uint16_t sid, bool create);
uint64_t synth_vtd_root_entry(const struct synth_vtd_root *root, uint16_t sid);

#endif
