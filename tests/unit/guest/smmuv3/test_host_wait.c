/* SPDX-License-Identifier: MIT */
/*
 * P2: what the host could not do is not the guest's error. The queue waits at the first command that is not done, the
 * guest sees nothing, and the VMM runs it again: what register writes, saved states and hooks do meanwhile.
 */
#include <errno.h>
#include <stdlib.h>

#include "support/vsmmu.h"

#define BAD 0x2000

/* A queue that waits at its second command: CONS is 1, and 4 are queued. */
static struct vsmmu *waiting(const struct viq_smmuv3_ops *ops)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.ops = ops;
	v = vsmmu_new(&config);
	vsmmu_boot(v, 5);
	test_host_fail(&v->host, 0, cmd_nh_va(1, BAD).dw, VIQ_CALL_NO_MEMORY, -1);
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_push_test(v, cmd_nh_va(1, BAD));
	vsmmu_submit(v, cmd_nh_va(1, 0x3000));
	return v;
}

static void heals(struct vsmmu *v)
{
	test_host_heal(&v->host);
	vsmmu_retry(v);
	assert_idle(v);
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 0);
	assert_true(test_host_did(&v->host, cmd_nh_va(1, BAD).dw, 0));
	vsmmu_free(v);
}

/* CONS is exact, no error, no interrupt, nothing traced behind it; the hook hears why, and how often in a row. */
static void nothing_is_shown(void **state)
{
	struct vsmmu *v = waiting(NULL);
	size_t at = 0;

	for (uint64_t times = 1; times < 5; times++) {
		assert_waits(v, 1);
		assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), times);
		at = vsmmu_log_find(v, at, LOG_WAIT);
		assert_int_equal(v->log[at].a, VIQ_CALL_NO_MEMORY);
		assert_int_equal(v->log[at].b, times);
		assert_int_equal(v->log[at++].cons, 1);
		assert_false(viq_smmuv3_run(v->smmu, 0));
	}
	assert_int_equal(vsmmu_log_number(v, LOG_IRQ), 0);
	assert_int_equal(vsmmu_log_number(v, LOG_TRACE), 1);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 0);
	assert_int_equal(smmuv3_counters(v->smmu).host_waits, 5);
	assert_int_equal(smmuv3_counters(v->smmu).cerror[VIQ_SMMUV3_CERROR_ABT], 0);
	heals(v);
}

/* Only what fails in a row, at one command, counts. */
static void progress_begins_the_count_anew(void **state)
{
	struct vsmmu *v = waiting(NULL);

	vsmmu_retry(v);
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 2);
	test_host_fail(&v->host, 0, cmd_nh_va(1, 0x3000).dw, VIQ_CALL_FAILED, -1);
	vsmmu_retry(v);
	assert_waits(v, 2);
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 1);
	heals(v);
}

/* A doorbell is no attempt, whatever it adds; the next run takes it all. */
static void doorbells_only_add(void **state)
{
	struct vsmmu *v = waiting(NULL);
	uint64_t calls = v->host.calls;

	for (uint32_t i = 0; i < 10; i++) {
		vsmmu_push_test(v, cmd_nh_va(2, i << 12));
		vsmmu_ring(v);
		assert_waits(v, 1);
	}
	assert_int_equal(v->host.calls, calls);
	heals(v);
}

/* Off and on: the guest may have changed the commands, so they are tried; what was waited for is not forgotten. */
static void off_and_on_is_an_attempt(void **state)
{
	struct vsmmu *v = waiting(NULL);
	uint32_t cr0 = vsmmu_r32(v, REG(CR0));
	uint64_t calls;

	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_CMDQEN));
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 0);
	assert_false(viq_smmuv3_run(v->smmu, 0));
	assert_cons(v, 1);
	calls = v->host.calls;
	vsmmu_w32(v, REG(CR0), cr0);
	assert_true(v->host.calls > calls);
	assert_waits(v, 1);
	test_host_heal(&v->host);
	vsmmu_w32(v, REG(CR0), cr0 & ~(uint32_t)REG(CR0_CMDQEN));
	vsmmu_w32(v, REG(CR0), cr0);
	assert_idle(v);
	vsmmu_free(v);
}

/* A queue that the guest has emptied by its tail does not wait, and does not sleep when it is filled again. */
static void an_emptied_queue_does_not_wait(void **state)
{
	struct vsmmu *v = waiting(NULL);

	vsmmu_w32(v, REG(CMDQ_PROD), 1);
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 0);
	test_host_heal(&v->host);
	vsmmu_w32(v, REG(CMDQ_PROD), 4);
	assert_idle(v);
	vsmmu_free(v);
}

