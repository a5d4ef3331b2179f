/* SPDX-License-Identifier: MIT */
/* Event records (IHI 0070 7.3) of accesses that failed. */
#include <string.h>

#include "spec/smmuv3/event.h"

#include "translate.h"

static uint64_t access_word(const struct soft_access *access, const struct soft_fault *fault)
{
	uint64_t word = VIQ_PUT(VIQ_SMMUV3_EVT_1_CLASS, fault->klass);

	if (access->flags & VIQ_SOFT_PRIV)
		word |= VIQ_SMMUV3_EVT_1_PNU;
	if (access->flags & VIQ_SOFT_EXEC)
		word |= VIQ_SMMUV3_EVT_1_IND;
	if (!(access->flags & VIQ_SOFT_WRITE))
		word |= VIQ_SMMUV3_EVT_1_RNW;
	if (fault->stage2)
		word |= VIQ_SMMUV3_EVT_1_S2;
	if (fault->klass == VIQ_SMMUV3_EVT_CLASS_TT && fault->ttrnw_read)
		word |= VIQ_SMMUV3_EVT_1_TTRNW;
	return word;
}

/* Everything that is known of the fault, cut to the fields of its event. */
void soft_event(const struct soft_access *access, const struct soft_fault *fault)
{
	const struct viq_soft_config *config = &access->soft->config;
	const uint64_t *fields = smmuv3_event_find(fault->event)->fields;
	uint64_t record[4] = {VIQ_PUT(VIQ_SMMUV3_EVT_0_SSID, access->ssid), access_word(access, fault), access->iova,
			      fault->stage2 ? fault->ipa : 0};

	if (!config->event || !access->view->bound)
		return;
	if (access->flags & VIQ_SOFT_SSV)
		record[0] |= VIQ_SMMUV3_EVT_0_SSV;
	if (fields[3] == VIQ_SMMUV3_EVT_3_FETCH)
		record[3] = fault->fetch;
	for (unsigned int word = 0; word < 4; word++)
		record[word] &= fields[word];
	record[0] |= fault->event | VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, access->view->vsid);
	config->event(config->opaque, access->view->viommu, record);
}

/* Events of the stream table come ready but for the access (7.3.3 to 7.3.5). */
void soft_stream_event(const struct soft_access *access)
{
	const struct viq_soft_config *config = &access->soft->config;
	uint64_t record[4];

	if (!config->event || !access->view->bound)
		return;
	memcpy(record, access->view->fault, sizeof(record));
	record[0] &= ~(VIQ_SMMUV3_EVT_0_SSV | VIQ_SMMUV3_EVT_0_SSID | VIQ_SMMUV3_EVT_0_SID);
	record[0] |= VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, access->view->vsid);
	if (access->flags & VIQ_SOFT_SSV)
		record[0] |= VIQ_SMMUV3_EVT_0_SSV | VIQ_PUT(VIQ_SMMUV3_EVT_0_SSID, access->ssid);
	config->event(config->opaque, access->view->viommu, record);
}
