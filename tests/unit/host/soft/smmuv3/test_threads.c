/* SPDX-License-Identifier: MIT */
/*
 * Translations from many threads at once with invalidations (P1): when an invalidate call has returned, no access is
 * using the old translation any more.
 *
 * One page of IOVA is moved between two frames for ever. While it is mapped to a frame, the frame holds its own number;
 * before the page moves on and the call is made, that is still so; only after the call has returned is the frame
 * poisoned. Accessing threads translate and read the frame several times inside one section: poison must never be seen.
 * A host that does not wait for sections, or leaves the entry, fails within a few moves.
 */
#include <time.h>

#include "support/readers.h"
#include "support/soft.h"
#include "support/fault.h"

#define MOVES   1200u
#define WATCHED 3u /* one move in so many waits for accesses: of each page in turn */

struct world {
	struct machine m;
	uint64_t ttb;
	uint64_t frames[PAGES][2];
	bool ats, disturbed;
	uint64_t disturbances;
	struct readers readers;
	/* What moves a page: between TLB invalidations, CD switches, re-attachments. */
	void (*move)(struct world *w, unsigned int page, unsigned int to);
};

static int translate_word(void *world, uint64_t iova, uint64_t **word)
{
	struct world *w = world;
	struct viq_soft_xlate x;
	int err = viq_soft_translate(w->m.dev, iova, 0, VIQ_SOFT_READ, &x);

	*word = err ? NULL : word_at(&w->m, x.pa);
	return err;
}

static void world_init(struct world *w, bool ats)
{
	memset(w, 0, sizeof(*w));
	w->readers = (struct readers){w, translate_word, .linger = 3};
	w->ttb = machine_init_s1(&w->m, NULL);
	w->ats = ats;
	if (ats) {
		assert_int_equal(viq_soft_dev_set_ats(w->m.dev, true), 0);
		assert_int_equal(viq_soft_vdevice_configure(w->m.soft, w->m.viommu, VSID,
							    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, w->m.cd, 0),
									  VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1)}),
				 0);
	}
	for (unsigned int page = 0; page < PAGES; page++) {
		w->frames[page][0] = alloc_pages(&w->m, 1);
		w->frames[page][1] = alloc_pages(&w->m, 1);
		map_page(&w->m, w->ttb, iova_of(page), w->frames[page][0] | PAGE_RW);
	}
}

