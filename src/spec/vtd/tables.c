/* SPDX-License-Identifier: MIT */
/*
 * The one reading of root, context and PASID entries. Bits that belong to a feature that is not offered are reserved,
 * as the formats of chapter 9 say, with one exception: Rev. 5.10 makes AW of a PASID-table entry reserved where
 * ECAP.SSTS is 0. Earlier revisions do not, and Linux writes it into first-stage entries whatever SSTS says: it is
 * ignored in entries that have no second stage.
 */
#include <errno.h>

#include "pte.h"
#include "tables.h"

#define PAGE_BITS (VTD_TABLE_SIZE - 1)

uint8_t vtd_max_aw(uint64_t cap)
{
	uint8_t aw = VIQ_VTD_AW_57;

	while (aw && !(VIQ_GET(VIQ_VTD_CAP_SAGAW, cap) >> aw & 1))
		aw--;
	return aw;
}

void vtd_caps_init(struct vtd_caps *caps, uint64_t cap, uint64_t ecap, unsigned int haw)
{
	*caps = (struct vtd_caps){
		.cap = cap,
		.ecap = ecap,
		.haw = (uint8_t)(haw < 52 ? haw : 52),
		.mgaw = (uint8_t)(VIQ_GET(VIQ_VTD_CAP_MGAW, cap) + 1),
		.max_aw = vtd_max_aw(cap),
	};
}

/* Do pointer bits lie above the machine's width? They are reserved. */
static bool beyond(const struct vtd_caps *caps, uint64_t pointer)
{
	return pointer >> caps->haw;
}

int vtd_fs_init(struct vtd_fs *fs, const struct vtd_caps *caps, uint64_t table, unsigned int levels, bool nested)
{
	if (levels != 4 && !(levels == 5 && caps->cap & VIQ_VTD_CAP_FS5LP))
		return -EINVAL;
	if (table & PAGE_BITS || (!nested && beyond(caps, table)))
		return -EINVAL;
	*fs = (struct vtd_fs){.table = table, .levels = (uint8_t)levels};
	return 0;
}

int vtd_ss_init(struct vtd_ss *ss, const struct vtd_caps *caps, uint64_t table, unsigned int aw)
{
	unsigned int width;

	if (aw < VIQ_VTD_AW_39 || aw > VIQ_VTD_AW_57 || !(VIQ_GET(VIQ_VTD_CAP_SAGAW, caps->cap) & VIQ_BIT(aw)))
		return -EINVAL;
	if (table & PAGE_BITS || beyond(caps, table))
		return -EINVAL;
	width = vtd_level_shift(aw + 3);
	*ss = (struct vtd_ss){
		.table = table,
		.levels = (uint8_t)(aw + 2),
		.width = (uint8_t)(width < caps->mgaw ? width : caps->mgaw),
	};
	return 0;
}

/* --- Root entries (9.1, 9.2) -------------------------------------------------------------------------------------- */

static uint8_t decode_root(const struct vtd_lookup *l, const uint64_t *w, uint64_t *table)
{
	*table = w[0] & VIQ_VTD_ROOT_CTP;
	if (!(w[0] & VIQ_VTD_ROOT_P))
		return l->scalable ? VIQ_VTD_FR_SM_ROOT_P : VIQ_VTD_FR_ROOT_P;
	if (w[0] & VIQ_VTD_ROOT_RSVD || beyond(l->caps, *table) || (!l->scalable && w[1]))
		return l->scalable ? VIQ_VTD_FR_SM_ROOT_RSVD : VIQ_VTD_FR_ROOT_RSVD;
	return 0;
}

/* --- Context entries (9.3, 9.4) ----------------------------------------------------------------------------------- */

