/* SPDX-License-Identifier: MIT */
/*
 * Exact answers from imprecise hosts.
 *
 * A guest must be told the index of the failing entry exactly, in both directions. Too high, and entries that never ran
 * count as done. Too low, and the guest destroys a valid invalidation: Linux's SMMUv3 driver answers CERROR_ILL by
 * overwriting the command at CMDQ_CONS with a CMD_SYNC and goes on. So neither rounding up nor rounding down will do.
 *
 * In this layer, though, an entry may be sent again at will: invalidations are idempotent, and the guest sees nothing
 * before the call returns. So what a host does not say can be found out by asking it again about smaller arrays.
 *
 * Only three things that a host says are believed:
 *   - all of an array is done, if it reports success and the full count;
 *   - of a failed array the *safe* entries are done: the largest multiple of report_group in the reported count, but
 *     nothing if the count is not below the array's length (Linux leaves the count as it was passed in when it fails
 *     before it starts);
 *   - an entry that is alone in a refused array is illegal.
 *
 * The search keeps a cursor, lo: entries [0, lo) took effect. After a refusal there is a *window* [lo, end) that holds
 * the culprit: the rest of the reported group, or more if the host says so. The window is halved by sending its first
 * half: success moves lo, refusal moves end. A window of 63 takes at most 7 calls. Because the first half goes first,
 * it is the lowest illegal entry that is found, and all before it took effect.
 *
 * The *hint* is what the host says of the first refusal: its own hint, or the reported count. Where that names the
 * culprit, sending [lo, hint), then the hint alone, takes two calls instead of seven; where it names the start of the
 * group it costs one (docs/kernels.md: which kernel does what). A hint is followed once, so that a host that hints at
 * random cannot lead the search astray for long.
 *
 * If every entry of a window succeeds after all, the refusal was a passing one and the rest is sent. Each step is a
 * pure function of indices and answers: gather pieces do not matter.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/minmax.h"

#include "cost.h"
#include "exact.h"
#include "gather.h"

struct search {
	const struct viq_call_host *host;
	const struct viq_call_request *req;
	uint32_t count;          /* entries of the request */
	uint32_t lo;             /* [0, lo) took effect */
	uint32_t end;            /* the window is [lo, end); 0: no refusal is open */
	uint32_t hint;           /* index, or CALL_NO_HINT */
	uint32_t chunk;          /* longest array that the host is given, shortened when it lacks memory */
	struct call_cost cost;   /* so far */
	struct call_failure why; /* the latest failure; its indices are not used */
};

uint32_t call_error_of_errno(int err)
{
	switch (err) {
	case -ENOMEM:
		return VIQ_CALL_NO_MEMORY;
	case -ENOENT:
	case -ENODEV:
		return VIQ_CALL_GONE;
	case -EFAULT:
		return VIQ_CALL_ABORTED;
	case -EOPNOTSUPP:
		return VIQ_CALL_UNSUPPORTED;
	}
	return VIQ_CALL_FAILED;
}

/* The highest index that can be the culprit in a failed array of len entries. */
static uint32_t last_suspect(uint32_t group, uint32_t len, uint32_t safe, const struct viq_call_result *answer)
{
	uint32_t last;

	if (!group || answer->error == VIQ_CALL_NONE)
		return len - 1;
	/* safe is 0, or group is not longer than the array: the sum is small. */
	last = max_u32(max_u32(answer->handled, answer->suspect), safe + group - 1);
	return min_u32(last, len - 1);
}

struct call_failure call_believe(uint32_t group, uint32_t len, int ret, const struct viq_call_result *answer)
{
	struct call_failure f = {.last = len ? len - 1 : 0, .hint = CALL_NO_HINT};

	if (ret) {
		f.error = call_error_of_errno(ret);
		f.os_error = ret < 0 ? ret : 0;
		return f;
	}
	/* Success with another count than the array's length contradicts itself. */
	f.error = answer->error;
	if (f.error == VIQ_CALL_NONE || f.error >= VIQ_CALL_ERROR_COUNT)
		f.error = VIQ_CALL_FAILED;
	f.hw_code = answer->hw_code;
	f.os_error = answer->os_error;
	if (answer->handled >= len)
		return f;
	if (group)
		f.safe = answer->handled - answer->handled % group;
	f.last = last_suspect(group, len, f.safe, answer);
	/* A count at a group's start with a wider window points at nothing. */
	if (answer->hint > f.safe && answer->hint <= f.last)
		f.hint = answer->hint;
	else if (answer->handled > f.safe || answer->suspect <= answer->handled)
		f.hint = answer->handled;
	return f;
}

