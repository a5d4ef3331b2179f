// SPDX-License-Identifier: MIT
/* The replay itself: the capture's events become doorbells, and the guest's driver answers errors. */
#include <stdlib.h>
#include <string.h>

#include "replay_witness.h"
#include "tool.h"

#define MAX_RETRIES   8                    /* of one command, until the driver gives up */
#define INJECT_WINDOW 512                  /* commands before the injected one in its host call, at most */
#define LINUX_SYNC    UINT64_C(0x0fc02046) /* what Linux puts in a refused command's place: CMD_SYNC, CS = SEV */

struct sample {
	uint32_t ns, commands;
};

struct replay {
	const struct replay_options *options;
	struct replay_guest guest;
	struct witness *witness; /* NULL without the software host */
	struct replay_result *result;
	/* Written to the ring and not yet rung. */
	struct replay_command *fresh;
	uint32_t fresh_count, held; /* commands, doorbells */
	uint32_t prod;              /* of the last doorbell */
	uint64_t next_number;
	uint64_t *numbers; /* of the command in each slot */
	bool restart;      /* the next entries begin a queue */
	uint32_t entries;
	struct sample *samples;
	size_t sample_count, sample_room;
};

/* --- The guest's driver ------------------------------------------------------------------------------------------ */

static void command_at(struct replay *r, uint32_t index, uint64_t cmd[2])
{
	uint64_t at = synth_cmdq_entry(&r->guest.ring, index);

	cmd[0] = synth_load(&r->guest.mem, at);
	cmd[1] = synth_load(&r->guest.mem, at + 8);
}

/* Follow CMDQ_CONS. Returns how many commands were consumed. */
static uint32_t follow(struct replay *r)
{
	uint32_t mask = 2 * r->entries - 1;
	uint32_t cons = guest_read(&r->guest, VIQ_SMMUV3_CMDQ_CONS) & mask;
	uint32_t count = 0;

	for (uint32_t i = r->guest.cons; i != cons && count <= r->entries; i = (i + 1) & mask, count++) {
		uint64_t cmd[2];
		unsigned int kind;

		command_at(r, i, cmd);
		kind = replay_kind(cmd);
		r->result->consumed[kind]++;
		witness_consumed(r->witness, i, kind == VIQ_SMMUV3_OP_SYNC);
	}
	r->guest.cons = cons;
	return count;
}

static void note_error(struct replay *r, struct replay_error *error)
{
	uint32_t cons = guest_read(&r->guest, VIQ_SMMUV3_CMDQ_CONS);

	error->index = r->guest.cons;
	error->code = (uint32_t)VIQ_GET(VIQ_SMMUV3_CMDQ_CONS_ERR, cons);
	error->gerror = guest_read(&r->guest, VIQ_SMMUV3_GERROR);
	error->gerrorn = guest_read(&r->guest, VIQ_SMMUV3_GERRORN);
	error->number = r->numbers[error->index & (r->entries - 1)];
	command_at(r, error->index, error->cmd);
	witness_survey(r->witness, error);
}

/* What Linux's driver does: refused commands become a CMD_SYNC, everything else is tried again. */
static void answer_error(struct replay *r, struct replay_error *error)
{
	static const struct synth_cmd sync = {{LINUX_SYNC, 0}};

	if (error->code != VIQ_SMMUV3_CERROR_ABT && error->code != VIQ_SMMUV3_CERROR_ATC_INV_SYNC) {
		witness_lost(r->witness, error->index);
		synth_cmdq_rewrite(&r->guest.ring, error->index, sync);
		error->replaced = true;
	}
	guest_acknowledge(&r->guest);
}

