/* SPDX-License-Identifier: MIT */
/*
 * Reconfigurations in steps (P4): what one step costs, whatever the guest's tables look like; and that many steps, with
 * whatever comes between them, end where one call does.
 */
#include "host/soft/vtd/unit.h"
#include "support/soft_vtd.h"

#define IOVA    UINT64_C(0x7000)
#define PAGE(n) (VM_DATA + (uint64_t)(n)*4096)
#define DEVICES 2
#define TABLES  8
#define PROBES  6
#define ROUNDS  400

static const uint16_t sids[DEVICES] = {SID, SID2};
static const uint32_t probes[PROBES] = {0, 1, 63, 64, 130, 8191};

/* A unit that goes in steps, and one that is told the same at once. Both read the same memory. */
struct unit {
	struct viq_soft_vtd *soft;
	struct viq_soft_vtd_dev *devs[DEVICES];
	unsigned int calls; /* of the listener */
	uint32_t last_handle;
};

struct world {
	struct vm vm;
	struct unit stepped, twin;
	struct viq_vtd_tables tables;
	struct synth_vtd_pasids pasids[DEVICES];
	struct synth_vtd_pt pts[TABLES];
	unsigned int steps, merged, freed, switched, stale;
};

static int attach(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct unit *u = opaque;

	u->calls++;
	*handle = ++u->last_handle;
	return 0;
}

static void detach(void *opaque, uint32_t handle)
{
	struct unit *u = opaque;

	u->calls++;
}

static void unit_init(struct world *w, struct unit *u)
{
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = attach, .detach = detach, .opaque = u};

	assert_int_equal(viq_soft_vtd_create(&w->vm.soft_config, &u->soft, NULL), 0);
	assert_int_equal(viq_soft_vtd_listen(u->soft, &listener), 0);
	for (unsigned int i = 0; i < DEVICES; i++)
		assert_int_equal(viq_soft_vtd_dev_alloc(u->soft, sids[i], &u->devs[i], NULL), 0);
}

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	vm_init(&w->vm, true, NULL);
	unit_init(w, &w->stepped);
	unit_init(w, &w->twin);
	for (unsigned int i = 0; i < DEVICES; i++)
		w->pasids[i] = vm_pasids(&w->vm, sids[i], 0);
	for (unsigned int i = 0; i < TABLES; i++) {
		w->pts[i] = vm_pt(&w->vm, 1, 4);
		vm_map(&w->pts[i], IOVA, PAGE(i));
	}
	w->tables = (struct viq_vtd_tables){.size = sizeof(w->tables),
					    .enabled = true,
					    .mode = VIQ_VTD_TTM_SCALABLE,
					    .root = w->vm.root.base,
					    .root_set = true};
}

static void world_fini(struct world *w)
{
	viq_soft_vtd_destroy(w->stepped.soft);
	viq_soft_vtd_destroy(w->twin.soft);
	vm_fini(&w->vm);
}

static struct viq_vtd_reconfig change(enum viq_vtd_reconfig_cause cause, enum viq_vtd_scope scope)
{
	return (struct viq_vtd_reconfig){.size = sizeof(struct viq_vtd_reconfig), .cause = cause, .scope = scope};
}

static void begin(struct world *w, const struct viq_vtd_reconfig *what)
{
	struct viq_vtd_backend b = viq_soft_vtd_backend(w->stepped.soft);

	assert_int_equal(b.ops->reconfig(b.opaque, &w->tables, what), 0);
}

/* One step, and its bounds: a context entry, a table of 64 PASIDs, or 64 tables that go. True: there is more. */
static bool step(struct world *w)
{
	struct viq_vtd_backend b = viq_soft_vtd_backend(w->stepped.soft);
	uint64_t reads = 0, entries = 0;
	int ret;

	w->stepped.calls = 0;
	ret = b.ops->step(b.opaque, &reads, &entries);
	assert_in_range(ret, 0, 1);
	assert_in_range(reads, 0, 2);
	assert_in_range(entries, 0, 65);
	assert_in_range(w->stepped.calls, 0, 64);
	w->steps++;
	return ret;
}

