/* SPDX-License-Identifier: MIT */
/*
 * A device of the software VT-d asks for pages (7.4): its requests reach the guest's queue, the guest's answers the
 * device; what the tables do not allow is answered at once, with the faults of Table 30.
 */
#include "support/soft_vtd.h"

#define IOVA    UINT64_C(0x7000)
#define PAGE(n) (VM_DATA + (uint64_t)(n)*4096)
#define PRQ     UINT64_C(0x01200000)
#define PASID   5
#define RING    1024

struct world {
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt;
};

static unsigned int notified;

static void notify(void *opaque)
{
	notified++;
}

static void with_pri(struct vm *vm)
{
	vm->soft_config.ecap |= VIQ_VTD_ECAP_PRS | VIQ_VTD_ECAP_PDS;
	vm->soft_config.devtlb_implied = 0;
	vm->soft_config.notify = notify;
	vm->config.ecap = vm->soft_config.ecap;
}

static void without_cm(struct vm *vm)
{
	with_pri(vm);
	vm->soft_config.cap &= ~VIQ_VTD_CAP_CM;
	vm->config.cap = vm->soft_config.cap;
}

static void set_context(struct world *w, uint64_t set, uint64_t clear)
{
	uint64_t ctx[VIQ_VTD_SCTX_WORDS];

	synth_vtd_context(ctx, &w->pasids, 0);
	ctx[0] = (ctx[0] | set) & ~clear;
	assert_int_equal(synth_vtd_root_set(&w->vm.root, SID, ctx), 0);
}

static void world_init(struct world *w, void (*tune)(struct vm *vm))
{
	vm_init(&w->vm, true, tune);
	w->pasids = vm_pasids(&w->vm, SID, 0);
	set_context(w, VIQ_VTD_SCTX_DTE | VIQ_VTD_SCTX_PRE, 0);
	w->pt = vm_pt(&w->vm, 1, 4);
	vm_entry(&w->pasids, 0, &w->pt, NULL, 4);
	vm_entry(&w->pasids, PASID, &w->pt, NULL, 5);
	w->vm.dev = vm_add(&w->vm, SID, true);
	vm_write(&w->vm, VREG(PQA), 8, PRQ | 7);
	notified = 0;
}

static struct viq_vtd_page_request want(int64_t pasid, uint16_t prgi, bool last)
{
	return (struct viq_vtd_page_request){.size = sizeof(struct viq_vtd_page_request),
					     .source_id = 0xffff, /* does not count */
					     .prgi = prgi,
					     .has_pasid = pasid >= 0,
					     .pasid = pasid < 0 ? 0 : (uint32_t)pasid,
					     .last = last,
					     .write = true,
					     .addr = IOVA + 0x123};
}

/* The code of the answer that comes at once, or -1: it is on its way. */
static int ask(struct world *w, int64_t pasid, uint16_t prgi, bool last)
{
	const struct viq_vtd_page_request r = want(pasid, prgi, last);
	struct viq_vtd_page_response answer = {.size = sizeof(answer)};
	int ret = viq_soft_vtd_page_request(w->vm.dev, &r, &answer);

	assert_in_range(ret, 0, 1);
	if (!ret)
		return -1;
	assert_int_equal(answer.source_id, SID);
	assert_int_equal(answer.prgi, prgi);
	assert_int_equal(answer.has_pasid, pasid >= 0);
	assert_int_equal(answer.pasid, pasid < 0 ? 0 : pasid);
	return answer.code;
}

static uint64_t slot(struct world *w, unsigned int n, unsigned int word)
{
	uint64_t value;

	assert_int_equal(viq_mem_read_words(w->vm.mem, PRQ + 32 * n + 8 * word, &value, 1), 0);
	return value;
}

static uint64_t tail(struct world *w)
{
	return vm_reg(&w->vm, VREG(PQT), 8) / 32;
}

/* Access, request, map, answer, access: what Linux and a device do. */
static void a_page_is_asked_for_and_used(void **state)
{
	static const int64_t pasids[] = {NO_PASID, PASID};
	struct world w;

	for (unsigned int i = 0; i < 2; i++) {
		const int64_t pasid = pasids[i];
		const uint16_t prgi = (uint16_t)(0x100 + i);

		world_init(&w, i ? without_cm : with_pri);
		vm_misses(&w.vm, w.vm.dev, pasid, IOVA, 0);
		assert_int_equal(ask(&w, pasid, prgi, true), -1);
		assert_int_equal(notified, 1);
		assert_int_equal(tail(&w), 0);
		/* A wait descriptor with PD finds it. */
		assert_true(vm_submit(&w.vm, (struct test_desc){{0x5 | VIQ_VTD_WAIT_PD, 0, 0, 0}}));
		assert_int_equal(tail(&w), 1);
		assert_true(slot(&w, 0, 0) == (0x1 | SID << 16 | (i ? 0x100 | (uint64_t)PASID << 32 : 0)));
		assert_true(slot(&w, 0, 1) == (IOVA | (uint64_t)prgi << 3 | 0x6));
		vm_map(&w.pt, IOVA, PAGE(3));
		assert_true(vm_submit(&w.vm, desc_pgrp(SID, i, (uint32_t)(i ? PASID : 0), prgi, 0)));
		assert_int_equal(w.vm.answers, 1);
		assert_int_equal(w.vm.answer.prgi, prgi);
		assert_int_equal(w.vm.answer.code, VIQ_VTD_RESP_SUCCESS);
		vm_hits(w.vm.dev, pasid, IOVA, PAGE(3));
		vm_fini(&w.vm);
	}
}

