/* SPDX-License-Identifier: MIT */
/*
 * P1, P2, P4, P8 from a guest's view: its command queue, through the Linux host, on every kernel.
 *
 * The harness looks at CMDQ_CONS after each doorbell as a driver does, and fails the test if a CMD_SYNC has completed
 * before every earlier command took effect in the fake kernel (twice, where the erratum asks for it).
 */
#include "support/vsmmu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/linux_call.h"

#define LOG2    12
#define SID     FAKE_VM_VSID
#define SYNC_AT 200u

struct world {
	struct vsmmu *v;
	struct linux_fixture f;
	struct viq_call_host_ops ops;
	size_t seen; /* effects of the kernel that the harness knows */
	bool erratum;
};

static struct world w;

static bool is_again(size_t i)
{
	const struct fk_effect *e = w.f.vm.fk->effects;

	for (size_t n = i; n-- > w.seen;) {
		if (!memcmp(e[n].cmd, e[i].cmd, sizeof(e[i].cmd)))
			return true;
	}
	return false;
}

/* What the kernel executed is the harness's truth. */
static int invalidate(void *opaque, const struct viq_call_request *req, struct viq_call_result *res)
{
	const struct fake_kernel *fk = w.f.vm.fk;
	int ret = linux_invalidate(w.f.inv, req, res);

	for (size_t i = w.seen; i < fk->effect_count; i++) {
		if (!w.erratum || (fk->effects[i].cmd[0] & 0xff) == VIQ_SMMUV3_OP_ATC_INV || is_again(i))
			test_host_effect(&w.v->host, fk->effects[i].cmd);
	}
	w.seen = fk->effect_count;
	return ret;
}

static uint32_t stream(void *opaque, uint32_t object, uint32_t sid)
{
	return sid == SID ? VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS : 0;
}

static uint32_t harness_stream(struct test_host *host, uint32_t sid)
{
	return stream(NULL, 0, sid);
}

static struct vsmmu *world_init(enum fk_behaviour behaviour, enum viq_linux_calls calls, bool erratum)
{
	struct viq_smmuv3_config config;

	memset(&w, 0, sizeof(w));
	linux_fixture_init(&w.f, behaviour, calls, erratum);
	w.erratum = erratum;
	w.ops = *w.f.host.ops;
	w.ops.invalidate = invalidate;
	w.ops.stream = stream;
	vsmmu_config(&config);
	config.host = w.f.host;
	config.host.ops = &w.ops;
	w.v = vsmmu_new(&config);
	w.v->host.stream = harness_stream;
	vsmmu_boot(w.v, LOG2);
	return w.v;
}

static void world_fini(void)
{
	vsmmu_free(w.v);
	linux_fixture_fini(&w.f);
}

static struct test_cmd tlbi(uint32_t i)
{
	return cmd_nh_va(1, (uint64_t)i << 12);
}

/* SYNC_AT TLBIs and a CMD_SYNC; bad takes the place of one. */
static void push_all(struct vsmmu *v, uint32_t at, struct test_cmd bad)
{
	for (uint32_t i = 0; i < SYNC_AT; i++)
		vsmmu_push_test(v, i == at ? bad : tlbi(i));
	vsmmu_push_sync(v);
}

static bool ran(struct test_cmd cmd)
{
	return linux_ran(&w.f, cmd.dw) > 0;
}

static void assert_ran_to(uint64_t end)
{
	for (uint32_t i = 0; i < end; i++)
		assert_true(ran(tlbi(i)));
}

static const uint32_t places[] = {0, 1, 31, 61, 62, 63, 64, 100, 124, 125, 126, 127, 130, 198, 199};

#define for_each_kernel(b, calls, erratum)                                                                             \
	for (unsigned int n_ = 0, b, calls, erratum; b = n_ % FK_BEHAVIOURS, calls = n_ / FK_BEHAVIOURS % 3 + 1,       \
			  erratum = n_ / FK_BEHAVIOURS / 3, n_ < FK_BEHAVIOURS * 6;                                    \
	     n_++)

/* --- P2 ----------------------------------------------------------------------------------------------------------- */

/* The kernel refuses one command for a reason of its own: CERROR_ILL, exactly there; Linux's handler goes on. */
static void p2_refused_command(void **state)
{
	for_each_kernel(b, calls, erratum)
	{
		for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
			struct vsmmu *v = world_init(b, calls, erratum);
			struct test_cmd bad = cmd_nh_asid(77);

			linux_fail(&w.f, 0, bad.dw, -EIO, -1);
			push_all(v, places[p], bad);
			vsmmu_ring(v);
			assert_stopped(v, places[p], VIQ_SMMUV3_CERROR_ILL);
			assert_ran_to(places[p]);
			assert_false(ran(bad));
			assert_int_equal(vsmmu_linux_gerror(v), VIQ_SMMUV3_CERROR_ILL);
			assert_idle(v);
			world_fini();
		}
	}
}

