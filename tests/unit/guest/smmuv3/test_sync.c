/* SPDX-License-Identifier: MIT */
/*
 * CMD_SYNC (IHI 0070 4.7.3): what completes it, how the guest is told, in which order; configuration commands before it
 * (P5) and the boundaries it makes between host calls.
 */
#include <errno.h>
#include <string.h>

#include "support/vsmmu.h"

#define MSI_ADDR UINT64_C(0x08020040) /* outside of RAM */

static struct vsmmu *booted(unsigned int log2size)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, log2size);

	return v;
}

static size_t irqs(const struct vsmmu *v, enum viq_smmuv3_irq which)
{
	size_t n = 0;

	for (size_t i = 0; i < v->log_count; i++)
		n += v->log[i].kind == LOG_IRQ && v->log[i].a == which;
	return n;
}

static void completion_signals(void **state)
{
	/* CS: NONE, IRQ, SEV (IDR0.SEV = 0, so as NONE). */
	static const size_t pulses[] = {0, 1, 0};

	for (unsigned int cs = 0; cs < 3; cs++) {
		struct vsmmu *v = booted(4);

		vsmmu_push_test(v, cmd_sync(cs));
		vsmmu_ring(v);
		assert_idle(v);
		assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_CMD_SYNC), pulses[cs]);
		assert_int_equal(vsmmu_log_number(v, LOG_MSI), 0);
		vsmmu_free(v);
	}
}

static void reserved_cs_is_illegal(void **state)
{
	struct vsmmu *v = booted(4);

	vsmmu_push_test(v, cmd_sync(3));
	vsmmu_ring(v);
	assert_stopped(v, 0, VIQ_SMMUV3_CERROR_ILL);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_CMD_SYNC), 0);
	vsmmu_free(v);
}

/* The MSI fields mean nothing unless CS = IRQ. */
static void no_msi_without_cs_irq(void **state)
{
	struct vsmmu *v = booted(4);

	vsmmu_push(v, UINT64_C(0x1234567800002046), MSI_ADDR);
	vsmmu_push(v, UINT64_C(0x1234567800000046), MSI_ADDR);
	vsmmu_push(v, UINT64_C(0x1234567800002046), VSMMU_RAM);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 0);
	assert_int_equal(vsmmu_log_number(v, LOG_WRITE), 0);
	vsmmu_free(v);
}

static void msi_through_the_hook(void **state)
{
	struct vsmmu *v = booted(4);
	size_t at;

	vsmmu_push_test(v, cmd_sync_msi(MSI_ADDR, 0x12345678));
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 1);
	at = vsmmu_log_find(v, 0, LOG_MSI);
	assert_int_equal(v->log[at].a, MSI_ADDR);
	assert_int_equal(v->log[at].b, 0x12345678);
	assert_int_equal(v->log[at].cons, 1); /* CONS has passed it before the signal */
	at = vsmmu_log_find(v, 0, LOG_IRQ);   /* the wired line pulses whatever the address is */
	assert_int_equal(v->log[at].a, VIQ_SMMUV3_IRQ_CMD_SYNC);
	assert_int_equal(v->log[at].cons, 1);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), 0);
	vsmmu_free(v);
}

static void msi_to_memory(void **state)
{
	struct vsmmu *v = booted(4);
	const uint64_t addr = VSMMU_RAM + 0x1004;
	size_t at;

	vsmmu_poke64(v, VSMMU_RAM + 0x1000, UINT64_MAX);
	vsmmu_poke64(v, VSMMU_RAM + 0x1008, UINT64_MAX);
	vsmmu_push_test(v, cmd_nh_asid(1));
	vsmmu_push_test(v, cmd_sync_msi(addr, 0xcafe0001));
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_peek32(v, addr), 0xcafe0001);
	assert_int_equal(vsmmu_peek32(v, addr - 4), 0xffffffff);
	assert_int_equal(vsmmu_peek32(v, addr + 4), 0xffffffff);
	at = vsmmu_log_find(v, 0, LOG_WRITE);
	assert_int_equal(v->log[at].a, addr);
	assert_int_equal(v->log[at].b, 4);
	assert_int_equal(v->log[at].cons, 2);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 0);
	vsmmu_free(v);
}

