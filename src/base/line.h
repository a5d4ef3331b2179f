/* SPDX-License-Identifier: MIT */
/* A line of text that is put together piece by piece: snprintf() that appends, and counts on when the buffer is full.
 */
#ifndef VIQ_TEXT_LINE_H
#define VIQ_TEXT_LINE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

struct line {
	char *buf;
	size_t size, used; /* used: what the whole line has, also beyond size */
};

static inline __attribute__((format(printf, 2, 3))) void put(struct line *line, const char *format, ...)
{
	size_t room = line->used < line->size ? line->size - line->used : 0;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(room ? line->buf + line->used : NULL, room, format, args);
	va_end(args);
	line->used += n > 0 ? (size_t)n : 0;
}

#endif
