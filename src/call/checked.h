/* SPDX-License-Identifier: MIT */
/* The invalidate call for callers inside viq, who have made the request themselves: nothing of it is checked. */
#ifndef VIQ_CALL_CHECKED_H
#define VIQ_CALL_CHECKED_H

#include <stdint.h>

#include <viq/call.h>

/* What call_checked() has not answered by itself: *res is the host's answer, ret what it returned. */
void call_settle(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count, int ret,
		 struct viq_call_result *res);

/*
 * As viq_call_invalidate(), of a host that call_host_ok() has seen, and a request of this version with count entries,
 * as its type wants them. All of *res is written.
 */
static inline void call_checked(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count,
				struct viq_call_result *res)
{
	int ret;

	*res = (struct viq_call_result){.size = sizeof(*res)};
	ret = host->ops->invalidate(host->opaque, req, res);
	/* Mostly there is nothing to find out, nor to work out. */
	if (ret || res->error != VIQ_CALL_NONE || res->handled != count || res->host_calls > 1)
		call_settle(host, req, count, ret, res);
	else
		*res = (struct viq_call_result){
			.size = sizeof(*res), .handled = count, .suspect = count, .host_calls = 1};
}

#endif
