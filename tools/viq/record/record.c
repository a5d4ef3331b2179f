// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "record.h"
#include "tool.h"

enum {
	OPT_ENTRY_SIZE = 256,
	OPT_LOG2SIZE,
	OPT_NOTE,
	OPT_QMP,
	OPT_REGISTER,
	OPT_TRACE
};

static const struct tool_option record_options[] = {
	{"output", 'o', "OUT",
	 "the capture, - for standard output; replaced if it is there, and only when all went well"},
	{"note", OPT_NOTE, "TEXT", "where the recording comes from; kept in the capture"},
	{"register", OPT_REGISTER, "OFF=VAL",
	 "what the guest reads from the 32-bit register at OFF (ID registers); repeat for more"},
	{"log2size", OPT_LOG2SIZE, "N", "smmuv3-ring: the queue has 2^N entries (default: the least that holds RING)"},
	{"entry-size", OPT_ENTRY_SIZE, "16|32",
	 "vtd-trace: bytes a descriptor (default: 32 if a traced type needs it)"},
	{"qmp", OPT_QMP, "SOCKET", "live: QEMU's QMP socket; no other client may be connected"},
	{"trace", OPT_TRACE, "LOG",
	 "live: QEMU's log. Add -trace smmuv3_read_mmio for the ID registers and -msg timestamp=on for times"},
	{0},
};

static const struct source {
	const char *name;
	int (*record)(const struct record_options *options);
	int operands;
	const char *operand_names;
} sources[] = {
	{"smmuv3-ring", record_smmuv3_ring, 2, "RING and PROD"},
	{"vtd-trace", record_vtd_trace, 1, "TRACE"},
	{"live", record_live, 0, "no operand"},
};

static const struct source *find_source(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (!strcmp(name, sources[i].name))
			return &sources[i];
	}
	return NULL;
}

/* "OFFSET=VALUE" */
static bool parse_register(struct record_options *o, const char *text)
{
	struct viq_capture_register *reg = &o->registers[o->register_count];
	const char *equals = strchr(text, '=');
	char offset_text[32];
	uint64_t offset;

	if (o->register_count == RECORD_MAX_REGISTERS) {
		tool_usage("--register: at most %d", RECORD_MAX_REGISTERS);
		return false;
	}
	if (!equals || (size_t)(equals - text) >= sizeof(offset_text)) {
		tool_usage("--register: '%s' is not OFFSET=VALUE", text);
		return false;
	}
	memcpy(offset_text, text, (size_t)(equals - text));
	offset_text[equals - text] = 0;
	if (!tool_number("--register", offset_text, 0, 0x1fffc, &offset) ||
	    !tool_number("--register", equals + 1, 0, UINT32_MAX, &reg->value))
		return false;
	if (offset % 4) {
		tool_usage("--register: offset %s is not a multiple of 4", offset_text);
		return false;
	}
	reg->offset = (uint32_t)offset;
	reg->size = 4;
	o->register_count++;
	return true;
}

static bool parse_entry_size(struct record_options *o, const char *text)
{
	o->entry_size = !strcmp(text, "16") ? 16 : !strcmp(text, "32") ? 32 : 0;
	if (!o->entry_size)
		tool_usage("--entry-size: '%s' is not 16 or 32", text);
	return o->entry_size;
}

/* False after an error. */
static bool parse_option(struct record_options *o, int c)
{
	uint64_t number = 0;

	switch (c) {
	case 'o':
		o->out = optarg;
		return true;
	case OPT_NOTE:
		o->note = optarg;
		return true;
	case OPT_QMP:
		o->qmp = optarg;
		return true;
	case OPT_TRACE:
		o->trace = optarg;
		return true;
	case OPT_REGISTER:
		return parse_register(o, optarg);
	case OPT_ENTRY_SIZE:
		return parse_entry_size(o, optarg);
	case OPT_LOG2SIZE:
		if (!tool_number("--log2size", optarg, 1, 19, &number))
			return false;
		o->log2size = (uint32_t)number;
		return true;
	}
	return false;
}

/* Options of other sources are mistakes, and missing ones too. */
static int check_options(const struct source *source, const struct record_options *o, int operands)
{
	if (operands != source->operands)
		return tool_usage("%s takes %s", source->name, source->operand_names);
	if (!o->out)
		return tool_usage("no output file; add -o OUT");
	if (!strcmp(o->out, "-") && isatty(STDOUT_FILENO))
		return tool_usage("-o -: standard output is a terminal; redirect it");
	if (operands == 2 && !strcmp(o->operands[0], "-") && !strcmp(o->operands[1], "-"))
		return tool_usage("only one of %s can be standard input", source->operand_names);
	if (o->log2size && source->record != record_smmuv3_ring)
		return tool_usage("--log2size is for smmuv3-ring");
	if (o->entry_size && source->record != record_vtd_trace)
		return tool_usage("--entry-size is for vtd-trace");
	if (source->record != record_live && (o->qmp || o->trace))
		return tool_usage("--qmp and --trace are for live");
	if (source->record == record_live && (!o->qmp || !o->trace))
		return tool_usage("live needs --qmp SOCKET and --trace LOG");
	return TOOL_OK;
}

