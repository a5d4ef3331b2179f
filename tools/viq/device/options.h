/* SPDX-License-Identifier: MIT */
#ifndef VIQ_TOOL_DEVICE_OPTIONS_H
#define VIQ_TOOL_DEVICE_OPTIONS_H

#include "board.h"

struct device_options {
	struct board_config board;
	const char *socket, *connect;   /* one at most; both NULL: standard input and output */
	const char *qmp;                /* NULL: none */
	const char *of_smmuv3, *of_vtd; /* an option that only this device has, if one was given */
	uint32_t budget;
};

/* TOOL_OK and *go, or the status to exit with. */
int cmd_device(int argc, char **argv);
int device_parse_options(int argc, char **argv, struct device_options *opts, bool *go);

#endif
