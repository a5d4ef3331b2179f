// SPDX-License-Identifier: MIT
/* The replay itself: the capture's events become doorbells, and the guest's driver answers errors. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch.h"
#include "log.h"
#include "tool.h"

#define MAX_RETRIES   8   /* of one command, until its driver, or the VMM, gives up */
#define INJECT_WINDOW 512 /* commands before the injected one in its host call, at most */

struct sample {
	uint32_t ns, commands;
};

/* What stands in a slot. */
struct place {
	uint64_t number; /* of the command */
	bool starts;     /* it is the first that the guest's driver submitted together */
};

struct replay {
	const struct replay_options *options;
	const struct replay_arch *arch;
	struct replay_guest *guest;
	struct witness *witness; /* NULL without the software host */
	struct replay_result *result;
	/* Written to the ring and not yet rung. */
	struct replay_command *fresh;
	uint32_t fresh_count, held; /* commands, doorbells */
	uint32_t doorbell;          /* value of the last one */
	uint64_t next_number;
	struct place *places; /* by slot */
	uint32_t shift;       /* places further than recorded: what the driver has queued again */
	bool starts;          /* the next command is the first after a doorbell */
	bool restart;         /* the next entries begin a queue */
	uint32_t entries, entry_size;
	uint32_t max_entries; /* that there is room for */
	struct sample *samples;
	size_t sample_count, sample_room;
};

/* --- The guest's driver ------------------------------------------------------------------------------------------ */

static struct place *place_at(const struct replay *r, uint32_t index)
{
	return &r->places[index & (r->entries - 1)];
}

/* Follow the queue's head. Returns how many commands were consumed. */
static uint32_t follow(struct replay *r)
{
	uint32_t mask = guest_index_mask(r->guest);
	uint32_t head = r->arch->head(r->guest);
	uint32_t count = 0;

	for (uint32_t i = r->guest->head; i != head && count <= r->entries; i = (i + 1) & mask, count++) {
		uint64_t cmd[4];
		bool completed;

		guest_load(r->guest, i, cmd);
		completed = r->arch->completed(r->guest, i, cmd);
		r->result->consumed[r->arch->kind(cmd)]++;
		r->result->completed += completed;
		witness_consumed(r->witness, i, completed);
	}
	r->guest->head = head;
	return count;
}

/* The same bytes may come again later: only the one command shall fail. */
static void disarm(struct replay *r, const uint64_t cmd[4])
{
	const struct viq_fault_failure nothing = {.size = sizeof(nothing), .kind = VIQ_FAULT_NONE};

	r->arch->arm(r->guest, &nothing, cmd);
}

static void note_error(struct replay *r, struct replay_error *error)
{
	const struct replay_inject *inject = &r->options->inject;

	error->index = r->guest->head;
	error->waited = r->arch->waits(r->guest);
	r->arch->note_error(r->guest, error);
	error->number = place_at(r, error->index)->number;
	guest_load(r->guest, error->index, error->cmd);
	if (inject->kind == REPLAY_INJECT_HOST && inject->failure == VIQ_FAULT_ILLEGAL &&
	    error->number == inject->number)
		disarm(r, error->cmd);
	witness_survey(r->witness, error);
}

/* Where the command at index stands in what its driver submitted. */
static struct replay_submission submission_of(const struct replay *r, uint32_t index)
{
	uint32_t mask = guest_index_mask(r->guest), tail = guest_doorbell_index(r->guest, r->doorbell), last = index;

	for (uint32_t i = (index + 1) & mask; i != tail && !place_at(r, i)->starts; i = (i + 1) & mask)
		last = i;
	return (struct replay_submission){place_at(r, index)->starts, last};
}

/* The register value that makes everything before index visible. */
static uint32_t doorbell_of(const struct replay *r, uint32_t index)
{
	return r->arch->wraps ? index : index * r->entry_size;
}

/*
 * The driver queues the submission that ends at this index again, behind all others, and rings. False: where it began
 * has been overwritten.
 */
static bool submit_again(struct replay *r, uint32_t last)
{
	uint32_t mask = guest_index_mask(r->guest), tail = guest_doorbell_index(r->guest, r->doorbell), first = last;

	for (; !place_at(r, first)->starts; first = (first - 1) & mask)
		if (first == ((last + 1) & mask))
			return false;
	for (uint32_t i = first; i != ((last + 1) & mask); i = (i + 1) & mask, tail = (tail + 1) & mask, r->shift++) {
		uint64_t cmd[4];

		guest_load(r->guest, i, cmd);
		r->arch->adapt(r->guest, tail, cmd);
		guest_store(r->guest, tail, cmd);
		*place_at(r, tail) = *place_at(r, i);
		witness_moved(r->witness, i, tail);
	}
	r->doorbell = doorbell_of(r, tail);
	guest_ring(r->guest, r->doorbell);
	return true;
}

