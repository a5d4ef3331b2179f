/* SPDX-License-Identifier: MIT */
/*
 * P2, exact failure: one bad entry at every index of an array. The guest sees that index and its hardware's own code;
 * everything before took effect, nothing after. Then the guest does what Linux does, and nothing is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "support/vsmmu.h"

#define LOG2 9

/* Bad for the guest's own hardware, one per class of reason. */
static const struct test_cmd guest_bad[] = {
	{{0x00, 0}},              /* reserved opcode */
	{{0x03 | 1 << 10, 0}},    /* SSec */
	{{0x10, 1}},              /* reserved bit of word 1 */
	{{0x11 | 1 << 8, 0}},     /* reserved bit of word 0 */
	{{0x12, 0x80}},           /* TTL128 */
	{{0x12, 0x400}},          /* reserved combination */
	{{0x40, 63}},             /* Size */
	{{0x28, 0}},              /* needs stage 2 */
	{{0x3046, 0}},            /* CS = 3 */
	{{0x02 | 1 << 8, 0x400}}, /* prefetch with reserved bits */
};
#define GUEST_BAD (sizeof(guest_bad) / sizeof(guest_bad[0]))

/* How many of the effects since from are distinct commands of the array, and none else. */
static void assert_ran_exactly(struct vsmmu *v, const struct test_cmd *cmds, uint32_t count, uint32_t upto)
{
	for (uint32_t i = 0; i < count; i++) {
		bool did = test_host_did(&v->host, cmds[i].dw, 0);

		if (did != (i < upto))
			fail_msg("entry %u of %u: %s, although the queue stopped at %u", i, count,
				 did ? "ran" : "did not run", upto);
	}
}

/* [0, n) of one type with a guest-illegal command at index bad. */
static void one_guest_illegal(struct vsmmu *v, unsigned int type, uint32_t n, uint32_t bad, struct test_cmd what)
{
	struct test_cmd cmds[256];
	uint64_t base = v->prod;
	uint32_t before = (vsmmu_r32(v, REG(GERROR)) & 1);

	vsmmu_forget(v);
	for (uint32_t i = 0; i < n; i++) {
		cmds[i] = cmd_host_type(type, i);
		vsmmu_push_test(v, i == bad ? what : cmds[i]);
	}
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_stopped(v, base + bad, VIQ_SMMUV3_CERROR_ILL);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)) & 1, !before);
	if (type < 6) {
		cmds[bad] = what;
		assert_ran_exactly(v, cmds, n, bad);
	}
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ILL);
	assert_idle(v);
	for (uint32_t i = 0; i < n && type < 6; i++)
		assert_int_equal(test_host_did(&v->host, cmds[i].dw, 0), i != bad);
}

static void guest_illegal_at_every_index(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	unsigned int k = 0;

	v->quiet = true;
	vsmmu_boot(v, LOG2);
	for (unsigned int type = 0; type < TEST_HOST_TYPES; type++) {
		for (uint32_t bad = 0; bad < 200; bad++)
			one_guest_illegal(v, type, 200, bad, guest_bad[k++ % GUEST_BAD]);
	}
	for (uint32_t n = 1; n <= 200; n += n < 70 ? 1 : 13)
		one_guest_illegal(v, n % 6, n, n - 1, guest_bad[k++ % GUEST_BAD]);
	vsmmu_free(v);
}

/* The same with host-illegal: legal by the architecture, refused by this host for reasons of its own. */
static void one_host_illegal(struct vsmmu *v, unsigned int type, uint32_t n, uint32_t bad)
{
	struct test_cmd cmds[256];
	uint64_t base = v->prod;

	vsmmu_forget(v);
	for (uint32_t i = 0; i < n; i++) {
		cmds[i] = cmd_host_type(i == bad ? type : type % 6, i);
		vsmmu_push_test(v, cmds[i]);
	}
	vsmmu_push_sync(v);
	test_host_fail(&v->host, 0, cmds[bad].dw, VIQ_CALL_ILLEGAL, -1);
	vsmmu_ring(v);
	assert_stopped(v, base + bad, VIQ_SMMUV3_CERROR_ILL);
	assert_ran_exactly(v, cmds, n, bad);
	test_host_heal(&v->host);
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ILL);
	assert_idle(v);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(test_host_did(&v->host, cmds[i].dw, 0), i != bad);
}