static uint8_t check_legacy(const struct vtd_caps *caps, const uint64_t w[VIQ_VTD_CTX_WORDS])
{
	unsigned int tt = (unsigned int)VIQ_GET(VIQ_VTD_CTX_TT, w[0]),
		     aw = (unsigned int)VIQ_GET(VIQ_VTD_CTX_1_AW, w[1]);

	if (!(w[0] & VIQ_VTD_CTX_P))
		return VIQ_VTD_FR_CTX_P;
	if (w[0] & VIQ_VTD_CTX_RSVD || w[1] & VIQ_VTD_CTX_1_RSVD ||
	    VIQ_GET(VIQ_VTD_CTX_1_DID, w[1]) & ~(uint64_t)vtd_domain_bits(caps->cap))
		return VIQ_VTD_FR_CTX_RSVD;
	switch (tt) {
	case VIQ_VTD_TT_PT: /* without tables, but of the largest width */
		return caps->ecap & VIQ_VTD_ECAP_PT && aw && aw == caps->max_aw ? 0 : VIQ_VTD_FR_CTX_INVALID;
	case VIQ_VTD_TT_SS:
		break;
	case VIQ_VTD_TT_SS_ATS:
		if (!(caps->ecap & VIQ_VTD_ECAP_DT))
			return VIQ_VTD_FR_CTX_INVALID;
		break;
	default:
		return VIQ_VTD_FR_CTX_INVALID;
	}
	return beyond(caps, w[0] & VIQ_VTD_CTX_SSPTPTR) ? VIQ_VTD_FR_CTX_RSVD : 0;
}

static uint8_t decode_legacy(const struct vtd_caps *caps, const uint64_t w[VIQ_VTD_CTX_WORDS], struct vtd_context *ctx)
{
	uint8_t reason = check_legacy(caps, w);

	*ctx = (struct vtd_context){
		.fpd = w[0] & VIQ_VTD_CTX_FPD,
		.tt = (uint8_t)VIQ_GET(VIQ_VTD_CTX_TT, w[0]),
		.did = (uint16_t)VIQ_GET(VIQ_VTD_CTX_1_DID, w[1]),
	};
	if (reason || ctx->tt == VIQ_VTD_TT_PT)
		return reason;
	return vtd_ss_init(&ctx->ss, caps, w[0] & VIQ_VTD_CTX_SSPTPTR, (unsigned int)VIQ_GET(VIQ_VTD_CTX_1_AW, w[1]))
		       ? VIQ_VTD_FR_CTX_INVALID
		       : 0;
}

/* These bits, as long as one of the capabilities is missing. */
static uint64_t unless(const struct vtd_caps *caps, uint64_t ecap, uint64_t bits)
{
	return (caps->ecap & ecap) == ecap ? 0 : bits;
}

static bool scalable_reserved(const struct vtd_caps *caps, const uint64_t w[VIQ_VTD_SCTX_WORDS])
{
	const uint64_t rsvd[] = {
		VIQ_VTD_SCTX_RSVD | unless(caps, VIQ_VTD_ECAP_DT, VIQ_VTD_SCTX_DTE) |
			unless(caps, VIQ_VTD_ECAP_PASID, VIQ_VTD_SCTX_PASIDE) |
			unless(caps, VIQ_VTD_ECAP_PRS, VIQ_VTD_SCTX_PRE),
		VIQ_VTD_SCTX_1_RSVD | unless(caps, VIQ_VTD_ECAP_RPS, VIQ_VTD_SCTX_1_RID_PASID) |
			unless(caps, VIQ_VTD_ECAP_RPRIVS, VIQ_VTD_SCTX_1_RID_PRIV),
	};

	return w[0] & rsvd[0] || w[1] & rsvd[1] || w[2] || w[3];
}

static uint8_t decode_scalable(const struct vtd_caps *caps, const uint64_t w[VIQ_VTD_SCTX_WORDS],
			       struct vtd_context *ctx)
{
	*ctx = (struct vtd_context){
		.scalable = true,
		.fpd = w[0] & VIQ_VTD_SCTX_FPD,
		.dte = w[0] & VIQ_VTD_SCTX_DTE,
		.paside = w[0] & VIQ_VTD_SCTX_PASIDE,
		.pre = w[0] & VIQ_VTD_SCTX_PRE,
		.rid_priv = w[1] & VIQ_VTD_SCTX_1_RID_PRIV,
		.pdts = (uint8_t)VIQ_GET(VIQ_VTD_SCTX_PDTS, w[0]),
		.rid_pasid = (uint32_t)VIQ_GET(VIQ_VTD_SCTX_1_RID_PASID, w[1]),
		.pasid_dir = w[0] & VIQ_VTD_SCTX_PASIDDIRPTR,
	};
	if (!(w[0] & VIQ_VTD_SCTX_P))
		return VIQ_VTD_FR_SM_CTX_P;
	if (scalable_reserved(caps, w) || beyond(caps, ctx->pasid_dir))
		return VIQ_VTD_FR_SM_CTX_RSVD;
	/* Inconsistent: page requests without device-TLB, RID_PASID beyond the directory (SCT.4.1, SCT.4.2). */
	return (ctx->pre && !ctx->dte) || ctx->rid_pasid >= vtd_context_pasids(ctx) ? VIQ_VTD_FR_SM_CTX_INVALID : 0;
}

