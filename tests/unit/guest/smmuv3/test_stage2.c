/* SPDX-License-Identifier: MIT */
/*
 * A guest with a stage 2: which of its STEs are ILLEGAL (IHI 0070 5.2, 5.5), and what a host gets of the others.
 *
 * Fields by hand. Word 2: S2VMID [15:0], S2T0SZ [37:32], S2SL0 [39:38], S2TG [47:46], S2PS [50:48], S2AA64 51, S2ENDI
 * 52, S2AFFD 53, S2PTW 54, S2HD 55, S2HA 56, S2S 57, S2R 58; word 3: S2TTB [51:4].
 */
#include <errno.h>
#include <string.h>

#include "support/vsmmu.h"

#define CDS       (VSMMU_RAM + 0x00300000)
#define TTB       (VSMMU_RAM + 0x00400000)
#define CONFIG(n) ((uint64_t)(n) << 1)
#define W2(t0sz, sl0, tg, ps)                                                                                          \
	(UINT64_C(t0sz) << 32 | UINT64_C(sl0) << 38 | UINT64_C(tg) << 46 | UINT64_C(ps) << 48 | VIQ_BIT(51))
#define GOOD W2(16, 2, 0, 5)

/* An SMMU with both stages and one STE at StreamID 1. */
static struct vsmmu *smmu_new(void (*tune)(struct viq_smmuv3_config *))
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	vsmmu_config_stage2(&config);
	if (tune)
		tune(&config);
	v = vsmmu_new(&config);
	vsmmu_w64(v, REG(STRTAB_BASE), VSMMU_STRTAB);
	vsmmu_w32(v, REG(STRTAB_BASE_CFG), 4);
	vsmmu_w32(v, REG(CR0), REG(CR0_SMMUEN) | REG(CR0_ATSCHK));
	return v;
}

static struct viq_smmuv3_stream with_ste(struct vsmmu *v, const uint64_t ste[4])
{
	struct viq_smmuv3_stream s = {.size = sizeof(s)};

	for (unsigned int i = 0; i < 8; i++)
		vsmmu_poke64(v, VSMMU_STRTAB + 64 + 8 * i, i < 4 ? ste[i] : UINT64_MAX);
	assert_int_equal(viq_smmuv3_stream_config(v->smmu, 1, &s), 0);
	if (s.mode == VIQ_SMMUV3_FAULT) {
		assert_int_equal(s.event[0], VIQ_SMMUV3_EVT_C_BAD_STE | UINT64_C(1) << 32);
		assert_int_equal(s.stage2[0] | s.stage2[1], 0);
	}
	return s;
}

static void what_a_host_gets(void **state)
{
	const uint64_t noise2 = VIQ_BITS(31, 16) | VIQ_BITS(63, 59), noise3 = VIQ_BITS(3, 0) | VIQ_BITS(63, 52);
	const uint64_t s1_fields = UINT64_C(31) << 59 | 1 << 4 | CDS, dw1 = 2 | 1 << 2 | 1 << 4 | 3 << 6 | VIQ_BIT(25);
	struct vsmmu *v = smmu_new(NULL);
	struct viq_smmuv3_stream s;

	/* Stage 2 alone: stage-1 fields are ignored, and not handed on. */
	s = with_ste(v, (uint64_t[4]){1 | CONFIG(6) | s1_fields, dw1 | VIQ_BIT(27) | VIQ_BIT(28),
				      GOOD | 0xabcd | noise2, TTB | noise3});
	assert_int_equal(s.mode, VIQ_SMMUV3_STAGE2);
	assert_int_equal(s.ste[0], 1 | CONFIG(6));
	assert_int_equal(s.ste[1], VIQ_BIT(25) | VIQ_BIT(28));
	assert_int_equal(s.stage2[0], GOOD | 0xabcd);
	assert_int_equal(s.stage2[1], TTB);
	/* Both. */
	s = with_ste(v, (uint64_t[4]){1 | CONFIG(7) | CDS | UINT64_C(8) << 59 | 1 << 4, dw1, GOOD | 5, TTB});
	assert_int_equal(s.mode, VIQ_SMMUV3_STAGE2);
	assert_int_equal(s.ste[0], 1 | CONFIG(7) | CDS | UINT64_C(8) << 59 | 1 << 4);
	assert_int_equal(s.ste[1], dw1);
	assert_int_equal(s.stage2[0], GOOD | 5);
	assert_int_equal(s.stage2[1], TTB);
	/* Stage 1 alone: of stage 2 only the VMID counts, and nothing is checked. */
	s = with_ste(v, (uint64_t[4]){1 | CONFIG(5) | CDS, dw1, UINT64_C(0xffffffffffff0007), UINT64_MAX});
	assert_int_equal(s.mode, VIQ_SMMUV3_STAGE1);
	assert_int_equal(s.ste[1], dw1 & ~VIQ_BIT(25));
	assert_int_equal(s.stage2[0], 7);
	assert_int_equal(s.stage2[1], 0);
	/* Bypass and abort: none. */
	for (unsigned int config = 0; config < 5; config++) {
		s = with_ste(v, (uint64_t[4]){1 | CONFIG(config), 0, UINT64_MAX, UINT64_MAX});
		assert_int_equal(s.mode, config < 4 ? VIQ_SMMUV3_ABORT : VIQ_SMMUV3_BYPASS);
		assert_int_equal(s.stage2[0] | s.stage2[1], 0);
	}
	vsmmu_free(v);
}