static void host_illegal(enum test_contract contract)
{
	struct vsmmu *v = vsmmu_new(NULL);

	v->quiet = true;
	test_host_contract(&v->host, contract);
	vsmmu_boot(v, LOG2);
	for (unsigned int type = 0; type < TEST_HOST_TYPES; type++) {
		for (uint32_t bad = 0; bad < 200; bad += contract == TEST_EXACT || type < 2 ? 1 : 7)
			one_host_illegal(v, type, 200, bad);
	}
	for (uint32_t n = 1; n <= 200; n += n < 130 ? 1 : 13) {
		one_host_illegal(v, n % 6, n, n - 1);
		one_host_illegal(v, n % 6, n, n / 2);
	}
	vsmmu_free(v);
}

static void host_illegal_exact(void **state)
{
	host_illegal(TEST_EXACT);
}

static void host_illegal_linux_7_3(void **state)
{
	host_illegal(TEST_LINUX_7_3);
}

static void host_illegal_linux_next(void **state)
{
	host_illegal(TEST_LINUX_NEXT);
}

static void host_illegal_countless(void **state)
{
	host_illegal(TEST_COUNTLESS);
}

static void host_illegal_atomic(void **state)
{
	host_illegal(TEST_ATOMIC);
}

static void host_illegal_window(void **state)
{
	host_illegal(TEST_WINDOW);
}

/* The index is right with its wrap flag wherever the array lies in the ring. */
static void wrap_around(void **state)
{
	for (unsigned int log2 = 0; log2 <= 6; log2++) {
		uint32_t size = 1u << log2;

		for (uint32_t start = 0; start < 2 * size; start++) {
			struct vsmmu *v = vsmmu_new(NULL);

			v->quiet = true;
			vsmmu_boot_at(v, log2, VSMMU_CMDQ, start);
			for (uint32_t bad = 0; bad < size; bad += 1 + size / 16) {
				struct test_cmd cmds[64];

				vsmmu_forget(v);
				for (uint32_t i = 0; i < size; i++) {
					cmds[i] = i == bad ? guest_bad[bad % GUEST_BAD] : cmd_host_type(0, i);
					vsmmu_push_test(v, cmds[i]);
				}
				vsmmu_ring(v);
				assert_stopped(v, v->prod - size + bad, VIQ_SMMUV3_CERROR_ILL);
				assert_ran_exactly(v, cmds, size, bad);
				assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ILL);
				assert_idle(v);
			}
			vsmmu_free(v);
		}
	}
}

/* --- Commands that no host needs, between those that it does ------------------------------------------------------ */

static uint32_t knows_nine(struct test_host *host, uint32_t sid)
{
	return sid == 9 ? VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS : 0;
}

/* Every kind that leaves the queue without being an entry of an invalidate call. */
static struct test_cmd local_command(uint32_t kind)
{
	switch (kind % 5) {
	case 0:
		return (struct test_cmd){{0x01 | UINT64_C(9) << 32, 0}};
	case 1:
		return (struct test_cmd){{0x02, 0x1000}};
	case 2:
		return cmd_atc(8, 0x1000, 0);
	case 3:
		return cmd_cfgi_cd(8, 1);
	default:
		return cmd_cfgi_cd_all(10);
	}
}

/* The index of a bad entry counts them all: n of which entry is bad, with runs of others before, between and behind. */
static void index_counts_local_commands(void **state)
{
	uint64_t seed = test_seed();
	uint64_t unknown = 0;
	struct vsmmu *v = vsmmu_new(NULL);

	v->host.stream = knows_nine;
	v->quiet = true;
	vsmmu_boot(v, LOG2);
	for (uint32_t round = 0; round < 600; round++) {
		uint32_t n = 1 + test_below(&seed, 150), bad = test_below(&seed, n), density = test_below(&seed, 5);
		uint64_t base = v->prod;
		struct test_cmd cmds[150];

		vsmmu_forget(v);
		for (uint32_t i = 0; i < n; i++) {
			bool local = i != bad && test_below(&seed, 5) < density;

			cmds[i] = local ? local_command(test_below(&seed, 5)) : cmd_nh_va(1, (uint64_t)i << 12);
			unknown += local && (refcmd_sid(cmds[i].dw) == 8 || refcmd_sid(cmds[i].dw) == 10);
			vsmmu_push_test(v, cmds[i]);
		}
		vsmmu_push_sync(v);
		test_host_contract(&v->host, (enum test_contract)test_below(&seed, TEST_ATC_LATE));
		test_host_fail(&v->host, 0, cmds[bad].dw, VIQ_CALL_ILLEGAL, -1);
		vsmmu_ring(v);
		assert_stopped(v, base + bad, VIQ_SMMUV3_CERROR_ILL);
		for (uint32_t i = 0; i < n; i++) {
			if (refcmd_op(cmds[i].dw) == 0x12)
				assert_int_equal(test_host_did(&v->host, cmds[i].dw, 0), i < bad);
		}
		test_host_heal(&v->host);
		vsmmu_linux_gerror(v);
		assert_idle(v);
	}
	assert_int_equal(smmuv3_counters(v->smmu).no_stream, unknown);
	assert_memory_equal(smmuv3_counters(v->smmu).commands, v->consumed, sizeof(v->consumed));
	vsmmu_free(v);
}

