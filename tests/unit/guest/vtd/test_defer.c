/* SPDX-License-Identifier: MIT */
/* A budget of VIQ_VTD_DEFER: no write consumes anything, each that leaves work asks for run(), and nothing else
 * differs. */
#include <string.h>

#include "support/vvtd.h"

static struct vvtd *deferred_new(unsigned int width, unsigned int qs)
{
	struct vvtd *v = vvtd_budget(VIQ_VTD_DEFER);

	vvtd_attach(v, vvtd_host_new(v), 1, 0, 1, 0);
	vvtd_boot(v, width, qs);
	return v;
}

/* Since the last look. */
static size_t kicks(struct vvtd *v)
{
	size_t n = vvtd_log_number(v, VLOG_KICK);

	v->log_count = 0;
	return n;
}

static void needs_a_kick_hook(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct viq_vtd_config config = v->config;
	struct viq_vtd_ops ops = v->ops;
	struct viq_vtd *vtd;
	struct viq_why why = {""};

	ops.kick = NULL;
	config.budget = VIQ_VTD_DEFER;
	assert_int_equal(viq_vtd_config_check(&config, &why), 0);
	config.ops = &ops;
	assert_int_equal(viq_vtd_create(&config, &vtd, &why), -22);
	assert_non_null(strstr(why.text, "kick"));
	/* Any budget that can end before the queue does. */
	for (uint64_t budget = 1; budget < UINT32_MAX - 1; budget *= 3) {
		config.budget = (uint32_t)budget;
		assert_int_equal(viq_vtd_config_check(&config, &why), -22);
		assert_non_null(strstr(why.text, "budget"));
		assert_non_null(strstr(why.text, "kick"));
	}
	config.budget = 0;
	assert_int_equal(viq_vtd_config_check(&config, &why), 0);
	config.budget = UINT32_MAX - 1;
	assert_int_equal(viq_vtd_config_check(&config, &why), 0);
	vvtd_free(v);
}

/* Budget 0 without the hook: descriptors cost more than the queue holds, and still one write, or a restore, does all.
 */
static void without_it_a_write_does_everything(void **state)
{
	struct viq_vtd_config config;
	struct viq_vtd_ops ops;
	struct vvtd *v;
	uint8_t buf[1024];
	size_t len;

	vvtd_config(&config);
	config.budget = VIQ_VTD_DEFER;
	v = vvtd_new(&config);
	ops = v->ops;
	ops.kick = NULL;
	vvtd_boot(v, 256, 0);
	for (unsigned int i = 0; i < 100; i++)
		vvtd_push(v, desc_iotlb(1, 0, 0, 0, false));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_iqh(v, 0);
	len = sizeof(buf);
	assert_int_equal(viq_vtd_save(v->vtd, buf, &len), 0);
	viq_vtd_destroy(v->vtd);
	v->config.ops = &ops;
	v->config.budget = 0;
	assert_int_equal(viq_vtd_create(&v->config, &v->vtd, NULL), 0);
	for (unsigned int i = 0; i < 40; i++)
		vvtd_attach(v, vvtd_host_new(v), 1, i, 1, 0);
	assert_int_equal(viq_vtd_restore(v->vtd, buf, len), 0);
	assert_vidle(v);
	for (unsigned int i = 0; i < 100; i++)
		vvtd_push(v, desc_iotlb(1, 0, 0, 0, false));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vidle(v);
	assert_true(vtd_counters(v->vtd).budget_ends > 0);
	vvtd_free(v);
}

