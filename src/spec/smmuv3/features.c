/* SPDX-License-Identifier: MIT */
#include "features.h"

unsigned int smmuv3_size_bits(unsigned int code)
{
	static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 52, 52};

	return bits[code & 7];
}

#define STALL_NONE 1 /* of IDR0.STALL_MODEL: stalling is not supported */

const struct smmuv3_feature_row smmuv3_feature_rows[SMMUV3_FEATURE_ROWS] = {
	{FEATURE_S1P, ID_IDR0, VIQ_SMMUV3_IDR0_S1P, 0},
	{FEATURE_S2P, ID_IDR0, VIQ_SMMUV3_IDR0_S2P, 0},
	{FEATURE_HYP, ID_IDR0, VIQ_SMMUV3_IDR0_HYP, 0},
	{FEATURE_ATS, ID_IDR0, VIQ_SMMUV3_IDR0_ATS, 0},
	{FEATURE_PRI, ID_IDR0, VIQ_SMMUV3_IDR0_PRI, 0},
	{FEATURE_ASID16, ID_IDR0, VIQ_SMMUV3_IDR0_ASID16, 0},
	{FEATURE_STALL, ID_IDR0, VIQ_SMMUV3_IDR0_STALL_MODEL, VIQ_PUT(VIQ_SMMUV3_IDR0_STALL_MODEL, STALL_NONE)},
	{FEATURE_MPAM, ID_IDR3, VIQ_SMMUV3_IDR3_MPAM, 0},
	{FEATURE_DPT, ID_IDR3, VIQ_SMMUV3_IDR3_DPT, 0},
	{FEATURE_RIL, ID_IDR3, VIQ_SMMUV3_IDR3_RIL, 0},
	{FEATURE_DS, ID_IDR5, VIQ_SMMUV3_IDR5_DS, 0},
	{FEATURE_SSID, ID_IDR1, VIQ_SMMUV3_IDR1_SSIDSIZE, 0},
	{FEATURE_STRIDE, ID_AIDR, VIQ_BITS(7, 0), 0},
};

static uint32_t feature_bits(const uint32_t regs[ID_REGISTERS])
{
	uint32_t bits = FEATURE_BIT(FEATURE_ALWAYS);

	for (unsigned int i = 0; i < SMMUV3_FEATURE_ROWS; i++) {
		const struct smmuv3_feature_row *row = &smmuv3_feature_rows[i];

		if ((regs[row->reg] & row->mask) != row->absent)
			bits |= FEATURE_BIT(row->feature);
	}
	return bits;
}

void smmuv3_features_init(struct smmuv3_features *f, uint32_t idr0, uint32_t idr1, uint32_t idr3, uint32_t idr5,
			  uint32_t aidr)
{
	const uint32_t regs[ID_REGISTERS] = {idr0, idr1, idr3, idr5, aidr};

	*f = (struct smmuv3_features){
		.idr0 = idr0,
		.idr1 = idr1,
		.idr3 = idr3,
		.idr5 = idr5,
		.bits = feature_bits(regs),
		.oas = (uint8_t)smmuv3_size_bits((unsigned int)VIQ_GET(VIQ_SMMUV3_IDR5_OAS, idr5)),
		.sid_bits = (uint8_t)VIQ_GET(VIQ_SMMUV3_IDR1_SIDSIZE, idr1),
		.ssid_bits = (uint8_t)VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, idr1),
	};
}