void vtd_legacy_regime(const struct vtd_context *ctx, struct vtd_regime *regime)
{
	*regime = (struct vtd_regime){
		.pgtt = ctx->tt == VIQ_VTD_TT_PT ? VIQ_VTD_PGTT_PT : VIQ_VTD_PGTT_SS,
		.legacy = true,
		.fpd = ctx->fpd,
		.sre = true,
		.ere = true,
		.did = ctx->did,
		.ss = ctx->ss,
	};
}

/* --- PASID-table entries (9.6) ------------------------------------------------------------------------------------ */

/* What a type of translation needs of ECAP; 0: there is no such type. */
static uint64_t capability_of(unsigned int pgtt)
{
	switch (pgtt) {
	case VIQ_VTD_PGTT_FS:
		return VIQ_VTD_ECAP_FSTS;
	case VIQ_VTD_PGTT_SS:
		return VIQ_VTD_ECAP_SSTS;
	case VIQ_VTD_PGTT_NESTED:
		return VIQ_VTD_ECAP_NEST;
	case VIQ_VTD_PGTT_PT:
		return VIQ_VTD_ECAP_PT;
	default:
		return 0;
	}
}

/* NXE and SMEP of older revisions are ignored. */
static bool reserved_set(const struct vtd_caps *caps, const uint64_t w[VIQ_VTD_PE_WORDS])
{
	uint64_t rsvd[] = {VIQ_VTD_PE_RSVD, VIQ_VTD_PE_1_RSVD, VIQ_VTD_PE_2_RSVD};

	/* Whether the pointers are used or not; nested, FSPTPTR is a guest's address (SPT.4.4). */
	rsvd[0] |= VIQ_VTD_PE_SSPTPTR & ~vtd_low_bits(caps->haw);
	if (VIQ_GET(VIQ_VTD_PE_PGTT, w[0]) != VIQ_VTD_PGTT_NESTED)
		rsvd[2] |= VIQ_VTD_PE_2_FSPTPTR & ~vtd_low_bits(caps->haw);
	rsvd[1] |= VIQ_VTD_PE_1_DID & ~VIQ_PUT(VIQ_VTD_PE_1_DID, vtd_domain_bits(caps->cap));
	rsvd[0] |= unless(caps, VIQ_VTD_ECAP_SSTS, VIQ_VTD_PE_SSPTPTR);
	rsvd[0] |= unless(caps, VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_SSADS, VIQ_VTD_PE_SSADE);
	rsvd[1] |= unless(caps, VIQ_VTD_ECAP_MTS, VIQ_VTD_PE_1_CD | VIQ_VTD_PE_1_EMTE | VIQ_VTD_PE_1_PAT);
	rsvd[1] |= unless(caps, VIQ_VTD_ECAP_SMPWCS, VIQ_VTD_PE_1_PWSNP);
	rsvd[1] |= unless(caps, VIQ_VTD_ECAP_SC, VIQ_VTD_PE_1_PGSNP);
	rsvd[2] |= unless(caps, VIQ_VTD_ECAP_FSTS, VIQ_VTD_PE_2_FSPTPTR | VIQ_VTD_PE_2_FSPM | VIQ_VTD_PE_2_WPE);
	rsvd[2] |= unless(caps, VIQ_VTD_ECAP_SRS, VIQ_VTD_PE_2_SRE);
	rsvd[2] |= unless(caps, VIQ_VTD_ECAP_ERS, VIQ_VTD_PE_2_ERE);
	rsvd[2] |= unless(caps, VIQ_VTD_ECAP_EAFS, VIQ_VTD_PE_2_EAFE);
	for (unsigned int i = 0; i < VIQ_VTD_PE_WORDS; i++) {
		if (w[i] & (i < 3 ? rsvd[i] : ~UINT64_C(0)))
			return true;
	}
	return false;
}

