/* SPDX-License-Identifier: MIT */
/* A fault and the hosts behind it. The call is in run.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"
#include "base/why.h"

#include "contract.h"
#include "run.h"

const char *viq_fault_kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[VIQ_FAULT_ILLEGAL] = "host-illegal",
		[VIQ_FAULT_HARDWARE] = "hardware",
		[VIQ_FAULT_ATC_TIMEOUT] = "atc-timeout",
		[VIQ_FAULT_NO_MEMORY] = "no-memory",
		[VIQ_FAULT_GONE] = "gone",
		[VIQ_FAULT_DROP] = "drop",
		[VIQ_FAULT_ATC_DROP] = "atc-drop",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

const char *viq_fault_contract_name(uint32_t contract)
{
	static const char *const names[] = {
		[VIQ_FAULT_EXACT] = "exact",
		[VIQ_FAULT_LINUX_7_3] = "linux-7.3",
		[VIQ_FAULT_LINUX_NEXT] = "linux-next",
	};

	return contract < sizeof(names) / sizeof(names[0]) ? names[contract] : NULL;
}

int viq_fault_create(uint32_t contract, struct viq_fault **out, struct viq_why *why)
{
	struct viq_fault *fault;

	if (contract > VIQ_FAULT_LINUX_NEXT)
		return why_say(why, -EINVAL, "contract: %u is not one of enum viq_fault_contract", contract);
	if (!out)
		return why_say(why, -EINVAL, "out: NULL");
	fault = calloc(1, sizeof(*fault));
	if (!fault || pthread_mutex_init(&fault->lock, NULL)) {
		free(fault);
		return why_say(why, -ENOMEM, "no memory");
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

int viq_fault_host(struct viq_fault *fault, const struct viq_call_host *inner, struct viq_call_host *out,
		   struct viq_why *why)
{
	static const struct viq_call_host_ops exact = {
		.size = sizeof(exact), .report_group = 1, .invalidate = fault_invalidate, .stream = stream};
	static const struct viq_call_host_ops linux_like = {.size = sizeof(linux_like),
							    .report_group = FAULT_LINUX_GROUP,
							    .invalidate = fault_invalidate,
							    .stream = stream};
	struct fault_host *host;

	if (!fault || !inner || !inner->ops || !out)
		return why_say(why, -EINVAL, "fault, inner, inner->ops and out must not be NULL");
	pthread_mutex_lock(&fault->lock);
	host = get_host(fault, inner);
	pthread_mutex_unlock(&fault->lock);
	if (!host)
		return why_say(why, -ENOMEM, "no memory");
	*out = (struct viq_call_host){.ops = fault->contract == VIQ_FAULT_EXACT ? &exact : &linux_like,
				      .opaque = host,
				      .object = inner->object};
	return 0;
}

int viq_fault_arm(struct viq_fault *fault, const struct viq_fault_failure *failure)
{
	struct viq_fault_failure own = {0};
	int ret = sized_take(&own, sizeof(own), failure, SIZED_TO(struct viq_fault_failure, index), "failure", NULL);

	if (ret)
		return ret;
	if (!fault || own.kind > VIQ_FAULT_ATC_DROP)
		return -EINVAL;
	pthread_mutex_lock(&fault->lock);
	fault->injection = fault_injection(&own);
	pthread_mutex_unlock(&fault->lock);
	return 0;
}

uint64_t viq_fault_strikes(struct viq_fault *fault)
{
	uint64_t strikes;

	if (!fault)
		return 0;
	pthread_mutex_lock(&fault->lock);
	strikes = fault->injection.strikes;
	pthread_mutex_unlock(&fault->lock);
	return strikes;
}

uint32_t viq_fault_struck(struct viq_fault *fault, void *entry, uint32_t size)
{
	uint32_t len;

	if (!fault || !entry)
		return 0;
	pthread_mutex_lock(&fault->lock);
	len = fault->injection.latched;
	if (len > size)
		len = 0;
	memcpy(entry, fault->injection.words, len);
	pthread_mutex_unlock(&fault->lock);
	return len;
}
