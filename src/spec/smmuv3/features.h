/* SPDX-License-Identifier: MIT */
/* What the ID registers of an SMMU say (IHI 0070 6.3.1 to 6.3.8), decoded once. */
#ifndef VIQ_SPEC_SMMUV3_FEATURES_H
#define VIQ_SPEC_SMMUV3_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/smmuv3_spec.h>

/* What the existence of commands and of their fields depends on; a bit each. */
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
#define FEATURE_BIT(f) (UINT32_C(1) << (f))
/* Where no ID registers are known. */
#define FEATURES_ALL (~FEATURE_BIT(FEATURE_NEVER))

enum smmuv3_id_register {
	ID_IDR0,
	ID_IDR1,
	ID_IDR3,
	ID_IDR5,
	ID_AIDR,
	ID_REGISTERS,
};

/* An SMMU has a feature if the bits of mask in this register are not as in absent. */
struct smmuv3_feature_row {
	uint8_t feature; /* enum smmuv3_feature */
	uint8_t reg;     /* enum smmuv3_id_register */
	uint32_t mask, absent;
};

#define SMMUV3_FEATURE_ROWS 13
extern const struct smmuv3_feature_row smmuv3_feature_rows[SMMUV3_FEATURE_ROWS];

struct smmuv3_features {
	uint32_t idr0, idr1, idr3, idr5;
	uint32_t bits;     /* FEATURE_BIT() */
	uint8_t oas;       /* output address bits, 32 to 52 */
	uint8_t sid_bits;  /* StreamID */
	uint8_t ssid_bits; /* SubstreamID; 0: none */
};

void smmuv3_features_init(struct smmuv3_features *f, uint32_t idr0, uint32_t idr1, uint32_t idr3, uint32_t idr5,
			  uint32_t aidr);

/* granule: log2 */
static inline bool smmuv3_has_granule(const struct smmuv3_features *f, unsigned int granule)
{
	return (granule == 12 && f->idr5 & VIQ_SMMUV3_IDR5_GRAN4K) ||
	       (granule == 14 && f->idr5 & VIQ_SMMUV3_IDR5_GRAN16K) ||
	       (granule == 16 && f->idr5 & VIQ_SMMUV3_IDR5_GRAN64K);
}

/* Address bits as IDR5.OAS, CD.IPS and STE.S2PS code them. 7 (56 bits, 128-bit descriptors only) acts as 6 (52). */
unsigned int smmuv3_size_bits(unsigned int code);

#endif
