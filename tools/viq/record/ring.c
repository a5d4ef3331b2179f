// SPDX-License-Identifier: MIT
/*
 * A dump of an SMMUv3 command queue's memory plus the values that the guest wrote to SMMU_CMDQ_PROD.
 *
 * The dump shows the memory at the end of the recording, so a queue that has gone round has lost its first commands:
 * PROD values and dump must account for the same commands, each exactly once.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <viq/smmuv3_spec.h>

#include "input.h"
#include "record.h"
#include "tool.h"

#define LOG2SIZE_MAX 19 /* CMDQ_BASE.LOG2SIZE (6.3.26) */
#define RING_MAX     ((size_t)VIQ_SMMUV3_CMD_SIZE << LOG2SIZE_MAX)

struct ring {
	const char *path;
	uint8_t *bytes;
	uint32_t commands; /* in bytes */
	uint32_t log2size;
};

struct prods {
	const char *path;
	uint32_t *values;
	size_t count;
};

static bool load_ring(struct ring *ring, const struct record_options *options)
{
	void *bytes;
	size_t len;

	ring->path = options->operands[0];
	if (!input_load(ring->path, RING_MAX, &bytes, &len))
		return false;
	ring->bytes = bytes;
	ring->commands = (uint32_t)(len / VIQ_SMMUV3_CMD_SIZE);
	if (len == 0) {
		tool_error(ring->path, "is empty; dump the queue's memory");
		return false;
	}
	if (len % VIQ_SMMUV3_CMD_SIZE) {
		tool_error_at(ring->path, len - len % VIQ_SMMUV3_CMD_SIZE,
			      "ends inside a command of %d bytes; dump whole commands", VIQ_SMMUV3_CMD_SIZE);
		return false;
	}
	ring->log2size = options->log2size;
	while (!options->log2size && (1u << ring->log2size) < ring->commands)
		ring->log2size++;
	if (ring->commands > 1u << ring->log2size) {
		tool_error_at(ring->path, (uint64_t)VIQ_SMMUV3_CMD_SIZE << ring->log2size,
			      "holds %" PRIu32 " commands, more than a queue of 2^%" PRIu32 "; check --log2size",
			      ring->commands, ring->log2size);
		return false;
	}
	return true;
}

static bool add_prod(struct prods *prods, size_t *room, uint32_t value)
{
	if (prods->count == *room) {
		size_t more = *room ? 2 * *room : 1024;
		uint32_t *grown = reallocarray(prods->values, more, sizeof(*grown));

		if (!grown) {
			tool_error(prods->path, "out of memory");
			return false;
		}
		prods->values = grown;
		*room = more;
	}
	prods->values[prods->count++] = value;
	return true;
}

static bool parse_prod(const struct input_lines *lines, uint32_t *value)
{
	unsigned long long number;
	char *end;

	number = strtoull(lines->text, &end, strncmp(lines->text, "0x", 2) ? 10 : 16);
	while (*end == ' ' || *end == '\t' || *end == '\r')
		end++;
	if (end == lines->text || *end || lines->text[0] == '-' || number > UINT32_MAX) {
		tool_error_at(lines->path, lines->number, "'%.40s' is not a PROD value; one number a line",
			      lines->text);
		return false;
	}
	*value = (uint32_t)number;
	return true;
}

static bool load_prods(struct prods *prods, const char *path)
{
	struct input_lines lines;
	uint32_t value;
	size_t room = 0;
	int got;

	prods->path = path;
	if (!input_lines_open(&lines, path, false))
		return false;
	while ((got = input_lines_next(&lines, false)) == 1) {
		if (!parse_prod(&lines, &value) || !add_prod(prods, &room, value)) {
			got = -1;
			break;
		}
	}
	input_lines_close(&lines);
	if (got == 0 && prods->count == 0) {
		tool_error(path, "is empty; one PROD value a line");
		got = -1;
	}
	return got == 0;
}

/* How many commands the doorbell made visible; UINT32_MAX after an error. */
static uint32_t step(const struct ring *ring, const struct prods *prods, size_t i)
{
	uint32_t size = 1u << ring->log2size;
	uint32_t before = i ? prods->values[i - 1] : 0;
	uint32_t delta = (prods->values[i] - before) & (2 * size - 1);

	if (prods->values[i] >= 2 * size) {
		tool_error_at(prods->path, i + 1,
			      "PROD 0x%" PRIx32 " does not fit a queue of 2^%" PRIu32
			      " entries; give the queue's size with --log2size",
			      prods->values[i], ring->log2size);
		return UINT32_MAX;
	}
	if (delta > size) {
		tool_error_at(prods->path, i + 1,
			      "PROD goes back from 0x%" PRIx32 " to 0x%" PRIx32
			      "; record one run of the guest, and check --log2size",
			      before, prods->values[i]);
		return UINT32_MAX;
	}
	return delta;
}

/* Do the PROD values account for exactly the commands of the dump? */
static bool check_fit(const struct ring *ring, const struct prods *prods)
{
	uint32_t size = 1u << ring->log2size;
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < prods->count; i++) {
		uint32_t delta = step(ring, prods, i);

		if (delta == UINT32_MAX)
			return false;
		total += delta;
		if (total > ring->commands && ring->commands == size) {
			tool_error_at(prods->path, i + 1,
				      "the queue went round: its first commands are overwritten in RING; dump before "
				      "PROD has counted %" PRIu32 " commands",
				      size);
			return false;
		}
		if (total > ring->commands) {
			tool_error_at(prods->path, i + 1,
				      "PROD 0x%" PRIx32 " is beyond the %" PRIu32
				      " commands of %s; dump RING after PROD",
				      prods->values[i], ring->commands, ring->path);
			return false;
		}
	}
	if (total < ring->commands && ring->commands != size) {
		tool_error_at(ring->path, total * VIQ_SMMUV3_CMD_SIZE,
			      "holds %" PRIu32 " commands, %s counts %" PRIu64
			      "; give two files of one recording, RING up to the last PROD",
			      ring->commands, prods->path, total);
		return false;
	}
	return true;
}

static int write_capture(const struct record_options *options, const struct ring *ring, const struct prods *prods)
{
	struct viq_capture_setup setup = {
		.base = VIQ_CAPTURE_NO_BASE,
		.entries = 1u << ring->log2size,
		.entry_size = VIQ_SMMUV3_CMD_SIZE,
		.clock = VIQ_CAPTURE_COUNTER,
	};
	struct viq_capture_writer *writer;
	uint32_t at = 0;
	size_t i;
	int status;

	status = record_begin(options, VIQ_CAPTURE_SMMUV3, &setup, 0, "dump of a command queue", &writer);
	if (status)
		return status;
	for (i = 0; i < prods->count; i++) {
		uint32_t count = step(ring, prods, i);

		viq_capture_append_doorbell(writer, 0, prods->values[i], at, count,
					    count ? ring->bytes + (size_t)at * VIQ_SMMUV3_CMD_SIZE : NULL);
		at += count;
	}
	return record_finish(options, writer);
}

int record_smmuv3_ring(const struct record_options *options)
{
	struct prods prods = {0};
	struct ring ring = {0};
	int status = TOOL_ERROR;

	if (load_ring(&ring, options) && load_prods(&prods, options->operands[1]) && check_fit(&ring, &prods))
		status = write_capture(options, &ring, &prods);
	free(prods.values);
	free(ring.bytes);
	return status;
}
