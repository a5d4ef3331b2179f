// SPDX-License-Identifier: MIT
/* The result of a replay for programs. An entry of any queue is a "command" here: one script reads them all. */
#include "arch.h"
#include "tool.h"

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

static void set(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *kinds_json(const struct replay_arch *arch, const uint64_t counts[REPLAY_KINDS])
{
	json_t *object = json_object();

	for (unsigned int kind = 0; kind < REPLAY_KINDS; kind++) {
		const char *name = arch->kind_name(kind);

		if (counts[kind])
			set(object, name, counts[kind] + (uint64_t)json_integer_value(json_object_get(object, name)));
	}
	return object;
}

/* The words that this architecture's commands have, by what stands there. */
static json_t *words_json(const uint64_t cmd[4])
{
	unsigned int count = cmd[2] | cmd[3] ? 4 : 2;
	json_t *array = json_array();

	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(array, tool_json_hex(cmd[i]));
	return array;
}

static json_t *error_json(const struct replay_options *options, const struct replay_arch *arch,
			  const struct replay_error *e)
{
	json_t *object = json_object();

	set(object, "number", e->number);
	json_object_set_new(object, "command", words_json(e->cmd));
	arch->error_json(e, object);
	json_object_set_new(object, "error", json_string(e->name));
	json_object_set_new(object, "replaced", json_boolean(e->answer == REPLAY_REPLACED));
	json_object_set_new(object, "waited", json_boolean(e->waited));
	if (!options->soft)
		return object;
	set(object, "before", e->before);
	set(object, "before_gone", e->before_gone);
	set(object, "own", e->own);
	set(object, "own_cached", e->own_cached);
	set(object, "after", e->after);
	set(object, "after_cached", e->after_cached);
	return object;
}

static json_t *error_kinds_json(const struct replay_result *result)
{
	json_t *object = json_object();

	for (unsigned int i = 0; result->counters.errors[i].name; i++)
		if (result->counters.errors[i].count)
			set(object, result->counters.errors[i].name, result->counters.errors[i].count);
	return object;
}

static json_t *errors_json(const struct replay_options *options, const struct replay_result *result)
{
	json_t *array = json_array();

	for (uint64_t i = 0; i < replay_failures(result) && i < REPLAY_MAX_ERRORS; i++)
		json_array_append_new(array, error_json(options, result->arch, &result->errors[i]));
	return array;
}

static json_t *host_json(const struct replay_options *options, const struct replay_result *result)
{
	const struct replay_counters *c = &result->counters;
	json_t *object = json_object(), *errors = json_object();

	json_object_set_new(object, "kind", json_string(options->soft ? "soft" : "null"));
	if (options->soft)
		json_object_set_new(object, "contract", json_string(options->contract_name));
	set(object, "calls", c->calls);
	set(object, "host_calls", c->host_calls);
	set(object, "entries", c->entries);
	json_object_set_new(object, "entries_per_call", json_real(ratio(c->entries, c->calls)));
	for (unsigned int i = 1; i < VIQ_CALL_ERROR_COUNT; i++)
		if (c->call_errors[i])
			set(errors, viq_call_error_text(i), c->call_errors[i]);
	json_object_set_new(object, "errors", errors);
	return object;
}

static json_t *witness_json(const struct replay_witness_counts *w)
{
	json_t *object = json_object();

	set(object, "checked", w->checked);
	set(object, "cached_before", w->cached);
	set(object, "gone_after", w->gone);
	set(object, "stale", w->stale);
	set(object, "lost", w->lost);
	set(object, "waiting", w->waiting);
	set(object, "skipped", w->skipped);
	return object;
}

static json_t *inject_json(const struct replay_inject *inject)
{
	json_t *object = json_object();

	set(object, "number", inject->number);
	json_object_set_new(object, "kind", json_string(inject->name));
	return object;
}

json_t *replay_json(const struct replay_options *options, const struct replay_result *result)
{
	json_t *object = json_object(), *time = json_object();

	json_object_set_new(object, "capture", json_string(options->path));
	json_object_set_new(object, "note", json_string(result->note));
	json_object_set_new(object, "iommu", json_string(result->arch->json));
	set(object, "commands", result->commands);
	set(object, "missing", result->missing);
	set(object, "recorded_doorbells", result->recorded_doorbells);
	set(object, "doorbells", result->doorbells);
	set(object, "completed", result->completed);
	json_object_set_new(object, "recorded", kinds_json(result->arch, result->recorded));
	json_object_set_new(object, "consumed", kinds_json(result->arch, result->consumed));
	if (options->inject.kind != REPLAY_INJECT_NOTHING)
		json_object_set_new(object, "inject", inject_json(&options->inject));
	json_object_set_new(object, "host", host_json(options, result));
	set(time, "doorbell_median_ns", result->doorbell_ns);
	json_object_set_new(time, "command_median_ns", json_real((double)result->command_ns_x10 / 10));
	set(time, "doorbell_p90_ns", result->doorbell_p90_ns);
	set(time, "doorbell_p99_ns", result->doorbell_p99_ns);
	set(time, "doorbell_max_ns", result->slowest_ns);
	set(time, "total_ns", result->total_ns);
	json_object_set_new(object, "time", time);
	if (options->soft)
		json_object_set_new(object, "witnesses", witness_json(&result->witness));
	set(object, "error_count", result->error_count);
	set(object, "wait_count", result->wait_count);
	json_object_set_new(object, "error_kinds", error_kinds_json(result));
	json_object_set_new(object, "errors", errors_json(options, result));
	json_object_set_new(object, "stopped", json_boolean(result->stopped));
	return object;
}
