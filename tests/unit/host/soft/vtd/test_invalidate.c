/* SPDX-License-Identifier: MIT */
/*
 * The software VT-d's invalidate call: which entries it takes, how far it gets, and what it says of it. "Took effect"
 * is looked up in the IOTLB, page by page: entry i invalidates page i.
 */
#include "support/sized.h"
#include "support/soft_vtd.h"

#define BASE  UINT64_C(0x10000000)
#define PAGES 200u

struct world {
	struct vm vm;
	struct viq_vtd_table table;
	struct synth_vtd_pt pt;
	struct viq_soft_vtd *soft;
	struct viq_soft_vtd_dev *dev;
	struct viq_vtd_s1_entry entries[PAGES];
};

static int keep_table(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct world *w = opaque;

	w->table = *table;
	*handle = 1;
	return 0;
}

static void forget_table(void *opaque, uint32_t handle)
{
}

static int reconfig(struct world *w)
{
	const struct viq_vtd_tables tables = {
		.size = sizeof(tables), .enabled = true, .mode = VIQ_VTD_TTM_SCALABLE, .root = w->vm.root.base};
	const struct viq_vtd_reconfig what = {.size = sizeof(what), .cause = VIQ_VTD_PASID_CACHE};

	return viq_soft_vtd_reconfig(w->soft, &tables, &what);
}

static void cache_all(struct world *w)
{
	for (unsigned int i = 0; i < PAGES; i++)
		vm_hits(w->dev, NO_PASID, BASE + i * 4096, VM_DATA + i * 4096);
}

static void world_init(struct world *w, bool ats)
{
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = keep_table, .detach = forget_table, .opaque = w};
	struct synth_vtd_pasids pasids;

	memset(w, 0, sizeof(*w));
	vm_init(&w->vm, true, NULL);
	assert_int_equal(viq_soft_vtd_create(&w->vm.soft_config, &w->soft, NULL), 0);
	assert_int_equal(viq_soft_vtd_listen(w->soft, &listener), 0);
	w->pt = vm_pt(&w->vm, 1, 4);
	pasids = vm_pasids(&w->vm, SID, 0);
	vm_entry(&pasids, 0, &w->pt, NULL, 4);
	assert_int_equal(viq_soft_vtd_dev_alloc(w->soft, SID, &w->dev, NULL), 0);
	assert_int_equal(viq_soft_vtd_dev_set_ats(w->dev, ats), 0);
	assert_int_equal(reconfig(w), 0);
	for (unsigned int i = 0; i < PAGES; i++) {
		vm_map(&w->pt, BASE + i * 4096, VM_DATA + i * 4096);
		w->entries[i] = (struct viq_vtd_s1_entry){.addr = BASE + i * 4096, .npages = 1, .flags = i & 1};
	}
	cache_all(w);
}

static void world_fini(struct world *w)
{
	viq_soft_vtd_destroy(w->soft);
	vm_fini(&w->vm);
}

static struct viq_call_result call(struct world *w, const struct viq_vtd_s1_entry *entries, uint32_t count)
{
	const struct viq_call_piece pieces[2] = {{entries, count / 3}, {entries + count / 3, count - count / 3}};
	const struct viq_call_request req = {
		.size = sizeof(req),
		.object = w->table.host.object,
		.type = VIQ_CALL_VTD_S1,
		.entry_size = sizeof(*entries),
		.pieces = pieces,
		.piece_count = 2,
	};
	struct viq_call_result res = {.size = sizeof(res)};

	assert_int_equal(w->table.host.ops->invalidate(w->table.host.opaque, &req, &res), 0);
	return res;
}

/* [0, done) and nothing else has gone; skip may be either. */
static void assert_done(struct world *w, unsigned int done, unsigned int skip)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		bool cached = viq_soft_vtd_cached(w->dev, BASE + i * 4096, 0, VIQ_SOFT_READ, false);

		if (i != skip)
			assert_int_equal(cached, i >= done);
	}
}

