/* SPDX-License-Identifier: MIT */
/*
 * What a guest writes to the registers of a VT-d's invalidation queue (guest/vtd/regs.c): from any state in which the
 * queue is as vtd_queue.h says it, which vtd_load proves of states that are taken over, a write of any value, of 4 or 8
 * bytes, leaves such a state, and so does the queue begin to work; while GSTS.QIES is 1, IQA is not the guest's to
 * change, nor is IQH ever, but by switching the queue off or on, which makes it 0 (VT-d Rev. 5.10, 6.5.2, 11.4.9).
 *
 * Bounds: AT_OFFSET is one of the offsets of GCMD, RTADDR, FSTS, IQH, IQT and IQA, halves of each too: that no other
 * row of the table names the queue's fields was read, not proved. The batch, which no write looks at, has room for 4,
 * and there are 2 tables. What the queue does when it is called is any move of IQH from descriptor to descriptor, and
 * any error; it may not move while it is off.
 */
#include "shown.h"
#include "vtd_queue.h"

/* Of these only which queue there is, under which mode: that is vtd_queue_of(). */
#include "guest/vtd/device.c"
#include "guest/vtd/regs.c"

static struct viq_vtd s;
static uint64_t iqh_before, iqa_before;
static bool on, worked;

struct vtd_regs nondet_regs(void);

static bool consistent(void)
{
	return registers_ok(&s.regs) && queue_ok_of(&s) && !(s.regs.iqa & 0x7f8);
}

void vtd_invq_moved(struct viq_vtd *vtd, struct vtd_queue to)
{
	vtd->queue = to;
	vtd->ring_slots = nondet_u32();
	GIVEN(vtd->ring_slots <= to.slots);
}

void vtd_invq_doorbell(struct viq_vtd *vtd)
{
	PROVE(vtd == &s && consistent());
	worked = true;
	if (!(s.regs.gsts >> 26 & 1))
		return;
	s.regs.iqh = nondet_u64();
	s.regs.timed_out = nondet_bool();
	s.regs.fsts = nondet_u32();
	GIVEN(consistent());
}

void vtd_work_leave(struct viq_vtd *vtd)
{
	PROVE(vtd == &s);
}

void vtd_work_owe_reconfig(struct viq_vtd *vtd, struct viq_vtd_reconfig what)
{
	(void)what;
	vtd->work.owed = true;
}

void vtd_work_owe_remap(struct viq_vtd *vtd, enum viq_vtd_remap_cause cause)
{
	(void)cause;
	vtd->work.owed = true;
}

void vtd_fsts_set(struct viq_vtd *vtd, uint32_t fsts)
{
	vtd->regs.fsts = fsts;
}

void vtd_events_settle(struct viq_vtd *vtd)
{
	(void)vtd;
}

static void write_at(uint64_t offset, unsigned int size)
{
	s.regs = nondet_regs();
	s.config.cap = nondet_u64();
	s.config.ecap = nondet_u64();
	s.config.version = nondet_u32();
	s.queue.base = nondet_u64();
	s.queue.shift = nondet_bool() ? 4 : 5;
	s.queue.slots = nondet_u32();
	s.ring_slots = nondet_u32();
	s.shown.gsts = nondet_u32();
	GIVEN(consistent());
	iqh_before = s.regs.iqh;
	iqa_before = s.regs.iqa;
	on = s.regs.gsts >> 26 & 1;
	worked = false;
	write_access(&s, offset, size, nondet_u64());
	PROVE(consistent());
	PROVE(IMPLIES(on, s.regs.iqa == iqa_before));
	PROVE(worked || s.regs.iqh == iqh_before || !s.regs.iqh);
}

int main(void)
{
	s.shown.page = register_page;
	write_at(AT_OFFSET, 4);
	if (AT_OFFSET % 8 == 0)
		write_at(AT_OFFSET, 8);
	return 0;
}
