/* SPDX-License-Identifier: MIT */
/* Hosts that join and leave a fan-out while it lives, and while other threads call. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>

#include <viq/call.h>

#include "support/test.h"
#include "fixture.h"

static struct viq_call_fanout *make(const struct viq_call_host *hosts, uint32_t count)
{
	struct viq_call_fanout *fanout;

	assert_int_equal(viq_call_fanout_create(hosts, count, &fanout, NULL), 0);
	return fanout;
}

static struct viq_call_result send(struct viq_call_fanout *fanout, uint32_t count)
{
	static const uint64_t cmds[2 * 8];
	struct viq_call_piece piece = {cmds, count};
	struct viq_call_host host = viq_call_fanout_host(fanout);

	return call_host(&host, &piece, 1);
}

static void without_hosts_everything_is_handled(void **state)
{
	struct viq_call_fanout *fanout = make(NULL, 0);
	struct viq_call_host host = viq_call_fanout_host(fanout);

	for (uint32_t count = 0; count <= 8; count += 8) {
		struct viq_call_result res = send(fanout, count);

		assert_int_equal(res.error, VIQ_CALL_NONE);
		assert_int_equal(res.handled, count);
	}
	assert_int_equal(viq_call_stream(&host, 0), 0);
	viq_call_fanout_destroy(fanout);
}

static void a_host_gets_what_comes_while_it_is_there(void **state)
{
	static const uint32_t streams[] = {0, VIQ_CALL_STREAM_KNOWN};
	struct viq_call_fanout *fanout = make(NULL, 0);
	struct viq_call_host outer = viq_call_fanout_host(fanout), hosts[2];
	struct fake_host fakes[2];

	for (int i = 0; i < 2; i++) {
		fake_host_init(&fakes[i], FAKE_EXACT, 8);
		fakes[i].streams = streams;
		fakes[i].stream_count = 2;
		hosts[i] = fake_host(&fakes[i]);
	}
	for (int round = 0; round < 3 * VIQ_CALL_MAX_HOSTS; round++) {
		uint32_t before = fakes[0].calls;

		assert_int_equal(viq_call_fanout_add(fanout, &hosts[0], NULL), 0);
		assert_int_equal(viq_call_stream(&outer, 1), VIQ_CALL_STREAM_KNOWN);
		send(fanout, 8);
		assert_int_equal(fakes[0].calls, before + 1);
		assert_int_equal(viq_call_fanout_add(fanout, &hosts[1], NULL), 0);
		assert_int_equal(viq_call_fanout_remove(fanout, &hosts[0]), 0);
		send(fanout, 8);
		assert_int_equal(fakes[0].calls, before + 1);
		assert_int_equal(fakes[1].calls, before + 1);
		assert_int_equal(viq_call_fanout_remove(fanout, &hosts[1]), 0);
		assert_int_equal(viq_call_stream(&outer, 1), 0);
	}
	viq_call_fanout_destroy(fanout);
	fake_host_fini(&fakes[0]);
	fake_host_fini(&fakes[1]);
}

static void misuse_is_refused(void **state)
{
	struct viq_call_fanout *fanout = make(NULL, 0), *other = make(NULL, 0);
	struct viq_call_host host = viq_call_null_host(), bad = {0};
	struct viq_call_host self = viq_call_fanout_host(fanout), fan = viq_call_fanout_host(other);

	assert_int_equal(viq_call_fanout_add(NULL, &host, NULL), -EINVAL);
	assert_int_equal(viq_call_fanout_add(fanout, NULL, NULL), -EINVAL);
	assert_int_equal(viq_call_fanout_add(fanout, &bad, NULL), -EINVAL);
	assert_int_equal(viq_call_fanout_remove(NULL, &host), -EINVAL);
	assert_int_equal(viq_call_fanout_remove(fanout, NULL), -EINVAL);
	assert_int_equal(viq_call_fanout_remove(fanout, &bad), -EINVAL);
	assert_int_equal(viq_call_fanout_add(fanout, &self, NULL), -ELOOP);
	assert_int_equal(viq_call_fanout_add(fanout, &fan, NULL), -ELOOP);
	assert_int_equal(viq_call_fanout_remove(fanout, &host), -ENOENT);
	/* The same ops and another object are another host. */
	for (host.object = 0; host.object < VIQ_CALL_MAX_HOSTS; host.object++) {
		assert_int_equal(viq_call_fanout_add(fanout, &host, NULL), 0);
		assert_int_equal(viq_call_fanout_add(fanout, &host, NULL), -EEXIST);
	}
	assert_int_equal(viq_call_fanout_add(fanout, &host, NULL), -ENOSPC);
	assert_int_equal(viq_call_fanout_remove(fanout, &host), -ENOENT);
	host.object = 3;
	assert_int_equal(viq_call_fanout_remove(fanout, &host), 0);
	assert_int_equal(viq_call_fanout_remove(fanout, &host), -ENOENT);
	assert_int_equal(viq_call_fanout_add(fanout, &host, NULL), 0);
	viq_call_fanout_destroy(other);
	viq_call_fanout_destroy(fanout);
}

