/* SPDX-License-Identifier: MIT */
/*
 * CAP.CM = 0: what is not present, or faulty, is in no cache (VT-d 6.2.2, 6.2.3, 6.2.4.1), so a guest that makes an
 * entry good tells nobody. What was good stays cached until it is invalidated.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "support/soft_vtd.h"

#define IOVA    UINT64_C(0x7000)
#define PAGE(n) (VM_DATA + (uint64_t)(n)*4096)
#define PASID   5

static unsigned int notified;

static void notify(void *opaque)
{
	notified++;
}

static void clear_cm(struct vm *vm)
{
	vm->soft_config.cap &= ~VIQ_VTD_CAP_CM;
	vm->config.cap = vm->soft_config.cap;
	vm->soft_config.notify = notify;
}

static void clear_cm_few(struct vm *vm)
{
	clear_cm(vm);
	vm->soft_config.tables = 1;
}

static struct synth_vtd_pt tables_to(struct vm *vm, unsigned int stage, unsigned int n)
{
	struct synth_vtd_pt pt = vm_pt(vm, stage, 4);

	vm_map(&pt, IOVA, PAGE(n));
	return pt;
}

/* What wakes up at notify(). */
static void fetch(struct vm *vm)
{
	assert_int_equal(viq_nest_vtd_faults(vm->nest, 0), 0);
}

static bool cached(struct vm *vm, int64_t pasid)
{
	return viq_soft_vtd_cached(vm->dev, IOVA, pasid < 0 ? 0 : (uint32_t)pasid, pasid < 0 ? 0 : VIQ_SOFT_SSV, false);
}

/* Each kind of entry, made present and changed; its invalidation. */
enum kind {
	LEGACY,
	CONTEXT,
	RID,
	WITH_PASID,
	KINDS
};

struct world {
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt a, b;
	enum kind kind;
	int64_t pasid;
};

static void world_init(struct world *w, enum kind kind)
{
	vm_init(&w->vm, kind != LEGACY, clear_cm);
	w->kind = kind;
	w->pasid = kind == WITH_PASID ? PASID : NO_PASID;
	w->vm.dev = vm_add(&w->vm, SID, false);
	if (kind == RID || kind == WITH_PASID)
		w->pasids = vm_pasids(&w->vm, SID, 0);
	w->a = tables_to(&w->vm, kind == LEGACY ? 2 : 1, 0);
	w->b = tables_to(&w->vm, kind == LEGACY ? 2 : 1, 1);
	notified = 0;
}

static void make_present(struct world *w, struct synth_vtd_pt *pt)
{
	if (w->kind == LEGACY)
		vm_legacy(&w->vm, SID, pt, 4);
	else if (w->kind == CONTEXT)
		w->pasids = vm_pasids(&w->vm, SID, 0);
	if (w->kind != LEGACY)
		vm_entry(&w->pasids, w->kind == WITH_PASID ? PASID : 0, pt, NULL, 4);
}

static void invalidate(struct world *w)
{
	assert_true(vm_submit(&w->vm, desc_cc(VIQ_VTD_CC_DEVICE, 4, SID, 0)));
	if (w->kind != LEGACY)
		assert_true(vm_submit(&w->vm, desc_pc(VIQ_VTD_PC_DOMAIN, 4, 0)));
	assert_true(vm_submit(&w->vm, desc_iotlb(VIQ_VTD_IOTLB_DOMAIN, 4, 0, 0, false)));
}

static void an_entry_that_was_made_present_is_used_at_once(void **state)
{
	static const unsigned int reasons[] = {VIQ_VTD_FR_ROOT_P, VIQ_VTD_FR_SM_ROOT_P, VIQ_VTD_FR_PDE_P,
					       VIQ_VTD_FR_PDE_P};

	for (enum kind kind = LEGACY; kind < KINDS; kind++) {
		struct world w;

		world_init(&w, kind);
		vm_misses(&w.vm, w.vm.dev, w.pasid, IOVA, reasons[kind]);
		assert_int_equal(notified, 1); /* the fault */
		make_present(&w, &w.a);
		vm_hits(w.vm.dev, w.pasid, IOVA, PAGE(0));
		assert_int_equal(notified, 2);
		vm_hits(w.vm.dev, w.pasid, IOVA, PAGE(0));
		assert_int_equal(notified, 2);
		assert_false(cached(&w.vm, w.pasid));
		/* From then on it is cached, and stale until it is invalidated. */
		fetch(&w.vm);
		vm_hits(w.vm.dev, w.pasid, IOVA, PAGE(0));
		assert_true(cached(&w.vm, w.pasid));
		make_present(&w, &w.b);
		vm_hits(w.vm.dev, w.pasid, IOVA, PAGE(0));
		assert_int_equal(notified, 2);
		invalidate(&w);
		vm_hits(w.vm.dev, w.pasid, IOVA, PAGE(1));
		vm_fini(&w.vm);
	}
}

