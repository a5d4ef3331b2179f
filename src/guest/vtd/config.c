/* SPDX-License-Identifier: MIT */
/* The capabilities an embedder chooses: defaults, and what they may not say (CAP, ECAP, VER). */
#include <errno.h>

#include "base/sized.h"
#include "base/why.h"

#include "vtd.h"

void viq_vtd_config_init(struct viq_vtd_config *config, size_t size)
{
	const struct viq_vtd_config defaults = {
		.version = VIQ_PUT(VIQ_VTD_VER_MAX, 4),
		.cap = VIQ_PUT(VIQ_VTD_CAP_ND, 6) | VIQ_VTD_CAP_CM | VIQ_PUT(VIQ_VTD_CAP_SAGAW, VIQ_VTD_SAGAW_48) |
		       VIQ_PUT(VIQ_VTD_CAP_MGAW, 47) | VIQ_PUT(VIQ_VTD_CAP_FRO, 0x22) | VIQ_VTD_CAP_PSI |
		       VIQ_PUT(VIQ_VTD_CAP_MAMV, 18) | VIQ_VTD_CAP_DWD | VIQ_VTD_CAP_DRD | VIQ_VTD_CAP_FS1GP,
		.ecap = VIQ_VTD_ECAP_C | VIQ_VTD_ECAP_QI | VIQ_VTD_ECAP_PT | VIQ_PUT(VIQ_VTD_ECAP_IRO, 0xf) |
			VIQ_PUT(VIQ_VTD_ECAP_PSS, 19) | VIQ_VTD_ECAP_PASID | VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_FSTS,
	};

	if (config)
		sized_give(config, size, &defaults, sizeof(defaults));
}

/* Bits that must be 0 in a register, and why. */
struct forbidden {
	uint64_t mask;
	const char *why;
};

static const struct forbidden forbidden_cap[] = {
	{VIQ_VTD_CAP_AFL, "CAP.AFL: advanced fault logging is not offered, must be 0"},
	{VIQ_VTD_CAP_RWBF, "CAP.RWBF: there are no write buffers to flush, must be 0"},
	{VIQ_VTD_CAP_PLMR | VIQ_VTD_CAP_PHMR, "CAP.PLMR, PHMR: protected memory is not offered, must be 0"},
	{VIQ_VTD_CAP_ECMDS, "CAP.ECMDS: enhanced commands are not offered, must be 0"},
	{VIQ_VTD_CAP_ESRTPS, "CAP.ESRTPS: the guest must invalidate after SRTP by its queue, must be 0"},
	{VIQ_BITS(15, 13) | VIQ_BIT(23) | VIQ_BIT(38) | VIQ_BITS(58, 57), "CAP: reserved bits must be 0"},
	{0, NULL},
};

static const struct forbidden forbidden_ecap[] = {
	{VIQ_VTD_ECAP_MTS, "ECAP.MTS: memory types are not offered, must be 0"},
	{VIQ_VTD_ECAP_ERS, "ECAP.ERS: execute requests are not offered, must be 0"},
	{VIQ_VTD_ECAP_VCS, "ECAP.VCS: virtual commands are not offered, must be 0"},
	{VIQ_VTD_ECAP_PMS, "ECAP.PMS: performance monitoring is not offered, must be 0"},
	{VIQ_BIT(5) | VIQ_BITS(19, 18) | VIQ_BIT(24) | VIQ_BITS(28, 27) | VIQ_BIT(32) | VIQ_BIT(50) | VIQ_BITS(63, 54),
	 "ECAP: bits that are reserved or withdrawn, or whose feature is not offered, must be 0"},
	{0, NULL},
};

/* A feature that makes no sense without others. */
struct dependency {
	uint64_t bit, needs;
	const char *why;
};