/* The guest was promised range invalidation, which the hardware lacks: stopped before any kernel sees it. */
static void p2_command_that_the_host_lacks(void **state)
{
	for_each_kernel(b, calls, erratum)
	{
		struct test_cmd range = {{0x12 | 3 << 12, 0x5000 | 1 << 10 | 1}};
		struct viq_linux_hw_info hw = {.size = sizeof(hw)};
		struct vsmmu *v = world_init(b, calls, erratum);

		w.f.vm.fk->smmus[0].idr[3] &= ~(uint32_t)VIQ_SMMUV3_IDR3_RIL;
		assert_int_equal(viq_linux_hw_info(w.f.vm.ctx, w.f.vm.device, &hw), 0);
		linux_allow_init(&w.f.inv->allow, &hw);
		push_all(v, 130, range);
		vsmmu_ring(v);
		assert_stopped(v, 130, VIQ_SMMUV3_CERROR_ILL);
		assert_ran_to(130);
		world_fini();
	}
}

/* The stream's vDEVICE has vanished: the queue waits exactly there, and the VMM is told. Back again, it goes on. */
static void p2_vanished_vdevice(void **state)
{
	for_each_kernel(b, calls, erratum)
	{
		for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
			struct vsmmu *v = world_init(b, calls, erratum);
			struct test_cmd bad = p % 2 ? cmd_atc(SID, 0x5000, 0) : cmd_cfgi_cd(SID, 0);
			size_t error;

			assert_int_equal(viq_linux_destroy(w.f.vm.ctx, w.f.vm.vdevice), 0);
			push_all(v, places[p], bad);
			vsmmu_ring(v);
			for (int tries = 0; tries < 3; tries++) {
				assert_waits(v, places[p]);
				error = vsmmu_log_find(v, 0, LOG_ERROR);
				assert_true(error < v->log_count);
				assert_int_equal(v->log[error].a, VIQ_CALL_GONE);
				vsmmu_log_clear(v);
				vsmmu_retry(v);
			}
			assert_ran_to(places[p]);
			assert_int_equal(
				viq_linux_vdevice_alloc(w.f.vm.ctx, w.f.vm.viommu, w.f.vm.device, SID, &w.f.vm.vdevice),
				0);
			vsmmu_retry(v);
			assert_idle(v);
			assert_true(ran(bad));
			world_fini();
		}
	}
}

/* --- Time-outs ---------------------------------------------------------------------------------------------------- */

/*
 * A device does not answer: the TLBIs around complete, the CMD_SYNC reports it; healed, it completes. Also where the
 * SMMU has given the ATC_INV up, if the kernel tells.
 */
static void p1_atc_time_out(void **state)
{
	for_each_kernel(b, calls, erratum)
	{
		for (unsigned int how = 0; how < FK_RANS; how++) {
			for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
				struct vsmmu *v = world_init(b, calls, erratum);
				struct test_cmd atc = cmd_atc(SID, 0x5000, 0);

				linux_fail(&w.f, 0, atc.dw, -ETIMEDOUT, -1);
				w.f.vm.fk->plans[0].ran = how;
				w.f.vm.fk->plans[0].swallowed = b == FK_LINUX_REPORT && how == FK_RAN_OTHERS;
				push_all(v, places[p], atc);
				vsmmu_ring(v);
				for (int tries = 0; tries < 3; tries++) {
					assert_stopped(v, SYNC_AT, VIQ_SMMUV3_CERROR_ATC_INV_SYNC);
					vsmmu_linux_gerror(v);
				}
				for (uint32_t i = 0; i < SYNC_AT; i++)
					assert_true(i == places[p] || ran(tlbi(i)));
				assert_false(ran(atc) || ran(cmd_atc(SID, 0, 52)));
				memset(w.f.vm.fk->plans, 0, sizeof(w.f.vm.fk->plans));
				vsmmu_linux_gerror(v);
				assert_idle(v);
				assert_true(ran(cmd_atc(SID, 0, 52))); /* everything, in its place */
				world_fini();
			}
		}
	}
}

/* The SMMU itself does not answer, and no ATC_INV is in the group: the queue waits at the first not confirmed. */
static void p1_smmu_time_out(void **state)
{
	for_each_kernel(b, calls, erratum)
	{
		struct vsmmu *v = world_init(b, calls, erratum);
		uint64_t first = calls == VIQ_LINUX_CALLS_SINGLE ? 100 : 63;

		linux_fail(&w.f, 0, tlbi(100).dw, -ETIMEDOUT, -1);
		push_all(v, 150, cmd_atc(SID, 0x5000, 0));
		vsmmu_ring(v);
		assert_waits(v, first);
		assert_ran_to(first);
		memset(w.f.vm.fk->plans, 0, sizeof(w.f.vm.fk->plans));
		vsmmu_retry(v);
		assert_idle(v);
		world_fini();
	}
}

