// SPDX-License-Identifier: MIT
/*
 * Recording from a running QEMU: the register writes from its trace log, the commands from the queue's memory.
 *
 * The log is read up to its end while the guest runs, and once more after QMP "stop"; then the queue's memory is saved
 * and the guest goes on. The memory shows the newest commands only: of a queue that has gone round, what may have been
 * overwritten is left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <viq/smmuv3_spec.h>

#include "input.h"
#include "qemu_log.h"
#include "qmp.h"
#include "record.h"
#include "tool.h"

#define LOG2SIZE_MAX  19
#define BASE_LOG2SIZE VIQ_BITS(4, 0)
#define BASE_ADDR     VIQ_BITS(51, 5)
#define CR0_CMDQEN    VIQ_BIT(3)
/*
 * Commands that the guest may already have written beyond PROD when it was stopped, over its oldest ones: 64 for each
 * of 64 CPUs with Linux.
 */
#define IN_FLIGHT_MAX 4096

/* An access of the guest, and where the queue stood. */
struct access {
	uint64_t time;
	uint64_t value;
	uint32_t offset;
	uint32_t count;    /* commands that it made visible */
	uint64_t position; /* commands made visible before it, since the queue was set up */
	uint32_t first;    /* queue index of the first of them */
	uint8_t size;
};

struct live {
	struct input_lines log;
	struct qmp qmp;
	bool have_time;
	/* The registers as the guest has written them. */
	bool have_base;
	uint64_t base;
	uint32_t prod, cons;
	bool enabled;
	/* Since the last write of CMDQ_BASE. */
	struct access *accesses;
	size_t count, room;
	uint64_t position;
	uint32_t first; /* index of the next command to become visible */
	/* ID registers that the guest has read. */
	struct viq_capture_register ids[8];
	uint32_t id_count;
	void *memory;
};

static uint32_t queue_log2size(const struct live *live)
{
	uint32_t log2size = (uint32_t)VIQ_GET(BASE_LOG2SIZE, live->base);

	return log2size < LOG2SIZE_MAX ? log2size : LOG2SIZE_MAX;
}

static uint32_t queue_size(const struct live *live)
{
	return 1u << queue_log2size(live);
}

/* --- The log ------------------------------------------------------------------------------------------------------ */

static int add_access(struct live *live, const struct access *access)
{
	if (live->count == live->room) {
		size_t more = live->room ? 2 * live->room : 1024;
		struct access *grown = reallocarray(live->accesses, more, sizeof(*grown));

		if (!grown)
			return tool_error(live->log.path, "out of memory");
		live->accesses = grown;
		live->room = more;
	}
	live->accesses[live->count++] = *access;
	return TOOL_OK;
}

/* A new queue: what belongs to the old one is forgotten. */
static void set_base(struct live *live, const struct access *access)
{
	uint64_t high = ~UINT64_C(0) << 32;

	if (access->size == 8)
		live->base = access->value;
	else if (access->offset == VIQ_SMMUV3_CMDQ_BASE)
		live->base = (live->base & high) | (access->value & ~high);
	else
		live->base = access->value << 32 | (live->base & ~high);
	live->have_base = true;
	live->count = 0;
	live->position = 0;
	live->cons &= 2 * queue_size(live) - 1;
	live->first = live->cons;
}

/* What the access makes visible: a doorbell while the queue is enabled, or enabling it. */
static void make_visible(struct live *live, struct access *access)
{
	uint32_t size = queue_size(live);
	uint32_t delta = (live->prod - live->first) & (2 * size - 1);

	if (!live->enabled || delta > size || live->prod >= 2 * size)
		return; /* a PROD that makes no sense names no commands */
	access->count = delta;
	live->position += delta;
	live->first = live->prod;
}

static void follow(struct live *live, struct access *access)
{
	access->position = live->position;
	access->first = live->first;
	switch (access->offset) {
	case VIQ_SMMUV3_CMDQ_PROD:
		live->prod = (uint32_t)access->value;
		make_visible(live, access);
		break;
	case VIQ_SMMUV3_CMDQ_CONS:
		live->cons = (uint32_t)access->value & (2 * queue_size(live) - 1);
		if (!live->enabled)
			live->first = live->cons;
		break;
	case VIQ_SMMUV3_CR0:
		live->enabled = access->value & CR0_CMDQEN;
		make_visible(live, access);
		break;
	}
}

