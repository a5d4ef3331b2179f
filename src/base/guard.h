/* SPDX-License-Identifier: MIT */
/*
 * Who holds which lock, for clang's -Wthread-safety (tests/lint/test_analysis.py). Nothing to other compilers. In C a
 * member cannot name its struct's lock, so functions say it.
 */
#ifndef VIQ_BASE_GUARD_H
#define VIQ_BASE_GUARD_H

#include <pthread.h>

#ifdef __clang__
#define GUARD_ATTRIBUTE(...) __attribute__((__VA_ARGS__))
#else
#define GUARD_ATTRIBUTE(...)
#endif
/* Called with the lock held; called without it, as the function takes it. */
#define MUST_HOLD(lock)     GUARD_ATTRIBUTE(requires_capability(lock))
#define MUST_NOT_HOLD(lock) GUARD_ATTRIBUTE(locks_excluded(lock))
/* Returns with the lock held: always, or when it returns 0; returns without it. */
#define TAKES(lock)      GUARD_ATTRIBUTE(acquire_capability(lock))
#define TAKES_IF_0(lock) GUARD_ATTRIBUTE(try_acquire_capability(0, lock))
#define DROPS(lock)      GUARD_ATTRIBUTE(release_capability(lock))

#ifdef __clang__
/* The C library does not say so. NOLINTBEGIN(readability-redundant-declaration) */
int pthread_mutex_lock(pthread_mutex_t *lock) TAKES(*lock);
int pthread_mutex_unlock(pthread_mutex_t *lock) DROPS(*lock);
/* NOLINTEND(readability-redundant-declaration) */
#endif

/* The lock is held, which clang cannot see: in a call-back, or where it is known by another name. */
static inline void guard_held(pthread_mutex_t *lock) GUARD_ATTRIBUTE(assert_capability(*lock))
{
	(void)lock;
}

#endif
