/* SPDX-License-Identifier: MIT */
/* The fake kernel's VT-d: nested page tables, PASIDs, and invalidation, which is exact and keeps hardware errors to
 * itself. */
#include <errno.h>
#include <string.h>

#include <viq/vtd_spec.h>

#include "fake_kernel_inside.h"

#define PAGE 4096

/* As intel_iommu_domain_alloc_nested(), which does not look at what is in the table. */
int fk_vtd_nested_alloc(struct fk_ctx *ctx, const struct fk_smmu *vtd, struct fk_object *parent, void *arg)
{
	struct uapi_iommu_hwpt_alloc *cmd = arg;
	const struct uapi_iommu_hwpt_vtd_s1 *data = (const void *)(uintptr_t)cmd->data_uptr;
	struct fk_object *o;

	struct fk_object *faultq = NULL;

	if (cmd->flags & ~(UAPI_IOMMU_HWPT_ALLOC_PASID | UAPI_IOMMU_HWPT_FAULT_ID_VALID) || !cmd->data_len)
		return -EOPNOTSUPP;
	if (cmd->flags & UAPI_IOMMU_HWPT_FAULT_ID_VALID) {
		faultq = fk_get(ctx, cmd->fault_id, FK_FAULTQ);
		if (!faultq)
			return -ENOENT;
	}
	if (!parent->hwpt.parent)
		return -EINVAL;
	if (!(vtd->ecap & VIQ_VTD_ECAP_NEST) || vtd->legacy_mode || cmd->data_type != UAPI_IOMMU_HWPT_DATA_VTD_S1)
		return -EOPNOTSUPP;
	if (cmd->data_len != sizeof(*data))
		return -EINVAL;
	if (!data)
		return -EFAULT;
	if (data->__reserved)
		return -EOPNOTSUPP;
	o = fk_object_new(ctx, FK_NESTED);
	o->nested.parent = parent;
	o->nested.pasid = cmd->flags & UAPI_IOMMU_HWPT_ALLOC_PASID;
	o->nested.s1 = (struct viq_linux_vtd_s1){
		.flags = data->flags, .pgtbl_addr = data->pgtbl_addr, .addr_width = data->addr_width};
	o->nested.faultq = faultq;
	if (faultq)
		faultq->users++;
	parent->users++;
	cmd->out_hwpt_id = o->id;
	return 0;
}

/* --- Attaching ---------------------------------------------------------------------------------------------------- */

bool fk_vtd_pasid_compatible(const struct fk_object *pt)
{
	return pt->type == FK_NESTED ? pt->nested.pasid : pt->hwpt.pasid;
}

bool fk_vtd_has_pasids(const struct fk_object *device)
{
	for (uint32_t i = 0; i < FK_PASIDS; i++) {
		if (device->device.pasids[i])
			return true;
	}
	return false;
}

/* As intel_pasid_setup_nested(). */
int fk_vtd_check_attach(const struct fk_smmu *vtd, const struct fk_device *dev, const struct fk_object *pt)
{
	const struct viq_linux_vtd_s1 *s1 = &pt->nested.s1;

	if (pt->type != FK_NESTED)
		return 0;
	if (pt->nested.faultq && !dev->pri)
		return -ENODEV;
	if (s1->addr_width != 48 && (s1->addr_width != 57 || !(vtd->cap & VIQ_VTD_CAP_FS5LP)))
		return -EINVAL;
	if (s1->flags & UAPI_IOMMU_VTD_S1_SRE && !(vtd->ecap & VIQ_VTD_ECAP_SRS))
		return -EINVAL;
	if (s1->flags & UAPI_IOMMU_VTD_S1_EAFE && !(vtd->ecap & VIQ_VTD_ECAP_EAFS))
		return -EINVAL;
	return 0;
}

static uint32_t place(const struct fk_device *dev, uint32_t pasid)
{
	uint32_t i = 0;

	while (i < FK_PASIDS && dev->pasids[i].pasid != pasid)
		i++;
	return i;
}

int fk_vtd_attach_pasid(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *device, uint32_t pasid,
			uint32_t id)
{
	struct fk_device *dev = &fk->devices[device->device.device];
	const struct fk_smmu *vtd = &fk->smmus[dev->smmu];
	struct fk_object *pt = fk_find(ctx, id), **attached;
	uint32_t i = place(dev, pasid);
	int err;

	if (vtd->type != VIQ_LINUX_HW_VTD)
		return -EOPNOTSUPP;
	if (!pt)
		return -ENOENT;
	if (!pasid || pasid >> dev->max_pasid_log2 || (pt->type != FK_HWPT && pt->type != FK_NESTED))
		return -EINVAL;
	if (!fk_vtd_pasid_compatible(pt) ||
	    (device->device.attached && !fk_vtd_pasid_compatible(device->device.attached)))
		return -EINVAL;
	if (i == FK_PASIDS)
		i = place(dev, 0);
	if (i == FK_PASIDS)
		return -ENOMEM;
	attached = &device->device.pasids[i];
	err = fk_vtd_check_attach(vtd, dev, pt);
	if (err) {
		/* The old entry has been torn down by then, and is still in the books. */
		dev->pasids[i].mode = FK_BLOCKED;
		return err;
	}
	if (*attached) {
		fk_pages_detach(fk, *attached, device->device.device, pasid, true);
		(*attached)->users--;
	}
	*attached = pt;
	pt->users++;
	dev->pasids[i] = (struct fk_pasid){
		.pasid = pasid, .mode = pt->type == FK_HWPT ? FK_OWN_TABLES : FK_TRANSLATE, .attached = pt->id};
	if (pt->type == FK_NESTED)
		dev->pasids[i].s1 = pt->nested.s1;
	dev->attaches++;
	return 0;
}