static void only_what_linux_takes_is_taken(void **state)
{
	static const struct {
		struct viq_vtd_s1_entry entry;
		bool legal;
	} rows[] = {
		{{.addr = 0, .npages = UINT64_MAX}, true},
		{{.addr = 0, .npages = UINT64_MAX, .flags = 1}, true},
		{{.addr = 0x1000, .npages = UINT64_MAX}, false},
		{{.addr = 0x1000, .npages = 1, .flags = 1}, true},
		{{.addr = 0x1000, .npages = 1, .flags = 2}, false},
		{{.addr = 0x1000, .npages = 1, .flags = 0x80000000}, false},
		{{.addr = 0x1000, .npages = 1, .reserved = 1}, false},
		{{.addr = 0x1001, .npages = 1}, false},
		{{.addr = 0x1800, .npages = 1}, false},
		{{.addr = 0x1000, .npages = 0}, false},
		{{.addr = 0, .npages = 0}, false},
		{{.addr = 0, .npages = UINT64_C(1) << 52}, true},
		{{.addr = 0x1000, .npages = UINT64_C(1) << 52}, false},
		{{.addr = UINT64_C(0xfffffffffffff000), .npages = 1}, true},
		{{.addr = UINT64_C(0xfffffffffffff000), .npages = 2}, false},
		{{.addr = 0, .npages = (UINT64_C(1) << 52) + 1}, false},
	};
	struct world w;

	world_init(&w, false);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct viq_call_result res = call(&w, &rows[i].entry, 1);

		assert_int_equal(res.error, rows[i].legal ? VIQ_CALL_NONE : VIQ_CALL_ILLEGAL);
		assert_int_equal(res.handled, rows[i].legal);
		assert_int_equal(res.suspect, rows[i].legal);
		assert_int_equal(res.hw_code, 0);
		assert_int_equal(res.os_error, 0);
	}
	world_fini(&w);
}

static void an_illegal_entry_is_found_exactly(void **state)
{
	static const unsigned int at[] = {0, 1, 62, 63, 64, 126, 199};
	struct world w;

	world_init(&w, false);
	for (unsigned int i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		struct viq_call_result res;

		cache_all(&w);
		w.entries[at[i]].npages = 0;
		res = call(&w, w.entries, PAGES);
		w.entries[at[i]].npages = 1;
		assert_int_equal(res.error, VIQ_CALL_ILLEGAL);
		assert_int_equal(res.handled, at[i]);
		assert_int_equal(res.suspect, at[i]);
		assert_done(&w, at[i], PAGES);
	}
	world_fini(&w);
}

static void a_table_that_nobody_has_is_gone_and_its_id_is_not_used_again(void **state)
{
	struct synth_vtd_pasids pasids;
	struct viq_vtd_table old;
	struct viq_call_result res;
	struct world w;

	world_init(&w, false);
	old = w.table;
	pasids = vm_pasids(&w.vm, SID, 0);
	vm_entry(&pasids, 0, &w.pt, NULL, 5);
	assert_int_equal(reconfig(&w), 0);
	assert_int_equal(w.table.domain_id, 4); /* the context entry was not invalidated */
	assert_int_equal(viq_soft_vtd_dev_free(w.dev), 0);
	w.table = old;
	res = call(&w, w.entries, 5);
	assert_int_equal(res.error, VIQ_CALL_GONE);
	assert_int_equal(res.handled, 0);
	assert_int_equal(viq_soft_vtd_dev_alloc(w.soft, SID, &w.dev, NULL), 0);
	assert_int_equal(w.table.domain_id, 5);
	assert_int_not_equal(w.table.host.object, old.host.object);
	world_fini(&w);
}

