/* SPDX-License-Identifier: MIT */
/*
 * P4, bounded work, in commands and in host calls: budgets, kicks, and the cost of failures. Whatever a register write
 * sets in motion keeps to the budget; what it leaves waits for run().
 */
#include <string.h>

#include "support/vsmmu.h"

static void budget_of_one(void **state)
{
	struct vsmmu *v = vsmmu_start(1, 5);

	for (uint32_t i = 0; i < 20; i++)
		vsmmu_push_test(v, i % 4 == 3 ? cmd_sync(0) : cmd_nh_va(1, i << 12));
	vsmmu_ring(v);
	assert_int_equal(vsmmu_observe(v), 1);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1);
	for (uint32_t i = 2; i < 20; i++) {
		assert_true(viq_smmuv3_run(v->smmu, 1));
		assert_int_equal(vsmmu_observe(v), i);
	}
	assert_false(viq_smmuv3_run(v->smmu, 1)); /* the last one: nothing is left */
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1); /* run() needs no kick: it says so itself */
	assert_int_equal(smmuv3_counters(v->smmu).budget_ends, 19);
	vsmmu_free(v);
}

static void budget_is_a_limit(void **state)
{
	for (uint32_t budget = 1; budget < 70; budget++) {
		struct vsmmu *v;
		uint64_t before = 0;

		v = vsmmu_start(budget, 8);
		for (uint32_t i = 0; i < 200; i++)
			vsmmu_push_test(v, cmd_host_type(i % TEST_HOST_TYPES, i));
		vsmmu_ring(v);
		assert_int_equal(vsmmu_observe(v), budget);
		while (!vsmmu_idle(v)) {
			before = vsmmu_observe(v);
			viq_smmuv3_run(v->smmu, budget);
			assert_true(vsmmu_observe(v) > before);
			assert_true(vsmmu_observe(v) - before <= budget);
		}
		vsmmu_free(v);
	}
}

/* A ring of commands that differ, behind callbacks. */
static int read_ring(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	uint64_t(*out)[2] = buf;

	for (size_t i = 0; i < len / sizeof(*out); i++)
		memcpy(out[i], cmd_nh_va(1, ((gpa - VSMMU_CMDQ) / sizeof(*out) + i) << 12).dw, sizeof(*out));
	return 0;
}

/*
 * More commands than a batch holds: the call for the first batch may cost all that is left, or more. The run ends
 * behind it then, without an error, whether the ring is mapped or behind callbacks.
 */
static void the_call_of_a_full_batch_ends_the_budget(void **state)
{
	static const struct viq_mem_ops ops = {.size = sizeof(ops), .read = read_ring};
	struct viq_smmuv3_config config;
	struct viq_mem *mem;

	assert_int_equal(viq_mem_create(NULL, 0, &ops, NULL, &mem, NULL), 0);
	vsmmu_config(&config);
	for (config.budget = 2049; config.budget < 2048 + 3 * VIQ_WORK_CALL; config.budget += 7) {
		uint32_t paid = 2048 + VIQ_WORK_CALL;

		for (unsigned int mapped = 0; mapped < 2; mapped++) {
			struct vsmmu *v;

			config.mem = mapped ? NULL : mem;
			v = vsmmu_new(&config);
			v->lax = true;
			vsmmu_boot(v, 13);
			for (uint32_t i = 0; mapped && i < 6000; i++)
				vsmmu_push_test(v, cmd_nh_va(1, (uint64_t)i << 12));
			vsmmu_w32(v, REG(CMDQ_PROD), 6000);
			assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_NONE);
			assert_int_equal(vsmmu_r32(v, REG(CMDQ_CONS)),
					 2048 + (config.budget > paid ? config.budget - paid : 0));
			vsmmu_free(v);
		}
	}
	viq_mem_destroy(mem);
}

/* Every register write that can start the queue keeps to the budget. */
static void every_trigger_keeps_the_budget(void **state)
{
	struct vsmmu *v;
	uint32_t cr0;

	v = vsmmu_start(3, 8);
	cr0 = vsmmu_r32(v, REG(CR0));
	for (uint32_t i = 0; i < 100; i++)
		vsmmu_push_test(v, cmd_nh_va(1, i << 12));
	vsmmu_ring(v);
	assert_int_equal(vsmmu_observe(v), 3);
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_CMDQEN));
	vsmmu_w32(v, REG(CR0), cr0);
	assert_int_equal(vsmmu_observe(v), 6);
	vsmmu_w32(v, REG(GERRORN), 0);
	assert_true(vsmmu_observe(v) <= 9);
	assert_true(vsmmu_log_number(v, LOG_KICK) >= 2);
	vsmmu_free(v);
}

