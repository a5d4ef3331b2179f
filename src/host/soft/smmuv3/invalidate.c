/* SPDX-License-Identifier: MIT */
/*
 * The invalidate call: entries are checked and issued group by group, as the contract says, under the host's lock. One
 * grace period after the last of them, without the lock, ends every access that used what they removed.
 */
#include <endian.h>
#include <errno.h>

#include "command.h"
#include "host/soft/execute.h"

/* What entries are about. */
struct target {
	struct viq_soft *soft;
	struct soft_viommu *viommu;
};

static bool check(void *opaque, const uint64_t *entry)
{
	struct target *t = opaque;
	const uint64_t cmd[2] = {le64toh(entry[0]), le64toh(entry[1])};

	return soft_command_check(t->soft, t->viommu, cmd);
}

static bool is_atc_inv(void *opaque, const uint64_t *entry)
{
	return VIQ_GET(VIQ_SMMUV3_CMD_OP, le64toh(entry[0])) == VIQ_SMMUV3_OP_ATC_INV;
}

static void run_entry(void *opaque, const uint64_t *entry)
{
	struct target *t = opaque;
	const uint64_t cmd[2] = {le64toh(entry[0]), le64toh(entry[1])};

	soft_command_run(t->soft, t->viommu, cmd);
}

static const struct soft_executor executor = {
	.words = VIQ_SMMUV3_CMD_SIZE / sizeof(uint64_t),
	.check = check,
	.device = is_atc_inv,
	.run = run_entry,
};

/* Under the lock. True if something can have been issued. */
static bool run(struct viq_soft *soft, const struct viq_call_request *req, uint32_t count, struct viq_call_result *res)
{
	const struct soft_contract *contract = soft_contract(soft->config.contract);
	struct target target = {.soft = soft};
	int err;

	soft->calls++;
	res->host_calls = 1;
	if (req->type != VIQ_CALL_SMMUV3) {
		soft_execute_fail(contract, VIQ_CALL_UNSUPPORTED, 0, res);
		return false;
	}
	target.viommu = soft_viommu_find(soft, req->object, &err);
	if (err) {
		soft_execute_fail(contract, VIQ_CALL_GONE, 0, res);
		return false;
	}
	soft->entries += soft_execute(&executor, &target, contract, &target.viommu->injection, req, count, res);
	return count;
}

static int soft_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct viq_soft *soft = opaque;
	struct soft_retired retired = {0};
	int64_t count;
	int ret;

	if (!soft || !req || !res || res->size != sizeof(*res))
		return -EINVAL;
	count = soft_count_entries(&executor, VIQ_CALL_SMMUV3, req);
	if (count < 0)
		return count;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	*res = (struct viq_call_result){.size = sizeof(*res)};
	retired.caches = run(soft, req, count, res);
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
	static const struct viq_call_host_ops exact = {
		.size = sizeof(exact), .report_group = 1, .invalidate = soft_invalidate, .stream = soft_stream};
	static const struct viq_call_host_ops linux_like = {
		.size = sizeof(linux_like), .report_group = 63, .invalidate = soft_invalidate, .stream = soft_stream};
	bool is_exact = !soft || soft->config.contract == VIQ_SOFT_EXACT;

	return (struct viq_call_host){.ops = is_exact ? &exact : &linux_like, .opaque = soft, .object = viommu};
}

int viq_soft_inject(struct viq_soft *soft, uint32_t viommu, const struct viq_soft_inject *inject)
{
	struct soft_retired retired = {0};
	struct soft_viommu *v;
	int ret;

	if (!soft || !soft_inject_ok(inject))
		return -EINVAL;
	ret = soft_lock(soft);
	if (ret)
		return ret;
	v = soft_viommu_find(soft, viommu, &ret);
	if (!ret)
		soft_inject_arm(&v->injection, inject);
	soft_unlock(soft, &retired);
	return ret;
}
