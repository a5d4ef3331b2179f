/* SPDX-License-Identifier: MIT */
/*
 * P1 with device threads: once the guest has seen its CMD_SYNC complete, no access is using what it invalidated before.
 *
 * Devices translate, then read and write the frame that they were given, several times inside one access section. The
 * guest moves pages to other frames, unmaps them, gives streams other address spaces and takes them away, queues the
 * invalidations in the ring, and waits for its CMD_SYNCs as Linux does, while hosts fail and the front end is saved and
 * restored. When an old frame can be in use no more it is poisoned. Nobody may ever read poison or write to it.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "support/test.h"
#include "threads.h"

/* --- Devices ----------------------------------------------------------------------------------------------------- */

/* Word 0 of a frame in use says which page it is; the others count writes. */
static void device_access(struct world *w, const struct stream *s, uint32_t page, uint32_t flags, uint64_t *state)
{
	uint64_t iova = IOVA + page * 4096, value = page;
	bool linger = !threads_below(state, 8);
	struct viq_soft_xlate x;
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_translate(s->dev, iova, 0, flags, &x);
	for (unsigned int i = 1; !ret && i < WORDS && value == page; i++) {
		if (linger && i == WORDS / 2)
			sched_yield();
		if (flags & VIQ_SOFT_WRITE)
			__atomic_fetch_add(frame_word(w, x.pa + i * 8), 1, __ATOMIC_RELAXED);
		value = frame_get(w, x.pa);
	}
	viq_soft_access_end();
	if (!ret && value != page)
		threads_found(w, "an access used a frame after the CMD_SYNC", s->sid, iova, page, value);
	else if (ret && ret != -EFAULT)
		threads_found(w, "neither a translation nor an abort", s->sid, iova, 0, (uint64_t)(int64_t)ret);
}

struct device {
	struct world *w;
	uint32_t number;
	pthread_t thread;
};

static void *device_main(void *arg)
{
	struct device *d = arg;
	struct world *w = d->w;
	uint64_t state = w->options.seed * 1000 + d->number;

	viq_soft_thread_register();
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		const struct stream *s = &w->stream[threads_below(&state, STREAMS)];

		device_access(w, s, threads_below(&state, PAGES),
			      threads_below(&state, 3) ? VIQ_SOFT_READ : VIQ_SOFT_WRITE, &state);
		__atomic_store_n(&w->accesses[d->number], w->accesses[d->number] + 1, __ATOMIC_RELAXED);
	}
	viq_soft_thread_unregister();
	return NULL;
}

/* --- What the guest does ----------------------------------------------------------------------------------------- */

static uint32_t take_frame(struct world *w, uint32_t page)
{
	uint32_t frame = w->free_frame[--w->free_count];

	for (unsigned int i = 0; i < WORDS; i++) {
		uint64_t value = frame_get(w, frame_pa(frame) + i * 8);

		if (value != POISON)
			threads_found(w, "a frame was written to after the CMD_SYNC", 0, frame_pa(frame) + i * 8,
				      POISON, value);
		frame_put(w, frame_pa(frame) + i * 8, i ? 0 : page);
	}
	return frame;
}

static void write_page(struct world *w, struct space *s, uint32_t page, uint32_t frame)
{
	uint64_t slot = synth_pt_slot(&s->pt, IOVA + page * 4096, 3, true);

	synth_store(&w->alloc, slot, frame == NOTHING ? 0 : synth_pt_leaf_desc(&s->pt, frame_pa(frame), 3, SYNTH_NG));
}

static bool in_use(const struct world *w, uint32_t space)
{
	for (uint32_t i = 0; i < STREAMS; i++) {
		if (w->stream[i].space == space)
			return true;
	}
	return false;
}

