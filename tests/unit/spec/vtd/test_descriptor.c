/* SPDX-License-Identifier: MIT */
/* The addresses that a descriptor names (VT-d 6.5.2.3 to 6.5.2.6), written out once for each form. */

#include "support/test.h"
#include "spec/vtd/descriptor.h"

#define ALL_BYTES 0 /* 2^64 */

static const struct {
	uint64_t desc[4];
	bool named;
	struct vtd_span span;
} cases[] = {
	/* IOTLB: granularity in bits 5:4, 3 is by page; ADDR and AM in the second word. */
	{{0x02 | 3 << 4, 0x12345000}, true, {0x12345000, 0x1000}},
	{{0x02 | 3 << 4, 0x12345000 | 1}, true, {0x12344000, 0x2000}},
	{{0x02 | 3 << 4, 0x12345000 | 9}, true, {0x12200000, 0x200000}},
	{{0x02 | 3 << 4, 0xffffffffff345000 | 63}, true, {0, ALL_BYTES}},
	{{0x02 | 2 << 4, 0x12345000}, false, {0x12345000, 0x1000}},
	{{0x02 | 1 << 4, 0x12345000}, false, {0x12345000, 0x1000}},
	/* PASID-based IOTLB: likewise. */
	{{0x06 | 3 << 4, 0x12345000 | 4}, true, {0x12340000, 0x10000}},
	{{0x06 | 2 << 4, 0}, false, {0, 0x1000}},
	/* Device-TLB: S in bit 0; then the lowest 0 of the address from bit 12 on ends the size. */
	{{0x03, 0x12345000}, true, {0x12345000, 0x1000}},
	{{0x03, 0x12344000 | 1}, true, {0x12344000, 0x2000}},
	{{0x03, 0x12345000 | 1}, true, {0x12344000, 0x4000}},
	{{0x03, 0x7ffffffffffff000 | 1}, true, {0, ALL_BYTES}},
	/* PASID-based device-TLB: S in bit 11. */
	{{0x08, 0x12345000 | 1}, true, {0x12345000, 0x1000}},
	{{0x08, 0x12347000 | 1 << 11}, true, {0x12340000, 0x10000}},
	/* Context-cache, PASID-cache, interrupt-entry cache, wait: no addresses. */
	{{0x01}, false, {0, 0}},
	{{0x07}, false, {0, 0}},
	{{0x04}, false, {0, 0}},
	{{0x05, 0x12345000}, false, {0, 0}},
};

static void each_form(void **state)
{
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vtd_span span = {0};

		assert_int_equal(vtd_descriptor_span(cases[i].desc, &span), cases[i].named);
		if (!cases[i].named)
			continue;
		assert_int_equal(span.addr, cases[i].span.addr);
		assert_int_equal(span.bytes, cases[i].span.bytes);
	}
}

/* CAP and ECAP (11.4.2, 11.4.3): each bit alone, and what is there then. */
static void features_of_each_bit(void **state)
{
	static const struct {
		unsigned int bit; /* from 64 on of ECAP */
		enum vtd_feature feature;
	} rows[] = {
		{39, FEATURE_PSI},      {64 + 2, FEATURE_DT},   {64 + 3, FEATURE_IR},    {64 + 29, FEATURE_PRS},
		{64 + 41, FEATURE_DIT}, {64 + 42, FEATURE_PDS}, {64 + 43, FEATURE_WIDE}, {64 + 52, FEATURE_WIDE},
	};
	const uint64_t smts = UINT64_C(1) << 43, adms = UINT64_C(1) << 52, dt = 1 << 2;

	for (unsigned int bit = 0; bit < 128; bit++) {
		uint64_t regs[2] = {0, 0};
		uint32_t expected = FEATURE_BIT(FEATURE_ALWAYS);

		regs[bit / 64] = UINT64_C(1) << bit % 64;
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			expected |= rows[i].bit == bit ? FEATURE_BIT(rows[i].feature) : 0;
		assert_int_equal(vtd_offer(regs[0], regs[1]).features, expected);
	}
	assert_true(vtd_offer(0, smts | dt).features & FEATURE_BIT(FEATURE_WIDE_DT));
	assert_true(vtd_offer(0, adms | dt).features & FEATURE_BIT(FEATURE_WIDE_DT));
	assert_int_equal(vtd_offer(UINT64_C(0x2a) << 48, 0).mamv, 0x2a);
}

