/* SPDX-License-Identifier: MIT */
/* The sources that viq record knows: a file each. */
#ifndef VIQ_TOOL_RECORD_H
#define VIQ_TOOL_RECORD_H

#include <stdint.h>
#include <stdio.h>

#include "capture/capture.h"

#define RECORD_MAX_REGISTERS 16

struct record_options {
	const char *operands[2];
	const char *out;         /* "-": standard output */
	const char *note;        /* NULL: the source's default */
	const char *qmp;         /* live */
	const char *trace;       /* live */
	uint32_t log2size;       /* smmuv3-ring; 0: not given */
	uint32_t entry_size;     /* vtd-trace; 0: not given */
	uint32_t register_count; /* values that the guest reads from registers */
	struct viq_capture_register registers[RECORD_MAX_REGISTERS];
};

/* Each returns an exit status. */
int record_smmuv3_ring(const struct record_options *options);
int record_vtd_trace(const struct record_options *options);
int record_live(const struct record_options *options);

/* --- What they share ---------------------------------------------------------------------------------------------- */

/* The output's name in messages, and where to tell of it: not where it goes itself. */
const char *record_out_name(const struct record_options *options);
FILE *record_info(const struct record_options *options);
/* Create the output file and append the setup (its note from the options or the default) and the registers given. */
int record_begin(const struct record_options *options, enum viq_capture_kind kind, struct viq_capture_setup *setup,
		 uint64_t time, const char *default_note, struct viq_capture_writer **writer);
/* Commit and print one line of totals. */
int record_finish(const struct record_options *options, struct viq_capture_writer *writer);

#endif
