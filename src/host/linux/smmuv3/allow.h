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

#include "base/le.h"

struct linux_allow_row {
	uint64_t op;       /* as in word 0; of one that is not on the list another, which no command of this row has */
	uint64_t bits[2];  /* that a command may have beside its opcode */
	uint64_t plain[2]; /* of these, the ones that may have any value: most commands have no others */
};

struct linux_allow {
	struct linux_allow_row rows[VIQ_SMMUV3_OP_ATC_INV + 1]; /* by opcode */
	bool ds;
};

void linux_allow_init(struct linux_allow *allow, const struct viq_linux_hw_info *hw);
/* Beside the bits, the values of fields that have reserved ones. cmd in CPU byte order. */
bool linux_allowed_values(const struct linux_allow *allow, const uint64_t cmd[2]);

static inline bool linux_allowed_bits(const uint64_t cmd[2], uint64_t op, const uint64_t bits[2])
{
	return !(((cmd[0] ^ op) & ~bits[0]) | (cmd[1] & ~bits[1]));
}

/* How many of the entries there are before the first that is not on the list. */
static inline uint32_t linux_allowed_count(const struct linux_allow *allow, const le64 (*entries)[2], uint32_t count)
{
	const struct linux_allow_row *row = NULL;
	uint32_t i;

	for (i = 0; i < count; i++) {
		const uint64_t cmd[2] = {le64_get(entries[i][0]), le64_get(entries[i][1])};

		/* As the one before, mostly. */
		if (row && linux_allowed_bits(cmd, row->op, row->plain))
			continue;
		if ((cmd[0] & VIQ_SMMUV3_CMD_OP) > VIQ_SMMUV3_OP_ATC_INV)
			break;
		row = &allow->rows[cmd[0] & VIQ_SMMUV3_CMD_OP];
		if (!linux_allowed_bits(cmd, row->op, row->plain) && !linux_allowed_values(allow, cmd))
			break;
	}
	return i;
}

#endif
