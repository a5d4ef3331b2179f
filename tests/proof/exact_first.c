/* SPDX-License-Identifier: MIT */
/*
 * The start of the halving search (call/exact.c), from any first answer to a request of any length, and what is told of
 * a search that stops there: entries are done by the host's word only (P1); the culprit of a host that keeps its
 * contract is in [handled, suspect] (P2); a failure has an error; and the state is one that exact_step.c begins with.
 *
 * Bounds: as in exact_step.c.
 */
#include "proof.h"

#include "exact_host.h"

int main(void)
{
	struct viq_call_piece piece = {memory, nondet_u32()};
	struct viq_call_request req = {.type = VIQ_CALL_SMMUV3, .entry_size = 16, .pieces = &piece, .piece_count = 1};
	struct viq_call_host_ops ops = {.size = sizeof(ops), .invalidate = host, .report_group = GROUP};
	struct viq_call_host it = {&ops, NULL, 0};
	struct viq_call_result answer = {.size = sizeof(answer)}, res = {.size = sizeof(res)};
	const uint32_t count = piece.count;
	struct search s = {.host = &it, .req = &req, .count = count, .hint = CALL_NO_HINT, .chunk = count};
	struct call_failure f;
	int ret;

	GIVEN(count && count <= VIQ_CALL_MAX_ENTRIES);
	world.keeps = nondet_bool(), world.bad = nondet_u32(), world.group = GROUP;
	GIVEN(!world.keeps || world.bad < count);
	ret = host(NULL, &req, &answer);
	GIVEN(!call_all_done(count, ret, &answer));

	f = call_believe(GROUP, count, ret, &answer);
	PROVE(f.safe <= world.said_done && f.safe < count && f.last < count && f.safe <= f.last);
	PROVE(f.error != VIQ_CALL_NONE && f.error < VIQ_CALL_ERROR_COUNT);
	retreat(&s, count, &f);
	PROVE(possible(&s));

	/* It has cost so much that no call is left. */
	answer.host_calls = UINT32_MAX;
	call_exact(&it, &req, count, ret ? -1 : 0, &answer, &res);
	PROVE(world.calls == 1 || ret);
	PROVE(res.handled <= world.said_done && res.handled <= res.suspect && res.suspect < count);
	PROVE(res.error != VIQ_CALL_NONE && res.error < VIQ_CALL_ERROR_COUNT);
	if (world.keeps)
		PROVE(res.handled <= world.bad && world.bad <= res.suspect);
	return 0;
}