static void answer_error(struct replay *r, struct replay_error *error)
{
	struct replay_submission submission = submission_of(r, error->index);

	if (error->waited) {
		error->answer = REPLAY_WAITED;
		r->guest->kicked = true;
		guest_run(r->guest);
		return;
	}
	error->answer = r->arch->answer(r->guest, error, &submission);
	if (error->answer == REPLAY_REPLACED)
		witness_lost(r->witness, error->index);
	else if (error->answer == REPLAY_AGAIN && !submit_again(r, error->index))
		error->answer = REPLAY_STUCK;
	r->result->stopped |= error->answer == REPLAY_STUCK;
}

/* Until the queue runs again, or the same command has failed too often: then the driver, or the VMM, gives up. */
static void handle_errors(struct replay *r)
{
	uint32_t last = UINT32_MAX;
	unsigned int retries = 0;

	while (!r->result->stopped && (r->arch->stopped(r->guest) || r->arch->waits(r->guest))) {
		struct replay_error error = {0};

		/* In this order: looking at what is due makes devices cache it anew. */
		note_error(r, &error);
		witness_settle(r->witness);
		retries = error.index == last ? retries + 1 : 0;
		last = error.index;
		if (retries < MAX_RETRIES)
			answer_error(r, &error);
		else
			r->result->stopped = true;
		log_error(r->options->log, &error);
		if (replay_failures(r->result) < REPLAY_MAX_ERRORS)
			r->result->errors[replay_failures(r->result)] = error;
		r->result->error_count += !error.waited;
		r->result->wait_count += error.waited;
		follow(r);
	}
}

/* --- Doorbells --------------------------------------------------------------------------------------------------- */

static bool keep_sample(struct replay *r, uint64_t ns, uint32_t commands)
{
	if (r->sample_count == r->sample_room) {
		size_t room = r->sample_room ? 2 * r->sample_room : 4096;
		struct sample *bigger = realloc(r->samples, room * sizeof(*bigger));

		if (!bigger) {
			tool_error(NULL, "no memory for the times");
			return false;
		}
		r->samples = bigger;
		r->sample_room = room;
	}
	r->samples[r->sample_count++] = (struct sample){ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns, commands};
	r->result->total_ns += ns;
	return true;
}

/* For these commands. */
static bool ring(struct replay *r, uint32_t doorbell, const struct replay_command *commands, uint32_t count)
{
	uint32_t consumed;
	uint64_t ns;

	witness_doorbell(r->witness);
	ns = guest_ring(r->guest, doorbell);
	r->result->doorbells++;
	consumed = follow(r);
	log_doorbell(r->options->log, commands, count, ns, consumed);
	if (!keep_sample(r, ns, consumed))
		return false;
	handle_errors(r);
	witness_settle(r->witness);
	return true;
}

/* Where the host call that has this fresh command will begin: after the last command that ends a batch. */
static uint32_t call_start(const struct replay *r, uint32_t at)
{
	uint32_t start = at;
	uint32_t limit = r->options->budget && r->options->budget < INJECT_WINDOW ? r->options->budget : INJECT_WINDOW;

	/* Its twin must not be in the same call: a failure knows an entry by its bytes. */
	while (start > 0 && !r->arch->ends_call(r->fresh[start - 1].cmd) &&
	       memcmp(r->fresh[start - 1].cmd, r->fresh[at].cmd, sizeof(r->fresh[at].cmd)))
		start--;
	return at - start < limit ? start : at;
}

/* Ring up to the host call that has the injected command, then arm the failure at its place in the call. *rung: where.
 */
static bool arm(struct replay *r, uint32_t at, uint32_t *rung)
{
	const struct replay_inject *inject = &r->options->inject;
	struct viq_fault_failure what = {.size = sizeof(what), .kind = inject->failure, .times = inject->times};
	uint32_t start = call_start(r, at);

	if (start > 0 && !ring(r, doorbell_of(r, r->fresh[start].index), r->fresh, start))
		return false;
	*rung = start;
	if (r->result->stopped)
		return true;
	for (uint32_t i = start; i < at; i++)
		what.index += r->arch->goes_to_host(r->fresh[i].cmd);
	what.before = what.index < 2 ? what.index : 2;
	what.after = 2;
	r->arch->arm(r->guest, &what, r->fresh[at].cmd);
	return true;
}

