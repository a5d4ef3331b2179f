// SPDX-License-Identifier: MIT
/* What `viq device` was asked for on the command line. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "failures.h"
#include "options.h"
#include "tool.h"

#define MAX_MEMORY (UINT64_C(1) << 40)

static bool parse_size(const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	size_t len = strlen(text);
	const char *unit = len ? strchr(units, text[len - 1]) : NULL;
	char digits[32];

	if (!unit || len > sizeof(digits))
		return tool_number("--memory", text, 4096, MAX_MEMORY, out);
	memcpy(digits, text, len - 1);
	digits[len - 1] = '\0';
	if (!tool_number("--memory", digits, 1, MAX_MEMORY >> (10 * (unit - units + 1)), out))
		return false;
	*out <<= 10 * (unit - units + 1);
	return true;
}

static bool parse_u32(const char *option, const char *text, uint32_t *out)
{
	uint64_t value;

	if (!tool_number(option, text, 0, UINT32_MAX, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool parse_host(const char *text, bool *soft)
{
	*soft = !strcmp(text, "soft");
	if (*soft || !strcmp(text, "null"))
		return true;
	tool_usage("--host: '%s' is not soft or null", text);
	return false;
}

static bool parse_stream(struct board_config *board, const char *text)
{
	if (board->stream_count == BOARD_MAX_STREAM) {
		tool_usage("--stream: more than %d devices", BOARD_MAX_STREAM);
		return false;
	}
	if (!parse_u32("--stream", text, &board->streams[board->stream_count]))
		return false;
	for (size_t i = 0; i < board->stream_count; i++) {
		if (board->streams[i] == board->streams[board->stream_count]) {
			tool_usage("--stream: %s is given twice", text);
			return false;
		}
	}
	board->stream_count++;
	return true;
}

static bool parse_contract(const char *text, uint32_t *contract)
{
	if (!contract_parse(text, contract))
		return true;
	tool_usage("--contract: '%s' is not %s", text, CONTRACT_NAMES);
	return false;
}

enum {
	OPT_SOCKET = 256,
	OPT_CONNECT,
	OPT_QMP,
	OPT_HOST,
	OPT_CONTRACT,
	OPT_STREAM,
	OPT_IDR0,
	OPT_IDR1,
	OPT_IDR3,
	OPT_IDR5,
	OPT_AIDR,
	OPT_VER,
	OPT_CAP,
	OPT_ECAP,
	OPT_MEMORY,
	OPT_BUDGET,
};

static const struct tool_option options[] = {
	{"socket", OPT_SOCKET, "PATH", "wait for the client on a new unix socket (default: standard input and output)"},
	{"connect", OPT_CONNECT, "PATH",
	 "connect to a unix socket where the client listens, as QEMU's -qtest unix:PATH"},
	{"qmp", OPT_QMP, "PATH", "connect to this one, too, and speak QMP there: system_reset, quit, query-machines"},
	{"host", OPT_HOST, "soft|null", "what executes invalidations: a software IOMMU, or nothing (default: null)"},
	{"contract", OPT_CONTRACT, "exact|linux-7.3|linux-next",
	 "smmuv3: how the software host reports failures (default: exact)"},
	{"stream", OPT_STREAM, "N",
	 "with the software host: a device with this StreamID or source-id; repeat for more (default: 0)"},
	{"idr0", OPT_IDR0, "X", "smmuv3: the ID register IDR0 that the guest sees"},
	{"idr1", OPT_IDR1, "X", "smmuv3: IDR1"},
	{"idr3", OPT_IDR3, "X", "smmuv3: IDR3"},
	{"idr5", OPT_IDR5, "X", "smmuv3: IDR5"},
	{"aidr", OPT_AIDR, "X", "smmuv3: AIDR"},
	{"ver", OPT_VER, "X", "vtd: the version register that the guest sees"},
	{"cap", OPT_CAP, "X", "vtd: the capability register that the guest sees"},
	{"ecap", OPT_ECAP, "X", "vtd: the extended capability register that the guest sees"},
	{"memory", OPT_MEMORY, "SIZE", "guest memory, in bytes or with K, M or G (default: 128M)"},
	{"budget", OPT_BUDGET, "N",
	 "what one register write may do, in commands; a host call counts as 64; the rest follows between lines "
	 "(default: no limit)"},
	{0},
};

static const struct tool_operand devices[] = {
	{"smmuv3", "registers at 0x09050000, memory from 0x40000000: the virt machine"},
	{"vtd", "registers at 0xfed90000, memory from 0: the q35 machine"},
	{0},
};

const struct tool_command command_device = {
	.name = "device",
	.run = cmd_device,
	.summary = "a register-level SMMUv3 or VT-d that speaks QEMU's qtest protocol",
	.usage = "smmuv3|vtd [OPTION]...",
	.about = "A register-level IOMMU that answers to QEMU's qtest line protocol, where QEMU's machine has it. One "
		 "client; "
		 "ends when it hangs up.",
	.options = options,
	.operands_title = "Devices",
	.operands = devices,
	.notes = "Lines that begin with 'viq' are additions: run, counters, dma_read, dma_write, inject, save, "
		 "restore.\n"
		 "With the software host each device is a PCI function as well, with the registers of QEMU's "
		 "iommu-testdev.",
	.status = "0 the client hung up, 1 failed, 2 bad command line.",
	.examples = "printf 'readl 0x9050000\\n' | viq device smmuv3",
};

static bool take_smmuv3(int option, struct device_options *opts)
{
	static const char *const names[] = {"--idr0", "--idr1", "--idr3", "--idr5", "--aidr"};
	struct viq_smmuv3_config *c = &opts->board.smmuv3;
	uint32_t *const fields[] = {&c->idr0, &c->idr1, &c->idr3, &c->idr5, &c->aidr};

	opts->of_smmuv3 = names[option - OPT_IDR0];
	return parse_u32(opts->of_smmuv3, optarg, fields[option - OPT_IDR0]);
}

static bool take_vtd(int option, struct device_options *opts)
{
	static const char *const names[] = {"--ver", "--cap", "--ecap"};

	opts->of_vtd = names[option - OPT_VER];
	if (option == OPT_VER)
		return parse_u32("--ver", optarg, &opts->board.vtd.version);
	return tool_number(opts->of_vtd, optarg, 0, UINT64_MAX,
			   option == OPT_CAP ? &opts->board.vtd.cap : &opts->board.vtd.ecap);
}

static bool take_option(int option, struct device_options *opts)
{
	struct board_config *board = &opts->board;

	switch (option) {
	case OPT_SOCKET:
		opts->socket = optarg;
		return true;
	case OPT_CONNECT:
		opts->connect = optarg;
		return true;
	case OPT_QMP:
		opts->qmp = optarg;
		return true;
	case OPT_HOST:
		return parse_host(optarg, &board->soft);
	case OPT_CONTRACT:
		opts->of_smmuv3 = "--contract";
		return parse_contract(optarg, &board->contract);
	case OPT_STREAM:
		return parse_stream(board, optarg);
	case OPT_IDR0:
	case OPT_IDR1:
	case OPT_IDR3:
	case OPT_IDR5:
	case OPT_AIDR:
		return take_smmuv3(option, opts);
	case OPT_VER:
	case OPT_CAP:
	case OPT_ECAP:
		return take_vtd(option, opts);
	case OPT_MEMORY:
		return parse_size(optarg, &board->ram_size);
	case OPT_BUDGET:
		return parse_u32("--budget", optarg, &opts->budget);
	default:
		return false;
	}
}

static const struct board_arch *find_arch(const char *name)
{
	static const struct board_arch *const archs[] = {&board_smmuv3, &board_vtd};

	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		if (!strcmp(archs[i]->name, name))
			return archs[i];
	return NULL;
}

/* Do the options fit the device? TOOL_OK, or the status to exit with. */
static int check_options(struct device_options *opts)
{
	struct board_config *board = &opts->board;

	if (opts->socket && opts->connect)
		return tool_usage("--socket waits for the client, --connect goes to it; choose one");
	if (!board->arch)
		return tool_usage("name one device: smmuv3 or vtd");
	if (opts->of_smmuv3 && board->arch != &board_smmuv3)
		return tool_usage("%s is for smmuv3", opts->of_smmuv3);
	if (opts->of_vtd && board->arch != &board_vtd)
		return tool_usage("%s is for vtd", opts->of_vtd);
	if (!board->soft && (board->stream_count || board->contract != VIQ_FAULT_EXACT))
		return tool_usage("--stream and --contract need --host soft");
	for (size_t i = 0; i < board->stream_count; i++)
		if (board->streams[i] > board->arch->stream_limit)
			return tool_usage("--stream: 0x%x is above 0x%llx", board->streams[i],
					  (unsigned long long)board->arch->stream_limit);
	if (!board->stream_count)
		board->streams[board->stream_count++] = 0;
	board->smmuv3.budget = board->vtd.budget = opts->budget ? opts->budget : VIQ_WORK_UNLIMITED;
	return TOOL_OK;
}

int device_parse_options(int argc, char **argv, struct device_options *opts, bool *go)
{
	int option, status;

	*opts = (struct device_options){.board.ram_size = UINT64_C(128) << 20};
	viq_smmuv3_config_init(&opts->board.smmuv3, sizeof(opts->board.smmuv3));
	viq_vtd_config_init(&opts->board.vtd, sizeof(opts->board.vtd));
	*go = false;
	while ((option = tool_getopt(argc, argv, &command_device, &status)) != -1)
		if (!take_option(option, opts))
			return status;
	if (optind == argc - 1)
		opts->board.arch = find_arch(argv[optind]);
	status = check_options(opts);
	*go = status == TOOL_OK;
	return status;
}
