/* SPDX-License-Identifier: MIT */
/* Writing VT-d page tables (sections 9.7, 9.8): both stages have 512 entries a table, and leaves at levels 1 to 3. */
#include <errno.h>

#include "synth_vtd.h"

#define ENTRIES    512
#define TABLE_LOG2 12

unsigned int synth_vtd_shift(unsigned int level)
{
	return TABLE_LOG2 + 9 * (level - 1);
}

int synth_vtd_pt_init(struct synth_vtd_pt *pt, struct synth_mem *mem, unsigned int stage, unsigned int levels)
{
	struct synth_vtd_pt new = {.mem = mem, .stage = stage, .levels = levels};

	if ((stage != 1 && stage != 2) || levels > 5 || levels < (stage == 1 ? 4u : 3u))
		return -EINVAL;
	new.root = synth_alloc(mem, TABLE_LOG2);
	if (new.root == SYNTH_NONE)
		return -ENOMEM;
	*pt = new;
	return 0;
}

static bool is_present(const struct synth_vtd_pt *pt, uint64_t entry)
{
	return entry & (pt->stage == 1 ? VIQ_VTD_FS_P : VIQ_VTD_SS_R | VIQ_VTD_SS_W);
}

/* The large-page bit is the same in both stages. */
static bool is_leaf(uint64_t entry, unsigned int level)
{
	return level == 1 || entry & VIQ_VTD_FS_PS;
}

static void free_tables(struct synth_vtd_pt *pt, uint64_t entry, unsigned int level)
{
	uint64_t table = entry & VIQ_VTD_FS_ADDR;

	if (!is_present(pt, entry) || is_leaf(entry, level))
		return;
	for (unsigned int i = 0; i < ENTRIES; i++)
		free_tables(pt, synth_load(pt->mem, table + i * 8), level - 1);
	synth_free(pt->mem, table, TABLE_LOG2);
}

void synth_vtd_pt_fini(struct synth_vtd_pt *pt)
{
	for (unsigned int i = 0; i < ENTRIES; i++)
		free_tables(pt, synth_load(pt->mem, pt->root + i * 8), pt->levels);
	synth_free(pt->mem, pt->root, TABLE_LOG2);
}

/* Bits that tables and leaves have alike. */
static uint64_t rights(const struct synth_vtd_pt *pt, unsigned int attr)
{
	uint64_t accessed = pt->stage == 1 ? VIQ_VTD_FS_A : VIQ_VTD_SS_A, bits = attr & SYNTH_NO_AF ? 0 : accessed;

	if (pt->stage == 2)
		return bits | (attr & SYNTH_NO_READ ? 0 : VIQ_VTD_SS_R) | (attr & SYNTH_RO ? 0 : VIQ_VTD_SS_W);
	return bits | VIQ_VTD_FS_P | (attr & SYNTH_RO ? 0 : VIQ_VTD_FS_RW) | (attr & SYNTH_PRIV ? 0 : VIQ_VTD_FS_US) |
	       (attr & SYNTH_XN ? VIQ_VTD_FS_XD : 0);
}

uint64_t synth_vtd_pt_leaf(const struct synth_vtd_pt *pt, uint64_t oa, unsigned int level, unsigned int attr)
{
	uint64_t entry = oa | rights(pt, attr) | (level > 1 ? VIQ_VTD_FS_PS : 0);

	if (!(attr & (SYNTH_NO_DIRTY | SYNTH_RO)))
		entry |= pt->stage == 1 ? VIQ_VTD_FS_D : VIQ_VTD_SS_D;
	return entry;
}

/* Walk from the root to ia's entry at level. *at: the level reached, above level if a leaf is in the way. */
static uint64_t find(struct synth_vtd_pt *pt, uint64_t ia, unsigned int level, bool create, unsigned int *at)
{
	uint64_t table = pt->root, slot, entry;

	for (*at = pt->levels;; (*at)--) {
		slot = table + (ia >> synth_vtd_shift(*at)) % ENTRIES * 8;
		if (*at == level)
			return slot;
		entry = synth_load(pt->mem, slot);
		if (is_present(pt, entry)) {
			if (is_leaf(entry, *at))
				return SYNTH_NONE;
			table = entry & VIQ_VTD_FS_ADDR;
			continue;
		}
		table = create ? synth_alloc(pt->mem, TABLE_LOG2) : SYNTH_NONE;
		if (table == SYNTH_NONE) {
			*at = level;
			return SYNTH_NONE;
		}
		synth_store(pt->mem, slot, table | rights(pt, pt->table_attr));
	}
}

uint64_t synth_vtd_pt_slot(struct synth_vtd_pt *pt, uint64_t ia, unsigned int level, bool create)
{
	unsigned int at;

	return level < 1 || level > pt->levels ? SYNTH_NONE : find(pt, ia, level, create, &at);
}

int synth_vtd_pt_map(struct synth_vtd_pt *pt, uint64_t ia, uint64_t oa, unsigned int level, unsigned int attr)
{
	uint64_t slot, old;
	unsigned int at;

	if (level < 1 || level > 3 || (ia | oa) & ((UINT64_C(1) << synth_vtd_shift(level)) - 1))
		return -EINVAL;
	slot = find(pt, ia, level, true, &at);
	if (slot == SYNTH_NONE)
		return at > level ? -EEXIST : -ENOMEM;
	old = synth_load(pt->mem, slot);
	synth_store(pt->mem, slot, synth_vtd_pt_leaf(pt, oa, level, attr));
	free_tables(pt, old, level);
	return 0;
}

int synth_vtd_pt_unmap(struct synth_vtd_pt *pt, uint64_t ia, unsigned int level)
{
	uint64_t slot, old;

	if (level < 1 || level > pt->levels)
		return -EINVAL;
	slot = synth_vtd_pt_slot(pt, ia, level, false);
	old = slot == SYNTH_NONE ? 0 : synth_load(pt->mem, slot);
	if (!is_present(pt, old))
		return -ENOENT;
	synth_store(pt->mem, slot, 0);
	free_tables(pt, old, level);
	return 0;
}