/* --- A host whose calls wait until they are let go ---------------------------------------------------------------- */

struct gate {
	struct viq_call_fanout *fanout; /* what on_call works on */
	void (*on_call)(struct gate *gate);
	struct viq_call_host self;
	sem_t entered, go;
	uint32_t calls;
	int ret;
};

static int gate_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct gate *gate = opaque;

	__atomic_add_fetch(&gate->calls, 1, __ATOMIC_RELAXED);
	if (gate->on_call) {
		gate->on_call(gate);
	} else {
		sem_post(&gate->entered);
		sem_wait(&gate->go);
	}
	res->handled = res->suspect = req->piece_count ? req->pieces[0].count : 0;
	return 0;
}

static const struct viq_call_host_ops gate_ops = {
	.size = sizeof(gate_ops), .report_group = 1, .invalidate = gate_invalidate};

static void gate_init(struct gate *gate)
{
	*gate = (struct gate){.self = {.ops = &gate_ops, .opaque = gate}};
	sem_init(&gate->entered, 0, 0);
	sem_init(&gate->go, 0, 0);
}

static void *call_thread(void *opaque)
{
	assert_int_equal(send(opaque, 8).handled, 8);
	return NULL;
}

struct removal {
	struct viq_call_fanout *fanout;
	struct viq_call_host host;
	int ret, done;
};

static void *remove_thread(void *opaque)
{
	struct removal *r = opaque;

	r->ret = viq_call_fanout_remove(r->fanout, &r->host);
	__atomic_store_n(&r->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Until the removal is under way: the host knows every stream, and is the only one. */
static void wait_leaving(struct viq_call_fanout *fanout)
{
	struct viq_call_host outer = viq_call_fanout_host(fanout);

	while (viq_call_stream(&outer, 0))
		sched_yield();
}

static void removing_waits_for_calls_in_that_host(void **state)
{
	struct gate gate;
	struct removal r;
	pthread_t caller, remover;

	gate_init(&gate);
	r = (struct removal){.fanout = make(&gate.self, 1), .host = gate.self};
	assert_int_equal(pthread_create(&caller, NULL, call_thread, r.fanout), 0);
	sem_wait(&gate.entered);
	assert_int_equal(pthread_create(&remover, NULL, remove_thread, &r), 0);
	wait_leaving(r.fanout);
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	assert_false(__atomic_load_n(&r.done, __ATOMIC_ACQUIRE));
	/* It takes part in nothing more, and cannot come back or be removed twice meanwhile. */
	send(r.fanout, 8);
	assert_int_equal(gate.calls, 1);
	assert_int_equal(viq_call_fanout_add(r.fanout, &gate.self, NULL), -EEXIST);
	assert_int_equal(viq_call_fanout_remove(r.fanout, &gate.self), -ENOENT);
	sem_post(&gate.go);
	pthread_join(remover, NULL);
	pthread_join(caller, NULL);
	assert_int_equal(r.ret, 0);
	viq_call_fanout_destroy(r.fanout);
}

/* A host that hangs keeps nobody else from joining and leaving, whether its turn comes before or behind them. */
static void a_call_in_one_host_holds_up_no_other(void **state)
{
	struct viq_call_host before = viq_call_null_host(), hosts[3];
	struct viq_call_fanout *fanout;
	struct gate gate, joined;
	pthread_t caller;

	gate_init(&gate);
	gate_init(&joined);
	sem_post(&joined.go);
	hosts[0] = before;
	hosts[1] = gate.self;
	hosts[2] = before;
	hosts[2].object = 2;
	fanout = make(hosts, 3);
	assert_int_equal(pthread_create(&caller, NULL, call_thread, fanout), 0);
	sem_wait(&gate.entered);
	assert_int_equal(viq_call_fanout_remove(fanout, &hosts[0]), 0);
	assert_int_equal(viq_call_fanout_remove(fanout, &hosts[2]), 0);
	assert_int_equal(viq_call_fanout_add(fanout, &joined.self, NULL), 0);
	sem_post(&gate.go);
	pthread_join(caller, NULL);
	/* Calls that begin now reach it. */
	sem_post(&gate.go);
	sem_post(&joined.go);
	joined.calls = 0;
	send(fanout, 8);
	assert_int_equal(joined.calls, 1);
	viq_call_fanout_destroy(fanout);
}

static void remove_itself(struct gate *gate)
{
	gate->ret = viq_call_fanout_remove(gate->fanout, &gate->self);
}

static void add_another(struct gate *gate)
{
	struct viq_call_host host = viq_call_null_host();

	gate->ret = viq_call_fanout_add(gate->fanout, &host, NULL);
}

/* P10: what a host's function must not do is refused, and what it may do works. */
static void from_within_a_host(void **state)
{
	struct gate gate;

	gate_init(&gate);
	gate.fanout = make(&gate.self, 1);
	gate.on_call = remove_itself;
	send(gate.fanout, 8);
	assert_int_equal(gate.ret, -EDEADLK);
	gate.on_call = add_another;
	send(gate.fanout, 8);
	assert_int_equal(gate.ret, 0);
	/* Outside of it nothing of that is remembered. */
	assert_int_equal(viq_call_fanout_remove(gate.fanout, &gate.self), 0);
	viq_call_fanout_destroy(gate.fanout);
}

/* --- P1 while hosts come and go ----------------------------------------------------------------------------------- */

/* A device with a cache of one entry: what the guest's table said when it was filled, 0: empty. */
struct device {
	pthread_mutex_t lock;
	uint64_t cached;
	struct viq_call_fanout *fanout;
};

static uint64_t table = 1; /* the guest's, which only grows */
static sem_t joined;       /* devices have joined, and made an access */
static int stop;

static int device_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct device *d = opaque;

	pthread_mutex_lock(&d->lock);
	d->cached = 0;
	pthread_mutex_unlock(&d->lock);
	res->handled = res->suspect = req->pieces[0].count;
	return 0;
}

static const struct viq_call_host_ops device_ops = {
	.size = sizeof(device_ops), .report_group = 1, .invalidate = device_invalidate};

/* A host that is always there, and takes its time: until a device has joined. */
static int slow_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	while (!sem_trywait(&joined))
		;
	sem_wait(&joined);
	res->handled = res->suspect = req->pieces[0].count;
	return 0;
}