static int take_write(struct live *live, struct access *access)
{
	if (access->offset == VIQ_SMMUV3_CMDQ_BASE || access->offset == VIQ_SMMUV3_CMDQ_BASE + 4)
		set_base(live, access);
	follow(live, access);
	return live->have_base ? add_access(live, access) : TOOL_OK;
}

static void take_read(struct live *live, const struct access *access)
{
	uint32_t i;

	if (access->offset > VIQ_SMMUV3_AIDR || access->size != 4)
		return;
	for (i = 0; i < live->id_count; i++) {
		if (live->ids[i].offset == access->offset)
			return;
	}
	live->ids[live->id_count++] =
		(struct viq_capture_register){.offset = access->offset, .size = 4, .value = access->value};
}

static int take_line(struct live *live, const char *text)
{
	struct access access = {0};
	struct qemu_log_line line;
	bool write;
	unsigned int size;

	qemu_log_split(text, &line);
	write = qemu_log_is(&line, "smmuv3_write_mmio");
	if (!write && !qemu_log_is(&line, "smmuv3_read_mmio"))
		return TOOL_OK;
	if (sscanf(line.text, "addr: 0x%" SCNx32 " val:0x%" SCNx64 " size: 0x%x", &access.offset, &access.value,
		   &size) != 3 ||
	    (size != 4 && size != 8) || access.offset % 4 || (size == 4 && access.value > UINT32_MAX))
		return tool_error_at(live->log.path, live->log.number,
				     "a register access that cannot be read; is this QEMU's log?");
	access.size = (uint8_t)size;
	access.time = line.time;
	live->have_time |= line.has_time;
	if (write)
		return take_write(live, &access);
	take_read(live, &access);
	return TOOL_OK;
}

static int read_log(struct live *live)
{
	int got, status = TOOL_OK;

	while (!status && (got = input_lines_next(&live->log, true)) == 1)
		status = take_line(live, live->log.text);
	return status || got < 0 ? TOOL_ERROR : TOOL_OK;
}

static int check_base(const struct live *live)
{
	if (!live->have_base)
		return tool_error(
			live->log.path,
			"no write of SMMU_CMDQ_BASE (0x90) in it; start QEMU with -trace smmuv3_write_mmio -D LOG "
			"and an SMMUv3, and record after the guest has set it up");
	return TOOL_OK;
}

/* --- The memory --------------------------------------------------------------------------------------------------- */

/* Let QEMU write the queue's memory to a file in a directory of our own, and load it. */
static int save_memory(struct live *live)
{
	size_t bytes = (size_t)queue_size(live) * VIQ_SMMUV3_CMD_SIZE;
	const char *tmp = getenv("TMPDIR");
	char *dir = NULL, *file = NULL;
	int status = TOOL_ERROR;
	size_t len;

	if (asprintf(&dir, "%s/viq-record-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0)
		return tool_error(NULL, "out of memory");
	if (!mkdtemp(dir)) {
		tool_error(dir, "cannot create a directory for the queue's memory: %s; set TMPDIR", strerror(errno));
		goto free;
	}
	if (asprintf(&file, "%s/queue", dir) < 0) {
		file = NULL;
		tool_error(NULL, "out of memory");
		goto rmdir;
	}
	if (!qmp_execute(&live->qmp, "pmemsave",
			 json_pack("{s:I, s:I, s:s}", "val", (json_int_t)(live->base & BASE_ADDR), "size",
				   (json_int_t)bytes, "filename", file),
			 NULL))
		goto unlink;
	if (!input_load(file, bytes, &live->memory, &len))
		goto unlink;
	if (len == bytes)
		status = TOOL_OK;
	else
		tool_error_at(file, len, "QEMU saved %zu bytes of %zu; is the disk full?", len, bytes);
unlink:
	unlink(file);
	free(file);
rmdir:
	rmdir(dir);
free:
	free(dir);
	return status;
}

/* The guest must not be left stopped by a Ctrl-C: signals wait. */
static void hold_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, before);
}

static int save_stopped(struct live *live)
{
	int status = read_log(live);

	if (!status)
		status = check_base(live);
	if (!status)
		status = save_memory(live);
	return status;
}

