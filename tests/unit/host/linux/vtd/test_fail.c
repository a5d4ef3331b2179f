/* SPDX-License-Identifier: MIT */
/*
 * Every system call of a nested VT-d's life fails, one after the other, and from one on.
 *
 * P1: a descriptor of the guest completes only if its device translates by the entries named there, or is blocked; and
 * whatever translates is reached by the guest's invalidations. P8, and no leak: what failed has left nothing behind,
 * and works the next time. Only this is checked here; what the calls do is in the other tests.
 */
#include <errno.h>

#include <viq/linux_host.h>

#include "support/linux_vnest.h"
#include "support/nomem.h"
#include "support/sweep.h"

static const int errors[] = {-ENOMEM, -EIO, -EBUSY, -EINVAL, -EINTR};
#define ERRORS (sizeof(errors) / sizeof(errors[0]))

#define BLOCKED (-1)
#define BYPASS  (-2)

struct life {
	struct sweep sweep;
	struct vnest *n;
};

static bool blocked(const struct vnest *n, uint32_t device, uint32_t pasid)
{
	return vnest_mode(n, device, pasid) == FK_BLOCKED;
}

static bool has(const struct vnest *n, uint32_t device, uint32_t pasid, int k)
{
	enum fk_mode mode = vnest_mode(n, device, pasid);

	if (k == BLOCKED)
		return mode == FK_BLOCKED;
	if (k == BYPASS)
		return mode == FK_OWN_TABLES;
	return mode == FK_TRANSLATE && vnest_s1(n, device, pasid)->pgtbl_addr == VNEST_PGTBL(k);
}

/* Everything that translates through a guest's table is reached by a global invalidation that completes. */
static void assert_reached(struct vnest *n)
{
	n->fk->effect_count = 0;
	if (!vnest_send(n, desc_iotlb(VREG(IOTLB_GLOBAL), 0, 0, 0, false))) {
		for (int tries = 0; !vvtd_idle(n->g); tries++) {
			assert_true(tries < 20);
			vnest_retry(n);
		}
	}
	for (uint32_t i = 0; i < n->devices; i++) {
		const struct fk_device *d = &n->fk->devices[i];

		if (d->mode == FK_TRANSLATE)
			assert_true(vnest_effects(n, d->attached, entry_all()));
		for (uint32_t p = 0; p < FK_PASIDS; p++) {
			if (d->pasids[p].mode == FK_TRANSLATE)
				assert_true(vnest_effects(n, d->pasids[p].attached, entry_all()));
		}
	}
}

/* Up to the moment, what the guest was told is true: it is in force, or blocked because the kernel refused it, or
 * failed. */
static void assert_follows(struct life *s, uint32_t device, uint32_t pasid, uint16_t did, int k)
{
	if (!has(s->n, device, pasid, k)) {
		assert_true(sweep_struck(&s->sweep));
		assert_true(blocked(s->n, device, pasid));
		assert_true(s->sweep.err == -EINVAL || s->sweep.err == -EIO || s->sweep.err == -EBUSY);
		assert_true(vnest_counters(s->n).rejected + vnest_counters(s->n).set_failed > 0);
		vnest_flush(s->n, did, pasid);
		assert_true(has(s->n, device, pasid, k));
	}
	assert_reached(s->n);
}

static void step_create(struct life *s)
{
	int err = vnest_create(s->n);

	if (err) {
		sweep_assert_injected(&s->sweep, err);
		assert_int_not_equal(s->n->why.text[0], 0);
		/* The one thing that it makes, and does not get rid of: told, and gone with the iommufd. */
		if (vnest_own_objects(s->n))
			s->sweep.leaks = true;
		assert_int_equal(vnest_create(s->n), 0);
	}
	/* What a guest's front end allocates is another test's matter. */
	nomem_pause(true);
	vnest_guest(s->n);
	nomem_pause(false);
	vnest_boot(s->n);
}

static void step_add(struct life *s, uint32_t device)
{
	size_t before = vnest_own_objects(s->n);
	int err = vnest_try_add(s->n, device, VNEST_SID(device));

	if (err) {
		sweep_assert_injected(&s->sweep, err);
		assert_int_not_equal(s->n->why.text[0], 0);
		assert_true(blocked(s->n, device, 0));
		assert_int_equal(vnest_own_objects(s->n), before);
		vnest_add(s->n, device);
	}
}

static void step_send(struct life *s, struct test_desc desc, uint32_t device, uint32_t pasid)
{
	if (vnest_send(s->n, desc))
		return;
	sweep_assert_injected(&s->sweep, s->sweep.err);
	assert_retry(s->n->g, s->n->g->prod - 2);
	assert_true(blocked(s->n, device, pasid));
	assert_true(vnest_retry(s->n));
}

