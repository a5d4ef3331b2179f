// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <viq/smmuv3.h>
#include <viq/vtd.h>

#include "colour.h"
#include "command.h"
#include "input.h"
#include "tool.h"

#define TEXT_MAX  2048
#define PCAP_MASK UINT64_C(0x0000ffffffffffff) /* how a capture begins: magic number, version 2 */
#define PCAP_NS   UINT64_C(0x00000002a1b23c4d)
#define RING_MAX  ((size_t)VIQ_SMMUV3_CMD_SIZE << 19)

/* ID registers that the guest has read: with all of its IOMMU's known, entries can be judged by them. */
enum {
	HAVE_IDR0 = 1,
	HAVE_IDR1 = 2,
	HAVE_IDR3 = 4,
	HAVE_IDR5 = 8,
	HAVE_SMMUV3 = 15,
	HAVE_CAP = 16,
	HAVE_ECAP = 32,
	HAVE_VTD = 48,
};

struct decoder {
	bool json;
	enum viq_capture_kind kind;
	uint32_t entries, entry_size;
	uint64_t doorbells;
	uint32_t fresh; /* entries since the last doorbell */
	unsigned int have;
	struct viq_smmuv3_config smmuv3;
	struct viq_vtd_config vtd;
};

/* --- One entry ---------------------------------------------------------------------------------------------------- */

struct entry {
	uint64_t words[4];
	uint32_t index; /* slot */
	uint32_t wrap;
	unsigned int code;
	const char *name; /* NULL: reserved */
	bool legal;
	char text[TEXT_MAX];
};

static void describe_command(const struct decoder *d, struct entry *e)
{
	const struct viq_smmuv3_config *config = d->have == HAVE_SMMUV3 ? &d->smmuv3 : NULL;

	e->code = (unsigned int)(e->words[0] & VIQ_SMMUV3_CMD_OP);
	e->name = viq_smmuv3_command_name(e->words);
	e->legal = viq_smmuv3_command_check(e->words, config) == VIQ_SMMUV3_CERROR_NONE;
	viq_smmuv3_command_text(e->words, config, e->text, sizeof(e->text));
}

static void describe_descriptor(const struct decoder *d, struct entry *e)
{
	const struct viq_vtd_config *config = d->have == HAVE_VTD ? &d->vtd : NULL;
	size_t len;

	e->code = (unsigned int)(VIQ_GET(VIQ_VTD_DESC_TYPE, e->words[0]) | VIQ_GET(VIQ_VTD_DESC_TYPE_HI, e->words[0])
										   << 4);
	e->name = viq_vtd_descriptor_name(e->words);
	e->legal = !viq_vtd_descriptor_check(e->words, 8 * d->entry_size, config);
	viq_vtd_descriptor_text(e->words, config, e->text, sizeof(e->text));
	/* The text is of the descriptor alone: it does not know the queue. */
	len = strlen(e->text);
	if (!e->legal && !strchr(e->text, '!'))
		snprintf(e->text + len, sizeof(e->text) - len, " !(not in a queue of 128-bit descriptors)");
}

static void describe(const struct decoder *d, struct entry *e)
{
	if (d->kind == VIQ_CAPTURE_VTD)
		describe_descriptor(d, e);
	else
		describe_command(d, e);
}

static json_t *words_json(const struct decoder *d, const uint64_t *words)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; i < d->entry_size / 8; i++)
		json_array_append_new(array, json_sprintf("0x%016" PRIx64, words[i]));
	return array;
}

static void print_entry(const struct decoder *d, const struct entry *e)
{
	bool vtd = d->kind == VIQ_CAPTURE_VTD;

	if (!d->json) {
		printf("%7" PRIu32 "%s  %s%s%s\n", e->index, e->wrap ? "w" : " ", e->legal ? "" : colour_on(COLOUR_BAD),
		       e->text, e->legal ? "" : colour_off());
		return;
	}
	tool_json(json_pack("{s:s, s:I, s:i, s:i, s:s?, s:o, s:b, s:s}", "type", vtd ? "descriptor" : "command",
			    "index", (json_int_t)e->index, "wrap", (int)e->wrap, vtd ? "code" : "opcode", (int)e->code,
			    "name", e->name, "words", words_json(d, e->words), "legal", (int)e->legal, "text",
			    e->text));
}

static void entry_at(const struct decoder *d, uint32_t position, struct entry *e)
{
	e->index = position & (d->entries - 1);
	e->wrap = d->kind == VIQ_CAPTURE_SMMUV3 && (position & d->entries);
}

/* --- A capture ---------------------------------------------------------------------------------------------------- */

static const char *iommu_name(const struct decoder *d)
{
	return d->kind == VIQ_CAPTURE_VTD ? "vtd" : "smmuv3";
}

