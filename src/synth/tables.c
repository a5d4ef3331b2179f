/* SPDX-License-Identifier: MIT */
/* Context descriptor tables and stream tables (IHI 0070 3.3, 5.1 to 5.4). */
#include <errno.h>

#include "spec/smmuv3/tables.h"

#include "synth.h"

unsigned int synth_size_code(unsigned int bits)
{
	static const uint8_t sizes[] = {32, 36, 40, 42, 44, 48, 52};
	unsigned int code = 0;

	while (code < 6 && sizes[code] < bits)
		code++;
	return code;
}

/* TG0 and S2TG: 0 4K, 1 64K, 2 16K. TG1: 1 16K, 2 4K, 3 64K. */
static unsigned int tg0(const struct synth_pt *pt)
{
	return pt->granule == 12 ? 0 : pt->granule == 16 ? 1 : 2;
}

static unsigned int tg1(const struct synth_pt *pt)
{
	return pt->granule == 12 ? 2 : pt->granule == 16 ? 3 : 1;
}

unsigned int synth_s2_tg(const struct synth_pt *pt)
{
	return tg0(pt);
}

unsigned int synth_s2_sl0(const struct synth_pt *pt)
{
	if (pt->granule == 12)
		return pt->start == 3 ? 3 : 2 - pt->start;
	return 3 - pt->start;
}

void synth_cd(uint64_t cd[VIQ_SMMUV3_CD_WORDS], const struct synth_pt *ttb0, const struct synth_pt *ttb1,
	      unsigned int asid, unsigned int ips)
{
	for (unsigned int i = 0; i < VIQ_SMMUV3_CD_WORDS; i++)
		cd[i] = 0;
	cd[0] = VIQ_SMMUV3_CD_0_V | VIQ_SMMUV3_CD_0_AA64 | VIQ_SMMUV3_CD_0_R | VIQ_SMMUV3_CD_0_A |
		VIQ_SMMUV3_CD_0_ASET | VIQ_PUT(VIQ_SMMUV3_CD_0_ASID, asid) |
		VIQ_PUT(VIQ_SMMUV3_CD_0_IPS, synth_size_code(ips));
	if (ttb0) {
		cd[0] |= VIQ_PUT(VIQ_SMMUV3_CD_0_T0SZ, 64 - ttb0->ia_bits) | VIQ_PUT(VIQ_SMMUV3_CD_0_TG0, tg0(ttb0));
		cd[1] = ttb0->root;
	} else {
		cd[0] |= VIQ_SMMUV3_CD_0_EPD0;
	}
	if (ttb1) {
		cd[0] |= VIQ_PUT(VIQ_SMMUV3_CD_0_T1SZ, 64 - ttb1->ia_bits) | VIQ_PUT(VIQ_SMMUV3_CD_0_TG1, tg1(ttb1));
		cd[2] = ttb1->root;
	} else {
		cd[0] |= VIQ_SMMUV3_CD_0_EPD1;
	}
	cd[3] = 0xf404ff44; /* MAIR: non-cacheable, write-back, device, outer write-back */
}

/* CDs and STEs are both 64 bytes. Word 0 has V: it is written last when it appears and first when it goes. */
static void write_entry(struct synth_mem *mem, uint64_t addr, const uint64_t words[8])
{
	if (!words)
		synth_store(mem, addr, 0);
	for (unsigned int i = 1; i < 8; i++)
		synth_store(mem, addr + i * 8, words ? words[i] : 0);
	if (words)
		synth_store(mem, addr, words[0]);
}

/* log2 of the CDs in one second-level table. */
static unsigned int leaf_bits(const struct synth_cdt *cdt)
{
	return cdt->fmt == 1 ? 6 : 10;
}

int synth_cdt_init(struct synth_cdt *cdt, struct synth_mem *mem, unsigned int cdmax, unsigned int fmt)
{
	struct synth_cdt new = {.mem = mem, .cdmax = cdmax, .fmt = fmt};

	if (cdmax > 20 || fmt > 2 || (fmt && !cdmax))
		return -EINVAL;
	if (!fmt)
		new.log2 = cdmax + 6;
	else
		new.log2 = cdmax > leaf_bits(&new) ? cdmax - leaf_bits(&new) + 3 : 3;
	if (new.log2 < 6)
		new.log2 = 6; /* S1ContextPtr has no lower bits */
	new.base = synth_alloc(mem, new.log2);
	if (new.base == SYNTH_NONE)
		return -ENOMEM;
	*cdt = new;
	return 0;
}

void synth_cdt_fini(struct synth_cdt *cdt)
{
	uint64_t leaf;

	for (uint64_t i = 0; cdt->fmt && i < UINT64_C(1) << (cdt->log2 - 3); i++)
		if (smmuv3_l1cd_decode(synth_load(cdt->mem, cdt->base + i * 8), &leaf))
			synth_free(cdt->mem, leaf, leaf_bits(cdt) + 6);
	synth_free(cdt->mem, cdt->base, cdt->log2);
}

uint64_t synth_cdt_slot(struct synth_cdt *cdt, uint32_t ssid, bool create)
{
	const struct smmuv3_ste ste = {.cd_table = cdt->base, .cd_split = cdt->fmt ? (uint8_t)leaf_bits(cdt) : 0};
	uint64_t slot = smmuv3_cd_entry(&ste, ssid), leaf;

	if (ssid >> cdt->cdmax)
		return SYNTH_NONE;
	if (!cdt->fmt)
		return slot;
	if (!smmuv3_l1cd_decode(synth_load(cdt->mem, slot), &leaf)) {
		leaf = create ? synth_alloc(cdt->mem, leaf_bits(cdt) + 6) : SYNTH_NONE;
		if (leaf == SYNTH_NONE)
			return SYNTH_NONE;
		synth_store(cdt->mem, slot, leaf | VIQ_SMMUV3_L1CD_V);
	}
	return smmuv3_cd_in_leaf(leaf, ste.cd_split, ssid);
}

