/* SPDX-License-Identifier: MIT */
/*
 * An array of entries, executed: checked and issued group by group, as the contract says, with failures where they were
 * asked for. What an entry means is the caller's.
 *
 * Inlined into each caller, whose executor is a constant there: an entry's functions are called directly, which is a
 * fifth of what a call of one entry costs.
 */
#ifndef VIQ_SOFT_EXECUTE_H
#define VIQ_SOFT_EXECUTE_H

#include <errno.h>

#include "contract.h"
#include "inject.h"

struct soft_executor {
	uint32_t words;                                      /* 64-bit words of an entry */
	bool (*check)(void *opaque, const uint64_t *entry);  /* does the host take it? */
	bool (*device)(void *opaque, const uint64_t *entry); /* does a device have to confirm it? */
	void (*run)(void *opaque, const uint64_t *entry);
};

/* Where we are in a gather list. */
struct soft_cursor {
	const struct viq_call_request *req;
	uint32_t piece, index;
};

static inline __attribute__((always_inline)) void soft_run_next_entry(struct soft_cursor *c, uint32_t words,
								      struct soft_entry *entry)
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

struct soft_run {
	void *opaque;
	const struct soft_contract *contract;
	struct soft_injection *injection;
	uint32_t count, issued;
	bool timed_out;                     /* a device did not confirm */
	uint32_t first_device, last_device; /* since the last sync; first > last: none */
	struct soft_failure failure;
};

/* Check a group's entries before any of it is issued. On a bad one false, with call->failure. */
static inline __attribute__((always_inline)) bool soft_run_check_group(const struct soft_executor *x,
								       struct soft_run *call, struct soft_cursor c,
								       uint32_t start, uint32_t end)
{
	struct soft_entry entry;

	for (uint32_t i = start; i < end; i++) {
		enum viq_call_error error = VIQ_CALL_NONE;

		soft_run_next_entry(&c, x->words, &entry);
		if (soft_inject_strikes(call->injection, VIQ_SOFT_FAIL_GONE, i, &entry))
			error = VIQ_CALL_GONE;
		else if (!x->check(call->opaque, entry.words) ||
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
static inline __attribute__((always_inline)) bool soft_run_issue(const struct soft_executor *x, struct soft_run *call,
								 uint32_t i, struct soft_entry *entry)
{
	struct soft_injection *injection = call->injection;

	entry->device = x->device(call->opaque, entry->words);
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
		x->run(call->opaque, entry->words);
	call->issued++;
	return true;
}

static inline __attribute__((always_inline)) bool soft_run_issue_group(const struct soft_executor *x,
								       struct soft_run *call, struct soft_cursor *c,
								       uint32_t start, uint32_t end)
{
	struct soft_entry entry;

	for (uint32_t i = start; i < end; i++) {
		soft_run_next_entry(c, x->words, &entry);
		if (!soft_run_issue(x, call, i, &entry))
			return false;
	}
	return true;
}

/* Synchronise what was issued so far: a device that did not confirm shows now, and which entry it was does not. */
static inline __attribute__((always_inline)) bool soft_run_sync(struct soft_run *call)
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
static inline __attribute__((always_inline)) bool soft_run_execute(const struct soft_executor *x, struct soft_run *call,
								   struct soft_cursor c)
{
	const struct soft_contract *contract = call->contract;

	for (uint32_t start = 0, end; start < call->count; start = end) {
		bool ok;

		end = call->count - start > contract->group ? start + contract->group : call->count;
		ok = soft_run_check_group(x, call, c, start, end) && soft_run_issue_group(x, call, &c, start, end);
		/* What was issued before a failure is synchronised too; a time-out among it is the earlier failure. */
		if (!ok || end == call->count || !contract->sync_at_end)
			ok = soft_run_sync(call) && ok;
		call->failure.group = start;
		call->failure.group_end = end - 1;
		if (!ok)
			return false;
	}
	return true;
}

/* The call fails as a whole; handled is what is reported. */
static inline void soft_execute_fail(const struct soft_contract *contract, enum viq_call_error error, uint32_t handled,
				     struct viq_call_result *res)
{
	struct soft_failure failure = {.error = error};

	soft_contract_report(contract, &failure, res);
	res->handled = handled;
	res->suspect = handled;
}

/*
 * Under the lock that makes calls one after the other. Fills *res, whose size is set. Returns the number of entries
 * issued: a grace period must follow if it is not 0.
 */
static inline __attribute__((always_inline)) uint32_t soft_execute(const struct soft_executor *executor, void *opaque,
								   const struct soft_contract *contract,
								   struct soft_injection *injection,
								   const struct viq_call_request *req, uint32_t count,
								   struct viq_call_result *res)
{
	struct soft_run call = {
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
	if (soft_run_execute(executor, &call, (struct soft_cursor){.req = req})) {
		res->handled = count;
		res->suspect = count;
	} else {
		soft_contract_report(contract, &call.failure, res);
	}
	return call.issued;
}

/* Look a request over: the number of entries, or -EINVAL. Those of this type must have the executor's size. */
static inline int64_t soft_count_entries(const struct soft_executor *executor, uint32_t type,
					 const struct viq_call_request *req)
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

#endif
