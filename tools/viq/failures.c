// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <viq/fault.h>

#include "failures.h"

int failure_parse(const char *name, uint32_t *kind)
{
	for (uint32_t k = VIQ_FAULT_NONE + 1; viq_fault_kind_name(k); k++) {
		if (!strcmp(name, viq_fault_kind_name(k))) {
			*kind = k;
			return 0;
		}
	}
	return -ENOENT;
}

int contract_parse(const char *name, uint32_t *contract)
{
	for (uint32_t c = 0; viq_fault_contract_name(c); c++) {
		if (!strcmp(name, viq_fault_contract_name(c))) {
			*contract = c;
			return 0;
		}
	}
	return -ENOENT;
}