/* A second-stage table's entries are second-stage addresses: whole, and by page, through the same call. */
static void second_stage_tables_too_whole_and_by_page(void **state)
{
	for (unsigned int legacy = 0; legacy < 2; legacy++) {
		struct viq_vtd_tables tables = {.size = sizeof(tables),
						.enabled = true,
						.mode = legacy ? VIQ_VTD_TTM_LEGACY : VIQ_VTD_TTM_SCALABLE};
		const struct viq_vtd_reconfig what = {.size = sizeof(what), .cause = VIQ_VTD_ENABLED};
		struct synth_vtd_pasids pasids;
		struct synth_vtd_pt ss;
		struct world w;

		world_init(&w, false);
		ss = vm_pt(&w.vm, 2, 4);
		for (unsigned int i = 0; i < PAGES; i++)
			vm_map(&ss, BASE + i * 4096, VM_DATA + i * 4096);
		assert_int_equal(synth_vtd_root_init(&w.vm.root, &w.vm.heap, !legacy), 0);
		if (legacy) {
			vm_legacy(&w.vm, SID, &ss, 9);
		} else {
			pasids = vm_pasids(&w.vm, SID, 0);
			vm_entry(&pasids, 0, NULL, &ss, 9);
		}
		tables.root = w.vm.root.base;
		assert_int_equal(viq_soft_vtd_reconfig(w.soft, &tables, &what), 0);
		assert_int_equal(w.table.domain_id, 9);
		assert_true(w.table.flags & VIQ_VTD_TABLE_RID);
		cache_all(&w);
		assert_int_equal(call(&w, w.entries, 30).handled, 30);
		assert_done(&w, 30, PAGES);
		w.entries[0].npages = 64;
		assert_int_equal(call(&w, w.entries, 1).handled, 1);
		assert_done(&w, 64, PAGES);
		w.entries[0] = (struct viq_vtd_s1_entry){.npages = VIQ_VTD_S1_ALL};
		assert_int_equal(call(&w, w.entries, 1).handled, 1);
		assert_done(&w, PAGES, PAGES);
		world_fini(&w);
	}
}

static void requests_that_make_no_sense(void **state)
{
	const struct viq_vtd_s1_entry entry = {.npages = UINT64_MAX};
	struct viq_call_piece piece = {&entry, 1};
	struct viq_call_request ok = {.size = sizeof(ok),
				      .entry_size = sizeof(entry),
				      .pieces = &piece,
				      .piece_count = 1},
				bad;
	struct viq_call_result res = {.size = sizeof(res)};
	struct viq_call_host host;
	struct world w;

	world_init(&w, false);
	host = w.table.host;
	ok.object = host.object;
	assert_int_equal(host.ops->invalidate(host.opaque, &ok, &res), 0);
	assert_takes_later(viq_call_request, ok, host.ops->invalidate(host.opaque, later, &res));
	bad = ok, bad.size++;
	assert_int_equal(host.ops->invalidate(host.opaque, &bad, &res), -EINVAL);
	bad = ok, bad.entry_size = 16;
	assert_int_equal(host.ops->invalidate(host.opaque, &bad, &res), -EINVAL);
	bad = ok, bad.reserved = 1;
	assert_int_equal(host.ops->invalidate(host.opaque, &bad, &res), -EINVAL);
	bad = ok, bad.piece_count = 17;
	assert_int_equal(host.ops->invalidate(host.opaque, &bad, &res), -EINVAL);
	bad = ok, bad.type = VIQ_CALL_SMMUV3, bad.entry_size = 16;
	assert_int_equal(host.ops->invalidate(host.opaque, &bad, &res), 0);
	assert_int_equal(res.error, VIQ_CALL_UNSUPPORTED);
	bad = ok, bad.piece_count = 0;
	assert_int_equal(host.ops->invalidate(host.opaque, &bad, &res), 0);
	assert_int_equal(res.error, VIQ_CALL_NONE);
	viq_soft_access_begin();
	assert_int_equal(host.ops->invalidate(host.opaque, &ok, &res), -EDEADLK);
	viq_soft_access_end();
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_linux_takes_is_taken),
		cmocka_unit_test(an_illegal_entry_is_found_exactly),
		cmocka_unit_test(a_table_that_nobody_has_is_gone_and_its_id_is_not_used_again),
		cmocka_unit_test(second_stage_tables_too_whole_and_by_page),
		cmocka_unit_test(requests_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
