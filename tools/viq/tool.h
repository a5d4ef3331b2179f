/* SPDX-License-Identifier: MIT */
/*
 * What the subcommands of viq share.
 *
 * A subcommand is a folder and a row in the table of main.c. Every error is one line on standard error: "viq
 * COMMAND: FILE:OFFSET: what; what to do".
 */
#ifndef VIQ_TOOL_H
#define VIQ_TOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"

enum tool_status {
	TOOL_OK = 0,
	TOOL_ERROR = 1, /* bad input, a failed system call */
	TOOL_USAGE = 2, /* bad command line */
};

/* --- Errors ------------------------------------------------------------------------------------------------------- */

/* What a file is called in messages: "-" is standard input. */
const char *tool_file_name(const char *path);
/* Print the line; file may be NULL. Returns TOOL_ERROR. */
int tool_error(const char *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
int tool_error_at(const char *file, uint64_t offset, const char *format, ...) __attribute__((format(printf, 3, 4)));
int tool_capture_error(const char *file, const struct viq_capture_error *err);
/* Print "viq COMMAND: what; try 'viq COMMAND --help'". Returns TOOL_USAGE. */
int tool_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- Command line ------------------------------------------------------------------------------------------------- */

/* A decimal or 0x number within [min, max]. Returns false after tool_usage() naming the option. */
bool tool_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* --- Output ------------------------------------------------------------------------------------------------------- */

/* What makes a noun a plural: "", or "s" unless there is one. */
static inline const char *tool_s(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* What the member "schema" of every object says: docs/json.md. Another number when a member changes or goes. */
#define TOOL_JSON_SCHEMA 1

/* One JSON object, or an array, on a line of standard output; takes the reference. NULL (out of memory) ends the
 * program. */
void tool_json(json_t *object);
/* A 64-bit number as JSON text "0x...": numbers above 2^53 do not survive in every reader. */
json_t *tool_json_hex(uint64_t value);

/* A bar on standard error, if that is a terminal. */
struct tool_progress {
	const char *label;
	bool on;
	int64_t next_ms; /* when it may be drawn again */
};
void tool_progress_start(struct tool_progress *progress, const char *label);
void tool_progress_update(struct tool_progress *progress, uint64_t done, uint64_t total); /* cheap enough per item */
void tool_progress_end(struct tool_progress *progress);                                   /* wipes the bar */

/* For main.c: the name that errors begin with. */
void tool_set_command(const char *name);

#endif
