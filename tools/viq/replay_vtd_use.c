// SPDX-License-Identifier: MIT
/*
 * Which translations and configurations a descriptor concerns: use them, then change them.
 *
 * Each domain and PASID of the capture is a device with two roots of page tables: pages that PASID-IOTLB and IOTLB
 * descriptors name hang under both, and a last part of the address space leads elsewhere from each. Whether the device
 * is configured with the one or the other therefore shows at an address of that part that it has never used.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replay_vtd.h"

#define LEVELS     4
#define PROBE_SLOT 255 /* of a root table: the part that tells the roots apart */
#define PROBE_BASE ((uint64_t)PROBE_SLOT << 39)
/* Output addresses: never accessed, and far from the interrupt range. */
#define OA_PAGES VIQ_BIT(45)
#define OA_PROBE VIQ_BIT(46)

struct vtd_device {
	struct scan_table key;
	uint16_t sid;
	bool ats;
	struct viq_soft_vtd_dev *dev;
	uint64_t root[2];
	uint64_t directory[2], pasids[2]; /* scalable mode: the context entry points to one directory */
	uint8_t current;                  /* directory */
	uint8_t tables;                   /* root that the entries name */
	uint32_t waiting;                 /* records of a configuration that are not settled */
	uint64_t probe;                   /* next address to look with */
	uint32_t atc_waiting;             /* records of its own TLB that are not settled */
	uint64_t atc_used;                /* before which doorbell */
	struct recent recent;
};

/* witness.own */
struct vtd_devices {
	struct vtd_device *devices;
	size_t count;
};

static struct vtd_devices *own(const struct witness *w)
{
	return w->own;
}

static struct vtd_guest *guest_of(const struct witness *w)
{
	return (struct vtd_guest *)w->guest;
}

static uint32_t flags_of(const struct vtd_device *d)
{
	return VIQ_SOFT_READ | (d->key.pasid ? VIQ_SOFT_SSV : 0);
}

/* --- Page tables ------------------------------------------------------------------------------------------------- */

static uint64_t table_entry(const struct witness *w, uint64_t addr)
{
	return addr | (guest_of(w)->scalable ? VIQ_VTD_FS_P | VIQ_VTD_FS_RW | VIQ_VTD_FS_US | VIQ_VTD_FS_A
					     : VIQ_VTD_SS_R | VIQ_VTD_SS_W);
}