/* --- Bounds ------------------------------------------------------------------------------------------------------- */

/* Every entry of the largest directory names the same page of entries that are not valid. */
static void a_directory_without_an_end(void **state)
{
	struct viq_vtd_reconfig what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	uint64_t ctx[VIQ_VTD_SCTX_WORDS], page;
	struct synth_vtd_pasids pasids;
	struct world w;

	world_init(&w);
	assert_int_equal(synth_vtd_pasids_init(&pasids, &w.vm.heap, 7), 0);
	page = synth_alloc(&w.vm.heap, 12);
	for (uint32_t i = 0; i < 512; i++)
		synth_store(&w.vm.heap, page + 8 * i, i % 8 ? 0 : VIQ_VTD_PE_P);
	for (uint32_t i = 0; i < 16384; i++)
		synth_store(&w.vm.heap, synth_vtd_pasids_dir_slot(&pasids, i * 64), page | VIQ_VTD_PDE_P);
	synth_vtd_context(ctx, &pasids, 0);
	assert_int_equal(synth_vtd_root_set(&w.vm.root, SID, ctx), 0);
	/* Each device's context entry and tables, then the end. */
	begin(&w, &what);
	while (step(&w))
		;
	assert_int_equal(w.steps, 1 + 16384 + 1 + 128 + 1);
	/* No context entry has changed: the same again. */
	w.steps = 0;
	begin(&w, &what);
	while (step(&w))
		;
	assert_int_equal(w.steps, 1 + 16384 + 1 + 128 + 1);
	/* A PASID alone is one table of each device. */
	what.scope = VIQ_VTD_SCOPE_PASID;
	w.steps = 0;
	begin(&w, &what);
	while (step(&w))
		;
	assert_int_equal(w.steps, 2 * 2 + 1);
	world_fini(&w);
}

/* The same through what stands between it and a guest. */
static void the_nest_passes_steps_and_their_cost_on(void **state)
{
	struct viq_vtd_reconfig what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	unsigned int steps = 0;
	uint64_t cost = 0;
	struct world w;
	int ret;

	world_init(&w);
	w.vm.dev = vm_add(&w.vm, SID, false);
	vm_entry(&w.pasids[0], 70, &w.pts[0], NULL, 4);
	what.work.budget = 1;
	do {
		ret = viq_nest_vtd_reconfig(w.vm.nest, &what);
		assert_in_range(what.work.cost, 1, steps ? 1 + 65 : 1 + 2 + VIQ_WORK_CALL);
		cost += what.work.cost;
		steps++;
	} while (ret == 1);
	assert_int_equal(ret, 0);
	assert_int_equal(steps, 1 + 128 + 1);
	/* Beginning, and waiting for accesses at the end; each step, and each entry that it reads. */
	assert_int_equal(cost, 2 * VIQ_WORK_CALL + (1 + 128) + (2 + 128 + 64));
	assert_int_equal(what.work.cursor[0], 0);
	vm_hits(w.vm.dev, 70, IOVA, PAGE(0));
	world_fini(&w);
}

/* As many tables as there can be come, change their domain-id and go. */
static void many_tables(void **state)
{
	struct viq_vtd_reconfig what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	struct world w;
	uint64_t pa;

	world_init(&w);
	for (unsigned int did = 1; did < 4; did++) {
		for (uint32_t pasid = 0; pasid < 2000; pasid++) {
			if (did < 3)
				vm_entry(&w.pasids[0], pasid, &w.pts[pasid % TABLES], NULL, did);
			else
				assert_int_equal(synth_vtd_pasids_set(&w.pasids[0], pasid, NULL), 0);
		}
		begin(&w, &what);
		/* Until its entries are all attached the device has none of them. */
		for (unsigned int i = 0; i < 10; i++)
			assert_true(step(&w));
		assert_int_equal(vm_translate(w.stepped.devs[0], 5, IOVA, VIQ_SOFT_READ, &pa), did == 1 ? -EFAULT : 0);
		while (step(&w))
			;
		assert_int_equal(w.stepped.soft->attachments, did < 3 ? 2000 : 0);
	}
	world_fini(&w);
}

