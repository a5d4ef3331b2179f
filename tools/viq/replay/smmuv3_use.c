// SPDX-License-Identifier: MIT
/* Which translations, context descriptors and ATC entries a command concerns: use them, then change them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/smmuv3/scope.h"

#include "smmuv3.h"

#define PROBE     (UINT64_C(1) << 46) /* an address that every device can use */
#define MAX_ASIDS 64                  /* looked at for a command that concerns them all */

/* --- Looking ----------------------------------------------------------------------------------------------------- */

/* Translate as the device; 0 and *pa. */
static int translate(struct viq_soft_dev *dev, uint64_t iova, uint32_t ssid, uint32_t flags, uint64_t *pa)
{
	struct viq_soft_xlate xlate;
	int err;

	viq_soft_access_begin();
	err = viq_soft_translate(dev, iova, ssid, flags, &xlate);
	viq_soft_access_end();
	*pa = xlate.pa;
	return err;
}

bool smmuv3_witness_cached(struct witness *w, const struct record *r)
{
	return viq_soft_cached(r->dev, r->iova, r->ssid, r->flags, r->what == RECORD_ATC);
}

/* An ATC's own entry is all that ATC_INV promises to remove. */
bool smmuv3_witness_stale(struct witness *w, const struct record *r)
{
	uint64_t pa;

	if (r->what == RECORD_ATC)
		return smmuv3_witness_cached(w, r);
	return !translate(r->dev, r->iova, r->ssid, r->flags, &pa) && pa == r->pa;
}

/* --- Pages ------------------------------------------------------------------------------------------------------- */

static struct smmuv3_devices *own(const struct witness *w)
{
	return w->own;
}

static struct smmuv3_guest *guest_of(const struct witness *w)
{
	return (struct smmuv3_guest *)w->guest;
}

/* The descriptor of a leaf at level, or SYNTH_NONE where a table or a larger block stands already. */
static uint64_t leaf_slot(struct synth_pt *pt, uint64_t va, unsigned int level, bool *mapped)
{
	uint64_t slot, desc;

	if (va >> GUEST_ADDR_BITS || !synth_pt_leaf_legal(pt, level))
		return SYNTH_NONE;
	slot = synth_pt_slot(pt, va, level, true);
	if (slot == SYNTH_NONE)
		return slot;
	desc = synth_load(pt->mem, slot);
	*mapped = desc & 1;
	return *mapped && level < 3 && (desc & 2) ? SYNTH_NONE : slot;
}

static void remap(struct witness *w, struct synth_pt *pt, uint64_t slot, unsigned int level)
{
	uint64_t oa = witness_fresh_address(w, synth_pt_shift(pt, level));

	synth_store(pt->mem, slot, synth_pt_leaf_desc(pt, oa, level, SYNTH_NG));
}

static void use_page(struct witness *w, const struct replay_command *command, struct asid_witness *a, uint64_t va,
		     unsigned int level)
{
	struct record r = {.what = RECORD_TLB, .dev = a->dev, .iova = va, .flags = VIQ_SOFT_READ};
	bool mapped;
	uint64_t slot = leaf_slot(&a->pt, va, level, &mapped);

	if (slot != SYNTH_NONE && !mapped)
		remap(w, &a->pt, slot, level);
	if (slot == SYNTH_NONE || translate(r.dev, va, 0, r.flags, &r.pa)) {
		w->counts.skipped++;
		return;
	}
	r.cached_before = viq_soft_cached(r.dev, va, 0, r.flags, false);
	r.again = synth_load(a->pt.mem, slot) != synth_pt_leaf_desc(&a->pt, r.pa, level, SYNTH_NG);
	if (witness_record(w, command, &r))
		remap(w, &a->pt, slot, level);
}

/* --- TLBI -------------------------------------------------------------------------------------------------------- */

