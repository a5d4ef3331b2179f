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
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "types.h"

struct viq_call_fanout {
	uint32_t count;
	struct viq_call_host hosts[VIQ_CALL_MAX_HOSTS];
};

/* A position in a request's gather list. */
struct cursor {
	const struct viq_call_request *req;
	uint32_t piece;  /* the piece's number */
	uint32_t offset; /* entries into it */
	uint32_t index;  /* the entry's number over the whole list */
};

/* What one host is given in one call: runs of entries that concern it. */
struct share {
	uint32_t runs;
	uint32_t count;                      /* entries */
	uint32_t first[VIQ_CALL_MAX_PIECES]; /* where each run begins in the whole list */
	struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
};

static const char *entry_at(const struct cursor *c)
{
	return (const char *)c->req->pieces[c->piece].entries + (size_t)c->offset * c->req->entry_size;
}

static bool concerns(const struct viq_call_host *host, const struct call_type *type, const void *entry)
{
	uint32_t sid, needs = type->needs(entry, &sid);

	return !needs || (viq_call_stream(host, sid) & needs) == needs;
}

/* Entries from the cursor on, in its piece and below limit, that all concern the host or all do not. */
static uint32_t run_length(const struct cursor *c, uint32_t limit, const struct viq_call_host *host,
			   const struct call_type *type, bool *concerned)
{
	uint32_t n = 1, left = c->req->pieces[c->piece].count - c->offset;
	const char *entry = entry_at(c);

	if (left > limit - c->index)
		left = limit - c->index;
	*concerned = true;
	if (!type->needs || !host->ops->stream)
		return left;
	*concerned = concerns(host, type, entry);
	while (n < left && concerns(host, type, entry + (size_t)n * type->entry_size) == *concerned)
		n++;
	return n;
}

/* Collect the next runs for the host, as many as one request holds. False if there are none: that would be a probe. */
static bool share_fill(struct share *share, struct cursor *c, uint32_t limit, const struct viq_call_host *host,
		       const struct call_type *type)
{
	share->runs = 0;
	while (c->index < limit && share->runs < VIQ_CALL_MAX_PIECES) {
		bool concerned;
		uint32_t n;

		if (c->offset == c->req->pieces[c->piece].count) {
			c->piece++;
			c->offset = 0;
			continue;
		}
		n = run_length(c, limit, host, type, &concerned);
		if (concerned) {
			share->first[share->runs] = c->index;
			share->pieces[share->runs].entries = entry_at(c);
			share->pieces[share->runs++].count = n;
		}
		c->offset += n;
		c->index += n;
	}
	return share->runs;
}

/* The whole list's index of a share's entry. */
static uint32_t share_index(const struct share *share, uint32_t local)
{
	uint32_t i = 0;

	while (i + 1 < share->runs && local >= share->pieces[i].count)
		local -= share->pieces[i++].count;
	return share->first[i] + local;
}

/*
 * Give one host its part of [0, res->handled). A failure replaces *res, in the whole list's indices; res->host_calls
 * goes on counting.
 */
static int call_one(const struct viq_call_host *host, const struct viq_call_request *whole,
		    const struct call_type *type, struct viq_call_result *res)
{
	struct cursor c = {.req = whole};
	struct viq_call_request req = *whole;
	struct share share;

	req.object = host->object;
	req.pieces = share.pieces;
	while (share_fill(&share, &c, res->handled, host, type)) {
		struct viq_call_result part = {.size = sizeof(part)};
		int ret;

		req.piece_count = share.runs;
		ret = viq_call_invalidate(host, &req, &part);
		if (ret)
			return ret;
		part.host_calls += res->host_calls;
		res->host_calls = part.host_calls;
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
		part.host_calls += res->host_calls;
		*res = part;
	}
	return 0;
}

static int fanout_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	const struct viq_call_fanout *fanout = opaque;
	const struct call_type *type = call_type_find(req->type);
	uint32_t count = 0;

	for (uint32_t i = 0; i < req->piece_count; i++)
		count += req->pieces[i].count;
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
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops),
		.report_group = 1,
		.invalidate = fanout_invalidate,
		.stream = fanout_stream,
	};

	return (struct viq_call_host){.ops = fanout ? &ops : NULL, .opaque = fanout};
}
