// SPDX-License-Identifier: MIT
/* The result of a replay in plain words: what `make demo` shows. Coloured on a terminal only. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arch.h"

enum colour {
	GOOD = 32,
	BAD = 31,
	NOTE = 36,
};

static void label(const char *text, enum colour colour)
{
	if (isatty(STDOUT_FILENO) && !getenv("NO_COLOR"))
		printf("  \033[%dm%-18s\033[0m ", colour, text);
	else
		printf("  %-18s ", text);
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
	uint64_t consumed = 0;

	for (unsigned int kind = 0; kind < REPLAY_KINDS; kind++)
		consumed += result->consumed[kind];
	label("queue", NOTE);
	printf("%" PRIu64 " of %" PRIu64 " %ss consumed, in %" PRIu64 " doorbells; %" PRIu64 " %ss completed\n",
	       consumed, result->commands + result->missing, result->arch->entry, result->doorbells, result->completed,
	       result->arch->sync);
	label("host", NOTE);
	printf("%" PRIu64 " invalidations confirmed; a doorbell takes %.2f us (%s included)\n",
	       result->counters.entries, (double)result->doorbell_ns / 1000,
	       options->soft ? "the software IOMMU" : "the null host");
}

static void brief_error(const struct replay_options *options, const struct replay_arch *arch,
			const struct replay_error *e)
{
	label("the guest sees", e->waited ? NOTE : BAD);
	printf("its queue %s at %s %" PRIu64 ": ", e->waited ? "stand still" : "stopped", arch->entry, e->number);
	arch->print_error(e);
	putchar('\n');
	if (options->soft) {
		label("took effect", GOOD);
		printf("everything before it: %" PRIu64 " of %" PRIu64 " translations of this doorbell are gone\n",
		       e->before_gone, e->before);
		label("did not", NOTE);
		printf("the %s itself (%" PRIu64 " of %" PRIu64
		       " translations still cached) and what follows it (%" PRIu64 " of %" PRIu64 ")\n",
		       arch->entry, e->own_cached, e->own, e->after_cached, e->after);
	}
	label("the guest then", NOTE);
	printf("%s%s\n", replay_answer_text(arch, e), e->waited ? "" : ", as Linux does");
}

static void brief_verdict(const struct replay_options *options, const struct replay_result *result)
{
	const struct replay_witness_counts *w = &result->witness;

	if (options->soft) {
		label("devices", w->stale ? BAD : GOOD);
		printf("had %" PRIu64 " translations cached; after the %s %" PRIu64 " were gone, %" PRIu64 " stale\n",
		       w->cached, result->arch->sync, w->gone, w->stale);
	}
	if (w->lost) {
		label("never invalidated", NOTE);
		printf("%" PRIu64 " translations of the refused %s: the guest was told\n", w->lost,
		       result->arch->entry);
	}
	if (result->stopped) {
		label("stopped", BAD);
		printf("after %" PRIu64 " tries; no %s completed after the failure\n", replay_failures(result),
		       result->arch->sync);
	}
	if (w->stale) {
		label("STALE", BAD);
		printf("a device could still use memory that the guest had taken away\n");
	}
}

void replay_report_brief(const struct replay_options *options, const struct replay_result *result)
{
	printf("%s\n", result->note[0] ? result->note : options->path);
	if (options->inject.kind != REPLAY_INJECT_NOTHING) {
		label("on purpose", BAD);
		printf("%s %" PRIu64 " %s\n", result->arch->entry, options->inject.number,
		       injection_text(&options->inject));
	}
	if (replay_failures(result))
		brief_error(options, result->arch, &result->errors[0]);
	brief_queue(options, result);
	brief_verdict(options, result);
}
