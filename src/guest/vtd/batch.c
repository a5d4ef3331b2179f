/* SPDX-License-Identifier: MIT */
/*
 * The batch: descriptors that were read and checked, and what the hosts' answers mean for the guest.
 *
 * One descriptor becomes an entry for each target that it concerns. A target's entries stay in queue order in one array
 * of its own; each array is one invalidate call. The answers are brought back to queue order: every failure has the
 * position of the descriptor that its entry was made from, and the lowest one counts.
 *
 *   host's answer                         guest sees
 *   all handled, by every host            IQH behind the batch
 *   one entry illegal, and exactly which  IQE, IQEI = 4, IQH at its descriptor
 *   anything else                         nothing: the queue waits (guest/hostwait.h), IQH at the first descriptor
 *                                         that is not confirmed everywhere
 *
 * Once a call has failed, the others are cut to what lies before that descriptor: more would be useless. They come
 * after it in no order that a guest can see.
 */
#include <string.h>

#include "base/assert.h"
#include "base/minmax.h"

#include "vtd.h"

/* --- Filling ------------------------------------------------------------------------------------------------------ */

/* The next count descriptors are part of it now. They are counted, and uncounted if they are read again. */
static inline void extend(struct viq_vtd *s, unsigned int type, uint32_t count, uint8_t fate)
{
	struct vtd_batch *b = &s->batch;

	b->kind[b->taken] = (uint8_t)(type | (unsigned int)fate << 4);
	if (count > 1)
		memset(&b->kind[b->taken], b->kind[b->taken], count);
	b->taken += count;
	s->head = vtd_next(s, s->head, count);
	s->counters.descriptors[type] += count;
	s->counters.no_table += fate == VIQ_VTD_FATE_NO_TABLE ? count : 0;
}

void vtd_batch_add(struct viq_vtd *s, unsigned int type, uint8_t fate)
{
	extend(s, type, 1, fate);
}

/* Field by field: compilers put a struct together elsewhere, and copying it by wider loads waits for the stores. */
static inline void fill_entry(struct viq_vtd_s1_entry *e, struct vtd_span span, bool leaf)
{
	/* Whatever the hint says, of everything nothing is kept. */
	e->addr = span.bytes ? span.addr : 0;
	e->npages = span.bytes ? span.bytes / 4096 : VIQ_VTD_S1_ALL;
	e->flags = span.bytes && leaf ? VIQ_VTD_S1_LEAF : 0;
	e->reserved = 0;
}

/* The target's next entries are of the descriptors at the batch's end, which are added next. */
static inline void open_stretch(struct viq_vtd *s, struct vtd_target *t)
{
	if (t->count) {
		const struct vtd_stretch *last = &t->slate->stretches[t->stretch_count - 1];

		if (last->position + (t->count - last->entry) == s->batch.taken)
			return;
	} else {
		/* A further table's call in advance: no more is read than the calls for it may cost. */
		ASSERT(s->tables.free_slates);
		t->next_active = NULL;
		t->slate = s->tables.slate;
		s->tables.slate = t->slate->next;
		s->tables.free_slates--;
		if (s->tables.active) {
			budget_spend(&s->budget, VIQ_WORK_CALL);
			s->tables.last_active->next_active = t;
		} else {
			s->tables.active = t;
		}
		s->tables.last_active = t;
	}
	t->slate->stretches[t->stretch_count++] = (struct vtd_stretch){(uint16_t)t->count, (uint16_t)s->batch.taken};
}

/* The target's next entry. */
static inline struct viq_vtd_s1_entry *next_entry(struct viq_vtd *s, struct vtd_target *t)
{
	open_stretch(s, t);
	t->slate->same = min_u32(t->slate->same, t->count);
	return &t->slate->entries[t->count++];
}

static void add_entry(struct viq_vtd *s, struct vtd_target *t, struct vtd_span span, bool leaf)
{
	fill_entry(next_entry(s, t), span, leaf);
}

/* The position of an entry's descriptor. */
static uint32_t position_of(const struct vtd_target *t, uint32_t entry)
{
	const struct vtd_stretch *p = &t->slate->stretches[t->stretch_count - 1];

	while (p->entry > entry)
		p--;
	return p->position + (entry - p->entry);
}

/* How many entries of a target belong to descriptors before this position. */
static uint32_t entries_before(const struct vtd_target *t, uint32_t position)
{
	uint32_t end = t->count;

	for (uint32_t i = t->stretch_count; i-- > 0; end = t->slate->stretches[i].entry) {
		const struct vtd_stretch *p = &t->slate->stretches[i];

		if (p->position >= position)
			continue;
		return end - p->entry < position - p->position ? end : p->entry + (position - p->position);
	}
	return 0;
}