/* --- Objects that vanish ------------------------------------------------------------------------------------------ */

static uint64_t lost_call;

static void lose_viommu(struct fake_kernel *fk, uint64_t call, unsigned long request)
{
	if (call == lost_call)
		fake_kernel_lose(fk, w.f.vm.viommu);
}

/* Before any call of a doorbell: what ran is confirmed, the queue waits, no command is called illegal. */
static void p8_viommu_vanishes(void **state)
{
	for_each_kernel(b, calls, erratum)
	{
		for (lost_call = 1; lost_call <= 4; lost_call++) {
			struct vsmmu *v = world_init(b, calls, erratum);
			uint64_t cons;

			w.f.vm.fk->before_call = lose_viommu;
			push_all(v, SYNC_AT, tlbi(0));
			for (uint32_t i = 0; i < 1000; i++)
				vsmmu_push_test(v, tlbi(1000 + i));
			vsmmu_push_sync(v);
			vsmmu_ring(v);
			if (vsmmu_idle(v)) { /* fewer calls than that */
				world_fini();
				continue;
			}
			cons = vsmmu_observe(v);
			assert_waits(v, cons);
			for (int tries = 0; tries < 10; tries++) {
				vsmmu_retry(v);
				assert_waits(v, cons);
			}
			world_fini();
		}
	}
}

static void kill_smmu(struct fake_kernel *fk, uint64_t call, uint32_t index)
{
	fk->smmus[0].dead |= index == 150 || call == 150;
}

/* In the middle of an array the SMMU begins to refuse everything. */
static void p8_smmu_dies(void **state)
{
	for_each_kernel(b, calls, erratum)
	{
		struct vsmmu *v = world_init(b, calls, erratum);
		uint64_t cons;

		w.f.vm.fk->before_entry = kill_smmu;
		if (calls == VIQ_LINUX_CALLS_STRICT)
			w.f.vm.fk->smmus[0].dead = true;
		push_all(v, SYNC_AT, tlbi(0));
		vsmmu_ring(v);
		cons = vsmmu_observe(v);
		assert_true(cons <= 150);
		assert_waits(v, cons);
		assert_ran_to(cons);
		for (int tries = 0; tries < 10; tries++) {
			vsmmu_retry(v);
			assert_waits(v, cons);
		}
		world_fini();
	}
}

/* --- P4: what the budget pays for --------------------------------------------------------------------------------- */

/* What a host's calls are long is its own affair: the entries have paid for them, under the erratum twice. */
static void p4_calls_without_failure_are_not_charged(void **state)
{
	static const uint32_t calls[] = {
		[VIQ_LINUX_CALLS_BULK] = 1, [VIQ_LINUX_CALLS_STRICT] = 63, [VIQ_LINUX_CALLS_SINGLE] = 4000};

	for (unsigned int n = 0; n < 6; n++) {
		unsigned int mode = VIQ_LINUX_CALLS_BULK + n % 3, erratum = n / 3;
		struct vsmmu *v = world_init(FK_LINUX_7_3, mode, erratum);

		for (uint32_t i = 0; i < 4000; i++)
			vsmmu_push_test(v, tlbi(i));
		vsmmu_push_sync(v);
		vsmmu_ring(v);
		assert_idle(v);
		assert_int_equal(vsmmu_log_number(v, LOG_KICK), 0);
		assert_int_equal(smmuv3_counters(v->smmu).budget_ends, 0);
		assert_true(smmuv3_counters(v->smmu).host_calls >= calls[mode] << erratum);
		world_fini();
	}
}

/* A hunt is: the most expensive queue, every second batch with a culprit, costs about one hunt a write. */
static void p4_hunts_are_charged(void **state)
{
	for_each_kernel(b, calls, erratum)
	{
		struct vsmmu *v = world_init(b, calls, erratum);
		uint64_t most = 0;

		v->quiet = true;
		linux_fail(&w.f, 0, cmd_nh_asid(77).dw, -EIO, -1);
		for (uint32_t i = 0; i < 500; i++) {
			vsmmu_push_test(v, tlbi(i));
			vsmmu_push_test(v, tlbi(i + 1000));
			vsmmu_push_test(v, cmd_nh_asid(77));
			vsmmu_push_test(v, tlbi(i + 2000));
			vsmmu_push_sync(v);
		}
		for (int round = 0; round < 4000 && !vsmmu_idle(v); round++) {
			uint64_t before = w.f.vm.fk->inv_calls;

			if (round)
				vsmmu_linux_gerror(v);
			else
				vsmmu_ring(v);
			if (w.f.vm.fk->inv_calls - before > most)
				most = w.f.vm.fk->inv_calls - before;
		}
		assert_idle(v);
		if (most > 20)
			fail_msg("kernel %u: one write made %llu calls", b, (unsigned long long)most);
		world_fini();
	}
}

