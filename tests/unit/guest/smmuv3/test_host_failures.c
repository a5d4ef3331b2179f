/* SPDX-License-Identifier: MIT */
/*
 * P1 and P8: hosts that fail, time out, run out of memory or lie. What the guest sees is its architecture's answer to
 * such cases, and no CMD_SYNC ever completes before everything ahead of it has taken effect.
 */
#include <stdlib.h>
#include <string.h>

#include "support/vsmmu.h"

#define LOG2 9

static struct vsmmu *booted(enum test_contract contract)
{
	struct vsmmu *v = vsmmu_new(NULL);

	test_host_contract(&v->host, contract);
	vsmmu_boot(v, LOG2);
	return v;
}

static bool did(struct vsmmu *v, struct test_cmd cmd)
{
	return test_host_did(&v->host, cmd.dw, 0);
}

/* --- A device does not answer an ATC invalidation (4.7.3, 7.1) ---------------------------------------------------- */

/* TLBIs around the failing ATC_INV complete; the CMD_SYNC reports it and stays; healed, it completes. */
static void atc_timeout(enum test_contract contract, uint32_t error)
{
	struct vsmmu *v = booted(contract);

	for (uint32_t i = 0; i < 10; i++) {
		vsmmu_push_test(v, cmd_nh_va(1, i << 12));
		vsmmu_push_test(v, cmd_atc(9, i << 12, 0));
	}
	vsmmu_push_sync(v);
	test_host_fail(&v->host, 0, cmd_atc(9, 5 << 12, 0).dw, error, -1);
	vsmmu_ring(v);
	for (unsigned int tries = 0; tries < 4; tries++) {
		assert_stopped(v, 20, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
		assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	}
	for (uint32_t i = 0; i < 10; i++)
		assert_true(did(v, cmd_nh_va(1, i << 12)));
	test_host_heal(&v->host);
	vsmmu_linux_gerror(v);
	assert_idle(v);
	for (uint32_t i = 0; i < 10; i++)
		assert_true(did(v, cmd_atc(9, i << 12, 0)));
	vsmmu_free(v);
}

static void atc_timeout_exact(void **state)
{
	atc_timeout(TEST_EXACT, VIQ_CALL_TIMEOUT);
}

static void atc_timeout_late(void **state)
{
	atc_timeout(TEST_ATC_LATE, VIQ_CALL_TIMEOUT);
}

static void atc_timeout_linux_7_3(void **state)
{
	atc_timeout(TEST_LINUX_7_3, VIQ_CALL_TIMEOUT);
}

static void atc_timeout_window(void **state)
{
	atc_timeout(TEST_WINDOW, VIQ_CALL_TIMEOUT);
}

static void atc_timeout_countless(void **state)
{
	atc_timeout(TEST_COUNTLESS, VIQ_CALL_TIMEOUT);
}

static void atc_failure_late(void **state)
{
	atc_timeout(TEST_ATC_LATE, VIQ_CALL_FAILED);
}

/* More runs of other commands between the ATC_INVs than one call can gather: the guest must not see the seams. */
static void atc_timeout_among_many_runs(void **state)
{
	for (uint32_t n = 1; n < 250; n += n < 40 ? 1 : 23) {
		struct vsmmu *v = booted(TEST_ATC_LATE);

		for (uint32_t i = 0; i < n; i++) {
			vsmmu_push_test(v, cmd_atc(9, (uint64_t)i << 12, 0));
			vsmmu_push_test(v, cmd_nh_va(1, i << 12));
		}
		vsmmu_push_sync(v);
		test_host_fail(&v->host, 0, cmd_atc(9, 0, 0).dw, VIQ_CALL_TIMEOUT, -1);
		vsmmu_ring(v);
		assert_stopped(v, 2 * n, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
		for (uint32_t i = 0; i < n; i++)
			assert_true(did(v, cmd_nh_va(1, i << 12)));
		test_host_heal(&v->host);
		vsmmu_linux_gerror(v);
		assert_idle(v);
		vsmmu_free(v);
	}
}

/* The CMD_SYNC comes in a later doorbell: the ATC_INV may be consumed meanwhile, but not forgotten. */
static void atc_timeout_without_a_sync(void **state)
{
	struct vsmmu *v = booted(TEST_ATC_LATE);
	struct test_cmd atc = cmd_atc(9, 0x5000, 0);

	test_host_fail(&v->host, 0, atc.dw, VIQ_CALL_TIMEOUT, -1);
	vsmmu_push_test(v, atc);
	vsmmu_ring(v);
	assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_NONE);
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_ring(v);
	assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_NONE);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_stopped(v, 2, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_true(did(v, cmd_nh_va(1, 0x1000)));
	test_host_heal(&v->host);
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_idle(v);
	assert_true(did(v, atc));
	vsmmu_free(v);
}

/* A time-out takes long: no write of the guest waits for more than one, and the trace tells its fate. */
static void one_timeout_a_write(void **state)
{
	struct vsmmu *v = booted(TEST_EXACT);
	struct test_cmd atc = cmd_atc(9, 0x5000, 0);
	size_t retained = 0;

	test_host_fail(&v->host, 0, atc.dw, VIQ_CALL_TIMEOUT, -1);
	vsmmu_push_test(v, atc);
	vsmmu_push_sync(v);
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t calls = v->host.calls;

		if (i)
			vsmmu_linux_gerror(v);
		else
			vsmmu_ring(v);
		assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
		assert_int_equal(v->host.calls, calls + 1);
	}
	for (size_t i = 0; i < v->log_count; i++)
		retained += v->log[i].kind == LOG_TRACE && v->log[i].a == VIQ_SMMUV3_FATE_RETAINED;
	assert_int_equal(retained, 1);
	vsmmu_free(v);
}

