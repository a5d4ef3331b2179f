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

	if (pasid >> 6 >> (ctx->pdts + 7) ||
	    soft_vtd_fetch_pasid(soft->guest_mem, &soft->features, ctx, pasid, &entry.regime, &fault))
		return 0;
	return soft_vtd_list_add(soft, list, &entry);
}

static bool present(const struct viq_soft_vtd *soft, uint64_t addr)
{
	uint64_t word;

	return !viq_mem_read_words(soft->guest_mem, addr, &word, 1) && word & VIQ_VTD_PDE_P;
}

/* The 64 PASIDs of a directory entry. */
static int scan_table(const struct viq_soft_vtd *soft, const struct vtd_context *ctx, uint32_t first,
		      struct soft_vtd_list *list)
{
	uint64_t at = ctx->pasid_dir + first / VIQ_VTD_PE_TABLE * VIQ_VTD_PDE_SIZE, table;
	int ret = 0;

	if (viq_mem_read_words(soft->guest_mem, at, &table, 1) || !(table & VIQ_VTD_PDE_P))
		return 0;
	for (uint32_t i = 0; !ret && i < VIQ_VTD_PE_TABLE; i++) {
		if (present(soft, (table & VIQ_VTD_PDE_PTP) + i * VIQ_VTD_PE_SIZE))
			ret = soft_vtd_scan_one(soft, ctx, first + i, list);
	}
	return ret;
}

int soft_vtd_scan(const struct viq_soft_vtd *soft, const struct vtd_context *ctx, struct soft_vtd_list *list)
{
	uint32_t pasids = VIQ_VTD_PE_TABLE << (ctx->pdts + 7);
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

_Static_assert(VIQ_VTD_PDE_P == VIQ_VTD_PE_P, "present() serves both");
