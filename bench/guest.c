// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

static int read_behind(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	const struct bench_guest *guest = opaque;

	if (gpa < BENCH_GUEST_BASE || gpa - BENCH_GUEST_BASE > guest->ram_size - len)
		return -1;
	memcpy(buf, (const char *)guest->ram + (gpa - BENCH_GUEST_BASE), len);
	return 0;
}

/* As many below it as above, with holes between them; all are the same memory. */
static int open_mem(struct bench_guest *guest, uint32_t count)
{
	static const struct viq_mem_ops callbacks = {.size = sizeof(callbacks), .read = read_behind};
	struct viq_mem_region *regions;
	int ret;

	if (!count)
		return viq_mem_create(NULL, 0, &callbacks, guest, &guest->mem, NULL);
	regions = calloc(count, sizeof(*regions));
	if (!regions)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t gpa = i % 2 ? BENCH_GUEST_BASE - 8192 * i : BENCH_GUEST_BASE + guest->ram_size + 8192 * i;

		regions[i] = (struct viq_mem_region){.gpa = gpa, .size = 4096, .host = guest->ram};
	}
	regions[0].gpa = BENCH_GUEST_BASE;
	regions[0].size = guest->ram_size;
	ret = viq_mem_create(regions, count, NULL, NULL, &guest->mem, NULL);
	free(regions);
	return ret;
}

int bench_guest_open_regions(struct bench_guest *guest, size_t ram_size, unsigned int log2size, uint32_t regions,
			     struct viq_call_host host)
{
	int ret;

	*guest = (struct bench_guest){.ram_size = ram_size};
	guest->ram = mmap(NULL, ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (guest->ram == MAP_FAILED) {
		guest->ram = NULL;
		return -errno;
	}
	ret = open_mem(guest, regions);
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
