/* SPDX-License-Identifier: MIT */
/*
 * Little-endian words: commands, descriptors, tables, files and saved states, wherever they lie in memory. A type of
 * their own, so that none is taken for a number: only le64_get() makes one of it.
 */
#ifndef VIQ_BASE_LE_H
#define VIQ_BASE_LE_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
	uint64_t raw;
} le64;

static inline uint64_t le64_get(le64 word)
{
	return le64toh(word.raw);
}

/* Of memory that a guest may write meanwhile: once, and whole. */
static inline uint64_t le64_load(const le64 *word)
{
	return le64_get((le64){__atomic_load_n(&word->raw, __ATOMIC_RELAXED)});
}

static inline le64 le64_put(uint64_t value)
{
	return (le64){htole64(value)};
}

/* A number of up to 8 bytes at any address. */
static inline uint64_t le_load(const uint8_t *bytes, size_t size)
{
	le64 word = {0};

	memcpy(&word, bytes, size);
	return le64_get(word);
}

static inline void le_store(uint8_t *bytes, size_t size, uint64_t value)
{
	le64 word = le64_put(value);

	memcpy(bytes, &word, size);
}

#endif
