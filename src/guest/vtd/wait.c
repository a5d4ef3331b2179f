/* SPDX-License-Identifier: MIT */
/*
 * Wait descriptors (VT-d 6.5.2): the promise that everything before has taken effect.
 *
 * Descriptors are taken in order, one at a time, so the fence flag (FN) asks for nothing more. A wait descriptor that
 * asks for nothing at all (no SW, IF, FN) is legal and only passed.
 */
#include "vtd.h"

/* A status address among the interrupt messages is left open by the architecture. Here it is neither. */
static bool is_memory(uint64_t addr)
{
	return addr < VIQ_VTD_MSI_FIRST || addr > VIQ_VTD_MSI_LAST;
}

static void write_status(struct viq_vtd *s, const uint64_t desc[4])
{
	/* Bits from the host address width on are ignored (6.5.2.9); no machine has more than 52. */
	uint64_t addr = desc[1] & VIQ_VTD_WAIT_1_ADDR & VIQ_BITS(51, 0);

	/* What cannot be written is lost, as on a bus: the descriptor is legal, and must not look as if it were not. */
	if (!is_memory(addr) || viq_mem_write_u32(s->config.mem, addr, (uint32_t)VIQ_GET(VIQ_VTD_WAIT_DATA, desc[0])))
		s->counters.status_lost++;
}

void vtd_timeout_report(struct viq_vtd *s)
{
	s->regs.timed_out = 0;
	vtd_error(s, VIQ_VTD_FSTS_ITE, VIQ_VTD_IQERCD_ITESID, s->regs.timeout_sid);
}

bool vtd_wait(struct viq_vtd *s, const uint64_t desc[4])
{
	uint32_t slot = s->head;

	if (!vtd_batch_flush(s))
		return false;
	/* Accesses that used what was invalidated have ended, and left their faults. */
	if (!s->regs.timed_out && s->ops.sync)
		budget_spend(&s->budget, s->ops.sync(s->config.opaque));
	/* It was fetched in either case, and IQH has passed it: a driver looks for aborted ones before IQH. */
	s->head = vtd_next(s, slot, 1);
	s->batch.first = ++s->batch.taken;
	vtd_iqh_set(s, s->head);
	vtd_work_over(s);
	s->counters.descriptors[VIQ_VTD_TYPE_WAIT]++;
	if (s->regs.timed_out) {
		s->counters.aborted++;
		vtd_trace(s, slot, desc, VIQ_VTD_FATE_ABORTED, 0);
		vtd_timeout_report(s);
		return false;
	}
	vtd_trace(s, slot, desc, VIQ_VTD_FATE_WAIT, 0);
	/* First the status, then the interrupt: whoever gets it looks there. */
	if (desc[0] & VIQ_VTD_WAIT_SW)
		write_status(s, desc);
	if (desc[0] & VIQ_VTD_WAIT_IF)
		vtd_wait_event(s);
	return true;
}