static void every_trigger_only_asks(void **state)
{
	struct vvtd *v = deferred_new(256, 0);
	struct vvtd_host *host = v->hosts[0];

	/* IQT */
	for (unsigned int i = 0; i < 3; i++)
		vvtd_push(v, desc_page(1, 0, i));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_int_equal(kicks(v), 1);
	/* A saved state */
	vvtd_migrate(v);
	assert_int_equal(kicks(v), 1);
	assert_iqh(v, 0);
	assert_int_equal(host->calls, 0);
	/* Any budget of run(), this one too. */
	assert_true(viq_vtd_run(v->vtd, 1));
	assert_iqh(v, 1);
	assert_false(viq_vtd_run(v->vtd, VIQ_VTD_DEFER));
	assert_vidle(v);
	/* FSTS.IQE, and FSTS.ITE of a host's failure */
	vvtd_push(v, (struct test_desc){{0xf}});
	vvtd_ring(v);
	assert_int_equal(kicks(v), 1);
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_iqe(v, 4, VIQ_VTD_IQEI_TYPE);
	vvtd_ring(v);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_ICE) | VREG(FSTS_PFO));
	assert_int_equal(kicks(v), 0);
	vvtd_replace_desc(v, 4, desc_page(1, 0, 7));
	vvtd_host_fail(host, entry_page(7, true), VIQ_CALL_FAILED, 1);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	assert_int_equal(kicks(v), 1);
	assert_iqh(v, 4);
	v->gives_up = true;
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_retry(v, 4);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_ITE));
	assert_int_equal(kicks(v), 1);
	assert_iqh(v, 4);
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_vidle(v);
	vvtd_free(v);
}

/* A queue that is switched on with a tail already there. */
/* A unit hangs, and goes on. */
static void the_budget_can_change(void **state)
{
	struct viq_vtd_ops ops;
	struct vvtd *v = vvtd_budget(0);

	assert_int_equal(viq_vtd_set_budget(NULL, 0), -22);
	vvtd_attach(v, vvtd_host_new(v), 1, 0, 1, 0);
	vvtd_boot(v, 256, 0);
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vidle(v);
	kicks(v);
	assert_int_equal(viq_vtd_set_budget(v->vtd, VIQ_VTD_DEFER), 0);
	vvtd_push(v, desc_page(1, 0, 1));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_iqh(v, 1);
	assert_int_equal(kicks(v), 1);
	assert_int_equal(viq_vtd_set_budget(v->vtd, 0), 0);
	assert_iqh(v, 1);
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_vidle(v);
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vidle(v);
	ops = v->ops;
	ops.kick = NULL;
	viq_vtd_destroy(v->vtd);
	v->config.ops = &ops;
	v->config.budget = 0;
	assert_int_equal(viq_vtd_create(&v->config, &v->vtd, NULL), 0);
	assert_int_equal(viq_vtd_set_budget(v->vtd, VIQ_VTD_DEFER), -22);
	assert_int_equal(viq_vtd_set_budget(v->vtd, VIQ_WORK_UNLIMITED), 0);
	vvtd_free(v);
}

static void switching_on_only_asks(void **state)
{
	struct vvtd *v = deferred_new(256, 0);

	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	v->prod = v->seen = 0;
	vvtd_push(v, desc_page(1, 0, 1));
	vvtd_w64(v, VREG(IQT), vvtd_offset(v, 1));
	assert_int_equal(kicks(v), 0);
	vvtd_gcmd(v, VREG(GCMD_QIE), true);
	assert_int_equal(kicks(v), 1);
	assert_iqh(v, 0);
	assert_false(viq_vtd_run(v->vtd, 0));
	assert_vidle(v);
	vvtd_free(v);
}

static void nothing_to_do_asks_for_nothing(void **state)
{
	struct vvtd *v = deferred_new(256, 0);

	vvtd_ring(v);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE) | VREG(FSTS_ITE));
	vvtd_migrate(v);
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	vvtd_w64(v, VREG(IQT), 32);
	assert_int_equal(kicks(v), 0);
	assert_int_equal(vtd_counters(v->vtd).runs, 0);
	vvtd_free(v);
}

