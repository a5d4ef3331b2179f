/* SPDX-License-Identifier: MIT */
/* What a descriptor names: one table, several, none; attachment and detachment; one array per table. */
#include <errno.h>
#include <string.h>

#include "support/vvtd.h"

#define TABLES 24

struct farm {
	struct vvtd *v;
	struct vvtd_host *hosts[TABLES];
	struct {
		uint16_t did;
		uint32_t pasid;
	} keys[TABLES];
};

/* Tables under the outermost keys, too, and several under one. */
static struct farm new_farm(void)
{
	static const uint16_t dids[] = {0, 1, 2, 0xfffe, 0xffff};
	static const uint32_t pasids[] = {0, 1, 5, 0xfffff};
	struct farm f = {.v = vvtd_new(NULL)};

	for (unsigned int i = 0; i < TABLES; i++) {
		unsigned int n = i * 7 % TABLES; /* not in the order of keys */

		f.hosts[n] = vvtd_host_new(f.v);
		f.keys[n].did = dids[n % 20 / 4];
		f.keys[n].pasid = pasids[n % 4];
		vvtd_attach(f.v, f.hosts[n], f.keys[n].did, f.keys[n].pasid, n, 0);
	}
	vvtd_boot(f.v, 256, 2);
	return f;
}

/* Does the descriptor concern the key? By the specification's words, for IOTLB descriptors only. */
static bool concerns(struct test_desc d, uint16_t did, uint32_t pasid)
{
	if ((d.qw[0] & 0xf) == 2)
		return (d.qw[0] & 0x30) == 0x10 || (d.qw[0] >> 16 & 0xffff) == did;
	return (d.qw[0] >> 16 & 0xffff) == did && (d.qw[0] >> 32) == pasid;
}

static struct test_desc any_desc(const struct farm *f, uint64_t *seed, uint64_t page)
{
	uint16_t did = f->keys[vvtd_below(seed, TABLES)].did ^ (vvtd_below(seed, 10) == 0);
	uint32_t pasid = f->keys[vvtd_below(seed, TABLES)].pasid;

	switch (vvtd_below(seed, 8)) {
	case 0:
		return desc_iotlb(1, did, 0, 0, false);
	case 1:
		return desc_iotlb(2, did, 0, 0, false);
	case 2:
		return desc_iotlb(3, did, page << 12, 5, true);
	case 3:
		return desc_piotlb(2, did, pasid, 0, 0, false);
	default:
		return desc_page(did, pasid, page);
	}
}

/*
 * Each table gets the entries that concern it, in queue order, in one call, and nothing else: of those that follow each
 * other and invalidate all of it, one.
 */
static void test_one_array_a_table(void **state)
{
	uint64_t seed = vvtd_seed();
	struct farm f = new_farm();

	for (unsigned int round = 0; round < 300; round++) {
		uint32_t n = vvtd_below(&seed, 60), want[TABLES] = {0}, none = 0;
		bool all[TABLES] = {false}; /* the last entry was that */
		struct test_desc descs[64];
		uint64_t calls[TABLES], no_table = vtd_counters(f.v->vtd).no_table;

		vvtd_forget(f.v);
		for (uint32_t i = 0; i < n; i++) {
			descs[i] = any_desc(&f, &seed, i);
			vvtd_push(f.v, descs[i]);
		}
		for (unsigned int t = 0; t < TABLES; t++)
			calls[t] = f.hosts[t]->calls;
		vvtd_push_wait(f.v);
		vvtd_ring(f.v);
		assert_true(vvtd_drain(f.v, 100));
		for (uint32_t i = 0; i < n; i++) {
			bool any = false;

			for (unsigned int t = 0; t < TABLES; t++) {
				struct viq_vtd_s1_entry e = {0, UINT64_MAX, 0, 0};

				if (!concerns(descs[i], f.keys[t].did, f.keys[t].pasid))
					continue;
				if ((descs[i].qw[0] & 0x3f) == 0x36)
					e = entry_page(i, true);
				any = true;
				if (e.npages == UINT64_MAX && all[t])
					continue;
				all[t] = e.npages == UINT64_MAX;
				assert_true(want[t] < f.hosts[t]->effect_count);
				assert_memory_equal(&f.hosts[t]->effects[want[t]].entry, &e, sizeof(e));
				want[t]++;
			}
			none += !any;
		}
		for (unsigned int t = 0; t < TABLES; t++) {
			assert_int_equal(f.hosts[t]->effect_count, want[t]);
			assert_int_equal(f.hosts[t]->calls - calls[t], want[t] > 0);
		}
		assert_int_equal(vtd_counters(f.v->vtd).no_table - no_table, none);
	}
	vvtd_free(f.v);
}