/* Linux's polled form: the MSI lands on the CMD_SYNC's own entry, after CONS has moved. */
static void polled_form_writes_its_own_entry(void **state)
{
	struct vsmmu *v = booted(3);

	for (unsigned int i = 0; i < 40; i++) {
		uint64_t entry;

		vsmmu_push_test(v, cmd_nh_va(1, (uint64_t)i << 12));
		entry = vsmmu_entry(v, v->prod);
		vsmmu_push_test(v, cmd_sync_msi(entry, 0));
		vsmmu_ring(v);
		assert_idle(v);
		assert_int_equal(vsmmu_peek32(v, entry), 0);
		assert_int_equal(vsmmu_peek32(v, entry + 4), 0);
	}
	vsmmu_free(v);
}

/*
 * FreeBSD waits for each CMD_SYNC by an MSI into its entry, without looking at IDR0.MSI and with its interrupts still
 * off: what config_init() offers is enough for it.
 */
static void a_guest_that_always_asks_for_msis_needs_no_option(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;
	uint64_t entry;

	viq_smmuv3_config_init(&config, sizeof(config));
	config.host.ops = NULL; /* the harness' */
	v = vsmmu_new(&config);
	vsmmu_boot(v, 3);
	vsmmu_w32(v, REG(IRQ_CTRL), 0);
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	entry = vsmmu_entry(v, v->prod);
	vsmmu_push(v, UINT64_C(0x0fc01046), entry);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_peek32(v, entry), 0);
	vsmmu_free(v);
}

/* An MSI onto a command that is queued behind: whatever happens to that one, it was read once and checked. */
static void msi_onto_the_next_command(void **state)
{
	struct vsmmu *v = booted(3);

	v->lax = true;
	vsmmu_push_test(v, cmd_sync_msi(vsmmu_entry(v, 1), 0xff));
	vsmmu_push_test(v, cmd_nh_asid(1));
	vsmmu_push_sync(v);
	vsmmu_w32(v, REG(CMDQ_PROD), 3);
	if (vsmmu_cerror(v) == VIQ_SMMUV3_CERROR_NONE) {
		assert_int_equal(v->host.effect_count, 1);
		assert_int_equal(v->host.effects[0].cmd[0], cmd_nh_asid(1).dw[0]);
	} else {
		assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_ILL);
		assert_int_equal(v->host.effect_count, 0);
	}
	vsmmu_free(v);
}

/* 3.18, 6.3.18: the CMD_SYNC is consumed all the same. */
static void aborted_msi(void **state)
{
	struct vsmmu *v = booted(4);
	size_t at;

	v->msi_result = -EFAULT;
	vsmmu_push_test(v, cmd_sync_msi(MSI_ADDR, 1));
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), REG(GERROR_MSI_CMDQ_ABT_ERR));
	at = vsmmu_log_find(v, 0, LOG_IRQ);
	assert_true(at < v->log_count);
	assert_int_equal(irqs(v, VIQ_SMMUV3_IRQ_GERROR), 1);
	/* While it is active a second abort does not toggle it back. */
	vsmmu_push_test(v, cmd_sync_msi(MSI_ADDR, 1));
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), REG(GERROR_MSI_CMDQ_ABT_ERR));
	/* Acknowledged, the next one makes it active again: toggled to 0. */
	vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERROR)));
	vsmmu_push_test(v, cmd_sync_msi(MSI_ADDR, 1));
	vsmmu_ring(v);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), 0);
	assert_int_equal(vsmmu_r32(v, REG(GERRORN)), REG(GERROR_MSI_CMDQ_ABT_ERR));
	vsmmu_free(v);
}

static void msi_address_is_cut_to_oas(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;
	size_t at;

	vsmmu_config(&config);
	config.idr5 = (config.idr5 & ~7u) | 1; /* 36 bits */
	v = vsmmu_new(&config);
	vsmmu_boot(v, 4);
	vsmmu_push_test(v, cmd_sync_msi(UINT64_C(0x0000fff008020040), 5));
	vsmmu_ring(v);
	at = vsmmu_log_find(v, 0, LOG_MSI);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, UINT64_C(0x008020040));
	vsmmu_free(v);
}