static void use_recent(struct witness *w, const struct replay_command *command, struct asid_witness *a)
{
	if (!a->recent.count)
		witness_note_recent(&a->recent, PROBE, 3);
	for (unsigned int i = 0; i < WITNESS_RECENT && i < a->recent.count; i++)
		use_page(w, command, a, a->recent.pages[i].va, a->recent.pages[i].level);
}

/* An address TLBI (4.4): its pages, or a spread of them that has the first and the last. */
static void use_range(struct witness *w, const struct replay_command *command, struct asid_witness *a)
{
	struct smmuv3_tlbi tlbi = smmuv3_tlbi_decode(command->cmd, false);
	unsigned int level = tlbi.level ? tlbi.level : 3, shift = synth_pt_shift(&a->pt, level);
	uint64_t va = tlbi.span.first, inside = va & ((UINT64_C(1) << shift) - 1), count, pages;

	if (tlbi.granule && tlbi.granule != a->pt.granule) {
		w->counts.skipped++;
		return;
	}
	count = ((inside + tlbi.span.bytes - 1) >> shift) + 1;
	va -= inside;
	pages = count < WITNESS_PAGES ? count : WITNESS_PAGES;
	w->counts.skipped += count - pages;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t n = pages < count && i ? (count - 1) / (pages - 1) * i : i;
		uint64_t page = va + ((i == pages - 1 ? count - 1 : n) << shift);

		witness_note_recent(&a->recent, page, level);
		use_page(w, command, a, page, level);
	}
}

static void use_asid(struct witness *w, const struct replay_command *command,
		     void (*use)(struct witness *, const struct replay_command *, struct asid_witness *))
{
	unsigned int place = own(w)->by_asid[smmuv3_tlbi_asid(command->cmd)];

	if (place)
		use(w, command, &own(w)->asids[place - 1]);
	else
		w->counts.skipped++;
}

static void use_all_asids(struct witness *w, const struct replay_command *command,
			  void (*use)(struct witness *, const struct replay_command *, struct asid_witness *))
{
	size_t count = own(w)->asid_count < MAX_ASIDS ? own(w)->asid_count : MAX_ASIDS;

	for (size_t i = 0; i < count; i++)
		use(w, command, &own(w)->asids[i]);
	w->counts.skipped += own(w)->asid_count - count;
}

/* --- CFGI -------------------------------------------------------------------------------------------------------- */

static int write_cd(struct witness *w, struct synth_cdt *cdt, const struct config_state *c)
{
	uint64_t cd[VIQ_SMMUV3_CD_WORDS];

	synth_cd(cd, &own(w)->tables[c->tables], NULL, own(w)->tables_asid[c->tables], GUEST_ADDR_BITS);
	return synth_cdt_set(cdt, c->ssid, cd);
}

/* In both CD tables: an STE whose CFGI_STE was lost may still lead to the other. */
static int write_cds(struct witness *w, struct stream_witness *s, const struct config_state *c)
{
	int err = write_cd(w, &s->cdt[0], c);

	return err ? err : write_cd(w, &s->cdt[1], c);
}

static int write_ste(struct witness *w, struct stream_witness *s)
{
	uint64_t ste[VIQ_SMMUV3_STE_WORDS];

	synth_ste_s1(ste, &s->cdt[s->current], 2, s->ats);
	return synth_st_set(&guest_of(w)->st, s->sid, ste);
}

static struct stream_witness *find_stream(struct witness *w, uint64_t sid)
{
	for (size_t i = 0; i < own(w)->stream_count; i++)
		if (own(w)->streams[i].sid == sid)
			return &own(w)->streams[i];
	return NULL;
}

static uint64_t probe_address(const struct witness *w, unsigned int tables)
{
	return VIQ_BIT(WITNESS_OA_BITS) + (UINT64_C(4096) << tables);
}

/*
 * Use what one context descriptor leads to. True if it may now be changed: nobody waits for an earlier change, and the
 * device sees the descriptor as it is.
 */
static bool use_config(struct witness *w, const struct replay_command *command, struct stream_witness *s,
		       struct config_state *c)
{
	struct record r = {
		.what = RECORD_CONFIG, .dev = s->dev, .iova = PROBE, .ssid = c->ssid, .waiting = &c->waiting};
	bool current;

