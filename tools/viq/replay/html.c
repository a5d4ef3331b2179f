// SPDX-License-Identifier: MIT
/* The result of a replay as a page: a template (html/) around one block of JSON. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "replay.h"
#include "replay_page.h"
#include "tool.h"

bool replay_check_html(const char *path)
{
	char start[sizeof(PAGE_START)] = "";
	bool ours = true;
	struct stat st;
	FILE *file;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		return true;
	file = fopen(path, "re");
	if (file) {
		ours = fread(start, sizeof(PAGE_START) - 1, 1, file) == 1 && !strcmp(start, PAGE_START);
		fclose(file);
	}
	if (!ours)
		tool_error(path, "--html: this is there already, and no page of viq's; choose another name");
	return ours;
}

/* What a guest or a file name says must not end the block: no '<' stands outside of a JSON string, none in one. */
static int write_escaped(const char *buffer, size_t size, void *opaque)
{
	for (size_t i = 0; i < size; i++) {
		if (buffer[i] == '<' ? fputs("\\u003c", opaque) < 0 : putc(buffer[i], opaque) == EOF)
			return -1;
	}
	return 0;
}

bool replay_write_html(const char *path, json_t *captures)
{
	json_t *page = json_pack("{s:i, s:o}", "schema", TOOL_JSON_SCHEMA, "captures", captures);
	FILE *file = fopen(path, "we");
	bool good = false;

	if (file) {
		good = fwrite(page_before, sizeof(page_before), 1, file) == 1 &&
		       !json_dump_callback(page, write_escaped, file, JSON_COMPACT | JSON_ENSURE_ASCII) &&
		       fwrite(page_behind, sizeof(page_behind), 1, file) == 1;
		good &= !fclose(file);
	}
	json_decref(page);
	if (!good)
		tool_error(path, "%s; --html needs a file that can be written", strerror(errno));
	return good;
}