/* 4.7.3, 6.3.20, 6.3.30: address 0 is no MSI; whether it is 0 is not a matter of OAS. Bits above it are cut then. */
static void msi_address_is_zero_as_a_whole(void **state)
{
	const uint64_t beyond = VIQ_BIT(50);
	struct vsmmu *v = booted(4); /* 48 bits */
	const uint64_t record[4] = {4};

	vsmmu_push_test(v, cmd_sync_msi(0, 5));
	vsmmu_push_test(v, cmd_sync_msi(beyond, 6));
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 1);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_MSI)].a, 0);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_MSI)].b, 6);
	vsmmu_w32(v, REG(IRQ_CTRL), 0);
	vsmmu_w64(v, REG(EVENTQ_IRQ_CFG0), beyond);
	vsmmu_w32(v, REG(EVENTQ_IRQ_CFG1), 7);
	vsmmu_w64(v, REG(GERROR_IRQ_CFG0), beyond | 0x1000);
	vsmmu_w32(v, REG(GERROR_IRQ_CFG1), 8);
	vsmmu_w32(v, REG(IRQ_CTRL), REG(IRQ_CTRL_GERROR_IRQEN) | REG(IRQ_CTRL_EVENTQ_IRQEN));
	vsmmu_log_clear(v);
	assert_int_equal(viq_smmuv3_event(v->smmu, record), 0);
	vsmmu_push(v, 0, 0); /* illegal */
	vsmmu_ring(v);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 2);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_MSI)].a, 0);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_MSI)].b, 7);
	assert_int_equal(v->log[vsmmu_log_find(v, vsmmu_log_find(v, 0, LOG_MSI) + 1, LOG_MSI)].a, 0x1000);
	vsmmu_free(v);
}

/* Consecutive CMD_SYNCs complete in order, each before the next begins. */
static void syncs_complete_in_order(void **state)
{
	struct vsmmu *v = booted(5);
	size_t at = 0;

	for (unsigned int i = 0; i < 10; i++) {
		vsmmu_push_test(v, cmd_nh_va(1, (uint64_t)i << 12));
		vsmmu_push_test(v, cmd_sync_msi(MSI_ADDR, i));
	}
	vsmmu_ring(v);
	assert_idle(v);
	for (unsigned int i = 0; i < 10; i++) {
		size_t effect = vsmmu_log_find(v, at, LOG_HOST);

		at = vsmmu_log_find(v, at, LOG_MSI);
		assert_true(effect < at && at < v->log_count);
		assert_int_equal(v->log[effect].b >> 12, i);
		assert_int_equal(v->log[at].b, i);
		assert_int_equal(v->log[at].cons, 2 * i + 2);
		at++;
	}
	vsmmu_free(v);
}

/* Within one host call commands are unordered, so a CMD_SYNC that orders different caches must end a call. */
static void sync_separates_host_calls(void **state)
{
	static const struct test_cmd pairs[][2] = {
		{{{0x05 | UINT64_C(9) << 32, 1}}, {{0x12, 0x1000}}},
		{{{0x12, 0x1000}}, {{0x40 | UINT64_C(9) << 32, 0x1000}}},
		{{{0x06 | UINT64_C(9) << 32, 0}}, {{0x40 | UINT64_C(9) << 32, 0x1000}}},
		{{{0x30, 0}}, {{0x40 | UINT64_C(9) << 32, 0x34}}},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct vsmmu *v = booted(4);

		vsmmu_push_test(v, pairs[i][0]);
		vsmmu_push_sync(v);
		vsmmu_submit(v, pairs[i][1]);
		assert_idle(v);
		assert_int_equal(v->host.effect_count, 2);
		assert_true(v->host.effects[0].call < v->host.effects[1].call);
		assert_int_equal(v->host.effects[0].cmd[0], pairs[i][0].dw[0]);
		vsmmu_free(v);
	}
}

