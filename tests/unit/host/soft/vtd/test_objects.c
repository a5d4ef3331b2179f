/* SPDX-License-Identifier: MIT */
/*
 * The software VT-d without a front end: what it accepts, which tables it reports to the embedder and when, and what is
 * left when that fails.
 */
#include "support/soft_vtd.h"
#include "support/sized.h"
#include "support/why.h"

#define IOVA    UINT64_C(0x7000)
#define PAGE(n) (VM_DATA + (uint64_t)(n)*4096)
#define TOLD    64

/* The embedder: keeps what it was told. */
struct embedder {
	struct viq_vtd_table told[TOLD];
	bool attached[TOLD];
	uint32_t count, now;
	int error;         /* of attach */
	uint32_t error_at; /* the attachment that it strikes */
	struct vm vm;      /* memory and tables only */
	struct viq_soft_vtd *soft;
	struct viq_vtd_tables tables;
	uint64_t record[2];
	unsigned int faults, parent_faults;
};

static int attach(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct embedder *e = opaque;

	assert_true(e->count < TOLD);
	if (e->error && e->count == e->error_at)
		return e->error;
	e->told[e->count] = *table;
	e->attached[e->count] = true;
	*handle = 100 + e->count++;
	e->now++;
	return 0;
}

static void detach(void *opaque, uint32_t handle)
{
	struct embedder *e = opaque;

	assert_true(handle >= 100 && handle - 100 < e->count && e->attached[handle - 100]);
	e->attached[handle - 100] = false;
	e->now--;
}

/* Take them; how many there were ever. */
static unsigned int faults(struct embedder *e)
{
	struct viq_vtd_host_fault fault;
	uint32_t count = 1;

	assert_int_equal(viq_soft_vtd_faults(e->soft, &fault, &count), 0);
	for (; count; e->faults++) {
		memcpy(e->record, fault.record, sizeof(e->record));
		e->parent_faults += fault.parent;
		assert_int_equal(fault.lost, 0);
		assert_int_equal(viq_soft_vtd_faults(e->soft, &fault, &count), 0);
	}
	return e->faults;
}

static unsigned int parent_faults(struct embedder *e)
{
	faults(e);
	return e->parent_faults;
}

static struct viq_vtd_listener listener(struct embedder *e)
{
	return (struct viq_vtd_listener){
		.size = sizeof(struct viq_vtd_listener), .attach = attach, .detach = detach, .opaque = e};
}

static void create(struct embedder *e)
{
	const struct viq_vtd_listener l = listener(e);

	assert_int_equal(viq_soft_vtd_create(&e->vm.soft_config, &e->soft, NULL), 0);
	assert_int_equal(viq_soft_vtd_listen(e->soft, &l), 0);
}

static void init(struct embedder *e, void (*tune)(struct vm *vm))
{
	memset(e, 0, sizeof(*e));
	vm_init(&e->vm, true, tune);
	create(e);
	e->tables = (struct viq_vtd_tables){
		.size = sizeof(e->tables),
		.enabled = true,
		.mode = VIQ_VTD_TTM_SCALABLE,
		.root = e->vm.root.base,
		.root_set = true,
	};
}

static void fini(struct embedder *e)
{
	viq_soft_vtd_destroy(e->soft);
	vm_fini(&e->vm);
}

static int reconfig(struct embedder *e, enum viq_vtd_reconfig_cause cause)
{
	const struct viq_vtd_reconfig what = {.size = sizeof(what), .cause = cause};

	return viq_soft_vtd_reconfig(e->soft, &e->tables, &what);
}

static struct synth_vtd_pt tables_to(struct embedder *e, unsigned int n)
{
	struct synth_vtd_pt pt = vm_pt(&e->vm, 1, 4);

	vm_map(&pt, IOVA, PAGE(n));
	return pt;
}

