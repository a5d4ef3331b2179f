/* SPDX-License-Identifier: MIT */
/*
 * From a guest's root table to what its PASID entries ask for (chapters 3 and 9).
 *
 * Each entry is read once and judged by the copy. What hardware would fault on is nothing here: the device is blocked,
 * and *reason is the fault that hardware would have recorded. An entry that cannot be read is no error of the host's
 * either: there is no memory where the guest says that its table is.
 */
#include "vvtd.h"

#define DIR_PASIDS    VIQ_VTD_PE_TABLE /* PASIDs of a directory entry */
#define DEVFN(source) ((source)&0xffu)
#define BUS(source)   ((source) >> 8)

static struct linux_vtd_want nothing(uint8_t reason)
{
	return (struct linux_vtd_want){.kind = LINUX_VTD_NOTHING, .reason = reason};
}

static struct linux_vtd_want unsupported(const char *why)
{
	return (struct linux_vtd_want){.kind = LINUX_VTD_UNSUPPORTED, .why = why};
}

static struct linux_vtd_want bypass(void)
{
	return (struct linux_vtd_want){.kind = LINUX_VTD_BYPASS};
}

/* --- Legacy mode -------------------------------------------------------------------------------------------------- */

static struct linux_vtd_want decode_legacy(const struct linux_vtd_guest *g, const uint64_t ctx[2])
{
	if (!(ctx[0] & VIQ_VTD_CTX_P))
		return nothing(VIQ_VTD_FR_CTX_P);
	if (ctx[0] & VIQ_VTD_CTX_RSVD || ctx[1] & VIQ_VTD_CTX_1_RSVD)
		return nothing(VIQ_VTD_FR_CTX_RSVD);
	switch (VIQ_GET(VIQ_VTD_CTX_TT, ctx[0])) {
	case VIQ_VTD_TT_SS:
	case VIQ_VTD_TT_SS_ATS:
		return unsupported("context entry, TT: second-stage translation of the guest's cannot be nested");
	case VIQ_VTD_TT_PT:
		return g->ecap & VIQ_VTD_ECAP_PT ? bypass() : nothing(VIQ_VTD_FR_CTX_INVALID);
	}
	return nothing(VIQ_VTD_FR_CTX_INVALID);
}

static struct linux_vtd_want read_legacy(const struct linux_vtd_guest *g, uint16_t source)
{
	uint64_t root[2], ctx[2];

	if (viq_mem_read_words(g->mem, g->tables.root + BUS(source) * VIQ_VTD_ROOT_SIZE, root, 2))
		return nothing(VIQ_VTD_FR_ROOT_ACCESS);
	if (!(root[0] & VIQ_VTD_ROOT_P))
		return nothing(VIQ_VTD_FR_ROOT_P);
	if (root[0] & VIQ_VTD_ROOT_RSVD || root[1])
		return nothing(VIQ_VTD_FR_ROOT_RSVD);
	if (viq_mem_read_words(g->mem, (root[0] & VIQ_VTD_ROOT_CTP) + DEVFN(source) * VIQ_VTD_CTX_SIZE, ctx, 2))
		return nothing(VIQ_VTD_FR_CTX_ACCESS);
	return decode_legacy(g, ctx);
}

/* --- Scalable mode ------------------------------------------------------------------------------------------------ */

/* Bits that a context entry must not have, given what the guest was told (9.4). */
static uint64_t context_reserved(const struct linux_vtd_guest *g)
{
	return VIQ_VTD_SCTX_RSVD | VIQ_VTD_SCTX_PRE | (g->ecap & VIQ_VTD_ECAP_DT ? 0 : VIQ_VTD_SCTX_DTE) |
	       (g->ecap & VIQ_VTD_ECAP_PASID ? 0 : VIQ_VTD_SCTX_PASIDE);
}