/* A disabled queue consumes nothing, and run() says that nothing is left. */
static void disabled_queue(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, 5);

	vsmmu_w32(v, REG(CR0), 0);
	vsmmu_push_test(v, cmd_nh_va(1, 0));
	vsmmu_ring(v);
	assert_int_equal(vsmmu_observe(v), 0);
	assert_false(viq_smmuv3_run(v->smmu, 0));
	assert_int_equal(v->host.effect_count, 0);
	vsmmu_w32(v, REG(CR0), REG(CR0_CMDQEN));
	assert_idle(v);
	assert_int_equal(v->host.effect_count, 1);
	vsmmu_free(v);
}

/* Extra host calls of a culprit hunt are charged: one bad command per group must not become an amplifier. */
static void culprit_hunts_are_charged(void **state)
{
	static const enum test_contract contracts[] = {TEST_LINUX_7_3, TEST_LINUX_NEXT, TEST_COUNTLESS, TEST_WINDOW};

	for (size_t c = 0; c < sizeof(contracts) / sizeof(contracts[0]); c++) {
		struct vsmmu *v;
		unsigned int rounds = 0;

		v = vsmmu_budget(64);
		v->quiet = true;
		test_host_contract(&v->host, contracts[c]);
		vsmmu_boot(v, 12);
		v->host.plans[0] =
			(struct test_plan){.cmd = {0x40}, .mask = {0xff}, .error = VIQ_CALL_TIMEOUT, .times = -1};
		for (uint32_t i = 0; i < 4000; i++)
			vsmmu_push_test(v, i % 10 ? cmd_nh_va(1, i << 12) : cmd_atc(9, (uint64_t)i << 12, 0));
		vsmmu_push_sync(v);
		for (uint64_t before = 0;; rounds++) {
			uint64_t calls = v->host.calls;

			if (!rounds)
				vsmmu_ring(v);
			else
				viq_smmuv3_run(v->smmu, 64);
			/* One flush is at most a bounded hunt and a bounded number of calls for what is left. */
			assert_true(v->host.calls - calls <= 2 * VIQ_CALL_MAX_HOST_CALLS);
			if (vsmmu_observe(v) == before)
				break;
			before = vsmmu_observe(v);
		}
		test_host_heal(&v->host);
		assert_true(vsmmu_drain(v, 100));
		vsmmu_free(v);
	}
}

/*
 * The most expensive queue: each command pair ends a batch with a failure to be hunted down. Between two failures the
 * budget is looked at, so that one write costs about one hunt and not one for every pair.
 */
static void failures_end_a_run(void **state)
{
	for (enum test_contract contract = TEST_EXACT; contract < TEST_CONTRACTS; contract++) {
		struct vsmmu *v;
		uint64_t most = 0;

		v = vsmmu_budget(64);
		v->quiet = true;
		test_host_contract(&v->host, contract);
		vsmmu_boot(v, 10);
		v->host.plans[0] =
			(struct test_plan){.cmd = {0x40}, .mask = {0xff}, .error = VIQ_CALL_TIMEOUT, .times = -1};
		for (uint32_t i = 0; i < 200; i++) {
			vsmmu_push_test(v, cmd_nh_va(1, i << 12));
			vsmmu_push_test(v, cmd_atc(9, (uint64_t)i << 12, 0));
			vsmmu_push_test(v, cmd_nh_va(2, i << 12));
			vsmmu_push_test(v, cmd_cfgi_ste(i));
		}
		for (unsigned int round = 0; round < 300; round++) {
			uint64_t calls = v->host.calls;

			if (round)
				viq_smmuv3_run(v->smmu, 64);
			else
				vsmmu_ring(v);
			vsmmu_observe(v);
			most = v->host.calls - calls > most ? v->host.calls - calls : most;
		}
		assert_int_equal(vsmmu_observe(v), v->prod);
		if (most > 16)
			fail_msg("contract %d: one run made %llu host calls", contract, (unsigned long long)most);
		vsmmu_free(v);
	}
}

