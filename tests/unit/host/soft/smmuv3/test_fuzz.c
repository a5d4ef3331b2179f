/* SPDX-License-Identifier: MIT */
/*
 * Random invalidate arrays, contracts, cuts and injected failures against the host: whatever is in them, the call ends,
 * its answer is well-formed, nothing that it reports done is still cached, and accesses go on. Run it under the
 * sanitizers; VIQ_SEED and VIQ_ROUNDS make longer runs.
 */
#include "support/soft.h"
#include "support/fault.h"

#define PAGES   64u
#define ENTRIES 200u

static uint64_t seed;
static uint64_t rnd(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed * UINT64_C(0x2545f4914f6cdd1d) >> 16) % below;
}

static uint64_t rnd64(void)
{
	return rnd(UINT64_C(1) << 32) << 32 | rnd(UINT64_C(1) << 32);
}

static const uint8_t ops[] = {0x05, 0x06, 0x10, 0x11, 0x12, 0x12, 0x12, 0x13, 0x30, 0x40};

/* Mostly what a guest sends; sometimes with a bit or two wrong; sometimes noise. */
static void random_entry(uint64_t cmd[2])
{
	uint8_t op = ops[rnd(sizeof(ops))];

	if (!rnd(500)) {
		cmd[0] = rnd64();
		cmd[1] = rnd64();
		return;
	}
	cmd[0] = op;
	cmd[1] = 0;
	if (op <= 0x06 || op == 0x40)
		cmd[0] |= VIQ_PUT(VIQ_SMMUV3_CMD_SID, rnd(50) ? VSID : rnd(12));
	if (op == 0x11 || op == 0x12)
		cmd[0] |= VIQ_PUT(VIQ_SMMUV3_TLBI_ASID, rnd(3));
	if (op == 0x12 || op == 0x13)
		cmd[1] = rnd(PAGES) << 12 | rnd(2);
	if (op == 0x40)
		cmd[1] = rnd(PAGES) << 12 | rnd(53);
	if ((op == 0x12 || op == 0x13) && rnd(2)) {
		cmd[0] |= range0(1 + rnd(31), rnd(32));
		cmd[1] |= range1(rnd(4), 1 + 2 * rnd(2));
	}
	if (!rnd(300))
		cmd[rnd(2)] ^= VIQ_BIT(rnd(64));
}

/* Must the entry have removed page from the TLB? (ASID 1, not global, 4 KiB.) */
static bool removes(const uint64_t cmd[2], unsigned int page)
{
	uint64_t va = cmd[1] >> 12 & (UINT64_MAX >> 20), tg = VIQ_GET(VIQ_SMMUV3_TLBI_1_TG, cmd[1]);
	uint64_t ttl = VIQ_GET(VIQ_SMMUV3_TLBI_1_TTL, cmd[1]), pages;

	switch (cmd[0] & 0xff) {
	case 0x10:
	case 0x30:
		return true;
	case 0x11:
		return VIQ_GET(VIQ_SMMUV3_TLBI_ASID, cmd[0]) == 1;
	case 0x12:
		if (VIQ_GET(VIQ_SMMUV3_TLBI_ASID, cmd[0]) != 1)
			return false;
		break;
	case 0x13:
		break;
	default:
		return false;
	}
	if (!tg)
		return va == page;
	pages = (VIQ_GET(VIQ_SMMUV3_TLBI_NUM, cmd[0]) + 1) << VIQ_GET(VIQ_SMMUV3_TLBI_SCALE, cmd[0]);
	return tg == 1 && (!ttl || ttl == 3) && page >= va && page - va < pages;
}

struct round {
	struct machine m;
	struct viq_fault *fault;
	uint64_t cmds[ENTRIES][2];
	uint32_t count;
};

static uint32_t safe_count(const struct round *r, const struct viq_call_result *res, uint32_t group)
{
	if (!res->error)
		return r->count;
	/* What a caller may make of a failed call's count: see viq/call.h. */
	return res->handled >= r->count ? 0 : res->handled / group * group;
}

static void check_answer(struct round *r, const struct viq_call_result *res, bool dropping)
{
	uint32_t safe = safe_count(r, res, r->m.host.ops->report_group);

	assert_true(res->error < VIQ_CALL_ERROR_COUNT);
	assert_true(res->handled <= r->count && res->suspect <= r->count && res->handled <= res->suspect);
	assert_int_equal(res->host_calls, 1);
	if (!res->error)
		assert_true(res->handled == r->count && res->suspect == r->count);
	for (unsigned int page = 0; page < PAGES && !dropping; page++) {
		bool gone = false;

		for (uint32_t i = 0; i < safe && !gone; i++)
			gone = removes(r->cmds[i], page);
		if (gone)
			assert_false(viq_soft_cached(r->m.dev, page * 4096, 0, VIQ_SOFT_READ, false));
	}
}

static void tune(struct viq_soft_config *config)
{
	config->tlb_entries = 64 << rnd(6);
	config->atc_entries = 16 << rnd(4);
}

static void random_injection(struct round *r)
{
	const struct viq_fault_failure failure = {.size = sizeof(failure),
						  .kind = rnd(VIQ_FAULT_DROP + 1),
						  .index = rnd(ENTRIES),
						  .before = rnd(3) ? rnd(10) : UINT32_MAX,
						  .after = rnd(3) ? rnd(10) : UINT32_MAX,
						  .times = rnd(3)};

	assert_int_equal(viq_fault_arm(r->fault, &failure), 0);
}

static void run_round(uint32_t contract, unsigned int calls)
{
	bool dropping = false;
	struct round r;
	uint64_t ttb, pa;

	ttb = machine_init_s1(&r.m, tune);
	r.fault = fault_new(contract);
	r.m.host = fault_before(r.fault, r.m.host);
	for (unsigned int page = 0; page < PAGES; page++)
		map_page(&r.m, ttb, page * 4096, MEM_BASE | PAGE_RW);
	for (unsigned int i = 0; i < calls; i++) {
		struct viq_call_result res;

		if (!rnd(4)) {
			random_injection(&r);
			dropping = true; /* it may be one that drops; of the others, other tests know */
		} else if (!rnd(2)) {
			fault_disarm(r.fault);
			dropping = false;
		}
		if (!rnd(8)) {
			assert_int_equal(viq_soft_dev_set_ats(r.m.dev, rnd(2)), 0);
			assert_int_equal(
				viq_soft_vdevice_configure(r.m.soft, r.m.viommu, VSID,
							   (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, r.m.cd, 0),
									 VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, rnd(2))}),
				0);
		}
		for (unsigned int page = 0; page < PAGES; page++)
			assert_int_equal(translate(r.m.dev, page * 4096, 0, VIQ_SOFT_READ, &pa), 0);
		r.count = rnd(ENTRIES + 1);
		for (uint32_t k = 0; k < r.count; k++)
			random_entry(r.cmds[k]);
		res = call_host(r.m.host, (const uint64_t(*)[2])r.cmds, r.count);
		check_answer(&r, &res, dropping);
	}
	viq_fault_destroy(r.fault);
	machine_fini(&r.m);
}

static void random_arrays(void **state)
{
	const char *env = getenv("VIQ_SEED"), *rounds = getenv("VIQ_ROUNDS");
	unsigned int n = rounds ? strtoul(rounds, NULL, 0) : 20;

	seed = env ? strtoull(env, NULL, 0) | 1 : 0x5eed1;
	print_message("VIQ_SEED=%llu\n", (unsigned long long)seed);
	for (unsigned int i = 0; i < n; i++)
		run_round(i % 3, 40);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(random_arrays),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