	r.flags = VIQ_SOFT_READ | (c->ssid ? VIQ_SOFT_SSV : 0);
	if (s->ats || translate(r.dev, PROBE, c->ssid, r.flags, &r.pa)) {
		w->counts.skipped++;
		return false;
	}
	current = r.pa == probe_address(w, c->tables);
	if (current && c->waiting) {
		w->counts.skipped++;
		return false;
	}
	r.cached_before = viq_soft_cached(r.dev, PROBE, c->ssid, r.flags, false);
	r.again = !current;
	return witness_record(w, command, &r) && current;
}

/* A new one is written; no device has looked at it yet. */
static struct config_state *find_config(struct witness *w, struct stream_witness *s, uint32_t ssid)
{
	for (size_t i = 0; i < s->ssid_count; i++)
		if (s->ssids[i].ssid == ssid)
			return &s->ssids[i];
	if (s->ssid_count == WITNESS_MAX_SSIDS)
		return NULL;
	s->ssids[s->ssid_count] = (struct config_state){.ssid = ssid};
	if (write_cds(w, s, &s->ssids[s->ssid_count]))
		return NULL;
	return &s->ssids[s->ssid_count++];
}

static void use_cd(struct witness *w, const struct replay_command *command, struct stream_witness *s,
		   struct config_state *c)
{
	c->tables ^= use_config(w, command, s, c);
	write_cds(w, s, c);
}

/* The other CD table, with the first descriptor changed. */
static void use_ste(struct witness *w, const struct replay_command *command, struct stream_witness *s)
{
	if (!use_config(w, command, s, &s->ssids[0]))
		return;
	s->ssids[0].tables ^= 1;
	s->current ^= 1;
	for (size_t i = 0; i < s->ssid_count; i++)
		write_cd(w, &s->cdt[s->current], &s->ssids[i]);
	write_ste(w, s);
}

static void use_stes(struct witness *w, const struct replay_command *command)
{
	struct smmuv3_streams named = smmuv3_cfgi_streams(command->cmd);

	for (size_t i = 0; i < own(w)->stream_count; i++)
		if (own(w)->streams[i].sid >= named.first && own(w)->streams[i].sid <= named.last)
			use_ste(w, command, &own(w)->streams[i]);
}

static void use_stream(struct witness *w, const struct replay_command *command)
{
	struct stream_witness *s = find_stream(w, smmuv3_cmd_sid(command->cmd));
	uint32_t ssid = smmuv3_cmd_ssid(command->cmd);
	struct config_state *c;

	if (!s) {
		w->counts.skipped++;
		return;
	}
	switch (smmuv3_cmd_op(command->cmd)) {
	case VIQ_SMMUV3_OP_CFGI_STE:
		use_ste(w, command, s);
		break;
	case VIQ_SMMUV3_OP_CFGI_CD:
		c = find_config(w, s, ssid);
		if (!c)
			w->counts.skipped++;
		else
			use_cd(w, command, s, c);
		break;
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
		for (size_t i = 0; i < s->ssid_count; i++)
			use_cd(w, command, s, &s->ssids[i]);
		break;
	}
}

/* --- ATC_INV ----------------------------------------------------------------------------------------------------- */