void fk_vtd_detach_pasid(struct fake_kernel *fk, struct fk_object *device, uint32_t pasid)
{
	struct fk_device *dev = &fk->devices[device->device.device];
	uint32_t i = place(dev, pasid);

	if (!pasid || i == FK_PASIDS || !device->device.pasids[i])
		return;
	fk_pages_detach(fk, device->device.pasids[i], device->device.device, pasid, false);
	device->device.pasids[i]->users--;
	device->device.pasids[i] = NULL;
	dev->pasids[i] = (struct fk_pasid){0};
}

const struct fk_pasid *fake_kernel_pasid(const struct fake_kernel *fk, uint32_t device, uint32_t pasid)
{
	const struct fk_device *dev = &fk->devices[device];
	uint32_t i = place(dev, pasid);

	return pasid && i < FK_PASIDS && dev->pasids[i].mode != FK_BLOCKED ? &dev->pasids[i] : NULL;
}

/* --- Invalidation ------------------------------------------------------------------------------------------------- */

static struct fk_plan *find_plan(struct fake_kernel *fk, const struct viq_vtd_s1_entry *e)
{
	for (int i = 0; i < FK_PLANS; i++) {
		struct fk_plan *plan = &fk->plans[i];

		if ((plan->err || plan->swallowed) && plan->times && !((e->addr ^ plan->cmd[0]) & plan->mask[0]) &&
		    !((e->npages ^ plan->cmd[1]) & plan->mask[1])) {
			plan->times -= plan->times > 0;
			return plan;
		}
	}
	return NULL;
}

/* One entry: 0, or the call ends here. */
static int entry(struct fake_kernel *fk, const struct fk_object *nested, const struct viq_vtd_s1_entry *e, uint32_t i,
		 uint32_t *error)
{
	struct fk_plan *plan;

	if (fk->before_entry)
		fk->before_entry(fk, fk->inv_calls, i);
	if (e->flags & ~UAPI_IOMMU_VTD_INV_FLAGS_LEAF || e->reserved)
		return -EOPNOTSUPP;
	if (e->addr % PAGE || (e->npages == UINT64_MAX && e->addr))
		return -EINVAL;
	plan = find_plan(fk, e);
	if (plan && plan->swallowed && error) {
		*error = plan->err == -EIO ? VIQ_VTD_FSTS_IQE : VIQ_VTD_FSTS_ITE;
		return plan->err == -EIO ? -EIO : -ETIMEDOUT;
	}
	if (plan && plan->swallowed) {
		fk->swallowed++;
		return 0;
	}
	if (plan)
		return plan->err;
	fk_effect_add(fk, (struct fk_effect){.cmd = {e->addr, e->npages}, .flags = e->flags, .viommu = nested->id});
	return 0;
}

/* Any entry_len: the part beyond the kernel's struct must be 0. */
static int copy_entry(const uint8_t *user, uint32_t entry_len, struct viq_vtd_s1_entry *e)
{
	if (entry_len < sizeof(*e))
		return -EINVAL;
	for (uint32_t b = sizeof(*e); b < entry_len; b++) {
		if (user[b])
			return -E2BIG;
	}
	memcpy(e, user, sizeof(*e));
	return 0;
}

int fk_vtd_invalidate(struct fake_kernel *fk, const struct fk_object *nested, const void *arg, uint32_t *count,
		      uint32_t *error)
{
	const struct uapi_iommu_hwpt_invalidate *cmd = arg;
	const uint8_t *user = (const void *)(uintptr_t)cmd->data_uptr;

	*count = 0;
	if (cmd->data_type != UAPI_IOMMU_HWPT_INVALIDATE_DATA_VTD_S1)
		return -EINVAL;
	for (uint32_t i = 0; i < cmd->entry_num; i++) {
		struct viq_vtd_s1_entry e;
		int err = copy_entry(user + (size_t)i * cmd->entry_len, cmd->entry_len, &e);

		if (!err)
			err = entry(fk, nested, &e, i, error);
		if (err)
			return err;
		++*count;
	}
	return 0;
}
