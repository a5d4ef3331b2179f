/* SPDX-License-Identifier: MIT */
/*
 * The invalidate call on nested page tables of VT-d: what reaches the kernel, and what is believed of its answers. The
 * kernel goes entry by entry, so every answer is exact (P2), and none says that something is done which is not (P8),
 * but for what the kernel itself does not tell.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/linux/iommufd/linux.h"
#include "support/linux_vnest.h"

#define MAX 512

/* One table, as the guest VT-d's host. */
struct table {
	struct vnest *n;
	uint32_t hwpt;
	struct viq_call_host host;
};

static void table_init(struct table *t)
{
	t->n = vnest_new(1);
	vnest_add(t->n, 0);
	vnest_set(t->n, 0, 0, 4, 1);
	t->hwpt = vnest_attached(t->n, 0, 0);
	/* The guest VT-d shows the host of a call that fails. */
	t->n->fk->inv_fault = (struct fk_inv_fault){.first = t->n->fk->inv_calls + 1, .times = 1, .err = -ENOMEM};
	vnest_send(t->n, desc_page(4, 0, 1));
	assert_true(vnest_retry(t->n));
	t->host = t->n->failed;
	assert_int_equal(t->host.object, t->hwpt);
	fake_kernel_reset(t->n->fk);
}

static void table_fini(struct table *t)
{
	vnest_free(t->n);
}

static struct viq_call_result call_cut(struct table *t, const struct viq_vtd_s1_entry *entries, uint32_t count,
				       const uint32_t *lengths, uint32_t pieces)
{
	struct viq_call_piece piece[VIQ_CALL_MAX_PIECES];
	struct viq_call_request req = {
		.size = sizeof(req),
		.object = t->host.object,
		.type = VIQ_CALL_VTD_S1,
		.entry_size = sizeof(*entries),
		.pieces = piece,
		.piece_count = pieces,
	};
	struct viq_call_result res = {.size = sizeof(res)};
	uint32_t at = 0;

	for (uint32_t i = 0; i < pieces; i++) {
		uint32_t n = i + 1 < pieces ? lengths[i] : count - at;

		piece[i] = (struct viq_call_piece){entries + at, n};
		at += n;
	}
	assert_int_equal(viq_call_invalidate(&t->host, &req, &res), 0);
	return res;
}

static struct viq_call_result call(struct table *t, const struct viq_vtd_s1_entry *entries, uint32_t count)
{
	return call_cut(t, entries, count, NULL, 1);
}

static void pages(struct viq_vtd_s1_entry *entries, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		entries[i] = entry_page(0x1000 + i, i % 2);
}

/* Exactly the first count entries took effect, in order. */
static void assert_ran(const struct table *t, const struct viq_vtd_s1_entry *entries, uint32_t count)
{
	assert_int_equal(t->n->fk->effect_count, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct fk_effect *e = &t->n->fk->effects[i];

		assert_int_equal(e->viommu, t->hwpt);
		assert_int_equal(e->cmd[0], entries[i].addr);
		assert_int_equal(e->cmd[1], entries[i].npages);
		assert_int_equal(e->flags, entries[i].flags);
	}
}

static void one_call_an_array(void **state)
{
	struct viq_vtd_s1_entry entries[MAX];
	struct viq_call_result res;
	struct table t;

	table_init(&t);
	pages(entries, MAX);
	res = call(&t, entries, MAX);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_int_equal(res.handled, MAX);
	assert_int_equal(res.host_calls, 1);
	assert_int_equal(t.n->fk->inv_calls, 1);
	assert_ran(&t, entries, MAX);
	table_fini(&t);
}

static void one_call_a_piece(void **state)
{
	static const uint32_t lengths[] = {1, 0, 200};
	struct viq_vtd_s1_entry entries[MAX];
	struct viq_call_result res;
	struct table t;

	table_init(&t);
	pages(entries, MAX);
	res = call_cut(&t, entries, MAX, lengths, 4);
	assert_int_equal(res.handled, MAX);
	assert_int_equal(res.host_calls, 3);
	assert_int_equal(t.n->fk->inv_calls, 3);
	assert_ran(&t, entries, MAX);
	table_fini(&t);
}

