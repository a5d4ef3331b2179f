/* SPDX-License-Identifier: MIT */
/* Context descriptors: finding (IHI 0070 3.3.2, 5.3), and what is ILLEGAL in one (5.4.2). */
#include <errno.h>

#include "walk.h"

static int fail(struct soft_fault *fault, unsigned int event)
{
	*fault = (struct soft_fault){.event = (uint8_t)event};
	return -EFAULT;
}

static bool txsz_legal(const struct smmuv3_features *f, unsigned int granule, unsigned int txsz)
{
	bool va52 = granule == 16 && VIQ_GET(VIQ_SMMUV3_IDR5_VAX, f->idr5) == 1;
	unsigned int max = 39;

	if (f->idr3 & VIQ_SMMUV3_IDR3_STT)
		max = granule == 16 ? 47 : 48;
	return txsz >= (va52 ? 12 : 16) && txsz <= max;
}

/* Those of a disabled half are not looked at. */
static bool check_half(const struct smmuv3_features *f, const struct smmuv3_cd_half *half, unsigned int oa_bits,
		       struct soft_tt *tt)
{
	unsigned int ia_bits = 64 - half->txsz;

	*tt = (struct soft_tt){.disabled = half->disabled};
	if (tt->disabled)
		return true;
	oa_bits = smmuv3_granule_oa_bits(half->granule, oa_bits);
	if (!smmuv3_has_granule(f, half->granule) || !txsz_legal(f, half->granule, half->txsz) || half->ttb >> oa_bits)
		return false;
	*tt = (struct soft_tt){
		.tbi = half->tbi,
		.had = half->had,
		.pa52 = f->oas == 52,
		.granule = half->granule,
		.start = (uint8_t)smmuv3_start_level(half->granule, ia_bits),
		.ia_bits = (uint8_t)ia_bits,
	};
	tt->ttb = smmuv3_align_ttb(half->ttb, tt->granule, tt->start, ia_bits, oa_bits);
	return true;
}

/* Stalls, terminations without abort and updates of flags must be implemented where a CD asks for them. */
static bool fault_model_legal(const struct smmuv3_features *f, bool s1stalld, const struct smmuv3_cd *cd)
{
	unsigned int stall_model = VIQ_GET(VIQ_SMMUV3_IDR0_STALL_MODEL, f->idr0);
	unsigned int httu = VIQ_GET(VIQ_SMMUV3_IDR0_HTTU, f->idr0);

	if (cd->stall && (stall_model == 1 || (stall_model == 0 && s1stalld)))
		return false;
	if (!cd->stall && stall_model == 2)
		return false;
	if (!cd->abort && f->idr0 & VIQ_SMMUV3_IDR0_TERM_MODEL)
		return false;
	if ((cd->ha && !httu) || (cd->hd && httu < 2))
		return false;
	return httu < 3 || !cd->haft || cd->ha;
}

/* ENDI matters if any half is walked. TTENDIAN: 0 mixed, 2 little, 3 big. */
static bool endian_legal(const struct smmuv3_features *f, const struct smmuv3_cd *cd)
{
	bool both_off = cd->half[0].disabled && cd->half[1].disabled;

	switch (VIQ_GET(VIQ_SMMUV3_IDR0_TTENDIAN, f->idr0)) {
	case 0:
		return true;
	case 3:
		return both_off || cd->big_endian;
	default:
		return both_off || !cd->big_endian;
	}
}

static bool check_cd(const struct smmuv3_features *f, bool s1stalld, const struct smmuv3_cd *in, struct soft_cd *out)
{
	if (!in->valid || !in->aa64 || !(VIQ_GET(VIQ_SMMUV3_IDR0_TTF, f->idr0) & VIQ_SMMUV3_IDR0_TTF_AARCH64))
		return false;
	if (!fault_model_legal(f, s1stalld, in) || !endian_legal(f, in))
		return false;
	if (in->asid > 0xff && !(f->idr0 & VIQ_SMMUV3_IDR0_ASID16))
		return false;
	*out = (struct soft_cd){
		.asid = in->asid,
		.oa_bits = in->oa_bits,
		.affd = in->affd,
		.wxn = in->wxn,
		.uwxn = in->uwxn,
		.pan = in->pan,
		.aset = in->aset,
		.big_endian = in->big_endian,
		.abort = in->abort,
		.record = in->record,
	};
	return check_half(f, &in->half[0], in->oa_bits, &out->tt[0]) &&
	       check_half(f, &in->half[1], in->oa_bits, &out->tt[1]);
}