static void what_cannot_be_is_refused(void **state)
{
	struct viq_soft_vtd_config good, bad;
	struct viq_soft_vtd *soft;
	struct embedder e;

	init(&e, NULL);
	good = e.vm.soft_config;
#define REFUSED(change)                                                                                                \
	do {                                                                                                           \
		bad = good;                                                                                            \
		change;                                                                                                \
		assert_int_equal(viq_soft_vtd_create(&bad, &soft, NULL), -EINVAL);                                     \
	} while (0)
	REFUSED(bad.size++);
	REFUSED(bad.mem = NULL);
	REFUSED(bad.haw = 31);
	REFUSED(bad.haw = 53);
	REFUSED(bad.tlb_entries = 32);
	REFUSED(bad.tlb_entries = 100);
	REFUSED(bad.devtlb_entries = 8);
	REFUSED(bad.tables = 0);
	REFUSED(bad.tables = 65536);
	REFUSED(bad.reserved = 1);
	REFUSED(bad.parent_aw = VIQ_VTD_AW_48);                            /* no guest_mem, and SSTS */
	REFUSED((bad.parent_aw = VIQ_VTD_AW_48, bad.guest_mem = bad.mem)); /* SSTS */
	assert_int_equal(viq_soft_vtd_create(NULL, &soft, NULL), -EINVAL);
	assert_int_equal(viq_soft_vtd_create(&good, NULL, NULL), -EINVAL);
	for (unsigned int i = 0; i < 3; i++) {
		struct viq_vtd_listener l = listener(&e);

		if (i == 0)
			l.size++;
		else if (i == 1)
			l.attach = NULL;
		else
			l.detach = NULL;
		assert_int_equal(viq_soft_vtd_listen(e.soft, &l), -EINVAL);
	}
	assert_int_equal(viq_soft_vtd_listen(NULL, NULL), -EINVAL);
	assert_takes_later(viq_vtd_listener, listener(&e), viq_soft_vtd_listen(e.soft, later));
	viq_soft_vtd_destroy(NULL);
	fini(&e);
}

