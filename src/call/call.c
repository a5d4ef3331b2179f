/* SPDX-License-Identifier: MIT */
/* The invalidate call: argument checks, the fast path, and the small questions about a host. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include <viq/call.h>

#include "base/sized.h"

#include "checked.h"
#include "cost.h"
#include "exact.h"
#include "fanout.h"
#include "host.h"
#include "types.h"

_Static_assert(VIQ_CALL_ERROR_COUNT <= VIQ_CALL_ERROR_MAX, "arrays by code are part of structs");

/* From a caller of another version: its structs end elsewhere. */
static int other_version(const struct viq_call_host *host, const struct viq_call_request *req,
			 struct viq_call_result *res)
{
	struct viq_call_request request = {0};
	struct viq_call_result result = {.size = sizeof(result)};
	int ret;

	ret = sized_take(&request, sizeof(request), req, SIZED_TO(struct viq_call_request, piece_count), "request",
			 NULL);
	if (ret)
		return ret;
	if (!SIZED_ROOM(struct viq_call_result, res, os_error))
		return -EINVAL;
	ret = viq_call_invalidate(host, &request, &result);
	if (!ret)
		sized_give(res, res->size, &result, sizeof(result));
	return ret;
}

static bool request_ok(const struct viq_call_request *req)
{
	const struct call_type *type;

	if (req->reserved || req->piece_count > VIQ_CALL_MAX_PIECES || (req->piece_count && !req->pieces))
		return false;
	type = call_type_find(req->type);
	return type && req->entry_size == type->entry_size;
}

/* Entries of the gather list, or -EINVAL. */
static int count_entries(const struct viq_call_request *req, uint32_t *count)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < req->piece_count; i++) {
		const struct viq_call_piece *piece = &req->pieces[i];

		if (piece->count && (!piece->entries || (uintptr_t)piece->entries % 8))
			return -EINVAL;
		n += piece->count;
	}
	if (n > VIQ_CALL_MAX_ENTRIES)
		return -EINVAL;
	*count = (uint32_t)n;
	return 0;
}

void call_settle(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count, int ret,
		 struct viq_call_result *res)
{
	const struct viq_call_result answer = *res;
	struct call_cost cost;

	/* A fan-out's answer holds already, and says what it cost. */
	if (!ret && call_is_fanout(host)) {
		res->host_calls = call_cost_claimed(0, &answer);
		return;
	}
	if (!call_all_done(count, ret, &answer)) {
		call_exact(host, req, count, ret, &answer, res);
		return;
	}
	cost = call_cost_of(host, count, false, 0, &answer);
	*res = (struct viq_call_result){
		.size = sizeof(*res),
		.handled = count,
		.suspect = count,
		.host_calls = cost.calls,
		.extra_calls = cost.extra,
	};
}

int viq_call_invalidate(const struct viq_call_host *host, const struct viq_call_request *req,
			struct viq_call_result *res)
{
	uint32_t count;

	if (!call_host_ok(host) || !req || !res)
		return -EINVAL;
	if (req->size != sizeof(*req) || res->size != sizeof(*res))
		return other_version(host, req, res);
	if (!request_ok(req) || count_entries(req, &count))
		return -EINVAL;
	call_checked(host, req, count, res);
	return 0;
}

uint32_t viq_call_stream(const struct viq_call_host *host, uint32_t sid)
{
	if (!call_host_ok(host))
		return 0;
	if (!CALL_HOST_OP(host->ops, stream))
		return VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
	return host->ops->stream(host->opaque, host->object, sid);
}

const char *viq_call_error_text(uint32_t error)
{
	static const char *const text[VIQ_CALL_ERROR_COUNT] = {
		[VIQ_CALL_NONE] = "no error",
		[VIQ_CALL_ILLEGAL] = "illegal entry",
		[VIQ_CALL_ABORTED] = "entry could not be read",
		[VIQ_CALL_TIMEOUT] = "device time-out",
		[VIQ_CALL_FAILED] = "host failure",
		[VIQ_CALL_NO_MEMORY] = "host out of memory",
		[VIQ_CALL_GONE] = "target is gone",
		[VIQ_CALL_UNSUPPORTED] = "entry type not supported",
	};

	return error < VIQ_CALL_ERROR_COUNT ? text[error] : "unknown error";
}
