/* SPDX-License-Identifier: MIT */
/* The fault host in front of a test's host. After <cmocka.h>. */
#ifndef VIQ_TEST_FAULT_H
#define VIQ_TEST_FAULT_H

#include <viq/fault.h>

static inline struct viq_fault *fault_new(uint32_t contract)
{
	struct viq_fault *fault;

	assert_int_equal(viq_fault_create(contract, &fault, NULL), 0);
	return fault;
}

/* The host behind the fault. */
static inline struct viq_call_host fault_before(struct viq_fault *fault, struct viq_call_host inner)
{
	struct viq_call_host host;

	assert_int_equal(viq_fault_host(fault, &inner, &host, NULL), 0);
	return host;
}

static inline void fault_arm(struct viq_fault *fault, uint32_t kind, uint32_t index, uint32_t before, uint32_t after,
			     uint32_t times)
{
	const struct viq_fault_failure failure = {.size = sizeof(failure),
						  .kind = kind,
						  .index = index,
						  .before = before,
						  .after = after,
						  .times = times};

	assert_int_equal(viq_fault_arm(fault, &failure), 0);
}

static inline void fault_disarm(struct viq_fault *fault)
{
	fault_arm(fault, VIQ_FAULT_NONE, 0, 0, 0, 0);
}

#endif
