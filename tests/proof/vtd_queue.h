/* SPDX-License-Identifier: MIT */
/*
 * What the guest-facing VT-d relies on of its queue, from VT-d Rev. 5.10, 6.5.2 and 11.4.9: between two accesses of the
 * guest, which is what vtd_load proves of each state that is taken over and vtd_index begins with, and while a run goes
 * on. And the guest's memory that the queue is in.
 */
#ifndef VIQ_PROOF_VTD_QUEUE_H
#define VIQ_PROOF_VTD_QUEUE_H

#include <stdlib.h>

#include "proof.h"

#include "guest/vtd/vtd.h"

/* The queue's size in bytes (IQA.QS), and a descriptor's (IQA.DW). */
static inline uint64_t queue_bytes(const struct viq_vtd *s)
{
	return UINT64_C(4096) << (s->regs.iqa_used & 7);
}

static inline uint64_t desc_bytes(const struct viq_vtd *s)
{
	return s->regs.iqa_used >> 11 & 1 ? 32 : 16;
}

/*
 * Registers: IQH is at a descriptor, or 0 while the queue is off. IQA is not written while it is on; IQT is what the
 * guest has written.
 */
static inline bool registers_ok(const struct vtd_regs *r)
{
	const uint64_t bytes = UINT64_C(4096) << (r->iqa_used & 7), each = r->iqa_used >> 11 & 1 ? 32 : 16;
	const bool on = r->gsts >> 26 & 1;

	return !(r->iqa_used & 0x7f8) && r->iqh < bytes && r->iqh % each == 0 && !(r->iqt & ~UINT64_C(0x7fff0)) &&
	       (on ? r->iqa == r->iqa_used : !r->iqh && !r->timed_out);
}

/* What was worked out of them. */
static inline bool queue_ok_of(const struct viq_vtd *s)
{
	const struct vtd_queue *q = &s->queue;

	return q->base == (s->regs.iqa_used & ~UINT64_C(0xfff)) && UINT64_C(1) << q->shift == desc_bytes(s) &&
	       (uint64_t)q->slots << q->shift == queue_bytes(s) && s->ring_slots <= q->slots;
}

/* While a run goes on, as far as tail: IQH, the batch, head, what was read in advance, in this order; no further. */
static inline bool run_ok(const struct viq_vtd *s, uint32_t tail)
{
	const struct vtd_batch *b = &s->batch;
	const uint32_t mask = s->queue.slots - 1, iqh = (uint32_t)(s->regs.iqh >> s->queue.shift);

	return s->head <= mask && tail <= mask && b->first <= b->taken && b->taken <= b->read && b->alike <= b->read &&
	       b->read <= BATCH_DESCRIPTORS && s->head == ((iqh + (b->taken - b->first)) & mask) &&
	       b->read - b->first <= ((tail - iqh) & mask);
}

/* --- Guest memory ------------------------------------------------------------------------------------------------- */

/* From the queue's base on, so many bytes are one region's. Reads of the rest come as calls, and may fail. */
static le64 *region;
static uint64_t region_bytes;

void *viq_mem_span(const struct viq_mem *mem, uint64_t gpa, uint64_t *avail)
{
	(void)mem;
	(void)gpa;
	if (!region_bytes)
		return NULL;
	*avail = region_bytes;
	return region;
}

static inline void any_region(void)
{
	region_bytes = nondet_u64();
	/* Regions end at multiples of 8; of a larger one the rest is never looked at. */
	GIVEN(region_bytes % 8 == 0 && region_bytes <= UINT64_C(1) << 20);
	region = malloc(region_bytes);
	GIVEN(region != NULL);
}

#endif