/* A front end that comes later, goes, comes again, cannot take all: it knows every table that devices have, or none. */
static void who_listens_may_change(void **state)
{
	struct viq_vtd_listener l;
	struct synth_vtd_pasids pasids;
	struct viq_soft_vtd_dev *dev;
	struct synth_vtd_pt pt;
	struct embedder e;
	uint64_t pa;

	init(&e, NULL);
	l = listener(&e);
	assert_int_equal(viq_soft_vtd_listen(e.soft, NULL), 0);
	pt = tables_to(&e, 0);
	pasids = vm_pasids(&e.vm, SID, 0);
	vm_entry(&pasids, 0, &pt, NULL, 4);
	vm_entry(&pasids, 7, &pt, NULL, 5);
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
	assert_ptr_equal(viq_soft_vtd_dev_find(e.soft, SID), dev);
	assert_null(viq_soft_vtd_dev_find(e.soft, SID2));
	/* Nobody would hear of the tables. */
	assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), -ENODEV);
	assert_int_equal(vm_translate(dev, NO_PASID, IOVA, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(viq_soft_vtd_listen(e.soft, &l), 0);
	assert_int_equal(e.now, 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), 0);
	assert_int_equal(e.now, 2);
	vm_hits(dev, NO_PASID, IOVA, PAGE(0));
	/* Faults wait for whoever takes them. */
	assert_int_equal(vm_translate(dev, NO_PASID, IOVA + 0x1000, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(faults(&e), 1);
	assert_int_equal(viq_soft_vtd_listen(e.soft, NULL), 0);
	assert_int_equal(e.now, 0);
	assert_int_equal(vm_translate(dev, NO_PASID, IOVA + 0x1000, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(faults(&e), 2);
	vm_hits(dev, NO_PASID, IOVA, PAGE(0));
	/* One of the two is refused. */
	e.error = -ENOMEM;
	e.error_at = e.count + 1;
	assert_int_equal(viq_soft_vtd_listen(e.soft, &l), -ENOMEM);
	assert_int_equal(e.now, 0);
	e.error = 0;
	viq_soft_access_begin();
	assert_int_equal(viq_soft_vtd_listen(e.soft, &l), -EDEADLK);
	viq_soft_access_end();
	assert_int_equal(viq_soft_vtd_listen(e.soft, &l), 0);
	assert_int_equal(e.now, 2);
	assert_int_equal(e.told[e.count - 1].source_id, SID);
	assert_int_equal(viq_soft_vtd_dev_free(dev), 0);
	assert_int_equal(e.now, 0);
	fini(&e);
}

static void devices_have_one_source_id_each(void **state)
{
	struct viq_soft_vtd_dev *dev, *other;
	struct embedder e;
	uint64_t pa;

	init(&e, NULL);
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
	assert_why(viq_soft_vtd_dev_alloc(e.soft, SID, &other, &why), -EEXIST, "source_id: ");
	/* Never configured: aborts, and there is nothing to record. */
	assert_int_equal(vm_translate(dev, NO_PASID, IOVA, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(faults(&e), 0);
	assert_int_equal(viq_soft_vtd_dev_free(dev), 0);
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
	viq_soft_access_begin();
	assert_why(viq_soft_vtd_dev_alloc(e.soft, SID2, &other, &why), -EDEADLK, "inside an access");
	assert_int_equal(viq_soft_vtd_dev_free(dev), -EDEADLK);
	assert_int_equal(viq_soft_vtd_dev_set_ats(dev, true), -EDEADLK);
	assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), -EDEADLK);
	viq_soft_access_end();
	fini(&e);
}

/* One host for each (domain-id, PASID), of whichever devices; flags and numbers as the front end wants them. */
static void tables_are_reported_as_they_come_and_go(void **state)
{
	struct synth_vtd_pasids p1, p2;
	struct viq_soft_vtd_dev *dev, *dev2;
	struct synth_vtd_pt pt;
	struct embedder e;

	init(&e, NULL);
	pt = tables_to(&e, 0);
	p1 = vm_pasids(&e.vm, SID, 0);
	p2 = vm_pasids(&e.vm, SID2, 0);
	vm_entry(&p1, 0, &pt, NULL, 4);
	vm_entry(&p1, 70, &pt, NULL, 4);
	vm_entry(&p2, 0, &pt, NULL, 4);
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
	assert_int_equal(e.now, 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), 0);
	assert_int_equal(e.now, 2);
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID2, &dev2, NULL), 0);
	assert_int_equal(e.now, 3);
	assert_int_equal(e.told[0].flags, VIQ_VTD_TABLE_RID | VIQ_VTD_DEVTLB_IMPLIED);
	assert_int_equal(e.told[0].domain_id, 4);
	assert_int_equal(e.told[0].pasid, 0);
	assert_int_equal(e.told[0].source_id, SID);
	assert_int_equal(e.told[1].flags, VIQ_VTD_DEVTLB_IMPLIED);
	assert_int_equal(e.told[1].pasid, 70);
	assert_int_equal(e.told[2].source_id, SID2);
	assert_int_equal(e.told[2].host.object, e.told[0].host.object);
	assert_int_not_equal(e.told[1].host.object, e.told[0].host.object);
	/* What stays the same is not reported again. */
	assert_int_equal(reconfig(&e, VIQ_VTD_PASID_CACHE), 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_CONTEXT_CACHE), 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_ROOT_TABLE), 0);
	assert_int_equal(e.count, 3);
	/* Another domain-id is another table. */
	vm_entry(&p1, 70, &pt, NULL, 5);
	assert_int_equal(reconfig(&e, VIQ_VTD_PASID_CACHE), 0);
	assert_int_equal(e.count, 4);
	assert_false(e.attached[1]);
	assert_true(e.attached[3]);
	assert_int_equal(e.told[3].domain_id, 5);
	/* After a restore the front end knows of nothing. */
	assert_int_equal(reconfig(&e, VIQ_VTD_RESTORED), 0);
	assert_int_equal(e.count, 7);
	assert_int_equal(e.now, 3);
	for (unsigned int i = 0; i < 4; i++)
		assert_false(e.attached[i]);
	e.tables.enabled = false;
	assert_int_equal(reconfig(&e, VIQ_VTD_DISABLED), 0);
	assert_int_equal(e.now, 0);
	e.tables.enabled = true;
	assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), 0);
	assert_int_equal(viq_soft_vtd_dev_free(dev), 0);
	assert_int_equal(e.now, 1);
	fini(&e);
}

