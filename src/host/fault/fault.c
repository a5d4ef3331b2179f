/* SPDX-License-Identifier: MIT */
/* A fault and the hosts behind it. The call is in run.c. */
#include <errno.h>
#include <stdlib.h>

#include "contract.h"
#include "run.h"

int viq_fault_create(uint32_t contract, struct viq_fault **out)
{
	struct viq_fault *fault;

	if (contract > VIQ_FAULT_LINUX_NEXT || !out)
		return -EINVAL;
	fault = calloc(1, sizeof(*fault));
	if (!fault || pthread_mutex_init(&fault->lock, NULL)) {
		free(fault);
		return -ENOMEM;
	}
	fault->contract = contract;
	*out = fault;
	return 0;
}

void viq_fault_destroy(struct viq_fault *fault)
{
	if (!fault)
		return;
	while (fault->hosts) {
		struct fault_host *host = fault->hosts;

		fault->hosts = host->next;
		free(host);
	}
	pthread_mutex_destroy(&fault->lock);
	free(fault);
}

static uint32_t stream(void *opaque, uint32_t object, uint32_t sid)
{
	const struct viq_call_host inner = fault_inner(opaque, object);

	return viq_call_stream(&inner, sid);
}

/* Found or made. NULL: no memory. */
static struct fault_host *get_host(struct viq_fault *fault, const struct viq_call_host *inner) MUST_HOLD(fault->lock)
{
	struct fault_host *host;

	for (host = fault->hosts; host; host = host->next) {
		if (host->inner_ops == inner->ops && host->inner_opaque == inner->opaque)
			return host;
	}
	host = malloc(sizeof(*host));
	if (!host)
		return NULL;
	*host = (struct fault_host){
		.fault = fault, .inner_ops = inner->ops, .inner_opaque = inner->opaque, .next = fault->hosts};
	fault->hosts = host;
	return host;
}

int viq_fault_host(struct viq_fault *fault, const struct viq_call_host *inner, struct viq_call_host *out)
{
	static const struct viq_call_host_ops exact = {
		.size = sizeof(exact), .report_group = 1, .invalidate = fault_invalidate, .stream = stream};
	static const struct viq_call_host_ops linux_like = {.size = sizeof(linux_like),
							    .report_group = FAULT_LINUX_GROUP,
							    .invalidate = fault_invalidate,
							    .stream = stream};
	struct fault_host *host;

	if (!fault || !inner || !inner->ops || !out)
		return -EINVAL;
	pthread_mutex_lock(&fault->lock);
	host = get_host(fault, inner);
	pthread_mutex_unlock(&fault->lock);
	if (!host)
		return -ENOMEM;
	*out = (struct viq_call_host){.ops = fault->contract == VIQ_FAULT_EXACT ? &exact : &linux_like,
				      .opaque = host,
				      .object = inner->object};
	return 0;
}

int viq_fault_arm(struct viq_fault *fault, const struct viq_fault_failure *failure)
{
	if (!fault || !fault_failure_ok(failure))
		return -EINVAL;
	pthread_mutex_lock(&fault->lock);
	fault->injection = fault_injection(failure);
	pthread_mutex_unlock(&fault->lock);
	return 0;
}