/* Accessed and dirty already: nobody changes it but the guest. */
static uint64_t leaf_entry(const struct witness *w, uint64_t addr)
{
	return table_entry(w, addr) | (guest_of(w)->scalable ? VIQ_VTD_FS_D : 0);
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
static uint64_t shared_slot(struct witness *w, const struct vtd_device *d, uint64_t va)
{
	uint64_t slot = leaf_slot(w, d, 0, va);

	synth_store(&w->guest->mem, root_slot(d, 1, va), synth_load(&w->guest->mem, root_slot(d, 0, va)));
	return slot;
}

/* Can a device use this address, and is it no probe's? */
static bool usable(const struct witness *w, uint64_t va)
{
	bool canonical = guest_of(w)->scalable ? va >> 47 == 0 || va >> 47 == 0x1ffff : va >> 48 == 0;

	return canonical && (va >> 39 & 511) != PROBE_SLOT;
}

static void remap(struct witness *w, uint64_t slot)
{
	synth_store(&w->guest->mem, slot, leaf_entry(w, OA_PAGES | witness_fresh_address(w, 12)));
}

/* --- Looking ----------------------------------------------------------------------------------------------------- */

static int translate(struct viq_soft_vtd_dev *dev, uint64_t iova, uint32_t pasid, uint32_t flags, uint64_t *pa)
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
static unsigned int configured(struct witness *w, struct vtd_device *d)
{
	uint64_t va = PROBE_BASE + (d->probe++ % VIQ_BIT(27) << 12), pa;

	for (unsigned int root = 0; root < 2; root++) {
		uint64_t slot = leaf_slot(w, d, root, va);

		if (slot == SYNTH_NONE)
			return 2;
		synth_store(&w->guest->mem, slot, leaf_entry(w, OA_PROBE | (uint64_t)root << 12));
	}
	if (translate(d->dev, va, d->key.pasid, flags_of(d), &pa))
		return 2;
	return pa >> 12 & 1;
}

/* A configuration's record names the device, and the root that it had. */
bool vtd_witness_stale(struct witness *w, const struct record *r)
{
	struct vtd_device *d = r->dev;
	uint64_t pa;

	if (r->what == RECORD_CONFIG)
		return configured(w, d) == r->pa;
	/* That its own entry goes is all that a device-TLB descriptor promises. */
	if (r->what == RECORD_ATC)
		return vtd_witness_cached(w, r);
	return !translate(d->dev, r->iova, r->ssid, r->flags, &pa) && pa == r->pa;
}

bool vtd_witness_cached(struct witness *w, const struct record *r)
{
	const struct vtd_device *d = r->dev;

	if (r->what == RECORD_CONFIG)
		return vtd_witness_stale(w, r);
	return viq_soft_vtd_cached(d->dev, r->iova, r->ssid, r->flags, r->what == RECORD_ATC);
}

/* --- IOTLB, PASID-IOTLB ------------------------------------------------------------------------------------------ */

static void use_page(struct witness *w, const struct replay_command *command, struct vtd_device *d, uint64_t va)
{
	struct record r = {.what = RECORD_TLB, .dev = d, .iova = va, .ssid = d->key.pasid, .flags = flags_of(d)};
	uint64_t slot = usable(w, va) ? shared_slot(w, d, va) : SYNTH_NONE;

	if (slot != SYNTH_NONE && !synth_load(&w->guest->mem, slot))
		remap(w, slot);
	if (slot == SYNTH_NONE || translate(d->dev, va, r.ssid, r.flags, &r.pa)) {
		w->counts.skipped++;
		return;
	}
	r.cached_before = viq_soft_vtd_cached(d->dev, va, r.ssid, r.flags, false);
	r.again = synth_load(&w->guest->mem, slot) != leaf_entry(w, r.pa);
	if (witness_record(w, command, &r))
		remap(w, slot);
}

static void use_recent(struct witness *w, const struct replay_command *command, struct vtd_device *d)
{
	if (!d->recent.count)
		witness_note_recent(&d->recent, UINT64_C(0x1000000000), 1);
	for (unsigned int i = 0; i < WITNESS_RECENT && i < d->recent.count; i++)
		use_page(w, command, d, d->recent.pages[i].va);
}

/* The pages of a page-selective descriptor, or a spread of them that has the first and the last. */
static void use_range(struct witness *w, const struct replay_command *command, struct vtd_device *d)
{
	unsigned int am = (unsigned int)VIQ_GET(VIQ_VTD_DESC_1_AM, command->cmd[1]);
	uint64_t count, pages, va;

	if (am > 36) {
		use_recent(w, command, d);
		return;
	}
	count = UINT64_C(1) << am;
	va = command->cmd[1] & VIQ_VTD_DESC_1_ADDR & ~((count << 12) - 1);
	pages = count < WITNESS_PAGES ? count : WITNESS_PAGES;
	w->counts.skipped += count - pages;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t n = pages < count && i ? (count - 1) / (pages - 1) * i : i;
		uint64_t page = va + ((i == pages - 1 ? count - 1 : n) << 12);

		witness_note_recent(&d->recent, page, 1);
		use_page(w, command, d, page);
	}
}

static void use_tlb(struct witness *w, const struct replay_command *command, struct vtd_device *d)
{
	/* A device's own TLB may keep what the unit forgets. */
	if (d->ats)
		w->counts.skipped++;
	else if (VIQ_GET(VIQ_VTD_DESC_G, command->cmd[0]) == VIQ_VTD_IOTLB_PAGE)
		use_range(w, command, d);
	else
		use_recent(w, command, d);
}

/* --- Context-cache, PASID-cache ---------------------------------------------------------------------------------- */

static void write_pasid_entry(struct witness *w, const struct vtd_device *d, unsigned int directory)
{
	uint64_t at = d->pasids[directory] + d->key.pasid % VIQ_VTD_PE_TABLE * VIQ_VTD_PE_SIZE;
	struct synth_mem *mem = &w->guest->mem;

	synth_store(mem, at + 16, d->root[d->tables]);
	synth_store(mem, at + 8, VIQ_PUT(VIQ_VTD_PE_1_DID, d->key.domain_id));
	synth_store(mem, at, VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS));
}

