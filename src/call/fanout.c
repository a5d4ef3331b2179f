/* SPDX-License-Identifier: MIT */
/*
 * Several hosts as one.
 *
 * The hosts are called one after the other through call_checked(), so each answer is exact. A host is given only
 * the entries that concern it, and of those only what all hosts before it have handled: the *limit*. A failure lowers
 * the limit, so a later host can only fail earlier, and the last failure seen is the earliest of all. At the end,
 * entries [0, limit) took effect in every host that they concern.
 *
 * An entry that concerns no host counts as handled: nothing can hold what it invalidates.
 *
 * Where entries are skipped, a host's part is made of *runs*. A long run goes to the host where it lies; short ones are
 * collected in a copy first. How the parts fall depends on the entries alone, never on the caller's gather pieces:
 * else an imprecise host's answer would.
 *
 * Hosts come and go while others call. A call takes the hosts one at a time, each with the lock held for as long as it
 * takes to find it and to count one user more; removing a host waits until it has no user. Why a host that joins during
 * a call may miss it: the call found no host in that place before the host was put there, so what the guest changed
 * before it queued the invalidation was in memory before the new host read anything of it.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/guard.h"
#include "base/why.h"

#include "checked.h"
#include "cost.h"
#include "fanout.h"
#include "gather.h"
#include "host.h"
#include "types.h"

#define COPY_MAX 256 /* entries collected on the stack */
#define RUN_LONG 64  /* entries from which a call of its own costs less than the copy */

static_assert(RUN_LONG <= COPY_MAX, "a short run fits the copy");

struct member {
	struct viq_call_host host; /* no ops: the place is free */
	uint32_t users;            /* calls in it now */
	bool leaving;              /* no more of them */
};

struct viq_call_fanout {
	pthread_mutex_t lock; /* members; never held during a call */
	pthread_cond_t idle;  /* a leaving member has no users any more */
	struct member members[VIQ_CALL_MAX_HOSTS];
};

/* Fan-outs' hosts that this thread is in: whoever is in one must not wait for its being left. */
static _Thread_local unsigned int inside;

/* What one host is given in one call. */
struct share {
	uint32_t count;       /* entries */
	uint32_t piece_count; /* of pieces */
	struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
	uint32_t index[COPY_MAX]; /* of each copied entry: its number in the whole list; else of the first alone */
	bool copied;
	uint64_t copy[COPY_MAX * CALL_ENTRY_WORDS];
};

/* --- Hosts that come and go --------------------------------------------------------------------------------------- */

/* Leave prev, unless it is NULL, and enter the member behind it; behind NULL is the first one. NULL: there is none. */
static struct member *next_member(struct viq_call_fanout *fanout, struct member *prev)
{
	struct member *m = prev ? prev + 1 : fanout->members, *end = fanout->members + VIQ_CALL_MAX_HOSTS;

	pthread_mutex_lock(&fanout->lock);
	if (prev) {
		inside--;
		if (!--prev->users && prev->leaving)
			pthread_cond_broadcast(&fanout->idle);
	}
	while (m < end && (!m->host.ops || m->leaving))
		m++;
	if (m < end) {
		m->users++;
		inside++;
	}
	pthread_mutex_unlock(&fanout->lock);
	return m < end ? m : NULL;
}

/* --- What one host is given --------------------------------------------------------------------------------------- */

/* For a type that names streams, and a host that knows which it has. */
static bool concerns(const struct viq_call_host *host, const struct call_type *type, const void *entry)
{
	uint32_t sid, needs = type->needs(entry, &sid);

	return !needs || (viq_call_stream(host, sid) & needs) == needs;
}

/* Entries from the cursor on, up to limit, that concern the host one after the other. */
static uint32_t run_length(struct gather_cursor c, uint32_t limit, const struct viq_call_host *host,
			   const struct call_type *type)
{
	uint32_t start = c.index;

	if (!type->needs || !CALL_HOST_OP(host->ops, stream))
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

/* One call to one host: *part is its answer, with what it and the calls before it, in *res, have cost. */
static void call_part(const struct viq_call_host *host, const struct viq_call_request *req, uint32_t count,
		      const struct viq_call_result *res, struct viq_call_result *part)
{
	call_checked(host, req, count, part);
	part->host_calls = call_cost_sum(res->host_calls, part->host_calls);
	part->extra_calls = call_cost_sum(res->extra_calls, part->extra_calls);
}

/* Give one host its part of [0, res->handled). A failure replaces *res, in the whole list's indices. */
static void call_one(const struct viq_call_host *host, const struct viq_call_request *whole,
		     const struct call_type *type, struct viq_call_result *res)
{
	struct gather_cursor c = {.req = whole};
	struct viq_call_request req = *whole;
	struct viq_call_result part;
	struct share share;

	req.object = host->object;
	req.pieces = share.pieces;
	while (share_fill(&share, &c, res->handled, host, type)) {
		req.piece_count = share.piece_count;
		call_part(host, &req, share.count, res, &part);
		res->host_calls = part.host_calls;
		res->extra_calls = part.extra_calls;
		if (part.error) {
			*res = part;
			res->handled = share_index(&share, part.handled);
			res->suspect = share_index(&share, part.suspect);
			return;
		}
	}
}

/* An empty array asks whether the type is supported: it is if every host says so. */
static void probe_one(const struct viq_call_host *host, const struct viq_call_request *whole,
		      struct viq_call_result *res)
{
	struct viq_call_request req = *whole;
	struct viq_call_result part;

	req.object = host->object;
	call_part(host, &req, 0, res, &part);
	*res = part;
}

static int fanout_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct viq_call_fanout *fanout = opaque;
	const struct call_type *type = call_type_find(req->type);
	uint32_t count = gather_count(req);
	struct member *m = NULL;

	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count};
	while ((m = next_member(fanout, m))) {
		/* After a failure the others still get what is before it; not so a question. */
		if (count)
			call_one(&m->host, req, type, res);
		else if (!res->error)
			probe_one(&m->host, req, res);
	}
	return 0;
}

