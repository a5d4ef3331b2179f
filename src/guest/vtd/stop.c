/* SPDX-License-Identifier: MIT */
/* What the guest and the trace see of the queue: IQH, and where and why it stops (6.5.2.11, 11.4.9.1). */
#include "vtd.h"

void vtd_trace_hook(const struct viq_vtd *s, uint32_t slot, const uint64_t desc[4], uint8_t fate, uint8_t iqei)
{
	struct viq_vtd_trace t =
		(struct viq_vtd_trace){.size = sizeof(t), .head = vtd_offset(s, slot), .fate = fate, .iqei = iqei};
	for (unsigned int i = 0; desc && i < VIQ_VTD_DESC_WORDS; i++)
		t.desc[i] = desc[i];
	s->ops.trace(s->config.opaque, &t);
}

void vtd_stand(struct viq_vtd *s, uint32_t slot)
{
	vtd_batch_drop(s);
	vtd_work_leave(s);
	s->head = slot;
	vtd_iqh_set(s, slot);
}

void vtd_stop_error(struct viq_vtd *s, uint32_t slot, uint32_t iqei, const uint64_t desc[4])
{
	vtd_stand(s, slot);
	s->counters.iqe[iqei]++;
	vtd_trace(s, slot, desc, VIQ_VTD_FATE_ERROR, (uint8_t)iqei);
	vtd_error(s, VIQ_VTD_FSTS_IQE, VIQ_VTD_IQERCD_IQEI, iqei);
}

void vtd_host_failed(struct viq_vtd *s, uint32_t slot, const uint64_t desc[4], const struct viq_call_result *res)
{
	vtd_stand(s, slot);
	if (host_wait_begin(&s->wait, s->counters.runs, slot, s->ops.host_wait, s->config.opaque,
			    s->ops.kick && !s->gate.kicking, res)) {
		s->counters.host_waits++;
		if (!s->ops.host_wait)
			gate_owe_kick(&s->gate);
	} else if (s->config.ecap & VIQ_VTD_ECAP_DT) {
		s->counters.retries++;
		vtd_trace(s, slot, desc, VIQ_VTD_FATE_RETRY, 0);
		vtd_error(s, VIQ_VTD_FSTS_ITE, VIQ_VTD_IQERCD_ITESID, 0);
	} else {
		/* ITE is reserved (11.4.7.1), IQE has drivers destroy the descriptor: each write of IQT tries again. */
		s->wait.waits = true;
		s->counters.host_waits++;
	}
}

bool vtd_hook_failed(struct viq_vtd *s, const uint64_t desc[4], int err)
{
	const struct viq_call_result res = host_wait_hook_failed(err);

	vtd_host_failed(s, s->head, desc, &res);
	return false;
}