/* Two hosts behind a fan-out take two calls for every batch, and both cost. */
static void each_host_of_a_fanout_is_charged(void **state)
{
	struct viq_call_host hosts[2];
	struct viq_smmuv3_config config;
	struct viq_call_fanout *fanout;
	struct test_host second;
	struct vsmmu *v;

	vsmmu_config(&config);
	v = vsmmu_new(&config);
	test_host_init(&second, v);
	hosts[0] = test_host_ref(&v->host);
	hosts[1] = test_host_ref(&second);
	assert_int_equal(viq_call_fanout_create(hosts, 2, &fanout, NULL), 0);
	v->config.host = viq_call_fanout_host(fanout);
	v->config.budget = 10 * (2 + 2 * VIQ_WORK_CALL);
	vsmmu_replace(v);
	vsmmu_boot(v, 7);
	for (uint32_t i = 0; i < 20; i++) {
		vsmmu_push_test(v, cmd_nh_va(1, i << 12));
		vsmmu_push_sync(v);
	}
	vsmmu_ring(v);
	assert_int_equal(vsmmu_observe(v), 20);
	assert_int_equal(second.effect_count, 10);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1);
	assert_false(viq_smmuv3_run(v->smmu, v->config.budget));
	assert_idle(v);
	vsmmu_free(v);
	test_host_free(&second);
	viq_call_fanout_destroy(fanout);
}

/* A host that claims calls. */
struct claim {
	uint32_t calls, error;
};

static int claim_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	const struct claim *claim = opaque;
	uint32_t count = req->pieces[0].count;

	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count};
	res->host_calls = claim->calls;
	res->error = claim->error;
	if (res->error) {
		res->handled = 0;
		res->suspect = count - 1;
	}
	return 0;
}

/*
 * How many of ten batches, each of n commands and one that ends it, one write consumes. A batch costs its commands, and
 * 64 for each call; the budget is enough for so many calls a batch and a little more.
 */
static uint64_t batches_a_write(struct claim claim, uint32_t n, uint32_t calls)
{
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops), .report_group = 1, .invalidate = claim_invalidate, .call_entries = 63};
	struct viq_smmuv3_config config;
	struct vsmmu *v;
	uint64_t batches;

	vsmmu_config(&config);
	config.host = (struct viq_call_host){.ops = &ops, .opaque = &claim};
	config.budget = 10 * (n + 1 + calls * VIQ_WORK_CALL) + 40;
	v = vsmmu_new(&config);
	v->lax = true;
	vsmmu_boot(v, 12);
	for (uint32_t batch = 0; batch < 10; batch++) {
		for (uint32_t i = 0; i < n; i++)
			vsmmu_push_test(v, cmd_nh_va(1, i << 12));
		vsmmu_push_test(v, cmd_cfgi_ste(batch));
	}
	vsmmu_ring(v);
	assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_NONE);
	batches = vsmmu_observe(v) / (n + 1);
	vsmmu_free(v);
	return batches;
}

/* Each call costs, whoever is to blame for it. */
static void every_host_call_costs(void **state)
{
	for (uint32_t calls = 1; calls < 10; calls++) {
		assert_int_equal(batches_a_write((struct claim){calls, 0}, 1, calls), 10);
		assert_in_range(batches_a_write((struct claim){calls + 1, 0}, 1, calls), 4, 9);
		assert_int_equal(batches_a_write((struct claim){calls, 0}, 189, calls), 10);
	}
	/* What no host can have made uses up all there is, also where 64 times as much is 2^32. */
	for (uint32_t extra = 1u << 26; extra; extra <<= 1)
		assert_in_range(batches_a_write((struct claim){2 + extra, 0}, 1, 2), 0, 1);
	assert_in_range(batches_a_write((struct claim){UINT32_MAX, 0}, 1, 2), 0, 1);
}

/* [ATC_INV, CFGI_STE of an unknown stream] x 4000, and a device that does not answer: one time-out a run. */
static void a_time_out_ends_a_run(void **state)
{
	static const uint32_t budgets[] = {64, 0, VIQ_WORK_UNLIMITED - 1};

	for (size_t b = 0; b < sizeof(budgets) / sizeof(budgets[0]); b++) {
		unsigned int runs = 0;
		struct vsmmu *v;
		bool left;

		v = vsmmu_start(budgets[b], 13);
		v->host.plans[0] =
			(struct test_plan){.cmd = {0x40}, .mask = {0xff}, .error = VIQ_CALL_TIMEOUT, .times = -1};
		for (uint32_t i = 0; i < 4000; i++) {
			vsmmu_push_test(v, cmd_atc(9, (uint64_t)i << 12, 0));
			vsmmu_push_test(v, cmd_cfgi_ste(i));
		}
		vsmmu_ring(v);
		do {
			assert_true(smmuv3_counters(v->smmu).call_errors[VIQ_CALL_TIMEOUT] <= ++runs);
			left = viq_smmuv3_run(v->smmu, budgets[b]);
		} while (left && runs < 20);
		assert_true(smmuv3_counters(v->smmu).call_errors[VIQ_CALL_TIMEOUT] > 0);
		vsmmu_free(v);
	}
}

