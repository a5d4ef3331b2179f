// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdio.h>

#include "error.h"

int viq_capture_fail(struct viq_capture_error *err, int ret, const char *format, ...)
{
	va_list args;

	if (!err)
		return ret;
	err->has_offset = false;
	err->offset = 0;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return ret;
}

int viq_capture_fail_at(struct viq_capture_error *err, int ret, uint64_t offset, const char *format, ...)
{
	va_list args;

	if (!err)
		return ret;
	err->has_offset = true;
	err->offset = offset;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return ret;
}
