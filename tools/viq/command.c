// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "colour.h"
#include "command.h"
#include "tool.h"

#define MAX_OPTIONS 32

const struct tool_command *tool_find_command(const char *name)
{
	for (size_t i = 0; tool_commands[i]; i++)
		if (!strcmp(tool_commands[i]->name, name))
			return tool_commands[i];
	return NULL;
}

const char *tool_command_names(void)
{
	static char names[128];
	size_t len = 0;

	for (size_t i = 0; tool_commands[i] && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
					!i                     ? ""
					: tool_commands[i + 1] ? ", "
							       : " or ",
					tool_commands[i]->name);
	return names;
}

/* --- Command line ------------------------------------------------------------------------------------------------- */

enum {
	OPT_HELP = 'h',
	OPT_COLOUR = 1024, /* beyond those of the commands */
};

static const struct tool_option option_help = {"help", OPT_HELP, NULL, "print this help"};
static const struct tool_option option_colour = {"color", OPT_COLOUR, "auto|always|never",
						 "mark in colour what is wrong (default: auto, on a terminal unless "
						 "NO_COLOR is set)"};

/* Option number i of the command; NULL behind the last. */
static const struct tool_option *option_at(const struct tool_command *command, unsigned int i)
{
	unsigned int own = 0;

	while (command->options && command->options[own].name)
		own++;
	if (i < own)
		return &command->options[i];
	if (i == own && command->colour)
		return &option_colour;
	return i == own + command->colour ? &option_help : NULL;
}

/* Both forms of the table that getopt wants. */
static void make_options(const struct tool_command *command, struct option longs[MAX_OPTIONS + 1],
			 char shorts[2 * MAX_OPTIONS + 2])
{
	const struct tool_option *o;
	unsigned int i;

	/* The colon: a value that is lacking is told from an option that nobody knows. */
	*shorts++ = ':';
	for (i = 0; i < MAX_OPTIONS && (o = option_at(command, i)); i++) {
		longs[i] = (struct option){o->name, o->value ? required_argument : no_argument, NULL, o->id};
		if (o->id > ' ' && o->id < 0x7f) {
			*shorts++ = (char)o->id;
			if (o->value)
				*shorts++ = ':';
		}
	}
	longs[i] = (struct option){0};
	*shorts = '\0';
}

static void complain(int c, const char *word)
{
	if (c == ':')
		tool_usage("%s needs a value", word);
	else if (optopt && !strncmp(word, "--", 2))
		tool_usage("%s takes no value", word);
	else if (optopt)
		tool_usage("unknown option -%c", optopt);
	else
		tool_usage("unknown option %s", word);
}

/* "--note --json": the value was forgotten. getopt would take the next option for it. */
static bool swallowed(char **argv)
{
	if (!optarg || optarg != argv[optind - 1] || strncmp(optarg, "--", 2) != 0)
		return false;
	tool_usage("%s needs a value; if it is %s, write %s%s%s", argv[optind - 2], optarg, argv[optind - 2],
		   argv[optind - 2][1] == '-' ? "=" : "", optarg);
	return true;
}

int tool_getopt(int argc, char **argv, const struct tool_command *command, int *status)
{
	struct option longs[MAX_OPTIONS + 1];
	char shorts[2 * MAX_OPTIONS + 2];
	int c;

	make_options(command, longs, shorts);
	opterr = 0;
	*status = TOOL_USAGE;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == '?' || c == ':') {
			complain(c, argv[optind - 1]);
			return '?';
		}
		if (swallowed(argv))
			return '?';
		if (c == OPT_HELP) {
			tool_print_help(command);
			*status = TOOL_OK;
			return '?';
		}
		if (c != OPT_COLOUR)
			return c;
		if (!colour_parse(optarg)) {
			tool_usage("--color: '%s' is not auto, always or never", optarg);
			return '?';
		}
	}
	return -1;
}

/* --- Help --------------------------------------------------------------------------------------------------------- */

#define WIDTH  80
#define COLUMN 24 /* of what an option does */

/* From column `at` on, which is where the cursor is, too. */
static void print_wrapped(const char *text, int at)
{
	int column = at;

	while (*text) {
		int len = (int)strcspn(text, " \n");

		if (column > at && column + 1 + len > WIDTH) {
			printf("\n%*s", at, "");
			column = at;
		}
		column += printf("%s%.*s", column > at ? " " : "", len, text);
		text += len;
		if (*text == '\n') {
			printf("\n%*s", at, "");
			column = at;
		}
		text += *text != '\0';
	}
	putchar('\n');
}

/* `len` characters of a name are printed; what it is comes beside it, or on the next line. */
static void print_beside(int len, const char *text)
{
	if (len > COLUMN - 2) {
		putchar('\n');
		len = 0;
	}
	printf("%*s", COLUMN - len, "");
	print_wrapped(text, COLUMN);
}

