/* SPDX-License-Identifier: MIT */
/*
 * reconfig() is work that can be left and taken up again: what the guest sees of it meanwhile, and what a newer cause,
 * another command and a saved state do to what is half done.
 */
#include <errno.h>

#include "support/vsmmu.h"

#define STEPS  5u
#define BUDGET (2 * VIQ_WORK_CALL) /* two of the steps */
#define SMMUON (REG(CR0_SMMUEN) | REG(CR0_EVENTQEN) | REG(CR0_CMDQEN) | REG(CR0_ATSCHK))

static struct vsmmu *guest(uint32_t budget)
{
	struct vsmmu *v = vsmmu_start(budget, 8);

	v->steps = STEPS;
	return v;
}

static size_t reconfigs(const struct vsmmu *v, enum viq_smmuv3_reconfig_cause cause)
{
	size_t n = 0;

	for (size_t i = 0; i < v->log_count; i++)
		n += v->log[i].kind == LOG_RECONFIG && v->log[i].a == cause;
	return n;
}

static bool run(struct vsmmu *v)
{
	return viq_smmuv3_run(v->smmu, BUDGET);
}

/* CONS stands at the command until all of it is done, and nothing behind it happens before. */
static void p4_a_command_is_left_and_taken_up(void **state)
{
	struct vsmmu *v = guest(BUDGET);

	vsmmu_push_test(v, cmd_nh_va(1, 0));
	vsmmu_push_test(v, cmd_cfgi_range(0, 31));
	vsmmu_submit(v, cmd_nh_va(2, 0));
	assert_cons(v, 1);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1);
	assert_int_equal(v->host.effect_count, 1);
	assert_true(run(v));
	assert_cons(v, 1);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_CFGI_STE), 0);
	while (run(v))
		;
	assert_idle(v);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_CFGI_STE), 1);
	assert_int_equal(v->host.effect_count, 2);
	assert_int_equal(smmuv3_counters(v->smmu).commands[VIQ_SMMUV3_OP_CFGI_STE_RANGE], 1);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1);
	vsmmu_free(v);
}

/* More of the queue, and other registers, disturb nothing: it takes as many steps as it has. */
static void p4_doorbells_go_on_with_it(void **state)
{
	struct vsmmu *v = guest(BUDGET);

	vsmmu_push_test(v, cmd_cfgi_ste(5));
	vsmmu_ring(v);
	for (unsigned int i = 0; i < 2; i++) {
		assert_cons(v, 0);
		vsmmu_push_sync(v);
		vsmmu_ring(v);
	}
	assert_idle(v);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 2);
	vsmmu_free(v);
}

/* CR0ACK, and the queue, wait for what SMMUEN has set in motion; under DEFER nothing of it is the vCPU's. */
static void p4_registers_are_acknowledged_when_it_is_done(void **state)
{
	static const uint32_t budgets[] = {VIQ_SMMUV3_DEFER, BUDGET};

	for (size_t i = 0; i < 2; i++) {
		struct vsmmu *v = guest(budgets[i]);

		v->steps = 7;
		vsmmu_w32(v, REG(CR0), SMMUON & ~(uint32_t)REG(CR0_SMMUEN));
		assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), SMMUON);
		assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1);
		assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 0);
		vsmmu_push_sync(v);
		vsmmu_ring(v);
		assert_cons(v, 0);
		assert_true(run(v));
		assert_cons(v, 0);
		while (run(v))
			;
		assert_idle(v);
		assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), SMMUON & ~(uint32_t)REG(CR0_SMMUEN));
		assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 1);
		assert_int_equal(reconfigs(v, VIQ_SMMUV3_DISABLED), 1);
		/* GBPA (6.3.14). */
		vsmmu_w32(v, REG(GBPA), REG(GBPA_UPDATE) | REG(GBPA_ABORT));
		assert_int_equal(vsmmu_r32(v, REG(GBPA)), REG(GBPA_UPDATE) | REG(GBPA_ABORT));
		assert_true(run(v));
		assert_int_equal(vsmmu_r32(v, REG(GBPA)), REG(GBPA_UPDATE) | REG(GBPA_ABORT));
		while (run(v))
			;
		assert_int_equal(vsmmu_r32(v, REG(GBPA)), REG(GBPA_ABORT));
		assert_int_equal(reconfigs(v, VIQ_SMMUV3_GBPA_CHANGED), 1);
		vsmmu_free(v);
	}
}

/* A register's write takes the place of what is half done: it concerns every stream. */
static void the_newest_cause_begins_anew(void **state)
{
	struct vsmmu *v = guest(BUDGET);

	vsmmu_push_test(v, cmd_cfgi_ste(5));
	vsmmu_ring(v);
	vsmmu_w32(v, REG(CR0), SMMUON & ~(uint32_t)REG(CR0_SMMUEN));
	vsmmu_w32(v, REG(CR0), SMMUON);
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), SMMUON);
	assert_int_equal(vsmmu_log_number(v, LOG_RECONFIG), 0);
	for (unsigned int calls = 1;; calls++) {
		if (run(v))
			continue;
		/* Two runs for what is left of ENABLED, and three for the command, from its beginning. */
		assert_int_equal(calls, 4);
		break;
	}
	assert_idle(v);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_DISABLED), 0);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_ENABLED), 1);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_CFGI_STE), 1);
	vsmmu_free(v);
}

