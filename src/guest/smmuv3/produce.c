/* SPDX-License-Identifier: MIT */
/* What the queues have in common that the SMMU produces into (IHI 0070 3.5): events and page requests. */
#include <errno.h>

#include "smmuv3.h"

static void set_prod(struct viq_smmuv3 *s, const struct smmuv3_produced *p, uint32_t prod)
{
	*p->prod = prod;
	smmuv3_show(s, p->reg, prod & (VIQ_SMMUV3_EVENTQ_OVFLG | p->ring.mask));
}

void smmuv3_overflow(struct viq_smmuv3 *s, const struct smmuv3_produced *p)
{
	if (!smmuv3_overflown(p))
		set_prod(s, p, *p->prod ^ VIQ_SMMUV3_EVENTQ_OVFLG);
}

int smmuv3_produce(struct viq_smmuv3 *s, const struct smmuv3_produced *p, const le64 *entry, size_t size)
{
	const struct smmuv3_queue *q = &p->ring;
	const uint32_t fill = smmuv3_queue_fill(q, *p->prod, *p->cons);
	int ret;

	/*
	 * Inconsistent indices count as full (3.5.1). So does an entry of what the writing of one sets in motion: the
	 * next place is taken, and PROD does not show it yet.
	 */
	if (fill >= smmuv3_queue_slots(q) || *p->writing)
		return -ENOSPC;
	*p->writing = true;
	ret = viq_mem_write(s->config.mem, q->base + (uint64_t)(*p->prod & (q->mask >> 1)) * size, entry, size);
	*p->writing = false;
	if (ret)
		return -EFAULT;
	/* The guest sees the entry before PROD, whose load acquires it, and PROD before the interrupt. */
	set_prod(s, p, (*p->prod & VIQ_SMMUV3_EVENTQ_OVFLG) | ((*p->prod + 1) & q->mask));
	return !fill;
}