/* Give [lo, to) to the host. True if all of it took effect, else *f is filled. */
static bool send(struct search *s, uint32_t to, struct call_failure *f)
{
	struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
	struct viq_call_request req = *s->req;
	struct viq_call_result answer = {.size = sizeof(answer)};
	uint32_t len = to - s->lo;
	int ret;

	req.pieces = pieces;
	req.piece_count = gather_cut(s->req, s->lo, to, pieces);
	ret = s->host->ops->invalidate(s->host->opaque, &req, &answer);
	call_cost_add(&s->cost, call_cost_claimed(ret, &answer), true);
	if (call_all_done(len, ret, &answer))
		return true;
	*f = call_believe(s->host->ops->report_group, len, ret, &answer);
	return false;
}

/* Where the next array ends. */
static uint32_t next_end(const struct search *s)
{
	uint32_t to;

	if (!s->end)
		to = s->count;
	else if (s->hint == CALL_NO_HINT)
		to = s->lo + (s->end - s->lo + 1) / 2;
	else
		to = s->hint > s->lo ? s->hint : s->lo + 1;
	return min_u32(to, s->lo + s->chunk);
}

/* [lo, to) took effect. */
static void advance(struct search *s, uint32_t to)
{
	s->lo = to;
	if (s->hint != CALL_NO_HINT && s->lo > s->hint)
		s->hint = CALL_NO_HINT;
	if (s->end && s->lo >= s->end) {
		/* The refusal has passed. If the search had to end now, no entry could be called illegal. */
		s->end = 0;
		s->why.error = VIQ_CALL_FAILED;
	}
}

/* Take in a failed call on [lo, to). True if another call may help; else [lo, end) is the answer's window. */
static bool retreat(struct search *s, uint32_t to, const struct call_failure *f)
{
	uint32_t from = s->lo;
	bool refusal = f->error == VIQ_CALL_ILLEGAL;

	if (f->error == VIQ_CALL_NO_MEMORY && to - from > 1) {
		if (!s->end)
			s->why = *f;
		s->chunk = (to - from) / 2;
		advance(s, from + f->safe);
		return true;
	}
	s->why = *f;
	s->hint = refusal && !s->end ? f->hint : CALL_NO_HINT;
	if (s->hint != CALL_NO_HINT)
		s->hint += from;
	s->lo = from + f->safe;
	s->end = from + f->last + 1;
	return refusal && f->safe < f->last;
}

static void search_run(struct search *s)
{
	while (s->lo < s->count && s->cost.extra < VIQ_CALL_MAX_HOST_CALLS - 1) {
		uint32_t to = next_end(s);
		struct call_failure f;

		if (send(s, to, &f))
			advance(s, to);
		else if (!retreat(s, to, &f))
			return;
	}
}

void call_exact(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count, int ret,
		const struct viq_call_result *answer, struct viq_call_result *res)
{
	struct search s = {.host = host,
			   .req = req,
			   .count = count,
			   .hint = CALL_NO_HINT,
			   .chunk = count,
			   .cost = call_cost_of(host, count, true, ret, answer)};
	struct call_failure f = call_believe(host->ops->report_group, count, ret, answer);

	if (!count)
		s.why = f;
	else if (retreat(&s, count, &f))
		search_run(&s);

	*res = (struct viq_call_result){.size = sizeof(*res), .host_calls = s.cost.calls, .extra_calls = s.cost.extra};
	res->handled = s.lo;
	res->suspect = s.lo;
	if (count && s.lo == count)
		return;
	if (count)
		res->suspect = (s.end ? s.end : count) - 1;
	res->error = s.why.error;
	res->hw_code = s.why.hw_code;
	res->os_error = s.why.os_error;
}
