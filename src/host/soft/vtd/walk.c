/* SPDX-License-Identifier: MIT */
/* Both stages together, and faults. */
#include <errno.h>

#include "spec/vtd/fault.h"
#include "walk_entry.h"

/* --- Faults ------------------------------------------------------------------------------------------------------ */

int soft_vtd_fail_entry(struct soft_vtd_fault *fault, unsigned int reason, bool fpd, unsigned int level, uint64_t fetch)
{
	const struct vtd_fault *row = vtd_fault_find(reason);

	*fault = (struct soft_vtd_fault){
		.reason = (uint8_t)reason,
		.recorded = !(fpd && row && row->qualified),
		.level = (uint8_t)level,
		.fetch = fetch,
	};
	return -EFAULT;
}

int soft_vtd_fail(struct soft_vtd_fault *fault, unsigned int reason, bool fpd)
{
	return soft_vtd_fail_entry(fault, reason, fpd, 0, 0);
}

void soft_vtd_fault_record(const struct soft_vtd_request *req, const struct soft_vtd_fault *fault, uint64_t record[2])
{
	record[0] = req->addr & VIQ_VTD_FRCD_0_FI;
	record[1] = VIQ_VTD_FRCD_1_F | VIQ_PUT(VIQ_VTD_FRCD_1_SID, req->sid) |
		    VIQ_PUT(VIQ_VTD_FRCD_1_FR, fault->reason) | VIQ_PUT(VIQ_VTD_FRCD_1_AT, req->type);
	/* T1 and T2 together: 00 write, 10 read, 11 both at once. */
	if (req->access & SOFT_R || !(req->access & SOFT_W))
		record[1] |= VIQ_VTD_FRCD_1_T1 | (req->access & SOFT_W ? VIQ_VTD_FRCD_1_T2 : 0);
	if (req->has_pasid)
		record[1] |= VIQ_VTD_FRCD_1_PP | VIQ_PUT(VIQ_VTD_FRCD_1_PV, req->pasid) |
			     (req->access & SOFT_X ? VIQ_VTD_FRCD_1_EXE : 0) |
			     (req->access & SOFT_P ? VIQ_VTD_FRCD_1_PRIV : 0);
}

int soft_vtd_set_flags(const struct viq_mem *mem, uint64_t pa, uint64_t *entry, uint64_t flags)
{
	uint64_t value = *entry | flags;
	int ret = value == *entry ? 0 : viq_mem_cas_u64(mem, pa, *entry, value);

	if (!ret)
		*entry = value;
	return ret;
}

/* --- The walk ---------------------------------------------------------------------------------------------------- */

/* Without tables: the machine alone limits the address (3.9, LGN.1.3, SGN.4.2). */
static int pass_through(const struct soft_vtd_walker *w, uint64_t iova, struct soft_vtd_leaf *leaf)
{
	if (iova >> w->f->haw)
		return soft_vtd_fail(w->fault, w->regime->legacy ? VIQ_VTD_FR_ADDR : VIQ_VTD_FR_SM_ADDR,
				     w->regime->fpd);
	leaf->pa = iova;
	return 0;
}

static int second_stage(const struct soft_vtd_walker *w, unsigned int access, struct soft_vtd_leaf *leaf)
{
	struct soft_vtd_ss_leaf out;
	int ret;

	ret = soft_vtd_walk_ss(w, leaf->gpa, access, SOFT_VTD_FOR_REQUEST, &out);
	if (ret)
		return ret;
	leaf->pa = out.pa;
	leaf->ss_level = out.level;
	leaf->ss_shift = (uint8_t)vtd_level_shift(out.level);
	leaf->ss = out.rights;
	leaf->dirty &= out.dirty;
	return 0;
}

/* The stages that the regime has. */
static int walk_stages(const struct soft_vtd_walker *w, uint64_t iova, unsigned int access, struct soft_vtd_leaf *leaf)
{
	unsigned int pgtt = w->regime->pgtt;
	int ret;

	if (pgtt == VIQ_VTD_PGTT_PT)
		return pass_through(w, iova, leaf);
	if (pgtt != VIQ_VTD_PGTT_SS) {
		ret = soft_vtd_walk_fs(w, iova, access, leaf);
		if (ret)
			return ret;
		leaf->pa = leaf->gpa;
	}
	return pgtt == VIQ_VTD_PGTT_FS ? 0 : second_stage(w, access, leaf);
}

