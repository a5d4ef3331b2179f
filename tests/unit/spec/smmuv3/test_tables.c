/* SPDX-License-Identifier: MIT */
/*
 * Stream tables, STEs, CD tables and CDs (IHI 0070 3.3, 5.1 to 5.4, 6.3.24, 6.3.25), from words written by hand. What
 * is ILLEGAL is no business of the decoders: every word decodes.
 */

#include "support/test.h"
#include "spec/smmuv3/tables.h"

#define W UINT64_C

/* ID registers: two-level stream and CD tables, ATS, HAD, 48-bit addresses, 16-bit StreamIDs, 20-bit SubstreamIDs. */
#define IDR0 (1u << 27 | 1u << 19 | 1u << 10 | 1u << 1)
#define IDR1 (20u << 6 | 16)
#define IDR3 (1u << 2)
#define IDR5 0x75u

static struct smmuv3_features features(uint32_t idr0, uint32_t idr1, uint32_t idr3, uint32_t idr5)
{
	struct smmuv3_features f;

	smmuv3_features_init(&f, idr0, idr1, idr3, idr5, 1);
	return f;
}

static void sizes_in_id_registers(void **state)
{
	/* IDR5.OAS (6.3.6); 7 is 56 bits, which 64-bit descriptors do not have. */
	static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 52, 52};
	struct smmuv3_features f;

	for (unsigned int code = 0; code < 8; code++) {
		f = features(IDR0, IDR1, IDR3, 0x70 | code);
		assert_int_equal(f.oas, bits[code]);
		assert_int_equal(smmuv3_size_bits(code), bits[code]);
	}
	assert_int_equal(f.sid_bits, 16);
	assert_int_equal(f.ssid_bits, 20);
	f = features(IDR0, 32, IDR3, 0x15);
	assert_int_equal(f.sid_bits, 32);
	assert_int_equal(f.ssid_bits, 0);
	assert_true(smmuv3_has_granule(&f, 12) && !smmuv3_has_granule(&f, 14) && !smmuv3_has_granule(&f, 16));
	f = features(IDR0, 32, IDR3, 0x65);
	assert_true(!smmuv3_has_granule(&f, 12) && smmuv3_has_granule(&f, 14) && smmuv3_has_granule(&f, 16));
	assert_true(!smmuv3_has_granule(&f, 0) && !smmuv3_has_granule(&f, 13));
}

/* Each by its own bit (6.3.1 to 6.3.6), or version. STALL_MODEL: 1 is none. */
static void features_in_id_registers(void **state)
{
	static const struct {
		uint32_t idr0, idr1, idr3, idr5, aidr;
		enum smmuv3_feature feature;
	} expected[] = {
		{1u << 0, 0, 0, 0, 0, FEATURE_S2P},     {1u << 1, 0, 0, 0, 0, FEATURE_S1P},
		{1u << 9, 0, 0, 0, 0, FEATURE_HYP},     {1u << 10, 0, 0, 0, 0, FEATURE_ATS},
		{1u << 12, 0, 0, 0, 0, FEATURE_ASID16}, {1u << 16, 0, 0, 0, 0, FEATURE_PRI},
		{0, 1u << 6, 0, 0, 0, FEATURE_SSID},    {0, 1u << 10, 0, 0, 0, FEATURE_SSID},
		{0, 0, 1u << 7, 0, 0, FEATURE_MPAM},    {0, 0, 1u << 10, 0, 0, FEATURE_RIL},
		{0, 0, 1u << 15, 0, 0, FEATURE_DPT},    {0, 0, 0, 1u << 7, 0, FEATURE_DS},
		{0, 0, 0, 0, 1, FEATURE_STRIDE},
	};
	const uint32_t always = FEATURE_BIT(FEATURE_ALWAYS), no_stall = 1u << 24;
	struct smmuv3_features f;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		smmuv3_features_init(&f, expected[i].idr0 | no_stall, expected[i].idr1, expected[i].idr3,
				     expected[i].idr5, expected[i].aidr);
		assert_int_equal(f.bits, always | FEATURE_BIT(expected[i].feature));
	}
	for (uint32_t model = 0; model < 3; model++) {
		f = features(model << 24, 0, 0, 0);
		assert_int_equal(!!(f.bits & FEATURE_BIT(FEATURE_STALL)), model != 1);
	}
}

