// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "colour.h"

enum when {
	AUTO,
	ALWAYS,
	NEVER,
};

static enum when when;

bool colour_parse(const char *text)
{
	static const char *const names[] = {"auto", "always", "never"};

	for (unsigned int i = 0; i < 3; i++) {
		if (!strcmp(text, names[i])) {
			when = (enum when)i;
			return true;
		}
	}
	return false;
}

/* https://no-color.org: set and not empty. Asked once: isatty() is a system call. */
static bool wanted(void)
{
	const char *no = getenv("NO_COLOR");

	if (when == AUTO)
		when = isatty(STDOUT_FILENO) && !(no && *no) ? ALWAYS : NEVER;
	return when == ALWAYS;
}

const char *colour_on(enum colour colour)
{
	if (!wanted())
		return "";
	switch (colour) {
	case COLOUR_BAD:
		return "\033[31m";
	case COLOUR_GOOD:
		return "\033[32m";
	case COLOUR_WARNING:
		return "\033[33m";
	case COLOUR_NOTE:
		break;
	}
	return "\033[36m";
}

const char *colour_off(void)
{
	return wanted() ? "\033[0m" : "";
}
