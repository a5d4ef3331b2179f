/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's ring: each command once, into private memory, a block at a time.
 *
 * A block is copied to the free end of the batch, where its commands mostly stay. While it is copied, one test a block
 * finds out whether all of it is like a model that was checked before: a command that differs from it only in bits that
 * no further rule looks at. That is the mass of any guest's traffic, and needs no second look.
 */
#include "smmuv3.h"

/* A command as one load: the compiler may neither repeat nor invent a volatile access. */
typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));

/*
 * The guest may write the ring meanwhile; every value that is read is checked. The race is intended; TSan is told so.
 * The loop is so short that its speed depends on where it lies: always at the same place of a cache line.
 */
__attribute__((aligned(64), no_sanitize("thread"))) bool smmuv3_fetch(struct viq_smmuv3 *s, const le64 *words,
								      uint32_t count, const struct smmuv3_model *model)
{
	const volatile pair *from = (const volatile pair *)(const void *)words;
	pair *to = (pair *)(void *)s->batch.entries[s->batch.count];
	const pair expect = {model->entry[0].raw, model->entry[1].raw};
	const pair fixed = {le64_put(~model->rule->plain[0]).raw, le64_put(~model->rule->plain[1]).raw};
	pair seen = {0, 0};

	for (uint32_t i = 0; i < count; i++) {
		pair cmd = from[i];

		to[i] = cmd;
		seen |= (cmd ^ expect) & fixed;
	}
	return !(seen[0] | seen[1]);
}
