/* SPDX-License-Identifier: MIT */
/*
 * Every system call of a nested SMMUv3's life fails, one after the other, and from one on.
 *
 * P1: a CFGI_STE of the guest completes only if its device translates by the tables named there, or aborts. P8, and no
 * leak: what failed has left nothing behind, and works the next time. Only this is checked here; what the calls do is
 * in the other tests.
 */
#include <errno.h>

#include <viq/linux_host.h>

#include "support/linux_nest.h"
#include "support/nomem.h"
#include "support/sweep.h"

static const int errors[] = {-ENOMEM, -EIO, -EBUSY, -EINTR};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

struct life {
	struct sweep sweep;
	struct nest *n;
};

static bool aborts(const struct nest *n, uint32_t device)
{
	return nest_mode(n, device) == FK_ABORT || nest_mode(n, device) == FK_BLOCKED;
}

static bool has_words(const struct nest *n, uint32_t device, uint64_t dw0)
{
	const struct fk_device *d = &n->fk->devices[device];

	if (VIQ_GET(REG(STE_0_CONFIG), dw0) == 5)
		return d->mode == FK_TRANSLATE && d->ste[0] == dw0 && d->ste[1] == NEST_S1_1;
	return dw0 == NEST_V_BYPASS ? d->mode == FK_BYPASS : aborts(n, device);
}

static bool told(const struct nest *n, uint32_t vsid)
{
	const struct viq_call_host host = viq_linux_vsmmu_host(n->vs);

	return viq_call_stream(&host, vsid);
}

/* Up to the moment, what the guest was told is true: dw0 is in force, or it aborts because the kernel refused it, or
 * failed. */
static void assert_follows(struct life *s, uint32_t device, uint32_t vsid, uint64_t dw0)
{
	if (has_words(s->n, device, dw0))
		return;
	assert_true(aborts(s->n, device));
	assert_true(s->sweep.err == -EIO || s->sweep.err == -EBUSY);
	assert_true(nest_counters(s->n).rejected + nest_counters(s->n).set_failed > 0);
	nest_cfgi_ste(s->n, vsid);
	assert_true(has_words(s->n, device, dw0));
}

static void step_create(struct life *s)
{
	int err = nest_create(s->n);

	if (err) {
		sweep_assert_injected(&s->sweep, err);
		assert_int_not_equal(s->n->why.text[0], 0);
		assert_int_equal(nest_own_objects(s->n), 0);
		assert_int_equal(fake_kernel_files(s->n->fk), 1 + s->n->devices);
		assert_int_equal(nest_create(s->n), 0);
	}
	/* What a guest's front end allocates is another test's matter. */
	nomem_pause(true);
	nest_guest(s->n);
	nomem_pause(false);
}

static void step_add(struct life *s, uint32_t device, uint32_t vsid)
{
	size_t before = nest_own_objects(s->n);
	int err = nest_try_add(s->n, device, vsid, true);

	if (err) {
		sweep_assert_injected(&s->sweep, err);
		assert_int_not_equal(s->n->why.text[0], 0);
		assert_int_equal(nest_mode(s->n, device), FK_BLOCKED);
		assert_int_equal(nest_own_objects(s->n), before);
		assert_false(told(s->n, vsid));
		nest_add(s->n, device, vsid);
	}
	assert_true(told(s->n, vsid));
}

static void step_cfgi_ste(struct life *s, uint32_t device, uint32_t vsid, uint64_t dw0)
{
	nest_ste(s->n, vsid, dw0, NEST_S1_1);
	if (!nest_try_cfgi_ste(s->n, vsid)) {
		sweep_assert_injected(&s->sweep, s->sweep.err);
		assert_stopped(s->n->g, s->n->g->prod - 2, VIQ_SMMUV3_CERROR_ABT);
		assert_true(aborts(s->n, device));
		nest_acknowledge(s->n);
		assert_idle(s->n->g);
	}
	assert_follows(s, device, vsid, dw0);
}

static void step_smmuen(struct life *s, uint32_t device, uint32_t vsid, uint64_t dw0)
{
	nest_enable(s->n, false);
	assert_true(nest_mode(s->n, device) == FK_BYPASS || (sweep_struck(&s->sweep) && aborts(s->n, device)));
	nest_enable(s->n, true);
	if (has_words(s->n, device, dw0))
		return;
	/* The guest could not be told, so it aborts. */
	assert_true(sweep_struck(&s->sweep) && aborts(s->n, device));
	nest_cfgi_ste(s->n, vsid);
	assert_follows(s, device, vsid, dw0);
}

