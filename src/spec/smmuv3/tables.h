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
