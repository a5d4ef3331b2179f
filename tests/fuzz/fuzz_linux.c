/* SPDX-License-Identifier: MIT */
/* Any guest, and any answers of a kernel, which need not make sense: linux.h says what holds. */
#include "support/test.h"

#include "linux.h"

/* What is made is destroyed at once: of nothing else is known whether the kernel has it. */
void linux_loose(struct viq_linux *ctx, struct input *in)
{
	uint8_t how = input_u8(in);
	struct viq_linux_range ranges[4];
	uint32_t id = 0, count = how >> 4 & 3;

	switch (how % 4) {
	case 0:
		if (!viq_linux_ioas_alloc(ctx, &id))
			(void)!viq_linux_destroy(ctx, id);
		break;
	case 1:
		(void)!viq_linux_ioas_map(ctx, 1, 0, ranges, 4096, VIQ_LINUX_READ);
		break;
	case 2:
		(void)!viq_linux_ioas_unmap(ctx, 1, 0, 4096);
		break;
	case 3:
		if (!viq_linux_ioas_ranges(ctx, 1, ranges, &count))
			assert_true(count <= (how >> 4 & 3));
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct viq_linux_config config;
	struct viq_linux *ctx;
	struct kernel k;
	uint8_t how = input_u8(&in);

	kernel_init(&k, how & 1);
	k.report = how & 2;
	k.repeat = how & 8;
	viq_linux_config_init(&config, sizeof(config));
	config.sys = kernel_sys();
	config.sys_opaque = &k;
	if (how & 4)
		kernel_lie(&k, &in);
	if (viq_linux_open(&config, &ctx, NULL)) {
		kernel_heal(&k);
		assert_int_equal(viq_linux_open(&config, &ctx, NULL), 0);
	}
	if (k.vtd)
		linux_vtd_run(&k, ctx, &in);
	else
		linux_smmuv3_run(&k, ctx, &in);
	viq_linux_close(ctx);
	kernel_end(&k);
	return 0;
}