static uint32_t fanout_stream(void *opaque, uint32_t object, uint32_t sid)
{
	struct viq_call_fanout *fanout = opaque;
	struct member *m = NULL;
	uint32_t known = 0;

	while ((m = next_member(fanout, m)))
		known |= viq_call_stream(&m->host, sid);
	return known;
}

const struct viq_call_host_ops call_fanout_ops = {
	.size = sizeof(call_fanout_ops),
	.report_group = 1,
	.invalidate = fanout_invalidate,
	.stream = fanout_stream,
};

/* --- Life --------------------------------------------------------------------------------------------------------- */

/* The member, NULL if there is none. */
static struct member *find(struct viq_call_fanout *fanout, const struct viq_call_host *host) MUST_HOLD(fanout->lock)
{
	for (struct member *m = fanout->members; m < fanout->members + VIQ_CALL_MAX_HOSTS; m++) {
		if (m->host.ops == host->ops && m->host.opaque == host->opaque && m->host.object == host->object)
			return m;
	}
	return NULL;
}

/* A checked host joins. */
static int join(struct viq_call_fanout *fanout, const struct viq_call_host *host, struct viq_why *why)
{
	const struct viq_call_host none = {0};
	struct member *m = NULL;
	bool there;

	pthread_mutex_lock(&fanout->lock);
	there = find(fanout, host);
	if (!there)
		m = find(fanout, &none);
	if (m)
		m->host = *host;
	pthread_mutex_unlock(&fanout->lock);
	if (there)
		return why_say(why, -EEXIST, "host: the fan-out has it, or it is still being removed");
	return m ? 0 : why_say(why, -ENOSPC, "host: the fan-out has %d, and can have no more", VIQ_CALL_MAX_HOSTS);
}

int viq_call_fanout_create(const struct viq_call_host *hosts, uint32_t count, struct viq_call_fanout **out,
			   struct viq_why *why)
{
	struct viq_call_fanout *fanout;

	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	if ((count && !hosts) || count > VIQ_CALL_MAX_HOSTS)
		return why_say(why, -EINVAL, "hosts, count: NULL, or more than %d", VIQ_CALL_MAX_HOSTS);
	for (uint32_t i = 0; i < count; i++) {
		if (!call_host_ok(&hosts[i]))
			return why_say(why, -EINVAL, "hosts[%u]: " CALL_HOST_WRONG, i);
	}
	fanout = calloc(1, sizeof(*fanout));
	if (!fanout)
		return why_say(why, -ENOMEM, "no memory");
	if (pthread_mutex_init(&fanout->lock, NULL))
		goto free_fanout;
	if (pthread_cond_init(&fanout->idle, NULL))
		goto destroy_lock;
	for (uint32_t i = 0; i < count; i++) {
		if (join(fanout, &hosts[i], NULL)) {
			viq_call_fanout_destroy(fanout);
			return why_say(why, -EEXIST, "hosts[%u]: the same as an earlier one", i);
		}
	}
	*out = fanout;
	return 0;

destroy_lock:
	pthread_mutex_destroy(&fanout->lock);
free_fanout:
	free(fanout);
	return why_say(why, -ENOMEM, "no memory");
}

void viq_call_fanout_destroy(struct viq_call_fanout *fanout)
{
	if (!fanout)
		return;
	pthread_cond_destroy(&fanout->idle);
	pthread_mutex_destroy(&fanout->lock);
	free(fanout);
}

struct viq_call_host viq_call_fanout_host(struct viq_call_fanout *fanout)
{
	return (struct viq_call_host){.ops = fanout ? &call_fanout_ops : NULL, .opaque = fanout};
}

int viq_call_fanout_add(struct viq_call_fanout *fanout, const struct viq_call_host *host, struct viq_why *why)
{
	if (!fanout)
		return why_say(why, -EINVAL, "fanout: NULL");
	if (!call_host_ok(host))
		return why_say(why, -EINVAL, "host: " CALL_HOST_WRONG);
	/* Else one could get into itself. */
	if (call_is_fanout(host))
		return why_say(why, -ELOOP, "host: a fan-out, which can only be among the hosts of another's creation");
	return join(fanout, host, why);
}

int viq_call_fanout_remove(struct viq_call_fanout *fanout, const struct viq_call_host *host)
{
	struct member *m;

	if (!fanout || !host || !host->ops)
		return -EINVAL;
	if (inside)
		return -EDEADLK;
	pthread_mutex_lock(&fanout->lock);
	m = find(fanout, host);
	if (m && !m->leaving) {
		m->leaving = true;
		while (m->users)
			pthread_cond_wait(&fanout->idle, &fanout->lock);
		*m = (struct member){0};
	} else {
		m = NULL;
	}
	pthread_mutex_unlock(&fanout->lock);
	return m ? 0 : -ENOENT;
}
