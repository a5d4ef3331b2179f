/* SPDX-License-Identifier: MIT */
/*
 * Any file as a capture: `viq decode` and `viq replay` read it. Behind FRONT bytes, which choose the options, an input
 * is the file itself. What must hold besides what tool_run.h says:
 *
 *   - both read it to its end, or refuse it with the same words;
 *   - nothing is stale behind a wait that has completed (P1), unless the host was told to lie.
 *
 * The mutator knows packets, so that lengths, counts and totals are right most of the time.
 */
#include <jansson.h>
#include <stdio.h>

#include "capture/capture.h"
#include "support/test.h"
#include "capture_mutate.h"
#include "tool_run.h"

#define FRONT    CAPTURE_FRONT
#define WORK_MAX (1u << 16) /* commands that a replay may have to do with */

/* What the file makes a replay do, at most: each doorbell may name a whole queue. 0: it is no capture. */
static uint64_t work_of(const char *path)
{
	struct viq_capture_reader *reader;
	struct viq_capture_event event;
	struct viq_capture_error err;
	uint64_t work = 1, entries = 0;
	int ret;

	if (viq_capture_reader_open(path, &reader, &err))
		return 0;
	while ((ret = viq_capture_reader_next(reader, &event, &err)) == 1) {
		assert_true(event.time <= INT64_MAX);
		if (event.type == VIQ_CAPTURE_SETUP)
			entries = event.setup.entries;
		work += event.type == VIQ_CAPTURE_GAP ? event.entries.count : entries;
	}
	viq_capture_reader_close(reader);
	return ret ? 0 : work;
}

static void decode(const char *path, bool json, struct tool_said *said, bool whole)
{
	const char *const words[] = {"--color=never", path, json ? "--json" : NULL, NULL};
	int status = tool_run(&command_decode, words, json, said);

	assert_int_equal(status == 0, whole);
	assert_int_equal(status == 0, !said->err_len);
}

static void check_report(const struct tool_said *said, int status, bool lies)
{
	json_t *report = json_loads(said->out, 0, NULL);
	json_int_t stale, commands, missing;

	assert_int_equal(json_unpack(report, "{s:{s:I}, s:I, s:I}", "witnesses", "stale", &stale, "commands", &commands,
				     "missing", &missing),
			 0);
	assert_true(!stale || lies);
	assert_true(commands >= 0 && missing >= 0);
	assert_true(status || !stale);
	json_decref(report);
}

static void replay(const char *path, uint8_t how, uint8_t number, struct tool_said *said, bool whole)
{
	static const char *const kinds[] = {"host-illegal", "hardware", "atc-timeout", "no-memory",
					    "gone",         "drop",     "illegal",     "reserved-bit"};
	static const char *const budgets[] = {"--budget=1", "--budget=64", "--budget=1000", "--batch=3"};
	static const char *const outputs[] = {"--json", "--json", "--brief", "--html=/dev/null"};
	const char *kind = kinds[number / 16 % 8], *output = outputs[how / 4 % 4];
	char inject[32];
	const char *words[8] = {"--color=never", path, output};
	size_t count = 3;
	bool json = output[2] == 'j';
	int status;

	if (how & 1)
		words[count++] = budgets[how / 16 % 4];
	if (how & 2) {
		snprintf(inject, sizeof(inject), "--inject=%u:%s", number % 16, kind);
		words[count++] = inject;
	}
	if (how & 64)
		words[count++] = how & 128 ? "--contract=linux-7.3" : how & 2 ? "--host=soft" : "--host=null";
	status = tool_run(&command_replay, words, json, said);
	if (whole && said->out_len && json && (how & 194) != 64) /* there are no witnesses without the software host */
		check_report(said, status, how & 2 && !strcmp(kind, "drop"));
	if (!whole)
		assert_true(status && said->err_len && !said->out_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tool_said said, again;
	const char *path;
	uint64_t work;

	if (size < FRONT)
		return 0;
	path = tool_file(0, data + FRONT, size - FRONT);
	work = work_of(path);
	decode(path, data[0] & 1, &said, work);
	if (!work || (work < WORK_MAX && !(data[1] & 128)))
		replay(path, data[0], data[1], &again, work);
	else
		again = (struct tool_said){0};
	if (!work)
		assert_string_equal(said.err + strlen("viq decode"), again.err + strlen("viq replay"));
	tool_forget(&said);
	tool_forget(&again);
	return 0;
}
