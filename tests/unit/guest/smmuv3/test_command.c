/* SPDX-License-Identifier: MIT */
/*
 * Every field of every command (IHI 0070 section 4): each of the 128 bits alone on an otherwise legal command, under
 * several sets of ID registers, gives what support/refcmd.c derives from the architecture; the queue, command_check()
 * and what reaches the host agree (P5).
 */
#include <stdlib.h>
#include <string.h>

#include "support/vsmmu.h"

struct variant {
	const char *name;
	uint32_t set0, clear0, set3, clear3, set5, clear5;
	int ssidsize; /* -1: as is */
	int aidr;     /* -1: as is */
};

static const struct variant variants[] = {
	{"all", .ssidsize = -1, .aidr = -1},
	{"no RIL", .clear3 = VIQ_BIT(10), .ssidsize = -1, .aidr = -1},
	{"DS", .set5 = VIQ_BIT(7), .ssidsize = -1, .aidr = -1},
	{"no ATS", .clear0 = VIQ_BIT(10), .ssidsize = -1, .aidr = -1},
	{"no substreams", .ssidsize = 0, .aidr = -1},
	{"no MSI", .clear0 = VIQ_BIT(13), .ssidsize = -1, .aidr = -1},
	{"8-bit ASIDs", .clear0 = VIQ_BIT(12), .ssidsize = -1, .aidr = -1},
	{"both stages", .set0 = VIQ_BIT(0) | VIQ_BIT(18) | VIQ_BIT(11), .set3 = VIQ_BIT(4), .ssidsize = -1, .aidr = -1},
	{"stage 2 alone", .set0 = VIQ_BIT(0), .clear0 = VIQ_BIT(1), .set3 = VIQ_BIT(4), .clear3 = VIQ_BIT(2),
	 .ssidsize = -1, .aidr = -1},
	{"bare", .clear0 = VIQ_BIT(10) | VIQ_BIT(12) | VIQ_BIT(13), .clear3 = VIQ_BIT(10), .ssidsize = 0, .aidr = 0},
};
#define VARIANTS (sizeof(variants) / sizeof(variants[0]))

static void apply(const struct variant *variant, struct viq_smmuv3_config *config)
{
	vsmmu_config(config);
	config->idr0 = (config->idr0 | variant->set0) & ~variant->clear0;
	config->idr3 = (config->idr3 | variant->set3) & ~variant->clear3;
	config->idr5 = (config->idr5 | variant->set5) & ~variant->clear5;
	if (variant->ssidsize >= 0) {
		config->idr1 &= ~(uint32_t)REG(IDR1_SSIDSIZE);
		config->idr1 |= VIQ_PUT(REG(IDR1_SSIDSIZE), variant->ssidsize);
	}
	if (variant->aidr >= 0)
		config->aidr = (uint32_t)variant->aidr;
}

/* Queue [cmd, SYNC], look at what the guest and the host got, repair as Linux does. */
static void try_command(struct vsmmu *v, const char *variant, uint64_t dw0, uint64_t dw1)
{
	const uint64_t cmd[2] = {dw0, dw1};
	unsigned int expected = refcmd_check(cmd, &v->config);
	size_t before = v->host.effect_count;
	uint64_t at = v->prod, out[2];
	bool to_host;

	if (viq_smmuv3_command_check(cmd, &v->config) != expected)
		fail_msg("%s: command_check(%#llx, %#llx) is not %u", variant, (unsigned long long)dw0,
			 (unsigned long long)dw1, expected);
	vsmmu_push(v, dw0, dw1);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	if (vsmmu_cerror(v) != expected)
		fail_msg("%s: the queue answers %u to %#llx %#llx, not %u", variant, vsmmu_cerror(v),
			 (unsigned long long)dw0, (unsigned long long)dw1, expected);
	if (expected != VIQ_SMMUV3_CERROR_NONE) {
		assert_cons(v, at);
		assert_int_equal(v->host.effect_count, before);
		assert_int_equal(vsmmu_linux_gerror(v), expected);
		assert_idle(v);
		return;
	}
	assert_idle(v);
	to_host = refcmd_to_host(cmd, &v->config, v->smmuen, VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS, out);
	if (v->host.effect_count != before + to_host)
		fail_msg("%s: %#llx %#llx made %zu entries in the host, not %d", variant, (unsigned long long)dw0,
			 (unsigned long long)dw1, v->host.effect_count - before, to_host);
	if (to_host) {
		const uint64_t *got = v->host.effects[before].cmd;

		if (got[0] != out[0] || got[1] != out[1])
			fail_msg("%s: %#llx %#llx reached the host as %#llx %#llx, not %#llx %#llx", variant,
				 (unsigned long long)dw0, (unsigned long long)dw1, (unsigned long long)got[0],
				 (unsigned long long)got[1], (unsigned long long)out[0], (unsigned long long)out[1]);
	}
}