/* Until it is fetched it is in no cache: nothing has to be invalidated that nothing could be told of. */
static void what_is_not_fetched_is_not_cached(void **state)
{
	for (enum kind kind = LEGACY; kind < KINDS; kind++) {
		struct world w;

		world_init(&w, kind);
		make_present(&w, &w.a);
		vm_hits(w.vm.dev, w.pasid, IOVA, PAGE(0));
		make_present(&w, &w.b);
		vm_hits(w.vm.dev, w.pasid, IOVA, PAGE(1));
		vm_fini(&w.vm);
	}
}

static void a_faulty_entry_is_not_cached(void **state)
{
	uint64_t bad[VIQ_VTD_PE_WORDS];
	struct world w;

	world_init(&w, WITH_PASID);
	synth_vtd_pasid(bad, &w.a, NULL, 4);
	bad[0] |= VIQ_PUT(VIQ_VTD_PE_PGTT, 7);
	assert_int_equal(synth_vtd_pasids_set(&w.pasids, PASID, bad), 0);
	assert_true(vm_submit(&w.vm, desc_pc(VIQ_VTD_PC_GLOBAL, 0, 0)));
	vm_misses(&w.vm, w.vm.dev, PASID, IOVA, VIQ_VTD_FR_PE_INVALID);
	make_present(&w, &w.a);
	vm_hits(w.vm.dev, PASID, IOVA, PAGE(0));
	vm_fini(&w.vm);
}

/* Of paging entries, too: 6.2.4.1. A leaf that was found, but not for this access, is not kept. */
static void a_leaf_that_did_not_let_the_access_in_is_not_cached(void **state)
{
	struct world w;
	uint64_t pa;

	world_init(&w, LEGACY);
	assert_int_equal(synth_vtd_pt_map(&w.a, IOVA + 0x1000, PAGE(2), 1, SYNTH_RO), 0);
	make_present(&w, &w.a);
	fetch(&w.vm);
	assert_int_equal(vm_translate(w.vm.dev, NO_PASID, IOVA + 0x1000, VIQ_SOFT_WRITE, &pa), -EFAULT);
	assert_int_equal(vm_fault(&w.vm), VIQ_VTD_FR_WRITE);
	vm_unmap(&w.a, IOVA + 0x1000);
	vm_map(&w.a, IOVA + 0x1000, PAGE(2));
	assert_int_equal(vm_translate(w.vm.dev, NO_PASID, IOVA + 0x1000, VIQ_SOFT_WRITE, &pa), 0);
	assert_int_equal(pa, PAGE(2));
	vm_fini(&w.vm);
}

/* One that cannot be cached for lack of room is looked for each time. */
static void more_tables_than_there_is_room_for(void **state)
{
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt[3];

	vm_init(&vm, true, clear_cm_few);
	pasids = vm_pasids(&vm, SID, 0);
	vm.dev = vm_add(&vm, SID, false);
	for (unsigned int i = 0; i < 3; i++) {
		pt[i] = tables_to(&vm, 1, i);
		vm_entry(&pasids, 1 + i, &pt[i], NULL, 4 + i);
	}
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 3; i++) {
			vm_hits(vm.dev, 1 + i, IOVA, PAGE(i));
			fetch(&vm);
			vm_hits(vm.dev, 1 + i, IOVA, PAGE(i));
		}
		assert_true(viq_soft_vtd_cached(vm.dev, IOVA, 1, VIQ_SOFT_SSV, false));
		assert_false(viq_soft_vtd_cached(vm.dev, IOVA, 3, VIQ_SOFT_SSV, false));
		/* A reconfiguration does not block the device, either. */
		assert_true(vm_submit(&vm, desc_pc(VIQ_VTD_PC_GLOBAL, 0, 0)));
	}
	vm_fini(&vm);
}

/* Nothing enters a device-TLB through an entry that is not cached; then it does. */
static void a_device_tlb_waits_for_the_entry(void **state)
{
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt a, b;

	vm_init(&vm, true, clear_cm);
	pasids = vm_pasids(&vm, SID, 0);
	vm.dev = vm_add(&vm, SID, true);
	a = tables_to(&vm, 1, 0);
	b = tables_to(&vm, 1, 1);
	vm_entry(&pasids, PASID, &a, NULL, 4);
	vm_hits(vm.dev, PASID, IOVA, PAGE(0));
	assert_false(viq_soft_vtd_cached(vm.dev, IOVA, PASID, VIQ_SOFT_SSV, true));
	vm_entry(&pasids, PASID, &b, NULL, 4);
	vm_hits(vm.dev, PASID, IOVA, PAGE(1));
	fetch(&vm);
	vm_hits(vm.dev, PASID, IOVA, PAGE(1));
	assert_true(viq_soft_vtd_cached(vm.dev, IOVA, PASID, VIQ_SOFT_SSV, true));
	vm_fini(&vm);
}

/* A device that was blocked on purpose stays so, whatever is present. */
static void a_blocked_device_does_not_look(void **state)
{
	struct world w;
	uint64_t pa;

	world_init(&w, WITH_PASID);
	make_present(&w, &w.a);
	assert_int_equal(viq_nest_vtd_block(w.vm.nest, SID), 0);
	assert_int_equal(vm_translate(w.vm.dev, PASID, IOVA, VIQ_SOFT_READ, &pa), -EFAULT);
	fetch(&w.vm);
	assert_int_equal(vm_translate(w.vm.dev, PASID, IOVA, VIQ_SOFT_READ, &pa), -EFAULT);
	invalidate(&w);
	vm_hits(w.vm.dev, PASID, IOVA, PAGE(0));
	vm_fini(&w.vm);
}

