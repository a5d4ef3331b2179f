/* SPDX-License-Identifier: MIT */
#ifndef VIQ_CALL_HOST_H
#define VIQ_CALL_HOST_H

#include <stdbool.h>

#include <viq/call.h>

#include "base/sized.h"

/* Of a host that was written for a later version: does it need what is not known here? */
static inline bool call_host_unknown(const struct viq_call_host_ops *ops)
{
	const unsigned char *bytes = (const unsigned char *)ops;

	for (uint32_t i = sizeof(*ops); i < ops->size; i++) {
		if (bytes[i])
			return true;
	}
	return false;
}

#define CALL_HOST_WRONG "not a host: ops or ops->invalidate missing, or ops->size wrong"

/* A host that can be called: what every function that is given one checks first. An earlier version's has less. */
static inline bool call_host_ok(const struct viq_call_host *host)
{
	const struct viq_call_host_ops *ops = host ? host->ops : NULL;

	return ops && ops->size >= SIZED_TO(struct viq_call_host_ops, invalidate) && ops->size % 4 == 0 &&
	       ops->invalidate && (ops->size <= sizeof(*ops) || !call_host_unknown(ops));
}

/* A member of the ops, or 0 if the host's version does not have it. */
#define CALL_HOST_OP(ops, member) ((ops)->size >= SIZED_TO(struct viq_call_host_ops, member) ? (ops)->member : 0)

#endif