/* Stop the guest, if it runs, only as long as needed. */
static int take_state(struct live *live)
{
	json_t *state = NULL;
	sigset_t signals;
	int status;
	bool running;

	if (!qmp_execute(&live->qmp, "query-status", NULL, &state))
		return TOOL_ERROR;
	running = json_is_true(json_object_get(state, "running"));
	json_decref(state);
	if (!running)
		return save_stopped(live);
	hold_signals(&signals);
	live->qmp.advice = "the guest may be stopped: enter cont in QEMU's monitor";
	status = TOOL_ERROR;
	if (qmp_execute(&live->qmp, "stop", NULL, NULL)) {
		status = save_stopped(live);
		if (!qmp_execute(&live->qmp, "cont", NULL, NULL))
			status = TOOL_ERROR;
	}
	sigprocmask(SIG_SETMASK, &signals, NULL);
	return status;
}

/* --- The capture -------------------------------------------------------------------------------------------------- */

/* The first access none of whose commands, nor any later one, may have been overwritten. */
static size_t first_kept(const struct live *live)
{
	uint32_t size = queue_size(live);
	uint32_t in_flight = size / 2 < IN_FLIGHT_MAX ? size / 2 : IN_FLIGHT_MAX;
	uint64_t need = live->position + in_flight;
	size_t i = 0;

	while (i < live->count && live->accesses[i].position + size < need)
		i++;
	return i;
}

/* count commands from queue index first on, in one piece: they may go over the end of the queue. */
static void copy_commands(const struct live *live, uint32_t first, uint32_t count, uint8_t *out)
{
	uint32_t size = queue_size(live);
	uint32_t slot = first & (size - 1);
	uint32_t head = count < size - slot ? count : size - slot;
	const uint8_t *memory = live->memory;

	memcpy(out, memory + (size_t)slot * VIQ_SMMUV3_CMD_SIZE, (size_t)head * VIQ_SMMUV3_CMD_SIZE);
	memcpy(out + (size_t)head * VIQ_SMMUV3_CMD_SIZE, memory, (size_t)(count - head) * VIQ_SMMUV3_CMD_SIZE);
}

static void write_access(const struct live *live, struct viq_capture_writer *writer, const struct access *a,
			 uint8_t *buf)
{
	struct viq_capture_register reg = {.offset = a->offset, .size = a->size, .value = a->value};

	copy_commands(live, a->first, a->count, buf);
	if (a->offset == VIQ_SMMUV3_CMDQ_PROD) {
		viq_capture_append_doorbell(writer, a->time, (uint32_t)a->value, a->first, a->count,
					    a->count ? buf : NULL);
		return;
	}
	if (a->count) /* written before the queue was enabled */
		viq_capture_append_entries(writer, a->time, a->first, a->count, buf);
	viq_capture_append_register(writer, a->time, VIQ_CAPTURE_WRITE, &reg);
}

static int write_capture(const struct live *live, const struct record_options *options)
{
	struct viq_capture_setup setup = {
		.base = live->base & BASE_ADDR,
		.entries = queue_size(live),
		.entry_size = VIQ_SMMUV3_CMD_SIZE,
		.clock = live->have_time ? VIQ_CAPTURE_REALTIME : VIQ_CAPTURE_COUNTER,
	};
	uint64_t time = live->count ? live->accesses[0].time : 0;
	uint8_t *buf = malloc((size_t)setup.entries * VIQ_SMMUV3_CMD_SIZE);
	struct viq_capture_writer *writer;
	size_t first = first_kept(live);
	size_t i;
	int status;

	if (!buf)
		return tool_error(NULL, "out of memory");
	status = record_begin(options, VIQ_CAPTURE_SMMUV3, &setup, time, "live recording from QEMU", &writer);
	if (status)
		goto free;
	for (i = 0; i < live->id_count; i++)
		viq_capture_append_register(writer, time, VIQ_CAPTURE_READ, &live->ids[i]);
	for (i = first; i < live->count; i++)
		write_access(live, writer, &live->accesses[i], buf);
	status = record_finish(options, writer);
	if (!status && first)
		fprintf(record_info(options),
			"%s: begins after command %" PRIu64 " of %" PRIu64 ": the guest has overwritten earlier ones\n",
			record_out_name(options), first < live->count ? live->accesses[first].position : live->position,
			live->position);
free:
	free(buf);
	return status;
}

int record_live(const struct record_options *options)
{
	struct live live = {0};
	int status = TOOL_ERROR;

	if (!qmp_connect(&live.qmp, options->qmp))
		return TOOL_ERROR;
	if (!input_lines_open(&live.log, options->trace, false))
		goto close_qmp;
	if (read_log(&live) || take_state(&live))
		goto close_log;
	status = write_capture(&live, options);
close_log:
	free(live.memory);
	free(live.accesses);
	input_lines_close(&live.log);
close_qmp:
	qmp_close(&live.qmp);
	return status;
}
