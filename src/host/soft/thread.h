/* SPDX-License-Identifier: MIT */
/*
 * Threads and grace periods: the RCU under the software host.
 *
 * liburcu, flavour memb. An access section is a read-side section: begin and end cost a few nanoseconds and no barrier
 * (the waiting side uses membarrier(2)). A waiting side that finds a reader inside sleeps on a futex and the reader
 * wakes it at its end; the bulletproof flavour, which would not ask threads to register, polls every 10 ms instead, and
 * a guest's CMD_SYNC would wait that long. qsbr would ask every embedder's loop to report quiescent states. The read
 * side is inlined from liburcu's headers.
 *
 * What the rest of the host relies on: every section has ended before soft_grace_period() returns, or sees everything
 * that was stored before it was called.
 */
#ifndef VIQ_SOFT_THREAD_H
#define VIQ_SOFT_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"

struct soft_thread {
	uint32_t registered; /* nesting of viq_soft_thread_register() */
	uint32_t depth;      /* nesting of access sections */
	uint32_t number;     /* which stripe of counters it writes */
};

/* initial-exec: no call into the loader on every access. A few bytes of the static block that libraries share. */
extern _Thread_local struct soft_thread soft_thread __attribute__((tls_model("initial-exec")));

/* Must not be called inside a section, nor with a lock that a section may wait for. */
void soft_grace_period(void);

/* Is this thread inside a read-side section, of ours or of the embedder's own use of liburcu? */
bool soft_in_section(void);

/* Why an object function failed: no memory, or called inside an access, as any may; else what is said. Returns err. */
int soft_say(struct viq_why *why, int err, const char *otherwise);

#endif
