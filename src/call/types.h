/* SPDX-License-Identifier: MIT */
/* What the call layer knows about entry types: their size, and which entries concern only some hosts. */
#ifndef VIQ_CALL_TYPES_H
#define VIQ_CALL_TYPES_H

#include <stdint.h>

#include <viq/call.h>

#define CALL_ENTRY_WORDS 3 /* 64-bit words of the largest entry */

struct call_type {
	uint32_t entry_size; /* bytes, a multiple of 8 */
	/*
	 * The VIQ_CALL_STREAM_* bits that a host must have of stream *sid for the entry to concern it; 0 if the entry
	 * names no stream and so concerns every host. NULL: no entry of this type names one.
	 */
	uint32_t (*needs)(const void *entry, uint32_t *sid);
};

/* The row of a type, or NULL. */
const struct call_type *call_type_find(uint32_t type);

#endif
