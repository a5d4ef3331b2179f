/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

#define PAUSE_MS 20
#define EVENT_MS 3000 /* an event is told by a thread, when the device has long gone on */
#define QUIET_MS 300

/* Words 0 and 1 of an event record (IHI 0070 7.3) */
#define EVENT_ID(word0)  ((word0)&0xff)
#define EVENT_SID(word0) ((word0) >> 32)
#define EVENT_READ       (UINT64_C(1) << 35) /* RnW */

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

/* Ten in five seconds: __ratelimit() with its usual interval. */
void log_let_events_be_told(void)
{
	const struct timespec interval = {.tv_sec = 6};

	nanosleep(&interval, NULL);
}

/* The four words that follow "event ... received", a message each; a tab is written as \x09 in /dev/kmsg. */
static void read_record(struct log *log, uint64_t record[4])
{
	static const char tab[] = "\\x090x";
	char message[512];

	for (unsigned int i = 0; i < 4; i++) {
		if (!log_find(log, tab, message, sizeof(message), EVENT_MS))
			fail("word %u of an event is missing in the kernel's log", i);
		record[i] = strtoull(strstr(message, tab) + strlen(tab), NULL, 16);
	}
}

void log_expect_event(struct log *log, const struct edu *edu, uint32_t event, uint64_t iova, bool write)
{
	const char *name = event == EVENT_PERMISSION ? "F_PERMISSION" : "F_TRANSLATION";
	char message[512], told[128];
	uint64_t record[4];

	if (!log_find(log, "received:", message, sizeof(message), EVENT_MS))
		fail("no event in the kernel's log for the %s at %#llx", write ? "write" : "read",
		     (unsigned long long)iova);
	read_record(log, record);
	if (EVENT_ID(record[0]) != event || EVENT_SID(record[0]) != edu_requester(edu) || record[2] != iova ||
	    !(record[1] & EVENT_READ) != write)
		fail("event %#llx of StreamID %#llx, %s at %#llx; it should be %#x, %#x, %s at %#llx",
		     (unsigned long long)EVENT_ID(record[0]), (unsigned long long)EVENT_SID(record[0]),
		     record[1] & EVENT_READ ? "read" : "write", (unsigned long long)record[2], event,
		     edu_requester(edu), write ? "write" : "read", (unsigned long long)iova);
	snprintf(told, sizeof(told), "event: %s client: %s sid: %#x ssid: 0x0 iova: %#llx", name, edu->name,
		 edu_requester(edu), (unsigned long long)iova);
	/* Newer drivers say it in words as well. */
	if (!log_find(log, "event: ", message, sizeof(message), EVENT_MS) || !strstr(message, told))
		fail("the driver told \"%s\", not \"%s\"", message, told);
}

void log_expect_no_event(struct log *log)
{
	char message[512];

	if (log_find(log, "event 0x", message, sizeof(message), QUIET_MS))
		fail("an event where none should be: %s", message);
}
