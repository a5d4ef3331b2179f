/* SPDX-License-Identifier: MIT */
/*
 * Access sections and who waits for them (src/host/soft/thread.h): a section that has begun is waited for, whether it
 * is shown or hidden; and liburcu, which takes system calls, is asked only where a section may be hidden, or goes on.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "host/soft/thread.h"
#include "support/test.h"

#include <viq/soft.h>

#define MANY 1000u /* sections after which a thread hides the next ones, and more */

void __real_urcu_memb_synchronize_rcu(void);
void __wrap_urcu_memb_synchronize_rcu(void);

static _Atomic unsigned int waits; /* by way of liburcu */

void __wrap_urcu_memb_synchronize_rcu(void)
{
	atomic_fetch_add(&waits, 1);
	__real_urcu_memb_synchronize_rcu();
}

/* A device's thread: it does as it is told. */
struct device {
	pthread_t thread;
	sem_t asked, done;
	enum {
		PASS, /* so many sections */
		ENTER,
		LEAVE,
		QUIT,
	} what;
	unsigned int count;
};

static void *device_main(void *opaque)
{
	struct device *d = opaque;

	assert_int_equal(viq_soft_thread_register(), 0);
	do {
		sem_post(&d->done);
		sem_wait(&d->asked);
		for (unsigned int i = 0; d->what == PASS && i < d->count; i++) {
			viq_soft_access_begin();
			viq_soft_access_end();
		}
		if (d->what == ENTER)
			viq_soft_access_begin();
		if (d->what == LEAVE)
			viq_soft_access_end();
	} while (d->what != QUIT);
	assert_int_equal(viq_soft_thread_unregister(), 0);
	return NULL;
}

static void ask(struct device *d, int what, unsigned int count)
{
	d->what = what;
	d->count = count;
	sem_post(&d->asked);
	if (what == QUIT)
		pthread_join(d->thread, NULL);
	else
		sem_wait(&d->done);
}

static void start(struct device *d)
{
	sem_init(&d->asked, 0, 0);
	sem_init(&d->done, 0, 0);
	assert_int_equal(pthread_create(&d->thread, NULL, device_main, d), 0);
	sem_wait(&d->done);
}

/* How often a grace period asks liburcu. */
static unsigned int period(void)
{
	unsigned int before = atomic_load(&waits);

	soft_grace_period();
	return atomic_load(&waits) - before;
}

static void threads_that_are_in_no_section_cost_no_system_call(void **state)
{
	struct device d[2];

	assert_int_equal(period(), 0);
	for (unsigned int i = 0; i < 2; i++)
		start(&d[i]);
	assert_int_equal(period(), 0);
	for (unsigned int i = 0; i < 2; i++)
		ask(&d[i], PASS, 3);
	assert_int_equal(period(), 0);
	for (unsigned int i = 0; i < 2; i++)
		ask(&d[i], QUIT, 0);
}

static void a_thread_that_hides_its_sections_is_made_to_show_them(void **state)
{
	struct device d[2];

	for (unsigned int i = 0; i < 2; i++)
		start(&d[i]);
	for (unsigned int round = 0; round < 3; round++) {
		ask(&d[0], PASS, MANY);
		assert_int_equal(period(), 1);
		assert_int_equal(period(), 0);
		ask(&d[0], PASS, 3);
		assert_int_equal(period(), 0);
	}
	ask(&d[0], PASS, MANY);
	ask(&d[1], PASS, MANY);
	assert_int_equal(period(), 1);
	assert_int_equal(period(), 0);
	/* One that hides leaves, and another comes in its place. */
	ask(&d[0], PASS, MANY);
	ask(&d[0], QUIT, 0);
	assert_int_equal(period(), 0);
	start(&d[0]);
	assert_int_equal(period(), 0);
	for (unsigned int i = 0; i < 2; i++)
		ask(&d[i], QUIT, 0);
}

