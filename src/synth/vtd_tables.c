/* SPDX-License-Identifier: MIT */
/* Root, context and PASID tables of VT-d (sections 9.1 to 9.6). */
#include <errno.h>
#include <stddef.h>

#include "synth_vtd.h"

#define TABLE_LOG2 12
#define POINTER    VIQ_BITS(63, 12) /* of every entry that points to a table */

/* Word 0 has the present bit: it is written last when it appears and first when it goes. */
static void write_entry(struct synth_mem *mem, uint64_t addr, const uint64_t *words, unsigned int count)
{
	if (!words)
		synth_store(mem, addr, 0);
	for (unsigned int i = 1; i < count; i++)
		synth_store(mem, addr + i * 8, words ? words[i] : 0);
	if (words)
		synth_store(mem, addr, words[0]);
}

/* The table that the word at slot points to; a new one, if create. Present is bit 0 everywhere. */
static uint64_t table_at(struct synth_mem *mem, uint64_t slot, bool create)
{
	uint64_t word = synth_load(mem, slot), table;

	if (word & 1)
		return word & POINTER;
	table = create ? synth_alloc(mem, TABLE_LOG2) : SYNTH_NONE;
	if (table != SYNTH_NONE)
		synth_store(mem, slot, table | 1);
	return table;
}

static void free_tables(struct synth_mem *mem, uint64_t base, uint64_t words)
{
	for (uint64_t i = 0; i < words; i++) {
		uint64_t word = synth_load(mem, base + i * 8);

		if (word & 1)
			synth_free(mem, word & POINTER, TABLE_LOG2);
	}
}

/* --- PASIDs ------------------------------------------------------------------------------------------------------ */

int synth_vtd_pasids_init(struct synth_vtd_pasids *pasids, struct synth_mem *mem, unsigned int pdts)
{
	struct synth_vtd_pasids new = {.mem = mem, .pdts = pdts};

	if (pdts > 7)
		return -EINVAL;
	new.log2 = pdts < 2 ? TABLE_LOG2 : pdts + 7 + 3;
	new.base = synth_alloc(mem, new.log2);
	if (new.base == SYNTH_NONE)
		return -ENOMEM;
	*pasids = new;
	return 0;
}

void synth_vtd_pasids_fini(struct synth_vtd_pasids *pasids)
{
	free_tables(pasids->mem, pasids->base, UINT64_C(1) << (pasids->pdts + 7));
	synth_free(pasids->mem, pasids->base, pasids->log2);
}

uint64_t synth_vtd_pasids_dir_slot(const struct synth_vtd_pasids *pasids, uint32_t pasid)
{
	return pasids->base + (uint64_t)(pasid / 64) * VIQ_VTD_PDE_SIZE;
}

uint64_t synth_vtd_pasids_slot(struct synth_vtd_pasids *pasids, uint32_t pasid, bool create)
{
	uint64_t table;

	if (pasid >> (pasids->pdts + 13))
		return SYNTH_NONE;
	table = table_at(pasids->mem, synth_vtd_pasids_dir_slot(pasids, pasid), create);
	return table == SYNTH_NONE ? table : table + pasid % 64 * VIQ_VTD_PE_SIZE;
}

int synth_vtd_pasids_set(struct synth_vtd_pasids *pasids, uint32_t pasid, const uint64_t entry[VIQ_VTD_PE_WORDS])
{
	uint64_t slot;

	if (pasid >> (pasids->pdts + 13))
		return -EINVAL;
	slot = synth_vtd_pasids_slot(pasids, pasid, true);
	if (slot == SYNTH_NONE)
		return -ENOMEM;
	write_entry(pasids->mem, slot, entry, VIQ_VTD_PE_WORDS);
	return 0;
}

