/* SPDX-License-Identifier: MIT */
/* P2: on an error IQH is at the failing descriptor, everything before it took effect, nothing after it was consumed. */
#include <string.h>

#include "oracle/fake_host.h"
#include "support/vvtd.h"

#define INDICES 201
#define DID     4
#define PASID   2
#define SID     0x100

/* One host, attached as requests with and without PASID of one device use it. */
static struct vvtd *new_guest(struct vvtd_host **host)
{
	struct vvtd *v = vvtd_new(NULL);

	*host = vvtd_host_new(v);
	vvtd_attach(v, *host, DID, PASID, SID, VIQ_VTD_TABLE_RID | VIQ_VTD_DEVTLB_IMPLIED);
	vvtd_attach(v, *host, DID, PASID, SID, VIQ_VTD_DEVTLB_IMPLIED);
	vvtd_boot(v, 256, 3);
	return v;
}

static void push_pages(struct vvtd *v, uint64_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		vvtd_push(v, desc_page(DID, PASID, first + i));
}

/* i pages, the descriptor under test, some more pages, a wait. Returns the index of the descriptor under test. */
static uint64_t queue_around(struct vvtd *v, uint32_t i, struct test_desc desc)
{
	uint64_t at;

	push_pages(v, 1000, i);
	at = v->prod;
	vvtd_push(v, desc);
	push_pages(v, 2000, 3);
	vvtd_push_wait(v);
	return at;
}

/* What is counted as consumed is what IQH has passed. */
static void assert_counted(struct vvtd *v, uint64_t consumed)
{
	const struct viq_vtd_counters c = vtd_counters(v->vtd);

	for (unsigned int i = 0; i < 16; i++)
		consumed -= c.descriptors[i];
	assert_int_equal(consumed, 0);
}

static void assert_before(struct vvtd *v, const struct vvtd_host *host, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		assert_true(vvtd_host_did(host, entry_page(1000 + k, true), 0));
	assert_false(vvtd_completed(v, v->prod - 1));
}

/* As Linux does it: the descriptor at IQH becomes a wait, and IQE is cleared. */
static void linux_iqe(struct vvtd *v, uint64_t at)
{
	vvtd_replace_desc(v, at, desc_wait(true, false, false, VVTD_DONE, vvtd_status(v, v->prod - 1) + 0x100000));
	vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
	assert_vidle(v);
	assert_true(vvtd_completed(v, v->prod - 1));
}

static void test_illegal_descriptors(void **state)
{
	const struct {
		struct test_desc desc;
		unsigned int iqei;
	} bad[] = {
		{{{0x0, 0, 0, 0}}, 3},
		{{{0x9, 0, 0, 0}}, 3},
		{{{0xa, 0, 0, 0}}, 3},
		{{{0xf, 0, 0, 0}}, 3},
		{{{0x202, 0, 0, 0}}, 3},
		{{{0x405, 0, 0, 0}}, 3},
		{{{0x806, 0, 0, 0}}, 3},
		{{{0x1, 0, 0, 0}}, 4},
		{{{0x2, 0, 0, 0}}, 4},
		{{{0x400f2, 19, 0, 0}}, 4},
		{{{0x6, 0, 0, 0}}, 4},
		{{{0x16, 0, 0, 0}}, 4},
		{{{0x27, 0, 0, 0}}, 4},
		{{{0x11, 1, 0, 0}}, 4},
		{{{0xd2, 0, 1, 0}}, 4},
		{{{0xd2, 0, 0, 1}}, 4},
		{{{0x3, 2, 0, 0}}, 4},
		{{{0x24, 0, 0, 0}}, 4},
		{{{0x1000a5, 0x1000, 0, 0}}, 4},
		{{{0x25, 1, 0, 0}}, 4},
		{{{0x8, 2, 0, 0}}, 4},
		/* Like the pages around it but for one bit. */
		{{{0x200040036, 0x777840, 0, 0}}, 4},
		{{{0x200040036, 0x7770c0, 0, 0}}, 4},
		{{{0x200040036, 0x777040, 1, 0}}, 4},
		{{{0x200040036, 0x777040, 0, 1ull << 63}}, 4},
		{{{0x10000200040036, 0x777040, 0, 0}}, 4},
		{{{0x200040236, 0x777040, 0, 0}}, 3},
	};
	struct vvtd_host *host;
	struct vvtd *v = new_guest(&host);

	for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
		for (uint32_t i = 0; i < INDICES; i += b == 0 || b > 20 ? 1 : 40) {
			uint64_t at;

			vvtd_forget(v);
			at = queue_around(v, i, bad[b].desc);
			vvtd_ring(v);
			assert_iqe(v, at, bad[b].iqei);
			assert_counted(v, at);
			assert_before(v, host, i);
			assert_int_equal(host->effect_count, i);
			linux_iqe(v, at);
			assert_int_equal(host->effect_count, i + 3);
		}
	}
	vvtd_free(v);
}

