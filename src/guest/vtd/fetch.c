/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's ring: which descriptors are read, and where they are. Each is read once, into private memory,
 * where all looks at it are. While it is copied it is compared with the model (copy.h): guests that unmap much queue
 * long runs of descriptors that are alike, and these need no second look.
 */
#include "base/minmax.h"

#include "copy.h"
#include "vtd.h"

uint32_t vtd_alike(const struct viq_vtd *s)
{
	const struct vtd_batch *b = &s->batch;
	const struct like model = like_of(&s->model);

	return (uint32_t)alike(b, b->taken, b->read, s->queue.shift == 5, &model);
}

/* count descriptors from head on are taken over from there. */
static inline __attribute__((always_inline)) void take(struct viq_vtd *s, const volatile pair *from, uint32_t count)
{
	struct vtd_batch *b = &s->batch;
	const struct like model = like_of(&s->model);
	const bool usable = s->model.usable;
	size_t first;

	if (s->queue.shift == 5)
		first = copy(b, from, count, true, true, usable, model);
	else if (vtd_batch_keeps(s))
		first = copy(b, from, count, false, true, usable, model);
	else
		first = copy(b, from, count, false, false, usable, model);
	b->alike = (uint32_t)first;
	b->read += count;
}

/*
 * Behind callbacks, or beyond the region that holds the base: as many at once as can be, since some that come later may
 * have no memory.
 */
static __attribute__((noinline)) bool fetch_behind(struct viq_vtd *s, uint32_t count)
{
	pair own[BATCH_DESCRIPTORS * 2];

	for (; count; count /= 2) {
		if (!viq_mem_read(s->config.mem, s->queue.base + vtd_offset(s, s->head), own,
				  (size_t)count << s->queue.shift)) {
			take(s, own, count);
			return true;
		}
	}
	return false;
}

/* Where the descriptor at head is in the ring. */
static inline const volatile pair *at_head(const struct viq_vtd *s)
{
	return (const volatile pair *)(const void *)s->ring + ((size_t)s->head << (s->queue.shift - 4));
}

static __attribute__((noinline)) bool fetch_many(struct viq_vtd *s, uint32_t count)
{
	if (s->head >= s->ring_slots)
		return fetch_behind(s, count);
	take(s, at_head(s), min_u32(count, s->ring_slots - s->head));
	return true;
}

bool vtd_fetch(struct viq_vtd *s, uint32_t tail, uint32_t limit)
{
	struct vtd_batch *b = &s->batch;
	uint32_t count = (tail > s->head ? tail : s->queue.slots) - s->head;

	if (vtd_batch_empty(s))
		b->first = b->taken = b->read = 0;
	count = min_u32(count, min_u32(limit, BATCH_DESCRIPTORS - b->read));
	if (count >= VTD_GROUP || s->head + count > s->ring_slots)
		return fetch_many(s, count);
	/* Those that a loop would handle at once are worth it; these are looked at one by one. */
	copy_few(b, at_head(s), count, s->queue.shift == 5);
	b->alike = b->read;
	b->read += count;
	return true;
}