/* A retained ATC_INV survives new commands, errors of other kinds, disabling and enabling the queue. */
static void retained_atc_survives(void **state)
{
	struct vsmmu *v = booted(TEST_ATC_LATE);
	struct test_cmd atc = cmd_atc(9, 0x5000, 3);
	uint32_t cr0 = vsmmu_r32(v, REG(CR0));

	test_host_fail(&v->host, 0, atc.dw, VIQ_CALL_TIMEOUT, -1);
	vsmmu_push_test(v, atc);
	vsmmu_push(v, 0xff, 0);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ILL);
	vsmmu_linux_gerror(v); /* now a CMD_SYNC stands there */
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_CMDQEN));
	vsmmu_w32(v, REG(CR0), cr0);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	vsmmu_linux_gerror(v);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	test_host_heal(&v->host);
	vsmmu_linux_gerror(v);
	assert_idle(v);
	assert_true(did(v, atc));
	vsmmu_free(v);
}

/* CFGI_STE behind a failed ATC_INV: the configuration may change, the CMD_SYNC still may not complete. */
static void retained_atc_and_configuration(void **state)
{
	struct vsmmu *v = booted(TEST_ATC_LATE);
	struct test_cmd atc = cmd_atc(9, 0x5000, 0);

	test_host_fail(&v->host, 0, atc.dw, VIQ_CALL_TIMEOUT, -1);
	vsmmu_push_test(v, atc);
	vsmmu_submit(v, cmd_cfgi_ste(9));
	assert_int_not_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_NONE);
	assert_int_not_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_ILL);
	test_host_heal(&v->host);
	assert_true(vsmmu_drain(v, 4));
	assert_true(did(v, atc));
	vsmmu_free(v);
}