/* The queue has been off: what is at CONS now is another command, if it looks the same. Its tables may be others. */
static void a_queue_that_was_off_begins_anew(void **state)
{
	struct vsmmu *v = guest(BUDGET);
	unsigned int calls = 1;

	vsmmu_push_test(v, cmd_cfgi_ste(5));
	vsmmu_ring(v);
	assert_true(run(v));
	vsmmu_w32(v, REG(CR0), SMMUON & ~(uint32_t)REG(CR0_CMDQEN));
	assert_false(run(v));
	vsmmu_w32(v, REG(CR0), SMMUON);
	while (run(v))
		calls++;
	assert_int_equal(calls, 2); /* with the write three */
	assert_idle(v);
	vsmmu_free(v);
}

/*
 * What is half done belongs to a command that is still there. If the guest takes that back, or overwrites it, the next
 * one like it begins anew: its tables may have changed (P1).
 */
static void a_command_taken_back_begins_anew(void **state)
{
	for (unsigned int how = 0; how < 2; how++) {
		struct vsmmu *v = guest(BUDGET);

		v->lax = true;
		vsmmu_push_test(v, cmd_cfgi_range(0, 31));
		vsmmu_ring(v);
		assert_cons(v, 0);
		if (how) {
			vsmmu_poke64(v, vsmmu_entry(v, 0), cmd_nh_all().dw[0]);
			vsmmu_poke64(v, vsmmu_entry(v, 0) + 8, 0);
			vsmmu_push_test(v, cmd_cfgi_range(0, 31));
		} else {
			vsmmu_w32(v, REG(CMDQ_PROD), 0);
		}
		vsmmu_w32(v, REG(CMDQ_PROD), vsmmu_index(v, v->prod));
		/* Two of five steps a run: a third run would not be needed for what goes on. */
		assert_cons(v, how);
		assert_true(run(v));
		assert_cons(v, how);
		while (run(v))
			;
		assert_cons(v, v->prod);
		assert_int_equal(reconfigs(v, VIQ_SMMUV3_CFGI_STE), 1);
		vsmmu_free(v);
	}
}

/* What came of it by a register's write in between is not covered by a command before that. */
/* Overwritten, and the ring has gone round since: another one at the same place with the same wrap bit is not it. */
static void an_overwritten_command_is_forgotten(void **state)
{
	struct vsmmu *v = vsmmu_start(BUDGET, 3);

	v->steps = STEPS;
	v->lax = true;
	vsmmu_push_test(v, cmd_cfgi_range(0, 31));
	vsmmu_ring(v);
	assert_cons(v, 0);
	vsmmu_poke64(v, vsmmu_entry(v, 0), cmd_nh_all().dw[0]);
	vsmmu_poke64(v, vsmmu_entry(v, 0) + 8, 0);
	for (uint32_t done = 1; done < 16; done++) {
		vsmmu_push_test(v, cmd_nh_all());
		vsmmu_ring(v);
		while (run(v))
			;
		assert_idle(v);
		v->cons = v->prod;
	}
	vsmmu_push_test(v, cmd_cfgi_range(0, 31));
	vsmmu_ring(v);
	assert_cons(v, 0);
	/* All of its steps, two a run. */
	assert_true(run(v));
	assert_false(run(v));
	assert_idle(v);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_CFGI_STE), 1);
	vsmmu_free(v);
}

static void a_register_uncovers(void **state)
{
	struct vsmmu *v = guest(2);

	v->steps = 0;
	vsmmu_push_test(v, cmd_cfgi_ste(5));
	vsmmu_push_test(v, cmd_nh_all());
	vsmmu_push_test(v, cmd_cfgi_ste(5));
	vsmmu_ring(v);
	assert_cons(v, 2);
	vsmmu_w32(v, REG(CR0), SMMUON & ~(uint32_t)REG(CR0_SMMUEN));
	while (run(v))
		;
	assert_idle(v);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_CFGI_STE), 2);
	vsmmu_free(v);
}

/*
 * The VMM may block a stream when its device does not answer an ATC_INV: a command behind that has it configured again,
 * although one before it, from the same doorbell, has covered it. Without a time-out it is covered.
 */