/* The device that was at one number and is at another, or has been removed because that failed. */
static void after_move(struct life *s, uint32_t device, uint32_t vsid, uint64_t dw0, int err)
{
	if (err && !told(s->n, vsid)) {
		assert_true(aborts(s->n, device));
		nest_add(s->n, device, vsid);
	}
	assert_follows(s, device, vsid, dw0);
}

static void step_swap(struct life *s, uint32_t a, uint32_t b)
{
	const struct viq_linux_move moves[] = {{1 + a, 1 + b}, {1 + b, 1 + a}};
	int err = nest_move(s->n, moves, 2);

	if (err)
		sweep_assert_injected(&s->sweep, err);
	after_move(s, a, 1 + b, NEST_S1_0(1 + b), err);
	after_move(s, b, 1 + a, NEST_S1_0(1 + a), err);
}

static void step_remove(struct life *s, uint32_t device, uint32_t vsid)
{
	int err = viq_linux_vsmmu_remove(s->n->vs, vsid);

	if (err) {
		sweep_assert_injected(&s->sweep, err);
		s->sweep.leaks = true;
	}
	assert_true(aborts(s->n, device));
	assert_false(told(s->n, vsid));
}

static void step_destroy(struct life *s)
{
	int err;

	viq_nest_smmuv3_bind(s->n->nest, NULL, NULL);
	err = viq_linux_vsmmu_destroy(s->n->vs);
	s->n->vs = NULL;
	if (err)
		s->sweep.leaks = true;
	assert_true(!err || sweep_struck(&s->sweep));
	/* A leak is always told. */
	assert_true(s->sweep.leaks || nest_own_objects(s->n) == 0);
	assert_false(s->sweep.transparent && s->sweep.leaks);
	for (uint32_t i = 0; i < s->n->devices; i++)
		assert_true(aborts(s->n, i));
}

static void live(struct sweep *sweep)
{
	struct life *s = (struct life *)sweep;
	struct nest *n = s->n;

	step_create(s);
	nest_boot(n, true);
	for (uint32_t i = 0; i < 3; i++)
		nest_stage1(n, 1 + i);
	for (uint32_t i = 0; i < 3; i++)
		step_add(s, i, 1 + i);
	for (uint32_t i = 0; i < 3; i++)
		assert_follows(s, i, 1 + i, NEST_S1_0(1 + i));
	step_cfgi_ste(s, 0, 1, NEST_S1_0(77));
	step_cfgi_ste(s, 0, 1, NEST_S1_0(77));
	step_cfgi_ste(s, 0, 1, NEST_V_BYPASS);
	step_cfgi_ste(s, 0, 1, NEST_S1_0(78));
	step_cfgi_ste(s, 0, 1, NEST_V_ABORT);
	step_cfgi_ste(s, 0, 1, NEST_S1_0(1));
	step_smmuen(s, 0, 1, NEST_S1_0(1));
	/* The others may have been caught by a failure there: they abort until the guest asks. */
	step_cfgi_ste(s, 1, 2, NEST_S1_0(2));
	step_cfgi_ste(s, 2, 3, NEST_S1_0(3));
	step_swap(s, 0, 1);
	step_remove(s, 2, 3);
	step_destroy(s);
}

static struct sweep *begin(bool own_attach)
{
	static struct life life;

	life = (struct life){.n = nest_kernel(3)};
	life.sweep.fk = life.n->fk;
	life.n->own_attach = own_attach;
	return &life.sweep;
}

static void end(struct sweep *sweep)
{
	struct life *s = (struct life *)sweep;

	if (sweep->leaks)
		nest_free_leaky(s->n);
	else
		nest_free(s->n);
}

static const struct sweep_life life = {begin, live, end};

static void each_call_fails_once(void **state)
{
	sweep_calls(&life, errors, ERRORS, false);
}

static void each_call_fails_once_with_attach_hook(void **state)
{
	sweep_calls(&life, errors, ERRORS, true);
}

static void each_allocation_fails_once(void **state)
{
	sweep_allocations(&life, 5);
}

