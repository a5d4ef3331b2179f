/* SPDX-License-Identifier: MIT */
/*
 * What registers and descriptors set in motion can be left and taken up again: what the guest sees of it meanwhile, and
 * what newer causes, other descriptors and a saved state do to what is half done.
 */
#include <errno.h>

#include "support/vvtd.h"

#define STEPS  5u
#define BUDGET (2 * VIQ_WORK_CALL) /* two of the steps */

static struct vvtd *guest(uint32_t budget)
{
	struct vvtd *v = vvtd_budget(budget);

	vvtd_boot(v, 256, 0);
	vvtd_gcmd(v, VREG(GCMD_TE), true);
	v->steps = STEPS;
	v->log_count = 0;
	return v;
}

/* Register-based invalidation needs a queue that is off, in legacy mode. */
static struct vvtd *guest_by_register(uint32_t budget)
{
	struct vvtd *v = vvtd_budget(budget);

	v->steps = STEPS;
	return v;
}

/* GCMD, so that GSTS is to be this: but for one-shot bits. */
static void command(struct vvtd *v, uint32_t status)
{
	vvtd_w32(v, VREG(GCMD), status & ~(uint32_t)(VREG(GSTS_RTPS) | VREG(GSTS_IRTPS)));
}

static bool run(struct vvtd *v)
{
	return viq_vtd_run(v->vtd, BUDGET);
}

static void finish(struct vvtd *v)
{
	while (run(v))
		;
}

static size_t reconfigs(const struct vvtd *v, enum viq_vtd_reconfig_cause cause)
{
	size_t n = 0;

	for (size_t i = 0; i < v->log_count; i++)
		n += v->log[i].kind == VLOG_RECONFIG && v->log[i].reconfig.cause == cause;
	return n;
}

static size_t remaps(const struct vvtd *v, enum viq_vtd_remap_cause cause)
{
	size_t n = 0;

	for (size_t i = 0; i < v->log_count; i++)
		n += v->log[i].kind == VLOG_REMAP && v->log[i].a == cause;
	return n;
}

static uint64_t iotlb_register(const struct vvtd *v)
{
	return VIQ_GET(VIQ_VTD_ECAP_IRO, v->config.ecap) * VIQ_VTD_OFFSET_UNITS + 8;
}

/* IQH stands at the descriptor until all of it is done, and nothing behind it happens before. */
static void p4_a_descriptor_is_left_and_taken_up(void **state)
{
	const struct test_desc descs[] = {desc_cc(VREG(CC_GLOBAL), 0, 0, 0), desc_pc(VREG(PC_GLOBAL), 0, 0),
					  desc_iec(false, 0, 0)};

	for (size_t i = 0; i < sizeof(descs) / sizeof(descs[0]); i++) {
		struct vvtd *v = guest(BUDGET);
		struct vvtd_host *host = vvtd_host_new(v);

		vvtd_attach(v, host, 1, 2, 0x100, 0);
		vvtd_push(v, desc_page(1, 2, 0));
		vvtd_push(v, descs[i]);
		vvtd_submit(v, desc_page(1, 2, 1));
		assert_iqh(v, 1);
		assert_int_equal(host->effect_count, 1);
		assert_int_equal(vvtd_log_number(v, VLOG_KICK), 1);
		assert_true(run(v));
		assert_iqh(v, 1);
		assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG) + vvtd_log_number(v, VLOG_REMAP), 0);
		finish(v);
		assert_vidle(v);
		assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG) + vvtd_log_number(v, VLOG_REMAP), 1);
		assert_int_equal(host->effect_count, 2);
		assert_int_equal(vvtd_log_number(v, VLOG_KICK), 1);
		vvtd_free(v);
	}
}