/* CFGI_ALL x 4,000 is one reconfiguration, and so is all that lies in its range, as far as the next CMD_SYNC. */
static void adjacent_configuration_commands_are_one(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, 13);

	for (uint32_t i = 0; i < 4000; i++)
		vsmmu_push_test(v, cmd_cfgi_range(0, 31));
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 1);
	/* Neighbours are united; a range that is not covered is done. */
	vsmmu_push_test(v, cmd_cfgi_ste(4));
	vsmmu_push_test(v, cmd_cfgi_ste(5));
	vsmmu_push_test(v, cmd_nh_va(1, 0));
	vsmmu_push_test(v, cmd_cfgi_range(4, 0));
	vsmmu_push_test(v, cmd_cfgi_range(4, 1));
	vsmmu_push_test(v, cmd_cfgi_ste(4));
	vsmmu_push_sync(v);
	/* Behind a CMD_SYNC it is another one. */
	vsmmu_push_test(v, cmd_cfgi_ste(4));
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 1 + 3 + 1);
	/* So it is when the guest has written PROD in between: its tables may have changed. */
	vsmmu_push_test(v, cmd_cfgi_ste(4));
	vsmmu_ring(v);
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 1 + 3 + 2);
	vsmmu_free(v);
}

/* One that began before the guest queued more is none for what came later. */
static void what_came_later_is_not_covered(void **state)
{
	struct vsmmu *v = vsmmu_start(VIQ_WORK_CALL, 6);

	v->steps = 3;
	vsmmu_push_test(v, cmd_cfgi_ste(4));
	vsmmu_ring(v);
	vsmmu_push_test(v, cmd_cfgi_ste(4));
	vsmmu_ring(v);
	while (viq_smmuv3_run(v->smmu, VIQ_WORK_CALL))
		;
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 2);
	vsmmu_free(v);
}

/* 0 is no whole queue. */
static void the_default_budget_is_finite(void **state)
{
	struct vsmmu *v = vsmmu_start(0, 13);

	for (uint32_t i = 0; i < 5000; i++)
		vsmmu_push_test(v, cmd_nh_va(1, i << 12));
	vsmmu_ring(v);
	assert_int_equal(vsmmu_observe(v), VIQ_WORK_BUDGET);
	assert_true(viq_smmuv3_run(v->smmu, 0));
	assert_int_equal(vsmmu_observe(v), 2 * VIQ_WORK_BUDGET);
	vsmmu_free(v);
}

/* Whatever a guest writes where, each write costs at most a queue of commands. */
static void random_registers_cost_bounded_work(void **state)
{
	uint64_t seed = test_seed();
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.idr1 &= ~(uint32_t)REG(IDR1_CMDQS);
	config.idr1 |= VIQ_PUT(REG(IDR1_CMDQS), 6);
	v = vsmmu_new(&config);
	v->lax = v->quiet = true;
	for (uint64_t at = VSMMU_CMDQ; at < VSMMU_CMDQ + 64 * 16; at += 16)
		vsmmu_poke64(v, at, 0x30);
	for (unsigned int i = 0; i < 200000; i++) {
		static const uint32_t offsets[] = {0x20, 0x98, 0x98, 0x98, 0x9c, 0x64, 0x90};
		uint64_t before = v->host.effect_count;
		uint32_t offset = offsets[test_below(&seed, 7)];
		uint64_t value = test_random(&seed);

		if (offset == 0x90)
			vsmmu_w64(v, offset, VSMMU_CMDQ | (value & 31));
		else
			vsmmu_w32(v, offset, (uint32_t)value & (test_below(&seed, 2) ? 0x7f : UINT32_MAX));
		assert_true(v->host.effect_count - before <= 64);
		if (v->host.effect_count > 100000)
			vsmmu_forget(v);
	}
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_of_one),
		cmocka_unit_test(budget_is_a_limit),
		cmocka_unit_test(the_call_of_a_full_batch_ends_the_budget),
		cmocka_unit_test(every_trigger_keeps_the_budget),
		cmocka_unit_test(disabled_queue),
		cmocka_unit_test(culprit_hunts_are_charged),
		cmocka_unit_test(failures_end_a_run),
		cmocka_unit_test(each_host_of_a_fanout_is_charged),
		cmocka_unit_test(every_host_call_costs),
		cmocka_unit_test(a_time_out_ends_a_run),
		cmocka_unit_test(adjacent_configuration_commands_are_one),
		cmocka_unit_test(what_came_later_is_not_covered),
		cmocka_unit_test(the_default_budget_is_finite),
		cmocka_unit_test(random_registers_cost_bounded_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
