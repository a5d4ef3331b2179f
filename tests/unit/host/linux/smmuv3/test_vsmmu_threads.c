/* SPDX-License-Identifier: MIT */
/*
 * The host of a nested SMMUv3 is used by other threads while its owner plugs, unplugs, renumbers and reconfigures
 * devices. Run with ThreadSanitizer too.
 */
#include <endian.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "support/linux_nest.h"

#define THREADS 3
#define SIDS    8
#define ROUNDS  300  /* at least */
#define CALLS   3000 /* of the others, at least */

struct other {
	struct viq_call_host host;
	struct viq_linux_vsmmu *vs; /* for its counters only */
	pthread_t thread;
	unsigned int number;
	atomic_bool *stop;
	atomic_uint *calls; /* of all */
	uint64_t gone, wrong, known;
};

/* [TLBI, CFGI_CD, TLBI] of a stream that is there when it is asked for. It may be gone when it is made. */
static void invalidate(struct other *o, uint32_t sid)
{
	const struct test_cmd cmds[] = {cmd_nh_asid(o->number), cmd_cfgi_cd(sid, 0), cmd_nh_va(o->number, 0x1000)};
	struct viq_call_result res = {.size = sizeof(res)};
	uint64_t entries[3][2];
	struct viq_call_piece piece = {entries, 3};
	const struct viq_call_request req = {
		.size = sizeof(req),
		.object = o->host.object,
		.type = VIQ_CALL_SMMUV3,
		.entry_size = 16,
		.pieces = &piece,
		.piece_count = 1,
	};

	for (int i = 0; i < 3; i++) {
		entries[i][0] = htole64(cmds[i].dw[0]);
		entries[i][1] = htole64(cmds[i].dw[1]);
	}
	if (!(viq_call_stream(&o->host, sid) & VIQ_CALL_STREAM_KNOWN)) {
		/* Without it nothing can go wrong. */
		entries[1][0] = entries[2][0];
		entries[1][1] = entries[2][1];
		piece.count = 2;
	} else {
		o->known++;
	}
	atomic_fetch_add(o->calls, 1);
	if (viq_call_invalidate(&o->host, &req, &res))
		o->wrong++;
	else if (res.error == VIQ_CALL_GONE && piece.count == 3 && res.handled == 1 && res.suspect == 1)
		o->gone++;
	else
		o->wrong += res.error != VIQ_CALL_NONE || res.handled != piece.count;
}

static void *run(void *arg)
{
	struct viq_linux_counters c;
	struct other *o = arg;

	for (uint32_t i = o->number; !atomic_load(o->stop); i++) {
		invalidate(o, 1 + i % SIDS);
		viq_linux_vsmmu_counters(o->vs, &c, sizeof(c));
	}
	return NULL;
}

/* The owner: whatever a guest and a VMM can do to the list of devices. */
static void change_something(struct nest *n, uint64_t *seed)
{
	uint32_t sid = 1 + test_below(seed, SIDS), to = 1 + test_below(seed, SIDS);
	const struct viq_linux_move moves[] = {{sid, to}, {to, sid}};

	switch (test_below(seed, 6)) {
	case 0:
	case 1:
		nest_try_add(n, test_below(seed, n->devices), sid, true);
		break;
	case 2:
		(void)!viq_linux_vsmmu_remove(n->vs, sid); /* -ENOENT, mostly */
		break;
	case 3:
		nest_move(n, moves, 1);
		break;
	case 4:
		nest_move(n, moves, sid == to ? 1 : 2);
		break;
	case 5:
		nest_ste(n, sid, test_below(seed, 2) ? NEST_S1_0(sid) : NEST_V_BYPASS, NEST_S1_1 | NEST_EATS);
		nest_cfgi_ste(n, sid);
		break;
	}
}

/* first: also of the first device, with which everything that streams share is made. */
static void hot_plug(bool first)
{
	struct nest *n = nest_kernel(FK_DEVICES);
	struct other others[THREADS];
	uint64_t seed = test_seed(), known = 0;
	atomic_bool stop = false;
	atomic_uint calls = 0;

	if (first)
		n->config.device = 0;
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	nest_boot(n, true);
	if (!first)
		nest_add(n, 0, 1);
	for (unsigned int i = 0; i < THREADS; i++) {
		others[i] = (struct other){
			.host = viq_linux_vsmmu_host(n->vs), .vs = n->vs, .number = i, .stop = &stop, .calls = &calls};
		assert_int_equal(pthread_create(&others[i].thread, NULL, run, &others[i]), 0);
	}
	for (unsigned int i = 0; i < ROUNDS || atomic_load(&calls) < CALLS; i++) {
		change_something(n, &seed);
		sched_yield();
	}
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(others[i].thread, NULL), 0);
		assert_int_equal(others[i].wrong, 0);
		known += others[i].known;
	}
	assert_true(known > 0);
	nest_free(n);
}

static void hot_plug_beside_invalidations(void **state)
{
	hot_plug(false);
}

static void hot_plug_of_the_first_device_beside_invalidations(void **state)
{
	hot_plug(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hot_plug_beside_invalidations),
		cmocka_unit_test(hot_plug_of_the_first_device_beside_invalidations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
