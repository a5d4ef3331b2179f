/* SPDX-License-Identifier: MIT */
/*
 * The command set of the Non-secure command queue (IHI 0070 chapter 4) as one table.
 *
 * A row is a command: opcode, name, the feature without which it is illegal, who handles it, its fields. A field says
 * which feature defines its bits and what to do with them where the feature is missing. Everything that is checked,
 * cleared or printed follows from the table; bits that no field covers are RES0 and illegal.
 */
#ifndef VIQ_SPEC_SMMUV3_COMMAND_H
#define VIQ_SPEC_SMMUV3_COMMAND_H

#include <stdint.h>

#include <viq/smmuv3.h>

/* What the ID registers offer, as far as commands care; a bit each. */
enum smmuv3_feature {
	FEATURE_ALWAYS,
	FEATURE_NEVER, /* Secure state, EL3, 128-bit descriptors: not in this programming interface */
	FEATURE_S1P,
	FEATURE_S2P,
	FEATURE_HYP,
	FEATURE_ATS,
	FEATURE_PRI,
	FEATURE_STALL,
	FEATURE_MPAM,
	FEATURE_DPT,
	FEATURE_RIL,
	FEATURE_DS,
	FEATURE_SSID,
	FEATURE_ASID16,
	FEATURE_STRIDE, /* PREFETCH_ADDR.Stride: v3.1 */
};
#define FEATURE_BIT(f) (1u << (f))

/* Who handles a command. */
enum smmuv3_handler {
	HANDLER_ILLEGAL = 0, /* nobody: reserved opcode, or its feature is missing */
	HANDLER_HOST,        /* every host */
	HANDLER_HOST_STREAM, /* the hosts that know the stream it names */
	HANDLER_HOST_ATC,    /* the hosts that know the stream and gave it ATS */
	HANDLER_RECONFIG,    /* the embedder, through reconfig() */
	HANDLER_SYNC,
	HANDLER_HINT, /* nobody needs to: prefetch */
};

/* What to do with a field's bits where their feature is missing. */
enum smmuv3_missing {
	MISSING_ILLEGAL, /* RES0: CERROR_ILL */
	MISSING_CLEARED, /* ignored by the architecture: cleared, and on */
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
	FORMAT_HEX,     /* a number: always printed */
	FORMAT_FLAG,    /* a bit or small code: printed when not 0 */
	FORMAT_ADDRESS, /* in place, not shifted down */
};

#define SMMUV3_MAX_FIELDS 11

struct smmuv3_command {
	const char *name;
	uint8_t op;
	uint8_t feature; /* enum smmuv3_feature: without it the opcode is illegal */
	uint8_t handler; /* enum smmuv3_handler */
	/* Why these field values are illegal together, or NULL if they are not. Called only for legal bits. */
	const char *(*check)(const uint64_t cmd[2], uint32_t features);
	const struct smmuv3_field *fields[SMMUV3_MAX_FIELDS + 1]; /* NULL-terminated */
};

/* The row of an opcode, or NULL if it is reserved. */
const struct smmuv3_command *smmuv3_command_find(uint8_t op);

/* Does the command have the range fields TG, NUM and SCALE (4.4.1.1)? */
bool smmuv3_command_is_range(const struct smmuv3_command *row);

/* The feature set of a configuration; NULL: all that exist. */
uint32_t smmuv3_features(const struct viq_smmuv3_config *config);

/* A row worked out for one feature set: what the queue needs for each command. */
struct smmuv3_rule {
	uint64_t illegal[2]; /* any of these bits set: CERROR_ILL */
	uint64_t keep[2];    /* the bits that mean something */
	/* Of these, the ones that neither choose the rule nor matter to check(); none unless every host sees it. */
	uint64_t plain[2];
	const char *(*check)(const uint64_t cmd[2], uint32_t features);
	bool exists; /* the feature set has this opcode */
	uint8_t handler;
};

void smmuv3_rule_init(struct smmuv3_rule *rule, uint8_t op, uint32_t features);

#endif
