/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's ring: each descriptor once, into private memory, a block at a time.
 *
 * A block is copied to the free end of the batch, where its descriptors mostly stay. While it is copied, one test a
 * block finds out whether all of it is like a model that was checked before. Guests that unmap much queue long runs of
 * such descriptors, and these need no second look. What a run does not get to take of a block is read again.
 */
#include "vtd.h"

/* Half a descriptor as one load: the compiler may neither repeat nor invent a volatile access. */
typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));

/*
 * The guest may write the ring meanwhile; every value that is read is checked. The race is intended; TSan is told so.
 * The loops are so short that their speed depends on where they lie: always at the same place of a cache line.
 */
__attribute__((aligned(64), noinline, no_sanitize("thread"))) static bool
copy(struct viq_vtd *s, const le64 *ring, uint32_t count, const struct vtd_model *model)
{
	const volatile pair *from = (const volatile pair *)(const void *)ring;
	pair *to = (pair *)(void *)s->batch.desc[s->batch.count], *upper = (pair *)(void *)s->upper;
	const pair expect = {le64_put(model->desc[0]).raw, le64_put(model->desc[1]).raw};
	const pair fixed = {UINT64_MAX, le64_put(model->fixed).raw};
	pair seen = {0, 0};

	if (s->queue.shift == 5) {
		for (uint32_t i = 0; i < count; i++) {
			pair low = from[2 * i], high = from[2 * i + 1];

			to[i] = low;
			upper[i] = high;
			seen |= ((low ^ expect) & fixed) | high;
		}
	} else {
		for (uint32_t i = 0; i < count; i++) {
			pair low = from[i];

			to[i] = low;
			upper[i] = (pair){0, 0};
			seen |= (low ^ expect) & fixed;
		}
	}
	return !(seen[0] | seen[1]);
}

/* Behind call-backs, or beyond the region that holds the base: one at a time. */
static uint32_t copy_one(struct viq_vtd *s)
{
	le64 words[VIQ_VTD_DESC_WORDS] = {0};
	le64 *desc = s->batch.desc[s->batch.count];

	if (viq_mem_read(s->config.mem, s->queue.base + vtd_offset(s, s->head), words, 1u << s->queue.shift))
		return 0;
	desc[0] = words[0];
	desc[1] = words[1];
	s->upper[0][0] = words[2];
	s->upper[0][1] = words[3];
	return 1;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t vtd_fetch(struct viq_vtd *s, uint32_t limit, const struct vtd_model *model, bool *alike)
{
	uint32_t tail = (uint32_t)(vtd_iqt(s) >> s->queue.shift);
	uint32_t count = (tail > s->head ? tail : s->queue.slots) - s->head;

	*alike = false;
	if (s->head >= s->ring_slots)
		return copy_one(s);
	count = min_u32(count, min_u32(limit, FETCH_BLOCK));
	count = min_u32(count, BATCH_DESCRIPTORS - s->batch.count);
	count = min_u32(count, s->ring_slots - s->head);
	*alike = copy(s, s->ring + ((size_t)s->head << s->queue.shift) / sizeof(*s->ring), count, model) &&
		 model->usable;
	return count;
}