/* The context entry's words. 0 or a fault reason. */
static uint8_t read_scalable(const struct linux_vtd_guest *g, uint16_t source, uint64_t ctx[4])
{
	unsigned int upper = DEVFN(source) >> 7;
	uint64_t root, table;

	if (viq_mem_read_words(g->mem, g->tables.root + BUS(source) * VIQ_VTD_ROOT_SIZE + 8 * upper, &root, 1))
		return VIQ_VTD_FR_SM_ROOT_ACCESS;
	if (!(root & VIQ_VTD_ROOT_P))
		return VIQ_VTD_FR_SM_ROOT_P;
	if (root & VIQ_VTD_ROOT_RSVD)
		return VIQ_VTD_FR_SM_ROOT_RSVD;
	table = root & VIQ_VTD_ROOT_CTP;
	if (viq_mem_read_words(g->mem, table + (DEVFN(source) & 0x7f) * VIQ_VTD_SCTX_SIZE, ctx, 4))
		return VIQ_VTD_FR_SM_CTX_ACCESS;
	if (!(ctx[0] & VIQ_VTD_SCTX_P))
		return VIQ_VTD_FR_SM_CTX_P;
	return ctx[0] & context_reserved(g) || ctx[1] & VIQ_VTD_SCTX_1_RSVD || ctx[2] || ctx[3] ? VIQ_VTD_FR_SM_CTX_RSVD
												: 0;
}

static void decode_scalable(const struct linux_vtd_guest *g, const uint64_t ctx[4], struct linux_vtd_context *c)
{
	c->by_pasid = true;
	c->directory = ctx[0] & VIQ_VTD_SCTX_PASIDDIRPTR;
	c->limit = (UINT32_C(1) << (VIQ_GET(VIQ_VTD_SCTX_PDTS, ctx[0]) + 7)) * DIR_PASIDS;
	if (g->ecap & VIQ_VTD_ECAP_RPS)
		c->rid_pasid = VIQ_GET(VIQ_VTD_SCTX_1_RID_PASID, ctx[1]);
	c->pasids = ctx[0] & VIQ_VTD_SCTX_PASIDE;
}

void linux_vtd_read_context(const struct linux_vtd_guest *g, uint16_t source_id, struct linux_vtd_context *c)
{
	uint64_t ctx[4];
	uint8_t reason;

	*c = (struct linux_vtd_context){0};
	if (!g->tables.enabled) {
		c->all = bypass();
		return;
	}
	if (!g->tables.root_set || g->tables.mode == VIQ_VTD_TTM_RESERVED || g->tables.mode == VIQ_VTD_TTM_ABORT) {
		c->all = nothing(VIQ_VTD_FR_RTADDR);
		return;
	}
	if (g->tables.mode == VIQ_VTD_TTM_LEGACY) {
		c->all = read_legacy(g, source_id);
		return;
	}
	reason = read_scalable(g, source_id, ctx);
	c->all = nothing(reason);
	if (!reason)
		decode_scalable(g, ctx, c);
}

/* --- PASID entries ------------------------------------------------------------------------------------------------ */

uint8_t linux_vtd_read_entries(const struct linux_vtd_guest *g, const struct linux_vtd_context *c, uint32_t pasid,
			       uint64_t (*entries)[VIQ_VTD_PE_WORDS], uint32_t count)
{
	uint64_t dir, gpa;

	if (pasid >= c->limit)
		return VIQ_VTD_FR_SM_RID_PASID;
	if (viq_mem_read_words(g->mem, c->directory + pasid / DIR_PASIDS * VIQ_VTD_PDE_SIZE, &dir, 1))
		return VIQ_VTD_FR_PDE_ACCESS;
	if (!(dir & VIQ_VTD_PDE_P))
		return VIQ_VTD_FR_PDE_P;
	if (dir & VIQ_VTD_PDE_RSVD)
		return VIQ_VTD_FR_PDE_RSVD;
	gpa = (dir & VIQ_VTD_PDE_PTP) + pasid % DIR_PASIDS * VIQ_VTD_PE_SIZE;
	if (viq_mem_read_words(g->mem, gpa, entries[0], (size_t)count * VIQ_VTD_PE_WORDS))
		return VIQ_VTD_FR_PE_ACCESS;
	return 0;
}

