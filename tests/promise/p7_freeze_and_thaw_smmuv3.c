/* SPDX-License-Identifier: MIT */
/*
 * P7, freeze and thaw: moving to a fresh object between any two commands gives the same guest-visible state and the
 * same work in the host as not moving; states that are not whole are refused with nothing changed.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/vsmmu.h"

#define COMMANDS 60

static struct vsmmu *stepper(void)
{
	struct vsmmu *v = vsmmu_budget(1);

	v->quiet = true;
	test_host_contract(&v->host, TEST_ATC_LATE);
	vsmmu_boot_at(v, 7, VSMMU_CMDQ, 0xf0);
	return v;
}

/* The same queue for every run: all kinds of commands, illegal ones, ATC_INVs that fail, events. */
static void fill(struct vsmmu *v)
{
	for (uint32_t i = 0; i < COMMANDS; i++) {
		if (i % 11 == 10)
			vsmmu_push(v, i % 2 ? 0x00 : 0x28, 0);
		else if (i % 6 == 5)
			vsmmu_push_test(v, cmd_sync(i % 3));
		else if (i % 13 == 7)
			vsmmu_push_test(v, cmd_cfgi_ste(i));
		else
			vsmmu_push_test(v, cmd_host_type(i % TEST_HOST_TYPES, i));
	}
	test_host_fail(&v->host, 0, cmd_host_type(5, 13).dw, VIQ_CALL_TIMEOUT, 3);
	test_host_fail(&v->host, 1, cmd_host_type(5, 29).dw, VIQ_CALL_TIMEOUT, 2);
	test_host_fail(&v->host, 2, cmd_host_type(0, 24).dw, VIQ_CALL_NO_MEMORY, 2);
}

static uint32_t registers_hash(struct vsmmu *v)
{
	uint32_t hash = 1;

	for (uint64_t offset = 0x20; offset < 0x100; offset += 4)
		hash = hash * 31 + vsmmu_r32(v, offset);
	return hash * 31 * 31 + vsmmu_r32(v, REG(EVENTQ_PROD)) * 31 + vsmmu_r32(v, REG(EVENTQ_CONS));
}

struct story {
	uint32_t hashes[1000];
	uint32_t steps;
	struct test_effect *effects;
	size_t effect_count;
};

/* One command at a time; a move after each step of which the mask says so. */
static void play(struct story *story, uint32_t first_move, uint32_t every)
{
	struct vsmmu *v = stepper();

	fill(v);
	vsmmu_ring(v);
	for (story->steps = 0; story->steps < 1000; story->steps++) {
		const uint64_t record[4] = {4, story->steps};

		if (story->steps >= first_move && (story->steps - first_move) % every == 0)
			vsmmu_migrate(v);
		story->hashes[story->steps] = registers_hash(v);
		if (vsmmu_idle(v))
			break;
		if (story->steps % 9 == 0)
			viq_smmuv3_event(v->smmu, record);
		if (vsmmu_cerror(v) != VIQ_SMMUV3_CERROR_NONE)
			vsmmu_linux_gerror(v);
		else
			viq_smmuv3_run(v->smmu, 1);
	}
	assert_true(story->steps < 1000);
	story->effect_count = v->host.effect_count;
	story->effects = malloc((story->effect_count + 1) * sizeof(*story->effects));
	assert_non_null(story->effects);
	memcpy(story->effects, v->host.effects, story->effect_count * sizeof(*story->effects));
	vsmmu_free(v);
}

static void assert_same(const struct story *a, const struct story *b, uint32_t at)
{
	if (a->steps != b->steps)
		fail_msg("moved after step %u: %u steps instead of %u", at, b->steps, a->steps);
	for (uint32_t i = 0; i <= a->steps; i++) {
		if (a->hashes[i] != b->hashes[i])
			fail_msg("moved after step %u: the registers differ at step %u", at, i);
	}
	if (a->effect_count != b->effect_count)
		fail_msg("moved after step %u: %zu effects instead of %zu", at, b->effect_count, a->effect_count);
	for (size_t i = 0; i < a->effect_count; i++)
		assert_memory_equal(a->effects[i].cmd, b->effects[i].cmd, 16);
}

