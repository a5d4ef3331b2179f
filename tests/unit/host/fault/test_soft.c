/* SPDX-License-Identifier: MIT */
/*
 * Failures and contracts in front of the software host: how far a call gets and what is said of it, by contract and by
 * kind of failure. "Took effect" is looked up in the TLB and the ATC, page by page: entry i invalidates page i.
 */
#include "support/soft.h"
#include "support/fault.h"

#define PAGES 200u

static struct viq_call_result make_call(const struct machine *m, struct viq_call_request *req)
{
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(m->host.ops->invalidate(m->host.opaque, req, &res), 0);
	return res;
}

/* One machine a contract; page i at i * 4096 of ASID 1, cached in the TLB and, with ats, in the ATC. */
struct bench {
	struct machine m;
	struct viq_fault *fault;
	uint64_t cmds[PAGES][2];
	uint32_t count;
	bool ats;
};

static void bench_fill(struct bench *b)
{
	uint64_t pa;

	for (uint32_t i = 0; i < PAGES; i++)
		assert_int_equal(translate(b->m.dev, i * 4096, 0, VIQ_SOFT_READ, &pa), 0);
}

static void bench_init(struct bench *b, uint32_t contract, bool ats)
{
	uint64_t ttb;

	ttb = machine_init_s1(&b->m, NULL);
	b->fault = fault_new(contract);
	b->m.host = fault_before(b->fault, b->m.host);
	b->ats = ats;
	b->count = PAGES;
	assert_int_equal(b->m.host.ops->report_group, contract == VIQ_FAULT_EXACT ? 1 : 63);
	if (ats) {
		assert_int_equal(viq_soft_dev_set_ats(b->m.dev, true), 0);
		assert_int_equal(viq_soft_vdevice_configure(b->m.soft, b->m.viommu, VSID,
							    (uint64_t[2]){ste0(VIQ_SMMUV3_STE_CONFIG_S1, b->m.cd, 0),
									  VIQ_PUT(VIQ_SMMUV3_STE_1_EATS, 1)}),
				 0);
	}
	for (uint32_t i = 0; i < PAGES; i++) {
		map_page(&b->m, ttb, i * 4096, MEM_BASE | PAGE_RW);
		b->cmds[i][0] = ats ? with_sid(VIQ_SMMUV3_OP_ATC_INV, VSID) : tlbi_va(1);
		b->cmds[i][1] = i * 4096;
	}
	bench_fill(b);
}

static bool took_effect(struct bench *b, uint32_t i)
{
	return !viq_soft_cached(b->m.dev, i * 4096, 0, VIQ_SOFT_READ, b->ats);
}

/* Entries [0, below) took effect and [from, count) did not; those between may have. */
static void check_effects(struct bench *b, uint32_t below, uint32_t from)
{
	for (uint32_t i = 0; i < b->count; i++) {
		if (i < below)
			assert_true(took_effect(b, i));
		else if (i >= from)
			assert_false(took_effect(b, i));
	}
}

static void bench_fini(struct bench *b)
{
	viq_fault_destroy(b->fault);
	machine_fini(&b->m);
}

static void arm(struct bench *b, uint32_t kind, uint32_t index, uint32_t before, uint32_t after, uint32_t times)
{
	fault_arm(b->fault, kind, index, before, after, times);
}

static uint32_t group_of(uint32_t contract, uint32_t i)
{
	return contract == VIQ_FAULT_EXACT ? i : i / 63 * 63;
}

static uint32_t group_end(uint32_t contract, uint32_t i, uint32_t count)
{
	uint32_t end = group_of(contract, i) + 62;

	return contract == VIQ_FAULT_EXACT ? i : end < count - 1 ? end : count - 1;
}

static void check_report(const struct viq_call_result *res, uint32_t contract, uint32_t error, uint32_t handled,
			 uint32_t suspect, uint32_t hw_code, int os_error)
{
	assert_int_equal(res->error, error);
	assert_int_equal(res->handled, handled);
	assert_int_equal(res->suspect, suspect);
	assert_int_equal(res->hw_code, contract == VIQ_FAULT_EXACT ? hw_code : 0);
	assert_int_equal(res->os_error, contract == VIQ_FAULT_EXACT ? 0 : os_error);
}

