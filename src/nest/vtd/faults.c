/* SPDX-License-Identifier: MIT */
/* A host's faults for the guest's fault records, and its devices' page requests for the guest's queue. */
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

/* A loss after the request, which might find no room else (7.4.1). */
static void pass_request(const struct viq_nest_vtd *n, const struct viq_vtd_host_page_request *r)
{
	if (r->request.size)
		(void)viq_vtd_page_request(n->vtd, &r->request);
	viq_vtd_page_requests_lost(n->vtd, r->lost);
}

static int move_requests(const struct viq_nest_vtd *n, uint32_t *left)
{
	while (*left) {
		struct viq_vtd_host_page_request requests[32];
		uint32_t room = sizeof(requests) / sizeof(requests[0]), count;
		int err;

		if (room > *left)
			room = *left;
		count = room;
		err = n->ops.page_requests(n->config.backend.opaque, requests, &count);
		if (err || !count)
			return err;
		if (count > room) {
			viq_vtd_page_requests_lost(n->vtd, 1);
			return -EIO;
		}
		for (uint32_t i = 0; i < count; i++)
			pass_request(n, &requests[i]);
		*left -= count;
	}
	return 0;
}

int viq_nest_vtd_faults(struct viq_nest_vtd *n, uint32_t budget)
{
	uint32_t faults = budget ? budget : DEFAULT_BUDGET, requests = faults;
	int err = 0;

	if (!n)
		return -EINVAL;
	if (n->ops.fetch)
		err = n->ops.fetch(n->config.backend.opaque);
	if (n->ops.faults)
		nest_vtd_first(&err, move(n, &faults));
	if (n->ops.page_requests)
		nest_vtd_first(&err, move_requests(n, &requests));
	return err;
}

uint32_t viq_nest_vtd_sync(struct viq_nest_vtd *n)
{
	uint32_t faults = DEFAULT_BUDGET, requests = DEFAULT_BUDGET;

	if (!n || !n->ops.pending || !n->ops.faults || !n->ops.pending(n->config.backend.opaque))
		return 0;
	/* A host that cannot say now is asked again. */
	(void)move(n, &faults);
	if (n->ops.page_requests)
		(void)move_requests(n, &requests);
	return 2 * DEFAULT_BUDGET - faults - requests;
}
