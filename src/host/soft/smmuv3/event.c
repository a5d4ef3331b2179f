/* SPDX-License-Identifier: MIT */
/*
 * Event records (IHI 0070 7.3): accesses that failed leave them in their vIOMMU's ring, and who has the guest takes
 * them out. So nothing of the embedder's runs inside an access but a signal.
 */
#include <errno.h>
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

static void leave(const struct soft_access *access, const uint64_t words[4])
{
	const struct viq_soft_config *config = &access->soft->config;
	const struct soft_view *view = access->view;
	struct soft_record record = {.source = view->vdevice};

	memcpy(record.words, words, sizeof(record.words));
	if (soft_ring_put(&view->viommu->events, &record) && config->notify)
		config->notify(config->opaque, view->viommu->object.id);
}

/* Everything that is known of the fault, cut to the fields of its event. */
void soft_event(const struct soft_access *access, const struct soft_fault *fault)
{
	const uint64_t *fields = smmuv3_event_find(fault->event)->fields;
	uint64_t record[4] = {VIQ_PUT(VIQ_SMMUV3_EVT_0_SSID, access->ssid), access_word(access, fault), access->iova,
			      fault->stage2 ? fault->ipa : 0};

	if (!access->view->vdevice)
		return;
	if (access->flags & VIQ_SOFT_SSV)
		record[0] |= VIQ_SMMUV3_EVT_0_SSV;
	if (fields[3] == VIQ_SMMUV3_EVT_3_FETCH)
		record[3] = fault->fetch;
	for (unsigned int word = 0; word < 4; word++)
		record[word] &= fields[word];
	record[0] |= fault->event | VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, access->view->vsid);
	leave(access, record);
}

/* Events of the stream table come ready but for the access (7.3.3 to 7.3.5). */
void soft_stream_event(const struct soft_access *access)
{
	uint64_t record[4];

	if (!access->view->vdevice)
		return;
	memcpy(record, access->view->fault, sizeof(record));
	record[0] &= ~(VIQ_SMMUV3_EVT_0_SSV | VIQ_SMMUV3_EVT_0_SSID | VIQ_SMMUV3_EVT_0_SID);
	record[0] |= VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, access->view->vsid);
	if (access->flags & VIQ_SOFT_SSV)
		record[0] |= VIQ_SMMUV3_EVT_0_SSV | VIQ_PUT(VIQ_SMMUV3_EVT_0_SSID, access->ssid);
	leave(access, record);
}

/* --- Taken out ---------------------------------------------------------------------------------------------------- */

/* What a device leaves goes with its vDEVICE: another one that has the StreamID now has not caused it. */
static bool is_there(struct viq_soft *soft, const struct soft_record *record) MUST_HOLD(soft->lock)
{
	struct soft_object *object;

	return !soft_object_find(soft, (uint32_t)record->source, SOFT_VDEVICE, &object);
}

static uint32_t take(struct viq_soft *soft, struct soft_viommu *viommu, struct viq_smmuv3_host_event *events,
		     uint32_t room) MUST_HOLD(soft->lock)
{
	struct soft_record record;
	uint32_t count = 0;
	uint64_t lost = 0;

	while (count < room && soft_ring_take(&viommu->events, &record)) {
		const bool there = record.words[0] && is_there(soft, &record);

		lost += record.lost;
		if (!there && !lost)
			continue;
		events[count] = (struct viq_smmuv3_host_event){.lost = lost};
		if (there)
			memcpy(events[count].record, record.words, sizeof(record.words));
		count++;
		lost = 0;
	}
	return count;
}

int viq_soft_events(struct viq_soft *soft, uint32_t viommu, struct viq_smmuv3_host_event *events, uint32_t *count)
{
	struct soft_retired retired = {0};
	struct soft_viommu *v;
	int ret;

	if (!soft || !events || !count || !*count)
		return -EINVAL;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	v = soft_viommu_find(soft, viommu, &ret);
	*count = v ? take(soft, v, events, *count) : 0;
	soft_unlock(soft, &retired);
	return ret;
}
