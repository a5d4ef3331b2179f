/* SPDX-License-Identifier: MIT */
#ifndef VIQ_CALL_FANOUT_H
#define VIQ_CALL_FANOUT_H

#include <stdbool.h>

#include <viq/call.h>

/* Is the host a fan-out? Its answer then holds already: it was searched for in each of its hosts. */
bool call_is_fanout(const struct viq_call_host *host);

#endif
