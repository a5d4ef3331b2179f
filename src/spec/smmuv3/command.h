/* SPDX-License-Identifier: MIT */
/*
 * The command set of the Non-secure command queue (IHI 0070 chapter 4) as one table.
 *
 * A row is a command: opcode, name, the feature without which it is illegal, its kind, its fields. A field says
 * which feature defines its bits and what to do with them where the feature is missing. Everything that is checked,
 * cleared or printed follows from the table; bits that no field covers are RES0 and illegal.
 */
#ifndef VIQ_SPEC_SMMUV3_COMMAND_H
#define VIQ_SPEC_SMMUV3_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "features.h"

/* What a command does, which decides what it names (scope.h) and which values its fields may have. */
enum smmuv3_kind {
	SMMUV3_PREFETCH,
	SMMUV3_CFGI_STE, /* CFGI_STE, CFGI_STE_RANGE, CFGI_ALL */
	SMMUV3_CFGI_CD,  /* CFGI_CD, CFGI_CD_ALL */
	SMMUV3_CFGI_VM,
	SMMUV3_TLBI,         /* all, or by tags */
	SMMUV3_TLBI_ADDRESS, /* by address, with the range fields TG, NUM, SCALE and TTL (4.4.1.1) */
	SMMUV3_ATC_INV,
	SMMUV3_PRI_RESP,
	SMMUV3_STALL, /* RESUME, STALL_TERM */
	SMMUV3_SYNC,
	SMMUV3_DPTI,
};

/* What to do with a field's bits where their feature is missing. */
enum smmuv3_missing {
	MISSING_ILLEGAL, /* RES0: CERROR_ILL */
	MISSING_CLEARED, /* ignored by the architecture: cleared */
};

struct smmuv3_field {
	const char *name;
	uint64_t mask;
	uint8_t word;
	uint8_t feature; /* enum smmuv3_feature */
	uint8_t missing; /* enum smmuv3_missing */
	uint8_t format;  /* enum smmuv3_field_format */
};

enum smmuv3_field_format {
	FORMAT_HEX,         /* a number: always printed */
	FORMAT_FLAG,        /* a bit or small code: printed when not 0 */
	FORMAT_ADDRESS,     /* in place, not shifted down */
	FORMAT_MSI_ADDRESS, /* the same, when not 0: there is an MSI */
	FORMAT_ASID,        /* printed with its upper half where that exists */
	FORMAT_ASID_UPPER,
};

#define SMMUV3_MAX_FIELDS 11

struct smmuv3_command {
	const char *name;
	uint8_t op;
	uint8_t feature; /* enum smmuv3_feature: without it the opcode is illegal */
	uint8_t kind;    /* enum smmuv3_kind */
	const struct smmuv3_field *fields[SMMUV3_MAX_FIELDS + 1]; /* NULL-terminated */
};

/* The row of an opcode, or NULL if it is reserved. */
const struct smmuv3_command *smmuv3_command_find(uint8_t op);

/* A row worked out for one feature set: what a queue needs for each command. 64 bytes: a table of them is fast. */
struct smmuv3_rule {
	_Alignas(16) uint64_t illegal[2]; /* any of these bits set: CERROR_ILL */
	uint64_t keep[2];                 /* the bits that mean something */
	uint64_t look[2];                 /* none of these set: it is legal, and no bit of it is to be cleared */
	bool exists;                      /* the feature set has this opcode */
	uint8_t kind;
};

/* features: FEATURE_BIT() */
void smmuv3_rule_init(struct smmuv3_rule *rule, uint8_t op, uint32_t features);

/* Is the CS of a CMD_SYNC reserved (4.7.3)? */
static inline bool smmuv3_sync_reserved(const uint64_t cmd[2])
{
	return VIQ_GET(VIQ_SMMUV3_SYNC_CS, cmd[0]) == 3;
}

/* Why field values are illegal together, or NULL if they are not. For legal bits only. */
const char *smmuv3_command_conflict(enum smmuv3_kind kind, const uint64_t cmd[2], uint32_t features);

/* Bits and values. rule: that of the command's opcode for these features. */
static inline bool smmuv3_bits_legal(const struct smmuv3_rule *rule, const uint64_t cmd[2])
{
	return !((cmd[0] & rule->illegal[0]) | (cmd[1] & rule->illegal[1]));
}

static inline bool smmuv3_command_legal(const struct smmuv3_rule *rule, const uint64_t cmd[2], uint32_t features)
{
	if (!rule->exists)
		return false;
	/* Fields that are judged may all be 0, in every kind: most commands need no more. */
	if (!((cmd[0] & rule->look[0]) | (cmd[1] & rule->look[1])))
		return true;
	return smmuv3_bits_legal(rule, cmd) && !smmuv3_command_conflict((enum smmuv3_kind)rule->kind, cmd, features);
}

#endif
