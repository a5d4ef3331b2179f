// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "tool.h"

/* --- Records ----------------------------------------------------------------------------------------------------- */

/* Consumption numbers slots as it passes them; a record waits for its slot's number, then for a completed wait's. */
static struct slot *slot_of(const struct witness *w, uint32_t index)
{
	return &w->slots[index & (w->slot_count - 1)];
}

bool witness_record(struct witness *w, const struct replay_command *command, const struct record *record)
{
	struct record *r;

	if (w->record_count == WITNESS_MAX_RECORDS) {
		w->counts.skipped++;
		return false;
	}
	r = &w->records[w->record_count++];
	*r = *record;
	r->index = command->index;
	r->number = command->number;
	r->consumed = 0;
	if (r->waiting)
		(*r->waiting)++;
	return true;
}

/* Its slot's fate reaches a record once: the slot may be used again before a completed wait comes. */
static void learn_fate(struct witness *w, struct record *r)
{
	const struct slot *slot = slot_of(w, r->index);

	r->lost = slot->lost || slot->number != r->number;
	r->consumed = r->lost ? 0 : slot->consumed;
}

static void drop(struct record *r)
{
	if (r->waiting)
		(*r->waiting)--;
}

static void look_at_due(struct witness *w, const struct record *r)
{
	bool stale = w->guest->arch->stale(w, r);

	w->counts.checked++;
	w->counts.cached += r->cached_before;
	w->counts.gone += r->cached_before && !stale;
	w->counts.stale += stale;
}

void witness_settle(struct witness *w)
{
	size_t kept = 0;

	if (!w)
		return;
	for (size_t i = 0; i < w->record_count; i++) {
		struct record *r = &w->records[i];

		if (!r->consumed && !r->lost)
			learn_fate(w, r);
		if (r->lost) {
			w->counts.lost++;
			drop(r);
		} else if (r->consumed && r->consumed < w->last_sync) {
			drop(r);
			look_at_due(w, r);
		} else {
			w->records[kept++] = *r;
		}
	}
	w->record_count = kept;
}

void witness_consumed(struct witness *w, uint32_t index, bool sync)
{
	if (!w)
		return;
	slot_of(w, index)->consumed = ++w->sequence;
	if (sync)
		w->last_sync = w->sequence;
}

void witness_lost(struct witness *w, uint32_t index)
{
	if (w)
		slot_of(w, index)->lost = true;
}

void witness_moved(struct witness *w, uint32_t from, uint32_t to)
{
	uint64_t number;

	if (!w)
		return;
	number = slot_of(w, from)->number;
	*slot_of(w, to) = (struct slot){.number = number};
	for (size_t i = 0; i < w->record_count; i++) {
		struct record *r = &w->records[i];

		if (r->number != number)
			continue;
		r->index = to;
		r->consumed = 0;
	}
}

void witness_doorbell(struct witness *w)
{
	if (!w)
		return;
	w->doorbells++;
	w->at_doorbell = w->counts;
}

static void survey_record(struct witness *w, const struct record *r, bool consumed, struct replay_error *error)
{
	bool cached = w->guest->arch->cached(w, r);

	if (consumed) {
		error->before++;
		error->before_gone += !cached;
	} else if (r->again) {
		return; /* the earlier command decides */
	} else if (r->number == error->number) {
		error->own++;
		error->own_cached += cached;
	} else {
		error->after++;
		error->after_cached += cached;
	}
}

void witness_survey(struct witness *w, struct replay_error *error)
{
	if (!w)
		return;
	error->before = w->counts.checked - w->at_doorbell.checked;
	error->before_gone = w->counts.gone - w->at_doorbell.gone;
	for (size_t i = 0; i < w->record_count; i++) {
		const struct record *r = &w->records[i];
		const struct slot *slot = slot_of(w, r->index);

		survey_record(w, r, r->consumed || (slot->number == r->number && slot->consumed), error);
	}
}

void witness_counts(const struct witness *w, struct replay_witness_counts *counts)
{
	if (!w)
		return;
	*counts = w->counts;
	counts->waiting += w->record_count;
}

/* --- For the architectures --------------------------------------------------------------------------------------- */

void witness_note_recent(struct recent *recent, uint64_t va, unsigned int level)
{
	for (unsigned int i = 0; i < WITNESS_RECENT && i < recent->count; i++)
		if (recent->pages[i].va == va && recent->pages[i].level == level)
			return;
	recent->pages[recent->count++ % WITNESS_RECENT] = (struct page){va, level};
}

uint64_t witness_fresh_address(struct witness *w, unsigned int shift)
{
	return (++w->fresh << shift) & (VIQ_BIT(WITNESS_OA_BITS) - 1);
}

/* --- Life -------------------------------------------------------------------------------------------------------- */

void witness_new_queue(struct witness *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->record_count; i++)
		drop(&w->records[i]);
	w->counts.waiting += w->record_count;
	w->record_count = 0;
	w->slot_count = w->guest->ring.entries;
	memset(w->slots, 0, w->slot_count * sizeof(*w->slots));
}

void witness_before(struct witness *w, const struct replay_command *command)
{
	if (!w)
		return;
	*slot_of(w, command->index) = (struct slot){.number = command->number};
	w->guest->arch->use(w, command);
}

bool witness_create(struct replay_guest *guest, const struct scan *scan, struct witness **out)
{
	struct witness *w = calloc(1, sizeof(*w));
	int err = -1;

	*out = w;
	if (w) {
		w->guest = guest;
		w->slots = calloc(scan->max_entries, sizeof(*w->slots));
		w->records = calloc(WITNESS_MAX_RECORDS, sizeof(*w->records));
		w->slot_count = 1;
		if (w->slots && w->records)
			err = guest->arch->populate(w, scan);
	}
	if (!err)
		return true;
	tool_error(NULL, "no memory for the devices that watch the invalidations; use --host null");
	witness_destroy(w);
	return false;
}

void witness_destroy(struct witness *w)
{
	if (!w)
		return;
	w->guest->arch->unpopulate(w);
	free(w->records);
	free(w->slots);
	free(w);
}