static int cmd_record(int argc, char **argv)
{
	struct record_options options = {0};
	const struct source *source;
	int c, i, status;

	while ((c = tool_getopt(argc, argv, &command_record, &status)) != -1)
		if (!parse_option(&options, c))
			return status;
	if (optind == argc)
		return tool_usage("no source: smmuv3-ring, vtd-trace or live");
	source = find_source(argv[optind]);
	if (!source)
		return tool_usage("unknown source '%s', not smmuv3-ring, vtd-trace or live", argv[optind]);
	for (i = 0; i < source->operands && optind + 1 + i < argc; i++)
		options.operands[i] = argv[optind + 1 + i];
	status = check_options(source, &options, argc - optind - 1);
	return status ? status : source->record(&options);
}

static const struct tool_operand record_sources[] = {
	{"smmuv3-ring RING PROD", "RING: the command queue's memory, 16 bytes a command, from entry 0 to the last PROD "
				  "or whole; PROD: text, each "
				  "value written to SMMU_CMDQ_PROD, one a line"},
	{"vtd-trace TRACE", "log of QEMU with -trace vtd_inv_desc -trace 'vtd_inv_qi_*'"},
	{"live --qmp SOCKET --trace LOG", "a running QEMU with an SMMUv3, started with -qmp unix:SOCKET,server,nowait "
					  "-trace smmuv3_write_mmio -D LOG; the "
					  "guest is stopped for a moment"},
	{0},
};

const struct tool_command command_record = {
	.name = "record",
	.run = cmd_record,
	.summary = "make a capture from a ring dump, a QEMU trace, or a running QEMU",
	.usage = "SOURCE [OPTION]... -o OUT",
	.about = "Make a capture: a pcap file of what a guest wrote to its invalidation queue.",
	.options = record_options,
	.operands_title = "Sources",
	.operands = record_sources,
	.files = true,
	.notes = "RING, PROD or TRACE may be - for standard input.\n"
		 "A live recording reads the queue's memory once: of a queue that has wrapped only the newest commands "
		 "are "
		 "left.",
	.status = "0 done, 1 failed, 2 bad command line.",
	.examples = "viq record smmuv3-ring guest.ring guest.prod --log2size 18 -o guest.pcap\n"
		    "viq record vtd-trace qemu.log --note 'Linux, strict mode' -o guest.pcap\n"
		    "viq record live --qmp /tmp/qmp.sock --trace /tmp/qemu.log -o guest.pcap",
};

/* --- What the sources share --------------------------------------------------------------------------------------- */

/* Would the output replace this input? */
static bool same_file(const char *out, const char *in)
{
	struct stat a, b;

	return in && !stat(out, &a) && !stat(in, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool to_stdout(const struct record_options *options)
{
	return !strcmp(options->out, "-");
}

const char *record_out_name(const struct record_options *options)
{
	return to_stdout(options) ? "standard output" : options->out;
}

FILE *record_info(const struct record_options *options)
{
	return to_stdout(options) ? stderr : stdout;
}

int record_begin(const struct record_options *options, enum viq_capture_kind kind, struct viq_capture_setup *setup,
		 uint64_t time, const char *default_note, struct viq_capture_writer **writer)
{
	const char *note = options->note ? options->note : default_note;
	struct viq_capture_error err;
	uint32_t i;
	int ret;

	if (same_file(options->out, options->operands[0]) || same_file(options->out, options->operands[1]) ||
	    same_file(options->out, options->trace))
		return tool_error(options->out, "is an input of this recording; name another output file");
	if (strlen(note) > VIQ_CAPTURE_NOTE_MAX)
		return tool_usage("--note: longer than %d bytes", VIQ_CAPTURE_NOTE_MAX);
	strcpy(setup->note, note);
	if (to_stdout(options) ? viq_capture_writer_create_fd(STDOUT_FILENO, kind, writer, &err)
			       : viq_capture_writer_create(options->out, kind, writer, &err))
		return tool_capture_error(record_out_name(options), &err);
	ret = viq_capture_append_setup(*writer, time, setup);
	if (ret && ret != -EOVERFLOW) { /* a time: the commit says so */
		viq_capture_writer_abandon(*writer);
		return tool_usage("--note: not printable UTF-8");
	}
	for (i = 0; i < options->register_count; i++)
		viq_capture_append_register(*writer, time, VIQ_CAPTURE_READ, &options->registers[i]);
	return TOOL_OK;
}

int record_finish(const struct record_options *options, struct viq_capture_writer *writer)
{
	struct viq_capture_totals totals = *viq_capture_writer_totals(writer);
	FILE *info = record_info(options);
	struct viq_capture_error err;

	if (viq_capture_writer_commit(writer, &err))
		return tool_capture_error(record_out_name(options), &err);
	fprintf(info, "%s: %" PRIu64 " doorbell%s, %" PRIu64 " %s", record_out_name(options), totals.doorbells,
		tool_s(totals.doorbells), totals.entries, totals.entries == 1 ? "entry" : "entries");
	if (totals.missing)
		fprintf(info, ", %" PRIu64 " that the source did not record", totals.missing);
	putc('\n', info);
	return TOOL_OK;
}
