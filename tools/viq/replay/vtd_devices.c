// SPDX-License-Identifier: MIT
/* The devices of a VT-d replay: their page tables, and the entries that lead there. */
#include <errno.h>
#include <stdlib.h>

#include "vtd.h"

#define PROBE_SLOT 255 /* of a root table: the part that tells the roots apart */
#define PROBE_BASE ((uint64_t)PROBE_SLOT << 39)
/* Output addresses: never accessed, and far from the interrupt range. */
#define OA_PAGES VIQ_BIT(45)
#define OA_PROBE VIQ_BIT(46)

/* --- Page tables ------------------------------------------------------------------------------------------------- */

static uint64_t table_entry(const struct witness *w, uint64_t addr)
{
	return addr | (vtd_guest_of(w)->scalable ? VIQ_VTD_FS_P | VIQ_VTD_FS_RW | VIQ_VTD_FS_US | VIQ_VTD_FS_A
						 : VIQ_VTD_SS_R | VIQ_VTD_SS_W);
}

/* Accessed and dirty already: nobody changes it but the guest. */
uint64_t vtd_leaf_entry(const struct witness *w, uint64_t addr)
{
	return table_entry(w, addr) | (vtd_guest_of(w)->scalable ? VIQ_VTD_FS_D : 0);
}

/* The table that the entry at this address points to, made if need be. SYNTH_NONE: no memory. */
static uint64_t next_table(struct witness *w, uint64_t slot)
{
	uint64_t entry = synth_load(&w->guest->mem, slot), table;

	if (entry)
		return entry & VIQ_VTD_FS_ADDR;
	table = synth_alloc(&w->guest->mem, 12);
	if (table != SYNTH_NONE)
		synth_store(&w->guest->mem, slot, table_entry(w, table));
	return table;
}

static uint64_t root_slot(const struct vtd_device *d, unsigned int root, uint64_t va)
{
	return d->root[root] + 8 * (va >> 39 & 511);
}

/* Where the leaf of va stands under a root. SYNTH_NONE: no memory. */
static uint64_t leaf_slot(struct witness *w, const struct vtd_device *d, unsigned int root, uint64_t va)
{
	uint64_t table = next_table(w, root_slot(d, root, va));

	for (unsigned int shift = 30; table != SYNTH_NONE && shift > 12; shift -= 9)
		table = next_table(w, table + 8 * (va >> shift & 511));
	return table == SYNTH_NONE ? table : table + 8 * (va >> 12 & 511);
}

/* The same under both roots. */
uint64_t vtd_shared_slot(struct witness *w, const struct vtd_device *d, uint64_t va)
{
	uint64_t slot = leaf_slot(w, d, 0, va);

	synth_store(&w->guest->mem, root_slot(d, 1, va), synth_load(&w->guest->mem, root_slot(d, 0, va)));
	return slot;
}

/* Can a device use this address, and is it no probe's? */
bool vtd_usable(const struct witness *w, uint64_t va)
{
	bool canonical = vtd_guest_of(w)->scalable ? va >> 47 == 0 || va >> 47 == 0x1ffff : va >> 48 == 0;

	return canonical && (va >> 39 & 511) != PROBE_SLOT;
}

void vtd_remap(struct witness *w, uint64_t slot)
{
	synth_store(&w->guest->mem, slot, vtd_leaf_entry(w, OA_PAGES | witness_fresh_address(w, 12)));
}

/* --- Looking ----------------------------------------------------------------------------------------------------- */

int vtd_translate(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags, uint64_t *pa)
{
	struct viq_soft_xlate xlate;
	int err;

	viq_soft_access_begin();
	err = viq_soft_vtd_translate(dev, iova, pasid, flags, &xlate);
	viq_soft_access_end();
	*pa = xlate.pa;
	return err;
}

/* Which root is the device configured with? 2: none. */
unsigned int vtd_configured(struct witness *w, struct vtd_device *d)
{
	uint64_t va = PROBE_BASE + (d->probe++ % VIQ_BIT(27) << 12), pa;

	for (unsigned int root = 0; root < 2; root++) {
		uint64_t slot = leaf_slot(w, d, root, va);

		if (slot == SYNTH_NONE)
			return 2;
		synth_store(&w->guest->mem, slot, vtd_leaf_entry(w, OA_PROBE | (uint64_t)root << 12));
	}
	if (vtd_translate(d->dev, va, d->key.pasid, vtd_flags(d), &pa))
		return 2;
	return pa >> 12 & 1;
}

/* --- Entries ----------------------------------------------------------------------------------------------------- */

void vtd_write_pasid_entry(struct witness *w, const struct vtd_device *d, unsigned int directory)
{
	uint64_t at = d->pasids[directory] + d->key.pasid % VIQ_VTD_PE_TABLE * VIQ_VTD_PE_SIZE;
	struct synth_mem *mem = &w->guest->mem;

	synth_store(mem, at + 16, d->root[d->tables]);
	synth_store(mem, at + 8, VIQ_PUT(VIQ_VTD_PE_1_DID, d->key.domain_id));
	synth_store(mem, at, VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS));
}

