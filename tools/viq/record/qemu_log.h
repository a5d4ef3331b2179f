/* SPDX-License-Identifier: MIT */
/* Lines of QEMU's log trace backend: "event text", or "pid@seconds.microseconds:event text" with -msg timestamp=on. */
#ifndef VIQ_TOOL_QEMU_LOG_H
#define VIQ_TOOL_QEMU_LOG_H

#include <stdbool.h>
#include <stdint.h>

struct qemu_log_line {
	const char *event; /* name, ended by a space or the end of the line */
	const char *text;  /* what follows */
	bool has_time;
	uint64_t time; /* nanoseconds since 1970 */
};

void qemu_log_split(const char *line, struct qemu_log_line *out);
bool qemu_log_is(const struct qemu_log_line *line, const char *event);

#endif
