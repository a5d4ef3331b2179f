/* SPDX-License-Identifier: MIT */
/* The fake kernel's objects: how they are made, what pins them, how they go. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <viq/smmuv3_spec.h>
#include <viq/vtd_spec.h>

#include "fake_kernel_inside.h"

#define STE_0_ALLOWED   UINT64_C(0xf80fffffffffffff)
#define STE_1_ALLOWED   UINT64_C(0x00000000380000ff)
#define HWPT_FLAGS      0xfu /* NEST_PARENT, DIRTY_TRACKING, FAULT_ID_VALID, PASID */
#define HWPT_FAULT_ID   (1u << 2)
#define HW_INFO_IN_TYPE (1u << 0)

const char *fk_type_name(enum fk_type type)
{
	static const char *const names[] = {
		[FK_IOAS] = "IOAS",       [FK_HWPT] = "HWPT",       [FK_NESTED] = "nested HWPT", [FK_VIOMMU] = "vIOMMU",
		[FK_VDEVICE] = "vDEVICE", [FK_VEVENTQ] = "vEVENTQ", [FK_FAULTQ] = "fault queue", [FK_DEVICE] = "device",
	};

	return names[type];
}

/* --- Ids ---------------------------------------------------------------------------------------------------------- */

struct fk_object *fk_find(struct fk_ctx *ctx, uint32_t id)
{
	struct fk_object *o = ctx->objects;

	while (o && o->id != id)
		o = o->next;
	return o;
}

struct fk_object *fk_get(struct fk_ctx *ctx, uint32_t id, enum fk_type type)
{
	struct fk_object *o = fk_find(ctx, id);

	return o && o->type == type ? o : NULL;
}

struct fk_object *fk_device_object(struct fk_ctx *ctx, uint32_t device)
{
	for (struct fk_object *o = ctx->objects; o; o = o->next) {
		if (o->type == FK_DEVICE && o->device.device == device)
			return o;
	}
	return NULL;
}

static bool is_tomb(const struct fk_ctx *ctx, uint32_t id)
{
	for (uint32_t i = 0; i < ctx->tomb_count; i++) {
		if (ctx->tombs[i] == id)
			return true;
	}
	return false;
}

/* The lowest free id, as Linux gives it. */
struct fk_object *fk_object_new(struct fk_ctx *ctx, enum fk_type type)
{
	struct fk_object **link = &ctx->objects, *o = calloc(1, sizeof(*o));
	uint32_t id = 1;

	o->type = type;
	while ((*link && (*link)->id == id) || is_tomb(ctx, id)) {
		if (*link && (*link)->id == id)
			link = &(*link)->next;
		id++;
	}
	o->id = id;
	o->next = *link;
	*link = o;
	return o;
}

static void free_mappings(struct fk_mapping *m)
{
	while (m) {
		struct fk_mapping *next = m->next;

		free(m);
		m = next;
	}
}

static void free_events(struct fk_queued_event *e)
{
	while (e) {
		struct fk_queued_event *next = e->next;

		free(e);
		e = next;
	}
}

static void vdevice_gone(struct fk_ctx *ctx, struct fk_object *o)
{
	struct fk_object *device = fk_device_object(ctx, o->vdevice.device);

	o->vdevice.viommu->users--;
	if (device && device->device.vdevice == o)
		device->device.vdevice = NULL;
}

/* Give back what the object holds. Its own users have gone. */
static void release(struct fk_ctx *ctx, struct fk_object *o)
{
	switch (o->type) {
	case FK_IOAS:
		free_mappings(o->ioas.mappings);
		break;
	case FK_HWPT:
		o->hwpt.ioas->users--;
		break;
	case FK_NESTED:
		(o->nested.parent ? o->nested.parent : o->nested.viommu)->users--;
		if (o->nested.faultq)
			o->nested.faultq->users--;
		break;
	case FK_VIOMMU:
		o->viommu.hwpt->users--;
		break;
	case FK_VDEVICE:
		vdevice_gone(ctx, o);
		break;
	case FK_VEVENTQ:
		o->veventq.viommu->users--;
		free_events(o->veventq.events);
		if (o->veventq.file)
			o->veventq.file->queue = NULL;
		break;
	case FK_FAULTQ:
		fk_faultq_free(o);
		break;
	case FK_DEVICE:
		break;
	}
}

