/* SPDX-License-Identifier: MIT */
/* Root and context entries (sections 3.4, 9.1, 9.3, 9.4), and which of a context's PASIDs a request has. */
#include <errno.h>

#include "walk_entry.h"

/* Do pointer bits lie above the machine's width? They are reserved. */
static bool beyond(const struct soft_vtd_features *f, uint64_t pointer)
{
	return pointer >> f->haw;
}

/* Which mode SRTP asked for: 0, or the reason. */
static unsigned int check_mode(const struct soft_vtd_features *f, uint64_t rtaddr, bool has_pasid, bool *scalable)
{
	unsigned int ttm = VIQ_GET(VIQ_VTD_RTADDR_TTM, rtaddr);

	*scalable = ttm == VIQ_VTD_TTM_SCALABLE;
	if (ttm != VIQ_VTD_TTM_LEGACY && !(*scalable && f->ecap & VIQ_VTD_ECAP_SMTS))
		return VIQ_VTD_FR_RTADDR;
	return !*scalable && has_pasid ? VIQ_VTD_FR_TTM_PASID : 0;
}

/* The context table of a source. Of a scalable root entry only the half of its devfn is looked at. */
static int find_table(const struct viq_mem *mem, const struct soft_vtd_features *f, uint64_t rtaddr, bool scalable,
		      uint16_t sid, uint64_t *table, struct soft_vtd_fault *fault)
{
	uint64_t at = (rtaddr & VIQ_VTD_RTADDR_RTA) + (uint64_t)(sid >> 8) * VIQ_VTD_ROOT_SIZE;
	uint64_t entry[VIQ_VTD_ROOT_WORDS] = {0, 0};

	if (scalable && sid & 0x80)
		at += 8;
	if (viq_mem_read_words(mem, at, entry, scalable ? 1 : VIQ_VTD_ROOT_WORDS))
		return soft_vtd_fail_entry(fault, scalable ? VIQ_VTD_FR_SM_ROOT_ACCESS : VIQ_VTD_FR_ROOT_ACCESS, false,
					   0, at);
	if (!(entry[0] & VIQ_VTD_ROOT_P))
		return soft_vtd_fail_entry(fault, scalable ? VIQ_VTD_FR_SM_ROOT_P : VIQ_VTD_FR_ROOT_P, false, 0, at);
	*table = entry[0] & VIQ_VTD_ROOT_CTP;
	if (entry[0] & VIQ_VTD_ROOT_RSVD || entry[1] || beyond(f, *table))
		return soft_vtd_fail_entry(fault, scalable ? VIQ_VTD_FR_SM_ROOT_RSVD : VIQ_VTD_FR_ROOT_RSVD, false, 0,
					   at);
	return 0;
}

static unsigned int check_legacy(const struct soft_vtd_features *f, const uint64_t w[VIQ_VTD_CTX_WORDS])
{
	unsigned int tt = VIQ_GET(VIQ_VTD_CTX_TT, w[0]), aw = VIQ_GET(VIQ_VTD_CTX_1_AW, w[1]);

	if (!(w[0] & VIQ_VTD_CTX_P))
		return VIQ_VTD_FR_CTX_P;
	if (w[0] & VIQ_VTD_CTX_RSVD || w[1] & VIQ_VTD_CTX_1_RSVD)
		return VIQ_VTD_FR_CTX_RSVD;
	switch (tt) {
	case VIQ_VTD_TT_PT: /* without tables, but of the largest width (9.3) */
		return f->ecap & VIQ_VTD_ECAP_PT && aw && aw == f->max_aw ? 0 : VIQ_VTD_FR_CTX_INVALID;
	case VIQ_VTD_TT_SS_ATS:
		if (!(f->ecap & VIQ_VTD_ECAP_DT))
			return VIQ_VTD_FR_CTX_INVALID;
		break;
	case VIQ_VTD_TT_SS:
		break;
	default:
		return VIQ_VTD_FR_CTX_INVALID;
	}
	return beyond(f, w[0] & VIQ_VTD_CTX_SSPTPTR) ? VIQ_VTD_FR_CTX_RSVD : 0;
}

static unsigned int decode_legacy(const struct soft_vtd_features *f, const uint64_t w[VIQ_VTD_CTX_WORDS],
				  struct soft_vtd_context *ctx)
{
	unsigned int reason = check_legacy(f, w);
	uint64_t table;

	*ctx = (struct soft_vtd_context){
		.fpd = w[0] & VIQ_VTD_CTX_FPD,
		.tt = VIQ_GET(VIQ_VTD_CTX_TT, w[0]),
		.did = VIQ_GET(VIQ_VTD_CTX_1_DID, w[1]),
	};
	if (reason)
		return reason;
	table = ctx->tt == VIQ_VTD_TT_PT ? 0 : w[0] & VIQ_VTD_CTX_SSPTPTR;
	return soft_vtd_ss_init(&ctx->ss, f, table, VIQ_GET(VIQ_VTD_CTX_1_AW, w[1])) ? VIQ_VTD_FR_CTX_INVALID : 0;
}

