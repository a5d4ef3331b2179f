/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of AArch64 translation tables, both stages (DDI 0487 D8.2, D8.3), 64 bits wide, without IDR5.DS.
 *
 * granule is the log2 of a table's size in bytes (12, 14, 16); a full table has 2^(granule - 3) descriptors. Levels
 * count from 0 (nearest to the root) to 3 (pages). The shift of a level is the log2 of what one of its descriptors
 * covers. pa52: the SMMU has 52-bit addresses.
 */
#ifndef VIQ_SPEC_SMMUV3_PTE_H
#define VIQ_SPEC_SMMUV3_PTE_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/bits.h>

#define SMMUV3_PTE_VALID         VIQ_BIT(0)
#define SMMUV3_PTE_TABLE_OR_PAGE VIQ_BIT(1)
#define SMMUV3_PTE_AF            VIQ_BIT(10)

#define SMMUV3_PTE_S1_AP1      VIQ_BIT(6) /* unprivileged accesses are allowed */
#define SMMUV3_PTE_S1_AP2      VIQ_BIT(7) /* read-only */
#define SMMUV3_PTE_S1_NG       VIQ_BIT(11)
#define SMMUV3_PTE_S1_PXN      VIQ_BIT(53)
#define SMMUV3_PTE_S1_UXN      VIQ_BIT(54)
#define SMMUV3_PTE_S1_PXNTABLE VIQ_BIT(59)
#define SMMUV3_PTE_S1_UXNTABLE VIQ_BIT(60)
#define SMMUV3_PTE_S1_APTABLE0 VIQ_BIT(61) /* no unprivileged access below */
#define SMMUV3_PTE_S1_APTABLE1 VIQ_BIT(62) /* no write below */

#define SMMUV3_PTE_S2_R VIQ_BIT(6)
#define SMMUV3_PTE_S2_W VIQ_BIT(7)
/* MemAttr[3:2]; with FWB MemAttr[2] alone tells Device memory, and [3] is not looked at. */
#define SMMUV3_PTE_S2_NORMAL     VIQ_BITS(5, 4)
#define SMMUV3_PTE_S2_FWB_NORMAL VIQ_BIT(4)
#define SMMUV3_PTE_S2_XN         VIQ_BITS(54, 53)

enum smmuv3_pte_kind {
	SMMUV3_PTE_INVALID,
	SMMUV3_PTE_TABLE,
	SMMUV3_PTE_LEAF
};

static inline unsigned int smmuv3_level_shift(unsigned int granule, unsigned int level)
{
	return granule + (3 - level) * (granule - 3);
}

static inline uint64_t smmuv3_low_bits(unsigned int n)
{
	return n < 64 ? VIQ_BIT(n) - 1 : ~UINT64_C(0);
}

/* The level where a stage-1 walk of ia_bits starts: each level below it takes granule - 3 bits. */
static inline unsigned int smmuv3_start_level(unsigned int granule, unsigned int ia_bits)
{
	unsigned int stride = granule - 3;

	return 4 - (ia_bits - granule + stride - 1) / stride;
}

/* Blocks: 4K at levels 1 and 2; 16K at level 2; 64K at level 2, and at level 1 where 52-bit addresses exist. */
static inline bool smmuv3_block_legal(unsigned int granule, bool pa52, unsigned int level)
{
	return level == 2 || (level == 1 && (granule == 12 || (granule == 16 && pa52)));
}

static inline enum smmuv3_pte_kind smmuv3_pte_kind(unsigned int granule, bool pa52, unsigned int level, uint64_t desc)
{
	if (!(desc & SMMUV3_PTE_VALID))
		return SMMUV3_PTE_INVALID;
	if (level == 3)
		return desc & SMMUV3_PTE_TABLE_OR_PAGE ? SMMUV3_PTE_LEAF : SMMUV3_PTE_INVALID;
	if (desc & SMMUV3_PTE_TABLE_OR_PAGE)
		return SMMUV3_PTE_TABLE;
	return smmuv3_block_legal(granule, pa52, level) ? SMMUV3_PTE_LEAF : SMMUV3_PTE_INVALID;
}

/* The address in a descriptor, from bit shift upwards. Bits [51:48] exist with the 64K granule only, at [15:12]. */
static inline uint64_t smmuv3_pte_address(unsigned int granule, bool pa52, unsigned int shift, uint64_t desc)
{
	uint64_t addr = desc & VIQ_BITS(47, 0) & ~smmuv3_low_bits(shift);

	if (granule == 16 && pa52)
		addr |= VIQ_GET(VIQ_BITS(15, 12), desc) << 48;
	return addr;
}

/* Output address bits of a regime: descriptors of 4K and 16K granules have no more than 48. */
static inline unsigned int smmuv3_granule_oa_bits(unsigned int granule, unsigned int oa_bits)
{
	return granule != 16 && oa_bits > 48 ? 48 : oa_bits;
}

/* A start table's alignment is its size, and 64 bytes at least if it can hold 52-bit addresses. */
static inline uint64_t smmuv3_align_ttb(uint64_t ttb, unsigned int granule, unsigned int start, unsigned int ia_bits,
					unsigned int oa_bits)
{
	unsigned int log2 = ia_bits - smmuv3_level_shift(granule, start) + 3;

	return ttb & ~smmuv3_low_bits(oa_bits > 48 && log2 < 6 ? 6 : log2);
}

#endif
