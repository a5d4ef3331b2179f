/* SPDX-License-Identifier: MIT */
/*
 * A slot under its sequence count, step by step: what a reader and a writer do that meet another writer at each point
 * of its work. The steps of that writer are stored by hand, in the order of soft_slot_write().
 */
#include <string.h>

#include "support/test.h"
#include "host/soft/cache/slot.h"

#define WORDS 5u

static const uint64_t old[WORDS] = {1, 2, 3, 4, 5}, new[WORDS] = {11, 12, 13, 14, 15},
		      other[WORDS] = {21, 22, 23, 24, 25};

static void assert_holds(soft_word *slot, uint64_t seq, const uint64_t want[WORDS])
{
	assert_int_equal(atomic_load(&slot[0]), seq);
	for (unsigned int i = 0; i < WORDS; i++)
		assert_int_equal(atomic_load(&slot[1 + i]), want[i]);
}

static void a_write_is_read(void **state)
{
	soft_word slot[SOFT_SLOT_WORDS] = {0};
	uint64_t out[WORDS];

	soft_slot_write(slot, old, WORDS);
	assert_holds(slot, 2, old);
	assert_true(soft_slot_read(slot, out, WORDS));
	assert_memory_equal(out, old, sizeof(old));
	soft_slot_write(slot, new, WORDS);
	assert_holds(slot, 4, new);
	assert_int_equal(atomic_load(&slot[1 + WORDS]), 0);
}

/* Whoever comes while a writer is at work: a reader gets nothing, a second writer changes nothing. */
static void one_writer_at_a_time(void **state)
{
	for (unsigned int done = 0; done <= WORDS; done++) {
		soft_word slot[SOFT_SLOT_WORDS] = {0};
		uint64_t out[WORDS], now[WORDS];

		soft_slot_write(slot, old, WORDS);
		memcpy(now, old, sizeof(now));
		atomic_store(&slot[0], 3);
		for (unsigned int i = 0; i < done; i++)
			atomic_store(&slot[1 + i], now[i] = new[i]);
		assert_false(soft_slot_read(slot, out, WORDS));
		soft_slot_write(slot, other, WORDS);
		assert_holds(slot, 3, now);
		/* The first one ends. */
		for (unsigned int i = done; i < WORDS; i++)
			atomic_store(&slot[1 + i], new[i]);
		atomic_store(&slot[0], 4);
		assert_true(soft_slot_read(slot, out, WORDS));
		assert_memory_equal(out, new, sizeof(new));
		soft_slot_write(slot, other, WORDS);
		assert_holds(slot, 6, other);
	}
}

/* Over itself, else to a place never used, else to any; then each in turn. */
static void where_an_entry_goes(void **state)
{
	soft_word set[SOFT_WAYS * SOFT_SLOT_WORDS] = {0};
	uint64_t entry[2] = {0x1000 | 12, 7};
	unsigned int hits[SOFT_WAYS] = {0};

	for (unsigned int way = 0; way < SOFT_WAYS; way++) {
		entry[SOFT_ENTRY_BASE] = (way + 1) << 12 | 12;
		assert_ptr_equal(soft_set_choose(set, entry[SOFT_ENTRY_BASE], entry[SOFT_ENTRY_TAG]),
				 set + way * SOFT_SLOT_WORDS);
		soft_slot_write(set + way * SOFT_SLOT_WORDS, entry, 2);
	}
	for (unsigned int way = 0; way < SOFT_WAYS; way++)
		assert_ptr_equal(soft_set_choose(set, (way + 1) << 12 | 12, 7), set + way * SOFT_SLOT_WORDS);
	/* Another tag, and another size, are another entry. */
	for (unsigned int i = 0; i < 2 * SOFT_WAYS; i++)
		hits[(soft_set_choose(set, 1 << 12 | (i % 2 ? 12 : 21), i % 2 ? 8 : 7) - set) / SOFT_SLOT_WORDS]++;
	for (unsigned int way = 0; way < SOFT_WAYS; way++)
		assert_int_equal(hits[way], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_is_read),
		cmocka_unit_test(one_writer_at_a_time),
		cmocka_unit_test(where_an_entry_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
