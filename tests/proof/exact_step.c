/* SPDX-License-Identifier: MIT */
/*
 * One step of the halving search (call/exact.c), from any state in which it can be and with any answer of the host:
 *
 *   1. it ends: each step costs at least one extra call, so VIQ_CALL_MAX_HOST_CALLS bound it;
 *   2. P1, whatever the host says: entries become done, [lo, lo'), only where the host has said so: all of what it was
 *      sent, or a multiple of its report group below what it counted. lo never goes back, nor beyond the request;
 *   3. P2, if the host keeps its contract: of a request whose lowest bad entry is one, that entry never leaves the
 *      window, so that no entry before it is blamed and it is never done;
 *   4. the window becomes at most half as large, but for the one step that follows a hint: 19 of them are left with one
 *      entry of 0x80000, which 1. leaves room for.
 *
 * By induction this holds for the whole search: exact_first.c has its start.
 *
 * Bounds: none for counts, windows and answers. GROUP is the host's report_group: 0 and 1, and 4 in the place of
 * Linux's 63, from which it differs in nothing but the number that counts are rounded to. The request is one piece:
 * gather.c proves how it is cut. The host of 3. counts its calls as 1 and never lacks memory, which would make arrays
 * shorter: 4. is not promised then.
 */
#include "proof.h"

#include "exact_host.h"

int main(void)
{
	struct viq_call_piece piece = {memory, nondet_u32()};
	struct viq_call_request req = {.type = VIQ_CALL_SMMUV3, .entry_size = 16, .pieces = &piece, .piece_count = 1};
	struct viq_call_host_ops ops = {.size = sizeof(ops), .invalidate = host, .report_group = GROUP};
	struct viq_call_host it = {&ops, NULL, 0};
	struct search s = {.host = &it, .req = &req, .count = piece.count};
	struct search before;
	uint32_t size, left;

	GIVEN(piece.count && piece.count <= VIQ_CALL_MAX_ENTRIES);
	s.lo = nondet_u32(), s.end = nondet_u32(), s.hint = nondet_u32(), s.chunk = nondet_u32();
	s.cost.calls = nondet_u32(), s.cost.due = nondet_u32();
	GIVEN(possible(&s));
	/* Room for one more call: the loop is left after it by 1., which --unwind 2 proves. */
	s.cost.extra = VIQ_CALL_MAX_HOST_CALLS - 2;
	s.why.error = nondet_u32();
	world.keeps = nondet_bool(), world.bad = nondet_u32(), world.group = ops.report_group;
	if (world.keeps) {
		GIVEN(world.bad >= s.lo && world.bad < s.count);
		GIVEN(!s.end || world.bad < s.end);
		/* It never lacks memory. */
		GIVEN(s.chunk == s.count);
	}
	before = s;
	search_run(&s);

	PROVE(world.calls == 1 && s.cost.extra > before.cost.extra);
	PROVE(s.lo >= before.lo && s.lo <= s.count);
	PROVE(world.from == before.lo);
	PROVE(s.lo - before.lo <= world.said_done);
	PROVE(s.lo == s.count || possible(&s));
	if (world.keeps) {
		PROVE(s.lo <= world.bad);
		PROVE(!s.end || world.bad < s.end);
		size = before.end - before.lo;
		left = s.end - s.lo;
		if (before.end && s.end)
			PROVE(before.hint != CALL_NO_HINT ? left <= size : left <= (size + 1) / 2);
		/* A refusal is never taken for a passing one. */
		if (before.end)
			PROVE(s.end);
		/* Hints are given by the first refusal only. */
		if (before.end && before.hint == CALL_NO_HINT)
			PROVE(s.hint == CALL_NO_HINT);
	}
	return 0;
}
