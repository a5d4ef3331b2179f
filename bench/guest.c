// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/mman.h>

#include "guest.h"

static int open_smmu(struct bench_guest *guest, struct viq_call_host host)
{
	struct viq_smmuv3_config config;

	viq_smmuv3_config_init(&config, sizeof(config));
	config.idr0 |= VIQ_SMMUV3_IDR0_MSI;
	config.idr3 |= VIQ_SMMUV3_IDR3_RIL;
	config.budget = VIQ_WORK_UNLIMITED;
	config.mem = guest->mem;
	config.host = host;
	return viq_smmuv3_create(&config, &guest->smmu, NULL);
}

int bench_guest_open(struct bench_guest *guest, size_t ram_size, unsigned int log2size, struct viq_call_host host)
{
	struct viq_mem_region region = {.gpa = BENCH_GUEST_BASE, .size = ram_size};
	int ret;

	*guest = (struct bench_guest){.ram_size = ram_size};
	guest->ram = mmap(NULL, ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (guest->ram == MAP_FAILED) {
		guest->ram = NULL;
		return -errno;
	}
	region.host = guest->ram;
	ret = viq_mem_create(&region, 1, NULL, NULL, &guest->mem, NULL);
	if (ret)
		return ret;
	synth_mem_init(&guest->synth, guest->ram, BENCH_GUEST_BASE, ram_size);
	ret = synth_cmdq_init(&guest->queue, &guest->synth, log2size);
	if (ret)
		return ret;
	ret = open_smmu(guest, host);
	if (ret)
		return ret;
	bench_guest_rewind(guest);
	return 0;
}

void bench_guest_close(struct bench_guest *guest)
{
	viq_smmuv3_destroy(guest->smmu);
	viq_mem_destroy(guest->mem);
	if (guest->ram)
		munmap(guest->ram, guest->ram_size);
}

void bench_guest_rewind(struct bench_guest *guest)
{
	viq_smmuv3_mmio_write(guest->smmu, VIQ_SMMUV3_CR0, 4, 0);
	viq_smmuv3_mmio_write(guest->smmu, VIQ_SMMUV3_CMDQ_BASE, 8, synth_cmdq_base(&guest->queue));
	viq_smmuv3_mmio_write(guest->smmu, VIQ_SMMUV3_CMDQ_PROD, 4, 0);
	viq_smmuv3_mmio_write(guest->smmu, VIQ_SMMUV3_CMDQ_CONS, 4, 0);
	viq_smmuv3_mmio_write(guest->smmu, VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN);
	guest->queue.prod = 0;
}
