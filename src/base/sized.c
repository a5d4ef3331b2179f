/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "sized.h"
#include "why.h"

int sized_take(void *to, size_t known, const void *from, size_t least, const char *name, struct viq_why *why)
{
	const unsigned char *bytes = from;
	uint32_t size;

	if (!from)
		return why_say(why, -EINVAL, "%s: NULL", name);
	memcpy(&size, from, sizeof(size));
	if (size < least || size % sizeof(size))
		return why_say(why, -EINVAL, "%s.size: %u, must be sizeof() of the caller's struct: %zu here", name,
			       size, known);
	for (size_t i = known; i < size; i++) {
		if (bytes[i])
			return why_say(why, -E2BIG,
				       "%s.size: this library knows %zu bytes, and not all of the %u are 0 there", name,
				       known, size);
	}
	memcpy(to, from, size < known ? size : known);
	size = (uint32_t)known;
	memcpy(to, &size, sizeof(size));
	return 0;
}

void sized_give(void *to, size_t size, const void *from, size_t known)
{
	const uint32_t told = (uint32_t)size;

	if (size < sizeof(told))
		return;
	memcpy(to, from, size < known ? size : known);
	if (size > known)
		memset((unsigned char *)to + known, 0, size - known);
	memcpy(to, &told, sizeof(told));
}
