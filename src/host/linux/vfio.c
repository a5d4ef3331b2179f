/* SPDX-License-Identifier: MIT */
/* Devices: the calls that vfio's character devices take for iommufd. */
#include <errno.h>

#include "linux.h"

int viq_linux_vfio_bind(struct viq_linux *ctx, int cdev, uint32_t *device)
{
	struct uapi_vfio_device_bind_iommufd cmd = {.argsz = sizeof(cmd)};
	int ret;

	if (!ctx || cdev < 0 || !device)
		return -EINVAL;
	cmd.iommufd = ctx->fd;
	ret = linux_ioctl(ctx, cdev, UAPI_VFIO_BIND_IOMMUFD, &cmd);
	if (!ret)
		*device = cmd.out_devid;
	return ret;
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
