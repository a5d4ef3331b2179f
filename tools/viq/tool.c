// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static const char *command;

void tool_set_command(const char *name)
{
	command = name;
}

/* --- Errors ------------------------------------------------------------------------------------------------------- */

/* Names of files and words of the user go into messages: keep those to one line. */
static void print_line(const char *line)
{
	char *copy = strdup(line ? line : "out of memory");
	char *p;

	if (!copy)
		return;
	for (p = copy; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	fflush(stdout); /* what was printed before the error comes before it */
	fprintf(stderr, "viq%s%s: %s\n", command ? " " : "", command ? command : "", copy);
	free(copy);
}

/* prefix: "FILE: ", "FILE:OFFSET: " or empty; owned. */
static void print_error(char *prefix, const char *format, va_list args)
{
	char *text = NULL, *line = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	if (!text || asprintf(&line, "%s%s", prefix ? prefix : "", text) < 0)
		line = NULL;
	print_line(line);
	free(line);
	free(text);
	free(prefix);
}

const char *tool_file_name(const char *path)
{
	if (!*path)
		return "''";
	return strcmp(path, "-") ? path : "standard input";
}

int tool_error(const char *file, const char *format, ...)
{
	char *prefix = NULL;
	va_list args;

	if (file && asprintf(&prefix, "%s: ", tool_file_name(file)) < 0)
		prefix = NULL;
	va_start(args, format);
	print_error(prefix, format, args);
	va_end(args);
	return TOOL_ERROR;
}

int tool_error_at(const char *file, uint64_t offset, const char *format, ...)
{
	char *prefix = NULL;
	va_list args;

	if (asprintf(&prefix, "%s:%" PRIu64 ": ", tool_file_name(file), offset) < 0)
		prefix = NULL;
	va_start(args, format);
	print_error(prefix, format, args);
	va_end(args);
	return TOOL_ERROR;
}

int tool_capture_error(const char *file, const struct viq_capture_error *err)
{
	if (err->has_offset)
		return tool_error_at(file, err->offset, "%s", err->text);
	return tool_error(file, "%s", err->text);
}

int tool_usage(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	tool_error(NULL, "%s; try 'viq %s%s--help'", text ? text : "bad command line", command ? command : "",
		   command ? " " : "");
	free(text);
	return TOOL_USAGE;
}

/* --- Command line ------------------------------------------------------------------------------------------------- */

bool tool_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || value < min || value > max) {
		tool_usage("%s: '%s' is not a number from %" PRIu64 " to %" PRIu64, option, text, min, max);
		return false;
	}
	*out = value;
	return true;
}

/* --- Output ------------------------------------------------------------------------------------------------------- */

void tool_json(json_t *object)
{
	if (!object) {
		tool_error(NULL, "out of memory");
		exit(TOOL_ERROR);
	}
	if (json_is_object(object))
		json_object_set_new(object, "schema", json_integer(TOOL_JSON_SCHEMA));
	json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	putchar('\n'); /* main() looks at the stream's error flag */
	json_decref(object);
}

json_t *tool_json_hex(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

#define BAR_WIDTH       40
#define BAR_INTERVAL_MS 100

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void tool_progress_start(struct tool_progress *progress, const char *label)
{
	progress->label = label;
	progress->on = isatty(STDERR_FILENO);
	progress->next_ms = progress->on ? now_ms() + BAR_INTERVAL_MS : 0;
}

void tool_progress_update(struct tool_progress *progress, uint64_t done, uint64_t total)
{
	unsigned int filled;

	if (!progress->on || total == 0 || now_ms() < progress->next_ms)
		return;
	progress->next_ms = now_ms() + BAR_INTERVAL_MS;
	if (done > total)
		done = total;
	filled = (unsigned int)((double)done / (double)total * BAR_WIDTH);
	fprintf(stderr, "\r%s [%.*s%*s] %3u%%", progress->label, (int)filled,
		"########################################", (int)(BAR_WIDTH - filled), "",
		(unsigned int)((double)done / (double)total * 100));
}

void tool_progress_end(struct tool_progress *progress)
{
	if (progress->on)
		fprintf(stderr, "\r\033[K");
	progress->on = false;
}
