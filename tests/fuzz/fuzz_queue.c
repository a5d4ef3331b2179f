/* SPDX-License-Identifier: MIT */
/*
 * Any commands, from a driver that keeps to the queue's protocol and answers errors as Linux does, on hosts that fail.
 * The driver knows what it queued and checks P1 at every look; once the host is healed it gets through.
 */
#include "support/vsmmu.h"
#include "input.h"

static const uint8_t ops[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11,
			      0x12, 0x13, 0x30, 0x40, 0x40, 0x46, 0x46, 0x46};

static void push(struct vsmmu *v, struct input *in)
{
	uint8_t how = input_u8(in);
	uint64_t dw0, dw1;

	if (v->prod - vsmmu_observe(v) >= UINT64_C(1) << v->log2size)
		return;
	if (how & 0x80) {
		dw0 = input_u64(in);
		dw1 = input_u64(in);
	} else {
		dw0 = ops[how & 15] | (uint64_t)input_u8(in) << (how & 0x10 ? 32 : 48);
		dw1 = (uint64_t)input_u8(in) << 12;
		if (how & 0x20)
			dw1 |= input_u8(in) & 0x3f;
	}
	if ((dw0 & 0xff) == 0x46)
		dw1 = 0; /* an MSI onto the ring would change what the driver believes to have queued */
	vsmmu_push(v, dw0, dw1);
}

static void fail_host(struct vsmmu *v, struct input *in)
{
	uint8_t how = input_u8(in);
	uint64_t back = input_u8(in), at = v->prod - v->synced > back ? v->prod - 1 - back : v->synced, out[2];

	if (v->prod == v->synced)
		return;
	refcmd_to_host(v->shadow[at % v->shadow_room].cmd, &v->config, true,
		       VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS, out);
	test_host_contract(&v->host, (enum test_contract)(how % TEST_CONTRACTS));
	v->host.lie = (enum test_lie)(input_u8(in) % TEST_LIE_COUNT);
	test_host_fail(&v->host, how & 3, out, 1 + input_u8(in) % (VIQ_CALL_ERROR_COUNT - 1), (int8_t)input_u8(in) % 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct vsmmu *v;
	uint8_t how = input_u8(&in);

	v = vsmmu_budget(how & 7);
	v->quiet = true;
	vsmmu_boot_at(v, 1 + (how >> 3 & 7), VSMMU_CMDQ, input_u8(&in) & 3);
	for (unsigned int steps = 0; in.left && steps < 1024; steps++) {
		switch (input_u8(&in) % 12) {
		default:
			push(v, &in);
			break;
		case 6:
			vsmmu_ring(v);
			break;
		case 7:
			vsmmu_linux_gerror(v);
			break;
		case 8:
			viq_smmuv3_run(v->smmu, input_u8(&in));
			vsmmu_observe(v);
			break;
		case 9:
			fail_host(v, &in);
			break;
		case 10:
			vsmmu_migrate(v);
			break;
		case 11:
			test_host_heal(&v->host);
			break;
		}
	}
	test_host_heal(&v->host);
	vsmmu_ring(v);
	assert_true(vsmmu_drain(v, 4096));
	vsmmu_free(v);
	return 0;
}
