/* SPDX-License-Identifier: MIT */
/*
 * The commands of viq, each with a table of its command line. The table is the only place that knows it: getopt's
 * options, `viq help`, the manual pages and the shells' completion (tools/manual) are all made of it.
 *
 * Texts are wrapped where they are shown; "\n" begins a paragraph.
 */
#ifndef VIQ_TOOL_COMMAND_H
#define VIQ_TOOL_COMMAND_H

#include <getopt.h>
#include <stdbool.h>

struct tool_option {
	const char *name;  /* without "--"; NULL ends a table */
	int id;            /* what tool_getopt() returns. A letter: the short option, too */
	const char *value; /* its name, "FILE", or the choice there is, "soft|null"; NULL: takes none */
	const char *help;
};

/* What an operand may be. */
struct tool_operand {
	const char *name; /* the word, and what follows it; NULL ends a table */
	const char *help;
};

struct tool_command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the name; returns an exit status */
	const char *summary;               /* a line, for lists */
	const char *usage;                 /* what follows the name */
	const char *about;
	const struct tool_option *options; /* but --help and --color, which tool_getopt() knows; NULL: none */
	const char *operands_title;
	const struct tool_operand *operands; /* NULL: none that are words */
	bool files;                          /* operands are files, or files follow the first */
	bool colour;                         /* takes --color */
	const char *notes;                   /* NULL: none */
	const char *status;                  /* what exit statuses mean */
	const char *examples;                /* lines */
};

extern const struct tool_command command_bench, command_decode, command_device, command_doctor, command_help,
	command_record, command_replay;

/* In the order in which a newcomer meets them; NULL ends it (main.c). */
extern const struct tool_command *const tool_commands[];
/* NULL: there is none of this name. */
const struct tool_command *tool_find_command(const char *name);
/* "record, decode, ... or help": static. */
const char *tool_command_names(void);

/*
 * The next option's id, its value in optarg; -1 at the end, with optind at the first operand. '?': return *status,
 * which is that of --help, printed here, or of a mistake, printed as tool_usage() does. *status stays TOOL_USAGE
 * otherwise, for values that are refused.
 */
int tool_getopt(int argc, char **argv, const struct tool_command *command, int *status);

void tool_print_overview(void);
void tool_print_help(const struct tool_command *command);

#endif
