/* SPDX-License-Identifier: MIT */
/*
 * What a guest's register write costs at most (P4), as a search: an input is a configuration, a queue, registers and
 * what hosts and hooks do; the outcome is by how much one write or run went beyond its budget. The fuzz target looks
 * for inputs that are worse, the test keeps the worst that were found.
 *
 * Units are those of viq/work.h, counted by the hosts and hooks themselves: each call VIQ_WORK_CALL, each command and
 * each event of a sync 1.
 */
#ifndef VIQ_TESTS_WORST_H
#define VIQ_TESTS_WORST_H

#include <stddef.h>
#include <stdint.h>

enum worst_guest {
	WORST_SMMUV3,
	WORST_VTD,
	WORST_GUESTS
};

/* What the host's count is worth after a failure: report_group 1, 63, 0. */
#define WORST_CONTRACTS 3
#define WORST_BUDGETS   6

struct worst {
	enum worst_guest guest;
	unsigned int contract, budget; /* indices */
	uint32_t units;                /* the budget */
	uint64_t beyond;               /* units, in the worst write or run */
	uint64_t calls;                /* of hosts and hooks in it, at most */
};

/* Any bytes are an input. */
struct worst worst_of(const uint8_t *data, size_t size);

/*
 * The most that a write or run may go beyond its budget: the step that uses it up. That is an invalidate call with the
 * search that a failure costs; SMMUv3 makes a second one around ATC_INVs that timed out, VT-d one for each table that a
 * descriptor cannot leave half done.
 */
uint64_t worst_allowed(const struct worst *w);

#endif
