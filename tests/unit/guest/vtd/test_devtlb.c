/* SPDX-License-Identifier: MIT */
/* Device-TLB descriptors: through an entry where the host does both, through the hook elsewhere; time-outs, ITE, ICE.
 */
#include <errno.h>
#include <string.h>

#include "support/vvtd.h"

#define SID     0x100
#define IMPLIED VIQ_VTD_DEVTLB_IMPLIED
#define RID     VIQ_VTD_TABLE_RID

/* The size coding: ADDR with its run of ones. */
static void test_sizes(void **state)
{
	const struct {
		uint64_t addr;
		bool s;
		uint64_t first, bytes;
	} sizes[] = {
		{0x5000, false, 0x5000, 0x1000},
		{0x2000, true, 0x2000, 0x2000},
		{0x1000, true, 0, 0x4000},
		{0x3000, true, 0, 0x8000},
		{0x17000, true, 0x10000, 0x10000},
		{0x2ff000, true, 0x200000, 0x200000},
		{0x5ffff000, true, 0x40000000, 0x40000000},
		{0x7ffffffffffff000, true, 0, 0},
		{0xfffffffffffff000, true, 0, 0},
		{0x3ffffffffffff000, true, 0, UINT64_C(1) << 63},
		{0xbffffffffffff000, true, UINT64_C(1) << 63, UINT64_C(1) << 63},
		{0xfffffffffffff000, false, 0xfffffffffffff000, 0x1000},
		{0x7fffffffff000, true, 0, UINT64_C(1) << 52},
	};
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 0, SID, RID | IMPLIED);
	vvtd_attach(v, host, 1, 3, SID, IMPLIED);
	vvtd_boot(v, 256, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct viq_vtd_s1_entry e = {sizes[i].first, sizes[i].bytes / 4096, 1, 0};

		if (!sizes[i].bytes)
			e = entry_all();
		vvtd_forget(v);
		vvtd_submit(v, desc_devtlb(SID, sizes[i].addr, sizes[i].s));
		vvtd_submit(v, desc_pdevtlb(SID, 3, false, sizes[i].addr, sizes[i].s));
		assert_int_equal(host->effect_count, 2);
		assert_memory_equal(&host->effects[0].entry, &e, sizeof(e));
		assert_memory_equal(&host->effects[1].entry, &e, sizeof(e));
		/* And to the hook, where nobody is known. */
		vvtd_submit(v, desc_devtlb(SID + 1, sizes[i].addr, sizes[i].s));
		assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_DEVTLB)].devtlb.addr, sizes[i].first);
		assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_DEVTLB)].devtlb.bytes, sizes[i].bytes);
		assert_vidle(v);
	}
	vvtd_free(v);
}

/* Who is meant: with and without PASID, all PASIDs, of this device only. */
static void test_who(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *rid = vvtd_host_new(v), *p3 = vvtd_host_new(v), *p4 = vvtd_host_new(v),
			 *else_where = vvtd_host_new(v);

	vvtd_attach(v, rid, 1, 3, SID, RID | IMPLIED);
	vvtd_attach(v, p3, 1, 3, SID, IMPLIED);
	vvtd_attach(v, p4, 1, 4, SID, IMPLIED);
	vvtd_attach(v, else_where, 1, 3, SID + 1, RID | IMPLIED);
	vvtd_attach(v, else_where, 1, 3, SID + 1, IMPLIED);
	vvtd_boot(v, 256, 1);
	vvtd_submit(v, desc_devtlb(SID, 0x1000, false));
	assert_int_equal(rid->effect_count, 1);
	assert_int_equal(p3->effect_count + p4->effect_count + else_where->effect_count, 0);
	vvtd_submit(v, desc_pdevtlb(SID, 3, false, 0x1000, false));
	assert_int_equal(p3->effect_count, 1);
	assert_int_equal(rid->effect_count + p4->effect_count + else_where->effect_count, 1);
	vvtd_submit(v, desc_pdevtlb(SID, 77, true, 0x1000, false));
	assert_int_equal(p3->effect_count, 2);
	assert_int_equal(p4->effect_count, 1);
	assert_int_equal(rid->effect_count + else_where->effect_count, 1);
	assert_int_equal(vvtd_log_number(v, VLOG_DEVTLB), 0);
	/* A PASID that no table has: nothing is known of it. */
	vvtd_submit(v, desc_pdevtlb(SID, 5, false, 0x1000, false));
	assert_int_equal(vvtd_log_number(v, VLOG_DEVTLB), 1);
	assert_true(v->log[vvtd_log_find(v, 0, VLOG_DEVTLB)].devtlb.has_pasid);
	assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_DEVTLB)].devtlb.pasid, 5);
	assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_DEVTLB)].devtlb.source_id, SID);
	vvtd_free(v);
}