static void reset_ends_it(void **state)
{
	struct vsmmu *v = waiting(NULL);

	viq_smmuv3_reset(v->smmu);
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 0);
	vsmmu_boot(v, 5);
	vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
	vsmmu_push_test(v, cmd_nh_va(1, BAD));
	vsmmu_ring(v);
	/* Another guest's first attempt, at the same place. */
	assert_waits(v, 1);
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 1);
	heals(v);
}

/* The new object knows nothing of it, asks for a run, and tries. */
static void migration_tries_again(void **state)
{
	struct vsmmu *v = waiting(NULL);

	vsmmu_migrate(v);
	assert_int_equal(vsmmu_log_number(v, LOG_KICK), 1);
	assert_cons(v, 1);
	vsmmu_retry(v);
	assert_waits(v, 1);
	assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 1);
	vsmmu_migrate(v);
	heals(v);
}

/* The embedder gives up: CERROR_ABT, which the guest answers by having the command read again (7.1). */
static void giving_up(void **state)
{
	struct vsmmu *v = waiting(NULL);

	v->gives_up = true;
	vsmmu_retry(v);
	for (unsigned int i = 0; i < 3; i++) {
		assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ABT);
		assert_int_equal(viq_smmuv3_waits_for_host(v->smmu), 0);
		assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ABT);
	}
	v->gives_up = false;
	vsmmu_linux_gerror(v);
	assert_waits(v, 1);
	heals(v);
}

/* --- Without the hook --------------------------------------------------------------------------------------------- */

struct kicked {
	struct vsmmu *v;
	unsigned int kicks, depth, deepest;
	bool at_once;
};

static struct kicked kicked;

static void kick(void *opaque)
{
	kicked.kicks++;
	if (++kicked.depth > kicked.deepest)
		kicked.deepest = kicked.depth;
	if (kicked.at_once)
		viq_smmuv3_run(((struct vsmmu *)opaque)->smmu, 0);
	kicked.depth--;
}

/* Every failed attempt asks for the next one, those of run() too. */
static void without_the_hook_kick_asks(void **state)
{
	const struct viq_smmuv3_ops ops = {.size = sizeof(ops), .kick = kick};
	struct vsmmu *v;

	kicked = (struct kicked){0};
	v = waiting(&ops);
	for (unsigned int i = 1; i < 4; i++) {
		assert_waits(v, 1);
		assert_int_equal(kicked.kicks, i);
		vsmmu_ring(v);
		assert_int_equal(kicked.kicks, i);
		assert_false(viq_smmuv3_run(v->smmu, 0));
	}
	heals(v);
}

/* A kick() that runs the queue itself has nobody to ask later: the guest's driver is the one that tries again. */
static void a_kick_that_runs_at_once(void **state)
{
	const struct viq_smmuv3_ops ops = {.size = sizeof(ops), .kick = kick};
	struct vsmmu *v;

	kicked = (struct kicked){.at_once = true};
	v = waiting(&ops);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ABT);
	assert_int_equal(kicked.deepest, 1);
	assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ABT);
	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ABT);
	test_host_heal(&v->host);
	vsmmu_linux_gerror(v);
	assert_idle(v);
	vsmmu_free(v);
}

static void nobody_to_ask(void **state)
{
	const struct viq_smmuv3_ops ops = {.size = sizeof(ops)};
	struct vsmmu *v = waiting(&ops);

	assert_stopped(v, 1, VIQ_SMMUV3_CERROR_ABT);
	test_host_heal(&v->host);
	vsmmu_linux_gerror(v);
	assert_idle(v);
	vsmmu_free(v);
}

/* --- A stream that leaves between the question and the call ---------------------------------------------------------
 */

static int refuse_and_lose(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct test_host *host = opaque;
	const uint64_t *cmd = req->pieces[0].entries;
	uint32_t n = 0;

	while (n < req->pieces[0].count && (cmd[2 * n] & 0xff) != 0x05)
		test_host_effect(host, &cmd[2 * n++]);
	host->calls++;
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = n, .suspect = n, .host_calls = 1};
	if (n < req->pieces[0].count)
		res->error = host->plans[0].error;
	return 0;
}

static uint32_t known_once(struct test_host *host, uint32_t sid)
{
	return host->plans[0].times-- > 0 ? VIQ_CALL_STREAM_KNOWN : 0;
}

