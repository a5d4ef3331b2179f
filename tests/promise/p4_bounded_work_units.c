/* SPDX-License-Identifier: MIT */
/*
 * P4: with any budget no write and no run does more than it, and one step of the most expensive kind, whatever is in
 * queue and registers. Hosts and hooks count in units of one command; time is not looked at.
 */
#include <errno.h>
#include <string.h>

#include "support/vsmmu.h"
#include "support/vvtd.h"
#include "support/work.h"

/* --- What is counted ---------------------------------------------------------------------------------------------- */

static uint64_t units, seed;
static bool fails; /* hosts fail now and then, and say exactly where: nobody has to look for it by further calls */

static int counting_invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < req->piece_count; i++)
		count += req->pieces[i].count;
	units += VIQ_WORK_CALL;
	*res = (struct viq_call_result){.size = sizeof(*res), .handled = count, .suspect = count, .host_calls = 1};
	if (!fails || !count || test_below(&seed, 8))
		return 0;
	res->handled = res->suspect = test_below(&seed, count);
	res->error = 1 + test_below(&seed, VIQ_CALL_ERROR_COUNT - 1);
	return 0;
}

static const struct viq_call_host_ops counting = {
	.size = sizeof(counting), .report_group = 1, .invalidate = counting_invalidate};

/* Up to 40 steps of one host call each. */
static int hook_work(struct viq_work *work)
{
	uint64_t before = work->cursor[0], left;
	uint32_t steps = 1 + (uint32_t)(work->cursor[1] ? work->cursor[1] - 1 : test_below(&seed, 40));

	work->cursor[1] = steps;
	left = work_in_steps(work, steps);
	units += (work->cursor[0] - before) * VIQ_WORK_CALL;
	if (left)
		return 1;
	return fails && !test_below(&seed, 6) ? -ENOMEM : 0;
}

/* A budget, and what a write or a run may do beyond it. */
static uint32_t some_budget(void)
{
	static const uint32_t budgets[] = {1, 2, 63, 64, 65, 200, VIQ_WORK_BUDGET, 5000};

	return budgets[test_below(&seed, sizeof(budgets) / sizeof(budgets[0]))];
}

static uint64_t most; /* beyond the budget */

static void assert_bounded(uint64_t done, uint64_t budget, uint64_t step)
{
	if (done > budget + step)
		fail_msg("%llu units, budget %llu", (unsigned long long)done, (unsigned long long)budget);
	if (done > budget && done - budget > most)
		most = done - budget;
}

/* --- SMMUv3 ------------------------------------------------------------------------------------------------------- */

/* A call, and one for what lies around ATC_INVs that timed out. */
#define DEAREST (2 * VIQ_WORK_CALL)

static int smmuv3_hook(void *opaque, struct viq_smmuv3_reconfig *what)
{
	return hook_work(&what->work);
}

static uint64_t smmuv3_done(const struct vsmmu *v)
{
	const struct viq_smmuv3_counters c = smmuv3_counters(v->smmu);
	uint64_t done = units;

	for (unsigned int op = 0; op < 256; op++)
		done += c.commands[op];
	return done;
}

static struct test_cmd some_command(void)
{
	uint32_t i = test_below(&seed, 64);

	switch (test_below(&seed, 12)) {
	case 0:
	case 1:
		return cmd_cfgi_ste(i);
	case 2:
		return cmd_cfgi_range(i, test_below(&seed, 32));
	case 3:
	case 4:
		return cmd_atc(i % 4, (uint64_t)i << 12, 0);
	case 5:
		return cmd_cfgi_cd(i % 4, 0);
	case 6:
	case 7:
		return cmd_sync(0);
	case 8:
		if (!i)
			return (struct test_cmd){{0xff}};
		__attribute__((fallthrough));
	default:
		return cmd_nh_va(1, (uint64_t)i << 12);
	}
}

