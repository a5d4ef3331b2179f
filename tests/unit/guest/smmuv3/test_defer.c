/* SPDX-License-Identifier: MIT */
/* A budget of VIQ_SMMUV3_DEFER: no write consumes anything, each that leaves work asks for run(), and nothing else
 * differs. */
#include <string.h>

#include "support/vsmmu.h"

static struct vsmmu *deferred_new(unsigned int log2size)
{
	struct vsmmu *v = vsmmu_start(VIQ_SMMUV3_DEFER, log2size);

	return v;
}

/* Since the last look. */
static size_t kicks(struct vsmmu *v)
{
	size_t n = vsmmu_log_number(v, LOG_KICK);

	vsmmu_log_clear(v);
	return n;
}

static void needs_a_kick_hook(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	struct viq_smmuv3_config config = v->config;
	struct viq_smmuv3_ops ops = v->ops;
	struct viq_smmuv3 *smmu;
	struct viq_why why = {""};

	ops.kick = NULL;
	config.budget = VIQ_SMMUV3_DEFER;
	assert_int_equal(viq_smmuv3_config_check(&config, &why), 0);
	config.ops = &ops;
	assert_int_equal(viq_smmuv3_create(&config, &smmu, &why), -22);
	assert_non_null(strstr(why.text, "kick"));
	config.ops = NULL;
	assert_int_equal(viq_smmuv3_create(&config, &smmu, &why), -22);
	/* Any budget that can end before the queue does. */
	for (uint64_t budget = 1; budget < UINT32_MAX - 1; budget *= 3) {
		config.budget = (uint32_t)budget;
		assert_int_equal(viq_smmuv3_config_check(&config, &why), -22);
		assert_non_null(strstr(why.text, "budget"));
		assert_non_null(strstr(why.text, "kick"));
	}
	config.budget = 0;
	assert_int_equal(viq_smmuv3_config_check(&config, &why), 0);
	config.budget = UINT32_MAX - 1;
	assert_int_equal(viq_smmuv3_config_check(&config, &why), 0);
	vsmmu_free(v);
}

/*
 * Budget 0 without the hook: the work costs more than VIQ_WORK_BUDGET, and still the write that rang the doorbell does
 * everything up to the guest's error, as does the one that acknowledges it.
 */
static void without_it_a_write_does_everything(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);

	v->config.budget = 0;
	v->ops.kick = NULL;
	vsmmu_replace(v);
	test_host_contract(&v->host, TEST_LINUX_7_3);
	vsmmu_boot(v, 11);
	v->host.plans[0] = (struct test_plan){.cmd = {0x40}, .mask = {0xff}, .error = VIQ_CALL_TIMEOUT, .times = -1};
	for (uint32_t i = 0; i < 700; i++) {
		vsmmu_push_test(v, cmd_atc(9, (uint64_t)i << 12, 0));
		vsmmu_push_test(v, cmd_cfgi_ste(i)); /* ends the batch */
	}
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_stopped(v, 1400, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_true(smmuv3_counters(v->smmu).budget_ends > 0);
	test_host_heal(&v->host);
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
	assert_idle(v);
	vsmmu_free(v);
}

/* A state in which commands wait, of an object that had the hook. */
static void without_it_a_restore_does_everything(void **state)
{
	struct viq_smmuv3_ops ops = {.size = sizeof(ops)};
	struct vsmmu *v = deferred_new(4);
	size_t len = viq_smmuv3_save_size(v->smmu);
	uint8_t buf[512];

	vsmmu_submit(v, cmd_nh_va(1, 0x1000));
	assert_cons(v, 0);
	assert_true(len <= sizeof(buf));
	assert_int_equal(viq_smmuv3_save(v->smmu, buf, &len), 0);
	v->config.ops = &ops;
	v->config.budget = 0;
	vsmmu_replace(v);
	assert_int_equal(viq_smmuv3_restore(v->smmu, buf, len), 0);
	assert_idle(v);
	vsmmu_free(v);
}

