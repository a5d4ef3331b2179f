/* SPDX-License-Identifier: MIT */
/*
 * A sorted array of pointers to structs, each of which begins with its key: a uint32_t that is in the array once. {0}
 * is empty. The array owns its memory, not the structs.
 */
#ifndef VIQ_BASE_SORTED_H
#define VIQ_BASE_SORTED_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "assert.h"

struct sorted {
	void **items;
	size_t count, room;
};

static inline uint32_t sorted_key(const void *item)
{
	return *(const uint32_t *)item;
}

/* The first place whose key is not below this one: where an item with this key is, or would be. */
static inline size_t sorted_place(const struct sorted *a, uint32_t key)
{
	size_t low = 0, high = a->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (sorted_key(a->items[mid]) < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The item with the lowest key that is not below this one. NULL: none. */
static inline void *sorted_from(const struct sorted *a, uint32_t key)
{
	size_t i = sorted_place(a, key);

	return i < a->count ? a->items[i] : NULL;
}

/* NULL: none. */
static inline void *sorted_find(const struct sorted *a, uint32_t key)
{
	void *item = sorted_from(a, key);

	return item && sorted_key(item) == key ? item : NULL;
}

/* Make room for one more. 0 or -ENOMEM. */
static inline int sorted_reserve(struct sorted *a)
{
	size_t room = a->room ? 2 * a->room : 4;
	void **bigger;

	if (a->count < a->room)
		return 0;
	bigger = realloc(a->items, room * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	a->items = bigger;
	a->room = room;
	return 0;
}

/* There is room, and no item has its key. */
static inline void sorted_insert(struct sorted *a, void *item)
{
	size_t i = sorted_place(a, sorted_key(item));

	ASSERT(a->count < a->room);
	ASSERT_DEBUG(!sorted_find(a, sorted_key(item)));
	memmove(&a->items[i + 1], &a->items[i], (a->count - i) * sizeof(*a->items));
	a->items[i] = item;
	a->count++;
}

/* It is there. */
static inline void sorted_remove(struct sorted *a, const void *item)
{
	size_t i = sorted_place(a, sorted_key(item));

	ASSERT(i < a->count && a->items[i] == item);
	a->count--;
	memmove(&a->items[i], &a->items[i + 1], (a->count - i) * sizeof(*a->items));
}

#endif
