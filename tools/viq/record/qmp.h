/* SPDX-License-Identifier: MIT */
/* A QMP client for a few commands. Functions that fail print the error and return false. */
#ifndef VIQ_TOOL_QMP_H
#define VIQ_TOOL_QMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct qmp {
	const char *path;
	const char *advice; /* what to do when the connection breaks; NULL: to look for QEMU */
	FILE *in;
	bool broken; /* and reported: further commands fail at once, and silently */
};

/* Connect to a unix socket and negotiate. */
bool qmp_connect(struct qmp *qmp, const char *path);
void qmp_close(struct qmp *qmp);
/* Run a command; takes the reference of arguments (NULL: none). *result (may be NULL) is the caller's to release. */
bool qmp_execute(struct qmp *qmp, const char *command, json_t *arguments, json_t **result);

#endif
