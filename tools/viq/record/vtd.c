// SPDX-License-Identifier: MIT
/*
 * QEMU's trace of a VT-d invalidation queue: vtd_inv_qi_setup (address, entries), vtd_inv_qi_tail (each write of IQT,
 * as an entry index) and vtd_inv_desc (each descriptor as QEMU processes it, so after the tail write).
 *
 * QEMU up to 10.0 has no trace line for PASID-cache descriptors, and the recording may end inside a doorbell. What the
 * tail covers and no line shows becomes a gap: before the doorbell's last descriptor where that is a wait (a submission
 * ends with its wait), else after the last one.
 */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "qemu_log.h"
#include "record.h"
#include "tool.h"

#define VTD_QUEUE_MIN   4096u
#define VTD_QUEUE_MAX   (4096u << 7)
#define VTD_ENTRIES_MAX (VTD_QUEUE_MAX / 16)
#define VTD_TYPE_WAIT   5

struct vtd_trace {
	struct input_lines lines;
	struct viq_capture_writer *writer; /* NULL in the first pass */
	struct viq_capture_setup setup;
	bool have_setup, have_time;
	uint64_t start; /* time of the first tail write */
	/* The doorbell that is being collected. */
	bool ringing;
	uint64_t time, line; /* of its tail write */
	uint32_t head, tail;
	uint32_t count;
	uint64_t descs[VTD_ENTRIES_MAX * 4]; /* little endian, one behind the other; see desc_at() */
};

static uint32_t type_of(uint64_t low)
{
	return (uint32_t)((low & 0xf) | (low >> 9 & 7) << 4);
}

static uint64_t *desc_at(struct vtd_trace *t, uint32_t i)
{
	return t->descs + (size_t)i * (t->setup.entry_size / sizeof(uint64_t));
}

static int trace_error(const struct vtd_trace *t, uint64_t line, const char *what)
{
	return tool_error_at(t->lines.path, line, "%s", what);
}

/* --- First pass: the queue's geometry ----------------------------------------------------------------------------- */

/* PASID-based types exist in 32-byte descriptors only; the trace does not tell the width otherwise. */
static bool needs_wide(uint64_t low)
{
	uint32_t type = type_of(low);

	return type >= 6 && type <= 9;
}

static int scan_setup(struct vtd_trace *t, const char *text)
{
	uint64_t base;
	uint32_t entries;

	if (sscanf(text, "addr 0x%" SCNx64 " size %" SCNu32, &base, &entries) != 2 || !entries ||
	    entries > VTD_ENTRIES_MAX || (entries & (entries - 1)))
		return trace_error(t, t->lines.number, "a vtd_inv_qi_setup that cannot be read; is this QEMU's log?");
	if (t->have_setup && (base != t->setup.base || entries != t->setup.entries))
		return trace_error(t, t->lines.number,
				   "the guest sets up another queue; cut the trace, one recording a queue");
	t->have_setup = true;
	t->setup.base = base;
	t->setup.entries = entries;
	return TOOL_OK;
}

static int scan_line(struct vtd_trace *t, const struct qemu_log_line *line)
{
	uint64_t high, low;

	if (qemu_log_is(line, "vtd_inv_qi_setup"))
		return scan_setup(t, line->text);
	if (qemu_log_is(line, "vtd_inv_qi_tail") && line->has_time && !t->have_time) {
		t->have_time = true;
		t->start = line->time;
	}
	if (qemu_log_is(line, "vtd_inv_desc") &&
	    sscanf(line->text, "invalidate desc type %*s high 0x%" SCNx64 " low 0x%" SCNx64, &high, &low) == 2 &&
	    needs_wide(low) && !t->setup.entry_size)
		t->setup.entry_size = 32;
	return TOOL_OK;
}

/* --- Second pass: the doorbells ----------------------------------------------------------------------------------- */

/* How many of the doorbell's descriptors stand before the gap. */
static uint32_t before_gap(struct vtd_trace *t)
{
	if (t->count && type_of(le64toh(*desc_at(t, t->count - 1))) == VTD_TYPE_WAIT)
		return t->count - 1;
	return t->count;
}

static int finish_doorbell(struct vtd_trace *t)
{
	uint32_t mask = t->setup.entries - 1;
	uint32_t span = (t->tail - t->head) & mask;
	uint32_t missing = span - t->count;
	uint32_t done = 0;

	if (!t->ringing)
		return TOOL_OK;
	if (t->count > span)
		return trace_error(t, t->line,
				   "the trace shows more descriptors than this tail write made visible; trace from the "
				   "start of QEMU, one IOMMU only");
	if (missing) {
		done = before_gap(t);
		if (done)
			viq_capture_append_entries(t->writer, t->time, t->head, done, t->descs);
		t->head = (t->head + done) & mask;
		viq_capture_append_entries(t->writer, t->time, t->head, missing, NULL);
		t->head = (t->head + missing) & mask;
	}
	viq_capture_append_doorbell(t->writer, t->time, t->tail * t->setup.entry_size, t->head, t->count - done,
				    t->count > done ? desc_at(t, done) : NULL);
	t->head = t->tail;
	t->ringing = false;
	return TOOL_OK;
}

