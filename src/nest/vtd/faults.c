/* SPDX-License-Identifier: MIT */
/* A host's faults for the guest's fault records, and its devices' page requests for the guest's queue. */
#include <errno.h>

#include "nest.h"

/* Not less than a host lets wait that has pending(): what is there when a wait descriptor comes is moved before it is
 * done. */
#define DEFAULT_BUDGET 1024

/* So many at once */
#define AT_ONCE 32

union records {
	struct viq_vtd_host_fault faults[AT_ONCE];
	struct viq_vtd_host_page_request requests[AT_ONCE];
};

/* What a host has for the guest: take at most *count; pass one on; the guest has not got some. */
struct kind {
	int (*take)(const struct viq_nest_vtd *n, union records *records, uint32_t *count);
	/* true: the unit has answered a device itself */
	bool (*pass)(const struct viq_nest_vtd *n, const union records *records, uint32_t which);
	void (*lose)(struct viq_vtd *vtd, uint64_t count);
};

static int take_faults(const struct viq_nest_vtd *n, union records *records, uint32_t *count)
{
	return n->ops.faults(n->config.backend.opaque, records->faults, count);
}

/* A loss after the record: the guest is told of the overflow while there is a record to look at (11.4.7.1). */
static bool pass_fault(const struct viq_nest_vtd *n, const union records *records, uint32_t which)
{
	const struct viq_vtd_host_fault *fault = &records->faults[which];

	if (fault->record[1] && n->config.fault)
		n->config.fault(n->config.opaque, fault->record, fault->parent);
	else if (fault->record[1] && !fault->parent)
		(void)viq_vtd_fault(n->vtd, fault->record);
	viq_vtd_fault_lost(n->vtd, fault->lost);
	return false;
}

static int take_requests(const struct viq_nest_vtd *n, union records *records, uint32_t *count)
{
	return n->ops.page_requests(n->config.backend.opaque, records->requests, count);
}

/* A loss after the request, which might find no room else (7.4.1). */
static bool pass_request(const struct viq_nest_vtd *n, const union records *records, uint32_t which)
{
	const struct viq_vtd_host_page_request *r = &records->requests[which];

	bool answered = r->request.size && viq_vtd_page_request(n->vtd, &r->request) && r->request.last;

	viq_vtd_page_requests_lost(n->vtd, r->lost);
	return answered;
}

/* At most *left of them; what that takes of the host is added to *cost. */
static int move(const struct viq_nest_vtd *n, const struct kind *kind, uint32_t *left, uint32_t *cost)
{
	while (*left) {
		uint32_t room = *left < AT_ONCE ? *left : AT_ONCE, count = room;
		union records records;
		int err = kind->take(n, &records, &count);

		*cost += n->ops.look_cost;
		if (err || !count)
			return err;
		if (count > room) {
			/* Whatever it means, the guest has not got it. */
			kind->lose(n->vtd, 1);
			return -EIO;
		}
		for (uint32_t i = 0; i < count && n->vtd; i++)
			*cost += kind->pass(n, &records, i) ? n->ops.look_cost : 0;
		*left -= count;
	}
	return 0;
}

/* At most budget of each kind: a flood of one does not hold the other up. *cost: of both. The first error. */
static int move_all(const struct viq_nest_vtd *n, uint32_t budget, uint32_t *cost)
{
	static const struct kind faults = {take_faults, pass_fault, viq_vtd_fault_lost},
				 requests = {take_requests, pass_request, viq_vtd_page_requests_lost};
	uint32_t faults_left = budget, requests_left = budget;
	int err = 0;

	*cost = 0;
	if (n->ops.faults)
		nest_vtd_first(&err, move(n, &faults, &faults_left, cost));
	if (n->ops.page_requests)
		nest_vtd_first(&err, move(n, &requests, &requests_left, cost));
	*cost += 2 * budget - faults_left - requests_left;
	return err;
}

int viq_nest_vtd_faults(struct viq_nest_vtd *n, uint32_t budget)
{
	uint32_t cost;
	int err = 0;

	if (!n)
		return -EINVAL;
	if (n->ops.fetch)
		err = n->ops.fetch(n->config.backend.opaque);
	nest_vtd_first(&err, move_all(n, budget ? budget : DEFAULT_BUDGET, &cost));
	return err;
}

uint32_t viq_nest_vtd_sync(struct viq_nest_vtd *n)
{
	uint32_t cost;

	if (!n || !n->ops.pending || !n->ops.pending(n->config.backend.opaque))
		return 0;
	/* A host that cannot say now is asked again. */
	(void)move_all(n, DEFAULT_BUDGET, &cost);
	return cost;
}