static void use_fresh(struct replay *r)
{
	for (uint32_t i = 0; i < r->fresh_count; i++)
		witness_before(r->witness, &r->fresh[i]);
}

/* Ring for everything held back. */
static bool ring_held(struct replay *r)
{
	const struct replay_inject *inject = &r->options->inject;
	uint32_t count = r->fresh_count, rung = 0;
	bool armed = false, good;
	uint64_t cmd[4];

	use_fresh(r);
	for (uint32_t i = 0; i < count && inject->kind == REPLAY_INJECT_HOST && !armed; i++) {
		armed = r->fresh[i].number == inject->number;
		memcpy(cmd, r->fresh[i].cmd, sizeof(cmd));
		if (armed && !arm(r, i, &rung))
			return false;
	}
	r->fresh_count = r->held = 0;
	good = r->result->stopped || ring(r, r->doorbell, r->fresh + rung, count - rung);
	if (armed)
		disarm(r, cmd);
	return good;
}

/* --- The capture's events ---------------------------------------------------------------------------------------- */

static bool begin_queue(struct replay *r, uint32_t first)
{
	if (!r->restart)
		return true;
	r->restart = false;
	r->shift = 0;
	r->fresh_count = 0; /* what the old queue still had was never rung */
	if (!guest_start_queue(r->guest, r->entries, r->entry_size, first))
		return false;
	r->doorbell = doorbell_of(r, first);
	r->starts = true;
	witness_new_queue(r->witness);
	return true;
}

/* recorded: NULL for a command without bytes. */
static void put_command(struct replay *r, uint32_t index, const uint64_t *recorded)
{
	struct replay_command *fresh = &r->fresh[r->fresh_count++];
	uint64_t cmd[4];

	fresh->number = r->next_number++;
	fresh->index = index;
	fresh->missing = !recorded;
	memcpy(fresh->cmd, recorded ? recorded : r->arch->filler, sizeof(fresh->cmd));
	memcpy(cmd, fresh->cmd, sizeof(cmd));
	r->arch->adapt(r->guest, index, cmd);
	if (fresh->number == r->options->inject.number)
		replay_spoil(r->guest, r->options->inject.kind, cmd);
	guest_store(r->guest, index, cmd);
	*place_at(r, index) = (struct place){fresh->number, r->starts};
	r->starts = false;
}

static bool take_entries(struct replay *r, const struct viq_capture_reader *reader,
			 const struct viq_capture_event *event)
{
	uint32_t mask = guest_index_mask(r->guest);
	/* A ring without a wrap flag cannot be full. */
	uint32_t room = r->arch->wraps ? r->entries : r->entries - 1;
	uint64_t cmd[4] = {0};

	/* No room for it beside what is held back. */
	if (r->held && r->fresh_count + event->entries.count > room && !ring_held(r))
		return false;
	for (uint32_t i = 0; i < event->entries.count; i++) {
		/* More than the ring holds, without a doorbell: the guest overwrites its own commands. */
		if (r->fresh_count == r->entries) {
			use_fresh(r);
			r->fresh_count = 0;
		}
		if (event->entries.bytes)
			viq_capture_entry_words(reader, event, i, cmd);
		put_command(r, (event->entries.first + i + r->shift) & mask, event->entries.bytes ? cmd : NULL);
	}
	return true;
}

static bool take_doorbell(struct replay *r, uint32_t value)
{
	r->doorbell = r->shift ? doorbell_of(r, (guest_doorbell_index(r->guest, value) + r->shift) &
							guest_index_mask(r->guest))
			       : value;
	r->starts = true;
	if (++r->held < r->options->batch && r->fresh_count < r->entries / 2)
		return true;
	return ring_held(r);
}

/* Where a queue stands that this doorbell begins. */
static uint32_t first_index(const struct replay *r, const struct viq_capture_entries *entries)
{
	if (entries->count)
		return entries->first;
	return r->arch->wraps ? entries->doorbell : (entries->doorbell / r->entry_size) & (r->entries - 1);
}

/* It is read a second time: what the first one has found must still hold. */
static bool changed(const struct replay *r, const struct viq_capture_reader *reader)
{
	bool same = scan_arch(reader) == r->arch && viq_capture_reader_setup(reader)->entries <= r->max_entries;

	if (!same)
		tool_error(r->options->path, "has changed while it was read; replay it when it is whole");
	return !same;
}