/* So do ATC_INVs that are ignored because translation is off (4.5). */
static void index_counts_ignored_atc(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, LOG2);

	vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN));
	v->smmuen = false;
	vsmmu_push_test(v, cmd_atc(9, 0x1000, 0));
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_push_test(v, cmd_atc(9, 0x2000, 0));
	vsmmu_push_test(v, cmd_nh_va(1, 0x2000));
	test_host_fail(&v->host, 0, cmd_nh_va(1, 0x2000).dw, VIQ_CALL_ILLEGAL, -1);
	vsmmu_ring(v);
	assert_stopped(v, 3, VIQ_SMMUV3_CERROR_ILL);
	assert_int_equal(v->host.effect_count, 1);
	vsmmu_free(v);
}

/* More local commands than any buffer between two flushes, and none of them held back. */
static void thousands_of_local_commands(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	uint64_t bad;

	v->quiet = true;
	v->host.stream = knows_nine;
	vsmmu_boot(v, 13);
	for (uint32_t i = 0; i < 5000; i++)
		vsmmu_push_test(v, i % 700 ? local_command(i) : cmd_nh_va(1, (uint64_t)i << 12));
	bad = v->prod;
	vsmmu_push(v, 0xff, 0);
	vsmmu_ring(v);
	assert_stopped(v, bad, VIQ_SMMUV3_CERROR_ILL);
	assert_int_equal(v->host.effect_count, 8);
	vsmmu_free(v);
}

/* More entries than one call takes, a bad one at the seams. */
static void arrays_of_many_calls(void **state)
{
	static const uint32_t bad[] = {0, 255, 256, 257, 2046, 2047, 2048, 2049, 4095, 4096, 4097, 6000, 6001};
	struct vsmmu *v = vsmmu_new(NULL);

	v->quiet = true;
	vsmmu_boot(v, 13);
	for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
		uint64_t base = v->prod;

		vsmmu_forget(v);
		for (uint32_t i = 0; i < 6002; i++)
			vsmmu_push_test(v, i % 100 == 99 ? cmd_nh_asid(i & 0xff) : cmd_nh_va(1, (uint64_t)i << 12));
		test_host_fail(&v->host, 0, v->shadow[(base + bad[b]) % v->shadow_room].cmd, VIQ_CALL_ILLEGAL, -1);
		vsmmu_ring(v);
		assert_stopped(v, base + bad[b], VIQ_SMMUV3_CERROR_ILL);
		test_host_heal(&v->host);
		vsmmu_linux_gerror(v);
		assert_idle(v);
	}
	assert_memory_equal(smmuv3_counters(v->smmu).commands, v->consumed, sizeof(v->consumed));
	vsmmu_free(v);
}

/* Several bad commands: one error after the other, each at its own index. */
static void consecutive_errors(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, 6);

	for (unsigned int i = 0; i < GUEST_BAD; i++)
		vsmmu_push_test(v, guest_bad[i]);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	for (unsigned int i = 0; i < GUEST_BAD; i++) {
		assert_stopped(v, i, VIQ_SMMUV3_CERROR_ILL);
		assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ILL);
	}
	assert_idle(v);
	assert_int_equal(smmuv3_counters(v->smmu).cerror[1], GUEST_BAD);
	vsmmu_free(v);
}