static unsigned int decode_fs(const struct vtd_caps *caps, const uint64_t w[VIQ_VTD_PE_WORDS], bool nested,
			      struct vtd_fs *fs)
{
	uint64_t table = w[2] & VIQ_VTD_PE_2_FSPTPTR;

	if (vtd_fs_init(fs, caps, table, 4 + (unsigned int)VIQ_GET(VIQ_VTD_PE_2_FSPM, w[2]), nested))
		return VIQ_VTD_FR_PE_INVALID;
	fs->wpe = w[2] & VIQ_VTD_PE_2_WPE;
	fs->eafe = w[2] & VIQ_VTD_PE_2_EAFE;
	return 0;
}

static unsigned int decode_ss(const struct vtd_caps *caps, const uint64_t w[VIQ_VTD_PE_WORDS], struct vtd_ss *ss)
{
	uint64_t table = w[0] & VIQ_VTD_PE_SSPTPTR;

	if (vtd_ss_init(ss, caps, table, (unsigned int)VIQ_GET(VIQ_VTD_PE_AW, w[0])))
		return VIQ_VTD_FR_PE_INVALID;
	ss->ad = w[0] & VIQ_VTD_PE_SSADE;
	return 0;
}

unsigned int vtd_pasid_decode(const struct vtd_caps *caps, const uint64_t entry[VIQ_VTD_PE_WORDS], bool fpd,
			      struct vtd_regime *regime)
{
	unsigned int pgtt = (unsigned int)VIQ_GET(VIQ_VTD_PE_PGTT, entry[0]), reason = 0;
	bool nested = pgtt == VIQ_VTD_PGTT_NESTED;

	*regime = (struct vtd_regime){
		.pgtt = (uint8_t)pgtt,
		.fpd = fpd || entry[0] & VIQ_VTD_PE_FPD,
		.sre = entry[2] & VIQ_VTD_PE_2_SRE,
		.ere = entry[2] & VIQ_VTD_PE_2_ERE,
		.snooped = entry[1] & VIQ_VTD_PE_1_PWSNP,
		.did = (uint16_t)VIQ_GET(VIQ_VTD_PE_1_DID, entry[1]),
	};
	if (!(entry[0] & VIQ_VTD_PE_P))
		return VIQ_VTD_FR_PE_P;
	if (reserved_set(caps, entry))
		return VIQ_VTD_FR_PE_RSVD;
	if (!(caps->ecap & capability_of(pgtt)))
		return VIQ_VTD_FR_PE_INVALID;
	if (pgtt == VIQ_VTD_PGTT_FS || nested)
		reason = decode_fs(caps, entry, nested, &regime->fs);
	if (!reason && (pgtt == VIQ_VTD_PGTT_SS || nested))
		reason = decode_ss(caps, entry, &regime->ss);
	/* SPT.4.4 */
	if (!reason && nested && regime->fs.table >> regime->ss.width)
		reason = VIQ_VTD_FR_PE_INVALID;
	return reason;
}

/* --- Finding entries ---------------------------------------------------------------------------------------------- */

enum stage {
	STAGE_ROOT,
	STAGE_CONTEXT,
	STAGE_DIRECTORY,
	STAGE_ENTRY,
};

/* Which mode SRTP asked for: 0, or the reason (11.4.5). */
static uint8_t check_mode(const struct vtd_caps *caps, uint64_t rtaddr, bool *scalable)
{
	unsigned int ttm = (unsigned int)VIQ_GET(VIQ_VTD_RTADDR_TTM, rtaddr);

	*scalable = ttm == VIQ_VTD_TTM_SCALABLE;
	if (ttm == VIQ_VTD_TTM_ABORT && caps->ecap & VIQ_VTD_ECAP_ADMS)
		return VIQ_VTD_FR_TTM_ABORT;
	return ttm == VIQ_VTD_TTM_LEGACY || (*scalable && caps->ecap & VIQ_VTD_ECAP_SMTS) ? 0 : VIQ_VTD_FR_RTADDR;
}