static void print_setup(struct decoder *d, const struct viq_capture_setup *setup)
{
	bool based = setup->base != VIQ_CAPTURE_NO_BASE;
	bool clocked = setup->clock == VIQ_CAPTURE_REALTIME;

	d->entries = setup->entries;
	d->entry_size = setup->entry_size;
	if (d->json) {
		tool_json(json_pack("{s:s, s:s, s:o, s:I, s:I, s:s, s:s}", "type", "setup", "iommu", iommu_name(d),
				    "base", based ? tool_json_hex(setup->base) : json_null(), "entries",
				    (json_int_t)setup->entries, "entry_size", (json_int_t)setup->entry_size, "clock",
				    clocked ? "realtime" : "counter", "note", setup->note));
		return;
	}
	printf("queue    %s, %" PRIu32 " entries of %" PRIu32 " bytes", iommu_name(d), setup->entries,
	       setup->entry_size);
	if (based)
		printf(" at 0x%" PRIx64, setup->base);
	printf("%s\n", clocked ? "" : ", no times");
	if (setup->note[0])
		printf("source   %s\n", setup->note);
}

static void print_entries(struct decoder *d, const struct viq_capture_reader *reader,
			  const struct viq_capture_event *event)
{
	struct entry e = {0};
	uint32_t i;

	d->fresh += event->entries.count;
	for (i = 0; i < event->entries.count; i++) {
		viq_capture_entry_words(reader, event, i, e.words);
		entry_at(d, event->entries.first + i, &e);
		describe(d, &e);
		print_entry(d, &e);
	}
}

static void print_gap(struct decoder *d, const struct viq_capture_entries *gap)
{
	struct entry e;

	d->fresh += gap->count;
	entry_at(d, gap->first, &e);
	if (d->json)
		tool_json(json_pack("{s:s, s:I, s:i, s:I}", "type", "gap", "index", (json_int_t)e.index, "wrap",
				    (int)e.wrap, "count", (json_int_t)gap->count));
	else
		printf("%7" PRIu32 "%s  (%" PRIu32 " not recorded)\n", e.index, e.wrap ? "w" : " ", gap->count);
}

static void print_doorbell(struct decoder *d, const struct viq_capture_event *event)
{
	const char *reg = d->kind == VIQ_CAPTURE_VTD ? "IQT" : "CMDQ_PROD";

	if (d->json)
		tool_json(json_pack("{s:s, s:I, s:I, s:s, s:o, s:I}", "type", "doorbell", "packet",
				    (json_int_t)event->packet, "time_ns", (json_int_t)event->time, "register", reg,
				    "value", tool_json_hex(event->entries.doorbell), "entries", (json_int_t)d->fresh));
	else
		printf("doorbell %s=0x%" PRIx32 " (%" PRIu32 " new)\n", reg, event->entries.doorbell, d->fresh);
	d->fresh = 0;
	d->doorbells++;
}

static void learn_idr(struct decoder *d, const struct viq_capture_register *reg)
{
	uint32_t value = (uint32_t)reg->value;

	if (reg->size != 4)
		return;
	switch (reg->offset) {
	case VIQ_SMMUV3_IDR0:
		d->smmuv3.idr0 = value;
		d->have |= HAVE_IDR0;
		break;
	case VIQ_SMMUV3_IDR1:
		d->smmuv3.idr1 = value;
		d->have |= HAVE_IDR1;
		break;
	case VIQ_SMMUV3_IDR3:
		d->smmuv3.idr3 = value;
		d->have |= HAVE_IDR3;
		break;
	case VIQ_SMMUV3_IDR5:
		d->smmuv3.idr5 = value;
		d->have |= HAVE_IDR5;
		break;
	}
}

static void learn_capability(struct decoder *d, const struct viq_capture_register *reg)
{
	if (reg->size != 8)
		return;
	switch (reg->offset) {
	case VIQ_VTD_CAP:
		d->vtd.cap = reg->value;
		d->have |= HAVE_CAP;
		break;
	case VIQ_VTD_ECAP:
		d->vtd.ecap = reg->value;
		d->have |= HAVE_ECAP;
		break;
	}
}

static void print_register(struct decoder *d, const struct viq_capture_event *event)
{
	const struct viq_capture_register *reg = &event->reg;
	bool read = event->type == VIQ_CAPTURE_READ;

	if (read && d->kind == VIQ_CAPTURE_VTD)
		learn_capability(d, reg);
	else if (read)
		learn_idr(d, reg);
	if (d->json)
		tool_json(json_pack("{s:s, s:o, s:i, s:o}", "type", read ? "read" : "write", "offset",
				    tool_json_hex(reg->offset), "size", (int)reg->size, "value",
				    tool_json_hex(reg->value)));
	else
		printf("%-8s 0x%" PRIx32 " %s 0x%" PRIx64 " (%" PRIu32 " bytes)\n", read ? "read" : "write",
		       reg->offset, read ? "is" : "=", reg->value, reg->size);
}

