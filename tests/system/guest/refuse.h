/* SPDX-License-Identifier: MIT */
/* What viq-vmm says where something that it needs is missing: a line, and status 1. */
#ifndef VIQ_GUEST_REFUSE_H
#define VIQ_GUEST_REFUSE_H

void test_refuse(void);
void test_refuse_busy(void);

#endif
