/* SPDX-License-Identifier: MIT */
/*
 * A guest on the Linux host, wired as a VMM does, on a kernel that answers from the input. Besides what guest.h and
 * guest_vtd.h say, whatever the kernel says:
 *
 *   - what the guest sees completed, the kernel has said to be done (P1): invalidations, and the entries of its tables,
 *     after which no device may still be attached to what was made of others;
 *   - ids and files are given back once, in the end all of them;
 *   - one operation makes a bounded number of system calls.
 */
#ifndef TESTS_FUZZ_LINUX_H
#define TESTS_FUZZ_LINUX_H

#include "kernel.h"

/* Calls of one operation: several register writes, each of which its budget and one search or one device bound. */
#define LINUX_CALLS 2048

void linux_smmuv3_run(struct kernel *k, struct viq_linux *ctx, struct input *in);
void linux_vtd_run(struct kernel *k, struct viq_linux *ctx, struct input *in);
/* Any other call of <viq/linux.h>. */
void linux_loose(struct viq_linux *ctx, struct input *in);

#endif
