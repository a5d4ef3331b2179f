/* SPDX-License-Identifier: MIT */
/* Names of failures and contracts (viq/fault.h), as options and scripts write them. */
#ifndef VIQ_TOOL_FAILURES_H
#define VIQ_TOOL_FAILURES_H

#include <stdint.h>

#define FAILURE_NAMES  "host-illegal, hardware, atc-timeout, no-memory, gone or drop"
#define CONTRACT_NAMES "exact, linux-7.3 or linux-next"

/* "host-illegal", ...: *kind is an enum viq_fault_kind. -ENOENT: no such name, *kind is unchanged. */
int failure_parse(const char *name, uint32_t *kind);
/* "exact", "linux-7.3", "linux-next": enum viq_fault_contract. -ENOENT. */
int contract_parse(const char *name, uint32_t *contract);

#endif
