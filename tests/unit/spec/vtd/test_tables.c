/* SPDX-License-Identifier: MIT */
/*
 * Root to PASID entries, each in one word that differs from a good one: above all those on which two readings of the
 * same tables once disagreed.
 */
#include <string.h>

#include "support/test.h"
#include "spec/vtd/tables.h"

#define HAW    46
#define ROOT   0x1000u
#define CTX    0x2000u
#define DIR    0x3000u
#define TABLE  0x4000u
#define WORDS  0x1000u
#define SID    0x0008
#define PASID  3u
#define CAP    (VIQ_PUT(VIQ_VTD_CAP_SAGAW, 6) | VIQ_PUT(VIQ_VTD_CAP_MGAW, 47))
#define ECAP   (VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_FSTS | VIQ_VTD_ECAP_PT | VIQ_VTD_ECAP_PASID | VIQ_VTD_ECAP_RPS)
#define ROOT_0 (ROOT + 0)
#define ROOT_1 (ROOT + 8)
#define CTX_0  (CTX + (legacy ? 16 : 32) * 8)
#define ENTRY  (TABLE + PASID * 64)

static uint64_t mem[WORDS];

static uint64_t *at(uint64_t addr)
{
	return &mem[addr / 8];
}

/* A first-stage entry, or pass-through; legacy: pass-through of the largest width. */
static void build(bool legacy, unsigned int pgtt)
{
	memset(mem, 0, sizeof(mem));
	*at(ROOT_0) = CTX | VIQ_VTD_ROOT_P;
	if (legacy) {
		*at(CTX_0) = VIQ_VTD_CTX_P | VIQ_PUT(VIQ_VTD_CTX_TT, VIQ_VTD_TT_PT);
		*at(CTX_0 + 8) = VIQ_VTD_AW_48 | VIQ_PUT(VIQ_VTD_CTX_1_DID, 5);
		return;
	}
	*at(CTX_0) = DIR | VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE;
	*at(CTX_0 + 8) = 7;
	*at(DIR) = TABLE | VIQ_VTD_PDE_P;
	*at(ENTRY) = VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, pgtt);
	*at(ENTRY + 8) = 5;
	*at(ENTRY + 16) = pgtt == VIQ_VTD_PGTT_FS ? 0x123000 : 0;
}

static void run(struct vtd_lookup *l)
{
	uint64_t words[VIQ_VTD_PE_WORDS];

	while (l->words) {
		bool there = l->at % 8 == 0 && l->at / 8 + l->words <= WORDS;

		assert_in_range(l->words, 1, VIQ_VTD_PE_WORDS);
		if (there)
			memcpy(words, at(l->at), l->words * 8u);
		vtd_lookup_step(l, there ? words : NULL);
	}
}

static unsigned int look_up(bool legacy, uint64_t ecap, struct vtd_regime *regime)
{
	struct vtd_lookup l;
	struct vtd_context ctx;
	struct vtd_caps caps;

	vtd_caps_init(&caps, CAP, ecap, HAW);
	vtd_lookup_context(&l, &caps, ROOT | VIQ_PUT(VIQ_VTD_RTADDR_TTM, !legacy), SID);
	run(&l);
	if (l.reason || legacy) {
		vtd_legacy_regime(&l.context, regime);
		return l.reason;
	}
	ctx = l.context;
	vtd_lookup_pasid(&l, &caps, &ctx, PASID);
	run(&l);
	*regime = l.regime;
	return l.reason;
}

/*
 * Bits of pointers at or above the host address width are reserved in every structure (9.1 to 9.6); so are PGSNP
 * without ECAP.SC, PWSNP without ECAP.SMPWC, SSADE without ECAP.SSADS (9.6); AW of a pass-through context entry must be
 * the largest that SAGAW has (9.3).
 */