static const struct soft_vtd_entry *cached(const struct soft_vtd_view *view, uint32_t pasid)
{
	for (uint32_t i = 0; i < view->count; i++) {
		for (uint32_t n = 0; n < view->groups[i]->count; n++) {
			if (view->groups[i]->entries[n].pasid == pasid)
				return &view->groups[i]->entries[n];
		}
	}
	return NULL;
}

/* However many entries a device has, one that changes is a matter of its table of 64. */
static void an_entry_that_changes_leaves_other_tables_alone(void **state)
{
	struct viq_vtd_reconfig what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	const struct soft_vtd_group *before[32];
	const struct soft_vtd_attachment *neighbour;
	const struct soft_vtd_view *view;
	struct world w;
	uint64_t pa;

	world_init(&w);
	for (uint32_t pasid = 0; pasid < 32 * VIQ_VTD_PE_TABLE; pasid++)
		vm_entry(&w.pasids[0], pasid, &w.pts[0], NULL, 4);
	assert_int_equal(viq_soft_vtd_reconfig(w.stepped.soft, &w.tables, &what), 0);
	view = soft_vtd_view(w.stepped.devs[0]);
	assert_int_equal(view->count, 32);
	memcpy(before, view->groups, sizeof(before));
	neighbour = cached(view, 131)->attachment;

	/* Another table of pages, another domain: one table goes, one comes. */
	vm_entry(&w.pasids[0], 130, &w.pts[1], NULL, 5);
	what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_PASID);
	what.pasid = 130;
	what.domain_id = 4;
	w.stepped.calls = 0;
	assert_int_equal(viq_soft_vtd_reconfig(w.stepped.soft, &w.tables, &what), 0);
	view = soft_vtd_view(w.stepped.devs[0]);
	assert_int_equal(view->count, 32);
	for (uint32_t i = 0; i < 32; i++)
		assert_int_equal(view->groups[i] == before[i], i != 2);
	assert_ptr_equal(cached(view, 131)->attachment, neighbour);
	assert_int_equal(w.stepped.calls, 2);
	assert_int_equal(vm_translate(w.stepped.devs[0], 130, IOVA, VIQ_SOFT_READ, &pa), 0);
	assert_int_equal(pa, PAGE(1));

	/* All of a table. */
	for (uint32_t pasid = 64; pasid < 128; pasid++)
		assert_int_equal(synth_vtd_pasids_set(&w.pasids[0], pasid, NULL), 0);
	what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_DOMAIN);
	what.domain_id = 4;
	w.stepped.calls = 0;
	assert_int_equal(viq_soft_vtd_reconfig(w.stepped.soft, &w.tables, &what), 0);
	view = soft_vtd_view(w.stepped.devs[0]);
	assert_int_equal(view->count, 31);
	assert_null(cached(view, 64));
	assert_ptr_equal(cached(view, 131)->attachment, neighbour);
	assert_int_equal(w.stepped.calls, 64);
	world_fini(&w);
}

