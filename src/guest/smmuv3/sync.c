/* SPDX-License-Identifier: MIT */
/* CMD_SYNC (IHI 0070 4.7.3): the promise that everything before it has taken effect. */
#include "smmuv3.h"

static void signal_completion(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	/* Is it 0? The whole field counts; then it is cut to OAS. */
	uint64_t addr = cmd[1] & VIQ_SMMUV3_SYNC_1_MSIADDR;

	/* CS = SEV is an event for waiting processors: IDR0.SEV is 0, so it acts as NONE. */
	if (VIQ_GET(VIQ_SMMUV3_SYNC_CS, cmd[0]) != VIQ_SMMUV3_SYNC_CS_IRQ)
		return;
	if ((s->config.idr0 & VIQ_SMMUV3_IDR0_MSI) && addr &&
	    smmuv3_msi(s, addr, VIQ_GET(VIQ_SMMUV3_SYNC_MSIDATA, cmd[0])))
		smmuv3_gerror(s, VIQ_SMMUV3_GERROR_MSI_CMDQ_ABT_ERR);
	smmuv3_pulse(s, VIQ_SMMUV3_IRQ_CMD_SYNC);
}

bool smmuv3_sync(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	uint32_t index = s->head;

	/* Retained ATC_INVs are a call of their own. */
	if (!smmuv3_batch_flush(s) || (s->retained.count && !s->budget.left))
		return false;
	if ((s->retained.count || s->retained.unreported) && !smmuv3_retained_settle(s, cmd))
		return false;
	/* Accesses that used what was invalidated have ended, and left their events. */
	if (s->ops.sync)
		budget_spend(&s->budget, s->ops.sync(s->config.opaque));
	/* CONS passes the command, and only then the signal is sent: a polling guest looks at CONS when it comes. */
	smmuv3_cons_move(s, (index + 1) & s->cmdq.mask);
	s->reconfig.done = false;
	smmuv3_trace(s, index, cmd, VIQ_SMMUV3_FATE_SYNC, 0);
	signal_completion(s, cmd);
	return true;
}