static void moving_changes_nothing(void **state)
{
	static struct story straight, moved;

	play(&straight, UINT32_MAX, 1);
	for (uint32_t at = 0; at <= straight.steps; at++) {
		play(&moved, at, 1000); /* once, after each step */
		assert_same(&straight, &moved, at);
		free(moved.effects);
	}
	for (uint32_t every = 1; every < 8; every++) {
		play(&moved, 0, every);
		assert_same(&straight, &moved, 0);
		free(moved.effects);
	}
	free(straight.effects);
}

/* The story above must have retained ATC_INVs across a move, or it proves little. */
static void retained_atc_moves_along(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	struct test_cmd atc = cmd_atc(9, 0x7000, 2);

	test_host_contract(&v->host, TEST_ATC_LATE);
	vsmmu_boot(v, 4);
	test_host_fail(&v->host, 0, atc.dw, VIQ_CALL_TIMEOUT, -1);
	vsmmu_push_test(v, atc);
	vsmmu_ring(v);
	assert_idle(v);
	vsmmu_migrate(v); /* consumed, unconfirmed: only the saved state knows of it */
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	vsmmu_migrate(v);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	test_host_heal(&v->host);
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_idle(v);
	assert_true(test_host_did(&v->host, atc.dw, 0));
	vsmmu_free(v);
}

static void many_retained_atc_move_along(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);

	v->quiet = true;
	test_host_contract(&v->host, TEST_ATC_LATE);
	vsmmu_boot(v, 12);
	v->host.plans[0] = (struct test_plan){.cmd = {0x40}, .mask = {0xff}, .error = VIQ_CALL_TIMEOUT, .times = -1};
	for (uint32_t i = 0; i < 1024; i++)
		vsmmu_push_test(v, cmd_atc(i, (uint64_t)i << 12, 0));
	vsmmu_ring(v);
	vsmmu_migrate(v);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_true(vsmmu_observe(v) < v->prod);
	test_host_heal(&v->host);
	assert_true(vsmmu_drain(v, 20)); /* a call for each device, 64 a run */
	for (uint32_t i = 0; i < 1024; i++)
		assert_true(test_host_did(&v->host, cmd_atc(i, (uint64_t)i << 12, 0).dw, 0));
	vsmmu_free(v);
}

/* A new host has nothing cached and nothing attached: the embedder is told, after the state is in place. */
static void restore_tells_the_embedder(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	size_t at;

	vsmmu_boot(v, 4);
	vsmmu_log_clear(v);
	vsmmu_migrate(v);
	at = vsmmu_log_find(v, 0, LOG_RECONFIG);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, VIQ_SMMUV3_RESTORED);
	assert_int_equal(v->log[at].b, 0);
	assert_int_equal(v->log[at].c, UINT32_MAX);
	vsmmu_free(v);
}

/* A budget had ended and the object that asked for a kick is gone: the new one asks again. */
static void waiting_commands_are_kicked_again(void **state)
{
	struct vsmmu *v = vsmmu_start(2, 4);

	for (uint32_t i = 0; i < 6; i++)
		vsmmu_push_test(v, cmd_nh_va(1, i << 12));
	vsmmu_ring(v);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1);
	vsmmu_log_clear(v);
	vsmmu_migrate(v);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1);
	assert_int_equal(vsmmu_observe(v), 2); /* asked, not done: the host may not be ready */
	while (viq_smmuv3_run(v->smmu, 0))
		;
	assert_idle(v);
	vsmmu_log_clear(v);
	vsmmu_migrate(v);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 0);
	vsmmu_push(v, 0xff, 0);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	vsmmu_migrate(v); /* stopped: only the guest can go on */
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 0);
	vsmmu_free(v);
}

/* --- States that are refused -------------------------------------------------------------------------------------- */

/* A state with something in every part. */
static uint8_t *saved(struct vsmmu *v, size_t *len)
{
	uint8_t *state;

	test_host_contract(&v->host, TEST_ATC_LATE);
	vsmmu_boot(v, 4);
	vsmmu_w32(v, REG(EVENTQ_CONS), 0);
	v->host.plans[0] = (struct test_plan){.cmd = {0x40}, .mask = {0xff}, .error = VIQ_CALL_TIMEOUT, .times = -1};
	vsmmu_push_test(v, cmd_atc(1, 0x1000, 0));
	vsmmu_submit(v, cmd_atc(2, 0x2000, 0));
	*len = viq_smmuv3_save_size(v->smmu);
	state = malloc(*len);
	assert_non_null(state);
	assert_int_equal(viq_smmuv3_save(v->smmu, state, len), 0);
	return state;
}