static void with_rps(struct vm *vm)
{
	vm->soft_config.ecap |= VIQ_VTD_ECAP_RPS;
	vm->config.ecap = vm->soft_config.ecap;
}

/* The front end is told anew when a table begins or ceases to serve requests without PASID, or changes its kind. */
static void a_table_is_reported_for_what_it_is(void **state)
{
	struct synth_vtd_pasids pasids;
	struct viq_soft_vtd_dev *dev;
	struct synth_vtd_pt fs, ss;
	uint64_t ctx[VIQ_VTD_SCTX_WORDS];
	struct embedder e;

	init(&e, with_rps);
	fs = tables_to(&e, 0);
	ss = vm_pt(&e.vm, 2, 4);
	vm_map(&ss, IOVA, PAGE(1));
	pasids = vm_pasids(&e.vm, SID, 3);
	vm_entry(&pasids, 3, &fs, NULL, 4);
	vm_entry(&pasids, 7, &fs, NULL, 4);
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), 0);
	assert_int_equal(e.count, 2);
	synth_vtd_context(ctx, &pasids, 7);
	assert_int_equal(synth_vtd_root_set(&e.vm.root, SID, ctx), 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_CONTEXT_CACHE), 0);
	assert_int_equal(e.count, 4);
	assert_int_equal(e.now, 2);
	assert_int_equal(e.told[2].pasid, 3);
	assert_false(e.told[2].flags & VIQ_VTD_TABLE_RID);
	assert_int_equal(e.told[3].pasid, 7);
	assert_true(e.told[3].flags & VIQ_VTD_TABLE_RID);
	/* First stage to second stage: what was cached is of another kind. */
	vm_hits(dev, NO_PASID, IOVA, PAGE(0));
	vm_entry(&pasids, 7, NULL, &ss, 4);
	assert_int_equal(reconfig(&e, VIQ_VTD_PASID_CACHE), 0);
	assert_int_equal(e.count, 5);
	vm_hits(dev, NO_PASID, IOVA, PAGE(1));
	/* PASIDE = 0: the tables of PASIDs serve nobody. */
	ctx[0] &= ~VIQ_VTD_SCTX_PASIDE;
	assert_int_equal(synth_vtd_root_set(&e.vm.root, SID, ctx), 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_CONTEXT_CACHE), 0);
	assert_int_equal(e.now, 1);
	vm_hits(dev, NO_PASID, IOVA, PAGE(1));
	fini(&e);
}

static void a_device_whose_tables_cannot_be_had_is_blocked(void **state)
{
	struct synth_vtd_pasids pasids;
	struct viq_soft_vtd_dev *dev;
	struct synth_vtd_pt pt;
	struct embedder e;
	uint64_t pa;

	for (unsigned int at = 0; at < 3; at++) {
		init(&e, NULL);
		pt = tables_to(&e, 0);
		pasids = vm_pasids(&e.vm, SID, 0);
		for (uint32_t pasid = 0; pasid < 3; pasid++)
			vm_entry(&pasids, pasid, &pt, NULL, 4);
		assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
		e.error = -ENOMEM;
		e.error_at = at;
		assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), -ENOMEM);
		assert_int_equal(e.now, 0);
		assert_int_equal(vm_translate(dev, NO_PASID, IOVA, VIQ_SOFT_READ, &pa), -EFAULT);
		assert_int_equal(faults(&e), 0);
		e.error = 0;
		assert_int_equal(reconfig(&e, VIQ_VTD_PASID_CACHE), 0);
		assert_int_equal(e.now, 3);
		vm_hits(dev, 2, IOVA, PAGE(0));
		/* One that had tables loses them all. */
		vm_entry(&pasids, 3, &pt, NULL, 4);
		e.error = -ENOSPC;
		e.error_at = e.count;
		assert_int_equal(reconfig(&e, VIQ_VTD_PASID_CACHE), -ENOSPC);
		assert_int_equal(e.now, 0);
		assert_int_equal(vm_translate(dev, 2, IOVA, VIQ_SOFT_READ, &pa), -EFAULT);
		fini(&e);
	}
}

