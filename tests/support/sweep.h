/* SPDX-License-Identifier: MIT */
/* A life of a nested IOMMU on the fake kernel in which every system call fails, one after the other; every allocation.
 */
#ifndef TESTS_SUPPORT_SWEEP_H
#define TESTS_SUPPORT_SWEEP_H

#include "oracle/fake_kernel.h"

/* The beginning of what a life is told. */
struct sweep {
	struct fake_kernel *fk;
	int err;          /* what fails */
	bool transparent; /* and nobody may notice */
	bool leaks;       /* the kernel refused to destroy something: it said so, and is forgiven */
};

struct sweep_life {
	struct sweep *(*begin)(bool own_attach); /* the kernel, with nothing nested; all but fk is the sweep's */
	void (*live)(struct sweep *s);
	void (*end)(struct sweep *s);
};

/* Has what was to fail failed? */
bool sweep_struck(const struct sweep *s);
/* An error that a step returned must be the one that was injected, and only if it may be seen. */
void sweep_assert_injected(const struct sweep *s, int err);

/* Each call of once() has the call-th system call fail, and says whether there was one: at_least of them. */
void sweep_each(bool (*once)(uint64_t call, int err), const int *errors, size_t count, uint64_t at_least);
/* Each of more than 60 calls fails once, with each error; own_attach: by a hook of the embedder. */
void sweep_calls(const struct sweep_life *life, const int *errors, size_t count, bool own_attach);
/* Each of at_least allocations fails: no difference to be seen to a kernel that has no memory. */
void sweep_allocations(const struct sweep_life *life, uint32_t at_least);

#endif
