/* SPDX-License-Identifier: MIT */
/*
 * The command table (IHI 0070 chapter 4): names, which bits and values are legal under which ID registers, which bits
 * nothing looks at, and the text. Words are written by hand from the figures of the sections named.
 */
#include <stdlib.h>
#include <string.h>

#include "spec/smmuv3/command.h"
#include "spec/smmuv3/text.h"
#include "support/vsmmu.h"

/* A plain bit is legal whatever else is set, an illegal one never; the others may mean something together only. */
static void each_bit_alone(const struct smmuv3_rule *rule, uint8_t op, const uint64_t legal[2], const uint64_t plain[2])
{
	for (unsigned int bit = 8; bit < 128; bit++) {
		const uint64_t only = UINT64_C(1) << bit % 64;
		uint64_t cmd[2] = {op, 0};

		cmd[bit / 64] |= only;
		if (plain[bit / 64] & only)
			assert_true(smmuv3_command_legal(rule, cmd, FEATURES_ALL));
		else if (!(legal[bit / 64] & only))
			assert_false(smmuv3_command_legal(rule, cmd, FEATURES_ALL));
	}
	assert_true(smmuv3_command_legal(rule, (uint64_t[]){op, 0}, FEATURES_ALL));
}

/* 4.4.1.1, 4.5.1, 4.5.2, 4.7.3 */
static void values_that_are_illegal(void **state)
{
	static const struct {
		uint64_t cmd[2];
		bool legal;
	} expected[] = {
		{{0x12, 0x400}, false},
		{{0x12 | 1 << 12, 0x400}, true},
		{{0x13 | 1 << 20, 0x400}, true},
		{{0x13, 0x700}, true},
		{{0x12, 0x300}, false},
		{{0x12 | 1 << 12, 0}, false},
		{{0x12, 0x900}, true}, /* with DS */
		{{0x40, 52}, true},
		{{0x40, 53}, false},
		{{0x40, 63}, false},
		{{0x41, 2 << 12}, true},
		{{0x41, 3 << 12}, false},
		{{0x46 | 2 << 12, 0}, true},
		{{0x46 | 3 << 12, 0}, false},
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const uint64_t *cmd = expected[i].cmd;
		struct smmuv3_rule rule;

		smmuv3_rule_init(&rule, (uint8_t)cmd[0], FEATURES_ALL);
		assert_int_equal(smmuv3_command_legal(&rule, cmd, FEATURES_ALL), expected[i].legal);
	}
	/* Without DS 16K tables have no leaves at level 1: TTL is 0 then, and TG alone is reserved; with a range it is
	 * not. */
	assert_null(smmuv3_command_conflict(SMMUV3_TLBI_ADDRESS, (uint64_t[]){0x12 | 1 << 12, 0x900},
					    FEATURES_ALL & ~FEATURE_BIT(FEATURE_DS)));
	assert_non_null(smmuv3_command_conflict(SMMUV3_TLBI_ADDRESS, (uint64_t[]){0x12, 0x900},
						FEATURES_ALL & ~FEATURE_BIT(FEATURE_DS)));
	assert_null(smmuv3_command_conflict(SMMUV3_TLBI_ADDRESS, (uint64_t[]){0x12, 0x900}, FEATURES_ALL));
}