/* --- P1: everything at once --------------------------------------------------------------------------------------- */

static void random_command(struct vsmmu *v, uint64_t *seed, uint32_t i)
{
	switch (test_below(seed, 12)) {
	case 0:
		vsmmu_push_sync(v);
		break;
	case 1:
		vsmmu_push_test(v, cmd_atc(SID, (uint64_t)i << 12, test_below(seed, 8)));
		break;
	case 2:
		vsmmu_push_test(v, cmd_cfgi_cd(SID, i & 0xffff));
		break;
	case 3:
		vsmmu_push_test(v, cmd_cfgi_ste(SID));
		break;
	case 4:
		vsmmu_push_test(v, cmd_nh_asid(i & 0xff));
		break;
	case 5:
		vsmmu_push_test(v, cmd_atc(0x999, 0, 52)); /* nobody's */
		break;
	default:
		vsmmu_push_test(v, tlbi(i));
	}
}

static void random_trouble(uint64_t *seed, uint32_t i)
{
	static const int errors[] = {-ENOMEM, -EFAULT, -EINVAL, -ETIMEDOUT, -EIO, -EAGAIN};
	struct fake_kernel *fk = w.f.vm.fk;
	uint32_t plan = test_below(seed, 4);

	switch (test_below(seed, 10)) {
	case 0:
		linux_fail(&w.f, plan, tlbi(i + test_below(seed, 100)).dw, -EIO, (int)test_below(seed, 3) + 1);
		break;
	case 1:
		linux_fail(&w.f, plan, tlbi(i + test_below(seed, 100)).dw, -ETIMEDOUT, (int)test_below(seed, 3) + 1);
		fk->plans[plan].ran = test_below(seed, FK_RANS);
		break;
	case 2:
		fk->plans[plan] = (struct fk_plan){.cmd = {VIQ_SMMUV3_OP_ATC_INV},
						   .mask = {0xff},
						   .err = -ETIMEDOUT,
						   .times = (int)test_below(seed, 10) + 1,
						   .ran = test_below(seed, FK_RANS)};
		break;
	case 3:
		fk->inv_fault = (struct fk_inv_fault){fk->inv_calls + 1 + test_below(seed, 5), 1 + test_below(seed, 3),
						      errors[test_below(seed, 6)], test_below(seed, 2), 0};
		break;
	case 4:
		fk->memory = test_below(seed, 2) ? 0 : 1 + test_below(seed, 200);
		break;
	default:
		memset(fk->plans, 0, sizeof(fk->plans));
	}
}

static void p1_random_guests_and_troubles(void **state)
{
	uint64_t seed = test_seed();

	for (unsigned int round = 0; round < 160; round++) {
		struct vsmmu *v = world_init(round % FK_BEHAVIOURS, round / 4 % 2 + 1, round / 8 % 2);
		uint32_t i = 0;

		v->quiet = true;
		for (unsigned int bell = 0; bell < 60; bell++) {
			uint32_t n = 1 + test_below(&seed, bell % 7 ? 40 : 300);

			for (; n && v->prod - vsmmu_observe(v) < (1u << LOG2) - 1; n--)
				random_command(v, &seed, i++);
			random_trouble(&seed, i);
			vsmmu_ring(v);
			if (test_below(&seed, 2))
				vsmmu_linux_gerror(v);
		}
		fake_kernel_reset(w.f.vm.fk);
		w.seen = 0;
		w.f.inv->calls.single = w.f.inv->calls.others = w.f.inv->calls.entries = 0;
		assert_true(vsmmu_drain(v, 100));
		assert_int_equal(w.f.vm.fk->wedged, 0);
		world_fini();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p2_refused_command),   cmocka_unit_test(p2_command_that_the_host_lacks),
		cmocka_unit_test(p2_vanished_vdevice),  cmocka_unit_test(p1_atc_time_out),
		cmocka_unit_test(p1_smmu_time_out),     cmocka_unit_test(p8_viommu_vanishes),
		cmocka_unit_test(p8_smmu_dies),         cmocka_unit_test(p4_calls_without_failure_are_not_charged),
		cmocka_unit_test(p4_hunts_are_charged), cmocka_unit_test(p1_random_guests_and_troubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