/* No entry of its own only if the one before it, in the same call, covers it. */
static void test_covered(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);
	const struct {
		struct test_desc before;
		uint64_t addr;
		bool s, own;
	} cases[] = {
		{desc_page(1, 0, 0x10), 0x10000, false, false},
		{desc_page(1, 0, 0x10), 0x11000, false, true},
		{desc_page(1, 0, 0x11), 0x10000, false, true},
		{desc_page(1, 0, 0x10), 0x10000, true, true}, /* 8 KiB */
		{desc_piotlb(3, 1, 0, 0x10000, 4, false), 0x17000, true, false},
		{desc_piotlb(3, 1, 0, 0x10000, 4, false), 0x1f000, false, false},
		{desc_piotlb(3, 1, 0, 0x10000, 4, false), 0x1f000, true, true},
		{desc_piotlb(3, 1, 0, 0x10000, 4, false), 0x7fffffffffff000, true, true},
		{desc_piotlb(3, 1, 0, 0x10000, 4, false), 0x7ffffffffffff000, true, true},
		{desc_piotlb(2, 1, 0, 0, 0, false), 0x7ffffffffffff000, true, false},
		{desc_piotlb(3, 1, 0, 0, 4, false), 0x7ffffffffffff000, true, true},
		{desc_iotlb(2, 1, 0, 0, false), 0x10000, false, false},
		{desc_iotlb(2, 2, 0, 0, false), 0x10000, false, true},
	};

	vvtd_attach(v, host, 1, 0, SID, RID | IMPLIED);
	vvtd_boot(v, 256, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t before;

		vvtd_forget(v);
		vvtd_push(v, cases[i].before);
		vvtd_submit(v, desc_devtlb(SID, cases[i].addr, cases[i].s));
		assert_vidle(v);
		before = (cases[i].before.qw[0] >> 16 & 0xffff) == 1;
		assert_int_equal(host->effect_count, before + cases[i].own);
		/* Across a wait descriptor nothing is concluded. */
		vvtd_forget(v);
		vvtd_submit(v, cases[i].before);
		vvtd_submit(v, desc_devtlb(SID, cases[i].addr, cases[i].s));
		assert_int_equal(host->effect_count, before + 1);
	}
	vvtd_free(v);
}

/* A device with tables of both kinds: the hook, with everything before done, and the entries too. */
static void test_mixed(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *a = vvtd_host_new(v), *b = vvtd_host_new(v);
	size_t at;

	vvtd_attach(v, a, 1, 3, SID, IMPLIED);
	vvtd_attach(v, b, 1, 4, SID, 0);
	vvtd_boot(v, 256, 1);
	vvtd_push(v, desc_page(1, 4, 9));
	vvtd_push(v, desc_page(1, 3, 9));
	vvtd_submit(v, desc_pdevtlb(SID, 0, true, 0x9000, false));
	assert_vidle(v);
	assert_int_equal(a->effect_count, 2);
	assert_int_equal(b->effect_count, 1);
	at = vvtd_log_find(v, 0, VLOG_DEVTLB);
	assert_true(v->log[at].devtlb.all_pasids);
	assert_true(a->effects[0].time < v->log[at].time && b->effects[0].time < v->log[at].time);
	assert_true(a->effects[1].time > v->log[at].time);
	assert_int_equal(v->log[at].iqh, 2 * 32);
	vvtd_free(v);
}

/* ITE: the next wait descriptor aborts, IQH is past it, what follows waits for the guest. */
static void test_time_out(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 0, SID, RID);
	vvtd_boot(v, 256, 1);
	v->devtlb_result = -ETIMEDOUT;
	v->devtlb_times = 1;
	vvtd_push(v, desc_page(1, 0, 1));
	vvtd_push(v, desc_devtlb(SID, 0x1000, false)); /* 1: times out */
	vvtd_push(v, desc_page(1, 0, 2));
	vvtd_push(v, desc_devtlb(SID + 1, 0x1000, false));
	vvtd_push_wait(v); /* 4: aborts */
	vvtd_push(v, desc_page(1, 0, 3));
	vvtd_push_wait(v); /* 6 */
	vvtd_ring(v);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_ITE));
	assert_int_equal(vvtd_r64(v, VREG(IQERCD)), (uint64_t)SID << 32);
	assert_iqh(v, 5);
	assert_false(vvtd_completed(v, 4));
	assert_false(vvtd_completed(v, 6));
	assert_int_equal(host->effect_count, 2);
	assert_int_equal(vtd_counters(v->vtd).timeouts, 1);
	assert_int_equal(vtd_counters(v->vtd).aborted, 1);
	v->ite_time = ++v->time;
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_ITE));
	assert_vidle(v);
	assert_int_equal(vvtd_r64(v, VREG(IQERCD)), 0);
	assert_false(vvtd_completed(v, 4));
	assert_true(vvtd_completed(v, 6));
	assert_int_equal(host->effect_count, 3);
	vvtd_free(v);
}