static void where_stes_are(void **state)
{
	static const struct {
		uint64_t base; /* STRTAB_BASE, with RA and low bits that count for nothing */
		uint32_t cfg, sid;
		uint64_t at;
	} expected[] = {
		/* Linear: aligned to 64 bytes * 2^LOG2SIZE, as written. */
		{W(0x4000000080000000), 8, 0, 0x80000000},
		{W(0x4000000080000000), 8, 0xff, 0x80003fc0},
		{W(0x0000000080007fc0), 8, 1, 0x80004040},
		{W(0x000fffffffffffc0), 58, 2, 0x80}, /* all bits are taken as 0 */
		{W(0x000fffffffffffc0), 63, 2, 0x80},
		{W(0x000fffffffffffc0), 0, 0, W(0x000fffffffffffc0)},
		/* FMT 2 and 3 are linear. */
		{0x80000000, 2 << 16 | 8 << 6 | 8, 0x80, 0x80002000},
		/* Two-level: 8 bytes * 2^(LOG2SIZE - SPLIT), 64 bytes at least. */
		{0x80000fc0, 1 << 16 | 8 << 6 | 16, 0x1234, 0x80000800 + 0x12 * 8},
		{0x80000fc0, 1 << 16 | 6 << 6 | 9, 0x1ff, 0x80000fc0 + 7 * 8},
		{0x80000fc0, 1 << 16 | 6 << 6 | 10, 0x3ff, 0x80000f80 + 15 * 8},
		{0x80000fc0, 1 << 16 | 10 << 6 | 5, 0, 0x80000fc0},
		{0x80000fc0, 1 << 16 | 10 << 6 | 16, 0x7ff, 0x80000e00 + 1 * 8},
		/* Other SPLITs act as 6. */
		{0x80000000, 1 << 16 | 7 << 6 | 16, 0x7f, 0x80000008},
		{0x80000000, 1 << 16 | 31 << 6 | 16, 0x7f, 0x80000008},
	};
	struct smmuv3_features two = features(IDR0, IDR1, IDR3, IDR5), one = features(IDR0 & ~(3u << 27), 0, 0, IDR5);
	struct smmuv3_strtab t;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		smmuv3_strtab_decode(&two, expected[i].base, expected[i].cfg, &t);
		assert_int_equal(smmuv3_strtab_entry(&t, expected[i].sid), expected[i].at);
		assert_int_equal(t.log2size, expected[i].cfg & 63);
	}
	/* FMT is RES0 without IDR0.ST_LEVEL. */
	smmuv3_strtab_decode(&one, 0x80000000, 1 << 16 | 8 << 6 | 16, &t);
	assert_int_equal(t.split, 0);
	assert_int_equal(smmuv3_strtab_entry(&t, 0x100), 0x80004000);
}

