// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "log.h"
#include "tool.h"

#define BINS      160
#define OCTAVES   32
#define LATENCIES (4 * OCTAVES) /* a quarter of an octave each */
#define ROWS      20000         /* commands, and doorbells, that the page lists */
#define COSTLIEST 200
#define NAMES     24 /* of errors */

/* A host in front of another one, which counts its calls. */
struct counted_host {
	struct counted_host *next;
	struct viq_call_host_ops ops; /* as seen by the front end */
	struct viq_call_host behind;
	struct log *log;
};

struct row {
	struct replay_command command;
	uint32_t doorbell;
};

struct doorbell {
	uint64_t at;
	uint32_t ns, commands, calls;
};

/* What the commands for one subject have cost. */
struct cost {
	struct replay_subject subject;
	struct cost *next;
	uint64_t commands, pages, whole; /* whole: commands that name no pages */
	double ns;
};

struct log {
	const struct replay_arch *arch;
	struct log_axis axis;
	uint64_t start, now; /* capture's clock */
	struct counted_host *hosts;
	uint32_t kinds[REPLAY_KINDS][BINS];
	uint64_t latencies[LATENCIES], per_call[OCTAVES];
	uint64_t calls, last_calls; /* of the host; before this doorbell */
	struct row *rows;
	struct doorbell *doorbells;
	uint64_t row_count, doorbell_count; /* the first ROWS are kept */
	void *tree;                         /* of costs: tsearch() */
	struct cost *costs;
	size_t cost_count;
	struct {
		const char *name;
		uint32_t bins[BINS];
	} errors[NAMES];
	uint64_t error_at[REPLAY_MAX_ERRORS];
	size_t error_count;
};

/* --- The time line ------------------------------------------------------------------------------------------------ */

struct log_axis log_axis(const struct scan *const *scans, unsigned int count)
{
	struct log_axis axis = {.clocked = true};
	uint64_t longest = 0;

	for (unsigned int i = 0; i < count; i++)
		axis.clocked &= scans[i]->clocked;
	for (unsigned int i = 0; i < count; i++) {
		uint64_t length = axis.clocked ? scans[i]->last_time - scans[i]->first_time
					       : scans[i]->commands + scans[i]->missing;

		longest = length > longest ? length : longest;
	}
	axis.width = longest / BINS + 1;
	return axis;
}

/* Recorded clocks may jump. */
static uint64_t place(const struct log *log, uint64_t number)
{
	if (!log->axis.clocked)
		return number;
	return log->now > log->start ? log->now - log->start : 0;
}

static unsigned int bin(const struct log *log, uint64_t at)
{
	return at / log->axis.width < BINS ? (unsigned int)(at / log->axis.width) : BINS - 1;
}

void log_time(struct log *log, uint64_t time)
{
	if (log)
		log->now = time;
}

/* --- Host calls --------------------------------------------------------------------------------------------------- */

static unsigned int log2_of(uint64_t value)
{
	return value ? 63 - (unsigned int)__builtin_clzll(value) : 0;
}

static int count_call(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	struct counted_host *host = opaque;
	uint64_t entries = 0;

	for (uint32_t i = 0; i < req->piece_count; i++)
		entries += req->pieces[i].count;
	host->log->per_call[log2_of(entries)] += entries != 0;
	host->log->calls += entries != 0;
	return host->behind.ops->invalidate(host->behind.opaque, req, res);
}

static uint32_t pass_stream(void *opaque, uint32_t object, uint32_t sid)
{
	struct counted_host *host = opaque;

	return host->behind.ops->stream(host->behind.opaque, object, sid);
}

struct viq_call_host log_host(struct log *log, const struct viq_call_host *behind)
{
	struct counted_host *host;

	for (host = log ? log->hosts : NULL; host; host = host->next)
		if (host->behind.ops == behind->ops && host->behind.opaque == behind->opaque)
			return (struct viq_call_host){&host->ops, host, behind->object};
	host = log ? malloc(sizeof(*host)) : NULL;
	if (!host)
		return *behind;
	*host = (struct counted_host){log->hosts, *behind->ops, *behind, log};
	host->ops.invalidate = count_call;
	host->ops.stream = behind->ops->stream ? pass_stream : NULL;
	log->hosts = host;
	return (struct viq_call_host){&host->ops, host, behind->object};
}

/* --- Costs -------------------------------------------------------------------------------------------------------- */

