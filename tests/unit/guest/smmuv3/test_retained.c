/* SPDX-License-Identifier: MIT */
/*
 * P5: a device that does not answer its ATC_INVs (IHI 0070 3.9.1.4, 7.1) costs others nothing but a time-out: its
 * commands are kept aside, the VMM hears of it, and when it is isolated nothing of it holds the queue.
 */
#include <stdlib.h>

#include "support/vsmmu.h"

#define DEAD 9

static bool isolated;

static uint32_t streams(struct test_host *host, uint32_t sid)
{
	return sid == DEAD && isolated ? VIQ_CALL_STREAM_KNOWN : VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
}

static void isolate(struct vsmmu *v, uint32_t sid)
{
	isolated = sid == DEAD;
}

static struct vsmmu *with_dead_device(enum test_contract contract, unsigned int log2)
{
	struct vsmmu *v = vsmmu_new(NULL);

	isolated = false;
	v->host.stream = streams;
	test_host_contract(&v->host, contract);
	vsmmu_boot(v, log2);
	test_host_fail(&v->host, 0, cmd_atc(DEAD, 0, 0).dw, VIQ_CALL_TIMEOUT, -1);
	return v;
}

/* Isolated when it is told of: the guest sees the time-out once, as the architecture has it, and goes on. */
static void an_isolated_device_holds_nobody(void **state)
{
	struct vsmmu *v = with_dead_device(TEST_EXACT, 6);

	v->on_timeout = isolate;
	v->lax = true; /* nothing can hold what the device's ATC_INVs were for */
	vsmmu_push_test(v, cmd_atc(DEAD, 0x1000, 0));
	vsmmu_push_sync(v);
	vsmmu_push_test(v, cmd_nh_va(1, 0x2000));
	vsmmu_submit(v, cmd_atc(8, 0x2000, 0));
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_TIMEOUT), 1);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_TIMEOUT)].a, DEAD);
	assert_int_equal(v->host.calls, 2);
	assert_true(test_host_did(&v->host, cmd_nh_va(1, 0x2000).dw, 0));
	assert_true(test_host_did(&v->host, cmd_atc(8, 0x2000, 0).dw, 0));
	vsmmu_free(v);
}

/* Later, from the VMM's own loop: until then no CMD_SYNC completes (P1); then the next attempt does. */
static void isolating_it_later_frees_the_queue(void **state)
{
	struct vsmmu *v = with_dead_device(TEST_EXACT, 6);

	vsmmu_submit(v, cmd_atc(DEAD, 0x1000, 0));
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	isolated = true;
	v->lax = true;
	vsmmu_linux_gerror(v);
	assert_idle(v);
	vsmmu_free(v);
}