void fk_object_free(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *object)
{
	struct fk_object **link = &ctx->objects;

	while (*link != object)
		link = &(*link)->next;
	*link = object->next;
	release(ctx, object);
	free(object);
}

int fk_destroy(struct fake_kernel *fk, struct fk_ctx *ctx, uint32_t id)
{
	struct fk_object *o = fk_find(ctx, id);

	if (!o)
		return -ENOENT;
	if (o->users)
		return -EBUSY;
	fk_object_free(fk, ctx, o);
	return 0;
}

/* The last reference is gone: leaves first. */
void fk_ctx_put(struct fake_kernel *fk, struct fk_ctx *ctx)
{
	if (--ctx->refs)
		return;
	while (ctx->objects) {
		struct fk_object *o = ctx->objects;

		while (o->users)
			o = o->next;
		fk_object_free(fk, ctx, o);
	}
	free(ctx);
}

static bool built_on(const struct fk_object *o, const struct fk_object *base)
{
	switch (o->type) {
	case FK_HWPT:
		return o->hwpt.ioas == base;
	case FK_NESTED:
		return o->nested.viommu == base || o->nested.parent == base;
	case FK_VIOMMU:
		return o->viommu.hwpt == base;
	case FK_VDEVICE:
		return o->vdevice.viommu == base;
	case FK_VEVENTQ:
		return o->veventq.viommu == base;
	case FK_IOAS:
	case FK_FAULTQ:
	case FK_DEVICE:
		break;
	}
	return false;
}

static void lose(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *base)
{
	struct fk_object *o = ctx->objects;

	while (o) {
		if (built_on(o, base)) {
			lose(fk, ctx, o);
			o = ctx->objects;
		} else {
			if (o->type == FK_DEVICE && o->device.attached == base)
				fk_detach(fk, ctx, o);
			for (uint32_t i = 0; o->type == FK_DEVICE && i < FK_PASIDS; i++) {
				if (o->device.pasids[i] == base)
					fk_vtd_detach_pasid(fk, o, fk->devices[o->device.device].pasids[i].pasid);
			}
			o = o->next;
		}
	}
	fk_object_free(fk, ctx, base);
}

void fake_kernel_lose(struct fake_kernel *fk, uint32_t id)
{
	struct fk_object *o = NULL;

	pthread_mutex_lock(&fk->lock);
	for (struct fk_file *file = fk->files; file && !o; file = file->next) {
		if (!file->ctx)
			continue;
		o = fk_find(file->ctx, id);
		if (o && o->type != FK_DEVICE)
			lose(fk, file->ctx, o);
	}
	pthread_mutex_unlock(&fk->lock);
}

/* --- GET_HW_INFO -------------------------------------------------------------------------------------------------- */

int fk_hw_info(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_hw_info *cmd = arg;
	union {
		struct uapi_iommu_hw_info_arm_smmuv3 smmu;
		struct uapi_iommu_hw_info_vtd vtd;
	} regs = {0};
	const struct fk_object *o;
	const struct fk_device *device;
	const struct fk_smmu *smmu;
	uint32_t len = sizeof(regs.smmu);

	if (cmd->flags & ~HW_INFO_IN_TYPE || cmd->__reserved[0] || cmd->__reserved[1] || cmd->__reserved[2])
		return -EOPNOTSUPP;
	o = fk_get(ctx, cmd->dev_id, FK_DEVICE);
	if (!o)
		return -ENOENT;
	device = &fk->devices[o->device.device];
	smmu = &fk->smmus[device->smmu];
	if (smmu->type == VIQ_LINUX_HW_NONE)
		len = 0;
	if (smmu->type == VIQ_LINUX_HW_VTD) {
		len = sizeof(regs.vtd);
		regs.vtd = (struct uapi_iommu_hw_info_vtd){
			.flags = smmu->flags, .cap_reg = smmu->cap, .ecap_reg = smmu->ecap};
	} else {
		regs.smmu.flags = smmu->flags;
		memcpy(regs.smmu.idr, smmu->idr, sizeof(smmu->idr));
		regs.smmu.iidr = smmu->iidr;
		regs.smmu.aidr = smmu->aidr;
	}
	if (cmd->data_len) {
		uint8_t *user = (void *)(uintptr_t)cmd->data_uptr;
		uint32_t n = cmd->data_len < len ? cmd->data_len : len;

		if (!user)
			return -EFAULT;
		memcpy(user, &regs, n);
		memset(user + n, 0, cmd->data_len - n);
	}
	cmd->data_len = len;
	cmd->out_data_type = smmu->type;
	cmd->out_max_pasid_log2 = (uint8_t)device->max_pasid_log2;
	cmd->out_capabilities = device->capabilities;
	return 0;
}

