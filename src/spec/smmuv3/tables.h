/* SPDX-License-Identifier: MIT */
/*
 * From a StreamID to the translation tables of a context (IHI 0070 3.3, 5.1 to 5.4): words in, fields and addresses
 * out.
 *
 * Fields that the architecture ignores, or whose reserved values act as others, come out as what they act as. Which
 * entries are ILLEGAL is for others to judge: a guest's ID registers, a host and a kernel do not allow the same.
 */
#ifndef VIQ_SPEC_SMMUV3_TABLES_H
#define VIQ_SPEC_SMMUV3_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "features.h"

/* --- Stream table (5.1, 6.3.24, 6.3.25) --------------------------------------------------------------------------- */

struct smmuv3_strtab {
	uint64_t base;    /* aligned as the SMMU does */
	uint8_t log2size; /* StreamIDs: 2^log2size, if the SMMU has as many */
	uint8_t split;    /* StreamID bits that a second-level table translates; 0: linear */
};

/* base, cfg: STRTAB_BASE and STRTAB_BASE_CFG. */
void smmuv3_strtab_decode(const struct smmuv3_features *f, uint64_t base, uint32_t cfg, struct smmuv3_strtab *t);

/* The address of sid's STE; with two levels, of its level-1 descriptor. */
static inline uint64_t smmuv3_strtab_entry(const struct smmuv3_strtab *t, uint32_t sid)
{
	return t->split ? t->base + (uint64_t)(sid >> t->split) * 8 : t->base + (uint64_t)sid * VIQ_SMMUV3_STE_SIZE;
}

/* The STE that a level-1 descriptor leads to. false: the table has none for sid. */
bool smmuv3_l1std_decode(const struct smmuv3_strtab *t, uint64_t l1std, uint32_t sid, uint64_t *ste);

/* --- Stream table entry, words 0 and 1 (5.2) ---------------------------------------------------------------------- */

struct smmuv3_ste {
	bool valid;
	uint8_t config;    /* VIQ_SMMUV3_STE_CONFIG_*; 1 to 3 abort as 0 does */
	uint8_t cdmax;     /* 2^cdmax CDs; 0: no substreams */
	uint8_t cd_split;  /* SubstreamID bits that a leaf table of CDs translates; 0: linear */
	uint64_t cd_table; /* S1ContextPtr */
	uint8_t s1dss;     /* without SubstreamID: 0 abort, 1 no stage 1, 2 CD 0 */
	uint8_t eats;      /* 0 without ATS, and not 3 without DPT */
	uint8_t strw;
	bool s1stalld;
};

void smmuv3_ste_decode(const struct smmuv3_features *f, const uint64_t words[2], struct smmuv3_ste *ste);

/* --- Stream table entry, words 2 and 3: stage 2 (5.2) ------------------------------------------------------------- */

/* A stage-2 translation regime that is legal. */
struct smmuv3_s2 {
	bool identity;   /* no tables: IPA = PA */
	bool affd;       /* AF = 0 is accepted */
	bool xnx;        /* IDR3.XNX: XN has two bits */
	bool pa52;       /* OAS is 52 bits: 64K descriptors have address bits [51:48] */
	bool big_endian; /* legal with a mixed-endian IDR0.TTENDIAN */
	bool ptw;        /* what stage 1 reads of its own may not be Device memory */
	bool fwb;        /* MemAttr is coded as with FWB */
	bool record;     /* S2R */
	uint8_t granule; /* log2: 12, 14, 16 */
	uint8_t start;   /* start level */
	uint8_t ia_bits; /* 64 - S2T0SZ */
	uint8_t oa_bits; /* effective S2PS */
	uint64_t ttb;    /* aligned to the (concatenated) start table */
};

/*
 * From STE fields (S2TTB in place, the others from bit 0), or false if they are ILLEGAL on such an SMMU, which leaves
 * *s2 alone. The flags that are not the SMMU's become false.
 */
bool smmuv3_s2_shape(const struct smmuv3_features *f, uint64_t ttb, unsigned int t0sz, unsigned int sl0,
		     unsigned int tg, unsigned int ps, struct smmuv3_s2 *s2);
/* From a whole STE with stage 2 on. The same. What of it is ILLEGAL does not depend on who asks, but for *f. */
bool smmuv3_s2_decode(const struct smmuv3_features *f, const uint64_t ste[4], struct smmuv3_s2 *s2);

/*
 * The VMID that tags what an STE with either stage on translates: 0 without IDR0.S2P. false: it is ILLEGAL, which word
 * 2 is of stage 1 alone, too.
 */
bool smmuv3_ste_vmid(const struct smmuv3_features *f, uint64_t word2, uint16_t *vmid);

/* --- Context descriptors (5.3, 5.4) ------------------------------------------------------------------------------- */

/* The address of a CD; with two levels, of its level-1 descriptor. */
static inline uint64_t smmuv3_cd_entry(const struct smmuv3_ste *ste, uint32_t ssid)
{
	return ste->cd_split ? ste->cd_table + (uint64_t)(ssid >> ste->cd_split) * 8
			     : ste->cd_table + (uint64_t)ssid * VIQ_SMMUV3_CD_SIZE;
}

/* The leaf table that a level-1 descriptor leads to. false: V = 0. */
static inline bool smmuv3_l1cd_decode(uint64_t l1cd, uint64_t *table)
{
	*table = l1cd & VIQ_SMMUV3_L1CD_L2PTR;
	return l1cd & VIQ_SMMUV3_L1CD_V;
}

static inline uint64_t smmuv3_cd_in_leaf(uint64_t table, unsigned int cd_split, uint32_t ssid)
{
	return table + (uint64_t)(ssid & ((1u << cd_split) - 1)) * VIQ_SMMUV3_CD_SIZE;
}

/* TTB0's or TTB1's half of the address space. */
struct smmuv3_cd_half {
	bool disabled;   /* EPDx: the other fields mean nothing */
	uint8_t granule; /* log2 of TGx; 0: reserved */
	uint8_t txsz;
	bool tbi;
	bool had; /* without IDR3.HAD ignored */
	uint64_t ttb;
};

struct smmuv3_cd {
	struct smmuv3_cd_half half[2];
	uint16_t asid;
	uint8_t oa_bits; /* IPS, cut to the SMMU's */
	bool valid, aa64, big_endian;
	bool affd, wxn, uwxn, pan, aset;
	bool stall, record, abort; /* S, R, A */
	bool ha, hd, haft;
};

void smmuv3_cd_decode(const struct smmuv3_features *f, const uint64_t words[VIQ_SMMUV3_CD_WORDS], struct smmuv3_cd *cd);

/* Granules (log2) as TG0 and S2TG code them, and TG1. 0: reserved. */
unsigned int smmuv3_tg0_granule(unsigned int tg);
unsigned int smmuv3_tg1_granule(unsigned int tg);

#endif