/* The same descriptor again and again, in one doorbell and in many: whom it concerns is what is attached by then. */
static void test_same_descriptor(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *hosts[2] = {vvtd_host_new(v), vvtd_host_new(v)};
	static const unsigned int attached[] = {0, 1, 3, 2, 3, 1, 0, 2, 0, 3};
	unsigned int tables[2] = {0}, was = 0;

	vvtd_boot(v, 256, 1);
	for (unsigned int i = 0; i < 2 * sizeof(attached) / sizeof(attached[0]); i++) {
		unsigned int now = attached[i / 2];

		for (unsigned int t = 0; t < 2; t++) {
			if ((now & ~was) >> t & 1)
				tables[t] = vvtd_attach(v, hosts[t], 4, 5, 0x100 + t, 0);
			if ((was & ~now) >> t & 1)
				vvtd_detach(v, tables[t]);
		}
		was = now;
		vvtd_forget(v);
		vvtd_push(v, desc_page(4, 5, i));
		vvtd_push(v, desc_page(4, 5, i));
		vvtd_push_wait(v);
		vvtd_ring(v);
		assert_vidle(v);
		assert_int_equal(hosts[0]->effect_count, now & 1 ? 2 : 0);
		assert_int_equal(hosts[1]->effect_count, now & 2 ? 2 : 0);
	}
	vvtd_free(v);
}

/* More descriptors than a batch holds: several calls, nothing lost. */
static void test_long_queue(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 0, 0x100, 0);
	vvtd_boot(v, 256, 4);
	for (uint32_t i = 0; i < 2000; i++)
		vvtd_push(v, desc_page(1, 0, i));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vidle(v);
	assert_int_equal(host->effect_count, 2000);
	for (uint32_t i = 0; i < 2000; i++)
		assert_int_equal(host->effects[i].entry.addr, i << 12);
	assert_int_equal(host->calls, 8);
	assert_int_equal(host->longest, 256);
	vvtd_free(v);
}

/* One host object behind several devices of a domain gets each entry once, until the last of them is detached. */
static void test_shared_host(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v), *other = vvtd_host_new(v);
	unsigned int a = vvtd_attach(v, host, 1, 0, 0x100, VIQ_VTD_TABLE_RID), b, c;

	b = vvtd_attach(v, host, 1, 0, 0x200, VIQ_VTD_TABLE_RID);
	c = vvtd_attach(v, other, 1, 0, 0x300, VIQ_VTD_TABLE_RID);
	/* Under another key it is another table. */
	vvtd_attach(v, host, 1, 9, 0x100, 0);
	vvtd_boot(v, 256, 1);
	vvtd_submit(v, desc_page(1, 0, 1));
	assert_int_equal(host->effect_count, 1);
	assert_int_equal(other->effect_count, 1);
	vvtd_submit(v, desc_iotlb(2, 1, 0, 0, false));
	assert_int_equal(host->effect_count, 3);
	vvtd_detach(v, a);
	vvtd_submit(v, desc_page(1, 0, 1));
	assert_int_equal(host->effect_count, 4);
	vvtd_detach(v, c);
	vvtd_detach(v, b);
	vvtd_submit(v, desc_page(1, 0, 1));
	assert_int_equal(host->effect_count, 4);
	assert_int_equal(other->effect_count, 3);
	assert_vidle(v);
	vvtd_free(v);
}

static void assert_entry(const struct vvtd_host *host, size_t n, uint64_t addr, uint64_t npages, uint32_t flags)
{
	const struct viq_vtd_s1_entry want = {.addr = addr, .npages = npages, .flags = flags};

	assert_true(n < host->effect_count);
	assert_memory_equal(&host->effects[n].entry, &want, sizeof(want));
}

