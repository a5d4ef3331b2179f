// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch.h"
#include "command.h"
#include "failures.h"
#include "tool.h"

/* --- The command ------------------------------------------------------------------------------------------------- */

enum {
	OPT_HOST = 256,
	OPT_CONTRACT,
	OPT_INJECT,
	OPT_BUDGET,
	OPT_BATCH,
	OPT_BRIEF,
	OPT_JSON,
};

static const struct tool_option replay_options[] = {
	{"host", OPT_HOST, "soft|null", "a software IOMMU, or a host that accepts everything (default: soft)"},
	{"contract", OPT_CONTRACT, "exact|linux-7.3|linux-next",
	 "SMMUv3: how the software host reports failures (default: exact)"},
	{"inject", OPT_INJECT, "N:KIND",
	 "make command number N of the capture, from 0, fail. illegal, reserved-bit: the guest queues a bad command. "
	 "host-illegal, hardware, atc-timeout, no-memory, gone: the host fails at it. drop: the host lies, says done "
	 "and "
	 "does nothing, which must be noticed"},
	{"budget", OPT_BUDGET, "N",
	 "what is done at a time, in commands; a host call counts as 64 (default: no limit)"},
	{"batch", OPT_BATCH, "N", "ring once where the guest rang N times (default: 1)"},
	{"brief", OPT_BRIEF, NULL, "the result in a few sentences"},
	{"json", OPT_JSON, NULL, "the result as one JSON object"},
	{0},
};

static bool take_number(const char *option, uint32_t min, uint32_t *out)
{
	uint64_t value;

	if (!tool_number(option, optarg, min, UINT32_MAX, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool take_option(int option, struct replay_options *options)
{
	switch (option) {
	case OPT_HOST:
		options->soft = !strcmp(optarg, "soft");
		if (options->soft || !strcmp(optarg, "null"))
			return true;
		tool_usage("--host: '%s' is not soft or null", optarg);
		return false;
	case OPT_CONTRACT:
		options->contract_name = optarg;
		if (!contract_parse(optarg, &options->contract))
			return true;
		tool_usage("--contract: '%s' is not %s", optarg, CONTRACT_NAMES);
		return false;
	case OPT_INJECT:
		return replay_parse_inject(optarg, &options->inject);
	case OPT_BUDGET:
		return take_number("--budget", 1, &options->budget);
	case OPT_BATCH:
		return take_number("--batch", 1, &options->batch);
	case OPT_BRIEF:
		options->brief = true;
		return true;
	case OPT_JSON:
		options->json = true;
		return true;
	default:
		return false;
	}
}

static int parse_options(int argc, char **argv, struct replay_options *options, bool *go)
{
	int option, status;

	*go = false;
	while ((option = tool_getopt(argc, argv, &command_replay, &status)) != -1)
		if (!take_option(option, options))
			return status;
	if (optind != argc - 1)
		return tool_usage("name one capture");
	if (!options->soft && (options->inject.kind == REPLAY_INJECT_HOST || options->contract != VIQ_FAULT_EXACT))
		return tool_usage("--contract and failures of the host need --host soft");
	options->path = argv[optind];
	*go = true;
	return TOOL_OK;
}

static int no_such_command(const struct replay_options *options, const char *entry, uint64_t count)
{
	unsigned long long number = options->inject.number;

	if (number < count)
		return tool_error(options->path, "--inject: %s %llu is in a gap of the recording; choose another",
				  entry, number);
	return tool_error(options->path, "--inject: there is no %s %llu; the capture has %llu, counted from 0", entry,
			  number, (unsigned long long)count);
}

static int run(const struct replay_options *options, struct scan *scan, struct replay_result *result)
{
	if (!scan_capture(options->path, options->inject.number, scan))
		return TOOL_ERROR;
	if (options->inject.kind != REPLAY_INJECT_NOTHING && !scan->found)
		return no_such_command(options, scan->arch->entry, scan->commands + scan->missing);
	if (!replay_check_inject(scan->arch, options, scan->wanted))
		return TOOL_ERROR;
	result->arch = scan->arch;
	memcpy(result->recorded, scan->recorded, sizeof(result->recorded));
	memcpy(result->note, scan->note, sizeof(result->note));
	result->commands = scan->commands;
	result->missing = scan->missing;
	result->recorded_doorbells = scan->doorbells;
	result->queue_entries = scan->max_entries;
	if (!replay_capture(options, scan, result))
		return TOOL_ERROR;
	if (options->json)
		replay_report_json(options, result);
	else if (options->brief)
		replay_report_brief(options, result);
	else
		replay_report_text(options, result);
	return result->stopped || result->witness.stale ? TOOL_ERROR : TOOL_OK;
}

static int cmd_replay(int argc, char **argv)
{
	struct replay_options options = {.soft = true, .batch = 1, .contract_name = "exact"};
	struct replay_result *result;
	struct scan *scan;
	int status;
	bool go;

	options.inject.number = UINT64_MAX;
	status = parse_options(argc, argv, &options, &go);
	if (!go)
		return status;
	scan = calloc(1, sizeof(*scan));
	result = calloc(1, sizeof(*result));
	if (scan && result)
		status = run(&options, scan, result);
	else
		status = tool_error(NULL, "no memory");
	free(result);
	free(scan);
	return status;
}

const struct tool_command command_replay = {
	.name = "replay",
	.run = cmd_replay,
	.summary = "run a capture through the front end and a host; is anything stale left?",
	.usage = "[OPTION]... CAPTURE",
	.about = "Replay a recorded queue of an SMMUv3 or a VT-d through the front end and a host: what was consumed, "
		 "what "
		 "the guest saw, what it cost. With the software host, devices use what is about to be invalidated, "
		 "and are "
		 "asked afterwards.",
	.options = replay_options,
	.files = true,
	.colour = true,
	.status = "0 all invalidations took effect; 1 something stale was left, the guest's driver gave up, or bad "
		  "input; "
		  "2 bad command line.",
	.examples = "viq replay captures/linux-7.3-arm64-smmuv3-strict-nvme.pcap\n"
		    "viq replay --inject 100:illegal guest.pcap",
};