static void few_tables(struct vm *vm)
{
	vm->soft_config.tables = 3;
}

static void a_guest_gets_no_more_tables_than_are_allowed(void **state)
{
	struct synth_vtd_pasids pasids;
	struct viq_soft_vtd_dev *dev;
	struct synth_vtd_pt pt;
	struct embedder e;

	init(&e, few_tables);
	pt = tables_to(&e, 0);
	pasids = vm_pasids(&e.vm, SID, 0);
	for (uint32_t pasid = 0; pasid < 3; pasid++)
		vm_entry(&pasids, pasid, &pt, NULL, 4 + pasid);
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), 0);
	vm_entry(&pasids, 1000, &pt, NULL, 4);
	assert_int_equal(reconfig(&e, VIQ_VTD_PASID_CACHE), -ENOSPC);
	assert_int_equal(e.now, 0);
	assert_int_equal(synth_vtd_pasids_set(&pasids, 1, NULL), 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_PASID_CACHE), 0);
	assert_int_equal(e.now, 3);
	vm_hits(dev, 1000, IOVA, PAGE(0));
	fini(&e);
}

/* Who makes tables and gives them up for ever runs out of nothing, and finds nothing of others that had the number. */
static void numbers_of_tables_that_went_come_back_empty(void **state)
{
	struct synth_vtd_pasids pasids;
	struct viq_soft_vtd_dev *dev;
	struct synth_vtd_pt pt[2];
	struct embedder e;

	init(&e, NULL);
	pt[0] = tables_to(&e, 0);
	pt[1] = tables_to(&e, 1);
	pasids = vm_pasids(&e.vm, SID, 0);
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
	for (unsigned int i = 0; i < 70000; i++) {
		vm_entry(&pasids, 0, &pt[i & 1], NULL, 1 + i % 9);
		e.count = 0;
		e.attached[0] = e.attached[1] = true;
		memset(e.attached, i > 0, sizeof(e.attached));
		assert_int_equal(reconfig(&e, VIQ_VTD_PASID_CACHE), 0);
		if (i % 97 == 0 || i > 65530)
			vm_hits(dev, NO_PASID, IOVA, PAGE(i & 1));
	}
	fini(&e);
}

/* --- The embedder's own second stage ------------------------------------------------------------------------------ */

static void with_parent(struct vm *vm)
{
	vm->soft_config.ecap &= ~VIQ_VTD_ECAP_SSTS;
	vm->config.ecap = vm->soft_config.ecap;
}

