/* SPDX-License-Identifier: MIT */
/*
 * The batch: commands that were read and checked, and what the host's answer means for the guest.
 *
 *   host's answer                               guest sees
 *   all handled                                 CONS behind the batch
 *   one entry illegal, and exactly which        CERROR_ILL at that command
 *   time-out or failure, an ATC_INV suspected   nothing yet: the other commands are completed by further calls, the
 *                                               ATC_INVs are retained, and the next CMD_SYNC reports
 *                                               CERROR_ATC_INV_SYNC (7.1: which one failed is unknown)
 *   any failure, with an entry suspected whose  nothing: the commands are read again, and find no such stream
 *   stream has left meanwhile
 *   anything else: no memory, object gone, ...  nothing: the queue waits at the first command that is not confirmed
 *                                               (guest/hostwait.h)
 *
 * In each case CONS passes exactly what took effect, and a CMD_SYNC completes only when nothing is left unconfirmed.
 */
#include <errno.h>
#include <string.h>

#include "smmuv3.h"

void smmuv3_batch_drop(struct viq_smmuv3 *s)
{
	s->batch.count = 0;
	s->batch.hole_count = 0;
	s->batch.asks = false;
}

static void load_entry(const le64 entry[2], uint64_t cmd[2])
{
	cmd[0] = le64_get(entry[0]);
	cmd[1] = le64_get(entry[1]);
}

static bool is_atc_inv(const le64 entry[2])
{
	return (le64_get(entry[0]) & VIQ_SMMUV3_CMD_OP) == VIQ_SMMUV3_OP_ATC_INV;
}

/* Tell the trace hook of entries [from, to), the first of which has this queue index; as settle(). */
static void trace_entries(const struct viq_smmuv3 *s, uint32_t from, uint32_t to, uint32_t index, uint32_t atc)
{
	for (uint32_t i = from; i < to; i++) {
		const le64 *entry = s->batch.entries[i];
		uint64_t cmd[2];

		load_entry(entry, cmd);
		smmuv3_trace(s, index + (i - from), cmd,
			     i >= atc && is_atc_inv(entry) ? VIQ_SMMUV3_FATE_RETAINED : VIQ_SMMUV3_FATE_HOST, 0);
	}
}

/*
 * The commands before entry n, holes among them, are consumed: they are traced, and what concerned no stream is
 * counted. ATC_INVs from entry atc on have been retained. The commands from entry n on are not: they are taken out of
 * the statistics. Returns the queue index of entry n.
 */
static uint32_t settle(struct viq_smmuv3 *s, uint32_t n, uint32_t atc)
{
	const struct smmuv3_batch *b = &s->batch;
	uint32_t entry = 0, passed = 0;

	/* The entries before each hole, and it; at last those behind all holes. */
	for (uint32_t h = 0; h <= b->hole_count; h++) {
		const struct smmuv3_hole *hole = h < b->hole_count ? &b->holes[h] : NULL;
		uint32_t end = hole ? hole->before : b->count;

		if (s->ops.trace)
			trace_entries(s, entry, end < n ? end : n, b->first + entry + passed, atc);
		for (entry = entry > n ? entry : n; entry < end; entry++)
			s->counters.commands[le64_get(b->entries[entry][0]) & VIQ_SMMUV3_CMD_OP]--;
		entry = end;
		if (hole && end <= n) {
			s->counters.no_stream += hole->fate == VIQ_SMMUV3_FATE_NO_STREAM;
			smmuv3_trace(s, b->first + end + passed++, hole->cmd, hole->fate, 0);
		} else if (hole) {
			s->counters.commands[hole->cmd[0] & VIQ_SMMUV3_CMD_OP]--;
		}
	}
	return (b->first + n + passed) & s->cmdq.mask;
}

/* What is not plain success, though it may be success. */
static __attribute__((noinline)) void count_answer(struct viq_smmuv3 *s, const struct viq_call_result *res)
{
	s->counters.host_calls += res->host_calls;
	s->counters.entries += res->handled;
	s->counters.call_errors[res->error]++;
	budget_spend_call(&s->budget, res);
	if (res->error && s->ops.host_error)
		s->ops.host_error(s->config.opaque, res);
}

void smmuv3_batch_init(struct viq_smmuv3 *s)
{
	call_form_init(&s->batch.form, VIQ_CALL_SMMUV3, VIQ_SMMUV3_CMD_SIZE);
	s->batch.form.request.object = s->config.host.object;
	s->batch.form.piece.entries = s->batch.entries;
}

/* As call_plain(). */
static inline bool call(struct viq_smmuv3 *s, const struct viq_call_request *req, uint32_t count,
			struct viq_call_result *res)
{
	bool plain = call_plain(&s->config.host, req, count, res);

	s->counters.calls++;
	if (!plain) {
		count_answer(s, res);
		return false;
	}
	s->counters.host_calls++;
	s->counters.entries += count;
	s->counters.call_errors[VIQ_CALL_NONE]++;
	budget_spend(&s->budget, VIQ_WORK_CALL);
	return true;
}

void smmuv3_call(struct viq_smmuv3 *s, const struct viq_call_piece *pieces, uint32_t piece_count, uint32_t count,
		 struct viq_call_result *res)
{
	struct viq_call_request req = s->batch.form.request;

	req.pieces = pieces;
	req.piece_count = piece_count;
	if (call(s, &req, count, res))
		call_plain_answer(res, count);
}

/* The batch is consumed, its ATC_INVs from entry atc on without confirmation: CONS moves to head. */
static void confirm(struct viq_smmuv3 *s, uint32_t atc)
{
	/* Mostly there is nothing to tell. */
	if (s->batch.hole_count || s->ops.trace)
		settle(s, s->batch.count, atc);
	smmuv3_batch_drop(s);
	smmuv3_cons_move(s, s->head);
}