/* --- Page tables -------------------------------------------------------------------------------------------------- */

static bool can_be_parent(const struct fk_smmu *smmu)
{
	if (smmu->type == VIQ_LINUX_HW_VTD)
		return smmu->ecap & VIQ_VTD_ECAP_NEST && !smmu->legacy_mode;
	return smmu->type == VIQ_LINUX_HW_SMMUV3 && smmu->idr[0] & VIQ_SMMUV3_IDR0_S2P &&
	       smmu->idr[0] & VIQ_SMMUV3_IDR0_S1P;
}

static int paging_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, const struct fk_object *device,
			struct fk_object *ioas, struct uapi_iommu_hwpt_alloc *cmd)
{
	const struct fk_device *dev = &fk->devices[device->device.device];
	const struct fk_smmu *smmu = &fk->smmus[dev->smmu];
	bool parent = cmd->flags & UAPI_IOMMU_HWPT_ALLOC_NEST_PARENT;
	struct fk_object *o;

	if (cmd->flags & ~HWPT_FLAGS || cmd->data_len)
		return -EOPNOTSUPP;
	if (cmd->flags & UAPI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING && !(dev->capabilities & VIQ_LINUX_CAP_DIRTY_TRACKING))
		return -EOPNOTSUPP;
	if (parent && (cmd->flags & HWPT_FAULT_ID || !can_be_parent(smmu)))
		return -EOPNOTSUPP;
	/* As arm_smmu_domain_alloc_paging_flags(): a parent is nothing else. */
	if (parent && smmu->type == VIQ_LINUX_HW_SMMUV3 && cmd->flags != UAPI_IOMMU_HWPT_ALLOC_NEST_PARENT)
		return -EOPNOTSUPP;
	o = fk_object_new(ctx, FK_HWPT);
	o->hwpt.ioas = ioas;
	o->hwpt.smmu = dev->smmu;
	o->hwpt.parent = parent;
	o->hwpt.pasid = cmd->flags & UAPI_IOMMU_HWPT_ALLOC_PASID;
	ioas->users++;
	cmd->out_hwpt_id = o->id;
	return 0;
}

/* As arm_smmu_validate_vste(). */
static int validate_ste(uint64_t ste[2], bool *ats)
{
	uint64_t config = VIQ_GET(VIQ_SMMUV3_STE_0_CONFIG, ste[0]);
	uint64_t eats = VIQ_GET(VIQ_SMMUV3_STE_1_EATS, ste[1]);

	*ats = false;
	if (!(ste[0] & VIQ_SMMUV3_STE_0_V)) {
		ste[0] = ste[1] = 0;
		return 0;
	}
	if (ste[0] & ~STE_0_ALLOWED || ste[1] & ~STE_1_ALLOWED)
		return -EIO;
	if (config != VIQ_SMMUV3_STE_CONFIG_ABORT && config != VIQ_SMMUV3_STE_CONFIG_BYPASS &&
	    config != VIQ_SMMUV3_STE_CONFIG_S1)
		return -EIO;
	if (eats > 1)
		return -EIO;
	*ats = eats && config == VIQ_SMMUV3_STE_CONFIG_S1;
	return 0;
}

static int nested_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, const struct fk_object *device,
			struct fk_object *viommu, struct uapi_iommu_hwpt_alloc *cmd)
{
	const struct uapi_iommu_hwpt_arm_smmuv3 *data = (const void *)(uintptr_t)cmd->data_uptr;
	uint64_t ste[2];
	struct fk_object *o;
	bool ats;
	int ret;

	if (viommu->viommu.smmu != fk->devices[device->device.device].smmu)
		return -EINVAL;
	if (cmd->flags || !cmd->data_len)
		return -EOPNOTSUPP;
	if (cmd->data_type != UAPI_IOMMU_HWPT_DATA_ARM_SMMUV3 || cmd->data_len != sizeof(*data))
		return -EINVAL;
	if (!data)
		return -EFAULT;
	ste[0] = le64toh(data->ste[0].raw);
	ste[1] = le64toh(data->ste[1].raw);
	ret = validate_ste(ste, &ats);
	if (ret)
		return ret;
	o = fk_object_new(ctx, FK_NESTED);
	o->nested.viommu = viommu;
	o->nested.ats = ats;
	memcpy(o->nested.ste, ste, sizeof(ste));
	viommu->users++;
	cmd->out_hwpt_id = o->id;
	return 0;
}

