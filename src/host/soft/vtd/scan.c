/* SPDX-License-Identifier: MIT */
/*
 * Reading PASID tables. With CAP.CM = 1 entries that are not present count as cached too, so that whatever is worth
 * caching can be read when the guest invalidates, and nothing has to be read when a device accesses.
 */
#include <errno.h>
#include <stdlib.h>

#include "unit.h"

int soft_vtd_list_add(const struct viq_soft_vtd *soft, struct soft_vtd_list *list, const struct soft_vtd_entry *entry)
{
	uint32_t room = list->room ? 2 * list->room : 16;
	struct soft_vtd_entry *bigger;

	if (list->count == soft->config.tables)
		return -ENOSPC;
	if (list->count == list->room) {
		bigger = realloc(list->entries, room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		list->entries = bigger;
		list->room = room;
	}
	list->entries[list->count++] = *entry;
	return 0;
}

int soft_vtd_scan_one(const struct viq_soft_vtd *soft, const struct vtd_context *ctx, uint32_t pasid,
		      struct soft_vtd_list *list)
{
	struct soft_vtd_entry entry = {.pasid = pasid};
	struct soft_vtd_fault fault;

	if (pasid >= vtd_context_pasids(ctx) ||
	    soft_vtd_fetch_pasid(soft->guest_mem, &soft->features, ctx, pasid, &entry.regime, &fault))
		return 0;
	return soft_vtd_list_add(soft, list, &entry);
}

/* The 64 PASIDs of a directory entry. */
static int scan_table(const struct viq_soft_vtd *soft, const struct vtd_context *ctx, uint32_t first,
		      struct soft_vtd_list *list)
{
	uint64_t words[VIQ_VTD_PE_TABLE * VIQ_VTD_PE_WORDS];
	struct vtd_lookup l;
	int ret = 0;

	vtd_lookup_pasid(&l, &soft->features, ctx, first);
	vtd_lookup_step(&l, viq_mem_read_words(soft->guest_mem, l.at, words, l.words) ? NULL : words);
	if (!l.words || viq_mem_read_words(soft->guest_mem, l.at, words, VIQ_VTD_PE_TABLE * VIQ_VTD_PE_WORDS))
		return 0;
	for (uint32_t i = 0; !ret && i < VIQ_VTD_PE_TABLE; i++) {
		struct soft_vtd_entry entry = {.pasid = first + i};

		if (!vtd_pasid_decode(&soft->features, &words[i * VIQ_VTD_PE_WORDS], l.fpd, &entry.regime))
			ret = soft_vtd_list_add(soft, list, &entry);
	}
	return ret;
}

int soft_vtd_scan(const struct viq_soft_vtd *soft, const struct vtd_context *ctx, struct soft_vtd_list *list)
{
	uint32_t pasids = vtd_context_pasids(ctx);
	uint32_t limit = 2u << VIQ_GET(VIQ_VTD_ECAP_PSS, soft->config.ecap);
	int ret = 0;

	if (!ctx->paside)
		return soft_vtd_scan_one(soft, ctx, ctx->rid_pasid, list);
	if (pasids > limit)
		pasids = limit < VIQ_VTD_PE_TABLE ? VIQ_VTD_PE_TABLE : limit;
	for (uint32_t first = 0; !ret && first < pasids; first += VIQ_VTD_PE_TABLE)
		ret = scan_table(soft, ctx, first, list);
	/* Where requests without PASID go is for the guest to choose. */
	return !ret && ctx->rid_pasid >= pasids ? soft_vtd_scan_one(soft, ctx, ctx->rid_pasid, list) : ret;
}
