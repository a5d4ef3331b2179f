/* SPDX-License-Identifier: MIT */
/*
 * The invalidate call: entries are run under the lock of the guest's bucket. One grace period after the last of them,
 * without the lock, ends every access that used what they removed.
 */
#include <errno.h>

#include "base/le.h"
#include "command.h"
#include "host/soft/execute.h"

/* Who wants the lock has soft->lock, and is done with both before that is free. The vIOMMU may have gone then. */
static bool let_go(struct soft_target *t) MUST_HOLD(t->guests->lock)
{
	const uint32_t id = t->viommu->object.id;

	pthread_mutex_unlock(&t->guests->lock);
	pthread_mutex_lock(&t->soft->lock);
	pthread_mutex_unlock(&t->soft->lock);
	pthread_mutex_lock(&t->guests->lock);
	t->viommu = soft_guest_find(t->guests, id);
	if (t->viommu)
		soft_target_begin(t);
	return t->viommu;
}

static bool run_entry(void *opaque, const void *entry)
{
	struct soft_target *t = opaque;
	const le64 *words = entry;
	const uint64_t cmd[2] = {le64_get(words[0]), le64_get(words[1])};

	guard_held(&t->guests->lock);
	if (atomic_load_explicit(&t->guests->wanted, memory_order_relaxed) && !let_go(t))
		return false;
	return soft_command_run(t, cmd);
}

static void count(soft_word *word, uint32_t more)
{
	atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + more, memory_order_relaxed);
}

static void run(struct soft_target *t, const struct viq_call_request *req, uint32_t entries,
		struct viq_call_result *res) MUST_HOLD(t->guests->lock)
{
	uint32_t done;

	count(&t->guests->calls, 1);
	if (req->type != VIQ_CALL_SMMUV3) {
		res->error = VIQ_CALL_UNSUPPORTED;
		return;
	}
	t->viommu = soft_guest_find(t->guests, req->object);
	if (!t->viommu) {
		res->error = VIQ_CALL_GONE;
		return;
	}
	soft_target_begin(t);
	done = soft_execute(req, VIQ_SMMUV3_CMD_SIZE / sizeof(uint64_t), run_entry, t);
	count(&t->guests->entries, done);
	soft_report(res, entries, done, VIQ_SMMUV3_CERROR_ILL);
	if (!t->viommu) {
		res->error = VIQ_CALL_GONE;
		res->hw_code = 0;
	}
}

static int soft_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct soft_target target = {.soft = opaque};
	int64_t entries;

	if (!opaque || !req || !res || res->size < sizeof(*res))
		return -EINVAL;
	entries = soft_count_entries(req, VIQ_CALL_SMMUV3, VIQ_SMMUV3_CMD_SIZE);
	if (entries < 0)
		return (int)entries;
	if (soft_in_section())
		return -EDEADLK;
	*res = (struct viq_call_result){.size = sizeof(*res), .host_calls = 1};
	target.guests = soft_guests(target.soft, req->object);
	pthread_mutex_lock(&target.guests->lock);
	run(&target, req, (uint32_t)entries, res);
	pthread_mutex_unlock(&target.guests->lock);
	if (res->handled)
		soft_grace_period();
	return 0;
}

static uint32_t soft_stream(void *opaque, uint32_t object, uint32_t sid)
{
	const struct soft_viommu *viommu;
	const struct soft_vdevice *vdevice;
	struct soft_guests *guests;
	uint32_t answer = 0;

	if (!opaque)
		return 0;
	guests = soft_guests(opaque, object);
	pthread_mutex_lock(&guests->lock);
	viommu = soft_guest_find(guests, object);
	vdevice = viommu ? soft_vdevice_find(viommu, sid) : NULL;
	if (vdevice)
		answer = VIQ_CALL_STREAM_KNOWN | (soft_dev_uses_ats(vdevice->dev) ? VIQ_CALL_STREAM_ATS : 0);
	pthread_mutex_unlock(&guests->lock);
	return answer;
}

struct viq_call_host viq_soft_host(struct viq_soft *soft, uint32_t viommu)
{
	static const struct viq_call_host_ops ops = {
		.size = sizeof(ops), .report_group = 1, .invalidate = soft_invalidate, .stream = soft_stream};

	return (struct viq_call_host){.ops = &ops, .opaque = soft, .object = viommu};
}
