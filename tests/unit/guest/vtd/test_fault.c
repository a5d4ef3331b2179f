/* SPDX-License-Identifier: MIT */
/* Fault records, FSTS, and when events send messages. */
#include <errno.h>

#include "support/vvtd.h"

#define FRCD(n) (0x220 + 16 * (n))
#define RECORDS 8

/* A guest that wants fault and completion interrupts. */
static struct vvtd *new_guest(void)
{
	struct vvtd *v = vvtd_new(NULL);

	vvtd_w32(v, VREG(FEDATA), 0x51);
	vvtd_w32(v, VREG(FEADDR), 0xfee01000);
	vvtd_w32(v, VREG(FEUADDR), 0x7);
	vvtd_w32(v, VREG(FECTL), 0);
	vvtd_w32(v, VREG(IEDATA), 0x61);
	vvtd_w32(v, VREG(IEADDR), 0xfee02000);
	vvtd_w32(v, VREG(IECTL), 0);
	return v;
}

static int fault(struct vvtd *v, uint16_t sid)
{
	const uint64_t record[2] = {0x123456000, VIQ_PUT(VREG(FRCD_1_SID), sid) | VIQ_PUT(VREG(FRCD_1_FR), 0x71)};

	return viq_vtd_fault(v->vtd, record);
}

static void test_record(void **state)
{
	struct vvtd *v = new_guest();
	const uint64_t record[2] = {UINT64_MAX, UINT64_MAX & ~VREG(FRCD_1_F)};

	assert_int_equal(viq_vtd_fault(v->vtd, record), 0);
	/* Reserved bits stay 0, those of FI above 48, the largest width in SAGAW, too (11.4.7.6); F is set. */
	assert_true(vvtd_r64(v, FRCD(0)) == 0x0000fffffffff000);
	assert_true(vvtd_r64(v, FRCD(0) + 8) == 0xfffffffff000ffff);
	assert_int_equal(vvtd_r32(v, FRCD(0) + 12), 0xffffffff);
	assert_int_equal(vvtd_r32(v, FRCD(0) + 8), 0xf000ffff);
	assert_int_equal(vvtd_r32(v, FRCD(0) + 4), 0x0000ffff);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_PPF));
	/* Only F can be written, and only by a 1. */
	vvtd_w32(v, FRCD(0), 0xffffffff);
	vvtd_w32(v, FRCD(0) + 4, 0xffffffff);
	vvtd_w32(v, FRCD(0) + 8, 0xffffffff);
	vvtd_w32(v, FRCD(0) + 12, 0x7fffffff);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_PPF));
	vvtd_w32(v, FRCD(0) + 12, 0x80000000);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
	assert_int_equal(vvtd_r32(v, FRCD(0) + 12), 0x7fffffff);
	assert_int_equal(viq_vtd_fault(NULL, record), -EINVAL);
	assert_int_equal(viq_vtd_fault(v->vtd, NULL), -EINVAL);
	vvtd_free(v);
}

