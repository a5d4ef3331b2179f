/* SPDX-License-Identifier: MIT */
/*
 * What a command names: streams and substreams (IHI 0070 4.3), tags and addresses (4.4, 4.5). Each function is for the
 * kinds of command that have the field; legality is for others to judge.
 */
#ifndef VIQ_SPEC_SMMUV3_SCOPE_H
#define VIQ_SPEC_SMMUV3_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/smmuv3_spec.h>

static inline uint8_t smmuv3_cmd_op(const uint64_t cmd[2])
{
	return (uint8_t)VIQ_GET(VIQ_SMMUV3_CMD_OP, cmd[0]);
}

/* --- Streams and substreams --------------------------------------------------------------------------------------- */

static inline uint32_t smmuv3_cmd_sid(const uint64_t cmd[2])
{
	return (uint32_t)VIQ_GET(VIQ_SMMUV3_CMD_SID, cmd[0]);
}

/* CFGI_CD; with SSV = 1 ATC_INV and PREFETCH_*. */
static inline uint32_t smmuv3_cmd_ssid(const uint64_t cmd[2])
{
	return (uint32_t)VIQ_GET(VIQ_SMMUV3_CMD_SSID, cmd[0]);
}

static inline bool smmuv3_cmd_ssv(const uint64_t cmd[2])
{
	return cmd[0] & VIQ_SMMUV3_CMD_SSV;
}

struct smmuv3_streams {
	uint32_t first, last;
};

/* CFGI_STE, CFGI_STE_RANGE, CFGI_ALL (4.3.1 to 4.3.3). */
static inline struct smmuv3_streams smmuv3_cfgi_streams(const uint64_t cmd[2])
{
	uint32_t sid = smmuv3_cmd_sid(cmd), low = 0;

	/* 2^(Range + 1) streams; 64-bit because Range = 31 means 2^32. */
	if (smmuv3_cmd_op(cmd) == VIQ_SMMUV3_OP_CFGI_STE_RANGE)
		low = (uint32_t)((UINT64_C(2) << VIQ_GET(VIQ_SMMUV3_CFGI_1_RANGE, cmd[1])) - 1);
	return (struct smmuv3_streams){sid & ~low, sid | low};
}

static inline bool smmuv3_is_cfgi_all(const uint64_t cmd[2])
{
	return smmuv3_cmd_op(cmd) == VIQ_SMMUV3_OP_CFGI_STE_RANGE &&
	       VIQ_GET(VIQ_SMMUV3_CFGI_1_RANGE, cmd[1]) == VIQ_SMMUV3_CFGI_RANGE_ALL;
}

/* --- Tags and addresses ------------------------------------------------------------------------------------------- */

static inline uint16_t smmuv3_tlbi_asid(const uint64_t cmd[2])
{
	return (uint16_t)VIQ_GET(VIQ_SMMUV3_TLBI_ASID, cmd[0]);
}

static inline uint16_t smmuv3_tlbi_vmid(const uint64_t cmd[2])
{
	return (uint16_t)VIQ_GET(VIQ_SMMUV3_TLBI_VMID, cmd[0]);
}

/* Bytes from first on: bytes of them, 0: all 2^64 (first is 0 then). */
struct smmuv3_span {
	uint64_t first, bytes;
};

static inline uint64_t smmuv3_span_last(struct smmuv3_span span)
{
	return span.bytes - 1 > UINT64_MAX - span.first ? UINT64_MAX : span.first + (span.bytes - 1);
}

/* The form that TG, NUM, SCALE and TTL of an address TLBI have together (4.4.1.1). */
enum smmuv3_range_form {
	SMMUV3_RANGE_NONE,     /* TG, and all of them, are 0: one address */
	SMMUV3_RANGE,          /* a range of granules */
	SMMUV3_RANGE_LEVEL_DS, /* one granule of 16K at level 1: without IDR5.DS as the next */
	SMMUV3_RANGE_RESERVED, /* TG alone */
	SMMUV3_RANGE_NO_TG,    /* RES0 fields are set */
};

