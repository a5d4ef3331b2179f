/* SPDX-License-Identifier: MIT */
/*
 * viq_smmuv3_stream_config(): GBPA, stream tables, spans, STE legality, and the two words that a host takes
 * (IHI 0070 3.3, 5.1, 5.2, 6.3.24).
 */
#include <errno.h>
#include <string.h>

#include "support/vsmmu.h"

#define L2    (VSMMU_RAM + 0x00200000)
#define CDS   (VSMMU_RAM + 0x00300000)
#define LIMIT (VSMMU_RAM + VSMMU_RAM_SIZE)

/* A whole stage-1 STE as Linux writes it. */
#define STE0(config)     (1 | (uint64_t)(config) << 1 | CDS)
#define STE1_MEMORY      (UINT64_C(2) | 1 << 2 | 1 << 4 | 3 << 6)
#define EATS(n)          ((uint64_t)(n) << 28)
#define S1CDMAX(n)       ((uint64_t)(n) << 59)
#define S1FMT(n)         ((uint64_t)(n) << 4)
#define IS_ABORTING(ste) (!((ste)[0] & 1) || !VIQ_GET(REG(STE_0_CONFIG), (ste)[0]))

static void enable(struct vsmmu *v, bool on)
{
	vsmmu_w32(v, REG(CR0), on ? REG(CR0_SMMUEN) | REG(CR0_ATSCHK) : 0);
}

static struct vsmmu *table_new(const struct viq_smmuv3_config *config, uint64_t base, uint32_t cfg)
{
	struct vsmmu *v = vsmmu_new(config);

	vsmmu_w64(v, REG(STRTAB_BASE), base | REG(STRTAB_BASE_RA));
	vsmmu_w32(v, REG(STRTAB_BASE_CFG), cfg);
	vsmmu_w32(v, REG(CR2), REG(CR2_RECINVSID));
	enable(v, true);
	return v;
}

static uint32_t linear(unsigned int log2)
{
	return log2;
}

static uint32_t two_level(unsigned int log2, unsigned int split)
{
	return log2 | split << 6 | 1 << 16;
}

static struct viq_smmuv3_stream get(struct vsmmu *v, uint32_t sid)
{
	struct viq_smmuv3_stream s = {.size = sizeof(s)};

	assert_int_equal(viq_smmuv3_stream_config(v->smmu, sid, &s), 0);
	if (s.mode == VIQ_SMMUV3_ABORT || s.mode == VIQ_SMMUV3_FAULT)
		assert_true(IS_ABORTING(s.ste));
	if (s.mode == VIQ_SMMUV3_BYPASS)
		assert_int_equal(VIQ_GET(REG(STE_0_CONFIG), s.ste[0]), 4);
	if (s.mode == VIQ_SMMUV3_STAGE1)
		assert_int_equal(VIQ_GET(REG(STE_0_CONFIG), s.ste[0]), 5);
	/* Never a bit that a host refuses (struct iommu_hwpt_arm_smmuv3). */
	assert_int_equal(s.ste[0] & ~UINT64_C(0xf80fffffffffffff), 0);
	assert_int_equal(s.ste[1] & ~UINT64_C(0x00000000380000ff), 0);
	return s;
}

static void assert_fault(struct vsmmu *v, uint32_t sid, unsigned int event, uint64_t fetch)
{
	struct viq_smmuv3_stream s = get(v, sid);

	assert_int_equal(s.mode, VIQ_SMMUV3_FAULT);
	assert_int_equal(s.event[0], event | (uint64_t)sid << 32);
	assert_int_equal(s.event[1], 0);
	assert_int_equal(s.event[2], 0);
	assert_int_equal(s.event[3], fetch);
}

static void put_ste(struct vsmmu *v, uint64_t at, uint64_t dw0, uint64_t dw1)
{
	vsmmu_poke64(v, at, dw0);
	vsmmu_poke64(v, at + 8, dw1);
	for (unsigned int i = 2; i < 8; i++)
		vsmmu_poke64(v, at + 8 * i, UINT64_MAX); /* words that a stage-1 SMMU does not look at */
}

/* One STE at SID 1 of a linear table. */
static struct viq_smmuv3_stream with_ste(struct vsmmu *v, uint64_t dw0, uint64_t dw1)
{
	put_ste(v, VSMMU_STRTAB + 64, dw0, dw1);
	return get(v, 1);
}

/* --- SMMUEN = 0 --------------------------------------------------------------------------------------------------- */