/* Records are used in turn; the first pending one is named by FRI; one interrupt until all is quiet. */
static void test_turns_and_overflow(void **state)
{
	struct vvtd *v = new_guest();

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(fault(v, i), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	assert_int_equal(v->log[0].a, UINT64_C(0x7fee01000));
	assert_int_equal(v->log[0].b, 0x51);
	assert_int_equal(v->log[0].fsts, VREG(FSTS_PPF));
	vvtd_w32(v, FRCD(0) + 12, 0x80000000);
	vvtd_w32(v, FRCD(1) + 12, 0x80000000);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_PPF));
	vvtd_w64(v, FRCD(2) + 8, VREG(FRCD_1_F));
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
	/* Around the end. */
	for (unsigned int i = 0; i < RECORDS; i++) {
		assert_int_equal(fault(v, 0x40 + i), 0);
		assert_int_equal(vvtd_r32(v, FRCD((3 + i) % RECORDS) + 8) & 0xffff, 0x40 + i);
		assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_PPF) | 3 << 8);
	}
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 2);
	/* Full: lost, and nothing more is recorded until PFO is cleared, even with room. */
	assert_int_equal(fault(v, 0x99), -ENOSPC);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_PPF) | VREG(FSTS_PFO) | 3 << 8);
	assert_int_equal(vvtd_r32(v, FRCD(3) + 8) & 0xffff, 0x40);
	vvtd_w32(v, FRCD(3) + 12, 0x80000000);
	assert_int_equal(fault(v, 0x99), -ENOSPC);
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_PFO) | VREG(FSTS_PPF));
	assert_int_equal(vvtd_r32(v, VREG(FSTS)) & 0xff, VREG(FSTS_PPF));
	assert_int_equal(fault(v, 0x9a), 0);
	assert_int_equal(vvtd_r32(v, FRCD(3) + 8) & 0xffff, 0x9a);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 2);
	assert_int_equal(vtd_counters(v->vtd).faults, 3 + RECORDS + 1);
	assert_int_equal(vtd_counters(v->vtd).faults_lost, 2);
	vvtd_free(v);
}

/* Any status bit that is set already makes another one no new condition. */
static void test_one_condition(void **state)
{
	struct vvtd *v = new_guest();

	vvtd_boot(v, 256, 0);
	vvtd_push(v, (struct test_desc){{0}});
	vvtd_ring(v);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_MSI)].fsts, VREG(FSTS_IQE));
	assert_int_equal(fault(v, 1), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	/* IQE is cleared and comes again, while PPF stays. */
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	assert_iqe(v, 0, 3);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	vvtd_w32(v, FRCD(0) + 12, 0x80000000);
	/* Now IQE alone: cleared, and it comes again. */
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 2);
	vvtd_free(v);
}