static struct vsmmu *new_variant(size_t i)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	apply(&variants[i], &config);
	v = vsmmu_new(&config);
	v->quiet = true;
	vsmmu_boot(v, 8);
	return v;
}

static void each_bit(struct vsmmu *v, const char *variant, uint64_t dw0, uint64_t dw1)
{
	try_command(v, variant, dw0, dw1);
	for (unsigned int bit = 0; bit < 64; bit++) {
		try_command(v, variant, dw0 ^ VIQ_BIT(bit), dw1);
		try_command(v, variant, dw0, dw1 ^ VIQ_BIT(bit));
	}
}

static void each_bit_of_each_opcode(void **state)
{
	for (size_t i = 0; i < VARIANTS; i++) {
		struct vsmmu *v = new_variant(i);

		for (unsigned int op = 0; op < 256; op++)
			each_bit(v, variants[i].name, op, 0);
		vsmmu_free(v);
	}
}

/* The fields of a range only mean something together: start from legal ranges. */
static void each_bit_of_ranges(void **state)
{
	static const uint64_t dw1[] = {0x701, 0x601, 0x501, 0x400, 0xb01, 0xa01, 0x801, 0xf00, 0xe01, 0xc01};

	for (size_t i = 0; i < VARIANTS; i++) {
		struct vsmmu *v = new_variant(i);

		for (size_t j = 0; j < sizeof(dw1) / sizeof(dw1[0]); j++) {
			for (unsigned int op = 0x12; op <= 0x13; op++) {
				each_bit(v, variants[i].name, op | 3 << 12 | 4 << 20, dw1[j]);
				each_bit(v, variants[i].name, op, dw1[j]);
			}
		}
		vsmmu_free(v);
	}
}

/* NUM, SCALE, TTL and TG: all combinations. */
static void every_range_encoding(void **state)
{
	for (size_t i = 0; i < 3; i++) {
		struct vsmmu *v = new_variant(i);

		for (unsigned int tg = 0; tg < 4; tg++) {
			for (unsigned int ttl = 0; ttl < 4; ttl++) {
				for (unsigned int scale = 0; scale < 64; scale++) {
					uint64_t dw1 = (uint64_t)tg << 10 | ttl << 8;

					try_command(v, variants[i].name, 0x12 | (uint64_t)scale << 20, dw1);
					try_command(v, variants[i].name, 0x13 | 1 << 12 | (uint64_t)scale << 20, dw1);
					try_command(v, variants[i].name, 0x12 | 31 << 12 | (uint64_t)scale << 20, dw1);
				}
			}
		}
		vsmmu_free(v);
	}
}

