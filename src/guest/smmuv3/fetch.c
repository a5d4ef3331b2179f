/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's ring: each command once, into private memory, a block at a time.
 *
 * A block is copied to the free end of the batch, where its commands mostly stay. While it is copied, one test a block
 * finds out whether all of it is plain: one opcode, and no bit beside those that are legal, meaningful and free of
 * further rules. That is the mass of any guest's traffic, and needs no second look.
 */
#include "smmuv3.h"

/* A command as one load: the compiler may neither repeat nor invent a volatile access. */
typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));

/* Little-endian words in memory, as masks. */
static inline pair as_pair(uint64_t word0, uint64_t word1)
{
	return (pair){htole64(word0), htole64(word1)};
}

/* The guest may write the ring meanwhile; every value that is read is checked. For a race detector it is no finding. */
__attribute__((no_sanitize("thread"))) bool smmuv3_fetch(struct viq_smmuv3 *s, const uint64_t *words, uint32_t count,
							 uint8_t op)
{
	const struct smmuv3_rule *rule = &s->rules[op];
	const volatile pair *from = (const volatile pair *)(const void *)words;
	pair *to = (pair *)(void *)s->batch.entries[s->batch.count];
	const pair expect = as_pair(op, 0);
	const pair unplain = as_pair(~rule->plain[0] | VIQ_SMMUV3_CMD_OP, ~rule->plain[1]);
	pair seen = {0, 0};

	for (uint32_t i = 0; i < count; i++) {
		pair cmd = from[i];

		to[i] = cmd;
		seen |= (cmd ^ expect) & unplain;
	}
	return !(seen[0] | seen[1]);
}
