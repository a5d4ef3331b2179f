/* SPDX-License-Identifier: MIT */
/*
 * ID registers: a guest's against those of the physical SMMUv3, which are struct iommu_hw_info_arm_smmuv3, raw. Its
 * stage 2 is the VMM's, and the kernel takes neither stage 2 of a guest's STEs nor its TLBIs.
 */
#include <errno.h>

#include "base/sized.h"
#include "host/offer_smmuv3.h"
#include "vsmmu.h"

static struct viq_smmuv3_ids ids_of(const struct viq_linux_hw_info *hw)
{
	struct viq_smmuv3_ids ids = {
		.idr0 = hw->idr[0], .idr1 = hw->idr[1], .idr3 = hw->idr[3], .idr5 = hw->idr[5], .aidr = hw->aidr};

	offer_smmuv3_stage1(&ids);
	return ids;
}

int linux_offer_possible(const struct viq_linux_hw_info *hw, struct viq_why *why)
{
	const uint32_t granules = VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K | VIQ_SMMUV3_IDR5_GRAN64K;
	uint32_t endian = VIQ_GET(VIQ_SMMUV3_IDR0_TTENDIAN, hw->idr[0]);
	uint32_t stalls = VIQ_GET(VIQ_SMMUV3_IDR0_STALL_MODEL, hw->idr[0]);

	if (!(VIQ_GET(VIQ_SMMUV3_IDR0_TTF, hw->idr[0]) & VIQ_SMMUV3_IDR0_TTF_AARCH64))
		return why_say(why, -EOPNOTSUPP, "IDR0.TTF: the SMMU does not walk AArch64 page tables");
	if (endian & 1)
		return why_say(why, -EOPNOTSUPP, "IDR0.TTENDIAN: the SMMU does not walk little-endian page tables (%u)",
			       endian);
	if (stalls > 1)
		return why_say(why, -EOPNOTSUPP, "IDR0.STALL_MODEL: the SMMU cannot be kept from stalling devices (%u)",
			       stalls);
	if (!(hw->idr[5] & granules))
		return why_say(why, -EOPNOTSUPP, "IDR5: the SMMU has no granule that is known");
	return 0;
}

int linux_offer_check(const struct viq_linux_hw_info *hw, const struct viq_smmuv3_ids *ids, struct viq_why *why)
{
	const struct viq_smmuv3_ids host = ids_of(hw);

	return offer_smmuv3_check(&host, ids, why);
}

void viq_linux_vsmmu_offer(const struct viq_linux_vsmmu *v, bool raise, bool ats, struct viq_smmuv3_ids *ids)
{
	struct viq_smmuv3_ids own = {0}, host;

	if (!v || !v->live || offer_smmuv3_take(&own, ids, NULL))
		return;
	host = ids_of(&v->hw);
	offer_smmuv3(&host, raise, ats, &own);
	/* The SMMU has SubstreamIDs, but no device makes them: then the guest need not have their tables. */
	if (v->hw.max_pasid_log2 < VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, own.idr1))
		own.idr1 = (uint32_t)((own.idr1 & ~VIQ_SMMUV3_IDR1_SSIDSIZE) |
				      VIQ_PUT(VIQ_SMMUV3_IDR1_SSIDSIZE, v->hw.max_pasid_log2));
	sized_give(ids, ids->size, &own, sizeof(own));
}

int viq_linux_vsmmu_promise(struct viq_linux_vsmmu *v, const struct viq_smmuv3_ids *ids, struct viq_why *why)
{
	struct viq_smmuv3_ids own = {0};
	int err;

	if (!v)
		return why_say(why, -EINVAL, "vsmmu: NULL");
	err = offer_smmuv3_take(&own, ids, why);
	if (!err && v->live)
		err = linux_offer_check(&v->hw, &own, why);
	if (!err)
		v->promised = own;
	return err;
}
