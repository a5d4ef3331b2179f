/* SPDX-License-Identifier: MIT */
/*
 * Structs with a size in front, given to a function as callers of other versions would (viq/version.h). After
 * <cmocka.h>.
 */
#ifndef VIQ_TEST_SIZED_H
#define VIQ_TEST_SIZED_H

#include <errno.h>
#include <stdint.h>

/* call, which is given the pointer later, takes a longer struct if its tail is 0, and no half one. */
#define assert_takes_later(type, value, call)                                                                          \
	do {                                                                                                           \
		struct {                                                                                               \
			struct type known;                                                                             \
			uint64_t more;                                                                                 \
		} of_later = {.known = (value)};                                                                       \
		struct type *later = &of_later.known;                                                                  \
                                                                                                                       \
		of_later.known.size = sizeof(of_later);                                                                \
		assert_int_equal(call, 0);                                                                             \
		of_later.more = 1;                                                                                     \
		assert_int_equal(call, -E2BIG);                                                                        \
		of_later.known.size = 4;                                                                               \
		assert_int_equal(call, -EINVAL);                                                                       \
		of_later.known.size = sizeof(of_later) - 1;                                                            \
		assert_int_equal(call, -EINVAL);                                                                       \
	} while (0)

/* call fills the struct at the pointer later as far as it is known, and the rest with 0. */
#define assert_gives_later(type, call)                                                                                 \
	do {                                                                                                           \
		struct {                                                                                               \
			struct type known;                                                                             \
			uint64_t more;                                                                                 \
		} of_later = {.known.size = sizeof(of_later), .more = 7};                                              \
		struct type *later = &of_later.known;                                                                  \
                                                                                                                       \
		assert_int_equal(call, 0);                                                                             \
		assert_int_equal(of_later.known.size, sizeof(of_later));                                               \
		assert_int_equal(of_later.more, 0);                                                                    \
		of_later.known.size = 4;                                                                               \
		assert_int_equal(call, -EINVAL);                                                                       \
	} while (0)

#endif