static void gbpa_rules_while_disabled(void **state)
{
	struct vsmmu *v = table_new(NULL, VSMMU_STRTAB, linear(4));

	enable(v, false);
	put_ste(v, VSMMU_STRTAB + 64, STE0(5), STE1_MEMORY);
	assert_int_equal(get(v, 1).mode, VIQ_SMMUV3_BYPASS);
	assert_int_equal(get(v, UINT32_MAX).mode, VIQ_SMMUV3_BYPASS);
	assert_true(get(v, 1).disabled); /* more than a bypassing STE: substreams too, no events (6.3.9.6) */
	vsmmu_w32(v, REG(GBPA), 0x80100000);
	assert_int_equal(get(v, 1).mode, VIQ_SMMUV3_ABORT);
	assert_int_equal(get(v, UINT32_MAX).mode, VIQ_SMMUV3_ABORT);
	assert_true(get(v, 1).disabled);
	enable(v, true);
	assert_int_equal(get(v, 1).mode, VIQ_SMMUV3_STAGE1);
	assert_false(get(v, 1).disabled);
	assert_false(with_ste(v, STE0(4), 0).disabled);
	vsmmu_free(v);
}

/* --- Finding the STE ---------------------------------------------------------------------------------------------- */

static void linear_table(void **state)
{
	struct vsmmu *v = table_new(NULL, VSMMU_STRTAB, linear(8));

	for (uint32_t sid = 0; sid < 256; sid++)
		put_ste(v, VSMMU_STRTAB + sid * 64, 1 | (5 << 1) | (CDS + sid * 64), 0);
	for (uint32_t sid = 0; sid < 256; sid++) {
		struct viq_smmuv3_stream s = get(v, sid);

		assert_int_equal(s.mode, VIQ_SMMUV3_STAGE1);
		assert_int_equal(s.ste[0] & REG(STE_0_S1CONTEXTPTR), CDS + sid * 64);
	}
	assert_fault(v, 256, VIQ_SMMUV3_EVT_C_BAD_STREAMID, 0);
	assert_fault(v, UINT32_MAX, VIQ_SMMUV3_EVT_C_BAD_STREAMID, 0);
	vsmmu_free(v);
}

/* 6.3.24: the base is aligned down to the table's size, by the literal LOG2SIZE. */
static void linear_base_is_aligned(void **state)
{
	for (unsigned int log2 = 0; log2 <= 12; log2++) {
		uint64_t size = UINT64_C(64) << log2;
		struct vsmmu *v = table_new(NULL, VSMMU_STRTAB + 0x80000 + (size > 64 ? size / 2 : 0), linear(log2));

		put_ste(v, VSMMU_STRTAB + 0x80000, 1 | 4 << 1, 0);
		assert_int_equal(get(v, 0).mode, VIQ_SMMUV3_BYPASS);
		vsmmu_free(v);
	}
}

static void bad_streamid_is_silent_without_recinvsid(void **state)
{
	struct vsmmu *v = table_new(NULL, VSMMU_STRTAB, linear(4));

	enable(v, false);
	vsmmu_w32(v, REG(CR2), 0);
	enable(v, true);
	assert_int_equal(get(v, 16).mode, VIQ_SMMUV3_ABORT);
	vsmmu_free(v);
}

static void sidsize_caps_log2size(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr1 = (config.idr1 & ~0x3fu) | 8;
	for (unsigned int log2 = 8; log2 < 64; log2++) {
		v = table_new(&config, VSMMU_STRTAB, linear(log2));
		assert_fault(v, 256, VIQ_SMMUV3_EVT_C_BAD_STREAMID, 0);
		assert_int_not_equal(get(v, 255).mode, VIQ_SMMUV3_STAGE1);
		/* Aligned to a size beyond all addresses the base is 0, where nothing is. */
		if (log2 < 16)
			assert_fault(v, 255, VIQ_SMMUV3_EVT_C_BAD_STE, 0);
		else if (log2 > 30)
			assert_fault(v, 255, VIQ_SMMUV3_EVT_F_STE_FETCH, 255 * 64);
		vsmmu_free(v);
	}
}

/* Reserved FMT values act as linear. */
static void reserved_formats_are_linear(void **state)
{
	for (unsigned int fmt = 0; fmt < 4; fmt++) {
		struct vsmmu *v = table_new(NULL, VSMMU_STRTAB, linear(10) | 8 << 6 | fmt << 16);

		put_ste(v, VSMMU_STRTAB + 300 * 64, 1 | 4 << 1, 0);
		if (fmt != 1)
			assert_int_equal(get(v, 300).mode, VIQ_SMMUV3_BYPASS);
		else
			assert_fault(v, 300, VIQ_SMMUV3_EVT_C_BAD_STREAMID, 0);
		vsmmu_free(v);
	}
}

