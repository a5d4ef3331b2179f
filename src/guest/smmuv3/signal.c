/* SPDX-License-Identifier: MIT */
/* Global errors and interrupts (IHI 0070 3.18, 4.7.3, 6.3.18, 7.5). State first, then the signal. */
#include <errno.h>

#include "smmuv3.h"

void smmuv3_pulse(struct viq_smmuv3 *s, enum viq_smmuv3_irq which)
{
	if (s->ops.irq)
		s->ops.irq(s->config.opaque, which);
}

int smmuv3_msi(struct viq_smmuv3 *s, uint64_t addr, uint32_t data)
{
	uint64_t avail;

	addr &= s->address_mask;
	/* In memory that is mapped it is a plain write: so Linux polls for a CMD_SYNC. */
	if (viq_mem_span(s->config.mem, addr, &avail))
		return viq_mem_write_u32(s->config.mem, addr, data);
	if (s->ops.msi && !s->ops.msi(s->config.opaque, addr, data))
		return 0;
	/* Memory behind callbacks. */
	return viq_mem_write_u32(s->config.mem, addr, data);
}

/* An interrupt with its own enable and MSI registers. */
static void interrupt(struct viq_smmuv3 *s, enum viq_smmuv3_irq which, uint32_t enable,
		      const struct smmuv3_irq_cfg *cfg, uint32_t abort_error)
{
	if (!(s->regs.irq_ctrl & enable))
		return;
	if ((s->config.idr0 & VIQ_SMMUV3_IDR0_MSI) && cfg->addr && smmuv3_msi(s, cfg->addr, cfg->data))
		smmuv3_gerror(s, abort_error);
	smmuv3_pulse(s, which);
}

void smmuv3_gerror(struct viq_smmuv3 *s, uint32_t bit)
{
	if (smmuv3_error_active(s, bit))
		return; /* toggling again would clear it */
	s->regs.gerror ^= bit;
	smmuv3_show(s, VIQ_SMMUV3_GERROR, s->regs.gerror);
	/* An abort of GERROR's own MSI cannot be told by that MSI. */
	if (bit != VIQ_SMMUV3_GERROR_MSI_GERROR_ABT_ERR)
		interrupt(s, VIQ_SMMUV3_IRQ_GERROR, VIQ_SMMUV3_IRQ_CTRL_GERROR_IRQEN, &s->regs.gerror_irq,
			  VIQ_SMMUV3_GERROR_MSI_GERROR_ABT_ERR);
}

void smmuv3_sync_signal(struct viq_smmuv3 *s, uint64_t word0, uint64_t word1)
{
	/* Is it 0? The whole field counts; then it is cut to OAS. */
	uint64_t addr = word1 & VIQ_SMMUV3_SYNC_1_MSIADDR;

	if ((s->config.idr0 & VIQ_SMMUV3_IDR0_MSI) && addr &&
	    smmuv3_msi(s, addr, VIQ_GET(VIQ_SMMUV3_SYNC_MSIDATA, word0)))
		smmuv3_gerror(s, VIQ_SMMUV3_GERROR_MSI_CMDQ_ABT_ERR);
	smmuv3_pulse(s, VIQ_SMMUV3_IRQ_CMD_SYNC);
}

void smmuv3_eventq_signal(struct viq_smmuv3 *s)
{
	interrupt(s, VIQ_SMMUV3_IRQ_EVENTQ, VIQ_SMMUV3_IRQ_CTRL_EVENTQ_IRQEN, &s->regs.eventq_irq,
		  VIQ_SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR);
}

void smmuv3_priq_signal(struct viq_smmuv3 *s)
{
	interrupt(s, VIQ_SMMUV3_IRQ_PRIQ, VIQ_SMMUV3_IRQ_CTRL_PRIQ_IRQEN, &s->regs.priq_irq,
		  VIQ_SMMUV3_GERROR_MSI_PRIQ_ABT_ERR);
}