/* 6.5.2.1 to 6.5.2.4: which G each type has, and what page-selective IOTLB invalidation needs of CAP. */
static void granularities(void **state)
{
	static const struct {
		uint8_t type;
		bool legal[4]; /* by G */
	} rows[] = {
		{VIQ_VTD_TYPE_CC, {false, true, true, true}},
		{VIQ_VTD_TYPE_IOTLB, {false, true, true, true}},
		{VIQ_VTD_TYPE_PIOTLB, {false, false, true, true}},
		{VIQ_VTD_TYPE_PC, {true, true, false, true}},
	};
	const struct vtd_offer with = vtd_offer(UINT64_C(1) << 39 | UINT64_C(9) << 48, UINT64_MAX);
	const struct vtd_offer without = vtd_offer(UINT64_C(9) << 48, UINT64_MAX);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool iotlb = rows[i].type == VIQ_VTD_TYPE_IOTLB;
		struct vtd_rule rule;

		for (uint64_t g = 0; g < 4; g++) {
			enum vtd_limits limits;

			vtd_rule_init(&rule, rows[i].type, &with);
			limits = (enum vtd_limits)rule.limits;
			for (uint64_t am = 8; am <= 10; am++) {
				const uint64_t desc[4] = {rows[i].type | g << 4, am};
				bool small = !iotlb || g != 3 || am <= 9;

				assert_int_equal(!vtd_limits_broken(limits, desc, &with), rows[i].legal[g] && small);
				assert_int_equal(!vtd_limits_broken(limits, desc, &without),
						 rows[i].legal[g] && !(iotlb && g == 3));
			}
			assert_int_equal(rule.granularities >> g & 1, rows[i].legal[g]);
			vtd_rule_init(&rule, rows[i].type, &without);
			assert_int_equal(rule.granularities >> g & 1, rows[i].legal[g] && !(iotlb && g == 3));
		}
		assert_int_equal(rule.max_am, iotlb ? 9 : 63);
	}
}

/* Table 26: descriptors with a PASID, and answers to page requests, are for scalable mode. */
static void types_of_each_mode(void **state)
{
	static const uint8_t any[] = {1, 2, 3, 4, 5}, scalable[] = {6, 7, 8, 9};
	const struct vtd_offer offer = vtd_offer(UINT64_MAX, UINT64_MAX), none = vtd_offer(UINT64_MAX, 0);
	struct vtd_rule rules[VTD_TYPES], poor[VTD_TYPES];

	for (unsigned int type = 0; type < VTD_TYPES; type++) {
		vtd_rule_init(&rules[type], (uint8_t)type, &offer);
		vtd_rule_init(&poor[type], (uint8_t)type, &none);
	}
	for (uint64_t type = 0; type < VTD_TYPES; type++) {
		const uint64_t desc[4] = {type | 3 << 4}, beyond[4] = {type | 3 << 4 | 1 << 9};
		bool always = false, wide = false;

		for (size_t i = 0; i < sizeof(any); i++)
			always |= any[i] == type;
		for (size_t i = 0; i < sizeof(scalable); i++)
			wide |= scalable[i] == type;
		/* G = 3 is reserved bits of a type without G, which are looked at after the type. */
		assert_int_equal(vtd_rule_judge(rules, &offer, false, false, desc) == VIQ_VTD_IQEI_TYPE, !always);
		assert_int_equal(vtd_rule_judge(rules, &offer, true, false, desc) == VIQ_VTD_IQEI_TYPE, !always);
		assert_int_equal(vtd_rule_judge(rules, &offer, true, true, desc) == VIQ_VTD_IQEI_TYPE,
				 !always && !wide);
		assert_int_equal(vtd_rule_judge(rules, &offer, true, true, beyond), VIQ_VTD_IQEI_TYPE);
		/* Context-cache, IOTLB and wait descriptors are there whatever ECAP says. */
		assert_int_equal(vtd_rule_judge(poor, &none, true, true, desc) == VIQ_VTD_IQEI_TYPE,
				 type != 1 && type != 2 && type != 5);
	}
}

/* A wide descriptor's upper half is reserved. */
static void the_upper_half(void **state)
{
	const struct vtd_offer offer = vtd_offer(UINT64_MAX, UINT64_MAX);
	struct vtd_rule rules[VTD_TYPES];

	for (unsigned int type = 0; type < VTD_TYPES; type++)
		vtd_rule_init(&rules[type], (uint8_t)type, &offer);
	for (unsigned int word = 2; word < 4; word++) {
		uint64_t desc[4] = {VIQ_VTD_TYPE_CC | 1 << 4};

		desc[word] = UINT64_C(1) << 63;
		assert_int_equal(vtd_rule_judge(rules, &offer, true, true, desc), VIQ_VTD_IQEI_RESERVED);
		assert_int_equal(vtd_rule_check(rules, &offer, true, true, desc), VIQ_VTD_IQEI_RESERVED);
		assert_int_equal(vtd_rule_judge(rules, &offer, false, false, desc), VIQ_VTD_IQEI_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_of_each_bit), cmocka_unit_test(each_form),
		cmocka_unit_test(granularities),        cmocka_unit_test(types_of_each_mode),
		cmocka_unit_test(the_upper_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
