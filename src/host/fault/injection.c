/* SPDX-License-Identifier: MIT */
/* Failure injection: see injection.h. */
#include <string.h>

#include <viq/smmuv3_spec.h>

#include "base/le.h"
#include "call/gather.h"
#include "injection.h"

struct fault_injection fault_injection(const struct viq_fault_failure *failure)
{
	return (struct fault_injection){
		.kind = failure->kind,
		.index = failure->index,
		.before = failure->before,
		.after = failure->after,
		.left = failure->times ? failure->times : UINT32_MAX,
		.counted = failure->counted,
	};
}

bool fault_entry_reaches_device(uint32_t type, const void *entry)
{
	return type != VIQ_CALL_SMMUV3 ||
	       VIQ_GET(VIQ_SMMUV3_CMD_OP, le_load(entry, sizeof(uint64_t))) == VIQ_SMMUV3_OP_ATC_INV;
}

/* The entry that was struck, come again. Of a device that does not answer any is: it answers none. */
static bool again(const struct fault_injection *in, const struct viq_call_request *req, const void *entry)
{
	const uint64_t device = VIQ_SMMUV3_CMD_OP | VIQ_SMMUV3_CMD_SID;

	if (in->kind == VIQ_FAULT_ATC_TIMEOUT && req->type == VIQ_CALL_SMMUV3)
		return !((le_load(entry, sizeof(uint64_t)) ^ le_load((const void *)in->words, sizeof(uint64_t))) &
			 device);
	return !memcmp(entry, in->words, req->entry_size);
}

static bool can_strike(const struct fault_injection *in, uint32_t type, const void *entry)
{
	return !(FAULT_KIND(in->kind) & (FAULT_KIND(VIQ_FAULT_ATC_TIMEOUT) | FAULT_KIND(VIQ_FAULT_ATC_DROP))) ||
	       fault_entry_reaches_device(type, entry);
}

static bool strikes(const struct fault_injection *in, const struct viq_call_request *req, uint32_t index,
		    const void *entry)
{
	if (in->latched)
		return again(in, req, entry);
	return !in->counted && index == in->index && can_strike(in, req->type, entry);
}

void fault_injection_count(struct fault_injection *in, const struct viq_call_request *req)
{
	const uint32_t count = gather_count(req);
	struct gather_cursor at = {.req = req};

	for (; in->counted && at.index < count; gather_skip(&at, 1)) {
		if (!can_strike(in, req->type, gather_entry(&at)))
			continue;
		if (!in->index) {
			in->index = at.index;
			in->counted = false;
			return;
		}
		in->index--;
	}
}

uint32_t fault_injection_next(const struct fault_injection *in, const struct viq_call_request *req, uint32_t from,
			      uint32_t to, uint32_t kinds)
{
	struct gather_cursor at = {.req = req};

	if (in->counted || !(FAULT_KIND(in->kind) & kinds) || (!in->latched && (in->index < from || in->index >= to)))
		return to;
	gather_skip(&at, in->latched ? from : in->index);
	for (; at.index < to; gather_skip(&at, 1)) {
		if (strikes(in, req, at.index, gather_entry(&at)))
			return at.index;
		if (!in->latched)
			break;
	}
	return to;
}

bool fault_injection_strike(struct fault_injection *in, const struct viq_call_request *req, uint32_t index,
			    const void *entry)
{
	if (in->kind == VIQ_FAULT_NONE || in->counted || (entry && !strikes(in, req, index, entry)))
		return false;
	if (entry && !in->latched) {
		in->latched = req->entry_size;
		memcpy(in->words, entry, req->entry_size);
	}
	in->strikes++;
	if (in->left != UINT32_MAX && !--in->left)
		in->kind = VIQ_FAULT_NONE;
	return true;
}