/* A masked event is pending; unmasking sends it; clearing all status takes it back without a message. */
static void test_mask_fault(void **state)
{
	struct vvtd *v = new_guest();

	vvtd_w32(v, VREG(FECTL), 0xffffffff);
	assert_int_equal(vvtd_r32(v, VREG(FECTL)), VREG(EVENT_IM));
	fault(v, 1);
	fault(v, 2);
	assert_int_equal(vvtd_r32(v, VREG(FECTL)), VREG(EVENT_IM) | VREG(EVENT_IP));
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 0);
	vvtd_w32(v, VREG(FECTL), VREG(EVENT_IM));
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 0);
	vvtd_w32(v, VREG(FECTL), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	assert_int_equal(v->log[0].fectl, 0);
	vvtd_w32(v, VREG(FECTL), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	/* Taken back by the last F only. */
	vvtd_w32(v, FRCD(0) + 12, 0x80000000);
	vvtd_w32(v, FRCD(1) + 12, 0x80000000);
	vvtd_w32(v, VREG(FECTL), VREG(EVENT_IM));
	fault(v, 1);
	fault(v, 2);
	vvtd_w32(v, FRCD(2) + 12, 0x80000000);
	assert_int_equal(vvtd_r32(v, VREG(FECTL)), VREG(EVENT_IM) | VREG(EVENT_IP));
	vvtd_w32(v, FRCD(3) + 12, 0x80000000);
	assert_int_equal(vvtd_r32(v, VREG(FECTL)), VREG(EVENT_IM));
	/* By the error bits of the queue. */
	vvtd_boot(v, 256, 0);
	vvtd_push(v, (struct test_desc){{0}});
	vvtd_ring(v);
	assert_int_equal(vvtd_r32(v, VREG(FECTL)), VREG(EVENT_IM) | VREG(EVENT_IP));
	vvtd_replace_desc(v, 0, desc_wait(false, false, true, 0, 0));
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	assert_int_equal(vvtd_r32(v, VREG(FECTL)), VREG(EVENT_IM));
	vvtd_w32(v, VREG(FECTL), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	vvtd_free(v);
}

static void test_wait_event(void **state)
{
	struct vvtd *v = new_guest();

	vvtd_boot(v, 256, 0);
	/* While IWC is set, another wait descriptor is no new condition. */
	vvtd_push(v, desc_wait(false, true, false, 0, 0));
	vvtd_push(v, desc_wait(false, true, false, 0, 0));
	vvtd_push(v, desc_wait(true, false, false, 0, VVTD_STATUS));
	vvtd_ring(v);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	assert_int_equal(vvtd_r32(v, VREG(ICS)), 1);
	vvtd_w32(v, VREG(ICS), 0xfffffffe);
	assert_int_equal(vvtd_r32(v, VREG(ICS)), 1);
	vvtd_w32(v, VREG(ICS), 1);
	assert_int_equal(vvtd_r32(v, VREG(ICS)), 0);
	/* Masked, pending, taken back. */
	vvtd_w32(v, VREG(IECTL), VREG(EVENT_IM));
	vvtd_push(v, desc_wait(false, true, false, 0, 0));
	vvtd_ring(v);
	assert_int_equal(vvtd_r32(v, VREG(IECTL)), VREG(EVENT_IM) | VREG(EVENT_IP));
	vvtd_w32(v, VREG(ICS), 1);
	assert_int_equal(vvtd_r32(v, VREG(IECTL)), VREG(EVENT_IM));
	/* Masked, pending, sent. */
	vvtd_push(v, desc_wait(false, true, false, 0, 0));
	vvtd_ring(v);
	vvtd_w32(v, VREG(IECTL), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 2);
	assert_int_equal(vvtd_r32(v, VREG(IECTL)), 0);
	vvtd_free(v);
}

/* The first error's information stays; one that is cleared leaves the others alone. */
static void test_error_record(void **state)
{
	struct vvtd *v = new_guest();

	vvtd_boot(v, 256, 1);
	v->devtlb_result = -EIO;
	v->devtlb_times = 1;
	vvtd_push(v, desc_devtlb(0x123, 0, false));
	v->devtlb_result = -EIO;
	vvtd_push(v, (struct test_desc){{0x5, 1, 0, 0}});
	vvtd_ring(v);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), VREG(FSTS_ICE) | VREG(FSTS_IQE));
	assert_true(vvtd_r64(v, VREG(IQERCD)) == (UINT64_C(0x123) << 48 | 4));
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_ICE));
	assert_true(vvtd_r64(v, VREG(IQERCD)) == 4);
	assert_iqe(v, 1, 4);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	vvtd_free(v);
}

