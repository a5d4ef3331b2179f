/* SPDX-License-Identifier: MIT */
/* What caches may hold, and what has gone from them: see vtd.h. */
#include "vtd.h"

static void set_add(struct p1_set *set, uint32_t what, uint64_t until)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->seen[i].what == what) {
			set->seen[i].until = until;
			return;
		}
	}
	if (set->count == P1_SET) {
		set->full = true;
		set->full_until = until;
		return;
	}
	set->seen[set->count++] = (struct p1_seen){what, until};
}

static bool set_has(const struct p1_set *set, uint32_t what)
{
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->seen[i].what == what)
			return true;
	}
	return set->full;
}

/* What can only have come in before this moment is gone. */
static void set_expire(struct p1_set *set, uint64_t begun)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		if (set->seen[i].until >= begun)
			set->seen[kept++] = set->seen[i];
	}
	set->count = kept;
	if (set->full && set->full_until < begun)
		set->full = false;
}

static uint32_t entry_code(struct p1_entry e)
{
	return (uint32_t)(e.domain * (int)P1_ROOTS + e.root);
}

/* Nothing that it reads, and nothing in it, is cached; what the IOTLB has of its domains stays. */
void model_fresh_device(struct p1_world *w, unsigned int dev)
{
	memset(w->entries[dev], 0, sizeof(w->entries[dev]));
	memset(w->devtlb[dev], 0, sizeof(w->devtlb[dev]));
}

void model_entries(struct p1_world *w)
{
	for (unsigned int d = 0; d < P1_DEVS; d++) {
		for (unsigned int s = 0; s < p1_slots(w); s++) {
			if (w->entry[d][s].domain >= 0)
				set_add(&w->entries[d][s], entry_code(w->entry[d][s]), w->now);
		}
	}
}

/* --- Accesses ----------------------------------------------------------------------------------------------------- */

static uint64_t frame_pa(uint32_t frame)
{
	return VM_DATA + (uint64_t)frame * 4096;
}

/* What these tables make of a page now, through both stages if there are two. 0: nothing. */
uint32_t model_frame(const struct p1_world *w, unsigned int domain, unsigned int root, unsigned int page)
{
	uint32_t to = w->map[domain][root][page];

	return to && w->kind[domain] == P1_NESTED ? w->gmap[to - 1] : to;
}

/* Is frame lawful here? If so, it may be in the caches from now on. */
static bool lawful(struct p1_world *w, unsigned int dev, unsigned int slot, unsigned int page, uint32_t frame)
{
	struct p1_set *devtlb = &w->devtlb[dev][slot][page];
	bool ok = w->ats[dev] && set_has(devtlb, frame);

	for (uint32_t i = 0; i < w->entries[dev][slot].count; i++) {
		unsigned int code = w->entries[dev][slot].seen[i].what;
		unsigned int domain = code / P1_ROOTS, root = code % P1_ROOTS;
		struct p1_set *tlb = &w->tlb[domain][slot][page];

		if (model_frame(w, domain, root, page) != frame && !set_has(tlb, frame))
			continue;
		w->result.nested += w->kind[domain] == P1_NESTED;
		set_add(tlb, frame, w->now);
		ok = true;
	}
	if (ok && w->ats[dev])
		set_add(devtlb, frame, w->now);
	return ok;
}

static uint32_t expected(const struct p1_world *w, unsigned int dev, unsigned int slot, unsigned int page)
{
	struct p1_entry e = w->entry[dev][slot];

	return e.domain < 0 ? 0 : model_frame(w, (unsigned int)e.domain, (unsigned int)e.root, page);
}