/* The entry has been written. */
static void step_flush(struct life *s, uint32_t device, uint32_t pasid, uint16_t did, int k)
{
	step_send(s, desc_pc(VREG(PC_PASID), did, pasid), device, pasid);
	assert_follows(s, device, pasid, did, k);
}

static void step_set(struct life *s, uint32_t device, uint32_t pasid, uint16_t did, int k)
{
	vnest_context_on(s->n, device);
	vnest_first(s->n, device, pasid, did, k);
	step_flush(s, device, pasid, did, k);
}

static void step_pass_through(struct life *s, uint32_t device, uint32_t pasid)
{
	vnest_entry(s->n, device, pasid, 1 | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_PT), 1, 0);
	step_flush(s, device, pasid, 1, BYPASS);
}

static void step_clear(struct life *s, uint32_t device, uint32_t pasid, uint16_t did)
{
	vnest_clear(s->n, device, pasid);
	step_flush(s, device, pasid, did, BLOCKED);
}

/* Off and on: the guest cannot be told of errors, so what failed is blocked. */
static void step_enable(struct life *s, uint32_t device, int k)
{
	struct vvtd *g = s->n->g;

	vvtd_gcmd(g, VREG(GCMD_TE), false);
	assert_true(has(s->n, device, 0, BYPASS) || (sweep_struck(&s->sweep) && blocked(s->n, device, 0)));
	vvtd_gcmd(g, VREG(GCMD_TE), true);
	if (has(s->n, device, 0, k))
		return;
	assert_true(sweep_struck(&s->sweep) && blocked(s->n, device, 0));
	vnest_flush(s->n, 4, 0);
	assert_follows(s, device, 0, 4, k);
}

/* A page request comes through, if not at once. */
static void step_ask(struct life *s)
{
	int err;

	assert_int_equal(fake_kernel_ask(s->n->fk, 0, 0, 5, 0x1000, 1), 0);
	err = viq_nest_vtd_faults(s->n->nest, 0);
	if (err) {
		sweep_assert_injected(&s->sweep, err);
		assert_int_equal(viq_nest_vtd_faults(s->n->nest, 0), 0);
	}
	assert_int_equal(vnest_counters(s->n).page_requests, 1);
}

static void step_swap(struct life *s)
{
	const struct viq_linux_move moves[] = {{VNEST_SID(0), VNEST_SID(1)}, {VNEST_SID(1), VNEST_SID(0)}};
	int err = vnest_move(s->n, moves, 2);

	if (err)
		sweep_assert_injected(&s->sweep, err);
	for (uint32_t i = 0; i < 2; i++)
		assert_true(has(s->n, i, 0, 10 + 1 - i) || (sweep_struck(&s->sweep) && blocked(s->n, i, 0)));
	assert_true(vnest_send(s->n, desc_pc(VREG(PC_GLOBAL), 0, 0)));
	for (uint32_t i = 0; i < 2; i++)
		assert_follows(s, i, 0, 4, 10 + 1 - i);
}

/* They have been swapped. */
static void step_remove(struct life *s, uint32_t device)
{
	int err = viq_linux_vvtd_remove(s->n->vv, VNEST_SID(1 - device));

	if (err) {
		sweep_assert_injected(&s->sweep, err);
		s->sweep.leaks = true;
	}
	assert_true(err || blocked(s->n, device, 0));
	assert_reached(s->n);
}

static void step_destroy(struct life *s)
{
	int err;

	vnest_bind(s->n, false);
	err = viq_linux_vvtd_destroy(s->n->vv);
	s->n->vv = NULL;
	if (err)
		s->sweep.leaks = true;
	assert_true(!err || sweep_struck(&s->sweep));
	/* A leak is always told. */
	assert_true(s->sweep.leaks || vnest_own_objects(s->n) == 0);
	assert_false(s->sweep.transparent && s->sweep.leaks);
}

static void live(struct sweep *sweep)
{
	struct life *s = (struct life *)sweep;

	step_create(s);
	step_add(s, 0);
	step_add(s, 1);
	step_set(s, 0, 0, 4, 1);
	step_set(s, 0, 0, 4, 1);
	step_set(s, 0, 0, 4, 2);
	step_set(s, 0, 0, 5, 2);
	step_ask(s);
	step_set(s, 0, 7, 5, 3);
	step_set(s, 0, 7, 5, 4);
	step_pass_through(s, 0, 7);
	step_pass_through(s, 0, 0);
	step_set(s, 0, 7, 6, 5);
	step_clear(s, 0, 7, 6);
	step_set(s, 0, 9, 6, 6);
	step_set(s, 0, 0, 4, 10);
	step_enable(s, 0, 10);
	step_set(s, 0, 9, 6, 6);
	step_set(s, 1, 0, 4, 11);
	step_clear(s, 0, 9, 6);
	/* More than there is room for at first. */
	for (uint32_t pasid = 20; pasid < 24; pasid++)
		step_set(s, 0, pasid, 7, (int)pasid);
	step_swap(s);
	step_remove(s, 1);
	step_destroy(s);
}