/* Until the queue runs again, or the same command has failed too often. */
static void handle_errors(struct replay *r)
{
	uint32_t last = UINT32_MAX;
	unsigned int retries = 0;

	while (guest_stopped(&r->guest) && !r->result->stopped) {
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
		if (r->result->error_count < REPLAY_MAX_ERRORS)
			r->result->errors[r->result->error_count] = error;
		r->result->error_count++;
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

static bool ring(struct replay *r, uint32_t prod)
{
	uint64_t ns;

	witness_doorbell(r->witness);
	ns = guest_ring(&r->guest, prod);
	r->result->doorbells++;
	if (!keep_sample(r, ns, follow(r)))
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

	while (start > 0) {
		unsigned int op = (unsigned int)VIQ_GET(VIQ_SMMUV3_CMD_OP, r->fresh[start - 1].cmd[0]);

		if (op == VIQ_SMMUV3_OP_SYNC || op == VIQ_SMMUV3_OP_CFGI_STE || op == VIQ_SMMUV3_OP_CFGI_STE_RANGE)
			break;
		start--;
	}
	return at - start < limit ? start : at;
}

/* Ring up to the host call that has the injected command, then arm the failure at its place in the call. */
static bool arm(struct replay *r, uint32_t at)
{
	const struct replay_inject *inject = &r->options->inject;
	struct viq_soft_inject what = {.size = sizeof(what), .failure = inject->failure, .times = inject->times};
	uint32_t start = call_start(r, at);

	if (start > 0 && !ring(r, r->fresh[start].index))
		return false;
	if (r->result->stopped)
		return true;
	for (uint32_t i = start; i < at; i++)
		what.index += replay_goes_to_host(r->fresh[i].cmd);
	what.before = what.index < 2 ? what.index : 2;
	what.after = 2;
	viq_soft_inject(r->guest.host.soft, r->guest.host.viommu, &what);
	return true;
}

/* The same bytes may come again later: only the one command shall fail. */
static void disarm(struct replay *r)
{
	const struct viq_soft_inject nothing = {.size = sizeof(nothing), .failure = -1};

	viq_soft_inject(r->guest.host.soft, r->guest.host.viommu, &nothing);
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
	bool armed = false, good;

	use_fresh(r);
	for (uint32_t i = 0; i < r->fresh_count && inject->kind == REPLAY_INJECT_HOST && !armed; i++) {
		armed = r->fresh[i].number == inject->number;
		if (armed && !arm(r, i))
			return false;
	}
	r->fresh_count = r->held = 0;
	good = r->result->stopped || ring(r, r->prod);
	if (armed)
		disarm(r);
	return good;
}

/* --- The capture's events ---------------------------------------------------------------------------------------- */

static bool begin_queue(struct replay *r, uint32_t first)
{
	if (!r->restart)
		return true;
	r->restart = false;
	r->fresh_count = 0; /* what the old queue still had was never rung */
	if (!guest_start_queue(&r->guest, r->entries, first))
		return false;
	r->prod = first;
	witness_new_queue(r->witness);
	return true;
}

/* A command without bytes: a CMD_SYNC is as good as any, and harms nobody. */
static void put_command(struct replay *r, uint32_t index, const uint64_t *recorded)
{
	static const struct synth_cmd unknown = {{VIQ_SMMUV3_OP_SYNC, 0}};
	struct replay_command *fresh = &r->fresh[r->fresh_count++];
	struct synth_cmd cmd = unknown;

	if (recorded)
		memcpy(cmd.w, recorded, sizeof(cmd.w));
	fresh->number = r->next_number++;
	fresh->index = index;
	memcpy(fresh->cmd, cmd.w, sizeof(fresh->cmd));
	if (fresh->number == r->options->inject.number)
		replay_inject_command(&r->options->inject, &r->guest.config, cmd.w);
	synth_cmdq_rewrite(&r->guest.ring, index, cmd);
	r->numbers[index & (r->entries - 1)] = fresh->number;
}

static bool take_entries(struct replay *r, const struct viq_capture_reader *reader,
			 const struct viq_capture_event *event)
{
	uint32_t mask = 2 * r->entries - 1;
	uint64_t cmd[4];

	/* No room for it beside what is held back. */
	if (r->held && r->fresh_count + event->entries.count > r->entries && !ring_held(r))
		return false;
	for (uint32_t i = 0; i < event->entries.count; i++) {
		/* More than the ring holds, without a doorbell: the guest overwrites its own commands. */
		if (r->fresh_count == r->entries) {
			use_fresh(r);
			r->fresh_count = 0;
		}
		if (event->entries.bytes)
			viq_capture_entry_words(reader, event, i, cmd);
		put_command(r, (event->entries.first + i) & mask, event->entries.bytes ? cmd : NULL);
	}
	return true;
}

static bool take_doorbell(struct replay *r, uint32_t value)
{
	r->prod = value;
	if (++r->held < r->options->batch && r->fresh_count < r->entries / 2)
		return true;
	return ring_held(r);
}

static bool take_event(struct replay *r, const struct viq_capture_reader *reader, const struct viq_capture_event *event)
{
	switch (event->type) {
	case VIQ_CAPTURE_SETUP:
		if (r->held && !ring_held(r))
			return false;
		r->restart = true;
		r->entries = event->setup.entries;
		return true;
	case VIQ_CAPTURE_ENTRIES:
	case VIQ_CAPTURE_GAP:
		return begin_queue(r, event->entries.first) && take_entries(r, reader, event);
	case VIQ_CAPTURE_DOORBELL:
		return begin_queue(r, event->entries.count ? event->entries.first : event->entries.doorbell) &&
		       take_entries(r, reader, event) && take_doorbell(r, event->entries.doorbell);
	default:
		return true;
	}
}

static bool replay_events(struct replay *r)
{
	struct tool_progress progress;
	struct viq_capture_reader *reader;
	struct viq_capture_event event;
	struct viq_capture_error err;
	uint64_t done, total;
	bool good = true;
	int ret;

	ret = viq_capture_reader_open(r->options->path, &reader, &err);
	if (ret) {
		tool_capture_error(r->options->path, &err);
		return false;
	}
	r->entries = viq_capture_reader_setup(reader)->entries;
	tool_progress_start(&progress, "replaying");
	while (good && !r->result->stopped && (ret = viq_capture_reader_next(reader, &event, &err)) > 0) {
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

/* Median over the doorbells that consumed something: of their time, or of their time per command in tenths. */
static uint64_t median(const struct replay *r, bool per_command, uint64_t *values)
{
	size_t count = 0;

	for (size_t i = 0; i < r->sample_count; i++) {
		const struct sample *s = &r->samples[i];

		if (s->commands)
			values[count++] = per_command ? UINT64_C(10) * s->ns / s->commands : s->ns;
	}
	qsort(values, count, sizeof(*values), compare);
	return count ? values[count / 2] : 0;
}

static bool finish(struct replay *r)
{
	uint64_t *values = malloc((r->sample_count + 1) * sizeof(*values));
	struct replay_result *result = r->result;

	if (!values) {
		tool_error(NULL, "no memory for the times");
		return false;
	}
	result->doorbell_ns = median(r, false, values);
	result->command_ns_x10 = median(r, true, values);
	for (size_t i = 0; i < r->sample_count; i++)
		if (r->samples[i].ns > result->slowest_ns)
			result->slowest_ns = r->samples[i].ns;
	free(values);
	result->counters = *viq_smmuv3_counters(r->guest.smmu);
	if (r->guest.soft)
		viq_soft_counters(r->guest.host.soft, &result->soft);
	witness_counts(r->witness, &result->witness);
	return true;
}

bool replay_capture(const struct replay_options *options, const struct scan *scan, struct replay_result *result)
{
	struct replay r = {.options = options, .result = result, .restart = true};
	bool good = false;

	if (!guest_create(&r.guest, options, scan))
		return false;
	r.fresh = calloc(scan->max_entries, sizeof(*r.fresh));
	r.numbers = calloc(scan->max_entries, sizeof(*r.numbers));
	if (!r.fresh || !r.numbers)
		tool_error(NULL, "no memory for a queue of %u commands", scan->max_entries);
	else if (!options->soft || witness_create(&r.guest, scan, &r.witness)) {
		guest_enable(&r.guest);
		good = replay_events(&r) && finish(&r);
	}
	witness_destroy(r.witness);
	free(r.samples);
	free(r.numbers);
	free(r.fresh);
	guest_destroy(&r.guest);
	return good;
}
