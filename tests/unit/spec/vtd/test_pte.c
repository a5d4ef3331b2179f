/* SPDX-License-Identifier: MIT */
/* Which bits of paging entries are reserved (9.7, 9.8) and which addresses are canonical, worked out by hand. */

#include "support/test.h"
#include "spec/vtd/pte.h"

#define W     UINT64_C
#define HAW   46
#define ABOVE W(0x000fc00000000000) /* address bits 51:46 */
#define PS    W(0x80)
#define SNP   W(0x800)
#define FS1GP (W(1) << 56)
#define SC    (W(1) << 7)

static struct vtd_caps caps_of(uint64_t cap, uint64_t ecap)
{
	struct vtd_caps caps;

	vtd_caps_init(&caps, cap, ecap, HAW);
	return caps;
}

/* Pages of 2M and 1G have bit 12 for PAT; PS is reserved where there are no large pages. */
static void first_stage(void **state)
{
	static const struct {
		uint64_t cap, entry;
		unsigned int level;
		uint64_t reserved; /* besides addresses that the machine does not have */
	} rows[] = {
		{0, 1, 1, 0},      {0, 1 | PS, 1, 0},
		{0, 1, 2, 0},      {0, 1 | PS, 2, 0x1fe000},
		{0, 1, 3, PS},     {0, 1 | PS, 3, 0x3fffe000 | PS},
		{FS1GP, 1, 3, 0},  {FS1GP, 1 | PS, 3, 0x3fffe000},
		{FS1GP, 1, 4, PS}, {FS1GP, 1 | PS, 5, PS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vtd_caps caps = caps_of(rows[i].cap, 0);

		assert_int_equal(vtd_fs_reserved(&caps, rows[i].entry, rows[i].level, false), rows[i].reserved | ABOVE);
		assert_int_equal(vtd_fs_reserved(&caps, rows[i].entry, rows[i].level, true), rows[i].reserved);
	}
}

/* CAP.SSLPS: bit 34 is 2M, bit 35 is 1G. SNP is a leaf's, with ECAP.SC. */
static void second_stage(void **state)
{
	static const struct {
		uint64_t sslps, ecap, entry;
		unsigned int level;
		uint64_t reserved; /* besides bit 62 and addresses that the machine does not have */
	} rows[] = {
		{0, SC, 3, 1, 0},
		{0, SC, 3 | PS, 1, 0},
		{0, ~SC, 3, 1, SNP},
		{0, SC, 3, 2, PS | SNP},
		{0, SC, 3 | PS, 2, PS | 0x1ff000},
		{1, SC, 3, 2, SNP},
		{1, SC, 3 | PS, 2, 0x1ff000},
		{1, ~SC, 3 | PS, 2, SNP | 0x1ff000},
		{2, SC, 3 | PS, 2, PS | 0x1ff000},
		{1, SC, 3 | PS, 3, PS | 0x3ffff000},
		{2, SC, 3 | PS, 3, 0x3ffff000},
		{2, SC, 3, 3, SNP},
		{15, SC, 3, 4, PS | SNP},
		{15, SC, 3 | PS, 5, PS | SNP},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vtd_caps caps = caps_of(rows[i].sslps << 34, rows[i].ecap);

		assert_int_equal(vtd_ss_reserved(&caps, rows[i].entry, rows[i].level),
				 rows[i].reserved | ABOVE | W(1) << 62);
	}
}

/* 3.6: 48 bits with four levels, 57 with five. */
static void canonical_addresses(void **state)
{
	static const struct {
		uint8_t levels;
		uint64_t iova;
		bool canonical;
	} rows[] = {
		{4, 0, true},
		{4, W(0x00007fffffffffff), true},
		{4, W(0x0000800000000000), false},
		{4, W(0xffff7fffffffffff), false},
		{4, W(0xffff800000000000), true},
		{4, W(0x8000000000000000), false},
		{5, W(0x00ffffffffffffff), true},
		{5, W(0x0100000000000000), false},
		{5, W(0xfeffffffffffffff), false},
		{5, W(0xff00000000000000), true},
		{5, UINT64_MAX, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct vtd_fs fs = {.levels = rows[i].levels};

		assert_int_equal(vtd_fs_canonical(&fs, rows[i].iova), rows[i].canonical);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_stage),
		cmocka_unit_test(second_stage),
		cmocka_unit_test(canonical_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