static void no_stage_1(struct viq_smmuv3_config *config)
{
	config->idr0 &= ~(uint32_t)REG(IDR0_S1P);
	config->idr3 &= ~(uint32_t)REG(IDR3_HAD);
}

static void no_vmid16(struct viq_smmuv3_config *config)
{
	config->idr0 &= ~(uint32_t)REG(IDR0_VMID16);
}

static void mixed_endian(struct viq_smmuv3_config *config)
{
	config->idr0 &= ~(uint32_t)REG(IDR0_TTENDIAN);
}

static void small(struct viq_smmuv3_config *config)
{
	config->idr5 = 2 | VIQ_BIT(4); /* 40 bits, 4K */
}

static void large(struct viq_smmuv3_config *config)
{
	config->idr5 = 6 | VIQ_BITS(6, 4); /* 52 bits */
}

static void no_ats(struct viq_smmuv3_config *config)
{
	config->idr0 &= ~(uint32_t)(REG(IDR0_ATS) | REG(IDR0_NS1ATS));
}

/* For Config 6 and 7, except where tune takes one away. */
static const struct {
	void (*tune)(struct viq_smmuv3_config *);
	uint64_t dw1, dw2, dw3;
	bool legal;
} rows[] = {
	{NULL, 0, GOOD, TTB, true},
	/* S2AA64: AArch32 tables are not there (TTF). */
	{NULL, 0, GOOD & ~VIQ_BIT(51), TTB, false},
	/* S2TG, S2SL0, S2T0SZ together (DDI 0487 D8.2): up to 16 tables at the start. */
	{NULL, 0, W2(16, 2, 0, 5), TTB, true},
	{NULL, 0, W2(15, 2, 0, 5), TTB, false}, /* 49 bits: below 16, and 64 - IAS */
	{NULL, 0, W2(24, 2, 0, 5), TTB, true},
	{NULL, 0, W2(25, 2, 0, 5), TTB, false},
	{NULL, 0, W2(21, 1, 0, 5), TTB, true},
	{NULL, 0, W2(20, 1, 0, 5), TTB, false},
	{NULL, 0, W2(33, 1, 0, 5), TTB, true},
	{NULL, 0, W2(34, 1, 0, 5), TTB, false},
	{NULL, 0, W2(30, 0, 0, 5), TTB, true},
	{NULL, 0, W2(29, 0, 0, 5), TTB, false},
	{NULL, 0, W2(39, 0, 0, 5), TTB, true},
	{NULL, 0, W2(40, 0, 0, 5), TTB, false}, /* above 39 without STT */
	{NULL, 0, W2(24, 3, 0, 5), TTB, false},
	{NULL, 0, W2(16, 2, 1, 5), TTB, true},
	{NULL, 0, W2(16, 1, 1, 5), TTB, false},
	{NULL, 0, W2(24, 3, 1, 5), TTB, false},
	{NULL, 0, W2(16, 2, 2, 5), TTB, true},
	{NULL, 0, W2(24, 1, 2, 5), TTB, true},
	{NULL, 0, W2(16, 2, 3, 5), TTB, false}, /* reserved granule */
	{small, 0, W2(24, 1, 0, 5), TTB, true},
	{small, 0, W2(23, 1, 0, 5), TTB, false}, /* 41 bits: beyond IAS */
	{small, 0, W2(24, 2, 0, 5), TTB, false}, /* level 0 is for 44 bits and more */
	{small, 0, W2(24, 1, 1, 5), TTB, false}, /* no 64K */
	{large, 0, W2(12, 2, 1, 6), TTB, true},
	{large, 0, W2(11, 2, 1, 6), TTB, false},
	{large, 0, W2(15, 2, 0, 6), TTB, false}, /* 4K without DS has 48 bits */
	/* S2TTB against the effective S2PS, and 48 bits with 4K and 16K. */
	{NULL, 0, W2(24, 1, 0, 0), VIQ_BIT(31), true},
	{NULL, 0, W2(24, 1, 0, 0), VIQ_BIT(32), false},
	{NULL, 0, GOOD, VIQ_BIT(47), true},
	{NULL, 0, GOOD, VIQ_BIT(48), false},
	{NULL, 0, W2(16, 2, 0, 7), VIQ_BIT(47), true}, /* a reserved size acts as the largest, cut to OAS */
	{NULL, 0, W2(16, 2, 0, 7), VIQ_BIT(48), false},
	{large, 0, W2(16, 2, 1, 6), VIQ_BIT(51), true},
	{large, 0, W2(16, 2, 0, 6), VIQ_BIT(48), false},
	/* S2ENDI, S2HA, S2HD, S2S against TTENDIAN, HTTU, STALL_MODEL; S2R, S2AFFD, S2PTW are free. */
	{NULL, 0, GOOD | VIQ_BIT(52), TTB, false},
	{mixed_endian, 0, GOOD | VIQ_BIT(52), TTB, true},
	{mixed_endian, 0, GOOD, TTB, true},
	{NULL, 0, GOOD | VIQ_BIT(53), TTB, true},
	{NULL, 0, GOOD | VIQ_BIT(54), TTB, true},
	{NULL, 0, GOOD | VIQ_BIT(55), TTB, false},
	{NULL, 0, GOOD | VIQ_BIT(56), TTB, false},
	{NULL, 0, GOOD | VIQ_BIT(57), TTB, false},
	{NULL, 0, GOOD | VIQ_BIT(58), TTB, true},
	/* S2VMID[15:8] without VMID16. */
	{NULL, 0, GOOD | 0xffff, TTB, true},
	{no_vmid16, 0, GOOD | 0xff, TTB, true},
	{no_vmid16, 0, GOOD | 0x100, TTB, false},
	/* EATS: 2 is split-stage ATS, which NS1ATS = 1 says is not there; 3 acts as 0 without DPT. */
	{NULL, UINT64_C(1) << 28, GOOD, TTB, true},
	{NULL, UINT64_C(2) << 28, GOOD, TTB, false},
	{NULL, UINT64_C(3) << 28, GOOD, TTB, true},
	{no_ats, UINT64_C(2) << 28, GOOD, TTB, true},
	{no_stage_1, 0, GOOD, TTB, true},
};

