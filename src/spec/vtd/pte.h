/* SPDX-License-Identifier: MIT */
/*
 * Paging entries of both stages (9.7, 9.8): which bits are reserved, which entries are leaves, what they allow. Levels
 * are VT-d's: 1 (4 KiB pages), 2 (2 MiB), 3 (1 GiB), 4, 5.
 */
#ifndef VIQ_SPEC_VTD_PTE_H
#define VIQ_SPEC_VTD_PTE_H

#include "tables.h"

#define VTD_PAGE_SHIFT 12
#define VTD_TABLE_SIZE UINT64_C(4096)

/* Bytes that one entry of a level covers, as log2. */
static inline unsigned int vtd_level_shift(unsigned int level)
{
	return VTD_PAGE_SHIFT + 9 * (level - 1);
}

static inline uint64_t vtd_low_bits(unsigned int n)
{
	return n < 64 ? VIQ_BIT(n) - 1 : ~UINT64_C(0);
}

/* The address of the entry for ia in a table of this level. */
static inline uint64_t vtd_entry_at(uint64_t table, uint64_t ia, unsigned int level)
{
	return table + ((ia >> vtd_level_shift(level)) % 512) * 8;
}

/* PS has one place in both stages. */
static inline bool vtd_pte_is_leaf(uint64_t entry, unsigned int level)
{
	return level == 1 || ((level == 2 || level == 3) && entry & VIQ_VTD_FS_PS);
}

/* What the first-stage entries of a walk allow together: begins with user and write. */
struct vtd_fs_rights {
	bool user, write;
};

static inline void vtd_fs_restrict(struct vtd_fs_rights *rights, uint64_t entry)
{
	rights->user &= !!(entry & VIQ_VTD_FS_US);
	rights->write &= !!(entry & VIQ_VTD_FS_RW);
}

/* Bits 63:N of an input address repeat bit N - 1. */
bool vtd_fs_canonical(const struct vtd_fs *fs, uint64_t iova);
/* Bits that must be clear in a present entry. nested: addresses are guest-physical ones. */
uint64_t vtd_fs_reserved(const struct vtd_caps *caps, uint64_t entry, unsigned int level, bool nested);
/* Bits that must be clear in an entry that allows anything. */
uint64_t vtd_ss_reserved(const struct vtd_caps *caps, uint64_t entry, unsigned int level);

#endif
