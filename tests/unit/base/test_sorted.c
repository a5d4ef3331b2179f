/* SPDX-License-Identifier: MIT */
/* The sorted array against a plain one that is searched from end to end. */
#include "base/sorted.h"
#include "support/vsmmu.h"

#define KEYS 40

struct item {
	uint32_t key;
};

static struct item *lowest_from(struct item *items, const bool *in, uint32_t key)
{
	struct item *best = NULL;

	for (size_t i = 0; i < KEYS; i++) {
		if (in[i] && items[i].key >= key && (!best || items[i].key < best->key))
			best = &items[i];
	}
	return best;
}

static void same_as_a_search(const struct sorted *a, struct item *items, const bool *in)
{
	for (size_t i = 0; i < KEYS; i++) {
		assert_ptr_equal(sorted_find(a, items[i].key), in[i] ? &items[i] : NULL);
		assert_ptr_equal(sorted_from(a, items[i].key), lowest_from(items, in, items[i].key));
		if (items[i].key < UINT32_MAX)
			assert_ptr_equal(sorted_from(a, items[i].key + 1), lowest_from(items, in, items[i].key + 1));
	}
	for (size_t i = 1; i < a->count; i++)
		assert_true(sorted_key(a->items[i - 1]) < sorted_key(a->items[i]));
}

static void items_come_and_go(void **state)
{
	uint64_t seed = test_seed();
	struct item items[KEYS];
	struct sorted a = {0};
	bool in[KEYS] = {false};
	size_t count = 0;

	/* Both ends of what a key can be, and keys that a sum or a sign would mix up. */
	for (uint32_t i = 0; i < KEYS; i++)
		items[i].key = i < KEYS / 2 ? 3 * i : UINT32_MAX - 3 * (i - KEYS / 2);
	for (int step = 0; step < 2000; step++) {
		uint32_t i = test_below(&seed, KEYS);

		if (in[i]) {
			sorted_remove(&a, &items[i]);
			count--;
		} else {
			assert_int_equal(sorted_reserve(&a), 0);
			sorted_insert(&a, &items[i]);
			count++;
		}
		in[i] = !in[i];
		assert_int_equal(a.count, count);
		same_as_a_search(&a, items, in);
	}
	free(a.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
