/* SPDX-License-Identifier: MIT */
/* What the guest and the trace see of the queue: CONS, and where and why it stops (IHI 0070 6.3.28, 7.1). */
#include "smmuv3.h"

void smmuv3_trace_tell(const struct viq_smmuv3 *s, uint32_t index, const uint64_t cmd[2], uint8_t fate, uint8_t cerror)
{
	struct viq_smmuv3_trace t = {
		.size = sizeof(t),
		.index = index & s->cmdq.mask,
		.cmd = {cmd[0], cmd[1]},
		.fate = fate,
		.cerror = cerror,
	};
	s->ops.trace(s->config.opaque, &t);
}

void smmuv3_stop(struct viq_smmuv3 *s, uint32_t index, uint32_t cerror, const uint64_t cmd[2])
{
	static const uint64_t unread[2];

	smmuv3_batch_drop(s);
	smmuv3_reconfig_leave(s);
	s->head = index;
	/* The code must be there before the error can be seen (7.1). */
	s->regs.cmdq_cons = (uint32_t)VIQ_PUT(VIQ_SMMUV3_CMDQ_CONS_ERR, cerror);
	smmuv3_cons_move(s, index);
	s->counters.cerror[cerror]++;
	smmuv3_trace(s, index, cmd ? cmd : unread, VIQ_SMMUV3_FATE_ERROR, (uint8_t)cerror);
	smmuv3_gerror(s, VIQ_SMMUV3_GERROR_CMDQ_ERR);
}

void smmuv3_stand(struct viq_smmuv3 *s, uint32_t index)
{
	smmuv3_batch_drop(s);
	smmuv3_reconfig_forget(s);
	s->head = index;
	smmuv3_cons_move(s, index);
}

void smmuv3_host_failed(struct viq_smmuv3 *s, uint32_t index, const uint64_t cmd[2], const struct viq_call_result *res)
{
	smmuv3_stand(s, index);
	if (!host_wait_begin(&s->wait, s->counters.runs, index, s->ops.host_wait, s->config.opaque,
			     s->ops.kick && !s->gate.kicking, res)) {
		/* No code is for this. ABT is the one that a driver answers by having the command read again. */
		smmuv3_stop(s, index, VIQ_SMMUV3_CERROR_ABT, cmd);
		return;
	}
	s->counters.host_waits++;
	if (!s->ops.host_wait)
		gate_owe_kick(&s->gate);
}
