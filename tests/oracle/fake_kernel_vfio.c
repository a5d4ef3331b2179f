/* SPDX-License-Identifier: MIT */
/* The fake kernel's vfio devices: bind, attach, detach, and what the stream's STE becomes. */
#include <errno.h>
#include <string.h>

#include <viq/smmuv3_spec.h>

#include "fake_kernel_inside.h"

/* vIOMMU whose vDEVICE the device is, or NULL. */
static struct fk_object *viommu_of(const struct fk_object *device)
{
	return device->device.vdevice ? device->device.vdevice->vdevice.viommu : NULL;
}

static enum fk_mode mode_of(const struct fk_object *pt)
{
	if (pt->type == FK_HWPT)
		return FK_OWN_TABLES;
	if (pt->nested.parent)
		return FK_TRANSLATE;
	switch (VIQ_GET(VIQ_SMMUV3_STE_0_CONFIG, pt->nested.ste[0])) {
	case VIQ_SMMUV3_STE_CONFIG_S1:
		return FK_TRANSLATE;
	case VIQ_SMMUV3_STE_CONFIG_BYPASS:
		return FK_BYPASS;
	}
	return FK_ABORT;
}

static uint32_t smmu_of(const struct fk_object *pt)
{
	if (pt->type == FK_HWPT)
		return pt->hwpt.smmu;
	return pt->nested.parent ? pt->nested.parent->hwpt.smmu : pt->nested.viommu->viommu.smmu;
}

/* The driver's part: may the stream be set up like this? As arm_smmu_attach_dev_nested(). */
static int check_attach(const struct fake_kernel *fk, const struct fk_object *device, const struct fk_object *pt)
{
	const struct fk_smmu *smmu = &fk->smmus[fk->devices[device->device.device].smmu];

	/* VT-d: a stage 2 may serve units that are alike, which those of a test are. */
	if (smmu->type == VIQ_LINUX_HW_VTD)
		return fk_vtd_has_pasids(device) && !fk_vtd_pasid_compatible(pt)
			       ? -EINVAL
			       : fk_vtd_check_attach(smmu, &fk->devices[device->device.device], pt);
	if (smmu_of(pt) != fk->devices[device->device.device].smmu)
		return -EINVAL;
	if (pt->type == FK_NESTED && mode_of(pt) == FK_TRANSLATE && viommu_of(device) != pt->nested.viommu)
		return -ENOENT;
	return 0;
}

static void put_table(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *pt)
{
	pt->users--;
	if (pt->type == FK_HWPT && pt->hwpt.automatic && !pt->users)
		fk_object_free(fk, ctx, pt);
}

static void set_stream(struct fake_kernel *fk, struct fk_object *device, const struct fk_object *pt)
{
	struct fk_device *dev = &fk->devices[device->device.device];

	device->device.vmaster = NULL;
	dev->mode = pt ? mode_of(pt) : FK_BLOCKED;
	dev->attached = pt ? pt->id : 0;
	memset(dev->ste, 0, sizeof(dev->ste));
	memset(&dev->s1, 0, sizeof(dev->s1));
	dev->ats = false;
	if (!pt || pt->type != FK_NESTED)
		return;
	dev->s1 = pt->nested.s1;
	memcpy(dev->ste, pt->nested.ste, sizeof(dev->ste));
	dev->ats = pt->nested.ats;
	if (pt->nested.viommu && viommu_of(device) == pt->nested.viommu) {
		device->device.vmaster = pt->nested.viommu;
		device->device.vsid = device->device.vdevice->vdevice.vsid;
	}
}

/* --- IOMMU groups: hardware is set up for all of one, whichever of its devices a call names --- */

/* Is o a bound device of device's group, or device itself? */
static bool in_group(const struct fake_kernel *fk, const struct fk_object *o, const struct fk_object *device)
{
	uint32_t group = fk->devices[device->device.device].group;

	return o == device || (o->type == FK_DEVICE && group && fk->devices[o->device.device].group == group);
}