static void legal_extremes_pass(void **state)
{
	static const struct test_cmd legal[] = {
		{{UINT64_C(0xfffffffffffff801), 0}},
		{{UINT64_C(0xfffffffffffff802), UINT64_C(0xfffffffffffff3ff)}},
		{{UINT64_C(0xffffffff00000003), 1}},
		{{UINT64_C(0xffffffff00000004), 31}},
		{{UINT64_C(0xfffffffffffff005), 1}},
		{{UINT64_C(0xffffffff00000006), 0}},
		{{UINT64_C(0x0000ffff00000010), 0}},
		{{UINT64_C(0xffffffff00000011), 0}},
		{{UINT64_C(0xffffffff01f1f012), UINT64_C(0xffffffffffffff01)}},
		{{UINT64_C(0x0000ffff01f1f013), UINT64_C(0xffffffffffffff01)}},
		{{UINT64_C(0x30), 0}},
		{{UINT64_C(0xfffffffffffffa40), UINT64_C(0xfffffffffffff034)}},
		{{UINT64_C(0xffffffff0fc02046), UINT64_C(0x000ffffffffffffc)}},
		{{UINT64_C(0xffffffff0fc00046), UINT64_C(0x000ffffffffffffc)}},
	};
	struct vsmmu *v = new_variant(0);

	for (size_t i = 0; i < sizeof(legal) / sizeof(legal[0]); i++) {
		/* The table of the tests itself is held against this list. */
		assert_int_equal(refcmd_check(legal[i].dw, &v->config), VIQ_SMMUV3_CERROR_NONE);
		try_command(v, "extreme", legal[i].dw[0], legal[i].dw[1]);
	}
	vsmmu_free(v);
}

static void illegal_extremes_do_not(void **state)
{
	static const struct test_cmd illegal[] = {
		{{0x0000000000003046, 0}},           /* CS = 3 */
		{{0x40, 53}},                        /* Size beyond 52 */
		{{0x40, 63}},                        /* largest */
		{{0x12, 0x400}},                     /* TG without NUM, SCALE, TTL */
		{{0x12, 0x900}},                     /* 16K, TTL 1 without DS acts as TTL 0: TG alone */
		{{0x12 | 1 << 12, 0x000}},           /* NUM without TG */
		{{0x12 | 1 << 25, 0x700}},           /* SCALE bit 5 without DS */
		{{0x12, 0x80}},                      /* TTL128 */
		{{UINT64_C(0x0001000000000013), 0}}, /* ASID of NH_VAA */
		{{0x05 | 1 << 11, 0}},               /* SSV of CFGI_CD */
		{{0x03 | 1 << 10, 0}},               /* SSec */
		{{0x00, 0}},
		{{0x07, 0}},
		{{0x18, 0}}, /* reserved, MPAM, EL3 */
		{{0x20, 0}},
		{{0x28, 0}},
		{{0x2a, 0}}, /* EL2, stage 2 */
		{{0x41, 0}},
		{{0x44, 0}},
		{{0x45, 0}}, /* PRI, stall */
		{{0x50, 0}},
		{{0x60, 0}},
		{{0x70, 0}}, /* Secure, DPT */
		{{0x80, 0}},
		{{0x8f, 0}},
		{{0xff, 0}}, /* implementation defined */
	};
	struct vsmmu *v = new_variant(0);

	for (size_t i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
		assert_int_equal(refcmd_check(illegal[i].dw, &v->config), VIQ_SMMUV3_CERROR_ILL);
		try_command(v, "illegal", illegal[i].dw[0], illegal[i].dw[1]);
	}
	vsmmu_free(v);
}

/*
 * 4.4.1.1: TTL = 1 of 16K granules is TTL = 0 without DS. The host may have DS, and would take TTL = 1 for less than
 * the guest meant: it is given 0. Among commands that are alike, too, of which only the first is looked at one by one.
 */
static void a_level_that_does_not_exist_is_none(void **state)
{
	const uint64_t range = UINT64_C(0x0003000000002012);
	const uint64_t ttls[] = {0, 1, 1, 0, 1, 2, 1};
	struct vsmmu *v = new_variant(0);
	struct viq_smmuv3_config config;

	vsmmu_boot(v, 4);
	for (size_t i = 0; i < sizeof(ttls) / sizeof(ttls[0]); i++)
		vsmmu_push(v, range, 0x40000800 | ttls[i] << 8);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(v->host.effect_count, sizeof(ttls) / sizeof(ttls[0]));
	for (size_t i = 0; i < v->host.effect_count; i++) {
		assert_int_equal(v->host.effects[i].cmd[0], range);
		assert_int_equal(v->host.effects[i].cmd[1], ttls[i] == 2 ? 0x40000a00 : 0x40000800);
	}
	vsmmu_free(v);
	vsmmu_config(&config);
	config.idr5 |= REG(IDR5_DS);
	v = vsmmu_new(&config);
	vsmmu_boot(v, 4);
	vsmmu_push(v, range, 0x40000900);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(v->host.effects[0].cmd[1], 0x40000900);
	vsmmu_free(v);
}