/* GSTS says what GCMD has set in motion when it is done, and the queue waits for it. */
static void p4_gsts_tells_when_it_is_done(void **state)
{
	struct vvtd *v = guest(BUDGET);
	uint32_t was = vvtd_r32(v, VREG(GSTS));

	command(v, was & ~(uint32_t)VREG(GSTS_TES));
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), was);
	vvtd_push_wait(v);
	vvtd_ring(v); /* two steps of it */
	assert_iqh(v, 0);
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), was);
	assert_int_equal(vvtd_log_number(v, VLOG_RECONFIG), 0);
	assert_false(run(v));
	assert_vidle(v);
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), was & ~(uint32_t)VREG(GSTS_TES));
	assert_int_equal(reconfigs(v, VIQ_VTD_DISABLED), 1);
	/* Another bit that is done meanwhile does not show this one. */
	command(v, was);
	command(v, was & ~(uint32_t)VREG(GSTS_QIES));
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), was & ~(uint32_t)(VREG(GSTS_TES) | VREG(GSTS_QIES)));
	finish(v);
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), was & ~(uint32_t)VREG(GSTS_QIES));
	assert_int_equal(reconfigs(v, VIQ_VTD_ENABLED), 1);
	vvtd_free(v);
}

/* One-shot bits read 0 while they are worked on, also again. */
static void p4_one_shot_bits(void **state)
{
	struct vvtd *v = guest(BUDGET);
	const struct {
		uint32_t command, status;
	} bits[] = {{VREG(GCMD_SRTP), VREG(GSTS_RTPS)}, {VREG(GCMD_SIRTP), VREG(GSTS_IRTPS)}};

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t level = vvtd_r32(v, VREG(GSTS)) & (VREG(GSTS_TES) | VREG(GSTS_QIES));

		vvtd_w32(v, VREG(GCMD), level | bits[i % 2].command);
		assert_int_equal(vvtd_r32(v, VREG(GSTS)) & bits[i % 2].status, 0);
		assert_true(run(v));
		assert_int_equal(vvtd_r32(v, VREG(GSTS)) & bits[i % 2].status, 0);
		finish(v);
		assert_int_equal(vvtd_r32(v, VREG(GSTS)) & bits[i % 2].status, bits[i % 2].status);
	}
	vvtd_free(v);
}

/* A newer cause takes the place of what is half done, and a descriptor is done again from its beginning. */
static void the_newest_cause_begins_anew(void **state)
{
	struct vvtd *v = guest(BUDGET);
	uint32_t was = vvtd_r32(v, VREG(GSTS));
	unsigned int calls = 1;

	vvtd_push(v, desc_pc(VREG(PC_GLOBAL), 0, 0));
	vvtd_ring(v);
	command(v, was & ~(uint32_t)VREG(GSTS_TES));
	command(v, was);
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), was);
	while (run(v))
		calls++;
	assert_int_equal(calls, 4); /* two for what is left of ENABLED, and three for the descriptor; two share one */
	assert_int_equal(reconfigs(v, VIQ_VTD_DISABLED), 0);
	assert_int_equal(reconfigs(v, VIQ_VTD_ENABLED), 1);
	assert_int_equal(reconfigs(v, VIQ_VTD_PASID_CACHE), 1);
	/* A queue that was off has another descriptor at IQH. */
	vvtd_push(v, desc_pc(VREG(PC_GLOBAL), 0, 0));
	vvtd_ring(v);
	assert_true(run(v));
	command(v, was & ~(uint32_t)VREG(GSTS_QIES));
	assert_false(run(v));
	v->prod = v->seen = 0;
	vvtd_push(v, desc_pc(VREG(PC_GLOBAL), 0, 0));
	vvtd_w64(v, VREG(IQT), 32);
	command(v, was);
	for (calls = 0; run(v);)
		calls++;
	assert_int_equal(calls, 1);
	assert_vidle(v);
	vvtd_free(v);
}

