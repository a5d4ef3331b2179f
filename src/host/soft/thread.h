/* SPDX-License-Identifier: MIT */
/*
 * Threads and grace periods: the RCU under the software host.
 *
 * An access section is a read-side section of liburcu, flavour memb: begin and end cost a few nanoseconds and no
 * barrier. The waiting side uses membarrier(2), sleeps on a futex if a reader is inside, and is woken at its end. The
 * bulletproof flavour, which would not ask threads to register, polls every 10 ms instead, and a guest's CMD_SYNC would
 * wait that long. qsbr would ask every embedder's loop to report quiescent states.
 *
 * membarrier(2) takes longer than all the rest of an invalidation, and most of the time no thread is inside. So a
 * reader *shows* its sections: it stores that it is inside, and a full barrier follows; who finds no section shown need
 * not wait at all. A reader that has shown many in a row *hides* the next ones and saves the barrier, until somebody
 * has to wait for it by way of liburcu and makes it show them again. Section is in section.c, wait in thread.c.
 *
 * What the rest of the host relies on: every section has ended before soft_grace_period() returns, or sees everything
 * that was stored before it was called.
 */
#ifndef VIQ_SOFT_THREAD_H
#define VIQ_SOFT_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"

struct urcu_reader;

/* What is known of a registered thread by others. Never freed: used by the next thread, so the list needs no lock. */
struct soft_reader {
	/* Odd inside a section that is shown. */
	_Alignas(128) _Atomic uint64_t section;
	/* SOFT_SHOWS, SOFT_HIDES, or the ticket of a wait that makes it show its sections: it does so already. */
	_Atomic uint64_t mode;
	uint32_t shown; /* sections since it began to show them: the thread's own */
	bool used;
	struct soft_reader *next;
};

enum {
	SOFT_SHOWS,
	SOFT_HIDES,
	SOFT_TICKETS, /* the first */
};

struct soft_thread {
	uint32_t registered; /* nesting of viq_soft_thread_register() */
	uint32_t depth;      /* nesting of access sections */
	uint32_t number;     /* which stripe of counters it writes */
	uint32_t turn;       /* grows when a cache asks for something arbitrary */
	struct soft_reader *reader;
	struct urcu_reader *urcu; /* liburcu's own: asking for it by name is a call into the loader */
};

extern _Thread_local struct soft_thread soft_thread;

struct soft_thread *soft_self(void);

/*
 * For the way of nearly all accesses, at the entry of a function: found once, and without a call that the compiler
 * knows of. It may be one into the loader all the same, which in some versions of glibc does not keep vector registers
 * (bug 31372): none is in use there.
 */
static inline struct soft_thread *soft_self_at_entry(void)
{
	struct soft_thread *t = &soft_thread;

	__asm__("" : "+r"(t));
	return t;
}

/* Readers that hide their sections, and those that still do until a wait has ended. */
extern _Atomic uint32_t soft_hiding;

/* Must not be called inside a section, nor with a lock that a section may wait for. */
void soft_grace_period(void);

/* Is this thread inside a read-side section, of ours or of the embedder's own use of liburcu? */
bool soft_in_section(void);

/* Why an object function failed: no memory, or called inside an access, as any may; else what is said. Returns err. */
int soft_say(struct viq_why *why, int err, const char *otherwise);

/*
 * ThreadSanitizer knows nothing of fences and does not see into liburcu. It is given a read-modify-write of one word in
 * place of the fence, and is told what a wait by way of liburcu promises: what happened in sections that ended is
 * before its return, and what happened before its call is before sections that begin later.
 */
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
extern char soft_section_ended, soft_period_began;
extern _Atomic uint32_t soft_fence_word;
#define SOFT_TSAN_ACQUIRE(tag) __tsan_acquire(tag)
#define SOFT_TSAN_RELEASE(tag) __tsan_release(tag)
#define soft_fence()           ((void)atomic_fetch_add(&soft_fence_word, 1))
#else
#define SOFT_TSAN_ACQUIRE(tag)
#define SOFT_TSAN_RELEASE(tag)
#define soft_fence() atomic_thread_fence(memory_order_seq_cst)
#endif

#endif