static void what_two_walks_disagreed_on(void **state)
{
	enum {
		LEGACY = 0
	};
	static const struct {
		unsigned int pgtt; /* 0: legacy */
		unsigned int addr, bit;
		unsigned int reason;
	} rows[] = {
		{VIQ_VTD_PGTT_FS, ROOT_0, HAW, 0x3a},
		{VIQ_VTD_PGTT_FS, ROOT_0, 63, 0x3a},
		{VIQ_VTD_PGTT_FS, CTX + 32 * 8, HAW, 0x42},
		{VIQ_VTD_PGTT_FS, CTX + 32 * 8, 61, 0x42},
		{VIQ_VTD_PGTT_FS, ENTRY + 8, 24, 0x5a},
		{LEGACY, ROOT_0, HAW, 0x0a},
		{LEGACY, ROOT_0, 52, 0x0a},
		{VIQ_VTD_PGTT_FS, DIR, HAW, 0x52},
		{VIQ_VTD_PGTT_FS, DIR, 59, 0x52},
		{VIQ_VTD_PGTT_PT, ENTRY + 8, 23, 0x5a},
		{VIQ_VTD_PGTT_FS, ENTRY + 8, 23, 0x5a},
		{VIQ_VTD_PGTT_FS, ENTRY + 16, HAW, 0x5a},
		{VIQ_VTD_PGTT_FS, ENTRY + 16, 54, 0x5a},
		{LEGACY, CTX + 16 * 8 + 8, 0, 0x03},
		{LEGACY, CTX + 16 * 8 + 8, 1, 0x03},
		{VIQ_VTD_PGTT_PT, ENTRY, 9, 0x5a},
		{VIQ_VTD_PGTT_FS, ENTRY, 9, 0x5a},
		/* The domain-id above CAP.ND, here four bits (9.3, 9.6). */
		{VIQ_VTD_PGTT_FS, ENTRY + 8, 4, 0x5a},
		{VIQ_VTD_PGTT_PT, ENTRY + 8, 15, 0x5a},
		{LEGACY, CTX + 16 * 8 + 8, 8 + 4, 0x0b},
		{LEGACY, CTX + 16 * 8 + 8, 8 + 15, 0x0b},
		/* CD, EMTE and PAT without ECAP.MTS; 95:91 (9.6). */
		{VIQ_VTD_PGTT_FS, ENTRY + 8, 25, 0x5a},
		{VIQ_VTD_PGTT_FS, ENTRY + 8, 26, 0x5a},
		{VIQ_VTD_PGTT_FS, ENTRY + 8, 27, 0x5a},
		{VIQ_VTD_PGTT_FS, ENTRY + 8, 31, 0x5a},
		{VIQ_VTD_PGTT_FS, ENTRY + 8, 32, 0x5a},
		{VIQ_VTD_PGTT_PT, ENTRY + 8, 63, 0x5a},
		/* Pointers above HAW, whether they are used or not (9.6). */
		{VIQ_VTD_PGTT_PT, ENTRY, 63, 0x5a},
		{VIQ_VTD_PGTT_FS, ENTRY, HAW, 0x5a},
		{VIQ_VTD_PGTT_PT, ENTRY + 16, HAW, 0x5a},
		/* RID_PRIV without ECAP.RPRIVS (9.4); SSPTPTR without ECAP.SSTS (9.6). */
		{VIQ_VTD_PGTT_FS, CTX + 32 * 8 + 8, 20, 0x42},
		{VIQ_VTD_PGTT_FS, ENTRY, 12, 0x5a},
		{VIQ_VTD_PGTT_PT, ENTRY, HAW - 1, 0x5a},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool legacy = rows[i].pgtt == LEGACY;
		struct vtd_regime regime;

		build(legacy, rows[i].pgtt);
		assert_int_equal(look_up(legacy, ECAP, &regime), 0);
		assert_int_equal(regime.did, 5);
		assert_int_equal(regime.pgtt, legacy ? VIQ_VTD_PGTT_PT : rows[i].pgtt);
		*at(rows[i].addr) ^= UINT64_C(1) << rows[i].bit;
		assert_int_equal(look_up(legacy, ECAP, &regime), rows[i].reason);
	}
}

/*
 * Fields of what is not offered are reserved, also where the type of translation has no use for them: RID_PASID without
 * ECAP.RPS (9.4), SSADE without ECAP.SSTS whatever ECAP.SSADS says, FSPTPTR, FSPM and WPE without ECAP.FSTS (9.6).
 */
