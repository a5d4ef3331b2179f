// SPDX-License-Identifier: MIT
/* Devices: which vfio has, which it could have, and who has those. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "tool.h"

#define PCI "sys/bus/pci/devices"

/* --- Devices that vfio has ---------------------------------------------------------------------------------------- */

static bool is_vfio(const char *driver)
{
	return strstr(driver, "vfio") != NULL; /* vfio-pci, mlx5_vfio_pci, vfio-platform, ... */
}

/* Only drivers that do no DMA may have the others of a group: else the kernel refuses to bind. */
static bool harmless(const char *driver)
{
	return !driver[0] || is_vfio(driver) || !strcmp(driver, "pcieport") || !strcmp(driver, "pci-stub");
}

/* Another device of the group that is in the way: its name and driver. */
static bool group_is_shared(const struct doctor *d, const struct doctor_device *device, char name[DOCTOR_NAME],
			    char driver[DOCTOR_NAME])
{
	struct doctor_list list;
	bool shared = false;
	int i;

	doctor_list(d, &list, "sys/class/vfio-dev/%s/device/iommu_group/devices", device->cdev);
	for (i = 0; i < list.count && !shared; i++) {
		snprintf(name, DOCTOR_NAME, "%.*s", DOCTOR_NAME - 1, list.entries[i]->d_name);
		doctor_link(d, driver, PCI "/%s/driver", name);
		shared = !harmless(driver);
	}
	doctor_list_free(&list);
	return shared;
}

static void judge_device(struct doctor *d, struct doctor_device *device)
{
	char other[DOCTOR_NAME], driver[DOCTOR_NAME];

	const char *lacks = NULL;
	uint64_t ecap;

	switch (doctor_iommu_kind(device->iommu)) {
	case DOCTOR_IOMMU_NONE:
		doctor_find(d, DOCTOR_WARNING, "device", "%s (%s): no IOMMU in front of it", device->name,
			    device->cdev);
		return;
	case DOCTOR_IOMMU_OTHER:
		doctor_find(d, DOCTOR_WARNING, "device",
			    "%s (%s): the IOMMU in front of it, %s, is no SMMUv3 and no VT-d", device->name,
			    device->cdev, device->iommu);
		return;
	case DOCTOR_IOMMU_VTD:
		lacks = doctor_vtd_ecap(d, device->iommu, &ecap) ? doctor_vtd_lacks(ecap) : NULL;
		break;
	case DOCTOR_IOMMU_SMMUV3:
		break;
	}
	if (lacks) {
		doctor_find(d, DOCTOR_WARNING, "device", "%s (%s): the VT-d unit in front of it, %s, has no %s",
			    device->name, device->cdev, device->iommu, lacks);
		return;
	}
	if (group_is_shared(d, device, other, driver)) {
		doctor_find(d, DOCTOR_WARNING, "device", "%s (%s): %s of the same IOMMU group belongs to %s",
			    device->name, device->cdev, other, driver);
		doctor_remedy(d, "give %s to vfio-pci too, or to no driver", other);
		return;
	}
	if (d->ctx && d->tries) {
		doctor_try(d, device);
		return;
	}
	device->use = DOCTOR_USE_UNKNOWN;
	doctor_find(d, DOCTOR_OK, "device", "%s (%s): behind %s, has %s; not tried (--try)", device->name, device->cdev,
		    device->iommu, device->driver[0] ? device->driver : "no driver");
}

static void learn_devices(struct doctor *d)
{
	struct doctor_list list;
	int i;

	doctor_list(d, &list, "sys/class/vfio-dev");
	d->devices = calloc((size_t)list.count + 1, sizeof(*d->devices));
	if (!d->devices)
		exit(tool_error(NULL, "out of memory"));
	for (i = 0; i < list.count; i++) {
		struct doctor_device *device = &d->devices[d->device_count++];

		snprintf(device->cdev, sizeof(device->cdev), "%.*s", DOCTOR_NAME - 1, list.entries[i]->d_name);
		doctor_link(d, device->name, "sys/class/vfio-dev/%s/device", device->cdev);
		doctor_link(d, device->driver, "sys/class/vfio-dev/%s/device/driver", device->cdev);
		doctor_link(d, device->iommu, "sys/class/vfio-dev/%s/device/iommu", device->cdev);
	}
	doctor_list_free(&list);
}

/* --- Devices that it has not -------------------------------------------------------------------------------------- */

