/* SPDX-License-Identifier: MIT */
/* Failure injection: see inject.h. */
#include <errno.h>

#include "object.h"

int viq_soft_inject(struct viq_soft *soft, uint32_t viommu, const struct viq_soft_inject *inject)
{
	struct soft_retired retired = {0};
	struct soft_viommu *v;
	int ret;

	if (!soft || !inject || inject->size != sizeof(*inject) || inject->failure > VIQ_SOFT_FAIL_DROP)
		return -EINVAL;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	v = soft_viommu_find(soft, viommu, &ret);
	if (!ret)
		v->injection = (struct soft_injection){
			.failure = inject->failure,
			.armed = inject->failure >= 0,
			.index = inject->index,
			.before = inject->before,
			.after = inject->after,
			.left = inject->times ? inject->times : UINT32_MAX,
		};
	soft_unlock(soft, &retired);
	return ret;
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

static void latch(struct soft_injection *injection, uint32_t index, const uint64_t cmd[2])
{
	if (injection->latched || index != injection->index)
		return;
	/* Only ATC_INVs wait for a device. */
	if (injection->failure == VIQ_SOFT_FAIL_ATC_TIMEOUT &&
	    VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0]) != VIQ_SMMUV3_OP_ATC_INV)
		return;
	injection->latched = true;
	injection->cmd[0] = cmd[0];
	injection->cmd[1] = cmd[1];
	injection->from = index;
}

bool soft_inject_strikes(struct soft_injection *injection, int32_t failure, uint32_t index, const uint64_t cmd[2])
{
	if (!injection->armed || injection->failure != failure)
		return false;
	latch(injection, index, cmd);
	if (!injection->latched || index < injection->from || cmd[0] != injection->cmd[0] ||
	    cmd[1] != injection->cmd[1])
		return false;
	strike(injection);
	return true;
}
