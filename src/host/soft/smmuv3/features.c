/* SPDX-License-Identifier: MIT */
/* What the ID registers allow (IHI 0070 6.3.1 to 6.3.6), decoded once. */
#include "walk_table.h"

unsigned int soft_size_bits(unsigned int code)
{
	static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 52, 52};

	return bits[code & 7];
}

void soft_features_init(struct soft_features *f, uint32_t idr0, uint32_t idr1, uint32_t idr3, uint32_t idr5)
{
	*f = (struct soft_features){
		.idr0 = idr0,
		.idr1 = idr1,
		.idr3 = idr3,
		.idr5 = idr5,
		.oas = soft_size_bits(VIQ_GET(VIQ_SMMUV3_IDR5_OAS, idr5)),
		.ssid_bits = VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, idr1),
	};
}
