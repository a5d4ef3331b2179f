/* SPDX-License-Identifier: MIT */
/* Requests set by value, by somebody with a front end of another make: no guest, no guest memory. */
#include <errno.h>
#include <string.h>

#include "host/linux/iommufd/uapi.h"
#include "support/linux_vnest.h"
#include "support/sized.h"

#define SID   VNEST_SID(0)
#define STEPS 8

/* The other front end: it keeps what it was told. */
struct front {
	struct viq_vtd_table tables[STEPS];
	uint32_t handles[STEPS], last, count;
	int fails; /* calls of attach until one fails; 0: none does */
};

static int on_table(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct front *f = opaque;

	if (f->fails && !--f->fails)
		return -ENOMEM;
	assert_true(f->count < STEPS);
	f->tables[f->count] = *table;
	f->handles[f->count++] = *handle = ++f->last;
	return 0;
}

static void on_table_gone(void *opaque, uint32_t handle)
{
	struct front *f = opaque;
	uint32_t i = 0;

	while (f->handles[i] != handle)
		assert_true(++i < f->count);
	f->count--;
	f->tables[i] = f->tables[f->count];
	f->handles[i] = f->handles[f->count];
}

static struct viq_vtd_listener listener(struct front *f)
{
	return (struct viq_vtd_listener){
		.size = sizeof(struct viq_vtd_listener), .attach = on_table, .detach = on_table_gone, .opaque = f};
}

static struct viq_vtd_translation first_stage(uint32_t pasid, uint16_t did, uint64_t k)
{
	return (struct viq_vtd_translation){.size = sizeof(struct viq_vtd_translation),
					    .mode = VIQ_VTD_STAGE1,
					    .pasid = pasid,
					    .domain_id = did,
					    .table = VNEST_PGTBL(k),
					    .levels = 4};
}

static struct viq_vtd_translation mode(enum viq_vtd_mode mode)
{
	return (struct viq_vtd_translation){.size = sizeof(struct viq_vtd_translation), .mode = mode, .reason = 0x59};
}

/* A host with one device at SID, and nothing that reads a guest's tables. */
static struct vnest *alone(struct front *f)
{
	struct vnest *n = vnest_kernel(1);
	const struct viq_vtd_listener l = listener(f);
	struct viq_linux_vtd_device d = {.size = sizeof(d), .pasids = true};

	assert_int_equal(vnest_create(n), 0);
	d.device = n->id[0];
	d.fd = n->fd[0];
	assert_int_equal(viq_linux_vvtd_add(n->vv, &d, SID, &n->why), 0);
	assert_blocked(n, 0, 0);
	*f = (struct front){0};
	assert_int_equal(viq_linux_vvtd_listen(n->vv, &l), 0);
	return n;
}

static uint32_t set(struct vnest *n, uint32_t pasid, struct viq_vtd_translation t)
{
	struct viq_vtd_outcome o = {.size = sizeof(o)};
	uint64_t calls = n->fk->calls;

	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, pasid, &t, &o), 0);
	assert_int_equal(o.calls, n->fk->calls - calls); /* P4: what is charged is what it took */
	assert_int_equal(o.source_id, SID);
	assert_int_equal(o.has_pasid, pasid != 0);
	n->last = o;
	return o.fate;
}

/* The listener knows a table exactly as long as the kernel has it. */
static void a_life(void **state)
{
	struct viq_vtd_translation t;
	struct front f;
	struct vnest *n = alone(&f);

	assert_int_equal(set(n, 0, mode(VIQ_VTD_BYPASS)), VIQ_VTD_SET_BYPASS);
	assert_int_equal(vnest_mode(n, 0, 0), FK_OWN_TABLES);
	assert_int_equal(set(n, 0, first_stage(5, 4, 1)), VIQ_VTD_SET_NESTED);
	assert_nested(n, 0, 0, 1);
	assert_int_equal(f.count, 1);
	assert_int_equal(f.tables[0].flags, VIQ_VTD_TABLE_RID | VIQ_VTD_DEVTLB_IMPLIED);
	assert_int_equal(f.tables[0].pasid, 5);
	assert_int_equal(f.tables[0].domain_id, 4);
	assert_int_equal(f.tables[0].source_id, SID);
	assert_int_equal(f.tables[0].host.object, vnest_attached(n, 0, 0));
	assert_int_equal(set(n, 0, first_stage(5, 4, 1)), VIQ_VTD_SET_UNCHANGED);
	t = first_stage(5, 4, 1);
	t.renew = true;
	assert_int_equal(set(n, 0, t), VIQ_VTD_SET_NESTED);
	assert_int_equal(f.count, 1);
	assert_int_equal(set(n, 7, first_stage(7, 4, 2)), VIQ_VTD_SET_NESTED);
	assert_nested(n, 0, 7, 2);
	assert_int_equal(f.count, 2);
	assert_int_equal(set(n, 7, mode(VIQ_VTD_BLOCK)), VIQ_VTD_SET_BLOCKED);
	assert_int_equal(n->last.reason, 0x59);
	assert_blocked(n, 0, 7);
	assert_int_equal(f.count, 1);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, SID), 0);
	assert_int_equal(f.count, 0);
	vnest_free(n);
}

