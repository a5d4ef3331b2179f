/* SPDX-License-Identifier: MIT */
/*
 * Device-TLBs of the software VT-d: stale until a device-TLB descriptor of the right source, PASID and address, or an
 * entry of the table where these reach the device; and devices that do not answer (ITE) or answer wrongly (ICE).
 */
#include "support/soft_vtd.h"

#define IOVA    UINT64_C(0x7000)
#define OTHER   UINT64_C(0x40007000)
#define PAGE(n) (VM_DATA + (uint64_t)(n)*4096)
#define ALL     UINT64_C(0x7ffffffffffff000)

struct world {
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt;
};

static void own_devtlbs(struct vm *vm)
{
	vm->soft_config.devtlb_implied = 0;
}

/* The same tables without PASID in domain 4 and for PASIDs 5 and 7 in domain 5; all cached in the device, unmapped. */
static void implied_devtlbs(struct vm *vm)
{
	vm->fault = fault_new(VIQ_FAULT_EXACT);
}

static void world_init(struct world *w, bool implied)
{
	static const int64_t pasids[] = {NO_PASID, 5, 7};

	vm_init(&w->vm, true, implied ? implied_devtlbs : own_devtlbs);
	w->pasids = vm_pasids(&w->vm, SID, 0);
	w->pt = vm_pt(&w->vm, 1, 4);
	vm_map(&w->pt, IOVA, PAGE(0));
	vm_map(&w->pt, OTHER, PAGE(1));
	vm_entry(&w->pasids, 0, &w->pt, NULL, 4);
	vm_entry(&w->pasids, 5, &w->pt, NULL, 5);
	vm_entry(&w->pasids, 7, &w->pt, NULL, 5);
	w->vm.dev = vm_add(&w->vm, SID, true);
	for (unsigned int i = 0; i < 3; i++) {
		vm_hits(w->vm.dev, pasids[i], IOVA, PAGE(0));
		vm_hits(w->vm.dev, pasids[i], OTHER, PAGE(1));
	}
	vm_unmap(&w->pt, IOVA);
	vm_unmap(&w->pt, OTHER);
}

static bool in_device(struct world *w, int64_t pasid, uint64_t iova)
{
	return viq_soft_vtd_cached(w->vm.dev, iova, pasid < 0 ? 0 : (uint32_t)pasid,
				   VIQ_SOFT_READ | (pasid < 0 ? 0 : VIQ_SOFT_SSV), true);
}

/* Bits: IOVA and OTHER without PASID, with PASID 5, with PASID 7. */
static unsigned int left(struct world *w)
{
	return (unsigned int)in_device(w, NO_PASID, IOVA) | (unsigned int)in_device(w, NO_PASID, OTHER) << 1 |
	       (unsigned int)in_device(w, 5, IOVA) << 2 | (unsigned int)in_device(w, 5, OTHER) << 3 |
	       (unsigned int)in_device(w, 7, IOVA) << 4 | (unsigned int)in_device(w, 7, OTHER) << 5;
}

static void the_device_goes_on_until_its_tlb_is_invalidated(void **state)
{
	struct world w;

	world_init(&w, false);
	assert_true(vm_submit(&w.vm, desc_iotlb(1, 0, 0, 0, false)));
	assert_int_equal(left(&w), 0x3f);
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(0));
	assert_true(vm_submit(&w.vm, desc_devtlb(SID, IOVA, false)));
	/* A translation request that finds nothing is answered to the device and recorded nowhere. */
	vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA, 0);
	vm_fini(&w.vm);
}

/* Whatever tables it had before, and whatever it has got since. */
static void invalidations_find_a_device_that_begins_to_use_its_tlb(void **state)
{
	struct world w;

	world_init(&w, true);
	for (unsigned int round = 0; round < 3; round++) {
		assert_int_equal(viq_soft_vtd_dev_set_ats(w.vm.dev, false), 0);
		assert_int_equal(left(&w), 0);
		vm_map(&w.pt, IOVA, PAGE(0));
		vm_entry(&w.pasids, 64 + round, &w.pt, NULL, 5);
		vm_flush_entry(&w.vm, 5, 64 + round);
		assert_int_equal(viq_soft_vtd_dev_set_ats(w.vm.dev, true), 0);
		vm_entry(&w.pasids, 70 + round, &w.pt, NULL, 5);
		vm_flush_entry(&w.vm, 5, 70 + round);
		for (int64_t pasid = 5; pasid < 73; pasid = pasid < 64 ? 64 + round : pasid + 6) {
			vm_hits(w.vm.dev, pasid, IOVA, PAGE(0));
			assert_true(in_device(&w, pasid, IOVA));
			vm_unmap(&w.pt, IOVA);
			assert_true(vm_submit(&w.vm, desc_piotlb(3, 5, (uint32_t)pasid, IOVA, 0, false)));
			assert_false(in_device(&w, pasid, IOVA));
			vm_map(&w.pt, IOVA, PAGE(0));
		}
	}
	vm_fini(&w.vm);
}

