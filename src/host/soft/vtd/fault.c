/* SPDX-License-Identifier: MIT */
/*
 * Fault records: accesses that were refused leave them in the unit's ring, and who has the guest takes them out. So
 * nothing of the embedder's runs inside an access but a signal.
 */
#include <errno.h>

#include "unit.h"

void soft_vtd_fault(struct viq_soft_vtd_dev *dev, const uint64_t record[2], bool parent)
{
	struct viq_soft_vtd *soft = dev->soft;
	const struct soft_record left = {.words = {record[0], record[1], parent}, .source = dev->id};

	if (soft_ring_put(&soft->faults, &left) && soft->config.notify)
		soft->config.notify(soft->config.opaque);
}

/* What a device leaves goes with it: another one that has the source-id now has not caused it. */
static bool is_there(const struct viq_soft_vtd *soft, const struct soft_record *record)
{
	const struct viq_soft_vtd_dev *dev =
		soft_vtd_dev_find(soft, (uint16_t)VIQ_GET(VIQ_VTD_FRCD_1_SID, record->words[1]));

	return dev && dev->id == record->source;
}

static uint32_t take(struct viq_soft_vtd *soft, struct viq_vtd_host_fault *faults, uint32_t room)
{
	struct soft_record record;
	uint32_t count = 0;
	uint64_t lost = 0;

	while (count < room && soft_ring_take(&soft->faults, &record)) {
		const bool there = record.words[1] && is_there(soft, &record);

		lost += record.lost;
		if (!there && !lost)
			continue;
		faults[count] = (struct viq_vtd_host_fault){.lost = lost};
		if (there) {
			faults[count].record[0] = record.words[0];
			faults[count].record[1] = record.words[1];
			faults[count].parent = record.words[2];
		}
		count++;
		lost = 0;
	}
	return count;
}

int viq_soft_vtd_faults(struct viq_soft_vtd *soft, struct viq_vtd_host_fault *faults, uint32_t *count)
{
	if (!soft || !faults || !count || !*count)
		return -EINVAL;
	if (soft_in_section())
		return -EDEADLK;
	/* A wait descriptor may be about to complete. */
	soft_vtd_drain(soft);
	pthread_mutex_lock(&soft->lock);
	*count = take(soft, faults, *count);
	pthread_mutex_unlock(&soft->lock);
	return 0;
}