/* Nothing is copied, published or waited for where nothing has changed. */
static void what_concerns_nobody_changes_nothing(void **state)
{
	struct viq_vtd_reconfig what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	const struct soft_vtd_view *view;
	struct world w;

	world_init(&w);
	vm_entry(&w.pasids[0], 5, &w.pts[0], NULL, 4);
	assert_int_equal(viq_soft_vtd_reconfig(w.stepped.soft, &w.tables, &what), 0);
	view = soft_vtd_view(w.stepped.devs[0]);
	vm_entry(&w.pasids[0], 5, &w.pts[1], NULL, 4);
	what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_PASID);
	what.pasid = 5;
	what.domain_id = 7;
	assert_int_equal(viq_soft_vtd_reconfig(w.stepped.soft, &w.tables, &what), 0);
	assert_ptr_equal(soft_vtd_view(w.stepped.devs[0]), view);
	what.scope = VIQ_VTD_SCOPE_DOMAIN;
	assert_int_equal(viq_soft_vtd_reconfig(w.stepped.soft, &w.tables, &what), 0);
	assert_ptr_equal(soft_vtd_view(w.stepped.devs[0]), view);
	what = change(VIQ_VTD_CONTEXT_CACHE, VIQ_VTD_SCOPE_ALL);
	assert_int_equal(viq_soft_vtd_reconfig(w.stepped.soft, &w.tables, &what), 0);
	assert_ptr_equal(soft_vtd_view(w.stepped.devs[0]), view);
	what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_DOMAIN);
	what.domain_id = 4;
	assert_int_equal(viq_soft_vtd_reconfig(w.stepped.soft, &w.tables, &what), 0);
	assert_ptr_not_equal(soft_vtd_view(w.stepped.devs[0]), view);
	world_fini(&w);
}

/* --- The property ------------------------------------------------------------------------------------------------- */

/* Domain-ids are a device's own, so that tables come and go alike in both units. */
static void edit(struct world *w, uint64_t *seed)
{
	unsigned int dev = vvtd_below(seed, DEVICES), kind = vvtd_below(seed, 10);
	uint32_t pasid = probes[vvtd_below(seed, PROBES)];
	uint64_t ctx[VIQ_VTD_SCTX_WORDS], slot;

	if (kind == 0) {
		synth_vtd_context(ctx, &w->pasids[dev], 0);
		ctx[0] &= vvtd_below(seed, 2) ? ~UINT64_C(0) : ~VIQ_VTD_SCTX_PASIDE;
		ctx[0] |= VIQ_VTD_SCTX_DTE;
		ctx[1] |= vvtd_below(seed, 6) ? 0 : VIQ_BIT(63);
		assert_int_equal(synth_vtd_root_set(&w->vm.root, sids[dev], ctx), 0);
	} else if (kind < 3) {
		assert_int_equal(synth_vtd_pasids_set(&w->pasids[dev], pasid, NULL), 0);
	} else if (kind == 3) {
		slot = synth_vtd_pasids_dir_slot(&w->pasids[dev], pasid);
		synth_store(&w->vm.heap, slot, synth_load(&w->vm.heap, slot) ^ VIQ_BIT(5));
	} else {
		slot = synth_vtd_pasids_dir_slot(&w->pasids[dev], pasid);
		synth_store(&w->vm.heap, slot, synth_load(&w->vm.heap, slot) & ~VIQ_BIT(5));
		vm_entry(&w->pasids[dev], pasid, &w->pts[vvtd_below(seed, TABLES)], NULL,
			 1 + 4 * dev + vvtd_below(seed, 4));
	}
}

static struct viq_vtd_reconfig random_change(uint64_t *seed)
{
	struct viq_vtd_reconfig what =
		change(vvtd_below(seed, 3) ? VIQ_VTD_PASID_CACHE : VIQ_VTD_CONTEXT_CACHE, vvtd_below(seed, 4));

	if (!vvtd_below(seed, 20))
		what.cause = VIQ_VTD_RESTORED;
	what.domain_id = (uint16_t)vvtd_below(seed, 9);
	what.source_id = sids[vvtd_below(seed, DEVICES)];
	what.source_mask = UINT16_MAX;
	what.pasid = probes[vvtd_below(seed, PROBES)];
	return what;
}

static void replug(struct unit *u, unsigned int dev)
{
	assert_int_equal(viq_soft_vtd_dev_free(u->devs[dev]), 0);
	assert_int_equal(viq_soft_vtd_dev_alloc(u->soft, sids[dev], &u->devs[dev], NULL), 0);
}