static void a_descriptor_takes_its_source_pasid_and_range(void **state)
{
	static const struct {
		struct test_desc desc;
		unsigned int left;
	} rows[] = {
		{{{0x3 | (uint64_t)SID << 32, IOVA, 0, 0}}, 0x3e},
		{{{0x3 | (uint64_t)SID << 32, ALL | 1, 0, 0}}, 0x3c},
		{{{0x3 | (uint64_t)(SID + 1) << 32, ALL | 1, 0, 0}}, 0x3f},
		{{{0x8 | SID << 16 | UINT64_C(5) << 32, IOVA, 0, 0}}, 0x3b},
		{{{0x8 | SID << 16 | UINT64_C(5) << 32, ALL | 0x800, 0, 0}}, 0x33},
		{{{0x8 | SID << 16 | UINT64_C(7) << 32, OTHER, 0, 0}}, 0x1f},
		/* G = 1: every PASID; those without may go too. */
		{{{0x8 | SID << 16, ALL | 0x801, 0, 0}}, 0},
		/* 64 KiB from 0: S, and three ones from bit 12 on. */
		{{{0x3 | (uint64_t)SID << 32, 0x7001, 0, 0}}, 0x3e},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		world_init(&w, false);
		assert_true(vm_submit(&w.vm, rows[i].desc));
		assert_int_equal(left(&w), rows[i].left);
		vm_fini(&w.vm);
	}
}

/* As with Linux: what goes from the IOTLB goes from the devices of the table. */
static void with_devtlb_implied_entries_reach_the_device(void **state)
{
	static const struct {
		struct test_desc desc;
		unsigned int left;
	} rows[] = {
		{{{0x36 | 4 << 16, IOVA, 0, 0}}, 0x3e},
		{{{0x26 | 5 << 16 | UINT64_C(5) << 32, 0, 0, 0}}, 0x33},
		{{{0xe2 | 5 << 16, 0, 0, 0}}, 0x03},
		{{{0xd2, 0, 0, 0}}, 0},
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		world_init(&w, true);
		assert_true(vm_submit(&w.vm, rows[i].desc));
		assert_int_equal(left(&w), rows[i].left);
		vm_fini(&w.vm);
	}
}

static void a_detached_table_leaves_nothing_in_the_device(void **state)
{
	for (unsigned int implied = 0; implied < 2; implied++) {
		struct world w;

		world_init(&w, implied);
		assert_int_equal(synth_vtd_pasids_set(&w.pasids, 5, NULL), 0);
		assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_PASID, 5, 5)));
		assert_false(in_device(&w, 5, IOVA));
		assert_false(in_device(&w, 5, OTHER));
		vm_fini(&w.vm);
	}
}

static void ats_off_empties_it_and_the_context_decides_too(void **state)
{
	uint64_t ctx[VIQ_VTD_SCTX_WORDS];
	struct world w;

	world_init(&w, false);
	assert_int_equal(viq_soft_vtd_dev_set_ats(w.vm.dev, false), 0);
	vm_map(&w.pt, IOVA, PAGE(2));
	assert_true(vm_submit(&w.vm, desc_iotlb(1, 0, 0, 0, false)));
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(2));
	assert_int_equal(viq_soft_vtd_dev_set_ats(w.vm.dev, true), 0);
	assert_int_equal(left(&w), 0);
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(2));
	assert_true(in_device(&w, NO_PASID, IOVA));
	/* DTE = 0 */
	synth_vtd_context(ctx, &w.pasids, 0);
	assert_int_equal(synth_vtd_root_set(&w.vm.root, SID, ctx), 0);
	assert_true(vm_submit(&w.vm, desc_cc(VIQ_VTD_CC_DEVICE, 0, SID, 0)));
	vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(2));
	assert_false(in_device(&w, NO_PASID, IOVA));
	ctx[0] |= VIQ_VTD_SCTX_DTE;
	assert_int_equal(synth_vtd_root_set(&w.vm.root, SID, ctx), 0);
	assert_true(vm_submit(&w.vm, desc_cc(VIQ_VTD_CC_DEVICE, 0, SID, 0)));
	assert_false(in_device(&w, NO_PASID, IOVA));
	vm_fini(&w.vm);
}

