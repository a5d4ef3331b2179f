// SPDX-License-Identifier: MIT
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <viq/version.h>

#include "command.h"
#include "tool.h"

const struct tool_command *const tool_commands[] = {
	&command_record, &command_decode, &command_replay, &command_device,
	&command_doctor, &command_bench,  &command_help,   NULL,
};

/* As getopt_long() takes an option of a command: also shortened. */
static bool means(const char *word, const char *option)
{
	return strlen(word) > 2 && !strncmp(option, word, strlen(word));
}

static int run(int argc, char **argv)
{
	const struct tool_command *command;

	if (argc < 2)
		return tool_usage("no command: %s", tool_command_names());
	if (means(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		tool_print_overview();
		return TOOL_OK;
	}
	if (means(argv[1], "--version")) {
		puts("viq " VIQ_VERSION_STRING);
		return TOOL_OK;
	}
	if (argv[1][0] == '-')
		return tool_usage("unknown option %s", argv[1]);
	command = tool_find_command(argv[1]);
	if (!command)
		return tool_usage("unknown command '%s', not %s", argv[1], tool_command_names());
	tool_set_command(command->name);
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int status;

	/* A reader that has seen enough, like head, is no error: end as others do, whatever the parent ignores. */
	signal(SIGPIPE, SIG_DFL);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16); /* decode prints a line per command */
	status = run(argc, argv);
	if (fflush(stdout) == EOF || ferror(stdout))
		return tool_error(NULL, "standard output: %s", errno ? strerror(errno) : "cannot write");
	return status;
}
