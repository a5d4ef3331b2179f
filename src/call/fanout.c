/* SPDX-License-Identifier: MIT */
/*
 * Several hosts as one.
 *
 * The hosts are called one after the other through viq_call_invalidate(), so each answer is exact. A host is given only
 * the entries that concern it, and of those only what all hosts before it have handled: the *limit*. A failure lowers
 * the limit, so a later host can only fail earlier, and the last failure seen is the earliest of all. At the end,
 * entries [0, limit) took effect in every host that they concern.
 *
 * An entry that concerns no host counts as handled: nothing can hold what it invalidates.
 *
 * Where entries are skipped, a host's part is made of *runs*. A long run goes to the host where it lies; short ones are
 * collected in a copy first. How the parts fall depends on the entries alone, never on the caller's gather pieces:
 * else an imprecise host's answer would.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "exact.h"
#include "fanout.h"
#include "gather.h"
#include "types.h"

#define COPY_MAX 256 /* entries collected on the stack */
#define RUN_LONG 64  /* entries from which a call of its own costs less than the copy */

static_assert(RUN_LONG <= COPY_MAX, "a short run fits the copy");

struct viq_call_fanout {
	uint32_t count;
	struct viq_call_host hosts[VIQ_CALL_MAX_HOSTS];
};

/* What one host is given in one call. */
struct share {
	uint32_t count;       /* entries */
	uint32_t piece_count; /* of pieces */
	struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
	uint32_t index[COPY_MAX]; /* of each copied entry: its number in the whole list; else of the first alone */
	bool copied;
	uint64_t copy[COPY_MAX * CALL_ENTRY_WORDS];
};

static bool concerns(const struct viq_call_host *host, const struct call_type *type, const void *entry)
{
	uint32_t sid, needs;

	if (!type->needs || !host->ops->stream)
		return true;
	needs = type->needs(entry, &sid);
	return !needs || (viq_call_stream(host, sid) & needs) == needs;
}

/* Entries from the cursor on, up to limit, that concern the host one after the other. */
static uint32_t run_length(struct gather_cursor c, uint32_t limit, const struct viq_call_host *host,
			   const struct call_type *type)
{
	uint32_t start = c.index;

	if (!type->needs || !host->ops->stream)
		return limit - start;
	while (c.index < limit && concerns(host, type, gather_entry(&c)))
		gather_skip(&c, 1);
	return c.index - start;
}

static void share_copy(struct share *share, struct gather_cursor *c, uint32_t n)
{
	for (; n; n--) {
		char *to = (char *)share->copy + (size_t)share->count * c->req->entry_size;

		memcpy(to, gather_entry(c), c->req->entry_size);
		share->index[share->count++] = c->index;
		gather_skip(c, 1);
	}
	share->copied = true;
	share->pieces[0] = (struct viq_call_piece){share->copy, share->count};
	share->piece_count = 1;
}

static void share_direct(struct share *share, struct gather_cursor *c, uint32_t n)
{
	share->copied = false;
	share->count = n;
	share->index[0] = c->index;
	share->piece_count = gather_cut(c->req, c->index, c->index + n, share->pieces);
	gather_skip(c, n);
}

/* Collect the next entries below limit for the host. False if there are none: an empty array would be a probe. */
static bool share_fill(struct share *share, struct gather_cursor *c, uint32_t limit, const struct viq_call_host *host,
		       const struct call_type *type)
{
	share->count = 0;
	while (c->index < limit) {
		uint32_t n = run_length(*c, limit, host, type);

		if (!n) {
			gather_skip(c, 1);
		} else if (!share->count && (n >= RUN_LONG || c->index + n == limit)) {
			share_direct(share, c, n);
			break;
		} else if (n >= RUN_LONG || share->count + n > COPY_MAX) {
			break;
		} else {
			share_copy(share, c, n);
		}
	}
	return share->count;
}

/* The whole list's number of a share's entry. */
static uint32_t share_index(const struct share *share, uint32_t local)
{
	return share->copied ? share->index[local] : share->index[0] + local;
}

