/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "guest.h"

/* Without ATS there is nothing to invalidate any more. */
static bool has_no_atc(struct vsmmu *v, const uint64_t cmd[2])
{
	return v->host.stream && !(v->host.stream(&v->host, refcmd_sid(cmd)) & VIQ_CALL_STREAM_ATS);
}

static void on_trace(struct vsmmu *v, const struct viq_smmuv3_trace *t)
{
	struct guest *g = v->opaque;
	const uint32_t all = VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
	uint64_t out[2];

	if (t->fate == VIQ_SMMUV3_FATE_ERROR) {
		assert_true(t->cerror >= VIQ_SMMUV3_CERROR_ILL && t->cerror <= VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
		return;
	}
	g->consumed++;
	assert_int_equal(refcmd_check(t->cmd, &v->config), VIQ_SMMUV3_CERROR_NONE);
	if (t->fate == VIQ_SMMUV3_FATE_HOST) {
		assert_true(refcmd_to_host(t->cmd, &v->config, true, all, out));
		assert_true(test_host_did(&v->host, out, g->op_began));
	} else if (t->fate == VIQ_SMMUV3_FATE_RETAINED) {
		/* As many as a guest likes, of a device that owes answers already: the first ones tell enough. */
		if (g->retained_count < GUEST_RETAINED)
			g->retained[g->retained_count++] =
				(struct vsmmu_shadow){.cmd = {t->cmd[0], t->cmd[1]}, .time = g->op_began};
	} else if (t->fate == VIQ_SMMUV3_FATE_SYNC) {
		for (uint32_t i = 0; i < g->retained_count; i++)
			assert_true(has_no_atc(v, g->retained[i].cmd) ||
				    test_host_did(&v->host, g->retained[i].cmd, g->retained[i].time));
		g->retained_count = 0;
	}
}

struct guest *guest_new(const struct viq_smmuv3_config *config)
{
	struct guest *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	g->v = vsmmu_new(config);
	g->v->lax = g->v->quiet = true;
	g->v->opaque = g;
	g->v->on_trace = on_trace;
	return g;
}

void guest_free(struct guest *g)
{
	vsmmu_free(g->v);
	free(g);
}

static uint32_t index_mask(struct guest *g)
{
	uint32_t log2 = vsmmu_r64(g->v, REG(CMDQ_BASE)) & 31;
	uint32_t max = VIQ_GET(REG(IDR1_CMDQS), g->v->config.idr1);

	return (2u << (log2 < max ? log2 : max)) - 1;
}

void guest_begin(struct guest *g)
{
	g->v->cons = vsmmu_r32(g->v, REG(CMDQ_CONS)) & 0xfffff;
	g->op_began = ++g->v->time;
	g->consumed = 0;
}

void guest_end(struct guest *g)
{
	struct vsmmu *v = g->v;
	uint32_t mask = index_mask(g), cons = vsmmu_r32(v, REG(CMDQ_CONS));
	const uint32_t all = VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;

	assert_int_equal(cons & ~(mask | REG(CMDQ_CONS_ERR)), 0);
	assert_int_equal((cons - v->cons) & mask, g->consumed & mask);
	assert_true(g->consumed <= (mask + 1) / 2);
	for (; g->effects < v->host.effect_count; g->effects++) {
		const uint64_t *cmd = v->host.effects[g->effects].cmd;
		uint64_t out[2];

		assert_int_equal(refcmd_check(cmd, &v->config), VIQ_SMMUV3_CERROR_NONE);
		assert_true(refcmd_to_host(cmd, &v->config, true, all, out));
		assert_true(out[0] == cmd[0] && out[1] == cmd[1]);
	}
}

void guest_forget(struct guest *g)
{
	guest_begin(g);
}

/* --- Operations --------------------------------------------------------------------------------------------------- */

static const uint32_t offsets[] = {
	REG(CR0),
	REG(CR0),
	REG(CR1),
	REG(CR2),
	REG(GBPA),
	REG(IRQ_CTRL),
	REG(GERRORN),
	REG(GERROR_IRQ_CFG0),
	REG(GERROR_IRQ_CFG1),
	REG(STRTAB_BASE),
	REG(STRTAB_BASE_CFG),
	REG(CMDQ_BASE),
	REG(CMDQ_BASE) + 4,
	REG(CMDQ_PROD),
	REG(CMDQ_CONS),
	REG(EVENTQ_BASE),
	REG(EVENTQ_IRQ_CFG0),
	REG(EVENTQ_IRQ_CFG1),
	REG(EVENTQ_PROD),
	REG(EVENTQ_CONS),
	REG(PRIQ_BASE),
	REG(PRIQ_IRQ_CFG0),
	REG(PRIQ_IRQ_CFG2),
	REG(PRIQ_PROD),
	REG(PRIQ_CONS),
};

static const uint8_t ops[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11,
			      0x12, 0x13, 0x30, 0x40, 0x41, 0x46, 0x46, 0x00};

static void write_register(struct guest *g, struct input *in, unsigned int size)
{
	uint32_t offset = offsets[input_u8(in) % (sizeof(offsets) / sizeof(offsets[0]))];
	uint64_t value = size == 8 ? input_u64(in) : input_u32(in);
	uint32_t before;

	/* CMDQ_CONS may be written while the queue is off: then it moves by the guest's hand. */
	before = vsmmu_r32(g->v, REG(CR0));
	viq_smmuv3_mmio_write(g->v->smmu, offset, size, value);
	if (!(before & REG(CR0_CMDQEN)) && (offset & ~7u) != REG(CMDQ_PROD) && offset != REG(CR0))
		guest_forget(g);
	if ((offset == REG(CMDQ_CONS) || (offset == REG(CMDQ_PROD) && size == 8)) && !(before & REG(CR0_CMDQEN)))
		guest_forget(g);
}

static void write_command(struct guest *g, struct input *in)
{
	uint64_t slot = input_u8(in) & 63, cmd[2];
	uint8_t how = input_u8(in);

	cmd[0] = ops[how & 15] | (uint64_t)(how & 0x20 ? input_u32(in) & ~0xffu : 0) |
		 (uint64_t)(how & 0x40 ? input_u32(in) : 0) << 32;
	cmd[1] = how & 0x80 ? input_u64(in) : (uint64_t)input_u8(in) << 12;
	if (how & 0x10)
		cmd[0] = (cmd[0] & ~UINT64_C(0xff)) | input_u8(in);
	vsmmu_poke64(g->v, VSMMU_CMDQ + slot * 16, cmd[0]);
	vsmmu_poke64(g->v, VSMMU_CMDQ + slot * 16 + 8, cmd[1]);
}

static void doorbell(struct guest *g, struct input *in)
{
	uint32_t mask = index_mask(g), cons = vsmmu_r32(g->v, REG(CMDQ_CONS));

	vsmmu_w32(g->v, REG(CMDQ_PROD), (cons + input_u8(in)) & mask);
}

static void set_host(struct guest *g, struct input *in)
{
	uint64_t slot = input_u8(in) & 63, out[2];
	uint64_t cmd[2] = {vsmmu_peek64(g->v, VSMMU_CMDQ + slot * 16), vsmmu_peek64(g->v, VSMMU_CMDQ + slot * 16 + 8)};
	uint8_t how = input_u8(in);

	test_host_contract(&g->v->host, (enum test_contract)(how % TEST_CONTRACTS));
	g->v->host.lie = (enum test_lie)(input_u8(in) % TEST_LIE_COUNT);
	refcmd_to_host(cmd, &g->v->config, true, VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS, out);
	test_host_fail(&g->v->host, how & 3, out, 1 + input_u8(in) % (VIQ_CALL_ERROR_COUNT - 1),
		       (int8_t)input_u8(in) % 4);
}

static void boot(struct guest *g, struct input *in)
{
	vsmmu_w32(g->v, REG(CR0), 0);
	vsmmu_boot(g->v, input_u8(in) % 8);
	guest_forget(g);
}

static void event(struct guest *g, struct input *in)
{
	const uint64_t record[4] = {input_u8(in), input_u8(in), 0, input_u8(in)};

	viq_smmuv3_event(g->v->smmu, record);
}

/* PROD moves by one, or by its overflow flag at most; nothing else does. */
static void page_request(struct guest *g, struct input *in)
{
	const uint8_t how = input_u8(in);
	const struct viq_smmuv3_page_request request = {
		.size = sizeof(request),
		.sid = how & 3,
		.ssid = 1,
		.ssv = how & 4,
		.last = how & 8,
		.read = how & 16,
		.prgi = how >> 5,
	};
	uint32_t before = vsmmu_r32(g->v, REG(PRIQ_PROD)), after;
	int ret = viq_smmuv3_page_request(g->v->smmu, &request);

	after = vsmmu_r32(g->v, REG(PRIQ_PROD));
	if (!(g->v->config.idr0 & REG(IDR0_PRI)))
		assert_int_equal(ret, -ENOTSUP);
	assert_true(ret != -EINVAL);
	if (!ret)
		assert_true(after != before && !((after ^ before) & REG(EVENTQ_OVFLG)));
	else
		assert_true(!((after ^ before) & ~(uint32_t)REG(EVENTQ_OVFLG)) && (after == before || ret == -ENOSPC));
}

static void ask_stream(struct guest *g, struct input *in)
{
	struct viq_smmuv3_stream s = {.size = sizeof(s)};

	assert_int_equal(viq_smmuv3_stream_config(g->v->smmu, input_u32(in), &s), 0);
	assert_int_equal(s.ste[0] & ~UINT64_C(0xf80fffffffffffff), 0);
	assert_int_equal(s.ste[1] & ~UINT64_C(0x00000000300000ff), 0);
}

void guest_step(struct guest *g, struct input *in)
{
	struct vsmmu *v = g->v;
	uint32_t offset;

	guest_begin(g);
	switch (input_u8(in) % 18) {
	case 0:
		write_register(g, in, 4);
		break;
	case 1:
		write_register(g, in, 8);
		break;
	case 2:
		offset = input_u32(in);
		viq_smmuv3_mmio_read(v->smmu, offset & 0x3ffff, offset >> 28);
		break;
	case 3:
	case 4:
		write_command(g, in);
		break;
	case 5:
	case 6:
		doorbell(g, in);
		break;
	case 7:
		viq_smmuv3_run(v->smmu, input_u8(in));
		break;
	case 8:
		vsmmu_w32(v, REG(GERRORN), vsmmu_r32(v, REG(GERROR)));
		break;
	case 9:
		vsmmu_migrate(v);
		break;
	case 10:
		set_host(g, in);
		break;
	case 11:
		test_host_heal(&v->host);
		v->host.lie = TEST_LIE_NONE;
		break;
	case 12:
		event(g, in);
		break;
	case 13:
		ask_stream(g, in);
		break;
	case 14:
		boot(g, in);
		break;
	case 15:
		v->reconfig_result = input_u8(in) & 1 ? -1 : 0;
		v->msi_result = input_u8(in) & 1 ? -1 : 0;
		break;
	case 16:
		vsmmu_poke64(v, VSMMU_STRTAB + 8 * input_u8(in), input_u64(in));
		break;
	case 17:
		page_request(g, in);
		break;
	}
	guest_end(g);
}
