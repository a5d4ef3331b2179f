/* SPDX-License-Identifier: MIT */
/* What a VMM does: one guest SMMUv3, whose invalidations go to config.host. The guest queues one and waits for it. */
#include <stdio.h>
#include <viq/smmuv3.h>

static uint64_t ram[512]; /* the guest's memory: 4 KiB at 0x40000000 */

int main(void)
{
	struct viq_mem_region region = {.gpa = 0x40000000, .size = sizeof(ram), .host = ram};
	struct viq_smmuv3_counters counters;
	struct viq_smmuv3_config config;
	struct viq_smmuv3 *smmu;
	struct viq_mem *mem;

	if (viq_mem_create(&region, 1, NULL, NULL, &mem, NULL) != 0)
		return 1;
	viq_smmuv3_config_init(&config, sizeof(config)); /* stage 1, and a host that accepts everything */
	config.mem = mem;
	if (viq_smmuv3_create(&config, &smmu, NULL) != 0)
		return 1;

	/* The guest's driver: commands in memory, registers through the VMM's MMIO handler. */
	ram[0] = VIQ_SMMUV3_OP_TLBI_NH_ASID | VIQ_PUT(VIQ_SMMUV3_TLBI_ASID, 5);
	ram[2] = VIQ_SMMUV3_OP_SYNC;
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CMDQ_BASE, 8, 0x40000000 | 8); /* 2^8 commands */
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CR0, 4, VIQ_SMMUV3_CR0_CMDQEN);
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CMDQ_PROD, 4, 2);

	if (viq_smmuv3_counters(smmu, &counters, sizeof(counters)) != 0)
		return 1;
	printf("CMDQ_CONS = %u, confirmed by the host: %u\n",
	       (unsigned)viq_smmuv3_mmio_read(smmu, VIQ_SMMUV3_CMDQ_CONS, 4), (unsigned)counters.entries);
	viq_smmuv3_destroy(smmu);
	viq_mem_destroy(mem);
	return 0;
}
