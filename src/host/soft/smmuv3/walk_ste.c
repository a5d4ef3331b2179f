/* SPDX-License-Identifier: MIT */
/* Stream table entries: which of a guest's words 0 and 1 are ILLEGAL (IHI 0070 5.2.2). */
#include <errno.h>

#include "walk.h"

static bool cd_table_legal(const struct soft_features *f, uint64_t word0)
{
	unsigned int cdmax = VIQ_GET(VIQ_SMMUV3_STE_0_S1CDMAX, word0);
	unsigned int fmt = VIQ_GET(VIQ_SMMUV3_STE_0_S1FMT, word0);

	if ((word0 & VIQ_SMMUV3_STE_0_S1CONTEXTPTR) >> f->oas)
		return false;
	if (!f->ssid_bits) /* S1CDMax is ignored then */
		return true;
	if (cdmax > f->ssid_bits)
		return false;
	return !cdmax || (fmt != 1 && fmt != 2) || f->idr0 & VIQ_SMMUV3_IDR0_CD2L;
}

/* EATS 2 and 3 need a stage 2 of the guest's own, or device permission tables. */
static bool eats_legal(const struct soft_features *f, uint64_t word1)
{
	return !(f->idr0 & VIQ_SMMUV3_IDR0_ATS) || VIQ_GET(VIQ_SMMUV3_STE_1_EATS, word1) < 2;
}

static bool stage1_legal(const struct soft_features *f, const uint64_t ste[2])
{
	if (!(f->idr0 & VIQ_SMMUV3_IDR0_S1P))
		return false;
	if (ste[1] & VIQ_SMMUV3_STE_1_S1STALLD && f->idr0 & VIQ_SMMUV3_IDR0_STALL_MODEL)
		return false;
	if (f->idr0 & VIQ_SMMUV3_IDR0_HYP && VIQ_GET(VIQ_SMMUV3_STE_1_STRW, ste[1]) & 1)
		return false;
	return cd_table_legal(f, ste[0]) && eats_legal(f, ste[1]);
}

int soft_check_ste(const struct soft_features *f, const uint64_t ste[2])
{
	if (!(ste[0] & VIQ_SMMUV3_STE_0_V))
		return -EINVAL;
	switch (VIQ_GET(VIQ_SMMUV3_STE_0_CONFIG, ste[0])) {
	case VIQ_SMMUV3_STE_CONFIG_S2:
	case VIQ_SMMUV3_STE_CONFIG_NESTED:
		return -EINVAL;
	case VIQ_SMMUV3_STE_CONFIG_S1:
		return stage1_legal(f, ste) ? 0 : -EINVAL;
	default: /* abort, in four codings, and bypass */
		return 0;
	}
}
