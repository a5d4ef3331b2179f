/* SPDX-License-Identifier: MIT */
/* Stream table entries: which of a guest's words 0 and 1 are ILLEGAL (IHI 0070 5.2.2). */
#include <errno.h>

#include "walk.h"

static bool stage1_legal(const struct smmuv3_features *f, const struct smmuv3_ste *ste)
{
	if (!(f->idr0 & VIQ_SMMUV3_IDR0_S1P))
		return false;
	if (ste->s1stalld && f->idr0 & VIQ_SMMUV3_IDR0_STALL_MODEL)
		return false;
	if (f->idr0 & VIQ_SMMUV3_IDR0_HYP && ste->strw & 1)
		return false;
	if (ste->cd_table >> f->oas || ste->cdmax > f->ssid_bits)
		return false;
	if (ste->cd_split && !(f->idr0 & VIQ_SMMUV3_IDR0_CD2L))
		return false;
	/* 2 and 3 need a stage 2 of the guest's own, or device permission tables. */
	return ste->eats < 2;
}

int soft_check_ste(const struct smmuv3_features *f, const uint64_t words[2])
{
	struct smmuv3_ste ste;

	smmuv3_ste_decode(f, words, &ste);
	if (!ste.valid)
		return -EINVAL;
	switch (ste.config) {
	case VIQ_SMMUV3_STE_CONFIG_S2:
	case VIQ_SMMUV3_STE_CONFIG_NESTED:
		return -EINVAL;
	case VIQ_SMMUV3_STE_CONFIG_S1:
		return stage1_legal(f, &ste) ? 0 : -EINVAL;
	default: /* abort, in four codings, and bypass */
		return 0;
	}
}
