/* SPDX-License-Identifier: MIT */
/*
 * From the guest's stream table to what a stream is attached to (IHI 0070 4.3, 5.2; struct iommu_hwpt_arm_smmuv3).
 *
 *   the guest says          attached                                    if it fails
 *   abort, fault            the shared table that aborts                detached
 *   bypass                  the shared table that bypasses              aborts, error
 *   stage 1, new words      a table of its own                          aborts; error unless the words are refused
 *   stage 1, as before      as before, and CFGI_CD_ALL: what CFGI_STE   aborts, error
 *                           promises of context descriptors (4.3.1)
 *
 * An error is returned to the guest's command queue, which stops at the command: the guest retries. It is never hidden
 * while a stream translates by tables that the guest has asked to leave.
 */
#include <endian.h>
#include <errno.h>

#include <viq/smmuv3.h>

#include "vsmmu.h"

const uint64_t linux_ste_abort[2] = {VIQ_SMMUV3_STE_0_V |
				     VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_ABORT)};
const uint64_t linux_ste_bypass[2] = {VIQ_SMMUV3_STE_0_V |
				      VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, VIQ_SMMUV3_STE_CONFIG_BYPASS)};

/* The stream translates by the words it has: its context descriptors are read again. */
static int reread_cds(struct viq_linux_vsmmu *v, const struct linux_stream *s)
{
	const uint64_t cmd[2] = {htole64(VIQ_PUT(VIQ_SMMUV3_CMD_OP, VIQ_SMMUV3_OP_CFGI_CD_ALL) |
					 VIQ_PUT(VIQ_SMMUV3_CMD_SID, s->dev.number))};
	const struct viq_call_piece piece = {cmd, 1};
	const struct viq_call_request req = {
		.size = sizeof(req),
		.object = v->viommu,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = VIQ_SMMUV3_CMD_SIZE,
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result res = {.size = sizeof(res)};
	int err = linux_invalidate(&v->inv, &req, &res);

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

/* An error is the guest's fault if t->fate is REJECTED. */
static int translate(struct viq_linux_vsmmu *v, struct linux_stream *s, struct viq_linux_trace *t)
{
	int err;

	if (linux_stream_has(s, t->ste)) {
		t->fate = VIQ_LINUX_FATE_UNCHANGED;
		return reread_cds(v, s);
	}
	err = linux_stream_make_room(v, s);
	if (err)
		return err;
	t->fate = VIQ_LINUX_FATE_STAGE1;
	err = linux_stream_translate(v, s, t->ste, VIQ_GET(VIQ_SMMUV3_STE_1_EATS, t->ste[1]) == 1);
	if (err == -EIO || err == -EINVAL)
		t->fate = VIQ_LINUX_FATE_REJECTED;
	return err;
}

static int follow(struct viq_linux_vsmmu *v, struct linux_stream *s, struct viq_linux_trace *t)
{
	struct viq_smmuv3_stream now = {.size = sizeof(now)};
	int err = viq_smmuv3_stream_config(v->smmu, s->dev.number, &now);

	if (err)
		return err;
	t->ste[0] = now.ste[0];
	t->ste[1] = now.ste[1];
	switch ((enum viq_smmuv3_stream_mode)now.mode) {
	case VIQ_SMMUV3_ABORT:
		t->fate = VIQ_LINUX_FATE_ABORT;
		return linux_stream_abort(v, s);
	case VIQ_SMMUV3_FAULT:
		t->fate = VIQ_LINUX_FATE_FAULT;
		return linux_stream_abort(v, s);
	case VIQ_SMMUV3_BYPASS:
		t->fate = VIQ_LINUX_FATE_BYPASS;
		return linux_stream_share(v, s, v->bypass);
	case VIQ_SMMUV3_STAGE1:
		physical_words(v, s, t->ste);
		return translate(v, s, t);
	}
	return -EINVAL;
}

/* It cannot be what the guest says: then it aborts. */
static int give_up(struct viq_linux_vsmmu *v, struct linux_stream *s, struct viq_linux_trace *t, int err)
{
	bool refused = t->fate == VIQ_LINUX_FATE_REJECTED;

	t->os_error = err;
	t->fate = VIQ_LINUX_FATE_BROKEN;
	if (linux_stream_abort(v, s))
		return err;
	t->fate = refused ? VIQ_LINUX_FATE_REJECTED : VIQ_LINUX_FATE_FAILED;
	if (!refused)
		return err;
	linux_add(&v->rejected, 1);
	return 0;
}

int linux_reconfig_stream(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	struct viq_linux_trace t = {.size = sizeof(t), .vsid = s->dev.number};
	int err = follow(v, s, &t);

	if (err)
		err = give_up(v, s, &t, err);
	if (v->ops.trace)
		v->ops.trace(v->opaque, &t);
	return err;
}

/*
 * Registers concern all streams, also those whose number the guest cannot name. A stream that could not be made to
 * abort is tried again whenever there is a chance, and its error is everybody's.
 */
static bool concerns(const struct linux_stream *s, enum viq_smmuv3_reconfig_cause cause, uint32_t first, uint32_t last)
{
	return cause != VIQ_SMMUV3_CFGI_STE || !s->slot.sure || (s->dev.number >= first && s->dev.number <= last);
}

int viq_linux_vsmmu_reconfig(struct viq_linux_vsmmu *v, enum viq_smmuv3_reconfig_cause cause, uint32_t first,
			     uint32_t last)
{
	int err = 0;

	if (!v || (uint32_t)cause > VIQ_SMMUV3_RESTORED || first > last)
		return -EINVAL;
	if (!v->smmu)
		return -ENODEV;
	for (size_t i = 0; i < v->streams.count; i++) {
		struct linux_stream *s = v->streams.items[i];

		if (concerns(s, cause, first, last))
			linux_first(&err, linux_reconfig_stream(v, s));
	}
	return err;
}

void viq_linux_vsmmu_bind(struct viq_linux_vsmmu *v, struct viq_smmuv3 *smmu)
{
	if (v)
		v->smmu = smmu;
}
