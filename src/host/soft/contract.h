/* SPDX-License-Identifier: MIT */
/*
 * How a failed call is told: exactly, or as Linux tells it.
 *
 * Linux converts an array's commands one at a time and issues them in groups of 63, and the rest at the end. 7.3 checks
 * while it converts: a bad command at i leaves the earlier ones of its group unissued, yet i is the count that the
 * caller gets. The kernel after it checks a whole group first and counts whole groups. Neither gives a hardware code.
 */
#ifndef VIQ_SOFT_CONTRACT_H
#define VIQ_SOFT_CONTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>

/* What became of a call, in truth. Indices count over the whole array. */
struct soft_failure {
	enum viq_call_error error;
	bool refused;              /* by a check: nothing of the group was issued */
	uint32_t at;               /* the culprit */
	uint32_t first, last;      /* who can be the culprit, as far as hardware tells */
	uint32_t group, group_end; /* first and last of the group that failed */
};

struct soft_contract {
	uint32_t group;           /* entries checked and issued together */
	bool sync_at_end;         /* device time-outs show at the end of the call, not of each group */
	bool os;                  /* errors are errnos, not hardware codes */
	const uint32_t *hw_codes; /* by enum viq_call_error; NULL: there are none */
	void (*report)(const struct soft_failure *failure, struct viq_call_result *res); /* sets handled and suspect */
};

/* SMMUv3, by enum viq_soft_contract. */
const struct soft_contract *soft_contract(uint32_t contract);
/* VT-d. Each entry is waited for, as Linux does: indices are exact, also of devices that do not answer. */
extern const struct soft_contract soft_contract_vtd;
void soft_contract_report(const struct soft_contract *contract, const struct soft_failure *failure,
			  struct viq_call_result *res);

#endif
