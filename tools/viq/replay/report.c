// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch.h"
#include "colour.h"
#include "tool.h"

#define SHOWN_ERRORS 8

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / (double)b : 0;
}

const char *replay_answer_text(const struct replay_arch *arch, const struct replay_error *e)
{
	switch ((enum replay_answer)e->answer) {
	case REPLAY_REPLACED:
		return arch->replaced;
	case REPLAY_RETRIED:
		return arch->retried;
	case REPLAY_AGAIN:
		return arch->again;
	case REPLAY_WAITED:
		return "sees its queue stand still, until the VMM runs it again";
	case REPLAY_STUCK:
		break;
	}
	return "finds nothing that it could do, and polls for ever";
}

/* --- Text -------------------------------------------------------------------------------------------------------- */

static void print_commands(const struct replay_result *result)
{
	uint64_t recorded = 0, consumed = 0;

	printf("\n  %-20s %12s %12s\n", result->arch->entry, "recorded", "consumed");
	for (unsigned int kind = 0; kind < REPLAY_KINDS; kind++) {
		if (!result->recorded[kind] && !result->consumed[kind])
			continue;
		printf("  %-20s %12" PRIu64 " %12" PRIu64 "\n", result->arch->kind_name(kind), result->recorded[kind],
		       result->consumed[kind]);
		recorded += result->recorded[kind];
		consumed += result->consumed[kind];
	}
	printf("  %-20s %12" PRIu64 " %12" PRIu64 "\n", "all", recorded, consumed);
	if (result->missing)
		printf("  %" PRIu64 " %s%s missing in the recording; each was replayed as a %s\n", result->missing,
		       result->arch->entry, tool_s(result->missing), result->arch->sync);
}

static void print_line(const char *name, uint64_t value)
{
	printf("  %-24s %12" PRIu64 "\n", name, value);
}

static void print_cost(const struct replay_result *result)
{
	const struct replay_counters *c = &result->counters;

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
	printf("  time per %-15s %12.1f ns   (median)\n", result->arch->entry, (double)result->command_ns_x10 / 10);
}

static void print_witnesses(const struct replay_arch *arch, const struct replay_witness_counts *w)
{
	printf("\ntranslations that devices used before they were invalidated, after the %s that followed\n",
	       arch->sync);
	print_line("looked at", w->checked);
	print_line("cached before", w->cached);
	print_line("gone after", w->gone);
	printf("%s  %-24s %12" PRIu64 "%s\n", w->stale ? colour_on(COLOUR_BAD) : "", "stale", w->stale,
	       w->stale ? colour_off() : "");
	if (w->lost)
		printf("  %-24s %12" PRIu64 "   (of refused %ss: their invalidation never happened)\n",
		       "given up by the guest", w->lost, arch->entry);
	if (w->waiting)
		printf("  %-24s %12" PRIu64 "   (no %s followed)\n", "not synchronised", w->waiting, arch->sync);
	if (w->skipped)
		printf("  %-24s %12" PRIu64 "   (too many, or nothing to use them with)\n", "not watched", w->skipped);
}

static void print_effect(const char *what, uint64_t part, uint64_t all, const char *how)
{
	if (all)
		printf("    %-16s %" PRIu64 " of %" PRIu64 " translation%s %s\n", what, part, all, tool_s(all), how);
}

/* times: how often in a row. */
static void print_error_entry(const struct replay_arch *arch, const struct replay_error *e, uint64_t times)
{
	char text[256];

	arch->text(e->cmd, text, sizeof(text));
	printf("  %s %" PRIu64 ": %s\n", arch->entry, e->number, text);
	if (times > 1)
		printf("    %" PRIu64 " times in a row; the first time:\n", times);
	printf("    the guest saw    ");
	arch->print_error(e);
	putchar('\n');
	print_effect("before it", e->before_gone, e->before, "gone: took effect");
	print_effect("itself", e->own_cached, e->own, "still cached: had no effect");
	print_effect("after it", e->after_cached, e->after, "still cached: not consumed yet");
	printf("    the driver       %s\n", replay_answer_text(arch, e));
}

static uint64_t times_in_a_row(const struct replay_error *e, uint64_t left)
{
	uint64_t times = 1;

	while (times < left && e[times].number == e->number && e[times].code == e->code && e[times].name == e->name)
		times++;
	return times;
}

static void print_errors(const struct replay_result *result)
{
	uint64_t kept = replay_failures(result) < REPLAY_MAX_ERRORS ? replay_failures(result) : REPLAY_MAX_ERRORS;
	uint64_t done = 0;

	printf("\nerrors that the guest saw: ");
	if (result->error_count)
		printf("%" PRIu64, result->error_count);
	else
		printf("none");
	for (unsigned int i = 0; result->counters.errors[i].name; i++)
		if (result->counters.errors[i].count)
			printf(", %s %" PRIu64, result->counters.errors[i].name, result->counters.errors[i].count);
	putchar('\n');
	if (result->wait_count)
		printf("the queue waited for its host: %" PRIu64 " time%s\n", result->wait_count,
		       tool_s(result->wait_count));
	for (unsigned int shown = 0; shown < SHOWN_ERRORS && done < kept; shown++) {
		uint64_t times = times_in_a_row(&result->errors[done], kept - done);

		print_error_entry(result->arch, &result->errors[done], times);
		done += times;
	}
	if (done < replay_failures(result))
		printf("  and %" PRIu64 " more\n", replay_failures(result) - done);
}

void replay_report_text(const struct replay_options *options, const struct replay_result *result)
{
	printf("%s: %" PRIu64 " %s%s, %" PRIu64 " doorbell%s, %s queue of %u\n", tool_file_name(options->path),
	       result->commands, result->arch->entry, tool_s(result->commands), result->recorded_doorbells,
	       tool_s(result->recorded_doorbells), result->arch->iommu, result->queue_entries);
	if (result->note[0])
		printf("  %s\n", result->note);
	printf("host: %s\n", options->soft ? "software IOMMU" : "null");
	if (options->contract != VIQ_FAULT_EXACT)
		printf("  it reports failures like %s\n", options->contract_name);
	if (options->inject.kind != REPLAY_INJECT_NOTHING)
		printf("  %s %" PRIu64 " is made to fail: %s\n", result->arch->entry, options->inject.number,
		       options->inject.name);
	print_commands(result);
	print_cost(result);
	if (options->soft)
		print_witnesses(result->arch, &result->witness);
	print_errors(result);
	if (result->stopped)
		printf("\nThe guest's driver, or the VMM, gave up: the queue stays stopped, and the rest was not "
		       "replayed.\n");
	if (result->witness.stale)
		printf("\n%sSTALE%s: devices still used %" PRIu64 " translation%s after a completed %s.\n",
		       colour_on(COLOUR_BAD), colour_off(), result->witness.stale, tool_s(result->witness.stale),
		       result->arch->sync);
}
