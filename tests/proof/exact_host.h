/* SPDX-License-Identifier: MIT */
/* The hosts of the proofs about call/exact.c: one that says anything, and one that keeps the contract of viq/call.h. */
#ifndef VIQ_PROOF_EXACT_HOST_H
#define VIQ_PROOF_EXACT_HOST_H

#include "proof.h"

#include "call/exact.c"
#include "call/gather.c"

/* No entry is read. */
static char memory[(size_t)VIQ_CALL_MAX_ENTRIES * 16];

static struct {
	bool keeps;         /* the contract */
	uint32_t bad;       /* the request's lowest illegal entry; its count, or more: there is none */
	uint32_t group;     /* as the host's report_group */
	uint32_t calls;     /* so far */
	uint32_t from;      /* where the last call's array began */
	uint32_t said_done; /* so many of its entries are done, by the host's word and what that is worth */
} world;

/*
 * A failed array of len entries, the lowest illegal one of which is number bad: may the contract's host say that? Safe
 * are multiples of the group; the culprit is in the group that the count is in, or in the window that it gives.
 */
static inline bool keeps_contract(uint32_t group, uint32_t len, uint32_t bad, const struct viq_call_result *answer)
{
	uint64_t safe = group && answer->handled < len ? answer->handled - answer->handled % group : 0;
	uint64_t last = answer->suspect > answer->handled ? answer->suspect : answer->handled;

	if (answer->error != VIQ_CALL_ILLEGAL)
		return false;
	/* A count that means nothing: it is the whole array. */
	if (!group || answer->handled >= len)
		return true;
	if (last < safe + group - 1)
		last = safe + group - 1;
	return safe <= bad && bad <= last;
}

/* A state between two steps. */
static inline bool possible(const struct search *s)
{
	if (s->lo >= s->count || !s->chunk || s->chunk > s->count)
		return false;
	if (!s->end)
		return s->hint == CALL_NO_HINT;
	/* With a hint the first refusal is open; without, the window is still more than one entry. */
	return s->lo < s->end && s->end <= s->count &&
	       (s->hint == CALL_NO_HINT || (s->hint >= s->lo && s->hint < s->end));
}

static inline int host(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	uint32_t len = req->pieces[0].count, size = res->size;
	struct viq_call_result answer;
	int ret = nondet_int();

	(void)opaque;
	world.calls++;
	world.from = (uint32_t)(((const char *)req->pieces[0].entries - memory) / 16);
	PROVE(req->piece_count == 1 && len > 0);
	answer = (struct viq_call_result){size,         nondet_u32(), nondet_u32(), nondet_u32(), nondet_u32(),
					  nondet_int(), nondet_u32(), nondet_u32(), nondet_u32()};
	if (world.keeps) {
		GIVEN(!ret && answer.host_calls == 1);
		if (world.bad >= world.from && world.bad - world.from < len)
			GIVEN(keeps_contract(world.group, len, world.bad - world.from, &answer));
		else
			GIVEN(answer.error == VIQ_CALL_NONE && answer.handled == len);
	}
	if (!ret && answer.error == VIQ_CALL_NONE && answer.handled == len)
		world.said_done = len;
	else if (!ret && world.group && answer.handled < len)
		world.said_done = answer.handled / world.group * world.group;
	else
		world.said_done = 0;
	*res = answer;
	return ret;
}

#endif
