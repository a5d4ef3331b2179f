/* SPDX-License-Identifier: MIT */
#ifndef VIQ_CALL_HOST_H
#define VIQ_CALL_HOST_H

#include <stdbool.h>

#include <viq/call.h>

#include "base/sized.h"

#define CALL_HOST_WRONG "not a host: ops or ops->invalidate missing, or ops->size wrong"

/* A host that can be called: what every function that is given one checks first. An earlier version's has less. */
static inline bool call_host_ok(const struct viq_call_host *host)
{
	const struct viq_call_host_ops *ops = host ? host->ops : NULL;

	return ops && SIZED_ROOM(struct viq_call_host_ops, ops, invalidate) && ops->invalidate &&
	       sized_known(ops, ops->size, sizeof(*ops));
}

/* A member of the ops, or 0 if the host's version does not have it. */
#define CALL_HOST_OP(ops, member) SIZED_GET(struct viq_call_host_ops, ops, member)

#endif
