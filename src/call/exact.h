/* SPDX-License-Identifier: MIT */
/* From a host's first answer that was not plain success to one that holds. */
#ifndef VIQ_CALL_EXACT_H
#define VIQ_CALL_EXACT_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>

#include "host.h"

/* Is a host's answer to an array of len entries plain success? */
static inline bool call_all_done(uint32_t len, int ret, const struct viq_call_result *answer)
{
	return !ret && answer->error == VIQ_CALL_NONE && answer->handled == len;
}

/* What a negative errno says of a call, in host-neutral terms. */
uint32_t call_error_of_errno(int err);

/* What is believed of one failed host call. Indices count from the first entry of the array sent. */
struct call_failure {
	uint32_t safe; /* [0, safe) took effect; 0 if there are no entries */
	uint32_t last; /* highest index that can be the culprit */
	uint32_t hint; /* where the culprit may be, or CALL_NO_HINT */
	uint32_t error;
	uint32_t hw_code;
	int32_t os_error;
};

#define CALL_NO_HINT UINT32_MAX

/*
 * What to believe of an answer to len entries that is not plain success; group is as viq_call_host_ops.report_group.
 * The one place where counts are interpreted: also for a host that makes several calls of its own.
 */
struct call_failure call_believe(uint32_t group, uint32_t len, int ret, const struct viq_call_result *answer);

/*
 * ret and *answer are what the host said to *req, a checked request of count entries; not plain success. Fills *res;
 * calls the host again where that makes the answer more exact.
 */
void call_exact(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count, int ret,
		const struct viq_call_result *answer, struct viq_call_result *res);

#endif