static bool take_event(struct replay *r, const struct viq_capture_reader *reader, const struct viq_capture_event *event)
{
	switch (event->type) {
	case VIQ_CAPTURE_SETUP:
		if (changed(r, reader) || (r->held && !ring_held(r)))
			return false;
		r->restart = true;
		r->entries = event->setup.entries;
		r->entry_size = event->setup.entry_size;
		return true;
	case VIQ_CAPTURE_ENTRIES:
	case VIQ_CAPTURE_GAP:
		return begin_queue(r, event->entries.first) && take_entries(r, reader, event);
	case VIQ_CAPTURE_DOORBELL:
		return begin_queue(r, first_index(r, &event->entries)) && take_entries(r, reader, event) &&
		       take_doorbell(r, event->entries.doorbell);
	default:
		return true;
	}
}

static bool replay_events(struct replay *r, int fd)
{
	struct tool_progress progress;
	struct viq_capture_reader *reader;
	struct viq_capture_event event;
	struct viq_capture_error err;
	uint64_t done, total;
	bool good = true;
	int ret;

	lseek(fd, 0, SEEK_SET);
	ret = viq_capture_reader_open_fd(fd, &reader, &err);
	if (ret) {
		tool_capture_error(r->options->path, &err);
		return false;
	}
	r->entries = viq_capture_reader_setup(reader)->entries;
	r->entry_size = viq_capture_reader_setup(reader)->entry_size;
	tool_progress_start(&progress, "replaying");
	while (good && !r->result->stopped && (ret = viq_capture_reader_next(reader, &event, &err)) > 0) {
		log_time(r->options->log, event.time);
		good = take_event(r, reader, &event);
		viq_capture_reader_position(reader, &done, &total);
		tool_progress_update(&progress, done, total);
	}
	tool_progress_end(&progress);
	viq_capture_reader_close(reader);
	if (good && ret < 0) {
		tool_capture_error(r->options->path, &err);
		return false;
	}
	return good && (r->result->stopped || !r->held || ring_held(r));
}

/* --- Results ----------------------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Over the doorbells that consumed something: their times, or times per command in tenths, in order. */
static size_t sorted(const struct replay *r, bool per_command, uint64_t *values)
{
	size_t count = 0;

	for (size_t i = 0; i < r->sample_count; i++) {
		const struct sample *s = &r->samples[i];

		if (s->commands)
			values[count++] = per_command ? UINT64_C(10) * s->ns / s->commands : s->ns;
	}
	qsort(values, count, sizeof(*values), compare);
	return count;
}

static bool finish(struct replay *r)
{
	uint64_t *values = malloc((r->sample_count + 1) * sizeof(*values));
	struct replay_result *result = r->result;
	size_t count;

	if (!values) {
		tool_error(NULL, "no memory for the times");
		return false;
	}
	values[0] = 0;
	count = sorted(r, false, values);
	result->doorbell_ns = values[count / 2];
	result->doorbell_p90_ns = values[count * 9 / 10];
	result->doorbell_p99_ns = values[count * 99 / 100];
	count = sorted(r, true, values);
	result->command_ns_x10 = values[count / 2];
	for (size_t i = 0; i < r->sample_count; i++)
		if (r->samples[i].ns > result->slowest_ns)
			result->slowest_ns = r->samples[i].ns;
	free(values);
	r->arch->counters(r->guest, result);
	witness_counts(r->witness, &result->witness);
	return true;
}

bool replay_capture(const struct replay_options *options, const struct scan *scan, struct replay_result *result)
{
	struct replay r = {.options = options,
			   .arch = scan->arch,
			   .result = result,
			   .restart = true,
			   .max_entries = scan->max_entries};
	bool good = false;

	r.guest = guest_create(r.arch, options, scan);
	if (!r.guest)
		return false;
	r.fresh = calloc(scan->max_entries, sizeof(*r.fresh));
	r.places = calloc(scan->max_entries, sizeof(*r.places));
	if (!r.fresh || !r.places)
		tool_error(NULL, "no memory for a queue of %u %ss", scan->max_entries, r.arch->entry);
	else if (!options->soft || witness_create(r.guest, scan, &r.witness)) {
		r.arch->enable(r.guest);
		good = replay_events(&r, scan->fd) && finish(&r);
	}
	witness_destroy(r.witness);
	free(r.samples);
	free(r.places);
	free(r.fresh);
	guest_destroy(r.guest);
	return good;
}