/* 6.5.3.1: what is cached of the page goes, in the IOTLB and in the device; the rest stays. */
static void what_is_cached_of_the_page_goes(void **state)
{
	struct world w;
	uint64_t pa;

	world_init(&w, with_pri);
	vm_map(&w.pt, IOVA, PAGE(0));
	vm_map(&w.pt, IOVA + 0x1000, PAGE(1));
	vm_hits(w.vm.dev, PASID, IOVA, PAGE(0));
	vm_hits(w.vm.dev, PASID, IOVA + 0x1000, PAGE(1));
	vm_unmap(&w.pt, IOVA);
	vm_map(&w.pt, IOVA, PAGE(2));
	vm_hits(w.vm.dev, PASID, IOVA, PAGE(0));
	assert_int_equal(ask(&w, PASID, 1, true), -1);
	assert_false(viq_soft_vtd_cached(w.vm.dev, IOVA, PASID, VIQ_SOFT_SSV, false));
	assert_false(viq_soft_vtd_cached(w.vm.dev, IOVA, PASID, VIQ_SOFT_SSV, true));
	assert_true(viq_soft_vtd_cached(w.vm.dev, IOVA + 0x1000, PASID, VIQ_SOFT_SSV, false));
	assert_true(viq_soft_vtd_cached(w.vm.dev, IOVA + 0x1000, PASID, VIQ_SOFT_SSV, true));
	assert_int_equal(vm_translate(w.vm.dev, PASID, IOVA, VIQ_SOFT_READ, &pa), 0);
	assert_true(pa == PAGE(2));
	vm_fini(&w.vm);
}

/* Table 30's last two columns: a fault, "invalid request" for the last of a group, nothing in the queue. */
static void tables_that_do_not_allow_it(void **state)
{
	static const struct {
		uint64_t set, clear;
		int64_t pasid;
		unsigned int reason;
	} rows[] = {
		{VIQ_VTD_SCTX_DTE, 0, PASID, 0x47},
		{VIQ_VTD_SCTX_DTE, 0, NO_PASID, 0x47},
		{VIQ_VTD_SCTX_DTE | VIQ_VTD_SCTX_FPD, 0, PASID, 0},
		{VIQ_VTD_SCTX_DTE | VIQ_VTD_SCTX_PRE, VIQ_VTD_SCTX_PASIDE, PASID, 0x45},
		{VIQ_VTD_SCTX_DTE | VIQ_VTD_SCTX_PRE, 0, 1 << 18, 0x46},
		{VIQ_VTD_SCTX_DTE | VIQ_VTD_SCTX_PRE, 0, 0, 0x48},
		{VIQ_VTD_SCTX_DTE | VIQ_VTD_SCTX_PRE, 0, 6, 0x59},
		{VIQ_VTD_SCTX_DTE | VIQ_VTD_SCTX_PRE, 0, 64, 0x51},
		{VIQ_VTD_SCTX_PRE, 0, PASID, 0x43},
		{0, VIQ_VTD_SCTX_P, PASID, 0x41},
	};

	for (unsigned int cm = 0; cm < 2; cm++) {
		for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			uint64_t fro = 0x220;
			struct world w;

			world_init(&w, cm ? with_pri : without_cm);
			set_context(&w, rows[i].set, rows[i].clear);
			assert_true(vm_submit(&w.vm, desc_cc(1, 0, 0, 0)));
			assert_int_equal(ask(&w, rows[i].pasid, 9, false), -1);
			assert_int_equal(ask(&w, rows[i].pasid, 9, true), VIQ_VTD_RESP_INVALID);
			assert_int_equal(viq_nest_vtd_faults(w.vm.nest, 0), 0);
			assert_int_equal(tail(&w), 0);
			/* T1 and T2: 01 is a page request. */
			if (rows[i].reason)
				assert_true((vm_reg(&w.vm, fro + 8, 8) & (VIQ_VTD_FRCD_1_T1 | VIQ_VTD_FRCD_1_T2)) ==
					    VIQ_VTD_FRCD_1_T2);
			assert_int_equal(vm_fault(&w.vm), rows[i].reason);
			vm_fini(&w.vm);
		}
	}
}

