/* SPDX-License-Identifier: MIT */
#include "pte.h"
#include "tables.h"

void smmuv3_strtab_decode(const struct smmuv3_features *f, uint64_t base, uint32_t cfg, struct smmuv3_strtab *t)
{
	unsigned int log2size = (unsigned int)VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE, cfg), align = log2size + 6;
	unsigned int split = 0;

	if (f->idr0 & VIQ_SMMUV3_IDR0_ST_LEVEL &&
	    VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_FMT, cfg) == VIQ_SMMUV3_STRTAB_FMT_2LVL) {
		/* 6, 8 and 10 are defined; others behave as 6. */
		split = (unsigned int)VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_SPLIT, cfg);
		split = split == 8 || split == 10 ? split : 6;
		/* The first-level table's size. Below 64 bytes STRTAB_BASE has no bits. */
		align = log2size - (log2size < split ? log2size : split) + 3;
	}
	*t = (struct smmuv3_strtab){
		.base = base & VIQ_SMMUV3_STRTAB_BASE_ADDR & ~smmuv3_low_bits(align),
		.log2size = (uint8_t)log2size,
		.split = (uint8_t)split,
	};
}

bool smmuv3_l1std_decode(const struct smmuv3_strtab *t, uint64_t l1std, uint32_t sid, uint64_t *ste)
{
	unsigned int span = (unsigned int)VIQ_GET(VIQ_SMMUV3_L1STD_SPAN, l1std);
	uint32_t index = sid & ((1u << t->split) - 1);

	/* 2^(Span - 1) entries; 0 is invalid, larger ones than the split are reserved (5.1.1). */
	if (!span || span > t->split + 1u || index >= 1u << (span - 1))
		return false;
	*ste = (l1std & VIQ_SMMUV3_L1STD_L2PTR & ~smmuv3_low_bits(span + 5)) + (uint64_t)index * VIQ_SMMUV3_STE_SIZE;
	return true;
}

void smmuv3_ste_decode(const struct smmuv3_features *f, const uint64_t w[2], struct smmuv3_ste *ste)
{
	/* S1Fmt: leaf tables of 4 KiB, of 64 KiB; 3 is reserved and acts as 0. */
	static const uint8_t splits[4] = {0, 6, 10, 0};
	uint8_t eats = (uint8_t)VIQ_GET(VIQ_SMMUV3_STE_1_EATS, w[1]);

	*ste = (struct smmuv3_ste){
		.valid = w[0] & VIQ_SMMUV3_STE_0_V,
		.config = (uint8_t)VIQ_GET(VIQ_SMMUV3_STE_0_CONFIG, w[0]),
		.cdmax = f->ssid_bits ? (uint8_t)VIQ_GET(VIQ_SMMUV3_STE_0_S1CDMAX, w[0]) : 0,
		.cd_table = w[0] & VIQ_SMMUV3_STE_0_S1CONTEXTPTR,
		.s1dss = (uint8_t)VIQ_GET(VIQ_SMMUV3_STE_1_S1DSS, w[1]),
		.eats = f->idr0 & VIQ_SMMUV3_IDR0_ATS ? eats : 0,
		.strw = (uint8_t)VIQ_GET(VIQ_SMMUV3_STE_1_STRW, w[1]),
		.s1stalld = w[1] & VIQ_SMMUV3_STE_1_S1STALLD,
	};
	if (ste->cdmax)
		ste->cd_split = splits[VIQ_GET(VIQ_SMMUV3_STE_0_S1FMT, w[0])];
	if (ste->s1dss == 3)
		ste->s1dss = 0; /* reserved */
	if (ste->eats == 3 && !(f->idr3 & VIQ_SMMUV3_IDR3_DPT))
		ste->eats = 0;
}

#define NO_LEVEL 4

/* S2SL0's start level, or NO_LEVEL for a reserved value. */
static unsigned int start_level(const struct smmuv3_features *f, unsigned int granule, unsigned int sl0)
{
	if (granule != 12)
		return sl0 < 3 ? 3 - sl0 : NO_LEVEL;
	if (sl0 == 3)
		return f->idr3 & VIQ_SMMUV3_IDR3_STT ? 3 : NO_LEVEL;
	return 2 - sl0;
}

