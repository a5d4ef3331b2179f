/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's ring: each descriptor once, into private memory, where all looks at it are. While it is copied it
 * is compared with the model: guests that unmap much queue long runs of descriptors that are alike, and these need no
 * second look.
 */
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

/* The first one that is not like the model; those before i are. */
static inline size_t alike(const pair *desc, size_t i, size_t count, bool wide, struct like model)
{
	const size_t n = wide ? 2 : 1;

	while (i < count && !any(other(desc[i * n], wide ? desc[i * n + 1] : none, model)))
		i++;
	return i;
}

/*
 * Copy, and return the same of what is copied. The guest may write the ring meanwhile; every value that is read is
 * checked. The race is intended; TSan is told so.
 */
__attribute__((no_sanitize("thread"))) static inline size_t copy(pair *to, const volatile pair *from, size_t count,
								 bool wide, struct like model)
{
	const size_t n = wide ? 2 : 1, group = 8 / n;
	size_t i = 0;
	bool like = true;

	/* As long as they are, a group at a time. */
	while (like && i + group <= count) {
		pair seen = none;

		for (size_t k = i * n; k < (i + group) * n; k += n) {
			pair low = from[k], high = wide ? from[k + 1] : none;

			to[k] = low;
			if (wide)
				to[k + 1] = high;
			seen |= other(low, high, model);
		}
		i += group;
		like = !any(seen);
	}
	for (size_t k = i * n; k < count * n; k++)
		to[k] = from[k];
	return alike(to, like ? i : i - group, count, wide, model);
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t vtd_alike(const struct viq_vtd *s)
{
	const struct vtd_batch *b = &s->batch;
	const pair *desc = (const pair *)(const void *)b->words;
	const struct like model = like_of(&s->model);

	return (uint32_t)(s->queue.shift == 5 ? alike(desc, b->taken, b->read, true, model)
					      : alike(desc, b->taken, b->read, false, model));
}

/* From the ring's own memory. How many are alike. */
static uint32_t fetch_block(struct viq_vtd *s, size_t count)
{
	const volatile pair *from = (const volatile pair *)(const void *)s->ring;
	pair *to = (pair *)(void *)s->batch.words;
	const struct like model = like_of(&s->model);
	const size_t read = s->batch.read, head = s->head;

	return (uint32_t)(s->queue.shift == 5 ? copy(to + 2 * read, from + 2 * head, count, true, model)
					      : copy(to + read, from + head, count, false, model));
}

bool vtd_fetch(struct viq_vtd *s, uint32_t limit)
{
	uint32_t tail = (uint32_t)(vtd_iqt(s) >> s->queue.shift);
	uint32_t count = (tail > s->head ? tail : s->queue.slots) - s->head, like = 0;
	struct vtd_batch *b = &s->batch;

	if (vtd_batch_empty(s))
		b->first = b->taken = b->read = 0;
	if (s->head < s->ring_slots) {
		count = min_u32(count, min_u32(limit, FETCH_BLOCK));
		count = min_u32(count, BATCH_DESCRIPTORS - b->read);
		count = min_u32(count, s->ring_slots - s->head);
		like = fetch_block(s, count);
	} else if (viq_mem_read(s->config.mem, s->queue.base + vtd_offset(s, s->head),
				&b->words[(size_t)b->read << (s->queue.shift - 3)], 1u << s->queue.shift)) {
		return false;
	} else { /* behind callbacks, or beyond the region that holds the base: one at a time */
		count = 1;
	}
	b->alike = b->read + (s->model.usable ? like : 0);
	b->read += count;
	return true;
}