static void two_level_table(void **state)
{
	static const unsigned int splits[] = {6, 8, 10};

	for (size_t i = 0; i < 3; i++) {
		unsigned int split = splits[i];
		struct vsmmu *v = table_new(NULL, VSMMU_STRTAB, two_level(16, split));
		uint32_t l2_size = 1u << split;

		for (unsigned int span = 0; span < 32; span++) {
			uint32_t base = 3u << split;
			bool legal = span >= 1 && span <= split + 1;
			uint32_t count = legal ? 1u << (span - 1) : 0;

			vsmmu_poke64(v, VSMMU_STRTAB + 3 * 8, L2 | span);
			for (uint32_t n = 0; n < l2_size; n++)
				put_ste(v, L2 + n * 64, 1 | 5 << 1 | (CDS + n * 64), 0);
			for (uint32_t n = 0; n < l2_size; n += n < 70 ? 1 : 37) {
				if (n >= count) {
					assert_fault(v, base + n, VIQ_SMMUV3_EVT_C_BAD_STREAMID, 0);
					continue;
				}
				assert_int_equal(get(v, base + n).ste[0] & REG(STE_0_S1CONTEXTPTR), CDS + n * 64);
			}
		}
		assert_fault(v, 2u << split, VIQ_SMMUV3_EVT_C_BAD_STREAMID, 0); /* L1STD of zeros */
		assert_fault(v, 0x10000, VIQ_SMMUV3_EVT_C_BAD_STREAMID, 0);
		vsmmu_free(v);
	}
}

/* Other values of SPLIT behave as 6. */
static void reserved_splits(void **state)
{
	for (unsigned int split = 0; split < 32; split++) {
		struct vsmmu *v;

		if (split == 6 || split == 8 || split == 10)
			continue;
		v = table_new(NULL, VSMMU_STRTAB, two_level(16, split));
		vsmmu_poke64(v, VSMMU_STRTAB + 5 * 8, L2 | 7);
		put_ste(v, L2 + 63 * 64, 1 | 4 << 1, 0);
		assert_int_equal(get(v, (5 << 6) + 63).mode, VIQ_SMMUV3_BYPASS);
		vsmmu_free(v);
	}
}

/* The second-level table is aligned to its size; so is the first, at least to 64 bytes. */
static void two_level_alignment(void **state)
{
	struct vsmmu *v = table_new(NULL, VSMMU_STRTAB + 0x80000 + 0x7c0, two_level(16, 8)); /* 256 L1STDs: 2 KiB */

	vsmmu_poke64(v, VSMMU_STRTAB + 0x80000 + 9 * 8, (L2 + 0x3fc0) | 9); /* 256 STEs: 16 KiB */
	put_ste(v, L2 + 2 * 64, 1 | 4 << 1, 0);
	assert_int_equal(get(v, 0x902).mode, VIQ_SMMUV3_BYPASS);
	vsmmu_free(v);
	v = table_new(NULL, VSMMU_STRTAB + 0x80000 + 0x40, two_level(9, 8)); /* two L1STDs: 64 bytes stay */
	vsmmu_poke64(v, VSMMU_STRTAB + 0x80000 + 0x40 + 8, L2 | 1);
	put_ste(v, L2, 1 | 4 << 1, 0);
	assert_int_equal(get(v, 0x100).mode, VIQ_SMMUV3_BYPASS);
	vsmmu_free(v);
}

static void fetch_faults(void **state)
{
	struct vsmmu *v = table_new(NULL, VSMMU_RAM - 0x10000, linear(4));

	assert_fault(v, 3, VIQ_SMMUV3_EVT_F_STE_FETCH, VSMMU_RAM - 0x10000 + 3 * 64);
	vsmmu_free(v);
	v = table_new(NULL, VSMMU_RAM - 0x10000, two_level(16, 8));
	assert_fault(v, 0x301, VIQ_SMMUV3_EVT_F_STE_FETCH, VSMMU_RAM - 0x10000 + 3 * 8);
	vsmmu_free(v);
	v = table_new(NULL, VSMMU_STRTAB, two_level(16, 8));
	vsmmu_poke64(v, VSMMU_STRTAB + 3 * 8, LIMIT | 9);
	assert_fault(v, 0x301, VIQ_SMMUV3_EVT_F_STE_FETCH, LIMIT + 64);
	vsmmu_free(v);
}

