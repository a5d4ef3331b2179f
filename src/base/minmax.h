/* SPDX-License-Identifier: MIT */
/* The smaller and the larger of two numbers, each looked at once. */
#ifndef VIQ_BASE_MINMAX_H
#define VIQ_BASE_MINMAX_H

#include <stdint.h>

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

#endif
