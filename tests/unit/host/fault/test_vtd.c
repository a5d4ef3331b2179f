/* SPDX-License-Identifier: MIT */
/* A fault in front of a nested page table's host: entries of 24 bytes, which Linux waits for one by one. */

#include <errno.h>
#include <string.h>

#include <viq/vtd_spec.h>

#include "support/test.h"
#include "oracle/fake_host.h"
#include "support/fault.h"

#define PAGES 200u

struct bench {
	uint32_t contract;
	struct fake_host fake;
	struct viq_fault *fault;
	struct viq_call_host host;
	struct viq_vtd_s1_entry entries[PAGES];
};

static void bench_init(struct bench *b, uint32_t contract)
{
	memset(b, 0, sizeof(*b));
	b->contract = contract;
	fake_host_init(&b->fake, FAKE_EXACT, PAGES);
	b->fault = fault_new(contract);
	b->host = fault_before(b->fault, fake_host(&b->fake));
	for (uint32_t i = 0; i < PAGES; i++)
		b->entries[i] = (struct viq_vtd_s1_entry){.addr = i * UINT64_C(4096), .npages = 1, .flags = i & 1};
}

static void bench_fini(struct bench *b)
{
	viq_fault_destroy(b->fault);
	fake_host_fini(&b->fake);
}

static struct viq_call_result call(struct bench *b, const struct viq_vtd_s1_entry *entries, uint32_t count)
{
	const struct viq_call_piece pieces[2] = {{entries, count / 3}, {entries + count / 3, count - count / 3}};
	const struct viq_call_request req = {
		.size = sizeof(req),
		.object = b->host.object,
		.type = VIQ_CALL_VTD_S1,
		.entry_size = sizeof(*entries),
		.pieces = pieces,
		.piece_count = 2,
	};
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(b->host.ops->invalidate(b->host.opaque, &req, &res), 0);
	return res;
}

static struct viq_call_result failing(struct bench *b, uint32_t kind, uint32_t index)
{
	fake_host_reset(&b->fake);
	fault_arm(b->fault, kind, index, 3, 2, 1);
	return call(b, b->entries, PAGES);
}

static void check(const struct bench *b, const struct viq_call_result *res, uint32_t error, uint32_t handled,
		  uint32_t suspect, int os_error)
{
	assert_int_equal(res->error, error);
	assert_int_equal(res->handled, handled);
	assert_int_equal(res->suspect, suspect);
	assert_int_equal(res->hw_code, 0);
	assert_int_equal(res->os_error, b->contract == VIQ_FAULT_EXACT ? 0 : os_error);
}

/* [0, below) ran once, but for skip, and nothing else. */
static void check_ran(const struct bench *b, uint32_t below, uint32_t skip)
{
	for (uint32_t i = 0; i < PAGES; i++)
		assert_int_equal(b->fake.entries[i].runs, i < below && i != skip);
}

static void failures_tell_what_took_effect(void **state)
{
	static const uint32_t at[] = {0, 1, 62, 63, 100, 199};

	for (uint32_t n = 0; n < 3 * sizeof(at) / sizeof(at[0]); n++) {
		uint32_t i = at[n / 3];
		struct viq_call_result res;
		struct bench b;

		bench_init(&b, n % 3);
		res = failing(&b, VIQ_FAULT_ILLEGAL, i);
		check(&b, &res, VIQ_CALL_ILLEGAL, i, i, -EIO);
		check_ran(&b, i, PAGES);
		res = failing(&b, VIQ_FAULT_GONE, i);
		check(&b, &res, VIQ_CALL_GONE, i, i, -ENOENT);
		check_ran(&b, i, PAGES);
		res = failing(&b, VIQ_FAULT_HARDWARE, i);
		check(&b, &res, VIQ_CALL_FAILED, i > 3 ? i - 3 : 0, i + 2 < PAGES ? i + 2 : PAGES - 1, -ETIMEDOUT);
		check_ran(&b, i, PAGES);
		res = failing(&b, VIQ_FAULT_NO_MEMORY, i);
		check(&b, &res, VIQ_CALL_NO_MEMORY, PAGES, PAGES, -ENOMEM);
		check_ran(&b, 0, PAGES);
		res = failing(&b, VIQ_FAULT_DROP, i);
		check(&b, &res, VIQ_CALL_NONE, PAGES, PAGES, 0);
		check_ran(&b, PAGES, i);
		/* Each entry is waited for: the one whose device is silent is known, and later ones do not run. */
		res = failing(&b, VIQ_FAULT_ATC_TIMEOUT, i);
		check(&b, &res, VIQ_CALL_TIMEOUT, i, i, -ETIMEDOUT);
		check_ran(&b, i, PAGES);
		/* None is left. */
		fake_host_reset(&b.fake);
		res = call(&b, b.entries, PAGES);
		check(&b, &res, VIQ_CALL_NONE, PAGES, PAGES, 0);
		check_ran(&b, PAGES, PAGES);
		/* By itself. */
		fake_host_reset(&b.fake);
		b.fake.entries[i].error = VIQ_CALL_ILLEGAL;
		res = call(&b, b.entries, PAGES);
		check(&b, &res, VIQ_CALL_ILLEGAL, i, i, -EIO);
		check_ran(&b, i, PAGES);
		bench_fini(&b);
	}
}

static void a_struck_entry_is_struck_wherever_it_turns_up(void **state)
{
	struct viq_call_result res;
	struct bench b;

	bench_init(&b, VIQ_FAULT_EXACT);
	fault_arm(b.fault, VIQ_FAULT_ILLEGAL, 5, 0, 0, 2);
	assert_int_equal(call(&b, b.entries, 10).handled, 5);
	/* Not that of the same address and another length: all 24 bytes count. */
	b.entries[4] = b.entries[5];
	b.entries[4].npages = 2;
	b.entries[3] = b.entries[5];
	b.entries[3].reserved = 1;
	res = call(&b, b.entries + 3, 10);
	assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
	assert_int_equal(res.handled, 2);
	assert_int_equal(call(&b, b.entries, 10).handled, 10);
	bench_fini(&b);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(failures_tell_what_took_effect),
	cmocka_unit_test(a_struck_entry_is_struck_wherever_it_turns_up),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