static void print_event(struct decoder *d, const struct viq_capture_reader *reader,
			const struct viq_capture_event *event)
{
	switch (event->type) {
	case VIQ_CAPTURE_SETUP:
		print_setup(d, &event->setup);
		break;
	case VIQ_CAPTURE_ENTRIES:
		print_entries(d, reader, event);
		break;
	case VIQ_CAPTURE_GAP:
		print_gap(d, &event->entries);
		break;
	case VIQ_CAPTURE_DOORBELL:
		print_entries(d, reader, event);
		print_doorbell(d, event);
		break;
	case VIQ_CAPTURE_READ:
	case VIQ_CAPTURE_WRITE:
		print_register(d, event);
		break;
	}
}

static int decode_capture(struct decoder *d, const char *path)
{
	struct viq_capture_reader *reader;
	struct viq_capture_event event;
	struct viq_capture_error err;
	int ret, fd = input_open(path, false);

	if (fd < 0)
		return TOOL_ERROR;
	ret = viq_capture_reader_open_fd(fd, &reader, &err);
	close(fd);
	if (ret)
		return tool_capture_error(path, &err);
	d->kind = viq_capture_reader_kind(reader);
	while ((ret = viq_capture_reader_next(reader, &event, &err)) == 1)
		print_event(d, reader, &event);
	viq_capture_reader_close(reader);
	return ret ? tool_capture_error(path, &err) : TOOL_OK;
}

/* --- A raw ring --------------------------------------------------------------------------------------------------- */

static int decode_ring(struct decoder *d, const char *path)
{
	struct entry e = {0};
	uint64_t *words;
	void *bytes;
	size_t len, i;
	int status = TOOL_OK;

	if (!input_load(path, RING_MAX, &bytes, &len))
		return TOOL_ERROR;
	words = bytes;
	if (len >= 8 && (le64toh(words[0]) & PCAP_MASK) == PCAP_NS) {
		free(bytes);
		return tool_error_at(path, 0, "is a capture, not the memory of a queue; decode it without --ring");
	}
	d->kind = VIQ_CAPTURE_SMMUV3;
	d->entry_size = VIQ_SMMUV3_CMD_SIZE;
	for (i = 0; i < len / VIQ_SMMUV3_CMD_SIZE; i++) {
		e.words[0] = le64toh(words[2 * i]);
		e.words[1] = le64toh(words[2 * i + 1]);
		e.index = (uint32_t)i;
		describe(d, &e);
		print_entry(d, &e);
	}
	if (len % VIQ_SMMUV3_CMD_SIZE)
		status = tool_error_at(path, i * VIQ_SMMUV3_CMD_SIZE,
				       "ends inside a command of %d bytes; dump whole commands", VIQ_SMMUV3_CMD_SIZE);
	free(bytes);
	return status;
}

enum {
	OPT_JSON = 256,
	OPT_RING,
};

static const struct tool_option decode_options[] = {
	{"ring", OPT_RING, NULL, "FILE is raw memory of an SMMUv3 command queue, 16 bytes a command"},
	{"json", OPT_JSON, NULL, "one JSON object a line"},
	{0},
};

static int cmd_decode(int argc, char **argv)
{
	struct decoder d = {0};
	bool ring = false;
	int c, status;

	while ((c = tool_getopt(argc, argv, &command_decode, &status)) != -1) {
		switch (c) {
		case OPT_JSON:
			d.json = true;
			break;
		case OPT_RING:
			ring = true;
			break;
		default:
			return status;
		}
	}
	if (argc - optind != 1)
		return tool_usage(argc == optind ? "no file; - is standard input" : "one file at a time");
	viq_smmuv3_config_init(&d.smmuv3, sizeof(d.smmuv3));
	viq_vtd_config_init(&d.vtd, sizeof(d.vtd));
	return ring ? decode_ring(&d, argv[optind]) : decode_capture(&d, argv[optind]);
}

const struct tool_command command_decode = {
	.name = "decode",
	.run = cmd_decode,
	.summary = "print a capture or a ring dump, one line per command",
	.usage = "[OPTION]... FILE",
	.about = "Print a capture, or a raw dump of an SMMUv3 command queue, one line per command. What the "
		 "architecture "
		 "does "
		 "not allow is marked with '!'; if the capture holds ID registers, also what these do not offer.",
	.options = decode_options,
	.files = true,
	.colour = true,
	.notes = "FILE - is standard input, and may be a pipe.",
	.status = "0 done, 1 failed, 2 bad command line.",
	.examples = "viq decode guest.pcap | less\n"
		    "viq decode --json guest.pcap | grep '\"legal\":false'\n"
		    "viq decode --ring guest.ring",
};