static void level_1_stream_descriptors(void **state)
{
	static const struct {
		uint8_t split;
		uint64_t l1std;
		uint32_t sid;
		uint64_t ste;
		bool found;
	} expected[] = {
		{8, 0x90000000 | 9, 0x1200, 0x90000000, true},
		{8, 0x90000000 | 9, 0x12ff, 0x90003fc0, true},
		{8, 0x90000000 | 10, 0x1200, 0, false}, /* Span > SPLIT + 1 */
		{8, 0x90000000 | 0, 0x1200, 0, false},
		{8, 0x90000000 | 1, 0x1200, 0x90000000, true}, /* one STE */
		{8, 0x90000000 | 1, 0x1201, 0, false},
		{8, 0x90000000 | 4, 0x1207, 0x900001c0, true},
		{8, 0x90000000 | 4, 0x1208, 0, false},
		{10, 0x90000000 | 11, 0x7ff, 0x9000ffc0, true},
		{10, 0x90000000 | 12, 0x7ff, 0, false},
		{10, 0x90000000 | 31, 0x400, 0, false},
		{6, 0x90000000 | 7, 0x7f, 0x90000fc0, true},
		/* L2Ptr is [51:6], aligned to the second-level table. */
		{6, W(0xfff0000000000020) | 7, 0x40, 0, true},
		{6, W(0xfff8000090000fc0) | 7, 0x40, W(0x0008000090000000), true},
		{8, 0x90000fc0 | 4, 0, 0x90000e00, true},
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct smmuv3_strtab t = {.log2size = 16, .split = expected[i].split};
		uint64_t ste = 0;
		bool found = smmuv3_l1std_decode(&t, expected[i].l1std, expected[i].sid, &ste);

		assert_int_equal(found, expected[i].found);
		assert_int_equal(ste, expected[i].ste);
	}
}

static void stream_table_entries(void **state)
{
	struct smmuv3_features f = features(IDR0, IDR1, IDR3, IDR5);
	struct smmuv3_ste ste;

	/* Linux: stage 1, 2^10 CDs in 64 KiB leaves at 0x8000_0000_1000, S1DSS 2, EATS 1. */
	smmuv3_ste_decode(&f, (uint64_t[]){W(0x500080000000102b), 0x100000ea}, &ste);
	assert_true(ste.valid);
	assert_int_equal(ste.config, 5);
	assert_int_equal(ste.cdmax, 10);
	assert_int_equal(ste.cd_split, 10);
	assert_int_equal(ste.cd_table, W(0x800000001000));
	assert_int_equal(ste.s1dss, 2);
	assert_int_equal(ste.eats, 1);
	assert_int_equal(ste.strw, 0);
	assert_false(ste.s1stalld);

	/* Every bit. */
	smmuv3_ste_decode(&f, (uint64_t[]){UINT64_MAX, UINT64_MAX}, &ste);
	assert_int_equal(ste.config, 7);
	assert_int_equal(ste.cdmax, 31);
	assert_int_equal(ste.cd_split, 0); /* S1Fmt 3 acts as 0 */
	assert_int_equal(ste.cd_table, W(0x000fffffffffffc0));
	assert_int_equal(ste.s1dss, 0); /* 3 acts as 0 */
	assert_int_equal(ste.eats, 0);  /* 3 acts as 0 without IDR3.DPT (5.2) */
	assert_int_equal(ste.strw, 3);
	assert_true(ste.s1stalld);

	smmuv3_ste_decode(&f, (uint64_t[]){~W(1), ~(W(3) << 28 | W(1) << 27 | W(3) << 30 | 2)}, &ste);
	assert_false(ste.valid);
	assert_int_equal(ste.s1dss, 1);
	assert_int_equal(ste.eats, 0);
	assert_int_equal(ste.strw, 0);
	assert_false(ste.s1stalld);

	f = features(IDR0, IDR1, IDR3 | VIQ_SMMUV3_IDR3_DPT, IDR5);
	smmuv3_ste_decode(&f, (uint64_t[]){0xb, 0x30000000}, &ste);
	assert_int_equal(ste.eats, 3);
	f = features(IDR0, IDR1, IDR3, IDR5);
	smmuv3_ste_decode(&f, (uint64_t[]){0xb, 0x20000000}, &ste);
	assert_int_equal(ste.eats, 2);

	smmuv3_ste_decode(&f, (uint64_t[]){W(0x500000000000000b), 0}, &ste);
	assert_int_equal(ste.cdmax, 10);
	assert_int_equal(ste.cd_split, 0); /* S1Fmt 0: linear */

	/* S1Fmt means nothing with one CD, S1CDMax nothing without substreams, EATS nothing without ATS. */
	smmuv3_ste_decode(&f, (uint64_t[]){0x1b, 0}, &ste);
	assert_int_equal(ste.cd_split, 0);
	smmuv3_ste_decode(&f, (uint64_t[]){W(0x080000000000001b), 0}, &ste);
	assert_int_equal(ste.cd_split, 6);
	f = features(IDR0 & ~(1u << 10), 16, IDR3, IDR5);
	smmuv3_ste_decode(&f, (uint64_t[]){W(0x500080000000102b), 0x10000000}, &ste);
	assert_int_equal(ste.cdmax, 0);
	assert_int_equal(ste.cd_split, 0);
	assert_int_equal(ste.eats, 0);
}

