/* SPDX-License-Identifier: MIT */
/*
 * From what a stream is to do to what it is attached to (IHI 0070 4.3, 5.2; struct iommu_hwpt_arm_smmuv3).
 *
 *   it is to                attached                                    if it fails
 *   abort, fault            the shared table that aborts                detached
 *   bypass                  the shared table that bypasses; substreams  aborts, error
 *                           abort, though SMMUEN = 0 bypasses them too:
 *                           a physical STE with stage 2 alone has none
 *   stage 1, new words      a table of its own                          aborts; error unless the words are refused
 *   stage 1, as before      as before, and CFGI_CD_ALL: what CFGI_STE   aborts, error
 *                           promises of context descriptors (4.3.1)
 *
 * An error is never hidden while a stream may translate by tables that the guest has asked to leave (BROKEN). One that
 * aborts is set again whenever there is a chance.
 */
#include <errno.h>

#include "base/sized.h"

#include "vsmmu.h"

const uint64_t linux_ste_abort[2] = {VIQ_SMMUV3_STE_0_V |
				     VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_ABORT)};
const uint64_t linux_ste_bypass[2] = {VIQ_SMMUV3_STE_0_V |
				      VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_BYPASS)};

/* The stream translates by the words it has: its context descriptors are read again. */
static int reread_cds(struct viq_linux_vsmmu *v, const struct linux_stream *s, uint32_t *calls)
{
	const le64 cmd[2] = {le64_put(VIQ_PUT(VIQ_SMMUV3_CMD_OP, VIQ_SMMUV3_OP_CFGI_CD_ALL) |
				      VIQ_PUT(VIQ_SMMUV3_CMD_SID, s->dev.number))};
	const struct viq_call_piece piece = {cmd, 1};
	const struct viq_call_request req = {
		.size = sizeof(req),
		.object = v->inv.object,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = VIQ_SMMUV3_CMD_SIZE,
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result res = {.size = sizeof(res)};
	int err = linux_invalidate(&v->inv, &req, &res);

	*calls += res.host_calls;
	if (err || (!res.error && res.handled == 1))
		return err;
	return res.os_error ? res.os_error : -EIO;
}

/*
 * The words that the hardware gets, of those that the guest may choose. Stalls are not offered: with STALL_MODEL 0 only
 * S1STALLD keeps the guest's CD.S from stalling the physical SMMU, with others it is ILLEGAL (5.2).
 */
static void physical_words(const struct viq_linux_vsmmu *v, const struct linux_stream *s, uint64_t ste[2])
{
	ste[1] &= ~VIQ_SMMUV3_STE_1_S1STALLD;
	if (!VIQ_GET(VIQ_SMMUV3_IDR0_STALL_MODEL, v->hw.idr[0]))
		ste[1] |= VIQ_SMMUV3_STE_1_S1STALLD;
	if (!s->ats)
		ste[1] &= ~VIQ_SMMUV3_STE_1_EATS;
}

/* An error is the guest's fault if o->fate is REJECTED. */
static int translate(struct viq_linux_vsmmu *v, struct linux_stream *s, struct viq_smmuv3_outcome *o)
{
	bool refused;
	int err;

	if (linux_stream_has(s, o->ste)) {
		o->fate = VIQ_SMMUV3_STREAM_UNCHANGED;
		return reread_cds(v, s, &o->calls);
	}
	err = linux_stream_make_room(v, s);
	if (err)
		return err;
	o->fate = VIQ_SMMUV3_STREAM_STAGE1;
	err = linux_stream_translate(v, s, o->ste, VIQ_GET(VIQ_SMMUV3_STE_1_EATS, o->ste[1]) == 1, &refused);
	/* What attaching it says is of the device: busy in a reset, or a neighbour that is not the guest's. */
	if (refused)
		o->fate = VIQ_SMMUV3_STREAM_REJECTED;
	return err;
}

static int follow(struct viq_linux_vsmmu *v, struct linux_stream *s, const struct viq_smmuv3_stream *now,
		  struct viq_smmuv3_outcome *o)
{
	o->ste[0] = now->ste[0];
	o->ste[1] = now->ste[1];
	switch ((enum viq_smmuv3_stream_mode)now->mode) {
	case VIQ_SMMUV3_ABORT:
		o->fate = VIQ_SMMUV3_STREAM_ABORT;
		return linux_stream_abort(v, s);
	case VIQ_SMMUV3_FAULT:
		o->fate = VIQ_SMMUV3_STREAM_FAULT;
		return linux_stream_abort(v, s);
	case VIQ_SMMUV3_BYPASS:
		o->fate = VIQ_SMMUV3_STREAM_BYPASS;
		return linux_stream_share(v, s, v->bypass);
	case VIQ_SMMUV3_STAGE1:
		physical_words(v, s, o->ste);
		return translate(v, s, o);
	case VIQ_SMMUV3_STAGE2: /* no guest is offered one */
		break;
	}
	return -EINVAL;
}

/* It cannot be what the guest says: then it aborts. */
static int give_up(struct viq_linux_vsmmu *v, struct linux_stream *s, struct viq_smmuv3_outcome *o, int err)
{
	bool refused = o->fate == VIQ_SMMUV3_STREAM_REJECTED;

	o->os_error = err;
	o->fate = VIQ_SMMUV3_STREAM_BROKEN;
	if (linux_stream_abort(v, s))
		return err;
	o->fate = refused ? VIQ_SMMUV3_STREAM_REJECTED : VIQ_SMMUV3_STREAM_FAILED;
	s->failed = !refused;
	linux_add(refused ? &v->rejected : &v->failed, 1);
	return refused ? 0 : err;
}

int viq_linux_vsmmu_set(struct viq_linux_vsmmu *v, uint32_t vsid, const struct viq_smmuv3_stream *stream,
			struct viq_smmuv3_outcome *outcome)
{
	struct viq_smmuv3_outcome o = {.size = sizeof(o), .vsid = vsid};
	struct viq_smmuv3_stream now = {0};
	struct linux_stream *s;
	int err;

	if (!v || !outcome || !SIZED_ROOM(struct viq_smmuv3_outcome, outcome, calls))
		return -EINVAL;
	err = sized_take(&now, sizeof(now), stream, SIZED_TO(struct viq_smmuv3_stream, event), "stream", NULL);
	if (err)
		return err;
	if (now.mode > VIQ_SMMUV3_STAGE1)
		return -EINVAL;
	s = linux_streams_find(v, vsid);
	if (!s)
		return -ENOENT;
	v->attacher.calls = 0;
	linux_streams_collect_removed(v);
	s->disabled = now.disabled;
	s->failed = false;
	err = follow(v, s, &now, &o);
	if (err)
		err = give_up(v, s, &o, err);
	o.calls += v->attacher.calls;
	sized_give(outcome, outcome->size, &o, sizeof(o));
	return err;
}
