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

static void run(struct world *w, unsigned int pages)
{
	readers_start(&w->readers);
	for (unsigned int i = 0; i < MOVES; i++) {
		unsigned int page = i % pages, to = i / pages % 2 ? 0 : 1;

		readers_await(&w->readers);
		for (unsigned int p = page; p < (pages == 1 ? PAGES : page + 1); p++)
			__atomic_store_n(word_at(w, frame_of(p, to)), p, __ATOMIC_RELAXED);
		w->move(w, page, to);
		for (unsigned int p = page; p < (pages == 1 ? PAGES : page + 1); p++)
			__atomic_store_n(word_at(w, frame_of(p, !to)), htole64(POISON), __ATOMIC_RELAXED);
	}
	readers_stop(&w->readers, MOVES * PAGES);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_access_outlives_a_confirmed_iotlb_invalidation),
		cmocka_unit_test(nor_one_of_the_device_tlb),
		cmocka_unit_test(nor_a_pasid_entry_that_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
