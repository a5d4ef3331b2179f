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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_of_each_bit),
		cmocka_unit_test(each_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
