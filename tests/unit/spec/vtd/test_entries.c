/* SPDX-License-Identifier: MIT */
/*
 * Every bit of context and PASID-table entries alone (9.3, 9.4, 9.6), with each capability and without it; the tables
 * that they may name. Masks are written by hand from the figures.
 */
#include <errno.h>

#include "support/test.h"
#include "spec/vtd/tables.h"

#define W   UINT64_C
#define HAW 46
/* Widths of 39 and 48 bits, MGAW 48; domain-ids of 16 bits. */
#define CAP (W(6) << 8 | W(47) << 16 | 6)
/* PASID entries: FSTS, SSTS, NEST, PT */
#define TYPES (W(1) << 47 | W(1) << 46 | W(1) << 26 | W(1) << 6)
#define SSADS (W(1) << 45)
#define MTS   (W(1) << 25)
#define PWCS  (W(1) << 48)
#define SC    (W(1) << 7)
#define SRS   (W(1) << 31)
#define ERS   (W(1) << 30)
#define EAFS  (W(1) << 34)

static struct vtd_caps caps_of(uint64_t cap, uint64_t ecap)
{
	struct vtd_caps caps;

	vtd_caps_init(&caps, cap, ecap, HAW);
	return caps;
}

static void tables_that_calls_name(void **state)
{
	const uint64_t five = W(1) << 60;
	const struct {
		uint64_t cap, table;
		unsigned int levels;
		int plain, nested;
	} fs[] = {
		{0, 0x1000, 4, 0, 0},
		{0, 0x1000, 5, -EINVAL, -EINVAL},
		{five, 0x1000, 5, 0, 0},
		{five, 0x1000, 3, -EINVAL, -EINVAL},
		{five, 0x1000, 6, -EINVAL, -EINVAL},
		{0, 0x1800, 4, -EINVAL, -EINVAL},
		{0, W(1) << HAW, 4, -EINVAL, 0},
		{0, W(1) << (HAW - 1), 4, 0, 0},
	};
	const struct {
		uint64_t cap, table;
		unsigned int aw;
		int err;
		uint8_t levels, width;
	} ss[] = {
		{W(0x1f) << 8 | W(63) << 16, 0x1000, 1, 0, 3, 39},
		{W(0x1f) << 8 | W(63) << 16, 0x1000, 2, 0, 4, 48},
		{W(0x1f) << 8 | W(63) << 16, 0x1000, 3, 0, 5, 57},
		{W(0x1f) << 8 | W(47) << 16, 0x1000, 3, 0, 5, 48},
		{W(0x1f) << 8 | W(38) << 16, 0x1000, 2, 0, 4, 39},
		{W(0x1f) << 8, 0x1000, 0, -EINVAL, 0, 0},
		{W(0x1f) << 8, 0x1000, 4, -EINVAL, 0, 0},
		{W(6) << 8, 0x1000, 3, -EINVAL, 0, 0},
		{W(12) << 8, 0x1000, 1, -EINVAL, 0, 0},
		{W(6) << 8, 0x1800, 1, -EINVAL, 0, 0},
		{W(6) << 8, W(1) << HAW, 1, -EINVAL, 0, 0},
	};
	static const uint8_t max_aw[16] = {0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3};

	for (size_t i = 0; i < sizeof(fs) / sizeof(fs[0]); i++) {
		struct vtd_caps caps = caps_of(fs[i].cap, 0);
		struct vtd_fs out = {0};

		assert_int_equal(vtd_fs_init(&out, &caps, fs[i].table, fs[i].levels, false), fs[i].plain);
		assert_int_equal(out.levels, fs[i].plain ? 0 : fs[i].levels);
		assert_int_equal(vtd_fs_init(&out, &caps, fs[i].table, fs[i].levels, true), fs[i].nested);
		assert_int_equal(out.table, fs[i].nested ? 0 : fs[i].table);
	}
	for (size_t i = 0; i < sizeof(ss) / sizeof(ss[0]); i++) {
		struct vtd_caps caps = caps_of(ss[i].cap, 0);
		struct vtd_ss out = {0};

		assert_int_equal(vtd_ss_init(&out, &caps, ss[i].table, ss[i].aw), ss[i].err);
		assert_int_equal(out.levels, ss[i].levels);
		assert_int_equal(out.width, ss[i].width);
		assert_int_equal(out.table, ss[i].err ? 0 : ss[i].table);
	}
	for (unsigned int sagaw = 0; sagaw < 32; sagaw++)
		assert_int_equal(vtd_max_aw((uint64_t)sagaw << 8), max_aw[sagaw % 16]);
}

