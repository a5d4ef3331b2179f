/* SPDX-License-Identifier: MIT */
/*
 * The library without memory: its allocations, and only its own, fail as a test says. A test that links nomem_dep has
 * the library's objects with their calls of malloc() and its kin going here; what tests and fixtures allocate does not.
 */
#ifndef TESTS_SUPPORT_NOMEM_H
#define TESTS_SUPPORT_NOMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The nth allocation from now on fails, counted from 1; with lasting, all from then on, until nomem_off(). Making a
 * mutex or a condition variable is one. 0: none fails.
 */
void nomem_fail(uint32_t nth, bool lasting);
/* There is memory from now on. nomem_struck() and the count stay as they are. */
void nomem_off(void);
/* While something else is done: allocations neither fail nor count. */
void nomem_pause(bool on);
/* Has one failed since nomem_fail()? */
bool nomem_struck(void);
/* Allocations that have not been freed, mutexes and condition variables that have not been destroyed. */
size_t nomem_live(void);
/* What is allocated, in bytes. */
size_t nomem_bytes(void);

/*
 * A call may fail once, with -ENOMEM, because an allocation did, and works when it is made again. nomem_must(): it left
 * nothing behind; nomem_must_grow(): but an array that had grown, or the like.
 */
#define nomem_must(call)                                                                                               \
	do {                                                                                                           \
		const size_t live_before = nomem_live();                                                               \
		const int result_before = (call);                                                                      \
                                                                                                                       \
		if (result_before)                                                                                     \
			assert_int_equal(nomem_live(), live_before);                                                   \
		nomem_again(result_before, call);                                                                      \
	} while (0)
#define nomem_must_grow(call)                                                                                          \
	do {                                                                                                           \
		const int result_before = (call);                                                                      \
                                                                                                                       \
		nomem_again(result_before, call);                                                                      \
	} while (0)
#define nomem_again(result, call)                                                                                      \
	do {                                                                                                           \
		if (result) {                                                                                          \
			assert_int_equal(result, -ENOMEM);                                                             \
			assert_true(nomem_struck());                                                                   \
			nomem_off();                                                                                   \
			assert_int_equal(call, 0);                                                                     \
		}                                                                                                      \
	} while (0)

#endif