static void write_context(struct witness *w, const struct vtd_device *d)
{
	const struct vtd_guest *guest = guest_of(w);
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

/*
 * May the configuration be changed: does nobody wait for an earlier change, and has the device what memory says? Then
 * the change is made, and recorded.
 */
static void use_config(struct witness *w, const struct replay_command *command, struct vtd_device *d, bool context)
{
	struct record r = {.what = RECORD_CONFIG, .dev = d, .waiting = &d->waiting};

	r.pa = d->ats ? 0 : configured(w, d);
	if (d->ats || d->waiting || r.pa != d->tables) {
		w->counts.skipped++;
		return;
	}
	d->tables ^= 1;
	if (guest_of(w)->scalable) {
		d->current ^= context;
		write_pasid_entry(w, d, d->current);
	}
	if (context || !guest_of(w)->scalable)
		write_context(w, d);
	r.cached_before = configured(w, d) == r.pa;
	witness_record(w, command, &r);
}

/* --- Device-TLB -------------------------------------------------------------------------------------------------- */

/* The page stays as it is: what counts is whether the device still has it. */
static void use_atc_page(struct witness *w, const struct replay_command *command, struct vtd_device *d, uint64_t va)
{
	struct record r = {.what = RECORD_ATC,
			   .dev = d,
			   .iova = va,
			   .ssid = d->key.pasid,
			   .flags = flags_of(d),
			   .waiting = &d->atc_waiting};
	uint64_t slot = usable(w, va) ? shared_slot(w, d, va) : SYNTH_NONE;

	if (slot != SYNTH_NONE && !synth_load(&w->guest->mem, slot))
		remap(w, slot);
	if (slot == SYNTH_NONE || translate(d->dev, va, r.ssid, r.flags, &r.pa)) {
		w->counts.skipped++;
		return;
	}
	r.cached_before = vtd_witness_cached(w, &r);
	witness_record(w, command, &r);
}

/* PCIe's coding: with S the lowest 0 from bit 12 on ends a run of ones that tells the size. */
static void use_atc(struct witness *w, const struct replay_command *command, struct vtd_device *d, bool size)
{
	uint64_t va = command->cmd[1] & VIQ_VTD_DESC_1_ADDR;
	unsigned int log2 = 12;

	/* While an earlier doorbell's descriptor waits for its completion, the device must not fetch anew. */
	if (d->atc_waiting && d->atc_used != w->doorbells) {
		w->counts.skipped++;
		return;
	}
	d->atc_used = w->doorbells;
	for (log2 += size; size && log2 < 48 && (va >> (log2 - 1) & 1); log2++)
		;
	if (log2 == 48) {
		if (!d->recent.count)
			witness_note_recent(&d->recent, UINT64_C(0x1000000000), 1);
		for (unsigned int i = 0; i < WITNESS_RECENT && i < d->recent.count; i++)
			use_atc_page(w, command, d, d->recent.pages[i].va);
		return;
	}
	va &= ~(VIQ_BIT(log2) - 1);
	for (uint64_t i = 0; i < VIQ_BIT(log2 - 12) && i < WITNESS_PAGES; i++) {
		witness_note_recent(&d->recent, va + (i << 12), 1);
		use_atc_page(w, command, d, va + (i << 12));
	}
	w->counts.skipped += VIQ_BIT(log2 - 12) > WITNESS_PAGES ? VIQ_BIT(log2 - 12) - WITNESS_PAGES : 0;
}

/* --- Which devices ----------------------------------------------------------------------------------------------- */

static bool context_concerns(const struct witness *w, const uint64_t desc[4], const struct vtd_device *d)
{
	static const uint16_t ignored[] = {0, 4, 6, 7};
	uint16_t mask = (uint16_t)~ignored[VIQ_GET(VIQ_VTD_CC_FM, desc[0])];

	switch (VIQ_GET(VIQ_VTD_DESC_G, desc[0])) {
	case VIQ_VTD_CC_GLOBAL:
		return true;
	case VIQ_VTD_CC_DOMAIN:
		/* Scalable-mode context entries have no domain. */
		return !guest_of(w)->scalable && d->key.domain_id == VIQ_GET(VIQ_VTD_DESC_DID, desc[0]);
	case VIQ_VTD_CC_DEVICE:
		return ((d->sid ^ VIQ_GET(VIQ_VTD_CC_SID, desc[0])) & mask) == 0;
	}
	return false;
}

static bool pasid_concerns(const struct witness *w, const uint64_t desc[4], const struct vtd_device *d)
{
	bool domain = d->key.domain_id == VIQ_GET(VIQ_VTD_DESC_DID, desc[0]);

	switch (VIQ_GET(VIQ_VTD_DESC_G, desc[0])) {
	case VIQ_VTD_PC_GLOBAL:
		return guest_of(w)->scalable;
	case VIQ_VTD_PC_DOMAIN:
		return guest_of(w)->scalable && domain;
	case VIQ_VTD_PC_PASID:
		return guest_of(w)->scalable && domain && d->key.pasid == VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]);
	}
	return false;
}

