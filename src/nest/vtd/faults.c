/* SPDX-License-Identifier: MIT */
/* A host's faults for the guest's fault records. */
#include <errno.h>

#include "nest.h"

/* Not less than a host lets wait that has pending(): what is there when a wait descriptor comes is moved before it is
 * done. */
#define DEFAULT_BUDGET 1024

/* A loss after the record: the guest is told of the overflow while there is a record to look at (11.4.7.1). */
static void deliver(const struct viq_nest_vtd *n, const struct viq_vtd_host_fault *fault)
{
	if (fault->record[1] && n->config.fault)
		n->config.fault(n->config.opaque, fault->record, fault->parent);
	else if (fault->record[1] && !fault->parent)
		(void)viq_vtd_fault(n->vtd, fault->record);
	viq_vtd_fault_lost(n->vtd, fault->lost);
}

/* At most *left of them. */
static int move(const struct viq_nest_vtd *n, uint32_t *left)
{
	while (*left) {
		struct viq_vtd_host_fault faults[32];
		uint32_t room = sizeof(faults) / sizeof(faults[0]), count;
		int err;

		if (room > *left)
			room = *left;
		count = room;
		err = n->ops.faults(n->config.backend.opaque, faults, &count);
		if (err || !count)
			return err;
		if (count > room) {
			/* Whatever it means, the guest has not got it. */
			viq_vtd_fault_lost(n->vtd, 1);
			return -EIO;
		}
		for (uint32_t i = 0; i < count && n->vtd; i++)
			deliver(n, &faults[i]);
		*left -= count;
	}
	return 0;
}

int viq_nest_vtd_faults(struct viq_nest_vtd *n, uint32_t budget)
{
	uint32_t left = budget ? budget : DEFAULT_BUDGET;
	int err = 0;

	if (!n)
		return -EINVAL;
	if (n->ops.fetch)
		err = n->ops.fetch(n->config.backend.opaque);
	if (n->ops.faults)
		nest_vtd_first(&err, move(n, &left));
	return err;
}

uint32_t viq_nest_vtd_sync(struct viq_nest_vtd *n)
{
	uint32_t left = DEFAULT_BUDGET;

	if (!n || !n->ops.pending || !n->ops.faults || !n->ops.pending(n->config.backend.opaque))
		return 0;
	/* A host that cannot say now is asked again. */
	(void)move(n, &left);
	return DEFAULT_BUDGET - left;
}