/* While it owes answers it is asked again for a CMD_SYNC only: one doorbell costs one time-out, whatever it has. */
static void one_time_out_a_doorbell(void **state)
{
	struct vsmmu *v = with_dead_device(TEST_EXACT, 14);
	uint64_t calls;

	v->quiet = true;
	for (uint32_t i = 0; i < 4000; i++) {
		vsmmu_push_test(v, cmd_atc(DEAD, (uint64_t)i << 12, 0));
		vsmmu_push_test(v, cmd_cfgi_ste(77));
	}
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(v->host.calls, 1);
	assert_int_equal(smmuv3_counters(v->smmu).call_errors[VIQ_CALL_TIMEOUT], 1);
	/* Another one for the CMD_SYNC, and each of its repetitions but the first, which reports the old one. */
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_stopped(v, 8000, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	for (unsigned int i = 0; i < 3; i++) {
		calls = v->host.calls;
		vsmmu_linux_gerror(v);
		assert_int_equal(v->host.calls, calls + 1);
	}
	test_host_heal(&v->host);
	vsmmu_linux_gerror(v);
	assert_idle(v);
	assert_true(test_host_did(&v->host, cmd_atc(DEAD, 3999 << 12, 0).dw, 0));
	vsmmu_free(v);
}

/* All of it is kept in the place of many: nothing grows, and a saved state is small. */
static void everything_of_a_device_is_two_commands(void **state)
{
	struct vsmmu *v = with_dead_device(TEST_ATC_LATE, 12);
	size_t none = viq_smmuv3_save_size(v->smmu);

	v->quiet = true;
	for (uint32_t i = 0; i < 3000; i++) {
		struct test_cmd cmd = cmd_atc(DEAD, (uint64_t)i << 12, 0);

		cmd.dw[0] |= i % 3 ? VIQ_SMMUV3_CMD_SSV | VIQ_PUT(VIQ_SMMUV3_CMD_SSID, i) : 0;
		vsmmu_push_test(v, cmd);
	}
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(viq_smmuv3_save_size(v->smmu), none + 32);
	vsmmu_migrate(v);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_stopped(v, 3000, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	test_host_heal(&v->host);
	vsmmu_linux_gerror(v);
	assert_idle(v); /* P1 was checked for each of them */
	vsmmu_free(v);
}

/* One call for several devices: which of them it was is found out by asking each; the others are done. */
static void only_the_dead_one_is_blamed(void **state)
{
	struct vsmmu *v = with_dead_device(TEST_ATC_LATE, 11);

	for (uint32_t sid = 1; sid < 20; sid++)
		vsmmu_push_test(v, cmd_atc(sid, 0x1000, 0));
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_stopped(v, 19, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_int_equal(vsmmu_log_number(v, LOG_TIMEOUT), 0);
	v->on_timeout = isolate;
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_int_equal(vsmmu_log_number(v, LOG_TIMEOUT), 1);
	assert_int_equal(v->log[vsmmu_log_find(v, 0, LOG_TIMEOUT)].a, DEAD);
	v->lax = true;
	assert_true(vsmmu_drain(v, 5));
	for (uint32_t sid = 1; sid < 20; sid++)
		assert_int_equal(test_host_did(&v->host, cmd_atc(sid, 0x1000, 0).dw, 0), sid != DEAD);
	vsmmu_free(v);
}

/* A host that cannot when the device is asked again: that is no time-out, and the queue waits at the CMD_SYNC. */
static void a_host_that_fails_meanwhile(void **state)
{
	struct vsmmu *v = with_dead_device(TEST_EXACT, 6);

	vsmmu_submit(v, cmd_atc(DEAD, 0x1000, 0));
	test_host_fail(&v->host, 0, cmd_atc(DEAD, 0, 0).dw, VIQ_CALL_NO_MEMORY, -1);
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_waits(v, 1);
	test_host_heal(&v->host);
	vsmmu_retry(v);
	assert_idle(v);
	vsmmu_free(v);
}

/* What is around a time-out fails for another reason: the queue stands exactly there, and what is before it is done. */
static void others_fail_too(void **state)
{
	static const uint32_t errors[] = {VIQ_CALL_ILLEGAL, VIQ_CALL_NO_MEMORY};

	for (size_t i = 0; i < 2; i++) {
		struct vsmmu *v = with_dead_device(TEST_EXACT, 6);

		test_host_fail(&v->host, 1, cmd_nh_va(1, 0x3000).dw, errors[i], -1);
		vsmmu_push_test(v, cmd_atc(DEAD, 0x1000, 0));
		vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
		vsmmu_push_test(v, cmd_atc(8, 0x2000, 0));
		vsmmu_push_test(v, cmd_nh_va(1, 0x2000));
		vsmmu_submit(v, cmd_nh_va(1, 0x3000));
		if (errors[i] == VIQ_CALL_ILLEGAL)
			assert_stopped(v, 4, VIQ_SMMUV3_CERROR_ILL);
		else
			assert_waits(v, 4);
		assert_true(test_host_did(&v->host, cmd_nh_va(1, 0x2000).dw, 0));
		test_host_heal(&v->host);
		assert_true(vsmmu_drain(v, 5));
		vsmmu_free(v);
	}
}

/* Devices that do answer, but more of them than the budget is for: no error, and the CMD_SYNC goes on. */
static void the_budget_ends_among_those_that_answer(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_CALL, 6);

	for (uint32_t sid = 1; sid <= 4; sid++) {
		test_host_fail(&v->host, 0, cmd_atc(sid, 0, 0).dw, VIQ_CALL_TIMEOUT, -1);
		vsmmu_push_test(v, cmd_atc(sid, 0x1000, 0));
		vsmmu_ring(v);
	}
	test_host_heal(&v->host);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_stopped(v, 4, VIQ_SMMUV3_CERROR_ATC_INV_SYNC); /* it reports what was */
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_stopped(v, 4, VIQ_SMMUV3_CERROR_NONE);
	while (viq_smmuv3_run(v->smmu, 1))
		assert_stopped(v, 4, VIQ_SMMUV3_CERROR_NONE);
	assert_idle(v);
	vsmmu_free(v);
}

/* Calls that fail as a whole are left to *opaque. */
static int all_or_nothing(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	unsigned int *fails = opaque;
	uint32_t count = 0;

	for (uint32_t i = 0; i < req->piece_count; i++)
		count += req->pieces[i].count;
	res->host_calls = 1;
	res->handled = res->suspect = count;
	if (*fails) {
		--*fails;
		res->handled = 0;
		res->suspect = count - 1;
		res->error = VIQ_CALL_FAILED;
	}
	return 0;
}

/* A TLBI and an ATC_INV are both suspected, and then the TLBI alone fails: the device is not to blame. */
static void a_device_is_not_blamed_for_others(void **state)
{
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops), .report_group = 1, .invalidate = all_or_nothing};
	struct viq_smmuv3_config config;
	unsigned int fails = 2;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.host = (struct viq_call_host){.ops = &ops, .opaque = &fails};
	v = vsmmu_new(&config);
	v->lax = true; /* this host has no record of effects */
	vsmmu_boot(v, 6);
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_submit(v, cmd_atc(DEAD, 0x1000, 0));
	assert_waits(v, 0);
	assert_int_equal(fails, 0);
	vsmmu_retry(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_TIMEOUT), 0);
	vsmmu_free(v);
}

