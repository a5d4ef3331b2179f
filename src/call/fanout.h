/* SPDX-License-Identifier: MIT */
#ifndef VIQ_CALL_FANOUT_H
#define VIQ_CALL_FANOUT_H

#include <stdbool.h>

#include <viq/call.h>

extern const struct viq_call_host_ops call_fanout_ops;

/* Is the host a fan-out? Its answer then holds already: it was searched for in each of its hosts. */
static inline bool call_is_fanout(const struct viq_call_host *host)
{
	return host->ops == &call_fanout_ops;
}

#endif
