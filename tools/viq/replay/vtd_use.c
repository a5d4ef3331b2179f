// SPDX-License-Identifier: MIT
/* Which translations and configurations a descriptor concerns: use them, then change them. */

#include "vtd.h"

/* --- Looking ----------------------------------------------------------------------------------------------------- */

/* A configuration's record names the device, and the root that it had. */
bool vtd_witness_stale(struct witness *w, const struct record *r)
{
	struct vtd_device *d = r->dev;
	uint64_t pa;

	if (r->what == RECORD_CONFIG)
		return vtd_configured(w, d) == r->pa;
	/* That its own entry goes is all that a device-TLB descriptor promises. */
	if (r->what == RECORD_ATC)
		return vtd_witness_cached(w, r);
	return !vtd_translate(d->dev, r->iova, r->ssid, r->flags, &pa) && pa == r->pa;
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
	struct record r = {.what = RECORD_TLB, .dev = d, .iova = va, .ssid = d->key.pasid, .flags = vtd_flags(d)};
	uint64_t slot = vtd_usable(w, va) ? vtd_shared_slot(w, d, va) : SYNTH_NONE;

	if (slot != SYNTH_NONE && !synth_load(&w->guest->mem, slot))
		vtd_remap(w, slot);
	if (slot == SYNTH_NONE || vtd_translate(d->dev, va, r.ssid, r.flags, &r.pa)) {
		w->counts.skipped++;
		return;
	}
	r.cached_before = viq_soft_vtd_cached(d->dev, va, r.ssid, r.flags, false);
	r.again = synth_load(&w->guest->mem, slot) != vtd_leaf_entry(w, r.pa);
	if (witness_record(w, command, &r))
		vtd_remap(w, slot);
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

/*
 * May the configuration be changed: does nobody wait for an earlier change, and has the device what memory says? Then
 * the change is made, and recorded.
 */
static void use_config(struct witness *w, const struct replay_command *command, struct vtd_device *d, bool context)
{
	struct record r = {.what = RECORD_CONFIG, .dev = d, .waiting = &d->waiting};

	r.pa = d->ats ? 0 : vtd_configured(w, d);
	if (d->ats || d->waiting || r.pa != d->tables) {
		w->counts.skipped++;
		return;
	}
	d->tables ^= 1;
	if (vtd_guest_of(w)->scalable) {
		d->current ^= context;
		vtd_write_pasid_entry(w, d, d->current);
	}
	if (context || !vtd_guest_of(w)->scalable)
		vtd_write_context(w, d);
	r.cached_before = vtd_configured(w, d) == r.pa;
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
			   .flags = vtd_flags(d),
			   .waiting = &d->atc_waiting};
	uint64_t slot = vtd_usable(w, va) ? vtd_shared_slot(w, d, va) : SYNTH_NONE;

	if (slot != SYNTH_NONE && !synth_load(&w->guest->mem, slot))
		vtd_remap(w, slot);
	if (slot == SYNTH_NONE || vtd_translate(d->dev, va, r.ssid, r.flags, &r.pa)) {
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
		return !vtd_guest_of(w)->scalable && d->key.domain_id == VIQ_GET(VIQ_VTD_DESC_DID, desc[0]);
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
		return vtd_guest_of(w)->scalable;
	case VIQ_VTD_PC_DOMAIN:
		return vtd_guest_of(w)->scalable && domain;
	case VIQ_VTD_PC_PASID:
		return vtd_guest_of(w)->scalable && domain && d->key.pasid == VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]);
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
	for (size_t i = 0; i < vtd_own(w)->count; i++)
		use_device(w, command, &vtd_own(w)->devices[i]);
}