struct others {
	unsigned int native, free; /* behind an IOMMU that may do: with a driver of their own, with none */
	unsigned int no_cdev;      /* with vfio's driver, but no cdev */
	char name[DOCTOR_NAME];    /* one of each, the first kind that there is */
	char driver[DOCTOR_NAME];
	char no_cdev_name[DOCTOR_NAME];
};

static bool is_bridge(const struct doctor *d, const char *name)
{
	char path[128], class[16];

	snprintf(path, sizeof(path), PCI "/%s/class", name);
	return doctor_line(d, path, class, sizeof(class)) && !strncmp(class, "0x06", 4);
}

static void count_other(const struct doctor *d, const char *name, struct others *others)
{
	char driver[DOCTOR_NAME], iommu[DOCTOR_NAME];
	enum doctor_iommu kind;

	doctor_link(d, driver, PCI "/%s/driver", name);
	doctor_link(d, iommu, PCI "/%s/iommu", name);
	if (is_vfio(driver)) {
		if (doctor_exists(d, PCI "/%s/vfio-dev", name))
			return;
		others->no_cdev++;
		snprintf(others->no_cdev_name, DOCTOR_NAME, "%s", name);
		return;
	}
	kind = doctor_iommu_kind(iommu);
	if ((kind != DOCTOR_IOMMU_SMMUV3 && kind != DOCTOR_IOMMU_VTD) || is_bridge(d, name))
		return;
	if (!driver[0])
		others->free++;
	else
		others->native++;
	if (!others->name[0] || (others->driver[0] && !driver[0])) { /* one that nobody needs is the better example */
		snprintf(others->name, DOCTOR_NAME, "%s", name);
		snprintf(others->driver, DOCTOR_NAME, "%s", driver);
	}
}

static void count_others(const struct doctor *d, struct others *others)
{
	struct doctor_list list;
	char name[DOCTOR_NAME];
	int i;

	doctor_list(d, &list, PCI);
	for (i = 0; i < list.count; i++) {
		snprintf(name, sizeof(name), "%.*s", DOCTOR_NAME - 1, list.entries[i]->d_name);
		count_other(d, name, others);
	}
	doctor_list_free(&list);
}

static void judge_no_device(struct doctor *d, const struct others *others)
{
	const char *name = others->name;

	if (!name[0]) {
		doctor_find(d, DOCTOR_MISSING, "vfio",
			    "no device is bound to vfio-pci, and no PCI device is behind an SMMUv3 or VT-d");
		doctor_remedy(d, "see the findings above: first the IOMMU must be driven");
	} else if (others->driver[0]) {
		doctor_find(d, DOCTOR_MISSING, "vfio", "no device is bound to vfio-pci; %s belongs to %s (%u like it)",
			    name, others->driver, others->native);
		doctor_remedy(
			d,
			"stop what uses it, then as root: modprobe vfio-pci; echo vfio-pci "
			">/sys/bus/pci/devices/%s/driver_override; echo %s >/sys/bus/pci/drivers/%s/unbind; echo %s "
			">/sys/bus/pci/drivers_probe",
			name, name, others->driver, name);
	} else {
		doctor_find(d, DOCTOR_MISSING, "vfio", "no device is bound to vfio-pci; %s has no driver (%u like it)",
			    name, others->free);
		doctor_remedy(
			d,
			"as root: modprobe vfio-pci; echo vfio-pci >/sys/bus/pci/devices/%s/driver_override; echo %s "
			">/sys/bus/pci/drivers_probe",
			name, name);
	}
}

static void judge_devices(struct doctor *d)
{
	size_t i, may = 0;

	for (i = 0; i < d->device_count; i++) {
		judge_device(d, &d->devices[i]);
		may += d->devices[i].use != DOCTOR_USE_NO;
	}
	if (may)
		return;
	doctor_find(d, DOCTOR_MISSING, "vfio", "of the %zu %s that vfio has, none can be used", d->device_count,
		    d->device_count == 1 ? "device" : "devices");
	doctor_remedy(d, "see above what is wrong with each");
}

void doctor_vfio(struct doctor *d)
{
	struct others others = {0};

	learn_devices(d);
	count_others(d, &others);
	if (others.no_cdev) {
		doctor_find(d, d->device_count ? DOCTOR_WARNING : DOCTOR_MISSING, "vfio",
			    "%s is bound to vfio, but has no file in /dev/vfio/devices", others.no_cdev_name);
		doctor_remedy(d, "boot a kernel that is built with CONFIG_VFIO_DEVICE_CDEV");
	}
	if (d->device_count)
		judge_devices(d);
	else if (!others.no_cdev)
		judge_no_device(d, &others);
}