static const uint32_t indices[] = {0, 1, 62, 63, 64, 125, 126, 150, 188, 189, 198, 199};
#define EACH_CASE(contract, i)                                                                                         \
	for (uint32_t contract = 0; contract <= VIQ_FAULT_LINUX_NEXT; contract++)                                      \
		for (uint32_t n_ = 0, i = indices[0]; n_ < sizeof(indices) / sizeof(indices[0]);                       \
		     n_++, i = indices[n_ % (sizeof(indices) / sizeof(indices[0]))])

/* An entry that is refused, by its bits or on demand: 7.3 tells its index, whatever the fate of the group. */
static void check_refusal(uint32_t contract, uint32_t i, uint32_t kind, uint32_t error, uint32_t hw_code, int os_error)
{
	uint32_t handled = contract == VIQ_FAULT_LINUX_NEXT ? group_of(contract, i) : i;
	uint32_t suspect = contract == VIQ_FAULT_LINUX_NEXT ? group_end(contract, i, PAGES) : i;
	struct viq_call_result res;
	struct bench b;

	bench_init(&b, contract, false);
	if (kind == VIQ_FAULT_NONE)
		b.cmds[i][0] |= VIQ_BIT(8); /* RES0 */
	else
		arm(&b, kind, i, 0, 0, 0);
	res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
	check_report(&res, contract, error, handled, suspect, hw_code, os_error);
	check_effects(&b, group_of(contract, i), group_of(contract, i));
	/* Sent again, it fails again. */
	res = call_host(b.m.host, (const uint64_t(*)[2]) & b.cmds[i], 1);
	check_report(&res, contract, error, 0, 0, hw_code, os_error);
	bench_fini(&b);
}

static void an_illegal_entry(void **state)
{
	EACH_CASE(contract, i)
	check_refusal(contract, i, VIQ_FAULT_NONE, VIQ_CALL_ILLEGAL, VIQ_SMMUV3_CERROR_ILL, -EIO);
}

static void an_entry_made_illegal(void **state)
{
	EACH_CASE(contract, i)
	check_refusal(contract, i, VIQ_FAULT_ILLEGAL, VIQ_CALL_ILLEGAL, VIQ_SMMUV3_CERROR_ILL, -EIO);
}

static void a_target_that_goes(void **state)
{
	EACH_CASE(contract, i) check_refusal(contract, i, VIQ_FAULT_GONE, VIQ_CALL_GONE, 0, -ENOENT);
}

static void a_hardware_failure_has_a_window(void **state)
{
	EACH_CASE(contract, i)
	{
		uint32_t first = i < 5 ? 0 : i - 5, last = i + 3 < PAGES ? i + 3 : PAGES - 1;
		struct viq_call_result res;
		struct bench b;

		if (contract == VIQ_FAULT_LINUX_7_3)
			first = last = group_end(contract, i, PAGES);
		if (contract == VIQ_FAULT_LINUX_NEXT) {
			first = group_of(contract, i);
			last = group_end(contract, i, PAGES);
		}
		bench_init(&b, contract, false);
		arm(&b, VIQ_FAULT_HARDWARE, i, 5, 3, 1);
		res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
		check_report(&res, contract, VIQ_CALL_FAILED, first, last, 0, -ETIMEDOUT);
		check_effects(&b, i, i);
		/* Once only. */
		res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
		check_report(&res, contract, VIQ_CALL_NONE, PAGES, PAGES, 0, 0);
		check_effects(&b, PAGES, PAGES);
		bench_fini(&b);
	}
}