static void assert_refused(struct vsmmu *v, const void *state, size_t len, int expected)
{
	uint32_t before = registers_hash(v);
	size_t reconfigs = vsmmu_log_number(v, LOG_RECONFIG);

	assert_int_equal(viq_smmuv3_restore(v->smmu, state, len), expected);
	assert_int_equal(registers_hash(v), before);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), reconfigs);
}

static void truncated_states_are_refused(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL), *other = vsmmu_new(NULL);
	size_t len;
	uint8_t *saved_state = saved(v, &len);
	uint8_t *longer = calloc(1, len + 64);

	for (size_t cut = 0; cut < len; cut++) {
		/* In a buffer of its own, so that a read behind it is seen. */
		uint8_t *part = malloc(cut ? cut : 1);

		memcpy(part, saved_state, cut);
		assert_refused(other, part, cut, -EINVAL);
		free(part);
	}
	memcpy(longer, saved_state, len);
	for (size_t more = 1; more <= 64; more++)
		assert_refused(other, longer, len + more, -EINVAL);
	assert_refused(other, NULL, 0, -EINVAL);
	assert_int_equal(viq_smmuv3_restore(other->smmu, saved_state, len), 0);
	free(longer);
	free(saved_state);
	vsmmu_free(v);
	vsmmu_free(other);
}

static void damaged_states_are_refused(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL), *other = vsmmu_new(NULL);
	size_t len;
	uint8_t *saved_state = saved(v, &len);

	for (size_t bit = 0; bit < len * 8; bit++) {
		uint32_t before = registers_hash(other);
		int ret;

		saved_state[bit / 8] ^= 1u << (bit % 8);
		ret = viq_smmuv3_restore(other->smmu, saved_state, len);
		if (ret != -EINVAL && ret != -ENOTSUP)
			fail_msg("bit %zu flipped: %d", bit, ret);
		assert_int_equal(registers_hash(other), before);
		saved_state[bit / 8] ^= 1u << (bit % 8);
	}
	free(saved_state);
	vsmmu_free(v);
	vsmmu_free(other);
}

/* Anyone can compute the hash; what follows it must still be a state that a guest can bring about. */
static void fix_hash(uint8_t *state, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a of everything behind the header */

	for (size_t i = 24; i < len; i++)
		hash = (hash ^ state[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < 8; i++)
		state[16 + i] = (uint8_t)(hash >> (8 * i));
}

static void assert_within_the_architecture(struct vsmmu *v, size_t bit)
{
	static const struct {
		uint64_t offset;
		uint32_t bits;
	} regs[] = {
		{0x20, 0x1d},       {0x24, 0x1d},       {0x28, 0xfff},         {0x2c, 0x6},
		{0x44, 0x001f3f1f}, {0x50, 0x5},        {0x54, 0x5},           {0x60, 0x1b5},
		{0x64, 0x1b5},      {0x68, 0xfffffffc}, {0x6c, 0x000fffff},    {0x74, 0x3f},
		{0x80, 0xffffffc0}, {0x84, 0x400fffff}, {0x88, 0x000307ff},    {0x94, 0x400fffff},
		{0x98, 0x000fffff}, {0x9c, 0x7f0fffff}, {0xa4, 0x400fffff},    {0xb0, 0xfffffffc},
		{0xb4, 0x000fffff}, {0xbc, 0x3f},       {0x100a8, 0x800fffff}, {0x100ac, 0x800fffff},
	};

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		if (vsmmu_r32(v, regs[i].offset) & ~regs[i].bits)
			fail_msg("bit %zu set, and taken: register %#llx reads %#x", bit,
				 (unsigned long long)regs[i].offset, vsmmu_r32(v, regs[i].offset));
	}
}