/* Bits that this entry must not have, given what the guest was told (9.6). */
static bool reserved_set(const struct linux_vtd_guest *g, const uint64_t e[VIQ_VTD_PE_WORDS])
{
	uint64_t rsvd_2 = VIQ_VTD_PE_2_RSVD | VIQ_VTD_PE_2_ERE;

	if (!(g->ecap & VIQ_VTD_ECAP_SRS))
		rsvd_2 |= VIQ_VTD_PE_2_SRE;
	if (!(g->ecap & VIQ_VTD_ECAP_EAFS))
		rsvd_2 |= VIQ_VTD_PE_2_EAFE;
	return e[0] & VIQ_VTD_PE_RSVD || e[1] & VIQ_VTD_PE_1_RSVD || e[2] & rsvd_2 || e[3] || e[4] || e[5] || e[6] ||
	       e[7];
}

/*
 * Of a first-stage entry the kernel takes FSPTPTR, FSPM, SRE, WPE and EAFE. PWSNP and PGSNP it decides itself, by what
 * the host's memory needs, and AW means nothing. NXE and SMEP it would drop: a protection that the guest counts on.
 */
static struct linux_vtd_want decode_first_stage(const struct linux_vtd_guest *g, uint32_t pasid,
						const uint64_t e[VIQ_VTD_PE_WORDS])
{
	uint64_t levels = VIQ_GET(VIQ_VTD_PE_2_FSPM, e[2]);
	struct linux_vtd_want want = {
		.kind = LINUX_VTD_NESTED,
		.pasid = pasid,
		.domain_id = VIQ_GET(VIQ_VTD_PE_1_DID, e[1]),
		.s1.pgtbl_addr = e[2] & VIQ_VTD_PE_2_FSPTPTR,
		.s1.addr_width = levels == VIQ_VTD_FSPM_5 ? 57 : 48,
	};

	if (!(g->ecap & VIQ_VTD_ECAP_FSTS) || levels > VIQ_VTD_FSPM_5)
		return nothing(VIQ_VTD_FR_PE_INVALID);
	if (levels == VIQ_VTD_FSPM_5 && !(g->cap & VIQ_VTD_CAP_FS5LP))
		return nothing(VIQ_VTD_FR_PE_INVALID);
	if (e[2] & (VIQ_VTD_PE_2_NXE | VIQ_VTD_PE_2_SMEP))
		return unsupported("PASID entry, NXE, SMEP: the kernel does not take them");
	if (e[2] & VIQ_VTD_PE_2_SRE)
		want.s1.flags |= VIQ_LINUX_VTD_SRE;
	if (e[2] & VIQ_VTD_PE_2_WPE)
		want.s1.flags |= VIQ_LINUX_VTD_WPE;
	if (e[2] & VIQ_VTD_PE_2_EAFE)
		want.s1.flags |= VIQ_LINUX_VTD_EAFE;
	return want;
}

struct linux_vtd_want linux_vtd_decode(const struct linux_vtd_guest *g, uint32_t pasid,
				       const uint64_t e[VIQ_VTD_PE_WORDS])
{
	if (!(e[0] & VIQ_VTD_PE_P))
		return nothing(VIQ_VTD_FR_PE_P);
	if (reserved_set(g, e))
		return nothing(VIQ_VTD_FR_PE_RSVD);
	switch (VIQ_GET(VIQ_VTD_PE_PGTT, e[0])) {
	case VIQ_VTD_PGTT_FS:
		return decode_first_stage(g, pasid, e);
	case VIQ_VTD_PGTT_PT:
		return g->ecap & VIQ_VTD_ECAP_PT ? bypass() : nothing(VIQ_VTD_FR_PE_INVALID);
	case VIQ_VTD_PGTT_SS:
		return unsupported("PASID entry, PGTT: second-stage translation of the guest's cannot be nested");
	}
	return nothing(VIQ_VTD_FR_PE_INVALID);
}