/* An address beyond OAS: reported, though memory is there. */
static void tables_beyond_oas(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr5 &= ~7u; /* 32 bits */
	v = table_new(&config, UINT64_C(0x0001000000000000) | VSMMU_STRTAB, linear(4));
	put_ste(v, VSMMU_STRTAB + 64, 1 | 4 << 1, 0);
	assert_int_equal(get(v, 1).mode, VIQ_SMMUV3_FAULT);
	assert_int_equal(get(v, 1).event[0] & 0xff, VIQ_SMMUV3_EVT_F_STE_FETCH);
	vsmmu_free(v);
}

/* --- The STE ------------------------------------------------------------------------------------------------------ */

static void configs(void **state)
{
	struct vsmmu *v = table_new(NULL, VSMMU_STRTAB, linear(4));

	assert_int_equal(with_ste(v, 0, 0).mode, VIQ_SMMUV3_FAULT); /* V = 0 */
	for (unsigned int config = 0; config < 8; config++) {
		assert_int_equal(with_ste(v, STE0(config) & ~UINT64_C(1), STE1_MEMORY).mode, VIQ_SMMUV3_FAULT);
		assert_fault(v, 1, VIQ_SMMUV3_EVT_C_BAD_STE, 0);
	}
	for (unsigned int config = 0; config < 4; config++) /* abort, silently, whatever else it says */
		assert_int_equal(with_ste(v, STE0(config) | S1CDMAX(31), EATS(3) | VIQ_BIT(27)).mode, VIQ_SMMUV3_ABORT);
	assert_int_equal(with_ste(v, STE0(4) | S1CDMAX(31), EATS(3) | VIQ_BIT(27)).mode, VIQ_SMMUV3_BYPASS);
	assert_int_equal(with_ste(v, STE0(5), STE1_MEMORY).mode, VIQ_SMMUV3_STAGE1);
	for (unsigned int config = 6; config < 8; config++) { /* no stage 2 */
		with_ste(v, STE0(config), STE1_MEMORY);
		assert_fault(v, 1, VIQ_SMMUV3_EVT_C_BAD_STE, 0);
	}
	vsmmu_free(v);
}

/* Every bit of words 0 and 1 alone on a good STE: what the host gets is its own bits and nothing else. */
static void each_bit_of_the_ste(void **state)
{
	const uint64_t keep0 = UINT64_C(0xf80fffffffffffc1) | 7 << 1 | 3 << 4;
	const uint64_t keep1 = UINT64_C(0x00000000100000ff);
	struct vsmmu *v = table_new(NULL, VSMMU_STRTAB, linear(4));

	for (unsigned int bit = 0; bit < 64; bit++) {
		const uint64_t dw1 = STE1_MEMORY ^ VIQ_BIT(bit);
		struct viq_smmuv3_stream s = with_ste(v, STE0(5), dw1);

		if (bit == 27 || bit == 29) { /* S1STALLD without stalls, split-stage ATS without stage 2 */
			assert_int_equal(s.mode, VIQ_SMMUV3_FAULT);
			continue;
		}
		assert_int_equal(s.mode, VIQ_SMMUV3_STAGE1);
		assert_int_equal(s.ste[0], STE0(5));
		assert_int_equal(s.ste[1], dw1 & keep1);
	}
	for (unsigned int bit = 4; bit < 64; bit++) {
		const uint64_t dw0 = STE0(5) ^ VIQ_BIT(bit);
		struct viq_smmuv3_stream s = with_ste(v, dw0, STE1_MEMORY);

		if ((bit >= 48 && bit < 52) || bit == 63) {
			/* Beyond OAS (48 bits); 2^16 substreams fit, 2^(1 << 4) is S1CDMax bit 4: 16 <= 20 does too. */
			if (bit == 63)
				assert_int_equal(s.mode, VIQ_SMMUV3_STAGE1);
			else
				assert_int_equal(s.mode, VIQ_SMMUV3_FAULT);
			continue;
		}
		assert_int_equal(s.mode, VIQ_SMMUV3_STAGE1);
		if (bit < 6) /* S1Fmt means nothing with one context descriptor */
			assert_int_equal(s.ste[0] & ~REG(STE_0_S1FMT), STE0(5));
		else
			assert_int_equal(s.ste[0], dw0 & keep0);
	}
	vsmmu_free(v);
}