static void where_cds_are(void **state)
{
	struct smmuv3_ste ste = {.cdmax = 16, .cd_table = 0x80000000};
	uint64_t table;

	assert_int_equal(smmuv3_cd_entry(&ste, 0), 0x80000000);
	assert_int_equal(smmuv3_cd_entry(&ste, 0xffff), 0x803fffc0);
	ste.cd_split = 6;
	assert_int_equal(smmuv3_cd_entry(&ste, 0x3f), 0x80000000);
	assert_int_equal(smmuv3_cd_entry(&ste, 0xfffff), 0x8001fff8);
	assert_int_equal(smmuv3_cd_in_leaf(0x90000000, 6, 0xfffff), 0x90000fc0);
	ste.cd_split = 10;
	assert_int_equal(smmuv3_cd_entry(&ste, 0x7ff), 0x80000008);
	assert_int_equal(smmuv3_cd_in_leaf(0x90000000, 10, 0x7ff), 0x9000ffc0);
	/* V, L2Ptr [51:12] */
	assert_true(smmuv3_l1cd_decode(UINT64_MAX, &table));
	assert_int_equal(table, W(0x000ffffffffff000));
	assert_false(smmuv3_l1cd_decode(0x90000000, &table));
}

static void context_descriptors(void **state)
{
	struct smmuv3_features f = features(IDR0, IDR1, IDR3, IDR5);
	uint64_t w[8] = {0};
	struct smmuv3_cd cd;

	/* Linux: 4K, T0SZ 16, EPD1, AA64, R, A, ASET, ASID 5, IPS 48. */
	w[0] = W(0x0005e205c0003510);
	w[1] = W(0x0000000081234000);
	smmuv3_cd_decode(&f, w, &cd);
	assert_int_equal(cd.half[0].txsz, 16);
	assert_int_equal(cd.half[0].granule, 12);
	assert_false(cd.half[0].disabled);
	assert_true(cd.half[1].disabled);
	assert_int_equal(cd.half[0].ttb, 0x81234000);
	assert_int_equal(cd.asid, 5);
	assert_int_equal(cd.oa_bits, 48);
	assert_true(cd.valid && cd.aa64 && cd.record && cd.abort && cd.aset);
	assert_false(cd.stall || cd.big_endian || cd.affd || cd.wxn || cd.uwxn || cd.pan || cd.ha || cd.hd || cd.haft);

	/* TG0: 4K, 64K, 16K, reserved. TG1: reserved, 16K, 4K, 64K. */
	for (unsigned int tg = 0; tg < 4; tg++) {
		static const uint8_t tg0[] = {12, 16, 14, 0}, tg1[] = {0, 14, 12, 16};

		w[0] = (uint64_t)tg << 6 | (uint64_t)(3 - tg) << 22;
		smmuv3_cd_decode(&f, w, &cd);
		assert_int_equal(cd.half[0].granule, tg0[tg]);
		assert_int_equal(cd.half[1].granule, tg1[3 - tg]);
	}
	/* IPS beyond OAS; reserved 7 as 52 bits. */
	w[0] = W(7) << 32;
	smmuv3_cd_decode(&f, w, &cd);
	assert_int_equal(cd.oa_bits, 48);
	w[0] = W(1) << 32;
	smmuv3_cd_decode(&f, w, &cd);
	assert_int_equal(cd.oa_bits, 36);
	/* HAD needs IDR3.HAD. */
	w[1] = w[2] = UINT64_MAX;
	smmuv3_cd_decode(&f, w, &cd);
	assert_true(cd.half[0].had && cd.half[1].had && cd.haft);
	assert_int_equal(cd.half[0].ttb, W(0x000ffffffffffff0));
	assert_int_equal(cd.half[1].ttb, W(0x000ffffffffffff0));
	f = features(IDR0, IDR1, 0, IDR5);
	smmuv3_cd_decode(&f, w, &cd);
	assert_false(cd.half[0].had || cd.half[1].had);
	/* Each where it is. */
	f = features(IDR0, IDR1, IDR3, IDR5);
	w[1] = VIQ_SMMUV3_CD_1_HAD0;
	w[2] = ~VIQ_SMMUV3_CD_2_HAD1;
	smmuv3_cd_decode(&f, w, &cd);
	assert_true(cd.half[0].had && !cd.half[1].had && !cd.haft);
	w[1] = ~VIQ_SMMUV3_CD_1_HAD0;
	w[2] = VIQ_SMMUV3_CD_2_HAD1;
	smmuv3_cd_decode(&f, w, &cd);
	assert_true(!cd.half[0].had && cd.half[1].had && cd.haft);
}

