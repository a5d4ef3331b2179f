/* SPDX-License-Identifier: MIT */
/* The event queue (IHI 0070 3.5, 7.2, 7.4): a ring that the SMMU produces into. */
#include <errno.h>

#include "smmuv3.h"

static bool is_on(const struct viq_smmuv3 *s)
{
	return s->regs.cr0 & VIQ_SMMUV3_CR0_EVENTQEN && !smmuv3_error_active(s, VIQ_SMMUV3_GERROR_EVENTQ_ABT_ERR);
}

static struct smmuv3_produced produced(struct viq_smmuv3 *s)
{
	return (struct smmuv3_produced){.ring = smmuv3_eventq(s),
					.reg = VIQ_SMMUV3_EVENTQ_PROD,
					.prod = &s->regs.eventq_prod,
					.cons = &s->regs.eventq_cons,
					.writing = &s->recording};
}

void viq_smmuv3_event_lost(struct viq_smmuv3 *s, uint64_t count)
{
	if (!s || !count)
		return;
	s->counters.events_lost += count;
	if (is_on(s)) {
		const struct smmuv3_produced p = produced(s);

		smmuv3_overflow(s, &p);
	}
}

static int record_event(struct viq_smmuv3 *s, const uint64_t record[4])
{
	const struct smmuv3_produced p = produced(s);
	le64 words[VIQ_SMMUV3_EVENT_SIZE / 8];
	int ret;

	if (!is_on(s)) {
		s->counters.events_lost++;
		return -ENODEV;
	}
	for (unsigned int i = 0; i < VIQ_SMMUV3_EVENT_SIZE / 8; i++)
		words[i] = le64_put(record[i]);
	ret = smmuv3_produce(s, &p, words, sizeof(words));
	if (ret == -ENOSPC)
		viq_smmuv3_event_lost(s, 1);
	if (ret == -EFAULT) {
		s->counters.events_lost++;
		smmuv3_gerror(s, VIQ_SMMUV3_GERROR_EVENTQ_ABT_ERR);
	}
	if (ret < 0)
		return ret;
	s->counters.events++;
	if (ret)
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