/* Table 23: an IOTLB descriptor's pages are second-stage ones; first-stage tables of the domain lose everything. */
static void test_second_stage_pages(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *first = vvtd_host_new(v), *second = vvtd_host_new(v), *both = vvtd_host_new(v);
	unsigned int a;

	vvtd_attach(v, first, 1, 0, 0x100, 0);
	vvtd_attach(v, second, 1, 9, 0x100, VIQ_VTD_TABLE_STAGE2);
	vvtd_attach(v, second, 2, 9, 0x200, VIQ_VTD_TABLE_STAGE2);
	/* One object for several devices is of the second stage if all say so. */
	vvtd_attach(v, both, 3, 0, 0x300, VIQ_VTD_TABLE_STAGE2);
	a = vvtd_attach(v, both, 3, 0, 0x400, 0);
	vvtd_attach(v, both, 3, 0, 0x500, VIQ_VTD_TABLE_STAGE2);
	vvtd_boot(v, 256, 3);
	vvtd_submit(v, desc_iotlb(3, 1, 0x17000, 2, true));
	assert_entry(first, 0, 0, VIQ_VTD_S1_ALL, 0);
	assert_entry(second, 0, 0x14000, 4, 1);
	vvtd_submit(v, desc_iotlb(2, 1, 0x17000, 2, true));
	assert_entry(second, 1, 0, VIQ_VTD_S1_ALL, 0);
	vvtd_submit(v, desc_iotlb(3, 3, 0x17000, 0, false));
	assert_entry(both, 0, 0, VIQ_VTD_S1_ALL, 0);
	vvtd_detach(v, a);
	/* Long runs, with address bits above MGAW (48) that are ignored, each with an entry of its own. */
	vvtd_forget(v);
	for (uint64_t i = 0; i < 200; i++)
		vvtd_push(v, desc_iotlb(3, 2, (i % 2 ? VIQ_BIT(48 + i % 16) : 0) | i << 12, 0, i % 3));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_true(vvtd_drain(v, 10));
	assert_int_equal(second->effect_count, 200);
	for (uint64_t i = 0; i < 200; i++)
		assert_entry(second, i, i << 12, 1, i % 3 ? 1 : 0);
	vvtd_free(v);
}

/*
 * A guest makes tables by writing PASID entries, so each costs little: the batch has room for entries of a few of
 * them. More than that in one doorbell are several batches, and one descriptor for more has them called one by one:
 * nothing is lost, none is called twice, and what fails stops the queue at its descriptor.
 */
static void test_many_tables(void **state)
{
	enum {
		FEW = 40,
		BAD = 70,
		OTHER = 90,
		MANY = 100
	};
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *hosts[MANY];
	size_t first = 0;

	for (unsigned int i = 0; i < MANY; i++) {
		hosts[i] = vvtd_host_new(v);
		vvtd_attach(v, hosts[i], 1, i, i < OTHER ? 0x100 : 0x200, VIQ_VTD_DEVTLB_IMPLIED | VIQ_VTD_TABLE_RID);
		if (i == FEW)
			first = viq_vtd_footprint(v->vtd);
	}
	assert_true((viq_vtd_footprint(v->vtd) - first) / (MANY - 1 - FEW) <= 320);
	vvtd_boot(v, 256, 4);
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < MANY; i++)
			vvtd_push(v, desc_page(1, i, i));
	}
	vvtd_push(v, desc_devtlb(0x100, 0x500000, false));
	for (unsigned int i = 0; i < 30; i++)
		vvtd_push(v, desc_page(1, i, 0x600));
	vvtd_push(v, desc_devtlb(0x200, 0x500000, false));
	vvtd_push(v, desc_iotlb(1, 0, 0, 0, false));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_true(vvtd_drain(v, 1000));
	assert_vidle(v);
	for (unsigned int i = 0; i < MANY; i++) {
		assert_int_equal(hosts[i]->effect_count, 4 + (i < 30));
		assert_entry(hosts[i], 0, i << 12, 1, 1);
		assert_entry(hosts[i], 1, i << 12, 1, 1);
		assert_entry(hosts[i], 2, 0x500000, 1, 1);
		assert_entry(hosts[i], 3 + (i < 30), 0, VIQ_VTD_S1_ALL, 0);
	}

	vvtd_forget(v);
	hosts[BAD]->bad = entry_page(0x777, true);
	hosts[BAD]->error = VIQ_CALL_ILLEGAL;
	hosts[BAD]->times = -1;
	for (unsigned int i = 0; i < MANY; i++)
		vvtd_push(v, desc_page(1, i, 0x777));
	vvtd_ring(v);
	vvtd_drain(v, 1000);
	assert_true(vvtd_r32(v, VREG(FSTS)) & VIQ_VTD_FSTS_IQE);
	assert_int_equal(vvtd_r64(v, VREG(IQH)) >> v->shift, (v->prod - (MANY - BAD)) % v->slots);
	for (unsigned int i = 0; i < BAD; i++)
		assert_int_equal(hosts[i]->effect_count, 1);
	assert_int_equal(hosts[BAD]->effect_count, 0);
	vvtd_free(v);
}

