/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/test.h"
#include "tool.h"
#include "tool_run.h"

#define WORDS 16

/* Of main.c. */
const struct tool_command *const tool_commands[] = {
	&command_record, &command_decode, &command_replay, &command_doctor, &command_help, NULL,
};

const char *tool_file(unsigned int file, const void *data, size_t len)
{
	static char names[TOOL_FILES][32];
	static int fds[TOOL_FILES];

	assert_true(file < TOOL_FILES);
	if (!names[file][0]) {
		fds[file] = memfd_create("input", MFD_CLOEXEC);
		assert_true(fds[file] > 0);
		snprintf(names[file], sizeof(names[file]), "/proc/self/fd/%d", fds[file]);
	}
	assert_int_equal(ftruncate(fds[file], 0), 0);
	assert_int_equal(pwrite(fds[file], data, len, 0), len);
	return names[file];
}

static void check_json(const struct tool_said *said)
{
	for (char *line = said->out, *end; *line; line = end + 1) {
		json_t *value;

		end = strchr(line, '\n');
		assert_non_null(end);
		value = json_loadb(line, (size_t)(end - line), 0, NULL);
		assert_non_null(value);
		json_decref(value);
	}
}

static void check_text(const char *text, size_t len)
{
	json_t *utf8 = json_stringn(text, len);

	assert_non_null(utf8);
	json_decref(utf8);
	for (size_t i = 0; i < len; i++) {
		assert_true((unsigned char)text[i] >= 0x20 ? text[i] != 0x7f : text[i] == '\n');
		/* C1, as UTF-8: 0xc2 is never last in it. */
		assert_true((unsigned char)text[i] != 0xc2 || (unsigned char)text[i + 1] >= 0xa0);
	}
}

static void check(const struct tool_command *command, int status, bool json, const struct tool_said *said)
{
	size_t name = strlen(command->name);

	if (status != TOOL_OK && status != TOOL_ERROR)
		fputs(said->err, stderr);
	assert_true(status == TOOL_OK || status == TOOL_ERROR);
	check_text(said->out, said->out_len);
	if (json)
		check_json(said);
	if (status == TOOL_OK || !said->err_len)
		return;
	assert_true(!strncmp(said->err, "viq ", 4) && !strncmp(said->err + 4, command->name, name) &&
		    !strncmp(said->err + 4 + name, ": ", 2));
	assert_ptr_equal(memchr(said->err, '\n', said->err_len), said->err + said->err_len - 1);
}

int tool_run(const struct tool_command *command, const char *const *words, bool json, struct tool_said *said)
{
	FILE *const out = stdout, *const err = stderr;
	char *argv[WORDS + 1] = {strdup(command->name)};
	int status, argc = 1;

	for (; words[argc - 1]; argc++) {
		assert_true(argc < WORDS);
		argv[argc] = strdup(words[argc - 1]);
	}
	optind = 0; /* getopt begins anew */
	tool_set_command(command->name);
	*said = (struct tool_said){0};
	stdout = open_memstream(&said->out, &said->out_len);
	stderr = open_memstream(&said->err, &said->err_len);
	status = command->run(argc, argv);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
	/* getopt reorders them, so they are freed here and not before. */
	while (argc)
		free(argv[--argc]);
	check(command, status, json, said);
	return status;
}

void tool_forget(struct tool_said *said)
{
	free(said->out);
	free(said->err);
}