static uint32_t isolated_below;

static uint32_t many_streams(struct test_host *host, uint32_t sid)
{
	return sid < isolated_below ? VIQ_CALL_STREAM_KNOWN : VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
}

/* No room for one more: the queue waits, until some of the others are isolated. */
static void isolating_some_makes_room(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);

	isolated_below = 0;
	v->host.stream = many_streams;
	v->lax = v->quiet = true;
	vsmmu_boot(v, 12);
	for (uint32_t sid = 0; sid <= 1024; sid++) {
		test_host_fail(&v->host, 0, cmd_atc(sid, 0, 0).dw, VIQ_CALL_TIMEOUT, -1);
		vsmmu_push_test(v, cmd_atc(sid, 0x1000, 0));
		vsmmu_ring(v);
	}
	assert_waits(v, 1024);
	isolated_below = 500;
	vsmmu_retry(v);
	assert_idle(v);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_isolated_device_holds_nobody),
		cmocka_unit_test(isolating_it_later_frees_the_queue),
		cmocka_unit_test(one_time_out_a_doorbell),
		cmocka_unit_test(everything_of_a_device_is_two_commands),
		cmocka_unit_test(only_the_dead_one_is_blamed),
		cmocka_unit_test(a_host_that_fails_meanwhile),
		cmocka_unit_test(others_fail_too),
		cmocka_unit_test(the_budget_ends_among_those_that_answer),
		cmocka_unit_test(a_device_is_not_blamed_for_others),
		cmocka_unit_test(isolating_some_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