/* Attached and detached at random: the model in the harness watches every wait descriptor. */
static void test_comings_and_goings(void **state)
{
	uint64_t seed = vvtd_seed();
	struct vvtd *v = vvtd_new(NULL);
	size_t empty = viq_vtd_footprint(v->vtd);
	unsigned int attached = 0;

	for (unsigned int i = 0; i < 16; i++)
		vvtd_host_new(v);
	vvtd_boot(v, 256, 2);
	for (unsigned int round = 0; round < 3000 && v->table_count < VVTD_TABLES; round++) {
		unsigned int t = vvtd_below(&seed, VVTD_TABLES);

		if (vvtd_below(&seed, 3) == 0) {
			vvtd_attach(v, v->hosts[vvtd_below(&seed, 16)], vvtd_below(&seed, 4), vvtd_below(&seed, 4),
				    vvtd_below(&seed, 8), vvtd_below(&seed, 4));
			attached++;
		} else if (t < v->table_count && v->tables[t].attached) {
			vvtd_detach(v, t);
			attached--;
		}
		for (unsigned int i = 0; i < 5; i++)
			vvtd_push(v, desc_page(vvtd_below(&seed, 4), vvtd_below(&seed, 4), vvtd_below(&seed, 100)));
		vvtd_push(v, desc_iotlb(2, vvtd_below(&seed, 4), 0, 0, false));
		vvtd_push(v, desc_devtlb(vvtd_below(&seed, 8), 0x1000, false));
		vvtd_push(v,
			  desc_pdevtlb(vvtd_below(&seed, 8), vvtd_below(&seed, 4), vvtd_below(&seed, 2), 0x3000, true));
		if (vvtd_below(&seed, 2))
			vvtd_push_wait(v);
		vvtd_submit(v, desc_iotlb(1, 0, 0, 0, false));
		assert_true(vvtd_drain(v, 100));
		assert_int_equal(v->seen, v->prod);
		vvtd_forget(v);
	}
	assert_true(viq_vtd_footprint(v->vtd) > empty);
	for (unsigned int t = 0; t < v->table_count; t++) {
		if (v->tables[t].attached)
			vvtd_detach(v, t);
	}
	vvtd_submit(v, desc_iotlb(1, 0, 0, 0, false));
	assert_int_equal(vtd_counters(v->vtd).no_table > 0, true);
	vvtd_free(v);
}

static void test_bad_arguments(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct viq_vtd_table good = {.size = sizeof(good), .pasid = 0xfffff, .host = vvtd_host_ref(vvtd_host_new(v))};
	struct viq_call_host_ops no_ops = *good.host.ops;
	struct viq_vtd_table bad;
	uint32_t handle = 0, second;

	assert_int_equal(viq_vtd_attach(NULL, &good, &handle), -EINVAL);
	assert_int_equal(viq_vtd_attach(v->vtd, NULL, &handle), -EINVAL);
	assert_int_equal(viq_vtd_attach(v->vtd, &good, NULL), -EINVAL);
	bad = good, bad.size--;
	assert_int_equal(viq_vtd_attach(v->vtd, &bad, &handle), -EINVAL);
	bad = good, bad.pasid = 0x100000;
	assert_int_equal(viq_vtd_attach(v->vtd, &bad, &handle), -EINVAL);
	bad = good, bad.flags = 8;
	assert_int_equal(viq_vtd_attach(v->vtd, &bad, &handle), -EINVAL);
	bad = good, bad.host.ops = NULL;
	assert_int_equal(viq_vtd_attach(v->vtd, &bad, &handle), -EINVAL);
	bad = good, bad.host.ops = &no_ops, no_ops.invalidate = NULL;
	assert_int_equal(viq_vtd_attach(v->vtd, &bad, &handle), -EINVAL);
	no_ops = *good.host.ops, no_ops.size++;
	assert_int_equal(viq_vtd_attach(v->vtd, &bad, &handle), -EINVAL);
	assert_int_equal(handle, 0);
	assert_int_equal(viq_vtd_detach(NULL, 1), -EINVAL);
	assert_int_equal(viq_vtd_detach(v->vtd, 0), -ENOENT);
	assert_int_equal(viq_vtd_detach(v->vtd, 1), -ENOENT);
	assert_int_equal(viq_vtd_attach(v->vtd, &good, &handle), 0);
	assert_int_equal(viq_vtd_attach(v->vtd, &good, &second), 0);
	assert_int_not_equal(handle, second);
	assert_int_equal(viq_vtd_detach(v->vtd, handle), 0);
	assert_int_equal(viq_vtd_detach(v->vtd, handle), -ENOENT);
	assert_int_equal(viq_vtd_attach(v->vtd, &good, &handle), 0);
	assert_int_not_equal(handle, second);
	assert_int_equal(viq_vtd_detach(v->vtd, second), 0);
	vvtd_free(v);
}

