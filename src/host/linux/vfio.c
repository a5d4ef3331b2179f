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
	struct uapi_vfio_device_attach_iommufd_pt cmd = {.argsz = sizeof(cmd), .pt_id = pt};

	if (!ctx || cdev < 0 || !pt)
		return -EINVAL;
	return linux_ioctl(ctx, cdev, UAPI_VFIO_ATTACH_IOMMUFD_PT, &cmd);
}

int viq_linux_vfio_detach(struct viq_linux *ctx, int cdev)
{
	struct uapi_vfio_device_detach_iommufd_pt cmd = {.argsz = sizeof(cmd)};

	if (!ctx || cdev < 0)
		return -EINVAL;
	return linux_ioctl(ctx, cdev, UAPI_VFIO_DETACH_IOMMUFD_PT, &cmd);
}
