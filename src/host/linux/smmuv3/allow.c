/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "spec/smmuv3/scope.h"

#include "allow.h"

#define LEAF       VIQ_SMMUV3_CMD_1_LEAF
#define SID        VIQ_SMMUV3_CMD_SID
#define SSID       VIQ_SMMUV3_CMD_SSID
#define SUBSTREAM  (VIQ_SMMUV3_CMD_SSV | SSID | VIQ_SMMUV3_ATC_G)
#define VMID       VIQ_SMMUV3_TLBI_VMID
#define ASID       VIQ_SMMUV3_TLBI_ASID
#define RANGE      (VIQ_SMMUV3_TLBI_NUM | VIQ_SMMUV3_TLBI_SCALE)
#define RANGE_1    (VIQ_SMMUV3_TLBI_1_TG | VIQ_SMMUV3_TLBI_1_TTL)
#define VA         VIQ_SMMUV3_TLBI_1_VA
#define SIZE       VIQ_SMMUV3_ATC_1_SIZE
#define ADDR       VIQ_SMMUV3_ATC_1_ADDR
#define ASID_UPPER VIQ_BITS(63, 56) /* RES0 where ASIDs have 8 bits */

/*
 * One row per command: bits that it may have, of which those of fields that need a feature are taken away without it;
 * and the fields of which the architecture reserves values (4.4.1, 4.5.1).
 */
static const struct rule {
	uint8_t op;
	uint64_t bits[2], checked[2];
} rules[] = {
	{VIQ_SMMUV3_OP_CFGI_CD, {SID | SSID, LEAF}, {0}},
	{VIQ_SMMUV3_OP_CFGI_CD_ALL, {SID, 0}, {0}},
	{VIQ_SMMUV3_OP_TLBI_NH_ALL, {VMID, 0}, {0}},
	{VIQ_SMMUV3_OP_TLBI_NH_ASID, {VMID | ASID, 0}, {0}},
	{VIQ_SMMUV3_OP_TLBI_NH_VA, {VMID | ASID | RANGE, VA | LEAF | RANGE_1}, {RANGE, RANGE_1}},
	{VIQ_SMMUV3_OP_TLBI_NH_VAA, {VMID | RANGE, VA | LEAF | RANGE_1}, {RANGE, RANGE_1}},
	{VIQ_SMMUV3_OP_TLBI_NSNH_ALL, {0, 0}, {0}},
	{VIQ_SMMUV3_OP_ATC_INV, {SID | SUBSTREAM, SIZE | ADDR}, {0, SIZE}},
};

static bool is_tlbi(uint8_t op)
{
	return op >= VIQ_SMMUV3_OP_TLBI_NH_ALL && op <= VIQ_SMMUV3_OP_TLBI_NSNH_ALL;
}

/* The bits that mean nothing on this hardware: the kernel refuses them. */
static void lacking(uint8_t op, const struct viq_linux_hw_info *hw, uint64_t bits[2])
{
	bits[0] = bits[1] = 0;
	if (is_tlbi(op)) {
		if (!(hw->idr[0] & VIQ_SMMUV3_IDR0_ASID16))
			bits[0] |= ASID_UPPER;
		if (!(hw->idr[5] & VIQ_SMMUV3_IDR5_DS))
			bits[0] |= VIQ_SMMUV3_TLBI_SCALE_5;
		if (!(hw->idr[3] & VIQ_SMMUV3_IDR3_RIL)) {
			bits[0] |= RANGE;
			bits[1] |= RANGE_1;
		}
	} else if (!(hw->idr[1] & VIQ_SMMUV3_IDR1_SSIDSIZE)) {
		bits[0] |= SUBSTREAM;
	}
}

void linux_allow_init(struct linux_allow *allow, const struct viq_linux_hw_info *hw)
{
	*allow = (struct linux_allow){.ds = hw->idr[5] & VIQ_SMMUV3_IDR5_DS};
	for (uint64_t op = 0; op <= VIQ_SMMUV3_OP_ATC_INV; op++)
		allow->rows[op].op = ~op;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *rule = &rules[i];
		struct linux_allow_row *row = &allow->rows[rule->op];
		uint64_t without[2];

		if (rule->op == VIQ_SMMUV3_OP_ATC_INV && !(hw->idr[0] & VIQ_SMMUV3_IDR0_ATS))
			continue;
		lacking(rule->op, hw, without);
		row->op = rule->op;
		for (int word = 0; word < 2; word++) {
			row->bits[word] = rule->bits[word] & ~without[word];
			row->plain[word] = row->bits[word] & ~rule->checked[word];
		}
	}
}

/* Without RIL all of these fields are 0 here. */
static bool range_allowed(const struct linux_allow *allow, const uint64_t cmd[2])
{
	enum smmuv3_range_form form = smmuv3_tlbi_form(cmd);

	/* The kernel refuses a level that does not exist, also where the SMMU would take it for none. */
	return form != SMMUV3_RANGE_NO_TG && form != SMMUV3_RANGE_RESERVED &&
	       smmuv3_tlbi_word1(cmd, allow->ds) == cmd[1];
}

bool linux_allowed_values(const struct linux_allow *allow, const uint64_t cmd[2])
{
	uint64_t op = cmd[0] & VIQ_SMMUV3_CMD_OP;
	const struct linux_allow_row *row = &allow->rows[op];

	if (!linux_allowed_bits(cmd, row->op, row->bits))
		return false;
	switch (op) {
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
		return range_allowed(allow, cmd);
	case VIQ_SMMUV3_OP_ATC_INV:
		return VIQ_GET(VIQ_SMMUV3_ATC_1_SIZE, cmd[1]) <= VIQ_SMMUV3_ATC_SIZE_ALL;
	}
	return true;
}