static void flush_atcs(struct world *w, uint64_t iova, unsigned int size)
{
	struct synth_cmd cmds[STREAMS];
	uint32_t n = 0;

	for (uint32_t i = 0; i < STREAMS; i++) {
		if (w->stream[i].ats)
			cmds[n++] = synth_cmd_atc_inv(w->stream[i].sid, false, 0, false, iova, size);
	}
	threads_submit(w, cmds, n);
}

static void flush_page(struct world *w, const struct space *s, uint32_t page)
{
	uint64_t va = IOVA + page * 4096;
	struct synth_cmd cmd;

	switch (threads_below(&w->random, 6)) {
	case 0:
		cmd = synth_cmd_tlbi_nh_va_range(s->asid, va, true, (struct synth_range){.ttl = 3, .tg = 1});
		break;
	case 1:
		cmd = synth_cmd_tlbi_nh_vaa(va, true);
		break;
	case 2:
		cmd = synth_cmd_tlbi_nh_asid(s->asid);
		break;
	case 3:
		cmd = synth_cmd_tlbi_nh_all();
		break;
	default:
		cmd = synth_cmd_tlbi_nh_va(s->asid, va, true);
	}
	threads_submit(w, &cmd, 1);
	flush_atcs(w, va, threads_below(&w->random, 2) ? 0 : VIQ_SMMUV3_ATC_SIZE_ALL);
}

/* To another frame in one step, or by way of no mapping; or to no mapping. */
static void move_page(struct world *w)
{
	struct space *s = &w->space[threads_below(&w->random, SPACES)];
	uint32_t page = threads_below(&w->random, PAGES), old = s->frame[page];

	s->frame[page] = threads_below(&w->random, 4) ? take_frame(w, page) : NOTHING;
	write_page(w, s, page, s->frame[page]);
	if (old == NOTHING)
		return;
	flush_page(w, s, page);
	frame_poison(w, old);
}

/* A space without streams dies: its frames are free at once, without any TLBI. */
static void leave_space(struct world *w, uint32_t space)
{
	struct space *s;

	if (space == NOTHING || in_use(w, space))
		return;
	s = &w->space[space];
	for (uint32_t page = 0; page < PAGES; page++) {
		if (s->frame[page] == NOTHING)
			continue;
		write_page(w, s, page, NOTHING);
		frame_poison(w, s->frame[page]);
		s->frame[page] = NOTHING;
	}
	s->dirty = true;
}

static void enter_space(struct world *w, uint32_t space)
{
	struct space *s = &w->space[space];
	struct synth_cmd cmd = synth_cmd_tlbi_nh_asid(s->asid);

	for (uint32_t page = 0; page < PAGES && !in_use(w, space); page++) {
		if (s->frame[page] == NOTHING && threads_below(&w->random, 4)) {
			s->frame[page] = take_frame(w, page);
			write_page(w, s, page, s->frame[page]);
		}
	}
	if (s->dirty)
		threads_submit(w, &cmd, 1);
	s->dirty = false;
}

/* As Linux writes a CD: without V, then the rest, then V, and CFGI_CD at each step. */
static void write_cd(struct world *w, struct stream *s, uint32_t space)
{
	struct synth_cmd cmd = synth_cmd_cfgi_cd(s->sid, 0, true);
	uint64_t cd[VIQ_SMMUV3_CD_WORDS];

	synth_cdt_set(&s->cdt, 0, NULL);
	threads_submit(w, &cmd, 1);
	synth_cd(cd, &w->space[space].pt, NULL, w->space[space].asid, 48);
	synth_cdt_set(&s->cdt, 0, cd);
	threads_submit(w, &cmd, 1);
}

static void write_ste(struct world *w, struct stream *s, bool stage1)
{
	struct synth_cmd cmd = threads_below(&w->random, 3) ? synth_cmd_cfgi_ste(s->sid, true) : synth_cmd_cfgi_all();
	uint64_t ste[VIQ_SMMUV3_STE_WORDS];

	synth_ste_abort(ste);
	if (stage1)
		synth_ste_s1(ste, &s->cdt, 0, s->ats);
	/* Words other than 0 first; a torn STE is one of the two, or aborts. */
	synth_st_set(&w->st, s->sid, NULL);
	synth_st_set(&w->st, s->sid, ste);
	threads_submit(w, &cmd, 1);
}