/* What the group is attached to. */
static struct fk_object *group_table(const struct fake_kernel *fk, const struct fk_ctx *ctx,
				     const struct fk_object *device)
{
	for (struct fk_object *o = ctx->objects; o; o = o->next) {
		if (in_group(fk, o, device) && o->device.attached)
			return o->device.attached;
	}
	return NULL;
}

static int check_group(const struct fake_kernel *fk, const struct fk_ctx *ctx, const struct fk_object *device,
		       const struct fk_object *pt)
{
	int ret = 0;

	for (const struct fk_object *o = ctx->objects; o && !ret; o = o->next) {
		if (in_group(fk, o, device))
			ret = check_attach(fk, o, pt);
	}
	return ret;
}

static void set_group(struct fake_kernel *fk, const struct fk_ctx *ctx, const struct fk_object *device,
		      const struct fk_object *pt)
{
	for (struct fk_object *o = ctx->objects; o; o = o->next) {
		if (in_group(fk, o, device))
			set_stream(fk, o, pt);
	}
}

/* Those of the group that were attached are to pt now, and so is device. */
static void replace_group(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *device, struct fk_object *pt)
{
	for (struct fk_object *o = ctx->objects; o; o = o->next) {
		struct fk_object *old;

		if (!in_group(fk, o, device) || (o != device && !o->device.attached))
			continue;
		old = o->device.attached;
		pt->users++;
		o->device.attached = pt;
		if (old) {
			fk_pages_detach(fk, old, o->device.device, 0, true);
			put_table(fk, ctx, old);
		}
	}
}

void fk_detach(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *device)
{
	struct fk_object *old = device->device.attached;

	if (!old)
		return;
	device->device.attached = NULL;
	if (!group_table(fk, ctx, device))
		set_group(fk, ctx, device, NULL);
	fk_pages_detach(fk, old, device->device.device, 0, false);
	put_table(fk, ctx, old);
}

static struct fk_object *automatic_table(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *ioas,
					 uint32_t smmu)
{
	struct fk_object *o;

	for (o = ctx->objects; o; o = o->next) {
		if (o->type == FK_HWPT && o->hwpt.automatic && o->hwpt.ioas == ioas && o->hwpt.smmu == smmu)
			return o;
	}
	o = fk_object_new(ctx, FK_HWPT);
	o->hwpt.ioas = ioas;
	o->hwpt.smmu = smmu;
	o->hwpt.automatic = true;
	ioas->users++;
	return o;
}

static int attach(struct fake_kernel *fk, struct fk_ctx *ctx, struct fk_object *device, uint32_t *id)
{
	struct fk_device *dev = &fk->devices[device->device.device];
	struct fk_object *pt = fk_find(ctx, *id), *old = device->device.attached, *group;
	const struct fk_object *ioas;
	int ret;

	if (!pt)
		return -ENOENT;
	if (pt->type != FK_IOAS && pt->type != FK_HWPT && pt->type != FK_NESTED)
		return -EINVAL;
	ret = pt->type == FK_IOAS ? 0 : check_group(fk, ctx, device, pt);
	if (ret)
		return ret;
	if (pt == old)
		return 0;
	group = group_table(fk, ctx, device);
	if (!old && group && group != pt &&
	    !(group->type == FK_HWPT && group->hwpt.automatic && group->hwpt.ioas == pt))
		return -EINVAL;
	ioas = pt->type == FK_IOAS   ? pt
	       : pt->type == FK_HWPT ? pt->hwpt.ioas
	       : pt->nested.parent   ? pt->nested.parent->hwpt.ioas
				     : pt->nested.viommu->viommu.hwpt->hwpt.ioas;
	if (!fk_reserved(ctx, ioas) && !fk_reservable(fk, ioas))
		return -EADDRINUSE;
	if (pt->type == FK_IOAS)
		pt = automatic_table(fk, ctx, pt, dev->smmu);
	replace_group(fk, ctx, device, pt);
	set_group(fk, ctx, device, pt);
	dev->attaches++;
	*id = pt->id;
	return 0;
}