/* 7.1: while the error is active nothing is consumed and PROD is just stored, also moved back. */
static void nothing_moves_while_the_error_is_active(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	uint32_t gerror;

	vsmmu_boot(v, 6);
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_push(v, 0, 0);
	vsmmu_push_test(v, cmd_nh_va(1, 0x2000));
	vsmmu_ring(v);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ILL);
	gerror = vsmmu_r32(v, REG(GERROR));
	vsmmu_w32(v, REG(CMDQ_PROD), 3);
	viq_smmuv3_run(v->smmu, 0);
	assert_false(viq_smmuv3_run(v->smmu, 0)); /* nothing that could be consumed is left */
	vsmmu_w32(v, REG(CMDQ_PROD), 1);          /* back as far as CONS */
	assert_int_equal(vsmmu_r32(v, REG(CMDQ_PROD)), 1);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ILL);
	assert_int_equal(vsmmu_r32(v, REG(GERROR)), gerror); /* not toggled again: that would clear it */
	assert_int_equal(v->host.effect_count, 1);
	/* Neither does disabling the queue acknowledge. */
	vsmmu_w32(v, REG(CR0), vsmmu_r32(v, REG(CR0)) & ~(uint32_t)REG(CR0_CMDQEN));
	assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_ILL);
	vsmmu_w32(v, REG(CR0), vsmmu_r32(v, REG(CR0)) | REG(CR0_CMDQEN));
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ILL);
	/* With the queue emptied, acknowledging leaves it idle. */
	vsmmu_w32(v, REG(GERRORN), gerror);
	v->prod = 1;
	assert_idle(v);
	vsmmu_free(v);
}

/* A write to GERRORN that does not acknowledge does not restart; the one that does is enough, without a doorbell. */
static void acknowledging_restarts_by_itself(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, 6);

	vsmmu_push(v, 0x13, 1 << 4);
	vsmmu_submit(v, cmd_nh_va(1, 0x2000));
	assert_stopped(v, 0, VIQ_SMMUV3_CERROR_ILL);
	vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERRORN)));
	assert_stopped(v, 0, VIQ_SMMUV3_CERROR_ILL);
	/* The entry is read again: repaired in place. */
	vsmmu_poke64(v, VSMMU_CMDQ + 8, 0);
	v->shadow[0].cmd[1] = 0;
	vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERROR)));
	assert_idle(v);
	assert_int_equal(v->host.effect_count, 2);
	vsmmu_free(v);
}

/* Acknowledging without repair: the same error at the same place, toggled again. */
static void unrepaired_command_fails_again(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, 6);

	vsmmu_push(v, 0, 0);
	vsmmu_ring(v);
	for (unsigned int i = 0; i < 5; i++) {
		assert_stopped(v, 0, VIQ_SMMUV3_CERROR_ILL);
		vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERROR)));
	}
	assert_stopped(v, 0, VIQ_SMMUV3_CERROR_ILL);
	assert_int_equal(smmuv3_counters(v->smmu).cerror[1], 6);
	vsmmu_free(v);
}

/* The registers are complete when the GERROR interrupt comes, and it comes only if enabled. */
static void gerror_interrupt(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	size_t at;

	vsmmu_boot(v, 6);
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_push(v, 0, 0);
	vsmmu_ring(v);
	at = vsmmu_log_find(v, 0, LOG_IRQ);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, VIQ_SMMUV3_IRQ_GERROR);
	assert_int_equal(v->log[at].cons, 0x01000001);
	assert_int_equal(v->log[at].gerror, 1);
	assert_int_equal(vsmmu_log_number(v, LOG_IRQ), 1);
	vsmmu_w32(v, REG(IRQ_CTRL), 0);
	vsmmu_log_clear(v);
	vsmmu_w32(v, REG(GERRORN), 1);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ILL);
	assert_int_equal(vsmmu_log_number(v, LOG_IRQ), 0);
	vsmmu_free(v);
}

/* With an MSI: one write, after GERROR and CONS.ERR can be read. */
static void gerror_msi(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	size_t at;

	vsmmu_w64(v, REG(GERROR_IRQ_CFG0), 0x08020000);
	vsmmu_w32(v, REG(GERROR_IRQ_CFG1), 0xabcd);
	vsmmu_boot(v, 6);
	vsmmu_push(v, 0x03, 2);
	vsmmu_ring(v);
	assert_int_equal(vsmmu_log_number(v, LOG_MSI), 1);
	at = vsmmu_log_find(v, 0, LOG_MSI);
	assert_int_equal(v->log[at].a, 0x08020000);
	assert_int_equal(v->log[at].b, 0xabcd);
	assert_int_equal(v->log[at].cons, 0x01000000);
	assert_int_equal(v->log[at].gerror, 1);
	vsmmu_free(v);
}