/* 11.4.7.6: bits of a page address from the largest width in SAGAW on are 0; an interrupt's index is at 63:48. */
static void test_fault_info(void **state)
{
	static const struct {
		uint64_t sagaw;
		unsigned int reason;
		uint64_t info;
	} rows[] = {
		{VIQ_VTD_SAGAW_39, 0x71, 0x0000007ffffff000},
		{VIQ_VTD_SAGAW_39 | VIQ_VTD_SAGAW_48, 0x80, 0x0000fffffffff000},
		{VIQ_VTD_SAGAW_39 | VIQ_VTD_SAGAW_57, 0x05, 0x01fffffffffff000},
		{VIQ_VTD_SAGAW_48, 0x22, 0xfffffffffffff000},
		{VIQ_VTD_SAGAW_48, 0x26, 0xfffffffffffff000},
		{VIQ_VTD_SAGAW_48, 0x30, 0x0000fffffffff000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t record[2] = {UINT64_MAX, VIQ_PUT(VREG(FRCD_1_FR), rows[i].reason)};
		struct viq_vtd_config config;
		struct vvtd *v;

		vvtd_config(&config);
		config.cap = (config.cap & ~VREG(CAP_SAGAW)) | VIQ_PUT(VREG(CAP_SAGAW), rows[i].sagaw);
		v = vvtd_new(&config);
		assert_int_equal(viq_vtd_fault(v->vtd, record), 0);
		assert_true(vvtd_r64(v, FRCD(0)) == rows[i].info);
		vvtd_free(v);
	}
}

/* 7.3: PFO is one of the conditions that hold back further messages, and that IP waits for. */
static void test_overflow_is_a_condition(void **state)
{
	struct vvtd *v = new_guest();

	for (unsigned int i = 0; i <= RECORDS; i++)
		(void)fault(v, (uint16_t)i);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	for (unsigned int i = 0; i < RECORDS; i++)
		vvtd_w32(v, FRCD(i) + 12, 0x80000000);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)) & 0xff, VREG(FSTS_PFO));
	vvtd_boot(v, 256, 0);
	vvtd_push(v, (struct test_desc){{0}});
	vvtd_ring(v);
	assert_int_equal(vvtd_r32(v, VREG(FSTS)) & 0xff, VREG(FSTS_PFO) | VREG(FSTS_IQE));
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	/* All clear: the next one is told again. */
	vvtd_replace_desc(v, 0, desc_wait(false, false, true, 0, 0));
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_PFO) | VREG(FSTS_IQE));
	assert_int_equal(fault(v, 1), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 2);
	vvtd_w32(v, FRCD(0) + 12, 0x80000000);
	/* Masked: IP stays as long as PFO does. */
	vvtd_w32(v, VREG(FECTL), VREG(EVENT_IM));
	for (unsigned int i = 0; i <= RECORDS; i++)
		(void)fault(v, (uint16_t)i);
	for (unsigned int i = 0; i < RECORDS; i++)
		vvtd_w32(v, FRCD(i) + 12, 0x80000000);
	assert_int_equal(vvtd_r32(v, VREG(FECTL)), VREG(EVENT_IM) | VREG(EVENT_IP));
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_PFO));
	assert_int_equal(vvtd_r32(v, VREG(FECTL)), VREG(EVENT_IM));
	vvtd_free(v);
}

/* 7.2.1: the index starts again when neither addresses nor interrupts are translated any more. */
static void test_index_is_reset(void **state)
{
	struct vvtd *v = new_guest();

	vvtd_gcmd(v, VREG(GCMD_TE), true);
	vvtd_gcmd(v, VREG(GCMD_IRE), true);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(fault(v, (uint16_t)i), 0);
	for (unsigned int i = 0; i < 3; i++)
		vvtd_w32(v, FRCD(i) + 12, 0x80000000);
	vvtd_gcmd(v, VREG(GCMD_TE), false);
	assert_int_equal(fault(v, 3), 0);
	assert_int_equal(VIQ_GET(VREG(FSTS_FRI), vvtd_r32(v, VREG(FSTS))), 3);
	vvtd_w32(v, FRCD(3) + 12, 0x80000000);
	vvtd_gcmd(v, VREG(GCMD_IRE), false);
	assert_int_equal(fault(v, 4), 0);
	assert_int_equal(VIQ_GET(VREG(FSTS_FRI), vvtd_r32(v, VREG(FSTS))), 0);
	vvtd_w32(v, FRCD(0) + 12, 0x80000000);
	/* By TE as the last one. */
	vvtd_gcmd(v, VREG(GCMD_TE), true);
	assert_int_equal(fault(v, 5), 0);
	assert_int_equal(VIQ_GET(VREG(FSTS_FRI), vvtd_r32(v, VREG(FSTS))), 1);
	vvtd_w32(v, FRCD(1) + 12, 0x80000000);
	vvtd_gcmd(v, VREG(GCMD_TE), false);
	assert_int_equal(fault(v, 6), 0);
	assert_int_equal(VIQ_GET(VREG(FSTS_FRI), vvtd_r32(v, VREG(FSTS))), 0);
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record),         cmocka_unit_test(test_turns_and_overflow),
		cmocka_unit_test(test_one_condition),  cmocka_unit_test(test_mask_fault),
		cmocka_unit_test(test_wait_event),     cmocka_unit_test(test_error_record),
		cmocka_unit_test(test_fault_info),     cmocka_unit_test(test_overflow_is_a_condition),
		cmocka_unit_test(test_index_is_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