/* Every bit that the figures of 4.2 to 4.7 define, for the Non-secure queue: SSec and TTL128 are never legal. */
static void bits_of_each_command(void **state)
{
	static const struct {
		uint8_t op;
		uint64_t legal[2];
		uint64_t plain[2];
	} expected[] = {
		{0x01, {UINT64_C(0xfffffffffffff8ff), 0}, {UINT64_C(0xfffffffffffff800), 0}},
		{0x02,
		 {UINT64_C(0xfffffffffffff8ff), UINT64_C(0xfffffffffffff3ff)},
		 {UINT64_C(0xfffffffffffff800), UINT64_C(0xfffffffffffff3ff)}},
		{0x03, {UINT64_C(0xffffffff000000ff), 1}, {UINT64_C(0xffffffff00000000), 1}},
		{0x04, {UINT64_C(0xffffffff000000ff), 0x1f}, {UINT64_C(0xffffffff00000000), 0x1f}},
		{0x05, {UINT64_C(0xfffffffffffff0ff), 1}, {UINT64_C(0xfffffffffffff000), 1}}, /* no SSV */
		{0x06, {UINT64_C(0xffffffff000000ff), 0}, {UINT64_C(0xffffffff00000000), 0}},
		{0x07, {UINT64_C(0x0000ffff000000ff), 0}, {UINT64_C(0x0000ffff00000000), 0}},
		{0x10, {UINT64_C(0x0000ffff000000ff), 0}, {UINT64_C(0x0000ffff00000000), 0}},
		{0x11, {UINT64_C(0xffffffff000000ff), 0}, {UINT64_C(0xffffffff00000000), 0}},
		/* NUM, SCALE, TTL and TG are looked at together (4.4.1.1), so they are not plain. */
		{0x12,
		 {UINT64_C(0xffffffff03f1f0ff), UINT64_C(0xffffffffffffff01)},
		 {UINT64_C(0xffffffff00000000), UINT64_C(0xfffffffffffff001)}},
		{0x13,
		 {UINT64_C(0x0000ffff03f1f0ff), UINT64_C(0xffffffffffffff01)},
		 {UINT64_C(0x0000ffff00000000), UINT64_C(0xfffffffffffff001)}},
		{0x20, {0xff, 0}, {0, 0}},
		{0x21, {UINT64_C(0xffff0000000000ff), 0}, {UINT64_C(0xffff000000000000), 0}},
		{0x22,
		 {UINT64_C(0xffff000003f1f0ff), UINT64_C(0xffffffffffffff01)},
		 {UINT64_C(0xffff000000000000), UINT64_C(0xfffffffffffff001)}},
		{0x23, {UINT64_C(0x0000000003f1f0ff), UINT64_C(0xffffffffffffff01)}, {0, UINT64_C(0xfffffffffffff001)}},
		{0x28, {UINT64_C(0x0000ffff000000ff), 0}, {UINT64_C(0x0000ffff00000000), 0}},
		{0x2a,
		 {UINT64_C(0x0000ffff03f1f0ff), UINT64_C(0x000fffffffffff01)},
		 {UINT64_C(0x0000ffff00000000), UINT64_C(0x000ffffffffff001)}},
		{0x30, {0xff, 0}, {0, 0}},
		{0x40,
		 {UINT64_C(0xfffffffffffffaff), UINT64_C(0xfffffffffffff03f)},
		 {UINT64_C(0xfffffffffffffa00), UINT64_C(0xfffffffffffff000)}},
		{0x41, {UINT64_C(0xfffffffffffff8ff), 0x31ff}, {UINT64_C(0xfffffffffffff800), 0x01ff}},
		{0x44, {UINT64_C(0xffffffff000030ff), 0xffff}, {UINT64_C(0xffffffff00003000), 0xffff}},
		{0x45, {UINT64_C(0xffffffff000000ff), 0}, {UINT64_C(0xffffffff00000000), 0}},
		{0x46,
		 {UINT64_C(0xffffffff0fc030ff), UINT64_C(0x000ffffffffffffc)},
		 {UINT64_C(0xffffffff0fc00000), UINT64_C(0x000ffffffffffffc)}},
		{0x70, {0xff, 0}, {0, 0}},
		{0x73, {0xff, 0}, {0, 0}},
	};
	size_t known = 0;

	for (unsigned int op = 0; op < 256; op++) {
		struct smmuv3_rule rule;

		smmuv3_rule_init(&rule, (uint8_t)op, FEATURES_ALL);
		if (known == sizeof(expected) / sizeof(expected[0]) || expected[known].op != op) {
			assert_false(rule.exists);
			continue;
		}
		assert_true(rule.exists);
		for (unsigned int word = 0; word < 2; word++) {
			assert_int_equal(rule.illegal[word], ~expected[known].legal[word]);
			assert_int_equal(rule.keep[word], expected[known].legal[word]);
			/* The opcode has chosen the rule. */
			assert_int_equal(rule.look[word], ~expected[known].plain[word] & ~(word ? 0u : UINT64_C(0xff)));
		}
		each_bit_alone(&rule, (uint8_t)op, expected[known].legal, expected[known].plain);
		known++;
	}
	assert_int_equal(known, sizeof(expected) / sizeof(expected[0]));
}