/* In legacy mode, before anything is read (RTA.3); nothing translated; blocked. */
static void modes_without_page_requests(void **state)
{
	struct vm vm;
	struct world w;

	vm_init(&w.vm, false, with_pri);
	w.vm.dev = vm_add(&w.vm, SID, true);
	assert_int_equal(ask(&w, NO_PASID, 1, true), VIQ_VTD_RESP_INVALID);
	assert_int_equal(vm_fault(&w.vm), 0x32);
	vm_write(&w.vm, VREG(GCMD), 4, VIQ_VTD_GCMD_QIE);
	assert_int_equal(ask(&w, NO_PASID, 1, true), VIQ_VTD_RESP_INVALID);
	assert_int_equal(vm_fault(&w.vm), 0);
	vm_fini(&w.vm);
	world_init(&w, with_pri);
	assert_int_equal(viq_nest_vtd_block(w.vm.nest, SID), 0);
	assert_int_equal(ask(&w, PASID, 1, true), VIQ_VTD_RESP_INVALID);
	assert_int_equal(vm_fault(&w.vm), 0);
	vm_fini(&w.vm);
	/* A unit without. */
	vm_init(&vm, true, NULL);
	vm.dev = vm_add(&vm, SID, true);
	{
		const struct viq_vtd_page_request r = want(NO_PASID, 1, true);
		struct viq_vtd_page_response answer = {.size = sizeof(answer)};

		assert_int_equal(viq_soft_vtd_page_request(vm.dev, &r, &answer), -ENOTSUP);
		assert_int_equal(viq_soft_vtd_page_request(NULL, &r, &answer), -EINVAL);
		assert_int_equal(viq_soft_vtd_page_request(vm.dev, NULL, &answer), -EINVAL);
		assert_int_equal(viq_soft_vtd_page_request(vm.dev, &r, NULL), -EINVAL);
	}
	vm_fini(&vm);
}

/* More than wait for the guest: answered here, and the guest hears of the overflow. */
static void more_than_can_wait(void **state)
{
	struct world w;

	world_init(&w, with_pri);
	for (unsigned int i = 0; i < RING; i++)
		assert_int_equal(ask(&w, PASID, i % 512, true), -1);
	assert_int_equal(ask(&w, PASID, 1, false), -1);
	assert_int_equal(ask(&w, PASID, 1, true), VIQ_VTD_RESP_SUCCESS);
	assert_int_equal(notified, 1);
	assert_int_equal(viq_nest_vtd_faults(w.vm.nest, 0), 0);
	assert_int_equal(viq_nest_vtd_faults(w.vm.nest, 0), 0);
	assert_int_equal(tail(&w), RING);
	assert_int_equal(vm_reg(&w.vm, VREG(PRS), 4), VREG(PRS_PPR) | VREG(PRS_PRO));
	assert_int_equal(vtd_counters(w.vm.vtd).page_requests_lost, 2);
	/* What comes while PRO stays is answered by the front end. */
	assert_int_equal(ask(&w, PASID, 2, true), -1);
	assert_int_equal(viq_nest_vtd_faults(w.vm.nest, 0), 0);
	assert_int_equal(w.vm.answers, 1);
	assert_int_equal(w.vm.answer.code, VIQ_VTD_RESP_SUCCESS);
	assert_int_equal(w.vm.answer.source_id, SID);
	vm_write(&w.vm, VREG(PRS), 4, 3);
	assert_int_equal(ask(&w, PASID, 3, true), -1);
	assert_int_equal(viq_nest_vtd_faults(w.vm.nest, 0), 0);
	assert_int_equal(tail(&w), RING + 1);
	vm_fini(&w.vm);
}

/* As many faults as a call moves keep no request from the guest. */
static void faults_do_not_hold_requests_up(void **state)
{
	struct world w;

	world_init(&w, with_pri);
	for (unsigned int i = 0; i < RING; i++)
		assert_int_equal(ask(&w, 64, 1, true), VIQ_VTD_RESP_INVALID);
	assert_int_equal(ask(&w, PASID, 1, true), -1);
	assert_int_equal(viq_nest_vtd_faults(w.vm.nest, 0), 0);
	assert_int_equal(tail(&w), 1);
	assert_int_equal(vm_fault(&w.vm), 0x51);
	vm_fini(&w.vm);
}

/* P9: a successor under the same source-id has not asked. */
static void requests_go_with_their_device(void **state)
{
	struct world w;

	world_init(&w, with_pri);
	assert_int_equal(ask(&w, PASID, 1, true), -1);
	assert_int_equal(viq_soft_vtd_dev_free(w.vm.dev), 0);
	w.vm.dev = vm_add(&w.vm, SID, true);
	assert_int_equal(ask(&w, PASID, 2, true), -1);
	assert_int_equal(viq_nest_vtd_faults(w.vm.nest, 0), 0);
	assert_int_equal(tail(&w), 1);
	assert_int_equal(slot(&w, 0, 1) >> 3 & 0x1ff, 2);
	vm_fini(&w.vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_asked_for_and_used),
		cmocka_unit_test(what_is_cached_of_the_page_goes),
		cmocka_unit_test(tables_that_do_not_allow_it),
		cmocka_unit_test(modes_without_page_requests),
		cmocka_unit_test(more_than_can_wait),
		cmocka_unit_test(faults_do_not_hold_requests_up),
		cmocka_unit_test(requests_go_with_their_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