static void every_trigger_only_asks(void **state)
{
	struct vsmmu *v = deferred_new(5);
	uint32_t cr0 = vsmmu_r32(v, REG(CR0));

	for (uint32_t i = 0; i < 3; i++)
		vsmmu_push_test(v, cmd_nh_va(1, i << 12));
	vsmmu_push_sync(v);
	/* PROD */
	vsmmu_ring(v);
	assert_int_equal(kicks(v), 1);
	/* CMDQEN */
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_CMDQEN));
	assert_false(viq_smmuv3_run(v->smmu, 0));
	assert_int_equal(kicks(v), 0);
	vsmmu_w32(v, REG(CR0), cr0);
	assert_int_equal(kicks(v), 1);
	/* A saved state */
	vsmmu_migrate(v);
	assert_int_equal(kicks(v), 1);
	assert_cons(v, 0);
	assert_int_equal(v->host.calls, 0);
	/* Any budget of run(), this one too. */
	assert_true(viq_smmuv3_run(v->smmu, 1));
	assert_cons(v, 1);
	assert_false(viq_smmuv3_run(v->smmu, VIQ_SMMUV3_DEFER));
	assert_idle(v);
	/* An error's acknowledgement */
	vsmmu_push(v, 0xff, 0);
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_int_equal(kicks(v), 1);
	assert_false(viq_smmuv3_run(v->smmu, 0));
	assert_stopped(v, 4, VIQ_SMMUV3_CERROR_ILL);
	vsmmu_ring(v);
	assert_int_equal(kicks(v), 0);
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ILL);
	assert_int_equal(kicks(v), 1);
	assert_cons(v, 4);
	assert_false(viq_smmuv3_run(v->smmu, 0));
	assert_idle(v);
	vsmmu_free(v);
}

/* An SMMU hangs, and goes on. */
static void the_budget_can_change(void **state)
{
	struct vsmmu *v = vsmmu_start(0, 5);

	assert_int_equal(viq_smmuv3_set_budget(NULL, 0), -22);
	vsmmu_submit(v, cmd_nh_va(1, 0x1000));
	assert_idle(v);
	assert_int_equal(viq_smmuv3_set_budget(v->smmu, VIQ_SMMUV3_DEFER), 0);
	vsmmu_submit(v, cmd_nh_va(1, 0x2000));
	assert_cons(v, 2);
	assert_int_equal(kicks(v), 1);
	assert_int_equal(viq_smmuv3_set_budget(v->smmu, 0), 0);
	assert_cons(v, 2);
	assert_false(viq_smmuv3_run(v->smmu, 0));
	assert_idle(v);
	vsmmu_submit(v, cmd_nh_va(1, 0x3000));
	assert_idle(v);
	v->ops.kick = NULL;
	v->config.budget = 0;
	vsmmu_replace(v);
	assert_int_equal(viq_smmuv3_set_budget(v->smmu, VIQ_SMMUV3_DEFER), -22);
	assert_int_equal(viq_smmuv3_set_budget(v->smmu, 1), -22);
	assert_int_equal(viq_smmuv3_set_budget(v->smmu, VIQ_WORK_UNLIMITED), 0);
	vsmmu_free(v);
}

static void nothing_to_do_asks_for_nothing(void **state)
{
	struct vsmmu *v = deferred_new(5);
	uint32_t cr0 = vsmmu_r32(v, REG(CR0));

	vsmmu_ring(v);
	vsmmu_w32(v, REG(GERRORN), 0);
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_CMDQEN));
	vsmmu_w32(v, REG(CR0), cr0);
	vsmmu_migrate(v);
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_CMDQEN));
	vsmmu_push_sync(v);
	vsmmu_ring(v);
	assert_int_equal(kicks(v), 0);
	assert_int_equal(smmuv3_counters(v->smmu).runs, 0);
	/* Indices more than a queue apart are not consumed, and not asked for. */
	vsmmu_w32(v, REG(CR0), cr0);
	assert_int_equal(kicks(v), 1);
	vsmmu_w32(v, REG(CMDQ_PROD), 33);
	assert_int_equal(kicks(v), 0);
	vsmmu_free(v);
}

