/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "kernel/machine.h"
#include "work.h"

#define LINE 700

/*
 * The kernel's log, which the console shows. What is written to the console itself can be torn by a message of the
 * kernel. The level is one that is shown; printk.devkmsg=on lets a program say as much as it likes.
 */
#define LOG   "/dev/kmsg"
#define LEVEL "<1>"

static int log_fd = -1;

static void line(const char *kind, const char *format, va_list args)
{
	char text[LINE];
	int at = snprintf(text, sizeof(text), LEVEL "W| %s", kind);
	size_t length;

	vsnprintf(text + at, sizeof(text) - 1 - (size_t)at, format, args);
	length = strlen(text);
	text[length] = '\n'; /* the kernel waits for more of the message without it */
	if (write(log_fd, text, length + 1) < 0)
		_exit(1);
}

static void __attribute__((format(printf, 2, 3))) print(const char *kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line(kind, format, args);
	va_end(args);
}

void talk_start(void)
{
	struct termios tty;
	char unlimited[8];

	log_fd = open(LOG, O_WRONLY | O_CLOEXEC);
	if (!machine_option("printk.devkmsg", unlimited, sizeof(unlimited)) || strcmp(unlimited, "on"))
		say_fail("work", "the kernel's command line lacks printk.devkmsg=on");
	/* The answers need not be seen among what is said. */
	if (tcgetattr(STDIN_FILENO, &tty))
		return;
	tty.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	tcsetattr(STDIN_FILENO, TCSANOW, &tty);
}

void say_ok(const char *name, const char *format, ...)
{
	char detail[LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	print("ok ", "%s: %s", name, detail);
}

void say_fail(const char *name, const char *reason)
{
	print("fail ", "%s: %s", name, reason);
}

void say_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line("note ", format, args);
	va_end(args);
}

void say_figure(const char *name, uint64_t value, const char *unit)
{
	print("figure ", "%s %llu %s", name, (unsigned long long)value, unit);
}

/* Byte by byte: what comes after belongs to the next job's process. */
static void read_line(char *text, size_t size)
{
	size_t at = 0;
	char byte;

	for (;;) {
		ssize_t got = read(STDIN_FILENO, &byte, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			fail("the console gives no answer: %s", got ? strerror(errno) : "end of file");
		if (byte == '\n')
			break;
		if (at < size - 1)
			text[at++] = byte;
	}
	text[at] = 0;
}

/* Once it is answered, everything has been seen: a kernel that switches off does not wait for its log to be shown. */
void say_end(void)
{
	char answer[LINE];

	print("end", "%s", "");
	read_line(answer, sizeof(answer));
}

void ask(char *detail, size_t size, const char *format, ...)
{
	char question[LINE], answer[LINE];
	va_list args;

	va_start(args, format);
	vsnprintf(question, sizeof(question), format, args);
	va_end(args);
	print("ask ", "%s", question);
	read_line(answer, sizeof(answer));
	if (strncmp(answer, "yes", 3))
		fail("asked \"%s\", the answer is \"%s\"", question, answer);
	if (detail)
		snprintf(detail, size, "%s", answer[3] ? answer + 4 : "");
}

uint64_t setting(const char *key, uint64_t otherwise)
{
	char text[32], *end;
	uint64_t value;

	if (!machine_option(key, text, sizeof(text)))
		return otherwise;
	value = strtoull(text, &end, 0);
	if (end == text || *end)
		fail("%s=%s is not a number", key, text);
	return value;
}