/* Entries 0 to 19 and 180 to 199 are TLBIs: the window is that of the ATC_INVs. */
static void a_time_out_is_seen_at_the_sync(void **state)
{
	EACH_CASE(contract, i)
	{
		uint32_t first = 20, last = 179;
		struct viq_call_result res;
		struct bench b;

		if (i < 20 || i >= 180)
			continue;
		if (contract == VIQ_FAULT_LINUX_7_3)
			first = last = group_end(contract, i, PAGES);
		if (contract == VIQ_FAULT_LINUX_NEXT) {
			first = group_of(contract, i);
			last = group_end(contract, i, PAGES);
		}
		bench_init(&b, contract, true);
		for (uint32_t k = 0; k < PAGES; k++) {
			if (k < 20 || k >= 180)
				b.cmds[k][0] = tlbi_va(1);
		}
		arm(&b, VIQ_FAULT_ATC_TIMEOUT, i, 0, 0, 1);
		res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
		check_report(&res, contract, VIQ_CALL_TIMEOUT, first, last, VIQ_SMMUV3_CERROR_ATC_INV_SYNC, -ETIMEDOUT);
		for (uint32_t k = 20; k < 180; k++) {
			bool issued = contract == VIQ_FAULT_EXACT || k <= group_end(contract, i, PAGES);

			assert_int_equal(took_effect(&b, k), issued && k != i);
		}
		res = call_host(b.m.host, (const uint64_t(*)[2]) & b.cmds[i], 1);
		assert_int_equal(res.error, VIQ_CALL_NONE);
		assert_true(took_effect(&b, i));
		bench_fini(&b);
	}
}

static void a_time_out_before_an_illegal_entry_is_told_first(void **state)
{
	struct viq_call_result res;
	struct bench b;

	bench_init(&b, VIQ_FAULT_EXACT, true);
	arm(&b, VIQ_FAULT_ATC_TIMEOUT, 3, 0, 0, 0);
	b.cmds[9][0] = 0;
	res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
	check_report(&res, VIQ_FAULT_EXACT, VIQ_CALL_TIMEOUT, 0, 8, VIQ_SMMUV3_CERROR_ATC_INV_SYNC, 0);
	bench_fini(&b);
}

static void only_atc_invs_time_out(void **state)
{
	struct viq_call_result res;
	struct bench b;

	bench_init(&b, VIQ_FAULT_EXACT, true);
	arm(&b, VIQ_FAULT_ATC_TIMEOUT, 0, 0, 0, 0);
	b.cmds[0][0] = tlbi_va(1);
	res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, 4);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	res = call_host(b.m.host, (const uint64_t(*)[2]) & b.cmds[1], 4);
	check_report(&res, VIQ_FAULT_EXACT, VIQ_CALL_TIMEOUT, 0, 3, VIQ_SMMUV3_CERROR_ATC_INV_SYNC, 0);
	bench_fini(&b);
}

/* Linux leaves the count at the number passed in. */
static void without_memory_the_count_says_nothing(void **state)
{
	for (uint32_t contract = 0; contract <= VIQ_FAULT_LINUX_NEXT; contract++) {
		struct viq_call_result res;
		struct bench b;

		bench_init(&b, contract, false);
		arm(&b, VIQ_FAULT_NO_MEMORY, 10, 0, 0, 2);
		res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
		check_report(&res, contract, VIQ_CALL_NO_MEMORY, PAGES, PAGES, 0, -ENOMEM);
		check_effects(&b, 0, 0);
		/* Calls of no more than index entries get through. */
		res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, 10);
		check_report(&res, contract, VIQ_CALL_NONE, 10, 10, 0, 0);
		check_effects(&b, 10, 10);
		assert_int_equal(call_host(b.m.host, (const uint64_t(*)[2])b.cmds, 11).error, VIQ_CALL_NO_MEMORY);
		assert_int_equal(call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES).error, VIQ_CALL_NONE);
		bench_fini(&b);
	}
}

static void a_dropped_entry_is_reported_done(void **state)
{
	EACH_CASE(contract, i)
	{
		struct viq_call_result res;
		struct bench b;

		bench_init(&b, contract, false);
		arm(&b, VIQ_FAULT_DROP, i, 0, 0, 0);
		res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
		check_report(&res, contract, VIQ_CALL_NONE, PAGES, PAGES, 0, 0);
		for (uint32_t k = 0; k < PAGES; k++)
			assert_int_equal(took_effect(&b, k), k != i);
		bench_fini(&b);
	}
}

