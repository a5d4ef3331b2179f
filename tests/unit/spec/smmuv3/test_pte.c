/* SPDX-License-Identifier: MIT */
/* Geometry and descriptors of translation tables (DDI 0487 D8.2, D8.3): levels, kinds, addresses, from words by hand.
 */

#include "support/test.h"
#include "spec/smmuv3/pte.h"

#define W UINT64_C

static void geometry(void **state)
{
	/* What a descriptor of levels 0 to 3 covers. */
	static const uint8_t shifts[3][4] = {{39, 30, 21, 12}, {47, 36, 25, 14}, {55, 42, 29, 16}};
	static const struct {
		uint8_t granule, ia_bits, start;
	} starts[] = {
		{12, 25, 2}, {12, 30, 2}, {12, 31, 1}, {12, 39, 1}, {12, 40, 0}, {12, 48, 0},
		{14, 25, 3}, {14, 26, 2}, {14, 36, 2}, {14, 37, 1}, {14, 47, 1}, {14, 48, 0},
		{16, 29, 3}, {16, 30, 2}, {16, 42, 2}, {16, 43, 1}, {16, 52, 1},
	};

	for (unsigned int g = 0; g < 3; g++)
		for (unsigned int level = 0; level < 4; level++)
			assert_int_equal(smmuv3_level_shift(12 + 2 * g, level), shifts[g][level]);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		assert_int_equal(smmuv3_start_level(starts[i].granule, starts[i].ia_bits), starts[i].start);
	assert_int_equal(smmuv3_low_bits(0), 0);
	assert_int_equal(smmuv3_low_bits(12), 0xfff);
	assert_int_equal(smmuv3_low_bits(64), UINT64_MAX);
}

static void kinds(void **state)
{
	/* Levels at which bit 1 = 0 is a block: one bit each. */
	static const struct {
		uint8_t granule;
		bool pa52;
		uint8_t blocks;
	} rows[] = {{12, false, 6}, {12, true, 6}, {14, false, 4}, {14, true, 4}, {16, false, 4}, {16, true, 6}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned int level = 0; level < 4; level++) {
			bool block = rows[i].blocks >> level & 1;
			enum smmuv3_pte_kind at[4];

			for (unsigned int low = 0; low < 4; low++)
				at[low] = smmuv3_pte_kind(rows[i].granule, rows[i].pa52, level, ~W(3) | low);
			assert_int_equal(at[0], SMMUV3_PTE_INVALID);
			assert_int_equal(at[2], SMMUV3_PTE_INVALID);
			assert_int_equal(at[1], block ? SMMUV3_PTE_LEAF : SMMUV3_PTE_INVALID);
			assert_int_equal(at[3], level < 3 ? SMMUV3_PTE_TABLE : SMMUV3_PTE_LEAF);
		}
	}
}

static void addresses(void **state)
{
	assert_int_equal(smmuv3_pte_address(12, false, 12, UINT64_MAX), W(0x0000fffffffff000));
	assert_int_equal(smmuv3_pte_address(12, true, 12, UINT64_MAX), W(0x0000fffffffff000));
	assert_int_equal(smmuv3_pte_address(12, false, 21, UINT64_MAX), W(0x0000ffffffe00000));
	assert_int_equal(smmuv3_pte_address(14, true, 25, UINT64_MAX), W(0x0000fffffe000000));
	assert_int_equal(smmuv3_pte_address(16, false, 16, UINT64_MAX), W(0x0000ffffffff0000));
	/* Address bits [51:48] are at [15:12]. */
	assert_int_equal(smmuv3_pte_address(16, true, 16, W(0x000080000001a003)), W(0x000a800000010000));
	assert_int_equal(smmuv3_pte_address(16, true, 29, W(0x0000800000015003)), W(0x0005800000000000));
	assert_int_equal(smmuv3_granule_oa_bits(12, 52), 48);
	assert_int_equal(smmuv3_granule_oa_bits(14, 52), 48);
	assert_int_equal(smmuv3_granule_oa_bits(16, 52), 52);
	assert_int_equal(smmuv3_granule_oa_bits(12, 40), 40);
}

static void start_tables(void **state)
{
	/* 4K, 48 bits: 512 descriptors; 39 bits from level 1; 40 bits from level 1, two tables side by side. */
	assert_int_equal(smmuv3_align_ttb(0x12345ff0, 12, 0, 48, 48), 0x12345000);
	assert_int_equal(smmuv3_align_ttb(0x12345ff0, 12, 1, 39, 48), 0x12345000);
	assert_int_equal(smmuv3_align_ttb(0x12345ff0, 12, 1, 40, 48), 0x12344000);
	/* Two descriptors: 16 bytes; 64 where the table can be above 2^48. */
	assert_int_equal(smmuv3_align_ttb(0x12345ff0, 12, 1, 31, 48), 0x12345ff0);
	assert_int_equal(smmuv3_align_ttb(0x12345ff0, 16, 1, 43, 52), 0x12345fc0);
	assert_int_equal(smmuv3_align_ttb(0x12345ff0, 16, 1, 52, 52), 0x12344000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(geometry),
		cmocka_unit_test(kinds),
		cmocka_unit_test(addresses),
		cmocka_unit_test(start_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
