// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <viq/version.h>

#include "tool.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* one line */
};

/* One line a command, in the order in which a newcomer meets them. */
static const struct command commands[] = {
	{"record", cmd_record, "make a capture from a ring dump, a QEMU trace, or a running QEMU"},
	{"decode", cmd_decode, "print a capture or a ring dump, one line a command"},
	{"replay", cmd_replay, "run a capture through the front end and a host, and check that nothing stale is left"},
	{"device", cmd_device, "a register-level SMMUv3 that speaks QEMU's qtest protocol"},
	{"doctor", cmd_doctor, "say whether nesting can work on this machine, and what is missing"},
	{"bench", cmd_bench, "measure viq on this machine, and print medians and ratios"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
	size_t i;

	puts("usage: viq COMMAND [OPTION]... [FILE]...\n"
	     "viq turns a guest's IOMMU invalidation queue into exact invalidate calls to a host IOMMU.\n");
	for (i = 0; i < COMMAND_COUNT; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].help);
	puts("\n"
	     "  viq COMMAND --help  options and examples of a command\n"
	     "  viq --version       version\n\n"
	     "Exit status: 0 done, 1 failed, 2 bad command line.");
	return TOOL_OK;
}

static int run(int argc, char **argv)
{
	size_t i;

	if (argc < 2)
		return tool_usage("no command");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return print_help();
	if (!strcmp(argv[1], "--version")) {
		puts("viq " VIQ_VERSION_STRING);
		return TOOL_OK;
	}
	if (argv[1][0] == '-')
		return tool_usage("unknown option %s", argv[1]);
	for (i = 0; i < COMMAND_COUNT; i++) {
		if (!strcmp(argv[1], commands[i].name)) {
			tool_set_command(commands[i].name);
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	return tool_usage("unknown command '%s'", argv[1]);
}

int main(int argc, char **argv)
{
	int status;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16); /* decode prints a line a command */
	status = run(argc, argv);
	if (fflush(stdout) == EOF || ferror(stdout))
		return tool_error(NULL, "standard output: %s", errno ? strerror(errno) : "cannot write");
	return status;
}