void vtd_write_context(struct witness *w, const struct vtd_device *d)
{
	const struct vtd_guest *guest = vtd_guest_of(w);
	struct synth_mem *mem = &w->guest->mem;
	uint64_t tables = synth_load(mem, guest->root + (uint64_t)(d->sid >> 8) * VIQ_VTD_ROOT_SIZE +
						  (guest->scalable && d->sid & 0x80 ? 8 : 0));
	uint64_t at = tables & VIQ_VTD_ROOT_CTP;

	if (guest->scalable) {
		at += (uint64_t)(d->sid & 0x7f) * VIQ_VTD_SCTX_SIZE;
		/* 2^14 directory entries: PASIDs of 20 bits. */
		synth_store(mem, at,
			    d->directory[d->current] | VIQ_PUT(VIQ_VTD_SCTX_PDTS, 7) | (d->ats ? VIQ_VTD_SCTX_DTE : 0) |
				    VIQ_VTD_SCTX_PASIDE | VIQ_VTD_SCTX_P);
		return;
	}
	at += (uint64_t)(d->sid & 0xff) * VIQ_VTD_CTX_SIZE;
	synth_store(mem, at + 8,
		    VIQ_PUT(VIQ_VTD_CTX_1_AW, VIQ_VTD_AW_48) | VIQ_PUT(VIQ_VTD_CTX_1_DID, d->key.domain_id));
	synth_store(mem, at,
		    d->root[d->tables] | VIQ_VTD_CTX_P |
			    VIQ_PUT(VIQ_VTD_CTX_TT, d->ats ? VIQ_VTD_TT_SS_ATS : VIQ_VTD_TT_SS));
}

/* --- The devices ------------------------------------------------------------------------------------------------- */

/* A zeroed piece of memory, at *addr. */
static int make(struct witness *w, unsigned int log2, uint64_t *addr)
{
	*addr = synth_alloc(&w->guest->mem, log2);
	return *addr == SYNTH_NONE ? -ENOMEM : 0;
}

/* The table of context entries that this device's is in. */
static int add_context_table(struct witness *w, uint16_t sid)
{
	bool upper = vtd_guest_of(w)->scalable && (sid & 0x80);
	uint64_t at = vtd_guest_of(w)->root + (uint64_t)(sid >> 8) * VIQ_VTD_ROOT_SIZE + (upper ? 8 : 0), table;
	int err;

	if (synth_load(&w->guest->mem, at))
		return 0;
	err = make(w, 12, &table);
	if (!err)
		synth_store(&w->guest->mem, at, table | VIQ_VTD_ROOT_P);
	return err;
}

static int add_directory(struct witness *w, struct vtd_device *d, unsigned int i)
{
	int err;

	err = make(w, 17, &d->directory[i]); /* 2^14 entries */
	if (!err)
		err = make(w, 12, &d->pasids[i]);
	if (err)
		return err;
	synth_store(&w->guest->mem, d->directory[i] + d->key.pasid / VIQ_VTD_PE_TABLE * VIQ_VTD_PDE_SIZE,
		    d->pasids[i] | VIQ_VTD_PDE_P);
	vtd_write_pasid_entry(w, d, i);
	return 0;
}

static int add_device(struct witness *w, struct scan_table key, uint16_t sid, bool ats)
{
	struct vtd_guest *guest = vtd_guest_of(w);
	struct vtd_device *d = &vtd_own(w)->devices[vtd_own(w)->count];
	int err = 0;

	d->key = key;
	d->sid = sid;
	d->ats = ats;
	for (unsigned int i = 0; i < 2 && !err; i++)
		err = make(w, 12, &d->root[i]);
	for (unsigned int i = 0; i < 2 && !err && guest->scalable; i++)
		err = add_directory(w, d, i);
	if (!err)
		err = add_context_table(w, sid);
	if (err)
		return err;
	vtd_write_context(w, d);
	err = viq_soft_vtd_dev_alloc(guest->soft, sid, &d->dev, NULL);
	if (!err)
		err = viq_soft_vtd_dev_set_ats(d->dev, ats);
	if (err)
		return err;
	vtd_own(w)->count++;
	return 0;
}

/* A number that the capture does not name, from the top. */
static uint16_t free_domain(const struct scan_vtd *scan, uint16_t below)
{
	bool taken = true;

	while (taken && below) {
		below--;
		taken = false;
		for (size_t i = 0; i < scan->table_count; i++)
			taken |= scan->tables[i].domain_id == below;
	}
	return below;
}

static uint16_t free_sid(const struct scan_vtd *scan, uint16_t below)
{
	bool taken = true;

	while (taken && below) {
		below--;
		taken = false;
		for (size_t i = 0; i < scan->source_count; i++)
			taken |= scan->sources[i].sid == below;
	}
	return below;
}

/* Devices that the capture names have a domain of their own each, and domains that it names a device. */
int vtd_witness_populate(struct witness *w, const struct scan *scan)
{
	const struct scan_vtd *s = &scan->vtd;
	uint16_t domain = UINT16_MAX, sid = UINT16_MAX;
	int err = 0;

	w->own = calloc(1, sizeof(struct vtd_devices));
	if (!w->own)
		return -ENOMEM;
	vtd_own(w)->devices = calloc(s->table_count + s->source_count + 1, sizeof(*vtd_own(w)->devices));
	if (!vtd_own(w)->devices)
		return -ENOMEM;
	for (size_t i = 0; i < s->source_count && !err; i++) {
		domain = free_domain(s, domain);
		err = add_device(w, (struct scan_table){domain, s->sources[i].pasid}, s->sources[i].sid,
				 s->sources[i].ats);
	}
	for (size_t i = 0; i < s->table_count && !err; i++) {
		if (!vtd_guest_of(w)->scalable && s->tables[i].pasid)
			continue;
		sid = free_sid(s, sid);
		err = add_device(w, s->tables[i], sid, false);
	}
	return err;
}

void vtd_witness_unpopulate(struct witness *w)
{
	if (!w->own)
		return;
	free(vtd_own(w)->devices);
	free(w->own);
}