/* stage2: the span is one of second stages, of which other tables know nothing: they lose all. */
static struct vtd_span span_in(const struct vtd_target *t, struct vtd_span span, bool stage2)
{
	return stage2 && !t->stage2 ? (struct vtd_span){0, 0} : span;
}

static uint32_t without_entries(const struct viq_vtd *s, struct vtd_run run)
{
	uint32_t n = 0;

	for (; run.first; vtd_run_step(&s->tables.targets, &run))
		n += !vtd_target_of(run.first)->count;
	return n;
}

/*
 * Does the target's last entry invalidate all of it? Then another of the kind is done with it: the call that carries it
 * is made after both descriptors were read.
 */
static bool has_all(const struct vtd_target *t)
{
	return t->count && t->slate->entries[t->count - 1].npages == VIQ_VTD_S1_ALL;
}

static inline vtd_entry_rest rest_of(const struct vtd_model *model)
{
	vtd_entry_rest rest;

	memcpy(&rest, &model->entry.npages, sizeof(rest));
	return rest;
}

static inline void fill_like(struct viq_vtd_s1_entry *e, uint64_t addr, vtd_entry_rest rest)
{
	e->addr = addr;
	memcpy(&e->npages, &rest, sizeof(rest));
}

/*
 * Entries from number at on, of descriptors that are like the model. A guest that unmaps much has batch after batch
 * filled with the same but for the addresses, and then these are all that is stored.
 */
static __attribute__((noinline)) void fill(struct vtd_slate *slate, uint32_t at, const le64 (*desc)[2], uint32_t count,
					   const struct vtd_model *model)
{
	const vtd_entry_rest rest = rest_of(model), changed = rest ^ slate->rest;
	struct viq_vtd_s1_entry *e = slate->entries;
	const uint64_t addr = model->addr;
	const uint32_t end = at + count;
	uint32_t same;

	if (changed[0] | changed[1]) {
		slate->rest = rest;
		slate->same = 0;
	}
	same = min_u32(slate->same, end);
	if (at <= same && same < end)
		slate->same = end;
#pragma GCC unroll 8
	for (; at < same; at++, desc++)
		e[at].addr = le64_get((*desc)[1]) & addr;
#pragma GCC unroll 8
	for (; at < end; at++, desc++)
		fill_like(&e[at], le64_get((*desc)[1]) & addr, rest);
}

static inline void add_like(struct viq_vtd *s, struct vtd_target *t, uint32_t count)
{
	const struct vtd_model *model = &s->model;

	if (model->entry.npages == VIQ_VTD_S1_ALL || (model->stage2 && !t->stage2)) {
		if (!has_all(t))
			add_entry(s, t, (struct vtd_span){0, 0}, false);
		return;
	}
	open_stretch(s, t);
	fill(t->slate, t->count, &s->batch.low[s->batch.taken], count, model);
	t->count += count;
}

bool vtd_batch_add_like(struct viq_vtd *s, uint32_t count)
{
	struct vtd_run run = s->model.run;
	const uint32_t each = run.count > 1 ? run.count : 1;
	const uint8_t fate = run.count ? VIQ_VTD_FATE_HOST : VIQ_VTD_FATE_NO_TABLE;

	/* A further table's call is charged before more than one is done with it. */
	if (each > 1 || s->tables.active) {
		uint32_t fresh = without_entries(s, run);

		if (!vtd_batch_room(s, fresh))
			return false;
		count = fresh ? 1 : count;
	}
	if (count > 1)
		count = budget_covers(&s->budget, count, each);
	for (; run.first; vtd_run_step(&s->tables.targets, &run))
		add_like(s, vtd_target_of(run.first), count);
	budget_spend(&s->budget, (uint64_t)count * each - 1);
	extend(s, s->model.desc[0] & VIQ_VTD_DESC_TYPE, count, fate);
	return true;
}

bool vtd_batch_add_one(struct viq_vtd *s)
{
	const struct vtd_model *model = &s->model;
	struct vtd_target *t = vtd_target_of(model->run.first);

	if (model->run.count != 1 || (s->tables.active && !t->count))
		return vtd_batch_add_like(s, 1);
	if (model->entry.npages != VIQ_VTD_S1_ALL || !has_all(t))
		fill_like(next_entry(s, t), le64_get(s->batch.low[s->batch.taken][1]) & model->addr, rest_of(model));
	extend(s, model->desc[0] & VIQ_VTD_DESC_TYPE, 1, VIQ_VTD_FATE_HOST);
	return true;
}

static bool covers(const struct viq_vtd_s1_entry *entry, struct vtd_span span)
{
	uint64_t pages = span.bytes / 4096;

	if (entry->npages == VIQ_VTD_S1_ALL)
		return true;
	return span.bytes && span.addr >= entry->addr && pages <= entry->npages &&
	       (span.addr - entry->addr) / 4096 <= entry->npages - pages;
}

