/* SPDX-License-Identifier: MIT */
/*
 * The queue waits for the host: what a host or a hook of the embedder could not do is no error of the guest. The queue
 * stands at the first command that is not done and shows nothing, until the embedder runs it again. Registers may
 * change meanwhile; a saved state knows nothing of it, and the object that takes it over just tries.
 */
#ifndef VIQ_GUEST_HOSTWAIT_H
#define VIQ_GUEST_HOSTWAIT_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>

#include "call/exact.h"

struct host_wait {
	bool waits;     /* the queue stands */
	bool asked;     /* only a run of the embedder's tries again, no register write */
	uint64_t times; /* attempts in a row that ended at the same command */
	uint64_t run;   /* the last one's number, and where it ended */
	uint32_t place;
};

typedef int (*host_wait_hook)(void *opaque, const struct viq_call_result *result, uint64_t times);

/*
 * An attempt has ended. true: somebody will run the queue again, since the hook says so or kick() can ask; false: the
 * hook gives up, or nobody can be asked.
 */
static inline bool host_wait_begin(struct host_wait *w, uint64_t run, uint32_t place, host_wait_hook hook, void *opaque,
				   bool can_kick, const struct viq_call_result *result)
{
	w->times = run == w->run + 1 && place == w->place ? w->times + 1 : 1;
	w->run = run;
	w->place = place;
	w->waits = w->asked = hook ? hook(opaque, result, w->times) <= 0 : can_kick;
	return w->asked;
}

/* A hook of the embedder said so, in words of the invalidate call. */
static inline struct viq_call_result host_wait_hook_failed(int err)
{
	return (struct viq_call_result){
		.size = sizeof(struct viq_call_result), .error = call_error_of_errno(err), .os_error = err};
}

#endif
