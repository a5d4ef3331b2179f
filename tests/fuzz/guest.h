/* SPDX-License-Identifier: MIT */
/*
 * A guest without manners, and what must hold whatever it does:
 *
 *   - CONS moves by exactly the commands that the trace hook told of, and shows no bit beyond the wrap flag;
 *   - a command that left the queue was legal; one whose fate is HOST took effect in the host within the same call;
 *   - an ATC_INV that was retained takes effect before the next CMD_SYNC completes (P1);
 *   - only legal, sanitised commands reach the host (P5);
 *   - one register write costs at most a queue of commands (P4).
 */
#ifndef TESTS_FUZZ_GUEST_H
#define TESTS_FUZZ_GUEST_H

#include "support/vsmmu.h"
#include "input.h"

#define GUEST_RETAINED 4096

struct guest {
	struct vsmmu *v;
	uint64_t op_began; /* v->time */
	uint32_t consumed; /* commands that left the queue in this operation */
	size_t effects;    /* that have been checked */
	struct vsmmu_shadow retained[GUEST_RETAINED];
	uint32_t retained_count;
};

/* The state is too large for the stack and made once. */
struct guest *guest_new(const struct viq_smmuv3_config *config);
void guest_free(struct guest *g);
/* Around everything that may consume commands. */
void guest_begin(struct guest *g);
void guest_end(struct guest *g);
/* Registers that a restore or reset has replaced: nothing is known of CONS. */
void guest_forget(struct guest *g);
/* One operation of a guest or its VMM, chosen by the input. */
void guest_step(struct guest *g, struct input *in);

#endif