static void illegal_stage_2(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vsmmu *v = smmu_new(rows[i].tune);

		for (unsigned int config = 6; config < 8; config++) {
			const uint64_t cd = config == 7 ? VIQ_BIT(31) : 0;
			const uint64_t ste[4] = {1 | CONFIG(config) | cd, rows[i].dw1, rows[i].dw2, rows[i].dw3};
			bool legal = rows[i].legal && (config == 6 || rows[i].tune != no_stage_1);

			if (with_ste(v, ste).mode != (legal ? VIQ_SMMUV3_STAGE2 : VIQ_SMMUV3_FAULT))
				fail_msg("row %zu, Config %u", i, config);
		}
		vsmmu_free(v);
	}
}

/* A VMID tags stage 1 alone, too, so that it is ILLEGAL there as well (S2VMID). Stage 1 without one: 1x1 is ILLEGAL. */
static void illegal_stage_1(void **state)
{
	struct vsmmu *v = smmu_new(no_vmid16);

	assert_int_equal(with_ste(v, (uint64_t[4]){1 | CONFIG(5) | CDS, 0, 0xff, 0}).mode, VIQ_SMMUV3_STAGE1);
	assert_int_equal(with_ste(v, (uint64_t[4]){1 | CONFIG(5) | CDS, 0, 0x100, 0}).mode, VIQ_SMMUV3_FAULT);
	assert_int_equal(with_ste(v, (uint64_t[4]){1 | CONFIG(4), 0, 0x100, 0}).mode, VIQ_SMMUV3_BYPASS);
	vsmmu_free(v);
	v = smmu_new(no_stage_1);
	assert_int_equal(with_ste(v, (uint64_t[4]){1 | CONFIG(5) | CDS, 0, 0, 0}).mode, VIQ_SMMUV3_FAULT);
	vsmmu_free(v);
}

/* An older caller has no room for words 2 and 3. What it gets no host takes for a stage 2. */
static void an_older_caller(void **state)
{
	struct viq_smmuv3_stream s = {.size = offsetof(struct viq_smmuv3_stream, stage2), .stage2 = {77, 77}};
	struct vsmmu *v = smmu_new(NULL);

	with_ste(v, (uint64_t[4]){1 | CONFIG(6), 0, GOOD, TTB});
	assert_int_equal(viq_smmuv3_stream_config(v->smmu, 1, &s), 0);
	assert_int_equal(s.mode, VIQ_SMMUV3_STAGE2);
	assert_int_equal(s.stage2[0], 77);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_host_gets),
		cmocka_unit_test(illegal_stage_2),
		cmocka_unit_test(illegal_stage_1),
		cmocka_unit_test(an_older_caller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