/* Trace and counters tell the same story. */
static void trace_is_complete_and_in_order(void **state)
{
	static const unsigned int fates[] = {
		VIQ_SMMUV3_FATE_HOST, VIQ_SMMUV3_FATE_LOCAL, VIQ_SMMUV3_FATE_LOCAL,
		VIQ_SMMUV3_FATE_SYNC, VIQ_SMMUV3_FATE_HOST,  VIQ_SMMUV3_FATE_ERROR,
	};
	struct vsmmu *v = vsmmu_new(NULL);
	size_t at = 0;

	vsmmu_boot(v, 6);
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_push(v, 0x01, 0);
	vsmmu_push_test(v, cmd_cfgi_ste(4));
	vsmmu_push_sync(v);
	vsmmu_push_test(v, cmd_nh_asid(3));
	vsmmu_push(v, 0xff, 7);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	for (unsigned int i = 0; i < 6; i++, at++) {
		at = vsmmu_log_find(v, at, LOG_TRACE);
		assert_true(at < v->log_count);
		assert_int_equal(v->log[at].b, i);
		assert_int_equal(v->log[at].a, fates[i]);
		assert_int_equal(v->log[at].cmd[0], vsmmu_peek64(v, VSMMU_CMDQ + i * 16));
		assert_int_equal(v->log[at].c, i == 5 ? VIQ_SMMUV3_CERROR_ILL : 0);
	}
	assert_int_equal(vsmmu_log_find(v, at, LOG_TRACE), v->log_count);
	assert_int_equal(smmuv3_counters(v->smmu).commands[0x46], 1);
	assert_int_equal(smmuv3_counters(v->smmu).commands[0x12], 1);
	assert_int_equal(smmuv3_counters(v->smmu).commands[0xff], 0);
	assert_int_equal(smmuv3_counters(v->smmu).entries, 2);
	vsmmu_free(v);
}

/* Also when it is a host that stops the queue: those before it, it, and none behind it. */
static void trace_of_a_host_error(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	size_t at = 0;

	vsmmu_boot(v, 6);
	for (uint32_t i = 0; i < 8; i++)
		vsmmu_push_test(v, i % 2 ? cmd_nh_va(1, i << 12) : (struct test_cmd){{0x01, 0}});
	test_host_fail(&v->host, 0, cmd_nh_va(1, 5 << 12).dw, VIQ_CALL_ILLEGAL, -1);
	vsmmu_ring(v);
	for (uint32_t i = 0; i < 6; i++, at++) {
		const unsigned int fate = i == 5  ? VIQ_SMMUV3_FATE_ERROR
					  : i % 2 ? VIQ_SMMUV3_FATE_HOST
						  : VIQ_SMMUV3_FATE_LOCAL;

		at = vsmmu_log_find(v, at, LOG_TRACE);
		assert_true(at < v->log_count);
		assert_int_equal(v->log[at].b, i);
		assert_int_equal(v->log[at].a, fate);
		assert_int_equal(v->log[at].cmd[0], vsmmu_peek64(v, vsmmu_entry(v, i)));
		assert_int_equal(v->log[at].cmd[1], vsmmu_peek64(v, vsmmu_entry(v, i) + 8));
	}
	assert_int_equal(vsmmu_log_find(v, at, LOG_TRACE), v->log_count);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guest_illegal_at_every_index),
		cmocka_unit_test(host_illegal_exact),
		cmocka_unit_test(host_illegal_linux_7_3),
		cmocka_unit_test(host_illegal_linux_next),
		cmocka_unit_test(host_illegal_countless),
		cmocka_unit_test(host_illegal_atomic),
		cmocka_unit_test(host_illegal_window),
		cmocka_unit_test(wrap_around),
		cmocka_unit_test(index_counts_local_commands),
		cmocka_unit_test(index_counts_ignored_atc),
		cmocka_unit_test(thousands_of_local_commands),
		cmocka_unit_test(arrays_of_many_calls),
		cmocka_unit_test(consecutive_errors),
		cmocka_unit_test(nothing_moves_while_the_error_is_active),
		cmocka_unit_test(acknowledging_restarts_by_itself),
		cmocka_unit_test(unrepaired_command_fails_again),
		cmocka_unit_test(gerror_interrupt),
		cmocka_unit_test(gerror_msi),
		cmocka_unit_test(trace_is_complete_and_in_order),
		cmocka_unit_test(trace_of_a_host_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
