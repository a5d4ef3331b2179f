/* SPDX-License-Identifier: MIT */
/*
 * ID registers: what a guest may be told, given the host's SMMUv3 (IHI 0070 6.3.1 to 6.3.8).
 *
 * The host walks the guest's context descriptors and page tables itself, and carries out the guest's invalidations: a
 * field that says more there than it has is a fault in the guest that the guest cannot explain. One row per field; what
 * is not in the table is emulated (queues, stream table) or refused by the guest's own check of its configuration.
 *
 * Linux says by which fields user space may go (struct iommu_hw_info_arm_smmuv3). HAD, E0PD, OAS, ATS and AIDR are not
 * among them: they are only ever taken away here, but for ATS, which the embedder asks for.
 */
#include <stddef.h>

#include <viq/bits.h>

#include "base/sized.h"
#include "offer.h"
#include "offer_smmuv3.h"

static const struct offer_field fields[] = {
#define ROW(name, member, mask, rule, how, value)                                                                      \
	{                                                                                                              \
		name, offsetof(struct viq_smmuv3_ids, member), mask, 4, OFFER_##rule, OFFER_##how, value, NULL         \
	}
#define IDR(n, field, ...) ROW("IDR" #n "." #field, idr##n, VIQ_SMMUV3_IDR##n##_##field, __VA_ARGS__)
	IDR(0, S2P, AT_MOST, LOWER, 1),        IDR(0, VMID16, AT_MOST, LOWER, 1),
	IDR(0, TTF, SUBSET, KEEP, 3), /* a bit per format */
	IDR(0, ATS, AT_MOST, SET, 1),          IDR(0, ASID16, AT_MOST, SET, 1),
	IDR(0, CD2L, AT_MOST, SET, 1),         IDR(0, TTENDIAN, ZERO_OR_SAME, SET, 3),
	IDR(0, STALL_MODEL, MUST_BE, KEEP, 1), /* what is emulated, on any host */
	IDR(0, TERM_MODEL, AT_LEAST, SET, 1),  IDR(1, SSIDSIZE, AT_MOST, SET, 20),
	IDR(3, HAD, AT_MOST, LOWER, 1),        IDR(3, XNX, AT_MOST, LOWER, 1),
	IDR(3, FWB, AT_MOST, LOWER, 1),        IDR(3, PTWNNC, AT_MOST, LOWER, 1),
	IDR(3, RIL, AT_MOST, SET, 1),          IDR(3, BBML, AT_MOST, SET, 2),
	IDR(3, E0PD, AT_MOST, LOWER, 1),       IDR(5, OAS, AT_MOST, LOWER, 7),
	IDR(5, GRAN4K, AT_MOST, SET, 1),       IDR(5, GRAN16K, AT_MOST, SET, 1),
	IDR(5, GRAN64K, AT_MOST, SET, 1),      IDR(5, DS, AT_MOST, SET, 1),
	IDR(5, VAX, AT_MOST, SET, 1),          ROW("AIDR", aidr, VIQ_BITS(7, 0), AT_MOST, LOWER, 0xff),
#undef IDR
#undef ROW
};

void offer_smmuv3_stage1(struct viq_smmuv3_ids *ids)
{
	ids->idr0 &= (uint32_t) ~(VIQ_SMMUV3_IDR0_S2P | VIQ_SMMUV3_IDR0_VMID16);
	ids->idr3 &= (uint32_t) ~(VIQ_SMMUV3_IDR3_XNX | VIQ_SMMUV3_IDR3_FWB | VIQ_SMMUV3_IDR3_PTWNNC);
}

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* Fields that need others, when these have been taken away: what the architecture obliges a version to have. */
static void settle(struct viq_smmuv3_ids *c)
{
	const bool s1 = c->idr0 & VIQ_SMMUV3_IDR0_S1P, s2 = c->idr0 & VIQ_SMMUV3_IDR0_S2P;

	if (!s2)
		offer_smmuv3_stage1(c);
	if (c->aidr >= 3 && (!(c->idr3 & VIQ_SMMUV3_IDR3_E0PD) || (s2 && !(c->idr3 & VIQ_SMMUV3_IDR3_PTWNNC))))
		c->aidr = 2;
	/* With both stages IDR0.HYP, too, which nobody offers. */
	if (c->aidr >= 2 && s2 && (s1 || !(c->idr3 & VIQ_SMMUV3_IDR3_FWB)))
		c->aidr = 1;
	if (c->aidr >= 2 && (!(c->idr3 & VIQ_SMMUV3_IDR3_RIL) || !(c->idr3 & VIQ_SMMUV3_IDR3_BBML)))
		c->aidr = 1;
	if (c->aidr >= 1 && ((s1 && !(c->idr3 & VIQ_SMMUV3_IDR3_HAD)) || (s2 && !(c->idr3 & VIQ_SMMUV3_IDR3_XNX))))
		c->aidr = 0;
	if (c->aidr < VIQ_SMMUV3_AIDR_V3_1)
		c->idr5 &= (uint32_t)~VIQ_SMMUV3_IDR5_VAX;
	if (!(c->idr5 & (VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K)))
		c->idr5 &= (uint32_t)~VIQ_SMMUV3_IDR5_DS;
	if (VIQ_GET(VIQ_SMMUV3_IDR5_OAS, c->idr5) > 5 &&
	    (c->aidr < VIQ_SMMUV3_AIDR_V3_1 || !(c->idr5 & (VIQ_SMMUV3_IDR5_GRAN64K | VIQ_SMMUV3_IDR5_DS))))
		c->idr5 = (c->idr5 & (uint32_t)~VIQ_SMMUV3_IDR5_OAS) | VIQ_PUT(VIQ_SMMUV3_IDR5_OAS, 5);
}

void offer_smmuv3(const struct viq_smmuv3_ids *host, bool raise, bool ats, struct viq_smmuv3_ids *ids)
{
	offer_fields(fields, FIELDS, host, ids, raise);
	if (!ats)
		ids->idr0 &= ~(uint32_t)VIQ_SMMUV3_IDR0_ATS;
	settle(ids);
}

int offer_smmuv3_take(struct viq_smmuv3_ids *own, const struct viq_smmuv3_ids *ids, struct viq_why *why)
{
	return sized_take(own, sizeof(*own), ids, SIZED_TO(struct viq_smmuv3_ids, aidr), "ids", why);
}

int offer_smmuv3_check(const struct viq_smmuv3_ids *host, const struct viq_smmuv3_ids *ids, struct viq_why *why)
{
	return offer_check_fields(fields, FIELDS, host, ids, why);
}