/* --- Accesses that are under way ---------------------------------------------------------------------------------- */

struct accessor {
	struct world *w;
	atomic_int inside, ended;
};

static void *access_slowly(void *opaque)
{
	struct accessor *a = opaque;
	struct viq_soft_xlate x;
	const struct timespec while_it_lasts = {.tv_nsec = 50000000};

	assert_int_equal(viq_soft_thread_register(), 0);
	viq_soft_access_begin();
	assert_int_equal(viq_soft_vtd_translate(a->w->vm.dev, IOVA, a->w->kind == LEGACY ? 0 : PASID,
						VIQ_SOFT_READ | (a->w->kind == LEGACY ? 0 : VIQ_SOFT_SSV), &x),
			 0);
	atomic_store(&a->inside, 1);
	nanosleep(&while_it_lasts, NULL);
	atomic_store(&a->ended, 1);
	viq_soft_access_end();
	viq_soft_thread_unregister();
	return NULL;
}

/* The access has ended when invalidate() says that its page has gone. */
static void waits(enum kind kind, void (*invalidate_page)(struct vm *vm, struct test_desc desc), struct test_desc desc)
{
	struct accessor a = {0};
	struct world w;
	pthread_t thread;

	world_init(&w, kind);
	make_present(&w, &w.a);
	a.w = &w;
	assert_int_equal(pthread_create(&thread, NULL, access_slowly, &a), 0);
	while (!atomic_load(&a.inside))
		;
	vm_unmap(&w.a, IOVA);
	invalidate_page(&w.vm, desc);
	assert_true(atomic_load(&a.ended));
	pthread_join(thread, NULL);
	vm_fini(&w.vm);
}

static void by_queue(struct vm *vm, struct test_desc desc)
{
	assert_true(vm_submit(vm, desc));
}

static void by_register(struct vm *vm, struct test_desc desc)
{
	const uint64_t iotlb = VIQ_GET(VIQ_VTD_ECAP_IRO, vm->config.ecap) * 16 + VIQ_VTD_IOTLB_REG;

	vm_write(vm, VREG(GCMD), 4, vm_reg(vm, VREG(GSTS), 4) & ~VIQ_VTD_GCMD_QIE & 0x96ffffff);
	vm_write(vm, iotlb, 8, VIQ_VTD_IOTLB_IVT | VIQ_PUT(VIQ_VTD_IOTLB_IIRG, VIQ_VTD_IOTLB_GLOBAL));
	assert_false(vm_reg(vm, iotlb, 8) & VIQ_VTD_IOTLB_IVT);
}

/* No table is known of it, so that each of these concerns none; a wait descriptor waits for it all the same. */
static void a_wait_descriptor_waits_for_accesses_by_entries_that_are_not_cached(void **state)
{
	const struct test_desc descs[] = {
		desc_piotlb(VIQ_VTD_PIOTLB_PAGE, 4, PASID, IOVA, 0, false),
		desc_iotlb(VIQ_VTD_IOTLB_GLOBAL, 0, 0, 0, false),
		desc_pc(VIQ_VTD_PC_PASID, 9, PASID),
		desc_cc(VIQ_VTD_CC_DEVICE, 0, SID2, 0),
	};

	for (unsigned int i = 0; i < sizeof(descs) / sizeof(descs[0]); i++)
		waits(WITH_PASID, by_queue, descs[i]);
}

static void so_does_a_request_by_register(void **state)
{
	const struct test_desc none = {{0}};

	waits(LEGACY, by_register, none);
}

/* Whoever reads the guest's tables only when told is not for such a guest. */
static void a_host_that_does_not_look_is_refused(void **state)
{
	struct viq_vtd_config config;
	struct viq_vtd *vtd;
	struct vm vm;

	vm_init(&vm, true, NULL);
	config = vm.config;
	config.cap &= ~VIQ_VTD_CAP_CM;
	assert_int_equal(viq_vtd_create(&config, &vtd, NULL), 0);
	assert_int_equal(viq_nest_vtd_bind(vm.nest, vtd, vm.mem), -EINVAL);
	viq_vtd_destroy(vtd);
	vm_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_that_was_made_present_is_used_at_once),
		cmocka_unit_test(what_is_not_fetched_is_not_cached),
		cmocka_unit_test(a_faulty_entry_is_not_cached),
		cmocka_unit_test(a_leaf_that_did_not_let_the_access_in_is_not_cached),
		cmocka_unit_test(more_tables_than_there_is_room_for),
		cmocka_unit_test(a_device_tlb_waits_for_the_entry),
		cmocka_unit_test(a_blocked_device_does_not_look),
		cmocka_unit_test(a_wait_descriptor_waits_for_accesses_by_entries_that_are_not_cached),
		cmocka_unit_test(so_does_a_request_by_register),
		cmocka_unit_test(a_host_that_does_not_look_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
