/* SPDX-License-Identifier: MIT */
/*
 * Stage 1 (DDI 0487 D8.2 to D8.4), and both stages together.
 *
 * Every stage-1 descriptor's address is an IPA that goes through stage 2 first, as a data read of CLASS_TT. A fault of
 * stage 1 itself has CLASS_IN and no IPA, except the abort of a descriptor's read (7.3).
 */
#include <byteswap.h>
#include <errno.h>

#include "walk.h"

static int fail(struct soft_fault *fault, unsigned int event)
{
	*fault = (struct soft_fault){.event = (uint8_t)event, .klass = VIQ_SMMUV3_EVT_CLASS_IN};
	return -EFAULT;
}

/* The input address of the half's tables, or F_TRANSLATION: all bits above it must equal bit 55. */
static int select_half(const struct soft_cd *cd, uint64_t va, const struct soft_tt **tt, uint64_t *ia,
		       struct soft_fault *fault)
{
	bool upper = va & VIQ_BIT(55);
	uint64_t excess = upper ? ~va : va;

	*tt = &cd->tt[upper];
	if ((*tt)->disabled)
		return fail(fault, VIQ_SMMUV3_EVT_F_TRANSLATION);
	if ((*tt)->tbi)
		excess &= VIQ_BITS(55, 0);
	if (excess >> (*tt)->ia_bits)
		return fail(fault, VIQ_SMMUV3_EVT_F_TRANSLATION);
	*ia = va & smmuv3_low_bits((*tt)->ia_bits);
	return 0;
}

/* Read the descriptor at an IPA. */
static int read_desc(const struct viq_mem *mem, const struct smmuv3_s2 *s2, const struct soft_cd *cd, uint64_t ipa,
		     uint64_t *desc, struct soft_fault *fault)
{
	struct soft_leaf leaf;
	int ret;

	ret = soft_walk_s2(mem, s2, ipa, SOFT_R | SOFT_P, VIQ_SMMUV3_EVT_CLASS_TT, &leaf, fault);
	if (ret)
		return ret;
	if (viq_mem_read_words(mem, leaf.pa, desc, 1)) {
		*fault = (struct soft_fault){
			.event = VIQ_SMMUV3_EVT_F_WALK_EABT, .klass = VIQ_SMMUV3_EVT_CLASS_TT, .fetch = leaf.pa};
		return -EFAULT;
	}
	if (cd->big_endian)
		*desc = bswap_64(*desc);
	return 0;
}

/* What a table descriptor takes away, as bits of the leaf that it overrides (D8.4: hierarchical control). */
struct table_limits {
	uint64_t clear, set;
};

static void add_limits(struct table_limits *limits, uint64_t table_desc)
{
	if (table_desc & SMMUV3_PTE_S1_APTABLE0)
		limits->clear |= SMMUV3_PTE_S1_AP1;
	if (table_desc & SMMUV3_PTE_S1_APTABLE1)
		limits->set |= SMMUV3_PTE_S1_AP2;
	if (table_desc & SMMUV3_PTE_S1_PXNTABLE)
		limits->set |= SMMUV3_PTE_S1_PXN;
	if (table_desc & SMMUV3_PTE_S1_UXNTABLE)
		limits->set |= SMMUV3_PTE_S1_UXN;
}

/* AP, UXN and PXN of a leaf under the CD's WXN and PAN. UWXN changes nothing in AArch64: it is always so there. */
static void leaf_rights(const struct soft_cd *cd, uint64_t desc, struct soft_leaf *leaf)
{
	unsigned int data = desc & SMMUV3_PTE_S1_AP2 ? SOFT_R : SOFT_R | SOFT_W;
	unsigned int user = desc & SMMUV3_PTE_S1_AP1 ? data : 0;
	bool user_xn = desc & SMMUV3_PTE_S1_UXN || (cd->wxn && user & SOFT_W);
	bool priv_xn = desc & SMMUV3_PTE_S1_PXN || (cd->wxn && data & SOFT_W) || user & SOFT_W;

	leaf->s1_user = (uint8_t)(user | (user_xn ? 0 : SOFT_X));
	leaf->s1_priv = (uint8_t)((cd->pan && user ? 0 : data) | (priv_xn ? 0 : SOFT_X));
}

static void fill_leaf(const struct soft_cd *cd, const struct soft_tt *tt, uint64_t va, uint64_t ipa, unsigned int level,
		      uint64_t desc, struct soft_leaf *leaf)
{
	leaf->s1_shift = (uint8_t)smmuv3_level_shift(tt->granule, level);
	leaf->s1_level = (uint8_t)level;
	leaf->s1_granule = tt->granule;
	leaf->global = !(desc & SMMUV3_PTE_S1_NG);
	leaf->ipa = ipa | (va & smmuv3_low_bits(leaf->s1_shift));
	leaf_rights(cd, desc, leaf);
}

