/* SPDX-License-Identifier: MIT */
/* Contracts: see contract.h. */
#include <errno.h>

#include <viq/fault.h>
#include <viq/smmuv3_spec.h>

#include "contract.h"

static void report_exact(const struct fault_failure *failure, struct viq_call_result *res)
{
	res->handled = failure->first;
	res->suspect = failure->last;
}

/* The index at which the kernel's loop stood: of the bad command, or of the one that made the group full. */
static void report_linux_7_3(const struct fault_failure *failure, struct viq_call_result *res)
{
	res->handled = failure->refused ? failure->at : failure->group_end;
	res->suspect = res->handled;
}

static void report_linux_next(const struct fault_failure *failure, struct viq_call_result *res)
{
	res->handled = failure->group;
	res->suspect = failure->group_end;
}

static const uint32_t hw_codes[VIQ_CALL_ERROR_COUNT] = {
	[VIQ_CALL_ILLEGAL] = VIQ_SMMUV3_CERROR_ILL,
	[VIQ_CALL_TIMEOUT] = VIQ_SMMUV3_CERROR_ATC_INV_SYNC,
};

static const struct fault_contract contracts[][VIQ_FAULT_LINUX_NEXT + 1] = {
	[VIQ_CALL_SMMUV3] =
		{
			[VIQ_FAULT_EXACT] = {.hw_codes = hw_codes, .report = report_exact},
			[VIQ_FAULT_LINUX_7_3] =
				{.group = FAULT_LINUX_GROUP, .checks = true, .os = true, .report = report_linux_7_3},
			[VIQ_FAULT_LINUX_NEXT] =
				{.group = FAULT_LINUX_GROUP, .checks = true, .os = true, .report = report_linux_next},
		},
	[VIQ_CALL_VTD_S1] =
		{
			[VIQ_FAULT_EXACT] = {.waits = true, .report = report_exact},
			[VIQ_FAULT_LINUX_7_3] = {.waits = true, .os = true, .report = report_exact},
			[VIQ_FAULT_LINUX_NEXT] = {.waits = true, .os = true, .report = report_exact},
		},
};

const struct fault_contract *fault_contract(uint32_t contract, uint32_t type)
{
	return &contracts[type][contract];
}

static const int os_errors[VIQ_CALL_ERROR_COUNT] = {
	[VIQ_CALL_ILLEGAL] = -EIO,        [VIQ_CALL_ABORTED] = -EFAULT,   [VIQ_CALL_TIMEOUT] = -ETIMEDOUT,
	[VIQ_CALL_FAILED] = -ETIMEDOUT,   [VIQ_CALL_NO_MEMORY] = -ENOMEM, [VIQ_CALL_GONE] = -ENOENT,
	[VIQ_CALL_UNSUPPORTED] = -EINVAL,
};

void fault_contract_report(const struct fault_contract *contract, const struct fault_failure *failure,
			   struct viq_call_result *res)
{
	contract->report(failure, res);
	res->error = failure->error;
	if (contract->os) {
		res->os_error = os_errors[failure->error];
	} else if (failure->inner) {
		res->hw_code = failure->hw_code;
		res->os_error = failure->os_error;
	} else if (contract->hw_codes) {
		res->hw_code = contract->hw_codes[failure->error];
	}
}
