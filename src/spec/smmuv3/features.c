/* SPDX-License-Identifier: MIT */
#include "features.h"

unsigned int smmuv3_size_bits(unsigned int code)
{
	static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 52, 52};

	return bits[code & 7];
}

static uint32_t feature_bits(uint32_t idr0, uint32_t idr1, uint32_t idr3, uint32_t idr5, uint32_t aidr)
{
	uint32_t bits = FEATURE_BIT(FEATURE_ALWAYS);

	bits |= idr0 & VIQ_SMMUV3_IDR0_S1P ? FEATURE_BIT(FEATURE_S1P) : 0;
	bits |= idr0 & VIQ_SMMUV3_IDR0_S2P ? FEATURE_BIT(FEATURE_S2P) : 0;
	bits |= idr0 & VIQ_SMMUV3_IDR0_HYP ? FEATURE_BIT(FEATURE_HYP) : 0;
	bits |= idr0 & VIQ_SMMUV3_IDR0_ATS ? FEATURE_BIT(FEATURE_ATS) : 0;
	bits |= idr0 & VIQ_SMMUV3_IDR0_PRI ? FEATURE_BIT(FEATURE_PRI) : 0;
	bits |= idr0 & VIQ_SMMUV3_IDR0_ASID16 ? FEATURE_BIT(FEATURE_ASID16) : 0;
	bits |= VIQ_GET(VIQ_SMMUV3_IDR0_STALL_MODEL, idr0) != 1 ? FEATURE_BIT(FEATURE_STALL) : 0;
	bits |= idr3 & VIQ_SMMUV3_IDR3_MPAM ? FEATURE_BIT(FEATURE_MPAM) : 0;
	bits |= idr3 & VIQ_SMMUV3_IDR3_DPT ? FEATURE_BIT(FEATURE_DPT) : 0;
	bits |= idr3 & VIQ_SMMUV3_IDR3_RIL ? FEATURE_BIT(FEATURE_RIL) : 0;
	bits |= idr5 & VIQ_SMMUV3_IDR5_DS ? FEATURE_BIT(FEATURE_DS) : 0;
	bits |= idr1 & VIQ_SMMUV3_IDR1_SSIDSIZE ? FEATURE_BIT(FEATURE_SSID) : 0;
	bits |= aidr >= VIQ_SMMUV3_AIDR_V3_1 ? FEATURE_BIT(FEATURE_STRIDE) : 0;
	return bits;
}

void smmuv3_features_init(struct smmuv3_features *f, uint32_t idr0, uint32_t idr1, uint32_t idr3, uint32_t idr5,
			  uint32_t aidr)
{
	*f = (struct smmuv3_features){
		.idr0 = idr0,
		.idr1 = idr1,
		.idr3 = idr3,
		.idr5 = idr5,
		.bits = feature_bits(idr0, idr1, idr3, idr5, aidr),
		.oas = (uint8_t)smmuv3_size_bits((unsigned int)VIQ_GET(VIQ_SMMUV3_IDR5_OAS, idr5)),
		.sid_bits = (uint8_t)VIQ_GET(VIQ_SMMUV3_IDR1_SIDSIZE, idr1),
		.ssid_bits = (uint8_t)VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, idr1),
	};
}
