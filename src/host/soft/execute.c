/* SPDX-License-Identifier: MIT */
/* The execution of an array of entries: see execute.h. */
#include <errno.h>

#include "execute.h"

/* Where we are in a gather list. */
struct cursor {
	const struct viq_call_request *req;
	uint32_t piece, index;
};

static void next_entry(struct cursor *c, uint32_t words, struct soft_entry *entry)
{
	const uint64_t *at;

	while (c->index == c->req->pieces[c->piece].count) {
		c->piece++;
		c->index = 0;
	}
	at = (const uint64_t *)c->req->pieces[c->piece].entries + (size_t)c->index++ * words;
	for (uint32_t i = 0; i < SOFT_ENTRY_WORDS; i++)
		entry->words[i] = i < words ? at[i] : 0;
	entry->device = false;
}

struct call {
	const struct soft_executor *executor;
	void *opaque;
	const struct soft_contract *contract;
	struct soft_injection *injection;
	uint32_t count, issued;
	bool timed_out;                     /* a device did not confirm */
	uint32_t first_device, last_device; /* since the last sync; first > last: none */
	struct soft_failure failure;
};

/* Check a group's entries before any of it is issued. On a bad one false, with call->failure. */
static bool check_group(struct call *call, struct cursor c, uint32_t start, uint32_t end)
{
	struct soft_entry entry;

	for (uint32_t i = start; i < end; i++) {
		enum viq_call_error error = VIQ_CALL_NONE;

		next_entry(&c, call->executor->words, &entry);
		if (soft_inject_strikes(call->injection, VIQ_SOFT_FAIL_GONE, i, &entry))
			error = VIQ_CALL_GONE;
		else if (!call->executor->check(call->opaque, entry.words) ||
			 soft_inject_strikes(call->injection, VIQ_SOFT_FAIL_ILLEGAL, i, &entry))
			error = VIQ_CALL_ILLEGAL;
		if (!error)
			continue;
		call->failure = (struct soft_failure){.error = error, .refused = true, .at = i, .first = i, .last = i};
		return false;
	}
	return true;
}

/* Issue one entry. False, with call->failure: the hardware failed. */
static bool issue(struct call *call, uint32_t i, struct soft_entry *entry)
{
	struct soft_injection *injection = call->injection;

	entry->device = call->executor->device(call->opaque, entry->words);
	if (soft_inject_strikes(injection, VIQ_SOFT_FAIL_HARDWARE, i, entry)) {
		call->failure = (struct soft_failure){
			.error = VIQ_CALL_FAILED,
			.at = i,
			.first = i - (injection->before < i ? injection->before : i),
			.last = i + (injection->after < call->count - 1 - i ? injection->after : call->count - 1 - i),
		};
		return false;
	}
	if (entry->device) {
		if (call->first_device > call->last_device)
			call->first_device = i;
		call->last_device = i;
	}
	if (soft_inject_strikes(injection, VIQ_SOFT_FAIL_ATC_TIMEOUT, i, entry))
		call->timed_out = true;
	else if (!soft_inject_strikes(injection, VIQ_SOFT_FAIL_DROP, i, entry))
		call->executor->run(call->opaque, entry->words);
	call->issued++;
	return true;
}

static bool issue_group(struct call *call, struct cursor *c, uint32_t start, uint32_t end)
{
	struct soft_entry entry;

	for (uint32_t i = start; i < end; i++) {
		next_entry(c, call->executor->words, &entry);
		if (!issue(call, i, &entry))
			return false;
	}
	return true;
}

/* Synchronise what was issued so far: a device that did not confirm shows now, and which entry it was does not. */
static bool sync(struct call *call)
{
	bool ok = !call->timed_out;

	if (!ok)
		call->failure = (struct soft_failure){
			.error = VIQ_CALL_TIMEOUT,
			.at = call->first_device,
			.first = call->first_device,
			.last = call->last_device,
		};
	call->first_device = UINT32_MAX;
	call->last_device = 0;
	call->timed_out = false;
	return ok;
}

/* True: every entry took effect. */
static bool execute(struct call *call, struct cursor c)
{
	const struct soft_contract *contract = call->contract;

	for (uint32_t start = 0, end; start < call->count; start = end) {
		bool ok;

		end = call->count - start > contract->group ? start + contract->group : call->count;
		ok = check_group(call, c, start, end) && issue_group(call, &c, start, end);
		/* What was issued before a failure is synchronised too; a time-out among it is the earlier failure. */
		if (!ok || end == call->count || !contract->sync_at_end)
			ok = sync(call) && ok;
		call->failure.group = start;
		call->failure.group_end = end - 1;
		if (!ok)
			return false;
	}
	return true;
}

void soft_execute_fail(const struct soft_contract *contract, enum viq_call_error error, uint32_t handled,
		       struct viq_call_result *res)
{
	struct soft_failure failure = {.error = error};

	soft_contract_report(contract, &failure, res);
	res->handled = handled;
	res->suspect = handled;
}

uint32_t soft_execute(const struct soft_executor *executor, void *opaque, const struct soft_contract *contract,
		      struct soft_injection *injection, const struct viq_call_request *req, uint32_t count,
		      struct viq_call_result *res)
{
	struct call call = {
		.executor = executor,
		.opaque = opaque,
		.contract = contract,
		.injection = injection,
		.count = count,
		.first_device = UINT32_MAX,
	};

	if (soft_inject_call(injection, count)) {
		soft_execute_fail(contract, VIQ_CALL_NO_MEMORY, count, res);
		return 0;
	}
	if (execute(&call, (struct cursor){.req = req})) {
		res->handled = count;
		res->suspect = count;
	} else {
		soft_contract_report(contract, &call.failure, res);
	}
	return call.issued;
}

int64_t soft_count_entries(const struct soft_executor *executor, uint32_t type, const struct viq_call_request *req)
{
	uint64_t count = 0;

	if (req->size != sizeof(*req) || req->reserved || req->piece_count > VIQ_CALL_MAX_PIECES ||
	    (req->piece_count && !req->pieces))
		return -EINVAL;
	for (uint32_t i = 0; i < req->piece_count; i++) {
		if (req->pieces[i].count && (!req->pieces[i].entries || (uintptr_t)req->pieces[i].entries % 8))
			return -EINVAL;
		count += req->pieces[i].count;
	}
	if (count > VIQ_CALL_MAX_ENTRIES ||
	    (req->type == type && req->entry_size != executor->words * sizeof(uint64_t)))
		return -EINVAL;
	return (int64_t)count;
}