/* Each feature takes away its own bits: legal ones become illegal, or are cleared where they are IGNORED. */
static void bits_without_a_feature(void **state)
{
	static const struct {
		enum smmuv3_feature without;
		uint8_t op;
		uint64_t illegal[2], cleared[2]; /* beside those that always are */
	} expected[] = {
		{FEATURE_RIL, 0x12, {0x01f1f000, 0x0f00}, {0, 0}},
		{FEATURE_DS, 0x12, {0x02000000, 0}, {0, 0}},
		{FEATURE_S2P, 0x12, {0, 0}, {UINT64_C(0x0000ffff00000000), 0}},
		{FEATURE_ASID16, 0x11, {0, 0}, {UINT64_C(0xff00000000000000), 0}},
		{FEATURE_SSID, 0x05, {0, 0}, {0xfffff000, 0}},
		{FEATURE_SSID, 0x40, {0, 0}, {0xfffffa00, 0}},
		{FEATURE_STRIDE, 0x02, {0, 0x03e0}, {0, 0}},
	};
	static const struct {
		enum smmuv3_feature without;
		uint8_t op;
	} gone[] = {
		{FEATURE_S1P, 0x05},  {FEATURE_S1P, 0x10},   {FEATURE_HYP, 0x20}, {FEATURE_S2P, 0x28},
		{FEATURE_S2P, 0x2a},  {FEATURE_ATS, 0x40},   {FEATURE_PRI, 0x41}, {FEATURE_STALL, 0x44},
		{FEATURE_MPAM, 0x07}, {FEATURE_STALL, 0x45}, {FEATURE_DPT, 0x70},
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct smmuv3_rule all, rule;

		smmuv3_rule_init(&all, expected[i].op, FEATURES_ALL);
		smmuv3_rule_init(&rule, expected[i].op, FEATURES_ALL & ~FEATURE_BIT(expected[i].without));
		for (unsigned int word = 0; word < 2; word++) {
			uint64_t lost = expected[i].illegal[word] | expected[i].cleared[word];

			assert_int_equal(rule.illegal[word] ^ all.illegal[word], expected[i].illegal[word]);
			assert_int_equal(rule.keep[word] ^ all.keep[word], lost);
			assert_int_equal(rule.look[word], all.look[word] | lost);
		}
	}
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		struct smmuv3_rule rule;

		smmuv3_rule_init(&rule, gone[i].op, FEATURES_ALL & ~FEATURE_BIT(gone[i].without));
		assert_false(rule.exists);
	}
}

