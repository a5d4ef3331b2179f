/* SPDX-License-Identifier: MIT */
/*
 * How a failed call is reported: exactly, or as Linux does.
 *
 * Linux converts an array of SMMUv3 commands one at a time and issues them in groups of 63, and the rest at the
 * end. 7.3 checks while it converts: a bad command at i leaves the earlier ones of its group unissued, yet i is the
 * count that the caller gets. The kernel after it checks a whole group first and counts whole groups. Neither gives a
 * hardware code. VT-d entries are issued and waited for one by one.
 */
#ifndef VIQ_FAULT_CONTRACT_H
#define VIQ_FAULT_CONTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/call.h>

#define FAULT_LINUX_GROUP 63u

/* The outcome of a call, in truth. Indices count over the whole array. */
struct fault_failure {
	enum viq_call_error error;
	bool refused;              /* by a check */
	uint32_t at;               /* the culprit */
	uint32_t first, last;      /* possible culprits, as far as hardware tells */
	uint32_t group, group_end; /* first and last of the group that failed */
	bool inner;                /* the host behind said so, with: */
	uint32_t hw_code;
	int32_t os_error;
};

struct fault_contract {
	uint32_t group;           /* entries issued together; 0: the whole array */
	bool checks;              /* a group is checked before any of it is issued */
	bool waits;               /* for the device after each entry */
	bool os;                  /* errors are errnos, not hardware codes */
	const uint32_t *hw_codes; /* by enum viq_call_error; NULL: there are none */
	void (*report)(const struct fault_failure *failure, struct viq_call_result *res); /* sets handled and suspect */
};

/* By enum viq_fault_contract and enum viq_call_type. */
const struct fault_contract *fault_contract(uint32_t contract, uint32_t type);
void fault_contract_report(const struct fault_contract *contract, const struct fault_failure *failure,
			   struct viq_call_result *res);

#endif