/* An ATC is watched for what it holds, so the page is mapped once, alike in both sets of tables. */
static void use_atc_page(struct witness *w, const struct replay_command *command, struct stream_witness *s, uint64_t va)
{
	bool ssv = smmuv3_cmd_ssv(command->cmd);
	struct record r = {
		.what = RECORD_ATC, .dev = s->dev, .iova = va, .flags = VIQ_SOFT_READ, .waiting = &s->atc_waiting};
	uint64_t oa = witness_fresh_address(w, 12);
	bool usable = true;

	for (unsigned int i = 0; i < 2; i++) {
		bool mapped;
		uint64_t slot = leaf_slot(&own(w)->tables[i], va, 3, &mapped);

		usable &= slot != SYNTH_NONE;
		if (usable && !mapped)
			synth_store(own(w)->tables[i].mem, slot,
				    synth_pt_leaf_desc(&own(w)->tables[i], oa, 3, SYNTH_NG));
	}
	r.ssid = ssv ? smmuv3_cmd_ssid(command->cmd) : 0;
	r.flags |= ssv ? VIQ_SOFT_SSV : 0;
	if (!usable || translate(r.dev, va, r.ssid, r.flags, &r.pa)) {
		w->counts.skipped++;
		return;
	}
	r.cached_before = viq_soft_cached(r.dev, va, r.ssid, r.flags, true);
	witness_record(w, command, &r);
}

static void use_atc(struct witness *w, const struct replay_command *command)
{
	struct stream_witness *s = find_stream(w, smmuv3_cmd_sid(command->cmd));
	struct smmuv3_span span = smmuv3_atc_span(command->cmd);
	uint64_t count = span.bytes >> 12;

	/* While an earlier doorbell's ATC_INV waits for its CMD_SYNC, the ATC must not be filled again. */
	if (!s || !s->ats || (s->atc_waiting && s->atc_used != w->doorbells)) {
		w->counts.skipped++;
		return;
	}
	s->atc_used = w->doorbells;
	if (smmuv3_cmd_ssv(command->cmd))
		find_config(w, s, smmuv3_cmd_ssid(command->cmd));
	if (!span.bytes) {
		if (!s->recent.count)
			witness_note_recent(&s->recent, PROBE, 3);
		for (unsigned int i = 0; i < WITNESS_RECENT && i < s->recent.count; i++)
			use_atc_page(w, command, s, s->recent.pages[i].va);
		return;
	}
	for (uint64_t i = 0; i < count && i < WITNESS_PAGES; i++) {
		witness_note_recent(&s->recent, span.first + (i << 12), 3);
		use_atc_page(w, command, s, span.first + (i << 12));
	}
	w->counts.skipped += count > WITNESS_PAGES ? count - WITNESS_PAGES : 0;
}

void smmuv3_witness_use(struct witness *w, const struct replay_command *command)
{
	switch (smmuv3_cmd_op(command->cmd)) {
	case VIQ_SMMUV3_OP_TLBI_NH_ALL:
	case VIQ_SMMUV3_OP_TLBI_NSNH_ALL:
		use_all_asids(w, command, use_recent);
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_ASID:
		use_asid(w, command, use_recent);
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
		use_asid(w, command, use_range);
		break;
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
		use_all_asids(w, command, use_range);
		break;
	case VIQ_SMMUV3_OP_CFGI_STE:
	case VIQ_SMMUV3_OP_CFGI_CD:
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
		use_stream(w, command);
		break;
	case VIQ_SMMUV3_OP_CFGI_STE_RANGE:
		use_stes(w, command);
		break;
	case VIQ_SMMUV3_OP_ATC_INV:
		use_atc(w, command);
		break;
	}
}

/* --- The devices ------------------------------------------------------------------------------------------------- */

static int new_device(struct witness *w, uint32_t sid, bool ats, struct viq_soft_dev **dev)
{
	int err = soft_guest_add(&guest_of(w)->host, sid, ats);

	if (!err)
		*dev = soft_guest_find(&guest_of(w)->host, sid);
	return err;
}

/* A StreamID that the capture does not name, from the top. */
static uint32_t free_stream(const struct scan *scan, uint32_t below)
{
	bool taken = true;

	while (taken) {
		below--;
		taken = false;
		for (size_t i = 0; i < scan->smmuv3.stream_count; i++)
			taken |= scan->smmuv3.streams[i].sid == below;
	}
	return below;
}