/* The kernel fails at any one index, for any reason that is not the entry's: exact, in one piece or three. */
static void a_failure_is_exact_at_every_index(void **state)
{
	static const struct {
		int err;
		uint32_t error;
	} errors[] = {
		{-EIO, VIQ_CALL_FAILED},
		{-EFAULT, VIQ_CALL_ABORTED},
		{-ETIMEDOUT, VIQ_CALL_TIMEOUT},
		{-ENODEV, VIQ_CALL_GONE},
	};
	static const uint32_t lengths[] = {3, 5};
	struct viq_vtd_s1_entry entries[20];
	struct table t;

	table_init(&t);
	pages(entries, 20);
	for (uint32_t e = 0; e < 4; e++) {
		for (uint32_t i = 0; i < 20; i++) {
			for (uint32_t pieces = 1; pieces <= 3; pieces += 2) {
				struct viq_call_result res;

				fake_kernel_reset(t.n->fk);
				t.n->fk->plans[0] = (struct fk_plan){.cmd = {entries[i].addr, 1},
								     .mask = {~UINT64_C(0), ~UINT64_C(0)},
								     .err = errors[e].err,
								     .times = -1};
				res = call_cut(&t, entries, 20, lengths, pieces);
				assert_int_equal(res.error, errors[e].error);
				assert_int_equal(res.os_error, errors[e].err);
				assert_int_equal(res.handled, i);
				assert_ran(&t, entries, i);
				/* Only where nothing at all was done can it be the call itself. */
				assert_int_equal(res.suspect, i ? i : 19);
			}
		}
	}
	table_fini(&t);
}

/* Each rule that the kernel has, and the two that it should have: never sent, and known without a call. */
static void an_illegal_entry_is_never_sent(void **state)
{
	static const struct viq_vtd_s1_entry bad[] = {
		{0x1000, 0, 0, 0},                  /* would invalidate another block */
		{0, 0, 0, 0},                       /* everything, by accident */
		{0x1800, 1, 0, 0},                  /* not aligned */
		{0x1001, 1, 0, 0},                  /* */
		{0x1000, UINT64_MAX, 0, 0},         /* everything has address 0 */
		{0x1000, 1, 2, 0},                  /* flags */
		{0x1000, 1, 1u << 31, 0},           /* */
		{0x1000, 1, 0, 1},                  /* reserved */
		{0x1000, UINT64_C(1) << 52, 0, 0},  /* wraps: the kernel would invalidate less */
		{0, (UINT64_C(1) << 52) + 1, 0, 0}, /* one page only */
		{UINT64_MAX - 0xfff, 2, 0, 0},      /* */
	};
	struct viq_vtd_s1_entry entries[8];
	struct table t;

	table_init(&t);
	for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
		struct viq_call_result res;

		/* Alone, as a doorbell brings it. */
		fake_kernel_reset(t.n->fk);
		res = call(&t, &bad[b], 1);
		assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
		assert_int_equal(res.handled, 0);
		assert_int_equal(res.suspect, 0);
		assert_int_equal(t.n->fk->entries, 0);
		for (uint32_t i = 0; i < 8; i++) {
			fake_kernel_reset(t.n->fk);
			pages(entries, 8);
			entries[i] = bad[b];
			res = call(&t, entries, 8);
			assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
			assert_int_equal(res.handled, i);
			assert_int_equal(res.suspect, i);
			assert_ran(&t, entries, i);
			assert_int_equal(t.n->fk->entries, i);
		}
	}
	assert_int_equal(vnest_counters(t.n).refused, 9 * sizeof(bad) / sizeof(bad[0]));
	table_fini(&t);
}

static void the_widest_legal_entries(void **state)
{
	const struct viq_vtd_s1_entry entries[] = {
		{0, UINT64_MAX, 0, 0},
		{0, UINT64_C(1) << 52, 1, 0},
		{UINT64_C(1) << 63, UINT64_C(1) << 51, 0, 0},
		{UINT64_MAX - 0xfff, 1, 1, 0},
	};
	struct viq_call_result res;
	struct table t;

	table_init(&t);
	res = call(&t, entries, 4);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_ran(&t, entries, 4);
	table_fini(&t);
}

