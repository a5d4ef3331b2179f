// SPDX-License-Identifier: MIT
/* The result of a replay in plain words: what `make demo` shows. */
#include <inttypes.h>
#include <stdio.h>

#include "arch.h"
#include "colour.h"
#include "tool.h"

static void label(const char *text, enum colour colour)
{
	printf("  %s%-18s%s ", colour_on(colour), text, colour_off());
}

static const char *injection_text(const struct replay_inject *inject)
{
	switch (inject->kind) {
	case REPLAY_INJECT_ILLEGAL:
		return "is replaced by one that does not exist";
	case REPLAY_INJECT_RESERVED_BIT:
		return "gets a bit set that the architecture reserves";
	case REPLAY_INJECT_HOST:
		return inject->failure == VIQ_FAULT_DROP ? "is dropped by a host that says it was done"
							 : "makes the host fail";
	default:
		return "";
	}
}

static void brief_queue(const struct replay_options *options, const struct replay_result *result)
{
	uint64_t consumed = 0, all = result->commands + result->missing;

	for (unsigned int kind = 0; kind < REPLAY_KINDS; kind++)
		consumed += result->consumed[kind];
	label("queue", COLOUR_NOTE);
	printf("%" PRIu64 " of %" PRIu64 " %s%s consumed, in %" PRIu64 " doorbell%s; %" PRIu64 " %s%s completed\n",
	       consumed, all, result->arch->entry, tool_s(all), result->doorbells, tool_s(result->doorbells),
	       result->completed, result->arch->sync, tool_s(result->completed));
	label("host", COLOUR_NOTE);
	printf("%" PRIu64 " invalidation%s confirmed; a doorbell takes %.2f us (%s included)\n",
	       result->counters.entries, tool_s(result->counters.entries), (double)result->doorbell_ns / 1000,
	       options->soft ? "the software IOMMU" : "the null host");
}

static void brief_error(const struct replay_options *options, const struct replay_arch *arch,
			const struct replay_error *e)
{
	label("the guest sees", e->waited ? COLOUR_NOTE : COLOUR_BAD);
	printf("its queue %s at %s %" PRIu64 ": ", e->waited ? "stand still" : "stopped", arch->entry, e->number);
	arch->print_error(e);
	putchar('\n');
	if (options->soft) {
		label("took effect", COLOUR_GOOD);
		printf("everything before it: %" PRIu64 " of %" PRIu64 " translation%s of this doorbell gone\n",
		       e->before_gone, e->before, tool_s(e->before));
		label("did not", COLOUR_NOTE);
		printf("the %s itself (%" PRIu64 " of %" PRIu64
		       " translation%s still cached) and what follows it (%" PRIu64 " of %" PRIu64 ")\n",
		       arch->entry, e->own_cached, e->own, tool_s(e->own), e->after_cached, e->after);
	}
	label("the guest then", COLOUR_NOTE);
	printf("%s%s\n", replay_answer_text(arch, e), e->waited ? "" : ", as Linux does");
}

static void brief_verdict(const struct replay_options *options, const struct replay_result *result)
{
	const struct replay_witness_counts *w = &result->witness;

	if (options->soft) {
		label("devices", w->stale ? COLOUR_BAD : COLOUR_GOOD);
		printf("had %" PRIu64 " translation%s cached; after the %s %" PRIu64 " were gone, %" PRIu64 " stale\n",
		       w->cached, tool_s(w->cached), result->arch->sync, w->gone, w->stale);
	}
	if (w->lost) {
		label("never invalidated", COLOUR_NOTE);
		printf("%" PRIu64 " translation%s of the refused %s: the guest was told\n", w->lost, tool_s(w->lost),
		       result->arch->entry);
	}
	if (result->stopped) {
		label("stopped", COLOUR_BAD);
		printf("after %" PRIu64 " %s; no %s completed after the failure\n", replay_failures(result),
		       replay_failures(result) == 1 ? "try" : "tries", result->arch->sync);
	}
	if (w->stale) {
		label("STALE", COLOUR_BAD);
		printf("a device could still use memory that the guest had taken away\n");
	}
}

void replay_report_brief(const struct replay_options *options, const struct replay_result *result)
{
	printf("%s\n", result->note[0] ? result->note : tool_file_name(options->path));
	if (options->inject.kind != REPLAY_INJECT_NOTHING) {
		label("on purpose", COLOUR_BAD);
		printf("%s %" PRIu64 " %s\n", result->arch->entry, options->inject.number,
		       injection_text(&options->inject));
	}
	if (replay_failures(result))
		brief_error(options, result->arch, &result->errors[0]);
	brief_queue(options, result);
	brief_verdict(options, result);
}
