/* SPDX-License-Identifier: MIT */
/* Stage 2: the walk (DDI 0487 D8.2). What an STE may say of it is in spec/smmuv3/tables.c. */
#include <byteswap.h>
#include <errno.h>

#include "walk.h"

int soft_s2_init(struct smmuv3_s2 *s2, const struct smmuv3_features *f, uint64_t ttb, unsigned int t0sz,
		 unsigned int sl0, unsigned int tg, unsigned int ps)
{
	return smmuv3_s2_shape(f, ttb, t0sz, sl0, tg, ps, s2) ? 0 : -EINVAL;
}

static int fail(struct soft_fault *fault, unsigned int event, unsigned int klass, uint64_t ipa)
{
	*fault = (struct soft_fault){
		.event = (uint8_t)event,
		.stage2 = 1,
		.klass = (uint8_t)klass,
		.ttrnw_read = klass == VIQ_SMMUV3_EVT_CLASS_TT, /* tables are never written */
		.ipa = ipa,
	};
	return -EFAULT;
}

/* Device memory of any type, by the descriptor's MemAttr (DDI 0487 D8.6). */
static bool is_device(const struct smmuv3_s2 *s2, uint64_t desc)
{
	return !(desc & (s2->fwb ? SMMUV3_PTE_S2_FWB_NORMAL : SMMUV3_PTE_S2_NORMAL));
}

/* Execute rights of XN: one bit, or with XNX two that tell unprivileged from privileged execution. */
static unsigned int execute_rights(const struct smmuv3_s2 *s2, uint64_t desc)
{
	static const uint8_t xn[4] = {SOFT_X | SOFT_P, SOFT_X, 0, SOFT_P};
	unsigned int field = (unsigned int)VIQ_GET(SMMUV3_PTE_S2_XN, desc);

	return xn[s2->xnx ? field : field & 2];
}

static unsigned int leaf_rights(const struct smmuv3_s2 *s2, uint64_t desc)
{
	return execute_rights(s2, desc) | (desc & SMMUV3_PTE_S2_R ? SOFT_R : 0) | (desc & SMMUV3_PTE_S2_W ? SOFT_W : 0);
}

bool soft_s2_allows(unsigned int rights, unsigned int access)
{
	unsigned int need = access & (SOFT_R | SOFT_W);

	if (access & SOFT_X) /* an instruction fetch asks for execution, not for a data read */
		need = access & SOFT_P ? SOFT_P : SOFT_X;
	return (rights & need) == need;
}

static void fill_leaf(struct soft_leaf *leaf, uint64_t ipa, uint64_t base, unsigned int shift, unsigned int rights)
{
	*leaf = (struct soft_leaf){
		.pa = base | (ipa & smmuv3_low_bits(shift)),
		.base_pa = base,
		.base_va = ipa & ~smmuv3_low_bits(shift),
		.shift = (uint8_t)shift,
		.s1_shift = 64,
		.s1_level = 0xff,
		.s2_shift = (uint8_t)shift,
		.s1_user = SOFT_R | SOFT_W | SOFT_X,
		.s1_priv = SOFT_R | SOFT_W | SOFT_X,
		.s2 = (uint8_t)rights,
		.ipa = ipa,
	};
}

int soft_walk_s2(const struct viq_mem *mem, const struct smmuv3_s2 *s2, uint64_t ipa, unsigned int access,
		 unsigned int klass, struct soft_leaf *leaf, struct soft_fault *fault)
{
	uint64_t table = s2->ttb, index_mask = ~UINT64_C(0);
	unsigned int level, shift;
	uint64_t desc, addr;
	enum smmuv3_pte_kind kind;

	if (s2->identity) {
		fill_leaf(leaf, ipa, ipa & ~smmuv3_low_bits(SOFT_IDENTITY_SHIFT), SOFT_IDENTITY_SHIFT,
			  SOFT_R | SOFT_W | SOFT_X | SOFT_P);
		leaf->s2_shift = 64;
		return 0;
	}
	if (ipa >> s2->ia_bits)
		return fail(fault, VIQ_SMMUV3_EVT_F_TRANSLATION, klass, ipa);
	for (level = s2->start;; level++) {
		/* The first index is not cut to one table's bits: concatenated tables are indexed as one. */
		shift = smmuv3_level_shift(s2->granule, level);
		addr = table + ((ipa >> shift) & index_mask) * 8;
		if (viq_mem_read_words(mem, addr, &desc, 1)) {
			fail(fault, VIQ_SMMUV3_EVT_F_WALK_EABT, klass, ipa);
			fault->fetch = addr;
			return -EFAULT;
		}
		if (s2->big_endian)
			desc = bswap_64(desc);
		kind = smmuv3_pte_kind(s2->granule, s2->pa52, level, desc);
		if (kind == SMMUV3_PTE_INVALID)
			return fail(fault, VIQ_SMMUV3_EVT_F_TRANSLATION, klass, ipa);
		table = smmuv3_pte_address(s2->granule, s2->pa52, kind == SMMUV3_PTE_LEAF ? shift : s2->granule, desc);
		if (table >> s2->oa_bits)
			return fail(fault, VIQ_SMMUV3_EVT_F_ADDR_SIZE, klass, ipa);
		if (kind == SMMUV3_PTE_LEAF)
			break;
		index_mask = smmuv3_low_bits(s2->granule - 3);
	}
	if (!(desc & SMMUV3_PTE_AF) && !s2->affd)
		return fail(fault, VIQ_SMMUV3_EVT_F_ACCESS, klass, ipa);
	fill_leaf(leaf, ipa, table, shift, leaf_rights(s2, desc));
	if (!soft_s2_allows(leaf->s2, access) || (s2->ptw && klass != VIQ_SMMUV3_EVT_CLASS_IN && is_device(s2, desc)))
		return fail(fault, VIQ_SMMUV3_EVT_F_PERMISSION, klass, ipa);
	return 0;
}
