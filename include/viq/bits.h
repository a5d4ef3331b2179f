/* SPDX-License-Identifier: MIT */
/* Bit fields of registers and of words in memory: for the masks in the *_spec.h headers, and for masks like them. */
#ifndef VIQ_BITS_H
#define VIQ_BITS_H

#include <stdint.h>

/* Bits [hi:lo] of a 64-bit word. */
#define VIQ_BITS(hi, lo) ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))
#define VIQ_BIT(n)       (UINT64_C(1) << (n))
/* Take a field out of a word; put a value into a field (bits that do not fit are dropped). */
#define VIQ_GET(mask, word)  (((uint64_t)(word) / ((mask) & -(mask))) & ((mask) / ((mask) & -(mask))))
#define VIQ_PUT(mask, value) (((uint64_t)(value) * ((mask) & -(mask))) & (mask))

#endif
