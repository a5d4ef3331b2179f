/* SPDX-License-Identifier: MIT */
/*
 * AArch64 descriptors as an SMMU walks them, said anew from DDI 0487 D8.2 and D8.3: for each granule, level and
 * descriptor, with 48-bit and 52-bit addresses, what it is (nothing, a table, a block or page), and which address it
 * has, bit by bit; a stage-1 walk begins at the level whose table, with all below it, resolves the input address, and
 * no lower one does; a start table is aligned to its size.
 *
 * Bounds: none on values but the architecture's: input addresses of 16 to 52 bits, as SMMU_CD.TxSZ allows.
 */
#include "proof.h"

#include "spec/smmuv3/pte.h"

static bool bit(uint64_t word, unsigned int n)
{
	return word >> n & 1;
}

/* Bits of the input address that a table at this level and all below it resolve. */
static unsigned int resolved(unsigned int granule, unsigned int level)
{
	return granule == 12 ? 12 + 9 * (4 - level) : granule == 14 ? 14 + 11 * (4 - level) : 16 + 13 * (4 - level);
}

static enum smmuv3_pte_kind kind_of(unsigned int granule, bool pa52, unsigned int level, uint64_t desc)
{
	const bool block = granule == 12   ? level == 1 || level == 2
			   : granule == 14 ? level == 2
					   : level == 2 || (level == 1 && pa52);

	switch (desc & 3) {
	case 1: /* 0b01: a block, where there are any */
		return block ? SMMUV3_PTE_LEAF : SMMUV3_PTE_INVALID;
	case 3: /* 0b11: a table, or at the last level a page */
		return level == 3 ? SMMUV3_PTE_LEAF : SMMUV3_PTE_TABLE;
	}
	return SMMUV3_PTE_INVALID;
}

int main(void)
{
	const unsigned int granule = nondet_u8(), level = nondet_u8(), ia_bits = nondet_u8(), n = nondet_u8();
	const bool pa52 = nondet_bool();
	const uint64_t desc = nondet_u64(), ttb = nondet_u64();
	enum smmuv3_pte_kind kind;
	unsigned int shift, start, size;
	uint64_t addr;

	GIVEN(granule == 12 || granule == 14 || granule == 16);
	GIVEN(level <= 3 && n < 64 && ia_bits >= 16 && ia_bits <= 52 && ia_bits > granule);

	kind = smmuv3_pte_kind(granule, pa52, level, desc);
	PROVE(kind == kind_of(granule, pa52, level, desc));

	/* A descriptor covers what a table at the level below resolves. */
	shift = smmuv3_level_shift(granule, level);
	PROVE(shift == resolved(granule, level + 1));

	/* A table's address begins at its size, a leaf's at what it maps. */
	shift = kind == SMMUV3_PTE_LEAF ? shift : granule;
	addr = smmuv3_pte_address(granule, pa52, shift, desc);
	if (n < shift || n > 51)
		PROVE(!bit(addr, n));
	else if (n < 48)
		PROVE(bit(addr, n) == bit(desc, n));
	else
		PROVE(bit(addr, n) == (granule == 16 && pa52 && bit(desc, n - 36)));

	start = smmuv3_start_level(granule, ia_bits);
	/* 4-KiB granules resolve 48 bits: without IDR5.DS no more are offered. */
	if (granule != 12 || ia_bits <= 48) {
		PROVE(start <= 3 && resolved(granule, start) >= ia_bits);
		PROVE(resolved(granule, start + 1) < ia_bits);
		/* 8 bytes for each value of the bits that it resolves; 64 bytes if 52-bit addresses are possible. */
		size = ia_bits - resolved(granule, start + 1) + 3;
		addr = smmuv3_align_ttb(ttb, granule, start, ia_bits, pa52 ? 52 : 48);
		PROVE(bit(addr, n) == (n >= (pa52 && size < 6 ? 6 : size) && bit(ttb, n)));
	}
	return 0;
}
