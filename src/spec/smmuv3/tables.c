/* SPDX-License-Identifier: MIT */
#include "tables.h"

/* Clear the low bits of a base address: all of them if there are as many as the address has. */
static uint64_t align_down(uint64_t base, unsigned int bits)
{
	return bits < 64 ? base & ~(VIQ_BIT(bits) - 1) : 0;
}

void smmuv3_strtab_decode(const struct smmuv3_features *f, uint64_t base, uint32_t cfg, struct smmuv3_strtab *t)
{
	unsigned int log2size = (unsigned int)VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE, cfg), align = log2size + 6;
	unsigned int split = 0;

	if (f->idr0 & VIQ_SMMUV3_IDR0_ST_LEVEL &&
	    VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_FMT, cfg) == VIQ_SMMUV3_STRTAB_FMT_2LVL) {
		/* 6, 8 and 10 are defined; others behave as 6. */
		split = (unsigned int)VIQ_GET(VIQ_SMMUV3_STRTAB_BASE_CFG_SPLIT, cfg);
		split = split == 8 || split == 10 ? split : 6;
		/* The first-level table's size, or 64 bytes if that is larger. */
		align = log2size > split + 3 ? log2size - split + 3 : 6;
	}
	*t = (struct smmuv3_strtab){
		.base = align_down(base & VIQ_SMMUV3_STRTAB_BASE_ADDR, align),
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
	*ste = align_down(l1std & VIQ_SMMUV3_L1STD_L2PTR, span - 1 + 6) + (uint64_t)index * VIQ_SMMUV3_STE_SIZE;
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