/* May a walk of ia_bits start at this level? Up to 16 tables may lie side by side there (DDI 0487 D8.2). */
static bool start_legal(const struct smmuv3_features *f, unsigned int granule, unsigned int start, unsigned int ia_bits)
{
	unsigned int shift = smmuv3_level_shift(granule, start);

	if (ia_bits <= shift || ia_bits > shift + (granule - 3) + 4)
		return false;
	/* The highest levels exist only for physical addresses that need them (R_SRKBC). */
	if (granule == 12 && start == 0)
		return f->oas >= 44;
	if (granule == 14 && start == 1)
		return f->oas >= 42;
	return true;
}

bool smmuv3_s2_shape(const struct smmuv3_features *f, uint64_t ttb, unsigned int t0sz, unsigned int sl0,
		     unsigned int tg, unsigned int ps, struct smmuv3_s2 *s2)
{
	bool stt = f->idr3 & VIQ_SMMUV3_IDR3_STT;
	unsigned int granule = smmuv3_tg0_granule(tg), ia_bits, oa_bits, start;

	if (sl0 > 3 || tg > 3 || ps > 7 || !smmuv3_has_granule(f, granule))
		return false;
	if (t0sz > (stt ? 48u : 39u))
		return false;
	ia_bits = 64 - t0sz;
	if (ia_bits > smmuv3_granule_oa_bits(granule, f->oas))
		return false;
	start = start_level(f, granule, sl0);
	if (start == NO_LEVEL || !start_legal(f, granule, start, ia_bits))
		return false;
	oa_bits = smmuv3_size_bits(ps);
	oa_bits = smmuv3_granule_oa_bits(granule, oa_bits < f->oas ? oa_bits : f->oas);
	if (ttb >> oa_bits)
		return false;
	*s2 = (struct smmuv3_s2){
		.xnx = f->idr3 & VIQ_SMMUV3_IDR3_XNX,
		.pa52 = f->oas == 52,
		.granule = (uint8_t)granule,
		.start = (uint8_t)start,
		.ia_bits = (uint8_t)ia_bits,
		.oa_bits = (uint8_t)oa_bits,
		.ttb = smmuv3_align_ttb(ttb, granule, start, ia_bits, oa_bits),
	};
	return true;
}

/* Stalls, updates of flags and a byte order must be implemented where an STE asks for them (5.2, 5.5). */
static bool s2_flags_legal(const struct smmuv3_features *f, uint64_t word2)
{
	unsigned int stall_model = VIQ_GET(VIQ_SMMUV3_IDR0_STALL_MODEL, f->idr0);
	unsigned int httu = VIQ_GET(VIQ_SMMUV3_IDR0_HTTU, f->idr0);
	unsigned int endian = VIQ_GET(VIQ_SMMUV3_IDR0_TTENDIAN, f->idr0); /* 0 mixed, 2 little, 3 big */

	if (stall_model == (word2 & VIQ_SMMUV3_STE_2_S2S ? 1u : 2u))
		return false;
	if ((word2 & VIQ_SMMUV3_STE_2_S2HA && !httu) || (word2 & VIQ_SMMUV3_STE_2_S2HD && httu < 2))
		return false;
	return !endian || endian == (word2 & VIQ_SMMUV3_STE_2_S2ENDI ? 3u : 2u);
}

bool smmuv3_s2_decode(const struct smmuv3_features *f, const uint64_t ste[4], struct smmuv3_s2 *s2)
{
	uint64_t w = ste[2];

	/* S2AA64 = 0 are AArch32 tables, or those of 128 bits. */
	if (!(VIQ_GET(VIQ_SMMUV3_IDR0_TTF, f->idr0) & VIQ_SMMUV3_IDR0_TTF_AARCH64) || !(w & VIQ_SMMUV3_STE_2_S2AA64) ||
	    !s2_flags_legal(f, w))
		return false;
	if (!smmuv3_s2_shape(f, ste[3] & VIQ_SMMUV3_STE_3_S2TTB, (unsigned int)VIQ_GET(VIQ_SMMUV3_STE_2_S2T0SZ, w),
			     (unsigned int)VIQ_GET(VIQ_SMMUV3_STE_2_S2SL0, w),
			     (unsigned int)VIQ_GET(VIQ_SMMUV3_STE_2_S2TG, w),
			     (unsigned int)VIQ_GET(VIQ_SMMUV3_STE_2_S2PS, w), s2))
		return false;
	s2->affd = w & VIQ_SMMUV3_STE_2_S2AFFD;
	s2->big_endian = w & VIQ_SMMUV3_STE_2_S2ENDI;
	s2->ptw = w & VIQ_SMMUV3_STE_2_S2PTW;
	s2->fwb = f->idr3 & VIQ_SMMUV3_IDR3_FWB && ste[1] & VIQ_SMMUV3_STE_1_S2FWB;
	s2->record = w & VIQ_SMMUV3_STE_2_S2R;
	return true;
}

