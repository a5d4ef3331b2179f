/* SPDX-License-Identifier: MIT */
/*
 * The wiring of a VMM: a guest SMMUv3 in front of one assigned device, on Linux's iommufd.
 *
 *   linux_vsmmu /dev/vfio/devices/vfio0
 *
 * needs an Arm machine whose SMMUv3 can be nested, and a device that is bound to vfio-pci. What a real VMM has
 * besides: vCPUs whose accesses to the register pages end in viq_smmuv3_mmio_read() and _write(), and interrupts.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <viq/linux_smmuv3.h>
#include <viq/nest_smmuv3.h>

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x10000000)
#define STREAMID 0x08 /* 00:01.0 behind the guest's root port */

struct vmm {
	struct viq_linux_vsmmu *vsmmu; /* the host */
	struct viq_smmuv3 *smmu;       /* what the guest sees */
	struct viq_nest_smmuv3 *nest;  /* makes the host follow the guest */
};

/*
 * The guest has changed its stream table: make the hardware follow. After an error the queue waits at the command for
 * viq_smmuv3_run(). Here nobody would call that, so the guest gets CERROR_ABT: a VMM has host_wait() and kick(), and
 * device_timeout() to block a device that does not answer.
 */
static int reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	struct vmm *vmm = opaque;

	return viq_nest_smmuv3_reconfig(vmm->nest, what);
}

static void check(int err, const char *what, const struct viq_why *why)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", what, why && why->text[0] ? why->text : strerror(-err));
	exit(1);
}

/* The guest's memory: mapped here, pinned for DMA, and known to the guest SMMUv3. Returns the stage-2 page table. */
static uint32_t make_memory(struct viq_linux *ctx, uint32_t device, struct viq_mem **mem)
{
	struct viq_mem_region region = {.gpa = RAM_BASE, .size = RAM_SIZE};
	void *ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t ioas, hwpt;

	check(ram == MAP_FAILED ? -ENOMEM : 0, "memory", NULL);
	region.host = ram;
	check(viq_mem_create(&region, 1, NULL, NULL, mem, NULL), "memory", NULL);
	check(viq_linux_ioas_alloc(ctx, &ioas), "IOAS", NULL);
	check(viq_linux_ioas_map(ctx, ioas, RAM_BASE, ram, RAM_SIZE, VIQ_LINUX_READ | VIQ_LINUX_WRITE), "map", NULL);
	check(viq_linux_hwpt_alloc(ctx, device, ioas, VIQ_LINUX_NEST_PARENT, &hwpt), "stage 2", NULL);
	return hwpt;
}

static void make_smmu(struct vmm *vmm, struct viq_mem *mem)
{
	static const struct viq_smmuv3_ops ops = {.size = sizeof(ops), .reconfig = reconfig};
	const struct viq_smmuv3_backend backend = viq_linux_vsmmu_backend(vmm->vsmmu);
	struct viq_smmuv3_config config;
	struct viq_why why = {""};

	check(viq_nest_smmuv3_create(NULL, NULL, &vmm->nest, NULL), "nesting", NULL);
	check(viq_nest_smmuv3_join(vmm->nest, &backend, &why), "nesting", &why);
	viq_smmuv3_config_init(&config, sizeof(config));
	viq_nest_smmuv3_offer(vmm->nest, false, &config); /* as the hardware has it, without ATS */
	config.mem = mem;
	config.host = viq_linux_vsmmu_host(vmm->vsmmu);
	config.ops = &ops;
	config.opaque = vmm;
	check(viq_smmuv3_create(&config, &vmm->smmu, &why), "guest SMMUv3", &why);
	/* Says no if the guest sees more than the hardware has: after changes of its own a VMM may find that here. */
	check(viq_nest_smmuv3_bind(vmm->nest, vmm->smmu, &why), "ID registers", &why);
}

int main(int argc, char **argv)
{
	struct viq_linux_device device = {.size = sizeof(device)};
	struct viq_linux_vsmmu_config config;
	struct viq_why why = {""};
	struct vmm vmm = {0};
	struct viq_linux *ctx;
	struct viq_mem *mem;

	device.fd = open(argc > 1 ? argv[1] : "/dev/vfio/devices/vfio0", O_RDWR | O_CLOEXEC);
	if (device.fd < 0) {
		perror("vfio device");
		return 1;
	}
	check(viq_linux_open(NULL, &ctx, &why), "iommufd", &why);
	check(viq_linux_vfio_bind(ctx, device.fd, &device.device, &why), "device", &why);

	viq_linux_vsmmu_config_init(&config, sizeof(config));
	config.hwpt = make_memory(ctx, device.device, &mem);
	config.device = device.device;
	check(viq_linux_vsmmu_create(ctx, &config, &vmm.vsmmu, &why), "nested SMMUv3", &why);
	make_smmu(&vmm, mem);
	check(viq_linux_vsmmu_add(vmm.vsmmu, &device, STREAMID, &why), "device", &why);
	check(viq_nest_smmuv3_follow(vmm.nest, STREAMID), "device", NULL);
	puts("the device is behind the guest's SMMUv3");

	/* The VMM's event loop. Faults of the device's DMA go into the guest's event queue. */
	for (int i = 0; i < 10; i++) {
		struct pollfd events = {.fd = viq_linux_vsmmu_event_fd(vmm.vsmmu), .events = POLLIN};

		if (poll(&events, 1, 100) > 0)
			check(viq_nest_smmuv3_events(vmm.nest, 0), "events", NULL);
	}

	/* Backwards: the device is blocked, then closing the iommufd frees the memory's pins. */
	check(viq_linux_vsmmu_destroy(vmm.vsmmu), "nested SMMUv3", NULL);
	viq_nest_smmuv3_destroy(vmm.nest);
	viq_smmuv3_destroy(vmm.smmu);
	viq_mem_destroy(mem);
	close(device.fd);
	viq_linux_close(ctx);
	return 0;
}
