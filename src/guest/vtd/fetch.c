/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's ring: each descriptor once, into private memory, where all looks at it are. While it is copied it
 * is compared with the model: guests that unmap much queue long runs of descriptors that are alike, and these need no
 * second look.
 */
#include "base/minmax.h"

#include "vtd.h"

/* Half a descriptor as one load: the compiler may neither repeat nor invent a volatile access. */
typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));

static const pair none = {0, 0};

/* A model, by value: it could otherwise be part of what is written, and would be read again each time. */
struct like {
	pair expect, fixed;
};

static inline struct like like_of(const struct vtd_model *model)
{
	return (struct like){{le64_put(model->desc[0]).raw, le64_put(model->desc[1]).raw},
			     {UINT64_MAX, le64_put(model->fixed).raw}};
}

/* Bits of a descriptor that are not the model's. */
static inline pair other(pair low, pair high, struct like model)
{
	return ((low ^ model.expect) & model.fixed) | high;
}

static inline bool any(pair bits)
{
	return bits[0] | bits[1];
}

/* The first one that is not like the model; those before i are. Apart: within copy() it would take its registers. */
static __attribute__((noinline)) size_t alike(const struct vtd_batch *b, size_t i, size_t end, bool wide,
					      const struct like *model)
{
	const pair *low = (const pair *)(const void *)b->low, *high = (const pair *)(const void *)b->high;

	while (i < end && !any(other(low[i], wide ? high[i] : none, *model)))
		i++;
	return i;
}

/*
 * Copy count descriptors, and return the first of them, if any, that is not like the model; or, without a model in use,
 * the first: all have their upper halves copied then. keep: the lower halves of those that are like the model are
 * wanted. The guest may write the ring meanwhile; every value that is read is checked. The race is intended; TSan is
 * told so.
 */
__attribute__((no_sanitize("thread"))) static inline __attribute__((always_inline)) size_t
copy(struct vtd_batch *b, const volatile pair *from, size_t count, bool wide, bool keep, bool usable, struct like model)
{
	pair *low = (pair *)(void *)b->low, *high = (pair *)(void *)b->high;
	const size_t n = wide ? 2 : 1, end = b->read + count;
	size_t i = b->read, first = usable ? end : i;

	/* As long as they are alike, a group at a time. Unrolled, it has all that it compares in registers. */
	for (; first == end && i + VTD_GROUP <= end; i += VTD_GROUP, from += VTD_GROUP * n) {
		pair lower[VTD_GROUP], upper[VTD_GROUP], seen = none, above = none;

#pragma GCC unroll 8
		for (size_t k = 0; k < VTD_GROUP; k++) {
			lower[k] = from[k * n];
			upper[k] = wide ? from[k * n + 1] : none;
			if (keep)
				low[i + k] = lower[k];
			seen |= lower[k] ^ model.expect;
			above |= upper[k];
		}
		if (!any((seen & model.fixed) | above))
			continue;
#pragma GCC unroll 8
		for (size_t k = 0; k < VTD_GROUP; k++) {
			if (!keep)
				low[i + k] = lower[k];
			if (wide)
				high[i + k] = upper[k];
		}
		first = alike(b, i, i + VTD_GROUP, wide, &model);
	}
	for (; i < end; i++, from += n) {
		pair lower = from[0], upper = wide ? from[1] : none;

		low[i] = lower;
		if (wide)
			high[i] = upper;
		if (first == end && any(other(lower, upper, model)))
			first = i;
	}
	return first;
}

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

static __attribute__((noinline)) bool fetch_many(struct viq_vtd *s, uint32_t count)
{
	const volatile pair *ring = (const volatile pair *)(const void *)s->ring;

	if (s->head >= s->ring_slots)
		return fetch_behind(s, count);
	take(s, ring + ((size_t)s->head << (s->queue.shift - 4)), min_u32(count, s->ring_slots - s->head));
	return true;
}

/* Those that a loop would handle at once are worth it; these are looked at one by one. As take(). */
__attribute__((no_sanitize("thread"))) static inline void take_few(struct viq_vtd *s, uint32_t count)
{
	const uint32_t shift = s->queue.shift - 4;
	const volatile pair *from = (const volatile pair *)(const void *)s->ring + ((size_t)s->head << shift);
	pair *low = (pair *)(void *)s->batch.low[s->batch.read], *high = (pair *)(void *)s->batch.high[s->batch.read];

	s->batch.alike = s->batch.read;
	s->batch.read += count;
	for (; count; count--, from += (size_t)1 << shift) {
		*low++ = from[0];
		if (shift)
			*high++ = from[1];
	}
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
	take_few(s, count);
	return true;
}