/* Every kind of descriptor that a host is asked for, and the entry that it becomes. */
static const struct kind {
	const char *name;
	uint64_t qw0, qw1;
	struct viq_vtd_s1_entry entry;
} kinds[] = {
	{"iotlb global", 0xd2, 0, {0, UINT64_MAX, 0, 0}},
	{"iotlb domain", 0x400e2, 0, {0, UINT64_MAX, 0, 0}},
	{"iotlb page", 0x400f2, 0x777040, {0, UINT64_MAX, 0, 0}},
	{"pasid-iotlb", 0x200040026, 0, {0, UINT64_MAX, 0, 0}},
	{"pasid-iotlb page", 0x200040036, 0x777040, {0x777000, 1, 1, 0}},
	{"pasid-iotlb range", 0x200040036, 0x7000004, {0x7000000, 16, 0, 0}},
	{"device-tlb", 0x10000000003, 0x777000, {0x777000, 1, 1, 0}},
	{"device-tlb range", 0x10000000003, 0x7003001, {0x7000000, 8, 1, 0}},
	{"pasid-device-tlb", 0x201000008, 0x777000, {0x777000, 1, 1, 0}},
	{"pasid-device-tlb all", 0x201000008, 0x7ffffffffffff801, {0, UINT64_MAX, 0, 0}},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct test_desc desc_of(const struct kind *k)
{
	return (struct test_desc){{k->qw0, k->qw1, 0, 0}};
}

/* A host refuses the entry of the descriptor at every index, and reports as badly as hosts do. */
static void test_host_refuses(void **state)
{
	for (unsigned int contract = 0; contract < VVTD_CONTRACTS; contract++) {
		for (size_t k = 0; k < KINDS; k++) {
			struct vvtd_host *host;
			struct vvtd *v = new_guest(&host);

			vvtd_host_contract(host, contract);
			for (uint32_t i = 0; i < INDICES; i++) {
				uint64_t at;

				vvtd_forget(v);
				at = queue_around(v, i, desc_of(&kinds[k]));
				vvtd_host_fail(host, kinds[k].entry, VIQ_CALL_ILLEGAL, -1);
				vvtd_ring(v);
				assert_iqe(v, at, 4);
				assert_counted(v, at);
				assert_before(v, host, i);
				assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_ERROR)].a, VIQ_CALL_ILLEGAL);
				assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_ERROR)].b, DID);
				assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_ERROR)].c, PASID);
				linux_iqe(v, at);
			}
			vvtd_free(v);
		}
	}
}