/* More failing ATC_INVs than any fixed buffer holds: exact or wider, but never lost. */
static void a_flood_of_failing_atc(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	const uint32_t number = 40000;

	v->quiet = true;
	test_host_contract(&v->host, TEST_ATC_LATE);
	vsmmu_boot(v, 19);
	v->host.plans[0] = (struct test_plan){.cmd = {0x40}, .mask = {0xff}, .error = VIQ_CALL_TIMEOUT, .times = -1};
	for (uint32_t i = 0; i < number; i++) {
		vsmmu_push_test(v, cmd_atc(i, (uint64_t)i << 12, 0));
		if (!(i % 1000))
			vsmmu_ring(v);
	}
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	for (unsigned int i = 0; i < 3; i++) {
		vsmmu_linux_gerror(v);
		assert_true(vsmmu_observe(v) < v->prod);
	}
	test_host_heal(&v->host);
	assert_true(vsmmu_drain(v, 100000));
	for (uint32_t i = 0; i < number; i += 997)
		assert_true(did(v, cmd_atc(i, (uint64_t)i << 12, 0)));
	assert_true(viq_smmuv3_footprint(v->smmu) <= 256 * 1024);
	vsmmu_free(v);
}

static uint32_t unplugged(struct test_host *host, uint32_t sid)
{
	return host->plans[1].times ? 0 : VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
}

/* The device that never answered is gone: then there is no cache left to invalidate, and the guest must get on. */
static void unplugging_the_dead_device_frees_the_queue(void **state)
{
	struct vsmmu *v = booted(TEST_ATC_LATE);
	struct test_cmd atc = cmd_atc(9, 0x5000, 0);

	v->host.stream = unplugged;
	test_host_fail(&v->host, 0, atc.dw, VIQ_CALL_TIMEOUT, -1);
	vsmmu_submit(v, atc);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	v->host.plans[1].times = -1; /* marks it as unplugged; matches no command of this test */
	v->host.plans[1].cmd[0] = v->host.plans[1].mask[0] = UINT64_MAX;
	vsmmu_linux_gerror(v);
	assert_idle(v);
	vsmmu_free(v);
}

/* --- Failures that are nobody's fault: the queue waits, and shows nothing ------------------------------------------
 */

static void retryable(enum test_contract contract, uint32_t error, uint32_t bad, uint32_t count)
{
	struct vsmmu *v = booted(contract);
	uint64_t cons;

	v->quiet = true;
	for (uint32_t i = 0; i < count; i++)
		vsmmu_push_test(v, cmd_nh_va(1, i << 12));
	vsmmu_push_sync(v);
	test_host_fail(&v->host, 0, cmd_nh_va(1, bad << 12).dw, error, -1);
	vsmmu_ring(v);
	for (unsigned int tries = 0; tries < 3; tries++) {
		cons = vsmmu_observe(v);
		assert_waits(v, cons);
		assert_true(cons <= bad);
		for (uint32_t i = 0; i < cons; i++)
			assert_true(did(v, cmd_nh_va(1, i << 12)));
		if (contract == TEST_EXACT)
			assert_int_equal(cons, bad);
		vsmmu_retry(v);
	}
	test_host_heal(&v->host);
	vsmmu_retry(v);
	assert_idle(v);
	for (uint32_t i = 0; i < count; i++)
		assert_true(did(v, cmd_nh_va(1, i << 12)));
	vsmmu_free(v);
}

static void other_failures_wait(void **state)
{
	static const uint32_t errors[] = {VIQ_CALL_ABORTED,   VIQ_CALL_FAILED, VIQ_CALL_TIMEOUT,
					  VIQ_CALL_NO_MEMORY, VIQ_CALL_GONE,   VIQ_CALL_UNSUPPORTED};

	for (enum test_contract c = TEST_EXACT; c < TEST_CONTRACTS; c++) {
		for (size_t e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
			static const uint32_t bad[] = {0, 1, 7, 62, 63, 64, 100, 199};

			for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
				retryable(c, errors[e], bad[i], 200);
			retryable(c, errors[e], 0, 1);
		}
	}
}

