/* SPDX-License-Identifier: MIT */
/*
 * The bulk path: runs of one opcode that every host must see, the mass of any guest's traffic.
 *
 * Blocks of commands are copied into the batch and looked at with one test a block: does any command have a bit beside
 * those that are legal, meaningful and free of further rules? If so, the private copies are looked at one by one.
 */
#include "smmuv3.h"

#define BLOCK 16

/* A command as one load: the compiler may neither repeat nor invent a volatile access. */
typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));

/* The guest may write the ring while it is read; every value it can see there is checked. Not a bug to find. */
#define GUEST_RACES __attribute__((no_sanitize("thread")))

static inline pair load_pair(const uint64_t *words)
{
	return *(const volatile pair *)(const void *)words;
}

/* Little-endian words in memory against masks in host order. */
static inline pair as_pair(uint64_t word0, uint64_t word1)
{
	return (pair){htole64(word0), htole64(word1)};
}

/* Copy a block; returns whether all of it is plain. */
static inline GUEST_RACES bool copy_block(uint64_t (*out)[2], const uint64_t *words, pair op, pair unplain)
{
	pair seen = {0, 0};

	for (unsigned int i = 0; i < BLOCK; i++) {
		pair cmd = load_pair(&words[2 * i]);

		*(pair *)(void *)out[i] = cmd;
		seen |= (cmd ^ op) & unplain;
	}
	return !(seen[0] | seen[1]);
}

/*
 * Bring a private copy into the form that the host gets. false: not of this run, or not legal; it is left as it was.
 */
static bool accept(const struct viq_smmuv3 *s, const struct smmuv3_rule *rule, uint8_t op, uint64_t entry[2])
{
	uint64_t cmd[2] = {le64toh(entry[0]), le64toh(entry[1])};

	if ((cmd[0] & VIQ_SMMUV3_CMD_OP) != op || (cmd[0] & rule->illegal[0]) || (cmd[1] & rule->illegal[1]))
		return false;
	if (rule->check && rule->check(cmd, s->features))
		return false;
	entry[0] = htole64(cmd[0] & rule->keep[0]);
	entry[1] = htole64(cmd[1] & rule->keep[1]);
	return true;
}

GUEST_RACES uint32_t smmuv3_bulk(struct viq_smmuv3 *s, const uint64_t *words, uint32_t limit, uint8_t op,
				 uint64_t cmd[2])
{
	const struct smmuv3_rule *rule = &s->rules[op];
	const pair op_pair = as_pair(op, 0), unplain = as_pair(~rule->plain[0] | VIQ_SMMUV3_CMD_OP, ~rule->plain[1]);
	uint64_t(*out)[2] = &s->batch.entries[s->batch.count];
	uint32_t taken = 0, loaded;

	while (taken < limit) {
		if (limit - taken >= BLOCK) {
			loaded = taken + BLOCK;
			if (copy_block(&out[taken], &words[2 * taken], op_pair, unplain)) {
				taken = loaded;
				continue;
			}
		} else {
			loaded = taken + 1;
			*(pair *)(void *)out[taken] = load_pair(&words[2 * taken]);
		}
		while (taken < loaded && accept(s, rule, op, out[taken]))
			taken++;
		if (taken < loaded)
			break;
	}
}
