/* SPDX-License-Identifier: MIT */
/* Threads and grace periods: see thread.h. */
#include <errno.h>
#include <stdatomic.h>
/*
 * Inline read side: a handful of lines that liburcu offers for inclusion by anyone (the comments there; LGPL 2.1 5).
 * ThreadSanitizer would take its volatile accesses for races.
 */
#if !defined(__SANITIZE_THREAD__)
#define _LGPL_SOURCE
#endif
#include <urcu/urcu-memb.h>

#include <viq/soft.h>

#include "thread.h"

/*
 * ThreadSanitizer does not see into liburcu. Tell it what a grace period promises: what happened in sections that
 * ended is before its return, and what happened before its call is before sections that begin later.
 */
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
static char section_ended, period_began;
#define TSAN_ACQUIRE(tag) __tsan_acquire(tag)
#define TSAN_RELEASE(tag) __tsan_release(tag)
#else
#define TSAN_ACQUIRE(tag)
#define TSAN_RELEASE(tag)
#endif

_Thread_local struct soft_thread soft_thread;

int soft_say(struct viq_why *why, int err, const char *otherwise)
{
	return why_say(why, err, "%s",
		       err == -ENOMEM    ? "no memory, or no id left"
		       : err == -EDEADLK ? "called inside an access"
					 : otherwise);
}

static _Atomic uint32_t thread_count; /* ever */
static _Atomic uint32_t threads_now;  /* registered */

int viq_soft_thread_register(void)
{
	if (soft_thread.registered == UINT32_MAX)
		return -EINVAL;
	if (!soft_thread.registered++) {
		urcu_memb_register_thread();
		soft_thread.number = atomic_fetch_add_explicit(&thread_count, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&threads_now, 1, memory_order_acq_rel);
	}
	return 0;
}

int viq_soft_thread_unregister(void)
{
	if (!soft_thread.registered)
		return -EINVAL;
	/* Nobody would wait for the access any more. */
	if (soft_thread.registered == 1 && soft_thread.depth)
		return -EBUSY;
	if (--soft_thread.registered)
		return 0;
	atomic_fetch_sub_explicit(&threads_now, 1, memory_order_acq_rel);
	urcu_memb_unregister_thread();
	return 0;
}

/* A thread that has not registered is in no section: liburcu does not know it, and would not wait. */
void viq_soft_access_begin(void)
{
	if (!soft_thread.registered || soft_thread.depth++)
		return;
	urcu_memb_read_lock();
	TSAN_ACQUIRE(&period_began);
}

void viq_soft_access_end(void)
{
	if (!soft_thread.depth || --soft_thread.depth)
		return;
	TSAN_RELEASE(&section_ended);
	urcu_memb_read_unlock();
}

/*
 * No thread but this one, which is in no section. A thread that registers later does so by a read-modify-write of the
 * word that this one reads, too: it sees all that was stored before, and so do we of threads that have unregistered.
 */
static bool alone(void)
{
	uint32_t threads = atomic_fetch_add_explicit(&threads_now, 0, memory_order_acq_rel);

	return threads == (soft_thread.registered ? 1 : 0);
}

void soft_grace_period(void)
{
	if (alone())
		return;
	TSAN_RELEASE(&period_began);
	urcu_memb_synchronize_rcu();
	TSAN_ACQUIRE(&section_ended);
}

bool soft_in_section(void)
{
	return soft_thread.depth || urcu_memb_read_ongoing();
}