static void atc_sizes(void **state)
{
	struct vsmmu *v = new_variant(0);

	for (unsigned int size = 0; size < 64; size++)
		try_command(v, "size", 0x40, UINT64_C(0x123456789000) | size);
	vsmmu_free(v);
}

/* Random words with a few bits set, on a known opcode: combinations that no table row thought of. */
static void random_commands_agree(void **state)
{
	uint64_t seed = test_seed();

	for (size_t i = 0; i < VARIANTS; i++) {
		struct vsmmu *v = new_variant(i);

		for (unsigned int n = 0; n < 3000; n++) {
			static const uint8_t ops[] = {1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13, 0x30, 0x40, 0x46};
			uint64_t dw0 = test_random(&seed) & test_random(&seed) & test_random(&seed) & ~UINT64_C(0xff);
			uint64_t dw1 = test_random(&seed) & test_random(&seed) & test_random(&seed);

			if (test_below(&seed, 2))
				dw1 &= ~UINT64_C(0xfff);
			try_command(v, variants[i].name, dw0 | ops[test_below(&seed, sizeof(ops))], dw1);
		}
		vsmmu_free(v);
	}
}

/* One of a long row of commands that are nearly alike: what the queue may take together. */
static void nearly_alike(uint64_t *seed, uint64_t cmd[2], bool wild)
{
	/* NUM, SCALE; TTL, TG and a bit that exists with no command of these (4.4.1.1). */
	if (test_below(seed, 2))
		cmd[0] ^= test_random(seed) & UINT64_C(0x01f1f000);
	if (!test_below(seed, 40))
		cmd[0] &= ~UINT64_C(0x03f1f000);
	if (!test_below(seed, 40))
		cmd[1] ^= VIQ_BIT(8 + test_below(seed, 4));
	if (!test_below(seed, 200))
		cmd[1] ^= VIQ_BIT(test_below(seed, 64));
	cmd[1] ^= (uint64_t)test_below(seed, 1000) << 12;
	if (!wild)
		return;
	if (!test_below(seed, 40))
		cmd[0] ^= VIQ_BIT(25);
	if (!test_below(seed, 10))
		cmd[0] ^= 1; /* 0x12 and 0x13 */
}

/* Long rows behind one doorbell: the queue stops at the first command that is illegal, and the host got all before it.
 */
static void long_rows_agree(void **state)
{
	uint64_t seed = test_seed();
	size_t whole = 0, stopped = 0;

	for (unsigned int round = 0; round < 400; round++) {
		struct vsmmu *v = new_variant(test_below(&seed, 3));
		uint64_t base[2] = {0x12, 1}, at = v->prod, end = 0;
		uint64_t row[200][2], expected[200][2];

		if (test_below(&seed, 8)) {
			base[0] |= 3 << 12;
			base[1] |= (uint64_t)(1 + test_below(&seed, 3)) << 10 | (uint64_t)test_below(&seed, 4) << 8;
		}
		for (unsigned int i = 0; i < 200; i++) {
			memcpy(row[i], base, sizeof(base));
			/* The first ones are alike. */
			if (round % 3 && i > 70)
				nearly_alike(&seed, row[i], round % 2);
			if (end == i && refcmd_check(row[i], &v->config) == VIQ_SMMUV3_CERROR_NONE)
				end += refcmd_to_host(row[i], &v->config, true, 0, expected[i]);
			vsmmu_push(v, row[i][0], row[i][1]);
		}
		vsmmu_ring(v);
		if (v->host.effect_count != end)
			fail_msg("%zu commands took effect, not %u", v->host.effect_count, (unsigned int)end);
		for (unsigned int i = 0; i < end; i++)
			assert_memory_equal(v->host.effects[i].cmd, expected[i], sizeof(expected[i]));
		assert_cons(v, at + end);
		assert_int_equal(vsmmu_cerror(v), end < 200 ? VIQ_SMMUV3_CERROR_ILL : VIQ_SMMUV3_CERROR_NONE);
		whole += end == 200;
		stopped += end < 200 && end > 70;
		vsmmu_free(v);
	}
	print_message("%zu rows went through, %zu ended in the middle\n", whole, stopped);
	assert_true(whole > 50 && stopped > 100);
}