static int take_tail(struct vtd_trace *t, const struct qemu_log_line *line)
{
	int status = finish_doorbell(t);

	if (status)
		return status;
	if (sscanf(line->text, "write tail %" SCNu32, &t->tail) != 1)
		return trace_error(t, t->lines.number, "a vtd_inv_qi_tail that cannot be read; is this QEMU's log?");
	if (t->tail >= t->setup.entries)
		return trace_error(t, t->lines.number,
				   "a tail outside the queue of vtd_inv_qi_setup; trace one IOMMU only");
	t->ringing = true;
	t->count = 0;
	t->time = line->time;
	t->line = t->lines.number;
	return TOOL_OK;
}

static int take_desc(struct vtd_trace *t, const struct qemu_log_line *line)
{
	uint64_t *desc;
	uint64_t high, low;

	if (sscanf(line->text, "invalidate desc type %*s high 0x%" SCNx64 " low 0x%" SCNx64, &high, &low) != 2)
		return trace_error(t, t->lines.number, "a vtd_inv_desc that cannot be read; is this QEMU's log?");
	if (!t->ringing)
		return trace_error(t, t->lines.number,
				   "a descriptor before any tail write; trace from the start of QEMU");
	if (t->count == t->setup.entries)
		return trace_error(t, t->lines.number, "more descriptors than the queue holds; trace one IOMMU only");
	desc = desc_at(t, t->count);
	desc[0] = htole64(low);
	desc[1] = htole64(high);
	if (t->setup.entry_size == 32)
		desc[2] = desc[3] = 0; /* not traced; Linux leaves them zero */
	t->count++;
	return TOOL_OK;
}

static int take_line(struct vtd_trace *t, const struct qemu_log_line *line)
{
	if (qemu_log_is(line, "vtd_inv_qi_tail"))
		return take_tail(t, line);
	if (qemu_log_is(line, "vtd_inv_desc"))
		return take_desc(t, line);
	return TOOL_OK;
}

/* --- Both --------------------------------------------------------------------------------------------------------- */

static int each_line(struct vtd_trace *t, int (*take)(struct vtd_trace *, const struct qemu_log_line *))
{
	struct qemu_log_line line;
	int got, status = TOOL_OK;

	while (!status && (got = input_lines_next(&t->lines, false)) == 1) {
		qemu_log_split(t->lines.text, &line);
		status = take(t, &line);
	}
	return status || got < 0 ? TOOL_ERROR : TOOL_OK;
}

static int write_capture(struct vtd_trace *t, const struct record_options *options)
{
	int status;

	rewind(t->lines.file);
	t->lines.number = 0;
	status = record_begin(options, VIQ_CAPTURE_VTD, &t->setup, t->start, "QEMU trace of vtd_inv_*", &t->writer);
	if (status)
		return status;
	status = each_line(t, take_line);
	if (!status)
		status = finish_doorbell(t);
	if (!status)
		return record_finish(options, t->writer);
	viq_capture_writer_abandon(t->writer);
	return status;
}

int record_vtd_trace(const struct record_options *options)
{
	struct vtd_trace *t = calloc(1, sizeof(*t));
	int status = TOOL_ERROR;
	uint32_t bytes;

	if (!t)
		return tool_error(NULL, "out of memory");
	t->setup.entry_size = options->entry_size;
	if (!input_lines_open(&t->lines, options->operands[0], true))
		goto free;
	if (each_line(t, scan_line))
		goto close;
	if (!t->have_setup) {
		tool_error(t->lines.path, "has no vtd_inv_qi_setup line; run QEMU with -trace 'vtd_inv_qi_*' "
					  "-trace vtd_inv_desc -D LOG from its start");
		goto close;
	}
	if (!t->setup.entry_size)
		t->setup.entry_size = 16;
	bytes = t->setup.entries * t->setup.entry_size;
	if (bytes < VTD_QUEUE_MIN || bytes > VTD_QUEUE_MAX) {
		tool_error(t->lines.path,
			   "a queue of %" PRIu32 " descriptors of %" PRIu32
			   " bytes, which no VT-d has; is --entry-size right?",
			   t->setup.entries, t->setup.entry_size);
		goto close;
	}
	t->setup.clock = t->have_time ? VIQ_CAPTURE_REALTIME : VIQ_CAPTURE_COUNTER;
	status = write_capture(t, options);
close:
	input_lines_close(&t->lines);
free:
	free(t);
	return status;
}
