/* SPDX-License-Identifier: MIT */
/* A register page as a guest reads it that has it mapped (config.page): aligned, one load each. */
#ifndef TESTS_SUPPORT_IMAGE_H
#define TESTS_SUPPORT_IMAGE_H

#include <endian.h>
#include <stdint.h>

#define IMAGE_ALIGNED _Alignas(4096)

static inline uint64_t image_load(const void *page, uint64_t offset, unsigned int size)
{
	const char *place = (const char *)page + offset;

	if (size == 8)
		return le64toh(__atomic_load_n((const uint64_t *)(const void *)place, __ATOMIC_ACQUIRE));
	return le32toh(__atomic_load_n((const uint32_t *)(const void *)place, __ATOMIC_ACQUIRE));
}

#endif