/* A legal entry that the kernel refuses is made from a guest's legal descriptor: the table goes as a whole instead. */
static void a_refused_legal_entry_takes_the_whole_table(void **state)
{
	static const int refusals[] = {-EINVAL, -EOPNOTSUPP, -E2BIG};
	const struct viq_vtd_s1_entry all = entry_all();
	struct viq_vtd_s1_entry entries[8];
	struct viq_call_result res;
	struct table t;
	uint64_t failed;

	table_init(&t);
	failed = vnest_counters(t.n).failed;
	pages(entries, 8);
	for (size_t e = 0; e < 3; e++) {
		fake_kernel_reset(t.n->fk);
		t.n->fk->plans[0] = (struct fk_plan){.cmd = {entries[3].addr, 1},
						     .mask = {~UINT64_C(0), ~UINT64_C(0)},
						     .err = refusals[e],
						     .times = -1};
		res = call(&t, entries, 8);
		assert_int_equal(res.error, VIQ_CALL_NONE);
		assert_int_equal(res.handled, 8);
		assert_int_equal(res.host_calls, 2);
		assert_int_equal(t.n->fk->effect_count, 4);
		assert_int_equal(vnest_effects(t.n, t.hwpt, all), 1);
		/* It does not take that either: then it is no such object. */
		t.n->fk->effect_count = 0;
		t.n->fk->plans[1] = (struct fk_plan){
			.cmd = {0, UINT64_MAX}, .mask = {~UINT64_C(0), ~UINT64_C(0)}, .err = refusals[e], .times = -1};
		res = call(&t, entries, 8);
		assert_int_equal(res.error, VIQ_CALL_GONE);
		assert_int_equal(res.handled, 3);
		assert_int_equal(res.suspect, 3);
		assert_ran(&t, entries, 3);
	}
	assert_int_equal(vnest_counters(t.n).whole, 6);
	assert_int_equal(vnest_counters(t.n).failed, failed + 9);
	table_fini(&t);
}

/* Counts that say nothing are not believed. */
static void a_call_that_fails_as_a_whole(void **state)
{
	static const uint32_t lengths[] = {3, 2};
	struct viq_vtd_s1_entry entries[8];
	struct viq_call_result res;
	struct table t;

	table_init(&t);
	pages(entries, 8);
	/* As if memory were lacking: the count stays. */
	t.n->fk->inv_fault = (struct fk_inv_fault){.first = 1, .times = 100, .err = -ENOMEM, .keep_count = true};
	res = call(&t, entries, 8);
	assert_int_equal(res.error, VIQ_CALL_NO_MEMORY);
	assert_int_equal(res.handled, 0);
	/* Success for fewer contradicts itself. */
	fake_kernel_reset(t.n->fk);
	t.n->fk->inv_fault = (struct fk_inv_fault){.first = 1, .times = 100, .said = 5};
	res = call(&t, entries, 8);
	assert_int_equal(res.error, VIQ_CALL_FAILED);
	assert_int_equal(res.handled, 0);
	/* More than were passed in. */
	fake_kernel_reset(t.n->fk);
	t.n->fk->inv_fault = (struct fk_inv_fault){.first = 1, .times = 100, .err = -EIO, .said = 9};
	res = call(&t, entries, 8);
	assert_int_equal(res.handled, 0);
	assert_int_equal(res.suspect, 7); /* it can be any entry, or none */
	assert_int_equal(t.n->fk->effect_count, 0);
	/* Of the second piece: what was passed in is not what was done. */
	fake_kernel_reset(t.n->fk);
	t.n->fk->inv_fault = (struct fk_inv_fault){.first = 2, .times = 100, .err = -EIO, .keep_count = true};
	res = call_cut(&t, entries, 8, lengths, 3);
	assert_int_equal(res.handled, 3);
	assert_ran(&t, entries, 3);
	/* Somebody else has destroyed it. */
	fake_kernel_reset(t.n->fk);
	fake_kernel_lose(t.n->fk, t.hwpt);
	res = call(&t, entries, 8);
	assert_int_equal(res.error, VIQ_CALL_GONE);
	assert_int_equal(res.handled, 0);
	table_fini(&t);
}

static void an_interrupted_call_is_made_again(void **state)
{
	struct viq_vtd_s1_entry entries[8];
	struct viq_call_result res;
	struct table t;

	table_init(&t);
	pages(entries, 8);
	t.n->fk->faults[0] =
		(struct fk_fault){.request = UAPI_IOMMU_HWPT_INVALIDATE, .first = 1, .times = 3, .err = -EINTR};
	res = call(&t, entries, 8);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_ran(&t, entries, 8);
	table_fini(&t);
}