static void what_is_not_offered_is_reserved(void **state)
{
	const uint64_t ss = VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_SSADS;
	const struct {
		uint64_t addr, bit, ecap, without;
		unsigned int reason;
	} rows[] = {
		{CTX + 32 * 8 + 8, 3, 0, VIQ_VTD_ECAP_RPS, 0x42},  {CTX + 32 * 8 + 8, 12, 0, VIQ_VTD_ECAP_RPS, 0x42},
		{CTX + 32 * 8 + 8, 19, 0, VIQ_VTD_ECAP_RPS, 0x42}, {CTX + 32 * 8 + 8, 20, VIQ_VTD_ECAP_RPRIVS, 0, 0x42},
		{ENTRY, 9, ss, VIQ_VTD_ECAP_SSTS, 0x5a},           {ENTRY, 12, ss, VIQ_VTD_ECAP_SSTS, 0x5a},
		{ENTRY + 16, 2, 0, VIQ_VTD_ECAP_FSTS, 0x5a},       {ENTRY + 16, 3, 0, VIQ_VTD_ECAP_FSTS, 0x5a},
		{ENTRY + 16, 4, 0, VIQ_VTD_ECAP_FSTS, 0x5a},       {ENTRY + 16, 12, 0, VIQ_VTD_ECAP_FSTS, 0x5a},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t ecap = ECAP | rows[i].ecap;
		struct vtd_regime regime;

		build(false, VIQ_VTD_PGTT_PT);
		*at(CTX + 32 * 8) |= VIQ_VTD_SCTX_PDTS; /* room for every RID_PASID */
		*at(CTX + 32 * 8 + 8) = 0;
		*at(rows[i].addr) |= UINT64_C(1) << rows[i].bit;
		assert_int_equal(look_up(false, ecap, &regime), 0);
		ecap &= rows[i].without ? ~rows[i].without : ~rows[i].ecap;
		assert_int_equal(look_up(false, ecap, &regime), rows[i].reason);
	}
}

/* Of a scalable root entry each half has its 128 device-functions; in legacy mode there is one table of 256. */
static void device_functions(void **state)
{
	static const struct {
		uint16_t sid;
		bool legacy;
		uint64_t root, ctx;
	} rows[] = {
		{0x0000, false, ROOT, CTX},
		{0x007f, false, ROOT, CTX + 127 * 32},
		{0x0080, false, ROOT + 8, CTX},
		{0x01ff, false, ROOT + 24, CTX + 127 * 32},
		{0x01ff, true, ROOT + 16, CTX + 255 * 16},
		{0x0080, true, ROOT, CTX + 128 * 16},
	};
	const uint64_t root[2] = {CTX | VIQ_VTD_ROOT_P, 0};
	struct vtd_lookup l;
	struct vtd_caps caps;

	vtd_caps_init(&caps, CAP, ECAP, HAW);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		vtd_lookup_context(&l, &caps, ROOT | VIQ_PUT(VIQ_VTD_RTADDR_TTM, !rows[i].legacy), rows[i].sid);
		assert_int_equal(l.at, rows[i].root);
		assert_int_equal(l.words, rows[i].legacy ? 2 : 1);
		vtd_lookup_step(&l, root);
		assert_int_equal(l.at, rows[i].ctx);
		assert_int_equal(l.words, rows[i].legacy ? 2 : 4);
	}
}

/* Pass-through of a smaller width that SAGAW has too (9.3). */
static void pass_through_has_the_largest_width(void **state)
{
	bool legacy = true;
	struct vtd_regime regime;

	build(true, 0);
	*at(CTX_0 + 8) = VIQ_VTD_AW_39;
	assert_int_equal(look_up(true, ECAP, &regime), 0x03);
	*at(CTX_0) = VIQ_VTD_CTX_P | 0x5000;
	assert_int_equal(look_up(true, ECAP, &regime), 0);
	assert_int_equal(regime.ss.levels, 3);
}

