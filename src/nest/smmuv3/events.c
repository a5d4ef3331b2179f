/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "nest.h"

#define DEFAULT_BUDGET 1024

static void deliver(struct viq_smmuv3 *smmu, const struct viq_smmuv3_host_event *event)
{
	if (event->lost)
		viq_smmuv3_event_lost(smmu, event->lost);
	/* A queue that is full or off: the front end counts, and says so as the architecture does. */
	if (event->record[0])
		(void)viq_smmuv3_event(smmu, event->record);
}

static int move(const struct viq_smmuv3_backend *b, struct viq_smmuv3 *smmu, uint32_t budget)
{
	while (budget) {
		struct viq_smmuv3_host_event events[32];
		uint32_t room = sizeof(events) / sizeof(events[0]), count;
		int err;

		if (room > budget)
			room = budget;
		count = room;
		err = b->ops->events(b->opaque, b->object, events, &count);
		if (err || !count)
			return err;
		if (count > room) {
			/* Whatever it means, the guest has not got it. */
			if (smmu)
				viq_smmuv3_event_lost(smmu, 1);
			return -EIO;
		}
		for (uint32_t i = 0; i < count && smmu; i++)
			deliver(smmu, &events[i]);
		budget -= count;
	}
	return 0;
}

int viq_nest_smmuv3_events(struct viq_nest_smmuv3 *nest, uint32_t budget)
{
	int err = 0;

	if (!nest)
		return -EINVAL;
	for (size_t i = 0; i < nest->count; i++) {
		if (NEST_BACKEND_OP(&nest->backends[i], events))
			nest_first(&err, move(&nest->backends[i], nest->smmu, budget ? budget : DEFAULT_BUDGET));
	}
	return err;
}
