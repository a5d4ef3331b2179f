/* SPDX-License-Identifier: MIT */
/*
 * Writing AArch64 page tables (DDI 0487 D8). Tables are built from the root: each step says how many bits of the input
 * address are left to resolve.
 */
#include <errno.h>

#include "spec/smmuv3/pte.h"

#include "synth.h"

#define PTE_VALID 1u
#define PTE_TABLE 3u /* valid, and bit 1: a table, or a page at level 3 */
#define PTE_ADDR  UINT64_C(0x0000fffffffff000)

static unsigned int index_bits(const struct synth_pt *pt)
{
	return pt->granule - 3;
}

unsigned int synth_pt_shift(const struct synth_pt *pt, unsigned int level)
{
	return smmuv3_level_shift(pt->granule, level);
}

bool synth_pt_leaf_legal(const struct synth_pt *pt, unsigned int level)
{
	return level >= pt->start && level <= 3 && level >= (pt->granule == 12 ? 1u : 2u);
}

int synth_pt_init(struct synth_pt *pt, struct synth_mem *mem, unsigned int stage, unsigned int granule,
		  unsigned int ia_bits, unsigned int start)
{
	struct synth_pt new = {.mem = mem, .stage = stage, .granule = granule, .ia_bits = ia_bits};
	unsigned int left;

	if ((stage != 1 && stage != 2) || (granule != 12 && granule != 14 && granule != 16) || ia_bits <= granule ||
	    ia_bits > 52 || (stage == 2 && start > 3))
		return -EINVAL;
	new.start = stage == 2 ? start : 3;
	if (stage == 1) {
		for (left = ia_bits - granule; left > index_bits(&new) && new.start; left -= index_bits(&new))
			new.start--;
	}
	if (ia_bits <= synth_pt_shift(&new, new.start))
		return -EINVAL;
	/* The start table holds what the levels below it leave over. */
	new.root_log2 = ia_bits - synth_pt_shift(&new, new.start) + 3;
	if (new.root_log2 > granule + (stage == 2 ? 4 : 0))
		return -EINVAL;
	if (new.root_log2 < 6)
		new.root_log2 = 6; /* enough for every address size */
	new.root = synth_alloc(mem, new.root_log2);
	if (new.root == SYNTH_NONE)
		return -ENOMEM;
	*pt = new;
	return 0;
}

static bool is_table(const struct synth_pt *pt, uint64_t desc, unsigned int level)
{
	return smmuv3_pte_kind(pt->granule, true, level, desc) == SMMUV3_PTE_TABLE;
}

/* The 52-bit form keeps address bits [51:48] at [15:12] (64K granule only). */
static uint64_t put_address(const struct synth_pt *pt, uint64_t addr)
{
	return pt->granule == 16 ? (addr & PTE_ADDR) | (addr >> 48 & 0xf) << 12 : addr;
}

static uint64_t table_address(const struct synth_pt *pt, uint64_t desc)
{
	return smmuv3_pte_address(pt->granule, true, pt->granule, desc);
}

/* Free what hangs below a descriptor of this level. */
static void free_tables(struct synth_pt *pt, uint64_t desc, unsigned int level)
{
	uint64_t table;

	if (!is_table(pt, desc, level))
		return;
	table = table_address(pt, desc);
	for (uint64_t i = 0; i < UINT64_C(1) << index_bits(pt); i++)
		free_tables(pt, synth_load(pt->mem, table + i * 8), level + 1);
	synth_free(pt->mem, table, pt->granule);
}

void synth_pt_fini(struct synth_pt *pt)
{
	uint64_t entries = UINT64_C(1) << (pt->root_log2 - 3);

	for (uint64_t i = 0; i < entries; i++)
		free_tables(pt, synth_load(pt->mem, pt->root + i * 8), pt->start);
	synth_free(pt->mem, pt->root, pt->root_log2);
}

static uint64_t new_table(struct synth_pt *pt, uint64_t slot)
{
	uint64_t table = synth_alloc(pt->mem, pt->granule);

	if (table != SYNTH_NONE)
		synth_store(pt->mem, slot, put_address(pt, table) | pt->table_add | PTE_TABLE);
	return table;
}