/* What is asked for by registers is no part of the queue, and left to run() as well (P4). */
static void registers_only_ask_too(void **state)
{
	const struct {
		uint64_t offset, value, busy;
		uint32_t bit; /* of GSTS; 0: busy reads 1 until it is done */
	} writes[] = {
		{VREG(GCMD), VREG(GCMD_SRTP), 0, VREG(GSTS_RTPS)},
		{VREG(GCMD), VREG(GCMD_SIRTP), 0, VREG(GSTS_IRTPS)},
		{VREG(GCMD), VREG(GCMD_IRE), 0, VREG(GSTS_IRES)},
		{VREG(GCMD), VREG(GCMD_IRE) | VREG(GCMD_TE), 0, VREG(GSTS_TES)},
		{VREG(CCMD), VREG(CCMD_ICC) | VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_GLOBAL), VREG(CCMD_ICC), 0},
		{0, /* IOTLB is elsewhere */
		 VREG(IOTLB_IVT) | VIQ_PUT(VREG(IOTLB_IIRG), VIQ_VTD_IOTLB_GLOBAL), VREG(IOTLB_IVT), 0},
	};
	struct viq_vtd_config config;
	struct vvtd *v;
	uint64_t iotlb;

	vvtd_config(&config);
	config.budget = VIQ_VTD_DEFER;
	v = vvtd_new(&config);
	iotlb = VIQ_GET(VIQ_VTD_ECAP_IRO, config.ecap) * VIQ_VTD_OFFSET_UNITS + 8;
	vvtd_attach(v, vvtd_host_new(v), 1, 0, 1, 0);
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		uint64_t offset = writes[i].offset ? writes[i].offset : iotlb;

		kicks(v);
		if (writes[i].bit)
			vvtd_w32(v, offset, (uint32_t)writes[i].value);
		else
			vvtd_w64(v, offset, writes[i].value);
		assert_int_equal(vvtd_r32(v, VREG(GSTS)) & writes[i].bit, 0);
		assert_int_equal(vvtd_r64(v, offset) & writes[i].busy, writes[i].busy);
		assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG) + vvtd_log_number(v, VLOG_REMAP), 0);
		assert_int_equal(v->hosts[0]->effect_count, 0);
		assert_int_equal(kicks(v), 1);
		assert_false(viq_vtd_run(v->vtd, 0));
		assert_int_equal(vvtd_r32(v, VREG(GSTS)) & writes[i].bit, writes[i].bit);
		assert_int_equal(vvtd_r64(v, offset) & writes[i].busy, 0);
		assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG) + vvtd_log_number(v, VLOG_REMAP) +
					 v->hosts[0]->effect_count,
				 1);
		assert_int_equal(kicks(v), 0);
	}
	vvtd_free(v);
}

/* --- Otherwise the same ------------------------------------------------------------------------------------------- */

static struct test_desc random_descriptor(uint64_t *seed)
{
	switch (vvtd_below(seed, 10)) {
	case 0:
		return (struct test_desc){{0xf}};
	case 1:
		return desc_pc(VIQ_VTD_PC_DOMAIN, 1, 0);
	case 2:
		return desc_devtlb(1, (uint64_t)vvtd_below(seed, 64) << 12, false);
	case 3:
		return desc_iotlb(VIQ_VTD_IOTLB_DOMAIN, 1, 0, 0, false);
	case 4:
		return desc_wait(false, true, false, 0, 0);
	default:
		return desc_page(1, 0, vvtd_below(seed, 64));
	}
}

static void settle(struct vvtd *v)
{
	do
		while (viq_vtd_run(v->vtd, 0))
			;
	while (viq_vtd_waits_for_host(v->vtd));
}

static void overwrite(struct vvtd *v)
{
	uint64_t at = vvtd_r64(v, VREG(IQH)) >> v->shift;

	vvtd_replace_desc(v, at, desc_wait(false, false, true, 0, 0));
}

static void acknowledge(struct vvtd *v)
{
	vvtd_w32(v, VREG(FSTS), vvtd_r32(v, VREG(FSTS)));
	settle(v);
}