void vtd_batch_cover(struct viq_vtd *s, struct vtd_target *t, struct vtd_span span)
{
	if (t->count && covers(&t->slate->entries[t->count - 1], span))
		return;
	add_entry(s, t, span, true);
	budget_spend(&s->budget, 1);
}

void vtd_batch_drop(struct viq_vtd *s)
{
	for (struct vtd_target *t = s->tables.active; t; t = t->next_active) {
		t->count = t->stretch_count = 0;
		t->slate->next = s->tables.slate;
		s->tables.slate = t->slate;
	}
	s->tables.free_slates = s->tables.slates;
	s->tables.active = NULL;
	s->batch.first = s->batch.taken;
}

/* --- Emptying ----------------------------------------------------------------------------------------------------- */

/* Of several devices behind one table no host says which did not answer. */
static void tell(struct viq_vtd *s, const struct vtd_target *target, const struct viq_call_result *res)
{
	struct vtd_run all = vtd_attachments_all(s);

	if (s->ops.host_error)
		s->ops.host_error(s->config.opaque, vtd_table_of(s, target), res);
	if (res->error != VIQ_CALL_TIMEOUT)
		return;
	for (; all.first; vtd_run_step(&s->tables.attachments, &all)) {
		const struct vtd_attachment *a = vtd_attachment_of(all.first);

		if (a->target == target && a->table.flags & VIQ_VTD_DEVTLB_IMPLIED)
			vtd_device_timeout(s, a->table.source_id);
	}
}

/* What is not plain success, though it may be success. */
static __attribute__((noinline)) void count_answer(struct viq_vtd *s, const struct vtd_target *t,
						   const struct viq_call_result *res)
{
	s->counters.host_calls += res->host_calls;
	s->counters.entries += res->handled;
	s->counters.call_errors[res->error]++;
	budget_spend_call(&s->budget, res);
	if (res->error)
		tell(s, t, res);
}

void vtd_batch_init(struct viq_vtd *s)
{
	call_form_init(&s->batch.form, VIQ_CALL_VTD_S1, sizeof(struct viq_vtd_s1_entry));
}

/* One invalidate call with entries of a target; as call_plain(). */
static inline bool call(struct viq_vtd *s, const struct vtd_target *t, const struct viq_vtd_s1_entry *entries,
			uint32_t count, struct viq_call_result *res)
{
	struct call_form *form = &s->batch.form;
	bool plain;

	form->request.object = t->host.object;
	form->piece = (struct viq_call_piece){entries, count};
	plain = call_plain(&t->host, &form->request, count, res);
	s->counters.calls++;
	if (!plain) {
		count_answer(s, t, res);
		return false;
	}
	s->counters.host_calls++;
	s->counters.entries += count;
	s->counters.call_errors[VIQ_CALL_NONE]++;
	budget_spend(&s->budget, VIQ_WORK_CALL);
	return true;
}

/* Of one that is traced: if nobody does, it may not have been kept. */
static void load_desc(const struct viq_vtd *s, uint32_t position, uint64_t desc[4])
{
	desc[0] = le64_get(s->batch.low[position][0]);
	desc[1] = le64_get(s->batch.low[position][1]);
	/* Checked to be 0. */
	desc[2] = desc[3] = 0;
}

static uint32_t slot_of(const struct viq_vtd *s, uint32_t position)
{
	return vtd_next(s, s->head, position - s->batch.taken);
}

/* Tell the trace hook the fate of the descriptors before this position. */
static __attribute__((noinline)) void trace_each(const struct viq_vtd *s, uint32_t end)
{
	const struct vtd_batch *b = &s->batch;
	uint64_t desc[4];

	for (uint32_t i = b->first; i < end; i++) {
		load_desc(s, i, desc);
		vtd_trace(s, slot_of(s, i), desc, b->kind[i] >> 4, 0);
	}
}

static inline void trace_consumed(const struct viq_vtd *s, uint32_t end)
{
	if (s->ops.trace)
		trace_each(s, end);
}

/* The descriptors from this position on are not consumed after all: take them out of the statistics. */
static void uncount(struct viq_vtd *s, uint32_t position)
{
	const struct vtd_batch *b = &s->batch;

	for (uint32_t i = position; i < b->taken; i++) {
		s->counters.descriptors[b->kind[i] & VIQ_VTD_DESC_TYPE]--;
		s->counters.no_table -= b->kind[i] >> 4 == VIQ_VTD_FATE_NO_TABLE;
	}
}

