/* SPDX-License-Identifier: MIT */
/*
 * The invalidate call: entries are checked and issued group by group, as the contract says, under the host's lock. One
 * grace period after the last of them, without the lock, ends every access that used what they removed.
 */
#include <endian.h>
#include <errno.h>

#include "command.h"
#include "contract.h"

/* Where we are in a gather list. */
struct cursor {
	const struct viq_call_request *req;
	uint32_t piece, index;
};

static void next_entry(struct cursor *c, uint64_t cmd[2])
{
	const uint64_t *entry;

	while (c->index == c->req->pieces[c->piece].count) {
		c->piece++;
		c->index = 0;
	}
	entry = (const uint64_t *)c->req->pieces[c->piece].entries + (size_t)c->index++ * 2;
	cmd[0] = le64toh(entry[0]);
	cmd[1] = le64toh(entry[1]);
}

struct call {
	struct viq_soft *soft;
	struct soft_viommu *viommu;
	const struct soft_contract *contract;
	uint32_t count;
	bool timed_out;               /* an ATC_INV was not confirmed */
	uint32_t first_atc, last_atc; /* since the last sync; first > last: none */
	struct soft_failure failure;
};

/* Check a group's entries before any of it is issued. On a bad one false, with call->failure. */
static bool check_group(struct call *call, struct cursor c, uint32_t start, uint32_t end)
{
	struct soft_injection *injection = &call->viommu->injection;
	uint64_t cmd[2];

	for (uint32_t i = start; i < end; i++) {
		enum viq_call_error error = VIQ_CALL_NONE;

		next_entry(&c, cmd);
		if (soft_inject_strikes(injection, VIQ_SOFT_FAIL_GONE, i, cmd))
			error = VIQ_CALL_GONE;
		else if (!soft_command_check(call->soft, call->viommu, cmd) ||
			 soft_inject_strikes(injection, VIQ_SOFT_FAIL_ILLEGAL, i, cmd))
			error = VIQ_CALL_ILLEGAL;
		if (!error)
			continue;
		call->failure = (struct soft_failure){.error = error, .refused = true, .at = i, .first = i, .last = i};
		return false;
	}
	return true;
}

/* Issue one entry. False, with call->failure: the hardware failed. */
static bool issue(struct call *call, uint32_t i, const uint64_t cmd[2])
{
	struct soft_injection *injection = &call->viommu->injection;

	if (soft_inject_strikes(injection, VIQ_SOFT_FAIL_HARDWARE, i, cmd)) {
		call->failure = (struct soft_failure){
			.error = VIQ_CALL_FAILED,
			.at = i,
			.first = i - (injection->before < i ? injection->before : i),
			.last = i + (injection->after < call->count - 1 - i ? injection->after : call->count - 1 - i),
		};
		return false;
	}
	if (VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0]) == VIQ_SMMUV3_OP_ATC_INV) {
		if (call->first_atc > call->last_atc)
			call->first_atc = i;
		call->last_atc = i;
	}
	if (soft_inject_strikes(injection, VIQ_SOFT_FAIL_ATC_TIMEOUT, i, cmd))
		call->timed_out = true;
	else if (!soft_inject_strikes(injection, VIQ_SOFT_FAIL_DROP, i, cmd))
		soft_command_run(call->soft, call->viommu, cmd);
	call->soft->entries++;
	return true;
}

static bool issue_group(struct call *call, struct cursor *c, uint32_t start, uint32_t end)
{
	uint64_t cmd[2];

	for (uint32_t i = start; i < end; i++) {
		next_entry(c, cmd);
		if (!issue(call, i, cmd))
			return false;
	}
	return true;
}

/* A CMD_SYNC after what was issued so far: an unconfirmed ATC_INV shows now, and which one it was does not. */
static bool sync(struct call *call)
{
	bool ok = !call->timed_out;

	if (!ok)
		call->failure = (struct soft_failure){
			.error = VIQ_CALL_TIMEOUT,
			.at = call->first_atc,
			.first = call->first_atc,
			.last = call->last_atc,
		};
	call->first_atc = UINT32_MAX;
	call->last_atc = 0;
	call->timed_out = false;
	return ok;
}

/* True: every entry took effect. */
static bool execute(struct call *call, struct cursor c)
{
	const struct soft_contract *contract = call->contract;

	for (uint32_t start = 0, end; start < call->count; start = end) {
		bool ok;

		end = call->count - start > contract->group ? start + contract->group : call->count;
		ok = check_group(call, c, start, end) && issue_group(call, &c, start, end);
		/* What was issued before a failure is synchronised too; a time-out among it is the earlier failure. */
		if (!ok || end == call->count || !contract->sync_at_end)
			ok = sync(call) && ok;
		call->failure.group = start;
		call->failure.group_end = end - 1;
		if (!ok)
			return false;
	}
	return true;
}

static void fail_call(const struct call *call, enum viq_call_error error, uint32_t handled, struct viq_call_result *res)
{
	struct soft_failure failure = {.error = error};

	soft_contract_report(call->contract, &failure, res);
	res->handled = handled;
	res->suspect = handled;
}

/* Under the lock. True if something was issued. */
static bool run(struct viq_soft *soft, const struct viq_call_request *req, uint32_t count, struct viq_call_result *res)
{
	struct call call = {.soft = soft, .contract = soft_contract(soft->config.contract), .count = count};
	int err;

	call.first_atc = UINT32_MAX;
	soft->calls++;
	res->host_calls = 1;
	if (req->type != VIQ_CALL_SMMUV3) {
		fail_call(&call, VIQ_CALL_UNSUPPORTED, 0, res);
		return false;
	}
	call.viommu = soft_viommu_find(soft, req->object, &err);
	if (err) {
		fail_call(&call, VIQ_CALL_GONE, 0, res);
		return false;
	}
	if (soft_inject_call(&call.viommu->injection, count)) {
		fail_call(&call, VIQ_CALL_NO_MEMORY, count, res);
		return false;
	}
	if (execute(&call, (struct cursor){.req = req})) {
		res->handled = count;
		res->suspect = count;
	} else {
		soft_contract_report(call.contract, &call.failure, res);
	}
	return count;
}

/* The number of entries, or -EINVAL. */
static int64_t count_entries(const struct viq_call_request *req)
{
	uint64_t count = 0;

	if (req->size != sizeof(*req) || req->reserved || req->piece_count > VIQ_CALL_MAX_PIECES ||
	    (req->piece_count && !req->pieces))
		return -EINVAL;
	for (uint32_t i = 0; i < req->piece_count; i++) {
		if (req->pieces[i].count && (!req->pieces[i].entries || (uintptr_t)req->pieces[i].entries % 8))
			return -EINVAL;
		count += req->pieces[i].count;
	}
	if (count > VIQ_CALL_MAX_ENTRIES || (req->type == VIQ_CALL_SMMUV3 && req->entry_size != VIQ_SMMUV3_CMD_SIZE))
		return -EINVAL;
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
	count = count_entries(req);
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