bool smmuv3_ste_vmid(const struct smmuv3_features *f, uint64_t word2, uint16_t *vmid)
{
	*vmid = f->idr0 & VIQ_SMMUV3_IDR0_S2P ? (uint16_t)VIQ_GET(VIQ_SMMUV3_STE_2_S2VMID, word2) : 0;
	return *vmid <= 0xff || f->idr0 & VIQ_SMMUV3_IDR0_VMID16;
}

unsigned int smmuv3_tg0_granule(unsigned int tg)
{
	static const uint8_t granules[4] = {12, 16, 14, 0};

	return granules[tg & 3];
}

unsigned int smmuv3_tg1_granule(unsigned int tg)
{
	static const uint8_t granules[4] = {0, 14, 12, 16};

	return granules[tg & 3];
}

void smmuv3_cd_decode(const struct smmuv3_features *f, const uint64_t w[VIQ_SMMUV3_CD_WORDS], struct smmuv3_cd *cd)
{
	unsigned int ips = smmuv3_size_bits((unsigned int)VIQ_GET(VIQ_SMMUV3_CD_0_IPS, w[0]));
	bool had = f->idr3 & VIQ_SMMUV3_IDR3_HAD;

	*cd = (struct smmuv3_cd){
		.half[0] =
			{
				.disabled = w[0] & VIQ_SMMUV3_CD_0_EPD0,
				.granule =
					(uint8_t)smmuv3_tg0_granule((unsigned int)VIQ_GET(VIQ_SMMUV3_CD_0_TG0, w[0])),
				.txsz = (uint8_t)VIQ_GET(VIQ_SMMUV3_CD_0_T0SZ, w[0]),
				.tbi = w[0] & VIQ_SMMUV3_CD_0_TBI0,
				.had = had && w[1] & VIQ_SMMUV3_CD_1_HAD0,
				.ttb = w[1] & VIQ_SMMUV3_CD_1_TTB0,
			},
		.half[1] =
			{
				.disabled = w[0] & VIQ_SMMUV3_CD_0_EPD1,
				.granule =
					(uint8_t)smmuv3_tg1_granule((unsigned int)VIQ_GET(VIQ_SMMUV3_CD_0_TG1, w[0])),
				.txsz = (uint8_t)VIQ_GET(VIQ_SMMUV3_CD_0_T1SZ, w[0]),
				.tbi = w[0] & VIQ_SMMUV3_CD_0_TBI1,
				.had = had && w[2] & VIQ_SMMUV3_CD_2_HAD1,
				.ttb = w[2] & VIQ_SMMUV3_CD_2_TTB1,
			},
		.asid = (uint16_t)VIQ_GET(VIQ_SMMUV3_CD_0_ASID, w[0]),
		.oa_bits = (uint8_t)(ips < f->oas ? ips : f->oas),
		.valid = w[0] & VIQ_SMMUV3_CD_0_V,
		.aa64 = w[0] & VIQ_SMMUV3_CD_0_AA64,
		.big_endian = w[0] & VIQ_SMMUV3_CD_0_ENDI,
		.affd = w[0] & VIQ_SMMUV3_CD_0_AFFD,
		.wxn = w[0] & VIQ_SMMUV3_CD_0_WXN,
		.uwxn = w[0] & VIQ_SMMUV3_CD_0_UWXN,
		.pan = w[0] & VIQ_SMMUV3_CD_0_PAN,
		.aset = w[0] & VIQ_SMMUV3_CD_0_ASET,
		.stall = w[0] & VIQ_SMMUV3_CD_0_S,
		.record = w[0] & VIQ_SMMUV3_CD_0_R,
		.abort = w[0] & VIQ_SMMUV3_CD_0_A,
		.ha = w[0] & VIQ_SMMUV3_CD_0_HA,
		.hd = w[0] & VIQ_SMMUV3_CD_0_HD,
		.haft = w[1] & VIQ_SMMUV3_CD_1_HAFT,
	};
}