static const struct dependency dependencies[] = {
	{VIQ_VTD_ECAP_EIM, VIQ_VTD_ECAP_IR, "ECAP.EIM: needs ECAP.IR"},
	{VIQ_VTD_ECAP_MHMV, VIQ_VTD_ECAP_IR, "ECAP.MHMV: needs ECAP.IR"},
	{VIQ_VTD_ECAP_DIT, VIQ_VTD_ECAP_DT, "ECAP.DIT: needs ECAP.DT"},
	{VIQ_VTD_ECAP_NWFS, VIQ_VTD_ECAP_DT, "ECAP.NWFS: needs ECAP.DT"},
	{VIQ_VTD_ECAP_PRS, VIQ_VTD_ECAP_DT, "ECAP.PRS: needs ECAP.DT"},
	{VIQ_VTD_ECAP_PRS, VIQ_VTD_ECAP_SMTS, "ECAP.PRS: needs ECAP.SMTS"},
	{VIQ_VTD_ECAP_PDS, VIQ_VTD_ECAP_PRS, "ECAP.PDS: needs ECAP.PRS"},
	{VIQ_VTD_ECAP_PASID, VIQ_VTD_ECAP_SMTS, "ECAP.PASID: needs ECAP.SMTS"},
	{VIQ_VTD_ECAP_PSS, VIQ_VTD_ECAP_PASID, "ECAP.PSS: needs ECAP.PASID"},
	{VIQ_VTD_ECAP_FSTS, VIQ_VTD_ECAP_SMTS, "ECAP.FSTS: needs ECAP.SMTS"},
	{VIQ_VTD_ECAP_SSTS, VIQ_VTD_ECAP_SMTS, "ECAP.SSTS: needs ECAP.SMTS"},
	{VIQ_VTD_ECAP_SSADS, VIQ_VTD_ECAP_SSTS, "ECAP.SSADS: needs ECAP.SSTS"},
	{VIQ_VTD_ECAP_SSADS, VIQ_VTD_ECAP_SMPWCS, "ECAP.SSADS: needs ECAP.SMPWCS"},
	{VIQ_VTD_ECAP_NEST, VIQ_VTD_ECAP_FSTS, "ECAP.NEST: needs ECAP.FSTS"},
	{VIQ_VTD_ECAP_NEST, VIQ_VTD_ECAP_SSTS, "ECAP.NEST: needs ECAP.SSTS"},
	{VIQ_VTD_ECAP_SRS, VIQ_VTD_ECAP_FSTS, "ECAP.SRS: needs ECAP.FSTS"},
	{VIQ_VTD_ECAP_EAFS, VIQ_VTD_ECAP_FSTS, "ECAP.EAFS: needs ECAP.FSTS"},
	{VIQ_VTD_ECAP_EAFS, VIQ_VTD_ECAP_SMPWCS, "ECAP.EAFS: needs ECAP.SMPWCS"},
	{VIQ_VTD_ECAP_SMPWCS, VIQ_VTD_ECAP_SMTS, "ECAP.SMPWCS: needs ECAP.SMTS"},
	{VIQ_VTD_ECAP_RPS, VIQ_VTD_ECAP_SMTS, "ECAP.RPS: needs ECAP.SMTS"},
	{VIQ_VTD_ECAP_RPRIVS, VIQ_VTD_ECAP_SRS, "ECAP.RPRIVS: needs ECAP.SRS"},
	{0, 0, NULL},
};

static const char *check_forbidden(uint64_t value, const struct forbidden *f)
{
	for (; f->why; f++) {
		if (value & f->mask)
			return f->why;
	}
	return NULL;
}

static const char *check_ver(const struct viq_vtd_config *c)
{
	if (c->version & ~(VIQ_VTD_VER_MAX | VIQ_VTD_VER_MIN))
		return "version: VER has 8 bits";
	return VIQ_GET(VIQ_VTD_VER_MAX, c->version) ? NULL : "version: VER.MAX must be 1 at least";
}

static const char *check_cap(const struct viq_vtd_config *c)
{
	uint64_t sagaw = VIQ_GET(VIQ_VTD_CAP_SAGAW, c->cap);
	unsigned int mgaw = VIQ_GET(VIQ_VTD_CAP_MGAW, c->cap) + 1;

	if (VIQ_GET(VIQ_VTD_CAP_ND, c->cap) > 6)
		return "CAP.ND: must be at most 6 (65536 domains)";
	if (!sagaw || (sagaw & ~(VIQ_VTD_SAGAW_39 | VIQ_VTD_SAGAW_48 | VIQ_VTD_SAGAW_57)))
		return "CAP.SAGAW: must name 39, 48 or 57 bits, and nothing else";
	if (mgaw < 39 || mgaw > 57)
		return "CAP.MGAW: the width must be 39 to 57 bits (MGAW is one less)";
	if ((c->cap & VIQ_VTD_CAP_SSLPS) & ~VIQ_PUT(VIQ_VTD_CAP_SSLPS, 3))
		return "CAP.SSLPS: only 2 MiB and 1 GiB pages exist, must be at most 3";
	if ((c->cap & VIQ_VTD_CAP_PSI) && VIQ_GET(VIQ_VTD_CAP_MAMV, c->cap) < 9)
		return "CAP.MAMV: page-selective invalidation (CAP.PSI) needs 9 at least";
	if (VIQ_GET(VIQ_VTD_CAP_MAMV, c->cap) > 51)
		return "CAP.MAMV: must be at most 51";
	return check_forbidden(c->cap, forbidden_cap);
}

