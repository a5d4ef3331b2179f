/* SPDX-License-Identifier: MIT */
/*
 * The invalidate call: entries are run under the host's lock. One grace period after the last of them, without the
 * lock, ends every access that used what they removed.
 */
#include <errno.h>

#include "base/le.h"
#include "command.h"
#include "host/soft/execute.h"

static bool run_entry(void *opaque, const void *entry)
{
	const struct soft_target *t = opaque;
	const le64 *words = entry;
	const uint64_t cmd[2] = {le64_get(words[0]), le64_get(words[1])};

	guard_held(&t->soft->lock);
	return soft_command_run(t, cmd);
}

static void run(struct viq_soft *soft, const struct viq_call_request *req, uint32_t count, struct viq_call_result *res)
	MUST_HOLD(soft->lock)
{
	struct soft_target target = {.soft = soft};
	uint32_t done;
	int err;

	soft->calls++;
	if (req->type != VIQ_CALL_SMMUV3) {
		res->error = VIQ_CALL_UNSUPPORTED;
		return;
	}
	target.viommu = soft_viommu_find(soft, req->object, &err);
	if (err) {
		res->error = VIQ_CALL_GONE;
		return;
	}
	target.leaves = soft_vm_leaves(&target.viommu->vm);
	done = soft_execute(req, VIQ_SMMUV3_CMD_SIZE / sizeof(uint64_t), run_entry, &target);
	soft->entries += done;
	soft_report(res, count, done, VIQ_SMMUV3_CERROR_ILL);
}

static int soft_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct viq_soft *soft = opaque;
	struct soft_retired retired = {0};
	int64_t count;
	int ret;

	if (!soft || !req || !res || res->size < sizeof(*res))
		return -EINVAL;
	count = soft_count_entries(req, VIQ_CALL_SMMUV3, VIQ_SMMUV3_CMD_SIZE);
	if (count < 0)
		return (int)count;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	*res = (struct viq_call_result){.size = sizeof(*res), .host_calls = 1};
	run(soft, req, (uint32_t)count, res);
	retired.caches = res->handled;
	soft_unlock(soft, &retired);
	return 0;
}

static uint32_t soft_stream(void *opaque, uint32_t object, uint32_t sid)
{
	struct viq_soft *soft = opaque;
	struct soft_viommu *viommu;
	struct soft_vdevice *vdevice = NULL;
	uint32_t answer = 0;
	int err;

	if (!soft)
		return 0;
	pthread_mutex_lock(&soft->lock);
	viommu = soft_viommu_find(soft, object, &err);
	if (!err)
		vdevice = soft_vdevice_find(viommu, sid);
	if (vdevice)
		answer = VIQ_CALL_STREAM_KNOWN | (soft_dev_uses_ats(vdevice->dev) ? VIQ_CALL_STREAM_ATS : 0);
	pthread_mutex_unlock(&soft->lock);
	return answer;
}

struct viq_call_host viq_soft_host(struct viq_soft *soft, uint32_t viommu)
{
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops), .report_group = 1, .invalidate = soft_invalidate, .stream = soft_stream};

	return (struct viq_call_host){.ops = &ops, .opaque = soft, .object = viommu};
}