/* Bits of a scalable context entry that are reserved, or are as long as a capability is missing. */
static uint64_t scalable_reserved(const struct soft_vtd_features *f)
{
	return VIQ_VTD_SCTX_RSVD | (f->ecap & VIQ_VTD_ECAP_DT ? 0 : VIQ_VTD_SCTX_DTE) |
	       (f->ecap & VIQ_VTD_ECAP_PASID ? 0 : VIQ_VTD_SCTX_PASIDE) |
	       (f->ecap & VIQ_VTD_ECAP_PRS ? 0 : VIQ_VTD_SCTX_PRE);
}

static unsigned int decode_scalable(const struct soft_vtd_features *f, const uint64_t w[VIQ_VTD_SCTX_WORDS],
				    struct soft_vtd_context *ctx)
{
	*ctx = (struct soft_vtd_context){
		.scalable = true,
		.fpd = w[0] & VIQ_VTD_SCTX_FPD,
		.dte = w[0] & VIQ_VTD_SCTX_DTE,
		.paside = w[0] & VIQ_VTD_SCTX_PASIDE,
		.pre = w[0] & VIQ_VTD_SCTX_PRE,
		.rid_priv = f->ecap & VIQ_VTD_ECAP_RPRIVS && w[1] & VIQ_VTD_SCTX_1_RID_PRIV,
		.pdts = VIQ_GET(VIQ_VTD_SCTX_PDTS, w[0]),
		.rid_pasid = f->ecap & VIQ_VTD_ECAP_RPS ? VIQ_GET(VIQ_VTD_SCTX_1_RID_PASID, w[1]) : 0,
		.pasid_dir = w[0] & VIQ_VTD_SCTX_PASIDDIRPTR,
	};
	if (!(w[0] & VIQ_VTD_SCTX_P))
		return VIQ_VTD_FR_SM_CTX_P;
	if (w[0] & scalable_reserved(f) || w[1] & VIQ_VTD_SCTX_1_RSVD || w[2] || w[3] || beyond(f, ctx->pasid_dir))
		return VIQ_VTD_FR_SM_CTX_RSVD;
	return 0;
}

int soft_vtd_fetch_context(const struct viq_mem *mem, const struct soft_vtd_features *f, uint64_t rtaddr,
			   const struct soft_vtd_request *req, struct soft_vtd_context *ctx,
			   struct soft_vtd_fault *fault)
{
	uint64_t words[VIQ_VTD_SCTX_WORDS], table = 0, at;
	unsigned int reason;
	bool scalable;
	int ret;

	reason = check_mode(f, rtaddr, req->has_pasid, &scalable);
	if (reason)
		return soft_vtd_fail(fault, reason, false);
	ret = find_table(mem, f, rtaddr, scalable, req->sid, &table, fault);
	if (ret)
		return ret;
	at = table + (scalable ? (uint64_t)(req->sid & 0x7f) * VIQ_VTD_SCTX_SIZE
			       : (uint64_t)(req->sid & 0xff) * VIQ_VTD_CTX_SIZE);
	if (viq_mem_read_words(mem, at, words, scalable ? VIQ_VTD_SCTX_WORDS : VIQ_VTD_CTX_WORDS))
		return soft_vtd_fail_entry(fault, scalable ? VIQ_VTD_FR_SM_CTX_ACCESS : VIQ_VTD_FR_CTX_ACCESS, false, 0,
					   at);
	reason = scalable ? decode_scalable(f, words, ctx) : decode_legacy(f, words, ctx);
	return reason ? soft_vtd_fail_entry(fault, reason, ctx->fpd, 0, at) : 0;
}

static unsigned int check_request(const struct soft_vtd_context *ctx, const struct soft_vtd_request *req,
				  uint32_t *pasid)
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
	if (*pasid >> (ctx->pdts + 13))
		return req->has_pasid ? VIQ_VTD_FR_SM_PASID_RANGE : VIQ_VTD_FR_SM_RID_PASID;
	return 0;
}

int soft_vtd_select_pasid(const struct soft_vtd_context *ctx, const struct soft_vtd_request *req, uint32_t *pasid,
			  struct soft_vtd_fault *fault)
{
	unsigned int reason = check_request(ctx, req, pasid);

	return reason ? soft_vtd_fail(fault, reason, ctx->fpd) : 0;
}

void soft_vtd_legacy_regime(const struct soft_vtd_context *ctx, struct soft_vtd_regime *regime)
{
	*regime = (struct soft_vtd_regime){
		.pgtt = ctx->tt == VIQ_VTD_TT_PT ? VIQ_VTD_PGTT_PT : VIQ_VTD_PGTT_SS,
		.legacy = true,
		.fpd = ctx->fpd,
		.sre = true,
		.ere = true,
		.did = ctx->did,
		.ss = ctx->ss,
	};
}