/* CCMD.ICC and IOTLB.IVT read 1 until it is done; what comes on the way is done with it. */
static void p4_by_register(void **state)
{
	struct vvtd *v = guest_by_register(BUDGET);
	const uint64_t icc = VREG(CCMD_ICC), ivt = VREG(IOTLB_IVT);
	struct vvtd_host *host = vvtd_host_new(v);
	size_t at;

	for (uint32_t i = 0; i < 5; i++)
		vvtd_attach(v, host, 1, i, 0x100, 0);
	vvtd_attach(v, vvtd_host_new(v), 2, 0, 0x101, 0);
	vvtd_w64(v, VREG(CCMD), icc | VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_DEVICE) | VIQ_PUT(VREG(CCMD_SID), 9));
	assert_true(vvtd_r64(v, VREG(CCMD)) & icc);
	assert_true(run(v));
	assert_true(vvtd_r64(v, VREG(CCMD)) & icc);
	assert_false(run(v));
	assert_int_equal(vvtd_r64(v, VREG(CCMD)), VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_DEVICE) |
							  VIQ_PUT(VREG(CCMD_SID), 9) |
							  VIQ_PUT(VREG(CCMD_CAIG), VIQ_VTD_CC_DEVICE));
	at = vvtd_log_find(v, 0, VLOG_RECONFIG);
	assert_int_equal(v->log[at].reconfig.source_id, 9);
	/* A second request before the first is done, which a guest must not make (11.4.6.1), is ignored. */
	vvtd_w64(v, VREG(CCMD), icc | VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_DEVICE) | VIQ_PUT(VREG(CCMD_SID), 9));
	vvtd_w64(v, VREG(CCMD), icc | VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_DEVICE) | VIQ_PUT(VREG(CCMD_SID), 10));
	finish(v);
	at = vvtd_log_find(v, at + 1, VLOG_RECONFIG);
	assert_int_equal(v->log[at].reconfig.cause, VIQ_VTD_CONTEXT_CACHE);
	assert_int_equal(v->log[at].reconfig.scope, VIQ_VTD_SCOPE_DEVICE);
	assert_int_equal(v->log[at].reconfig.source_id, 9);
	assert_int_equal(VIQ_GET(VREG(CCMD_SID), vvtd_r64(v, VREG(CCMD))), 9);
	/* GCMD's is everything, too. */
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_TE));
	vvtd_w64(v, VREG(CCMD), icc | VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_DEVICE) | VIQ_PUT(VREG(CCMD_SID), 9));
	finish(v);
	assert_false(vvtd_r64(v, VREG(CCMD)) & icc);
	at = vvtd_log_find(v, at + 1, VLOG_RECONFIG);
	assert_int_equal(v->log[at].reconfig.cause, VIQ_VTD_ENABLED);
	assert_int_equal(vvtd_log_find(v, at + 1, VLOG_RECONFIG), v->log_count);
	/* A table at a time; others come and go. */
	vvtd_w64(v, iotlb_register(v),
		 ivt | VIQ_PUT(VREG(IOTLB_IIRG), VIQ_VTD_IOTLB_DOMAIN) | VIQ_PUT(VREG(IOTLB_DID), 1));
	assert_int_equal(host->effect_count, 2);
	assert_true(vvtd_r64(v, iotlb_register(v)) & ivt);
	/* 11.4.6.3 */
	vvtd_w64(v, iotlb_register(v), ivt | VIQ_PUT(VREG(IOTLB_IIRG), VIQ_VTD_IOTLB_GLOBAL));
	vvtd_detach(v, 2);
	vvtd_attach(v, vvtd_host_new(v), 1, 0, 0x102, 0);
	finish(v);
	assert_int_equal(host->effect_count, 4);
	assert_int_equal(v->hosts[1]->effect_count, 0);
	assert_int_equal(v->hosts[2]->effect_count, 0);
	assert_int_equal(VIQ_GET(VREG(IOTLB_IAIG), vvtd_r64(v, iotlb_register(v))), VIQ_VTD_IOTLB_DOMAIN);
	/* One that failed is tried again, and no other. */
	vvtd_host_fail(host, entry_all(), VIQ_CALL_NO_MEMORY, 1);
	vvtd_w64(v, iotlb_register(v), ivt | VIQ_PUT(VREG(IOTLB_IIRG), VIQ_VTD_IOTLB_GLOBAL));
	finish(v);
	vvtd_retry(v);
	finish(v);
	assert_int_equal(VIQ_GET(VREG(IOTLB_IAIG), vvtd_r64(v, iotlb_register(v))), VIQ_VTD_IOTLB_GLOBAL);
	assert_int_equal(v->hosts[1]->effect_count, 1);
	vvtd_free(v);
}

