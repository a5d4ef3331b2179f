// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "failures.h"
#include "replay.h"
#include "tool.h"

#define ILLEGAL_OPCODE 0xff

/* Failures that go away by themselves strike once; the others for as long as the command stands there. */
static uint32_t default_times(int32_t failure)
{
	return failure == VIQ_SOFT_FAIL_ILLEGAL || failure == VIQ_SOFT_FAIL_GONE ? 0 : 1;
}

bool replay_parse_inject(const char *text, struct replay_inject *inject)
{
	const char *colon = strchr(text, ':');
	char digits[24];

	if (!colon || (size_t)(colon - text) >= sizeof(digits)) {
		tool_usage("--inject: '%s' is not NUMBER:KIND", text);
		return false;
	}
	memcpy(digits, text, (size_t)(colon - text));
	digits[colon - text] = '\0';
	if (!tool_number("--inject", digits, 0, UINT64_MAX - 1, &inject->number))
		return false;
	inject->name = colon + 1;
	if (!strcmp(inject->name, "illegal")) {
		inject->kind = REPLAY_INJECT_ILLEGAL;
	} else if (!strcmp(inject->name, "reserved-bit")) {
		inject->kind = REPLAY_INJECT_RESERVED_BIT;
	} else if (!failure_parse(inject->name, &inject->failure)) {
		inject->kind = REPLAY_INJECT_HOST;
		inject->times = default_times(inject->failure);
	} else {
		tool_usage("--inject: '%s' is not illegal, reserved-bit, %s", inject->name, FAILURE_NAMES);
		return false;
	}
	return true;
}

bool replay_goes_to_host(const uint64_t cmd[2])
{
	switch (VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0])) {
	case VIQ_SMMUV3_OP_CFGI_CD:
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
	case VIQ_SMMUV3_OP_TLBI_NH_ALL:
	case VIQ_SMMUV3_OP_TLBI_NH_ASID:
	case VIQ_SMMUV3_OP_TLBI_NH_VA:
	case VIQ_SMMUV3_OP_TLBI_NH_VAA:
	case VIQ_SMMUV3_OP_TLBI_NSNH_ALL:
	case VIQ_SMMUV3_OP_ATC_INV:
		return true;
	default:
		return false;
	}
}

bool replay_check_inject(const struct replay_options *options, const uint64_t cmd[2])
{
	const struct replay_inject *inject = &options->inject;
	unsigned int op = (unsigned int)VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0]);
	const char *name = replay_kind_name(replay_kind(cmd));

	if (inject->kind != REPLAY_INJECT_HOST)
		return true;
	if (!replay_goes_to_host(cmd)) {
		tool_error(options->path,
			   "command %llu is %s, which no host executes; --inject %s needs a TLBI_*, CFGI_CD* "
			   "or ATC_INV: look for one with 'viq decode'",
			   (unsigned long long)inject->number, name, inject->name);
		return false;
	}
	if (inject->failure == VIQ_SOFT_FAIL_ATC_TIMEOUT && op != VIQ_SMMUV3_OP_ATC_INV) {
		tool_error(options->path,
			   "command %llu is %s; --inject atc-timeout needs an ATC_INV: look for one with 'viq "
			   "decode'",
			   (unsigned long long)inject->number, name);
		return false;
	}
	return true;
}

/* The lowest bit that makes the command illegal when it is set, its opcode kept. */
static void set_reserved_bit(const struct viq_smmuv3_config *config, uint64_t cmd[2])
{
	for (unsigned int bit = 8; bit < 128; bit++) {
		uint64_t changed[2] = {cmd[0], cmd[1]};

		changed[bit / 64] |= VIQ_BIT(bit % 64);
		if (viq_smmuv3_command_check(changed, config) == VIQ_SMMUV3_CERROR_ILL) {
			memcpy(cmd, changed, sizeof(changed));
			return;
		}
	}
}

void replay_inject_command(const struct replay_inject *inject, const struct viq_smmuv3_config *config, uint64_t cmd[2])
{
	if (inject->kind == REPLAY_INJECT_ILLEGAL)
		cmd[0] |= ILLEGAL_OPCODE;
	else if (inject->kind == REPLAY_INJECT_RESERVED_BIT)
		set_reserved_bit(config, cmd);
}
