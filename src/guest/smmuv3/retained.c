/* SPDX-License-Identifier: MIT */
/*
 * ATC_INVs that a device has not answered (IHI 0070 3.9.1.4, 7.1): kept aside, so that they do not hold the commands of
 * others, and given to the host again before a CMD_SYNC completes.
 *
 * Of a device everything is kept, in the place of its many ATC_INVs: at most one command without SubstreamID and one
 * for all of them. They are sorted by StreamID, and each device is a call of its own, so that one that answers is not
 * held by one that does not. While a device has any, further ATC_INVs for it are kept here at once: to ask it again
 * takes a time-out, and only a CMD_SYNC needs to know.
 *
 * Nothing is kept any more of a device that is gone, or cannot use its ATC: what the embedder makes of it when it hears
 * of the time-out.
 */
#include <string.h>

#include "smmuv3.h"

static uint32_t sid_of(const le64 entry[2])
{
	return (uint32_t)VIQ_GET(VIQ_SMMUV3_CMD_SID, le64_get(entry[0]));
}

/* The first place whose word 0, of which the StreamID is the upper half, is not below this one. */
static uint32_t place(const struct smmuv3_retained *r, uint64_t word)
{
	uint32_t low = 0, high = r->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (le64_get(r->entries[mid][0]) < word)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool smmuv3_retained_has(const struct viq_smmuv3 *s, uint32_t sid)
{
	const struct smmuv3_retained *r = &s->retained;
	uint32_t i = place(r, VIQ_PUT(VIQ_SMMUV3_CMD_SID, sid));

	return i < r->count && sid_of(r->entries[i]) == sid;
}

/* Those whose stream is gone, or has no ATC any more, concern nobody now. */
static void prune(struct viq_smmuv3 *s)
{
	struct smmuv3_retained *r = &s->retained;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		if (smmuv3_stream_serves(s, SMMUV3_ATC_INV, sid_of(r->entries[i])))
			memmove(r->entries[kept++], r->entries[i], sizeof(r->entries[0]));
	}
	r->count = kept;
}

bool smmuv3_retain(struct viq_smmuv3 *s, uint64_t word)
{
	struct smmuv3_retained *r = &s->retained;
	uint32_t i;

	word &= VIQ_SMMUV3_CMD_OP | VIQ_SMMUV3_CMD_SID | VIQ_SMMUV3_CMD_SSV;
	if (word & VIQ_SMMUV3_CMD_SSV)
		word |= VIQ_SMMUV3_ATC_G;
	i = place(r, word);
	if (i < r->count && le64_get(r->entries[i][0]) == word)
		return true;
	if (r->count == RETAINED_ENTRIES) {
		prune(s);
		if (r->count == RETAINED_ENTRIES)
			return false;
		i = place(r, word);
	}
	memmove(r->entries[i + 1], r->entries[i], (r->count - i) * sizeof(r->entries[0]));
	r->entries[i][0] = le64_put(word);
	r->entries[i][1] = le64_put(VIQ_PUT(VIQ_SMMUV3_ATC_1_SIZE, VIQ_SMMUV3_ATC_SIZE_ALL));
	r->count++;
	return true;
}

void smmuv3_device_timeout(struct viq_smmuv3 *s, uint32_t sid)
{
	/* The embedder may block its stream, until a command has it configured. */
	smmuv3_reconfig_queued(s);
	if (s->ops.device_timeout)
		s->ops.device_timeout(s->config.opaque, sid);
}

/* The first device's, as far as the host confirms them. */
static void send_first(struct viq_smmuv3 *s, struct viq_call_result *res)
{
	struct smmuv3_retained *r = &s->retained;
	struct viq_call_piece piece = {r->entries, 1};

	while (piece.count < r->count && sid_of(r->entries[piece.count]) == sid_of(r->entries[0]))
		piece.count++;
	smmuv3_call(s, &piece, 1, piece.count, res);
	r->count -= res->handled;
	memmove(r->entries, r->entries[res->handled], r->count * sizeof(r->entries[0]));
}

static bool is_time_out(const struct viq_call_result *res)
{
	return res->error == VIQ_CALL_TIMEOUT || res->error == VIQ_CALL_FAILED;
}

/* One device, more as far as the budget goes, and up to the first device that still does not answer. */
static void send_again(struct viq_smmuv3 *s, struct viq_call_result *res)
{
	struct smmuv3_retained *r = &s->retained;

	budget_spend(&s->budget, r->count);
	prune(s);
	if (!r->count)
		return;
	do
		send_first(s, res);
	while (!res->error && r->count && s->budget.left);
	if (!res->error)
		return;
	if (is_time_out(res))
		smmuv3_device_timeout(s, sid_of(r->entries[0]));
	prune(s);
}

bool smmuv3_retained_settle(struct viq_smmuv3 *s, const uint64_t cmd[2])
{
	struct smmuv3_retained *r = &s->retained;
	struct viq_call_result res = {.error = VIQ_CALL_NONE};
	bool report = r->unreported;

	r->unreported = false;
	if (!report)
		send_again(s, &res);
	if (!report && !r->count)
		return true;
	/* The budget has ended, and the CMD_SYNC is gone on with later. */
	if (!report && !res.error)
		return false;
	if (report || is_time_out(&res))
		smmuv3_stop(s, s->head, VIQ_SMMUV3_CERROR_ATC_INV_SYNC, cmd);
	else
		smmuv3_host_failed(s, s->head, cmd, &res);
	return false;
}
