/* SPDX-License-Identifier: MIT */
/* Devices: the calls that vfio's character devices take for iommufd. */
#include <errno.h>
#include <string.h>

#include "linux.h"

/* The kernel has one errno for several causes: all that it can mean is said. */
static int explain_bind(struct viq_why *why, int err)
{
	switch (err) {
	case -EINVAL:
		return why_say(why, err, "another program uses the device, or this file is bound already");
	case -EBUSY:
		return why_say(why, err, "a driver uses another device of its IOMMU group: give that to vfio-pci too");
	case -EPERM:
		return why_say(why, err,
			       "another program uses a device of its IOMMU group; or this machine does not isolate "
			       "interrupts (iommufd.allow_unsafe_interrupts=1 allows that)");
	case -ENOTTY:
		return why_say(why, err, "not a vfio cdev, or a kernel before 6.6 or without CONFIG_VFIO_DEVICE_CDEV");
	default:
		return why_say(why, err, "VFIO_DEVICE_BIND_IOMMUFD: %s", strerror(-err));
	}
}

int viq_linux_vfio_bind(struct viq_linux *ctx, int cdev, uint32_t *device, struct viq_why *why)
{
	struct uapi_vfio_device_bind_iommufd cmd = {.argsz = sizeof(cmd)};
	int ret;

	if (!ctx || cdev < 0 || !device)
		return why_say(why, -EINVAL, "ctx, cdev, device: NULL, or no file");
	cmd.iommufd = ctx->fd;
	ret = linux_ioctl(ctx, cdev, UAPI_VFIO_BIND_IOMMUFD, &cmd);
	if (ret)
		return explain_bind(why, ret);
	*device = cmd.out_devid;
	linux_group_new(ctx, *device);
	return 0;
}

int viq_linux_vfio_attach(struct viq_linux *ctx, int cdev, uint32_t pt)
{
	struct uapi_vfio_device_attach_iommufd_pt cmd = {.argsz = UAPI_VFIO_ATTACH_NO_PASID, .pt_id = pt};

	if (!ctx || cdev < 0 || !pt)
		return -EINVAL;
	return linux_ioctl(ctx, cdev, UAPI_VFIO_ATTACH_IOMMUFD_PT, &cmd);
}

int viq_linux_vfio_detach(struct viq_linux *ctx, int cdev)
{
	struct uapi_vfio_device_detach_iommufd_pt cmd = {.argsz = UAPI_VFIO_DETACH_NO_PASID};

	if (!ctx || cdev < 0)
		return -EINVAL;
	return linux_ioctl(ctx, cdev, UAPI_VFIO_DETACH_IOMMUFD_PT, &cmd);
}

/* The kernel takes PASID 0 for requests without PASID. */
static bool pasid_ok(uint32_t pasid)
{
	return pasid && !(pasid >> 20);
}

int viq_linux_vfio_attach_pasid(struct viq_linux *ctx, int cdev, uint32_t pasid, uint32_t pt)
{
	struct uapi_vfio_device_attach_iommufd_pt cmd = {
		.argsz = sizeof(cmd), .flags = UAPI_VFIO_DEVICE_ATTACH_PASID, .pt_id = pt, .pasid = pasid};

	if (!ctx || cdev < 0 || !pasid_ok(pasid) || !pt)
		return -EINVAL;
	return linux_ioctl(ctx, cdev, UAPI_VFIO_ATTACH_IOMMUFD_PT, &cmd);
}

int viq_linux_vfio_detach_pasid(struct viq_linux *ctx, int cdev, uint32_t pasid)
{
	struct uapi_vfio_device_detach_iommufd_pt cmd = {
		.argsz = sizeof(cmd), .flags = UAPI_VFIO_DEVICE_DETACH_PASID, .pasid = pasid};

	if (!ctx || cdev < 0 || !pasid_ok(pasid))
		return -EINVAL;
	return linux_ioctl(ctx, cdev, UAPI_VFIO_DETACH_IOMMUFD_PT, &cmd);
}
