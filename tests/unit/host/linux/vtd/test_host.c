/* SPDX-License-Identifier: MIT */
/* The exact host for a nested page table that somebody else has made: its life, and a culprit at every index. */
#include <errno.h>
#include <string.h>

#include <viq/linux_host.h>

#include "support/linux_vnest.h"

#define MAX 320

/* A page table on a kernel, and nothing of viq's around it. */
struct table {
	struct vnest *n;
	uint32_t hwpt;
	struct viq_linux_vtd_host *host;
	struct viq_call_host call;
};

static void table_init(struct table *t)
{
	const struct viq_linux_vtd_s1 s1 = {.pgtbl_addr = 0x10000000, .addr_width = 48};

	t->n = vnest_kernel(1);
	assert_int_equal(viq_linux_vtd_nested_alloc(t->n->ctx, t->n->id[0], t->n->hwpt, 0, &s1, &t->hwpt), 0);
	assert_int_equal(viq_linux_vtd_host_create(t->n->ctx, t->hwpt, &t->host, NULL), 0);
	t->call = viq_linux_vtd_host_get(t->host);
	assert_int_equal(t->call.object, t->hwpt);
	fake_kernel_reset(t->n->fk);
}

static void table_fini(struct table *t)
{
	viq_linux_vtd_host_destroy(t->host);
	assert_int_equal(viq_linux_destroy(t->n->ctx, t->hwpt), 0);
	vnest_free(t->n);
}

static struct viq_call_result send(struct table *t, const struct viq_vtd_s1_entry *entries, uint32_t count)
{
	struct viq_call_piece piece = {entries, count};
	struct viq_call_request req = {
		.size = sizeof(req),
		.object = t->call.object,
		.type = VIQ_CALL_VTD_S1,
		.entry_size = sizeof(*entries),
		.pieces = &piece,
		.piece_count = 1,
	};
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(viq_call_invalidate(&t->call, &req, &res), 0);
	return res;
}

static void p2_one_culprit_at_every_index(void **state)
{
	static const struct {
		int err; /* of the kernel; 0: the entry is illegal */
		uint32_t error;
	} rows[] = {
		{0, VIQ_CALL_ILLEGAL},    {-EIO, VIQ_CALL_FAILED},     {-ETIMEDOUT, VIQ_CALL_TIMEOUT},
		{-ENODEV, VIQ_CALL_GONE}, {-EFAULT, VIQ_CALL_ABORTED},
	};
	struct viq_vtd_s1_entry entries[MAX];
	struct table t;

	table_init(&t);
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		for (uint32_t i = 0; i <= 316; i = i == 130 ? 252 : i + 1) {
			struct viq_call_result res;

			fake_kernel_reset(t.n->fk);
			for (uint32_t k = 0; k < MAX; k++)
				entries[k] = entry_page(0x1000 + k, k % 2);
			t.n->fk->plans[0] = (struct fk_plan){.cmd = {entries[i].addr, 1},
							     .mask = {~UINT64_C(0), ~UINT64_C(0)},
							     .err = rows[row].err,
							     .times = -1};
			if (!rows[row].err)
				entries[i].flags = 2;
			res = send(&t, entries, MAX);
			assert_int_equal(res.error, rows[row].error);
			assert_int_equal(res.handled, i);
			/* Where nothing at all was done it can be the call itself. */
			assert_int_equal(res.suspect, i || !rows[row].err ? i : MAX - 1);
			assert_int_equal(t.n->fk->effect_count, i);
			for (uint32_t k = 0; k < i; k++) {
				assert_int_equal(t.n->fk->effects[k].viommu, t.hwpt);
				assert_int_equal(t.n->fk->effects[k].cmd[0], entries[k].addr);
			}
		}
	}
	table_fini(&t);
}

static void misuse_and_other_objects(void **state)
{
	struct viq_linux_vtd_host *host = NULL;
	struct viq_why why = {""};
	struct table t;

	table_init(&t);
	assert_int_equal(viq_linux_vtd_host_create(NULL, t.hwpt, &host, &why), -EINVAL);
	assert_int_equal(viq_linux_vtd_host_create(t.n->ctx, t.hwpt, NULL, &why), -EINVAL);
	assert_int_equal(viq_linux_vtd_host_create(t.n->ctx, t.hwpt + 1000, &host, &why), -ENOENT);
	assert_non_null(strstr(why.text, "no object"));
	assert_int_equal(viq_linux_vtd_host_create(t.n->ctx, t.n->hwpt, &host, &why), -EOPNOTSUPP);
	assert_non_null(strstr(why.text, "no nested page table"));
	assert_null(host);
	assert_null(viq_linux_vtd_host_get(NULL).ops);
	viq_linux_vtd_host_destroy(NULL);
	table_fini(&t);
}

static void counters_are_those_of_its_calls(void **state)
{
	struct viq_linux_host_counters c;
	struct viq_vtd_s1_entry entries[3] = {entry_page(1, true), entry_page(2, true), entry_page(3, true)};
	struct table t;

	table_init(&t);
	t.n->fk->plans[0] = (struct fk_plan){
		.cmd = {entries[1].addr, 1}, .mask = {~UINT64_C(0), ~UINT64_C(0)}, .err = -EINVAL, .times = -1};
	assert_int_equal(send(&t, entries, 3).handled, 3);
	entries[0].reserved = 1;
	assert_int_equal(send(&t, entries, 3).handled, 0);
	assert_int_equal(viq_linux_vtd_host_counters(t.host, &c, sizeof(c)), 0);
	assert_int_equal(c.ioctls, 2);
	assert_int_equal(c.entries, 3 + 1);
	assert_int_equal(c.failed, 1);
	assert_int_equal(c.whole, 1);
	assert_int_equal(c.refused, 1);
	assert_int_equal(viq_linux_vtd_host_counters(NULL, &c, sizeof(c)), -EINVAL);
	assert_int_equal(viq_linux_vtd_host_counters(t.host, &c, sizeof(c) + 1), -EINVAL);
	c = (struct viq_linux_host_counters){.failed = 77};
	assert_int_equal(viq_linux_vtd_host_counters(t.host, &c, offsetof(struct viq_linux_host_counters, failed)), 0);
	assert_int_equal(c.entries, 3 + 1);
	assert_int_equal(c.failed, 77);
	table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_those_of_its_calls),
		cmocka_unit_test(misuse_and_other_objects),
		cmocka_unit_test(p2_one_culprit_at_every_index),
	};

	return cmocka_run_group_tests_name("linux-vtd-host", tests, NULL, NULL);
}
