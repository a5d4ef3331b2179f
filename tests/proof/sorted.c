/* SPDX-License-Identifier: MIT */
/*
 * Sorted arrays: an item that is inserted is found by its key, and no other key is found that was not there; the array
 * stays sorted, without a key twice; what is removed is gone, and all others stay.
 *
 * Bounds: 3 items and a further one, with any keys: a place is found by halving between neighbours, and with three
 * there are places before, between and behind, and both parities of the number that is halved.
 */
#include "proof.h"

#define ITEMS 2

/* Pointers are moved as such: CBMC's own works on bytes, of which it loses sight. */
static void *move(void **to, void *const *from, size_t size)
{
	void *copy[ITEMS + 1];

	for (size_t i = 0; i < ITEMS + 1; i++)
		copy[i] = i < size / sizeof(*from) ? from[i] : NULL;
	for (size_t i = 0; i < ITEMS + 1; i++) {
		if (i < size / sizeof(*from))
			to[i] = copy[i];
	}
	return to;
}

#include <string.h>
#define memmove(to, from, size) move(to, from, size)

#include "base/sorted.h"

static bool in_order(const struct sorted *a)
{
	for (size_t i = 1; i < ITEMS + 1; i++) {
		if (i < a->count && sorted_key(a->items[i - 1]) >= sorted_key(a->items[i]))
			return false;
	}
	return true;
}

int main(void)
{
	uint32_t keys[ITEMS + 1], wanted = nondet_u32();
	void *items[ITEMS + 1];
	struct sorted a = {.items = items, .count = nondet_size(), .room = ITEMS + 1};
	bool there = false;
	void *before, *above;

	GIVEN(a.count <= ITEMS);
	for (size_t i = 0; i < ITEMS + 1; i++) {
		keys[i] = nondet_u32();
		items[i] = &keys[i];
		there |= i < a.count && keys[i] == wanted;
	}
	GIVEN(in_order(&a) && wanted != keys[ITEMS]);
	for (size_t i = 0; i < ITEMS; i++)
		GIVEN(i >= a.count || keys[i] != keys[ITEMS]);

	before = sorted_find(&a, wanted);
	PROVE((before != NULL) == there);
	above = sorted_from(&a, wanted);
	for (size_t i = 0; i < ITEMS; i++) {
		if (i < a.count && keys[i] >= wanted)
			PROVE(above && sorted_key(above) <= keys[i] && sorted_key(above) >= wanted);
	}
	sorted_insert(&a, &keys[ITEMS]);
	PROVE(in_order(&a));
	PROVE(sorted_find(&a, keys[ITEMS]) == &keys[ITEMS]);
	PROVE(sorted_find(&a, wanted) == before);
	sorted_remove(&a, &keys[ITEMS]);
	PROVE(in_order(&a) && !sorted_find(&a, keys[ITEMS]));
	PROVE(sorted_find(&a, wanted) == before);
	return 0;
}