static void print_option(const struct tool_option *o)
{
	bool letter = o->id > ' ' && o->id < 0x7f;
	int len;

	len = printf(letter ? "  -%c, " : "      ", o->id);
	len += printf("--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
	print_beside(len, o->help);
}

static void print_options(const struct tool_command *command)
{
	const struct tool_option *o;

	puts("\nOptions:");
	for (unsigned int i = 0; (o = option_at(command, i)); i++)
		print_option(o);
}

void tool_print_help(const struct tool_command *command)
{
	const char *line;

	printf("usage: viq %s %s\n\n", command->name, command->usage);
	print_wrapped(command->about, 0);
	if (command->operands) {
		printf("\n%s:\n", command->operands_title);
		for (const struct tool_operand *o = command->operands; o->name; o++)
			print_beside(printf("  %s", o->name), o->help);
	}
	print_options(command);
	if (command->notes) {
		putchar('\n');
		print_wrapped(command->notes, 0);
	}
	printf("\nExit status: ");
	print_wrapped(command->status, 13);
	puts("\nExamples:");
	for (line = command->examples; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] != '\0'))
		printf("  %.*s\n", (int)strcspn(line, "\n"), line);
}

void tool_print_overview(void)
{
	puts("usage: viq COMMAND [OPTION]... [FILE]...\n");
	print_wrapped("viq turns a guest's IOMMU invalidation queue into exact invalidate calls to a host IOMMU. The "
		      "commands record and read such queues, run them, and look at and measure this machine.",
		      0);
	puts("\nCommands:");
	for (size_t i = 0; tool_commands[i]; i++)
		printf("  %-8s %s\n", tool_commands[i]->name, tool_commands[i]->summary);
	puts("\n"
	     "  viq help COMMAND    options and examples of a command; the same as viq COMMAND --help\n"
	     "  viq --version       version\n\n"
	     "Exit status: 0 done, 1 failed, 2 bad command line.");
}

/* --- viq help ----------------------------------------------------------------------------------------------------- */

enum {
	HELP_JSON = 256,
};

static json_t *options_json(const struct tool_command *command)
{
	json_t *array = json_array();
	const struct tool_option *o;

	for (unsigned int i = 0; (o = option_at(command, i)); i++) {
		const char letter[] = {(char)(o->id < 0x7f ? o->id : 0), '\0'};

		json_array_append_new(array, json_pack("{s:s, s:s?, s:s?, s:s}", "name", o->name, "letter",
						       letter[0] ? letter : NULL, "value", o->value, "help", o->help));
	}
	return array;
}

static json_t *operands_json(const struct tool_command *command)
{
	json_t *array = json_array();

	for (const struct tool_operand *o = command->operands; o && o->name; o++)
		json_array_append_new(array, json_pack("{s:s, s:s}", "name", o->name, "help", o->help));
	return array;
}

static json_t *command_json(const struct tool_command *c)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s?, s:o, s:b, s:s?, s:s, s:s}", "name", c->name, "summary",
			 c->summary, "usage", c->usage, "about", c->about, "options", options_json(c), "operands_title",
			 c->operands_title, "operands", operands_json(c), "files", (int)c->files, "notes", c->notes,
			 "status", c->status, "examples", c->examples);
}

static void print_tables(void)
{
	json_t *array = json_array();

	for (size_t i = 0; tool_commands[i]; i++)
		json_array_append_new(array, command_json(tool_commands[i]));
	tool_json(array);
}

static int cmd_help(int argc, char **argv)
{
	const struct tool_command *command;
	bool json = false;
	int c, status;

	while ((c = tool_getopt(argc, argv, &command_help, &status)) != -1) {
		if (c != HELP_JSON)
			return status;
		json = true;
	}
	if (argc - optind > 1 || (json && optind < argc))
		return tool_usage(json ? "--json is of all commands" : "one command at a time");
	if (json) {
		print_tables();
	} else if (optind == argc) {
		tool_print_overview();
	} else {
		command = tool_find_command(argv[optind]);
		if (!command)
			return tool_usage("there is no command '%s', only %s", argv[optind], tool_command_names());
		tool_print_help(command);
	}
	return TOOL_OK;
}

static const struct tool_option help_options[] = {
	{"json", HELP_JSON, NULL, "all commands with all options, as one JSON array: for programs"},
	{0},
};

const struct tool_command command_help = {
	.name = "help",
	.run = cmd_help,
	.summary = "say what the commands are, or how one is used",
	.usage = "[COMMAND]",
	.about = "Say what the commands are, or how one of them is used.",
	.options = help_options,
	.status = "0 done, 2 bad command line.",
	.examples = "viq help replay",
};
