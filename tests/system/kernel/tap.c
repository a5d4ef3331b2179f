/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define SECONDS_LIMIT 7200 /* of the machine's time, which leaps; vm.py watches the real one */

/* The child's reason, read by its parent. */
static int reason_fd = -1;
static const char *current = "";

static void __attribute__((noreturn)) leave(int status, const char *text)
{
	if (write(reason_fd, text, strlen(text)) < 0)
		_exit(1);
	_exit(status);
}

void tap_fail(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	char text[512];
	int at = snprintf(text, sizeof(text), "%s:%d: ", name ? name + 1 : file, line);
	va_list args;

	va_start(args, format);
	vsnprintf(text + at, sizeof(text) - at, format, args);
	va_end(args);
	leave(1, text);
}

void tap_skip(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	leave(TAP_SKIPPED, text);
}

void tap_note(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("# %s\n", text);
	fflush(stdout);
}

static void __attribute__((noreturn)) child(void (*run)(void), unsigned int seconds, int fd)
{
	reason_fd = fd;
	alarm(seconds);
	run();
	_exit(TAP_PASSED);
}

/* The child's outcome; its reason is in text. */
static int wait_for(pid_t pid, int fd, char *text, size_t size)
{
	size_t at = 0;
	ssize_t got;
	int status;

	while (at < size - 1 && (got = read(fd, text + at, size - 1 - at)) > 0)
		at += (size_t)got;
	text[at] = 0;
	if (waitpid(pid, &status, 0) < 0) {
		snprintf(text, size, "waitpid: %s", strerror(errno));
		return 1;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) == SIGALRM)
		snprintf(text, size, "not done in time");
	else
		snprintf(text, size, "died of signal %d", WTERMSIG(status));
	return 1;
}

int tap_try(void (*run)(void), unsigned int seconds, char *text, size_t size)
{
	int status = 1, fds[2];
	pid_t pid;

	snprintf(text, size, "cannot be started");
	fflush(stdout);
	if (pipe(fds))
		return status;
	pid = fork();
	if (!pid) {
		close(fds[0]);
		child(run, seconds, fds[1]);
	}
	close(fds[1]);
	if (pid > 0)
		status = wait_for(pid, fds[0], text, size);
	close(fds[0]);
	return status;
}

/* Returns whether it failed. */
static bool run_one(const struct tap_test *test, unsigned int number)
{
	char text[600];
	int status;

	current = test->name;
	status = tap_try(test->run, SECONDS_LIMIT, text, sizeof(text));

	if (status == TAP_PASSED)
		printf("ok %u %s\n", number, test->name);
	else if (status == TAP_SKIPPED)
		printf("ok %u %s # SKIP %s\n", number, test->name, text);
	else
		printf("not ok %u %s: %s\n", number, test->name, text);
	fflush(stdout);
	return status != TAP_PASSED && status != TAP_SKIPPED;
}

const char *tap_current(void)
{
	return current;
}

static bool is_chosen(const char *name, const char *only)
{
	size_t length;

	for (; only; only = only[length] ? only + length + 1 : NULL) {
		length = strcspn(only, ",");
		if (!strncmp(name, only, length))
			return true;
	}
	return false;
}

unsigned int tap_run(const struct tap_test *tests, size_t count, const char *only)
{
	unsigned int chosen = 0, number = 0, failed = 0;

	if (!only)
		only = ""; /* so all begin */
	for (size_t i = 0; i < count; i++)
		chosen += is_chosen(tests[i].name, only);
	printf("1..%u\n", chosen);
	for (size_t i = 0; i < count; i++) {
		if (is_chosen(tests[i].name, only))
			failed += run_one(&tests[i], ++number);
	}
	return failed;
}
