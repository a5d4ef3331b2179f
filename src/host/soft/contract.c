/* SPDX-License-Identifier: MIT */
/* Contracts: see contract.h. */
#include <errno.h>

#include <viq/smmuv3_spec.h>
#include <viq/soft.h>

#include "contract.h"

#define LINUX_GROUP 63u

static void report_exact(const struct soft_failure *failure, struct viq_call_result *res)
{
	res->handled = failure->first;
	res->suspect = failure->last;
}

/* The index at which the kernel's loop stood: of the bad command, or of the one that made the group full. */
static void report_linux_7_3(const struct soft_failure *failure, struct viq_call_result *res)
{
	res->handled = failure->refused ? failure->at : failure->group_end;
	res->suspect = res->handled;
}

static void report_linux_next(const struct soft_failure *failure, struct viq_call_result *res)
{
	res->handled = failure->group;
	res->suspect = failure->group_end;
}

static const uint32_t hw_codes[VIQ_CALL_ERROR_COUNT] = {
	[VIQ_CALL_ILLEGAL] = VIQ_SMMUV3_CERROR_ILL,
	[VIQ_CALL_TIMEOUT] = VIQ_SMMUV3_CERROR_ATC_INV_SYNC,
};

static const struct soft_contract contracts[] = {
	[VIQ_SOFT_EXACT] = {.group = 1, .sync_at_end = true, .hw_codes = hw_codes, .report = report_exact},
	[VIQ_SOFT_LINUX_7_3] = {.group = LINUX_GROUP, .os = true, .report = report_linux_7_3},
	[VIQ_SOFT_LINUX_NEXT] = {.group = LINUX_GROUP, .os = true, .report = report_linux_next},
};

const struct soft_contract soft_contract_vtd = {.group = 1, .report = report_exact};

const struct soft_contract *soft_contract(uint32_t contract)
{
	return &contracts[contract];
}

static const int os_errors[VIQ_CALL_ERROR_COUNT] = {
	[VIQ_CALL_ILLEGAL] = -EIO,      [VIQ_CALL_TIMEOUT] = -ETIMEDOUT, [VIQ_CALL_FAILED] = -ETIMEDOUT,
	[VIQ_CALL_NO_MEMORY] = -ENOMEM, [VIQ_CALL_GONE] = -ENOENT,       [VIQ_CALL_UNSUPPORTED] = -EINVAL,
};

void soft_contract_report(const struct soft_contract *contract, const struct soft_failure *failure,
			  struct viq_call_result *res)
{
	contract->report(failure, res);
	res->error = failure->error;
	if (contract->os)
		res->os_error = os_errors[failure->error];
	else if (contract->hw_codes)
		res->hw_code = contract->hw_codes[failure->error];
}
