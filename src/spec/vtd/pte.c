/* SPDX-License-Identifier: MIT */
#include "pte.h"

_Static_assert(VIQ_VTD_FS_PS == VIQ_VTD_SS_PS, "vtd_pte_is_leaf() serves both stages");

bool vtd_fs_canonical(const struct vtd_fs *fs, uint64_t iova)
{
	unsigned int unused = 64 - vtd_level_shift(fs->levels + 1u);

	return (uint64_t)((int64_t)(iova << unused) >> unused) == iova;
}

/*
 * Bit 7 of a page's entry and bit 12 of a large page's are PAT. XD is ignored (9.7).
 * Nested, it is the second stage that says which addresses there are.
 */
uint64_t vtd_fs_reserved(const struct vtd_caps *caps, uint64_t entry, unsigned int level, bool nested)
{
	uint64_t rsvd = 0;

	if (!nested)
		rsvd |= VIQ_VTD_FS_ADDR & ~vtd_low_bits(caps->haw);
	if (level > 3 || (level == 3 && !(caps->cap & VIQ_VTD_CAP_FS1GP)))
		rsvd |= VIQ_VTD_FS_PS;
	if (vtd_pte_is_leaf(entry, level))
		rsvd |= VIQ_VTD_FS_ADDR & vtd_low_bits(vtd_level_shift(level)) & ~VIQ_BIT(12);
	return rsvd;
}

static bool large_supported(const struct vtd_caps *caps, unsigned int level)
{
	return level <= 3 && VIQ_GET(VIQ_VTD_CAP_SSLPS, caps->cap) & VIQ_BIT(level - 2);
}

/*
 * SNP exists in leaves, with snoop control (3.7, Tables 43 and 45); PS at the levels that have large pages (bit 7 of a
 * page's entry is ignored).
 */
uint64_t vtd_ss_reserved(const struct vtd_caps *caps, uint64_t entry, unsigned int level)
{
	uint64_t rsvd = VIQ_VTD_SS_RSVD | (VIQ_VTD_SS_ADDR & ~vtd_low_bits(caps->haw));

	if (level > 1 && !large_supported(caps, level))
		rsvd |= VIQ_VTD_SS_PS;
	if (!vtd_pte_is_leaf(entry, level) || !(caps->ecap & VIQ_VTD_ECAP_SC))
		rsvd |= VIQ_VTD_SS_SNP;
	if (vtd_pte_is_leaf(entry, level))
		rsvd |= VIQ_VTD_SS_ADDR & vtd_low_bits(vtd_level_shift(level));
	return rsvd;
}
