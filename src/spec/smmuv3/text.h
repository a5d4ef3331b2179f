/* SPDX-License-Identifier: MIT */
/* Commands and error codes as text, in the architecture's words. */
#ifndef VIQ_SPEC_SMMUV3_TEXT_H
#define VIQ_SPEC_SMMUV3_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* "TLBI_NH_VA", ...; with Range = 31 opcode 4 is "CFGI_ALL". NULL for a reserved opcode. */
const char *smmuv3_command_name(const uint64_t cmd[2]);

/* As viq_smmuv3_command_text(): always terminated; the length that the whole line has. features: FEATURE_BIT(). */
int smmuv3_command_text(const uint64_t cmd[2], uint32_t features, char *buf, size_t len);

/* "CERROR_ILL", ...; NULL if the architecture has no such code. */
const char *smmuv3_cerror_name(unsigned int cerror);

#endif