/* The wait descriptor comes with a later doorbell, after a migration, or not at all. */
static void test_time_out_later(void **state)
{
	struct vvtd *v = vvtd_budget(1);

	vvtd_boot(v, 256, 1);
	v->devtlb_result = -ETIMEDOUT;
	vvtd_push(v, desc_devtlb(SID, 0x1000, false));
	vvtd_submit(v, desc_devtlb(SID + 1, 0x1000, false));
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
	assert_iqh(v, 1);
	vvtd_migrate(v);
	assert_true(viq_vtd_run(v->vtd, 1));
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
	vvtd_migrate(v);
	assert_false(viq_vtd_run(v->vtd, 1));
	/* The first one's source-id. */
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_ITE));
	assert_int_equal(vvtd_r64(v, VREG(IQERCD)), (uint64_t)SID << 32);
	assert_iqh(v, 3);
	assert_false(vvtd_completed(v, 2));
	v->ite_time = ++v->time;
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_ITE));
	/* Nothing comes: told when the queue has run empty. */
	vvtd_push(v, desc_devtlb(SID + 2, 0x1000, false));
	vvtd_ring(v);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_ITE));
	assert_int_equal(vvtd_r64(v, VREG(IQERCD)), (uint64_t)(SID + 2) << 32);
	assert_iqh(v, 4);
	v->ite_time = ++v->time;
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_ITE));
	/* And once only. */
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vidle(v);
	assert_true(vvtd_completed(v, 4));
	/* Switching the queue off forgets it. */
	vvtd_push(v, desc_devtlb(SID, 0x1000, false));
	vvtd_push(v, desc_devtlb(SID, 0x1000, false));
	vvtd_ring(v);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
	vvtd_gcmd(v, VREG(GCMD_QIE), false);
	v->devtlb_result = 0;
	vvtd_boot(v, 256, 1);
	vvtd_submit(v, desc_page(1, 0, 0));
	vvtd_drain(v, 3);
	assert_vidle(v);
	assert_true(vvtd_completed(v, 1));
	vvtd_free(v);
}

/* ICE is told, and the queue goes on; but no wait descriptor speaks for what was answered wrongly. */
static void test_completion_error(void **state)
{
	struct vvtd *v = vvtd_new(NULL);

	vvtd_boot(v, 256, 1);
	vvtd_w32(v, VREG(FEDATA), 0x51);
	vvtd_w32(v, VREG(FEADDR), 0xfee00000);
	vvtd_w32(v, VREG(FECTL), 0);
	v->devtlb_result = -EIO;
	v->devtlb_times = 2;
	vvtd_push(v, desc_pdevtlb(SID, 3, false, 0x1000, false));
	vvtd_submit(v, desc_devtlb(SID + 1, 0x1000, false));
	assert_false(vvtd_completed(v, 2));
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_ICE) | VREG(FSTS_ITE));
	assert_int_equal(vvtd_r64(v, VREG(IQERCD)), (uint64_t)SID << 48 | (uint64_t)SID << 32);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_MSI)].iqh, 32);
	assert_int_equal(vtd_counters(v->vtd).ice, 2);
	assert_int_equal(vtd_counters(v->vtd).timeouts, 2);
	v->ite_time = ++v->time;
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_ICE) | VREG(FSTS_ITE));
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
	assert_int_equal(vvtd_r64(v, VREG(IQERCD)), 0);
	vvtd_submit(v, desc_devtlb(SID, 0x1000, false));
	assert_vidle(v);
	assert_true(vvtd_completed(v, 4));
	vvtd_free(v);
}

/* What stands before it has failed: the hook is not called, and the run has ended. */
static void test_behind_what_failed(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 0, SID, RID);
	vvtd_boot(v, 256, 0);
	vvtd_host_fail(host, entry_page(5, true), VIQ_CALL_NO_MEMORY, -1);
	vvtd_push(v, desc_page(1, 0, 5));
	vvtd_push(v, desc_devtlb(SID, 0x5000, false));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vwaits(v, 0);
	assert_int_equal(viq_vtd_waits_for_host(v->vtd), 1);
	assert_int_equal(vtd_counters(v->vtd).calls, 1);
	assert_int_equal(vvtd_log_number(v, VLOG_DEVTLB), 0);
	host->times = 0;
	vvtd_retry(v);
	assert_vidle(v);
	assert_int_equal(vvtd_log_number(v, VLOG_DEVTLB), 1);
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_covered),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_time_out),
		cmocka_unit_test(test_time_out_later),
		cmocka_unit_test(test_completion_error),
		cmocka_unit_test(test_behind_what_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