/* What CAP says because of what ECAP says. */
static const char *check_both(const struct viq_vtd_config *c)
{
	if ((c->cap & (VIQ_VTD_CAP_FS1GP | VIQ_VTD_CAP_FS5LP)) && !(c->ecap & VIQ_VTD_ECAP_FSTS))
		return "CAP.FS1GP, FS5LP: need ECAP.FSTS";
	if ((c->cap & (VIQ_VTD_CAP_PI | VIQ_VTD_CAP_ESIRTPS)) && !(c->ecap & VIQ_VTD_ECAP_IR))
		return "CAP.PI, ESIRTPS: need ECAP.IR";
	return NULL;
}

static const char *check_ecap(const struct viq_vtd_config *c)
{
	if (!(c->ecap & VIQ_VTD_ECAP_QI))
		return "ECAP.QI: queued invalidation is what is offered, must be 1";
	if (VIQ_GET(VIQ_VTD_ECAP_PSS, c->ecap) > 19)
		return "ECAP.PSS: PASIDs have at most 20 bits, must be at most 19";
	if ((c->ecap & VIQ_VTD_ECAP_SMTS) && !(c->ecap & (VIQ_VTD_ECAP_FSTS | VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_PT)))
		return "ECAP.SMTS: needs ECAP.FSTS, SSTS or PT";
	for (const struct dependency *d = dependencies; d->why; d++) {
		if ((c->ecap & d->bit) && !(c->ecap & d->needs))
			return d->why;
	}
	return check_forbidden(c->ecap, forbidden_ecap);
}

static const char *check_places(const struct viq_vtd_config *c)
{
	uint64_t iro = VIQ_GET(VIQ_VTD_ECAP_IRO, c->ecap) * VIQ_VTD_OFFSET_UNITS;
	uint64_t fro = VIQ_GET(VIQ_VTD_CAP_FRO, c->cap) * VIQ_VTD_OFFSET_UNITS;
	uint64_t fro_end = fro + (VIQ_GET(VIQ_VTD_CAP_NFR, c->cap) + 1) * VIQ_VTD_FRCD_SIZE;

	if (iro < VIQ_VTD_FIXED_END || iro + VIQ_VTD_IOTLB_SIZE > VIQ_VTD_MMIO_SIZE)
		return "ECAP.IRO: the IOTLB registers must lie at 0xf0 to 0xff0";
	if (fro < VIQ_VTD_FIXED_END || fro_end > VIQ_VTD_MMIO_SIZE)
		return "CAP.FRO, NFR: the fault records must lie at 0xf0 to 0x1000";
	if (iro < fro_end && fro < iro + VIQ_VTD_IOTLB_SIZE)
		return "CAP.FRO, ECAP.IRO: fault records and IOTLB registers overlap";
	return NULL;
}

static const char *check_embedding(const struct viq_vtd_config *c)
{
	if (c->reserved)
		return "reserved: must be 0";
	if (!c->mem)
		return "mem: guest memory is missing";
	if (budget_needs_kick(c->budget) && !c->ops->kick)
		return BUDGET_NEEDS_KICK;
	if ((uintptr_t)c->page % REG_PAGE_ALIGN)
		return REG_PAGE_WRONG;
	if ((c->ecap & VIQ_VTD_ECAP_DT) && !c->ops->devtlb)
		return "ECAP.DT: device-TLB invalidation needs ops.devtlb";
	if ((c->ecap & VIQ_VTD_ECAP_PRS) && !c->ops->page_response)
		return "ECAP.PRS: page requests need ops.page_response";
	return NULL;
}

int vtd_config_take(struct viq_vtd_config *own, struct viq_vtd_ops *ops, const struct viq_vtd_config *config,
		    struct viq_why *why)
{
	static const char *(*const checks[])(const struct viq_vtd_config *) = {
		check_embedding, check_ver, check_cap, check_ecap, check_both, check_places,
	};
	const char *found = NULL;
	int ret;

	viq_vtd_config_init(own, sizeof(*own));
	*ops = (struct viq_vtd_ops){.size = sizeof(*ops)};
	ret = sized_take(own, sizeof(*own), config, SIZED_TO(struct viq_vtd_config, mem), "config", why);
	if (!ret && own->ops)
		ret = sized_take(ops, sizeof(*ops), own->ops, sizeof(ops->size), "config.ops", why);
	if (ret)
		return ret;
	own->ops = ops;
	for (size_t i = 0; !found && i < sizeof(checks) / sizeof(checks[0]); i++)
		found = checks[i](own);
	return found ? why_say(why, -EINVAL, "%s", found) : 0;
}

int viq_vtd_config_check(const struct viq_vtd_config *config, struct viq_why *why)
{
	struct viq_vtd_config own;
	struct viq_vtd_ops ops;

	return vtd_config_take(&own, &ops, config, why);
}