static struct sweep *begin(bool own_attach)
{
	static struct life life;

	life = (struct life){.n = vnest_kernel(2)};
	life.n->config.page_groups = 2;
	life.n->fk->devices[0].pri = life.n->fk->devices[1].pri = true;
	life.sweep.fk = life.n->fk;
	life.n->own_attach = own_attach;
	return &life.sweep;
}

static void end(struct sweep *sweep)
{
	struct life *s = (struct life *)sweep;

	if (sweep->leaks)
		vnest_free_leaky(s->n);
	else
		vnest_free(s->n);
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
	sweep_allocations(&life, 25);
}

static void the_call_alone_without_memory(void **state)
{
	const struct viq_linux_vtd_s1 s1 = {.pgtbl_addr = VNEST_PGTBL(1), .addr_width = 48};
	struct viq_linux_vtd_host *host = NULL;
	struct vnest *n = vnest_kernel(1);
	size_t live = nomem_live();
	uint32_t hwpt, nth = 0;

	assert_int_equal(viq_linux_vtd_nested_alloc(n->ctx, n->id[0], n->hwpt, 0, &s1, &hwpt), 0);
	do {
		nomem_fail(++nth, false);
		nomem_must(viq_linux_vtd_host_create(n->ctx, hwpt, &host, NULL));
		viq_linux_vtd_host_destroy(host);
		nomem_off();
		assert_int_equal(nomem_live(), live);
	} while (nomem_struck());
	assert_in_range(nth, 2, 10);
	assert_int_equal(viq_linux_destroy(n->ctx, hwpt), 0);
	vnest_free(n);
}

/* --- From one call on, all fail ----------------------------------------------------------------------------------- */

static void write_entry(struct vnest *n, int k)
{
	if (k == BLOCKED)
		vnest_clear(n, 0, 7);
	else if (k == BYPASS)
		vnest_entry(n, 0, 7, 1 | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_PT), 1, 0);
	else
		vnest_first(n, 0, 7, 4 + k, k);
}

static bool dead_kernel_once(uint64_t call, int err)
{
	static const int wanted[] = {2, BYPASS, 3, 3, BLOCKED, 4};
	struct vnest *n = vnest_new(1);
	bool hit;

	vnest_add(n, 0);
	vnest_set(n, 0, 7, 4, 1);
	n->fk->calls = 0;
	n->fk->faults[0] = (struct fk_fault){.first = call, .times = UINT32_MAX, .err = err};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		write_entry(n, wanted[i]);
		if (!vvtd_idle(n->g))
			vnest_retry(n);
		else
			vnest_send(n, desc_pc(VREG(PC_PASID), 4, 7));
		/* What the guest has been told is true. */
		if (vvtd_idle(n->g))
			assert_true(has(n, 0, 7, wanted[i]) || blocked(n, 0, 7));
	}
	hit = n->fk->calls >= call;
	n->fk->faults[0].times = 0;
	if (!vvtd_idle(n->g))
		assert_true(vnest_retry(n));
	vnest_flush(n, 4, 7);
	assert_true(has(n, 0, 7, 4));
	assert_reached(n);
	vnest_free(n);
	return hit;
}

static void p1_whatever_fails_for_good(void **state)
{
	sweep_each(dead_kernel_once, errors, ERRORS, 8);
}

/* The attach fails half way: the old table is torn down, and still in the kernel's books. */
static void replace_that_fails_half_way(void **state)
{
	struct vnest *n = vnest_new(1);

	vnest_add(n, 0);
	vnest_set(n, 0, 7, 4, 1);
	n->fk->smmus[0].cap &= ~VIQ_VTD_CAP_FS5LP; /* what the guest was told is not so */
	vnest_entry(n, 0, 7, 1 | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS), 4,
		    VNEST_PGTBL(2) | VIQ_PUT(VIQ_VTD_PE_2_FSPM, VIQ_VTD_FSPM_5));
	vnest_flush(n, 4, 7);
	assert_true(blocked(n, 0, 7));
	assert_int_equal(n->last.fate, VIQ_VTD_SET_FAILED);
	assert_int_equal(n->last.os_error, -EINVAL);
	assert_int_equal(vnest_own_objects(n), 0);
	vnest_set(n, 0, 7, 4, 1);
	assert_nested(n, 0, 7, 1);
	vnest_free(n);
}