int synth_cdt_set(struct synth_cdt *cdt, uint32_t ssid, const uint64_t cd[VIQ_SMMUV3_CD_WORDS])
{
	uint64_t slot;

	if (ssid >> cdt->cdmax)
		return -EINVAL;
	slot = synth_cdt_slot(cdt, ssid, true);
	if (slot == SYNTH_NONE)
		return -ENOMEM;
	write_entry(cdt->mem, slot, cd);
	return 0;
}

static void clear_ste(uint64_t ste[VIQ_SMMUV3_STE_WORDS], unsigned int config)
{
	for (unsigned int i = 0; i < VIQ_SMMUV3_STE_WORDS; i++)
		ste[i] = 0;
	ste[0] = VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, config);
}

void synth_ste_abort(uint64_t ste[VIQ_SMMUV3_STE_WORDS])
{
	clear_ste(ste, VIQ_SMMUV3_STE_CONFIG_ABORT);
}

void synth_ste_bypass(uint64_t ste[VIQ_SMMUV3_STE_WORDS])
{
	clear_ste(ste, VIQ_SMMUV3_STE_CONFIG_BYPASS);
	ste[1] = VIQ_PUT(VIQ_SMMUV3_STE_1_SHCFG, 1);
}

void synth_ste_s1(uint64_t ste[VIQ_SMMUV3_STE_WORDS], const struct synth_cdt *cdt, unsigned int s1dss,
		  unsigned int eats)
{
	clear_ste(ste, VIQ_SMMUV3_STE_CONFIG_S1);
	ste[0] |= cdt->base | VIQ_PUT(VIQ_SMMUV3_STE_0_S1CDMAX, cdt->cdmax) | VIQ_PUT(VIQ_SMMUV3_STE_0_S1FMT, cdt->fmt);
	ste[1] = VIQ_PUT(VIQ_SMMUV3_STE_1_S1DSS, s1dss) | VIQ_PUT(VIQ_SMMUV3_STE_1_S1CIR, 1) |
		 VIQ_PUT(VIQ_SMMUV3_STE_1_S1COR, 1) | VIQ_PUT(VIQ_SMMUV3_STE_1_S1CSH, 3) |
		 VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, eats);
}

int synth_st_init(struct synth_st *st, struct synth_mem *mem, unsigned int log2size, unsigned int split)
{
	struct synth_st new = {.mem = mem, .log2size = log2size, .split = split};

	if (log2size > 24 || (split && split != 6 && split != 8 && split != 10))
		return -EINVAL;
	if (!split)
		new.table_log2 = log2size + 6;
	else
		new.table_log2 = log2size > split ? log2size - split + 3 : 3;
	if (new.table_log2 < 6)
		new.table_log2 = 6;
	new.base = synth_alloc(mem, new.table_log2);
	if (new.base == SYNTH_NONE)
		return -ENOMEM;
	*st = new;
	return 0;
}

static uint64_t new_stes(struct synth_st *st, uint64_t slot)
{
	uint64_t table = synth_alloc(st->mem, st->split + 6);

	if (table == SYNTH_NONE)
		return SYNTH_NONE;
	for (uint64_t i = 0; i < UINT64_C(1) << st->split; i++)
		synth_store(st->mem, table + i * 64, VIQ_SMMUV3_STE_0_V);
	synth_store(st->mem, slot, table | VIQ_PUT(VIQ_SMMUV3_L1STD_SPAN, st->split + 1));
	return table;
}

uint64_t synth_st_slot(struct synth_st *st, uint32_t sid, bool create)
{
	const struct smmuv3_strtab table = {st->base, (uint8_t)st->log2size, (uint8_t)st->split};
	uint64_t slot = smmuv3_strtab_entry(&table, sid), ste;

	if (sid >> st->log2size)
		return SYNTH_NONE;
	if (!st->split || smmuv3_l1std_decode(&table, synth_load(st->mem, slot), sid, &ste))
		return st->split ? ste : slot;
	if (!create || new_stes(st, slot) == SYNTH_NONE)
		return SYNTH_NONE;
	return synth_st_slot(st, sid, false);
}

int synth_st_set(struct synth_st *st, uint32_t sid, const uint64_t ste[VIQ_SMMUV3_STE_WORDS])
{
	uint64_t slot;

	if (sid >> st->log2size)
		return -EINVAL;
	slot = synth_st_slot(st, sid, true);
	if (slot == SYNTH_NONE)
		return -ENOMEM;
	write_entry(st->mem, slot, ste);
	return 0;
}

uint64_t synth_st_base(const struct synth_st *st)
{
	return st->base | VIQ_SMMUV3_STRTAB_BASE_RA;
}

uint32_t synth_st_base_cfg(const struct synth_st *st)
{
	return VIQ_PUT(VIQ_SMMUV3_STRTAB_BASE_CFG_LOG2SIZE, st->log2size) |
	       VIQ_PUT(VIQ_SMMUV3_STRTAB_BASE_CFG_SPLIT, st->split) |
	       VIQ_PUT(VIQ_SMMUV3_STRTAB_BASE_CFG_FMT,
		       st->split ? VIQ_SMMUV3_STRTAB_FMT_2LVL : VIQ_SMMUV3_STRTAB_FMT_LINEAR);
}
