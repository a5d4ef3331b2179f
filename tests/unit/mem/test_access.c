/* SPDX-License-Identifier: MIT */
/*
 * P3: each byte of guest memory is touched once a call, and each aligned word that is wanted whole by one access.
 *
 * The file under test is compiled in here with its atomic accesses, the only ones it may make to guest memory,
 * recorded.
 */
#include <string.h>

#include "support/test.h"

#define BYTES 128

static _Alignas(8) uint8_t guest[BYTES];
/* By byte: loads, stores, and the width of the last access. */
static uint32_t loads[BYTES], stores[BYTES], width[BYTES];

static void record(const volatile void *at, size_t size, uint32_t *kind)
{
	size_t offset = (size_t)((const volatile uint8_t *)at - guest);

	assert_true(offset + size <= BYTES);
	assert_int_equal(offset % size, 0);
	for (size_t i = 0; i < size; i++) {
		kind[offset + i]++;
		width[offset + i] = (uint32_t)size;
	}
}

/* clang-format off */
#define RECORDED(ptr, kind) ({ __typeof__(ptr) at_ = (ptr); record(at_, sizeof(*at_), kind); at_; })
/* clang-format on */
#define __atomic_load_n(ptr, order)         (*RECORDED(ptr, loads))
#define __atomic_store_n(ptr, value, order) (*RECORDED(ptr, stores) = (value))

#include "mem/mem.c"

/* Two regions that touch, so that a range goes through both. */
static struct viq_mem *fresh(void)
{
	const struct viq_mem_region regions[] = {{0, 40, guest, 0}, {40, BYTES - 40, guest + 40, 0}};
	struct viq_mem *mem;

	memset(loads, 0, sizeof(loads));
	memset(stores, 0, sizeof(stores));
	for (uint32_t i = 0; i < BYTES; i++)
		guest[i] = (uint8_t)(i + 1);
	assert_int_equal(viq_mem_create(regions, 2, NULL, NULL, &mem, NULL), 0);
	return mem;
}

static void assert_touched(const uint32_t *kind, uint32_t at, uint32_t len)
{
	for (uint32_t i = 0; i < BYTES; i++) {
		uint32_t word = i & ~7u;

		assert_int_equal(kind[i], i >= at && i < at + len);
		if (word >= at && word + 8 <= at + len)
			assert_int_equal(width[i], 8);
	}
}

static void p3_every_range_is_read_once_in_whole_words(void **state)
{
	for (uint32_t at = 0; at < BYTES; at++) {
		for (uint32_t len = 0; len <= BYTES - at; len++) {
			struct viq_mem *mem = fresh();
			uint8_t buf[BYTES + 1];

			/* To an odd address too. */
			assert_int_equal(viq_mem_read(mem, at, buf + at % 2, len), 0);
			assert_memory_equal(buf + at % 2, guest + at, len);
			assert_touched(loads, at, len);
			assert_touched(stores, 0, 0);
			viq_mem_destroy(mem);
		}
	}
}

static void p3_words_are_read_once(void **state)
{
	for (uint32_t at = 0; at < BYTES; at += 8) {
		struct viq_mem *mem = fresh();
		uint64_t words[BYTES / 8];

		assert_int_equal(viq_mem_read_words(mem, at, words, (BYTES - at) / 8), 0);
		assert_touched(loads, at, BYTES - at);
		viq_mem_destroy(mem);
	}
}

static void every_range_is_written_once_in_whole_words(void **state)
{
	static const uint8_t zeroes[BYTES + 1];

	for (uint32_t at = 0; at < BYTES; at++) {
		for (uint32_t len = 0; len <= BYTES - at; len++) {
			struct viq_mem *mem = fresh();

			assert_int_equal(viq_mem_write(mem, at, zeroes + at % 2, len), 0);
			assert_memory_equal(guest + at, zeroes, len);
			assert_touched(stores, at, len);
			assert_touched(loads, 0, 0);
			viq_mem_destroy(mem);
		}
	}
}

/* The guest polls these: MSI data, a queue's index. */
static void p1_words_are_written_by_one_store(void **state)
{
	for (uint32_t at = 0; at < BYTES; at += 4) {
		struct viq_mem *mem = fresh();

		assert_int_equal(viq_mem_write_u32(mem, at, 0x12345678), 0);
		for (uint32_t i = 0; i < BYTES; i++)
			assert_int_equal(stores[i], i >= at && i < at + 4);
		assert_int_equal(width[at], 4);
		viq_mem_destroy(mem);
		if (at % 8)
			continue;
		mem = fresh();
		assert_int_equal(viq_mem_write_u64(mem, at, 5), 0);
		assert_touched(stores, at, 8);
		viq_mem_destroy(mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_range_is_written_once_in_whole_words),
		cmocka_unit_test(p1_words_are_written_by_one_store),
		cmocka_unit_test(p3_every_range_is_read_once_in_whole_words),
		cmocka_unit_test(p3_words_are_read_once),
	};

	return cmocka_run_group_tests_name("mem-access", tests, NULL, NULL);
}
