/* SPDX-License-Identifier: MIT */
/* PASID directories and tables (sections 3.4.3, 9.5, 9.6): finding an entry, and what it may say. */
#include <errno.h>

#include "walk_entry.h"

int soft_vtd_fs_init(struct soft_vtd_fs *fs, const struct soft_vtd_features *f, uint64_t table, unsigned int levels,
		     bool nested)
{
	if (levels != 4 && !(levels == 5 && f->cap & VIQ_VTD_CAP_FS5LP))
		return -EINVAL;
	if (table % SOFT_VTD_TABLE_SIZE || (!nested && table >> f->haw))
		return -EINVAL;
	*fs = (struct soft_vtd_fs){.table = table, .levels = levels};
	return 0;
}

int soft_vtd_ss_init(struct soft_vtd_ss *ss, const struct soft_vtd_features *f, uint64_t table, unsigned int aw)
{
	unsigned int width;

	if (aw < VIQ_VTD_AW_39 || aw > VIQ_VTD_AW_57 || !(VIQ_GET(VIQ_VTD_CAP_SAGAW, f->cap) & VIQ_BIT(aw)))
		return -EINVAL;
	if (table % SOFT_VTD_TABLE_SIZE || table >> f->haw)
		return -EINVAL;
	width = soft_vtd_level_shift(aw + 3);
	*ss = (struct soft_vtd_ss){.table = table, .levels = aw + 2, .width = width < f->mgaw ? width : f->mgaw};
	return 0;
}

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

/*
 * Bits that are reserved, or are as long as a capability is missing. Memory types, NXE, SMEP and WPE are never: they
 * are ignored where they mean nothing.
 */
static bool reserved_set(const struct soft_vtd_features *f, const uint64_t w[VIQ_VTD_PE_WORDS])
{
	uint64_t rsvd[] = {VIQ_VTD_PE_RSVD, VIQ_VTD_PE_1_RSVD, VIQ_VTD_PE_2_RSVD};

	rsvd[0] |= f->ecap & VIQ_VTD_ECAP_SSADS ? 0 : VIQ_VTD_PE_SSADE;
	rsvd[1] |= f->ecap & VIQ_VTD_ECAP_SMPWCS ? 0 : VIQ_VTD_PE_1_PWSNP;
	rsvd[1] |= f->ecap & VIQ_VTD_ECAP_SC ? 0 : VIQ_VTD_PE_1_PGSNP;
	rsvd[2] |= f->ecap & VIQ_VTD_ECAP_SRS ? 0 : VIQ_VTD_PE_2_SRE;
	rsvd[2] |= f->ecap & VIQ_VTD_ECAP_ERS ? 0 : VIQ_VTD_PE_2_ERE;
	rsvd[2] |= f->ecap & VIQ_VTD_ECAP_EAFS ? 0 : VIQ_VTD_PE_2_EAFE;
	for (unsigned int i = 0; i < VIQ_VTD_PE_WORDS; i++) {
		if (w[i] & (i < 3 ? rsvd[i] : ~UINT64_C(0)))
			return true;
	}
	return false;
}

static unsigned int decode_fs(const struct soft_vtd_features *f, const uint64_t w[VIQ_VTD_PE_WORDS], bool nested,
			      struct soft_vtd_fs *fs)
{
	unsigned int fspm = VIQ_GET(VIQ_VTD_PE_2_FSPM, w[2]);
	uint64_t table = w[2] & VIQ_VTD_PE_2_FSPTPTR;

	if (!nested && table >> f->haw)
		return VIQ_VTD_FR_PE_RSVD;
	if (soft_vtd_fs_init(fs, f, table, 4 + fspm, nested))
		return VIQ_VTD_FR_PE_INVALID;
	fs->wpe = w[2] & VIQ_VTD_PE_2_WPE;
	fs->eafe = w[2] & VIQ_VTD_PE_2_EAFE;
	fs->nxe = f->ecap & VIQ_VTD_ECAP_ERS && w[2] & VIQ_VTD_PE_2_NXE;
	fs->smep = w[2] & VIQ_VTD_PE_2_SMEP;
	return 0;
}

static unsigned int decode_ss(const struct soft_vtd_features *f, const uint64_t w[VIQ_VTD_PE_WORDS],
			      struct soft_vtd_ss *ss)
{
	uint64_t table = w[0] & VIQ_VTD_PE_SSPTPTR;