int fk_hwpt_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_hwpt_alloc *cmd = arg;
	struct fk_object *device, *pt;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if ((cmd->data_type == UAPI_IOMMU_HWPT_DATA_NONE) != !cmd->data_len)
		return -EINVAL;
	device = fk_get(ctx, cmd->dev_id, FK_DEVICE);
	if (!device)
		return -ENOENT;
	pt = fk_find(ctx, cmd->pt_id);
	if (pt && pt->type == FK_IOAS)
		return paging_alloc(fk, ctx, device, pt, cmd);
	if (pt && pt->type == FK_VIOMMU)
		return nested_alloc(fk, ctx, device, pt, cmd);
	if (pt && pt->type == FK_HWPT && fk->smmus[fk->devices[device->device.device].smmu].type == VIQ_LINUX_HW_VTD)
		return fk_vtd_nested_alloc(ctx, &fk->smmus[fk->devices[device->device.device].smmu], pt, cmd);
	/* Nesting on a HWPT is VT-d's way, which the SMMUv3 driver has not. */
	return pt && pt->type == FK_HWPT ? -EOPNOTSUPP : -EINVAL;
}

/* --- vIOMMU, vDEVICE ---------------------------------------------------------------------------------------------- */

static bool can_nest(const struct fk_smmu *smmu, const struct fk_device *device)
{
	return smmu->type == VIQ_LINUX_HW_SMMUV3 && smmu->idr[0] & VIQ_SMMUV3_IDR0_S1P &&
	       smmu->idr[0] & VIQ_SMMUV3_IDR0_S2P && (device->coherent || smmu->idr[3] & VIQ_SMMUV3_IDR3_FWB);
}

int fk_viommu_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_viommu_alloc *cmd = arg;
	const struct fk_device *dev;
	struct fk_object *device, *hwpt, *o;

	if (cmd->flags || !cmd->type)
		return -EOPNOTSUPP;
	device = fk_get(ctx, cmd->dev_id, FK_DEVICE);
	if (!device)
		return -ENOENT;
	dev = &fk->devices[device->device.device];
	if (!can_nest(&fk->smmus[dev->smmu], dev) || cmd->type != UAPI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3)
		return -EOPNOTSUPP;
	hwpt = fk_get(ctx, cmd->hwpt_id, FK_HWPT);
	if (!hwpt)
		return -ENOENT;
	if (!hwpt->hwpt.parent || hwpt->hwpt.smmu != dev->smmu)
		return -EINVAL;
	o = fk_object_new(ctx, FK_VIOMMU);
	o->viommu.hwpt = hwpt;
	o->viommu.smmu = dev->smmu;
	hwpt->users++;
	cmd->out_viommu_id = o->id;
	return 0;
}

static bool vsid_used(const struct fk_ctx *ctx, const struct fk_object *viommu, uint64_t vsid)
{
	for (const struct fk_object *o = ctx->objects; o; o = o->next) {
		if (o->type == FK_VDEVICE && o->vdevice.viommu == viommu && o->vdevice.vsid == vsid)
			return true;
	}
	return false;
}

int fk_vdevice_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_vdevice_alloc *cmd = arg;
	struct fk_object *viommu, *device, *o;

	viommu = fk_get(ctx, cmd->viommu_id, FK_VIOMMU);
	if (!viommu)
		return -ENOENT;
	device = fk_get(ctx, cmd->dev_id, FK_DEVICE);
	if (!device)
		return -ENOENT;
	if (fk->devices[device->device.device].smmu != viommu->viommu.smmu)
		return -EINVAL;
	if (device->device.vdevice || vsid_used(ctx, viommu, cmd->virt_id))
		return -EEXIST;
	if (fk->devices[device->device.device].streams != 1)
		return -EOPNOTSUPP;
	o = fk_object_new(ctx, FK_VDEVICE);
	o->vdevice.viommu = viommu;
	o->vdevice.device = device->device.device;
	o->vdevice.vsid = cmd->virt_id;
	viommu->users++;
	device->device.vdevice = o;
	cmd->out_vdevice_id = o->id;
	return 0;
}
