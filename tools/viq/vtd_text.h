/* SPDX-License-Identifier: MIT */
/* VT-d invalidation descriptors as text (VT-d specification 6.5.2). */
#ifndef VIQ_TOOL_VTD_TEXT_H
#define VIQ_TOOL_VTD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits 11:9 and 3:0 of the first word. */
unsigned int vtd_descriptor_type(const uint64_t *words);
/* "IOTLB", ...; NULL for a reserved type. */
const char *vtd_descriptor_name(const uint64_t *words);

/*
 * One line: name, the fields that the chosen granularity uses, and, marked with '!', what no unit accepts: reserved
 * types, granularities and bits. Bits that depend on capabilities count as defined. word_count: 2 or 4. Always
 * terminated; *legal says whether nothing is marked.
 */
void vtd_descriptor_text(const uint64_t *words, unsigned int word_count, char *buf, size_t len, bool *legal);

#endif
