/* SPDX-License-Identifier: MIT */
/*
 * A guest VT-d without manners, and what must hold whatever it does:
 *
 *   - a descriptor that left the queue was legal, and one for hosts took effect in every table since the access in
 * which it was begun: one for many tables may take several;
 *   - an error code is the one that the descriptor deserves;
 *   - only entries that a host takes reach it (P5: the harness's hosts look);
 *   - page requests go to their queue, or are answered;
 *   - one access costs at most a queue of descriptors (P4), and IQH stays in the queue.
 */
#ifndef TESTS_FUZZ_GUEST_VTD_H
#define TESTS_FUZZ_GUEST_VTD_H

#include "support/vvtd.h"
#include "input.h"

#define GUEST_VTD_HOSTS 4 /* of the harness's, which the first operations below need */

struct vvtd *guest_vtd_new(const struct viq_vtd_config *config);
/* Around everything that may consume descriptors. */
void guest_vtd_begin(struct vvtd *v);
void guest_vtd_end(struct vvtd *v);
/* One operation of a guest or its VMM, chosen by the input. */
void guest_vtd_step(struct vvtd *v, struct input *in);

#endif