static void a_write_needs_a_granted_write(void **state)
{
	struct world w;
	uint64_t pa;

	world_init(&w, false);
	assert_int_equal(synth_vtd_pt_map(&w.pt, 0x9000, PAGE(3), 1, SYNTH_RO), 0);
	vm_hits(w.vm.dev, NO_PASID, 0x9000, PAGE(3));
	assert_true(in_device(&w, NO_PASID, 0x9000));
	assert_int_equal(vm_translate(w.vm.dev, NO_PASID, 0x9000, VIQ_SOFT_WRITE, &pa), -EFAULT);
	assert_int_equal(vm_fault(&w.vm), 0);
	vm_fini(&w.vm);
}

/* --- Failures ----------------------------------------------------------------------------------------------------- */

static void a_device_that_does_not_answer_is_ite_and_keeps_what_it_has(void **state)
{
	struct world w;

	world_init(&w, false);
	assert_int_equal(viq_soft_vtd_inject_devtlb(w.vm.dev, -ETIMEDOUT, 1), 0);
	assert_false(vm_submit(&w.vm, desc_devtlb(SID, IOVA, false)));
	assert_int_equal(vm_reg(&w.vm, VREG(FSTS), 4) & VIQ_VTD_FSTS_ITE, VIQ_VTD_FSTS_ITE);
	assert_int_equal(VIQ_GET(VIQ_VTD_IQERCD_ITESID, vm_reg(&w.vm, VREG(IQERCD), 8)), SID);
	assert_true(in_device(&w, NO_PASID, IOVA));
	vm_write(&w.vm, VREG(FSTS), 4, VIQ_VTD_FSTS_ITE);
	assert_true(vm_submit(&w.vm, desc_devtlb(SID, IOVA, false)));
	assert_false(in_device(&w, NO_PASID, IOVA));
	vm_fini(&w.vm);
}

static void a_wrong_answer_is_ice_and_no_answer(void **state)
{
	struct world w;

	world_init(&w, false);
	assert_int_equal(viq_soft_vtd_inject_devtlb(w.vm.dev, -EIO, 2), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_false(vm_submit(&w.vm, desc_devtlb(SID, IOVA, false)));
		assert_int_equal(vm_reg(&w.vm, VREG(FSTS), 4), VIQ_VTD_FSTS_ICE | VIQ_VTD_FSTS_ITE);
		assert_int_equal(VIQ_GET(VIQ_VTD_IQERCD_ICESID, vm_reg(&w.vm, VREG(IQERCD), 8)), SID);
		assert_int_equal(VIQ_GET(VIQ_VTD_IQERCD_ITESID, vm_reg(&w.vm, VREG(IQERCD), 8)), SID);
		assert_true(in_device(&w, NO_PASID, IOVA));
		vm_write(&w.vm, VREG(FSTS), 4, VIQ_VTD_FSTS_ICE | VIQ_VTD_FSTS_ITE);
	}
	assert_true(vm_submit(&w.vm, desc_devtlb(SID, IOVA, false)));
	assert_false(in_device(&w, NO_PASID, IOVA));
	vm_fini(&w.vm);
}

/* Where entries reach the device, its silence fails the call: the guest is told to try again. */
static void a_time_out_behind_the_call_is_retried(void **state)
{
	struct world w;

	world_init(&w, true);
	fault_arm(w.vm.fault, VIQ_FAULT_ATC_TIMEOUT, 0, 0, 0, 1);
	assert_false(vm_submit(&w.vm, desc_piotlb(3, 4, 0, IOVA, 0, true)));
	assert_int_equal(vm_reg(&w.vm, VREG(FSTS), 4) & VIQ_VTD_FSTS_ITE, VIQ_VTD_FSTS_ITE);
	assert_true(in_device(&w, NO_PASID, IOVA));
	vm_write(&w.vm, VREG(FSTS), 4, VIQ_VTD_FSTS_ITE);
	assert_false(in_device(&w, NO_PASID, IOVA));
	assert_int_equal(vm_reg(&w.vm, VREG(IQH), 8), vm_reg(&w.vm, VREG(IQT), 8));
	vm_fini(&w.vm);
}

/*
 * Isolated by who has the unit: nothing of the device is translated or held, its tables are detached, until a
 * descriptor names it or one of its entries.
 */