static int by_subject(const void *a, const void *b)
{
	return memcmp(&((const struct cost *)a)->subject, &((const struct cost *)b)->subject,
		      sizeof(struct replay_subject));
}

static void add_cost(struct log *log, const uint64_t cmd[4], double ns)
{
	struct cost key = {0}, *cost;
	uint64_t pages = 0;
	void *node;

	if (!log->arch->subject(cmd, &key.subject, &pages))
		return;
	node = tfind(&key, &log->tree, by_subject);
	cost = node ? *(struct cost **)node : malloc(sizeof(*cost));
	if (!cost)
		return;
	if (!node) {
		*cost = key;
		if (!tsearch(cost, &log->tree, by_subject)) {
			free(cost);
			return;
		}
		cost->next = log->costs;
		log->costs = cost;
		log->cost_count++;
	}
	cost->commands++;
	cost->pages += pages;
	cost->whole += !pages;
	cost->ns += ns;
}

/* Its time is shared alike by the commands that name something: the others only wait for them. */
static void add_costs(struct log *log, const struct replay_command *commands, uint32_t count, uint64_t ns)
{
	struct replay_subject subject;
	uint64_t pages;
	uint32_t named = 0;

	for (uint32_t i = 0; i < count; i++)
		named += log->arch->subject(commands[i].cmd, &subject, &pages);
	for (uint32_t i = 0; i < count && named; i++)
		add_cost(log, commands[i].cmd, (double)ns / named);
}

/* --- What happens ------------------------------------------------------------------------------------------------- */

void log_doorbell(struct log *log, const struct replay_command *commands, uint32_t count, uint64_t ns,
		  uint32_t consumed)
{
	uint64_t first = log ? log->row_count : 0;
	unsigned int octave = log2_of(ns);

	if (!log)
		return;
	for (uint32_t i = 0; i < count; i++) {
		const struct replay_command *c = &commands[i];

		log->kinds[log->arch->kind(c->cmd)][bin(log, place(log, c->number))]++;
		if (log->row_count < ROWS)
			log->rows[log->row_count] = (struct row){*c, (uint32_t)log->doorbell_count};
		log->row_count++;
	}
	add_costs(log, commands, count, ns);
	if (consumed && octave < OCTAVES)
		log->latencies[4 * octave + (octave < 2 ? 0 : ns >> (octave - 2) & 3)]++;
	if (log->doorbell_count < ROWS)
		log->doorbells[log->doorbell_count] = (struct doorbell){
			place(log, count ? commands[0].number : first), ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns,
			count, (uint32_t)(log->calls - log->last_calls)};
	log->doorbell_count++;
	log->last_calls = log->calls;
}

void log_error(struct log *log, const struct replay_error *error)
{
	unsigned int i = 0;

	if (!log)
		return;
	while (i < NAMES - 1 && log->errors[i].name && strcmp(log->errors[i].name, error->name))
		i++;
	log->errors[i].name = error->name;
	log->errors[i].bins[bin(log, place(log, error->number))]++;
	if (log->error_count < REPLAY_MAX_ERRORS)
		log->error_at[log->error_count] = place(log, error->number);
	log->error_count++;
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *numbers32(const uint32_t *values, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, integer(values[i]));
	return array;
}

static json_t *numbers64(const uint64_t *values, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, integer(values[i]));
	return array;
}

/* Kinds may share a name: reserved opcodes do. */
static json_t *kinds_json(const struct log *log)
{
	json_t *object = json_object();

	for (unsigned int kind = 0; kind < REPLAY_KINDS; kind++) {
		const char *name = log->arch->kind_name(kind);
		json_t *bins = json_object_get(object, name);
		bool any = false;

		for (unsigned int i = 0; i < BINS; i++)
			any |= log->kinds[kind][i] != 0;
		if (any && !bins)
			json_object_set_new(object, name, numbers32(log->kinds[kind], BINS));
		for (size_t i = 0; any && bins && i < BINS; i++)
			json_integer_set(json_array_get(bins, i),
					 json_integer_value(json_array_get(bins, i)) + log->kinds[kind][i]);
	}
	return object;
}

static json_t *error_json(const struct log *log, const struct replay_error *e, uint64_t at)
{
	char text[512];

	log->arch->text(e->cmd, text, sizeof(text));
	return json_pack("{s:o, s:s, s:s}", "at", integer(at), "text", text, "answer",
			 replay_answer_text(log->arch, e));
}