/* What is half done belongs to a descriptor that is still there: the next one like it begins anew (P1). */
static void a_descriptor_taken_back_begins_anew(void **state)
{
	const struct test_desc descs[] = {desc_pc(VREG(PC_GLOBAL), 0, 0), desc_iec(false, 0, 0)};

	for (size_t i = 0; i < 4; i++) {
		const struct test_desc desc = descs[i / 2];
		bool overwrite = i % 2;
		struct vvtd *v = guest(BUDGET);

		v->lax = true;
		vvtd_push(v, desc);
		vvtd_ring(v);
		assert_iqh(v, 0);
		if (overwrite) {
			vvtd_replace_desc(v, 0, desc_page(1, 2, 0));
			vvtd_push(v, desc);
		} else {
			vvtd_w32(v, VREG(IQT), 0);
		}
		vvtd_ring(v);
		/* Two of five steps a run: a third run would not be needed for what goes on. */
		assert_iqh(v, overwrite);
		assert_true(run(v));
		assert_iqh(v, overwrite);
		finish(v);
		assert_vidle(v);
		vvtd_free(v);
	}
}

/* Whether it fails is said at the end. */
static void an_error_comes_last(void **state)
{
	struct vvtd *v = guest(BUDGET);

	v->reconfig_result = -ENOMEM;
	vvtd_push(v, desc_pc(VREG(PC_GLOBAL), 0, 0));
	vvtd_ring(v);
	assert_true(run(v));
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 0);
	assert_false(run(v));
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 1);
	v->reconfig_result = 0;
	finish(v);
	assert_vidle(v);
	vvtd_free(v);
}

/* Saved in the middle: everything is configured, then the descriptor at IQH is done again; registers are done. */
static void p7_saved_in_the_middle(void **state)
{
	struct vvtd *v = guest(BUDGET);
	uint32_t was = vvtd_r32(v, VREG(GSTS));

	vvtd_submit(v, desc_pc(VREG(PC_GLOBAL), 0, 0));
	assert_true(run(v));
	vvtd_migrate(v);
	assert_int_equal(reconfigs(v, VIQ_VTD_RESTORED), 1);
	assert_int_equal(remaps(v, VIQ_VTD_REMAP_RESTORED), 1);
	assert_int_equal(reconfigs(v, VIQ_VTD_PASID_CACHE), 0);
	assert_iqh(v, 0);
	finish(v);
	assert_vidle(v);
	assert_int_equal(reconfigs(v, VIQ_VTD_PASID_CACHE), 1);
	vvtd_w32(v, VREG(GCMD), VREG(GSTS_QIES) | VREG(GCMD_SIRTP));
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), was);
	vvtd_migrate(v);
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), (was & ~(uint32_t)VREG(GSTS_TES)) | VREG(GSTS_IRTPS));
	assert_int_equal(reconfigs(v, VIQ_VTD_DISABLED), 0);
	assert_false(run(v));
	vvtd_free(v);

	v = guest_by_register(VIQ_VTD_DEFER);
	vvtd_w64(v, VREG(CCMD), VREG(CCMD_ICC) | VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_GLOBAL));
	vvtd_w64(v, iotlb_register(v), VREG(IOTLB_IVT) | VIQ_PUT(VREG(IOTLB_IIRG), VIQ_VTD_IOTLB_PAGE));
	vvtd_migrate(v);
	assert_int_equal(vvtd_r64(v, VREG(CCMD)),
			 VIQ_PUT(VREG(CCMD_CIRG), VIQ_VTD_CC_GLOBAL) | VIQ_PUT(VREG(CCMD_CAIG), VIQ_VTD_CC_GLOBAL));
	assert_int_equal(VIQ_GET(VREG(IOTLB_IAIG), vvtd_r64(v, iotlb_register(v))), VIQ_VTD_IOTLB_DOMAIN);
	assert_int_equal(vvtd_r64(v, iotlb_register(v)) & VREG(IOTLB_IVT), 0);
	assert_false(run(v));
	/* A reset as well. */
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_TE));
	viq_vtd_reset(v->vtd);
	assert_false(run(v));
	assert_int_equal(vvtd_r32(v, VREG(GSTS)), 0);
	vvtd_free(v);
}