static void a_blocked_device_waits_for_a_descriptor_of_its_own(void **state)
{
	struct viq_soft_vtd_dev *other;
	struct synth_vtd_pasids p2;
	struct world w;

	world_init(&w, true);
	p2 = vm_pasids(&w.vm, SID2, 0);
	vm_entry(&p2, 0, &w.pt, NULL, 6);
	other = vm_add(&w.vm, SID2, false);
	vm_map(&w.pt, IOVA, PAGE(2));
	vm_hits(other, NO_PASID, IOVA, PAGE(2));
	assert_int_equal(viq_nest_vtd_block(w.vm.nest, SID), 0);
	assert_int_equal(left(&w), 0);
	vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA, 0);
	vm_misses(&w.vm, w.vm.dev, 7, IOVA, 0);
	vm_hits(other, NO_PASID, IOVA, PAGE(2));
	/* What concerns others, and its driver turning ATS off and on. */
	assert_true(vm_submit(&w.vm, desc_cc(VIQ_VTD_CC_DEVICE, 0, SID2, 0)));
	assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_PASID, 6, 0)));
	assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_PASID, 4, 7)));
	assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_DOMAIN, 6, 0)));
	assert_int_equal(viq_soft_vtd_dev_set_ats(w.vm.dev, false), 0);
	assert_int_equal(viq_soft_vtd_dev_set_ats(w.vm.dev, true), 0);
	vm_misses(&w.vm, w.vm.dev, NO_PASID, IOVA, 0);
	/* Each of these is its own. */
	for (unsigned int i = 0; i < 5; i++) {
		const struct test_desc its[] = {desc_pc(VIQ_VTD_PC_PASID, 5, 7), desc_pc(VIQ_VTD_PC_DOMAIN, 4, 0),
						desc_pc(VIQ_VTD_PC_GLOBAL, 0, 0), desc_cc(VIQ_VTD_CC_GLOBAL, 0, 0, 0),
						desc_cc(VIQ_VTD_CC_DEVICE, 0, SID, 0)};

		assert_true(vm_submit(&w.vm, its[i]));
		vm_hits(w.vm.dev, NO_PASID, IOVA, PAGE(2));
		vm_hits(w.vm.dev, 7, IOVA, PAGE(2));
		assert_int_equal(viq_nest_vtd_block(w.vm.nest, SID), 0);
		vm_misses(&w.vm, w.vm.dev, 7, IOVA, 0);
	}
	assert_int_equal(viq_nest_vtd_follow(w.vm.nest, SID), 0);
	vm_hits(w.vm.dev, 7, IOVA, PAGE(2));
	assert_int_equal(viq_nest_vtd_block(w.vm.nest, 0x7777), -ENOENT);
	viq_soft_access_begin();
	assert_int_equal(viq_nest_vtd_block(w.vm.nest, SID), -EDEADLK);
	viq_soft_access_end();
	vm_fini(&w.vm);
}

static void arguments(void **state)
{
	struct viq_vtd_devtlb ok = {.size = sizeof(ok), .source_id = SID, .addr = 0x2000, .bytes = 0x2000}, bad;
	struct world w;

	world_init(&w, false);
	assert_int_equal(viq_soft_vtd_devtlb(w.vm.soft, &ok), 0);
	ok.source_id = 0x7777;
	assert_int_equal(viq_soft_vtd_devtlb(w.vm.soft, &ok), 0);
	bad = ok, bad.size--;
	assert_int_equal(viq_soft_vtd_devtlb(w.vm.soft, &bad), -EINVAL);
	bad = ok, bad.bytes = 0x3000;
	assert_int_equal(viq_soft_vtd_devtlb(w.vm.soft, &bad), -EINVAL);
	bad = ok, bad.addr = 0x1000;
	assert_int_equal(viq_soft_vtd_devtlb(w.vm.soft, &bad), -EINVAL);
	bad = ok, bad.all_pasids = true;
	assert_int_equal(viq_soft_vtd_devtlb(w.vm.soft, &bad), -EINVAL);
	bad = ok, bad.has_pasid = true, bad.pasid = 1u << 20;
	assert_int_equal(viq_soft_vtd_devtlb(w.vm.soft, &bad), -EINVAL);
	assert_int_equal(viq_soft_vtd_devtlb(w.vm.soft, NULL), -EINVAL);
	assert_int_equal(viq_soft_vtd_inject_devtlb(w.vm.dev, -EBUSY, 1), -EINVAL);
	viq_soft_access_begin();
	assert_int_equal(viq_soft_vtd_devtlb(w.vm.soft, &ok), -EDEADLK);
	viq_soft_access_end();
	vm_fini(&w.vm);
}