/* It could not be blocked: the old table goes on to be invalidated until the kernel lets it go. */
static void removed_device_is_reached_until_its_file_is_closed(void **state)
{
	struct vnest *n = vnest_new(1);
	uint32_t hwpt;

	n->own_attach = true;
	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	hwpt = vnest_attached(n, 0, 0);
	n->attach_fails = -1;
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), -ENOMEM);
	assert_nested(n, 0, 0, 1);
	fake_kernel_reset(n->fk);
	assert_true(vnest_send(n, desc_page(4, 0, 5)));
	assert_int_equal(vnest_effects(n, hwpt, entry_page(5, true)), 1);
	fake_kernel_cdev_close(n->fk, 0);
	vnest_flush(n, 4, 0);
	assert_int_equal(vnest_counters(n).tables, 0);
	fake_kernel_reset(n->fk);
	assert_true(vnest_send(n, desc_page(4, 0, 5)));
	assert_int_equal(n->fk->effect_count, 0);
	vnest_free(n);
}

/* That is no refusal of what the guest says: it says nothing. */
static void blocking_that_fails_once_is_told(void **state)
{
	struct vnest *n = vnest_new(1);

	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	vnest_clear(n, 0, 0);
	n->fk->faults[0] = (struct fk_fault){.first = n->fk->calls + 1, .times = 1, .err = -EINVAL};
	assert_true(vnest_send(n, desc_pc(VREG(PC_PASID), 4, 0)));
	assert_int_equal(n->fates[VIQ_VTD_SET_FAILED], 1);
	assert_int_equal(vnest_counters(n).rejected, 0);
	assert_int_equal(vnest_counters(n).set_failed, 1);
	assert_true(blocked(n, 0, 0));
	vnest_free(n);
}

static void broken_is_told_and_tried_again(void **state)
{
	struct vnest *n = vnest_new(2);

	n->own_attach = true;
	vnest_add(n, 0);
	vnest_add(n, 1);
	vnest_set(n, 0, 0, 4, 1);
	vnest_set(n, 1, 0, 4, 2);
	n->attach_fails = -1;
	vnest_clear(n, 0, 0);
	assert_false(vnest_send(n, desc_cc(VREG(CC_DEVICE), 0, VNEST_SID(0), 0)));
	assert_int_equal(n->fates[VIQ_VTD_SET_BROKEN], 1);
	assert_false(vnest_retry(n));
	/* Whatever the descriptor names: what is broken concerns all. */
	vvtd_replace_desc(n->g, n->g->prod - 2, desc_cc(VREG(CC_DEVICE), 0, VNEST_SID(1), 0));
	assert_false(vnest_retry(n));
	n->attach_fails = 0;
	assert_true(vnest_retry(n));
	assert_true(blocked(n, 0, 0));
	assert_nested(n, 1, 0, 2);
	vnest_free(n);
}

/* --- Anything, while anything fails ------------------------------------------------------------------------------- */

#define PASIDS 4

struct model {
	struct vnest *n;
	uint64_t seed;
	int entry[2][PASIDS]; /* by source-id's number */
	int at[2];            /* of a device, -1: not here */
	bool enabled;
};

static void random_faults(struct model *m)
{
	struct fake_kernel *fk = m->n->fk;

	for (int i = 0; i < 2; i++) {
		fk->faults[i] = (struct fk_fault){
			.first = fk->calls + 1 + vvtd_below(&m->seed, 6),
			.times = vvtd_below(&m->seed, 3) ? 0 : 1 + vvtd_below(&m->seed, 4),
			.err = errors[vvtd_below(&m->seed, ERRORS)],
		};
	}
}

static int expected(const struct model *m, uint32_t device, uint32_t pasid)
{
	if (!m->enabled)
		return pasid ? BLOCKED : BYPASS;
	return m->entry[m->at[device]][pasid];
}

/* Nothing translates or bypasses by anything but what the guest says now. */
static void assert_promise(struct model *m)
{
	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t p = 0; m->at[i] >= 0 && p < PASIDS; p++)
			assert_true(blocked(m->n, i, p) || has(m->n, i, p, expected(m, i, p)));
	}
}

static void until_idle(struct model *m)
{
	for (int tries = 0; !vvtd_idle(m->n->g); tries++) {
		assert_true(tries < 20);
		vnest_retry(m->n);
	}
}