static void a_time_out_uncovers(void **state)
{
	static const unsigned int befores[] = {0, 1, 100}; /* other commands in the batch, holes among them */

	for (unsigned int i = 0; i < 2 * sizeof(befores) / sizeof(befores[0]); i++) {
		struct vsmmu *v = guest(0);
		bool answers = i % 2;
		size_t at;

		v->steps = 0;
		if (!answers)
			test_host_fail(&v->host, 0, cmd_atc(5, 0, 0).dw, VIQ_CALL_TIMEOUT, 1);
		vsmmu_push_test(v, cmd_cfgi_ste(5));
		for (unsigned int k = 0; k < befores[i / 2]; k++)
			vsmmu_push_test(v, k % 2 ? cmd_cfgi_ste(5) : cmd_nh_va(1, k));
		vsmmu_push_test(v, cmd_atc(5, 0x1000, 0));
		vsmmu_push_test(v, cmd_cfgi_ste(5));
		vsmmu_push_test(v, cmd_cfgi_ste(5));
		vsmmu_ring(v);
		while (run(v))
			;
		assert_idle(v);
		at = vsmmu_log_find(v, 0, LOG_TIMEOUT);
		assert_int_equal(at == v->log_count, answers);
		assert_int_equal(reconfigs(v, VIQ_SMMUV3_CFGI_STE), answers ? 1 : 2);
		assert_true(answers || vsmmu_log_find(v, at, LOG_RECONFIG) < v->log_count);
		vsmmu_free(v);
	}
}

/* Whether it fails is said at the end. */
/* The hook has no budget: nothing of the old tables is used when it returns. */
static void a_reset_does_all_of_it(void **state)
{
	struct vsmmu *v = guest(BUDGET);

	viq_smmuv3_reset(v->smmu);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_RESTORED), 1);
	assert_false(run(v));
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_RESTORED), 1);
	vsmmu_free(v);
}

static void an_error_comes_last(void **state)
{
	struct vsmmu *v = guest(BUDGET);

	v->reconfig_result = -EBUSY;
	vsmmu_push_test(v, cmd_cfgi_ste(5));
	vsmmu_ring(v);
	assert_true(run(v));
	assert_cons(v, 0);
	assert_int_equal(vsmmu_cerror(v), VIQ_SMMUV3_CERROR_NONE);
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 0);
	assert_false(run(v));
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 1);
	v->reconfig_result = 0;
	while (run(v))
		;
	assert_idle(v);
	vsmmu_free(v);
}

/* A queue that waits for its host holds up no register. */
static void registers_do_not_wait_for_the_host(void **state)
{
	struct vsmmu *v = guest(BUDGET);

	v->steps = 0;
	v->reconfig_result = -EBUSY;
	vsmmu_push_test(v, cmd_cfgi_ste(5));
	vsmmu_ring(v);
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 1);
	v->steps = STEPS;
	vsmmu_w32(v, REG(CR0), SMMUON & ~(uint32_t)REG(CR0_SMMUEN));
	vsmmu_w32(v, REG(GERRORN), 0);
	vsmmu_w32(v, REG(GERRORN), 0);
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), SMMUON & ~(uint32_t)REG(CR0_SMMUEN));
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 1);
	vsmmu_free(v);
}

/* Saved in the middle, of a command and of a register's write: everything is configured, then the command done again.
 */
static void p7_saved_in_the_middle(void **state)
{
	struct vsmmu *v = guest(BUDGET);

	vsmmu_submit(v, cmd_cfgi_ste(5));
	assert_true(run(v));
	vsmmu_migrate(v);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_RESTORED), 1);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_CFGI_STE), 0);
	assert_cons(v, 0);
	while (run(v))
		;
	assert_idle(v);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_CFGI_STE), 1);
	vsmmu_w32(v, REG(CR0), SMMUON & ~(uint32_t)REG(CR0_SMMUEN));
	vsmmu_w32(v, REG(GBPA), REG(GBPA_UPDATE) | REG(GBPA_ABORT));
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), SMMUON);
	vsmmu_migrate(v);
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), SMMUON & ~(uint32_t)REG(CR0_SMMUEN));
	assert_int_equal(vsmmu_r32(v, REG(GBPA)), REG(GBPA_ABORT));
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_RESTORED), 2);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_DISABLED) + reconfigs(v, VIQ_SMMUV3_GBPA_CHANGED), 0);
	assert_false(run(v));
	/* A reset too. */
	vsmmu_w32(v, REG(CR0), SMMUON);
	viq_smmuv3_reset(v->smmu);
	assert_false(run(v));
	assert_int_equal(vsmmu_r32(v, REG(CR0ACK)), 0);
	assert_int_equal(reconfigs(v, VIQ_SMMUV3_RESTORED), 3);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p4_a_command_is_left_and_taken_up),
		cmocka_unit_test(p4_doorbells_go_on_with_it),
		cmocka_unit_test(p4_registers_are_acknowledged_when_it_is_done),
		cmocka_unit_test(the_newest_cause_begins_anew),
		cmocka_unit_test(a_queue_that_was_off_begins_anew),
		cmocka_unit_test(a_command_taken_back_begins_anew),
		cmocka_unit_test(an_overwritten_command_is_forgotten),
		cmocka_unit_test(a_register_uncovers),
		cmocka_unit_test(a_time_out_uncovers),
		cmocka_unit_test(a_reset_does_all_of_it),
		cmocka_unit_test(an_error_comes_last),
		cmocka_unit_test(registers_do_not_wait_for_the_host),
		cmocka_unit_test(p7_saved_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