static void call_failed(struct viq_vtd *s, uint32_t slot, const uint64_t desc[4], const struct viq_call_result *res)
{
	if (res->error == VIQ_CALL_ILLEGAL && res->handled == res->suspect)
		vtd_stop_error(s, slot, VIQ_VTD_IQEI_RESERVED, desc);
	else
		vtd_host_failed(s, slot, desc, res);
}

/* Without an error the descriptor at this position only was not come to. */
static bool stop_at(struct viq_vtd *s, uint32_t position, const struct viq_call_result *res)
{
	uint32_t slot = slot_of(s, position);
	uint64_t desc[4];

	load_desc(s, position, desc);
	trace_consumed(s, position);
	uncount(s, position);
	if (res->error == VIQ_CALL_NONE)
		vtd_stand(s, slot);
	else
		call_failed(s, slot, desc, res);
	return false;
}

/* The batch is consumed. */
static inline bool confirmed(struct viq_vtd *s)
{
	trace_consumed(s, s->batch.taken);
	vtd_batch_drop(s);
	vtd_iqh_set(s, s->head);
	return true;
}

/* Several tables, each a call. */
static __attribute__((noinline)) bool confirm_each(struct viq_vtd *s)
{
	const uint32_t all = s->batch.taken;
	uint32_t end = all;
	struct viq_call_result first;

	first.error = VIQ_CALL_NONE;
	for (struct vtd_target *t = s->tables.active; t; t = t->next_active) {
		uint32_t count = end == all ? t->count : entries_before(t, end);
		struct viq_call_result res;

		if (!count)
			continue;
		/* Paid for when it became active. */
		s->budget.left += t == s->tables.active ? 0 : VIQ_WORK_CALL;
		if (call(s, t, t->slate->entries, count, &res) || res.error == VIQ_CALL_NONE)
			continue;
		end = position_of(t, res.handled);
		first = res;
		/* One device that does not answer is enough. */
		if (res.error == VIQ_CALL_TIMEOUT && t->next_active) {
			uint32_t next = t->next_active->slate->stretches[0].position;

			if (next < end) {
				end = next;
				first.error = VIQ_CALL_NONE;
			}
			break;
		}
	}
	return end < all ? stop_at(s, end, &first) : confirmed(s);
}

bool vtd_batch_confirm(struct viq_vtd *s)
{
	struct vtd_target *t = s->tables.active;
	struct viq_call_result res;

	if (t && t->next_active)
		return confirm_each(s);
	/* Mostly one. */
	if (t && !call(s, t, t->slate->entries, t->count, &res) && res.error != VIQ_CALL_NONE)
		return stop_at(s, position_of(t, res.handled), &res);
	return confirmed(s);
}

bool vtd_batch_straight(struct viq_vtd *s, uint64_t qw0, uint64_t qw1)
{
	const uint64_t desc[VIQ_VTD_DESC_WORDS] = {qw0, qw1};
	struct vtd_target *t = vtd_target_of(s->model.run.first);
	uint32_t slot = s->head;
	struct viq_vtd_s1_entry entry;
	struct viq_call_result res;

	fill_like(&entry, qw1 & s->model.addr, rest_of(&s->model));
	if (!call(s, t, &entry, 1, &res) && res.error != VIQ_CALL_NONE) {
		call_failed(s, slot, desc, &res);
		return false;
	}
	s->counters.descriptors[qw0 & VIQ_VTD_DESC_TYPE]++;
	s->head = vtd_next(s, slot, 1);
	vtd_trace(s, slot, desc, VIQ_VTD_FATE_HOST, 0);
	vtd_iqh_set(s, s->head);
	return true;
}

static void call_one(struct viq_vtd *s, struct vtd_target *t, struct vtd_span span, bool leaf,
		     struct viq_call_result *res)
{
	struct viq_vtd_s1_entry entry;

	fill_entry(&entry, span, leaf);
	if (call(s, t, &entry, 1, res))
		call_plain_answer(res, 1);
}

bool vtd_batch_sweep(struct viq_vtd *s, struct vtd_sweep *sweep, struct viq_call_result *res)
{
	struct vtd_sweep next = *sweep;
	struct vtd_target *t = vtd_sweep_next(s, &next);

	if (!t)
		return false;
	call_one(s, t, (struct vtd_span){0, 0}, false, res);
	if (res->error == VIQ_CALL_NONE)
		*sweep = next;
	return true;
}

bool vtd_batch_alone(struct viq_vtd *s, const uint64_t desc[4], struct vtd_target *t, struct vtd_span span, bool leaf,
		     bool stage2)
{
	struct viq_call_result res;

	call_one(s, t, span_in(t, span, stage2), leaf, &res);
	if (res.error == VIQ_CALL_NONE)
		return true;
	call_failed(s, s->head, desc, &res);
	return false;
}
