// SPDX-License-Identifier: MIT
/*
 * A copied tree is a stranger's: its symbolic links, absolute ones and those with .., end inside it (openat2(2) with
 * RESOLVE_IN_ROOT), as they did where it was copied. On this machine there is nothing outside.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor.h"

#define IN_ROOT      0x10 /* RESOLVE_IN_ROOT */
#define ATTEMPTS_MAX 256

/* A path that is too long is cut, and then not found. */
#define PATH_OF(path, format)                                                                                          \
	char path[PATH_MAX];                                                                                           \
	va_list path_args;                                                                                             \
	va_start(path_args, format);                                                                                   \
	vsnprintf(path, sizeof(path), format, path_args);                                                              \
	va_end(path_args)

/* struct open_how of <linux/openat2.h>, which older systems do not have. */
struct how {
	uint64_t flags, mode, resolve;
};

static_assert(sizeof(struct how) == 24, "struct open_how");

int doctor_open(const struct doctor *d, const char *path, int flags)
{
	const struct how how = {.flags = (uint64_t)flags | O_CLOEXEC, .resolve = IN_ROOT};
	long fd = -1;

	if (d->live)
		return openat(d->root, path, flags | O_CLOEXEC);
	errno = EAGAIN;
	/* EAGAIN: something was renamed or mounted meanwhile, anywhere, and .. might have led out. */
	for (int i = 0; fd < 0 && errno == EAGAIN && i < ATTEMPTS_MAX; i++)
		fd = syscall(SYS_openat2, d->root, path, &how, sizeof(how));
	return (int)fd;
}

bool doctor_exists(const struct doctor *d, const char *format, ...)
{
	int fd;
	PATH_OF(path, format);

	fd = doctor_open(d, path, O_PATH);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Files of /proc and /sys have no size: read to the end. */
static int read_all(int fd, size_t max, char *out, size_t *len)
{
	ssize_t n;

	for (*len = 0; *len <= max; *len += (size_t)n) {
		n = read(fd, out + *len, max + 1 - *len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -errno;
		else if (!n)
			break;
	}
	if (*len > max)
		return -EFBIG;
	out[*len] = 0;
	return 0;
}

int doctor_read(const struct doctor *d, const char *path, size_t max, char **out, size_t *len)
{
	/* What is put into a copied tree in place of a file must not make this wait. */
	int ret, fd = doctor_open(d, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	char *text, *smaller;

	if (fd < 0)
		return -errno;
	text = malloc(max + 1);
	ret = text ? read_all(fd, max, text, len) : -ENOMEM;
	close(fd);
	if (ret) {
		free(text);
		return ret;
	}
	smaller = realloc(text, *len + 1); /* not all of max */
	*out = smaller ? smaller : text;
	return 0;
}

bool doctor_line(const struct doctor *d, const char *path, char *out, size_t size)
{
	char *text;
	size_t len;

	if (doctor_read(d, path, 4096, &text, &len))
		return false;
	text[strcspn(text, "\n")] = 0;
	snprintf(out, size, "%s", text);
	free(text);
	return out[0];
}

void doctor_link(const struct doctor *d, char out[DOCTOR_NAME], const char *format, ...)
{
	char target[PATH_MAX];
	const char *name;
	ssize_t len = -1;
	int fd;
	PATH_OF(path, format);

	fd = doctor_open(d, path, O_PATH | O_NOFOLLOW);
	if (fd >= 0) {
		len = readlinkat(fd, "", target, sizeof(target) - 1);
		close(fd);
	}
	target[len < 0 ? 0 : len] = 0;
	name = strrchr(target, '/');
	snprintf(out, DOCTOR_NAME, "%.*s", DOCTOR_NAME - 1, name ? name + 1 : target);
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void doctor_list(const struct doctor *d, struct doctor_list *list, const char *format, ...)
{
	int fd;
	PATH_OF(path, format);

	*list = (struct doctor_list){0};
	fd = doctor_open(d, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return;
	list->count = scandirat(fd, ".", &list->entries, no_dots, versionsort);
	if (list->count < 0)
		*list = (struct doctor_list){0};
	close(fd);
}

void doctor_list_free(struct doctor_list *list)
{
	int i;

	for (i = 0; i < list->count; i++)
		free(list->entries[i]);
	free(list->entries);
}
