/* SPDX-License-Identifier: MIT */
/* The ID registers an embedder chooses: defaults, and what they may not say (IHI 0070 6.3.1 to 6.3.8). */
#include <errno.h>

#include "base/sized.h"
#include "base/why.h"
#include "call/host.h"

#include "smmuv3.h"

void viq_smmuv3_config_init(struct viq_smmuv3_config *config, size_t size)
{
	const struct viq_smmuv3_config defaults = {
		.idr0 = VIQ_SMMUV3_IDR0_S1P | VIQ_PUT(VIQ_SMMUV3_IDR0_TTF, VIQ_SMMUV3_IDR0_TTF_AARCH64) |
			VIQ_SMMUV3_IDR0_COHACC | VIQ_SMMUV3_IDR0_ASID16 | VIQ_SMMUV3_IDR0_MSI |
			VIQ_PUT(VIQ_SMMUV3_IDR0_TTENDIAN, 2) | VIQ_PUT(VIQ_SMMUV3_IDR0_STALL_MODEL, 1) |
			VIQ_SMMUV3_IDR0_TERM_MODEL | VIQ_PUT(VIQ_SMMUV3_IDR0_ST_LEVEL, 1),
		.idr1 = VIQ_PUT(VIQ_SMMUV3_IDR1_SIDSIZE, 16) | VIQ_PUT(VIQ_SMMUV3_IDR1_EVENTQS, 19) |
			VIQ_PUT(VIQ_SMMUV3_IDR1_CMDQS, 19),
		.idr3 = VIQ_SMMUV3_IDR3_HAD,
		.idr5 = VIQ_PUT(VIQ_SMMUV3_IDR5_OAS, 5) | VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K |
			VIQ_SMMUV3_IDR5_GRAN64K,
		.aidr = VIQ_SMMUV3_AIDR_V3_1,
		.gbpa = VIQ_PUT(VIQ_SMMUV3_GBPA_SHCFG, 1),
		.host = viq_call_null_host(),
	};

	if (config)
		sized_give(config, size, &defaults, sizeof(defaults));
}

/* Bits that must be 0 in a register, and why. */
struct forbidden {
	uint64_t mask;
	const char *why;
};

static const struct forbidden forbidden_idr0[] = {
	{VIQ_SMMUV3_IDR0_BTM, "IDR0.BTM: broadcast invalidation does not reach a nested host, must be 0"},
	{VIQ_SMMUV3_IDR0_HTTU, "IDR0.HTTU: hardware table update is not offered, must be 0"},
	{VIQ_SMMUV3_IDR0_DORMHINT, "IDR0.DORMHINT: not offered, must be 0"},
	{VIQ_SMMUV3_IDR0_HYP, "IDR0.HYP: EL2 contexts are not offered, must be 0"},
	{VIQ_SMMUV3_IDR0_SEV, "IDR0.SEV: wake-up events are not offered, must be 0"},
	{VIQ_SMMUV3_IDR0_ATOS, "IDR0.ATOS: address translation registers are not offered, must be 0"},
	{VIQ_SMMUV3_IDR0_VMW, "IDR0.VMW: VMID wildcards are not offered, must be 0"},
	{VIQ_SMMUV3_IDR0_VATOS, "IDR0.VATOS: not offered, must be 0"},
	{VIQ_SMMUV3_IDR0_ATSRECERR, "IDR0.ATSRECERR: not offered, must be 0"},
	{VIQ_BITS(31, 29), "IDR0[31:29]: reserved or Realm state, must be 0"},
	{0, NULL},
};

static const struct forbidden forbidden_idr1[] = {
	{VIQ_SMMUV3_IDR1_ATTR_PERMS_OVR, "IDR1.ATTR_PERMS_OVR: hosts take no PRIVCFG and INSTCFG, must be 0"},
	{VIQ_SMMUV3_IDR1_REL, "IDR1.REL: relative base addresses are not offered, must be 0"},
	{VIQ_SMMUV3_IDR1_QUEUES_PRESET, "IDR1.QUEUES_PRESET: not offered, must be 0"},
	{VIQ_SMMUV3_IDR1_TABLES_PRESET, "IDR1.TABLES_PRESET: not offered, must be 0"},
	{VIQ_SMMUV3_IDR1_ECMDQ, "IDR1.ECMDQ: further command queues are not offered, must be 0"},
	{0, NULL},
};

