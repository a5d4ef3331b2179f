/* SPDX-License-Identifier: MIT */
/* Names of the software host's failures and contracts (viq/soft.h), as options and scripts write them. */
#ifndef VIQ_TOOL_FAILURES_H
#define VIQ_TOOL_FAILURES_H

#include <stdint.h>

#define FAILURE_NAMES  "host-illegal, hardware, atc-timeout, no-memory, gone or drop"
#define CONTRACT_NAMES "exact, linux-7.3 or linux-next"

/* "host-illegal", ...: *failure is an enum viq_soft_failure. -ENOENT: no such name, *failure is unchanged. */
int failure_parse(const char *name, int32_t *failure);
/* "exact", "linux-7.3", "linux-next": enum viq_soft_contract. -ENOENT. */
int contract_parse(const char *name, uint32_t *contract);

#endif
