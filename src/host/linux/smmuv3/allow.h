/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own list of SMMUv3 commands and bits (arm-smmu-v3-iommufd.c of Linux 7.3), given the hardware: a command
 * that passes is refused only if its stream has no vDEVICE. Kernels before 7.3 look at the opcode only and hand
 * reserved bits to the physical queue that all guests share, so it is checked here for every kernel.
 */
#ifndef VIQ_HOST_LINUX_ALLOW_H
#define VIQ_HOST_LINUX_ALLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/linux.h>
#include <viq/smmuv3_spec.h>

struct linux_allow {
	/* By opcode: the bits that a command may have, its opcode among them; word 0 is 0 if it is not on the list. */
	uint64_t bits[VIQ_SMMUV3_OP_ATC_INV + 1][2];
	/* Of these, the ones that may have any value: most commands have no others. */
	uint64_t plain[VIQ_SMMUV3_OP_ATC_INV + 1][2];
	bool ds;
};

void linux_allow_init(struct linux_allow *allow, const struct viq_linux_hw_info *hw);
bool linux_allowed_values(const struct linux_allow *allow, const uint64_t cmd[2]);

/* cmd in CPU byte order. */
static inline bool linux_allowed(const struct linux_allow *allow, const uint64_t cmd[2])
{
	uint64_t op = cmd[0] & VIQ_SMMUV3_CMD_OP;
	const uint64_t *plain;

	if (!op || op > VIQ_SMMUV3_OP_ATC_INV)
		return false;
	plain = allow->plain[op];
	return !((cmd[0] & ~plain[0]) | (cmd[1] & ~plain[1])) ||
	       linux_allowed_values(allow, (const uint64_t[]){cmd[0], cmd[1]});
}

#endif