/* One call for a batch, not one a command: what the library is for. */
static void a_batch_is_one_call(void **state)
{
	struct vsmmu *v = booted(10);

	for (uint32_t i = 0; i < 1000; i++)
		vsmmu_push_test(v, cmd_host_type(i % 6, i));
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(v->host.calls, 1);
	assert_int_equal(smmuv3_counters(v->smmu).calls, 1);
	assert_int_equal(smmuv3_counters(v->smmu).entries, 1000);
	vsmmu_free(v);
}

/* --- P5: configuration commands ----------------------------------------------------------------------------------- */

static void assert_range(struct test_cmd cmd, uint32_t first, uint32_t last)
{
	struct vsmmu *v = booted(4);
	size_t at;

	vsmmu_push_test(v, cmd);
	vsmmu_ring(v);
	assert_idle(v);
	at = vsmmu_log_find(v, 0, LOG_RECONFIG);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, VIQ_SMMUV3_CFGI_STE);
	assert_int_equal(v->log[at].b, first);
	assert_int_equal(v->log[at].c, last);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 1);
	assert_int_equal(v->host.effect_count, 0);
	vsmmu_free(v);
}

/* 4.3.2: 2^(Range + 1) streams from SID with its low bits cleared. */
static void cfgi_ranges(void **state)
{
	assert_range(cmd_cfgi_ste(0x1a5), 0x1a5, 0x1a5);
	assert_range(cmd_cfgi_ste(UINT32_MAX), UINT32_MAX, UINT32_MAX);
	assert_range(cmd_cfgi_range(0x1a5, 0), 0x1a4, 0x1a5);
	assert_range(cmd_cfgi_range(0x1a5, 3), 0x1a0, 0x1af);
	assert_range(cmd_cfgi_range(0x1a5, 7), 0x100, 0x1ff);
	assert_range(cmd_cfgi_range(0xfedcba98, 15), 0xfedc0000, 0xfedcffff);
	assert_range(cmd_cfgi_range(0xfedcba98, 30), 0x80000000, UINT32_MAX);
	assert_range(cmd_cfgi_range(0x1a5, 30), 0, 0x7fffffff);
	assert_range(cmd_cfgi_range(0x1a5, 31), 0, UINT32_MAX);
	assert_range(cmd_cfgi_range(UINT32_MAX, 31), 0, UINT32_MAX);
}

static void cfgi_beyond_sidsize(void **state)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;
	size_t at;

	vsmmu_config(&config);
	config.idr1 = (config.idr1 & ~0x3fu) | 8;
	v = vsmmu_new(&config);
	vsmmu_boot(v, 4);
	vsmmu_push_test(v, cmd_cfgi_ste(0x100));
	vsmmu_push_test(v, cmd_cfgi_range(0x12345600, 7));
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 0); /* names no stream: no effect */
	vsmmu_push_test(v, cmd_cfgi_range(0, 31));
	vsmmu_ring(v);
	at = vsmmu_log_find(v, 0, LOG_RECONFIG);
	assert_int_equal(v->log[at].b, 0);
	assert_int_equal(v->log[at].c, 0xff);
	vsmmu_free(v);
}

/* Everything queued before has taken effect when reconfig() is called, and nothing after has. */
static void reconfig_is_in_order(void **state)
{
	struct vsmmu *v = booted(5);
	size_t at;

	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_push_test(v, cmd_cfgi_cd(9, 0));
	vsmmu_push_test(v, cmd_cfgi_ste(9));
	vsmmu_push_test(v, cmd_nh_va(1, 0x2000));
	vsmmu_submit(v, cmd_cfgi_range(9, 31));
	assert_idle(v);
	at = vsmmu_log_find(v, 0, LOG_RECONFIG);
	assert_int_equal(vsmmu_log_find(v, 0, LOG_HOST), 0);
	assert_int_equal(v->log[0].b, 0x1001);
	assert_int_equal(v->log[1].kind, LOG_HOST);
	assert_true(at >= 2 && vsmmu_log_find(v, at, LOG_HOST) > at);
	assert_int_equal(v->log[vsmmu_log_find(v, at, LOG_HOST)].b, 0x2001);
	at = vsmmu_log_find(v, at + 1, LOG_RECONFIG);
	assert_true(at > vsmmu_log_find(v, 2, LOG_HOST) && at < v->log_count);
	assert_int_equal(vsmmu_log_find(v, at, LOG_HOST), v->log_count);
	vsmmu_free(v);
}

