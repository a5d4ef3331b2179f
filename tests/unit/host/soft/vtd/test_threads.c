/* SPDX-License-Identifier: MIT */
/*
 * Translations from many threads at once with a guest's queue (P1): when a wait descriptor has completed, no access is
 * using an old translation any more. As smmuv3/test_threads.c: a page moves between two frames; once the guest has seen
 * its invalidation complete, the old frame is poisoned, and poison must never be read.
 */
#include "support/readers.h"
#include "support/soft_vtd.h"

#define MOVES 800u

struct world {
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt, twin; /* twin: the same, with the other frames */
	unsigned int at;              /* pt or twin */
	struct readers readers;
	bool disturbed;
	uint64_t disturbances;
	void (*move)(struct world *w, unsigned int page, unsigned int to);
};

static uint64_t frame_of(unsigned int page, unsigned int which)
{
	return VM_DATA + (page * 2 + which) * 4096;
}

static uint64_t *word_at(struct world *w, uint64_t pa)
{
	return (uint64_t *)(w->vm.ram + pa);
}

static int translate_word(void *world, uint64_t iova, uint64_t **word)
{
	struct world *w = world;
	struct viq_soft_xlate x;
	int err = viq_soft_vtd_translate(w->vm.dev, iova, 0, VIQ_SOFT_READ, &x);

	*word = err ? NULL : word_at(w, x.pa);
	return err;
}

static void own_devtlbs(struct vm *vm)
{
	vm->soft_config.devtlb_implied = 0;
}

static void world_init(struct world *w, bool ats, bool implied)
{
	memset(w, 0, sizeof(*w));
	w->readers = (struct readers){w, translate_word, .linger = 16};
	vm_init(&w->vm, true, implied ? NULL : own_devtlbs);
	w->pasids = vm_pasids(&w->vm, SID, 0);
	w->pt = vm_pt(&w->vm, 1, 4);
	w->twin = vm_pt(&w->vm, 1, 4);
	for (unsigned int page = 0; page < PAGES; page++) {
		vm_map(&w->pt, iova_of(page), frame_of(page, 0));
		vm_map(&w->twin, iova_of(page), frame_of(page, 1));
	}
	vm_entry(&w->pasids, 0, &w->pt, NULL, 4);
	w->vm.dev = vm_add(&w->vm, SID, ats);
}

/* The device's requests go through second-stage tables. */
static void use_second_stage(struct world *w)
{
	w->pt = vm_pt(&w->vm, 2, 4);
	for (unsigned int page = 0; page < PAGES; page++)
		vm_map(&w->pt, iova_of(page), frame_of(page, 0));
	vm_entry(&w->pasids, 0, NULL, &w->pt, 4);
	vm_flush_entry(&w->vm, 4, 0);
}

/* Everything else at once: for the sanitizers. The other device has no context entry, so each of its accesses faults.
 */
static void *disturb(void *opaque)
{
	struct world *w = opaque;

	assert_int_equal(viq_soft_thread_register(), 0);
	for (uint64_t i = 0; !__atomic_load_n(&w->readers.stop, __ATOMIC_RELAXED); i++) {
		struct viq_soft_counters counters;
		struct viq_soft_vtd_dev *dev;
		struct viq_soft_xlate x;

		assert_int_equal(viq_soft_vtd_dev_alloc(w->vm.soft, SID2, &dev, NULL), 0);
		assert_int_equal(viq_soft_vtd_dev_set_ats(dev, i % 2), 0);
		viq_soft_access_begin();
		assert_int_equal(viq_soft_vtd_translate(dev, iova_of(0), 0, VIQ_SOFT_READ, &x), -EFAULT);
		viq_soft_access_end();
		assert_false(viq_soft_vtd_cached(dev, iova_of(0), 0, VIQ_SOFT_READ, i % 4 < 2));
		assert_int_equal(viq_soft_vtd_counters(w->vm.soft, &counters, sizeof(counters)), 0);
		assert_int_equal(viq_soft_vtd_parent_invalidate(w->vm.soft, 0, 0), 0);
		assert_int_equal(viq_soft_vtd_dev_free(dev), 0);
		__atomic_store_n(&w->disturbances, i + 1, __ATOMIC_RELAXED);
	}
	assert_int_equal(viq_soft_thread_unregister(), 0);
	return NULL;
}

static void await_disturbance(struct world *w)
{
	uint64_t before = __atomic_load_n(&w->disturbances, __ATOMIC_RELAXED);

	while (__atomic_load_n(&w->disturbances, __ATOMIC_RELAXED) == before)
		sched_yield();
}