/* What a step costs: make a table, attach it, destroy the old one; and what a removed device left is tried again. */
static void calls_that_a_change_takes(void **state)
{
	struct viq_vtd_translation t = first_stage(7, 4, 2), bypass = mode(VIQ_VTD_BYPASS);
	struct viq_vtd_outcome o = {.size = sizeof(o)};
	struct front f;
	struct vnest *n = alone(&f);
	const struct viq_vtd_backend b = viq_linux_vvtd_backend(n->vv);
	const struct viq_linux_vtd_device d = {.size = sizeof(d), .device = n->id[0], .fd = n->fd[0]};

	(void)set(n, 0, first_stage(0, 4, 1));
	assert_int_equal(n->last.calls, 2);
	(void)set(n, 0, first_stage(0, 4, 2));
	assert_int_equal(n->last.calls, 3);
	(void)set(n, 0, first_stage(0, 4, 2));
	assert_int_equal(n->last.calls, 0);
	/* The kernel refuses to attach: make, attach; block, destroy. */
	n->fk->faults[0] = (struct fk_fault){UAPI_VFIO_ATTACH_IOMMUFD_PT, 0, UINT64_MAX, -EIO};
	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, 0, &t, &o), -EIO);
	assert_int_equal(o.fate, VIQ_VTD_SET_FAILED);
	assert_int_equal(o.calls, 5);
	n->fk->faults[0] = (struct fk_fault){0};
	/* What is left of a device costs a call whenever it is tried, and who works next pays. */
	(void)set(n, 0, first_stage(0, 4, 2));
	n->fk->faults[0] = (struct fk_fault){UAPI_IOMMU_DESTROY, 0, UINT64_MAX, -EBUSY};
	assert_int_equal(viq_linux_vvtd_remove(n->vv, SID), -EBUSY);
	assert_int_equal(viq_linux_vvtd_add(n->vv, &d, SID + 1, NULL), -EBUSY);
	for (uint32_t i = 0; i < 3; i++)
		b.ops->settle(b.opaque);
	n->fk->faults[0] = (struct fk_fault){0};
	assert_int_equal(viq_linux_vvtd_add(n->vv, &d, SID, NULL), 0);
	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, 0, &bypass, &o), 0);
	assert_int_equal(o.calls, 3 + 1);
	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, 0, &bypass, &o), 0);
	assert_int_equal(o.calls, 0);
	vnest_free(n);
}

/* What the kernel does not take, and what it refuses, is blocked and no error. */
static void what_cannot_be(void **state)
{
	struct viq_vtd_translation t = first_stage(0, 4, 1);
	struct viq_vtd_outcome o = {.size = sizeof(o)};
	struct front f;
	struct vnest *n = alone(&f);

	assert_int_equal(set(n, 0, t), VIQ_VTD_SET_NESTED);
	assert_int_equal(set(n, 0, mode(VIQ_VTD_STAGE2)), VIQ_VTD_SET_UNSUPPORTED);
	assert_non_null(strstr(n->last.why, "PGTT"));
	assert_blocked(n, 0, 0);
	for (unsigned int i = 0; i < 3; i++) {
		t = first_stage(0, 4, 1);
		*(i == 0 ? &t.ere : i == 1 ? &t.nxe : &t.smep) = true;
		assert_int_equal(set(n, 0, t), VIQ_VTD_SET_UNSUPPORTED);
		assert_non_null(strstr(n->last.why, "NXE"));
		assert_blocked(n, 0, 0);
	}
	f.fails = 1;
	t = first_stage(0, 4, 1);
	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, 0, &t, &o), -ENOMEM);
	assert_int_equal(o.fate, VIQ_VTD_SET_FAILED);
	assert_int_equal(o.os_error, -ENOMEM);
	assert_blocked(n, 0, 0);
	assert_int_equal(f.count, 0);
	assert_int_equal(vnest_own_objects(n), 0);
	/* Nobody would hear of the table. */
	assert_int_equal(viq_linux_vvtd_listen(n->vv, NULL), 0);
	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, 0, &t, &o), -ENODEV);
	assert_blocked(n, 0, 0);
	assert_int_equal(set(n, 0, mode(VIQ_VTD_BYPASS)), VIQ_VTD_SET_BYPASS);
	vnest_free(n);
}