/* --- Otherwise the same ------------------------------------------------------------------------------------------- */

static struct test_cmd random_command(uint64_t *seed, uint32_t i)
{
	switch (test_below(seed, 10)) {
	case 0:
		return (struct test_cmd){{0xff, 0}};
	case 1:
		return cmd_cfgi_ste(test_below(seed, 16));
	case 2:
		return cmd_atc(1, (uint64_t)i << 12, 0);
	case 3:
	case 4:
		return cmd_sync(0);
	default:
		return cmd_host_type(test_below(seed, TEST_HOST_TYPES), i);
	}
}

static void settle(struct vsmmu *v)
{
	do
		while (viq_smmuv3_run(v->smmu, 0))
			;
	while (viq_smmuv3_waits_for_host(v->smmu));
}

static size_t skip_kicks(const struct vsmmu *v, size_t at)
{
	while (at < v->log_count && v->log[at].kind == LOG_KICK)
		at++;
	return at;
}

/* Without the kicks, and the counts of how the work was cut. */
static void assert_same(struct vsmmu *a, struct vsmmu *b)
{
	struct viq_smmuv3_counters x = smmuv3_counters(a->smmu), y = smmuv3_counters(b->smmu);
	size_t i = skip_kicks(a, 0), k = skip_kicks(b, 0);

	x.runs = y.runs = x.budget_ends = y.budget_ends = 0;
	assert_memory_equal(&x, &y, sizeof(x));
	for (uint64_t offset = 0; offset < 0x100; offset += 4)
		assert_int_equal(vsmmu_r32(a, offset), vsmmu_r32(b, offset));
	assert_int_equal(a->host.calls, b->host.calls);
	while (i < a->log_count && k < b->log_count) {
		assert_memory_equal(&a->log[i], &b->log[k], sizeof(a->log[i]));
		i = skip_kicks(a, i + 1);
		k = skip_kicks(b, k + 1);
	}
	assert_true(i == a->log_count && k == b->log_count);
	vsmmu_log_clear(a);
	vsmmu_log_clear(b);
}

static void deferred_work_is_the_same_work(void **state)
{
	uint64_t seed = test_seed();

	for (unsigned int round = 0; round < 200; round++) {
		struct vsmmu *v[2] = {vsmmu_new(NULL), deferred_new(6)};
		unsigned int contract = test_below(&seed, TEST_CONTRACTS);
		uint32_t error = 1 + test_below(&seed, VIQ_CALL_ERROR_COUNT - 1);
		struct test_cmd bad = cmd_nh_va(1, 0x77000);

		vsmmu_boot(v[0], 6);
		for (int i = 0; i < 2; i++) {
			test_host_contract(&v[i]->host, contract);
			test_host_fail(&v[i]->host, 0, bad.dw, error, 3);
		}
		for (unsigned int step = 0; step < 40; step++) {
			uint32_t count = test_below(&seed, 20);

			for (uint32_t n = 0; n < count && v[0]->prod - v[0]->cons < 60; n++) {
				struct test_cmd cmd =
					test_below(&seed, 40) ? random_command(&seed, step * 64 + n) : bad;

				vsmmu_push_test(v[0], cmd);
				vsmmu_push_test(v[1], cmd);
			}
			for (int i = 0; i < 2; i++) {
				vsmmu_ring(v[i]);
				settle(v[i]);
				vsmmu_linux_gerror(v[i]);
				settle(v[i]);
				vsmmu_observe(v[i]);
			}
			assert_same(v[0], v[1]);
		}
		vsmmu_free(v[0]);
		vsmmu_free(v[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_a_kick_hook),
		cmocka_unit_test(without_it_a_write_does_everything),
		cmocka_unit_test(without_it_a_restore_does_everything),
		cmocka_unit_test(every_trigger_only_asks),
		cmocka_unit_test(the_budget_can_change),
		cmocka_unit_test(nothing_to_do_asks_for_nothing),
		cmocka_unit_test(deferred_work_is_the_same_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
