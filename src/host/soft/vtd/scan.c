/* SPDX-License-Identifier: MIT */
/*
 * Reading PASID tables. With CAP.CM = 1 entries that are not present count as cached too, so that whatever is worth
 * caching can be read when the guest invalidates, and nothing has to be read when a device accesses.
 */
#include "unit.h"

uint32_t soft_vtd_scan(const struct viq_soft_vtd *soft, const struct vtd_context *ctx, uint32_t first, uint32_t count,
		       struct soft_vtd_entry out[VIQ_VTD_PE_TABLE], struct soft_vtd_cost *cost)
{
	uint64_t words[VIQ_VTD_PE_TABLE * VIQ_VTD_PE_WORDS];
	struct vtd_lookup l;
	uint32_t n = 0;

	if (first >= vtd_context_pasids(ctx))
		return 0;
	vtd_lookup_pasid(&l, &soft->features, ctx, first);
	cost->reads++;
	cost->entries++;
	vtd_lookup_step(&l, viq_mem_read_words(soft->guest_mem, l.at, words, l.words) ? NULL : words);
	if (!l.words)
		return 0;
	cost->reads++;
	cost->entries += count;
	if (viq_mem_read_words(soft->guest_mem, l.at, words, (size_t)count * VIQ_VTD_PE_WORDS))
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		out[n] = (struct soft_vtd_entry){.pasid = first + i};
		if (!vtd_pasid_decode(&soft->features, &words[i * VIQ_VTD_PE_WORDS], l.fpd, &out[n].regime))
			n++;
	}
	return n;
}