static void under_a_parent_the_guests_addresses_are_translated_too(void **state)
{
	/* Guest-physical [0, 16 MiB) is physical as it is; GPA 0x40000000 on is data. */
	const uint64_t gpa = 0x40000000;
	struct synth_vtd_pasids pasids;
	struct viq_soft_vtd_dev *dev;
	struct synth_vtd_pt parent, pt;
	struct embedder e;
	uint64_t pa;

	memset(&e, 0, sizeof(e));
	vm_init(&e.vm, true, with_parent);
	parent = vm_pt(&e.vm, 2, 4);
	for (uint64_t at = 0; at < 0x1000000; at += 0x200000)
		assert_int_equal(synth_vtd_pt_map(&parent, at, at, 2, 0), 0);
	vm_map(&parent, gpa, PAGE(0));
	e.vm.soft_config.guest_mem = e.vm.mem;
	e.vm.soft_config.parent_table = parent.root;
	e.vm.soft_config.parent_aw = VIQ_VTD_AW_48;
	create(&e);
	e.tables = (struct viq_vtd_tables){
		.size = sizeof(e.tables), .mode = VIQ_VTD_TTM_SCALABLE, .root = e.vm.root.base, .root_set = true};
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
	/* Not translated by the guest. */
	assert_int_equal(reconfig(&e, VIQ_VTD_DISABLED), 0);
	vm_hits(dev, NO_PASID, gpa + 0x123, PAGE(0) + 0x123);
	assert_int_equal(vm_translate(dev, NO_PASID, 0x50000000, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(parent_faults(&e), 1);
	/* Nested, and pass-through. */
	pasids = vm_pasids(&e.vm, SID, 0);
	pt = vm_pt(&e.vm, 1, 4);
	vm_map(&pt, IOVA, gpa);
	vm_map(&pt, 0x9000, 0x50000000);
	vm_entry(&pasids, 0, &pt, NULL, 4);
	vm_entry(&pasids, 1, NULL, NULL, 1);
	vm_entry(&pasids, 2, NULL, &parent, 3); /* a second stage of the guest's own: not here */
	e.tables.enabled = true;
	assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), 0);
	assert_int_equal(e.now, 2);
	vm_hits(dev, NO_PASID, IOVA, PAGE(0));
	vm_hits(dev, 1, gpa, PAGE(0));
	assert_int_equal(vm_translate(dev, 2, gpa, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(parent_faults(&e), 1);
	assert_int_equal(vm_translate(dev, NO_PASID, 0x9000, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(vm_translate(dev, 1, 0x50000000, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(parent_faults(&e), 3);
	assert_int_equal(vm_translate(dev, NO_PASID, 0xa000, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(parent_faults(&e), 3);
	/* The parent moves on: stale until told. */
	vm_map(&parent, gpa, PAGE(5));
	vm_hits(dev, NO_PASID, IOVA, PAGE(0));
	vm_hits(dev, 1, gpa, PAGE(0));
	assert_int_equal(viq_soft_vtd_parent_invalidate(e.soft, gpa, 0x1000), 0);
	vm_hits(dev, NO_PASID, IOVA, PAGE(5));
	vm_hits(dev, 1, gpa, PAGE(5));
	assert_int_equal(viq_soft_vtd_parent_invalidate(e.soft, gpa, 0), -EINVAL);
	/* Out of devices too. */
	assert_int_equal(viq_soft_vtd_dev_set_ats(dev, true), 0);
	vm_hits(dev, NO_PASID, IOVA, PAGE(5));
	vm_map(&parent, gpa, PAGE(6));
	vm_hits(dev, NO_PASID, IOVA, PAGE(5));
	assert_true(viq_soft_vtd_cached(dev, IOVA, 0, VIQ_SOFT_READ, true));
	assert_int_equal(viq_soft_vtd_parent_invalidate(e.soft, 0, 0), 0);
	vm_hits(dev, NO_PASID, IOVA, PAGE(6));
	/* Legacy mode: pass-through goes through the parent, the guest cannot have a second stage of its own. */
	assert_int_equal(synth_vtd_root_init(&e.vm.root, &e.vm.heap, false), 0);
	e.tables.mode = VIQ_VTD_TTM_LEGACY;
	e.tables.root = e.vm.root.base;
	vm_legacy(&e.vm, SID, NULL, 4);
	assert_int_equal(reconfig(&e, VIQ_VTD_ROOT_TABLE), 0);
	vm_hits(dev, NO_PASID, gpa + 1, PAGE(6) + 1);
	vm_legacy(&e.vm, SID, &parent, 4);
	assert_int_equal(reconfig(&e, VIQ_VTD_CONTEXT_CACHE), 0);
	assert_int_equal(e.now, 0);
	faults(&e);
	e.faults = 0;
	assert_int_equal(vm_translate(dev, NO_PASID, gpa, VIQ_SOFT_READ, &pa), -EFAULT);
	assert_int_equal(faults(&e), 1);
	assert_int_equal(VIQ_GET(VIQ_VTD_FRCD_1_FR, e.record[1]), VIQ_VTD_FR_CTX_INVALID);
	assert_int_equal(VIQ_GET(VIQ_VTD_FRCD_1_SID, e.record[1]), SID);
	fini(&e);
}

/* Guest-physical is physical then: memory that is taken away must be forgotten, and accesses to it be over. */
static void without_a_parent_memory_can_be_taken_away_too(void **state)
{
	struct synth_vtd_pasids pasids;
	struct viq_soft_vtd_dev *dev;
	struct synth_vtd_pt pt;
	struct embedder e;

	init(&e, NULL);
	pt = tables_to(&e, 0);
	pasids = vm_pasids(&e.vm, SID, 0);
	vm_entry(&pasids, 0, &pt, NULL, 4);
	assert_int_equal(viq_soft_vtd_dev_alloc(e.soft, SID, &dev, NULL), 0);
	assert_int_equal(viq_soft_vtd_dev_set_ats(dev, true), 0);
	assert_int_equal(reconfig(&e, VIQ_VTD_ENABLED), 0);
	vm_hits(dev, NO_PASID, IOVA, PAGE(0));
	assert_true(viq_soft_vtd_cached(dev, IOVA, 0, VIQ_SOFT_READ, false));
	assert_int_equal(viq_soft_vtd_parent_invalidate(e.soft, PAGE(0), 0x1000), 0);
	assert_false(viq_soft_vtd_cached(dev, IOVA, 0, VIQ_SOFT_READ, false));
	assert_false(viq_soft_vtd_cached(dev, IOVA, 0, VIQ_SOFT_READ, true));
	viq_soft_access_begin();
	assert_int_equal(viq_soft_vtd_parent_invalidate(e.soft, 0, 0), -EDEADLK);
	viq_soft_access_end();
	fini(&e);
}

/* Tables come and go until each internal tag was used, and then again: 16 bits of them. */
static void tables_come_and_go_without_end(void **state)
{
	struct synth_vtd_pasids pasids;
	struct synth_vtd_pt pt[2];
	struct vm vm;

	vm_init(&vm, true, NULL);
	pasids = vm_pasids(&vm, SID, 0);
	for (unsigned int i = 0; i < 2; i++) {
		pt[i] = vm_pt(&vm, 1, 4);
		vm_map(&pt[i], IOVA, PAGE(i));
	}
	vm_entry(&pasids, 5, &pt[0], NULL, 4);
	vm.dev = vm_add(&vm, SID, false);
	vm_hits(vm.dev, 5, IOVA, PAGE(0));
	for (unsigned int i = 1; i < 2 * 65536 + 10; i++) {
		vm_entry(&pasids, 5, &pt[i % 2], NULL, 4 + i % 2);
		vm_flush_entry(&vm, 4 + (i - 1) % 2, 5);
		if (i % 256 < 2 || i % 65536 > 64000)
			vm_hits(vm.dev, 5, IOVA, PAGE(i % 2));
	}
	vm_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_is_refused),
		cmocka_unit_test(devices_have_one_source_id_each),
		cmocka_unit_test(who_listens_may_change),
		cmocka_unit_test(tables_are_reported_as_they_come_and_go),
		cmocka_unit_test(a_table_is_reported_for_what_it_is),
		cmocka_unit_test(a_device_whose_tables_cannot_be_had_is_blocked),
		cmocka_unit_test(a_guest_gets_no_more_tables_than_are_allowed),
		cmocka_unit_test(numbers_of_tables_that_went_come_back_empty),
		cmocka_unit_test(under_a_parent_the_guests_addresses_are_translated_too),
		cmocka_unit_test(without_a_parent_memory_can_be_taken_away_too),
		cmocka_unit_test(tables_come_and_go_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
