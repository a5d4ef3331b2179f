/* SPDX-License-Identifier: MIT */
/*
 * The call: stretches of the array between entries that are struck go to the host behind, where they lie, group by
 * group as the contract says. The host behind is asked through viq_call_invalidate(), so its own failures are exact.
 */
#include <string.h>

#include "base/le.h"
#include "call/cost.h"
#include "call/gather.h"
#include "call/types.h"
#include "contract.h"
#include "run.h"
#include "spec/smmuv3/command.h"

#define KINDS_CHECKED (FAULT_KIND(VIQ_FAULT_ILLEGAL) | FAULT_KIND(VIQ_FAULT_GONE))
#define KINDS_ENTRY                                                                                                    \
	(KINDS_CHECKED | FAULT_KIND(VIQ_FAULT_HARDWARE) | FAULT_KIND(VIQ_FAULT_ATC_TIMEOUT) |                          \
	 FAULT_KIND(VIQ_FAULT_DROP) | FAULT_KIND(VIQ_FAULT_ATC_DROP))

struct run {
	const struct fault_host *host;
	const struct viq_call_request *req;
	const struct fault_contract *contract;
	uint32_t count;
	uint32_t issued;      /* [0, issued) was given to the host behind, or left out */
	uint32_t extra_calls; /* of the host behind: what its own failures cost */
	bool timed_out;       /* a device did not confirm */
	struct fault_failure failure;
};

static const void *entry_at(const struct run *r, uint32_t index)
{
	struct gather_cursor at = {.req = r->req};

	gather_skip(&at, index);
	return gather_entry(&at);
}

/* [from, to) goes to the host behind. False, with r->failure: not all of it took effect. */
static bool pass(struct run *r, uint32_t from, uint32_t to)
{
	struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
	struct viq_call_request req = *r->req;
	struct viq_call_result res = {.size = sizeof(res)};
	const struct viq_call_host inner = fault_inner(r->host, req.object);

	if (from == to && r->count)
		return true;
	req.pieces = pieces;
	req.piece_count = gather_cut(r->req, from, to, pieces);
	if (viq_call_invalidate(&inner, &req, &res))
		res.error = VIQ_CALL_FAILED;
	r->issued = from + res.handled;
	r->extra_calls = call_cost_sum(r->extra_calls, res.extra_calls);
	r->failure = (struct fault_failure){
		.error = res.error,
		.refused = res.error == VIQ_CALL_ILLEGAL || res.error == VIQ_CALL_GONE,
		.at = from + res.handled,
		.first = from + res.handled,
		.last = from + res.suspect,
		.inner = true,
		.hw_code = res.hw_code,
		.os_error = res.os_error,
	};
	return res.error == VIQ_CALL_NONE;
}

static struct fault_injection injection_now(const struct run *r)
{
	struct viq_fault *fault = r->host->fault;
	struct fault_injection now;

	pthread_mutex_lock(&fault->lock);
	now = fault->injection;
	pthread_mutex_unlock(&fault->lock);
	return now;
}

/* Strike the entry at index, or the whole call (entry NULL). The failure that struck; VIQ_FAULT_NONE: none did. */
static struct fault_injection strike(const struct run *r, uint32_t index, const void *entry)
{
	struct viq_fault *fault = r->host->fault;
	struct fault_injection struck;

	pthread_mutex_lock(&fault->lock);
	struck = fault->injection;
	if (!fault_injection_strike(&fault->injection, r->req, index, entry))
		struck.kind = VIQ_FAULT_NONE;
	pthread_mutex_unlock(&fault->lock);
	return struck;
}

static bool fail(struct run *r, enum viq_call_error error, uint32_t at, uint32_t first, uint32_t last)
{
	r->failure = (struct fault_failure){
		.error = error,
		.refused = error == VIQ_CALL_ILLEGAL || error == VIQ_CALL_GONE,
		.at = at,
		.first = first,
		.last = last,
	};
	return false;
}

/* The entry at index has been struck. False, with r->failure: the call ends here. */
static bool struck(struct run *r, uint32_t index, const struct fault_injection *by)
{
	uint32_t behind = r->count - 1 - index;

	switch (by->kind) {
	case VIQ_FAULT_ILLEGAL:
		return fail(r, VIQ_CALL_ILLEGAL, index, index, index);
	case VIQ_FAULT_GONE:
		return fail(r, VIQ_CALL_GONE, index, index, index);
	case VIQ_FAULT_HARDWARE:
		return fail(r, VIQ_CALL_FAILED, index, index - (by->before < index ? by->before : index),
			    index + (by->after < behind ? by->after : behind));
	case VIQ_FAULT_ATC_TIMEOUT:
		if (r->contract->waits)
			return fail(r, VIQ_CALL_TIMEOUT, index, index, index);
		r->timed_out = true;
		break;
	case VIQ_FAULT_DROP:
	case VIQ_FAULT_ATC_DROP:
		break;
	default:
		return pass(r, index, index + 1);
	}
	r->issued = index + 1;
	return true;
}

