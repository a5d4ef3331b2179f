/* SPDX-License-Identifier: MIT */
/* The table of invalidation descriptors (VT-d 6.5.2) and what follows from it for a given offer. */
#include <stddef.h>

#include "descriptor.h"

#define FIELD(id, text, w, m, feat, fmt)                                                                               \
	static const struct vtd_field field_##id = {.name = text, .mask = m, .word = w, .feature = feat, .format = fmt}

/* clang-format off */
FIELD(g,         "G",           0, VIQ_VTD_DESC_G,        FEATURE_ALWAYS, FORMAT_HEX);
FIELD(did,       "DID",         0, VIQ_VTD_DESC_DID,      FEATURE_ALWAYS, FORMAT_HEX);
FIELD(pasid,     "PASID",       0, VIQ_VTD_DESC_PASID,    FEATURE_ALWAYS, FORMAT_HEX);
FIELD(addr,      "ADDR",        1, VIQ_VTD_DESC_1_ADDR,   FEATURE_ALWAYS, FORMAT_ADDRESS);
FIELD(am,        "AM",          1, VIQ_VTD_DESC_1_AM,     FEATURE_ALWAYS, FORMAT_HEX);
FIELD(ih,        "IH",          1, VIQ_VTD_DESC_1_IH,     FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(dw,        "DW",          0, VIQ_VTD_DESC_DW,       FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(dr,        "DR",          0, VIQ_VTD_DESC_DR,       FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(cc_sid,    "SID",         0, VIQ_VTD_CC_SID,        FEATURE_ALWAYS, FORMAT_HEX);
FIELD(cc_fm,     "FM",          0, VIQ_VTD_CC_FM,         FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(dev_mip,   "MIP",         0, VIQ_VTD_DEVTLB_MIP,    FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(dev_sid,   "SID",         0, VIQ_VTD_DEVTLB_SID,    FEATURE_ALWAYS, FORMAT_HEX);
FIELD(dev_s,     "S",           1, VIQ_VTD_DEVTLB_1_S,    FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(pfsid_lo,  "PFSID[3:0]",  0, VIQ_VTD_DESC_PFSID_LO, FEATURE_DIT,    FORMAT_FLAG);
FIELD(pfsid_hi,  "PFSID[15:4]", 0, VIQ_VTD_DESC_PFSID_HI, FEATURE_DIT,    FORMAT_FLAG);
FIELD(pdev_mip,  "MIP",         0, VIQ_VTD_PDEVTLB_MIP,   FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(pdev_sid,  "SID",         0, VIQ_VTD_PDEVTLB_SID,   FEATURE_ALWAYS, FORMAT_HEX);
FIELD(pdev_g,    "G",           1, VIQ_VTD_PDEVTLB_1_G,   FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(pdev_s,    "S",           1, VIQ_VTD_PDEVTLB_1_S,   FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(iec_g,     "G",           0, VIQ_VTD_IEC_G,         FEATURE_ALWAYS, FORMAT_HEX);
FIELD(iec_im,    "IM",          0, VIQ_VTD_IEC_IM,        FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(iec_iidx,  "IIDX",        0, VIQ_VTD_IEC_IIDX,      FEATURE_ALWAYS, FORMAT_HEX);
FIELD(wait_if,   "IF",          0, VIQ_VTD_WAIT_IF,       FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(wait_sw,   "SW",          0, VIQ_VTD_WAIT_SW,       FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(wait_fn,   "FN",          0, VIQ_VTD_WAIT_FN,       FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(wait_pd,   "PD",          0, VIQ_VTD_WAIT_PD,       FEATURE_PDS,    FORMAT_FLAG);
FIELD(wait_data, "DATA",        0, VIQ_VTD_WAIT_DATA,     FEATURE_ALWAYS, FORMAT_HEX);
FIELD(wait_addr, "ADDR",        1, VIQ_VTD_WAIT_1_ADDR,   FEATURE_ALWAYS, FORMAT_ADDRESS);
FIELD(pgrp_pp,   "PP",          0, VIQ_VTD_PGRP_PP,       FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(pgrp_resp, "RESP",        0, VIQ_VTD_PGRP_RESP,     FEATURE_ALWAYS, FORMAT_HEX);
FIELD(pgrp_rid,  "RID",         0, VIQ_VTD_PGRP_RID,      FEATURE_ALWAYS, FORMAT_HEX);
FIELD(pgrp_lpig, "LPIG",        1, VIQ_VTD_PGRP_1_LPIG,   FEATURE_ALWAYS, FORMAT_FLAG);
FIELD(pgrp_prgi, "PRGI",        1, VIQ_VTD_PGRP_1_PRGI,   FEATURE_ALWAYS, FORMAT_HEX);
/* clang-format on */

static unsigned int granularity(const uint64_t desc[4])
{
	return VIQ_GET(VIQ_VTD_DESC_G, desc[0]);
}

/*
 * PASID-IOTLB: CAP.MAMV does not bound AM; Linux sends up to 51, and every value has a meaning.
 */
const char *vtd_limits_broken(enum vtd_limits limits, const uint64_t desc[4], const struct vtd_offer *offer)
{
	unsigned int g = granularity(desc);

	switch (limits) {
	case LIMITS_NONE:
		break;
	case LIMITS_CC:
		return g == 0 ? "G = 0 is reserved" : NULL;
	case LIMITS_IOTLB:
		if (g == 0)
			return "G = 0 is reserved";
		if (g == VIQ_VTD_IOTLB_PAGE && !(offer->features & FEATURE_BIT(FEATURE_PSI)))
			return "G = 3 without CAP.PSI";
		if (g == VIQ_VTD_IOTLB_PAGE && VIQ_GET(VIQ_VTD_DESC_1_AM, desc[1]) > offer->mamv)
			return "AM is above CAP.MAMV";
		break;
	case LIMITS_PIOTLB:
		return g < VIQ_VTD_PIOTLB_PASID ? "G = 0 and 1 are reserved" : NULL;
	case LIMITS_PC:
		return g == 2 ? "G = 2 is reserved" : NULL;
	}
	return NULL;
}

#define FIELDS_PAGE  &field_addr, &field_am, &field_ih
#define FIELDS_PFSID &field_pfsid_lo, &field_pfsid_hi

#define DESCRIPTOR(t, text, feat, who, sm, lim, ...)                                                                   \
	{                                                                                                              \
		.name = text, .type = VIQ_VTD_TYPE_##t, .feature = FEATURE_##feat, .handler = HANDLER_##who,           \
		.scalable = sm, .limits = LIMITS_##lim, .fields = {__VA_ARGS__},                                       \
	}

/* One row a type, in the order of numbers. */
static const struct vtd_descriptor descriptors[] = {
	DESCRIPTOR(CC, "context-cache", ALWAYS, CC, false, CC, &field_g, &field_did, &field_cc_sid, &field_cc_fm),
	DESCRIPTOR(IOTLB, "iotlb", ALWAYS, IOTLB, false, IOTLB, &field_g, &field_did, FIELDS_PAGE, &field_dw,
		   &field_dr),
	DESCRIPTOR(DEVTLB, "device-tlb", DT, DEVTLB, false, NONE, &field_dev_sid, &field_addr, &field_dev_s,
		   &field_dev_mip, FIELDS_PFSID),
	DESCRIPTOR(IEC, "interrupt-entry-cache", IR, IEC, false, NONE, &field_iec_g, &field_iec_iidx, &field_iec_im),
	DESCRIPTOR(WAIT, "wait", ALWAYS, WAIT, false, NONE, &field_wait_data, &field_wait_addr, &field_wait_if,
		   &field_wait_sw, &field_wait_fn, &field_wait_pd),
	DESCRIPTOR(PIOTLB, "pasid-iotlb", WIDE, PIOTLB, true, PIOTLB, &field_g, &field_did, &field_pasid, FIELDS_PAGE),
	DESCRIPTOR(PC, "pasid-cache", WIDE, PC, true, PC, &field_g, &field_did, &field_pasid),
	DESCRIPTOR(PDEVTLB, "pasid-device-tlb", WIDE_DT, PDEVTLB, true, NONE, &field_pdev_sid, &field_pasid,
		   &field_addr, &field_pdev_s, &field_pdev_g, &field_pdev_mip, FIELDS_PFSID),
	DESCRIPTOR(PGRP, "page-group-response", PRS, PGRP, true, NONE, &field_pgrp_rid, &field_pgrp_pp, &field_pasid,
		   &field_pgrp_prgi, &field_pgrp_resp, &field_pgrp_lpig),
};

const struct vtd_descriptor *vtd_descriptor_find(const uint64_t desc[4])
{
	if (desc[0] & VIQ_VTD_DESC_TYPE_HI)
		return NULL;
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
		if (descriptors[i].type == (desc[0] & VIQ_VTD_DESC_TYPE))
			return &descriptors[i];
	}
	return NULL;
}

struct vtd_offer vtd_offer_all(void)
{
	return (struct vtd_offer){.features = UINT32_MAX, .mamv = (uint32_t)VIQ_GET(VIQ_VTD_CAP_MAMV, UINT64_MAX)};
}

const struct vtd_feature_row vtd_feature_rows[VTD_FEATURE_ROWS] = {
	{FEATURE_DT, .ecap = VIQ_VTD_ECAP_DT},
	{FEATURE_IR, .ecap = VIQ_VTD_ECAP_IR},
	{FEATURE_PRS, .ecap = VIQ_VTD_ECAP_PRS},
	{FEATURE_PDS, .ecap = VIQ_VTD_ECAP_PDS},
	{FEATURE_DIT, .ecap = VIQ_VTD_ECAP_DIT},
	{FEATURE_WIDE, .ecap = VIQ_VTD_ECAP_SMTS},
	{FEATURE_WIDE, .ecap = VIQ_VTD_ECAP_ADMS},
	{FEATURE_WIDE_DT, .ecap = VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_DT},
	{FEATURE_WIDE_DT, .ecap = VIQ_VTD_ECAP_ADMS | VIQ_VTD_ECAP_DT},
	{FEATURE_PSI, .cap = VIQ_VTD_CAP_PSI},
};

struct vtd_offer vtd_offer(uint64_t cap, uint64_t ecap)
{
	uint32_t f = FEATURE_BIT(FEATURE_ALWAYS);

	for (unsigned int i = 0; i < VTD_FEATURE_ROWS; i++) {
		const struct vtd_feature_row *row = &vtd_feature_rows[i];

		if (!((row->cap & ~cap) | (row->ecap & ~ecap)))
			f |= FEATURE_BIT(row->feature);
	}
	return (struct vtd_offer){.features = f, .mamv = (uint32_t)VIQ_GET(VIQ_VTD_CAP_MAMV, cap)};
}

void vtd_rule_init(struct vtd_rule *rule, uint8_t type, const struct vtd_offer *offer)
{
	const uint64_t desc[4] = {type};
	const struct vtd_descriptor *row = vtd_descriptor_find(desc);
	uint64_t known[2] = {VIQ_VTD_DESC_TYPE, 0};

	*rule = (struct vtd_rule){.handler = HANDLER_INVALID, .reserved = {UINT64_MAX, UINT64_MAX}};
	if (!row || !(offer->features & FEATURE_BIT(row->feature)))
		return;
	for (const struct vtd_field *const *f = row->fields; *f; f++) {
		if (offer->features & FEATURE_BIT((*f)->feature))
			known[(*f)->word] |= (*f)->mask;
	}
	rule->reserved[0] = ~known[0];
	rule->reserved[1] = ~known[1];
	rule->limits = row->limits;
	rule->handler = row->handler;
	rule->scalable = row->scalable;
	for (uint64_t g = 0; g < 4; g++) {
		const uint64_t of_g[4] = {VIQ_PUT(VIQ_VTD_DESC_G, g)};

		if (!vtd_limits_broken(rule->limits, of_g, offer))
			rule->granularities |= (uint8_t)(1u << g);
	}
	rule->max_am = (uint8_t)(rule->limits == LIMITS_IOTLB ? offer->mamv : VIQ_GET(VIQ_VTD_DESC_1_AM, UINT64_MAX));
}

unsigned int vtd_rule_judge(const struct vtd_rule rules[VTD_TYPES], const struct vtd_offer *offer, bool wide,
			    bool scalable, const uint64_t desc[4])
{
	const struct vtd_rule *rule = &rules[desc[0] & VIQ_VTD_DESC_TYPE];

	if ((desc[0] & VIQ_VTD_DESC_TYPE_HI) || rule->handler == HANDLER_INVALID || (rule->scalable && !scalable))
		return VIQ_VTD_IQEI_TYPE;
	if ((desc[0] & rule->reserved[0]) || (desc[1] & rule->reserved[1]) || (wide && (desc[2] | desc[3])))
		return VIQ_VTD_IQEI_RESERVED;
	return vtd_limits_broken(rule->limits, desc, offer) ? VIQ_VTD_IQEI_RESERVED : VIQ_VTD_IQEI_NONE;
}

struct vtd_span vtd_devtlb_span(uint64_t addr, bool s)
{
	unsigned int order = 12;

	/* The lowest 0 from bit 12 up, if S is set, ends the run of ones that tells the size. */
	if (s) {
		for (order = 13; order < 64 && (addr >> (order - 1) & 1); order++)
			;
	}
	if (order == 64)
		return (struct vtd_span){0, 0};
	return (struct vtd_span){addr & ~((UINT64_C(1) << order) - 1), UINT64_C(1) << order};
}

bool vtd_descriptor_span(const uint64_t desc[4], struct vtd_span *span)
{
	uint64_t addr = desc[1] & VIQ_VTD_DESC_1_ADDR;

	switch (desc[0] & VIQ_VTD_DESC_TYPE) {
	case VIQ_VTD_TYPE_IOTLB:
	case VIQ_VTD_TYPE_PIOTLB:
		*span = vtd_page_span(addr, (unsigned int)VIQ_GET(VIQ_VTD_DESC_1_AM, desc[1]));
		return granularity(desc) == VIQ_VTD_IOTLB_PAGE;
	case VIQ_VTD_TYPE_DEVTLB:
		*span = vtd_devtlb_span(addr, desc[1] & VIQ_VTD_DEVTLB_1_S);
		return true;
	case VIQ_VTD_TYPE_PDEVTLB:
		*span = vtd_devtlb_span(addr, desc[1] & VIQ_VTD_PDEVTLB_1_S);
		return true;
	default:
		return false;
	}
}

_Static_assert(VIQ_VTD_IOTLB_PAGE == VIQ_VTD_PIOTLB_PAGE, "one granularity for both");
