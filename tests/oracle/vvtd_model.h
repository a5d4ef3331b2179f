/* SPDX-License-Identifier: MIT */
/* What the harness itself thinks of descriptors: written from the specification, without the library's code. */
#ifndef TESTS_SUPPORT_VVTD_MODEL_H
#define TESTS_SUPPORT_VVTD_MODEL_H

#include "support/vvtd.h"

/* Has a descriptor that was queued at time since taken effect in everything that it concerns? */
bool vvtd_took_effect(struct vvtd *v, const uint64_t desc[4], uint64_t since);
void vvtd_log_add(struct vvtd *v, struct vvtd_log entry);

#endif
