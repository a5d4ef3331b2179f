/* SPDX-License-Identifier: MIT */
/*
 * An array of entries, executed: checked and issued group by group, as the contract says, with failures where they were
 * asked for. What an entry means is the caller's.
 */
#ifndef VIQ_SOFT_EXECUTE_H
#define VIQ_SOFT_EXECUTE_H

#include "contract.h"
#include "inject.h"

struct soft_executor {
	uint32_t words;                                      /* 64-bit words of an entry */
	bool (*check)(void *opaque, const uint64_t *entry);  /* does the host take it? */
	bool (*device)(void *opaque, const uint64_t *entry); /* does a device have to confirm it? */
	void (*run)(void *opaque, const uint64_t *entry);
};

/* Look a request over: the number of entries, or -EINVAL. Those of this type must have the executor's size. */
int64_t soft_count_entries(const struct soft_executor *executor, uint32_t type, const struct viq_call_request *req);

/*
 * Under the lock that makes calls one after the other. Fills *res, whose size is set. Returns the number of entries
 * issued: a grace period must follow if it is not 0.
 */
uint32_t soft_execute(const struct soft_executor *executor, void *opaque, const struct soft_contract *contract,
		      struct soft_injection *injection, const struct viq_call_request *req, uint32_t count,
		      struct viq_call_result *res);

/* The call fails as a whole; handled is what is reported. */
void soft_execute_fail(const struct soft_contract *contract, enum viq_call_error error, uint32_t handled,
		       struct viq_call_result *res);

#endif
