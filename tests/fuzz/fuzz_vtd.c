/* SPDX-License-Identifier: MIT */
/*
 * Any sequence of register accesses, queue writes, host failures, attachments, migrations and forged states against the
 * VT-d: guest_vtd.h says what holds.
 */
#include "guest_vtd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct viq_vtd_config config;
	struct vvtd *v;
	uint8_t how = input_u8(&in);

	vvtd_config(&config);
	config.budget = how & 7;
	if (how & 8)
		config.ecap &= ~VREG(ECAP_IR) & ~VREG(ECAP_EIM) & ~VREG(ECAP_MHMV);
	if (how & 16)
		config.cap &= ~VREG(CAP_PSI);
	if (how & 128)
		config.ecap |= VREG(ECAP_PRS) | VREG(ECAP_PDS);
	v = guest_vtd_new(&config);
	for (unsigned int i = 0; i < GUEST_VTD_HOSTS; i++)
		vvtd_attach(v, vvtd_host_new(v), i, i % 2, i, i);
	if (!(how & 32))
		vvtd_boot(v, how & 64 ? 128 : 256, 0);
	for (unsigned int steps = 0; in.left && steps < 512; steps++)
		guest_vtd_step(v, &in);
	vvtd_free(v);
	return 0;
}
