/* SPDX-License-Identifier: MIT */
/*
 * Copying descriptors out of the guest's ring into the batch, and comparing them with the model on the way; fetch.c
 * says which and from where. Apart, so that each can be proved without the other.
 */
#ifndef VIQ_GUEST_VTD_COPY_H
#define VIQ_GUEST_VTD_COPY_H

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

/* The same of a few, which nobody compares. */
__attribute__((no_sanitize("thread"))) static inline void copy_few(struct vtd_batch *b, const volatile pair *from,
								   uint32_t count, bool wide)
{
	pair *low = (pair *)(void *)b->low[b->read], *high = (pair *)(void *)b->high[b->read];
	const size_t n = wide ? 2 : 1;

	for (; count; count--, from += n) {
		*low++ = from[0];
		if (wide)
			*high++ = from[1];
	}
}

#endif
