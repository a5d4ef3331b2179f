// SPDX-License-Identifier: MIT
/* The result of a replay in plain words: what `make demo` shows. Coloured on a terminal only. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "replay.h"

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
		return inject->failure == VIQ_SOFT_FAIL_DROP ? "is dropped by a host that says it was done"
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
	printf("%" PRIu64 " of %" PRIu64 " commands consumed, in %" PRIu64 " doorbells; %" PRIu64
	       " CMD_SYNCs completed\n",
	       consumed, result->commands + result->missing, result->doorbells, result->consumed[VIQ_SMMUV3_OP_SYNC]);
	label("host", NOTE);
	printf("%" PRIu64 " invalidations confirmed; a doorbell takes %.2f us (%s included)\n",
	       result->counters.entries, (double)result->doorbell_ns / 1000,
	       options->soft ? "the software IOMMU" : "the null host");
}

static void brief_error(const struct replay_options *options, const struct replay_error *e)
{
	const char *name = viq_smmuv3_cerror_name(e->code);

	label("the guest sees", BAD);
	printf("its queue stopped at command %" PRIu64 " (CMDQ_CONS.RD = %#x), error %s, GERROR.CMDQ_ERR raised\n",
	       e->number, e->index, name ? name : "unknown");
	if (options->soft) {
		label("took effect", GOOD);
		printf("everything before it: %" PRIu64 " of %" PRIu64 " translations of this doorbell are gone\n",
		       e->before_gone, e->before);
		label("did not", NOTE);
		printf("the command itself (%" PRIu64 " of %" PRIu64
		       " translations still cached) and what follows it (%" PRIu64 " of %" PRIu64 ")\n",
		       e->own_cached, e->own, e->after_cached, e->after);
	}
	label("the guest then", NOTE);
	printf("%s, as Linux does\n", e->replaced ? "puts a CMD_SYNC in its place and acknowledges the error"
						  : "acknowledges the error, so that the SMMU tries again");
}

static void brief_verdict(const struct replay_options *options, const struct replay_result *result)
{
	const struct replay_witness_counts *w = &result->witness;

	if (options->soft) {
		label("devices", w->stale ? BAD : GOOD);
		printf("had %" PRIu64 " translations cached; after the CMD_SYNC %" PRIu64 " were gone, %" PRIu64
		       " stale\n",
		       w->cached, w->gone, w->stale);
	}
	if (w->lost) {
		label("never invalidated", NOTE);
		printf("%" PRIu64 " translations of the refused command: the guest was told\n", w->lost);
	}
	if (result->stopped) {
		label("stopped", BAD);
		printf("after %" PRIu64 " tries; no CMD_SYNC completed after the failure\n", result->error_count);
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
		printf("command %" PRIu64 " %s\n", options->inject.number, injection_text(&options->inject));
	}
	if (result->error_count)
		brief_error(options, &result->errors[0]);
	brief_queue(options, result);
	brief_verdict(options, result);
}
