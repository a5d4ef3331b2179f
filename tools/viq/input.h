/* SPDX-License-Identifier: MIT */
/* Input files of the user: whole, or line by line. Errors are printed. */
#ifndef VIQ_TOOL_INPUT_H
#define VIQ_TOOL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Read a file of at most max bytes. *bytes is the caller's, for free(); 8-byte aligned. False after an error. */
bool input_load(const char *path, size_t max, void **bytes, size_t *len);

#define INPUT_LINE_MAX 1024

struct input_lines {
	const char *path;
	FILE *file;
	uint64_t number; /* of the line in text, from 1 */
	char text[INPUT_LINE_MAX];
};

bool input_lines_open(struct input_lines *lines, const char *path);
void input_lines_close(struct input_lines *lines);
/*
 * The next line, without its end; the rest of a longer one is dropped. 1, 0 at the end, -1 after an error. A last line
 * without a line end is not given out while growing is true: somebody is still writing it; call again later.
 */
int input_lines_next(struct input_lines *lines, bool growing);

#endif
