/* SPDX-License-Identifier: MIT */
/*
 * Descriptors on their way into the batch (guest/vtd/copy.h), whatever the guest's memory holds and the model is: each
 * comes to its place, in order; none that is not like the model is passed for one that is, and the first of them is
 * found; nothing else of the batch is written.
 *
 * Bounds: the batch holds 3 descriptors instead of 256, and 2 instead of 8 are looked at together: a group, from any
 * place on, and one that is left over. The loops carry nothing from one descriptor to the next but where they are.
 * WIDE, KEEP: as copy() is called, one case at a time.
 */
#include "proof.h"

#include "guest/vtd/copy.h"

#define HALVES (WIDE ? 2 : 1)

/* The guest's ring, just as much of it as is to be copied lies at its end. */
static pair ring[BATCH_DESCRIPTORS * HALVES];
static struct vtd_batch b;
static struct vtd_model model;

struct vtd_batch nondet_batch(void);
struct vtd_model nondet_model(void);
pair nondet_pair(void);

static bool is_like(pair low, pair high)
{
	return low[0] == model.desc[0] && !((low[1] ^ model.desc[1]) & model.fixed) && !high[0] && !high[1];
}

static bool same(const le64 words[2], pair half)
{
	return words[0].raw == half[0] && words[1].raw == half[1];
}

static bool same_words(const le64 a[2], const le64 other_words[2])
{
	return a[0].raw == other_words[0].raw && a[1].raw == other_words[1].raw;
}

static void prove_copied(const pair *from, uint32_t read, uint32_t count)
{
	const bool usable = nondet_bool(), few = nondet_bool();
	const struct vtd_batch before = b;
	size_t first = read;

	if (few)
		copy_few(&b, from, count, WIDE);
	else
		first = copy(&b, from, count, WIDE, KEEP, usable, like_of(&model));
	PROVE(first >= read && first <= read + count && IMPLIES(!usable, first == read));
	PROVE(b.first == before.first && b.taken == before.taken && b.read == before.read);
	for (uint32_t i = 0; i < BATCH_DESCRIPTORS; i++) {
		if (i < read || i >= read + count) {
			PROVE(same_words(b.low[i], before.low[i]) && same_words(b.high[i], before.high[i]));
			continue;
		}
		const pair low = from[(i - read) * HALVES], high = WIDE ? from[(i - read) * HALVES + 1] : none;

		if (i < first)
			PROVE(is_like(low, high));
		if (i == first && usable && !few)
			PROVE(!is_like(low, high));
		if (i >= first || KEEP)
			PROVE(same(b.low[i], low));
		if (i >= first && WIDE)
			PROVE(same(b.high[i], high));
	}
}

int main(void)
{
	for (uint32_t read = 0; read < BATCH_DESCRIPTORS; read++) {
		for (uint32_t count = 1; count <= BATCH_DESCRIPTORS - read; count++) {
			b = nondet_batch();
			b.read = read;
			model = nondet_model();
			for (uint32_t i = 0; i < BATCH_DESCRIPTORS * HALVES; i++)
				ring[i] = nondet_pair();
			prove_copied(&ring[(BATCH_DESCRIPTORS - count) * HALVES], read, count);
		}
	}
	return 0;
}