static void text_in_full(void **state)
{
	static const struct {
		uint64_t cmd[2];
		uint32_t without;
		const char *text;
	} expected[] = {
		/* Linux's 16 pages at 0x10000000 of ASID 5. */
		{{UINT64_C(0x0005000000400012), UINT64_C(0x0000000010000701)},
		 0,
		 "TLBI_NH_VA ASID=0x5 VA=0x10000000 Leaf=0x1 TTL=0x3 TG=0x1 SCALE=0x4 [16 x 4K]"},
		{{UINT64_C(0x0005000000900012), UINT64_C(0x0000000040000601)},
		 0,
		 "TLBI_NH_VA ASID=0x5 VA=0x40000000 Leaf=0x1 TTL=0x2 TG=0x1 SCALE=0x9 [512 x 4K]"},
		{{UINT64_C(0x0000000000002013), UINT64_C(0xffff000000010c00)},
		 0,
		 "TLBI_NH_VAA VA=0xffff000000010000 TG=0x3 NUM=0x2 [3 x 64K]"},
		/* SCALE above 39 is 39 (4.4.1.1). */
		{{UINT64_C(0x0000000003f1f013), UINT64_C(0x0000000000000800)},
		 0,
		 "TLBI_NH_VAA VA=0x0 TG=0x2 NUM=0x1f SCALE=0x1f SCALE[5]=0x1 [17592186044416 x 16K]"},
		{{UINT64_C(0x1234000000000011), 0}, 0, "TLBI_NH_ASID ASID=0x1234"},
		{{UINT64_C(0x1234000000000011), 0},
		 FEATURE_BIT(FEATURE_ASID16),
		 "TLBI_NH_ASID ASID=0x34 ASID[15:8]=0x12(ignored)"},
		/* CMD_SYNC with an MSI to its own entry, as FreeBSD and Linux poll, and without one. */
		{{UINT64_C(0x000000000fc01046), UINT64_C(0x0000000040100040)},
		 0,
		 "SYNC CS=0x1 MSH=0x3 MSIAttr=0xf MSIAddr=0x40100040"},
		{{UINT64_C(0x000000000fc02046), 0}, 0, "SYNC CS=0x2 MSH=0x3 MSIAttr=0xf"},
		{{UINT64_C(0x0000000700000004), 31}, 0, "CFGI_ALL SID=0x7 Range=0x1f"},
		{{UINT64_C(0x0000000700000040), 53},
		 0,
		 "ATC_INV SID=0x7 SSID=0x0 Size=0x35 Addr=0x0 !(Size is above 52)"},
		{{UINT64_C(0x0000000000000030), UINT64_C(0x8000000000000001)},
		 0,
		 "TLBI_NSNH_ALL !dw1[0]=1(RES0) !dw1[63]=1(RES0)"},
		{{UINT64_C(0x0000000000000012), 0x400},
		 0,
		 "TLBI_NH_VA ASID=0x0 VA=0x0 TG=0x1 !(TG with NUM = SCALE = TTL = 0 is reserved)"},
		{{UINT64_C(0x0000000000000012), 0x300},
		 0,
		 "TLBI_NH_VA ASID=0x0 VA=0x0 TTL=0x3 !(NUM, SCALE and TTL are RES0 with TG = 0)"},
		{{UINT64_C(0x0000000000000012), 0x500},
		 FEATURE_BIT(FEATURE_RIL),
		 "TLBI_NH_VA ASID=0x0 VA=0x0 !TTL=0x1(RES0 here) !TG=0x1(RES0 here) [1 x 4K]"},
		{{UINT64_C(0x0000000000000020), 0}, FEATURE_BIT(FEATURE_HYP), "!TLBI_EL2_ALL"},
		{{UINT64_C(0x00000000000000ff), 2},
		 0,
		 "!reserved opcode 0xff dw0=0x00000000000000ff dw1=0x0000000000000002"},
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		char text[512];

		smmuv3_command_text(expected[i].cmd, FEATURES_ALL & ~expected[i].without, text, sizeof(text));
		assert_string_equal(text, expected[i].text);
	}
}

/* A configuration without stage 1 makes no sense here, but the check must still know the rule. */
static void commands_of_stage_1_need_it(void **state)
{
	static const unsigned int ops[] = {0x05, 0x06, 0x10, 0x11, 0x12, 0x13};
	struct viq_smmuv3_config config;

	vsmmu_config(&config);
	config.idr0 &= ~(uint32_t)REG(IDR0_S1P);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		const uint64_t cmd[2] = {ops[i], 0};

		assert_int_equal(viq_smmuv3_command_check(cmd, &config), VIQ_SMMUV3_CERROR_ILL);
	}
	assert_int_equal(viq_smmuv3_command_check(NULL, &config), VIQ_SMMUV3_CERROR_ILL);
}