static void substreams(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr1 = (config.idr1 & ~(31u << 6)) | 8 << 6;
	v = table_new(&config, VSMMU_STRTAB, linear(4));
	for (unsigned int cdmax = 0; cdmax < 32; cdmax++) {
		for (unsigned int fmt = 0; fmt < 4; fmt++) {
			struct viq_smmuv3_stream s = with_ste(v, STE0(5) | S1CDMAX(cdmax) | S1FMT(fmt), STE1_MEMORY);
			unsigned int got = VIQ_GET(REG(STE_0_S1FMT), s.ste[0]);

			assert_int_equal(s.mode, cdmax <= 8 ? VIQ_SMMUV3_STAGE1 : VIQ_SMMUV3_FAULT);
			if (s.mode != VIQ_SMMUV3_STAGE1)
				continue;
			assert_int_equal(VIQ_GET(REG(STE_0_S1CDMAX), s.ste[0]), cdmax);
			if (cdmax)
				assert_true(got == fmt || (fmt == 3 && !got)); /* 3 acts as 0 */
		}
	}
	vsmmu_free(v);
}

static void two_level_cds_need_cd2l(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr0 &= ~(uint32_t)REG(IDR0_CD2L);
	v = table_new(&config, VSMMU_STRTAB, linear(4));
	for (unsigned int fmt = 0; fmt < 4; fmt++) {
		unsigned int mode = fmt == 1 || fmt == 2 ? VIQ_SMMUV3_FAULT : VIQ_SMMUV3_STAGE1;

		assert_int_equal(with_ste(v, STE0(5) | S1CDMAX(4) | S1FMT(fmt), STE1_MEMORY).mode, mode);
		assert_int_equal(with_ste(v, STE0(5) | S1FMT(fmt), STE1_MEMORY).mode, VIQ_SMMUV3_STAGE1);
	}
	vsmmu_free(v);
}

/* SSIDSIZE = 0: S1CDMax is ignored, so a host with substreams must not see it. */
static void no_substreams(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr1 &= ~(31u << 6);
	v = table_new(&config, VSMMU_STRTAB, linear(4));
	for (unsigned int cdmax = 0; cdmax < 32; cdmax++) {
		struct viq_smmuv3_stream s = with_ste(v, STE0(5) | S1CDMAX(cdmax) | S1FMT(2), STE1_MEMORY);

		assert_int_equal(s.mode, VIQ_SMMUV3_STAGE1);
		assert_int_equal(VIQ_GET(REG(STE_0_S1CDMAX), s.ste[0]), 0);
	}
	vsmmu_free(v);
}

static void ats(void **state)
{
	struct vsmmu *v = table_new(NULL, VSMMU_STRTAB, linear(4));
	struct viq_smmuv3_config config;

	assert_int_equal(with_ste(v, STE0(5), STE1_MEMORY | EATS(1)).ste[1], STE1_MEMORY | EATS(1));
	assert_int_equal(with_ste(v, STE0(5), STE1_MEMORY | EATS(2)).mode, VIQ_SMMUV3_FAULT);
	/* 3 is reserved without DPT and acts as 0 (5.2), whatever ATSCHK is. */
	assert_int_equal(with_ste(v, STE0(5), STE1_MEMORY | EATS(3)).mode, VIQ_SMMUV3_STAGE1);
	assert_int_equal(get(v, 1).ste[1], STE1_MEMORY);
	/* ATSCHK = 0: split-stage ATS counts as off with both stages (5.2). With one it is ILLEGAL all the same. */
	vsmmu_w32(v, REG(CR0), REG(CR0_SMMUEN));
	assert_int_equal(with_ste(v, STE0(5), STE1_MEMORY | EATS(1)).ste[1], STE1_MEMORY | EATS(1));
	assert_int_equal(with_ste(v, STE0(5), STE1_MEMORY | EATS(2)).mode, VIQ_SMMUV3_FAULT);
	assert_int_equal(with_ste(v, STE0(5), STE1_MEMORY | EATS(3)).ste[1], STE1_MEMORY);
	vsmmu_free(v);
	/* Without IDR0.ATS the field is ignored: a host with ATS must not see it. */
	vsmmu_config(&config);
	config.idr0 &= ~(uint32_t)REG(IDR0_ATS);
	v = table_new(&config, VSMMU_STRTAB, linear(4));
	for (unsigned int eats = 0; eats < 4; eats++) {
		struct viq_smmuv3_stream s = with_ste(v, STE0(5), STE1_MEMORY | EATS(eats));

		assert_int_equal(s.mode, VIQ_SMMUV3_STAGE1);
		assert_int_equal(s.ste[1], STE1_MEMORY);
	}
	vsmmu_free(v);
}