static json_t *errors_json(const struct log *log, const struct replay_result *result)
{
	json_t *bins = json_object(), *list = json_array();

	for (unsigned int i = 0; i < NAMES && log->errors[i].name; i++)
		json_object_set_new(bins, log->errors[i].name, numbers32(log->errors[i].bins, BINS));
	for (size_t i = 0; i < log->error_count && i < REPLAY_MAX_ERRORS; i++)
		json_array_append_new(list, error_json(log, &result->errors[i], log->error_at[i]));
	return json_pack("{s:o, s:o}", "bins", bins, "list", list);
}

static json_t *rows_json(const struct log *log)
{
	json_t *array = json_array();

	for (uint64_t i = 0; i < log->row_count && i < ROWS; i++) {
		const struct row *row = &log->rows[i];
		char text[512] = "(not recorded)";

		if (!row->command.missing)
			log->arch->text(row->command.cmd, text, sizeof(text));
		json_array_append_new(array,
				      json_pack("[o, i, s]", integer(row->command.number), (int)row->doorbell, text));
	}
	return array;
}

static json_t *doorbells_json(const struct log *log)
{
	json_t *array = json_array();

	for (uint64_t i = 0; i < log->doorbell_count && i < ROWS; i++) {
		const struct doorbell *d = &log->doorbells[i];

		json_array_append_new(array, json_pack("[o, o, o, o]", integer(d->at), integer(d->ns),
						       integer(d->commands), integer(d->calls)));
	}
	return array;
}

static int by_cost(const void *a, const void *b)
{
	double x = (*(struct cost *const *)a)->ns, y = (*(struct cost *const *)b)->ns;

	return (x < y) - (x > y);
}

static json_t *subject_json(const struct replay_subject *subject)
{
	if (subject->id == REPLAY_NO_ID)
		return json_string(subject->what);
	if (subject->pasid == REPLAY_NO_ID)
		return json_sprintf("%s 0x%" PRIx64, subject->what, subject->id);
	return json_sprintf("%s 0x%" PRIx64 ", PASID 0x%" PRIx64, subject->what, subject->id, subject->pasid);
}

static json_t *costs_json(const struct log *log)
{
	const struct cost **costs = malloc((log->cost_count + 1) * sizeof(*costs));
	json_t *array = json_array();
	size_t count = 0;

	if (!costs)
		return array;
	for (const struct cost *cost = log->costs; cost; cost = cost->next)
		costs[count++] = cost;
	qsort(costs, count, sizeof(*costs), by_cost);
	for (size_t i = 0; i < count && i < COSTLIEST; i++)
		json_array_append_new(array, json_pack("[o, o, o, o, o]", subject_json(&costs[i]->subject),
						       integer(costs[i]->commands), integer(costs[i]->pages),
						       integer(costs[i]->whole), integer((uint64_t)costs[i]->ns)));
	free(costs);
	return array;
}

json_t *log_json(const struct log *log, const struct replay_result *result)
{
	return json_pack("{s:s, s:b, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "entry",
			 log->arch->entry, "clocked", (int)log->axis.clocked, "width", integer(log->axis.width), "bins",
			 BINS, "kinds", kinds_json(log), "latencies", numbers64(log->latencies, LATENCIES), "per_call",
			 numbers64(log->per_call, OCTAVES), "errors", errors_json(log, result), "subjects",
			 integer(log->cost_count), "costs", costs_json(log), "row_count", integer(log->row_count),
			 "rows", rows_json(log), "doorbell_count", integer(log->doorbell_count), "doorbells",
			 doorbells_json(log));
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

struct log *log_create(const struct replay_arch *arch, const struct scan *scan, const struct log_axis *axis)
{
	struct log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	*log = (struct log){.arch = arch, .axis = *axis, .start = scan->first_time};
	log->rows = calloc(ROWS, sizeof(*log->rows));
	log->doorbells = calloc(ROWS, sizeof(*log->doorbells));
	if (log->rows && log->doorbells)
		return log;
	log_destroy(log);
	return NULL;
}

void log_destroy(struct log *log)
{
	if (!log)
		return;
	while (log->hosts) {
		struct counted_host *next = log->hosts->next;

		free(log->hosts);
		log->hosts = next;
	}
	tdestroy(log->tree, free);
	free(log->doorbells);
	free(log->rows);
	free(log);
}