static void impossible_states_are_refused(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL), *other = vsmmu_new(NULL);
	size_t len, taken = 0;
	uint8_t *saved_state = saved(v, &len), *copy = malloc(len);

	other->quiet = true;
	for (uint64_t at = 0; at < 1024 * 16; at += 16)
		vsmmu_poke64(other, VSMMU_CMDQ + at, 0x46); /* each CMD_SYNC sends what was retained */
	memcpy(copy, saved_state, len);
	fix_hash(copy, len);
	assert_memory_equal(copy, saved_state, len);
	for (size_t bit = 24 * 8; bit < len * 8; bit++) {
		int ret;

		memcpy(copy, saved_state, len);
		copy[bit / 8] ^= 1u << (bit % 8);
		fix_hash(copy, len);
		ret = viq_smmuv3_restore(other->smmu, copy, len);
		assert_true(!ret || ret == -EINVAL);
		taken += !ret;
		assert_within_the_architecture(other, bit);
		if (ret)
			continue;
		/* Let whatever was retained go out: it must be what the queue would have let through. */
		vsmmu_w32(other, REG(GERRORN), vsmmu_r32(other, REG(GERROR)));
		viq_smmuv3_run(other->smmu, 64);
	}
	assert_true(taken > 0);
	assert_true(other->host.effect_count > 0);
	for (size_t i = 0; i < other->host.effect_count; i++)
		assert_int_equal(refcmd_check(other->host.effects[i].cmd, &other->config), VIQ_SMMUV3_CERROR_NONE);
	free(copy);
	free(saved_state);
	vsmmu_free(v);
	vsmmu_free(other);
}

/* With the length and the hash made right for less than all of it: nothing behind the end is read. */
static void states_cut_short(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL), *other = vsmmu_new(NULL);
	size_t len;
	uint8_t *all = saved(v, &len);

	for (size_t cut = 24; cut <= len; cut++) {
		uint8_t *copy = malloc(cut); /* ASan sees what is behind */

		assert_non_null(copy);
		memcpy(copy, all, cut);
		copy[12] = (uint8_t)cut;
		copy[13] = (uint8_t)(cut >> 8);
		fix_hash(copy, cut);
		assert_int_equal(viq_smmuv3_restore(other->smmu, copy, cut), cut == len ? 0 : -EINVAL);
		free(copy);
	}
	free(all);
	vsmmu_free(v);
	vsmmu_free(other);
}

/* P5: what a state says was retained goes to the host as it is, so it is what the queue would have let through. */
static void retained_commands_are_checked(void **state)
{
	const uint32_t all = VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
	struct vsmmu *v = vsmmu_new(NULL), *other = vsmmu_new(NULL);
	unsigned int taken = 0;
	size_t len;
	uint8_t *saved_state = saved(v, &len), *copy = malloc(len);

	assert_non_null(copy);
	for (unsigned int bit = 0; bit < 128; bit++) {
		uint64_t cmd[2], out[2];
		bool legal;

		memcpy(copy, saved_state, len);
		copy[len - 16 + bit / 8] ^= 1u << (bit % 8);
		fix_hash(copy, len);
		memcpy(cmd, copy + len - 16, 16);
		cmd[0] = le64toh(cmd[0]), cmd[1] = le64toh(cmd[1]);
		legal = (cmd[0] & 0xff) == VIQ_SMMUV3_OP_ATC_INV &&
			refcmd_check(cmd, &other->config) == VIQ_SMMUV3_CERROR_NONE &&
			refcmd_to_host(cmd, &other->config, true, all, out) && out[0] == cmd[0] && out[1] == cmd[1];
		taken += legal;
		if (viq_smmuv3_restore(other->smmu, copy, len) != (legal ? 0 : -EINVAL))
			fail_msg("bit %u", bit);
		viq_smmuv3_reset(other->smmu);
	}
	assert_true(taken > 64);
	free(copy);
	free(saved_state);
	vsmmu_free(v);
	vsmmu_free(other);
}

/*
 * A guest without MSI, two-level stream tables and ATS, or with ATS, 16 StreamIDs and 4 SubstreamIDs: a state that says
 * more is refused, and one that says as much as there is is taken.
 */
