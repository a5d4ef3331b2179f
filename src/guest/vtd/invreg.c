/* SPDX-License-Identifier: MIT */
/* Register-based invalidation: CCMD, IVA and IOTLB. */
#include "vtd.h"

/* Only in legacy mode, and not beside the queue. A request made nevertheless is answered as an invalid one. */
static bool by_register(const struct viq_vtd *s)
{
	return !(s->regs.gsts & VIQ_VTD_GSTS_QIES) &&
	       VIQ_GET(VIQ_VTD_RTADDR_TTM, s->regs.rtaddr_used) == VIQ_VTD_TTM_LEGACY;
}

static uint64_t ccmd_done(uint64_t ccmd, unsigned int granularity)
{
	return (ccmd & ~(VIQ_VTD_CCMD_ICC | VIQ_VTD_CCMD_CAIG)) | VIQ_PUT(VIQ_VTD_CCMD_CAIG, granularity);
}

static uint64_t iotlb_done(uint64_t iotlb, unsigned int granularity)
{
	/* Page-selective takes away all first-stage entries of the domain. */
	if (granularity == VIQ_VTD_IOTLB_PAGE)
		granularity = VIQ_VTD_IOTLB_DOMAIN;
	return (iotlb & ~(VIQ_VTD_IOTLB_IVT | VIQ_VTD_IOTLB_IAIG)) | VIQ_PUT(VIQ_VTD_IOTLB_IAIG, granularity);
}

static void set_ccmd(struct viq_vtd *s, uint64_t value)
{
	s->regs.ccmd = value;
	vtd_show64(s, VIQ_VTD_CCMD, value);
}

static void set_iotlb(struct viq_vtd *s, uint64_t value)
{
	s->regs.iotlb = value;
	vtd_show64(s, vtd_iro(s) + VIQ_VTD_IOTLB_REG, value);
}

void vtd_ccmd_done(struct viq_vtd *s, bool ok)
{
	uint64_t ccmd = s->regs.ccmd;

	if (ccmd & VIQ_VTD_CCMD_ICC)
		set_ccmd(s, ccmd_done(ccmd, ok ? VIQ_GET(VIQ_VTD_CCMD_CIRG, ccmd) : 0));
}

void vtd_iotlb_done(struct viq_vtd *s, bool ok)
{
	uint64_t iotlb = s->regs.iotlb;

	if (iotlb & VIQ_VTD_IOTLB_IVT)
		set_iotlb(s, iotlb_done(iotlb, ok ? VIQ_GET(VIQ_VTD_IOTLB_IIRG, iotlb) : 0));
}

void vtd_invreg_finish(struct vtd_regs *r)
{
	if (r->ccmd & VIQ_VTD_CCMD_ICC)
		r->ccmd = ccmd_done(r->ccmd, VIQ_GET(VIQ_VTD_CCMD_CIRG, r->ccmd));
	if (r->iotlb & VIQ_VTD_IOTLB_IVT)
		r->iotlb = iotlb_done(r->iotlb, VIQ_GET(VIQ_VTD_IOTLB_IIRG, r->iotlb));
}

/* While a request is carried out ICC, and IVT below, read 1: 0 says that it is complete. */
void vtd_write_ccmd(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	unsigned int granularity = VIQ_GET(VIQ_VTD_CCMD_CIRG, value);
	const uint64_t request = value & fresh & VIQ_VTD_CCMD_ICC, kept = VIQ_VTD_CCMD_CAIG;

	/* Software must not (11.4.6.1): the register goes on to name what is being done. */
	if (s->regs.ccmd & VIQ_VTD_CCMD_ICC)
		return;
	set_ccmd(s, (s->regs.ccmd & kept) | (value & ~(kept | VIQ_VTD_CCMD_ICC)) | request);
	if (!request)
		return;
	if (!granularity || !by_register(s)) {
		vtd_ccmd_done(s, false);
		return;
	}
	vtd_work_owe_reconfig(s, vtd_context_scope(s, granularity, vtd_domain(s, VIQ_GET(VIQ_VTD_CCMD_DID, value)),
						   VIQ_GET(VIQ_VTD_CCMD_SID, value), VIQ_GET(VIQ_VTD_CCMD_FM, value)));
	vtd_invq_doorbell(s);
}

/* Can it be carried out? */
static bool iotlb_ok(const struct viq_vtd *s, unsigned int granularity)
{
	if (!granularity || !by_register(s))
		return false;
	return granularity != VIQ_VTD_IOTLB_PAGE || !(s->config.cap & VIQ_VTD_CAP_PSI) ||
	       VIQ_GET(VIQ_VTD_IVA_AM, s->regs.iva) <= s->offer.mamv;
}

void vtd_write_iotlb(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	const uint64_t bits = VIQ_VTD_IOTLB_IIRG | VIQ_VTD_IOTLB_DR | VIQ_VTD_IOTLB_DW | VIQ_VTD_IOTLB_DID;
	const uint64_t request = value & fresh & VIQ_VTD_IOTLB_IVT, kept = VIQ_VTD_IOTLB_IAIG;
	unsigned int granularity = VIQ_GET(VIQ_VTD_IOTLB_IIRG, value);

	/* 11.4.6.3 */
	if (s->regs.iotlb & VIQ_VTD_IOTLB_IVT)
		return;
	set_iotlb(s, (s->regs.iotlb & kept) | (value & bits) | request);
	if (!request)
		return;
	if (!iotlb_ok(s, granularity)) {
		vtd_iotlb_done(s, false);
		return;
	}
	vtd_work_owe_iotlb(s, granularity == VIQ_VTD_IOTLB_GLOBAL
				      ? vtd_sweep_all()
				      : vtd_sweep_domain(s, vtd_domain(s, VIQ_GET(VIQ_VTD_IOTLB_DID, value))));
	vtd_invq_doorbell(s);
}

/* Not read by anybody: the other half of a register written in two is not in value. */
void vtd_write_iva(struct viq_vtd *s, uint64_t value, uint64_t fresh)
{
	s->regs.iva = (s->regs.iva & ~fresh) | (value & fresh & VTD_IVA_BITS);
}