static bool iotlb_concerns(const uint64_t desc[4], const struct vtd_device *d)
{
	unsigned int granularity = (unsigned int)VIQ_GET(VIQ_VTD_DESC_G, desc[0]);

	return granularity == VIQ_VTD_IOTLB_GLOBAL ||
	       (granularity && d->key.domain_id == VIQ_GET(VIQ_VTD_DESC_DID, desc[0]));
}

static bool piotlb_concerns(const uint64_t desc[4], const struct vtd_device *d)
{
	return d->key.domain_id == VIQ_GET(VIQ_VTD_DESC_DID, desc[0]) &&
	       d->key.pasid == VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]) && (desc[0] & VIQ_PUT(VIQ_VTD_DESC_G, 2));
}

static void use_device(struct witness *w, const struct replay_command *command, struct vtd_device *d)
{
	const uint64_t *desc = command->cmd;

	switch (VIQ_GET(VIQ_VTD_DESC_TYPE, desc[0])) {
	case VIQ_VTD_TYPE_CC:
		if (context_concerns(w, desc, d))
			use_config(w, command, d, true);
		break;
	case VIQ_VTD_TYPE_PC:
		if (pasid_concerns(w, desc, d))
			use_config(w, command, d, false);
		break;
	case VIQ_VTD_TYPE_IOTLB:
		if (iotlb_concerns(desc, d))
			use_tlb(w, command, d);
		break;
	case VIQ_VTD_TYPE_PIOTLB:
		if (piotlb_concerns(desc, d))
			use_tlb(w, command, d);
		break;
	case VIQ_VTD_TYPE_DEVTLB:
		if (d->ats && !d->key.pasid && d->sid == VIQ_GET(VIQ_VTD_DEVTLB_SID, desc[0]))
			use_atc(w, command, d, desc[1] & VIQ_VTD_DEVTLB_1_S);
		break;
	case VIQ_VTD_TYPE_PDEVTLB:
		if (d->ats && d->key.pasid && d->sid == VIQ_GET(VIQ_VTD_PDEVTLB_SID, desc[0]) &&
		    (d->key.pasid == VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]) || (desc[1] & VIQ_VTD_PDEVTLB_1_G)))
			use_atc(w, command, d, desc[1] & VIQ_VTD_PDEVTLB_1_S);
		break;
	}
}

void vtd_witness_use(struct witness *w, const struct replay_command *command)
{
	for (size_t i = 0; i < own(w)->count; i++)
		use_device(w, command, &own(w)->devices[i]);
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
	bool upper = guest_of(w)->scalable && (sid & 0x80);
	uint64_t at = guest_of(w)->root + (uint64_t)(sid >> 8) * VIQ_VTD_ROOT_SIZE + (upper ? 8 : 0), table;
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
	write_pasid_entry(w, d, i);
	return 0;
}

static int add_device(struct witness *w, struct scan_table key, uint16_t sid, bool ats)
{
	struct vtd_guest *guest = guest_of(w);
	struct vtd_device *d = &own(w)->devices[own(w)->count];
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
	write_context(w, d);
	err = soft_vtd_guest_add(&guest->host, sid, ats);
	if (err)
		return err;
	d->dev = soft_vtd_guest_find(&guest->host, sid)->dev;
	own(w)->count++;
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
	own(w)->devices = calloc(s->table_count + s->source_count + 1, sizeof(*own(w)->devices));
	if (!own(w)->devices)
		return -ENOMEM;
	for (size_t i = 0; i < s->source_count && !err; i++) {
		domain = free_domain(s, domain);
		err = add_device(w, (struct scan_table){domain, s->sources[i].pasid}, s->sources[i].sid,
				 s->sources[i].ats);
	}
	for (size_t i = 0; i < s->table_count && !err; i++) {
		if (!guest_of(w)->scalable && s->tables[i].pasid)
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
	free(own(w)->devices);
	free(w->own);
}