void vtd_lookup_context(struct vtd_lookup *l, const struct vtd_caps *caps, uint64_t rtaddr, uint16_t source_id)
{
	*l = (struct vtd_lookup){.caps = caps, .stage = STAGE_ROOT, .source_id = source_id};
	l->reason = check_mode(caps, rtaddr, &l->scalable);
	if (l->reason)
		return;
	l->at = (rtaddr & VIQ_VTD_RTADDR_RTA) + (uint64_t)(source_id >> 8) * VIQ_VTD_ROOT_SIZE;
	/* Of a scalable root entry only the half of its device-function counts. */
	if (l->scalable && source_id & 0x80)
		l->at += 8;
	l->words = l->scalable ? 1 : VIQ_VTD_ROOT_WORDS;
}

void vtd_lookup_pasid(struct vtd_lookup *l, const struct vtd_caps *caps, const struct vtd_context *ctx, uint32_t pasid)
{
	*l = (struct vtd_lookup){
		.caps = caps,
		.at = ctx->pasid_dir + (uint64_t)(pasid / VIQ_VTD_PE_TABLE) * VIQ_VTD_PDE_SIZE,
		.words = 1,
		.stage = STAGE_DIRECTORY,
		.scalable = true,
		.fpd = ctx->fpd,
		.pasid = pasid,
	};
}

static uint8_t no_memory(const struct vtd_lookup *l)
{
	switch (l->stage) {
	case STAGE_ROOT:
		return l->scalable ? VIQ_VTD_FR_SM_ROOT_ACCESS : VIQ_VTD_FR_ROOT_ACCESS;
	case STAGE_CONTEXT:
		return l->scalable ? VIQ_VTD_FR_SM_CTX_ACCESS : VIQ_VTD_FR_CTX_ACCESS;
	case STAGE_DIRECTORY:
		return VIQ_VTD_FR_PDE_ACCESS;
	default:
		return VIQ_VTD_FR_PE_ACCESS;
	}
}

static void go_on(struct vtd_lookup *l, enum stage stage, uint64_t at, unsigned int words)
{
	l->stage = (uint8_t)stage;
	l->at = at;
	l->words = (uint8_t)words;
}

static void step_root(struct vtd_lookup *l, const uint64_t *w)
{
	uint64_t table;

	l->reason = decode_root(l, w, &table);
	if (l->reason)
		return;
	if (l->scalable)
		go_on(l, STAGE_CONTEXT, table + (uint64_t)(l->source_id & 0x7f) * VIQ_VTD_SCTX_SIZE,
		      VIQ_VTD_SCTX_WORDS);
	else
		go_on(l, STAGE_CONTEXT, table + (uint64_t)(l->source_id & 0xff) * VIQ_VTD_CTX_SIZE, VIQ_VTD_CTX_WORDS);
}

/* A PASID-directory entry (9.5). */
static void step_directory(struct vtd_lookup *l, const uint64_t *w)
{
	l->table = w[0] & VIQ_VTD_PDE_PTP;
	l->fpd |= !!(w[0] & VIQ_VTD_PDE_FPD);
	if (!(w[0] & VIQ_VTD_PDE_P))
		l->reason = VIQ_VTD_FR_PDE_P;
	else if (w[0] & VIQ_VTD_PDE_RSVD || beyond(l->caps, l->table))
		l->reason = VIQ_VTD_FR_PDE_RSVD;
	else
		go_on(l, STAGE_ENTRY, l->table + l->pasid % VIQ_VTD_PE_TABLE * VIQ_VTD_PE_SIZE, VIQ_VTD_PE_WORDS);
}

void vtd_lookup_step(struct vtd_lookup *l, const uint64_t *words)
{
	l->words = 0;
	if (!words) {
		l->reason = no_memory(l);
		return;
	}
	switch (l->stage) {
	case STAGE_ROOT:
		step_root(l, words);
		break;
	case STAGE_CONTEXT:
		l->reason = l->scalable ? decode_scalable(l->caps, words, &l->context)
					: decode_legacy(l->caps, words, &l->context);
		l->fpd = l->context.fpd;
		break;
	case STAGE_DIRECTORY:
		step_directory(l, words);
		break;
	case STAGE_ENTRY:
		l->reason = (uint8_t)vtd_pasid_decode(l->caps, words, l->fpd, &l->regime);
		l->fpd = l->regime.fpd;
		break;
	}
}