/* What whoever has a front end of their own opens. */
static void the_call_alone(struct nest *n, uint32_t viommu)
{
	struct viq_linux_hw_info hw = {.size = sizeof(hw)};
	struct viq_linux_smmuv3_host *host = NULL;
	struct viq_linux_config config;
	struct viq_linux *ctx = NULL;

	viq_linux_config_init(&config, sizeof(config));
	config.sys = fake_kernel_sys();
	config.sys_opaque = n->fk;
	nomem_must(viq_linux_open(&config, &ctx, NULL));
	viq_linux_close(ctx);
	assert_int_equal(viq_linux_hw_info(n->ctx, n->id[0], &hw), 0);
	nomem_must(viq_linux_smmuv3_host_create(n->ctx, viommu, &hw, VIQ_LINUX_CALLS_BULK, &host, NULL));
	viq_linux_smmuv3_host_destroy(host);
}

static void the_call_alone_without_memory(void **state)
{
	struct nest *n = nest_kernel(1);
	size_t live = nomem_live();
	uint32_t viommu, nth = 0;

	assert_int_equal(viq_linux_viommu_alloc(n->ctx, n->id[0], n->hwpt, &viommu), 0);
	do {
		nomem_fail(++nth, false);
		the_call_alone(n, viommu);
		nomem_off();
		assert_int_equal(nomem_live(), live);
	} while (nomem_struck());
	assert_in_range(nth, 4, 10);
	assert_int_equal(viq_linux_destroy(n->ctx, viommu), 0);
	nest_free(n);
}

/* --- From one call on, all fail ------------------------------------------------------------------------------------
 */

/* Completed or not: what the guest has been told is true. */
static void check_promise(const struct nest *n, bool completed, uint64_t asked)
{
	if (completed)
		assert_true(has_words(n, 0, asked) || aborts(n, 0));
	else
		assert_int_equal(vsmmu_cerror(n->g), VIQ_SMMUV3_CERROR_ABT);
}

static bool dead_kernel_once(uint64_t call, int err)
{
	static const uint64_t words[] = {NEST_S1_0(2), NEST_V_BYPASS, NEST_S1_0(3), NEST_S1_0(3), NEST_V_ABORT, 0};
	struct nest *n = nest_new(1);
	uint64_t last = 0;

	nest_boot(n, true);
	nest_stage1(n, 1);
	nest_add(n, 0, 1);
	n->fk->calls = 0;
	n->fk->faults[0] = (struct fk_fault){.first = call, .times = UINT32_MAX, .err = err};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		last = words[i];
		nest_ste(n, 1, words[i], NEST_S1_1);
		if (vsmmu_cerror(n->g))
			nest_acknowledge(n);
		else
			nest_try_cfgi_ste(n, 1);
		check_promise(n, vsmmu_idle(n->g), words[i]);
	}
	call = n->fk->calls >= call;
	n->fk->faults[0].times = 0;
	if (vsmmu_cerror(n->g))
		nest_acknowledge(n);
	nest_cfgi_ste(n, 1);
	assert_true(has_words(n, 0, last));
	nest_free(n);
	return call;
}

static void p1_whatever_fails_for_good(void **state)
{
	sweep_each(dead_kernel_once, errors, ERRORS, 8);
}

/* --- Anything, while anything fails ------------------------------------------------------------------------------- */

#define SIDS 6

/* What the guest has written, and what the devices are. */
struct model {
	struct nest *n;
	uint64_t seed;
	uint64_t ste[SIDS];
	bool smmuen, gbpa_abort;
	uint32_t at[FK_DEVICES]; /* StreamID + 1, 0: not here */
};

static uint64_t expected(const struct model *m, uint32_t sid)
{
	if (!m->smmuen)
		return m->gbpa_abort ? NEST_V_ABORT : NEST_V_BYPASS;
	return m->ste[sid];
}

static void random_faults(struct model *m)
{
	struct fake_kernel *fk = m->n->fk;

	for (int i = 0; i < 2; i++) {
		fk->faults[i] = (struct fk_fault){
			.first = fk->calls + 1 + test_below(&m->seed, 8),
			.times = test_below(&m->seed, 3) ? 0 : 1 + test_below(&m->seed, 4),
			.err = errors[test_below(&m->seed, ERRORS)],
		};
	}
}

/* No device translates or bypasses by anything but what the guest says now. */
static void assert_promise(const struct model *m)
{
	for (uint32_t i = 0; i < m->n->devices; i++) {
		if (m->at[i] && !aborts(m->n, i))
			assert_true(has_words(m->n, i, expected(m, m->at[i] - 1)));
	}
}

