/* SPDX-License-Identifier: MIT */
/* The guests' counters of now, by value. */
#ifndef TESTS_SUPPORT_COUNTERS_H
#define TESTS_SUPPORT_COUNTERS_H

#include <viq/smmuv3.h>
#include <viq/vtd.h>

#include "test.h"

static inline struct viq_smmuv3_counters smmuv3_counters(const struct viq_smmuv3 *smmu)
{
	struct viq_smmuv3_counters counters;

	assert_int_equal(viq_smmuv3_counters(smmu, &counters, sizeof(counters)), 0);
	return counters;
}

static inline struct viq_vtd_counters vtd_counters(const struct viq_vtd *vtd)
{
	struct viq_vtd_counters counters;

	assert_int_equal(viq_vtd_counters(vtd, &counters, sizeof(counters)), 0);
	return counters;
}

#endif