static const struct forbidden forbidden_idr3[] = {
	{VIQ_BITS(1, 0) | VIQ_BIT(6), "IDR3[1:0] and [6]: reserved, must be 0"},
	{VIQ_SMMUV3_IDR3_PBHA, "IDR3.PBHA: not offered, must be 0"},
	{VIQ_SMMUV3_IDR3_MPAM, "IDR3.MPAM: not offered, must be 0"},
	{VIQ_SMMUV3_IDR3_STT, "IDR3.STT: small translation tables are not offered, must be 0"},
	{VIQ_BITS(31, 15), "IDR3[31:15]: no feature of these bits is offered, must be 0"},
	{0, NULL},
};

static const struct forbidden forbidden_idr5[] = {
	{VIQ_BIT(3) | VIQ_BIT(9) | VIQ_BITS(15, 12), "IDR5[3], [9] and [15:12]: reserved, must be 0"},
	{VIQ_SMMUV3_IDR5_D128, "IDR5.D128: 128-bit descriptors are not offered, must be 0"},
	{VIQ_SMMUV3_IDR5_STALL_MAX, "IDR5.STALL_MAX: IDR0.STALL_MODEL = 1 has no stalls, must be 0"},
	{0, NULL},
};

/* Without stage 2. */
static const struct forbidden forbidden_idr0_s1[] = {
	{VIQ_SMMUV3_IDR0_VMID16, "IDR0.VMID16: needs stage 2, must be 0"},
	{0, NULL},
};

static const struct forbidden forbidden_idr3_s1[] = {
	{VIQ_SMMUV3_IDR3_XNX, "IDR3.XNX: needs stage 2, must be 0"},
	{VIQ_SMMUV3_IDR3_FWB, "IDR3.FWB: needs stage 2, must be 0"},
	{VIQ_SMMUV3_IDR3_PTWNNC, "IDR3.PTWNNC: needs stage 2, must be 0"},
	{0, NULL},
};

static const char *check_forbidden(uint32_t value, const struct forbidden *f)
{
	for (; f->why; f++) {
		if (value & f->mask)
			return f->why;
	}
	return NULL;
}

static const char *check_idr0(const struct viq_smmuv3_config *c)
{
	if (!(c->idr0 & (VIQ_SMMUV3_IDR0_S1P | VIQ_SMMUV3_IDR0_S2P)))
		return "IDR0.S1P, S2P: one stage at least must be offered";
	if (VIQ_GET(VIQ_SMMUV3_IDR0_TTF, c->idr0) != VIQ_SMMUV3_IDR0_TTF_AARCH64)
		return "IDR0.TTF: only AArch64 tables are offered, must be 2";
	if (VIQ_GET(VIQ_SMMUV3_IDR0_STALL_MODEL, c->idr0) != 1)
		return "IDR0.STALL_MODEL: stalls are not offered, must be 1";
	if (c->idr0 & VIQ_PUT(VIQ_SMMUV3_IDR0_TTENDIAN, 1))
		return "IDR0.TTENDIAN: must be 0 (mixed) or 2 (little endian)";
	if (VIQ_GET(VIQ_SMMUV3_IDR0_ST_LEVEL, c->idr0) > 1)
		return "IDR0.ST_LEVEL: must be 0 (linear) or 1 (two-level)";
	return check_forbidden(c->idr0, forbidden_idr0);
}

static const char *check_idr1(const struct viq_smmuv3_config *c)
{
	if (VIQ_GET(VIQ_SMMUV3_IDR1_SIDSIZE, c->idr1) > 32)
		return "IDR1.SIDSIZE: must be at most 32";
	if (VIQ_GET(VIQ_SMMUV3_IDR1_SIDSIZE, c->idr1) >= 7 && !(c->idr0 & VIQ_SMMUV3_IDR0_ST_LEVEL))
		return "IDR1.SIDSIZE: 7 or more needs two-level stream tables (IDR0.ST_LEVEL = 1)";
	if (VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, c->idr1) > 20)
		return "IDR1.SSIDSIZE: must be at most 20";
	if (VIQ_GET(VIQ_SMMUV3_IDR1_EVENTQS, c->idr1) > VIQ_SMMUV3_Q_MAX_LOG2SIZE)
		return "IDR1.EVENTQS: must be at most 19";
	if (VIQ_GET(VIQ_SMMUV3_IDR1_CMDQS, c->idr1) > VIQ_SMMUV3_Q_MAX_LOG2SIZE)
		return "IDR1.CMDQS: must be at most 19";
	return check_forbidden(c->idr1, forbidden_idr1);
}