/* Something that is not the guest's, between two steps. */
static void meddle(struct world *w, uint64_t *seed)
{
	unsigned int dev = vvtd_below(seed, DEVICES);
	struct viq_vtd_reconfig what;
	bool on;

	switch (vvtd_below(seed, 30)) {
	case 0:
		replug(&w->stepped, dev);
		replug(&w->twin, dev);
		w->freed++;
		break;
	case 1:
		on = vvtd_below(seed, 2);
		assert_int_equal(viq_soft_vtd_dev_set_ats(w->stepped.devs[dev], on), 0);
		assert_int_equal(viq_soft_vtd_dev_set_ats(w->twin.devs[dev], on), 0);
		w->switched++;
		break;
	case 2:
		/* Both at once are everything again. */
		what = random_change(seed);
		begin(w, &what);
		if (what.cause != VIQ_VTD_RESTORED)
			what = change(VIQ_VTD_ROOT_TABLE, VIQ_VTD_SCOPE_ALL);
		what.scope = VIQ_VTD_SCOPE_ALL;
		assert_int_equal(viq_soft_vtd_reconfig(w->twin.soft, &w->tables, &what), 0);
		w->merged++;
		break;
	}
}

static void compare(struct world *w)
{
	for (unsigned int dev = 0; dev < DEVICES; dev++) {
		for (int i = -1; i < PROBES; i++) {
			uint64_t pa = 0, want = 0;
			int64_t pasid = i < 0 ? NO_PASID : (int64_t)probes[i];
			int ret = vm_translate(w->twin.devs[dev], pasid, IOVA, VIQ_SOFT_READ, &want);

			assert_int_equal(vm_translate(w->stepped.devs[dev], pasid, IOVA, VIQ_SOFT_READ, &pa), ret);
			assert_int_equal(pa, want);
			w->stale += !ret;
		}
	}
	assert_int_equal(w->stepped.soft->attachments, w->twin.soft->attachments);
}

static void steps_end_where_one_call_does(void **state)
{
	uint64_t seed = vvtd_seed();
	struct world w;

	world_init(&w);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct viq_vtd_reconfig what = random_change(&seed);

		for (unsigned int i = vvtd_below(&seed, 4); i; i--)
			edit(&w, &seed);
		begin(&w, &what);
		assert_int_equal(viq_soft_vtd_reconfig(w.twin.soft, &w.tables, &what), 0);
		do {
			if (round % 2)
				meddle(&w, &seed);
		} while (step(&w));
		compare(&w);
	}
	assert_true(w.merged > 50 && w.freed > 50 && w.switched > 50 && w.stale > 1000);
	/* A unit may go in the middle of it. */
	for (unsigned int i = 0; i < 3; i++) {
		struct viq_vtd_reconfig what = change(VIQ_VTD_ROOT_TABLE, VIQ_VTD_SCOPE_ALL);
		uint64_t ctx[VIQ_VTD_SCTX_WORDS];

		synth_vtd_context(ctx, &w.pasids[0], 0);
		assert_int_equal(synth_vtd_root_set(&w.vm.root, sids[0], ctx), 0);
		assert_int_equal(synth_vtd_root_set(&w.vm.root, sids[1], ctx), 0);
		vm_entry(&w.pasids[0], 1, &w.pts[i], NULL, 20 + i);
		begin(&w, &what);
		for (unsigned int n = 0; n < 1 + 40 * i; n++)
			assert_true(step(&w));
	}
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_without_an_end),
		cmocka_unit_test(many_tables),
		cmocka_unit_test(steps_end_where_one_call_does),
		cmocka_unit_test(the_nest_passes_steps_and_their_cost_on),
		cmocka_unit_test(an_entry_that_changes_leaves_other_tables_alone),
		cmocka_unit_test(what_concerns_nobody_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