static void smmuv3_write(struct vsmmu *v)
{
	uint32_t cr0 = REG(CR0_CMDQEN) | REG(CR0_EVENTQEN);

	switch (test_below(&seed, 8)) {
	case 0:
		viq_smmuv3_mmio_write(v->smmu, REG(CR0), 4, cr0 | (test_below(&seed, 2) ? REG(CR0_SMMUEN) : 0));
		break;
	case 1:
		viq_smmuv3_mmio_write(v->smmu, REG(GBPA), 4,
				      REG(GBPA_UPDATE) | (test_below(&seed, 2) ? REG(GBPA_ABORT) : 0));
		break;
	case 2:
		viq_smmuv3_mmio_write(v->smmu, REG(GERRORN), 4, vsmmu_r32(v, REG(GERROR)));
		break;
	case 3:
		viq_smmuv3_mmio_write(v->smmu, REG(CR0), 4, test_below(&seed, 4) ? cr0 | REG(CR0_SMMUEN) : 0);
		break;
	default:
		viq_smmuv3_mmio_write(v->smmu, REG(CMDQ_PROD), 4, test_below(&seed, 1u << 11));
	}
}

static void smmuv3_keeps_every_budget(void **state)
{
	seed = test_seed();
	for (unsigned int life = 0; life < 40; life++) {
		uint32_t budget = life % 5 ? some_budget() : VIQ_SMMUV3_DEFER;
		struct viq_smmuv3_config config;
		struct vsmmu *v;

		fails = life & 1;
		vsmmu_config(&config);
		config.host = (struct viq_call_host){.ops = &counting};
		config.budget = budget;
		v = vsmmu_new(&config);
		v->lax = v->quiet = true;
		v->ops.reconfig = smmuv3_hook;
		vsmmu_replace(v);
		vsmmu_boot(v, 10);
		for (unsigned int round = 0; round < 400; round++) {
			uint32_t limit = some_budget();
			uint64_t before;

			for (unsigned int i = 0; i < 8; i++) {
				struct test_cmd cmd = some_command();
				uint64_t at = v->cmdq_base + 16 * test_below(&seed, 1u << 10);

				vsmmu_poke64(v, at, cmd.dw[0]);
				vsmmu_poke64(v, at + 8, cmd.dw[1]);
			}
			before = smmuv3_done(v);
			smmuv3_write(v);
			if (budget == VIQ_SMMUV3_DEFER)
				assert_int_equal(smmuv3_done(v), before);
			else
				assert_bounded(smmuv3_done(v) - before, budget, DEAREST);
			before = smmuv3_done(v);
			viq_smmuv3_run(v->smmu, limit);
			assert_bounded(smmuv3_done(v) - before, limit, DEAREST);
		}
		assert_true(smmuv3_done(v) > 1000); /* it did work */
		vsmmu_free(v);
	}
	print_message("# SMMUv3: at most %llu beyond the budget\n", (unsigned long long)most);
}

/* --- VT-d --------------------------------------------------------------------------------------------------------- */

#define TABLES 60

/* As many calls as a descriptor makes at once whatever is left. */
#define VTD_DEAREST (4 * VIQ_WORK_CALL)

static int vtd_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	return hook_work(&what->work);
}

static int vtd_remap(void *opaque, struct viq_vtd_remap *what)
{
	return hook_work(&what->work);
}

static int vtd_devtlb(void *opaque, const struct viq_vtd_devtlb *inv)
{
	static const int results[] = {-ETIMEDOUT, -EIO, -ENOMEM};

	units += VIQ_WORK_CALL;
	return fails && !test_below(&seed, 4) ? results[test_below(&seed, 3)] : 0;
}

static void no_kick(void *opaque)
{
}

static int no_wait(void *opaque, const struct viq_call_result *result, uint64_t times)
{
	return 0;
}

static uint64_t vtd_done(const struct vvtd *v)
{
	const struct viq_vtd_counters c = vtd_counters(v->vtd);
	uint64_t done = units;

	for (unsigned int type = 0; type < 16; type++)
		done += c.descriptors[type];
	return done;
}

static struct test_desc some_descriptor(void)
{
	uint32_t i = test_below(&seed, 64), did = test_below(&seed, 6), g = test_below(&seed, 4);