/* Everything at once: for the sanitizers. */
static void *disturb(void *opaque)
{
	struct world *w = opaque;

	for (uint32_t i = 0; !__atomic_load_n(&w->readers.stop, __ATOMIC_RELAXED); i++) {
		struct viq_soft_counters counters;
		struct viq_soft_dev *dev;
		uint32_t viommu, vdevice;

		assert_int_equal(viq_soft_viommu_alloc(w->m.soft, w->m.s2, &viommu, NULL), 0);
		assert_int_equal(viq_soft_dev_alloc(w->m.soft, &dev, NULL), 0);
		assert_int_equal(viq_soft_vdevice_alloc(w->m.soft, viommu, dev, i, &vdevice, NULL), 0);
		assert_int_equal(
			viq_soft_vdevice_configure(w->m.soft, viommu, i,
						   (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, w->m.cd, 0), 0}),
			0);
		viq_soft_cached(dev, iova_of(0), 0, VIQ_SOFT_READ, false);
		viq_soft_counters(w->m.soft, &counters, sizeof(counters));
		assert_int_equal(viq_soft_dev_set_ats(dev, i % 2), 0);
		assert_int_equal(viq_soft_s2_invalidate(w->m.soft, w->m.s2, 0, 0), 0);
		assert_int_equal(viq_soft_object_free(w->m.soft, vdevice), 0);
		assert_int_equal(viq_soft_object_free(w->m.soft, viommu), 0);
		assert_int_equal(viq_soft_dev_free(dev), 0);
		__atomic_store_n(&w->disturbances, i + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void await_disturbance(struct world *w)
{
	uint64_t before = __atomic_load_n(&w->disturbances, __ATOMIC_RELAXED);

	while (__atomic_load_n(&w->disturbances, __ATOMIC_RELAXED) == before)
		sched_yield();
}

static void run(struct world *w)
{
	pthread_t disturber;

	readers_start(&w->readers);
	if (w->disturbed)
		assert_int_equal(pthread_create(&disturber, NULL, disturb, w), 0);
	for (unsigned int i = 0; i < MOVES; i++) {
		unsigned int page = i % PAGES, to = i / PAGES % 2 ? 0 : 1;

		if (i % WATCHED == 0)
			readers_await(&w->readers);
		if (w->disturbed && i % (4 * WATCHED) == 0)
			await_disturbance(w);
		put_word(&w->m, w->frames[page][to], page);
		w->move(w, page, to);
		put_word(&w->m, w->frames[page][!to], POISON);
		readers_access(&w->readers, page, false);
	}
	readers_stop(&w->readers, MOVES / WATCHED * READERS * PAGES);
	if (w->disturbed)
		pthread_join(disturber, NULL);
	assert_true(!w->disturbed || w->disturbances >= MOVES / (4 * WATCHED));
	machine_fini(&w->m);
}

static void move_and_invalidate(struct world *w, unsigned int page, unsigned int to)
{
	static const uint64_t ops[] = {VIQ_SMMUV3_OP_TLBI_NH_ALL, VIQ_SMMUV3_OP_TLBI_NH_VAA,
				       VIQ_SMMUV3_OP_TLBI_NSNH_ALL};
	static unsigned int turn;
	uint64_t va = iova_of(page), op;

	map_page(&w->m, w->ttb, va, w->frames[page][to] | PAGE_RW);
	switch (turn++ % 8) {
	case 0:
	case 1:
	case 2:
		op = ops[turn % 3];
		invalidate(&w->m, op, op == VIQ_SMMUV3_OP_TLBI_NH_VAA ? va : 0);
		break;
	case 3:
		invalidate(&w->m, tlbi_asid(1), 0);
		break;
	case 4:
		invalidate(&w->m, tlbi_va(1) | range0(1, 0), va | range1(3, 1));
		break;
	default:
		invalidate(&w->m, tlbi_va(1), va | VIQ_SMMUV3_CMD_1_LEAF);
	}
	if (w->ats)
		invalidate(&w->m, with_sid(VIQ_SMMUV3_OP_ATC_INV, VSID), turn % 5 ? va : VIQ_SMMUV3_ATC_SIZE_ALL);
}

static void after_a_tlbi_no_access_uses_the_old_page(void **state)
{
	struct world w;

	world_init(&w, false);
	w.move = move_and_invalidate;
	run(&w);
}

static void after_an_atc_inv_no_access_uses_the_old_page(void **state)
{
	struct world w;

	world_init(&w, true);
	w.move = move_and_invalidate;
	run(&w);
}

/* The CD is switched to another table and another ASID; nothing of the old ASID needs to be invalidated. */
static void switch_cd(struct world *w, unsigned int page, unsigned int to)
{
	static uint16_t asid = 1;
	uint64_t ttb = alloc_pages(&w->m, 1);

	for (unsigned int p = 0; p < PAGES; p++) {
		uint64_t desc = le64toh(*word_at(&w->m, desc_at(&w->m, w->ttb, iova_of(p), 3)));

		map_page(&w->m, ttb, iova_of(p), p == page ? w->frames[page][to] | PAGE_RW : desc);
	}
	w->ttb = ttb;
	asid++;
	/* A CD is changed in one word that matters at a time: here the ASID, with two CDs side by side. */
	write_cd(&w->m, w->m.cd + (asid % 2 ? 0 : 64), asid, ttb);
	if (asid % 4 < 2)
		assert_int_equal(
			viq_soft_vdevice_configure(
				w->m.soft, w->m.viommu, VSID,
				(uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, w->m.cd + (asid % 2 ? 0 : 64), 0), 0}),
			0);
	else {
		uint32_t nested;
		const uint64_t ste[2] = {ste0(VIQ_SMMUV3_STE_CONFIG_S1, w->m.cd + (asid % 2 ? 0 : 64), 0), 0};

		assert_int_equal(viq_soft_nested_alloc(w->m.soft, w->m.viommu, ste, &nested, NULL), 0);
		assert_int_equal(viq_soft_attach(w->m.dev, nested), 0);
	}
}

static void after_an_attach_no_access_uses_the_old_page(void **state)
{
	struct world w;

	world_init(&w, false);
	w.move = switch_cd;
	run(&w);
}

/* TTB0 is one word of the CD: written, then CFGI_CD; then the old table's entries go. */
static void switch_ttb(struct world *w, unsigned int page, unsigned int to)
{
	uint64_t ttb = alloc_pages(&w->m, 1);

	for (unsigned int p = 0; p < PAGES; p++) {
		uint64_t desc = le64toh(*word_at(&w->m, desc_at(&w->m, w->ttb, iova_of(p), 3)));

		map_page(&w->m, ttb, iova_of(p), p == page ? w->frames[page][to] | PAGE_RW : desc);
	}
	w->ttb = ttb;
	put_word(&w->m, w->m.cd + 8, ttb);
	if (page % 2)
		invalidate(&w->m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 1);
	else
		invalidate(&w->m, with_sid(VIQ_SMMUV3_OP_CFGI_CD_ALL, VSID), 0);
	invalidate(&w->m, tlbi_asid(1), 0);
}

static void after_a_cfgi_cd_no_access_uses_the_old_table(void **state)
{
	struct world w;

	world_init(&w, false);
	w.move = switch_ttb;
	run(&w);
}

static void objects_come_and_go_under_load(void **state)
{
	struct world w;

	world_init(&w, true);
	w.move = move_and_invalidate;
	w.disturbed = true;
	run(&w);
}

/* --- Step by step: who waits for an access ----------------------------------------------------------------------- */

struct waiter {
	struct world *w;
	int inside, returned, early;
};

/* An access that does not end before the call has had every chance to return. */
static void *long_access(void *opaque)
{
	const struct timespec nap = {.tv_nsec = 20 * 1000 * 1000};
	struct waiter *waiter = opaque;
	struct viq_soft_xlate x;

	assert_int_equal(viq_soft_thread_register(), 0);
	viq_soft_access_begin();
	assert_int_equal(viq_soft_translate(waiter->w->m.dev, iova_of(0), 0, VIQ_SOFT_READ, &x), 0);
	__atomic_store_n(&waiter->inside, 1, __ATOMIC_RELEASE);
	nanosleep(&nap, NULL);
	waiter->early = __atomic_load_n(&waiter->returned, __ATOMIC_ACQUIRE);
	viq_soft_access_end();
	viq_soft_thread_unregister();
	return NULL;
}

static void by_tlbi_va(struct waiter *waiter)
{
	invalidate(&waiter->w->m, tlbi_va(1), iova_of(0));
}

static void by_tlbi_all(struct waiter *waiter)
{
	invalidate(&waiter->w->m, VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0);
}

static void by_cfgi_cd(struct waiter *waiter)
{
	invalidate(&waiter->w->m, with_sid(VIQ_SMMUV3_OP_CFGI_CD, VSID), 0);
}

static void by_atc_inv(struct waiter *waiter)
{
	invalidate(&waiter->w->m, with_sid(VIQ_SMMUV3_OP_ATC_INV, VSID), iova_of(0));
}

/* What took effect before a failure must be as good as without it. */
static void by_half_a_call(struct waiter *waiter)
{
	const uint64_t cmds[2][2] = {{tlbi_va(1), iova_of(0)}, {0, 0}};

	assert_int_equal(call_host(waiter->w->m.host, cmds, 2).handled, 1);
}

static void by_stage_2(struct waiter *waiter)
{
	assert_int_equal(viq_soft_s2_invalidate(waiter->w->m.soft, waiter->w->m.s2, 0, 0), 0);
}

static void by_ats_off(struct waiter *waiter)
{
	assert_int_equal(viq_soft_dev_set_ats(waiter->w->m.dev, false), 0);
}

static void by_detach(struct waiter *waiter)
{
	assert_int_equal(viq_soft_attach(waiter->w->m.dev, 0), 0);
}

static void by_configure(struct waiter *waiter)
{
	assert_int_equal(viq_soft_vdevice_configure(waiter->w->m.soft, waiter->w->m.viommu, VSID, (uint64_t[2]){1, 0}),
			 0);
}

static void by_freeing_the_vdevice(struct waiter *waiter)
{
	assert_int_equal(viq_soft_object_free(waiter->w->m.soft, waiter->w->m.vdevice), 0);
}

static void each_call_waits_for_accesses_begun_before_it(void **state)
{
	static void (*const calls[])(struct waiter *) = {
		by_tlbi_va, by_tlbi_all,    by_cfgi_cd,
		by_atc_inv, by_half_a_call, by_stage_2,
		by_detach,  by_configure,   by_freeing_the_vdevice,
		by_ats_off,
	};

	for (unsigned int i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct waiter waiter = {0};
		pthread_t thread;
		struct world w;

		world_init(&w, true);
		waiter.w = &w;
		assert_int_equal(pthread_create(&thread, NULL, long_access, &waiter), 0);
		while (!__atomic_load_n(&waiter.inside, __ATOMIC_ACQUIRE))
			sched_yield();
		calls[i](&waiter);
		__atomic_store_n(&waiter.returned, 1, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
		assert_false(waiter.early);
		machine_fini(&w.m);
	}
}

/* The test of the test: a dropped invalidation is seen. */
static void a_dropped_invalidation_is_seen(void **state)
{
	struct viq_fault *fault = fault_new(VIQ_FAULT_EXACT);
	struct world w;

	world_init(&w, false);
	readers_access(&w.readers, 0, false);
	assert_int_equal(w.readers.poisoned, 0);
	w.m.host = fault_before(fault, w.m.host);
	fault_arm(fault, VIQ_FAULT_DROP, 0, 0, 0, 0);
	map_page(&w.m, w.ttb, iova_of(0), w.frames[0][1] | PAGE_RW);
	invalidate(&w.m, tlbi_va(1), iova_of(0));
	put_word(&w.m, w.frames[0][0], POISON);
	readers_access(&w.readers, 0, false);
	assert_true(w.readers.poisoned > 0);
	viq_fault_destroy(fault);
	machine_fini(&w.m);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(after_a_tlbi_no_access_uses_the_old_page),
	cmocka_unit_test(after_an_atc_inv_no_access_uses_the_old_page),
	cmocka_unit_test(after_an_attach_no_access_uses_the_old_page),
	cmocka_unit_test(after_a_cfgi_cd_no_access_uses_the_old_table),
	cmocka_unit_test(objects_come_and_go_under_load),
	cmocka_unit_test(each_call_waits_for_accesses_begun_before_it),
	cmocka_unit_test(a_dropped_invalidation_is_seen),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