static void names(void **state)
{
	static const struct {
		uint64_t cmd[2];
		const char *name;
	} expected[] = {
		{{0x01, 0}, "PREFETCH_CONFIG"}, {{0x02, 0}, "PREFETCH_ADDR"},   {{0x03, 0}, "CFGI_STE"},
		{{0x04, 31}, "CFGI_ALL"},       {{0x04, 30}, "CFGI_STE_RANGE"}, {{0x05, 0}, "CFGI_CD"},
		{{0x06, 0}, "CFGI_CD_ALL"},     {{0x10, 0}, "TLBI_NH_ALL"},     {{0x11, 0}, "TLBI_NH_ASID"},
		{{0x12, 0}, "TLBI_NH_VA"},      {{0x13, 0}, "TLBI_NH_VAA"},     {{0x30, 0}, "TLBI_NSNH_ALL"},
		{{0x40, 0}, "ATC_INV"},
	};
	const uint64_t sync[2] = {0x46, 0};
	static const uint8_t reserved[] = {0x00, 0x08, 0x0f, 0x47, 0x80, 0x8f, 0xff};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_string_equal(viq_smmuv3_command_name(expected[i].cmd), expected[i].name);
	assert_non_null(strstr(viq_smmuv3_command_name(sync), "SYNC"));
	for (size_t i = 0; i < sizeof(reserved); i++) {
		const uint64_t cmd[2] = {reserved[i], 0};

		assert_null(viq_smmuv3_command_name(cmd));
	}
	assert_string_equal(viq_smmuv3_cerror_name(1), "CERROR_ILL");
	assert_string_equal(viq_smmuv3_cerror_name(2), "CERROR_ABT");
	assert_string_equal(viq_smmuv3_cerror_name(3), "CERROR_ATC_INV_SYNC");
	assert_null(viq_smmuv3_cerror_name(4));
	assert_null(viq_smmuv3_cerror_name(UINT32_MAX));
	assert_string_equal(viq_smmuv3_event_name(4), "C_BAD_STE");
	assert_null(viq_smmuv3_event_name(0));
	assert_null(viq_smmuv3_event_name(UINT32_MAX));
}

/* The text marks with '!' exactly what the queue refuses; it is always terminated and says how long it is. */
static void text_marks_illegal_commands(void **state)
{
	uint64_t seed = test_seed();
	struct viq_smmuv3_config config;

	vsmmu_config(&config);
	for (unsigned int n = 0; n < 20000; n++) {
		uint64_t cmd[2] = {test_random(&seed) & test_random(&seed) & test_random(&seed),
				   test_random(&seed) & test_random(&seed) & test_random(&seed)};
		char text[1024], cut[16];
		int len, again;

		if (n < 512)
			cmd[0] = n & 0xff;
		len = viq_smmuv3_command_text(cmd, &config, text, sizeof(text));
		assert_true(len > 0 && (size_t)len < sizeof(text));
		assert_int_equal(strlen(text), len);
		if (!!strchr(text, '!') != (refcmd_check(cmd, &config) == VIQ_SMMUV3_CERROR_ILL))
			fail_msg("%#llx %#llx is '%s'", (unsigned long long)cmd[0], (unsigned long long)cmd[1], text);
		memset(cut, 0x55, sizeof(cut));
		again = viq_smmuv3_command_text(cmd, &config, cut, sizeof(cut));
		assert_int_equal(again, len);
		assert_int_equal(strlen(cut), (size_t)len < sizeof(cut) ? (size_t)len : sizeof(cut) - 1);
		assert_int_equal(viq_smmuv3_command_text(cmd, NULL, NULL, 0) > 0, 1);
	}
}

