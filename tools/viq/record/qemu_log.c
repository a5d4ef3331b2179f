// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "qemu_log.h"

/* Digits at *p; false if there are none. */
static bool digits(const char **p, uint64_t *value)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	*value = strtoull(*p, &end, 10);
	*p = end;
	return true;
}

/* Take "pid@seconds.microseconds:" off the line. */
static const char *take_time(const char *line, struct qemu_log_line *out)
{
	uint64_t pid, seconds, micros;
	const char *p = line;

	if (!digits(&p, &pid) || *p++ != '@' || !digits(&p, &seconds) || *p++ != '.' || !digits(&p, &micros) ||
	    *p++ != ':')
		return line;
	out->has_time = true;
	/* What is no time is one that no capture can hold. */
	out->time = seconds > UINT32_MAX || micros > 999999 ? UINT64_MAX : seconds * 1000000000u + micros * 1000u;
	return p;
}

void qemu_log_split(const char *line, struct qemu_log_line *out)
{
	out->has_time = false;
	out->time = 0;
	out->event = take_time(line, out);
	out->text = out->event + strcspn(out->event, " ");
	if (*out->text)
		out->text++;
}

bool qemu_log_is(const struct qemu_log_line *line, const char *event)
{
	size_t len = strlen(event);

	return !strncmp(line->event, event, len) && (line->event[len] == ' ' || !line->event[len]);
}