/* Another address space for a stream, or none. */
static void switch_stream(struct world *w)
{
	struct stream *s = &w->stream[threads_below(&w->random, STREAMS)];
	uint32_t old = s->space, to = threads_below(&w->random, 4) ? threads_below(&w->random, SPACES) : NOTHING;

	if (to == old)
		return;
	if (to == NOTHING) {
		write_ste(w, s, false);
	} else {
		enter_space(w, to);
		write_cd(w, s, to);
		if (old == NOTHING)
			write_ste(w, s, true);
	}
	flush_atcs(w, 0, VIQ_SMMUV3_ATC_SIZE_ALL);
	s->space = to;
	leave_space(w, old);
}

/* However the threads are scheduled: nobody gets far ahead. */
static void keep_pace(struct world *w, uint32_t steps)
{
	for (uint32_t i = 0; i < THREADS; i++) {
		while (__atomic_load_n(&w->accesses[i], __ATOMIC_RELAXED) < steps * UINT64_C(16) &&
		       !__atomic_load_n(&w->failed, __ATOMIC_RELAXED))
			sched_yield();
	}
}

static void step(struct world *w)
{
	if ((w->options.failures || w->options.drop) && !threads_below(&w->random, 6))
		threads_inject(w);
	if (threads_below(&w->random, 3))
		move_page(w);
	else
		switch_stream(w);
}

/* True: a finding. */
static bool run(struct p1_options options)
{
	struct world *w = calloc(1, sizeof(*w));
	struct device devices[THREADS];
	uint64_t accesses = 0;
	bool failed;

	assert_non_null(w);
	options.seed = p1_seed();
	options.steps = p1_steps(options.steps);
	threads_init(w, &options);
	for (uint32_t i = 0; i < THREADS; i++) {
		devices[i] = (struct device){.w = w, .number = i};
		assert_int_equal(pthread_create(&devices[i].thread, NULL, device_main, &devices[i]), 0);
	}
	for (uint32_t n = 0; n < options.steps && !__atomic_load_n(&w->failed, __ATOMIC_RELAXED); n++) {
		__atomic_store_n(&w->step, n, __ATOMIC_RELAXED);
		step(w);
		keep_pace(w, n);
	}
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(devices[i].thread, NULL);
		accesses += w->accesses[i];
		assert_true(w->accesses[i]);
	}
	failed = w->failed;
	print_message("seed %llu: %llu CMD_SYNCs, %llu errors, %llu accesses\n", (unsigned long long)options.seed,
		      (unsigned long long)w->syncs, (unsigned long long)w->errors, (unsigned long long)accesses);
	threads_fini(w);
	free(w);
	return failed;
}

static void no_access_outlives_the_sync(void **state)
{
	assert_false(run((struct p1_options){.hosts = 1, .steps = 400}));
}

static void nor_when_hosts_fail_and_the_queue_migrates(void **state)
{
	assert_false(run((struct p1_options){.hosts = 1, .steps = 400, .failures = true}));
}

static void nor_in_either_of_two_hosts(void **state)
{
	assert_false(run((struct p1_options){.hosts = 2, .steps = 400, .failures = true}));
}

static void a_dropped_invalidation_is_found(void **state)
{
	print_message("(the finding that follows is expected)\n");
	assert_true(run((struct p1_options){.hosts = 1, .steps = 20000, .drop = true}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_access_outlives_the_sync),
		cmocka_unit_test(nor_when_hosts_fail_and_the_queue_migrates),
		cmocka_unit_test(nor_in_either_of_two_hosts),
		cmocka_unit_test(a_dropped_invalidation_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
