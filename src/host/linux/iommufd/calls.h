/* SPDX-License-Identifier: MIT */
/* IOMMU_HWPT_INVALIDATE as such: what the hosts of all types of entries share. */
#ifndef VIQ_HOST_LINUX_CALLS_H
#define VIQ_HOST_LINUX_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "linux.h"

struct linux_calls {
	struct viq_linux *ctx;
	/*
	 * Calls with one entry, other calls, entries in those, and calls of which not all was done; atomic, relaxed.
	 * A doorbell's call mostly has one entry, and each of these additions costs as much as the rest of the call
	 * here.
	 */
	uint64_t single, others, entries, failed;
};

static inline void linux_add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline uint64_t linux_load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static inline uint64_t linux_calls_made(const struct linux_calls *calls)
{
	return linux_load(&calls->single) + linux_load(&calls->others);
}

static inline uint64_t linux_calls_entries(const struct linux_calls *calls)
{
	return linux_load(&calls->single) + linux_load(&calls->entries);
}

/* What the kernel says of a call of which not all was done, for all that is known. */
struct linux_answer {
	int err;          /* 0 or a negative errno */
	uint32_t handled; /* entries */
	bool report;      /* it failed, the count is true, and what follows is known: */
	uint32_t last;    /* highest index that can have caused it */
	uint32_t hw_code; /* what the hardware raised, 0: nothing */
};

/* One system call for n entries. true: all are done, and *answer is as it was. Does not count it as failed. */
bool linux_call_invalidate(struct linux_calls *calls, uint32_t object, uint32_t type, const void *entries,
			   uint32_t entry_size, uint32_t n, struct linux_answer *answer);
/* enum viq_call_error of the kernel's negative errno, where it is not the entry that is refused. */
uint32_t linux_call_error(int err);
/* An empty array for object, which should be a kind of object ("vIOMMU"), failed with err. Returns what to say, *why.
 */
int linux_call_why(struct viq_why *why, int err, const char *kind, uint32_t object);

#endif
