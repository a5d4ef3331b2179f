/* SPDX-License-Identifier: MIT */
/* Colour on standard output, where it is a terminal and nobody objects. */
#ifndef VIQ_TOOL_COLOUR_H
#define VIQ_TOOL_COLOUR_H

#include <stdbool.h>

enum colour {
	COLOUR_BAD,
	COLOUR_GOOD,
	COLOUR_WARNING,
	COLOUR_NOTE,
};

/* "auto", which it is from the start, "always" or "never"; false: none of these. */
bool colour_parse(const char *when);
/* What to print before a text and behind it; both are empty without colour. */
const char *colour_on(enum colour colour);
const char *colour_off(void);

#endif
