/* SPDX-License-Identifier: MIT */
/* Calls that say why. After <cmocka.h>. */
#ifndef VIQ_TEST_WHY_H
#define VIQ_TEST_WHY_H

#include <string.h>

#include <viq/why.h>

static struct viq_why why;

/* The call, which is given &why, fails so, and has this in its line. */
#define assert_why(call, err, line)                                                                                    \
	do {                                                                                                           \
		why.text[0] = 0;                                                                                       \
		assert_int_equal(call, err);                                                                           \
		if (!strstr(why.text, line))                                                                           \
			fail_msg("\"%s\" without \"%s\"", why.text, line);                                             \
	} while (0)

#endif
