/* SPDX-License-Identifier: MIT */
/* From a host's first answer that was not plain success to one that holds. */
#ifndef VIQ_CALL_EXACT_H
#define VIQ_CALL_EXACT_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>

/* Is a host's answer to an array of len entries plain success? */
static inline bool call_all_done(uint32_t len, int ret, const struct viq_call_result *answer)
{
	return !ret && answer->error == VIQ_CALL_NONE && answer->handled == len;
}

/* Host calls so far and some more: a host may claim any number. */
static inline uint32_t call_add_host_calls(uint32_t calls, uint32_t more)
{
	return more < UINT32_MAX - calls ? calls + more : UINT32_MAX;
}

/* Calls of its own that the host makes for count entries, but for the last one; each of them may be made twice. */
static inline uint32_t call_parts(const struct viq_call_host *host, uint32_t count)
{
	return host->ops->call_entries ? count / host->ops->call_entries : 0;
}

/* What a negative errno says of a call, in host-neutral terms. */
uint32_t call_error_of_errno(int err);

/*
 * ret and *answer are what the host said to *req, a checked request of count entries; not plain success. Fills *res;
 * calls the host again where that makes the answer more exact.
 */
void call_exact(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count, int ret,
		const struct viq_call_result *answer, struct viq_call_result *res);

#endif
