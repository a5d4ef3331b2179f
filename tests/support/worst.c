/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "worst.h"
#include "vsmmu.h"
#include "vvtd.h"
#include "work.h"
#include "fuzz/input.h"

#define STEPS  256 /* of the guest, at most */
#define TABLES 24  /* of a VT-d's devices */

static const uint32_t budgets[WORST_BUDGETS] = {1, 64, 65, 200, VIQ_WORK_BUDGET, 5000};
static const uint32_t groups[WORST_CONTRACTS] = {1, 63, 0};

/* --- Hosts and hooks ---------------------------------------------------------------------------------------------- */

static struct {
	struct worst *w;
	uint64_t units, calls;
	uint64_t fates; /* bit n: the nth call from now on, modulo 64, fails */
	uint8_t error, steps, at;
} world;

static bool next_fails(void)
{
	bool fails = world.fates & 1;

	world.fates = world.fates >> 1 | world.fates << 63;
	return fails;
}

static void count_call(void)
{
	world.units += VIQ_WORK_CALL;
	world.calls++;
}

/* It keeps its contract: one entry is bad, and what is said of it is as good as the group allows. */
static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	uint32_t group = groups[world.w->contract], count = 0, bad;

	for (uint32_t i = 0; i < req->piece_count; i++)
		count += req->pieces[i].count;
	count_call();
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count, .host_calls = 1};
	if (!count || !next_fails())
		return 0;
	bad = world.at % count;
	res->error = 1 + world.error % (VIQ_CALL_ERROR_COUNT - 1);
	res->handled = group ? bad - bad % group : 0;
	res->suspect = group == 1 ? bad : res->handled;
	return 0;
}

static const struct viq_call_host_ops hosts[WORST_CONTRACTS] = {
	{.size = sizeof(hosts[0]), .report_group = 1, .invalidate = invalidate},
	{.size = sizeof(hosts[0]), .report_group = 63, .invalidate = invalidate},
	{.size = sizeof(hosts[0]), .report_group = 0, .invalidate = invalidate},
};

static int hook(struct viq_work *work)
{
	uint64_t before = work->cursor[0];
	bool left = work_in_steps(work, world.steps);
	uint64_t calls = work->cursor[0] - before;

	world.units += calls * VIQ_WORK_CALL;
	world.calls += calls;
	if (left)
		return 1;
	return next_fails() ? -ENOMEM : 0;
}

/* Events of a CMD_SYNC, as many as the input says. */
static uint32_t host_sync(void *opaque)
{
	world.units += world.steps;
	return world.steps;
}

static int respond(void)
{
	count_call();
	return next_fails() ? -ENOMEM : 0;
}

static int smmuv3_page_response(void *opaque, const struct viq_smmuv3_page_response *response)
{
	return respond();
}

static int smmuv3_reconfig(void *opaque, struct viq_smmuv3_reconfig *what)
{
	return hook(&what->work);
}

static int vtd_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	return hook(&what->work);
}

static int vtd_remap(void *opaque, struct viq_vtd_remap *what)
{
	return hook(&what->work);
}

static int vtd_devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	static const int results[] = {-ETIMEDOUT, -EIO, -ENOMEM};

	count_call();
	return next_fails() ? results[world.error % 3] : 0;
}

static int vtd_page_response(void *opaque, const struct viq_vtd_page_response *response)
{
	return respond();
}

static void vtd_kick(void *opaque)
{
}

static int vtd_wait(void *opaque, const struct viq_call_result *result, uint64_t times)
{
	return 0;
}

static void new_fates(struct input *in)
{
	world.fates = input_u64(in);
	world.error = input_u8(in);
	world.at = input_u8(in);
	world.steps = input_u8(in);
}

/* --- What is measured --------------------------------------------------------------------------------------------- */

static struct {
	uint64_t units, calls;
} before;

static void begin(uint64_t commands)
{
	before.units = world.units + commands;
	before.calls = world.calls;
}

static void end(uint64_t commands, uint64_t budget)
{
	uint64_t units = world.units + commands - before.units, calls = world.calls - before.calls;

	if (units > budget && units - budget > world.w->beyond)
		world.w->beyond = units - budget;
	if (calls > world.w->calls)
		world.w->calls = calls;
}

/* --- SMMUv3 ------------------------------------------------------------------------------------------------------- */

static uint64_t smmuv3_commands(const struct vsmmu *v)
{
	const struct viq_smmuv3_counters c = smmuv3_counters(v->smmu);
	uint64_t sum = 0;

	for (unsigned int op = 0; op < 256; op++)
		sum += c.commands[op];
	return sum;
}

static struct test_cmd smmuv3_command(struct input *in)
{
	uint8_t how = input_u8(in), i = how >> 3;