/* Is an ATC_INV among entries [first, last]? *sid: its stream's, if all of them are of one; else UINT64_MAX. */
static bool suspects_atc(const struct viq_smmuv3 *s, uint32_t first, uint32_t last, uint64_t *sid)
{
	bool found = false;

	*sid = UINT64_MAX;
	for (uint32_t i = first; i <= last; i++) {
		uint64_t mine = VIQ_GET(VIQ_SMMUV3_CMD_SID, le64_get(s->batch.entries[i][0]));

		if (!is_atc_inv(s->batch.entries[i]))
			continue;
		*sid = !found || *sid == mine ? mine : UINT64_MAX;
		found = true;
	}
	return found;
}

/* The batch's entry that is the i-th of these pieces of it. */
static uint32_t entry_of(const struct smmuv3_batch *b, const struct viq_call_piece *piece, uint32_t i)
{
	for (; i >= piece->count; piece++)
		i -= piece->count;
	return (uint32_t)(((const char *)piece->entries - (const char *)b->entries) / VIQ_SMMUV3_CMD_SIZE) + i;
}

/*
 * Complete the entries from *end on that are not ATC_INVs: each call gathers as many runs of them as it can. The batch
 * stays as it is. *end: behind those that were completed, *res: why it is not the batch's end; without an error the
 * budget was used up, after one call at least.
 */
static void complete_others(struct viq_smmuv3 *s, uint32_t *end, struct viq_call_result *res)
{
	const struct smmuv3_batch *b = &s->batch;
	uint32_t n = *end;

	while (n < b->count) {
		struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
		uint32_t used = 0, total = 0;

		while (n < b->count && used < VIQ_CALL_MAX_PIECES) {
			uint32_t first = n;

			while (n < b->count && !is_atc_inv(b->entries[n]))
				n++;
			if (n > first)
				pieces[used++] = (struct viq_call_piece){b->entries[first], n - first};
			total += n - first;
			while (n < b->count && is_atc_inv(b->entries[n]))
				n++;
		}
		if (!total) {
			*end = n;
			break;
		}
		smmuv3_call(s, pieces, used, total, res);
		if (res->error) {
			res->suspect = entry_of(b, pieces, res->suspect);
			*end = res->handled = entry_of(b, pieces, res->handled);
			return;
		}
		*end = n;
		if (!s->budget.left)
			break;
	}
}

/* The ATC_INVs among entries [n, end) are consumed but not confirmed. Returns end, or the first that has no place. */
static uint32_t retain(struct viq_smmuv3 *s, uint32_t n, uint32_t end)
{
	for (; n < end; n++) {
		if (!is_atc_inv(s->batch.entries[n]))
			continue;
		if (!smmuv3_retain(s, le64_get(s->batch.entries[n][0])))
			break;
		s->retained.unreported = true;
	}
	return n;
}

/* Does an entry among [first, last] name a stream that its host does not know, or has no ATC behind, any more? */
static bool stream_left(const struct viq_smmuv3 *s, uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++) {
		const uint64_t word = le64_get(s->batch.entries[i][0]);

		if (!smmuv3_stream_serves(s, s->rules[word & VIQ_SMMUV3_CMD_OP].kind,
					  (uint32_t)VIQ_GET(VIQ_SMMUV3_CMD_SID, word)))
			return true;
	}
	return false;
}

/* Of the batch's entries those before res->handled are consumed, with ATC_INVs from entry atc on retained. */
static bool stop_at_entry(struct viq_smmuv3 *s, const struct viq_call_result *res, uint32_t atc)
{
	uint32_t index = settle(s, res->handled, atc);
	uint64_t cmd[2];

	load_entry(s->batch.entries[res->handled], cmd);
	if (res->error == VIQ_CALL_NONE) {
		smmuv3_stand(s, index);
	} else if (stream_left(s, res->handled, res->suspect)) {
		/* The commands are read again, and find out which streams there are now. */
		smmuv3_stand(s, index);
		s->again = true;
	} else if (res->error == VIQ_CALL_ILLEGAL && res->handled == res->suspect) {
		smmuv3_stop(s, index, VIQ_SMMUV3_CERROR_ILL, cmd);
	} else {
		smmuv3_host_failed(s, index, cmd, res);
	}
	return false;
}

static __attribute__((noinline)) bool failed(struct viq_smmuv3 *s, struct viq_call_result *res)
{
	const struct viq_call_result first = *res;
	uint32_t end = first.handled;
	uint64_t sid;

	if ((first.error != VIQ_CALL_TIMEOUT && first.error != VIQ_CALL_FAILED) ||
	    !suspects_atc(s, first.handled, first.suspect, &sid) || stream_left(s, first.handled, first.suspect))
		return stop_at_entry(s, res, first.handled);
	complete_others(s, &end, res);
	res->handled = retain(s, first.handled, end);
	/* If the other commands failed before it, it was not the device. */
	if (sid != UINT64_MAX && smmuv3_retained_has(s, (uint32_t)sid))
		smmuv3_device_timeout(s, (uint32_t)sid);
	if (res->handled == s->batch.count) {
		confirm(s, first.handled);
		return true;
	}
	if (res->handled < end) {
		end = res->handled;
		*res = first;
		res->handled = res->suspect = end;
	}
	return stop_at_entry(s, res, first.handled);
}

bool smmuv3_batch_confirm(struct viq_smmuv3 *s)
{
	struct smmuv3_batch *b = &s->batch;
	struct viq_call_result res;

	b->form.piece.count = b->count;
	if (b->count && !call(s, &b->form.request, b->count, &res) && res.error != VIQ_CALL_NONE)
		return failed(s, &res);
	confirm(s, b->count);
	return true;
}
