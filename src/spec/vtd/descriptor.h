/* SPDX-License-Identifier: MIT */
/*
 * The invalidation descriptors (VT-d 6.5.2) as one table.
 *
 * A row is a type: number, name, the feature without which it is invalid, who handles it, its fields. A field says
 * which feature defines its bits. Everything that is checked or printed follows from the table; bits that no field
 * covers, or whose feature is missing, are reserved and stop the queue. qw2 and qw3 are reserved in every type.
 */
#ifndef VIQ_SPEC_VTD_DESCRIPTOR_H
#define VIQ_SPEC_VTD_DESCRIPTOR_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/vtd_spec.h>

/* What CAP and ECAP offer, as far as descriptors care; a bit each. */
enum vtd_feature {
	FEATURE_ALWAYS,
	FEATURE_DT,
	FEATURE_IR,
	FEATURE_PRS,
	FEATURE_PDS,
	FEATURE_DIT,
	FEATURE_WIDE, /* a mode that needs 256-bit descriptors: scalable or abort-dma mode (Table 26) */
	FEATURE_WIDE_DT,
	FEATURE_PSI,
};
#define FEATURE_BIT(f) (1u << (f))

/* A unit has a feature if it has all bits of one of the feature's rows. */
struct vtd_feature_row {
	uint8_t feature; /* enum vtd_feature */
	uint64_t cap, ecap;
};

#define VTD_FEATURE_ROWS 10
extern const struct vtd_feature_row vtd_feature_rows[VTD_FEATURE_ROWS];

/* Who handles a descriptor. */
enum vtd_handler {
	HANDLER_INVALID = 0, /* nobody: no such type, or its feature is missing */
	HANDLER_CC,
	HANDLER_IOTLB,
	HANDLER_DEVTLB,
	HANDLER_IEC,
	HANDLER_WAIT,
	HANDLER_PIOTLB,
	HANDLER_PC,
	HANDLER_PDEVTLB,
	HANDLER_PGRP, /* the device that has asked */
};

/* Which values of legal bits are illegal. */
enum vtd_limits {
	LIMITS_NONE,
	LIMITS_CC,     /* G is not 0 */
	LIMITS_IOTLB,  /* G is not 0; G = 3 needs CAP.PSI, and AM is CAP.MAMV at most */
	LIMITS_PIOTLB, /* G is 2 or 3 */
	LIMITS_PC,     /* G is not 2 */
};

/* What the features are, and the one number that a check needs. */
struct vtd_offer {
	uint32_t features;
	uint32_t mamv; /* CAP.MAMV */
};

enum vtd_field_format {
	FORMAT_HEX,     /* a number: always printed */
	FORMAT_FLAG,    /* a bit or small code: printed when not 0 */
	FORMAT_ADDRESS, /* in place, not shifted down */
};

struct vtd_field {
	const char *name;
	uint64_t mask;
	uint8_t word;
	uint8_t feature; /* enum vtd_feature */
	uint8_t format;  /* enum vtd_field_format */
};

#define VTD_MAX_FIELDS 8

struct vtd_descriptor {
	const char *name;
	uint8_t type;
	uint8_t feature;                                    /* enum vtd_feature: without it the type is invalid */
	uint8_t handler;                                    /* enum vtd_handler */
	uint8_t limits;                                     /* enum vtd_limits */
	bool scalable;                                      /* not in legacy mode (Table 26) */
	const struct vtd_field *fields[VTD_MAX_FIELDS + 1]; /* NULL-terminated */
};

/* The row of a descriptor's type, or NULL if there is no such type. */
const struct vtd_descriptor *vtd_descriptor_find(const uint64_t desc[4]);

struct vtd_offer vtd_offer(uint64_t cap, uint64_t ecap);
/* All there is. */
struct vtd_offer vtd_offer_all(void);

/* Why values are illegal although the bits are not, or NULL if they are legal. */
const char *vtd_limits_broken(enum vtd_limits limits, const uint64_t desc[4], const struct vtd_offer *offer);

/* A row worked out for one offer: what the queue needs for each descriptor. */
struct vtd_rule {
	uint64_t reserved[2]; /* any of these bits set: illegal. All, if nobody handles the type */
	uint8_t limits;
	uint8_t handler;
	bool scalable;
	uint8_t granularities; /* bit G: this G is legal */
	uint8_t max_am;        /* up to here AM is legal for any G */
};

#define VTD_TYPES 16

void vtd_rule_init(struct vtd_rule *rule, uint8_t type, const struct vtd_offer *offer);

/*
 * 0, or the VIQ_VTD_IQEI_* that this descriptor stops the queue with. wide: the queue has 256-bit descriptors;
 * scalable: the translation table mode is not legacy mode, so wide.
 */
unsigned int vtd_rule_judge(const struct vtd_rule rules[VTD_TYPES], const struct vtd_offer *offer, bool wide,
			    bool scalable, const uint64_t desc[4]);
/* Has it no bit that is reserved? qw2 and qw3 of a narrow one are 0. That is all there is to check of some types. */
static inline bool vtd_bits_legal(const struct vtd_rule *rule, const uint64_t desc[4])
{
	return !((desc[0] & rule->reserved[0]) | (desc[1] & rule->reserved[1]) | desc[2] | desc[3]);
}
/* As vtd_rule_judge(); nearly every descriptor is plainly legal. */
static inline unsigned int vtd_rule_check(const struct vtd_rule rules[VTD_TYPES], const struct vtd_offer *offer,
					  bool wide, bool scalable, const uint64_t desc[4])
{
	const struct vtd_rule *rule = &rules[desc[0] & VIQ_VTD_DESC_TYPE];

	if (vtd_bits_legal(rule, desc) && rule->scalable <= scalable &&
	    rule->granularities >> VIQ_GET(VIQ_VTD_DESC_G, desc[0]) & 1 &&
	    VIQ_GET(VIQ_VTD_DESC_1_AM, desc[1]) <= rule->max_am)
		return VIQ_VTD_IQEI_NONE;
	return vtd_rule_judge(rules, offer, wide, scalable, desc);
}

/* A range of addresses: bytes is a power of two and addr a multiple of it; bytes = 0: everything. */
struct vtd_span {
	uint64_t addr, bytes;
};

/* The addresses that an IOTLB or device-TLB descriptor of any type names by itself. false: no address counts in it. */
bool vtd_descriptor_span(const uint64_t desc[4], struct vtd_span *span);
/* What ADDR and S of a device-TLB descriptor name (the size coding of PCIe ATS). */
struct vtd_span vtd_devtlb_span(uint64_t addr, bool s);
/* What ADDR and AM of an IOTLB descriptor name. */
static inline struct vtd_span vtd_page_span(uint64_t addr, unsigned int am)
{
	uint64_t bytes;

	if (am >= 52)
		return (struct vtd_span){0, 0};
	bytes = UINT64_C(4096) << am;
	return (struct vtd_span){addr & ~(bytes - 1), bytes};
}

#endif
