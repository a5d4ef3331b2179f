/* SPDX-License-Identifier: MIT */
/* Stage 2: what an STE may say of it (IHI 0070 5.2.2), and the walk (DDI 0487 D8.2). */
#include <errno.h>

#include "walk.h"

#define NO_LEVEL 4

/* S2SL0's start level, or NO_LEVEL for a reserved value. */
static unsigned int start_level(const struct smmuv3_features *f, unsigned int granule, unsigned int sl0)
{
	if (granule != 12)
		return sl0 < 3 ? 3 - sl0 : NO_LEVEL;
	if (sl0 == 3)
		return f->idr3 & VIQ_SMMUV3_IDR3_STT ? 3 : NO_LEVEL;
	return 2 - sl0;
}

/* May a walk of ia_bits start at this level? Up to 16 tables may lie side by side there (D8.2). */
static bool start_legal(const struct smmuv3_features *f, unsigned int granule, unsigned int start, unsigned int ia_bits)
{
	unsigned int shift = smmuv3_level_shift(granule, start);

	if (ia_bits <= shift || ia_bits > shift + (granule - 3) + 4)
		return false;
	/* The highest levels exist only for physical addresses that need them (R_SRKBC). */
	if (granule == 12 && start == 0)
		return f->oas >= 44;
	if (granule == 14 && start == 1)
		return f->oas >= 42;
	return true;
}

int soft_s2_init(struct soft_s2 *s2, const struct smmuv3_features *f, uint64_t ttb, unsigned int t0sz, unsigned int sl0,
		 unsigned int tg, unsigned int ps)
{
	bool stt = f->idr3 & VIQ_SMMUV3_IDR3_STT;
	unsigned int granule = smmuv3_tg0_granule(tg), ia_bits, oa_bits, start;

	if (t0sz > 63 || sl0 > 3 || tg > 3 || ps > 7 || !smmuv3_has_granule(f, granule))
		return -EINVAL;
	if (t0sz > (!stt ? 39u : granule == 16 ? 47u : 48u))
		return -EINVAL;
	ia_bits = 64 - t0sz;
	if (ia_bits > smmuv3_granule_oa_bits(granule, f->oas))
		return -EINVAL;
	start = start_level(f, granule, sl0);
	if (start == NO_LEVEL || !start_legal(f, granule, start, ia_bits))
		return -EINVAL;
	oa_bits = smmuv3_size_bits(ps);
	oa_bits = smmuv3_granule_oa_bits(granule, oa_bits < f->oas ? oa_bits : f->oas);
	if (ttb >> oa_bits)
		return -EINVAL;
	*s2 = (struct soft_s2){
		.xnx = f->idr3 & VIQ_SMMUV3_IDR3_XNX,
		.pa52 = f->oas == 52,
		.granule = (uint8_t)granule,
		.start = (uint8_t)start,
		.ia_bits = (uint8_t)ia_bits,
		.oa_bits = (uint8_t)oa_bits,
		.ttb = smmuv3_align_ttb(ttb, granule, start, ia_bits, oa_bits),
	};
	return 0;
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

/* Execute rights of XN: one bit, or with XNX two that tell unprivileged from privileged execution. */
static unsigned int execute_rights(const struct soft_s2 *s2, uint64_t desc)
{
	static const uint8_t xn[4] = {SOFT_X | SOFT_P, SOFT_X, 0, SOFT_P};
	unsigned int field = (unsigned int)VIQ_GET(SMMUV3_PTE_S2_XN, desc);

	return xn[s2->xnx ? field : field & 2];
}

static unsigned int leaf_rights(const struct soft_s2 *s2, uint64_t desc)
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

int soft_walk_s2(const struct viq_mem *mem, const struct soft_s2 *s2, uint64_t ipa, unsigned int access,
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
	if (!soft_s2_allows(leaf->s2, access))
		return fail(fault, VIQ_SMMUV3_EVT_F_PERMISSION, klass, ipa);
	return 0;
}