	if (table >> f->haw)
		return VIQ_VTD_FR_PE_RSVD;
	if (soft_vtd_ss_init(ss, f, table, VIQ_GET(VIQ_VTD_PE_AW, w[0])))
		return VIQ_VTD_FR_PE_INVALID;
	ss->ad = w[0] & VIQ_VTD_PE_SSADE;
	return 0;
}

unsigned int soft_vtd_decode_pasid(const struct soft_vtd_features *f, const uint64_t entry[VIQ_VTD_PE_WORDS],
				   struct soft_vtd_regime *regime)
{
	unsigned int pgtt = VIQ_GET(VIQ_VTD_PE_PGTT, entry[0]), reason = 0;
	bool nested = pgtt == VIQ_VTD_PGTT_NESTED;

	*regime = (struct soft_vtd_regime){
		.pgtt = pgtt,
		.fpd = entry[0] & VIQ_VTD_PE_FPD,
		.sre = entry[2] & VIQ_VTD_PE_2_SRE,
		.ere = entry[2] & VIQ_VTD_PE_2_ERE,
		.did = VIQ_GET(VIQ_VTD_PE_1_DID, entry[1]),
	};
	if (reserved_set(f, entry))
		return VIQ_VTD_FR_PE_RSVD;
	if (!(f->ecap & capability_of(pgtt)))
		return VIQ_VTD_FR_PE_INVALID;
	if (pgtt == VIQ_VTD_PGTT_FS || nested)
		reason = decode_fs(f, entry, nested, &regime->fs);
	if (!reason && (pgtt == VIQ_VTD_PGTT_SS || nested))
		reason = decode_ss(f, entry, &regime->ss);
	return reason;
}

int soft_vtd_fetch_pasid(const struct viq_mem *mem, const struct soft_vtd_features *f,
			 const struct soft_vtd_context *ctx, uint32_t pasid, struct soft_vtd_regime *regime,
			 struct soft_vtd_fault *fault)
{
	uint64_t at = ctx->pasid_dir + (uint64_t)(pasid / 64) * VIQ_VTD_PDE_SIZE, dir, words[VIQ_VTD_PE_WORDS];
	unsigned int reason;
	bool fpd = ctx->fpd;

	if (viq_mem_read_words(mem, at, &dir, 1))
		return soft_vtd_fail_entry(fault, VIQ_VTD_FR_PDE_ACCESS, fpd, 0, at);
	fpd |= !!(dir & VIQ_VTD_PDE_FPD);
	if (!(dir & VIQ_VTD_PDE_P))
		return soft_vtd_fail_entry(fault, VIQ_VTD_FR_PDE_P, fpd, 0, at);
	if (dir & VIQ_VTD_PDE_RSVD || (dir & VIQ_VTD_PDE_PTP) >> f->haw)
		return soft_vtd_fail_entry(fault, VIQ_VTD_FR_PDE_RSVD, fpd, 0, at);
	at = (dir & VIQ_VTD_PDE_PTP) + pasid % 64 * VIQ_VTD_PE_SIZE;
	if (viq_mem_read_words(mem, at, words, VIQ_VTD_PE_WORDS))
		return soft_vtd_fail_entry(fault, VIQ_VTD_FR_PE_ACCESS, fpd, 0, at);
	fpd |= !!(words[0] & VIQ_VTD_PE_FPD);
	if (!(words[0] & VIQ_VTD_PE_P))
		return soft_vtd_fail_entry(fault, VIQ_VTD_FR_PE_P, fpd, 0, at);
	reason = soft_vtd_decode_pasid(f, words, regime);
	if (reason)
		return soft_vtd_fail_entry(fault, reason, fpd, 0, at);
	regime->fpd = fpd;
	return 0;
}

int soft_vtd_admit(const struct soft_vtd_context *ctx, const struct soft_vtd_regime *regime,
		   const struct soft_vtd_request *req, unsigned int *access, struct soft_vtd_fault *fault)
{
	*access = req->access;
	if (!req->has_pasid && ctx && ctx->rid_priv)
		*access |= SOFT_P;
	if (*access & SOFT_X && !regime->ere)
		return soft_vtd_fail(fault, VIQ_VTD_FR_PE_ERE, regime->fpd);
	if (*access & SOFT_P && !regime->sre)
		return soft_vtd_fail(fault, VIQ_VTD_FR_PE_SRE, regime->fpd);
	return 0;
}
