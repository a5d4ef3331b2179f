/* SPDX-License-Identifier: MIT */
/* The invalidate call for callers inside viq, who have made the request themselves: nothing of it is checked. */
#ifndef VIQ_CALL_CHECKED_H
#define VIQ_CALL_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>

/* A request for one array, made once: from call to call only the object differs, and where the array is. */
struct call_form {
	struct viq_call_request request;
	struct viq_call_piece piece;
};

static inline void call_form_init(struct call_form *form, uint32_t type, uint32_t entry_size)
{
	form->request = (struct viq_call_request){
		.size = sizeof(form->request),
		.type = type,
		.entry_size = entry_size,
		.pieces = &form->piece,
		.piece_count = 1,
	};
}

/* What call_plain() has not answered by itself: *res is the host's answer, ret what it returned. */
void call_settle(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count, int ret,
		 struct viq_call_result *res);

/*
 * As viq_call_invalidate(), of a host that call_host_ok() has seen, and a request of this version with count entries,
 * as its type wants them. true, and mostly there is nothing to find out, nor to work out: all are done, by one call of
 * the host, and nothing in *res counts. false: *res is the answer, which may be success as well.
 */
static inline bool call_plain(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count,
			      struct viq_call_result *res)
{
	int ret;

	*res = (struct viq_call_result){.size = sizeof(*res)};
	ret = host->ops->invalidate(host->opaque, req, res);
	if (!ret && res->error == VIQ_CALL_NONE && res->handled == count && res->host_calls <= 1)
		return true;
	call_settle(host, req, count, ret, res);
	return false;
}

/* The answer that call_plain() has not written: into its place, since a copy would wait for the stores of its parts. */
static inline void call_plain_answer(struct viq_call_result *res, uint32_t count)
{
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count, .host_calls = 1};
}

/* The same, and all of *res is written. */
static inline void call_checked(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count,
				struct viq_call_result *res)
{
	if (call_plain(host, req, count, res))
		call_plain_answer(res, count);
}

#endif
