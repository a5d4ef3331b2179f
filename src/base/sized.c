/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "sized.h"
#include "why.h"

int sized_take_aligned(void *to, size_t known, size_t alignment, const void *from, size_t least, const char *name,
		       struct viq_why *why)
{
	uint32_t size;

	if (!from)
		return why_say(why, -EINVAL, "%s: NULL", name);
	memcpy(&size, from, sizeof(size));
	if (!sized_room(size, least, alignment))
		return why_say(why, -EINVAL, "%s.size: %u, must be sizeof() of the caller's struct: %zu here", name,
			       size, known);
	if (!sized_known(from, size, known))
		return why_say(why, -E2BIG, "%s.size: this library knows %zu bytes, and not all of the %u are 0 there",
			       name, known, size);
	memcpy(to, from, size < known ? size : known);
	size = (uint32_t)known;
	memcpy(to, &size, sizeof(size));
	return 0;
}

/* As much as both know, then zeroes. */
static void fill(void *to, size_t size, const void *from, size_t known)
{
	size_t both = size < known ? size : known;

	memcpy(to, from, both);
	memset((unsigned char *)to + both, 0, size - both);
}

void sized_give(void *to, size_t size, const void *from, size_t known)
{
	const uint32_t told = (uint32_t)size;

	if (size < sizeof(told))
		return;
	fill(to, size, from, known);
	memcpy(to, &told, sizeof(told));
}

int sized_counters(void *to, size_t size, const void *from, size_t known)
{
	if (!to || !from || size % sizeof(uint64_t))
		return -EINVAL;
	fill(to, size, from, known);
	return 0;
}

void sized_counters_add(void *total, const void *more, size_t size)
{
	uint64_t *to = total;
	const uint64_t *from = more;

	if (!total || !more)
		return;
	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] += from[i];
}