static void context_pointer_beyond_oas(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr5 = (config.idr5 & ~7u) | 2; /* 40 bits */
	v = table_new(&config, VSMMU_STRTAB, linear(4));
	assert_int_equal(with_ste(v, STE0(5) | VIQ_BIT(39), STE1_MEMORY).mode, VIQ_SMMUV3_STAGE1);
	assert_int_equal(with_ste(v, STE0(5) | VIQ_BIT(40), STE1_MEMORY).mode, VIQ_SMMUV3_FAULT);
	assert_int_equal(with_ste(v, STE0(4) | VIQ_BIT(40), STE1_MEMORY).mode, VIQ_SMMUV3_BYPASS);
	vsmmu_free(v);
}

static void misuse(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	struct viq_smmuv3_stream s = {.size = sizeof(s) - 1, .mode = 77};

	assert_int_equal(viq_smmuv3_stream_config(v->smmu, 0, &s), -EINVAL);
	assert_int_equal(s.mode, 77);
	assert_int_equal(viq_smmuv3_stream_config(v->smmu, 0, NULL), -EINVAL);
	s.size = sizeof(s);
	assert_int_equal(viq_smmuv3_stream_config(NULL, 0, &s), -EINVAL);
	vsmmu_free(v);
}

/* Any registers, any table contents: an answer within the rules, and nothing changes. */
static void random_tables(void **state)
{
	uint64_t seed = test_seed();
	struct vsmmu *v = vsmmu_new(NULL);
	unsigned int seen[8] = {0}; /* by mode */

	for (unsigned int i = 0; i < 30000; i++) {
		uint32_t sid = (uint32_t)test_random(&seed) >> test_below(&seed, 32);

		if (!(i % 64)) {
			enable(v, false);
			/* A random base leads out of memory: half of the time the table is what is written below. */
			vsmmu_w64(v, REG(STRTAB_BASE),
				  VSMMU_STRTAB ^ (test_below(&seed, 2) ? test_random(&seed) & test_random(&seed) : 0));
			vsmmu_w32(v, REG(STRTAB_BASE_CFG),
				  test_below(&seed, 2) ? (uint32_t)test_random(&seed) : linear(test_below(&seed, 8)));
			enable(v, test_below(&seed, 8));
		}
		vsmmu_poke64(v, VSMMU_STRTAB + 8 * test_below(&seed, 1024), test_random(&seed));
		/* Of random words hardly one is legal: now and then one that may be, with a few bits more. */
		if (!test_below(&seed, 4))
			put_ste(v, VSMMU_STRTAB + 64 * (sid % 128),
				STE0(4 + test_below(&seed, 4)) | (test_below(&seed, 4) ? 0 : test_random(&seed)),
				STE1_MEMORY | EATS(test_below(&seed, 4)));
		seen[get(v, sid).mode % 8]++;
	}
	assert_true(seen[VIQ_SMMUV3_ABORT] > 100 && seen[VIQ_SMMUV3_BYPASS] > 100 && seen[VIQ_SMMUV3_FAULT] > 100 &&
		    seen[VIQ_SMMUV3_STAGE1] > 20);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gbpa_rules_while_disabled),
		cmocka_unit_test(linear_table),
		cmocka_unit_test(linear_base_is_aligned),
		cmocka_unit_test(bad_streamid_is_silent_without_recinvsid),
		cmocka_unit_test(sidsize_caps_log2size),
		cmocka_unit_test(reserved_formats_are_linear),
		cmocka_unit_test(two_level_table),
		cmocka_unit_test(reserved_splits),
		cmocka_unit_test(two_level_alignment),
		cmocka_unit_test(fetch_faults),
		cmocka_unit_test(tables_beyond_oas),
		cmocka_unit_test(configs),
		cmocka_unit_test(each_bit_of_the_ste),
		cmocka_unit_test(substreams),
		cmocka_unit_test(two_level_cds_need_cd2l),
		cmocka_unit_test(no_substreams),
		cmocka_unit_test(ats),
		cmocka_unit_test(context_pointer_beyond_oas),
		cmocka_unit_test(misuse),
		cmocka_unit_test(random_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
