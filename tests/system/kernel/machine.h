/* SPDX-License-Identifier: MIT */
/* What every /init of these machines does: mount, read its orders from the kernel's command line, switch off. */
#ifndef VIQ_KERNEL_MACHINE_H
#define VIQ_KERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tap.h"

/* Mounts /proc, /sys and /dev. */
void machine_start(void);
/* The value of key=value in the kernel's command line, cut to size; false, and "" in value, if there is none. */
bool machine_option(const char *key, char *value, size_t size);
/* Switches off. */
void machine_off(void);

/* What viq.run=NAME orders. */
struct machine_job {
	const char *name;
	const struct tap_test *tests;
	size_t count;
};

/* The last two of these, from an array. */
#define MACHINE_TESTS(list) list, sizeof(list) / sizeof((list)[0])

/*
 * The whole of a main(): starts, runs the tests of the job that viq.run names (viq.only=PREFIX: those whose names begin
 * so), says that the end was reached, and switches off. viq.run=iort, in every machine: writes the firmware's IORT to
 * the console, in hex.
 */
int machine_run(const struct machine_job *jobs, size_t count);

/* The caller runs on this one from here on. */
void machine_use_processor(unsigned int number);

/* For measurements: CLOCK_MONOTONIC, and the median of count (>= 1) values, which it sorts. */
uint64_t machine_now_ns(void);
uint64_t machine_median(uint64_t *values, size_t count);

#endif
