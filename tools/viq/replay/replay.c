// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch.h"
#include "command.h"
#include "failures.h"
#include "log.h"
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
	OPT_HTML,
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
	{"html", OPT_HTML, "FILE",
	 "write a page for a browser, too: pictures, tables and a list of commands in one file without references. Two "
	 "captures stand side by side"},
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
	case OPT_HTML:
		options->html = optarg;
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
	if (optind == argc || argc - optind > (options->html ? 2 : 1))
		return tool_usage(options->html ? "name one capture, or two"
						: "name one capture, - for standard input; two need --html");
	if (!options->soft && (options->inject.kind == REPLAY_INJECT_HOST || options->contract != VIQ_FAULT_EXACT))
		return tool_usage("--contract and failures of the host need --host soft");
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

static bool report(const struct replay_options *options, const struct replay_result *result)
{
	if (options->json)
		tool_json(replay_json(options, result));
	else if (options->brief)
		replay_report_brief(options, result);
	else
		replay_report_text(options, result);
	return !result->stopped && !result->witness.stale;
}

/* A capture on its way. */
struct job {
	struct scan scan;
	struct replay_result result;
};

static int read_job(const struct replay_options *options, struct job *job)
{
	struct scan *scan = &job->scan;
	struct replay_result *result = &job->result;

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
	return TOOL_OK;
}

/* page: array that the capture joins, or NULL. *good: nothing stale was left. */
static int run_job(struct replay_options *options, struct job *job, const struct log_axis *axis, json_t *page,
		   bool *good)
{
	bool done;

	options->log = page ? log_create(job->scan.arch, &job->scan, axis) : NULL;
	if (page && !options->log)
		return tool_error(NULL, "no memory for the page");
	done = replay_capture(options, &job->scan, &job->result);
	if (done) {
		*good &= report(options, &job->result);
		if (page)
			json_array_append_new(page,
					      json_pack("{s:o, s:o}", "report", replay_json(options, &job->result),
							"log", log_json(options->log, &job->result)));
	}
	log_destroy(options->log);
	return done ? TOOL_OK : TOOL_ERROR;
}

static int run(struct replay_options *options, struct job *jobs, char **paths, unsigned int count)
{
	const struct scan *const scans[] = {&jobs[0].scan, &jobs[1].scan};
	int status = options->html && !replay_check_html(options->html) ? TOOL_ERROR : TOOL_OK;
	json_t *page = options->html ? json_array() : NULL;
	struct log_axis axis;
	bool good = true;

	for (unsigned int i = 0; i < count && status == TOOL_OK; i++) {
		options->path = paths[i];
		status = read_job(options, &jobs[i]);
	}
	axis = log_axis(scans, status == TOOL_OK ? count : 0);
	for (unsigned int i = 0; i < count && status == TOOL_OK; i++) {
		options->path = paths[i];
		status = run_job(options, &jobs[i], &axis, page, &good);
	}
	if (status == TOOL_OK && page)
		status = replay_write_html(options->html, page) ? TOOL_OK : TOOL_ERROR;
	else
		json_decref(page);
	return good ? status : TOOL_ERROR;
}

static int cmd_replay(int argc, char **argv)
{
	struct replay_options options = {.soft = true, .batch = 1, .contract_name = "exact"};
	struct job *jobs;
	int status;
	bool go;

	options.inject.number = UINT64_MAX;
	status = parse_options(argc, argv, &options, &go);
	if (!go)
		return status;
	jobs = calloc(2, sizeof(*jobs));
	if (jobs)
		status = run(&options, jobs, argv + optind, (unsigned int)(argc - optind));
	else
		status = tool_error(NULL, "no memory");
	for (unsigned int i = 0; jobs && i < 2; i++)
		if (jobs[i].scan.fd > 0)
			close(jobs[i].scan.fd);
	free(jobs);
	return status;
}

const struct tool_command command_replay = {
	.name = "replay",
	.run = cmd_replay,
	.summary = "run a capture through the front end and a host; is anything stale left?",
	.usage = "[OPTION]... CAPTURE [CAPTURE]",
	.about = "Replay a recorded queue of an SMMUv3 or a VT-d through the front end and a host: what was consumed, "
		 "what "
		 "the guest saw, what it cost. With the software host, devices use what is about to be invalidated, "
		 "and are "
		 "asked afterwards.",
	.options = replay_options,
	.files = true,
	.colour = true,
	.notes = "CAPTURE - is standard input, and may be a pipe.",
	.status = "0 nothing stale was left; 1 something stale was left, the guest's driver gave up, or bad "
		  "input; "
		  "2 bad command line.",
	.examples = "viq replay guest.pcap\n"
		    "viq replay --inject 100:illegal guest.pcap",
};
