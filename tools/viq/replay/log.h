/* SPDX-License-Identifier: MIT */
/*
 * What --html shows beyond the result: where on a time line things happened, how they are distributed, and what cost
 * most. All that a page gets is bounded, whatever the capture's length: bins, the costliest, the first commands.
 */
#ifndef VIQ_TOOL_REPLAY_LOG_H
#define VIQ_TOOL_REPLAY_LOG_H

#include "replay.h"

struct log;

/* The time line, the same for all captures of a page. */
struct log_axis {
	bool clocked;   /* nanoseconds since the capture's first event; false: numbers of commands */
	uint64_t width; /* of a bin, at least 1 */
};

/* The axis on which the captures of all these scans fit. */
struct log_axis log_axis(const struct scan *const *scans, unsigned int count);

/* NULL: no memory. */
struct log *log_create(const struct replay_arch *arch, const struct scan *scan, const struct log_axis *axis);
void log_destroy(struct log *log);

/* All functions below do nothing without a log, and what there is no memory for is counted as left out. */

/* The host that calls go through to be counted; host itself without a log. */
struct viq_call_host log_host(struct log *log, const struct viq_call_host *host);
/* The capture's time from now on. */
void log_time(struct log *log, uint64_t time);
/* These commands were rung for, and the doorbell took ns; consumed: of the queue's entries, by it. */
void log_doorbell(struct log *log, const struct replay_command *commands, uint32_t count, uint64_t ns,
		  uint32_t consumed);
void log_error(struct log *log, const struct replay_error *error);

/* NULL: no memory. */
json_t *log_json(const struct log *log, const struct replay_result *result);

#endif