static void asking_for_the_type(void **state)
{
	struct viq_call_request req = {.size = sizeof(req), .type = VIQ_CALL_VTD_S1, .entry_size = 24};
	struct viq_call_result res = {.size = sizeof(res)};
	struct table t;

	table_init(&t);
	req.object = t.host.object;
	assert_int_equal(viq_call_invalidate(&t.host, &req, &res), 0);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	req.type = VIQ_CALL_SMMUV3;
	req.entry_size = 16;
	assert_int_equal(viq_call_invalidate(&t.host, &req, &res), 0);
	assert_int_equal(res.error, VIQ_CALL_UNSUPPORTED);
	/* The stage 2 is not invalidated by entries. */
	req.type = VIQ_CALL_VTD_S1;
	req.entry_size = 24;
	t.host.object = req.object = t.n->hwpt;
	assert_int_equal(viq_call_invalidate(&t.host, &req, &res), 0);
	assert_int_equal(res.error, VIQ_CALL_UNSUPPORTED);
	table_fini(&t);
}

/*
 * What Linux up to 7.3 does when the physical queue fails: nothing. It cannot be known here; this test is the promise
 * that is not made (docs/kernels.md).
 */
static void hardware_errors_that_the_kernel_swallows(void **state)
{
	struct viq_vtd_s1_entry entries[8];
	struct viq_call_result res;
	struct table t;

	table_init(&t);
	pages(entries, 8);
	t.n->fk->plans[0] = (struct fk_plan){
		.cmd = {entries[3].addr, 1}, .mask = {~UINT64_C(0), ~UINT64_C(0)}, .swallowed = true, .times = -1};
	res = call(&t, entries, 8);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	assert_int_equal(t.n->fk->effect_count, 7);
	assert_int_equal(t.n->fk->swallowed, 1);
	table_fini(&t);
}

/* The same on a kernel with integrations/linux: it is this entry, the first one as well as any other. */
static void hardware_errors_that_the_kernel_tells(void **state)
{
	static const struct {
		int err;
		uint32_t error, hw_code;
	} errors[] = {
		{0, VIQ_CALL_TIMEOUT, VIQ_VTD_FSTS_ITE}, /* its device did not confirm */
		{-EIO, VIQ_CALL_ILLEGAL, VIQ_VTD_FSTS_IQE},
	};
	struct viq_vtd_s1_entry entries[8];
	struct viq_call_result res;
	struct table t;

	table_init(&t);
	t.n->ctx->report = true;
	pages(entries, 8);
	for (uint32_t k = 0; k < 16; k++) {
		const uint32_t i = k % 8, e = k / 8;

		fake_kernel_reset(t.n->fk);
		t.n->fk->behaviour = FK_LINUX_REPORT;
		t.n->fk->plans[0] = (struct fk_plan){.cmd = {entries[i].addr, 1},
						     .mask = {~UINT64_C(0), ~UINT64_C(0)},
						     .err = errors[e].err,
						     .swallowed = true,
						     .times = -1};
		res = call(&t, entries, 8);
		assert_int_equal(res.error, errors[e].error);
		assert_int_equal(res.hw_code, errors[e].hw_code);
		assert_int_equal(res.handled, i);
		assert_int_equal(res.suspect, i);
		assert_int_equal(res.host_calls, 1);
		assert_ran(&t, entries, i);
		assert_int_equal(t.n->fk->swallowed, 0);
	}
	table_fini(&t);
}

/* A driver that takes several entries at a time may say that it knows no more: none of them is blamed for the others.
 */
static void a_range_that_the_kernel_tells(void **state)
{
	struct viq_vtd_s1_entry entries[8];
	struct viq_call_result res;
	struct table t;

	table_init(&t);
	t.n->fk->behaviour = FK_LINUX_REPORT;
	t.n->ctx->report = true;
	pages(entries, 8);
	t.n->fk->inv_fault = (struct fk_inv_fault){.first = 1, .times = 1, .err = -ETIMEDOUT, .said = 2};
	t.n->fk->inv_fault_last = 5;
	res = call(&t, entries, 8);
	assert_int_equal(res.error, VIQ_CALL_TIMEOUT);
	assert_int_equal(res.handled, 2);
	assert_int_equal(res.suspect, 5);
	table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_call_an_array),
		cmocka_unit_test(one_call_a_piece),
		cmocka_unit_test(a_failure_is_exact_at_every_index),
		cmocka_unit_test(an_illegal_entry_is_never_sent),
		cmocka_unit_test(the_widest_legal_entries),
		cmocka_unit_test(a_refused_legal_entry_takes_the_whole_table),
		cmocka_unit_test(a_call_that_fails_as_a_whole),
		cmocka_unit_test(an_interrupted_call_is_made_again),
		cmocka_unit_test(asking_for_the_type),
		cmocka_unit_test(hardware_errors_that_the_kernel_swallows),
		cmocka_unit_test(hardware_errors_that_the_kernel_tells),
		cmocka_unit_test(a_range_that_the_kernel_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