/* CS = IRQ with an address writes there: keep single-bit addresses out of the guest's RAM and see them in the hook. */
static void sync_fields_are_not_checked_without_meaning(void **state)
{
	struct vsmmu *v = new_variant(5);

	/* No MSI: every MSI field is ignored, also with CS = 1. */
	try_command(v, "no MSI", UINT64_C(0xffffffff0fc01046), UINT64_C(0x000ffffffffffffc));
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), 0);
	vsmmu_free(v);
}

static void no_effect_on_streams_out_of_range(void **state)
{
	static const struct test_cmd cmds[] = {
		{{UINT64_C(0x0001000000000005), 1}}, {{UINT64_C(0x0001000000000006), 0}},
		{{UINT64_C(0x0001000000000040), 0}}, {{UINT64_C(0xffffffff00000040), 0}},
		{{UINT64_C(0x0000000000100005), 1}}, /* SSID 256 of 8 bits */
		{{UINT64_C(0x0000000000100840), 1}},
	};
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr1 = (config.idr1 & ~0x7ffu) | 16 | 8 << 6;
	v = vsmmu_new(&config);
	vsmmu_boot(v, 8);
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		try_command(v, "range", cmds[i].dw[0], cmds[i].dw[1]);
	assert_int_equal(v->host.effect_count, 0);
	vsmmu_free(v);
}

/* 4.5: ATC_INV is ignored while SMMUEN = 0, yet checked; all other commands work. */
static void smmuen_off(void **state)
{
	struct vsmmu *v = new_variant(0);

	vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN) | REG(CR0_EVENTQEN));
	v->smmuen = false;
	try_command(v, "SMMUEN = 0", 0x40, 0);
	try_command(v, "SMMUEN = 0", 0x40, 53);
	try_command(v, "SMMUEN = 0", 0x12, 0x1000);
	try_command(v, "SMMUEN = 0", 0x05, 1);
	try_command(v, "SMMUEN = 0", 0x01, 0);
	vsmmu_free(v);
}

static uint32_t knows_nine(struct test_host *host, uint32_t sid)
{
	if (sid == 9)
		return VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
	return sid == 8 ? VIQ_CALL_STREAM_KNOWN : 0;
}

/* P5: a stream without a device behind it is the guest's own business. */
static void commands_for_unknown_streams_are_consumed(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	size_t traced = 0;

	v->host.stream = knows_nine;
	vsmmu_boot(v, 8);
	for (uint32_t sid = 7; sid <= 9; sid++) {
		vsmmu_push_test(v, cmd_cfgi_cd(sid, 1));
		vsmmu_push_test(v, cmd_cfgi_cd_all(sid));
		vsmmu_push_test(v, cmd_atc(sid, 0x1000, 0));
	}
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(v->host.effect_count, 5); /* 9: all three; 8: no ATC */
	for (size_t i = 0; i < v->log_count; i++)
		traced += v->log[i].kind == LOG_TRACE && v->log[i].a == VIQ_SMMUV3_FATE_NO_STREAM;
	assert_int_equal(traced, 4);
	assert_int_equal(smmuv3_counters(v->smmu).no_stream, 4);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_of_each_opcode),
		cmocka_unit_test(each_bit_of_ranges),
		cmocka_unit_test(every_range_encoding),
		cmocka_unit_test(legal_extremes_pass),
		cmocka_unit_test(illegal_extremes_do_not),
		cmocka_unit_test(a_level_that_does_not_exist_is_none),
		cmocka_unit_test(atc_sizes),
		cmocka_unit_test(random_commands_agree),
		cmocka_unit_test(long_rows_agree),
		cmocka_unit_test(sync_fields_are_not_checked_without_meaning),
		cmocka_unit_test(no_effect_on_streams_out_of_range),
		cmocka_unit_test(smmuen_off),
		cmocka_unit_test(commands_for_unknown_streams_are_consumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