/* The embedder hears of it: it may decide to stop the guest. */
static void the_embedder_hears_of_host_errors(void **state)
{
	struct vsmmu *v = booted(TEST_EXACT);
	size_t at;

	vsmmu_push_test(v, cmd_nh_va(1, 0));
	test_host_fail(&v->host, 0, cmd_nh_va(1, 0).dw, VIQ_CALL_GONE, -1);
	vsmmu_ring(v);
	at = vsmmu_log_find(v, 0, LOG_ERROR);
	assert_true(at < v->log_count);
	assert_int_equal(v->log[at].a, VIQ_CALL_GONE);
	assert_true(smmuv3_counters(v->smmu).call_errors[VIQ_CALL_GONE] > 0);
	vsmmu_free(v);
}

/* A failure that ends inside the culprit hunt: the guest need not notice. */
static void transient_failures_heal(void **state)
{
	for (enum test_contract c = TEST_EXACT; c < TEST_CONTRACTS; c++) {
		for (int times = 1; times < 4; times++) {
			struct vsmmu *v = booted(c);

			for (uint32_t i = 0; i < 130; i++)
				vsmmu_push_test(v, cmd_nh_va(1, i << 12));
			vsmmu_push_sync(v);
			test_host_fail(&v->host, 0, cmd_nh_va(1, 77 << 12).dw, VIQ_CALL_NO_MEMORY, times);
			vsmmu_ring(v);
			assert_true(vsmmu_drain(v, 10));
			for (uint32_t i = 0; i < 130; i++)
				assert_true(did(v, cmd_nh_va(1, i << 12)));
			vsmmu_free(v);
		}
	}
}

/* --- P8: hosts that lie ------------------------------------------------------------------------------------------- */

static void one_lie(enum test_contract contract, enum test_lie lie, uint32_t error, uint32_t bad)
{
	struct vsmmu *v = booted(contract);
	unsigned int rounds = 3;

	v->quiet = true;
	v->host.lie = lie;
	for (uint32_t i = 0; i < 150; i++)
		vsmmu_push_test(v, i % 5 ? cmd_nh_va(1, i << 12) : cmd_atc(9, (uint64_t)i << 12, 0));
	vsmmu_push_sync(v);
	test_host_fail(&v->host, 0, (bad % 5 ? cmd_nh_va(1, bad << 12) : cmd_atc(9, (uint64_t)bad << 12, 0)).dw, error,
		       -1);
	vsmmu_ring(v); /* every observation checks P1 */
	while (rounds--) {
		assert_true(vsmmu_observe(v) < v->prod);
		vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERROR)));
		viq_smmuv3_run(v->smmu, 0);
	}
	assert_true(vsmmu_observe(v) < v->prod);
	v->host.lie = TEST_LIE_NONE;
	test_host_heal(&v->host);
	assert_true(vsmmu_drain(v, 8));
	for (uint32_t i = 0; i < 150; i++)
		assert_true(did(v, i % 5 ? cmd_nh_va(1, i << 12) : cmd_atc(9, (uint64_t)i << 12, 0)));
	vsmmu_free(v);
}

static void lying_hosts(void **state)
{
	static const uint32_t bad[] = {0, 1, 5, 62, 63, 64, 145, 149};
	static const uint32_t errors[] = {VIQ_CALL_FAILED, VIQ_CALL_TIMEOUT, VIQ_CALL_NO_MEMORY};

	for (enum test_contract c = TEST_EXACT; c < TEST_ATC_LATE; c++) {
		for (enum test_lie lie = TEST_LIE_NONE; lie < TEST_LIE_COUNT; lie++) {
			for (size_t e = 0; e < 3; e++) {
				for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
					one_lie(c, lie, errors[e], bad[i]);
			}
		}
	}
}

/* --- Everything at random ----------------------------------------------------------------------------------------- */

static void push_random(struct vsmmu *v, uint64_t *seed)
{
	uint32_t what = test_below(seed, 100), i = test_below(seed, 64);

	if (what < 15)
		vsmmu_push_test(v, cmd_sync(test_below(seed, 3)));
	else if (what < 18)
		vsmmu_push_test(v, cmd_cfgi_ste(i));
	else if (what < 20)
		vsmmu_push(v, test_random(seed), test_random(seed)); /* nearly always illegal */
	else
		vsmmu_push_test(v, cmd_host_type(test_below(seed, TEST_HOST_TYPES), i));
}

