/* SPDX-License-Identifier: MIT */
/*
 * From the guest's stream table to a backend's streams (IHI 0070 4.3.1).
 *
 * StreamIDs are gone through in order, whatever backend has them: so a cursor is a number, and what comes and goes
 * while it waits does no harm. A stream that comes behind the cursor is set by whoever added it.
 */
#include <errno.h>

#include "nest.h"

/* Past every StreamID. */
#define END (UINT64_C(1) << 32)

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

static int set(struct viq_nest_smmuv3 *nest, const struct viq_smmuv3_backend *b, uint32_t vsid,
	       const struct viq_smmuv3_stream *stream, uint32_t *calls)
{
	struct viq_smmuv3_outcome outcome = {.size = sizeof(outcome), .vsid = vsid};
	int err = b->ops->set(b->opaque, b->object, vsid, stream, &outcome);

	*calls = outcome.calls;
	if (nest->ops.trace)
		nest->ops.trace(nest->opaque, &outcome);
	return err;
}

int nest_smmuv3_block(struct viq_nest_smmuv3 *nest, const struct viq_smmuv3_backend *b)
{
	const struct viq_smmuv3_stream blocked = {
		.size = sizeof(blocked), .mode = VIQ_SMMUV3_ABORT, .ste = {VIQ_SMMUV3_STE_0_V}};
	uint32_t vsid, calls;
	int err = 0, found;
	bool broken;

	for (uint64_t next = 0; (found = next_stream(b, next, &vsid, &broken)) > 0; next = vsid + UINT64_C(1))
		nest_first(&err, set(nest, b, vsid, &blocked, &calls));
	nest_first(&err, found);
	return err;
}

/*
 * Registers concern all streams, also those whose number the guest cannot name. A stream that could not be made to
 * abort is tried again whenever there is a chance, and its error is everybody's.
 */
static bool concerns(const struct viq_nest_smmuv3_cursor *c, uint32_t vsid, bool broken)
{
	return broken || c->cause != VIQ_SMMUV3_CFGI_STE || (vsid >= c->first && vsid <= c->last);
}

/* The backend's next stream to be set. END: none. */
static uint64_t next_of(const struct viq_smmuv3_backend *b, struct viq_nest_smmuv3_cursor *c)
{
	uint32_t vsid;
	bool broken;
	int found;

	for (uint64_t next = c->next; (found = next_stream(b, next, &vsid, &broken)) > 0; next = vsid + UINT64_C(1)) {
		if (concerns(c, vsid, broken))
			return vsid;
	}
	nest_first(&c->error, found);
	return END;
}

int viq_nest_smmuv3_begin(struct viq_nest_smmuv3_cursor *cursor, enum viq_smmuv3_reconfig_cause cause, uint32_t first,
			  uint32_t last)
{
	if (!cursor || (uint32_t)cause > VIQ_SMMUV3_RESTORED || first > last)
		return -EINVAL;
	*cursor = (struct viq_nest_smmuv3_cursor){.cause = cause, .first = first, .last = last};
	return 0;
}

static bool has(const struct viq_smmuv3_backend *b, uint32_t vsid)
{
	uint32_t found;
	bool broken;

	return next_stream(b, vsid, &found, &broken) == 1 && found == vsid;
}

/* The guest's words for the stream, in every backend that has it. -ENOENT: none has. */
static int follow(struct viq_nest_smmuv3 *nest, uint32_t vsid, uint32_t *cost)
{
	struct viq_smmuv3_stream now = {.size = sizeof(now)};
	int err = viq_smmuv3_stream_config(nest->smmu, vsid, &now);
	bool found = false;

	for (size_t i = 0; i < nest->count; i++) {
		const struct viq_smmuv3_backend *b = &nest->backends[i];
		uint32_t calls = 0;

		if (!has(b, vsid))
			continue;
		found = true;
		nest_first(&err, set(nest, b, vsid, &now, &calls));
		*cost += calls;
	}
	return found ? err : -ENOENT;
}

int viq_nest_smmuv3_follow(struct viq_nest_smmuv3 *nest, uint32_t vsid)
{
	uint32_t cost = 0;

	if (!nest)
		return -EINVAL;
	return nest->smmu ? follow(nest, vsid, &cost) : -ENODEV;
}

bool viq_nest_smmuv3_step(struct viq_nest_smmuv3 *nest, struct viq_nest_smmuv3_cursor *cursor, uint32_t *cost)
{
	uint64_t vsid = END;
	uint32_t spent = 1;

	if (cost)
		*cost = 0;
	if (!nest || !cursor)
		return false;
	if (!nest->smmu) {
		nest_first(&cursor->error, -ENODEV);
		return false;
	}
	for (size_t i = 0; i < nest->count; i++) {
		uint64_t mine = next_of(&nest->backends[i], cursor);

		if (mine < vsid)
			vsid = mine;
	}
	cursor->next = vsid;
	if (vsid < END) {
		nest_first(&cursor->error, follow(nest, (uint32_t)vsid, &spent));
		cursor->next++;
	}
	if (cost)
		*cost = spent;
	return vsid < END;
}

int viq_nest_smmuv3_reconfig(struct viq_nest_smmuv3 *nest, enum viq_smmuv3_reconfig_cause cause, uint32_t first,
			     uint32_t last)
{
	struct viq_nest_smmuv3_cursor cursor;
	int err = viq_nest_smmuv3_begin(&cursor, cause, first, last);

	if (err || !nest)
		return -EINVAL;
	if (!nest->smmu)
		return -ENODEV;
	while (viq_nest_smmuv3_step(nest, &cursor, NULL))
		;
	return cursor.error;
}
