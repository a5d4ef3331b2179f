/* SPDX-License-Identifier: MIT */
/*
 * The whole chain, judged row by row: what a failure of the physical queue becomes in Linux's answer, in the guest's
 * queue, and in what a device reaches. chain.py arms the failures and makes a table of the rows.
 */
#ifndef VIQ_NESTED_CHAIN_H
#define VIQ_NESTED_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/linux.h>

/* What IOMMU_HWPT_INVALIDATE has said since chain_arm(). */
struct chain_said {
	unsigned int calls, failed;
	/* The first that failed: -errno, entries passed in, entries handled; and entries of the calls before it. */
	int err;
	uint32_t entries, handled, before;
	/* With integrations/linux: the last entry that can be the cause, and the hardware's error. */
	bool report;
	uint32_t last, error;
};

extern struct chain_said chain_said;

/* Every test begins so: an iommufd whose answers are heard. The failures' interrupt goes to processor 0, the test runs
 * on 1. */
struct viq_linux *chain_open(void);
void chain_close(struct viq_linux *ctx);
/* It or the success that it was, in words. error: the hardware's, by name; "": it has none. */
void chain_said_text(const char *error, char *text, size_t size);

/* The hardware is to fail ("N:KIND", docs/fail-on-demand.md): at the N-th of the commands from here on. */
void chain_arm(const char *failure);
/*
 * How often it has, and how many commands of the physical queue are between what was next when it was armed and what
 * it has struck the last time. What the kernel has logged since then goes to the console.
 */
unsigned int chain_strikes(unsigned int *distance);

struct chain_row {
	const char *failure;
	char where[48];    /* at which of the guest's commands */
	char said[96];     /* the kernel */
	char told[96];     /* the guest, in its queue's own terms */
	char recovers[96]; /* its driver */
	char dma[96];      /* what a device reaches that it should not */
};

/* For the table. */
void chain_print(const struct chain_row *row);

#endif
