// SPDX-License-Identifier: MIT
#include <errno.h>

#include <viq/smmuv3_spec.h>

#include "host/linux/iommufd/uapi.h"
#include "kernel.h"

#define FD     1000 /* nothing is opened: no call but these ever gets it */
#define DEVICE 1
#define HWPT   2
#define VIOMMU 3
#define NESTED 4

static void hw_info(struct uapi_iommu_hw_info *cmd)
{
	struct uapi_iommu_hw_info_arm_smmuv3 *info = (void *)(uintptr_t)cmd->data_uptr;

	cmd->out_data_type = VIQ_LINUX_HW_SMMUV3;
	*info = (struct uapi_iommu_hw_info_arm_smmuv3){
		.idr = {VIQ_SMMUV3_IDR0_S1P | VIQ_SMMUV3_IDR0_S2P |
				VIQ_PUT(VIQ_SMMUV3_IDR0_TTF, VIQ_SMMUV3_IDR0_TTF_AARCH64) | VIQ_SMMUV3_IDR0_COHACC |
				VIQ_SMMUV3_IDR0_ATS | VIQ_SMMUV3_IDR0_ASID16,
			VIQ_PUT(VIQ_SMMUV3_IDR1_SIDSIZE, 16) | VIQ_PUT(VIQ_SMMUV3_IDR1_SSIDSIZE, 20), 0,
			VIQ_SMMUV3_IDR3_RIL, 0, VIQ_PUT(VIQ_SMMUV3_IDR5_OAS, 5) | VIQ_SMMUV3_IDR5_GRAN4K},
	};
}

static int instant_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	struct bench_kernel *kernel = opaque;

	switch (request) {
	case UAPI_IOMMU_HWPT_INVALIDATE:
		kernel->calls++;
		kernel->entries += ((const struct uapi_iommu_hwpt_invalidate *)arg)->entry_num;
		return 0;
	case UAPI_IOMMU_GET_HW_INFO:
		hw_info(arg);
		return 0;
	case UAPI_IOMMU_VIOMMU_ALLOC:
		((struct uapi_iommu_viommu_alloc *)arg)->out_viommu_id = VIOMMU;
		return 0;
	case UAPI_IOMMU_HWPT_ALLOC:
		((struct uapi_iommu_hwpt_alloc *)arg)->out_hwpt_id = NESTED;
		return 0;
	case UAPI_IOMMU_DESTROY:
		return 0;
	}
	return -ENOTTY;
}

static int no_open(void *opaque, const char *path, int flags)
{
	return -ENOENT;
}

static int no_close(void *opaque, int fd)
{
	return 0;
}

static int64_t no_read(void *opaque, int fd, void *buf, size_t len)
{
	return -EAGAIN;
}

int bench_kernel_open(struct bench_kernel *kernel, enum viq_linux_calls calls)
{
	static const struct viq_linux_sys sys = {
		.size = sizeof(sys), .open = no_open, .close = no_close, .ioctl = instant_ioctl, .read = no_read};
	struct viq_linux_vsmmu_config vconfig;
	struct viq_linux_config config;
	int ret;

	*kernel = (struct bench_kernel){.calls = 0};
	viq_linux_config_init(&config, sizeof(config));
	config.fd = FD;
	config.sys = &sys;
	config.sys_opaque = kernel;
	ret = viq_linux_open(&config, &kernel->ctx, NULL);
	if (ret)
		return ret;
	viq_linux_vsmmu_config_init(&vconfig, sizeof(vconfig));
	vconfig.hwpt = HWPT;
	vconfig.device = DEVICE;
	vconfig.calls = calls;
	vconfig.event_depth = 0;
	ret = viq_linux_vsmmu_create(kernel->ctx, &vconfig, &kernel->vsmmu, NULL);
	if (ret)
		return ret;
	kernel->host = viq_linux_vsmmu_host(kernel->vsmmu);
	kernel->ops = *kernel->host.ops;
	kernel->ops.stream = NULL; /* a capture's devices are not here */
	kernel->host.ops = &kernel->ops;
	return 0;
}

void bench_kernel_close(struct bench_kernel *kernel)
{
	viq_linux_vsmmu_destroy(kernel->vsmmu);
	viq_linux_close(kernel->ctx);
}
