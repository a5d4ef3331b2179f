/* SPDX-License-Identifier: MIT */
/* Context descriptors: finding (IHI 0070 3.3.2, 5.3), and what is ILLEGAL in one (5.4.2). */
#include <errno.h>

#include "walk_table.h"

static int fail(struct soft_fault *fault, unsigned int event)
{
	*fault = (struct soft_fault){.event = event};
	return -EFAULT;
}

/* TG0 and TG1 have different codings. 0: reserved, or not implemented. */
static unsigned int decode_granule(const struct soft_features *f, unsigned int half, unsigned int tg)
{
	static const uint8_t coding[2][4] = {{12, 16, 14, 0}, {0, 14, 12, 16}};
	unsigned int granule = coding[half][tg];

	switch (granule) {
	case 12:
		return f->idr5 & VIQ_SMMUV3_IDR5_GRAN4K ? granule : 0;
	case 14:
		return f->idr5 & VIQ_SMMUV3_IDR5_GRAN16K ? granule : 0;
	case 16:
		return f->idr5 & VIQ_SMMUV3_IDR5_GRAN64K ? granule : 0;
	default:
		return 0;
	}
}

static bool txsz_legal(const struct soft_features *f, unsigned int granule, unsigned int txsz)
{
	bool va52 = granule == 16 && VIQ_GET(VIQ_SMMUV3_IDR5_VAX, f->idr5) == 1;
	unsigned int max = 39;

	if (f->idr3 & VIQ_SMMUV3_IDR3_STT)
		max = granule == 16 ? 47 : 48;
	return txsz >= (va52 ? 12 : 16) && txsz <= max;
}

/* Each level below the start takes granule - 3 bits. */
static unsigned int start_level(unsigned int granule, unsigned int ia_bits)
{
	unsigned int stride = granule - 3;

	return 4 - (ia_bits - granule + stride - 1) / stride;
}

/* The fields of one half. Those of a disabled half are not looked at. */
static bool decode_half(const struct soft_features *f, unsigned int half, const uint64_t cd[VIQ_SMMUV3_CD_WORDS],
			unsigned int oa_bits, struct soft_tt *tt)
{
	uint64_t w0 = half ? cd[0] >> 16 : cd[0], ttb = cd[1 + half] & VIQ_SMMUV3_CD_1_TTB0;
	unsigned int txsz = VIQ_GET(VIQ_SMMUV3_CD_0_T0SZ, w0);
	unsigned int granule = decode_granule(f, half, VIQ_GET(VIQ_SMMUV3_CD_0_TG0, w0));

	*tt = (struct soft_tt){.disabled = w0 & VIQ_SMMUV3_CD_0_EPD0};
	if (tt->disabled)
		return true;
	if (!granule || !txsz_legal(f, granule, txsz) || ttb >> granule_oa_bits(granule, oa_bits))
		return false;
	*tt = (struct soft_tt){
		.tbi = cd[0] & (half ? VIQ_SMMUV3_CD_0_TBI1 : VIQ_SMMUV3_CD_0_TBI0),
		.had = f->idr3 & VIQ_SMMUV3_IDR3_HAD && cd[1 + half] & VIQ_SMMUV3_CD_1_HAD0,
		.pa52 = f->oas == 52,
		.granule = granule,
		.start = start_level(granule, 64 - txsz),
		.ia_bits = 64 - txsz,
	};
	tt->ttb = align_ttb(ttb, granule, tt->start, tt->ia_bits, granule_oa_bits(granule, oa_bits));
	return true;
}

/* Stalls, terminations without abort and updates of flags must be implemented where a CD asks for them. */
static bool fault_model_legal(const struct soft_features *f, const uint64_t ste[2], uint64_t w0, uint64_t w1)
{
	unsigned int stall_model = VIQ_GET(VIQ_SMMUV3_IDR0_STALL_MODEL, f->idr0);
	unsigned int httu = VIQ_GET(VIQ_SMMUV3_IDR0_HTTU, f->idr0);
	bool s = w0 & VIQ_SMMUV3_CD_0_S;

	if (s && (stall_model == 1 || (stall_model == 0 && ste[1] & VIQ_SMMUV3_STE_1_S1STALLD)))
		return false;
	if (!s && stall_model == 2)
		return false;
	if (!(w0 & VIQ_SMMUV3_CD_0_A) && f->idr0 & VIQ_SMMUV3_IDR0_TERM_MODEL)
		return false;
	if ((w0 & VIQ_SMMUV3_CD_0_HA && !httu) || (w0 & VIQ_SMMUV3_CD_0_HD && httu < 2))
		return false;
	return httu < 3 || !(w1 & VIQ_SMMUV3_CD_1_HAFT) || w0 & VIQ_SMMUV3_CD_0_HA;
}

/* ENDI matters if any half is walked. TTENDIAN: 0 mixed, 2 little, 3 big. */
static bool endian_legal(const struct soft_features *f, uint64_t w0)
{
	bool both_off = w0 & VIQ_SMMUV3_CD_0_EPD0 && w0 & VIQ_SMMUV3_CD_0_EPD1;

	switch (VIQ_GET(VIQ_SMMUV3_IDR0_TTENDIAN, f->idr0)) {
	case 0:
		return true;
	case 3:
		return both_off || w0 & VIQ_SMMUV3_CD_0_ENDI;
	default:
		return both_off || !(w0 & VIQ_SMMUV3_CD_0_ENDI);
	}
}