static void the_thread_that_waits_does_not_wait_for_itself(void **state)
{
	struct device d;

	assert_int_equal(viq_soft_thread_register(), 0);
	for (unsigned int i = 0; i < MANY; i++) {
		viq_soft_access_begin();
		viq_soft_access_end();
	}
	assert_int_equal(period(), 0);
	/* It hides; another one that does is found all the same. */
	start(&d);
	ask(&d, PASS, MANY);
	assert_int_equal(period(), 1);
	assert_int_equal(period(), 0);
	ask(&d, QUIT, 0);
	assert_int_equal(viq_soft_thread_unregister(), 0);
	assert_int_equal(period(), 0);
}

struct waiter {
	pthread_t thread;
	_Atomic bool over;
};

static void *waiter_main(void *opaque)
{
	struct waiter *w = opaque;

	soft_grace_period();
	atomic_store(&w->over, true);
	return NULL;
}

static void assert_waits(struct device *d, unsigned int before)
{
	struct waiter w = {.over = false};

	ask(d, PASS, before);
	ask(d, ENTER, 0);
	assert_int_equal(pthread_create(&w.thread, NULL, waiter_main, &w), 0);
	/* Two threads of which one runs: long enough for the other to go wrong. */
	for (unsigned int i = 0; i < 50; i++) {
		sched_yield();
		assert_false(atomic_load(&w.over));
	}
	ask(d, LEAVE, 0);
	pthread_join(w.thread, NULL);
	assert_true(atomic_load(&w.over));
}

static void a_section_is_waited_for(void **state)
{
	struct device d;

	start(&d);
	for (unsigned int round = 0; round < 3; round++) {
		assert_waits(&d, 0);    /* shown, or hidden since the last round */
		assert_waits(&d, MANY); /* hidden */
		assert_waits(&d, 3);    /* shown again */
	}
	ask(&d, QUIT, 0);
}

/*
 * Two threads that store and then look at each other's word, one of them inside a section: not both may miss the
 * other's store (the guarantee of thread.h). Where a section is hidden, where it is shown and where that changes.
 */
struct litmus {
	_Atomic unsigned int table, used; /* what is invalidated; what the section has read of it */
	_Atomic bool stop;
	_Atomic unsigned int sections;
};

static void *access_for_ever(void *opaque)
{
	struct litmus *l = opaque;
	unsigned int read;

	viq_soft_thread_register();
	while (!atomic_load_explicit(&l->stop, memory_order_relaxed)) {
		viq_soft_access_begin();
		read = atomic_load_explicit(&l->table, memory_order_relaxed);
		/* Long enough for who does not wait to be found out. */
		for (volatile unsigned int i = 0; i < 50; i++)
			;
		atomic_store_explicit(&l->used, read, memory_order_relaxed);
		viq_soft_access_end();
		atomic_fetch_add_explicit(&l->sections, 1, memory_order_relaxed);
	}
	viq_soft_thread_unregister();
	return NULL;
}

static void nothing_old_is_used_after_a_wait(void **state)
{
	struct litmus l = {.table = 0};
	unsigned int periods = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, access_for_ever, &l), 0);
	while (periods < 8192 || atomic_load(&l.sections) < 8192) {
		unsigned int now = ++periods, used;

		atomic_store_explicit(&l.table, now, memory_order_relaxed);
		soft_grace_period();
		/* The section that was running has stored what it read; those that follow read this, or a later one. */
		atomic_store_explicit(&l.used, now, memory_order_relaxed);
		for (unsigned int i = 0; i < 100 + periods % 64; i++) {
			used = atomic_load_explicit(&l.used, memory_order_relaxed);
			assert_int_equal(used, now);
		}
		if (periods % 512 == 0) {
			unsigned int begun = atomic_load(&l.sections);

			while (atomic_load(&l.sections) - begun < MANY)
				sched_yield();
		}
	}
	atomic_store(&l.stop, true);
	pthread_join(thread, NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(threads_that_are_in_no_section_cost_no_system_call),
	cmocka_unit_test(a_thread_that_hides_its_sections_is_made_to_show_them),
	cmocka_unit_test(the_thread_that_waits_does_not_wait_for_itself),
	cmocka_unit_test(a_section_is_waited_for),
	cmocka_unit_test(nothing_old_is_used_after_a_wait),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