/* What a range comes to (4.4.1.1): (NUM + 1) * 2^SCALE granules. */
static void text_of_ranges(void **state)
{
	static const struct {
		unsigned int num, scale, tg;
		const char *text;
	} cases[] = {
		{0, 1, 1, " [2 x 4K]"},
		{2, 0, 1, " [3 x 4K]"},
		{2, 3, 2, " [24 x 16K]"},
		{31, 1, 3, " [64 x 64K]"},
		{31, 31, 1, " [68719476736 x 4K]"},
	};
	char text[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const uint64_t cmd[2] = {VIQ_SMMUV3_OP_TLBI_NH_VA | VIQ_PUT(VIQ_SMMUV3_TLBI_NUM, cases[i].num) |
						 VIQ_PUT(VIQ_SMMUV3_TLBI_SCALE, cases[i].scale),
					 VIQ_PUT(VIQ_SMMUV3_TLBI_1_TG, cases[i].tg) | 0x40000000};

		assert_true(viq_smmuv3_command_text(cmd, NULL, text, sizeof(text)) > 0);
		if (!strstr(text, cases[i].text))
			fail_msg("'%s' does not say '%s'", text, cases[i].text);
	}
	/* Without TG it is one address, whatever NUM and SCALE are. */
	assert_true(viq_smmuv3_command_text((uint64_t[2]){VIQ_SMMUV3_OP_TLBI_NH_VA, 0x1000}, NULL, text, sizeof(text)) >
		    0);
	assert_null(strchr(text, '['));
}

/* IDR0 to IDR5 and AIDR (6.3.1 to 6.3.8): each bit alone, and what is there then. */
static void features_of_each_bit(void **state)
{
	static const struct {
		unsigned int reg, low, high;
		enum smmuv3_feature feature;
	} rows[] = {
		{0, 0, 0, FEATURE_S2P},   {0, 1, 1, FEATURE_S1P},      {0, 9, 9, FEATURE_HYP},
		{0, 10, 10, FEATURE_ATS}, {0, 12, 12, FEATURE_ASID16}, {0, 16, 16, FEATURE_PRI},
		{1, 6, 10, FEATURE_SSID}, {2, 7, 7, FEATURE_MPAM},     {2, 10, 10, FEATURE_RIL},
		{2, 15, 15, FEATURE_DPT}, {3, 7, 7, FEATURE_DS},       {4, 0, 7, FEATURE_STRIDE},
	};

	for (unsigned int bit = 0; bit < 5 * 32; bit++) {
		/* STALL_MODEL is 1 where stalls are not supported, in any other row. */
		uint32_t regs[5] = {1 << 24}, expected = FEATURE_BIT(FEATURE_ALWAYS);
		struct smmuv3_features f;

		if (bit == 24 || bit == 25)
			continue;
		regs[bit / 32] |= UINT32_C(1) << bit % 32;
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			if (rows[i].reg == bit / 32 && rows[i].low <= bit % 32 && bit % 32 <= rows[i].high)
				expected |= FEATURE_BIT(rows[i].feature);
		smmuv3_features_init(&f, regs[0], regs[1], regs[2], regs[3], regs[4]);
		assert_int_equal(f.bits, expected);
	}
	for (uint32_t model = 0; model < 3; model++) {
		struct smmuv3_features f;

		smmuv3_features_init(&f, model << 24, 0, 0, 0, 0);
		assert_int_equal(!(f.bits & FEATURE_BIT(FEATURE_STALL)), model == 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(features_of_each_bit),
		cmocka_unit_test(bits_of_each_command),
		cmocka_unit_test(values_that_are_illegal),
		cmocka_unit_test(bits_without_a_feature),
		cmocka_unit_test(text_in_full),
		cmocka_unit_test(commands_of_stage_1_need_it),
		cmocka_unit_test(names),
		cmocka_unit_test(text_marks_illegal_commands),
		cmocka_unit_test(text_of_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
