/* SPDX-License-Identifier: MIT */
/*
 * Guests of one host do not wait for each other's invalidations, and a long one gives way to who changes something; and
 * what a guest invalidates at the same time as another one is gone (P1, P9).
 */
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "host/soft/smmuv3/object.h"
#include "support/soft.h"

#define BULK    2048u /* entries of the longest call */
#define VA      UINT64_C(0x200000)
#define MOVES   2000u /* at least, while there are so many */
#define CHANGES 50u
#define GUESTS  2u

struct guest {
	struct machine *m;
	uint32_t viommu, vdevice;
	struct viq_soft_dev *dev;
	struct viq_call_host host;
	uint64_t ttb, ste[2];
	uint64_t entries[BULK][2];
	_Atomic bool stop;
	struct viq_call_result last;
};

/* One with a device of its own, whose pages and address spaces have the same names as everybody's. */
static void guest_init(struct guest *g, struct machine *m)
{
	uint64_t cd = alloc_pages(m, 1);

	memset(g, 0, sizeof(*g));
	g->m = m;
	g->ttb = alloc_pages(m, 1);
	write_cd(m, cd, 1, g->ttb);
	g->ste[0] = ste0(VIQ_SMMUV3_STE_CONFIG_S1, cd, 0);
	assert_int_equal(viq_soft_viommu_alloc(m->soft, m->s2, &g->viommu, NULL), 0);
	assert_int_equal(viq_soft_dev_alloc(m->soft, &g->dev, NULL), 0);
	assert_int_equal(viq_soft_vdevice_alloc(m->soft, g->viommu, g->dev, VSID, &g->vdevice, NULL), 0);
	assert_int_equal(viq_soft_vdevice_configure(m->soft, g->viommu, VSID, g->ste), 0);
	g->host = viq_soft_host(m->soft, g->viommu);
	/* So that there are leaves to invalidate one by one. */
	map_page(m, g->ttb, VA, MEM_BASE | PAGE_RW);
	assert_translates(g->dev, VA, MEM_BASE);
	for (unsigned int i = 0; i < BULK; i++) {
		g->entries[i][0] = htole64(tlbi_va(1) | range0(15, 5)); /* 512 pages */
		g->entries[i][1] = htole64(VA | range1(3, 1));
	}
}

static struct viq_call_result call(const struct guest *g, uint32_t count)
{
	const struct viq_call_piece piece = {.entries = g->entries, .count = count};
	const struct viq_call_request req = {.size = sizeof(req),
					     .object = g->viommu,
					     .type = VIQ_CALL_SMMUV3,
					     .entry_size = 16,
					     .pieces = &piece,
					     .piece_count = 1};
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(g->host.ops->invalidate(g->host.opaque, &req, &res), 0);
	return res;
}

/* --- Locks -------------------------------------------------------------------------------------------------------- */

static void *everything_once(void *opaque)
{
	struct guest *g = opaque;
	struct viq_smmuv3_host_event event;
	uint32_t count = 1;

	assert_int_equal(call(g, 1).handled, 1);
	assert_int_equal(g->host.ops->stream(g->host.opaque, g->viommu, VSID), VIQ_CALL_STREAM_KNOWN);
	assert_int_equal(viq_soft_vdevice_configure(g->m->soft, g->viommu, VSID, g->ste), 0);
	assert_int_equal(viq_soft_events(g->m->soft, g->viommu, &event, &count), 0);
	assert_int_equal(viq_soft_object_free(g->m->soft, g->vdevice), 0);
	assert_int_equal(viq_soft_object_free(g->m->soft, g->viommu), 0);
	return NULL;
}

static void a_guest_does_not_wait_for_another_ones_call(void **state)
{
	struct guest *g = calloc(GUESTS, sizeof(*g));
	struct soft_guests *busy;
	struct timespec end;
	struct machine m;
	pthread_t thread;

	assert_non_null(g);
	machine_init(&m, NULL);
	for (unsigned int i = 0; i < GUESTS; i++)
		guest_init(&g[i], &m);
	/* As it is while the first one's entries run. */
	busy = soft_guests(m.soft, g[0].viommu);
	pthread_mutex_lock(&busy->lock);
	assert_int_equal(pthread_create(&thread, NULL, everything_once, &g[1]), 0);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60;
	assert_int_equal(pthread_timedjoin_np(thread, NULL, &end), 0);
	pthread_mutex_unlock(&busy->lock);
	machine_fini(&m);
	free(g);
}

/* Long calls until the vIOMMU has gone, or it is told to stop. */
static void *long_calls(void *opaque)
{
	struct guest *g = opaque;

	do {
		g->last = call(g, BULK);
	} while (!g->last.error && !g->stop);
	return NULL;
}

/* Until its entries run. Returns how many have been run by the calls before. */
static uint64_t await_call(const struct guest *g)
{
	struct soft_guests *guests = soft_guests(g->m->soft, g->viommu);
	uint64_t before;

	for (;;) {
		before = atomic_load(&guests->entries);
		if (pthread_mutex_trylock(&guests->lock))
			return before;
		pthread_mutex_unlock(&guests->lock);
		sched_yield();
	}
}

