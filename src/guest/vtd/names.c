/* SPDX-License-Identifier: MIT */
/* What src/spec says of descriptors and faults, for a configuration and for everybody. */
#include "spec/vtd/fault.h"
#include "spec/vtd/text.h"

#include "vtd.h"

static struct vtd_offer offer_of(const struct viq_vtd_config *config)
{
	return config ? vtd_offer(config->cap, config->ecap) : vtd_offer_all();
}

unsigned int viq_vtd_descriptor_check(const uint64_t desc[4], unsigned int width, const struct viq_vtd_config *config)
{
	struct vtd_offer offer = offer_of(config);
	struct vtd_rule rules[VTD_TYPES];

	if (!desc || (width != 128 && width != 256))
		return VIQ_VTD_IQEI_TYPE;
	for (uint8_t type = 0; type < VTD_TYPES; type++)
		vtd_rule_init(&rules[type], type, &offer);
	return vtd_rule_check(rules, &offer, width == 256, width == 256, desc);
}

int viq_vtd_descriptor_text(const uint64_t desc[4], const struct viq_vtd_config *config, char *buf, size_t len)
{
	struct vtd_offer offer = offer_of(config);

	return desc ? vtd_descriptor_text(desc, &offer, buf, len) : 0;
}

const char *viq_vtd_descriptor_name(const uint64_t desc[4])
{
	const struct vtd_descriptor *row = desc ? vtd_descriptor_find(desc) : NULL;

	return row ? row->name : NULL;
}

const char *viq_vtd_iqei_name(unsigned int iqei)
{
	return vtd_iqei_name(iqei);
}

const char *viq_vtd_fault_name(unsigned int reason)
{
	const struct vtd_fault *fault = vtd_fault_find(reason);

	return fault ? fault->name : NULL;
}
