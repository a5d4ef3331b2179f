/* SPDX-License-Identifier: MIT */
/* Command encodings (IHI 0070 chapter 4). */
#include "spec/smmuv3/scope.h"

#include "synth.h"

static struct synth_cmd cmd(uint64_t op, uint64_t w0, uint64_t w1)
{
	return (struct synth_cmd){{VIQ_PUT(VIQ_SMMUV3_CMD_OP, op) | w0, w1}};
}

static uint64_t asid_field(unsigned int asid)
{
	return VIQ_PUT(VIQ_SMMUV3_TLBI_ASID, asid);
}

static uint64_t sid_field(uint32_t sid)
{
	return VIQ_PUT(VIQ_SMMUV3_CMD_SID, sid);
}

static uint64_t range_0(struct synth_range r)
{
	return VIQ_PUT(VIQ_SMMUV3_TLBI_NUM, r.num) | VIQ_PUT(VIQ_SMMUV3_TLBI_SCALE, r.scale);
}

static uint64_t address_1(uint64_t va, bool leaf, struct synth_range r)
{
	return (va & VIQ_SMMUV3_TLBI_1_VA) | VIQ_PUT(VIQ_SMMUV3_CMD_1_LEAF, leaf) |
	       VIQ_PUT(VIQ_SMMUV3_TLBI_1_TTL, r.ttl) | VIQ_PUT(VIQ_SMMUV3_TLBI_1_TG, r.tg);
}

struct synth_cmd synth_cmd_tlbi_nh_va_range(unsigned int asid, uint64_t va, bool leaf, struct synth_range range)
{
	return cmd(VIQ_SMMUV3_OP_TLBI_NH_VA, asid_field(asid) | range_0(range), address_1(va, leaf, range));
}

struct synth_cmd synth_cmd_tlbi_nh_vaa_range(uint64_t va, bool leaf, struct synth_range range)
{
	return cmd(VIQ_SMMUV3_OP_TLBI_NH_VAA, range_0(range), address_1(va, leaf, range));
}

struct synth_cmd synth_cmd_tlbi_nh_va(unsigned int asid, uint64_t va, bool leaf)
{
	return synth_cmd_tlbi_nh_va_range(asid, va, leaf, (struct synth_range){0});
}

struct synth_cmd synth_cmd_tlbi_nh_vaa(uint64_t va, bool leaf)
{
	return synth_cmd_tlbi_nh_vaa_range(va, leaf, (struct synth_range){0});
}

struct synth_cmd synth_cmd_tlbi_nh_asid(unsigned int asid)
{
	return cmd(VIQ_SMMUV3_OP_TLBI_NH_ASID, asid_field(asid), 0);
}

struct synth_cmd synth_cmd_tlbi_nh_all(void)
{
	return cmd(VIQ_SMMUV3_OP_TLBI_NH_ALL, 0, 0);
}

struct synth_cmd synth_cmd_tlbi_nsnh_all(void)
{
	return cmd(VIQ_SMMUV3_OP_TLBI_NSNH_ALL, 0, 0);
}

struct synth_cmd synth_cmd_cfgi_ste(uint32_t sid, bool leaf)
{
	return cmd(VIQ_SMMUV3_OP_CFGI_STE, sid_field(sid), VIQ_PUT(VIQ_SMMUV3_CMD_1_LEAF, leaf));
}

struct synth_cmd synth_cmd_cfgi_ste_range(uint32_t sid, unsigned int range)
{
	return cmd(VIQ_SMMUV3_OP_CFGI_STE_RANGE, sid_field(sid), VIQ_PUT(VIQ_SMMUV3_CFGI_1_RANGE, range));
}

struct synth_cmd synth_cmd_cfgi_all(void)
{
	return synth_cmd_cfgi_ste_range(0, VIQ_SMMUV3_CFGI_RANGE_ALL);
}

struct synth_cmd synth_cmd_cfgi_cd(uint32_t sid, uint32_t ssid, bool leaf)
{
	return cmd(VIQ_SMMUV3_OP_CFGI_CD, sid_field(sid) | VIQ_PUT(VIQ_SMMUV3_CMD_SSID, ssid),
		   VIQ_PUT(VIQ_SMMUV3_CMD_1_LEAF, leaf));
}

struct synth_cmd synth_cmd_cfgi_cd_all(uint32_t sid)
{
	return cmd(VIQ_SMMUV3_OP_CFGI_CD_ALL, sid_field(sid), 0);
}

struct synth_cmd synth_cmd_atc_inv(uint32_t sid, bool ssv, uint32_t ssid, bool global, uint64_t addr, unsigned int size)
{
	uint64_t w0 = sid_field(sid);

	if (ssv)
		w0 |= VIQ_SMMUV3_CMD_SSV | VIQ_PUT(VIQ_SMMUV3_CMD_SSID, ssid) | VIQ_PUT(VIQ_SMMUV3_ATC_G, global);
	return cmd(VIQ_SMMUV3_OP_ATC_INV, w0, (addr & VIQ_SMMUV3_ATC_1_ADDR) | VIQ_PUT(VIQ_SMMUV3_ATC_1_SIZE, size));
}

struct synth_cmd synth_cmd_prefetch_config(uint32_t sid)
{
	return cmd(VIQ_SMMUV3_OP_PREFETCH_CONFIG, sid_field(sid), 0);
}

struct synth_cmd synth_cmd_sync(unsigned int cs, uint64_t msi_addr, uint32_t msi_data)
{
	return cmd(VIQ_SMMUV3_OP_SYNC,
		   VIQ_PUT(VIQ_SMMUV3_SYNC_CS, cs) | VIQ_PUT(VIQ_SMMUV3_SYNC_MSH, 3) |
			   VIQ_PUT(VIQ_SMMUV3_SYNC_MSIATTR, 0xf) | VIQ_PUT(VIQ_SMMUV3_SYNC_MSIDATA, msi_data),
		   msi_addr & VIQ_SMMUV3_SYNC_1_MSIADDR);
}

struct synth_cmd synth_cmd_tlbi_next_range(unsigned int asid, uint64_t *va, uint64_t *pages, bool leaf,
					   unsigned int granule, unsigned int ttl)
{
	struct synth_range r = {.ttl = ttl, .tg = granule / 2 - 5};
	struct synth_cmd out;
	uint64_t bytes;

	/* NUM = SCALE = TTL = 0 is reserved: without a level hint a single page becomes two. */
	if (!ttl && *pages % 2)
		++*pages;
	r.scale = (unsigned int)__builtin_ctzll(*pages);
	r.num = (unsigned int)(*pages >> r.scale & 31) - 1;
	out = synth_cmd_tlbi_nh_va_range(asid, *va, leaf, r);
	bytes = smmuv3_tlbi_decode(out.w, false).span.bytes;
	*va += bytes;
	*pages -= bytes >> granule;
	return out;
}
