/* SPDX-License-Identifier: MIT */
/*
 * Translations from many threads at once with a guest's queue (P1): when a wait descriptor has completed, no access is
 * using an old translation any more. As smmuv3/test_threads.c: a page moves between two frames; once the guest has seen
 * its invalidation complete, the old frame is poisoned, and poison must never be read.
 */
#include <pthread.h>
#include <sched.h>

#include "support/soft_vtd.h"

#define READERS 3u
#define MOVES   800u
#define POISON  UINT64_C(0xdeaddeaddeaddead)
#define PAGES   4u

struct world {
	struct vm vm;
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt, twin; /* twin: the same, with the other frames */
	unsigned int at;              /* pt or twin */
	int stop;
	uint64_t poisoned, faulted, accesses[READERS];
	void (*move)(struct world *w, unsigned int page, unsigned int to);
};

static uint64_t iova_of(unsigned int page)
{
	return UINT64_C(0x10000000) + page * 4096;
}

static uint64_t frame_of(unsigned int page, unsigned int which)
{
	return VM_DATA + (page * 2 + which) * 4096;
}

static uint64_t *word_at(struct world *w, uint64_t pa)
{
	return (uint64_t *)(w->vm.ram + pa);
}

static void check_access(struct world *w, unsigned int page, bool linger)
{
	struct viq_soft_xlate x;
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_vtd_translate(w->vm.dev, iova_of(page), 0, VIQ_SOFT_READ, &x);
	for (unsigned int i = 0; !ret && i < 8; i++) {
		if (i == 4 && linger)
			sched_yield();
		if (__atomic_load_n(word_at(w, x.pa), __ATOMIC_RELAXED) == POISON)
			__atomic_fetch_add(&w->poisoned, 1, __ATOMIC_RELAXED);
	}
	viq_soft_access_end();
	if (ret)
		__atomic_fetch_add(&w->faulted, 1, __ATOMIC_RELAXED);
}

struct reader {
	struct world *w;
	unsigned int number;
	pthread_t thread;
};

static void *read_for_ever(void *opaque)
{
	struct reader *r = opaque;
	uint64_t n = 0;

	assert_int_equal(viq_soft_thread_register(), 0);
	while (!__atomic_load_n(&r->w->stop, __ATOMIC_RELAXED)) {
		check_access(r->w, n % PAGES, n % 16 == 0);
		__atomic_store_n(&r->w->accesses[r->number], ++n, __ATOMIC_RELAXED);
	}
	viq_soft_thread_unregister();
	return NULL;
}

static void own_devtlbs(struct vm *vm)
{
	vm->soft_config.devtlb_implied = 0;
}

static void world_init(struct world *w, bool ats, bool implied)
{
	memset(w, 0, sizeof(*w));
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

static uint64_t accesses_of(struct world *w)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < READERS; i++)
		sum += __atomic_load_n(&w->accesses[i], __ATOMIC_RELAXED);
	return sum;
}

/* A move that no access has seen proves nothing: by now one reader has looked at every page since. */
static void await_accesses(struct world *w)
{
	uint64_t enough = accesses_of(w) + READERS * PAGES + 1;

	while (accesses_of(w) < enough)
		sched_yield();
}

static void run(struct world *w, unsigned int pages)
{
	struct reader readers[READERS];

	for (unsigned int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.w = w, .number = i};
		assert_int_equal(pthread_create(&readers[i].thread, NULL, read_for_ever, &readers[i]), 0);
	}
	for (unsigned int i = 0; i < MOVES; i++) {
		unsigned int page = i % pages, to = i / pages % 2 ? 0 : 1;

		await_accesses(w);
		for (unsigned int p = page; p < (pages == 1 ? PAGES : page + 1); p++)
			__atomic_store_n(word_at(w, frame_of(p, to)), p, __ATOMIC_RELAXED);
		w->move(w, page, to);
		for (unsigned int p = page; p < (pages == 1 ? PAGES : page + 1); p++)
			__atomic_store_n(word_at(w, frame_of(p, !to)), POISON, __ATOMIC_RELAXED);
	}
	await_accesses(w);
	__atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(readers[i].thread, NULL);
	print_message("%llu accesses during %u moves\n", (unsigned long long)accesses_of(w), MOVES);
	assert_true(accesses_of(w) > MOVES * PAGES);
	assert_int_equal(w->poisoned, 0);
	assert_int_equal(w->faulted, 0);
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