static void a_failure_follows_the_entrys_bytes(void **state)
{
	struct viq_call_result res;
	struct bench b;

	bench_init(&b, VIQ_FAULT_EXACT, false);
	arm(&b, VIQ_FAULT_ILLEGAL, 100, 0, 0, 3);
	/* Shorter calls do not reach the index. */
	assert_int_equal(call_host(b.m.host, (const uint64_t(*)[2])b.cmds, 100).error, VIQ_CALL_NONE);
	memcpy(b.cmds[40], b.cmds[100], 16);
	/* An earlier entry with the same bytes comes before the failure struck first. */
	res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
	check_report(&res, VIQ_FAULT_EXACT, VIQ_CALL_ILLEGAL, 100, 100, VIQ_SMMUV3_CERROR_ILL, 0);
	res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
	check_report(&res, VIQ_FAULT_EXACT, VIQ_CALL_ILLEGAL, 40, 40, VIQ_SMMUV3_CERROR_ILL, 0);
	res = call_host(b.m.host, (const uint64_t(*)[2]) & b.cmds[40], 1);
	check_report(&res, VIQ_FAULT_EXACT, VIQ_CALL_ILLEGAL, 0, 0, VIQ_SMMUV3_CERROR_ILL, 0);
	res = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES); /* three times it struck */
	assert_int_equal(res.error, VIQ_CALL_NONE);
	/* Armed anew, and disarmed. */
	arm(&b, VIQ_FAULT_ILLEGAL, 0, 0, 0, 0);
	arm(&b, VIQ_FAULT_NONE, 0, 0, 0, 0);
	assert_int_equal(call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES).error, VIQ_CALL_NONE);
	bench_fini(&b);
}

/* The same array, cut into random pieces, empty ones among them. */
static void the_cut_makes_no_difference(void **state)
{
	EACH_CASE(contract, i)
	{
		struct viq_call_piece pieces[VIQ_CALL_MAX_PIECES];
		struct viq_call_request req = {.size = sizeof(req),
					       .type = VIQ_CALL_SMMUV3,
					       .entry_size = 16,
					       .pieces = pieces,
					       .piece_count = VIQ_CALL_MAX_PIECES};
		struct viq_call_result whole, cut;
		uint32_t done = 0;
		struct bench b;

		bench_init(&b, contract, false);
		b.cmds[i][0] = 0x46; /* a CMD_SYNC */
		whole = call_host(b.m.host, (const uint64_t(*)[2])b.cmds, PAGES);
		bench_fill(&b);
		req.object = b.m.viommu;
		for (uint32_t p = 0; p < VIQ_CALL_MAX_PIECES; p++) {
			uint32_t n = p == VIQ_CALL_MAX_PIECES - 1 ? PAGES - done : p % 3 ? p * 7 % 29 : 0;

			pieces[p] = (struct viq_call_piece){.entries = b.cmds[done], .count = n};
			done += n;
		}
		assert_int_equal(done, PAGES);
		cut = make_call(&b.m, &req);
		assert_memory_equal(&whole, &cut, sizeof(cut));
		check_effects(&b, group_of(contract, i), group_of(contract, i));
		bench_fini(&b);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_illegal_entry),
	cmocka_unit_test(an_entry_made_illegal),
	cmocka_unit_test(a_target_that_goes),
	cmocka_unit_test(a_hardware_failure_has_a_window),
	cmocka_unit_test(a_time_out_is_seen_at_the_sync),
	cmocka_unit_test(a_time_out_before_an_illegal_entry_is_told_first),
	cmocka_unit_test(only_atc_invs_time_out),
	cmocka_unit_test(without_memory_the_count_says_nothing),
	cmocka_unit_test(a_dropped_entry_is_reported_done),
	cmocka_unit_test(a_failure_follows_the_entrys_bytes),
	cmocka_unit_test(the_cut_makes_no_difference),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
