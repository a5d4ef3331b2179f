/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's ring: each descriptor once, into private memory, a block at a time. What a run does not get to
 * take of a block is read again.
 */
#include <endian.h>

#include "vtd.h"

/* The guest may write the ring meanwhile; every value that is read is checked. For a race detector it is no finding. */
__attribute__((no_sanitize("thread"))) static void copy(struct viq_vtd *s, const uint64_t *ring, uint32_t count)
{
	/* The compiler may neither repeat nor invent a volatile access. */
	const volatile uint64_t *from = ring;

	if (s->queue.shift == 5) {
		for (uint32_t i = 0; i < count; i++, from += 4) {
			s->fetched[i][0] = le64toh(from[0]);
			s->fetched[i][1] = le64toh(from[1]);
			s->fetched[i][2] = le64toh(from[2]);
			s->fetched[i][3] = le64toh(from[3]);
		}
		return;
	}
	for (uint32_t i = 0; i < count; i++, from += 2) {
		s->fetched[i][0] = le64toh(from[0]);
		s->fetched[i][1] = le64toh(from[1]);
		s->fetched[i][2] = 0;
		s->fetched[i][3] = 0;
	}
}

uint32_t vtd_fetch(struct viq_vtd *s, uint32_t limit)
{
	uint32_t tail = s->regs.iqt >> s->queue.shift, size = 1u << s->queue.shift;
	uint32_t count = (tail > s->head ? tail : s->queue.slots) - s->head;

	if (count > limit)
		count = limit;
	if (count > FETCH_BLOCK)
		count = FETCH_BLOCK;
	if (s->head < s->ring_slots) {
		if (count > s->ring_slots - s->head)
			count = s->ring_slots - s->head;
		copy(s, s->ring + ((size_t)s->head << s->queue.shift) / sizeof(uint64_t), count);
		return count;
	}
	/* Behind callbacks, or beyond the region that holds the base: one at a time. */
	s->fetched[0][2] = 0;
	s->fetched[0][3] = 0;
	return viq_mem_read_words(s->config.mem, s->queue.base + vtd_offset(s, s->head), s->fetched[0],
				  size / sizeof(uint64_t))
		       ? 0
		       : 1;
}