static void states_of_a_guest_that_has_less(void **state)
{
	enum {
		NO_ATS,
		SMALL
	};
	/* By its place in format version 1 (docs/save-format.md); retained is put in front of the commands. */
	static const struct {
		unsigned int guest;
		size_t at;
		uint64_t value, sid_ssid; /* with sid_ssid: word 0 of a retained ATC_INV */
		int expected;
	} cases[] = {
		{SMALL, 44, 0x10, 0, 0}, /* CR0.ATSCHK */
		{NO_ATS, 44, 0x10, 0, -EINVAL},
		{SMALL, 52, 0x2, 0, 0},                  /* CR2.RECINVSID */
		{SMALL, 52, 0x1, 0, -EINVAL},            /* E2H */
		{SMALL, 64, 0x01, 0, 0},                 /* GERROR.CMDQ_ERR */
		{SMALL, 64, 0x10, 0, -EINVAL},           /* MSI_CMDQ_ABT_ERR */
		{SMALL, 64, 0x100, 0, -EINVAL},          /* SFM_ERR, which nothing raises */
		{SMALL, 68, 0x10, 0, -EINVAL},           /* GERRORN */
		{SMALL, 72, 0x1000, 0, -EINVAL},         /* GERROR_IRQ_CFG0 */
		{SMALL, 80, 1, 0, -EINVAL},              /* CFG1 */
		{SMALL, 84, 1, 0, -EINVAL},              /* CFG2 */
		{SMALL, 88, 0x1000, 0, -EINVAL},         /* EVENTQ_IRQ_CFG0 */
		{SMALL, 112, 4, 0, 0},                   /* STRTAB_BASE_CFG.LOG2SIZE */
		{SMALL, 112, 0x10000, 0, -EINVAL},       /* FMT */
		{SMALL, 112, 0x200, 0, -EINVAL},         /* SPLIT */
		{SMALL, 0, 0, UINT64_C(0xf00000040), 0}, /* the last StreamID */
		{SMALL, 0, 0, UINT64_C(0x1000000040), -EINVAL},
		{SMALL, 0, 0, UINT64_C(0x123400000040), -EINVAL},
		{SMALL, 0, 0, UINT64_C(0x100003840), 0}, /* SSV, the last SubstreamID */
		{SMALL, 0, 0, UINT64_C(0x100004840), -EINVAL},
		{NO_ATS, 0, 0, UINT64_C(0x100000040), -EINVAL},
	};
	struct vsmmu *guests[2];

	for (unsigned int i = 0; i < 2; i++) {
		struct viq_smmuv3_config config;

		vsmmu_config(&config);
		config.idr0 &= ~(uint32_t)(REG(IDR0_MSI) | REG(IDR0_ST_LEVEL) | (i == NO_ATS ? REG(IDR0_ATS) : 0));
		config.idr1 &= ~(uint32_t)(REG(IDR1_SIDSIZE) | REG(IDR1_SSIDSIZE));
		config.idr1 |= VIQ_PUT(REG(IDR1_SIDSIZE), 4) | VIQ_PUT(REG(IDR1_SSIDSIZE), 2);
		guests[i] = vsmmu_new(&config);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vsmmu *v = guests[cases[i].guest];
		uint8_t buf[512] = {0};
		size_t len = sizeof(buf);
		int ret;

		assert_int_equal(viq_smmuv3_save(v->smmu, buf, &len), 0);
		if (cases[i].at) {
			uint64_t value = htole64(cases[i].value);

			memcpy(buf + cases[i].at, &value, 4);
		} else {
			uint64_t word = htole64(cases[i].sid_ssid);

			/* Their number is before the PRI queue's registers. */
			buf[len - 32 - 8] = 1;
			memcpy(buf + len, &word, 8);
			len += 16;
			buf[12] = (uint8_t)len;
			buf[13] = (uint8_t)(len >> 8);
		}
		fix_hash(buf, len);
		ret = viq_smmuv3_restore(v->smmu, buf, len);
		if (ret != cases[i].expected)
			fail_msg("case %zu: %d", i, ret);
		viq_smmuv3_reset(v->smmu);
	}
	vsmmu_free(guests[0]);
	vsmmu_free(guests[1]);
}

static void newer_versions_are_refused_as_such(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL), *other = vsmmu_new(NULL);
	size_t len;
	uint8_t *saved_state = saved(v, &len);
	unsigned int found = 0;

	/* The version is one of the words of the header: the next number there is "newer". */
	for (size_t at = 0; at + 4 <= 32 && at + 4 <= len; at += 4) {
		uint8_t *copy = malloc(len);

		memcpy(copy, saved_state, len);
		copy[at]++;
		found += viq_smmuv3_restore(other->smmu, copy, len) == -ENOTSUP;
		free(copy);
	}
	assert_int_equal(found, 1);
	free(saved_state);
	vsmmu_free(v);
	vsmmu_free(other);
}

