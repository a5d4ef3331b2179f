/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

#define PAUSE_MS 20

void log_open(struct log *log)
{
	log->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0 || lseek(log->fd, 0, SEEK_END) < 0)
		fail("/dev/kmsg: %s", strerror(errno));
}

void log_close(struct log *log)
{
	close(log->fd);
}

/* One record: "level,number,time,flags;message", then lines with more about it. False: there is none now. */
static bool next(struct log *log, char *message, size_t size)
{
	char record[2048], *text;
	ssize_t got;

	do {
		got = read(log->fd, record, sizeof(record) - 1);
	} while (got < 0 && (errno == EPIPE || errno == EINTR)); /* EPIPE: overwritten before it was read */
	if (got < 0 && errno != EAGAIN)
		fail("/dev/kmsg: %s", strerror(errno));
	if (got <= 0)
		return false;
	record[got] = 0;
	text = strchr(record, ';');
	text = text ? text + 1 : record;
	text[strcspn(text, "\n")] = 0;
	snprintf(message, size, "%s", text);
	return true;
}

bool log_find(struct log *log, const char *needle, char *message, size_t size, unsigned int milliseconds)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};

	for (unsigned int waited = 0;; waited += PAUSE_MS) {
		while (next(log, message, size)) {
			if (strstr(message, needle))
				return true;
		}
		if (waited >= milliseconds)
			return false;
		nanosleep(&pause, NULL);
	}
}