/* The hook has no budget: nothing of the old tables is used when it returns. */
static void a_reset_does_all_of_it(void **state)
{
	struct vvtd *v = guest(BUDGET);

	viq_vtd_reset(v->vtd);
	assert_int_equal(reconfigs(v, VIQ_VTD_RESTORED), 1);
	assert_int_equal(remaps(v, VIQ_VTD_REMAP_RESTORED), 1);
	assert_false(run(v));
	assert_int_equal(reconfigs(v, VIQ_VTD_RESTORED), 1);
	assert_int_equal(remaps(v, VIQ_VTD_REMAP_RESTORED), 1);
	vvtd_free(v);
}

/*
 * The VMM may block a device that does not answer: a descriptor behind that has it configured again, although one
 * before it, from the same doorbell, has covered it.
 */
static void a_time_out_uncovers(void **state)
{
	for (unsigned int i = 0; i < 4; i++) {
		bool answers = i % 2, by_table = i / 2;
		struct viq_vtd_config config;
		struct vvtd_host *host;
		struct vvtd *v;

		vvtd_config(&config);
		v = vvtd_new(&config);
		vvtd_boot(v, 256, 1);
		host = vvtd_host_new(v);
		vvtd_attach(v, host, 2, 0, 0x777, VIQ_VTD_TABLE_RID | (by_table ? VIQ_VTD_DEVTLB_IMPLIED : 0));
		if (!answers && by_table)
			vvtd_host_fail(host, entry_page(5, true), VIQ_CALL_TIMEOUT, 1);
		v->devtlb_result = answers ? 0 : -ETIMEDOUT;
		v->devtlb_times = 1;
		v->log_count = 0;
		vvtd_push(v, desc_pc(VREG(PC_PASID), 2, 0));
		vvtd_push(v, by_table ? desc_page(2, 0, 5) : desc_devtlb(0x777, 0x5000, false));
		vvtd_push(v, desc_pc(VREG(PC_PASID), 2, 0));
		vvtd_ring(v);
		vvtd_retry(v);
		assert_int_equal(vvtd_r64(v, VREG(IQH)), vvtd_r64(v, VREG(IQT)));
		assert_int_equal(vvtd_log_number(v, VLOG_TIMEOUT), !answers);
		assert_int_equal(reconfigs(v, VIQ_VTD_PASID_CACHE), answers ? 1 : 2);
		vvtd_free(v);
	}
}

/* One that is covered counts as its own type, too. */
static void covered_descriptors_count(void **state)
{
	struct vvtd *v = vvtd_new(NULL);

	vvtd_boot(v, 256, 0);
	vvtd_push(v, desc_iec(false, 0, 0));
	vvtd_push(v, desc_iec(true, 5, 0));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vidle(v);
	assert_int_equal(vtd_counters(v->vtd).descriptors[VREG(TYPE_IEC)], 2);
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_does_all_of_it),
		cmocka_unit_test(a_time_out_uncovers),
		cmocka_unit_test(p4_a_descriptor_is_left_and_taken_up),
		cmocka_unit_test(p4_gsts_tells_when_it_is_done),
		cmocka_unit_test(p4_one_shot_bits),
		cmocka_unit_test(the_newest_cause_begins_anew),
		cmocka_unit_test(p4_by_register),
		cmocka_unit_test(a_descriptor_taken_back_begins_anew),
		cmocka_unit_test(an_error_comes_last),
		cmocka_unit_test(p7_saved_in_the_middle),
		cmocka_unit_test(covered_descriptors_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
