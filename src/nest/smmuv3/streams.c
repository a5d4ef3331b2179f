/* SPDX-License-Identifier: MIT */
/*
 * From the guest's stream table to a backend's streams (IHI 0070 4.3.1).
 *
 * StreamIDs are gone through in order, whatever backend has them: so a cursor is a number, and what comes and goes
 * while it waits does no harm. A stream that comes behind the cursor is set by whoever added it.
 */
#include <errno.h>

#include "base/sized.h"
#include "base/work.h"

#include "nest/blame.h"
#include "nest.h"

/* Past every StreamID. */
#define END (UINT64_C(1) << 32)

/* struct viq_work.cursor */
enum {
	NEXT,  /* StreamIDs below are done */
	ERROR, /* the first, or 0 */
};

/* The backend's first stream from this one on: 1; 0: there is none; -EIO: it goes backwards; or its own error. */
static int next_stream(const struct viq_smmuv3_backend *b, uint64_t from, uint32_t *vsid, bool *broken)
{
	int found;

	if (from >= END)
		return 0;
	*vsid = (uint32_t)from;
	*broken = false;
	found = b->ops->next(b->opaque, b->object, vsid, broken);
	if (found > 0)
		return *vsid < from ? -EIO : 1;
	return found;
}

/* *holds, if an error does: the guest's command must not complete. It does if the host has the stream abort. */
static int set(struct viq_nest_smmuv3 *nest, const struct viq_smmuv3_backend *b, uint32_t vsid,
	       const struct viq_smmuv3_stream *stream, struct viq_work *work, bool *holds)
{
	struct viq_smmuv3_outcome outcome = {.size = sizeof(outcome), .vsid = vsid};
	int err = b->ops->set(b->opaque, b->object, vsid, stream, &outcome);

	work_spend(work, (uint64_t)(outcome.calls ? outcome.calls : 1) * VIQ_WORK_CALL);
	if (nest->ops.trace)
		nest->ops.trace(nest->opaque, &outcome);
	/* -ENOENT and nothing said: it left before it could be set. */
	if (err && (outcome.fate != VIQ_SMMUV3_STREAM_FAILED || nest_may_pass(err)))
		*holds |= outcome.fate || err != -ENOENT;
	return err;
}

static const struct viq_smmuv3_stream blocked = {
	.size = sizeof(blocked), .mode = VIQ_SMMUV3_ABORT, .ste = {VIQ_SMMUV3_STE_0_V}};

int nest_smmuv3_block_all(struct viq_nest_smmuv3 *nest, const struct viq_smmuv3_backend *b)
{
	struct viq_work work = {0};
	bool broken, holds = false;
	int err = 0, found;
	uint32_t vsid;

	for (uint64_t next = 0; (found = next_stream(b, next, &vsid, &broken)) > 0; next = vsid + UINT64_C(1))
		nest_first(&err, set(nest, b, vsid, &blocked, &work, &holds));
	nest_first(&err, found);
	return err;
}

/*
 * Registers concern all streams, also those whose number the guest cannot name. A stream that is not what it was to be
 * is tried again whenever there is a chance; of one that could not be made to abort the error is everybody's.
 */
static bool concerns(const struct viq_smmuv3_reconfig *what, uint32_t vsid, bool broken)
{
	return broken || what->cause != VIQ_SMMUV3_CFGI_STE || (vsid >= what->first && vsid <= what->last);
}

/* Streams that a step looks at, in each backend, to find one. Each that concerns nobody costs 1. */
#define LOOK 64

/*
 * The backend's next stream to be set. END: none. *found false: it concerns nobody, and is how far this step has come.
 */
static uint64_t next_of(const struct viq_smmuv3_backend *b, struct viq_smmuv3_reconfig *what, bool *found, int *err)
{
	uint64_t next = what->work.cursor[NEXT];
	uint32_t vsid = 0;

	for (uint32_t i = 0; i < LOOK; i++, next = vsid + UINT64_C(1)) {
		bool broken;
		int ret = next_stream(b, next, &vsid, &broken);

		if (ret <= 0) {
			nest_first(err, ret);
			return END;
		}
		*found = concerns(what, vsid, broken);
		if (*found)
			break;
		work_spend(&what->work, 1);
	}
	return vsid;
}