static inline enum smmuv3_range_form smmuv3_tlbi_form(const uint64_t cmd[2])
{
	uint64_t tg = VIQ_GET(VIQ_SMMUV3_TLBI_1_TG, cmd[1]), ttl = VIQ_GET(VIQ_SMMUV3_TLBI_1_TTL, cmd[1]);
	bool range = cmd[0] & (VIQ_SMMUV3_TLBI_NUM | VIQ_SMMUV3_TLBI_SCALE);

	if (!tg)
		return range || ttl ? SMMUV3_RANGE_NO_TG : SMMUV3_RANGE_NONE;
	if (range)
		return SMMUV3_RANGE;
	if (!ttl)
		return SMMUV3_RANGE_RESERVED;
	return tg == 2 && ttl == 1 ? SMMUV3_RANGE_LEVEL_DS : SMMUV3_RANGE;
}

/* Word 1 of an address TLBI with the TTL that it acts as: 16K tables have no leaves at level 1 without IDR5.DS. */
static inline uint64_t smmuv3_tlbi_word1(const uint64_t cmd[2], bool ds)
{
	const uint64_t tg_ttl = VIQ_SMMUV3_TLBI_1_TG | VIQ_SMMUV3_TLBI_1_TTL;
	const uint64_t reserved = VIQ_PUT(VIQ_SMMUV3_TLBI_1_TG, 2) | VIQ_PUT(VIQ_SMMUV3_TLBI_1_TTL, 1);

	return !ds && (cmd[1] & tg_ttl) == reserved ? cmd[1] & ~VIQ_SMMUV3_TLBI_1_TTL : cmd[1];
}

/* What an address TLBI names. */
struct smmuv3_tlbi {
	struct smmuv3_span
		span;    /* not aligned to its size; without a range one byte, for the leaf that translates it */
	uint8_t granule; /* log2 of the pages of the tables concerned; 0: any tables, no range */
	uint8_t level;   /* of the leaves concerned, 1 to 3; 0: any */
	bool leaf;       /* leaves alone, no table descriptors */
};

/* ds: IDR5.DS */
static inline struct smmuv3_tlbi smmuv3_tlbi_decode(const uint64_t cmd[2], bool ds)
{
	unsigned int tg = (unsigned int)VIQ_GET(VIQ_SMMUV3_TLBI_1_TG, cmd[1]), granule = 10 + 2 * tg;
	unsigned int scale = (unsigned int)VIQ_GET(VIQ_SMMUV3_TLBI_SCALE, cmd[0]);
	struct smmuv3_tlbi tlbi = {
		.span = {cmd[1] & VIQ_SMMUV3_TLBI_1_VA, 1},
		.leaf = cmd[1] & VIQ_SMMUV3_CMD_1_LEAF,
	};

	if (!tg)
		return tlbi;
	/* Larger values act as 39, so that 2^60 bytes are the most. */
	scale = scale > 39 ? 39 : scale;
	tlbi.span.bytes = (VIQ_GET(VIQ_SMMUV3_TLBI_NUM, cmd[0]) + 1) << scale << granule;
	tlbi.granule = (uint8_t)granule;
	tlbi.level = (uint8_t)VIQ_GET(VIQ_SMMUV3_TLBI_1_TTL, smmuv3_tlbi_word1(cmd, ds));
	return tlbi;
}

/* ATC_INV (4.5.1): aligned to its size. */
static inline struct smmuv3_span smmuv3_atc_span(const uint64_t cmd[2])
{
	uint64_t size = VIQ_GET(VIQ_SMMUV3_ATC_1_SIZE, cmd[1]), bytes;

	if (size >= VIQ_SMMUV3_ATC_SIZE_ALL)
		return (struct smmuv3_span){0, 0};
	bytes = UINT64_C(4096) << size;
	return (struct smmuv3_span){cmd[1] & VIQ_SMMUV3_ATC_1_ADDR & ~(bytes - 1), bytes};
}

/* ATC_INV: one SubstreamID's entries? SSV = 0 and the global flag both reach those of all. */
static inline bool smmuv3_atc_one_ssid(const uint64_t cmd[2])
{
	return (cmd[0] & (VIQ_SMMUV3_CMD_SSV | VIQ_SMMUV3_ATC_G)) == VIQ_SMMUV3_CMD_SSV;
}

#endif
