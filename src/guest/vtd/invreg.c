/* SPDX-License-Identifier: MIT */
/* Register-based invalidation: CCMD, IVA and IOTLB. */
#include "vtd.h"

/* Only in legacy mode, and not beside the queue. A request made nevertheless is answered as an invalid one. */
static bool by_register(const struct viq_vtd *s)
{
	return !(s->regs.gsts & VIQ_VTD_GSTS_QIES) &&
	       VIQ_GET(VIQ_VTD_RTADDR_TTM, s->regs.rtaddr_used) == VIQ_VTD_TTM_LEGACY;
}

/* While a request is carried out ICC, and IVT below, read 1 for other vCPUs: 0 says that it is complete. */
void vtd_write_ccmd(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	unsigned int granularity = VIQ_GET(VIQ_VTD_CCMD_CIRG, value);
	struct viq_vtd_reconfig what =
		vtd_context_scope(s, granularity, vtd_domain(s, VIQ_GET(VIQ_VTD_CCMD_DID, value)),
				  VIQ_GET(VIQ_VTD_CCMD_SID, value), VIQ_GET(VIQ_VTD_CCMD_FM, value));
	const uint64_t request = value & fresh & VIQ_VTD_CCMD_ICC;

	value &= ~(VIQ_VTD_CCMD_ICC | VIQ_VTD_CCMD_CAIG);
	reg_store(s->regs.ccmd, (s->regs.ccmd & VIQ_VTD_CCMD_CAIG) | value | request);
	if (!request)
		return;
	if (!granularity || !by_register(s) || vtd_reconfig(s, what))
		granularity = 0;
	reg_store(s->regs.ccmd, value | VIQ_PUT(VIQ_VTD_CCMD_CAIG, granularity));
}

/* The granularity that was carried out, 0: none. */
static unsigned int invalidate_by_register(struct viq_vtd *s, uint64_t value)
{
	unsigned int granularity = VIQ_GET(VIQ_VTD_IOTLB_IIRG, value);
	struct vtd_run run = vtd_targets_all(s);

	if (!granularity || !by_register(s))
		return 0;
	if (granularity == VIQ_VTD_IOTLB_PAGE && (s->config.cap & VIQ_VTD_CAP_PSI) &&
	    VIQ_GET(VIQ_VTD_IVA_AM, s->regs.iva) > s->offer.mamv)
		return 0;
	if (granularity != VIQ_VTD_IOTLB_GLOBAL)
		run = vtd_targets_domain(s, vtd_domain(s, VIQ_GET(VIQ_VTD_IOTLB_DID, value)));
	if (!vtd_batch_now(s, run))
		return 0;
	/* Page-selective takes away all first-stage entries of the domain. */
	return granularity == VIQ_VTD_IOTLB_GLOBAL ? VIQ_VTD_IOTLB_GLOBAL : VIQ_VTD_IOTLB_DOMAIN;
}

void vtd_write_iotlb(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	const uint64_t request = value & fresh & VIQ_VTD_IOTLB_IVT;

	value &= VIQ_VTD_IOTLB_IIRG | VIQ_VTD_IOTLB_DR | VIQ_VTD_IOTLB_DW | VIQ_VTD_IOTLB_DID;
	reg_store(s->regs.iotlb, (s->regs.iotlb & VIQ_VTD_IOTLB_IAIG) | value | request);
	if (request)
		reg_store(s->regs.iotlb, value | VIQ_PUT(VIQ_VTD_IOTLB_IAIG, invalidate_by_register(s, value)));
}

/* Not read by anybody: the other half of a register written in two is not in value. */
void vtd_write_iva(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	s->regs.iva = (s->regs.iva & ~fresh) | (value & fresh & VTD_IVA_BITS);
}
