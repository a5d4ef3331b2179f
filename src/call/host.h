/* SPDX-License-Identifier: MIT */
#ifndef VIQ_CALL_HOST_H
#define VIQ_CALL_HOST_H

#include <stdbool.h>

#include <viq/call.h>

/* A host that can be called: what every function that is given one checks first. */
static inline bool call_host_ok(const struct viq_call_host *host)
{
	return host && host->ops && host->ops->size == sizeof(*host->ops) && host->ops->invalidate;
}

#endif