static void run(struct world *w, unsigned int pages)
{
	pthread_t disturber;

	readers_start(&w->readers);
	if (w->disturbed)
		assert_int_equal(pthread_create(&disturber, NULL, disturb, w), 0);
	for (unsigned int i = 0; i < MOVES; i++) {
		unsigned int page = i % pages, to = i / pages % 2 ? 0 : 1;

		readers_await(&w->readers);
		if (w->disturbed && i % 8 == 0)
			await_disturbance(w);
		for (unsigned int p = page; p < (pages == 1 ? PAGES : page + 1); p++)
			__atomic_store_n(word_at(w, frame_of(p, to)), p, __ATOMIC_RELAXED);
		w->move(w, page, to);
		for (unsigned int p = page; p < (pages == 1 ? PAGES : page + 1); p++)
			__atomic_store_n(word_at(w, frame_of(p, !to)), htole64(POISON), __ATOMIC_RELAXED);
	}
	readers_stop(&w->readers, MOVES * PAGES);
	if (w->disturbed)
		pthread_join(disturber, NULL);
	vm_fini(&w->vm);
}

static void by_page(struct world *w, unsigned int page, unsigned int to)
{
	vm_map(&w->pt, iova_of(page), frame_of(page, to));
	assert_true(vm_submit(&w->vm, desc_piotlb(3, 4, 0, iova_of(page), 0, true)));
}

static void by_kind_in_turn(struct world *w, unsigned int page, unsigned int to)
{
	static const struct test_desc all[] = {{{0xd2, 0, 0, 0}},
					       {{0xe2 | 4 << 16, 0, 0, 0}},
					       {{0x26 | 4 << 16, 0, 0, 0}},
					       {{0xf2 | 4 << 16, 0, 0, 0}}};

	vm_map(&w->pt, iova_of(page), frame_of(page, to));
	assert_true(vm_submit(&w->vm, all[(page + to) % 4]));
}

/* Of second-stage tables: everything, the domain, the page. */
static void by_second_stage(struct world *w, unsigned int page, unsigned int to)
{
	static unsigned int turn;
	const struct test_desc all[] = {
		{{0xd2, 0, 0, 0}}, {{0xe2 | 4 << 16, 0, 0, 0}}, {{0xf2 | 4 << 16, iova_of(page), 0, 0}}};

	vm_map(&w->pt, iova_of(page), frame_of(page, to));
	assert_true(vm_submit(&w->vm, all[turn++ % 3]));
}

static void by_device_tlb(struct world *w, unsigned int page, unsigned int to)
{
	by_page(w, page, to);
	assert_true(vm_submit(&w->vm, desc_devtlb(SID, iova_of(page), false)));
}

/* All pages at once, by another set of tables: the same domain, or one of its own each. */
static void by_entry(struct world *w, unsigned int page, unsigned int to)
{
	vm_entry(&w->pasids, 0, to ? &w->twin : &w->pt, NULL, 4);
	vm_flush_entry(&w->vm, 4, 0);
}

static void by_entry_of_another_domain(struct world *w, unsigned int page, unsigned int to)
{
	vm_entry(&w->pasids, 0, to ? &w->twin : &w->pt, NULL, 4 + to);
	assert_true(vm_submit(&w->vm, desc_pc(VIQ_VTD_PC_PASID, (uint16_t)(4 + to), 0)));
}

static void no_access_outlives_a_confirmed_iotlb_invalidation(void **state)
{
	struct world w;

	world_init(&w, false, true);
	w.move = by_page;
	run(&w, PAGES);
	world_init(&w, false, true);
	w.move = by_kind_in_turn;
	run(&w, PAGES);
}

static void nor_one_of_second_stage_tables(void **state)
{
	struct world w;

	world_init(&w, false, true);
	use_second_stage(&w);
	w.move = by_second_stage;
	run(&w, PAGES);
}

static void nor_one_of_the_device_tlb(void **state)
{
	struct world w;

	world_init(&w, true, true);
	w.move = by_page;
	run(&w, PAGES);
	world_init(&w, true, false);
	w.move = by_device_tlb;
	run(&w, PAGES);
}

static void nor_a_pasid_entry_that_changed(void **state)
{
	for (unsigned int ats = 0; ats < 2; ats++) {
		struct world w;

		world_init(&w, ats, true);
		w.move = by_entry;
		run(&w, 1);
		world_init(&w, ats, true);
		w.move = by_entry_of_another_domain;
		run(&w, 1);
	}
}

static void nor_while_devices_come_and_go(void **state)
{
	static void (*const moves[])(struct world * w, unsigned int page, unsigned int to) = {by_page, by_entry,
											      by_second_stage};

	for (unsigned int i = 0; i < 3; i++) {
		struct world w;

		world_init(&w, i == 0, true);
		if (moves[i] == by_second_stage)
			use_second_stage(&w);
		w.disturbed = true;
		w.move = moves[i];
		run(&w, moves[i] == by_entry ? 1 : PAGES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_access_outlives_a_confirmed_iotlb_invalidation),
		cmocka_unit_test(nor_one_of_second_stage_tables),
		cmocka_unit_test(nor_one_of_the_device_tlb),
		cmocka_unit_test(nor_a_pasid_entry_that_changed),
		cmocka_unit_test(nor_while_devices_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
