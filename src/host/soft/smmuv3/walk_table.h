/* SPDX-License-Identifier: MIT */
/*
 * What both stages' translation tables have in common (DDI 0487 D8.2, D8.3).
 *
 * granule is the log2 of a table's size in bytes (12, 14, 16); a full table has 2^(granule - 3) descriptors. Levels
 * count from 0 (nearest to the root) to 3 (pages). The "shift" of a level is the log2 of what one of its descriptors
 * covers.
 */
#ifndef VIQ_SOFT_WALK_TABLE_H
#define VIQ_SOFT_WALK_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "walk.h"

#define DESC_VALID         VIQ_BIT(0)
#define DESC_TABLE_OR_PAGE VIQ_BIT(1)
#define DESC_AF            VIQ_BIT(10)

#define DESC_S1_AP1      VIQ_BIT(6) /* unprivileged accesses are allowed */
#define DESC_S1_AP2      VIQ_BIT(7) /* read-only */
#define DESC_S1_NG       VIQ_BIT(11)
#define DESC_S1_PXN      VIQ_BIT(53)
#define DESC_S1_UXN      VIQ_BIT(54)
#define DESC_S1_PXNTABLE VIQ_BIT(59)
#define DESC_S1_UXNTABLE VIQ_BIT(60)
#define DESC_S1_APTABLE0 VIQ_BIT(61) /* no unprivileged access below */
#define DESC_S1_APTABLE1 VIQ_BIT(62) /* no write below */

#define DESC_S2_R  VIQ_BIT(6)
#define DESC_S2_W  VIQ_BIT(7)
#define DESC_S2_XN VIQ_BITS(54, 53)

enum desc_kind {
	DESC_INVALID,
	DESC_TABLE,
	DESC_LEAF
};

static inline unsigned int level_shift(unsigned int granule, unsigned int level)
{
	return granule + (3 - level) * (granule - 3);
}

static inline uint64_t low_bits(unsigned int n)
{
	return n < 64 ? VIQ_BIT(n) - 1 : ~UINT64_C(0);
}

/* Blocks: 4K at levels 1 and 2; 16K at level 2; 64K at level 2, and at level 1 where 52-bit addresses exist. */
static inline bool block_legal(unsigned int granule, bool pa52, unsigned int level)
{
	return level == 2 || (level == 1 && (granule == 12 || (granule == 16 && pa52)));
}

static inline enum desc_kind desc_kind(unsigned int granule, bool pa52, unsigned int level, uint64_t desc)
{
	if (!(desc & DESC_VALID))
		return DESC_INVALID;
	if (level == 3)
		return desc & DESC_TABLE_OR_PAGE ? DESC_LEAF : DESC_INVALID;
	if (desc & DESC_TABLE_OR_PAGE)
		return DESC_TABLE;
	return block_legal(granule, pa52, level) ? DESC_LEAF : DESC_INVALID;
}

/* The address in a descriptor, from bit shift upwards. Bits [51:48] exist with the 64K granule only, at [15:12]. */
static inline uint64_t desc_address(unsigned int granule, bool pa52, unsigned int shift, uint64_t desc)
{
	uint64_t addr = desc & VIQ_BITS(47, 0) & ~low_bits(shift);

	if (granule == 16 && pa52)
		addr |= VIQ_GET(VIQ_BITS(15, 12), desc) << 48;
	return addr;
}

/* Output address bits of a regime: descriptors of 4K and 16K granules have no more than 48. */
static inline unsigned int granule_oa_bits(unsigned int granule, unsigned int oa_bits)
{
	return granule != 16 && oa_bits > 48 ? 48 : oa_bits;
}

/* A start table's alignment is its size, and 64 bytes at least if it can hold 52-bit addresses. */
static inline uint64_t align_ttb(uint64_t ttb, unsigned int granule, unsigned int start, unsigned int ia_bits,
				 unsigned int oa_bits)
{
	unsigned int log2 = ia_bits - level_shift(granule, start) + 3;

	return ttb & ~low_bits(oa_bits > 48 && log2 < 6 ? 6 : log2);
}

/* The smallest piece of an identity translation. */
#define SOFT_IDENTITY_SHIFT 12

/* Do stage-2 rights (soft_leaf.s2) allow the access? In walk_s2.c. */
bool soft_s2_allows(unsigned int rights, unsigned int access);

/* Address sizes as IDR5.OAS, CD.IPS and STE.S2PS code them; 7 acts as 6 (52 bits). In features.c. */
unsigned int soft_size_bits(unsigned int code);

#endif
