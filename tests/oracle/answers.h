/* SPDX-License-Identifier: MIT */
/*
 * What Linux answers to IOMMU_HWPT_INVALIDATE on an SMMUv3: one list that the fake kernel and the real ones
 * (tests/system/kernel) are both held against, so that what is tested on the fake is what would happen.
 */
#ifndef TESTS_ORACLE_ANSWERS_H
#define TESTS_ORACLE_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct answers_kernel {
	/* IOMMU_HWPT_INVALIDATE with what is at call: 0 or a negative errno. */
	int (*invalidate)(void *opaque, void *call);
	void *opaque;
	uint32_t viommu, stage2; /* ids */
	bool reports;            /* it is 7.3 with integrations/linux, not 7.2 or 7.3 */
};

/* Every call of the list. True: each is answered as it should be. Else text says which was not, and how. */
bool answers_agree(const struct answers_kernel *kernel, char *text, size_t size);

#endif
