/* SPDX-License-Identifier: MIT */
#include <endian.h>

#include "test.h"
#include "readers.h"

void readers_access(struct readers *r, unsigned int page, bool linger)
{
	uint64_t *word;
	int err;

	viq_soft_access_begin();
	err = r->translate(r->world, iova_of(page), &word);
	for (unsigned int i = 0; !err && i < 8; i++) {
		/* There may be one CPU only. */
		if (i == 4 && linger)
			sched_yield();
		if (le64toh(__atomic_load_n(word, __ATOMIC_RELAXED)) == POISON)
			__atomic_fetch_add(&r->poisoned, 1, __ATOMIC_RELAXED);
	}
	viq_soft_access_end();
	if (err)
		__atomic_fetch_add(&r->faulted, 1, __ATOMIC_RELAXED);
}

static void *read_for_ever(void *opaque)
{
	struct readers *r = opaque;
	uint64_t *accesses = &r->accesses[__atomic_fetch_add(&r->begun, 1, __ATOMIC_RELAXED)];

	assert_int_equal(viq_soft_thread_register(), 0);
	for (uint64_t n = 0; !__atomic_load_n(&r->stop, __ATOMIC_RELAXED);) {
		readers_access(r, n % PAGES, n % r->linger == 0);
		__atomic_store_n(accesses, ++n, __ATOMIC_RELAXED);
	}
	viq_soft_thread_unregister();
	return NULL;
}

void readers_start(struct readers *r)
{
	for (unsigned int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&r->threads[i], NULL, read_for_ever, r), 0);
}

uint64_t readers_accesses(struct readers *r)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < READERS; i++)
		sum += __atomic_load_n(&r->accesses[i], __ATOMIC_RELAXED);
	return sum;
}

void readers_await(struct readers *r)
{
	uint64_t enough = readers_accesses(r) + READERS * PAGES + 1;

	while (readers_accesses(r) < enough)
		sched_yield();
}

void readers_stop(struct readers *r, uint64_t at_least)
{
	readers_await(r);
	__atomic_store_n(&r->stop, 1, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < READERS; i++)
		pthread_join(r->threads[i], NULL);
	print_message("%llu accesses\n", (unsigned long long)readers_accesses(r));
	assert_true(readers_accesses(r) > at_least);
	assert_int_equal(r->poisoned, 0);
	assert_int_equal(r->faulted, 0);
}