static void arm_random(struct vsmmu *v, uint64_t *seed)
{
	static const uint32_t errors[] = {VIQ_CALL_ILLEGAL, VIQ_CALL_FAILED, VIQ_CALL_TIMEOUT, VIQ_CALL_NO_MEMORY,
					  VIQ_CALL_ABORTED};
	struct test_cmd cmd = cmd_host_type(test_below(seed, TEST_HOST_TYPES), test_below(seed, 64));

	test_host_fail(&v->host, test_below(seed, TEST_PLANS), cmd.dw, errors[test_below(seed, 5)],
		       (int)test_below(seed, 4) - 1);
	v->host.lie = test_below(seed, 3) ? TEST_LIE_NONE : (enum test_lie)test_below(seed, TEST_LIE_COUNT);
	test_host_contract(&v->host, (enum test_contract)test_below(seed, TEST_CONTRACTS));
}

/* Any commands, any failures, any budget, a migration now and then: P1 is checked at every look. */
static void random_guest_on_random_host(void **state)
{
	uint64_t seed = test_seed();

	for (unsigned int round = 0; round < 60; round++) {
		struct vsmmu *v = vsmmu_budget(test_below(&seed, 3) ? 0 : 1 + test_below(&seed, 20));

		v->quiet = true;
		vsmmu_boot(v, 1 + test_below(&seed, 8));
		for (unsigned int step = 0; step < 300; step++) {
			uint32_t n = test_below(&seed, 40);

			while (n-- && v->prod - vsmmu_observe(v) < UINT64_C(1) << v->log2size)
				push_random(v, &seed);
			if (!test_below(&seed, 5))
				arm_random(v, &seed);
			if (!test_below(&seed, 10))
				vsmmu_migrate(v);
			vsmmu_ring(v);
			if (test_below(&seed, 2))
				viq_smmuv3_run(v->smmu, test_below(&seed, 8));
			if (test_below(&seed, 4))
				vsmmu_linux_gerror(v);
			if (!test_below(&seed, 6))
				test_host_heal(&v->host);
		}
		test_host_heal(&v->host);
		v->host.lie = TEST_LIE_NONE;
		assert_true(vsmmu_drain(v, 2000));
		vsmmu_free(v);
	}
}

/* The harness bites: a host that reports an entry done and drops it makes a stale completion. */
static int drop_everything(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	res->handled = 0;
	for (uint32_t i = 0; i < req->piece_count; i++)
		res->handled += req->pieces[i].count;
	res->suspect = res->handled;
	res->error = VIQ_CALL_NONE;
	return 0;
}

static void the_oracle_bites(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);

	v->host.ops.invalidate = drop_everything;
	v->collect = true;
	vsmmu_boot(v, 4);
	vsmmu_submit(v, cmd_nh_va(1, 0x1000));
	assert_int_equal(v->stale, 1);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(atc_timeout_exact),
		cmocka_unit_test(atc_timeout_late),
		cmocka_unit_test(atc_timeout_linux_7_3),
		cmocka_unit_test(atc_timeout_window),
		cmocka_unit_test(atc_timeout_countless),
		cmocka_unit_test(atc_failure_late),
		cmocka_unit_test(atc_timeout_among_many_runs),
		cmocka_unit_test(atc_timeout_without_a_sync),
		cmocka_unit_test(one_timeout_a_write),
		cmocka_unit_test(retained_atc_survives),
		cmocka_unit_test(retained_atc_and_configuration),
		cmocka_unit_test(a_flood_of_failing_atc),
		cmocka_unit_test(unplugging_the_dead_device_frees_the_queue),
		cmocka_unit_test(other_failures_wait),
		cmocka_unit_test(the_embedder_hears_of_host_errors),
		cmocka_unit_test(transient_failures_heal),
		cmocka_unit_test(lying_hosts),
		cmocka_unit_test(random_guest_on_random_host),
		cmocka_unit_test(the_oracle_bites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
