/* SPDX-License-Identifier: MIT */
/*
 * A guest's vCPU that reads registers all the time, without a lock, while the thread that runs the test works on the
 * object. What it may expect of them depends on what that thread is about; what it finds wrong it only notes, because
 * only the thread that runs a test may make it fail. There is one.
 */
#ifndef TESTS_SUPPORT_POLLER_H
#define TESTS_SUPPORT_POLLER_H

enum poller_phase {
	POLLER_STREAM,   /* a guest that keeps the rules */
	POLLER_RESETS,   /* the same state, reset and restored again and again */
	POLLER_ANYTHING, /* a guest that writes anything anywhere: nothing but that reads are whole is looked at */
};

/* Have another thread call poll() again and again, for POLLER_STREAM to begin with. */
void poller_start(void (*poll)(enum poller_phase phase));
/* Until a call of poll() has begun and ended: however few processors there are, both threads get on. */
void poller_wait(void);
/* Once it returns, poll() is called for this phase only. */
void poller_enter(enum poller_phase phase);
/* End the thread. The test fails if there was a complaint. */
void poller_stop(void);

/* In poll(): only the first is kept. */
void poller_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