/* Read words of a CD table: their address is an IPA. */
static int fetch(const struct viq_mem *mem, const struct smmuv3_s2 *s2, uint64_t ipa, uint64_t *words, size_t count,
		 struct soft_fault *fault)
{
	struct soft_leaf leaf;
	int ret;

	ret = soft_walk_s2(mem, s2, ipa, SOFT_R | SOFT_P, VIQ_SMMUV3_EVT_CLASS_CD, &leaf, fault);
	if (ret)
		return ret;
	if (viq_mem_read_words(mem, leaf.pa, words, count)) {
		fail(fault, VIQ_SMMUV3_EVT_F_CD_FETCH);
		fault->fetch = leaf.pa;
		return -EFAULT;
	}
	return 0;
}

/* The address of CD number ssid. */
static int find_cd(const struct viq_mem *mem, const struct smmuv3_features *f, const struct smmuv3_s2 *s2,
		   const struct smmuv3_ste *ste, uint32_t ssid, uint64_t *ipa, struct soft_fault *fault)
{
	uint64_t l1cd, table;
	int ret;

	*ipa = smmuv3_cd_entry(ste, ssid);
	if (!ste->cd_split)
		return 0;
	ret = fetch(mem, s2, *ipa, &l1cd, 1, fault);
	if (ret)
		return ret;
	if (!smmuv3_l1cd_decode(l1cd, &table) || table >> f->oas)
		return fail(fault, VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID);
	*ipa = smmuv3_cd_in_leaf(table, ste->cd_split, ssid);
	return 0;
}

/* Which CD an access uses: S1DSS speaks for those without a SubstreamID. 1: none, stage 1 is skipped. */
static int select_cd(const struct smmuv3_ste *ste, bool ssv, uint32_t *ssid, struct soft_fault *fault)
{
	if (ssv) {
		if (!ste->cdmax || *ssid >> ste->cdmax)
			return fail(fault, VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID);
		return ste->s1dss == 2 && !*ssid ? fail(fault, VIQ_SMMUV3_EVT_F_STREAM_DISABLED) : 0;
	}
	*ssid = 0;
	if (!ste->cdmax || ste->s1dss == 2)
		return 0;
	return ste->s1dss == 1 ? 1 : fail(fault, VIQ_SMMUV3_EVT_F_STREAM_DISABLED);
}

int soft_fetch_cd(const struct viq_mem *mem, const struct smmuv3_features *f, const struct smmuv3_s2 *s2,
		  const uint64_t ste_words[2], bool ssv, uint32_t ssid, struct soft_cd *cd, struct soft_fault *fault)
{
	uint64_t words[VIQ_SMMUV3_CD_WORDS], ipa;
	struct smmuv3_ste ste;
	struct smmuv3_cd decoded;
	int ret;

	smmuv3_ste_decode(f, ste_words, &ste);
	ret = select_cd(&ste, ssv, &ssid, fault);
	if (ret)
		return ret;
	ret = find_cd(mem, f, s2, &ste, ssid, &ipa, fault);
	if (ret)
		return ret;
	ret = fetch(mem, s2, ipa, words, VIQ_SMMUV3_CD_WORDS, fault);
	if (ret)
		return ret;
	smmuv3_cd_decode(f, words, &decoded);
	return check_cd(f, ste.s1stalld, &decoded, cd) ? 0 : fail(fault, VIQ_SMMUV3_EVT_C_BAD_CD);
}