static void ring_and_recover(struct vvtd *v)
{
	vvtd_ring(v);
	settle(v);
	if (vvtd_r32(v, VREG(FSTS)) & VREG(FSTS_IQE))
		overwrite(v);
	acknowledge(v);
	/* The queue is emptied each time, so that it never overflows. */
	for (int tries = 0; tries < 100 && !vvtd_idle(v); tries++) {
		overwrite(v);
		acknowledge(v);
	}
}

static size_t skip_kicks(const struct vvtd *v, size_t at)
{
	while (at < v->log_count && v->log[at].kind == VLOG_KICK)
		at++;
	return at;
}

/* Without the kicks, and the counts of how the work was cut. */
static void assert_same(struct vvtd *a, struct vvtd *b)
{
	struct viq_vtd_counters x = vtd_counters(a->vtd), y = vtd_counters(b->vtd);
	size_t i = skip_kicks(a, 0), k = skip_kicks(b, 0);

	x.runs = y.runs = x.budget_ends = y.budget_ends = 0;
	assert_memory_equal(&x, &y, sizeof(x));
	for (uint64_t offset = 0; offset < 0x300; offset += 4)
		assert_int_equal(vvtd_r32(a, offset), vvtd_r32(b, offset));
	assert_int_equal(a->hosts[0]->calls, b->hosts[0]->calls);
	while (i < a->log_count && k < b->log_count) {
		assert_int_equal(a->log[i].kind, b->log[k].kind);
		assert_int_equal(a->log[i].a, b->log[k].a);
		assert_int_equal(a->log[i].b, b->log[k].b);
		assert_int_equal(a->log[i].c, b->log[k].c);
		assert_memory_equal(a->log[i].desc, b->log[k].desc, sizeof(a->log[i].desc));
		assert_int_equal(a->log[i].iqh, b->log[k].iqh);
		assert_int_equal(a->log[i].fsts, b->log[k].fsts);
		i = skip_kicks(a, i + 1);
		k = skip_kicks(b, k + 1);
	}
	assert_true(i == a->log_count && k == b->log_count);
	a->log_count = b->log_count = 0;
}

static void deferred_work_is_the_same_work(void **state)
{
	uint64_t seed = vvtd_seed();

	for (unsigned int round = 0; round < 200; round++) {
		struct vvtd *v[2] = {vvtd_new(NULL), deferred_new(256, 0)};
		unsigned int contract = vvtd_below(&seed, VVTD_CONTRACTS);
		uint32_t error = 1 + vvtd_below(&seed, VIQ_CALL_ERROR_COUNT - 1);

		vvtd_attach(v[0], vvtd_host_new(v[0]), 1, 0, 1, 0);
		vvtd_boot(v[0], 256, 0);
		for (int i = 0; i < 2; i++) {
			v[i]->lax = true;
			v[i]->log_count = 0;
			vvtd_host_contract(v[i]->hosts[0], contract);
			vvtd_host_fail(v[i]->hosts[0], entry_page(7, true), error, 3);
		}
		for (unsigned int step = 0; step < 40; step++) {
			uint32_t count = vvtd_below(&seed, 20);

			for (uint32_t n = 0; n < count; n++) {
				struct test_desc desc = random_descriptor(&seed);

				vvtd_push(v[0], desc);
				vvtd_push(v[1], desc);
			}
			for (int i = 0; i < 2; i++)
				ring_and_recover(v[i]);
			assert_same(v[0], v[1]);
		}
		vvtd_free(v[0]);
		vvtd_free(v[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_it_a_write_does_everything),
		cmocka_unit_test(needs_a_kick_hook),
		cmocka_unit_test(every_trigger_only_asks),
		cmocka_unit_test(the_budget_can_change),
		cmocka_unit_test(switching_on_only_asks),
		cmocka_unit_test(nothing_to_do_asks_for_nothing),
		cmocka_unit_test(registers_only_ask_too),
		cmocka_unit_test(deferred_work_is_the_same_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
