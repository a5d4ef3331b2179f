/* SPDX-License-Identifier: MIT */
/* What the guest and the trace see of the queue: IQH, and where and why it stops (6.5.2.11, 11.4.9.1). */
#include "vtd.h"

void vtd_iqh_set(struct viq_vtd *s, uint32_t slot)
{
	reg_store(s->regs.iqh, vtd_offset(s, slot));
}

void vtd_trace(const struct viq_vtd *s, uint32_t slot, const uint64_t desc[4], uint8_t fate, uint8_t iqei)
{
	struct viq_vtd_trace t;

	if (!s->ops.trace)
		return;
	t = (struct viq_vtd_trace){.size = sizeof(t), .head = vtd_offset(s, slot), .fate = fate, .iqei = iqei};
	for (unsigned int i = 0; desc && i < VIQ_VTD_DESC_WORDS; i++)
		t.desc[i] = desc[i];
	s->ops.trace(s->config.opaque, &t);
}

static void stop(struct viq_vtd *s, uint32_t slot)
{
	vtd_batch_drop(s);
	s->head = slot;
	vtd_iqh_set(s, slot);
}

void vtd_stop_error(struct viq_vtd *s, uint32_t slot, uint32_t iqei, const uint64_t desc[4])
{
	stop(s, slot);
	s->counters.iqe[iqei]++;
	vtd_trace(s, slot, desc, VIQ_VTD_FATE_ERROR, (uint8_t)iqei);
	vtd_error(s, VIQ_VTD_FSTS_IQE, VIQ_VTD_IQERCD_IQEI, iqei);
}

void vtd_stop_retry(struct viq_vtd *s, uint32_t slot, const uint64_t desc[4])
{
	stop(s, slot);
	s->counters.retries++;
	vtd_trace(s, slot, desc, VIQ_VTD_FATE_RETRY, 0);
	vtd_error(s, VIQ_VTD_FSTS_ITE, VIQ_VTD_IQERCD_ITESID, 0);
}
