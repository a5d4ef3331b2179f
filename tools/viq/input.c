// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "input.h"
#include "tool.h"

/* The names of formats that users meet; they are to be decompressed first. */
static const char *compression(const uint8_t *bytes, size_t len)
{
	static const struct {
		const char *name;
		const char *magic;
		size_t len;
	} formats[] = {
		{"xz",
		 "\xfd"
		 "7zXZ",
		 5},
		{"gzip", "\x1f\x8b", 2},
		{"zstd", "\x28\xb5\x2f\xfd", 4},
		{"bzip2", "BZh", 3},
	};
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (len >= formats[i].len && !memcmp(bytes, formats[i].magic, formats[i].len))
			return formats[i].name;
	}
	return NULL;
}

static bool refuse_compressed(const char *path, const void *bytes, size_t len)
{
	const char *name = compression(bytes, len);

	if (name)
		tool_error_at(path, 0, "is compressed (%s); decompress it first, into a pipe if you like", name);
	return name;
}

/* Returns a descriptor, or -1 after an error. */
static int open_fd(const char *path)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		tool_error(path, "cannot open: %s", strerror(errno));
	} else if (standard && isatty(fd)) {
		tool_error(path, "is a terminal; give it a file or a pipe");
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A temporary file with what the pipe gives, at its beginning. */
static int spool(const char *path, int pipe)
{
	FILE *file = tmpfile();
	int fd = file ? fcntl(fileno(file), F_DUPFD_CLOEXEC, 0) : -1;
	char buf[65536];
	ssize_t n = -1;

	while (fd >= 0 && (n = read(pipe, buf, sizeof(buf))) > 0)
		if (fwrite(buf, 1, (size_t)n, file) < (size_t)n)
			break;
	if (n || fflush(file) == EOF || lseek(fd, 0, SEEK_SET) < 0) {
		tool_error(path, "cannot be copied to a temporary file: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (file)
		fclose(file);
	return fd;
}

int input_open(const char *path, bool again)
{
	int pipe, fd = open_fd(path);
	char magic[8];
	ssize_t len;

	/* What cannot be sought is copied; a directory is the reader's to refuse. */
	if (fd >= 0 && again && lseek(fd, 0, SEEK_CUR) < 0) {
		pipe = fd;
		fd = spool(path, pipe);
		close(pipe);
	}
	len = fd < 0 ? 0 : pread(fd, magic, sizeof(magic), 0);
	if (len > 0 && refuse_compressed(path, magic, (size_t)len)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static FILE *open_input(const char *path, bool again)
{
	int fd = input_open(path, again);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!file)
		close(fd);
	if (!file || fstat(fd, &st) < 0) {
		tool_error(path, "cannot open: %s", strerror(errno));
	} else if (S_ISDIR(st.st_mode)) {
		tool_error(path, "is a directory; name a file");
	} else {
		return file;
	}
	if (file)
		fclose(file);
	return NULL;
}

bool input_load(const char *path, size_t max, void **bytes, size_t *len)
{
	FILE *file = open_input(path, false);
	void *buf, *smaller;

	if (!file)
		return false;
	buf = malloc(max + 1); /* one more, to notice a longer file */
	if (!buf) {
		tool_error(path, "out of memory");
		goto close;
	}
	*len = fread(buf, 1, max + 1, file);
	if (ferror(file)) {
		tool_error_at(path, *len, "cannot read: %s", strerror(errno));
		goto free;
	}
	if (refuse_compressed(path, buf, *len))
		goto free;
	if (*len > max) {
		tool_error_at(path, max, "is longer than %zu bytes, the most that it can be; is it the right file?",
			      max);
		goto free;
	}
	fclose(file);
	smaller = realloc(buf, *len + 1); /* not all of max */
	*bytes = smaller ? smaller : buf;
	return true;

free:
	free(buf);
close:
	fclose(file);
	return false;
}

bool input_lines_open(struct input_lines *lines, const char *path, bool again)
{
	lines->path = path;
	lines->number = 0;
	lines->file = open_input(path, again);
	return lines->file;
}

void input_lines_close(struct input_lines *lines)
{
	if (lines->file)
		fclose(lines->file);
	lines->file = NULL;
}

/* Read on to the end of a line that did not fit. Returns whether it has an end. */
static bool drop_rest(FILE *file)
{
	int c;

	do
		c = getc(file);
	while (c != '\n' && c != EOF);
	return c == '\n';
}

int input_lines_next(struct input_lines *lines, bool growing)
{
	off_t start = growing ? ftello(lines->file) : 0;
	bool ended;
	size_t len;

	clearerr(lines->file);
	if (!fgets(lines->text, sizeof(lines->text), lines->file)) {
		if (!ferror(lines->file))
			return 0;
		tool_error_at(lines->path, lines->number + 1, "cannot read: %s", strerror(errno));
		return -1;
	}
	len = strlen(lines->text);
	if (lines->number == 0 && refuse_compressed(lines->path, lines->text, len))
		return -1;
	ended = len && lines->text[len - 1] == '\n';
	if (ended)
		lines->text[len - 1] = 0;
	else
		ended = drop_rest(lines->file);
	if (!ended && growing) {
		if (fseeko(lines->file, start, SEEK_SET) < 0) {
			tool_error(lines->path, "cannot go back to the last line: %s; give a regular file",
				   strerror(errno));
			return -1;
		}
		return 0;
	}
	lines->number++;
	return 1;
}