static void a_long_call_gives_way(void **state)
{
	struct guest *g = calloc(1, sizeof(*g));
	struct soft_guests *guests;
	unsigned int gave_way = 0;
	struct machine m;
	pthread_t thread;

	assert_non_null(g);
	machine_init(&m, NULL);
	guest_init(g, &m);
	guests = soft_guests(m.soft, g->viommu);
	assert_int_equal(pthread_create(&thread, NULL, long_calls, g), 0);
	for (unsigned int i = 0; i < 1000 && gave_way < 10; i++) {
		uint64_t before = await_call(g);

		assert_int_equal(viq_soft_vdevice_configure(m.soft, g->viommu, VSID, g->ste), 0);
		gave_way += atomic_load(&guests->entries) == before;
	}
	assert_int_equal(gave_way, 10);
	g->stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(g->last.error, VIQ_CALL_NONE);
	assert_int_equal(g->last.handled, BULK);
	machine_fini(&m);
	free(g);
}

static void a_viommu_that_goes_ends_its_call(void **state)
{
	struct guest *g = calloc(1, sizeof(*g));
	unsigned int midway = 0;
	struct machine m;

	assert_non_null(g);
	machine_init(&m, NULL);
	for (unsigned int i = 0; i < 1000 && midway < 3; i++) {
		pthread_t thread;

		guest_init(g, &m);
		assert_int_equal(pthread_create(&thread, NULL, long_calls, g), 0);
		await_call(g);
		assert_int_equal(viq_soft_object_free(m.soft, g->vdevice), 0);
		assert_int_equal(viq_soft_object_free(m.soft, g->viommu), 0);
		pthread_join(thread, NULL);
		assert_int_equal(g->last.error, VIQ_CALL_GONE);
		assert_int_equal(g->last.hw_code, 0);
		assert_int_equal(g->last.suspect, g->last.handled);
		midway += g->last.handled > 0;
		assert_int_equal(viq_soft_dev_free(g->dev), 0);
	}
	assert_int_equal(midway, 3);
	machine_fini(&m);
	free(g);
}

/* --- What is invalidated is gone ---------------------------------------------------------------------------------- */

struct mover {
	struct guest guest;
	pthread_t thread;
	uint64_t frames[2];
	_Atomic unsigned int *changes; /* of both guests, so far */
	unsigned int moves, stale;
};

/* A page goes back and forth, and is used before and after: so a fill follows each invalidation closely. */
static void *move_pages(void *opaque)
{
	struct mover *v = opaque;
	struct guest *g = &v->guest;

	assert_int_equal(viq_soft_thread_register(), 0);
	g->entries[0][0] = htole64(tlbi_va(1));
	g->entries[0][1] = htole64(VA | VIQ_SMMUV3_CMD_1_LEAF);
	for (; v->moves < MOVES || *v->changes < CHANGES; v->moves++) {
		uint64_t pa = 0, frame = v->frames[v->moves % 2];

		map_page(g->m, g->ttb, VA, frame | PAGE_RW);
		assert_int_equal(call(g, 1).error, VIQ_CALL_NONE);
		assert_int_equal(translate(g->dev, VA, 0, VIQ_SOFT_READ, &pa), 0);
		v->stale += pa != frame;
	}
	assert_int_equal(viq_soft_thread_unregister(), 0);
	g->stop = true;
	return NULL;
}

static void guests_invalidate_at_the_same_time(void **state)
{
	struct mover *v = calloc(GUESTS, sizeof(*v));
	struct viq_soft_counters counters;
	_Atomic unsigned int changes = 0;
	struct machine m;

	assert_non_null(v);
	machine_init(&m, NULL);
	for (unsigned int i = 0; i < GUESTS; i++) {
		guest_init(&v[i].guest, &m);
		for (unsigned int to = 0; to < 2; to++)
			v[i].frames[to] = alloc_pages(&m, 1);
		v[i].changes = &changes;
	}
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_int_equal(pthread_create(&v[i].thread, NULL, move_pages, &v[i]), 0);
	while (!v[0].guest.stop || !v[1].guest.stop) {
		struct guest *g = &v[changes++ % GUESTS].guest;

		assert_int_equal(viq_soft_vdevice_configure(m.soft, g->viommu, VSID, g->ste), 0);
		assert_int_equal(viq_soft_s2_invalidate(m.soft, m.s2, 0, 0), 0);
		sched_yield();
	}
	for (unsigned int i = 0; i < GUESTS; i++) {
		pthread_join(v[i].thread, NULL);
		assert_int_equal(v[i].stale, 0);
	}
	/* And are counted, all of them. */
	assert_int_equal(viq_soft_counters(m.soft, &counters, sizeof(counters)), 0);
	assert_int_equal(counters.calls, v[0].moves + v[1].moves);
	assert_int_equal(counters.entries, v[0].moves + v[1].moves);
	machine_fini(&m);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_does_not_wait_for_another_ones_call),
		cmocka_unit_test(a_long_call_gives_way),
		cmocka_unit_test(a_viommu_that_goes_ends_its_call),
		cmocka_unit_test(guests_invalidate_at_the_same_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
