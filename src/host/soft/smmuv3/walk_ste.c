/* SPDX-License-Identifier: MIT */
/* Stream table entries: which of a guest's words 0 and 1 are ILLEGAL (IHI 0070 5.2). */
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
	return true;
}

int soft_check_ste(const struct smmuv3_features *f, const uint64_t words[2])
{
	struct smmuv3_ste ste;

	smmuv3_ste_decode(f, words, &ste);
	if (!ste.valid)
		return -EINVAL;
	if (ste.config <= VIQ_SMMUV3_STE_CONFIG_BYPASS) /* abort, in four codings, and bypass */
		return 0;
	if (ste.config & 2 && !(f->idr0 & VIQ_SMMUV3_IDR0_S2P))
		return -EINVAL;
	/* 2 is ATS of stage 1 alone, 3 needs device permission tables: there are neither. */
	if (ste.eats > 1)
		return -EINVAL;
	return !(ste.config & 1) || stage1_legal(f, &ste) ? 0 : -EINVAL;
}
