/* SPDX-License-Identifier: MIT */
/*
 * What commands name (IHI 0070 4.3.1 to 4.3.3, 4.4.1.1, 4.5.1). Words are written by hand: opcode [7:0], SSV 11, SSID
 * [31:12], SID [63:32]; NUM [16:12], SCALE [25:20], VMID [47:32], ASID [63:48]; word 1: Leaf 0, TTL [9:8], TG [11:10].
 */

#include "support/test.h"
#include "spec/smmuv3/scope.h"

#define W UINT64_C

static void spans_of_address_tlbis(void **state)
{
	static const struct {
		uint64_t cmd[2];
		struct smmuv3_tlbi tlbi;
		uint64_t last;
	} expected[] = {
		/* No range: whichever leaf translates the address. */
		{{W(0x0005000000000012), W(0x0000000010000001)}, {{0x10000000, 1}, 0, 0, true}, 0x10000000},
		{{W(0x0005000000000012), W(0xfffffffffffff000)},
		 {{W(0xfffffffffffff000), 1}, 0, 0, false},
		 W(0xfffffffffffff000)},
		/* Range = ((NUM + 1) * 2^SCALE) * granule, as Linux sends 16 pages, a 2 MiB and a 1 GiB block. */
		{{W(0x0005000000400012), W(0x0000000010000701)}, {{0x10000000, 0x10000}, 12, 3, true}, 0x1000ffff},
		{{W(0x0005000000900012), W(0x0000000040000601)}, {{0x40000000, 0x200000}, 12, 2, true}, 0x401fffff},
		{{W(0x0005000001200012), W(0x0000000080000501)}, {{0x80000000, 0x40000000}, 12, 1, true}, 0xbfffffff},
		/* 17 * 2 pages, not leaves alone; three pages from an address that is not aligned to them. */
		{{W(0x0005000000110012), W(0x0000000010000400)}, {{0x10000000, 0x22000}, 12, 0, false}, 0x10021fff},
		{{W(0x0005000000002012), W(0x0000000010001700)}, {{0x10001000, 0x3000}, 12, 3, false}, 0x10003fff},
		/* 16K and 64K granules. */
		{{W(0x0000000000003013), W(0x0000000010000b01)}, {{0x10000000, 0x10000}, 14, 3, true}, 0x1000ffff},
		{{W(0x0000000000101013), W(0x0000000010000e00)}, {{0x10000000, 0x40000}, 16, 2, false}, 0x1003ffff},
		/* The most there is: 32 * 2^39 granules; larger SCALEs act as 39. */
		{{W(0x000000000271f013), W(0x0000000000000c00)}, {{0, W(1) << 60}, 16, 0, false}, (W(1) << 60) - 1},
		{{W(0x000000000281f013), W(0x0000000000000c00)}, {{0, W(1) << 60}, 16, 0, false}, (W(1) << 60) - 1},
		{{W(0x0000000003f1f013), W(0x0000000000000400)}, {{0, W(1) << 56}, 12, 0, false}, (W(1) << 56) - 1},
		/* Not wrapped at the top. */
		{{W(0x0000000000101013), W(0xffffffffffffe400)},
		 {{W(0xffffffffffffe000), 0x4000}, 12, 0, false},
		 UINT64_MAX},
		{{W(0x0000000000001013), W(0xffffffffffffe400)},
		 {{W(0xffffffffffffe000), 0x2000}, 12, 0, false},
		 UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct smmuv3_tlbi *e = &expected[i].tlbi, got = smmuv3_tlbi_decode(expected[i].cmd, true);

		assert_int_equal(got.span.first, e->span.first);
		assert_int_equal(got.span.bytes, e->span.bytes);
		assert_int_equal(got.granule, e->granule);
		assert_int_equal(got.level, e->level);
		assert_int_equal(got.leaf, e->leaf);
		assert_int_equal(smmuv3_span_last(got.span), expected[i].last);
	}
	assert_int_equal(smmuv3_tlbi_asid(expected[0].cmd), 5);
	assert_int_equal(smmuv3_tlbi_asid((uint64_t[]){W(0xffff000000000011), 0}), 0xffff);
}

/* 4.4.1.1: TTL = 1 of the 16K granule is reserved without IDR5.DS, and acts as 0. The other levels are not. */
static void level_1_of_16k_needs_ds(void **state)
{
	for (unsigned int tg = 0; tg < 4; tg++) {
		for (unsigned int ttl = 0; ttl < 4; ttl++) {
			const uint64_t cmd[2] = {0x12 | 3 << 12, 0x40000000 | tg << 10 | ttl << 8 | 1};
			bool none = tg == 2 && ttl == 1;

			assert_int_equal(smmuv3_tlbi_word1(cmd, true), cmd[1]);
			assert_int_equal(smmuv3_tlbi_word1(cmd, false), none ? 0x40000801 : cmd[1]);
			if (!tg)
				continue;
			assert_int_equal(smmuv3_tlbi_decode(cmd, true).level, ttl);
			assert_int_equal(smmuv3_tlbi_decode(cmd, false).level, none ? 0 : ttl);
		}
	}
}

static void forms_of_a_range(void **state)
{
	static const struct {
		uint64_t cmd[2];
		enum smmuv3_range_form form;
	} expected[] = {
		{{0x12, 0x000}, SMMUV3_RANGE_NONE},
		{{0x12, W(0xfffffffffffff001)}, SMMUV3_RANGE_NONE},
		{{0x12 | 1 << 12, 0x000}, SMMUV3_RANGE_NO_TG},
		{{0x12 | 1 << 20, 0x000}, SMMUV3_RANGE_NO_TG},
		{{0x12 | 1 << 25, 0x000}, SMMUV3_RANGE_NO_TG},
		{{0x12, 0x100}, SMMUV3_RANGE_NO_TG},
		{{0x12, 0x401}, SMMUV3_RANGE_RESERVED},
		{{0x12, 0x800}, SMMUV3_RANGE_RESERVED},
		{{0x12, W(0xfffffffffffffc01)}, SMMUV3_RANGE_RESERVED},
		{{0x12 | 1 << 12, 0x400}, SMMUV3_RANGE},
		{{0x12 | 1 << 25, 0x400}, SMMUV3_RANGE},
		{{0x12, 0x500}, SMMUV3_RANGE},
		{{0x12, 0xd00}, SMMUV3_RANGE},
		{{0x12, 0xa00}, SMMUV3_RANGE},
		{{0x12, 0x900}, SMMUV3_RANGE_LEVEL_DS},
		{{0x12 | 1 << 20, 0x900}, SMMUV3_RANGE},
		{{0x12 | 1 << 12, 0x900}, SMMUV3_RANGE},
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(smmuv3_tlbi_form(expected[i].cmd), expected[i].form);
}

static void spans_of_atc_inv(void **state)
{
	static const struct {
		uint64_t word1, first, bytes, last;
	} expected[] = {
		{0x10003000, 0x10003000, 0x1000, 0x10003fff},
		{0x10007003, 0x10000000, 0x8000, 0x10007fff}, /* aligned to its size */
		{0x10008004, 0x10000000, 0x10000, 0x1000ffff},
		{W(0xfffffffffffff033), W(0x8000000000000000), W(1) << 63, UINT64_MAX}, /* 51: a half */
		{W(0xfffffffffffff034), 0, 0, UINT64_MAX},                              /* 52: all */
		{W(0xfffffffffffff035), 0, 0, UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const uint64_t cmd[2] = {0x40, expected[i].word1};
		struct smmuv3_span span = smmuv3_atc_span(cmd);

		assert_int_equal(span.first, expected[i].first);
		assert_int_equal(span.bytes, expected[i].bytes);
		assert_int_equal(smmuv3_span_last(span), expected[i].last);
	}
	/* Without a SubstreamID, or with the global flag, every SubstreamID. */
	assert_false(smmuv3_atc_one_ssid((uint64_t[]){0x40, 0}));
	assert_false(smmuv3_atc_one_ssid((uint64_t[]){0x240, 0}));
	assert_true(smmuv3_atc_one_ssid((uint64_t[]){0x840, 0}));
	assert_false(smmuv3_atc_one_ssid((uint64_t[]){0xa40, 0}));
}

static void streams(void **state)
{
	static const struct {
		uint64_t cmd[2];
		uint32_t first, last;
		bool all;
	} expected[] = {
		{{W(0x000001a500000003), 31}, 0x1a5, 0x1a5, false}, /* no Range in CFGI_STE */
		{{W(0x000001a500000004), 0}, 0x1a4, 0x1a5, false},
		{{W(0x000001a500000004), 3}, 0x1a0, 0x1af, false},
		{{W(0x000001a500000004), 7}, 0x100, 0x1ff, false},
		{{W(0x800001a500000004), 30}, 0x80000000, UINT32_MAX, false},
		{{W(0x000001a500000004), 31}, 0, UINT32_MAX, true},
	};
	const uint64_t cd[2] = {W(0x89abcdef12345805), 1};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct smmuv3_streams got = smmuv3_cfgi_streams(expected[i].cmd);

		assert_int_equal(got.first, expected[i].first);
		assert_int_equal(got.last, expected[i].last);
		assert_int_equal(smmuv3_is_cfgi_all(expected[i].cmd), expected[i].all);
	}
	assert_int_equal(smmuv3_cmd_op(cd), 5);
	assert_int_equal(smmuv3_cmd_sid(cd), 0x89abcdef);
	assert_int_equal(smmuv3_cmd_ssid(cd), 0x12345);
	assert_true(smmuv3_cmd_ssv(cd));
	assert_false(smmuv3_cmd_ssv((uint64_t[]){W(0xfffffffffffff705), 0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_of_address_tlbis),
		cmocka_unit_test(level_1_of_16k_needs_ds),
		cmocka_unit_test(forms_of_a_range),
		cmocka_unit_test(spans_of_atc_inv),
		cmocka_unit_test(streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
