/* SPDX-License-Identifier: MIT */
/* Root, context and PASID entries of a request: memory for spec/vtd/tables.h, and what the entries let in. */
#include <errno.h>

#include "walk_entry.h"

/* 0, or -EFAULT with *fault. */
static int look_up(const struct viq_mem *mem, struct vtd_lookup *l, struct soft_vtd_fault *fault)
{
	uint64_t words[VIQ_VTD_PE_WORDS];

	while (l->words)
		vtd_lookup_step(l, viq_mem_read_words(mem, l->at, words, l->words) ? NULL : words);
	return l->reason ? soft_vtd_fail_entry(fault, l->reason, l->fpd, 0, l->at) : 0;
}

int soft_vtd_fetch_context(const struct viq_mem *mem, const struct vtd_caps *f, uint64_t rtaddr,
			   const struct soft_vtd_request *req, struct vtd_context *ctx, struct soft_vtd_fault *fault)
{
	struct vtd_lookup l;
	int ret;

	vtd_lookup_context(&l, f, rtaddr, req->sid);
	/* Before any entry is read. */
	if (!l.reason && !l.scalable && req->has_pasid)
		return soft_vtd_fail(fault, VIQ_VTD_FR_TTM_PASID, false);
	ret = look_up(mem, &l, fault);
	*ctx = l.context;
	return ret;
}

static unsigned int check_request(const struct vtd_caps *f, const struct vtd_context *ctx,
				  const struct soft_vtd_request *req, uint32_t *pasid)
{
	bool ats = req->type != VIQ_VTD_AT_UNTRANSLATED;

	*pasid = 0;
	if (!ctx->scalable) {
		if (req->has_pasid)
			return VIQ_VTD_FR_TTM_PASID;
		return ats && ctx->tt != VIQ_VTD_TT_SS_ATS ? VIQ_VTD_FR_CTX_TT : 0;
	}
	if (ats && !ctx->dte)
		return VIQ_VTD_FR_SM_DTE;
	if (req->has_pasid && !ctx->paside)
		return VIQ_VTD_FR_SM_PASIDE;
	*pasid = req->has_pasid ? req->pasid : ctx->rid_pasid;
	if (*pasid >= vtd_context_pasids(ctx))
		return VIQ_VTD_FR_SM_PASID_RANGE;
	if (req->has_pasid && *pasid == ctx->rid_pasid)
		return VIQ_VTD_FR_SM_RID_PASID;
	return req->has_pasid && *pasid >> (VIQ_GET(VIQ_VTD_ECAP_PSS, f->ecap) + 1) ? VIQ_VTD_FR_PASID_WIDTH : 0;
}

int soft_vtd_select_pasid(const struct vtd_caps *f, const struct vtd_context *ctx, const struct soft_vtd_request *req,
			  uint32_t *pasid, struct soft_vtd_fault *fault)
{
	unsigned int reason = check_request(f, ctx, req, pasid);

	/* 3.15: not translated. A write of four bytes would be an interrupt, which is not asked about here. */
	if (!reason && !req->has_pasid && soft_vtd_is_interrupt(req->addr))
		reason = ctx->scalable ? VIQ_VTD_FR_SM_INTERRUPT_ADDR : VIQ_VTD_FR_INTERRUPT_ADDR;
	return reason ? soft_vtd_fail(fault, reason, ctx->fpd) : 0;
}

int soft_vtd_fetch_pasid(const struct viq_mem *mem, const struct vtd_caps *f, const struct vtd_context *ctx,
			 uint32_t pasid, struct vtd_regime *regime, struct soft_vtd_fault *fault)
{
	struct vtd_lookup l;
	int ret;

	vtd_lookup_pasid(&l, f, ctx, pasid);
	ret = look_up(mem, &l, fault);
	*regime = l.regime;
	return ret;
}

int soft_vtd_admit(const struct vtd_context *ctx, const struct vtd_regime *regime, const struct soft_vtd_request *req,
		   unsigned int *access, struct soft_vtd_fault *fault)
{
	*access = req->access;
	/* 9.4: the request is an execute request only if it says so beside its PASID. */
	if (!req->has_pasid && *access & SOFT_X)
		*access = (*access & ~SOFT_X) | SOFT_R;
	if (!req->has_pasid && ctx && ctx->rid_priv)
		*access |= SOFT_P;
	if (*access & SOFT_X && !regime->ere)
		return soft_vtd_fail(fault, VIQ_VTD_FR_PE_ERE, regime->fpd);
	if (*access & SOFT_P && !regime->sre)
		return soft_vtd_fail(fault, VIQ_VTD_FR_PE_SRE, regime->fpd);
	return 0;
}