/* Fills the stage-1 members of *leaf. */
static int walk_s1(const struct viq_mem *mem, const struct smmuv3_s2 *s2, const struct soft_cd *cd, uint64_t va,
		   struct soft_leaf *leaf, struct soft_fault *fault)
{
	struct table_limits limits = {0, 0};
	const struct soft_tt *tt;
	uint64_t ia, table, desc;
	unsigned int level;
	enum smmuv3_pte_kind kind;
	int ret;

	ret = select_half(cd, va, &tt, &ia, fault);
	if (ret)
		return ret;
	table = tt->ttb;
	for (level = tt->start;; level++) {
		unsigned int shift = smmuv3_level_shift(tt->granule, level);
		uint64_t index = ia >> shift;

		if (level > tt->start)
			index &= smmuv3_low_bits(tt->granule - 3);
		ret = read_desc(mem, s2, cd, table + index * 8, &desc, fault);
		if (ret)
			return ret;
		kind = smmuv3_pte_kind(tt->granule, tt->pa52, level, desc);
		if (kind == SMMUV3_PTE_INVALID)
			return fail(fault, VIQ_SMMUV3_EVT_F_TRANSLATION);
		table = smmuv3_pte_address(tt->granule, tt->pa52, kind == SMMUV3_PTE_LEAF ? shift : tt->granule, desc);
		if (table >> cd->oa_bits)
			return fail(fault, VIQ_SMMUV3_EVT_F_ADDR_SIZE);
		if (kind == SMMUV3_PTE_LEAF)
			break;
		if (!tt->had)
			add_limits(&limits, desc);
	}
	if (!(desc & SMMUV3_PTE_AF) && !cd->affd)
		return fail(fault, VIQ_SMMUV3_EVT_F_ACCESS);
	fill_leaf(cd, tt, va, table, level, (desc & ~limits.clear) | limits.set, leaf);
	return 0;
}

/* Stage 1 bypassed: every address below 2^IAS (= OAS) is an IPA. */
static int bypass_s1(const struct smmuv3_features *f, uint64_t va, struct soft_leaf *leaf, struct soft_fault *fault)
{
	if (va >> f->oas)
		return fail(fault, VIQ_SMMUV3_EVT_F_ADDR_SIZE);
	leaf->s1_shift = 64;
	leaf->s1_level = 0xff;
	leaf->s1_user = SOFT_R | SOFT_W | SOFT_X;
	leaf->s1_priv = SOFT_R | SOFT_W | SOFT_X;
	leaf->ipa = va;
	return 0;
}

static bool s1_allows(const struct soft_leaf *leaf, unsigned int access)
{
	unsigned int rights = access & SOFT_P ? leaf->s1_priv : leaf->s1_user;
	unsigned int need = access & SOFT_X ? SOFT_X : access & (SOFT_R | SOFT_W);

	return (rights & need) == need;
}

int soft_check_rights(const struct soft_cd *cd, const struct soft_leaf *leaf, unsigned int access,
		      struct soft_fault *fault)
{
	if (cd && !s1_allows(leaf, access))
		return fail(fault, VIQ_SMMUV3_EVT_F_PERMISSION);
	if (!soft_s2_allows(leaf->s2, access)) {
		fail(fault, VIQ_SMMUV3_EVT_F_PERMISSION);
		fault->stage2 = 1;
		fault->ipa = leaf->ipa;
		return -EFAULT;
	}
	return 0;
}

/* The piece that both leaves translate as one: the smaller of them. */
static void combine(struct soft_leaf *leaf, const struct soft_leaf *s2, uint64_t va)
{
	leaf->s2_shift = s2->s2_shift;
	leaf->shift = leaf->s1_shift < s2->s2_shift ? leaf->s1_shift : s2->s2_shift;
	if (leaf->shift == 64)
		leaf->shift = SOFT_IDENTITY_SHIFT;
	leaf->s2 = s2->s2;
	leaf->pa = s2->pa;
	leaf->base_pa = s2->pa & ~smmuv3_low_bits(leaf->shift);
	leaf->base_va = va & ~smmuv3_low_bits(leaf->shift);
}

int soft_walk(const struct viq_mem *mem, const struct smmuv3_features *f, const struct smmuv3_s2 *s2,
	      const struct soft_cd *cd, uint64_t va, unsigned int access, struct soft_leaf *leaf,
	      struct soft_fault *fault)
{
	struct soft_leaf out;
	int ret;

	*leaf = (struct soft_leaf){0};
	ret = cd ? walk_s1(mem, s2, cd, va, leaf, fault) : bypass_s1(f, va, leaf, fault);
	if (ret)
		return ret;
	if (cd && !s1_allows(leaf, access))
		return fail(fault, VIQ_SMMUV3_EVT_F_PERMISSION);
	ret = soft_walk_s2(mem, s2, leaf->ipa, access, VIQ_SMMUV3_EVT_CLASS_IN, &out, fault);
	if (ret && fault->event != VIQ_SMMUV3_EVT_F_PERMISSION)
		return ret;
	combine(leaf, &out, va);
	return ret;
}