uint64_t synth_pt_slot(struct synth_pt *pt, uint64_t ia, unsigned int level, bool create)
{
	unsigned int left = pt->ia_bits - synth_pt_shift(pt, pt->start);
	uint64_t table = pt->root, slot, desc;

	if (level < pt->start || level > 3)
		return SYNTH_NONE;
	for (unsigned int at = pt->start;; at++) {
		slot = table + (ia >> synth_pt_shift(pt, at) & ((UINT64_C(1) << left) - 1)) * 8;
		if (at == level)
			return slot;
		desc = synth_load(pt->mem, slot);
		if (is_table(pt, desc, at))
			table = table_address(pt, desc);
		else if (!(desc & PTE_VALID) && create)
			table = new_table(pt, slot);
		else
			return SYNTH_NONE;
		if (table == SYNTH_NONE)
			return SYNTH_NONE;
		left = index_bits(pt);
	}
}

/* Does a block stand above level on ia's path? */
static bool under_block(struct synth_pt *pt, uint64_t ia, unsigned int level)
{
	for (unsigned int at = pt->start; at < level; at++) {
		uint64_t slot = synth_pt_slot(pt, ia, at, false);
		uint64_t desc = slot == SYNTH_NONE ? 0 : synth_load(pt->mem, slot);

		if (!is_table(pt, desc, at))
			return desc & PTE_VALID;
	}
	return false;
}

uint64_t synth_pt_leaf_desc(const struct synth_pt *pt, uint64_t oa, unsigned int level, unsigned int attr)
{
	uint64_t desc = put_address(pt, oa) | (level == 3 ? PTE_TABLE : PTE_VALID);

	desc |= (attr & SYNTH_NO_AF ? 0 : UINT64_C(1) << 10) | UINT64_C(3) << 8; /* inner shareable */
	desc |= attr & SYNTH_XN ? UINT64_C(1) << 54 : 0;
	desc |= attr & SYNTH_PXN ? UINT64_C(1) << 53 : 0;
	desc |= attr & SYNTH_CONT ? UINT64_C(1) << 52 : 0;
	if (pt->stage == 2)
		return desc | UINT64_C(0xf) << 2 | (attr & SYNTH_NO_READ ? 0 : 1u << 6) |
		       (attr & SYNTH_RO ? 0 : 1u << 7);
	return desc | 1u << 2 | (attr & SYNTH_PRIV ? 0 : 1u << 6) | (attr & SYNTH_RO ? 1u << 7 : 0) |
	       (attr & SYNTH_NG ? 1u << 11 : 0);
}

int synth_pt_map(struct synth_pt *pt, uint64_t ia, uint64_t oa, unsigned int level, unsigned int attr)
{
	uint64_t slot, old, mask;

	if (!synth_pt_leaf_legal(pt, level))
		return -EINVAL;
	mask = (UINT64_C(1) << synth_pt_shift(pt, level)) - 1;
	if (ia & mask || oa & mask)
		return -EINVAL;
	if (under_block(pt, ia, level))
		return -EEXIST;
	slot = synth_pt_slot(pt, ia, level, true);
	if (slot == SYNTH_NONE)
		return -ENOMEM;
	old = synth_load(pt->mem, slot);
	synth_store(pt->mem, slot, synth_pt_leaf_desc(pt, oa, level, attr));
	free_tables(pt, old, level);
	return 0;
}

int synth_pt_unmap(struct synth_pt *pt, uint64_t ia, unsigned int level)
{
	uint64_t slot = synth_pt_slot(pt, ia, level, false), old;

	if (level < pt->start || level > 3)
		return -EINVAL;
	old = slot == SYNTH_NONE ? 0 : synth_load(pt->mem, slot);
	if (!(old & PTE_VALID))
		return -ENOENT;
	synth_store(pt->mem, slot, 0);
	free_tables(pt, old, level);
	return 0;
}
