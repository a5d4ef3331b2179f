/* SPDX-License-Identifier: MIT */
/*
 * What is armed. A failure waits for the entry at its index; the first entry that it meets there is latched by its
 * bytes, and is struck wherever it turns up from then on.
 */
#ifndef VIQ_FAULT_INJECTION_H
#define VIQ_FAULT_INJECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/fault.h>

#define FAULT_ENTRY_WORDS 3 /* 64-bit words of the longest entry */
#define FAULT_KIND(kind)  (1u << (kind))

struct fault_injection {
	uint32_t kind; /* enum viq_fault_kind */
	uint32_t index;
	uint32_t before, after;
	uint32_t left; /* strikes left; UINT32_MAX: no end */
	uint64_t strikes;
	bool counted;     /* index is not yet that in a call */
	uint32_t latched; /* bytes of the entry that was */
	uint64_t words[FAULT_ENTRY_WORDS];
};

struct fault_injection fault_injection(const struct viq_fault_failure *failure);

/* Must a device confirm this entry? */
bool fault_entry_reaches_device(uint32_t type, const void *entry);
/* A call begins: is the entry that was counted to in it? */
void fault_injection_count(struct fault_injection *injection, const struct viq_call_request *req);
/* The first entry of [from, to) that this would strike, if it is one of kinds (FAULT_KIND() of each); to: none. */
uint32_t fault_injection_next(const struct fault_injection *injection, const struct viq_call_request *req,
			      uint32_t from, uint32_t to, uint32_t kinds);
/* Strike the entry at index, or a whole call (entry NULL). False: it would not, nothing has changed. */
bool fault_injection_strike(struct fault_injection *injection, const struct viq_call_request *req, uint32_t index,
			    const void *entry);

#endif