void synth_vtd_pasid(uint64_t entry[VIQ_VTD_PE_WORDS], const struct synth_vtd_pt *fs, const struct synth_vtd_pt *ss,
		     unsigned int did)
{
	static const uint8_t pgtt[2][2] = {{VIQ_VTD_PGTT_PT, VIQ_VTD_PGTT_SS}, {VIQ_VTD_PGTT_FS, VIQ_VTD_PGTT_NESTED}};

	for (unsigned int i = 0; i < VIQ_VTD_PE_WORDS; i++)
		entry[i] = 0;
	entry[0] = VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, pgtt[fs != NULL][ss != NULL]) |
		   VIQ_PUT(VIQ_VTD_PE_AW, ss ? ss->levels - 2u : VIQ_VTD_AW_48) | (ss ? ss->root : 0);
	entry[1] = VIQ_PUT(VIQ_VTD_PE_1_DID, did);
	if (fs)
		entry[2] = fs->root | VIQ_PUT(VIQ_VTD_PE_2_FSPM, fs->levels == 5 ? VIQ_VTD_FSPM_5 : VIQ_VTD_FSPM_4);
}

/* --- Contexts ---------------------------------------------------------------------------------------------------- */

void synth_vtd_context(uint64_t ctx[VIQ_VTD_SCTX_WORDS], const struct synth_vtd_pasids *pasids, uint32_t rid_pasid)
{
	ctx[0] = VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE | VIQ_PUT(VIQ_VTD_SCTX_PDTS, pasids->pdts) | pasids->base;
	ctx[1] = VIQ_PUT(VIQ_VTD_SCTX_1_RID_PASID, rid_pasid);
	ctx[2] = 0;
	ctx[3] = 0;
}

void synth_vtd_legacy_context(uint64_t ctx[VIQ_VTD_SCTX_WORDS], const struct synth_vtd_pt *ss, unsigned int aw,
			      unsigned int did)
{
	ctx[0] = VIQ_VTD_CTX_P | VIQ_PUT(VIQ_VTD_CTX_TT, ss ? VIQ_VTD_TT_SS : VIQ_VTD_TT_PT) | (ss ? ss->root : 0);
	ctx[1] = VIQ_PUT(VIQ_VTD_CTX_1_AW, ss ? ss->levels - 2u : aw) | VIQ_PUT(VIQ_VTD_CTX_1_DID, did);
	ctx[2] = 0;
	ctx[3] = 0;
}

int synth_vtd_root_init(struct synth_vtd_root *root, struct synth_mem *mem, bool scalable)
{
	uint64_t base = synth_alloc(mem, TABLE_LOG2);

	if (base == SYNTH_NONE)
		return -ENOMEM;
	*root = (struct synth_vtd_root){.mem = mem, .scalable = scalable, .base = base};
	return 0;
}

void synth_vtd_root_fini(struct synth_vtd_root *root)
{
	free_tables(root->mem, root->base, 512);
	synth_free(root->mem, root->base, TABLE_LOG2);
}

uint64_t synth_vtd_root_rtaddr(const struct synth_vtd_root *root)
{
	return root->base | VIQ_PUT(VIQ_VTD_RTADDR_TTM, root->scalable ? VIQ_VTD_TTM_SCALABLE : VIQ_VTD_TTM_LEGACY);
}

/* A scalable root entry has a table for each half of the devfns. */
uint64_t synth_vtd_root_entry(const struct synth_vtd_root *root, uint16_t sid)
{
	uint64_t entry = root->base + (uint64_t)(sid >> 8) * VIQ_VTD_ROOT_SIZE;

	return root->scalable && sid & 0x80 ? entry + 8 : entry;
}

uint64_t synth_vtd_root_slot(struct synth_vtd_root *root, uint16_t sid, bool create)
{
	uint64_t table = table_at(root->mem, synth_vtd_root_entry(root, sid), create);

	if (table == SYNTH_NONE)
		return table;
	if (root->scalable)
		return table + (uint64_t)(sid & 0x7f) * VIQ_VTD_SCTX_SIZE;
	return table + (uint64_t)(sid & 0xff) * VIQ_VTD_CTX_SIZE;
}

int synth_vtd_root_set(struct synth_vtd_root *root, uint16_t sid, const uint64_t ctx[VIQ_VTD_SCTX_WORDS])
{
	uint64_t slot = synth_vtd_root_slot(root, sid, true);

	if (slot == SYNTH_NONE)
		return -ENOMEM;
	write_entry(root->mem, slot, ctx, root->scalable ? VIQ_VTD_SCTX_WORDS : VIQ_VTD_CTX_WORDS);
	return 0;
}
