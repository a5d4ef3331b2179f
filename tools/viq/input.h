/* SPDX-License-Identifier: MIT */
/* Input files of the user: whole, line by line, or as a descriptor. "-" is standard input. Errors are printed. */
#ifndef VIQ_TOOL_INPUT_H
#define VIQ_TOOL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Read a file of at most max bytes. *bytes is the caller's, for free(); 8-byte aligned. False after an error. */
bool input_load(const char *path, size_t max, void **bytes, size_t *len);

/*
 * A descriptor of the caller's, or -1. again: it is to be read twice, with lseek(); what comes from a pipe is copied to
 * a temporary file first.
 */
int input_open(const char *path, bool again);

#define INPUT_LINE_MAX 1024

struct input_lines {
	const char *path;
	FILE *file;
	uint64_t number; /* of the line in text, from 1 */
	char text[INPUT_LINE_MAX];
};

/* again: rewind(lines->file) is to work. */
bool input_lines_open(struct input_lines *lines, const char *path, bool again);
void input_lines_close(struct input_lines *lines);
/*
 * The next line, without its end; the rest of a longer one is dropped. 1, 0 at the end, -1 after an error. A last line
 * without a line end is not given out while growing is true: somebody is still writing it; call again later.
 */
int input_lines_next(struct input_lines *lines, bool growing);

#endif