static void random_entry(struct model *m)
{
	uint32_t at = vvtd_below(&m->seed, 2), pasid = vvtd_below(&m->seed, PASIDS), r = vvtd_below(&m->seed, 8);
	uint16_t did = 4 + vvtd_below(&m->seed, 2);
	int k = r == 0 ? BLOCKED : r == 1 ? BYPASS : (int)vvtd_below(&m->seed, 3);

	m->entry[at][pasid] = k;
	if (k == BLOCKED)
		vnest_clear(m->n, at, pasid);
	else if (k == BYPASS)
		vnest_entry(m->n, at, pasid, 1 | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_PT), 1, 0);
	else
		vnest_first(m->n, at, pasid, did, k);
	random_faults(m);
	vnest_send(m->n,
		   vvtd_below(&m->seed, 3) ? desc_pc(VREG(PC_PASID), did, pasid) : desc_pc(VREG(PC_GLOBAL), 0, 0));
	until_idle(m);
	assert_promise(m);
	assert_reached(m->n);
}

static void random_enable(struct model *m)
{
	random_faults(m);
	m->enabled = !m->enabled;
	vvtd_gcmd(m->n->g, VREG(GCMD_TE), m->enabled);
}

static void random_plug(struct model *m)
{
	uint32_t device = vvtd_below(&m->seed, 2);
	int at = (int)vvtd_below(&m->seed, 2);

	random_faults(m);
	if (m->at[device] >= 0) {
		if (!viq_linux_vvtd_remove(m->n->vv, VNEST_SID(m->at[device])))
			assert_true(blocked(m->n, device, 0));
		m->at[device] = -1;
	} else if (!vnest_try_add(m->n, device, VNEST_SID(at))) {
		m->at[device] = at;
	}
	assert_reached(m->n);
}

/* When nothing fails any more, one descriptor puts everything right. */
static void settle(struct model *m)
{
	for (int i = 0; i < 2; i++)
		m->n->fk->faults[i].times = 0;
	assert_true(vnest_send(m->n, desc_cc(VREG(CC_GLOBAL), 0, 0, 0)));
	for (uint32_t i = 0; i < 2; i++) {
		for (uint32_t p = 0; m->at[i] >= 0 && p < PASIDS; p++)
			assert_true(has(m->n, i, p, expected(m, i, p)));
	}
	assert_reached(m->n);
}

static void random_life(struct model *m)
{
	m->n = vnest_new(2);
	m->enabled = true;
	for (uint32_t i = 0; i < 2; i++) {
		vnest_context_on(m->n, i);
		for (uint32_t p = 0; p < PASIDS; p++) {
			vnest_first(m->n, i, p, 4, p);
			m->entry[i][p] = (int)p;
		}
		vnest_add(m->n, i);
		m->at[i] = (int)i;
	}
	for (unsigned int i = 0; i < 60; i++) {
		uint32_t r = vvtd_below(&m->seed, 20);

		if (r < 13)
			random_entry(m);
		else if (r < 15)
			random_enable(m);
		else if (r < 17)
			random_plug(m);
		else
			settle(m);
	}
	settle(m);
	vnest_free_leaky(m->n);
}

static void p1_anything_while_anything_fails(void **state)
{
	uint64_t seed = vvtd_seed();

	for (unsigned int i = 0; i < 300; i++) {
		struct model m = {.seed = vvtd_random(&seed)};

		random_life(&m);
	}
}

/* A removed device's table that the kernel has to the end is lost, and destroy says so. */
static void destroy_tells_of_what_the_kernel_keeps(void **state)
{
	struct vnest *n = vnest_new(1);

	n->own_attach = true;
	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	n->attach_fails = -1;
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), -ENOMEM);
	vnest_bind(n, false);
	assert_int_equal(viq_linux_vvtd_destroy(n->vv), -EBUSY);
	n->vv = NULL;
	assert_int_equal(vnest_own_objects(n), 1);
	vnest_free_leaky(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_fails_once),
		cmocka_unit_test(each_call_fails_once_with_attach_hook),
		cmocka_unit_test(each_allocation_fails_once),
		cmocka_unit_test(the_call_alone_without_memory),
		cmocka_unit_test(p1_whatever_fails_for_good),
		cmocka_unit_test(replace_that_fails_half_way),
		cmocka_unit_test(removed_device_is_reached_until_its_file_is_closed),
		cmocka_unit_test(blocking_that_fails_once_is_told),
		cmocka_unit_test(broken_is_told_and_tried_again),
		cmocka_unit_test(p1_anything_while_anything_fails),
		cmocka_unit_test(destroy_tells_of_what_the_kernel_keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
