/* SPDX-License-Identifier: MIT */
/*
 * A test harness for a machine that has nothing but a serial line: each test is a child process, so one that crashes or
 * hangs fails alone and takes what it opened with it. One TAP line a test; the host parses them (vm.py).
 */
#ifndef VIQ_KERNEL_TAP_H
#define VIQ_KERNEL_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tap_test {
	const char *name;
	void (*run)(void);
};

/* What tap_try() gives for a test that passed and for one that was skipped; anything else: it failed. */
#define TAP_PASSED  0
#define TAP_SKIPPED 77

/* Runs in a child process, and ends it after so many seconds of the machine's time (0: never). text: why not passed. */
int tap_try(void (*run)(void), unsigned int seconds, char *text, size_t size);

/* Run those tests whose names begin with only, or one of several with commas (NULL: all). Prints the plan and a line
 * per test; how many failed. */
unsigned int tap_run(const struct tap_test *tests, size_t count, const char *only);

/* The name of the test that runs. */
const char *tap_current(void);

/* Inside a test: these end it. */
void tap_fail(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));
void tap_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* A line for the reader of the results. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define fail(...) tap_fail(__FILE__, __LINE__, __VA_ARGS__)
#define check(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			fail("not true: %s", #condition);                                                              \
	} while (0)
#define check_equal(value, expected)                                                                                   \
	do {                                                                                                           \
		int64_t value_ = (int64_t)(value), expected_ = (int64_t)(expected);                                    \
		if (value_ != expected_)                                                                               \
			fail("%s is %lld, not %lld", #value, (long long)value_, (long long)expected_);                 \
	} while (0)

#endif