/* A good entry of each type with one bit more. */
static void bits_of_a_pasid_entry(void **state)
{
	static const struct {
		uint64_t ecap;
		uint64_t reserved[3];
	} rows[] = {
		/* All there is. EMTE and its like do not depend on the type. */
		{UINT64_MAX, {W(0xffffc00000000c20), 0xf87f0000, W(0xffffc00000000f00)}},
		{~SSADS, {W(0xffffc00000000e20), 0xf87f0000, W(0xffffc00000000f00)}},
		{~MTS, {W(0xffffc00000000c20), W(0xfffffffffe7f0000), W(0xffffc00000000f00)}},
		{~PWCS, {W(0xffffc00000000c20), 0xf8ff0000, W(0xffffc00000000f00)}},
		{~SC, {W(0xffffc00000000c20), 0xf97f0000, W(0xffffc00000000f00)}},
		{~SRS, {W(0xffffc00000000c20), 0xf87f0000, W(0xffffc00000000f01)}},
		{~ERS, {W(0xffffc00000000c20), 0xf87f0000, W(0xffffc00000000f02)}},
		{~EAFS, {W(0xffffc00000000c20), 0xf87f0000, W(0xffffc00000000f80)}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vtd_caps caps = caps_of(CAP | W(1) << 60, rows[i].ecap);

		for (unsigned int bit = 0; bit < 512; bit++) {
			bool reserved = bit >= 192 || rows[i].reserved[bit / 64] >> bit % 64 & 1;
			uint64_t entry[VIQ_VTD_PE_WORDS] = {1 | 4 << 6, 5};
			struct vtd_regime regime;

			if (bit == 0 || (bit >= 6 && bit <= 8))
				continue;
			entry[bit / 64] ^= W(1) << bit % 64;
			assert_int_equal(vtd_pasid_decode(&caps, entry, false, &regime), reserved ? 0x5a : 0);
			assert_int_equal(regime.fpd, bit == 1);
			assert_int_equal(regime.snooped, bit == 64 + 23);
			assert_int_equal(regime.sre, bit == 128);
			assert_int_equal(regime.ere, bit == 129);
		}
	}
}

/* PGTT: 1 first stage, 2 second stage, 3 nested, 4 pass-through; each by its capability. */
static void types_of_a_pasid_entry(void **state)
{
	static const struct {
		uint64_t entry[3], without;
		unsigned int reason;
	} rows[] = {
		{{1 | 1 << 6, 5, 0x2000}, W(1) << 47, 0x5a},
		{{1 | 1 << 6, 5, 0}, W(1) << 47, 0x5b},
		{{0x1000 | 1 | 2 << 2 | 2 << 6, 5, 0}, W(1) << 46, 0x5a},
		{{1 | 2 << 2 | 2 << 6, 5, 0}, W(1) << 46, 0x5b},
		{{0x1000 | 1 | 2 << 2 | 3 << 6, 5, 0x2000}, W(1) << 26, 0x5b},
		{{1 | 4 << 6, 5, 0}, W(1) << 6, 0x5b},
		/* No such type, or values that this unit does not have. */
		{{1, 5, 0}, 0, 0x5b},
		{{1 | 5 << 6, 5, 0}, 0, 0x5b},
		{{1 | 7 << 6, 5, 0}, 0, 0x5b},
		{{1 | 1 << 6, 5, 0x2000 | 1 << 2}, 0, 0x5b}, /* five levels */
		{{1 | 1 << 6, 5, 0x2000 | 2 << 2}, 0, 0x5b},
		{{0x1000 | 1 | 3 << 2 | 2 << 6, 5, 0}, 0, 0x5b}, /* 57 bits */
		{{0x1000 | 1 | 0 << 2 | 2 << 6, 5, 0}, 0, 0x5b},
		{{0x1000 | 1 | 3 << 2 | 3 << 6, 5, 0x2000}, 0, 0x5b},
		/* Nested, FSPTPTR is an address of the second stage: 39 bits here (SPT.4.4). */
		{{0x1000 | 1 | 1 << 2 | 3 << 6, 5, W(1) << 39}, 0, 0x5b},
		{{0x1000 | 1 | 1 << 2 | 3 << 6, 5, W(1) << 47}, 0, 0x5b},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vtd_caps caps = caps_of(CAP, TYPES & ~rows[i].without), all = caps_of(CAP, TYPES);
		uint64_t entry[VIQ_VTD_PE_WORDS] = {rows[i].entry[0], rows[i].entry[1], rows[i].entry[2]};
		struct vtd_regime regime;

		assert_int_equal(vtd_pasid_decode(&caps, entry, false, &regime), rows[i].reason);
		if (rows[i].without)
			assert_int_equal(vtd_pasid_decode(&all, entry, false, &regime), 0);
		entry[0] &= ~W(1);
		assert_int_equal(vtd_pasid_decode(&all, entry, false, &regime), 0x59);
	}
}

/* What comes out: first stage with WPE and EAFE, second stage with SSADE, both. */
static void fields_of_a_pasid_entry(void **state)
{
	struct vtd_caps caps = caps_of(CAP | W(1) << 60, UINT64_MAX);
	uint64_t entry[VIQ_VTD_PE_WORDS] = {0x1000 | 1 | 1 << 2 | 3 << 6, 5, (W(1) << 39) - 0x1000};
	struct vtd_regime regime;

	assert_int_equal(vtd_pasid_decode(&caps, entry, true, &regime), 0);
	assert_true(regime.fpd);
	assert_int_equal(regime.did, 5);
	assert_int_equal(regime.fs.table, (W(1) << 39) - 0x1000);
	assert_int_equal(regime.fs.levels, 4);
	assert_int_equal(regime.ss.table, 0x1000);
	assert_int_equal(regime.ss.levels, 3);
	assert_int_equal(regime.ss.width, 39);
	assert_false(regime.fs.wpe || regime.fs.eafe || regime.ss.ad || regime.legacy);
	entry[2] = 0x2000 | 1 << 2;
	assert_int_equal(vtd_pasid_decode(&caps, entry, false, &regime), 0);
	assert_int_equal(regime.fs.levels, 5);
	entry[2] = 0x2000 | 1 << 4;
	assert_int_equal(vtd_pasid_decode(&caps, entry, false, &regime), 0);
	assert_true(regime.fs.wpe && !regime.fs.eafe && !regime.ss.ad);
	entry[2] = 0x2000 | 1 << 7;
	assert_int_equal(vtd_pasid_decode(&caps, entry, false, &regime), 0);
	assert_true(!regime.fs.wpe && regime.fs.eafe && !regime.ss.ad);
	entry[0] |= 1 << 9;
	entry[2] = 0x2000;
	assert_int_equal(vtd_pasid_decode(&caps, entry, false, &regime), 0);
	assert_true(!regime.fs.wpe && !regime.fs.eafe && regime.ss.ad);
}

/* Of bus 0, device-function 0: the context entry behind its root entry. */
static unsigned int context(const struct vtd_caps *caps, bool legacy, const uint64_t *entry, struct vtd_context *ctx)
{
	const uint64_t root[2] = {0x2000 | 1, 0};
	struct vtd_lookup l;

	vtd_lookup_context(&l, caps, 0x1000 | (legacy ? 0 : 1 << 10), 0);
	vtd_lookup_step(&l, root);
	assert_int_equal(l.reason, 0);
	vtd_lookup_step(&l, entry);
	*ctx = l.context;
	assert_int_equal(l.fpd, ctx->fpd);
	return l.reason;
}

static void bits_of_a_scalable_context_entry(void **state)
{
	static const struct {
		uint64_t ecap, reserved[2];
	} rows[] = {
		{UINT64_MAX, {W(0xffffc000000001e0), W(0xffffffffffe00000)}},
		{~(W(1) << 2), {W(0xffffc000000001e4), W(0xffffffffffe00000)}},
		{~(W(1) << 40), {W(0xffffc000000001e8), W(0xffffffffffe00000)}},
		{~(W(1) << 29), {W(0xffffc000000001f0), W(0xffffffffffe00000)}},
		{~(W(1) << 49), {W(0xffffc000000001e0), W(0xffffffffffefffff)}},
		{~(W(1) << 53), {W(0xffffc000000001e0), W(0xfffffffffff00000)}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vtd_caps caps = caps_of(CAP, rows[i].ecap);

		for (unsigned int bit = 1; bit < 256; bit++) {
			bool reserved = bit >= 128 || rows[i].reserved[bit / 64] >> bit % 64 & 1;
			/* Inconsistent: PRE without DTE, a RID_PASID that the directory has no room for. */
			bool invalid = bit == 4 || (bit >= 64 + 13 && bit < 64 + 20);
			uint64_t entry[4] = {1};
			struct vtd_context ctx;

			entry[bit / 64] |= W(1) << bit % 64;
			assert_int_equal(context(&caps, false, entry, &ctx), reserved ? 0x42 : invalid ? 0x43 : 0);
			assert_true(ctx.scalable);
			assert_int_equal(ctx.fpd, bit == 1);
			assert_int_equal(ctx.dte, bit == 2);
			assert_int_equal(ctx.paside, bit == 3);
			assert_int_equal(ctx.pre, bit == 4);
			assert_int_equal(ctx.rid_priv, bit == 64 + 20);
		}
	}
}

/* TT: 0 and 1 have tables, 1 needs ECAP.DT; 2 is pass-through, and needs ECAP.PT; 3 is reserved. */
static void bits_of_a_legacy_context_entry(void **state)
{
	static const struct {
		uint64_t entry[2], ecap;
		unsigned int reason;
	} rows[] = {
		{{0x3000 | 1 | 0 << 2, 2 | 5 << 8}, 0, 0},
		{{0x3000 | 1 | 1 << 2, 2 | 5 << 8}, 1 << 2, 0},
		{{0x3000 | 1 | 1 << 2, 2 | 5 << 8}, ~(W(1) << 2), 0x03},
		{{1 | 2 << 2, 2 | 5 << 8}, 1 << 6, 0},
		{{1 | 2 << 2, 2 | 5 << 8}, ~(W(1) << 6), 0x03},
		{{0x3000 | 1 | 3 << 2, 2 | 5 << 8}, UINT64_MAX, 0x03},
		{{0x3000 | 1, 3 | 5 << 8}, UINT64_MAX, 0x03},
		{{0x3000, 2 | 5 << 8}, UINT64_MAX, 0x02},
	};
	struct vtd_caps caps = caps_of(CAP, UINT64_MAX);
	struct vtd_regime regime;
	struct vtd_context ctx;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vtd_caps has = caps_of(CAP, rows[i].ecap);

		assert_int_equal(context(&has, true, rows[i].entry, &ctx), rows[i].reason);
		assert_false(ctx.scalable || ctx.fpd);
	}
	/* Every other bit. */
	for (unsigned int bit = 4; bit < 128; bit++) {
		static const uint64_t reserved[2] = {W(0xffffc00000000ff0), W(0xffffffffff000080)};
		uint64_t entry[2] = {1, 2 | 5 << 8};

		if (bit >= 64 && bit < 64 + 3)
			continue;
		entry[bit / 64] ^= W(1) << bit % 64;
		if (!(reserved[bit / 64] >> bit % 64 & 1)) {
			assert_int_equal(context(&caps, true, entry, &ctx), 0);
			assert_int_equal(ctx.did, entry[1] >> 8 & 0xffff);
			assert_int_equal(ctx.ss.table, entry[0] & ~W(0xfff));
			continue;
		}
		assert_int_equal(context(&caps, true, entry, &ctx), 0x0b);
	}
	assert_int_equal(context(&caps, true, (uint64_t[]){0x3000 | 3, 2 | 5 << 8}, &ctx), 0);
	vtd_legacy_regime(&ctx, &regime);
	assert_true(regime.fpd && regime.legacy && regime.sre && regime.ere);
	assert_int_equal(regime.pgtt, VIQ_VTD_PGTT_SS);
	assert_int_equal(regime.ss.table, 0x3000);
}

/* Where a lookup ends: no memory, nothing present, a mode that there is not (Table 30). */
static void lookups_that_end(void **state)
{
	const uint64_t root[2] = {0x2000 | 1, 0}, nothing[8] = {0}, directory[2] = {0x4000 | 1, 2};
	const struct vtd_context ctx = {.scalable = true, .pasid_dir = 0x3000};
	struct vtd_caps caps = caps_of(CAP, UINT64_MAX), poor = caps_of(CAP, ~(W(1) << 43));
	struct vtd_lookup l;

	for (unsigned int scalable = 0; scalable < 2; scalable++) {
		uint64_t rtaddr = 0x1000 | scalable << 10;

		vtd_lookup_context(&l, &caps, rtaddr, 0);
		vtd_lookup_step(&l, NULL);
		assert_true(!l.words && l.reason == (scalable ? 0x38 : 0x08));
		vtd_lookup_context(&l, &caps, rtaddr, 0);
		vtd_lookup_step(&l, nothing);
		assert_true(!l.words && l.reason == (scalable ? 0x39 : 0x01));
		vtd_lookup_context(&l, &caps, rtaddr, 0);
		vtd_lookup_step(&l, root);
		vtd_lookup_step(&l, NULL);
		assert_true(!l.words && l.reason == (scalable ? 0x40 : 0x09));
		vtd_lookup_context(&l, &caps, rtaddr, 0);
		vtd_lookup_step(&l, root);
		vtd_lookup_step(&l, nothing);
		assert_true(!l.words && l.reason == (scalable ? 0x41 : 0x02));
	}
	vtd_lookup_context(&l, &poor, 0x1000 | 1 << 10, 0);
	assert_true(!l.words && l.reason == 0x30);
	vtd_lookup_pasid(&l, &caps, &ctx, 5);
	assert_true(l.words == 1 && l.at == 0x3000 && l.scalable);
	vtd_lookup_step(&l, NULL);
	assert_true(!l.words && l.reason == 0x50);
	vtd_lookup_pasid(&l, &caps, &ctx, 64);
	assert_int_equal(l.at, 0x3008);
	vtd_lookup_step(&l, nothing);
	assert_true(!l.words && l.reason == 0x51);
	vtd_lookup_pasid(&l, &caps, &ctx, 5);
	vtd_lookup_step(&l, directory); /* one word of it */
	assert_true(l.words == 8 && l.at == 0x4000 + 5 * 64 && !l.fpd);
	vtd_lookup_step(&l, NULL);
	assert_true(!l.words && l.reason == 0x58);
	vtd_lookup_pasid(&l, &caps, &ctx, 5);
	vtd_lookup_step(&l, directory);
	vtd_lookup_step(&l, (uint64_t[8]){1 | 2 | 4 << 6, 5});
	assert_true(!l.words && !l.reason && l.fpd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_that_calls_name),         cmocka_unit_test(lookups_that_end),
		cmocka_unit_test(bits_of_a_pasid_entry),          cmocka_unit_test(types_of_a_pasid_entry),
		cmocka_unit_test(fields_of_a_pasid_entry),        cmocka_unit_test(bits_of_a_scalable_context_entry),
		cmocka_unit_test(bits_of_a_legacy_context_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
