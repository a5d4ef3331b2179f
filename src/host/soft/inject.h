/* SPDX-License-Identifier: MIT */
/*
 * Failures on demand, for tests. An armed failure lies in wait for the entry at its index; the first entry that it
 * meets there is latched by its bytes, and is struck wherever it turns up from then on.
 */
#ifndef VIQ_SOFT_INJECT_H
#define VIQ_SOFT_INJECT_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/soft.h>

/* An entry of an invalidate call, as it lies in the array; words that its type does not have are 0. */
#define SOFT_ENTRY_WORDS 3
struct soft_entry {
	uint64_t words[SOFT_ENTRY_WORDS];
	bool device; /* a device has to confirm it; set when it is issued */
};

struct soft_injection {
	int32_t failure; /* enum viq_soft_failure; meaningful if armed */
	bool armed;
	bool latched;
	uint32_t index;
	uint32_t before, after;
	uint32_t left;                    /* strikes left; UINT32_MAX: no end */
	uint64_t words[SOFT_ENTRY_WORDS]; /* once latched */
	uint32_t from;                    /* in the call under way: entries below this are not struck */
};

/* Do the arguments make sense? */
bool soft_inject_ok(const struct viq_soft_inject *inject);
/* Arm it as asked for; what was armed before is forgotten. */
void soft_inject_arm(struct soft_injection *injection, const struct viq_soft_inject *inject);

/* A call of count entries begins. True: the whole call is to fail (NO_MEMORY). */
bool soft_inject_call(struct soft_injection *injection, uint32_t count);

/* It is armed with this failure: does it strike the entry? */
bool soft_inject_armed_strikes(struct soft_injection *injection, uint32_t index, const struct soft_entry *entry);

/* Does this failure strike the entry now? It counts as a strike. */
static inline bool soft_inject_strikes(struct soft_injection *injection, int32_t failure, uint32_t index,
				       const struct soft_entry *entry)
{
	return injection->armed && injection->failure == failure && soft_inject_armed_strikes(injection, index, entry);
}

#endif
