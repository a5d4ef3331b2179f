/* SPDX-License-Identifier: MIT */
/*
 * Access sections: see thread.h.
 *
 * The read side is inlined from liburcu's headers: a handful of lines that it offers for inclusion by anyone (the
 * comments there; LGPL 2.1 5). They find liburcu's record of the thread by a macro, which is ours here. ThreadSanitizer
 * would take their volatile accesses for races.
 */
#include "thread.h"

#include <urcu/tls-compat.h>
#if !defined(__SANITIZE_THREAD__)
#define _LGPL_SOURCE
#undef URCU_TLS
#define URCU_TLS(name) (*soft_thread.urcu)
#endif
#include <urcu/urcu-memb.h>

#include <viq/soft.h>

/*
 * A wait that finds a reader hiding takes as long as a few hundred of these barriers (two system calls): so whatever
 * the guest and the device do, they pay at most twice what they would if they knew what comes.
 */
#ifndef SHOW
#define SHOW 256u
#endif

/* The thread has entered liburcu's section, and has looked at nothing yet. */
static __attribute__((noinline)) void show(struct soft_reader *reader)
{
	uint64_t section = atomic_load_explicit(&reader->section, memory_order_relaxed);

	/*
	 * Release: who finds this one, and so the one before ended, sees what that did. C11 gives it for nothing, C++20
	 * not.
	 */
	atomic_store_explicit(&reader->section, section + 1, memory_order_release);
	/* Paired with nobody_inside(): that sees the section, or the section sees what was stored before it looked. */
	soft_fence();
	if (++reader->shown < SHOW || atomic_load_explicit(&reader->mode, memory_order_relaxed) != SOFT_SHOWS)
		return;
	reader->shown = 0;
	atomic_store_explicit(&reader->mode, SOFT_HIDES, memory_order_relaxed);
	atomic_fetch_add_explicit(&soft_hiding, 1, memory_order_acq_rel);
	/* The same for the sections to come and the count. */
	soft_fence();
}

/* A thread that has not registered is in no section: liburcu does not know it, and would not wait. */
void viq_soft_access_begin(void)
{
	struct soft_thread *t = soft_self_at_entry();

	if (!t->registered || t->depth++)
		return;
	urcu_memb_read_lock();
	/* Inside: a section that a wait by way of liburcu lets pass sees the ticket that was stored before. */
	if (atomic_load_explicit(&t->reader->mode, memory_order_relaxed) != SOFT_HIDES)
		show(t->reader);
	SOFT_TSAN_ACQUIRE(&soft_period_began);
}

/*
 * As urcu_memb_read_unlock(), which would look up the thread's record three times. If the embedder has a section of
 * liburcu around this one, a waiter is woken that sleeps on.
 */
static inline void leave(struct urcu_reader *reader)
{
#if defined(__SANITIZE_THREAD__)
	urcu_memb_read_unlock();
#else
	urcu_memb_smp_mb_slave();
	CMM_STORE_SHARED(reader->ctr, reader->ctr - URCU_GP_COUNT);
	urcu_memb_smp_mb_slave();
	urcu_common_wake_up_gp(&urcu_memb_gp);
#endif
}

void viq_soft_access_end(void)
{
	struct soft_thread *t = soft_self_at_entry();
	uint64_t section;

	if (!t->depth || --t->depth)
		return;
	SOFT_TSAN_RELEASE(&soft_section_ended);
	section = atomic_load_explicit(&t->reader->section, memory_order_relaxed);
	if (section & 1)
		atomic_store_explicit(&t->reader->section, section + 1, memory_order_release);
	leave(t->urcu);
}
