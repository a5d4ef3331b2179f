/* SPDX-License-Identifier: MIT */
/*
 * The assigned device: what of a real PCI function the guest sees and touches (Linux: Documentation/driver-api/vfio.rst
 * and <linux/vfio.h>). Its DMA is not here but in smmu.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "assigned.h"

int assigned_open(const char *path)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	int cdev = open(path, O_RDWR | O_CLOEXEC);

	if (cdev < 0 && errno == ENOENT)
		die("%s is not there. A PCI device gets such a file from the driver vfio-pci: write \"vfio-pci\" to "
		    "its "
		    "driver_override in /sys/bus/pci/devices/ADDRESS, its ADDRESS to driver/unbind there, then to "
		    "/sys/bus/pci/drivers_probe; the name is in its vfio-dev folder",
		    path);
	if (cdev < 0 && (errno == EACCES || errno == EPERM))
		die("%s: no permission; it is root's unless it has been given to another user (chown)", path);
	if (cdev < 0)
		die("%s: %s", path, strerror(errno));
	/* A cdev answers that it is too early to ask; nothing else knows the question. */
	if (ioctl(cdev, VFIO_DEVICE_GET_INFO, &info) && errno == ENOTTY)
		die("%s is not a device of vfio", path);
	return cdev;
}

void get_region(const struct assigned *a, uint32_t index, union region *region)
{
	*region = (union region){.info = {.argsz = sizeof(*region), .index = index}};
	if (ioctl(a->cdev, VFIO_DEVICE_GET_REGION_INFO, &region->info))
		die("the device's region %u: %s", index, strerror(errno));
}

struct assigned *assigned_create(struct vm *vm, int cdev)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	struct assigned *a = calloc(1, sizeof(*a));
	union region config;

	if (!a)
		die("no memory");
	a->vm = vm;
	a->cdev = cdev;
	pthread_mutex_init(&a->lock, NULL);
	if (ioctl(cdev, VFIO_DEVICE_GET_INFO, &info) || !(info.flags & VFIO_DEVICE_FLAGS_PCI))
		die("the device is not a PCI device of vfio");
	msi_check_window(cdev);
	get_region(a, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	a->config = config.info.offset;
	config_create(a);
	bars_create(a);
	return a;
}

void assigned_destroy(struct assigned *a)
{
	msi_destroy(a);
	bars_destroy(a);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
