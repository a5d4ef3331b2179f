/* SPDX-License-Identifier: MIT */
/* Counters of guest IOMMUs: structs of nothing but uint64_t, which are summed word by word. */
#ifndef VIQ_GUEST_COUNTERS_H
#define VIQ_GUEST_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

/* Adds size bytes of counters; does nothing if there is no total, or nothing to add. */
static inline void counters_add(void *total, const void *more, size_t size)
{
	uint64_t *to = total;
	const uint64_t *from = more;

	if (!total || !more)
		return;
	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] += from[i];
}

#endif