static void other_id_registers_are_refused(void **state)
{
	static const struct {
		uint32_t idr0, idr1, idr3, idr5;
	} changes[] = {
		{.idr0 = 1 << 10}, {.idr0 = 1 << 12}, {.idr0 = 1 << 13}, {.idr1 = 1},
		{.idr1 = 1 << 6},  {.idr1 = 1 << 21}, {.idr3 = 1 << 10}, {.idr5 = 1},
	};
	struct vsmmu *v = vsmmu_new(NULL);
	size_t len;
	uint8_t *saved_state = saved(v, &len);

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct viq_smmuv3_config config;
		struct vsmmu *other;

		vsmmu_config(&config);
		config.idr0 ^= changes[i].idr0;
		config.idr1 ^= changes[i].idr1;
		if (changes[i].idr1 == 1)
			config.idr1 = (config.idr1 & ~0x3fu) | 16;
		if (changes[i].idr1 == 1 << 6)
			config.idr1 = (config.idr1 & ~0x7c0u) | 8 << 6;
		config.idr3 ^= changes[i].idr3;
		config.idr5 ^= changes[i].idr5;
		other = vsmmu_new(&config);
		assert_refused(other, saved_state, len, -EINVAL);
		vsmmu_free(other);
	}
	free(saved_state);
	vsmmu_free(v);
}

static void save_misuse(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	size_t size, len;
	uint8_t *buf;

	free(saved(v, &size));
	buf = malloc(size + 1);
	for (len = 0; len < size; len++) {
		size_t given = len;

		memset(buf, 0x5a, size);
		assert_int_equal(viq_smmuv3_save(v->smmu, buf, &given), -ENOSPC);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(buf[i], 0x5a);
	}
	buf[size] = 0x77;
	len = size + 1;
	assert_int_equal(viq_smmuv3_save(v->smmu, buf, &len), 0);
	assert_int_equal(len, size);
	assert_int_equal(buf[size], 0x77);
	assert_int_equal(viq_smmuv3_save(NULL, buf, &len), -EINVAL);
	assert_int_equal(viq_smmuv3_save(v->smmu, NULL, &len), -EINVAL);
	assert_int_equal(viq_smmuv3_save(v->smmu, buf, NULL), -EINVAL);
	assert_int_equal(viq_smmuv3_restore(NULL, buf, size), -EINVAL);
	free(buf);
	vsmmu_free(v);
}

/* Saving changes nothing, and a restored object saves the same bytes. */
static void save_restore_save(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL), *other = vsmmu_new(NULL);
	size_t len, again;
	uint8_t *first = saved(v, &len), *second;

	assert_int_equal(viq_smmuv3_restore(other->smmu, first, len), 0);
	again = viq_smmuv3_save_size(other->smmu);
	assert_int_equal(again, len);
	second = malloc(again);
	assert_int_equal(viq_smmuv3_save(other->smmu, second, &again), 0);
	assert_memory_equal(first, second, len);
	assert_int_equal(viq_smmuv3_save(v->smmu, second, &again), 0);
	assert_memory_equal(first, second, len);
	free(first);
	free(second);
	vsmmu_free(v);
	vsmmu_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moving_changes_nothing),
		cmocka_unit_test(retained_atc_moves_along),
		cmocka_unit_test(many_retained_atc_move_along),
		cmocka_unit_test(restore_tells_the_embedder),
		cmocka_unit_test(waiting_commands_are_kicked_again),
		cmocka_unit_test(truncated_states_are_refused),
		cmocka_unit_test(damaged_states_are_refused),
		cmocka_unit_test(impossible_states_are_refused),
		cmocka_unit_test(retained_commands_are_checked),
		cmocka_unit_test(states_cut_short),
		cmocka_unit_test(states_of_a_guest_that_has_less),
		cmocka_unit_test(newer_versions_are_refused_as_such),
		cmocka_unit_test(other_id_registers_are_refused),
		cmocka_unit_test(save_misuse),
		cmocka_unit_test(save_restore_save),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
