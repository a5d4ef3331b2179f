/* SPDX-License-Identifier: MIT */
/* Threads and grace periods: see thread.h. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/guard.h"
/* For liburcu's record of this thread. */
#define _LGPL_SOURCE
#include <urcu/urcu-memb.h>

#include <viq/soft.h>

#include "thread.h"

/* Looks at a section before a system call takes over: about as long as that. Most sections are over sooner. */
#ifndef LOOKS
#define LOOKS 64u
#endif

_Thread_local struct soft_thread soft_thread;
_Atomic uint32_t soft_hiding;

__attribute__((noinline)) struct soft_thread *soft_self(void)
{
	return &soft_thread;
}

#if defined(__SANITIZE_THREAD__)
char soft_section_ended, soft_period_began;
_Atomic uint32_t soft_fence_word;
#endif

/* Grows at its head only. */
static _Atomic(struct soft_reader *) readers;
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER; /* soft_reader.used, and who puts one in */

int soft_say(struct viq_why *why, int err, const char *otherwise)
{
	return why_say(why, err, "%s",
		       err == -ENOMEM    ? "no memory, or no id left"
		       : err == -EDEADLK ? "called inside an access"
					 : otherwise);
}

static struct soft_reader *take_reader(void)
{
	struct soft_reader *first, *reader;

	pthread_mutex_lock(&registry);
	first = reader = atomic_load_explicit(&readers, memory_order_relaxed);
	while (reader && reader->used)
		reader = reader->next;
	if (!reader) {
		reader = aligned_alloc(_Alignof(struct soft_reader), sizeof(*reader));
		if (reader) {
			memset(reader, 0, sizeof(*reader));
			reader->next = first;
			/* Paired with the acquire of those that go through the list. */
			atomic_store_explicit(&readers, reader, memory_order_release);
		}
	}
	if (reader)
		reader->used = true;
	pthread_mutex_unlock(&registry);
	return reader;
}

/* It shows its sections from now on, if its mode was this one. */
static void make_show(struct soft_reader *reader, uint64_t mode)
{
	/* Release, both: who sees a reader show its sections, or the count without it, sees those that it hid. */
	if (atomic_compare_exchange_strong_explicit(&reader->mode, &mode, SOFT_SHOWS, memory_order_acq_rel,
						    memory_order_relaxed))
		atomic_fetch_sub_explicit(&soft_hiding, 1, memory_order_acq_rel);
}

static void give_reader(struct soft_reader *reader)
{
	/* A wait that has put its ticket there takes it away itself, whoever is the next. */
	make_show(reader, SOFT_HIDES);
	pthread_mutex_lock(&registry);
	reader->used = false;
	pthread_mutex_unlock(&registry);
}

int viq_soft_thread_register(void)
{
	static _Atomic uint32_t count; /* ever */
	struct soft_thread *t = soft_self();

	if (t->registered == UINT32_MAX)
		return -EINVAL;
	if (!t->registered) {
		t->reader = take_reader();
		if (!t->reader)
			return -ENOMEM;
		urcu_memb_register_thread();
		t->urcu = &URCU_TLS(urcu_memb_reader);
		t->number = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
	}
	t->registered++;
	return 0;
}

int viq_soft_thread_unregister(void)
{
	struct soft_thread *t = soft_self();

	if (!t->registered)
		return -EINVAL;
	/* Nobody would wait for the access any more. */
	if (t->registered == 1 && t->depth)
		return -EBUSY;
	if (--t->registered)
		return 0;
	urcu_memb_unregister_thread();
	give_reader(t->reader);
	t->reader = NULL;
	return 0;
}

/* A section that is shown and goes on for long. */
static bool stays_inside(const struct soft_reader *reader)
{
	uint64_t section = atomic_load_explicit(&reader->section, memory_order_acquire);

	if (!(section & 1))
		return false;
	for (unsigned int i = 0; i < LOOKS; i++) {
		caa_cpu_relax();
		if (atomic_load_explicit(&reader->section, memory_order_acquire) != section)
			return false;
	}
	return true;
}

/* No thread but this one, which is in no section, can be inside one that does not see what was stored before. */
static bool nobody_inside(void)
{
	const struct soft_reader *own = soft_self()->reader;
	uint32_t hiding;

	soft_fence(); /* paired with show() */
	/* In this order: one whose mode is found changed is not counted any more, or too much is counted. */
	hiding = atomic_load_explicit(&soft_hiding, memory_order_acquire);
	if (own && atomic_load_explicit(&own->mode, memory_order_acquire) != SOFT_SHOWS)
		hiding--;
	if (hiding)
		return false;
	for (struct soft_reader *r = atomic_load_explicit(&readers, memory_order_acquire); r; r = r->next) {
		if (r != own && stays_inside(r))
			return false;
	}
	return true;
}

/*
 * By way of liburcu. Readers that hide are given a ticket before: each of their sections that is not waited for sees it
 * and shows itself. So afterwards their sections are shown, or have ended.
 */
static void wait_for_all(void)
{
	static _Atomic uint64_t last = SOFT_TICKETS;
	uint64_t ticket = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed);
	const struct soft_reader *own = soft_self()->reader;
	struct soft_reader *r, *first = atomic_load_explicit(&readers, memory_order_acquire);

	for (r = first; r; r = r->next) {
		uint64_t mode = SOFT_HIDES;

		if (r != own)
			atomic_compare_exchange_strong_explicit(&r->mode, &mode, ticket, memory_order_acq_rel,
								memory_order_relaxed);
	}
	SOFT_TSAN_RELEASE(&soft_period_began);
	urcu_memb_synchronize_rcu();
	SOFT_TSAN_ACQUIRE(&soft_section_ended);
	for (r = first; r; r = r->next)
		make_show(r, ticket);
}

void soft_grace_period(void)
{
	if (!nobody_inside())
		wait_for_all();
}

bool soft_in_section(void)
{
	struct soft_thread *t = soft_self();

	if (!t->urcu)
		t->urcu = &URCU_TLS(urcu_memb_reader);
	return t->depth || t->urcu->ctr & URCU_GP_CTR_NEST_MASK;
}
