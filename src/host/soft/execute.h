/* SPDX-License-Identifier: MIT */
/* An array of entries, run in order up to the first that is refused. What an entry means is the caller's. */
#ifndef VIQ_SOFT_EXECUTE_H
#define VIQ_SOFT_EXECUTE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <viq/call.h>

#include "base/sized.h"

/* Look a request over: the number of entries, or -EINVAL, -E2BIG. Those of this type must have this size. */
static inline int64_t soft_count_entries(const struct viq_call_request *req, uint32_t type, uint32_t entry_size)
{
	uint64_t count = 0;

	if (!SIZED_ROOM(struct viq_call_request, req, piece_count) || req->reserved ||
	    req->piece_count > VIQ_CALL_MAX_PIECES || (req->piece_count && !req->pieces))
		return -EINVAL;
	if (!sized_known(req, req->size, sizeof(*req)))
		return -E2BIG;
	for (uint32_t i = 0; i < req->piece_count; i++) {
		if (req->pieces[i].count && (!req->pieces[i].entries || (uintptr_t)req->pieces[i].entries % 8))
			return -EINVAL;
		count += req->pieces[i].count;
	}
	if (count > VIQ_CALL_MAX_ENTRIES || (req->type == type && req->entry_size != entry_size))
		return -EINVAL;
	return (int64_t)count;
}

/*
 * Under the lock that makes calls one after the other. run() executes one entry, or returns false and does nothing. It
 * is a constant where this is inlined: a direct call is a fifth of what a call of one entry costs. Returns how many
 * ran; a grace period must follow if it is not 0.
 */
static inline __attribute__((always_inline)) uint32_t soft_execute(const struct viq_call_request *req, size_t words,
								   bool (*run)(void *opaque, const void *entry),
								   void *opaque)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < req->piece_count; i++) {
		const uint64_t *entry = req->pieces[i].entries;

		for (uint32_t left = req->pieces[i].count; left; left--, done++, entry += words) {
			if (!run(opaque, entry))
				return done;
		}
	}
	return done;
}

/* Of count entries, done ran: the next one was refused. *res was all 0 but for its size. */
static inline void soft_report(struct viq_call_result *res, uint32_t count, uint32_t done, uint32_t hw_code)
{
	res->handled = done;
	res->suspect = done;
	if (done == count)
		return;
	res->error = VIQ_CALL_ILLEGAL;
	res->hw_code = hw_code;
}

#endif
