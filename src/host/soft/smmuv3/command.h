/* SPDX-License-Identifier: MIT */
/* The commands that the host executes (those of struct iommu_viommu_arm_smmuv3_invalidate), one row each. */
#ifndef VIQ_SOFT_COMMAND_H
#define VIQ_SOFT_COMMAND_H

#include "object.h"

struct soft_command;

/* The row for cmd, or NULL if the host refuses it: unknown, a bit or combination that the features do not have, or a
 * StreamID without a vDEVICE. */
const struct soft_command *soft_command_check(struct viq_soft *soft, const struct soft_viommu *viommu,
					      const uint64_t cmd[2]);

/* Execute it, after a check under the same lock. A grace period must follow. */
void soft_command_run(struct viq_soft *soft, struct soft_viommu *viommu, const uint64_t cmd[2]);

#endif