static uint32_t access_point(struct p1_world *w, unsigned int dev, unsigned int slot, unsigned int page)
{
	uint64_t pa;
	int ret = vm_translate(w->dev[dev], slot ? (int64_t)slot : NO_PASID, p1_iova(page) + 8, VIQ_SOFT_READ, &pa);

	w->result.checks++;
	if (ret)
		return 0;
	w->result.hits++;
	if ((pa & 4095) != 8 || pa < VM_DATA || (pa - VM_DATA) / 4096 >= P1_FRAMES)
		return UINT32_MAX;
	return (uint32_t)((pa - VM_DATA) / 4096);
}

/* With CAP.CM = 0: whichever of the entries counts that may be cached, or are there now, the page is mapped. */
static bool must_hit(const struct p1_world *w, unsigned int dev, unsigned int slot, unsigned int page)
{
	const struct p1_set *set = &w->entries[dev][slot];

	if (!w->looks || w->options.failures || w->options.drop || w->entry[dev][slot].domain < 0)
		return false;
	for (uint32_t i = 0; i < set->count; i++) {
		if (!model_frame(w, set->seen[i].what / P1_ROOTS, set->seen[i].what % P1_ROOTS, page))
			return false;
	}
	return !set->full;
}

void model_access(struct p1_world *w, unsigned int dev, unsigned int slot, unsigned int page)
{
	uint32_t frame = access_point(w, dev, slot, page);

	if (must_hit(w, dev, slot, page)) {
		w->result.prompt++;
		if (!frame)
			p1_found(w, "device %u, slot %u, page %u: nothing, though CM = 0 and %u is there", dev, slot,
				 page, expected(w, dev, slot, page));
	}
	if (frame && !lawful(w, dev, slot, page, frame))
		p1_found(w, "device %u, slot %u, page %u: frame %u (0x%llx) is stale; now it is %u", dev, slot, page,
			 frame, (unsigned long long)frame_pa(frame), expected(w, dev, slot, page));
}

void model_check_tight(struct p1_world *w)
{
	for (unsigned int i = 0; i < P1_DEVS * P1_SLOTS * P1_PAGES && !w->result.stale; i++) {
		unsigned int dev = i % P1_DEVS, slot = i / P1_DEVS % P1_SLOTS, page = i / P1_DEVS / P1_SLOTS;
		uint32_t frame;

		if (slot >= p1_slots(w))
			continue;
		frame = access_point(w, dev, slot, page);
		w->result.tight++;
		if (frame != expected(w, dev, slot, page))
			p1_found(w, "after everything was invalidated: device %u, slot %u, page %u: frame %u, not %u",
				 dev, slot, page, frame, expected(w, dev, slot, page));
		else if (frame)
			lawful(w, dev, slot, page, frame);
	}
}

/* --- Completions -------------------------------------------------------------------------------------------------- */

/* Pages in [first, last]. */
static void expire_pages(struct p1_set *sets, uint64_t first, uint64_t last, uint64_t begun)
{
	for (unsigned int p = 0; p < P1_PAGES; p++) {
		if (p1_iova(p) <= last && p1_iova(p) + 4095 >= first)
			set_expire(&sets[p], begun);
	}
}

/* Does the descriptor name the entry that this device may have cached for this slot? Entries carry their domain-id. */
static bool names_entry(const struct p1_world *w, const struct p1_pending *p, unsigned int dev, unsigned int slot,
			uint32_t code)
{
	unsigned int g = p->desc.qw[0] >> 4 & 3, did = p->desc.qw[0] >> 16 & 0xffff;
	bool same_did = 10 + code / P1_ROOTS == did;

	if (w->legacy)
		return g == VIQ_VTD_CC_GLOBAL || (g == VIQ_VTD_CC_DOMAIN && same_did) ||
		       (g == VIQ_VTD_CC_DEVICE && (p->desc.qw[0] >> 32 & 0xffff) == p1_sids[dev]);
	return g == VIQ_VTD_PC_GLOBAL ||
	       (same_did && (g == VIQ_VTD_PC_DOMAIN || (p->desc.qw[0] >> 32 & 0xfffff) == slot));
}

