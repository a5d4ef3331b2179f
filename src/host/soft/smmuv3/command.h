/* SPDX-License-Identifier: MIT */
/* The commands that the host executes (those of struct iommu_viommu_arm_smmuv3_invalidate), one row each. */
#ifndef VIQ_SOFT_COMMAND_H
#define VIQ_SOFT_COMMAND_H

#include "object.h"

struct soft_command;

/* What the commands of a call are about. */
struct soft_target {
	struct viq_soft *soft;
	struct soft_guests *guests;
	struct soft_viommu *viommu;
	uint16_t vmid;      /* that the last command named */
	struct soft_vm *vm; /* its; NULL: nothing has it */
	uint64_t leaves;    /* of vm, that may be cached: soft_vm_leaves() */
	/* The last command, if it was one of addresses, was legal and about vm; else row is NULL. */
	struct {
		const struct soft_command *row;
		uint64_t cmd[2];
	} model;
};

/* The target's vIOMMU is another one, or has changed. */
static inline void soft_target_begin(struct soft_target *t)
{
	t->vmid = 0;
	t->vm = &t->viommu->vm;
	t->leaves = soft_vm_leaves(t->vm);
	t->model.row = NULL;
}

/*
 * Execute it; a grace period must follow. False, and nothing happened: the host refuses it. It
 * is unknown, has a bit or combination that the features do not have, or names a StreamID without a vDEVICE.
 */
bool soft_command_run(struct soft_target *target, const uint64_t cmd[2]) MUST_HOLD(target->guests->lock);

#endif