/* Anything else than an exact refusal: the queue waits, and is read again from what is not confirmed. */
static void test_host_fails(void **state)
{
	static const uint32_t errors[] = {VIQ_CALL_ABORTED,   VIQ_CALL_TIMEOUT, VIQ_CALL_FAILED,
					  VIQ_CALL_NO_MEMORY, VIQ_CALL_GONE,    VIQ_CALL_UNSUPPORTED};

	for (unsigned int contract = 0; contract < VVTD_CONTRACTS; contract++) {
		for (unsigned int e = 0; e < 6 * VVTD_LIES; e++) {
			struct vvtd_host *host;
			struct vvtd *v = new_guest(&host);

			vvtd_host_contract(host, contract);
			host->lie = e / 6;
			for (uint32_t i = 0; i < INDICES; i += 1 + i / 4) {
				const struct kind *k = &kinds[(i + e) % KINDS];
				uint64_t at, iqh;

				vvtd_forget(v);
				at = queue_around(v, i, desc_of(k));
				vvtd_host_fail(host, k->entry, errors[e % 6], -1);
				vvtd_ring(v);
				iqh = vvtd_r64(v, VREG(IQH));
				for (unsigned int again = 0; again < 2; again++) {
					assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
					assert_int_equal(vvtd_r64(v, VREG(IQERCD)), 0);
					iqh = vvtd_r64(v, VREG(IQH)) >> 5;
					assert_true((at - iqh) % v->slots <= i);
					assert_before(v, host, (iqh - at + i) % v->slots);
					if (contract == TEST_EXACT && host->lie == TEST_LIE_NONE)
						assert_iqh(v, at);
					vvtd_retry(v);
				}
				host->times = 0;
				vvtd_retry(v);
				assert_vidle(v);
				assert_true(vvtd_completed(v, v->prod - 1));
			}
			vvtd_free(v);
		}
	}
}

/* A refusal that cannot be narrowed down is no refusal of any one descriptor: nothing may be overwritten. */
static void test_window_stays(void **state)
{
	struct vvtd_host *host;
	struct vvtd *v = new_guest(&host);
	uint64_t at = queue_around(v, 20, desc_page(DID, PASID, 0x777));

	vvtd_host_contract(host, TEST_WINDOW);
	host->charge = VIQ_CALL_MAX_HOST_CALLS;
	vvtd_host_fail(host, entry_page(0x777, true), VIQ_CALL_ILLEGAL, -1);
	vvtd_ring(v);
	assert_vwaits(v, at - 4);
	host->charge = 1;
	vvtd_retry(v);
	assert_iqe(v, at, 4);
	vvtd_free(v);
}

/* The hosts of the call layer's own tests, every kind of them: a refusal is exact where the call's answer is. */
static void test_fake_hosts(void **state)
{
	for (unsigned int kind = 0; kind < FAKE_KINDS; kind++) {
		for (uint32_t i = 0; i < INDICES; i++) {
			struct vvtd *v = vvtd_new(NULL);
			struct fake_host fake;
			uint32_t fsts, done;

			fake_host_init(&fake, kind, 512);
			fake.before = 5;
			fake.after = 9;
			fake.os_error = -22;
			fake.entries[i].error = VIQ_CALL_ILLEGAL;
			vvtd_attach_ref(v, fake_host(&fake), DID, PASID, SID, 0);
			vvtd_boot(v, 256, 3);
			for (uint32_t n = 0; n < INDICES + 20; n++)
				vvtd_push(v, desc_page(DID, PASID, n));
			vvtd_push_wait(v);
			vvtd_ring(v);
			fsts = vvtd_r32(v, VREG(FSTS));
			done = (uint32_t)(vvtd_r64(v, VREG(IQH)) >> 5);
			assert_false(vvtd_completed(v, v->prod - 1));
			for (uint32_t n = 0; n < done; n++)
				assert_int_not_equal(fake.entries[n].runs, 0);
			/* These two do not say that the entry was refused. */
			if (kind == FAKE_SHORT || kind == FAKE_ERRNO) {
				assert_int_equal(fsts, 0);
				assert_true(viq_vtd_waits_for_host(v->vtd));
				assert_true(done <= i);
			} else {
				assert_int_equal(fsts, VREG(FSTS_IQE));
				assert_int_equal(done, i);
			}
			vvtd_free(v);
			fake_host_fini(&fake);
		}
	}
}

