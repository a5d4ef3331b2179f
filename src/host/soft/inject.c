/* SPDX-License-Identifier: MIT */
/* Failure injection: see inject.h. */
#include <string.h>

#include "inject.h"

bool soft_inject_ok(const struct viq_soft_inject *inject)
{
	return inject && inject->size == sizeof(*inject) && inject->failure <= VIQ_SOFT_FAIL_DROP;
}

void soft_inject_arm(struct soft_injection *injection, const struct viq_soft_inject *inject)
{
	*injection = (struct soft_injection){
		.failure = inject->failure,
		.armed = inject->failure >= 0,
		.index = inject->index,
		.before = inject->before,
		.after = inject->after,
		.left = inject->times ? inject->times : UINT32_MAX,
	};
}

static void strike(struct soft_injection *injection)
{
	if (injection->left != UINT32_MAX && !--injection->left)
		injection->armed = false;
}

bool soft_inject_call(struct soft_injection *injection, uint32_t count)
{
	injection->from = 0;
	if (!injection->armed || injection->failure != VIQ_SOFT_FAIL_NO_MEMORY || count <= injection->index)
		return false;
	strike(injection);
	return true;
}

static void latch(struct soft_injection *injection, uint32_t index, const struct soft_entry *entry)
{
	if (injection->latched || index != injection->index)
		return;
	if (injection->failure == VIQ_SOFT_FAIL_ATC_TIMEOUT && !entry->device)
		return;
	injection->latched = true;
	memcpy(injection->words, entry->words, sizeof(injection->words));
	injection->from = index;
}

bool soft_inject_armed_strikes(struct soft_injection *injection, uint32_t index, const struct soft_entry *entry)
{
	latch(injection, index, entry);
	if (!injection->latched || index < injection->from ||
	    memcmp(entry->words, injection->words, sizeof(injection->words)) != 0)
		return false;
	strike(injection);
	return true;
}
