// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "failures.h"
#include "arch.h"
#include "tool.h"

/*
 * Failures that go away by themselves strike once. A refused command is refused as often as the search asks, until the
 * guest has its error; the target is gone for good.
 */
static uint32_t default_times(uint32_t kind)
{
	return kind == VIQ_FAULT_ILLEGAL || kind == VIQ_FAULT_GONE ? 0 : 1;
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
	} else if (!failure_parse(inject->name, &inject->failure) && inject->failure != VIQ_FAULT_ATC_DROP) {
		inject->kind = REPLAY_INJECT_HOST;
		inject->times = default_times(inject->failure);
	} else {
		tool_usage("--inject: '%s' is not illegal, reserved-bit, %s", inject->name, FAILURE_NAMES);
		return false;
	}
	return true;
}

bool replay_check_inject(const struct replay_arch *arch, const struct replay_options *options, const uint64_t cmd[4])
{
	const struct replay_inject *inject = &options->inject;
	const char *needs = NULL;

	if (inject->kind != REPLAY_INJECT_HOST)
		return true;
	if (inject->failure == VIQ_FAULT_ATC_TIMEOUT && !arch->goes_to_device(cmd))
		needs = arch->atc_kind;
	else if (inject->failure != VIQ_FAULT_ATC_TIMEOUT && !arch->goes_to_host(cmd))
		needs = arch->host_kind;
	if (needs)
		tool_error(options->path, "%s %llu is %s; --inject %s needs %s: look for one with 'viq decode'",
			   arch->entry, (unsigned long long)inject->number, arch->kind_name(arch->kind(cmd)),
			   inject->name, needs);
	return !needs;
}

/* The lowest bit that is reserved in the entry, beside its opcode. */
static void set_reserved_bit(const struct replay_guest *guest, uint64_t entry[4])
{
	for (unsigned int bit = (unsigned int)__builtin_popcountll(guest->arch->opcode); bit < 128; bit++) {
		uint64_t changed[4] = {entry[0], entry[1], entry[2], entry[3]};

		changed[bit / 64] |= UINT64_C(1) << bit % 64;
		if (guest->arch->is_reserved(guest, changed)) {
			memcpy(entry, changed, sizeof(changed));
			return;
		}
	}
}

void replay_spoil(const struct replay_guest *guest, enum replay_injection kind, uint64_t entry[4])
{
	if (kind == REPLAY_INJECT_ILLEGAL)
		entry[0] |= guest->arch->opcode;
	else if (kind == REPLAY_INJECT_RESERVED_BIT)
		set_reserved_bit(guest, entry);
}
