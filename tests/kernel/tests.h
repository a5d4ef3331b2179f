/* SPDX-License-Identifier: MIT */
#ifndef VIQ_KERNEL_TESTS_H
#define VIQ_KERNEL_TESTS_H

/* One line a test, by subject; init.c lists them in the order of a run. */
void test_bare_valid(void);
void test_bare_pair(void);
void test_bare_groups(void);

#endif
