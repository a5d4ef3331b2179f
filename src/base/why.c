/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "why.h"

int why_say(struct viq_why *why, int err, const char *format, ...)
{
	va_list args;

	if (!why)
		return err;
	va_start(args, format);
	errno = -err; /* for %m, which needs no buffer that threads share */
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return err;
}