static void random_cfgi(struct model *m)
{
	static const uint64_t plain[] = {NEST_V_ABORT, NEST_V_BYPASS, 0};
	uint32_t sid = test_below(&m->seed, SIDS), r = test_below(&m->seed, 8);
	struct nest *n = m->n;

	m->ste[sid] = r < 3 ? plain[r] : NEST_S1_0(test_below(&m->seed, 3));
	nest_ste(n, sid, m->ste[sid], NEST_S1_1);
	random_faults(m);
	/* The guest's driver goes on until it is done: faults end. */
	if (!nest_send(n, test_below(&m->seed, 4) ? cmd_cfgi_ste(sid) : cmd_cfgi_range(0, 31))) {
		for (int tries = 0; !vsmmu_idle(n->g); tries++) {
			assert_true(tries < 20);
			nest_acknowledge(n);
		}
	}
	assert_promise(m);
}

static void random_registers(struct model *m)
{
	random_faults(m);
	if (!m->smmuen && test_below(&m->seed, 2)) {
		m->gbpa_abort = !m->gbpa_abort;
		vsmmu_w32(m->n->g, REG(GBPA), m->gbpa_abort ? 0x80101000 : 0x80001000);
	} else {
		m->smmuen = !m->smmuen;
		nest_enable(m->n, m->smmuen);
	}
}

static void random_plug(struct model *m)
{
	uint32_t device = test_below(&m->seed, m->n->devices), sid = test_below(&m->seed, SIDS);

	random_faults(m);
	if (m->at[device]) {
		if (!viq_linux_vsmmu_remove(m->n->vs, m->at[device] - 1))
			assert_int_equal(nest_mode(m->n, device), FK_BLOCKED);
		m->at[device] = 0;
	} else if (!nest_try_add(m->n, device, sid, true)) {
		m->at[device] = sid + 1;
	}
}

static void random_move(struct model *m)
{
	uint32_t a = test_below(&m->seed, SIDS), b = test_below(&m->seed, SIDS);
	const struct viq_linux_move moves[] = {{a, b}, {b, a}};
	uint32_t count = told(m->n, b) && a != b ? 2 : 1;

	random_faults(m);
	if (nest_move(m->n, moves, count) == -ENOENT)
		return;
	for (uint32_t i = 0; i < m->n->devices; i++) {
		if (m->at[i] == a + 1)
			m->at[i] = b + 1;
		else if (m->at[i] == b + 1)
			m->at[i] = a + 1;
		if (m->at[i] && !told(m->n, m->at[i] - 1))
			m->at[i] = 0;
	}
}

/* When nothing fails any more, a CFGI_ALL puts everything right. */
static void settle(struct model *m)
{
	for (int i = 0; i < 2; i++)
		m->n->fk->faults[i].times = 0;
	assert_true(nest_send(m->n, cmd_cfgi_range(0, 31)));
	for (uint32_t i = 0; i < m->n->devices; i++) {
		if (m->at[i])
			assert_true(has_words(m->n, i, expected(m, m->at[i] - 1)));
	}
}

/* Short, because a vDEVICE that the kernel did not destroy stays in the way of its device. */
static void random_life(struct model *m)
{
	m->n = nest_new(3);
	m->smmuen = true;
	nest_boot(m->n, true);
	for (uint32_t i = 0; i < m->n->devices; i++) {
		nest_add(m->n, i, i);
		m->at[i] = i + 1;
	}
	for (unsigned int i = 0; i < 60; i++) {
		uint32_t r = test_below(&m->seed, 20);

		if (r < 12)
			random_cfgi(m);
		else if (r < 14)
			random_registers(m);
		else if (r < 16)
			random_plug(m);
		else if (r < 18)
			random_move(m);
		else
			settle(m);
	}
	settle(m);
	assert_int_equal(m->n->fk->bad_handles, 0);
	nest_free_leaky(m->n);
}

static void p1_anything_while_anything_fails(void **state)
{
	uint64_t seed = test_seed();

	for (unsigned int i = 0; i < 1000; i++) {
		struct model m = {.seed = test_random(&seed)};

		random_life(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_fails_once),       cmocka_unit_test(each_call_fails_once_with_attach_hook),
		cmocka_unit_test(each_allocation_fails_once), cmocka_unit_test(the_call_alone_without_memory),
		cmocka_unit_test(p1_whatever_fails_for_good), cmocka_unit_test(p1_anything_while_anything_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
