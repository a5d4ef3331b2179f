/* SPDX-License-Identifier: MIT */
/*
 * Streams must be configured again: work of the embedder's that can be left and taken up again (<viq/work.h>).
 *
 * One is half done at most: that of a register's write, which is *owed* and which the queue waits for, or that of the
 * command at CONS. A newer one takes its place: registers concern all streams, and a command that has not left the
 * queue will be looked at again. So it need not be saved either.
 *
 * What was read for one command is as new as what would be read for another one that the guest had queued before: its
 * tables were written before PROD was. So commands for streams that were configured since PROD was written need no work
 * of their own, as far as the next CMD_SYNC.
 */
#include "smmuv3.h"

static struct viq_smmuv3_reconfig begin(enum viq_smmuv3_reconfig_cause cause, uint32_t first, uint32_t last)
{
	return (struct viq_smmuv3_reconfig){
		.size = sizeof(struct viq_smmuv3_reconfig), .cause = cause, .first = first, .last = last};
}

/* 1: more is left, and the budget used up. Else nothing is half done any more. */
static int go_on(struct viq_smmuv3 *s)
{
	struct viq_smmuv3_reconfig *what = &s->reconfig.what;
	int ret = 0;

	if (s->ops.reconfig) {
		budget_lend(&s->budget, &what->work);
		ret = s->ops.reconfig(s->config.opaque, what);
		budget_take_back(&s->budget, &what->work, ret);
	}
	if (ret <= 0)
		what->size = 0;
	return ret;
}

void smmuv3_reconfig_whole(struct viq_smmuv3 *s, enum viq_smmuv3_reconfig_cause cause)
{
	struct viq_smmuv3_reconfig what = begin(cause, 0, smmuv3_last_sid(s));

	s->reconfig = (struct smmuv3_reconfig){0};
	while (s->ops.reconfig && s->ops.reconfig(s->config.opaque, &what) > 0)
		;
}

void smmuv3_reconfig_owe(struct viq_smmuv3 *s, enum viq_smmuv3_reconfig_cause cause)
{
	smmuv3_reconfig_queued(s);
	s->reconfig.what = begin(cause, 0, smmuv3_last_sid(s));
	s->reconfig.owed = true;
}

bool smmuv3_reconfig_pay(struct viq_smmuv3 *s)
{
	if (!s->reconfig.owed)
		return true;
	/* An error has no way back to the guest: the embedder has made the streams abort. */
	if (!s->budget.left || go_on(s) > 0)
		return false;
	s->reconfig.owed = false;
	smmuv3_acknowledge(s);
	return true;
}

bool smmuv3_reconfig_covered(const struct viq_smmuv3 *s, uint32_t first, uint32_t last)
{
	return s->reconfig.done && first >= s->reconfig.first && last <= s->reconfig.last;
}

/* The streams' configuration is as new as anything that was queued: together with what touches them. */
static void cover(struct smmuv3_reconfig *r, uint64_t first, uint64_t last)
{
	if (r->done && first <= r->last + UINT64_C(1) && last + 1 >= r->first) {
		r->first = first < r->first ? (uint32_t)first : r->first;
		r->last = last > r->last ? (uint32_t)last : r->last;
		return;
	}
	r->first = (uint32_t)first;
	r->last = (uint32_t)last;
	r->done = true;
}

int smmuv3_reconfig_command(struct viq_smmuv3 *s, uint32_t first, uint32_t last)
{
	const struct viq_smmuv3_reconfig *what = &s->reconfig.what;
	int ret;

	if (!what->size || s->reconfig.at != s->head || what->first != first || what->last != last) {
		s->reconfig.what = begin(VIQ_SMMUV3_CFGI_STE, first, last);
		s->reconfig.at = s->head;
		s->reconfig.early = true;
	}
	ret = go_on(s);
	if (!ret && s->reconfig.early)
		cover(&s->reconfig, first, last);
	return ret;
}

void smmuv3_reconfig_leave(struct viq_smmuv3 *s)
{
	smmuv3_reconfig_queued(s);
	smmuv3_reconfig_forget(s);
}
