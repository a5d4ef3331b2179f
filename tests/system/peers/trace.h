/* SPDX-License-Identifier: MIT */
/* Counts the system calls of a VMM, from outside. */
#ifndef VIQ_PEERS_TRACE_H
#define VIQ_PEERS_TRACE_H

#include <stdint.h>
#include <sys/types.h>

struct trace_counts {
	uint64_t calls;       /* all of them */
	uint64_t runs;        /* KVM_RUN: an exit to the VMM each */
	uint64_t invalidates; /* IOMMU_HWPT_INVALIDATE */
};

struct trace {
	pid_t pid;
	volatile struct trace_counts *counts;
};

/* All threads of pid, and those that it makes. Slows it down a lot. Fails the test. */
void trace_start(struct trace *trace, pid_t pid);
/* When the program has ended. */
void trace_end(struct trace *trace);

#endif
