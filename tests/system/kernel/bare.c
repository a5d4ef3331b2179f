/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "bare.h"
#include "host/linux/iommufd/uapi.h"
#include "tap.h"

/* One call that must succeed. */
#define must(fd, request, argument)                                                                                    \
	do {                                                                                                           \
		if (ioctl(fd, request, argument))                                                                      \
			fail("%s: %s", #request, strerror(errno));                                                     \
	} while (0)

static void bind_device(struct bare *bare)
{
	struct uapi_vfio_device_bind_iommufd bind = {.argsz = sizeof(bind), .iommufd = bare->iommufd};

	edu_open(&bare->edu);
	/* A kernel that does not know the token yet is content with its absence. */
	must(bare->edu.cdev, UAPI_VFIO_BIND_IOMMUFD, &bind);
	bare->device = bind.out_devid;
	edu_start(&bare->edu);
}

static void map_memory(struct bare *bare, struct guest *guest)
{
	struct uapi_iommu_ioas_alloc alloc = {.size = sizeof(alloc)};
	struct uapi_iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = UAPI_IOMMU_IOAS_MAP_FIXED_IOVA | UAPI_IOMMU_IOAS_MAP_WRITEABLE | UAPI_IOMMU_IOAS_MAP_READABLE,
		.user_va = (uintptr_t)guest->ram,
		.length = GUEST_BYTES,
		.iova = GUEST_BASE,
	};

	must(bare->iommufd, UAPI_IOMMU_IOAS_ALLOC, &alloc);
	bare->ioas = map.ioas_id = alloc.out_ioas_id;
	must(bare->iommufd, UAPI_IOMMU_IOAS_MAP, &map);
}

static void nest(struct bare *bare, struct guest *guest)
{
	struct uapi_iommu_hwpt_arm_smmuv3 ste;
	struct uapi_iommu_hwpt_alloc parent = {.size = sizeof(parent),
					       .flags = UAPI_IOMMU_HWPT_ALLOC_NEST_PARENT,
					       .dev_id = bare->device,
					       .pt_id = bare->ioas};
	struct uapi_iommu_viommu_alloc viommu = {
		.size = sizeof(viommu), .type = UAPI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3, .dev_id = bare->device};
	struct uapi_iommu_vdevice_alloc vdevice = {
		.size = sizeof(vdevice), .dev_id = bare->device, .virt_id = BARE_VSID};
	struct uapi_iommu_hwpt_alloc nested = {.size = sizeof(nested),
					       .dev_id = bare->device,
					       .data_type = UAPI_IOMMU_HWPT_DATA_ARM_SMMUV3,
					       .data_len = sizeof(ste),
					       .data_uptr = (uintptr_t)&ste};

	must(bare->iommufd, UAPI_IOMMU_HWPT_ALLOC, &parent);
	bare->stage2 = viommu.hwpt_id = parent.out_hwpt_id;
	must(bare->iommufd, UAPI_IOMMU_VIOMMU_ALLOC, &viommu);
	bare->viommu = vdevice.viommu_id = nested.pt_id = viommu.out_viommu_id;
	must(bare->iommufd, UAPI_IOMMU_VDEVICE_ALLOC, &vdevice);
	bare->vdevice = vdevice.out_vdevice_id;
	guest_ste(guest, ste.ste);
	must(bare->iommufd, UAPI_IOMMU_HWPT_ALLOC, &nested);
	bare->nested = nested.out_hwpt_id;
}

void bare_create(struct bare *bare, struct guest *guest)
{
	struct uapi_vfio_device_attach_iommufd_pt attach = {.argsz = UAPI_VFIO_ATTACH_NO_PASID};

	bare->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (bare->iommufd < 0)
		fail("/dev/iommu: %s", strerror(errno));
	bind_device(bare);
	map_memory(bare, guest);
	nest(bare, guest);
	attach.pt_id = bare->nested;
	must(bare->edu.cdev, UAPI_VFIO_ATTACH_IOMMUFD_PT, &attach);
	guest_ready();
}

static struct linux_hwpt_invalidate request(uint32_t viommu, const struct synth_cmd *commands, uint32_t count)
{
	return (struct linux_hwpt_invalidate){
		.cmd =
			{
				.size = sizeof(struct uapi_iommu_hwpt_invalidate),
				.hwpt_id = viommu,
				.data_uptr = (uintptr_t)commands,
				.data_type = UAPI_IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
				.entry_len = sizeof(*commands),
				.entry_num = count,
			},
	};
}

int bare_invalidate(int iommufd, uint32_t viommu, const struct synth_cmd *commands, uint32_t *count)
{
	struct linux_hwpt_invalidate call = request(viommu, commands, *count);
	int err = ioctl(iommufd, UAPI_IOMMU_HWPT_INVALIDATE, &call) ? -errno : 0;

	*count = call.cmd.entry_num;
	return err;
}

int bare_report(int iommufd, uint32_t viommu, const struct synth_cmd *commands, uint32_t *count, uint32_t *last,
		uint32_t *error)
{
	struct linux_hwpt_invalidate call = request(viommu, commands, *count);
	int err;

	call.cmd.size = sizeof(call);
	call.cmd.__reserved = LINUX_INVALIDATE_REPORT;
	err = ioctl(iommufd, UAPI_IOMMU_HWPT_INVALIDATE, &call) ? -errno : 0;
	*count = call.cmd.entry_num;
	*last = call.out_last_index;
	*error = call.out_error;
	return err;
}