/* Batch before CFGI_STE fails: the configuration must not have been touched. */
static void reconfig_waits_for_a_failed_batch(void **state)
{
	struct vsmmu *v = booted(5);

	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_push_test(v, cmd_cfgi_ste(9));
	test_host_fail(&v->host, 0, cmd_nh_va(1, 0x1000).dw, VIQ_CALL_NO_MEMORY, -1);
	vsmmu_ring(v);
	assert_waits(v, 0);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 0);
	test_host_heal(&v->host);
	vsmmu_retry(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 1);
	vsmmu_free(v);
}

static void failing_reconfig_waits_at_it(void **state)
{
	struct vsmmu *v = booted(5);

	v->reconfig_result = -EBUSY;
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_submit(v, cmd_cfgi_ste(9));
	for (unsigned int i = 0; i < 3; i++) {
		assert_waits(v, 1);
		vsmmu_retry(v);
	}
	assert_int_equal(smmuv3_counters(v->smmu).commands[0x03], 0);
	v->reconfig_result = 0;
	vsmmu_retry(v);
	assert_idle(v);
	assert_int_equal(v->host.effect_count, 1); /* what came before was not repeated */
	assert_int_equal(smmuv3_counters(v->smmu).commands[0x03], 1);
	vsmmu_free(v);
}

static void local_commands_never_reach_the_host(void **state)
{
	struct vsmmu *v = booted(5);

	vsmmu_push(v, 0x01, 0);
	vsmmu_push(v, 0x02, 0x1000);
	vsmmu_push_test(v, cmd_cfgi_ste(1));
	vsmmu_push_test(v, cmd_cfgi_range(1, 4));
	vsmmu_push_test(v, cmd_cfgi_range(1, 31));
	vsmmu_push_test(v, cmd_sync(0));
	vsmmu_push_test(v, cmd_sync(1));
	vsmmu_push_test(v, cmd_sync(2));
	vsmmu_push(v, 0x01, 0); /* no CMD_SYNC after it, as Linux sends it */
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(v->host.calls, 0);
	vsmmu_free(v);
}

/* Without a CMD_SYNC everything is consumed in finite time, too. */
static void commands_without_sync_are_consumed(void **state)
{
	for (unsigned int type = 0; type < TEST_HOST_TYPES; type++) {
		struct vsmmu *v = booted(5);

		vsmmu_push_test(v, cmd_host_type(type, 3));
		vsmmu_ring(v);
		assert_idle(v);
		assert_int_equal(v->host.effect_count, 1);
		vsmmu_free(v);
	}
}

/* The commands of a recorded Linux 7.3 guest, from its probe on. */
static void a_linux_guest(void **state)
{
	static const uint64_t cmds[][2] = {
		{0x4, 0x1f},
		{0x0fc02046, 0},
		{0x30, 0},
		{0x0fc02046, 0},
		{0x5, 1},
		{0x0fc02046, 0},
		{0x5, 1},
		{0x0fc02046, 0},
		{0x3, 1},
		{0x0fc02046, 0},
		{0x3, 1},
		{0x0fc02046, 0},
		{0x1, 0},
		{0x0000000800000005, 1},
		{0x0fc02046, 0},
		{0x0000000800000003, 1},
		{0x0fc02046, 0},
		{0x0000000800000001, 0},
		{0x0002000000000012, 0x00000000ffffc701},
		{0x0fc02046, 0},
		{0x0002000000400012, 0x00000000fffa0701},
		{0x0fc02046, 0},
		{0x0002000000000011, 0},
		{0x0fc02046, 0},
	};
	struct vsmmu *v = booted(8);

	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		vsmmu_push_cmd(v, cmds[i]);
		vsmmu_ring(v);
		assert_idle(v);
	}
	assert_int_equal(v->host.effect_count, 7);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 4);
	vsmmu_free(v);
}

