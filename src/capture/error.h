/* SPDX-License-Identifier: MIT */
#ifndef VIQ_CAPTURE_ERROR_H
#define VIQ_CAPTURE_ERROR_H

#include "capture.h"

/* Fill *err (NULL is allowed) without an offset; returns ret. */
int viq_capture_fail(struct viq_capture_error *err, int ret, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with an offset. */
int viq_capture_fail_at(struct viq_capture_error *err, int ret, uint64_t offset, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