/*
 * Give one host its part of [0, res->handled). A failure replaces *res, in the whole list's indices; res->host_calls
 * and extra_calls go on counting.
 */
static int call_one(const struct viq_call_host *host, const struct viq_call_request *whole,
		    const struct call_type *type, struct viq_call_result *res)
{
	struct gather_cursor c = {.req = whole};
	struct viq_call_request req = *whole;
	struct share share;

	req.object = host->object;
	req.pieces = share.pieces;
	while (share_fill(&share, &c, res->handled, host, type)) {
		struct viq_call_result part = {.size = sizeof(part)};
		int ret;

		req.piece_count = share.piece_count;
		ret = viq_call_invalidate(host, &req, &part);
		if (ret)
			return ret;
		part.host_calls = call_add_host_calls(res->host_calls, part.host_calls);
		part.extra_calls = call_add_host_calls(res->extra_calls, part.extra_calls);
		res->host_calls = part.host_calls;
		res->extra_calls = part.extra_calls;
		if (part.error) {
			*res = part;
			res->handled = share_index(&share, part.handled);
			res->suspect = share_index(&share, part.suspect);
			return 0;
		}
	}
	return 0;
}

/* An empty array asks whether the type is supported: it is if every host says so. */
static int probe_all(const struct viq_call_fanout *fanout, const struct viq_call_request *whole,
		     struct viq_call_result *res)
{
	struct viq_call_request req = *whole;

	for (uint32_t i = 0; i < fanout->count && !res->error; i++) {
		struct viq_call_result part = {.size = sizeof(part)};
		int ret;

		req.object = fanout->hosts[i].object;
		ret = viq_call_invalidate(&fanout->hosts[i], &req, &part);
		if (ret)
			return ret;
		part.host_calls = call_add_host_calls(res->host_calls, part.host_calls);
		part.extra_calls = call_add_host_calls(res->extra_calls, part.extra_calls);
		*res = part;
	}
	return 0;
}

static int fanout_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	const struct viq_call_fanout *fanout = opaque;
	const struct call_type *type = call_type_find(req->type);
	uint32_t count = gather_count(req);

	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count};
	if (!count)
		return probe_all(fanout, req, res);
	for (uint32_t i = 0; i < fanout->count; i++) {
		int ret = call_one(&fanout->hosts[i], req, type, res);

		if (ret)
			return ret;
	}
	return 0;
}

static uint32_t fanout_stream(void *opaque, uint32_t object, uint32_t sid)
{
	const struct viq_call_fanout *fanout = opaque;
	uint32_t known = 0;

	for (uint32_t i = 0; i < fanout->count; i++)
		known |= viq_call_stream(&fanout->hosts[i], sid);
	return known;
}

static const struct viq_call_host_ops fanout_ops = {
	.size = sizeof(fanout_ops),
	.report_group = 1,
	.invalidate = fanout_invalidate,
	.stream = fanout_stream,
};

bool call_is_fanout(const struct viq_call_host *host)
{
	return host->ops == &fanout_ops;
}

int viq_call_fanout_create(const struct viq_call_host *hosts, uint32_t count, struct viq_call_fanout **out)
{
	struct viq_call_fanout *fanout;

	if (!hosts || !count || count > VIQ_CALL_MAX_HOSTS || !out)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		if (!hosts[i].ops || hosts[i].ops->size != sizeof(*hosts[i].ops) || !hosts[i].ops->invalidate)
			return -EINVAL;
	}
	fanout = calloc(1, sizeof(*fanout));
	if (!fanout)
		return -ENOMEM;
	fanout->count = count;
	memcpy(fanout->hosts, hosts, count * sizeof(*hosts));
	*out = fanout;
	return 0;
}

void viq_call_fanout_destroy(struct viq_call_fanout *fanout)
{
	free(fanout);
}

struct viq_call_host viq_call_fanout_host(struct viq_call_fanout *fanout)
{
	return (struct viq_call_host){.ops = fanout ? &fanout_ops : NULL, .opaque = fanout};
}