static bool decode_cd(const struct soft_features *f, const uint64_t ste[2], const uint64_t w[VIQ_SMMUV3_CD_WORDS],
		      struct soft_cd *cd)
{
	unsigned int ips = soft_size_bits(VIQ_GET(VIQ_SMMUV3_CD_0_IPS, w[0]));

	if (!(w[0] & VIQ_SMMUV3_CD_0_V))
		return false;
	if (!(w[0] & VIQ_SMMUV3_CD_0_AA64) || !(VIQ_GET(VIQ_SMMUV3_IDR0_TTF, f->idr0) & VIQ_SMMUV3_IDR0_TTF_AARCH64))
		return false;
	if (!fault_model_legal(f, ste, w[0], w[1]) || !endian_legal(f, w[0]))
		return false;
	*cd = (struct soft_cd){
		.asid = VIQ_GET(VIQ_SMMUV3_CD_0_ASID, w[0]),
		.oa_bits = ips < f->oas ? ips : f->oas,
		.affd = w[0] & VIQ_SMMUV3_CD_0_AFFD,
		.wxn = w[0] & VIQ_SMMUV3_CD_0_WXN,
		.uwxn = w[0] & VIQ_SMMUV3_CD_0_UWXN,
		.pan = w[0] & VIQ_SMMUV3_CD_0_PAN,
		.aset = w[0] & VIQ_SMMUV3_CD_0_ASET,
		.big_endian = w[0] & VIQ_SMMUV3_CD_0_ENDI,
		.abort = w[0] & VIQ_SMMUV3_CD_0_A,
		.record = w[0] & VIQ_SMMUV3_CD_0_R,
	};
	if (cd->asid > 0xff && !(f->idr0 & VIQ_SMMUV3_IDR0_ASID16))
		return false;
	return decode_half(f, 0, w, cd->oa_bits, &cd->tt[0]) && decode_half(f, 1, w, cd->oa_bits, &cd->tt[1]);
}

/* Read words of a CD table: their address is an IPA. */
static int fetch(const struct viq_mem *mem, const struct soft_s2 *s2, uint64_t ipa, uint64_t *words, size_t count,
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
static int find_cd(const struct viq_mem *mem, const struct soft_features *f, const struct soft_s2 *s2,
		   const uint64_t ste[2], bool substreams, uint32_t ssid, uint64_t *ipa, struct soft_fault *fault)
{
	uint64_t base = ste[0] & VIQ_SMMUV3_STE_0_S1CONTEXTPTR, l1cd;
	unsigned int fmt = VIQ_GET(VIQ_SMMUV3_STE_0_S1FMT, ste[0]);
	unsigned int split = fmt == 1 ? 6 : 10; /* leaf tables of 4 KiB or 64 KiB */
	int ret;

	if (!substreams || fmt == 0 || fmt == 3) {
		*ipa = base + (uint64_t)ssid * VIQ_SMMUV3_CD_SIZE;
		return 0;
	}
	ret = fetch(mem, s2, base + (ssid >> split) * 8, &l1cd, 1, fault);
	if (ret)
		return ret;
	if (!(l1cd & VIQ_SMMUV3_L1CD_V) || (l1cd & VIQ_SMMUV3_L1CD_L2PTR) >> f->oas)
		return fail(fault, VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID);
	*ipa = (l1cd & VIQ_SMMUV3_L1CD_L2PTR) + (ssid & low_bits(split)) * VIQ_SMMUV3_CD_SIZE;
	return 0;
}

/* Which CD an access uses: S1DSS speaks for those without a SubstreamID. 1: none, stage 1 is skipped. */
static int select_cd(const uint64_t ste[2], unsigned int cdmax, bool ssv, uint32_t *ssid, struct soft_fault *fault)
{
	unsigned int dss = VIQ_GET(VIQ_SMMUV3_STE_1_S1DSS, ste[1]);

	if (ssv) {
		if (!cdmax || *ssid >> cdmax)
			return fail(fault, VIQ_SMMUV3_EVT_C_BAD_SUBSTREAMID);
		return dss == 2 && !*ssid ? fail(fault, VIQ_SMMUV3_EVT_F_STREAM_DISABLED) : 0;
	}
	*ssid = 0;
	if (!cdmax || dss == 2)
		return 0;
	return dss == 1 ? 1 : fail(fault, VIQ_SMMUV3_EVT_F_STREAM_DISABLED);
}

int soft_fetch_cd(const struct viq_mem *mem, const struct soft_features *f, const struct soft_s2 *s2,
		  const uint64_t ste[2], bool ssv, uint32_t ssid, struct soft_cd *cd, struct soft_fault *fault)
{
	unsigned int cdmax = f->ssid_bits ? VIQ_GET(VIQ_SMMUV3_STE_0_S1CDMAX, ste[0]) : 0;
	uint64_t words[VIQ_SMMUV3_CD_WORDS], ipa;
	int ret;

	ret = select_cd(ste, cdmax, ssv, &ssid, fault);
	if (ret)
		return ret;
	ret = find_cd(mem, f, s2, ste, cdmax, ssid, &ipa, fault);
	if (ret)
		return ret;
	ret = fetch(mem, s2, ipa, words, VIQ_SMMUV3_CD_WORDS, fault);
	if (ret)
		return ret;
	return decode_cd(f, ste, words, cd) ? 0 : fail(fault, VIQ_SMMUV3_EVT_C_BAD_CD);
}
