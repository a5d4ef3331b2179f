/* SPDX-License-Identifier: MIT */
/* What a successful walk ends in, and what the TLB keeps of it: a piece of addresses that both stages translate whole.
 */
#ifndef VIQ_SOFT_LEAF_H
#define VIQ_SOFT_LEAF_H

#include <stdbool.h>
#include <stdint.h>

/* In Arm's words. VT-d's first stage is stage 1 with a 4K granule and levels counted from the root: vtd/translate.c. */
struct soft_leaf {
	uint64_t pa;        /* translation of the address asked for */
	uint64_t base_pa;   /* physical address of the combined piece */
	uint64_t base_va;   /* input address of the combined piece */
	uint8_t shift;      /* log2 of the combined piece's size: the smaller of both leaves */
	uint8_t s1_shift;   /* log2 of the stage-1 leaf's size; 64 without stage 1 */
	uint8_t s1_level;   /* stage-1 leaf level 1..3 (0 with DS); 0xff without stage 1 */
	uint8_t s1_granule; /* log2; 0 without stage 1 */
	uint8_t s2_shift;   /* log2 of the stage-2 leaf's size; 64 without stage 2 */
	bool global;        /* stage-1 nG = 0 */
	/*
	 * Rights, each a set of SOFT_R/W/X: stage 1 for unprivileged and privileged accesses, and stage 2. In s2,
	 * SOFT_X is execution by unprivileged accesses and SOFT_P execution by privileged ones (they differ with XNX).
	 * The TLB keeps three, three and four bits, whatever they mean.
	 */
	uint8_t s1_user, s1_priv, s2;
	uint64_t ipa; /* stage-1 output for the address asked for */
};

#endif