/* --- Many tables -------------------------------------------------------------------------------------------------- */

#define TABLES 12

/* Tables 0..11: domain 1..4, PASID 0..2, a host each. */
static struct vvtd *new_farm(struct vvtd_host *hosts[TABLES])
{
	struct vvtd *v = vvtd_new(NULL);

	for (unsigned int i = 0; i < TABLES; i++) {
		hosts[i] = vvtd_host_new(v);
		vvtd_attach(v, hosts[i], 1 + i / 3, i % 3, 0x100 + i, 0);
	}
	vvtd_boot(v, 256, 3);
	return v;
}

/* Any descriptor but the ones that may fail. */
static void push_any(struct vvtd *v, uint64_t *seed, uint64_t page)
{
	uint32_t did = 1 + vvtd_below(seed, 5), pasid = vvtd_below(seed, 4);

	switch (vvtd_below(seed, 12)) {
	case 0:
		vvtd_push(v, desc_iotlb(1, 0, 0, 0, false));
		break;
	case 1:
		vvtd_push(v, desc_iotlb(2, did, 0, 0, false));
		break;
	case 2:
		vvtd_push(v, desc_iotlb(3, did, page << 12, 3, true));
		break;
	case 3:
		vvtd_push(v, desc_piotlb(2, did, pasid, 0, 0, false));
		break;
	case 4:
		vvtd_push(v, desc_pc(1, did, pasid));
		break;
	default:
		vvtd_push(v, desc_page(did, pasid, page));
		break;
	}
}

/* Two hosts refuse, each one page: the guest sees the first in queue order, then the other one. */
static void test_first_of_many(void **state)
{
	uint64_t seed = vvtd_seed();

	for (unsigned int round = 0; round < 1500; round++) {
		struct vvtd_host *hosts[TABLES];
		struct vvtd *v = new_farm(hosts);
		uint32_t n = 2 + vvtd_below(&seed, 300), at[2], table[2], refused = 0;

		at[0] = vvtd_below(&seed, n);
		at[1] = (at[0] + 1 + vvtd_below(&seed, n - 1)) % n;
		table[0] = vvtd_below(&seed, TABLES);
		table[1] = (table[0] + 1 + vvtd_below(&seed, TABLES - 1)) % TABLES;
		for (unsigned int i = 0; i < TABLES; i++)
			vvtd_host_contract(hosts[i], vvtd_below(&seed, VVTD_CONTRACTS));
		for (uint32_t i = 0; i < n; i++) {
			unsigned int w = i == at[1];

			if (i == at[0] || i == at[1]) {
				vvtd_push(v, desc_page(1 + table[w] / 3, table[w] % 3, 0x5000 + w));
				vvtd_host_fail(hosts[table[w]], entry_page(0x5000 + w, true), VIQ_CALL_ILLEGAL, -1);
			} else if (vvtd_below(&seed, 20) == 0) {
				vvtd_push_wait(v);
			} else {
				push_any(v, &seed, 0x8000 + i);
			}
		}
		vvtd_push_wait(v);
		vvtd_ring(v);
		vvtd_drain(v, 100);
		for (; refused < 2; refused++) {
			uint32_t first = (at[0] < at[1]) == !refused ? at[0] : at[1];

			assert_iqe(v, first, 4);
			vvtd_replace_desc(v, first, desc_wait(false, false, true, 0, 0));
			vvtd_w32(v, VREG(FSTS), VREG(FSTS_IQE));
			vvtd_drain(v, 100);
		}
		assert_vidle(v);
		assert_true(vvtd_completed(v, v->prod - 1));
		vvtd_free(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_illegal_descriptors), cmocka_unit_test(test_host_refuses),
		cmocka_unit_test(test_host_fails),          cmocka_unit_test(test_window_stays),
		cmocka_unit_test(test_fake_hosts),          cmocka_unit_test(test_first_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