	switch (how & 7) {
	case 0:
		return cmd_cfgi_ste(i);
	case 1:
		return cmd_cfgi_range(i, i);
	case 2:
	case 3:
		return cmd_atc(i, (uint64_t)i << 12, 0);
	case 4:
		return cmd_cfgi_cd(i, 0);
	case 5:
		return cmd_sync(0);
	default:
		return i == 31   ? (struct test_cmd){{0xff}}
		       : i == 30 ? (struct test_cmd){{VIQ_SMMUV3_OP_PRI_RESP}}
				 : cmd_nh_va(1, (uint64_t)i << 12);
	}
}

/* So many of one kind from a slot on, and now and then another one. */
static void smmuv3_fill(struct vsmmu *v, struct input *in)
{
	uint32_t slot = input_u8(in) * 4, count = 1 + input_u8(in);
	const struct test_cmd most = smmuv3_command(in), other = smmuv3_command(in);
	uint32_t period = 1 + (input_u8(in) & 31);

	for (uint32_t i = slot; i < slot + count && i < 1024; i++) {
		const struct test_cmd *cmd = i % period ? &most : &other;

		vsmmu_poke64(v, v->cmdq_base + 16 * i, cmd->dw[0]);
		vsmmu_poke64(v, v->cmdq_base + 16 * i + 8, cmd->dw[1]);
	}
}

static void smmuv3_write(struct vsmmu *v, struct input *in)
{
	const uint32_t on = REG(CR0_CMDQEN) | REG(CR0_EVENTQEN);
	uint8_t how = input_u8(in);

	switch (how & 7) {
	case 0:
		viq_smmuv3_mmio_write(v->smmu, REG(CR0), 4, how & 8 ? on | REG(CR0_SMMUEN) : on);
		break;
	case 1:
		viq_smmuv3_mmio_write(v->smmu, REG(GBPA), 4, REG(GBPA_UPDATE) | (how & 8 ? REG(GBPA_ABORT) : 0));
		break;
	case 2:
		viq_smmuv3_mmio_write(v->smmu, REG(GERRORN), 4, vsmmu_r32(v, REG(GERROR)));
		break;
	case 3:
		viq_smmuv3_mmio_write(v->smmu, REG(CR0), 4, how & 8 ? 0 : on | REG(CR0_SMMUEN));
		break;
	default:
		viq_smmuv3_mmio_write(v->smmu, REG(CMDQ_PROD), 4, (uint32_t)input_bytes(in, 2) & 0x7ff);
	}
}

static void smmuv3_life(struct input *in)
{
	struct viq_smmuv3_config config;
	struct vsmmu *v;

	vsmmu_config(&config);
	config.host = (struct viq_call_host){.ops = &hosts[world.w->contract]};
	config.budget = world.w->units;
	config.idr0 |= REG(IDR0_PRI);
	config.idr1 |= VIQ_PUT(REG(IDR1_PRIQS), 19);
	config.idr3 |= REG(IDR3_PPS);
	v = vsmmu_new(&config);
	v->lax = v->quiet = true;
	v->ops.reconfig = smmuv3_reconfig;
	v->ops.sync = host_sync;
	v->ops.page_response = smmuv3_page_response;
	vsmmu_replace(v);
	vsmmu_boot(v, 10);
	for (unsigned int steps = 0; in->left && steps < STEPS; steps++) {
		uint8_t how = input_u8(in) & 7;

		begin(smmuv3_commands(v));
		if (how < 3)
			smmuv3_fill(v, in);
		else if (how < 5)
			smmuv3_write(v, in);
		else if (how < 7)
			viq_smmuv3_run(v->smmu, world.w->units);
		else
			new_fates(in);
		end(smmuv3_commands(v), world.w->units);
	}
	vsmmu_free(v);
}

/* --- VT-d --------------------------------------------------------------------------------------------------------- */

static uint64_t vtd_descriptors(const struct vvtd *v)
{
	const struct viq_vtd_counters c = vtd_counters(v->vtd);
	uint64_t sum = 0;

	for (unsigned int type = 0; type < 16; type++)
		sum += c.descriptors[type];
	return sum;
}

static struct test_desc vtd_descriptor(struct input *in)
{
	uint8_t how = input_u8(in), i = how >> 3;

	switch (how & 7) {
	case 0:
		return desc_cc(1 + i % 3, i % 6, i, 0);
	case 1:
		return desc_pc((const unsigned int[]){0, 1, 3}[i % 3], i % 6, i);
	case 2:
		return desc_iotlb(1 + i % 3, i % 6, 0, 0, false);
	case 3:
		return desc_iec(i & 1, i, 0);
	case 4:
		return desc_pdevtlb(i % 4, i, i & 1, (uint64_t)i << 12, false);
	case 5:
		return i & 1 ? desc_devtlb(i % 4, (uint64_t)i << 12, false) : desc_wait(false, false, true, 0, 0);
	case 6:
		return i == 31 ? (struct test_desc){{0xf}}
		       : i & 1 ? desc_pgrp(i % 4, true, i, i, 0)
			       : desc_page(i % 6, 0, i);
	default:
		return desc_page(i % 6, i % 4, i);
	}
}