static struct vvtd_host *reserve;

/* The embedder attaches when it is told to look at PASID entries. */
static void attach_now(struct vvtd *v, const struct viq_vtd_reconfig *what)
{
	if (what->cause == VIQ_VTD_PASID_CACHE && what->scope == VIQ_VTD_SCOPE_PASID)
		vvtd_attach(v, reserve, what->domain_id, what->pasid, 0x100, 0);
	else if (what->cause == VIQ_VTD_PASID_CACHE)
		vvtd_detach(v, 0);
}

/* From a hook that is called with entries under way. */
static void try_attach(struct vvtd *v, const struct viq_vtd_trace *trace)
{
	struct viq_vtd_table table = {.size = sizeof(table), .host = vvtd_host_ref(reserve)};
	uint32_t handle;

	assert_int_equal(viq_vtd_attach(v->vtd, &table, &handle), -EBUSY);
	assert_int_equal(viq_vtd_detach(v->vtd, v->tables[0].handle), -EBUSY);
}

static void test_attach_in_the_queue(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *host = vvtd_host_new(v);

	reserve = vvtd_host_new(v);
	v->on_reconfig = attach_now;
	v->on_trace = try_attach;
	vvtd_attach(v, host, 1, 0, 0x100, 0);
	vvtd_boot(v, 256, 1);
	/* Before it is attached, an invalidation does not concern it; afterwards it does, in the same doorbell. */
	vvtd_push(v, desc_page(2, 7, 1));
	vvtd_push(v, desc_page(1, 0, 1));
	vvtd_push(v, desc_pc(1, 2, 7));
	vvtd_push(v, desc_page(2, 7, 2));
	vvtd_push(v, desc_page(1, 0, 2));
	vvtd_push(v, desc_pc(3, 0, 0));
	vvtd_push(v, desc_page(2, 7, 3));
	vvtd_submit(v, desc_page(1, 0, 3));
	assert_vidle(v);
	assert_int_equal(reserve->effect_count, 2);
	assert_int_equal(reserve->effects[0].entry.addr, 0x2000);
	assert_int_equal(reserve->effects[1].entry.addr, 0x3000);
	assert_int_equal(host->effect_count, 2);
	vvtd_free(v);
}

/* A table that is gone holds the queue up until the VMM detaches it. */
static void test_gone_table(void **state)
{
	struct vvtd *v = vvtd_new(NULL);
	struct vvtd_host *good = vvtd_host_new(v), *gone = vvtd_host_new(v);
	unsigned int table;

	vvtd_attach(v, good, 1, 0, 0x100, 0);
	table = vvtd_attach(v, gone, 1, 0, 0x200, 0);
	vvtd_boot(v, 256, 1);
	vvtd_host_fail(gone, entry_page(5, true), VIQ_CALL_GONE, -1);
	vvtd_submit(v, desc_page(1, 0, 5));
	assert_vwaits(v, 0);
	vvtd_retry(v);
	assert_vwaits(v, 0);
	vvtd_detach(v, table);
	vvtd_retry(v);
	assert_vidle(v);
	assert_true(vvtd_completed(v, 1));
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_array_a_table),   cmocka_unit_test(test_same_descriptor),
		cmocka_unit_test(test_long_queue),          cmocka_unit_test(test_shared_host),
		cmocka_unit_test(test_second_stage_pages),  cmocka_unit_test(test_many_tables),
		cmocka_unit_test(test_comings_and_goings),  cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_attach_in_the_queue), cmocka_unit_test(test_gone_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