/* The device's file goes: Linux detaches, destroys the vDEVICE itself and keeps its id from use. */
void fk_unbind(struct fake_kernel *fk, struct fk_file *cdev)
{
	struct fk_ctx *ctx = cdev->ctx;
	struct fk_object *device = ctx ? fk_device_object(ctx, cdev->device) : NULL;

	if (!device)
		return;
	for (uint32_t i = 0; i < FK_PASIDS; i++)
		fk_vtd_detach_pasid(fk, device, fk->devices[cdev->device].pasids[i].pasid);
	fk_detach(fk, ctx, device);
	if (device->device.vdevice) {
		if (ctx->tomb_count < sizeof(ctx->tombs) / sizeof(ctx->tombs[0]))
			ctx->tombs[ctx->tomb_count++] = device->device.vdevice->id;
		fk_object_free(fk, ctx, device->device.vdevice);
	}
	fk->devices[cdev->device].object_id = 0;
	fk_object_free(fk, ctx, device);
}

static struct fk_ctx *iommufd_of(const struct fake_kernel *fk, int fd, int *err)
{
	const struct fk_file *file = fk_file_find(fk, fd);

	*err = !file ? -EBADF : file->type == FK_FILE_IOMMUFD ? 0 : -EBADFD;
	return *err ? NULL : file->ctx;
}

static int bind(struct fake_kernel *fk, struct fk_file *cdev, void *arg)
{
	struct uapi_vfio_device_bind_iommufd *user = arg, cmd = {0};
	struct fk_ctx *ctx;
	struct fk_object *o;
	int err;

	if (user->argsz < 16)
		return -EINVAL;
	for (uint32_t i = sizeof(cmd); i < user->argsz; i++) {
		if (((const uint8_t *)arg)[i])
			return -E2BIG;
	}
	memcpy(&cmd, user, user->argsz < sizeof(cmd) ? user->argsz : sizeof(cmd));
	if (cmd.iommufd < 0 || cmd.flags) /* the one flag is a token, which this device does not take */
		return -EINVAL;
	if (cdev->ctx)
		return -EINVAL;
	ctx = iommufd_of(fk, cmd.iommufd, &err);
	if (!ctx)
		return err;
	o = fk_object_new(ctx, FK_DEVICE);
	o->users++; /* vfio */
	o->device.device = cdev->device;
	ctx->refs++;
	cdev->ctx = ctx;
	fk->devices[cdev->device].object_id = o->id;
	set_stream(fk, o, group_table(fk, ctx, o));
	user->out_devid = o->id;
	return 0;
}

int fk_vfio_ioctl(struct fake_kernel *fk, struct fk_file *cdev, unsigned long request, void *arg)
{
	struct uapi_vfio_device_attach_iommufd_pt *at = arg;
	const struct uapi_vfio_device_detach_iommufd_pt *de = arg;
	struct fk_object *device;

	if (request == UAPI_VFIO_BIND_IOMMUFD)
		return arg ? bind(fk, cdev, arg) : -EFAULT;
	if (!cdev->ctx)
		return -EINVAL;
	device = fk_device_object(cdev->ctx, cdev->device);
	switch (request) {
	case UAPI_VFIO_ATTACH_IOMMUFD_PT:
		if (at->argsz < UAPI_VFIO_ATTACH_NO_PASID || at->flags & ~UAPI_VFIO_DEVICE_ATTACH_PASID)
			return -EINVAL;
		if (at->flags)
			return at->argsz < sizeof(*at)
				       ? -EINVAL
				       : fk_vtd_attach_pasid(fk, cdev->ctx, device, at->pasid, at->pt_id);
		return attach(fk, cdev->ctx, device, &at->pt_id);
	case UAPI_VFIO_DETACH_IOMMUFD_PT:
		if (de->argsz < UAPI_VFIO_DETACH_NO_PASID || de->flags & ~UAPI_VFIO_DEVICE_DETACH_PASID ||
		    (de->flags && de->argsz < sizeof(*de)))
			return -EINVAL;
		if (de->flags) {
			fk_vtd_detach_pasid(fk, device, de->pasid);
			return 0;
		}
		fk_detach(fk, cdev->ctx, device);
		return 0;
	}
	return -ENOTTY;
}
