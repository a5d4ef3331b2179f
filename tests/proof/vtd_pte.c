/* SPDX-License-Identifier: MIT */
/*
 * VT-d's paging entries, said anew from Rev. 5.10, 9.7 (Tables 35 to 40), 9.8 (Tables 41 to 47) and 3.6: for each entry
 * of either stage, at each level, under any CAP, ECAP and host address width, exactly the bits that are reserved there
 * are, and exactly pages are leaves; entries are read inside their table; an address is canonical if its upper bits are
 * all alike; rights are those that every entry of a walk allows.
 *
 * Bounds: none on values. EMTE (reserved memory types) and the second stage's I/O read and write bits are not offered.
 */
#include "proof.h"

#include "spec/vtd/pte.c"

static bool bit(uint64_t word, unsigned int n)
{
	return word >> n & 1;
}

/* Bits low to high are in the address that a page of this level does not have. */
static bool below_page(unsigned int level, unsigned int n, unsigned int low)
{
	return n >= low && n < (level == 2 ? 21 : 30);
}

static bool fs_reserved(const struct vtd_caps *caps, uint64_t entry, unsigned int level, bool nested, unsigned int n)
{
	const bool page = level < 4 && level > 1 && bit(entry, 7);

	/* 51:HAW of a host address. */
	if (n >= caps->haw && n <= 51 && !nested)
		return true;
	/* PS: there are no larger pages; 1 GiB with CAP.FS1GP. Of a 4-KiB page it is PAT. */
	if (n == 7)
		return level > 3 || (level == 3 && !bit(caps->cap, 56));
	/* 12 is a large page's PAT. */
	return page && below_page(level, n, 13);
}

static bool ss_reserved(const struct vtd_caps *caps, uint64_t entry, unsigned int level, unsigned int n)
{
	const bool large = level < 4 && level > 1 && bit(entry, 7), page = level == 1 || large;

	if (n == 62 || (n >= caps->haw && n <= 51))
		return true;
	/* PS: CAP.SSLPS has 2 MiB in its bit 0, 1 GiB in bit 1. Of a 4-KiB page it is ignored. */
	if (n == 7)
		return level > 3 || (level == 3 && !bit(caps->cap, 35)) || (level == 2 && !bit(caps->cap, 34));
	/* SNP: of pages, with ECAP.SC. */
	if (n == 11)
		return !page || !bit(caps->ecap, 7);
	return large && below_page(level, n, 12);
}

int main(void)
{
	const struct vtd_caps caps = {.cap = nondet_u64(), .ecap = nondet_u64(), .haw = nondet_u8()};
	const uint64_t entry = nondet_u64(), above = nondet_u64(), ia = nondet_u64(), table = nondet_u64();
	const unsigned int level = nondet_u8(), n = nondet_u8();
	const bool nested = nondet_bool();
	struct vtd_fs fs = {.levels = nondet_bool() ? 5 : 4};
	struct vtd_fs_rights rights = {.user = true, .write = true};
	uint64_t at, top;

	GIVEN(caps.haw >= 32 && caps.haw <= 52 && level >= 1 && level <= 5 && n < 64);
	PROVE(vtd_pte_is_leaf(entry, level) == (level == 1 || (level <= 3 && bit(entry, 7))));
	PROVE(bit(vtd_fs_reserved(&caps, entry, level, nested), n) == fs_reserved(&caps, entry, level, nested, n));
	PROVE(bit(vtd_ss_reserved(&caps, entry, level), n) == ss_reserved(&caps, entry, level, n));

	GIVEN(table % 4096 == 0);
	at = vtd_entry_at(table, ia, level);
	PROVE(at - table < 4096 && at % 8 == 0);
	PROVE((at - table) / 8 == (ia >> (12 + 9 * (level - 1)) & 511));

	/* 47 or 56 is the highest bit that is translated: all from there on are alike. */
	top = ia >> (fs.levels == 5 ? 56 : 47);
	PROVE(vtd_fs_canonical(&fs, ia) == (top == 0 || top == UINT64_MAX >> (fs.levels == 5 ? 56 : 47)));

	vtd_fs_restrict(&rights, above);
	vtd_fs_restrict(&rights, entry);
	PROVE(rights.user == (bit(above, 2) && bit(entry, 2)) && rights.write == (bit(above, 1) && bit(entry, 1)));
	return 0;
}