static void vtd_fill(struct vvtd *v, struct input *in)
{
	uint32_t slot = input_u8(in) * 2, count = 1 + input_u8(in);
	const struct test_desc most = vtd_descriptor(in), other = vtd_descriptor(in);
	uint32_t period = 1 + (input_u8(in) & 31);

	for (uint32_t i = slot; i < slot + count && i < v->slots; i++)
		vvtd_replace_desc(v, i, i % period ? most : other);
}

static void vtd_write(struct vvtd *v, struct input *in)
{
	const uint32_t bits[] = {VREG(GCMD_TE), VREG(GCMD_IRE), VREG(GCMD_SRTP), VREG(GCMD_SIRTP), VREG(GCMD_QIE)};
	uint64_t iro = VIQ_GET(VIQ_VTD_ECAP_IRO, v->config.ecap) * VIQ_VTD_OFFSET_UNITS;
	uint64_t gsts = viq_vtd_mmio_read(v->vtd, VREG(GSTS), 4) & 0x96ffffff;
	uint8_t how = input_u8(in);

	switch (how & 7) {
	case 0:
		viq_vtd_mmio_write(v->vtd, VREG(GCMD), 4, gsts ^ bits[(how >> 3) % 5]);
		break;
	case 1:
		viq_vtd_mmio_write(v->vtd, VREG(CCMD), 8, VREG(CCMD_ICC) | VIQ_PUT(VREG(CCMD_CIRG), 1));
		break;
	case 2:
		viq_vtd_mmio_write(v->vtd, iro + 8, 8, VREG(IOTLB_IVT) | VIQ_PUT(VREG(IOTLB_IIRG), 1));
		break;
	case 3:
		viq_vtd_mmio_write(v->vtd, VREG(FSTS), 4, UINT32_MAX);
		break;
	default:
		viq_vtd_mmio_write(v->vtd, VREG(IQT), 8, 32 * ((uint32_t)input_bytes(in, 2) % v->slots));
	}
}

static void vtd_life(struct input *in)
{
	static const struct viq_vtd_ops ops = {.size = sizeof(ops),
					       .reconfig = vtd_reconfig,
					       .remap = vtd_remap,
					       .devtlb = vtd_devtlb,
					       .page_response = vtd_page_response,
					       .sync = host_sync,
					       .kick = vtd_kick,
					       .host_wait = vtd_wait};
	struct viq_vtd_config config;
	struct vvtd *v;

	vvtd_config(&config);
	config.budget = world.w->units;
	config.ecap |= VIQ_VTD_ECAP_PRS;
	config.ops = &ops;
	v = vvtd_new(&config);
	v->lax = v->quiet = true;
	for (uint32_t i = 0; i < TABLES; i++)
		vvtd_attach_ref(v, (struct viq_call_host){.ops = &hosts[world.w->contract], .object = i},
				(uint16_t)(i % 6), i % 4, (uint16_t)(i % 4), i % 3 ? VIQ_VTD_DEVTLB_IMPLIED : 0);
	vvtd_boot(v, 256, 2);
	for (unsigned int steps = 0; in->left && steps < STEPS; steps++) {
		uint8_t how = input_u8(in) & 7;

		begin(vtd_descriptors(v));
		if (how < 3)
			vtd_fill(v, in);
		else if (how < 5)
			vtd_write(v, in);
		else if (how < 7)
			viq_vtd_run(v->vtd, world.w->units);
		else
			new_fates(in);
		end(vtd_descriptors(v), world.w->units);
	}
	vvtd_free(v);
}

struct worst worst_of(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t how = input_u8(&in);
	struct worst w = {
		.guest = how & 1 ? WORST_VTD : WORST_SMMUV3,
		.contract = (how >> 1 & 3) % WORST_CONTRACTS,
		.budget = (how >> 3) % WORST_BUDGETS,
	};

	w.units = budgets[w.budget];
	memset(&world, 0, sizeof(world));
	world.w = &w;
	if (w.guest == WORST_VTD)
		vtd_life(&in);
	else
		smmuv3_life(&in);
	return w;
}

uint64_t worst_allowed(const struct worst *w)
{
	return (w->guest == WORST_VTD ? 4 : 2) * VIQ_CALL_MAX_HOST_CALLS * VIQ_WORK_CALL;
}
