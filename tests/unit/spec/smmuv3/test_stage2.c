/* SPDX-License-Identifier: MIT */
/*
 * Which stage-2 regimes are legal (IHI 0070 5.2, S2T0SZ to S2TTB; DDI 0487 D8.2), and what they come to: each limit
 * from both sides, worked out by hand.
 */

#include "support/test.h"
#include "spec/smmuv3/tables.h"

#define W UINT64_C

/* IDR3 */
#define STT (1u << 9)
#define XNX (1u << 4)
#define FWB (1u << 8)
/* IDR0: AArch64 tables, no stalls */
#define TTF   (2u << 2)
#define MODEL (1u << 24)

#define ILLEGAL 0xff

static struct smmuv3_features features(uint32_t idr0, uint32_t idr3, uint32_t idr5)
{
	struct smmuv3_features f;

	smmuv3_features_init(&f, idr0, 0, idr3, idr5, 1);
	return f;
}

/* S2TG: 0 4K, 1 64K, 2 16K. Each level has granule - 3 bits, the first one up to four more. */
static void where_walks_start(void **state)
{
	static const struct {
		uint32_t idr3;
		uint8_t oas; /* as IDR5 codes it */
		uint8_t tg, t0sz, sl0, start;
	} rows[] = {
		/* 4K */
		{0, 5, 0, 16, 2, 0},
		{0, 5, 0, 24, 2, 0},
		{0, 5, 0, 25, 2, ILLEGAL}, /* one entry of level 0 covers all */
		{0, 5, 0, 21, 1, 1},
		{0, 5, 0, 20, 1, ILLEGAL}, /* 32 tables */
		{0, 5, 0, 33, 1, 1},
		{0, 5, 0, 34, 1, ILLEGAL},
		{0, 5, 0, 30, 0, 2},
		{0, 5, 0, 29, 0, ILLEGAL},
		{0, 5, 0, 39, 0, 2},
		{0, 5, 0, 40, 0, ILLEGAL}, /* without small tables */
		{0, 5, 0, 39, 3, ILLEGAL},
		{STT, 5, 0, 42, 0, 2},
		{STT, 5, 0, 43, 0, ILLEGAL},
		{STT, 5, 0, 39, 3, 3},
		{STT, 5, 0, 38, 3, ILLEGAL},
		{STT, 5, 0, 48, 3, 3},
		{STT, 5, 0, 49, 3, ILLEGAL},
		{0, 4, 0, 20, 2, 0},
		{0, 3, 0, 22, 2, ILLEGAL}, /* level 0 from 44 bits of physical address on */
		{0, 3, 0, 22, 1, 1},
		{0, 3, 0, 21, 1, ILLEGAL}, /* more than OAS */
		{0, 6, 0, 16, 2, 0},
		{0, 6, 0, 15, 2, ILLEGAL}, /* more than 4K descriptors have */
		/* 16K */
		{0, 5, 2, 35, 0, 3},
		{0, 5, 2, 34, 0, ILLEGAL},
		{0, 5, 2, 39, 0, 3},
		{0, 5, 2, 40, 0, ILLEGAL},
		{STT, 5, 2, 48, 0, 3},
		{STT, 5, 2, 49, 0, ILLEGAL},
		{0, 5, 2, 24, 1, 2},
		{0, 5, 2, 23, 1, ILLEGAL},
		{0, 5, 2, 38, 1, 2},
		{0, 5, 2, 39, 1, ILLEGAL},
		{0, 5, 2, 16, 2, 1},
		{0, 3, 2, 22, 2, 1},
		{0, 2, 2, 24, 2, ILLEGAL}, /* level 1 from 42 bits on */
		{0, 2, 2, 24, 1, 2},
		{STT, 5, 2, 39, 3, ILLEGAL},
		{0, 5, 2, 16, 3, ILLEGAL}, /* not level 0 */
		{0, 6, 2, 15, 2, ILLEGAL},
		/* 64K */
		{0, 5, 1, 31, 0, 3},
		{0, 5, 1, 30, 0, ILLEGAL},
		{STT, 5, 1, 47, 0, 3},
		{STT, 5, 1, 48, 0, ILLEGAL},
		{0, 5, 1, 18, 1, 2},
		{0, 5, 1, 17, 1, ILLEGAL},
		{0, 5, 1, 34, 1, 2},
		{0, 5, 1, 35, 1, ILLEGAL},
		{0, 4, 1, 20, 2, 1},
		{0, 6, 1, 12, 2, 1},
		{0, 6, 1, 11, 2, ILLEGAL},
		{0, 5, 1, 15, 2, ILLEGAL},
		{STT, 5, 1, 39, 3, ILLEGAL},
		/* No such values. */
		{0, 5, 3, 16, 2, ILLEGAL},
		{0, 5, 4, 16, 2, ILLEGAL},
		{STT, 5, 0, 16, 4, ILLEGAL},
		{0, 5, 0, 64, 0, ILLEGAL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smmuv3_features f = features(TTF | MODEL, rows[i].idr3, 0x70u | rows[i].oas);
		struct smmuv3_s2 s2 = {.start = ILLEGAL};
		bool legal = smmuv3_s2_shape(&f, 0, rows[i].t0sz, rows[i].sl0, rows[i].tg, 6, &s2);

		assert_int_equal(legal, rows[i].start != ILLEGAL);
		assert_int_equal(s2.start, rows[i].start);
		if (legal)
			assert_int_equal(s2.ia_bits, 64 - rows[i].t0sz);
	}
}

/* A granule that IDR5 does not have. */
static void granules_that_exist(void **state)
{
	static const uint8_t granules[3] = {12, 16, 14}, idr5[3] = {0x10, 0x40, 0x20};
	struct smmuv3_s2 s2;

	for (unsigned int tg = 0; tg < 3; tg++) {
		struct smmuv3_features with = features(TTF | MODEL, 0, idr5[tg] | 5u);
		struct smmuv3_features without = features(TTF | MODEL, 0, (0x70u & ~idr5[tg]) | 5u);

		assert_true(smmuv3_s2_shape(&with, 0, 24, 1, tg, 5, &s2));
		assert_int_equal(s2.granule, granules[tg]);
		assert_false(smmuv3_s2_shape(&without, 0, 24, 1, tg, 5, &s2));
	}
}

/* S2PS is cut to OAS, and to 48 bits but with 64K; S2TTB has no bits above it, and is aligned to the first table. */
static void output_addresses(void **state)
{
	static const struct {
		uint8_t oas, tg, t0sz, sl0, ps, oa_bits;
		uint64_t ttb, at;
	} rows[] = {
		{5, 0, 24, 1, 0, 32, 0x80000000, 0x80000000},
		{5, 0, 24, 1, 4, 44, W(0x80000000000), W(0x80000000000)},
		{5, 0, 24, 1, 7, 48, 0, 0},
		{3, 0, 24, 1, 5, 42, W(0x20000000000), W(0x20000000000)},
		{6, 0, 24, 1, 6, 48, W(0x800000000000), W(0x800000000000)},
		{6, 2, 24, 1, 6, 48, W(0x800000000000), W(0x800000000000)},
		{6, 1, 12, 2, 6, 52, W(0x8000000000000), W(0x8000000000000)},
		{6, 1, 12, 2, 5, 48, W(0x800000000000), W(0x800000000000)},
		/* 40 bits from level 1: two tables of 4K. 2^10 entries of level 1 with 52 bits. 16 of 64K. */
		{5, 0, 24, 1, 5, 48, 0x8001fff0, 0x8001e000},
		{6, 1, 12, 2, 6, 52, 0x8001fff0, 0x8001e000},
		{6, 1, 18, 1, 6, 52, 0x800ffff0, 0x80000000},
		/* Two entries: their size, and 64 bytes where there can be addresses of 52 bits. */
		{5, 1, 21, 2, 5, 48, 0x8001fff0, 0x8001fff0},
		{6, 1, 21, 2, 6, 52, 0x8001fff0, 0x8001ffc0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smmuv3_features f = features(TTF | MODEL, 0, 0x70u | rows[i].oas);
		struct smmuv3_s2 s2;

		assert_true(smmuv3_s2_shape(&f, rows[i].ttb, rows[i].t0sz, rows[i].sl0, rows[i].tg, rows[i].ps, &s2));
		assert_int_equal(s2.oa_bits, rows[i].oa_bits);
		assert_int_equal(s2.ttb, rows[i].at);
		assert_int_equal(s2.pa52, rows[i].oas == 6);
		assert_false(s2.xnx);
		assert_false(smmuv3_s2_shape(&f, W(1) << rows[i].oa_bits, rows[i].t0sz, rows[i].sl0, rows[i].tg,
					     rows[i].ps, &s2));
		assert_false(smmuv3_s2_shape(&f, 0, rows[i].t0sz, rows[i].sl0, rows[i].tg, 8, &s2));
	}
}

/* 48 bits of 4K tables, and no flag. */
#define STE2 (W(16) << 32 | W(2) << 38 | W(5) << 48 | W(1) << 51)
#define TTB  W(0x81234000)

static bool decode(uint32_t idr0, uint32_t idr3, uint64_t word1, uint64_t word2, struct smmuv3_s2 *s2)
{
	struct smmuv3_features f = features(idr0, idr3, 0x75);

	return smmuv3_s2_decode(&f, (uint64_t[4]){0xd, word1, word2, W(0xfff000000000000f) | TTB}, s2);
}

static void fields_of_an_ste(void **state)
{
	static const struct {
		unsigned int bit;
		size_t at;
	} flags[] = {
		{52, offsetof(struct smmuv3_s2, big_endian)},
		{53, offsetof(struct smmuv3_s2, affd)},
		{54, offsetof(struct smmuv3_s2, ptw)},
		{58, offsetof(struct smmuv3_s2, record)},
	};
	struct smmuv3_s2 s2;

	assert_true(decode(TTF | MODEL, 0, 0, STE2, &s2));
	assert_int_equal(s2.ia_bits, 48);
	assert_int_equal(s2.oa_bits, 48);
	assert_int_equal(s2.start, 0);
	assert_int_equal(s2.granule, 12);
	assert_int_equal(s2.ttb, TTB);
	assert_true(decode(TTF | MODEL, 0, 0, STE2 | W(2) << 46 | 0xffff, &s2));
	assert_int_equal(s2.granule, 14);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		assert_true(decode(TTF | MODEL, 0, 0, STE2 | W(1) << flags[i].bit, &s2));
		for (size_t j = 0; j < sizeof(flags) / sizeof(flags[0]); j++)
			assert_int_equal(*((const char *)&s2 + flags[j].at), i == j);
	}
	/* S2FWB means nothing without IDR3.FWB. */
	assert_true(decode(TTF | MODEL, FWB, 1 << 25, STE2, &s2) && s2.fwb && !s2.xnx);
	assert_true(decode(TTF | MODEL, FWB, ~(W(1) << 25), STE2, &s2) && !s2.fwb);
	assert_true(decode(TTF | MODEL, XNX, 1 << 25, STE2, &s2) && !s2.fwb && s2.xnx);
	/* What is illegal by its numbers. */
	assert_false(decode(TTF | MODEL, 0, 0, STE2 | W(1) << 38, &s2));
	assert_false(decode(TTF | MODEL, 0, 0, STE2 | W(3) << 46, &s2));
}

/* S2AA64, S2S, S2HA, S2HD and S2ENDI as far as IDR0 has them (5.2, 6.3.1). */
static void flags_that_must_be_implemented(void **state)
{
	static const struct {
		uint32_t idr0;
		uint64_t flip;
		bool legal;
	} rows[] = {
		{3 << 2 | 1 << 24, 0, true}, /* TTF */
		{1 << 2 | 1 << 24, 0, false},
		{2 << 2 | 1 << 24, W(1) << 51, false}, /* S2AA64 */
		{2 << 2 | 0 << 24, 0, true},           /* STALL_MODEL */
		{2 << 2 | 0 << 24, W(1) << 57, true},
		{2 << 2 | 1 << 24, W(1) << 57, false},
		{2 << 2 | 2 << 24, W(1) << 57, true},
		{2 << 2 | 2 << 24, 0, false},
		{2 << 2 | 1 << 24 | 0 << 6, W(1) << 56, false}, /* HTTU: access flag */
		{2 << 2 | 1 << 24 | 1 << 6, W(1) << 56, true},
		{2 << 2 | 1 << 24 | 0 << 6, W(1) << 55, false}, /* and dirty state */
		{2 << 2 | 1 << 24 | 1 << 6, W(1) << 55, false},
		{2 << 2 | 1 << 24 | 1 << 6, W(3) << 55, false},
		{2 << 2 | 1 << 24 | 2 << 6, W(3) << 55, true},
		{2 << 2 | 1 << 24 | 2 << 21, 0, true}, /* TTENDIAN: little, big */
		{2 << 2 | 1 << 24 | 2 << 21, W(1) << 52, false},
		{2 << 2 | 1 << 24 | 3 << 21, 0, false},
		{2 << 2 | 1 << 24 | 3 << 21, W(1) << 52, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smmuv3_s2 s2;

		assert_int_equal(decode(rows[i].idr0, 0, 0, STE2 ^ rows[i].flip, &s2), rows[i].legal);
	}
}

/* Without S2P there is one, without VMID16 it has eight bits. */
static void vmids(void **state)
{
	const uint32_t s2p = 1, vmid16 = 1 << 18;
	struct smmuv3_features f;
	uint16_t vmid;

	f = features(0, 0, 0);
	assert_true(smmuv3_ste_vmid(&f, W(0xffffffffffffffff), &vmid) && vmid == 0);
	f = features(s2p, 0, 0);
	assert_true(smmuv3_ste_vmid(&f, W(0xffffffffffff00ff), &vmid) && vmid == 0xff);
	assert_false(smmuv3_ste_vmid(&f, 0x100, &vmid));
	f = features(s2p | vmid16, 0, 0);
	assert_true(smmuv3_ste_vmid(&f, W(0xffffffffffffffff), &vmid) && vmid == 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_walks_start),
		cmocka_unit_test(granules_that_exist),
		cmocka_unit_test(output_addresses),
		cmocka_unit_test(fields_of_an_ste),
		cmocka_unit_test(vmids),
		cmocka_unit_test(flags_that_must_be_implemented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
