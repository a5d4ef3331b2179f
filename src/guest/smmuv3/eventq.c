/* SPDX-License-Identifier: MIT */
/* The event queue (IHI 0070 3.5, 7.2, 7.4): a ring that the SMMU produces into. */
#include <errno.h>

#include "smmuv3.h"

static bool is_on(const struct viq_smmuv3 *s)
{
	return s->regs.cr0 & VIQ_SMMUV3_CR0_EVENTQEN && !smmuv3_error_active(s, VIQ_SMMUV3_GERROR_EVENTQ_ABT_ERR);
}

static void set_prod(struct viq_smmuv3 *s, uint32_t prod)
{
	s->regs.eventq_prod = prod;
	smmuv3_show(s, VIQ_SMMUV3_EVENTQ_PROD, prod & (VIQ_SMMUV3_EVENTQ_OVFLG | smmuv3_eventq(s).mask));
}

/* Tell of lost events by the overflow flag, unless an earlier overflow is still unacknowledged (7.4). */
static void overflow(struct viq_smmuv3 *s)
{
	if (!((s->regs.eventq_prod ^ s->regs.eventq_cons) & VIQ_SMMUV3_EVENTQ_OVFLG))
		set_prod(s, s->regs.eventq_prod ^ VIQ_SMMUV3_EVENTQ_OVFLG);
}

void viq_smmuv3_event_lost(struct viq_smmuv3 *s, uint64_t count)
{
	if (!s || !count)
		return;
	s->counters.events_lost += count;
	if (is_on(s))
		overflow(s);
}

static int write_record(const struct viq_smmuv3 *s, uint64_t gpa, const uint64_t record[4])
{
	le64 words[4];

	for (int i = 0; i < 4; i++)
		words[i] = le64_put(record[i]);
	return viq_mem_write(s->config.mem, gpa, words, sizeof(words));
}

static int record_event(struct viq_smmuv3 *s, const uint64_t record[4])
{
	const struct smmuv3_queue q = smmuv3_eventq(s);
	uint32_t fill;
	int ret;

	if (!is_on(s)) {
		s->counters.events_lost++;
		return -ENODEV;
	}
	/*
	 * Inconsistent indices count as full (3.5.1). So does an event of what the writing of a record sets in motion:
	 * the next place is taken, and PROD does not show it yet.
	 */
	fill = smmuv3_queue_fill(&q, s->regs.eventq_prod, s->regs.eventq_cons);
	if (fill >= smmuv3_queue_slots(&q) || s->recording) {
		viq_smmuv3_event_lost(s, 1);
		return -ENOSPC;
	}
	s->recording = true;
	ret = write_record(s, q.base + (uint64_t)(s->regs.eventq_prod & (q.mask >> 1)) * VIQ_SMMUV3_EVENT_SIZE, record);
	s->recording = false;
	if (ret) {
		s->counters.events_lost++;
		smmuv3_gerror(s, VIQ_SMMUV3_GERROR_EVENTQ_ABT_ERR);
		return -EFAULT;
	}
	/* The guest sees the record before PROD, whose load acquires it, and PROD before the interrupt. */
	set_prod(s, (s->regs.eventq_prod & VIQ_SMMUV3_EVENTQ_OVFLG) | ((s->regs.eventq_prod + 1) & q.mask));
	s->counters.events++;
	if (!fill)
		smmuv3_eventq_signal(s);
	return 0;
}

int viq_smmuv3_event(struct viq_smmuv3 *s, const uint64_t record[4])
{
	bool outer;
	int ret;

	if (!s || !record)
		return -EINVAL;
	outer = smmuv3_enter(s);
	ret = record_event(s, record);
	if (outer)
		smmuv3_leave(s);
	return ret;
}