static const char *check_idr5(const struct viq_smmuv3_config *c)
{
	const uint32_t small = VIQ_SMMUV3_IDR5_GRAN4K | VIQ_SMMUV3_IDR5_GRAN16K;
	unsigned int oas = VIQ_GET(VIQ_SMMUV3_IDR5_OAS, c->idr5);

	if (oas > 6)
		return "IDR5.OAS: 56-bit addresses are not offered, must be at most 6";
	if (oas == 6 && !(c->idr5 & (VIQ_SMMUV3_IDR5_GRAN64K | VIQ_SMMUV3_IDR5_DS)))
		return "IDR5.OAS: 52 bits need IDR5.GRAN64K or IDR5.DS";
	if (oas == 6 && c->aidr < VIQ_SMMUV3_AIDR_V3_1)
		return "IDR5.OAS: 52 bits need SMMUv3.1 (AIDR)";
	if (!(c->idr5 & (small | VIQ_SMMUV3_IDR5_GRAN64K)))
		return "IDR5.GRAN4K, GRAN16K, GRAN64K: one granule at least must be offered";
	if ((c->idr5 & VIQ_SMMUV3_IDR5_DS) && !(c->idr5 & small))
		return "IDR5.DS: needs IDR5.GRAN4K or IDR5.GRAN16K";
	if (VIQ_GET(VIQ_SMMUV3_IDR5_VAX, c->idr5) > 1)
		return "IDR5.VAX: must be 0 (48 bits) or 1 (52 bits)";
	if (VIQ_GET(VIQ_SMMUV3_IDR5_VAX, c->idr5) && c->aidr < VIQ_SMMUV3_AIDR_V3_1)
		return "IDR5.VAX: 52 bits need SMMUv3.1 (AIDR)";
	return check_forbidden(c->idr5, forbidden_idr5);
}

/* Stage 2, what needs it, and what it needs. */
static const char *check_stage2(const struct viq_smmuv3_config *c)
{
	const char *wrong;

	if (!(c->idr0 & VIQ_SMMUV3_IDR0_S2P)) {
		wrong = check_forbidden(c->idr0, forbidden_idr0_s1);
		return wrong ? wrong : check_forbidden(c->idr3, forbidden_idr3_s1);
	}
	if (c->idr5 & VIQ_SMMUV3_IDR5_DS)
		return "IDR5.DS: is not offered with stage 2, must be 0";
	if (!(c->idr0 & VIQ_SMMUV3_IDR0_S1P))
		return c->idr3 & VIQ_SMMUV3_IDR3_HAD ? "IDR3.HAD: needs stage 1, must be 0" : NULL;
	if ((c->idr0 & VIQ_SMMUV3_IDR0_ATS) && !(c->idr0 & VIQ_SMMUV3_IDR0_NS1ATS))
		return "IDR0.NS1ATS: ATS of stage 1 alone is not offered, must be 1";
	if (c->aidr >= 2)
		return "AIDR: SMMUv3.2 and later with both stages must have IDR0.HYP, which is not offered";
	return NULL;
}

/* What the version in AIDR obliges an implementation with stage 2 to have. */
static const char *check_version_s2(const struct viq_smmuv3_config *c)
{
	if (c->aidr >= 1 && !(c->idr3 & VIQ_SMMUV3_IDR3_XNX))
		return "IDR3.XNX: SMMUv3.1 and later (AIDR) with stage 2 must have it";
	if (c->aidr < 1 && c->idr3 & VIQ_SMMUV3_IDR3_XNX)
		return "IDR3.XNX: needs SMMUv3.1 (AIDR)";
	if (c->aidr >= 2 && !(c->idr3 & VIQ_SMMUV3_IDR3_FWB))
		return "IDR3.FWB: SMMUv3.2 and later (AIDR) with stage 2 must have it";
	if (c->aidr >= 3 && !(c->idr3 & VIQ_SMMUV3_IDR3_PTWNNC))
		return "IDR3.PTWNNC: SMMUv3.3 and later (AIDR) with stage 2 must have it";
	return NULL;
}