static void complete_entries(struct p1_world *w, const struct p1_pending *p)
{
	for (unsigned int d = 0; d < P1_DEVS; d++) {
		for (unsigned int s = 0; s < p1_slots(w); s++) {
			struct p1_set *set = &w->entries[d][s], keep = {0};

			for (uint32_t i = 0; i < set->count; i++) {
				if (!names_entry(w, p, d, s, set->seen[i].what) || set->seen[i].until >= p->begun)
					keep.seen[keep.count++] = set->seen[i];
			}
			*set = keep;
		}
	}
}

static void complete_iotlb(struct p1_world *w, const struct p1_pending *p)
{
	bool pasid_based = (p->desc.qw[0] & 15) == VIQ_VTD_TYPE_PIOTLB;
	unsigned int g = p->desc.qw[0] >> 4 & 3, did = p->desc.qw[0] >> 16 & 0xffff;
	unsigned int pasid = p->desc.qw[0] >> 32 & 0xfffff, am = p->desc.qw[1] & 63;
	uint64_t first = p->desc.qw[1] & ~UINT64_C(0xfff), last = UINT64_MAX;

	if (am < 52) {
		first &= ~((UINT64_C(4096) << am) - 1);
		last = first + (UINT64_C(4096) << am) - 1;
	}
	for (unsigned int domain = 0; domain < P1_DOMAINS; domain++) {
		bool second = w->kind[domain] == P1_SECOND, page = g == VIQ_VTD_PIOTLB_PAGE; /* both codes are 3 */

		if (10 + domain != did && (pasid_based || g != VIQ_VTD_IOTLB_GLOBAL))
			continue;
		/* By first-stage address nothing of a second stage goes (Table 24). */
		if (page && pasid_based && second)
			continue;
		/* By second-stage address everything that has a first stage goes (Table 23). */
		if (!page || (!pasid_based && !second))
			first = 0, last = UINT64_MAX;
		for (unsigned int s = 0; s < p1_slots(w); s++) {
			if (!pasid_based || s == pasid)
				expire_pages(w->tlb[domain][s], first, last, p->begun);
		}
	}
}

static void complete_devtlb(struct p1_world *w, const struct p1_pending *p)
{
	bool pasid_based = (p->desc.qw[0] & 15) == VIQ_VTD_TYPE_PDEVTLB;
	unsigned int sid = p->desc.qw[0] >> (pasid_based ? 16 : 32) & 0xffff;
	unsigned int pasid = p->desc.qw[0] >> 32 & 0xfffff;
	uint64_t addr = p->desc.qw[1] & ~UINT64_C(0xfff), first = addr, last = addr + 4095;

	if (p->desc.qw[1] & (pasid_based ? 0x800 : 1)) {
		/* The guest sends no other sizes. */
		first = 0;
		last = UINT64_MAX;
	}
	for (unsigned int d = 0; d < P1_DEVS; d++) {
		for (unsigned int s = 0; s < p1_slots(w) && p1_sids[d] == sid; s++) {
			if (pasid_based ? s && s == pasid : !s)
				expire_pages(w->devtlb[d][s], first, last, p->begun);
		}
	}
}

void model_complete(struct p1_world *w, const struct p1_pending *p)
{
	if (p->lost)
		return;
	switch (p->desc.qw[0] & 15) {
	case VIQ_VTD_TYPE_CC: /* context entries of scalable mode do not change here */
		if (w->legacy)
			complete_entries(w, p);
		break;
	case VIQ_VTD_TYPE_PC:
		complete_entries(w, p);
		break;
	case VIQ_VTD_TYPE_IOTLB:
	case VIQ_VTD_TYPE_PIOTLB:
		complete_iotlb(w, p);
		break;
	case VIQ_VTD_TYPE_DEVTLB:
	case VIQ_VTD_TYPE_PDEVTLB:
		complete_devtlb(w, p);
		break;
	default: /* waits */
		break;
	}
}
