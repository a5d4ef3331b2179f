/* SPDX-License-Identifier: MIT */
/* A command of the tool in this process: what it reads are files in memory, and what it prints is kept. */
#ifndef TESTS_FUZZ_TOOL_RUN_H
#define TESTS_FUZZ_TOOL_RUN_H

#include <stddef.h>

#include "command.h"

struct tool_said {
	char *out, *err; /* to be freed by tool_forget(), with a 0 behind */
	size_t out_len, err_len;
};

#define TOOL_FILES 3

/* The name of a file with these bytes; there are TOOL_FILES of them. */
const char *tool_file(unsigned int file, const void *data, size_t len);

/*
 * Run it with these words, NULL ends them; returns its exit status. Whatever it reads must hold: it succeeds or fails,
 * and does not complain about its command line; an error is one line as all have them; what it prints is text, one JSON
 * value a line if json is set, and has nothing in it that a terminal would take for a command.
 */
int tool_run(const struct tool_command *command, const char *const *words, bool json, struct tool_said *said);
void tool_forget(struct tool_said *said);

#endif
