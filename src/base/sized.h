/* SPDX-License-Identifier: MIT */
/*
 * Structs of the interface that begin with their size, a uint32_t, so that a caller and a library of different versions
 * understand each other. What the caller does not have is the default; what the library does not know must be 0.
 */
#ifndef VIQ_BASE_SIZED_H
#define VIQ_BASE_SIZED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <viq/why.h>

/* Bytes of a struct up to the end of member: the least that a caller may have. */
#define SIZED_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* A member of a table of functions whose size was looked at; 0 if the caller's version does not have it. */
#define SIZED_GET(type, table, member) ((table)->size >= SIZED_TO(type, member) ? (table)->member : 0)

/*
 * Does the struct that the caller says is so long have the least that it must, and end where a struct can? The size of
 * any version is a multiple of its alignment, so no pointer or 64-bit word is cut in two. A struct that has neither yet
 * grows by its first one at a multiple of 8.
 */
static inline bool sized_room(uint32_t size, size_t least, size_t alignment)
{
	return size >= least && size % alignment == 0;
}

/* The same of a struct that the caller gave, which has members up to this one at least. */
#define SIZED_ROOM(type, given, member) sized_room((given)->size, SIZED_TO(type, member), _Alignof(type))

/* Is the struct of size bytes 0 where nothing is known of it? */
static inline bool sized_known(const void *from, size_t size, size_t known)
{
	const unsigned char *bytes = from;

	for (size_t i = known; i < size; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

/*
 * Take over the caller's struct: what it has of *to, in which the rest stays as it is (the defaults); to->size becomes
 * known. name is for the text. 0; -EINVAL: NULL, shorter than least, or no multiple of the alignment; -E2BIG: longer
 * than known, and not all 0 there.
 */
#define sized_take(to, known, from, least, name, why)                                                                  \
	sized_take_aligned(to, known, _Alignof(__typeof__(*(to))), from, least, name, why)
int sized_take_aligned(void *to, size_t known, size_t alignment, const void *from, size_t least, const char *name,
		       struct viq_why *why);

/* Fill the caller's struct of size bytes: what it has of *from, then zeroes. Its size becomes size. */
void sized_give(void *to, size_t size, const void *from, size_t known);

/*
 * Counters: structs of nothing but uint64_t, whose size the caller gives beside them. Fill them as sized_give() does.
 * 0; -EINVAL: NULL, or a size that is no multiple of 8.
 */
int sized_counters(void *to, size_t size, const void *from, size_t known);

/* Add the words of *more to those of *total. NULL: nothing happens. */
void sized_counters_add(void *total, const void *more, size_t size);

#endif
