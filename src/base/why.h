/* SPDX-License-Identifier: MIT */
#ifndef VIQ_BASE_WHY_H
#define VIQ_BASE_WHY_H

#include <viq/why.h>

/* Fill *why, which may be NULL, with one line, in which %m is the text of err (0 or a negative errno). Returns err. */
int why_say(struct viq_why *why, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
