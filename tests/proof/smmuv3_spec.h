/* SPDX-License-Identifier: MIT */
/*
 * Which commands of the Non-secure command queue are legal, and which of their bits mean something: said anew from IHI
 * 0070 4.3 to 4.7, with bits numbered from 0 to 127 as its figures have them. It shares no table, mask or function with
 * src/.
 *
 * What the architecture leaves open is as docs/smmuv3.md has it: RES0 bits are refused (4.1.5), but ignored where they
 * are a SubstreamID without SSIDSIZE, a VMID without S2P or ASID[15:8] without ASID16. Three fields are taken whole
 * although the SMMU has less: VMID[15:8] without VMID16 (4.4 asks nothing of such a command then), address bits [51:48]
 * of v3.0, which no OAS there reaches (4.1.6), and the MSI of a CMD_SYNC without IDR0.MSI, which the front end ignores
 * (4.7.3).
 */
#ifndef VIQ_PROOF_SMMUV3_SPEC_H
#define VIQ_PROOF_SMMUV3_SPEC_H

#include "proof.h"

/* ID registers (6.3.1 to 6.3.8). */
struct ids {
	uint32_t idr0, idr1, idr3, idr5, aidr;
};

/* Bits high to low of both words of a command, and of nothing else. */
struct bits {
	uint64_t word[2];
};

static inline struct bits bits(unsigned int high, unsigned int low)
{
	uint64_t mask = ~UINT64_C(0) >> (63 - (high - low)) << low % 64;

	return low < 64 ? (struct bits){{mask, 0}} : (struct bits){{0, mask}};
}

static inline uint64_t field(const uint64_t cmd[2], unsigned int high, unsigned int low)
{
	return cmd[low / 64] >> low % 64 & ~UINT64_C(0) >> (63 - (high - low));
}

static inline bool id_bit(uint32_t reg, unsigned int n)
{
	return reg >> n & 1;
}

/* A command's bits: those that mean something, and those that are ignored. All others are RES0. */
struct shape {
	bool exists;
	struct bits used, ignored;
};

static inline void has(struct shape *s, struct bits b)
{
	s->used.word[0] |= b.word[0];
	s->used.word[1] |= b.word[1];
}

/* Without the feature the bits are ignored. */
static inline void has_with(struct shape *s, bool feature, struct bits b)
{
	if (feature) {
		has(s, b);
	} else {
		s->ignored.word[0] |= b.word[0];
		s->ignored.word[1] |= b.word[1];
	}
}

/* Without the feature the bits are RES0. */
static inline void has_if(struct shape *s, bool feature, struct bits b)
{
	if (feature)
		has(s, b);
}

static inline void has_substream(struct shape *s, const struct ids *id)
{
	bool substreams = id->idr1 >> 6 & 0x1f;

	has_with(s, substreams, bits(11, 11)); /* SSV */
	has_with(s, substreams, bits(31, 12)); /* SubstreamID */
}

/* ASID[15:8] is ignored by an SMMU of 8-bit ASIDs. */
static inline void has_asid(struct shape *s, const struct ids *id)
{
	has(s, bits(55, 48));
	has_with(s, id_bit(id->idr0, 12), bits(63, 56));
}

static inline void has_vmid(struct shape *s, const struct ids *id)
{
	has_with(s, id_bit(id->idr0, 0), bits(47, 32));
}

/* TLBI by address: TTL128 needs 128-bit descriptors, of which the Non-secure interface here has none. */
static inline void has_range(struct shape *s, const struct ids *id, struct bits address)
{
	bool ril = id_bit(id->idr3, 10);

	has(s, address);
	has(s, bits(64, 64));                         /* Leaf */
	has_if(s, ril, bits(16, 12));                 /* NUM */
	has_if(s, ril, bits(24, 20));                 /* SCALE */
	has_if(s, id_bit(id->idr5, 7), bits(25, 25)); /* SCALE[5], with IDR5.DS */
	has_if(s, ril, bits(73, 72));                 /* TTL */
	has_if(s, ril, bits(75, 74));                 /* TG */
}

