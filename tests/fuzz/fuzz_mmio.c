/* SPDX-License-Identifier: MIT */
/* Any sequence of register accesses, memory writes, events, page requests, host failures and migrations: guest.h says
 * what holds. */
#include "guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct viq_smmuv3_config config;
	struct guest *g;
	uint8_t how = input_u8(&in);

	vsmmu_config(&config);
	config.idr1 &= ~(uint32_t)REG(IDR1_CMDQS);
	config.idr1 |= VIQ_PUT(REG(IDR1_CMDQS), 6);
	config.budget = how & 15;
	if (how & 16)
		config.idr0 &= ~(uint32_t)REG(IDR0_MSI);
	if (how & 32)
		config.idr3 &= ~(uint32_t)REG(IDR3_RIL);
	if (how & 128)
		vsmmu_config_stage2(&config);
	if ((how & 3) == 3) {
		config.idr0 |= REG(IDR0_PRI);
		config.idr1 |= VIQ_PUT(REG(IDR1_PRIQS), 19);
		config.idr3 |= REG(IDR3_PPS);
	}
	g = guest_new(&config);
	if (!(how & 64))
		vsmmu_boot(g->v, 4);
	for (unsigned int steps = 0; in.left && steps < 512; steps++)
		guest_step(g, &in);
	guest_free(g);
	return 0;
}