/* Valid when it was read; its device is gone when the host is asked: no error, it is consumed as for no stream. */
static void a_stream_leaves_in_the_call(void **state)
{
	static const uint32_t errors[] = {VIQ_CALL_ILLEGAL, VIQ_CALL_GONE, VIQ_CALL_FAILED};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct vsmmu *v = vsmmu_start(VIQ_WORK_UNLIMITED, 8);

		v->host.ops.invalidate = refuse_and_lose;
		v->host.stream = known_once;
		v->host.plans[0] = (struct test_plan){.error = errors[i], .times = 1};
		vsmmu_push_test(v, cmd_nh_va(1, 0x1000));
		vsmmu_push_test(v, cmd_cfgi_cd(9, 0));
		vsmmu_push_test(v, cmd_nh_va(1, 0x2000));
		v->lax = true; /* the oracle wants every CFGI_CD carried out */
		vsmmu_push_sync(v);
		vsmmu_ring(v);
		assert_idle(v);
		assert_int_equal(v->host.calls, 2);
		assert_int_equal(smmuv3_counters(v->smmu).no_stream, 1);
		assert_int_equal(smmuv3_counters(v->smmu).cerror[VIQ_SMMUV3_CERROR_ILL], 0);
		assert_true(test_host_did(&v->host, cmd_nh_va(1, 0x2000).dw, 0));
		vsmmu_free(v);
	}
}

/* Statistics have what was done, and each failure. */
static void counters(void **state)
{
	struct vsmmu *v = waiting(NULL);

	assert_int_equal(smmuv3_counters(v->smmu).commands[VIQ_SMMUV3_OP_TLBI_NH_VA], 1);
	assert_int_equal(smmuv3_counters(v->smmu).call_errors[VIQ_CALL_NO_MEMORY], 1);
	assert_int_equal(smmuv3_counters(v->smmu).call_errors[VIQ_CALL_NONE], 0);
	test_host_heal(&v->host);
	vsmmu_retry(v);
	assert_int_equal(smmuv3_counters(v->smmu).commands[VIQ_SMMUV3_OP_TLBI_NH_VA], 3);
	assert_int_equal(smmuv3_counters(v->smmu).call_errors[VIQ_CALL_NONE], 1);
	vsmmu_free(v);
}

/* P2: two failures, told in the order of the queue: what cannot be read is behind what has not been done. */
static void a_failure_before_what_cannot_be_read(void **state)
{
	struct vsmmu *v = vsmmu_new(NULL);
	const struct viq_mem_region region = {
		.gpa = VSMMU_RAM, .size = VSMMU_CMDQ + 8 * 16 - VSMMU_RAM, .host = v->ram};
	struct viq_mem *all = v->mem;

	assert_int_equal(viq_mem_create(&region, 1, NULL, NULL, &v->mem, NULL), 0);
	v->config.mem = v->mem;
	vsmmu_replace(v);
	viq_mem_destroy(all);
	vsmmu_boot(v, 8);
	test_host_fail(&v->host, 0, cmd_nh_asid(3).dw, VIQ_CALL_NO_MEMORY, -1);
	for (uint16_t i = 0; i < 12; i++)
		vsmmu_push_test(v, cmd_nh_asid(i));
	vsmmu_ring(v);
	assert_waits(v, 3);
	assert_int_equal(smmuv3_counters(v->smmu).cerror[VIQ_SMMUV3_CERROR_ABT], 0);
	test_host_heal(&v->host);
	vsmmu_retry(v);
	assert_stopped(v, 8, VIQ_SMMUV3_CERROR_ABT);
	vsmmu_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_shown),
		cmocka_unit_test(progress_begins_the_count_anew),
		cmocka_unit_test(doorbells_only_add),
		cmocka_unit_test(off_and_on_is_an_attempt),
		cmocka_unit_test(an_emptied_queue_does_not_wait),
		cmocka_unit_test(reset_ends_it),
		cmocka_unit_test(migration_tries_again),
		cmocka_unit_test(giving_up),
		cmocka_unit_test(without_the_hook_kick_asks),
		cmocka_unit_test(a_kick_that_runs_at_once),
		cmocka_unit_test(nobody_to_ask),
		cmocka_unit_test(a_stream_leaves_in_the_call),
		cmocka_unit_test(a_failure_before_what_cannot_be_read),
		cmocka_unit_test(counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