static inline struct shape shape_of(uint8_t op, const struct ids *id)
{
	const bool s1p = id_bit(id->idr0, 1), s2p = id_bit(id->idr0, 0), hyp = id_bit(id->idr0, 9);
	struct shape s = {.exists = true, .used = bits(7, 0)};

	switch (op) {
	case 0x01: /* PREFETCH_CONFIG */
		has(&s, bits(63, 32));
		has_substream(&s, id);
		break;
	case 0x02: /* PREFETCH_ADDR */
		has(&s, bits(63, 32));
		has_substream(&s, id);
		has(&s, bits(68, 64));                     /* Size */
		has_if(&s, id->aidr & 0xff, bits(73, 69)); /* Stride: SMMUv3.1 */
		has(&s, bits(127, 76));
		break;
	case 0x03: /* CFGI_STE */
		has(&s, bits(63, 32));
		has(&s, bits(64, 64));
		break;
	case 0x04: /* CFGI_STE_RANGE, CFGI_ALL */
		has(&s, bits(63, 32));
		has(&s, bits(68, 64));
		break;
	case 0x05: /* CFGI_CD */
		s.exists = s1p;
		has(&s, bits(63, 32));
		has_with(&s, id->idr1 >> 6 & 0x1f, bits(31, 12));
		has(&s, bits(64, 64));
		break;
	case 0x06: /* CFGI_CD_ALL */
		s.exists = s1p;
		has(&s, bits(63, 32));
		break;
	case 0x07: /* CFGI_VMS_PIDM */
		s.exists = id_bit(id->idr3, 7);
		has_vmid(&s, id);
		break;
	case 0x10: /* TLBI_NH_ALL */
		s.exists = s1p;
		has_vmid(&s, id);
		break;
	case 0x11: /* TLBI_NH_ASID */
		s.exists = s1p;
		has_vmid(&s, id);
		has_asid(&s, id);
		break;
	case 0x12: /* TLBI_NH_VA */
		s.exists = s1p;
		has_vmid(&s, id);
		has_asid(&s, id);
		has_range(&s, id, bits(127, 76));
		break;
	case 0x13: /* TLBI_NH_VAA */
		s.exists = s1p;
		has_vmid(&s, id);
		has_range(&s, id, bits(127, 76));
		break;
	case 0x20: /* TLBI_EL2_ALL */
		s.exists = hyp;
		break;
	case 0x21: /* TLBI_EL2_ASID */
		s.exists = hyp;
		has_asid(&s, id);
		break;
	case 0x22: /* TLBI_EL2_VA */
		s.exists = hyp;
		has_asid(&s, id);
		has_range(&s, id, bits(127, 76));
		break;
	case 0x23: /* TLBI_EL2_VAA */
		s.exists = hyp;
		has_range(&s, id, bits(127, 76));
		break;
	case 0x28: /* TLBI_S12_VMALL */
		s.exists = s2p;
		has_vmid(&s, id);
		break;
	case 0x2a: /* TLBI_S2_IPA */
		s.exists = s2p;
		has_vmid(&s, id);
		has_range(&s, id, bits(115, 76));
		break;
	case 0x30: /* TLBI_NSNH_ALL */
		break;
	case 0x40: /* ATC_INV */
		s.exists = id_bit(id->idr0, 10);
		has(&s, bits(63, 32));
		has_substream(&s, id);
		has_with(&s, id->idr1 >> 6 & 0x1f, bits(9, 9)); /* G */
		has(&s, bits(69, 64));                          /* Size */
		has(&s, bits(127, 76));
		break;
	case 0x41: /* PRI_RESP */
		s.exists = id_bit(id->idr0, 16);
		has(&s, bits(63, 32));
		has_substream(&s, id);
		has(&s, bits(72, 64)); /* PRGIndex */
		has(&s, bits(77, 76)); /* Resp */
		break;
	case 0x44: /* RESUME */
		s.exists = (id->idr0 >> 24 & 3) != 1;
		has(&s, bits(63, 32));
		has(&s, bits(13, 12)); /* Ac, Ab */
		has(&s, bits(79, 64)); /* STAG */
		break;
	case 0x45: /* STALL_TERM */
		s.exists = (id->idr0 >> 24 & 3) != 1;
		has(&s, bits(63, 32));
		break;
	case 0x46:                      /* SYNC */
		has(&s, bits(13, 12));  /* CS */
		has(&s, bits(27, 22));  /* MSIAttr, MSH */
		has(&s, bits(63, 32));  /* MSIData */
		has(&s, bits(115, 66)); /* MSIAddress */
		break;
	default:
		s.exists = false;
	}
	return s;
}

/* The values of TG, NUM, SCALE and TTL that are no reserved combination (4.4.1.1). */
static inline bool range_legal(const uint64_t cmd[2], const struct ids *id)
{
	bool range = field(cmd, 16, 12) || field(cmd, 25, 20);
	uint64_t ttl = field(cmd, 73, 72), tg = field(cmd, 75, 74);

	if (tg == 0)
		return !range && !ttl;
	/* Blocks of 16K tables at level 1 need IDR5.DS: without it the hint is none. */
	if (tg == 2 && ttl == 1 && !id_bit(id->idr5, 7))
		ttl = 0;
	return range || ttl;
}

static inline bool values_legal(const uint64_t cmd[2], uint8_t op, const struct ids *id)
{
	switch (op) {
	case 0x12:
	case 0x13:
	case 0x22:
	case 0x23:
	case 0x2a:
		return range_legal(cmd, id);
	case 0x40: /* more than 2^52 pages */
		return field(cmd, 69, 64) <= 52;
	case 0x41:
		return field(cmd, 77, 76) != 3;
	case 0x46:
		return field(cmd, 13, 12) != 3;
	}
	return true;
}

static inline bool spec_legal(const uint64_t cmd[2], uint8_t op, const struct ids *id, const struct shape *s)
{
	return s->exists && !(cmd[0] & ~(s->used.word[0] | s->ignored.word[0])) &&
	       !(cmd[1] & ~(s->used.word[1] | s->ignored.word[1])) && values_legal(cmd, op, id);
}

#endif