/* A page that may be read is not for execution where the PASID entry has no ERE: the device's TLB grants reads only. */
static void a_copy_for_reads_is_none_for_fetches(void **state)
{
	const uint32_t fetch = VIQ_SOFT_READ | VIQ_SOFT_EXEC | VIQ_SOFT_SSV;
	struct world w;
	uint64_t pa;

	world_init(&w, false);
	assert_true(in_device(&w, 5, IOVA));
	assert_false(viq_soft_vtd_cached(w.vm.dev, IOVA, 5, fetch, true));
	assert_int_equal(vm_translate(w.vm.dev, 5, IOVA, VIQ_SOFT_READ | VIQ_SOFT_EXEC, &pa), -EFAULT);
	vm_hits(w.vm.dev, 5, IOVA, PAGE(0));
	vm_fini(&w.vm);
}

/* Without a direction a read is meant. */
static void the_question_is_of_reads(void **state)
{
	struct world w;

	world_init(&w, false);
	for (unsigned int devtlb = 0; devtlb < 2; devtlb++) {
		assert_true(viq_soft_vtd_cached(w.vm.dev, IOVA, 0, 0, devtlb));
		assert_true(viq_soft_vtd_cached(w.vm.dev, IOVA, 5, VIQ_SOFT_SSV, devtlb));
		assert_false(viq_soft_vtd_cached(w.vm.dev, IOVA + 4096, 0, 0, devtlb));
	}
	vm_fini(&w.vm);
}

/*
 * 3.15: what has no PASID is not translated in the interrupt range; Table 30, S.1: nor does the device's own TLB hold
 * any of it. With PASID it is an address as any other.
 */
static void the_interrupt_range_is_not_translated(void **state)
{
	for (unsigned int ats = 0; ats < 2; ats++) {
		struct synth_vtd_pasids pasids;
		struct synth_vtd_pt pt;
		struct vm vm;
		uint64_t pa, hi;

		vm_init(&vm, true, own_devtlbs);
		pasids = vm_pasids(&vm, SID, 0);
		pt = vm_pt(&vm, 1, 4);
		vm_map(&pt, VIQ_VTD_MSI_FIRST, PAGE(0));
		vm_entry(&pasids, 0, &pt, NULL, 4);
		vm_entry(&pasids, 5, &pt, NULL, 5);
		vm.dev = vm_add(&vm, SID, ats);
		assert_int_equal(vm_translate(vm.dev, NO_PASID, VIQ_VTD_MSI_FIRST, VIQ_SOFT_READ, &pa), -EFAULT);
		/* It is not the translation request that is at fault. */
		hi = vm_reg(&vm, VIQ_GET(VIQ_VTD_CAP_FRO, vm.config.cap) * 16 + 8, 8);
		assert_int_equal(VIQ_GET(VIQ_VTD_FRCD_1_AT, hi), VIQ_VTD_AT_UNTRANSLATED);
		assert_int_equal(vm_fault(&vm), VIQ_VTD_FR_SM_INTERRUPT_ADDR);
		assert_false(viq_soft_vtd_cached(vm.dev, VIQ_VTD_MSI_FIRST, 0, VIQ_SOFT_READ, ats));
		vm_hits(vm.dev, 5, VIQ_VTD_MSI_FIRST, PAGE(0));
		vm_fini(&vm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_device_goes_on_until_its_tlb_is_invalidated),
		cmocka_unit_test(invalidations_find_a_device_that_begins_to_use_its_tlb),
		cmocka_unit_test(a_descriptor_takes_its_source_pasid_and_range),
		cmocka_unit_test(with_devtlb_implied_entries_reach_the_device),
		cmocka_unit_test(a_detached_table_leaves_nothing_in_the_device),
		cmocka_unit_test(ats_off_empties_it_and_the_context_decides_too),
		cmocka_unit_test(the_interrupt_range_is_not_translated),
		cmocka_unit_test(a_write_needs_a_granted_write),
		cmocka_unit_test(a_device_that_does_not_answer_is_ite_and_keeps_what_it_has),
		cmocka_unit_test(a_wrong_answer_is_ice_and_no_answer),
		cmocka_unit_test(a_time_out_behind_the_call_is_retried),
		cmocka_unit_test(a_blocked_device_waits_for_a_descriptor_of_its_own),
		cmocka_unit_test(arguments),
		cmocka_unit_test(a_copy_for_reads_is_none_for_fetches),
		cmocka_unit_test(the_question_is_of_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