/*
 * What may be merged, and what may not. Commands behind a CMD_SYNC do not begin before it completes (4.7.3), so no call
 * has entries from both sides of one. A CMD_SYNC with nothing before it that a host must see makes no call; each
 * completes by itself, because the MSI of one has been written when the next one completes.
 */
static void no_call_crosses_a_sync_and_empty_syncs_make_none(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_SMMUV3_DEFER, 4);
	size_t at = 0;

	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	for (uint32_t i = 0; i < 3; i++)
		vsmmu_push_test(v, cmd_sync_msi(VSMMU_RAM + 8 * i, i + 1));
	vsmmu_push_test(v, cmd_nh_va(1, 0x2000));
	vsmmu_push_sync(v);
	vsmmu_w32(v, REG(CMDQ_PROD), vsmmu_index(v, v->prod));
	assert_false(viq_smmuv3_run(v->smmu, VIQ_WORK_UNLIMITED));
	vsmmu_observe(v);
	assert_idle(v);
	assert_int_equal(v->host.calls, 2);
	for (uint32_t i = 0; i < 3; i++) {
		at = vsmmu_log_find(v, at, LOG_WRITE) + 1;
		assert_int_equal(v->log[at - 1].a, VSMMU_RAM + 8 * i);
		assert_int_equal(v->log[at - 1].cons, 2 + i);
	}
	/* Only then the second entry. */
	assert_int_equal(vsmmu_log_number(v, LOG_HOST), 2);
	assert_true(vsmmu_log_find(v, at, LOG_HOST) < v->log_count);
	vsmmu_free(v);
}

/* The guest rings for each command, and nobody runs the queue meanwhile. */
static void doorbells_that_waited_are_one_run(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_SMMUV3_DEFER, 4);
	struct viq_smmuv3_counters before, counters;

	assert_int_equal(viq_smmuv3_counters(v->smmu, &before, sizeof(before)), 0);
	for (uint32_t i = 0; i < 5; i++) {
		vsmmu_push_test(v, cmd_nh_va(1, 0x1000 * i));
		viq_smmuv3_mmio_write(v->smmu, REG(CMDQ_PROD), 4, vsmmu_index(v, v->prod));
	}
	assert_int_equal(v->host.calls, 0);
	assert_false(viq_smmuv3_run(v->smmu, VIQ_WORK_UNLIMITED));
	assert_int_equal(viq_smmuv3_counters(v->smmu, &counters, sizeof(counters)), 0);
	assert_int_equal(counters.doorbells - before.doorbells, 5);
	assert_int_equal(counters.runs - before.runs, 1);
	assert_int_equal(v->host.calls, 1);
	assert_int_equal(counters.entries, 5);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completion_signals),
		cmocka_unit_test(reserved_cs_is_illegal),
		cmocka_unit_test(no_msi_without_cs_irq),
		cmocka_unit_test(msi_through_the_hook),
		cmocka_unit_test(msi_to_memory),
		cmocka_unit_test(polled_form_writes_its_own_entry),
		cmocka_unit_test(a_guest_that_always_asks_for_msis_needs_no_option),
		cmocka_unit_test(msi_onto_the_next_command),
		cmocka_unit_test(aborted_msi),
		cmocka_unit_test(msi_address_is_zero_as_a_whole),
		cmocka_unit_test(msi_address_is_cut_to_oas),
		cmocka_unit_test(syncs_complete_in_order),
		cmocka_unit_test(sync_separates_host_calls),
		cmocka_unit_test(a_batch_is_one_call),
		cmocka_unit_test(cfgi_ranges),
		cmocka_unit_test(cfgi_beyond_sidsize),
		cmocka_unit_test(reconfig_is_in_order),
		cmocka_unit_test(reconfig_waits_for_a_failed_batch),
		cmocka_unit_test(failing_reconfig_waits_at_it),
		cmocka_unit_test(local_commands_never_reach_the_host),
		cmocka_unit_test(commands_without_sync_are_consumed),
		cmocka_unit_test(a_linux_guest),
		cmocka_unit_test(no_call_crosses_a_sync_and_empty_syncs_make_none),
		cmocka_unit_test(doorbells_that_waited_are_one_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