/* The piece that both leaves translate as one: the smaller of them. */
static void combine(struct soft_vtd_leaf *leaf, uint64_t iova)
{
	leaf->shift = leaf->fs_shift < leaf->ss_shift ? leaf->fs_shift : leaf->ss_shift;
	if (leaf->shift == 64)
		leaf->shift = VTD_PAGE_SHIFT;
	leaf->base_pa = leaf->pa & ~vtd_low_bits(leaf->shift);
	leaf->base_iova = iova & ~vtd_low_bits(leaf->shift);
}

static int walk_once(const struct soft_vtd_walker *w, uint64_t iova, unsigned int access, struct soft_vtd_leaf *leaf)
{
	int ret;

	*leaf = (struct soft_vtd_leaf){
		.gpa = iova,
		.fs_shift = 64,
		.ss_shift = 64,
		.fs_user = SOFT_R | SOFT_W | SOFT_X,
		.fs_priv = SOFT_R | SOFT_W | SOFT_X,
		.ss = SOFT_R | SOFT_W,
		.dirty = true,
	};
	ret = walk_stages(w, iova, access, leaf);
	if (ret)
		return ret;
	combine(leaf, iova);
	return soft_vtd_check_leaf(w->regime, leaf, access, w->fault);
}

int soft_vtd_walk(const struct viq_mem *mem, const struct vtd_caps *f, const struct vtd_regime *regime, uint64_t iova,
		  unsigned int access, struct soft_vtd_leaf *leaf, struct soft_vtd_fault *fault)
{
	struct soft_vtd_walker w = {.mem = mem, .f = f, .regime = regime, .fault = fault};
	int ret = walk_once(&w, iova, access, leaf);

	/* A write that either stage refuses makes nothing dirty in the other (3.6.2, 3.7.2). */
	if (!ret && access & SOFT_W && !leaf->dirty) {
		w.dirty = true;
		ret = walk_once(&w, iova, access, leaf);
	}
	return ret;
}

int soft_vtd_check_leaf(const struct vtd_regime *regime, const struct soft_vtd_leaf *leaf, unsigned int access,
			struct soft_vtd_fault *fault)
{
	bool nested = regime->pgtt == VIQ_VTD_PGTT_NESTED;
	unsigned int reason;

	reason = soft_vtd_fs_denies(leaf, access);
	if (reason)
		return soft_vtd_fail_entry(fault, reason, regime->fpd, leaf->fs_level, 0);
	reason = soft_vtd_ss_denies(regime, leaf->ss, access);
	if (reason) {
		soft_vtd_fail_entry(fault, reason, regime->fpd, leaf->ss_level, 0);
		fault->second_stage = nested;
		fault->gpa = nested ? leaf->gpa : 0;
		return -EFAULT;
	}
	if (soft_vtd_is_interrupt(leaf->pa))
		return soft_vtd_fail(fault, regime->legacy ? VIQ_VTD_FR_INTERRUPT_ADDR : VIQ_VTD_FR_SM_INTERRUPT_ADDR,
				     regime->fpd);
	return 0;
}

int soft_vtd_translate(const struct viq_mem *mem, const struct vtd_caps *f, uint64_t rtaddr,
		       const struct soft_vtd_request *req, struct vtd_regime *regime, struct soft_vtd_leaf *leaf,
		       struct soft_vtd_fault *fault)
{
	struct vtd_regime local;
	struct vtd_context ctx;
	unsigned int access;
	uint32_t pasid;
	int ret;

	if (!regime)
		regime = &local;
	ret = soft_vtd_fetch_context(mem, f, rtaddr, req, &ctx, fault);
	if (!ret)
		ret = soft_vtd_select_pasid(f, &ctx, req, &pasid, fault);
	if (ret)
		return ret;
	if (ctx.scalable)
		ret = soft_vtd_fetch_pasid(mem, f, &ctx, pasid, regime, fault);
	else
		vtd_legacy_regime(&ctx, regime);
	if (!ret)
		ret = soft_vtd_admit(&ctx, regime, req, &access, fault);
	if (!ret)
		ret = soft_vtd_walk(mem, f, regime, req->addr, access, leaf, fault);
	return ret;
}
