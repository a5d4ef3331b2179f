/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "test.h"
#include "poller.h"

/* The threads hand each other nothing else, so that order between them comes from the object's registers. */
static atomic_bool stop;
static atomic_uint phase, polls;

static pthread_t thread;
static void (*look)(enum poller_phase phase);
static char complaint[200]; /* the thread's */

static void *run(void *arg)
{
	while (!atomic_load(&stop)) {
		look((enum poller_phase)atomic_load(&phase));
		atomic_fetch_add(&polls, 1);
	}
	return NULL;
}

void poller_start(void (*poll)(enum poller_phase phase))
{
	look = poll;
	complaint[0] = 0;
	atomic_store(&stop, false);
	atomic_store(&phase, POLLER_STREAM);
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
}

void poller_wait(void)
{
	unsigned int before = atomic_load(&polls);

	/* Two: one of them began after this. */
	while (atomic_load(&polls) - before < 2)
		sched_yield();
}

void poller_enter(enum poller_phase next)
{
	atomic_store(&phase, next);
	poller_wait();
}

void poller_stop(void)
{
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	if (complaint[0])
		fail_msg("%s", complaint);
}

void poller_complain(const char *format, ...)
{
	va_list args;

	if (complaint[0])
		return;
	va_start(args, format);
	vsnprintf(complaint, sizeof(complaint), format, args);
	va_end(args);
}