static int add_asid(struct witness *w, uint16_t asid, unsigned int granule, uint32_t sid)
{
	struct asid_witness *a = &own(w)->asids[own(w)->asid_count];
	uint64_t cd[VIQ_SMMUV3_CD_WORDS], ste[VIQ_SMMUV3_STE_WORDS];
	struct synth_cdt cdt;
	int err;

	err = synth_pt_init(&a->pt, &w->guest->mem, 1, granule, GUEST_ADDR_BITS, 0);
	if (!err)
		err = synth_cdt_init(&cdt, &w->guest->mem, 0, 0);
	if (err)
		return err;
	synth_cd(cd, &a->pt, NULL, asid, GUEST_ADDR_BITS);
	synth_ste_s1(ste, &cdt, 2, 0);
	err = synth_cdt_set(&cdt, 0, cd);
	if (!err)
		err = synth_st_set(&guest_of(w)->st, sid, ste);
	if (!err)
		err = new_device(w, sid, false, &a->dev);
	if (err)
		return err;
	a->asid = asid;
	own(w)->by_asid[asid] = (uint16_t)++own(w)->asid_count;
	return 0;
}

static int add_stream(struct witness *w, const struct scan_stream *named)
{
	struct stream_witness *s = &own(w)->streams[own(w)->stream_count];
	unsigned int cdmax = named->max_ssid ? 32 - (unsigned int)__builtin_clz(named->max_ssid) : 0;
	int err;

	s->sid = named->sid;
	s->ats = named->ats;
	s->ssid_count = 1; /* SSID 0 */
	err = new_device(w, s->sid, s->ats, &s->dev);
	for (unsigned int i = 0; i < 2 && !err; i++)
		err = synth_cdt_init(&s->cdt[i], &w->guest->mem, cdmax, cdmax > 6 ? 2 : 0);
	if (!err)
		err = write_cds(w, s, &s->ssids[0]);
	if (!err)
		err = write_ste(w, s);
	own(w)->stream_count++;
	return err;
}

/* Two sets of tables with one page that differs, under two ASIDs that the capture does not name. */
static int make_tables(struct witness *w, const struct scan *scan)
{
	unsigned int asid = 65535;

	for (unsigned int i = 0; i < 2; i++) {
		int err = synth_pt_init(&own(w)->tables[i], &w->guest->mem, 1, 12, GUEST_ADDR_BITS, 0);

		if (!err)
			err = synth_pt_map(&own(w)->tables[i], PROBE, probe_address(w, i), 3, SYNTH_NG);
		if (err)
			return err;
		while (asid && scan->smmuv3.granule[asid])
			asid--;
		own(w)->tables_asid[i] = (uint16_t)asid--;
	}
	return 0;
}

int smmuv3_witness_populate(struct witness *w, const struct scan *scan)
{
	uint32_t sid = UINT32_C(1) << SCAN_SID_BITS;
	int err;

	w->own = calloc(1, sizeof(struct smmuv3_devices));
	if (!w->own)
		return -ENOMEM;
	own(w)->asids = calloc(WITNESS_MAX_ASIDS, sizeof(*own(w)->asids));
	own(w)->streams = calloc(scan->smmuv3.stream_count + 1, sizeof(*own(w)->streams));
	if (!own(w)->asids || !own(w)->streams)
		return -ENOMEM;
	err = make_tables(w, scan);
	for (size_t i = 0; i < scan->smmuv3.stream_count && !err; i++)
		err = add_stream(w, &scan->smmuv3.streams[i]);
	for (unsigned int asid = 0; asid < 65536 && own(w)->asid_count < WITNESS_MAX_ASIDS && !err; asid++) {
		if (!scan->smmuv3.granule[asid])
			continue;
		sid = free_stream(scan, sid);
		/* No command told: the smallest. */
		err = add_asid(w, (uint16_t)asid, scan->smmuv3.granule[asid] > 1 ? scan->smmuv3.granule[asid] : 12,
			       sid);
	}
	return err;
}

void smmuv3_witness_unpopulate(struct witness *w)
{
	if (!w->own)
		return;
	free(own(w)->asids);
	free(own(w)->streams);
	free(w->own);
}