/* What the version in AIDR obliges any implementation to have, and one with stage 1. */
static const char *check_version(const struct viq_smmuv3_config *c)
{
	/* From v3.4 on addresses in registers, tables and commands are 56 bits wide. */
	if (c->aidr > 3)
		return "AIDR: must be 0x00 (v3.0) to 0x03 (v3.3)";
	if (c->aidr >= 1 && c->idr0 & VIQ_SMMUV3_IDR0_S1P && !(c->idr3 & VIQ_SMMUV3_IDR3_HAD))
		return "IDR3.HAD: SMMUv3.1 and later (AIDR) must have it";
	if (VIQ_GET(VIQ_SMMUV3_IDR3_BBML, c->idr3) == 3)
		return "IDR3.BBML: 3 is reserved";
	if (c->aidr >= 2 && !(c->idr3 & VIQ_SMMUV3_IDR3_RIL))
		return "IDR3.RIL: SMMUv3.2 and later (AIDR) must have it";
	if (c->aidr >= 2 && !(c->idr3 & VIQ_SMMUV3_IDR3_BBML))
		return "IDR3.BBML: SMMUv3.2 and later (AIDR) must have level 1 at least";
	if (c->aidr >= 3 && !(c->idr3 & VIQ_SMMUV3_IDR3_E0PD))
		return "IDR3.E0PD: SMMUv3.3 and later (AIDR) must have it";
	if (check_forbidden(c->idr3, forbidden_idr3))
		return check_forbidden(c->idr3, forbidden_idr3);
	return c->idr0 & VIQ_SMMUV3_IDR0_S2P ? check_version_s2(c) : NULL;
}

/* PPS: the PASID of a request is in the SMMU's own answer. Without it STE.PPAR would say so (8.1). */
static const char *check_pri(const struct viq_smmuv3_config *c)
{
	if (!(c->idr0 & VIQ_SMMUV3_IDR0_PRI)) {
		if (c->idr1 & VIQ_SMMUV3_IDR1_PRIQS)
			return "IDR1.PRIQS: needs IDR0.PRI, must be 0";
		return c->idr3 & VIQ_SMMUV3_IDR3_PPS ? "IDR3.PPS: needs IDR0.PRI, must be 0" : NULL;
	}
	if (!(c->idr0 & VIQ_SMMUV3_IDR0_ATS))
		return "IDR0.PRI: needs IDR0.ATS";
	if (VIQ_GET(VIQ_SMMUV3_IDR1_PRIQS, c->idr1) > VIQ_SMMUV3_Q_MAX_LOG2SIZE)
		return "IDR1.PRIQS: must be at most 19";
	if (c->idr1 & VIQ_SMMUV3_IDR1_SSIDSIZE && !(c->idr3 & VIQ_SMMUV3_IDR3_PPS))
		return "IDR3.PPS: STE.PPAR is not looked at, must be 1 with page requests and substreams";
	return c->ops->page_response ? NULL : "IDR0.PRI: page requests need ops.page_response";
}

static const char *check_gbpa(const struct viq_smmuv3_config *c)
{
	return c->gbpa & ~SMMUV3_GBPA_BITS ? "gbpa: undefined bits, or UPDATE, are set" : NULL;
}

static const char *check_embedding(const struct viq_smmuv3_config *c)
{
	if (!c->mem)
		return "mem: guest memory is missing";
	if (!call_host_ok(&c->host))
		return "host: " CALL_HOST_WRONG;
	if (budget_needs_kick(c->budget) && !c->ops->kick)
		return BUDGET_NEEDS_KICK;
	if ((uintptr_t)c->page % REG_PAGE_ALIGN)
		return REG_PAGE_WRONG;
	return NULL;
}

int smmuv3_config_take(struct viq_smmuv3_config *own, struct viq_smmuv3_ops *ops,
		       const struct viq_smmuv3_config *config, struct viq_why *why)
{
	static const char *(*const checks[])(const struct viq_smmuv3_config *) = {
		check_embedding, check_idr0, check_idr1, check_idr5, check_stage2, check_pri, check_version, check_gbpa,
	};
	const char *found = NULL;
	int ret;

	viq_smmuv3_config_init(own, sizeof(*own));
	*ops = (struct viq_smmuv3_ops){.size = sizeof(*ops)};
	ret = sized_take(own, sizeof(*own), config, SIZED_TO(struct viq_smmuv3_config, mem), "config", why);
	if (!ret && own->ops)
		ret = sized_take(ops, sizeof(*ops), own->ops, sizeof(ops->size), "config.ops", why);
	if (ret)
		return ret;
	own->ops = ops;
	for (size_t i = 0; !found && i < sizeof(checks) / sizeof(checks[0]); i++)
		found = checks[i](own);
	return found ? why_say(why, -EINVAL, "%s", found) : 0;
}

int viq_smmuv3_config_check(const struct viq_smmuv3_config *config, struct viq_why *why)
{
	struct viq_smmuv3_config own;
	struct viq_smmuv3_ops ops;

	return smmuv3_config_take(&own, &ops, config, why);
}
