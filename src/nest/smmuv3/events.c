/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/minmax.h"
#include "nest.h"

/* Not less than a host lets wait that has pending(): what is there when a CMD_SYNC comes is moved before it is done. */
#define DEFAULT_BUDGET 1024

/* So many at once */
#define AT_ONCE 32

static void deliver(struct viq_smmuv3 *smmu, const struct viq_smmuv3_host_event *event)
{
	if (event->lost)
		viq_smmuv3_event_lost(smmu, event->lost);
	/* A queue that is full or off: the front end counts, and says so as the architecture does. */
	if (event->record[0])
		(void)viq_smmuv3_event(smmu, event->record);
}

/* At most *left of them. */
static int move(const struct viq_smmuv3_backend *b, struct viq_smmuv3 *smmu, uint32_t *left)
{
	while (*left) {
		struct viq_smmuv3_host_event events[AT_ONCE];
		uint32_t room = min_u32(*left, AT_ONCE), count = room;
		int err = b->ops->events(b->opaque, b->object, events, &count);

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
		*left -= count;
	}
	return 0;
}

int viq_nest_smmuv3_events(struct viq_nest_smmuv3 *nest, uint32_t budget)
{
	int err = 0;

	if (!nest)
		return -EINVAL;
	for (size_t i = 0; i < nest->count; i++) {
		uint32_t left = budget ? budget : DEFAULT_BUDGET;

		if (NEST_BACKEND_OP(&nest->backends[i], events))
			nest_first(&err, move(&nest->backends[i], nest->smmu, &left));
	}
	return err;
}

uint32_t viq_nest_smmuv3_sync(struct viq_nest_smmuv3 *nest)
{
	uint32_t moved = 0;

	for (size_t i = 0; nest && i < nest->count; i++) {
		const struct viq_smmuv3_backend *b = &nest->backends[i];
		uint32_t left = DEFAULT_BUDGET;

		if (!NEST_BACKEND_OP(b, pending) || !NEST_BACKEND_OP(b, events) ||
		    !b->ops->pending(b->opaque, b->object))
			continue;
		/* A host that cannot say now is asked again. */
		(void)move(b, nest->smmu, &left);
		moved += DEFAULT_BUDGET - left;
	}
	return moved;
}
