/* SPDX-License-Identifier: MIT */
/*
 * ID registers: what a guest may be told, given the physical SMMUv3 (IHI 0070 6.3.1 to 6.3.8).
 *
 * The physical SMMU walks the guest's context descriptors and page tables itself, and carries out the guest's
 * invalidations: a field that says more there than it has is a fault in the guest that the guest cannot explain. One
 * row a field; what is not in the table is emulated here (queues, stream table) or refused by
 * the guest's own check of its configuration.
 *
 * struct iommu_hw_info_arm_smmuv3 gives raw registers, and says which fields user space may go by. HAD, E0PD, OAS, ATS
 * and AIDR are not among them: they are only ever taken away here, but for ATS, which the embedder asks for.
 */
#include <errno.h>
#include <stddef.h>

#include "base/sized.h"
#include "host/linux/iommufd/offer.h"
#include "vsmmu.h"

static const struct linux_offer_field fields[] = {
#define ROW(name, guest, host, mask, rule, how, value)                                                                 \
	{                                                                                                              \
		name, offsetof(struct viq_smmuv3_ids, guest), offsetof(struct viq_linux_hw_info, host), mask, 4,       \
			LINUX_##rule, LINUX_##how, value, NULL                                                         \
	}
#define IDR(n, field, ...) ROW("IDR" #n "." #field, idr##n, idr[n], VIQ_SMMUV3_IDR##n##_##field, __VA_ARGS__)
	IDR(0, TTF, SUBSET, KEEP, 3), /* a bit per format */
	IDR(0, ATS, AT_MOST, SET, 1),
	IDR(0, ASID16, AT_MOST, SET, 1),
	IDR(0, CD2L, AT_MOST, SET, 1),
	IDR(0, TTENDIAN, ZERO_OR_SAME, SET, 3),
	IDR(0, STALL_MODEL, MUST_BE, KEEP, 1), /* what is emulated, on any host of linux_offer_possible() */
	IDR(0, TERM_MODEL, AT_LEAST, SET, 1),
	IDR(1, SSIDSIZE, AT_MOST, SET, 20),
	IDR(3, HAD, AT_MOST, LOWER, 1),
	IDR(3, RIL, AT_MOST, SET, 1),
	IDR(3, BBML, AT_MOST, SET, 2),
	IDR(3, E0PD, AT_MOST, LOWER, 1),
	IDR(5, OAS, AT_MOST, LOWER, 7),
	IDR(5, GRAN4K, AT_MOST, SET, 1),
	IDR(5, GRAN16K, AT_MOST, SET, 1),
	IDR(5, GRAN64K, AT_MOST, SET, 1),
	IDR(5, DS, AT_MOST, SET, 1),
	IDR(5, VAX, AT_MOST, SET, 1),
	ROW("AIDR", aidr, aidr, VIQ_BITS(7, 0), AT_MOST, LOWER, 0xff),
#undef IDR
#undef ROW
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* Fields that need others, when these have been taken away: what the architecture obliges a version to have. */
static void settle(struct viq_smmuv3_ids *c)
{
	if (c->aidr >= 3 && !(c->idr3 & VIQ_SMMUV3_IDR3_E0PD))
		c->aidr = 2;
	if (c->aidr >= 2 && (!(c->idr3 & VIQ_SMMUV3_IDR3_RIL) || !(c->idr3 & VIQ_SMMUV3_IDR3_BBML)))
		c->aidr = 1;
	if (c->aidr >= 1 && !(c->idr3 & VIQ_SMMUV3_IDR3_HAD))
		c->aidr = 0;
	if (c->aidr < VIQ_SMMUV3_AIDR_V3_1)
		c->idr5 &= (uint32_t)~VIQ_SMMUV3_IDR5_VAX;
	if (!(c->idr5 & (VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K)))
		c->idr5 &= (uint32_t)~VIQ_SMMUV3_IDR5_DS;
	if (VIQ_GET(VIQ_SMMUV3_IDR5_OAS, c->idr5) > 5 &&
	    (c->aidr < VIQ_SMMUV3_AIDR_V3_1 || !(c->idr5 & (VIQ_SMMUV3_IDR5_GRAN64K | VIQ_SMMUV3_IDR5_DS))))
		c->idr5 = (c->idr5 & (uint32_t)~VIQ_SMMUV3_IDR5_OAS) | VIQ_PUT(VIQ_SMMUV3_IDR5_OAS, 5);
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
	return linux_check_fields(fields, FIELDS, hw, ids, why);
}

static int take_ids(struct viq_smmuv3_ids *own, const struct viq_smmuv3_ids *ids, struct viq_why *why)
{
	return sized_take(own, sizeof(*own), ids, SIZED_TO(struct viq_smmuv3_ids, aidr), "ids", why);
}

void viq_linux_vsmmu_offer(const struct viq_linux_vsmmu *v, bool raise, bool ats, struct viq_smmuv3_ids *ids)
{
	struct viq_smmuv3_ids own = {0};

	if (!v || !v->live || take_ids(&own, ids, NULL))
		return;
	linux_offer_fields(fields, FIELDS, &v->hw, &own, raise);
	if (!ats)
		own.idr0 &= ~(uint32_t)VIQ_SMMUV3_IDR0_ATS;
	/* The SMMU has SubstreamIDs, but no device makes them: then the guest need not have their tables. */
	if (v->hw.max_pasid_log2 < VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, own.idr1))
		own.idr1 = (uint32_t)((own.idr1 & ~VIQ_SMMUV3_IDR1_SSIDSIZE) |
				      VIQ_PUT(VIQ_SMMUV3_IDR1_SSIDSIZE, v->hw.max_pasid_log2));
	settle(&own);
	sized_give(ids, ids->size, &own, sizeof(own));
}

int viq_linux_vsmmu_promise(struct viq_linux_vsmmu *v, const struct viq_smmuv3_ids *ids, struct viq_why *why)
{
	struct viq_smmuv3_ids own = {0};
	int err;

	if (!v)
		return why_say(why, -EINVAL, "vsmmu: NULL");
	err = take_ids(&own, ids, why);
	if (!err && v->live)
		err = linux_offer_check(&v->hw, &own, why);
	if (!err)
		v->promised = own;
	return err;
}