static bool has(const struct viq_smmuv3_backend *b, uint32_t vsid)
{
	uint32_t found;
	bool broken;

	return next_stream(b, vsid, &found, &broken) == 1 && found == vsid;
}

/* In every backend that has the stream. -ENOENT: none has. */
static int set_everywhere(struct viq_nest_smmuv3 *nest, uint32_t vsid, const struct viq_smmuv3_stream *now,
			  struct viq_work *work, bool *holds)
{
	bool found = false;
	int err = 0;

	for (size_t i = 0; i < nest->count; i++) {
		const struct viq_smmuv3_backend *b = &nest->backends[i];

		if (!has(b, vsid))
			continue;
		found = true;
		nest_first(&err, set(nest, b, vsid, now, work, holds));
	}
	return found ? err : -ENOENT;
}

/* The guest's words for the stream. */
static int follow(struct viq_nest_smmuv3 *nest, uint32_t vsid, struct viq_work *work, bool *holds)
{
	struct viq_smmuv3_stream now = {.size = sizeof(now)};
	int err = viq_smmuv3_stream_config(nest->smmu, vsid, &now);

	return err ? err : set_everywhere(nest, vsid, &now, work, holds);
}

int viq_nest_smmuv3_block(struct viq_nest_smmuv3 *nest, uint32_t vsid)
{
	struct viq_work work = {0};
	bool holds = false;

	return nest ? set_everywhere(nest, vsid, &blocked, &work, &holds) : -EINVAL;
}

int viq_nest_smmuv3_follow(struct viq_nest_smmuv3 *nest, uint32_t vsid)
{
	struct viq_work work = {0};
	bool holds = false;

	if (!nest)
		return -EINVAL;
	return nest->smmu ? follow(nest, vsid, &work, &holds) : -ENODEV;
}

/* One more stream, or some that concern nobody. false: there is none. */
static bool step(struct viq_nest_smmuv3 *nest, struct viq_smmuv3_reconfig *what, int *err)
{
	uint64_t vsid = END;
	bool found = false, holds = false;
	int ret;

	for (size_t i = 0; i < nest->count; i++) {
		bool concerned = false;
		uint64_t mine = next_of(&nest->backends[i], what, &concerned, err);

		found = mine < vsid ? concerned : found || (concerned && mine == vsid);
		vsid = mine < vsid ? mine : vsid;
	}
	what->work.cursor[NEXT] = vsid;
	if (vsid == END)
		return false;
	what->work.cursor[NEXT]++;
	if (!found)
		return true;
	ret = follow(nest, (uint32_t)vsid, &what->work, &holds);
	if (holds)
		nest_first(err, ret);
	return true;
}

int viq_nest_smmuv3_reconfig(struct viq_nest_smmuv3 *nest, struct viq_smmuv3_reconfig *asked)
{
	struct viq_smmuv3_reconfig what = {0};
	bool more;
	int err;

	if (!nest)
		return -EINVAL;
	err = sized_take(&what, sizeof(what), asked, sizeof(what), "what", NULL);
	if (err)
		return err;
	if (what.cause > VIQ_SMMUV3_RESTORED || what.first > what.last)
		return -EINVAL;
	if (!nest->smmu)
		return -ENODEV;
	what.work.cost = 0;
	err = (int)(int64_t)what.work.cursor[ERROR];
	do
		more = step(nest, &what, &err);
	while (more && work_goes_on(&what.work));
	asked->work.cost = what.work.cost;
	asked->work.cursor[NEXT] = more ? what.work.cursor[NEXT] : 0;
	asked->work.cursor[ERROR] = more ? (uint64_t)(int64_t)err : 0;
	return more ? 1 : err;
}
