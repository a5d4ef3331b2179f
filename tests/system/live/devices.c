/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "job.h"

#define DRIVERS "/sys/bus/pci/drivers"
#define PATIENCE                                                                                                       \
	1200 /* tenths of a second: a guest under emulation may be slow, and Linux waits up to a minute itself */

void devices_load_modules(void)
{
	struct dirent **list;
	int count = scandir("/modules", &list, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char path[512];
		int fd;

		if (list[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/modules/%s", list[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if ((fd < 0 || syscall(SYS_finit_module, fd, "", 0)) && errno != EEXIST)
			printf("viq: %s: %s\n", list[i]->d_name, strerror(errno));
		close(fd);
	}
}

void devices_await(const char *path)
{
	for (int i = 0; access(path, F_OK); i++) {
		if (i == PATIENCE)
			fail("%s has not come", path);
		usleep(100000);
	}
}

int devices_open(const char *path)
{
	int fd = -1;

	/* A node may be there before its disk, and after it. */
	for (int i = 0; i < PATIENCE && fd < 0; i++) {
		if (i)
			usleep(100000);
		fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT && errno != ENXIO)
			break;
	}
	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

void devices_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("\"%s\" to %s: %s", text, path, strerror(errno));
	close(fd);
}

void devices_read(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(text, (int)size, file))
		fail("%s: %s", path, strerror(errno));
	fclose(file);
	text[strcspn(text, "\n")] = 0;
}

void devices_find(const char *driver, char *address, size_t size)
{
	char path[512];
	struct dirent *entry;
	DIR *folder;
	int found = 0;

	snprintf(path, sizeof(path), DRIVERS "/%s", driver);
	folder = opendir(path);
	if (!folder)
		fail("%s: %s", path, strerror(errno));
	while ((entry = readdir(folder))) {
		if (strchr(entry->d_name, ':')) {
			snprintf(address, size, "%s", entry->d_name);
			found++;
		}
	}
	closedir(folder);
	if (found != 1)
		fail("driver %s has %d devices, not one", driver, found);
}

void devices_unbind(const char *driver, const char *address)
{
	char path[512];

	snprintf(path, sizeof(path), DRIVERS "/%s/unbind", driver);
	devices_write(path, address);
}

void devices_bind(const char *driver, const char *address)
{
	char path[512];

	snprintf(path, sizeof(path), DRIVERS "/%s/bind", driver);
	devices_write(path, address);
}

void devices_ask_for(const char *what, char *answer, size_t size)
{
	/* The kernel may have said something in the midst of it. */
	do {
		printf("ask: %s\n", what);
		fflush(stdout);
		if (!fgets(answer, (int)size, stdin))
			fail("no answer to \"%s\"", what);
		answer[strcspn(answer, "\r\n")] = 0;
	} while (!strcmp(answer, "again"));
}

void devices_ask(const char *what)
{
	char answer[128];

	devices_ask_for(what, answer, sizeof(answer));
	if (strcmp(answer, "done") != 0)
		fail("\"%s\": %s", what, answer);
}
