/* SPDX-License-Identifier: MIT */
/*
 * Index arithmetic and windows of VT-d's invalidation queue (VT-d Rev. 5.10, 6.5.2, 11.4.9), for each size and width
 * that IQA has, wherever the guest's memory ends, for all values of IQH, IQT and the budget: the queue is as large as
 * IQA says, and the ring no more of it than one region holds; there is nothing to fetch with IQT at IQH, and a tail
 * beyond the end, or within a descriptor, is an error; of what waits a window has one descriptor at least, and no more
 * than there is up to the tail or the ring's end; what is read is in the region, or, behind callbacks, in the queue.
 *
 * Bounds: none for the queue. The batch, which only its free room counts of, holds 5 descriptors instead of 256. The
 * state somewhere in a run is any in which head, what is read in advance and the tail lie in this order. What the
 * copying does is proved in vtd_copy; here it is what it may touch.
 */
#include "vtd_queue.h"

/* In the place of guest/vtd/copy.h. */
#define VIQ_GUEST_VTD_COPY_H
typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));

struct like {
	pair expect;
};

static struct like like_of(const struct vtd_model *model)
{
	(void)model;
	return (struct like){{0, 0}};
}

/* Where descriptors were copied from, if they were. */
static const volatile pair *copied_from;

static size_t copy(struct vtd_batch *b, const volatile pair *from, size_t count, bool wide, bool keep, bool usable,
		   struct like model)
{
	size_t first = nondet_size();

	(void)model;
	PROVE(keep || !wide);
	PROVE(count && count <= BATCH_DESCRIPTORS && b->read <= BATCH_DESCRIPTORS - count);
	PROVE(__CPROVER_r_ok((const void *)from, count * (wide ? 32 : 16)));
	copied_from = from;
	GIVEN(first >= b->read && first <= b->read + count && IMPLIES(!usable, first == b->read));
	return first;
}

static void copy_few(struct vtd_batch *b, const volatile pair *from, uint32_t count, bool wide)
{
	PROVE(count && count <= BATCH_DESCRIPTORS && b->read <= BATCH_DESCRIPTORS - count);
	PROVE(__CPROVER_r_ok((const void *)from, count * (wide ? 32 : 16)));
	copied_from = from;
}

static size_t alike(const struct vtd_batch *b, size_t i, size_t end, bool wide, const struct like *model);

#include "guest/vtd/device.c"
#include "guest/vtd/fetch.c"
#include "guest/vtd/invq.c"

static struct viq_vtd s;

struct viq_vtd nondet_vtd(void);

/* Where descriptors were read behind callbacks, and how many bytes. */
static uint64_t read_at, read_bytes;

int viq_mem_read(const struct viq_mem *mem, uint64_t gpa, void *buf, size_t len)
{
	(void)mem;
	PROVE(len && len % desc_bytes(&s) == 0 && __CPROVER_w_ok(buf, len));
	/* Modulo 2^64: what wraps there is refused (mem.c). */
	PROVE(gpa - s.queue.base < queue_bytes(&s) && len <= queue_bytes(&s) - (gpa - s.queue.base));
	read_at = gpa, read_bytes = len;
	return nondet_int();
}

int main(void)
{
	uint32_t limit = nondet_u32(), tail, before, waiting;

	s = nondet_vtd();
	any_region();
	GIVEN(!(s.regs.iqa_used & ~(uint64_t)VTD_IQA_BITS));
	vtd_invq_moved(&s, vtd_queue_of(&s));
	PROVE(queue_ok_of(&s) && (uint64_t)s.ring_slots << s.queue.shift <= region_bytes);
	PROVE(!s.model.usable);

	GIVEN(registers_ok(&s.regs));
	s.head = vtd_iqh(&s);
	PROVE(s.head < s.queue.slots && vtd_offset(&s, s.head) == s.regs.iqh);
	PROVE(IMPLIES(may_fetch(&s, s.head), s.regs.gsts >> 26 & 1 && s.regs.iqt != s.regs.iqh));
	if (!may_fetch(&s, s.head) || bad_setup(&s))
		return 0;
	PROVE(s.regs.iqt % desc_bytes(&s) == 0 && s.regs.iqt < queue_bytes(&s));
	tail = (uint32_t)(vtd_iqt(&s) >> s.queue.shift);
	PROVE(vtd_next(&s, s.head, (tail - s.head) & (s.queue.slots - 1)) == tail);

	/* Somewhere in a run. */
	s.regs.iqh = nondet_u64(), s.head = nondet_u32();
	GIVEN(registers_ok(&s.regs) && run_ok(&s, tail) && s.head != tail);
	GIVEN(s.batch.taken == s.batch.read && s.batch.read < BATCH_DESCRIPTORS && limit);
	s.model.usable = nondet_bool();
	waiting = (tail - s.head) & (s.queue.slots - 1);
	before = vtd_batch_empty(&s) ? 0 : s.batch.read;
	if (vtd_fetch(&s, tail, limit)) {
		uint32_t count = s.batch.read - before;

		PROVE(run_ok(&s, tail) && s.batch.taken == before);
		PROVE(count >= 1 && count <= limit && count <= waiting && count <= s.queue.slots - s.head);
		PROVE(s.batch.alike >= s.batch.taken && s.batch.alike <= s.batch.read);
		/* These are the next ones. */
		if (read_bytes)
			PROVE(s.head >= s.ring_slots && read_at == s.queue.base + s.head * desc_bytes(&s) &&
			      read_bytes == count * desc_bytes(&s));
		else if (copied_from)
			PROVE(copied_from == (const volatile pair *)(void *)&region[s.head * desc_bytes(&s) / 8]);
	}
	return 0;
}