static void arguments(void **state)
{
	struct viq_vtd_translation t = mode(VIQ_VTD_BYPASS);
	struct viq_vtd_listener l;
	struct front f;
	struct vnest *n = alone(&f);

	assert_int_equal(viq_linux_vvtd_set(n->vv, SID + 1, 0, &t, NULL), -ENOENT);
	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, 1u << 20, &t, NULL), -EINVAL);
	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, 0, NULL, NULL), -EINVAL);
	assert_int_equal(viq_linux_vvtd_set(NULL, SID, 0, &t, NULL), -EINVAL);
	t.mode = VIQ_VTD_STAGE2 + 1;
	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, 0, &t, NULL), -EINVAL);
	t = mode(VIQ_VTD_BYPASS);
	t.size--;
	assert_int_equal(viq_linux_vvtd_set(n->vv, SID, 0, &t, NULL), -EINVAL);
	t.size++;
	assert_takes_later(viq_vtd_translation, t, viq_linux_vvtd_set(n->vv, SID, 0, later, NULL));
	assert_gives_later(viq_vtd_outcome, viq_linux_vvtd_set(n->vv, SID, 0, &t, later));
	l = listener(&f);
	assert_takes_later(viq_vtd_listener, l, viq_linux_vvtd_listen(n->vv, later));
	l.detach = NULL;
	assert_int_equal(viq_linux_vvtd_listen(n->vv, &l), -EINVAL);
	assert_int_equal(viq_linux_vvtd_listen(NULL, NULL), -EINVAL);
	vnest_free(n);
}

/* Who comes later is told of what there is, or of nothing. */
static void another_listener(void **state)
{
	struct front f, other = {.fails = 2};
	struct vnest *n = alone(&f);
	struct viq_vtd_listener l = listener(&other);

	assert_int_equal(set(n, 0, first_stage(0, 4, 1)), VIQ_VTD_SET_NESTED);
	assert_int_equal(set(n, 7, first_stage(7, 4, 2)), VIQ_VTD_SET_NESTED);
	assert_int_equal(viq_linux_vvtd_listen(n->vv, &l), -ENOMEM);
	assert_int_equal(f.count, 0);
	assert_int_equal(other.count, 0);
	assert_int_equal(viq_linux_vvtd_listen(n->vv, &l), 0);
	assert_int_equal(other.count, 2);
	assert_nested(n, 0, 0, 1);
	vnest_free(n);
	assert_int_equal(other.count, 0);
}

/* A removed device may still use a table that the kernel has not destroyed. */
static void a_listener_hears_of_removed_devices(void **state)
{
	struct front f, other = {.fails = 1};
	struct vnest *n = alone(&f);
	struct viq_vtd_listener l = listener(&other);

	assert_int_equal(set(n, 7, first_stage(7, 4, 2)), VIQ_VTD_SET_NESTED);
	n->fk->faults[0] = (struct fk_fault){UAPI_IOMMU_DESTROY, 0, UINT64_MAX, -EBUSY};
	assert_int_equal(viq_linux_vvtd_remove(n->vv, SID), -EBUSY);
	assert_int_equal(f.count, 1);
	assert_int_equal(viq_linux_vvtd_listen(n->vv, &l), -ENOMEM);
	assert_int_equal(f.count, 0);
	assert_int_equal(viq_linux_vvtd_listen(n->vv, &l), 0);
	assert_int_equal(other.count, 1);
	assert_int_equal(other.tables[0].source_id, SID);
	assert_int_equal(other.tables[0].pasid, 7);
	n->fk->faults[0] = (struct fk_fault){0};
	vnest_free(n);
	assert_int_equal(other.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life),           cmocka_unit_test(a_listener_hears_of_removed_devices),
		cmocka_unit_test(another_listener), cmocka_unit_test(calls_that_a_change_takes),
		cmocka_unit_test(arguments),        cmocka_unit_test(what_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