static bool issue_group(struct run *r, uint32_t start, uint32_t end)
{
	uint32_t at = start;

	do {
		const struct fault_injection now = injection_now(r);
		uint32_t next = fault_injection_next(&now, r->req, at, end, KINDS_ENTRY);

		if (!pass(r, at, next))
			return false;
		if (next < end) {
			const struct fault_injection by = strike(r, next, entry_at(r, next));

			if (!struck(r, next, &by))
				return false;
		}
		at = next + 1;
	} while (at < end);
	return true;
}

/* Does Linux's driver take the command? It is taken to have every feature: what lacks one, the host behind refuses. */
static bool linux_takes(const struct run *r, const void *entry)
{
	const struct viq_call_host inner = fault_inner(r->host, r->req->object);
	struct smmuv3_rule rule;
	const le64 *words = entry;
	const uint64_t cmd[2] = {le64_get(words[0]), le64_get(words[1])};
	uint32_t sid;

	smmuv3_rule_init(&rule, cmd[0] & VIQ_SMMUV3_CMD_OP, FEATURES_ALL);
	if (!smmuv3_command_legal(&rule, cmd, FEATURES_ALL))
		return false;
	switch (VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0])) {
	case VIQ_SMMUV3_OP_TLBI_NH_ALL:
	case VIQ_SMMUV3_OP_TLBI_NH_ASID:
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
	case VIQ_SMMUV3_OP_TLBI_NSNH_ALL:
		return true;
	default:
		return call_type_find(r->req->type)->needs(entry, &sid) &&
		       viq_call_stream(&inner, sid) & VIQ_CALL_STREAM_KNOWN;
	}
}

/* Check a group before any of it is issued. */
static bool check_group(struct run *r, uint32_t start, uint32_t end)
{
	const struct fault_injection now = injection_now(r);
	struct gather_cursor at = {.req = r->req};
	uint32_t next = fault_injection_next(&now, r->req, start, end, KINDS_CHECKED);

	for (gather_skip(&at, start); at.index < end; gather_skip(&at, 1)) {
		const void *entry = gather_entry(&at);

		if (!linux_takes(r, entry))
			return fail(r, VIQ_CALL_ILLEGAL, at.index, at.index, at.index);
		if (at.index == next) {
			const struct fault_injection by = strike(r, next, entry);

			if (FAULT_KIND(by.kind) & KINDS_CHECKED)
				return struck(r, next, &by);
		}
	}
	return true;
}

/* Synchronise what was issued: a device that did not confirm shows now, and which entry it was does not. */
static bool sync_devices(struct run *r)
{
	uint32_t first = UINT32_MAX, last = 0;
	struct gather_cursor at = {.req = r->req};

	if (!r->timed_out)
		return true;
	for (; at.index < r->issued; gather_skip(&at, 1)) {
		if (!fault_entry_reaches_device(r->req->type, gather_entry(&at)))
			continue;
		first = first == UINT32_MAX ? at.index : first;
		last = at.index;
	}
	return fail(r, VIQ_CALL_TIMEOUT, first, first, last);
}

/* The call fails before it begins, and the count stays at that of the entries passed in. */
static bool out_of_memory(struct run *r)
{
	const struct fault_injection now = injection_now(r);
	const uint32_t n = r->count;

	if (now.kind != VIQ_FAULT_NO_MEMORY || now.counted || n <= now.index ||
	    strike(r, 0, NULL).kind != VIQ_FAULT_NO_MEMORY)
		return false;
	r->failure = (struct fault_failure){VIQ_CALL_NO_MEMORY, .refused = true, n, n, n, n, n};
	return true;
}

/* True: every entry took effect, or is said to have. */
static bool run(struct run *r)
{
	const uint32_t group = r->contract->group ? r->contract->group : r->count;

	if (out_of_memory(r))
		return false;
	if (!r->count)
		return pass(r, 0, 0);
	for (uint32_t start = 0, end; start < r->count; start = end) {
		bool ok;

		end = r->count - start > group ? start + group : r->count;
		ok = (!r->contract->checks || check_group(r, start, end)) && issue_group(r, start, end);
		/* What was issued before a failure is synchronised too; a time-out among it is the earlier failure. */
		ok = sync_devices(r) && ok;
		r->failure.group = start;
		r->failure.group_end = end - 1;
		if (!ok)
			return false;
	}
	return true;
}

int fault_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	const struct fault_host *host = opaque;
	struct run r = {
		.host = host,
		.req = req,
		.contract = fault_contract(host->fault->contract, req->type),
		.count = gather_count(req),
	};

	pthread_mutex_lock(&host->fault->lock);
	fault_injection_count(&host->fault->injection, req);
	pthread_mutex_unlock(&host->fault->lock);
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = r.count, .suspect = r.count};
	if (!run(&r))
		fault_contract_report(r.contract, &r.failure, res);
	res->host_calls = call_cost_sum(1, r.extra_calls);
	return 0;
}