static const struct viq_call_host_ops slow_ops = {
	.size = sizeof(slow_ops), .report_group = 1, .invalidate = slow_invalidate};

static void device_access(struct device *d)
{
	pthread_mutex_lock(&d->lock);
	if (!d->cached)
		d->cached = __atomic_load_n(&table, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&d->lock);
}

static void *device_thread(void *opaque)
{
	struct device *d = opaque;
	const struct viq_call_host host = {.ops = &device_ops, .opaque = d};

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		assert_int_equal(viq_call_fanout_add(d->fanout, &host, NULL), 0);
		device_access(d);
		sem_post(&joined);
		for (int i = 0; i < 20; i++) {
			device_access(d);
			sched_yield();
		}
		pthread_mutex_lock(&d->lock);
		d->cached = 0;
		pthread_mutex_unlock(&d->lock);
		assert_int_equal(viq_call_fanout_remove(d->fanout, &host), 0);
		/* Nobody writes it any more. */
		assert_int_equal(d->cached, 0);
	}
	return NULL;
}

#define DEVICES 3
#define ROUNDS  200

static void p1_nothing_stale_while_hosts_come_and_go(void **state)
{
	struct viq_call_host hosts[DEVICES + 1];
	struct viq_call_fanout *fanout;
	struct device devices[DEVICES];
	pthread_t threads[DEVICES];
	uint64_t checked = 0;

	/* The slow host is the last: a device that joins while that is called has missed the call. */
	for (uint32_t i = 0; i < DEVICES; i++) {
		hosts[i] = viq_call_null_host();
		hosts[i].object = i;
	}
	hosts[DEVICES] = (struct viq_call_host){.ops = &slow_ops};
	fanout = make(hosts, DEVICES + 1);
	for (int i = 0; i < DEVICES; i++)
		assert_int_equal(viq_call_fanout_remove(fanout, &hosts[i]), 0);
	sem_init(&joined, 0, 0);
	for (int i = 0; i < DEVICES; i++) {
		devices[i] = (struct device){.fanout = fanout};
		pthread_mutex_init(&devices[i].lock, NULL);
		assert_int_equal(pthread_create(&threads[i], NULL, device_thread, &devices[i]), 0);
	}
	/* In each round a device joins while the call is in flight. */
	for (int round = 0; round < ROUNDS || checked < ROUNDS; round++) {
		uint64_t now = __atomic_add_fetch(&table, 1, __ATOMIC_RELAXED);

		send(fanout, 8);
		for (int i = 0; i < DEVICES; i++) {
			pthread_mutex_lock(&devices[i].lock);
			assert_true(!devices[i].cached || devices[i].cached >= now);
			checked += devices[i].cached != 0;
			pthread_mutex_unlock(&devices[i].lock);
		}
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < DEVICES; i++)
		pthread_join(threads[i], NULL);
	viq_call_fanout_destroy(fanout);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p1_nothing_stale_while_hosts_come_and_go),
		cmocka_unit_test(a_call_in_one_host_holds_up_no_other),
		cmocka_unit_test(a_host_gets_what_comes_while_it_is_there),
		cmocka_unit_test(from_within_a_host),
		cmocka_unit_test(misuse_is_refused),
		cmocka_unit_test(removing_waits_for_calls_in_that_host),
		cmocka_unit_test(without_hosts_everything_is_handled),
	};

	return cmocka_run_group_tests_name("call-fanout-members", tests, NULL, NULL);
}
