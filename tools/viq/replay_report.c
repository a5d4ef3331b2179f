// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay.h"
#include "tool.h"

#define SHOWN_ERRORS 8

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

/* A command as one line, cut to fit. */
static const char *command_text(const uint64_t cmd[2], char *buf, size_t len)
{
	viq_smmuv3_command_text(cmd, NULL, buf, len);
	return buf;
}

static const char *error_name(uint32_t code)
{
	const char *name = viq_smmuv3_cerror_name(code);

	return name ? name : "unknown";
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

static void print_commands(const struct replay_result *result)
{
	uint64_t recorded = 0, consumed = 0;

	printf("\n  %-20s %12s %12s\n", "command", "recorded", "consumed");
	for (unsigned int kind = 0; kind < REPLAY_KINDS; kind++) {
		if (!result->recorded[kind] && !result->consumed[kind])
			continue;
		printf("  %-20s %12" PRIu64 " %12" PRIu64 "\n", replay_kind_name(kind), result->recorded[kind],
		       result->consumed[kind]);
		recorded += result->recorded[kind];
		consumed += result->consumed[kind];
	}
	printf("  %-20s %12" PRIu64 " %12" PRIu64 "\n", "all", recorded, consumed);
	if (result->missing)
		printf("  %" PRIu64 " commands are missing in the recording; each was replayed as a CMD_SYNC\n",
		       result->missing);
}

static void print_line(const char *name, uint64_t value)
{
	printf("  %-24s %12" PRIu64 "\n", name, value);
}

static void print_cost(const struct replay_result *result)
{
	const struct viq_smmuv3_counters *c = &result->counters;

	putchar('\n');
	print_line("doorbells", result->doorbells);
	print_line("invalidate calls", c->calls);
	print_line("host calls", c->host_calls);
	print_line("entries confirmed", c->entries);
	printf("  %-24s %12.1f\n", "entries per call", ratio(c->entries, c->calls));
	for (unsigned int i = 1; i < VIQ_CALL_ERROR_COUNT; i++)
		if (c->call_errors[i])
			printf("  host: %-18s %12" PRIu64 "\n", viq_call_error_text(i), c->call_errors[i]);
	printf("  %-24s %12" PRIu64 " ns   (median; slowest %" PRIu64 " ns)\n", "time per doorbell",
	       result->doorbell_ns, result->slowest_ns);
	printf("  %-24s %12.1f ns   (median)\n", "time per command", (double)result->command_ns_x10 / 10);
}

static void print_witnesses(const struct replay_witness_counts *w)
{
	printf("\ntranslations that devices used before they were invalidated, after the CMD_SYNC that followed\n");
	print_line("looked at", w->checked);
	print_line("cached before", w->cached);
	print_line("gone after", w->gone);
	print_line("stale", w->stale);
	if (w->lost)
		printf("  %-24s %12" PRIu64 "   (of refused commands: their invalidation never happened)\n",
		       "given up by the guest", w->lost);
	if (w->waiting)
		printf("  %-24s %12" PRIu64 "   (no CMD_SYNC followed)\n", "not synchronised", w->waiting);
	if (w->skipped)
		printf("  %-24s %12" PRIu64 "   (too many, or nothing to use them with)\n", "not watched", w->skipped);
}

static void print_effect(const char *what, uint64_t part, uint64_t all, const char *how)
{
	if (all)
		printf("    %-16s %" PRIu64 " of %" PRIu64 " translations %s\n", what, part, all, how);
}

/* times: how often in a row. */
static void print_error_entry(const struct replay_error *e, uint64_t times)
{
	char text[256];

	printf("  command %" PRIu64 ": %s\n", e->number, command_text(e->cmd, text, sizeof(text)));
	if (times > 1)
		printf("    %" PRIu64 " times in a row; the first time:\n", times);
	printf("    the guest saw    CMDQ_CONS.RD %#x, CMDQ_CONS.ERR %u (%s), GERROR %#x, GERRORN %#x\n", e->index,
	       e->code, error_name(e->code), e->gerror, e->gerrorn);
	print_effect("before it", e->before_gone, e->before, "gone: took effect");
	print_effect("itself", e->own_cached, e->own, "still cached: had no effect");
	print_effect("after it", e->after_cached, e->after, "still cached: not consumed yet");
	printf("    the driver       %s\n",
	       e->replaced ? "put a CMD_SYNC in its place and acknowledged" : "acknowledged: the SMMU tries again");
}

static uint64_t times_in_a_row(const struct replay_error *e, uint64_t left)
{
	uint64_t times = 1;

	while (times < left && e[times].number == e->number && e[times].code == e->code)
		times++;
	return times;
}

static void print_errors(const struct replay_result *result)
{
	uint64_t kept = result->error_count < REPLAY_MAX_ERRORS ? result->error_count : REPLAY_MAX_ERRORS;
	uint64_t done = 0;

	if (!result->error_count) {
		printf("\nerrors that the guest saw: none\n");
		return;
	}
	printf("\nerrors that the guest saw: %" PRIu64, result->error_count);
	for (unsigned int code = 1; code < 4; code++)
		if (result->counters.cerror[code])
			printf(", %s %" PRIu64, error_name(code), result->counters.cerror[code]);
	putchar('\n');
	for (unsigned int shown = 0; shown < SHOWN_ERRORS && done < kept; shown++) {
		uint64_t times = times_in_a_row(&result->errors[done], kept - done);

		print_error_entry(&result->errors[done], times);
		done += times;
	}
	if (done < result->error_count)
		printf("  and %" PRIu64 " more\n", result->error_count - done);
}

void replay_report_text(const struct replay_options *options, const struct replay_result *result)
{
	printf("%s: %" PRIu64 " commands, %" PRIu64 " doorbells, SMMUv3 queue of %u\n", options->path, result->commands,
	       result->recorded_doorbells, result->queue_entries);
	if (result->note[0])
		printf("  %s\n", result->note);
	printf("host: %s\n", options->soft ? "software IOMMU" : "null");
	if (options->contract != VIQ_SOFT_EXACT)
		printf("  it reports failures like %s\n", options->contract_name);
	if (options->inject.kind != REPLAY_INJECT_NOTHING)
		printf("  command %" PRIu64 " is made to fail: %s\n", options->inject.number, options->inject.name);
	print_commands(result);
	print_cost(result);
	if (options->soft)
		print_witnesses(&result->witness);
	print_errors(result);
	if (result->stopped)
		printf("\nThe guest's driver gave up: the queue stays stopped, and the rest was not replayed.\n");
	if (result->witness.stale)
		printf("\nSTALE: devices still used %" PRIu64 " translations after a completed CMD_SYNC.\n",
		       result->witness.stale);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void set(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *kinds_json(const uint64_t counts[REPLAY_KINDS])
{
	json_t *object = json_object();

	for (unsigned int kind = 0; kind < REPLAY_KINDS; kind++) {
		const char *name = replay_kind_name(kind);

		if (counts[kind])
			set(object, name, counts[kind] + (uint64_t)json_integer_value(json_object_get(object, name)));
	}
	return object;
}

static json_t *error_json(const struct replay_options *options, const struct replay_error *e)
{
	json_t *object = json_object();

	set(object, "number", e->number);
	json_object_set_new(object, "command", json_pack("[o, o]", tool_json_hex(e->cmd[0]), tool_json_hex(e->cmd[1])));
	set(object, "cons_rd", e->index);
	set(object, "cons_err", e->code);
	json_object_set_new(object, "error", json_string(error_name(e->code)));
	set(object, "gerror", e->gerror);
	set(object, "gerrorn", e->gerrorn);
	json_object_set_new(object, "replaced", json_boolean(e->replaced));
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

	for (unsigned int code = 1; code < 4; code++)
		if (result->counters.cerror[code])
			set(object, error_name(code), result->counters.cerror[code]);
	return object;
}

static json_t *errors_json(const struct replay_options *options, const struct replay_result *result)
{
	json_t *array = json_array();

	for (uint64_t i = 0; i < result->error_count && i < REPLAY_MAX_ERRORS; i++)
		json_array_append_new(array, error_json(options, &result->errors[i]));
	return array;
}

static json_t *host_json(const struct replay_options *options, const struct replay_result *result)
{
	const struct viq_smmuv3_counters *c = &result->counters;
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

void replay_report_json(const struct replay_options *options, const struct replay_result *result)
{
	json_t *object = json_object(), *time = json_object();

	json_object_set_new(object, "capture", json_string(options->path));
	json_object_set_new(object, "note", json_string(result->note));
	set(object, "commands", result->commands);
	set(object, "missing", result->missing);
	set(object, "recorded_doorbells", result->recorded_doorbells);
	set(object, "doorbells", result->doorbells);
	json_object_set_new(object, "recorded", kinds_json(result->recorded));
	json_object_set_new(object, "consumed", kinds_json(result->consumed));
	if (options->inject.kind != REPLAY_INJECT_NOTHING)
		json_object_set_new(object, "inject", inject_json(&options->inject));
	json_object_set_new(object, "host", host_json(options, result));
	set(time, "doorbell_median_ns", result->doorbell_ns);
	json_object_set_new(time, "command_median_ns", json_real((double)result->command_ns_x10 / 10));
	set(time, "doorbell_max_ns", result->slowest_ns);
	set(time, "total_ns", result->total_ns);
	json_object_set_new(object, "time", time);
	if (options->soft)
		json_object_set_new(object, "witnesses", witness_json(&result->witness));
	set(object, "error_count", result->error_count);
	json_object_set_new(object, "error_kinds", error_kinds_json(result));
	json_object_set_new(object, "errors", errors_json(options, result));
	json_object_set_new(object, "stopped", json_boolean(result->stopped));
	tool_json(object);
}
