/* SPDX-License-Identifier: MIT */
/* One call through a fault. */
#ifndef VIQ_FAULT_RUN_H
#define VIQ_FAULT_RUN_H

#include "base/guard.h"
#include "injection.h"

struct viq_fault {
	uint32_t contract; /* enum viq_fault_contract */
	pthread_mutex_t lock;
	struct fault_injection injection; /* under lock, which no call holds: the host behind may wait for accesses */
	struct fault_host *hosts;         /* under lock */
};

/* A host behind: all target objects of the same ops and opaque. */
struct fault_host {
	struct viq_fault *fault;
	const struct viq_call_host_ops *inner_ops;
	void *inner_opaque;
	struct fault_host *next;
};

static inline struct viq_call_host fault_inner(const struct fault_host *host, uint32_t object)
{
	return (struct viq_call_host){.ops = host->inner_ops, .opaque = host->inner_opaque, .object = object};
}

/* viq_call_host_ops.invalidate of a struct fault_host. */
int fault_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res);

#endif