/* The same bits where they belong to something that is offered, or mean nothing. */
static void what_is_no_fault(void **state)
{
	static const struct {
		unsigned int addr, bit;
		uint64_t ecap;
	} rows[] = {
		{ROOT_0, HAW - 1, 0}, /* no memory there: see below */
		{ENTRY + 8, 24, VIQ_VTD_ECAP_SC},
		{ENTRY + 8, 23, VIQ_VTD_ECAP_SMPWCS},
		{ENTRY, 9, VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_SSADS},
		{ENTRY, 3, 0}, /* AW: without ECAP.SSTS it is ignored, as Linux writes it */
		{ENTRY, HAW - 1, VIQ_VTD_ECAP_SSTS},
		{CTX + 32 * 8 + 8, 20, VIQ_VTD_ECAP_RPRIVS},
		{ENTRY + 8, 25, VIQ_VTD_ECAP_MTS},
		{ENTRY + 8, 63, VIQ_VTD_ECAP_MTS},
		{ENTRY + 16, 5, 0}, /* ignored (9.6, bits 134:133), as Linux 6.3 to 6.11 set it */
		{ENTRY + 16, 6, 0},
		{ENTRY + 16, 5, VIQ_VTD_ECAP_ERS},
		{ENTRY + 16, HAW - 1, 0},
		{ROOT_1, 1, 0}, /* the other half of a scalable root entry */
	};
	struct vtd_regime regime;

	build(false, VIQ_VTD_PGTT_FS);
	*at(ROOT_0) ^= UINT64_C(1) << (HAW - 1);
	assert_int_equal(look_up(false, ECAP, &regime), 0x40);
	for (size_t i = 1; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build(false, VIQ_VTD_PGTT_FS);
		*at(rows[i].addr) ^= UINT64_C(1) << rows[i].bit;
		assert_int_equal(look_up(false, ECAP | rows[i].ecap, &regime), 0);
	}
}

/* Table 30: SCT.4.1, SCT.4.2, and FPD as it is met on the way. */
static void inconsistent_contexts(void **state)
{
	bool legacy = false;
	struct vtd_regime regime;
	struct vtd_lookup l;
	struct vtd_caps caps;

	build(false, VIQ_VTD_PGTT_FS);
	*at(CTX_0 + 8) = 0x1fff;
	assert_int_equal(look_up(false, ECAP, &regime), 0);
	*at(CTX_0 + 8) = 0x2000;
	assert_int_equal(look_up(false, ECAP, &regime), 0x43);
	*at(CTX_0) |= VIQ_PUT(VIQ_VTD_SCTX_PDTS, 1);
	assert_int_equal(look_up(false, ECAP, &regime), 0);
	*at(CTX_0) |= VIQ_VTD_SCTX_PRE;
	*at(CTX_0 + 8) = 0;
	assert_int_equal(look_up(false, ECAP, &regime), 0x42);
	assert_int_equal(look_up(false, ECAP | VIQ_VTD_ECAP_PRS | VIQ_VTD_ECAP_DT, &regime), 0x43);
	*at(CTX_0) |= VIQ_VTD_SCTX_DTE;
	assert_int_equal(look_up(false, ECAP | VIQ_VTD_ECAP_PRS | VIQ_VTD_ECAP_DT, &regime), 0);
	assert_false(regime.fpd);
	for (unsigned int i = 0; i < 3; i++) {
		build(false, VIQ_VTD_PGTT_FS);
		*at(i == 0 ? CTX_0 : i == 1 ? DIR : ENTRY) |= VIQ_VTD_PE_FPD;
		assert_int_equal(look_up(false, ECAP, &regime), 0);
		assert_true(regime.fpd);
	}
	vtd_caps_init(&caps, CAP, ECAP, HAW);
	for (uint64_t ttm = 2; ttm <= 3; ttm++) {
		vtd_lookup_context(&l, &caps, ROOT | VIQ_PUT(VIQ_VTD_RTADDR_TTM, ttm), SID);
		assert_true(!l.words && l.reason == 0x30);
	}
	/* RTA.4: abort mode, where there is one. */
	caps.ecap |= VIQ_VTD_ECAP_ADMS;
	vtd_lookup_context(&l, &caps, ROOT | VIQ_PUT(VIQ_VTD_RTADDR_TTM, VIQ_VTD_TTM_ABORT), SID);
	assert_true(!l.words && l.reason == 0x33);
	vtd_lookup_context(&l, &caps, ROOT | VIQ_PUT(VIQ_VTD_RTADDR_TTM, VIQ_VTD_TTM_RESERVED), SID);
	assert_true(!l.words && l.reason == 0x30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_functions),
		cmocka_unit_test(inconsistent_contexts),
		cmocka_unit_test(pass_through_has_the_largest_width),
		cmocka_unit_test(what_is_no_fault),
		cmocka_unit_test(what_is_not_offered_is_reserved),
		cmocka_unit_test(what_two_walks_disagreed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
