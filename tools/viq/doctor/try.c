// SPDX-License-Identifier: MIT
/* A device, tried: everything that nesting needs is made on it, up to the vIOMMU, and destroyed again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <viq/smmuv3_spec.h>
#include <viq/vtd_spec.h>

#include "doctor.h"

static void fail(struct doctor *d, struct doctor_device *device, const char *what, int err)
{
	doctor_find(d, DOCTOR_WARNING, "device", "%s (%s): %s: %s", device->name, device->cdev, what, strerror(-err));
}

/* --- What the IOMMU has ------------------------------------------------------------------------------------------- */

static void add(char *text, size_t size, bool has, const char *name)
{
	size_t len = strlen(text);

	if (has)
		snprintf(text + len, size - len, ", %s", name);
}

static void describe_vtd(const struct viq_linux_hw_info *hw, char *out, size_t size)
{
	snprintf(out, size, "VT-d, PASIDs of %u bits", hw->max_pasid_log2);
	add(out, size, hw->cap & VIQ_VTD_CAP_FS5LP, "57-bit addresses");
	add(out, size, hw->ecap & VIQ_VTD_ECAP_DT && !(hw->capabilities & VIQ_LINUX_CAP_NO_ATS), "ATS");
	add(out, size, hw->ecap & VIQ_VTD_ECAP_SC, "snoop control");
}

static void describe_smmu(const struct viq_linux_hw_info *hw, char *out, size_t size)
{
	const uint32_t *idr = hw->idr;

	snprintf(out, size, "SMMUv3.%u, StreamIDs of %u bits, SubstreamIDs of %u", hw->aidr & 0xf,
		 (unsigned int)VIQ_GET(VIQ_SMMUV3_IDR1_SIDSIZE, idr[1]),
		 (unsigned int)VIQ_GET(VIQ_SMMUV3_IDR1_SSIDSIZE, idr[1]));
	add(out, size, idr[0] & VIQ_SMMUV3_IDR0_S1P && idr[0] & VIQ_SMMUV3_IDR0_S2P, "both stages");
	add(out, size, idr[3] & VIQ_SMMUV3_IDR3_FWB, "S2FWB");
	add(out, size, idr[3] & VIQ_SMMUV3_IDR3_RIL, "range invalidation");
	add(out, size, idr[0] & VIQ_SMMUV3_IDR0_ATS && !(hw->capabilities & VIQ_LINUX_CAP_NO_ATS), "ATS");
	add(out, size, idr[0] & VIQ_SMMUV3_IDR0_ASID16, "16-bit ASIDs");
	add(out, size, idr[5] & VIQ_SMMUV3_IDR5_DS, "52-bit addresses");
	add(out, size, hw->flags & VIQ_LINUX_SMMUV3_REPEAT_TLBI_CFGI, "must be told everything twice");
}

/* --- Step by step ------------------------------------------------------------------------------------------------- */

static void judge_open(struct doctor *d, struct doctor_device *device, int err)
{
	fail(d, device, "cannot be opened", err);
	if (err == -EACCES || err == -EPERM)
		doctor_remedy(d, "run as root, or let this user read and write /dev/vfio/devices/%s", device->cdev);
	else if (err == -ENOENT)
		doctor_remedy(d, "/dev/vfio/devices/%s is missing: let udev make it; in a container, pass it in",
			      device->cdev);
	else
		doctor_remedy(d, "see dmesg");
}

/* Linux gives one of these three when somebody else has the device. */
static void judge_bind(struct doctor *d, struct doctor_device *device, int err)
{
	if (err != -EBUSY && err != -EINVAL && err != -EPERM) {
		fail(d, device, "cannot be bound to iommufd", err);
		doctor_remedy(d, err == -ENOTTY ? "boot Linux 6.6 or newer, built with CONFIG_VFIO_DEVICE_CDEV"
						: "see dmesg");
		return;
	}
	device->use = DOCTOR_USE_UNKNOWN;
	doctor_find(d, DOCTOR_WARNING, "device", "%s (%s): another program uses it, or its IOMMU group; not tried",
		    device->name, device->cdev);
}

static void judge_nested(struct doctor *d, struct doctor_device *device, int err)
{
	fail(d, device, "no nested page table could be made", err);
	if (err == -EOPNOTSUPP && !doctor_vtd_lacks(device->hw.ecap))
		doctor_remedy(d, "boot with intel_iommu=on,sm_on, on Linux 6.8 or newer");
	else if (err == -EOPNOTSUPP)
		doctor_remedy(d, "its VT-d has no %s: use a device behind another", doctor_vtd_lacks(device->hw.ecap));
	else
		doctor_remedy(d, "see dmesg");
}