/* Each flag and number of word 0 alone. */
static void fields_of_cd_word_0(void **state)
{
	static const struct {
		unsigned int bit;
		size_t at;
	} flags[] = {
		{14, offsetof(struct smmuv3_cd, half[0].disabled)},
		{15, offsetof(struct smmuv3_cd, big_endian)},
		{30, offsetof(struct smmuv3_cd, half[1].disabled)},
		{31, offsetof(struct smmuv3_cd, valid)},
		{35, offsetof(struct smmuv3_cd, affd)},
		{36, offsetof(struct smmuv3_cd, wxn)},
		{37, offsetof(struct smmuv3_cd, uwxn)},
		{38, offsetof(struct smmuv3_cd, half[0].tbi)},
		{39, offsetof(struct smmuv3_cd, half[1].tbi)},
		{40, offsetof(struct smmuv3_cd, pan)},
		{41, offsetof(struct smmuv3_cd, aa64)},
		{42, offsetof(struct smmuv3_cd, hd)},
		{43, offsetof(struct smmuv3_cd, ha)},
		{44, offsetof(struct smmuv3_cd, stall)},
		{45, offsetof(struct smmuv3_cd, record)},
		{46, offsetof(struct smmuv3_cd, abort)},
		{47, offsetof(struct smmuv3_cd, aset)},
	};
	struct smmuv3_features f = features(IDR0, IDR1, IDR3, IDR5);
	uint64_t w[8] = {0};
	struct smmuv3_cd cd;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		w[0] = W(1) << flags[i].bit;
		smmuv3_cd_decode(&f, w, &cd);
		for (size_t j = 0; j < sizeof(flags) / sizeof(flags[0]); j++)
			assert_int_equal(*((const char *)&cd + flags[j].at), i == j);
	}
	w[0] = 0x3f | W(0xabcd) << 48;
	smmuv3_cd_decode(&f, w, &cd);
	assert_int_equal(cd.half[0].txsz, 63);
	assert_int_equal(cd.half[1].txsz, 0);
	assert_int_equal(cd.asid, 0xabcd);
	w[0] = 0x3f << 16;
	smmuv3_cd_decode(&f, w, &cd);
	assert_int_equal(cd.half[0].txsz, 0);
	assert_int_equal(cd.half[1].txsz, 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_in_id_registers), cmocka_unit_test(features_in_id_registers),
		cmocka_unit_test(where_stes_are),        cmocka_unit_test(level_1_stream_descriptors),
		cmocka_unit_test(stream_table_entries),  cmocka_unit_test(where_cds_are),
		cmocka_unit_test(context_descriptors),   cmocka_unit_test(fields_of_cd_word_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