	switch (test_below(&seed, 10)) {
	case 0:
		return desc_cc(1 + g % 3, (uint16_t)did, (uint16_t)i, 0);
	case 1:
		return desc_pc(g == 2 ? 0 : g, (uint16_t)did, i);
	case 2:
		return desc_iotlb(1 + g % 3, (uint16_t)did, 0, 0, false);
	case 3:
		return desc_iec(i & 1, (uint16_t)i, 0);
	case 4:
		return desc_pdevtlb((uint16_t)(i % 4), i, i & 1, (uint64_t)i << 12, false);
	case 5:
		return desc_devtlb((uint16_t)(i % 4), (uint64_t)i << 12, false);
	case 6:
		return desc_wait(false, false, true, 0, 0);
	case 7:
		if (!i)
			return (struct test_desc){{0xf}};
		__attribute__((fallthrough));
	default:
		return desc_page((uint16_t)did, i % 4, i);
	}
}

static void vtd_write(struct vvtd *v)
{
	uint64_t iro = VIQ_GET(VIQ_VTD_ECAP_IRO, v->config.ecap) * VIQ_VTD_OFFSET_UNITS;
	uint64_t gsts = viq_vtd_mmio_read(v->vtd, VREG(GSTS), 4) & 0x96ffffff;
	const uint32_t bits[] = {VREG(GCMD_TE), VREG(GCMD_IRE), VREG(GCMD_SRTP), VREG(GCMD_SIRTP), VREG(GCMD_QIE)};

	switch (test_below(&seed, 10)) {
	case 0:
	case 1:
		viq_vtd_mmio_write(v->vtd, VREG(GCMD), 4, gsts ^ bits[test_below(&seed, 5)]);
		break;
	case 2:
		viq_vtd_mmio_write(v->vtd, VREG(CCMD), 8, VREG(CCMD_ICC) | VIQ_PUT(VREG(CCMD_CIRG), 1));
		break;
	case 3:
		viq_vtd_mmio_write(v->vtd, iro + 8, 8, VREG(IOTLB_IVT) | VIQ_PUT(VREG(IOTLB_IIRG), 1));
		break;
	case 4:
		viq_vtd_mmio_write(v->vtd, VREG(FSTS), 4, UINT32_MAX);
		break;
	case 5:
		viq_vtd_mmio_write(v->vtd, VREG(GCMD), 4, gsts | VREG(GCMD_QIE));
		break;
	default:
		viq_vtd_mmio_write(v->vtd, VREG(IQT), 8, 32 * test_below(&seed, v->slots));
	}
}

static void vtd_keeps_every_budget(void **state)
{
	seed = test_seed();
	most = 0;
	for (unsigned int life = 0; life < 40; life++) {
		uint32_t budget = life % 5 ? some_budget() : VIQ_VTD_DEFER;
		static const struct viq_vtd_ops ops = {.size = sizeof(ops),
						       .reconfig = vtd_reconfig,
						       .remap = vtd_remap,
						       .devtlb = vtd_devtlb,
						       .kick = no_kick,
						       .host_wait = no_wait};
		struct viq_vtd_config config;
		struct vvtd *v;

		fails = false;
		vvtd_config(&config);
		config.budget = budget;
		config.ops = &ops;
		v = vvtd_new(&config);
		v->lax = v->quiet = true;
		for (uint32_t i = 0; i < TABLES; i++)
			vvtd_attach_ref(v, (struct viq_call_host){.ops = &counting, .object = i}, (uint16_t)(i % 6),
					i % 4, (uint16_t)(i % 4), i % 3 ? VIQ_VTD_DEVTLB_IMPLIED : 0);
		vvtd_boot(v, 256, 2);
		fails = life & 1;
		for (unsigned int round = 0; round < 400; round++) {
			uint32_t limit = some_budget();
			uint64_t before;

			for (unsigned int i = 0; i < 8; i++)
				vvtd_replace_desc(v, test_below(&seed, v->slots), some_descriptor());
			before = vtd_done(v);
			vtd_write(v);
			if (budget == VIQ_VTD_DEFER)
				assert_int_equal(vtd_done(v), before);
			else
				assert_bounded(vtd_done(v) - before, budget, VTD_DEAREST);
			before = vtd_done(v);
			viq_vtd_run(v->vtd, limit);
			assert_bounded(vtd_done(v) - before, limit, VTD_DEAREST);
		}
		assert_true(vtd_done(v) > 1000);
		vvtd_free(v);
	}
	print_message("# VT-d: at most %llu beyond the budget\n", (unsigned long long)most);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuv3_keeps_every_budget),
		cmocka_unit_test(vtd_keeps_every_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