static void judge_hwpt(struct doctor *d, struct doctor_device *device, int err)
{
	if (err == -EOPNOTSUPP && device->hw.type == VIQ_LINUX_HW_VTD) {
		judge_nested(d, device, err);
		return;
	}
	if (err == -EOPNOTSUPP) {
		doctor_find(d, DOCTOR_WARNING, "device", "%s (%s): its SMMU cannot nest (%s)", device->name,
			    device->cdev,
			    device->hw.idr[0] & VIQ_SMMUV3_IDR0_S1P && device->hw.idr[0] & VIQ_SMMUV3_IDR0_S2P
				    ? "the kernel refuses a parent page table"
				    : "it has not got both stages");
		doctor_remedy(
			d,
			"use an SMMUv3 with stage 1 and stage 2, and a kernel built with CONFIG_ARM_SMMU_V3_IOMMUFD");
		return;
	}
	fail(d, device, "no stage 2 could be made", err);
	doctor_remedy(d, "see dmesg");
}

static void judge_viommu(struct doctor *d, struct doctor_device *device, int err)
{
	fail(d, device, "no vIOMMU could be made", err);
	if (err == -ENOTTY)
		doctor_remedy(d, "boot Linux 6.13 or newer");
	else if (err == -EOPNOTSUPP && !(device->hw.idr[3] & VIQ_SMMUV3_IDR3_FWB))
		doctor_remedy(
			d, "its DMA is not known to be coherent: the firmware must set CANWBS in the IORT, or the SMMU "
			   "have S2FWB; or the kernel is built without CONFIG_ARM_SMMU_V3_IOMMUFD");
	else
		doctor_remedy(d, "boot a kernel that is built with CONFIG_ARM_SMMU_V3_IOMMUFD");
}

static void judge_made(struct doctor *d, struct doctor_device *device)
{
	char text[256];

	if (device->hw.type == VIQ_LINUX_HW_VTD)
		describe_vtd(&device->hw, text, sizeof(text));
	else
		describe_smmu(&device->hw, text, sizeof(text));
	device->use = DOCTOR_USE_PROVEN;
	doctor_find(d, DOCTOR_OK, "device", "%s (%s): %s can be made; %s", device->name, device->cdev,
		    doctor_proof(&device->hw), text);
}

/* What nests on the stage 2, and whose absence is told by judge(). */
static void try_child(struct doctor *d, struct doctor_device *device, uint32_t id, uint32_t hwpt)
{
	const struct viq_linux_vtd_s1 empty = {.addr_width = 48};
	bool vtd = device->hw.type == VIQ_LINUX_HW_VTD;
	uint32_t child;
	int ret = vtd ? viq_linux_vtd_nested_alloc(d->ctx, id, hwpt, 0, &empty, &child)
		      : viq_linux_viommu_alloc(d->ctx, id, hwpt, &child);

	if (!ret) {
		judge_made(d, device);
		viq_linux_destroy(d->ctx, child);
	} else if (vtd) {
		judge_nested(d, device, ret);
	} else {
		judge_viommu(d, device, ret);
	}
}

static void try_stages(struct doctor *d, struct doctor_device *device, uint32_t id)
{
	uint32_t ioas, hwpt;
	int ret;

	ret = viq_linux_ioas_alloc(d->ctx, &ioas);
	if (ret) {
		fail(d, device, "no address space could be made", ret);
		doctor_remedy(d, "see dmesg");
		return;
	}
	ret = viq_linux_hwpt_alloc(d->ctx, id, ioas, VIQ_LINUX_NEST_PARENT, &hwpt);
	if (ret) {
		judge_hwpt(d, device, ret);
	} else {
		try_child(d, device, id, hwpt);
		viq_linux_destroy(d->ctx, hwpt);
	}
	viq_linux_destroy(d->ctx, ioas);
}

static void try_bound(struct doctor *d, struct doctor_device *device, uint32_t id)
{
	struct viq_linux_hw_info hw = {.size = sizeof(hw)};
	int ret = viq_linux_hw_info(d->ctx, id, &hw);

	if (ret) {
		fail(d, device, "the kernel does not tell what IOMMU is in front of it", ret);
		doctor_remedy(d, "boot Linux 6.13 or newer, with VT-d 6.8");
		return;
	}
	device->hw = hw;
	if (hw.type == VIQ_LINUX_HW_SMMUV3 || hw.type == VIQ_LINUX_HW_VTD) {
		try_stages(d, device, id);
		return;
	}
	doctor_find(d, DOCTOR_WARNING, "device", "%s (%s): the kernel's IOMMU driver does not tell of its features",
		    device->name, device->cdev);
	doctor_remedy(d, "boot a kernel that is built with CONFIG_ARM_SMMU_V3_IOMMUFD, or with CONFIG_INTEL_IOMMU");
}

void doctor_try_fd(struct doctor *d, struct doctor_device *device, int fd)
{
	uint32_t id;
	int ret = viq_linux_vfio_bind(d->ctx, fd, &id, NULL);

	if (ret)
		judge_bind(d, device, ret);
	else
		try_bound(d, device, id);
}

void doctor_try(struct doctor *d, struct doctor_device *device)
{
	char path[32 + DOCTOR_NAME];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", device->cdev);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		judge_open(d, device, -errno);
		return;
	}
	doctor_try_fd(d, device, fd);
	close(fd); /* ends the binding */
}
