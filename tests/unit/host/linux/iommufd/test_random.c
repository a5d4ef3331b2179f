/* SPDX-License-Identifier: MIT */
/*
 * Any calls of <viq/linux.h> in any order, with ids of any kind, dead ones and others that never were, while system
 * calls fail at will, on both architectures.
 *
 *   - What fails has made nothing and taken nothing away, and says what the kernel said; what works has one id more or
 * less.
 *   - A device is blocked from its binding, or its detaching, to the next attach that works. The same for a PASID.
 *   - In the end each id that was given, and no other, can be destroyed: none is lost, nothing is left.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "oracle/fake_kernel.h"
#include "support/vsmmu.h"

#define DEVICES 3
#define OBJECTS 48
#define PASIDS  3 /* 0: requests without */

enum kind {
	NONE,
	IOAS,
	HWPT,
	VIOMMU,
	VDEVICE,
	NESTED,
	QUEUE,
	KINDS
};

static const int errors[] = {-ENOMEM, -EIO, -EBUSY, -EINTR, -EFAULT};
static const uint32_t pasids[PASIDS] = {0, 1, 300};

struct object {
	enum kind kind;
	uint32_t id;
	int fd;          /* QUEUE: open; -1 */
	uint32_t device; /* VDEVICE: it goes with this one */
};

struct world {
	bool vtd;
	uint64_t seed;
	struct fake_kernel *fk;
	struct viq_linux *ctx;
	struct object objects[OBJECTS];
	struct {
		int fd; /* -1: closed */
		uint32_t id;
		bool blocked[PASIDS];
	} devices[DEVICES];
	int injected; /* what the next system call answers; 0: what it likes */
	uint64_t call;
	size_t kernel_objects, kernel_files;
	uint64_t worked[KINDS], failed, struck, destroyed, attached;
};

static uint32_t below(struct world *w, uint32_t bound)
{
	return test_below(&w->seed, bound);
}

/* --- Ids ---------------------------------------------------------------------------------------------------------- */

static struct object *place(struct world *w)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		if (w->objects[i].kind == NONE)
			return &w->objects[i];
	}
	return NULL;
}

static struct object *find(struct world *w, uint32_t id)
{
	for (size_t i = 0; i < OBJECTS; i++) {
		if (w->objects[i].kind != NONE && w->objects[i].id == id)
			return &w->objects[i];
	}
	return NULL;
}

/* Mostly one of the kind. */
static uint32_t some_id(struct world *w, enum kind kind)
{
	uint32_t start = below(w, OBJECTS);

	if (!below(w, 12))
		return below(w, 64);
	for (uint32_t i = 0; i < OBJECTS; i++) {
		const struct object *o = &w->objects[(start + i) % OBJECTS];

		if (o->kind == kind || (o->kind != NONE && !below(w, 24)))
			return o->id;
	}
	return below(w, 64);
}

static uint32_t some_device(struct world *w)
{
	uint32_t d = below(w, DEVICES);

	return w->devices[d].fd >= 0 && below(w, 16) ? w->devices[d].id : some_id(w, IOAS);
}

/* --- One call ----------------------------------------------------------------------------------------------------- */

static void before(struct world *w)
{
	w->injected = below(w, 4) ? 0 : errors[below(w, sizeof(errors) / sizeof(errors[0]))];
	w->call = w->fk->calls;
	w->fk->faults[0] = (struct fk_fault){.first = w->call + 1, .times = w->injected != 0, .err = w->injected};
	w->kernel_objects = fake_kernel_objects(w->fk);
	w->kernel_files = fake_kernel_files(w->fk);
}

static bool mode_blocks(enum fk_mode mode)
{
	return mode == FK_BLOCKED || mode == FK_ABORT;
}

static void check_devices(const struct world *w)
{
	for (uint32_t d = 0; d < DEVICES; d++) {
		for (uint32_t p = 0; p < PASIDS; p++) {
			const struct fk_pasid *with = p ? fake_kernel_pasid(w->fk, d, pasids[p]) : NULL;
			enum fk_mode mode = !p ? w->fk->devices[d].mode : with ? with->mode : FK_BLOCKED;

			if (w->devices[d].fd >= 0 && w->devices[d].blocked[p])
				assert_true(mode_blocks(mode));
		}
	}
}

/* made: by how many objects the kernel has more if it worked; an attach may make and destroy the kernel's own. */
static bool after(struct world *w, int ret, int made)
{
	/* After EINTR the library asks again. */
	bool struck = w->injected && w->injected != -EINTR && w->fk->calls > w->call;

	w->fk->faults[0].times = 0;
	w->struck += struck;
	w->failed += ret != 0;
	if (struck)
		assert_int_equal(ret, w->injected);
	if (struck || (ret && made)) {
		assert_int_equal(fake_kernel_objects(w->fk), w->kernel_objects);
		assert_int_equal(fake_kernel_files(w->fk), w->kernel_files);
	} else if (!ret && made) {
		assert_int_equal(fake_kernel_objects(w->fk), (int)w->kernel_objects + made);
	}
	assert_int_equal(w->fk->bad_handles, 0);
	check_devices(w);
	return !ret;
}

static void make(struct world *w, enum kind kind)
{
	const uint64_t ste[2] = {0xb | (uint64_t)below(w, 4) << 6, 0x2 | 1 << 2 | 1 << 4};
	const struct viq_linux_vtd_s1 s1 = {.pgtbl_addr = (uint64_t)below(w, 8) << 12, .addr_width = 48};
	uint32_t id = 0, device = some_device(w), vsid = below(w, 4);
	struct object *o = place(w);
	int ret = -EINVAL, fd = -1;

	if (!o)
		return;
	before(w);
	if (kind == IOAS)
		ret = viq_linux_ioas_alloc(w->ctx, &id);
	else if (kind == HWPT)
		ret = viq_linux_hwpt_alloc(w->ctx, device, some_id(w, IOAS),
					   w->vtd ? below(w, 2) * VIQ_LINUX_PASID | VIQ_LINUX_NEST_PARENT
						  : below(w, 2) * VIQ_LINUX_NEST_PARENT,
					   &id);
	else if (kind == VIOMMU)
		ret = viq_linux_viommu_alloc(w->ctx, device, some_id(w, HWPT), &id);
	else if (kind == VDEVICE)
		ret = viq_linux_vdevice_alloc(w->ctx, some_id(w, VIOMMU), device, vsid, &id);
	else if (kind == QUEUE)
		ret = viq_linux_veventq_alloc(w->ctx, some_id(w, VIOMMU), 4, &id, &fd);
	else if (w->vtd)
		ret = viq_linux_vtd_nested_alloc(w->ctx, device, some_id(w, HWPT), below(w, 2) * VIQ_LINUX_PASID, &s1,
						 &id);
	else
		ret = viq_linux_nested_alloc(w->ctx, device, some_id(w, VIOMMU), ste, &id);
	if (!after(w, ret, 1))
		return;
	assert_null(find(w, id));
	*o = (struct object){.kind = kind, .id = id, .fd = fd, .device = DEVICES};
	for (uint32_t d = 0; d < DEVICES; d++) {
		if (kind == VDEVICE && w->devices[d].fd >= 0 && w->devices[d].id == device)
			o->device = d;
	}
	assert_true(kind != VDEVICE || o->device < DEVICES);
	w->worked[kind]++;
}

static void destroy(struct world *w)
{
	uint32_t id = some_id(w, 1 + below(w, KINDS - 1));
	struct object *o = find(w, id);

	/* A queue's file holds it. */
	if (o && o->fd >= 0) {
		assert_int_equal(fake_kernel_sys()->close(w->fk, o->fd), 0);
		o->fd = -1;
	}
	before(w);
	if (!after(w, viq_linux_destroy(w->ctx, id), -1))
		return;
	assert_non_null(o);
	o->kind = NONE;
	w->destroyed++;
}

/* Of requests with a PASID or without. */
static void attach(struct world *w, bool on)
{
	static const enum kind kinds[] = {IOAS, HWPT, NESTED};
	uint32_t d = below(w, DEVICES), p = w->vtd ? below(w, PASIDS) : 0, pt = some_id(w, kinds[below(w, 3)]);
	int fd = w->devices[d].fd, ret;

	if (fd < 0)
		return;
	before(w);
	if (on)
		ret = p ? viq_linux_vfio_attach_pasid(w->ctx, fd, pasids[p], pt)
			: viq_linux_vfio_attach(w->ctx, fd, pt);
	else
		ret = p ? viq_linux_vfio_detach_pasid(w->ctx, fd, pasids[p]) : viq_linux_vfio_detach(w->ctx, fd);
	if (!ret)
		w->devices[d].blocked[p] = !on;
	after(w, ret, 0);
	w->attached += !ret && on;
}

static void map(struct world *w)
{
	uint64_t gpa = (uint64_t)below(w, 4) << 16;
	uint32_t ioas = some_id(w, IOAS), count = 1;
	struct viq_linux_range ranges[1];
	struct viq_linux_hw_info info = {.size = sizeof(info)};
	uint32_t which = below(w, 4), device = some_device(w);

	before(w);
	after(w,
	      which == 0   ? viq_linux_ioas_map(w->ctx, ioas, gpa, w, 1 << 16, VIQ_LINUX_READ | VIQ_LINUX_WRITE)
	      : which == 1 ? viq_linux_ioas_unmap(w->ctx, ioas, gpa, 1 << 16)
	      : which == 2 ? viq_linux_ioas_ranges(w->ctx, ioas, ranges, &count)
			   : viq_linux_hw_info(w->ctx, device, &info),
	      0);
}

/* A device's file is closed, and with it go its binding, what is attached, and its vDEVICE; or it is opened again. */
static void plug(struct world *w)
{
	uint32_t d = below(w, DEVICES);

	if (w->devices[d].fd >= 0) {
		fake_kernel_cdev_close(w->fk, d);
		w->devices[d].fd = -1;
		for (size_t i = 0; i < OBJECTS; i++) {
			if (w->objects[i].kind == VDEVICE && w->objects[i].device == d)
				w->objects[i].kind = NONE;
		}
		return;
	}
	w->devices[d].fd = fake_kernel_cdev(w->fk, d);
	before(w);
	if (!after(w, viq_linux_vfio_bind(w->ctx, w->devices[d].fd, &w->devices[d].id, NULL), 1)) {
		fake_kernel_cdev_close(w->fk, d);
		w->devices[d].fd = -1;
		return;
	}
	for (uint32_t p = 0; p < PASIDS; p++)
		w->devices[d].blocked[p] = true;
	check_devices(w);
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

static void step(struct world *w)
{
	uint32_t r = below(w, 32);

	if (r < 13)
		make(w, 1 + below(w, KINDS - 1));
	else if (r < 18)
		destroy(w);
	else if (r < 24)
		attach(w, true);
	else if (r < 26)
		attach(w, false);
	else if (r < 30)
		map(w);
	else if (!below(w, 3))
		plug(w);
}

/* All ids can be given back, those that others are built on later. */
static void give_back(struct world *w)
{
	size_t left = 0, last;

	for (uint32_t d = 0; d < DEVICES; d++)
		fake_kernel_cdev_close(w->fk, d);
	for (size_t i = 0; i < OBJECTS; i++) {
		struct object *o = &w->objects[i];

		if (o->kind == VDEVICE)
			o->kind = NONE;
		if (o->kind == QUEUE && o->fd >= 0)
			assert_int_equal(fake_kernel_sys()->close(w->fk, o->fd), 0);
		left += o->kind != NONE;
	}
	assert_int_equal(fake_kernel_objects(w->fk), left);
	do {
		last = left;
		for (size_t i = 0; i < OBJECTS; i++) {
			if (w->objects[i].kind != NONE && !viq_linux_destroy(w->ctx, w->objects[i].id)) {
				w->objects[i].kind = NONE;
				left--;
			}
		}
	} while (left && left < last);
	assert_int_equal(left, 0);
	assert_int_equal(fake_kernel_objects(w->fk), 0);
	assert_int_equal(fake_kernel_files(w->fk), 1);
}

static void random_life(bool vtd)
{
	uint64_t seed = test_seed();
	struct world sum = {0};

	for (unsigned int life = 0; life < 150; life++) {
		struct world w = {.vtd = vtd, .seed = test_random(&seed)};

		w.fk = vtd ? fake_kernel_new_vtd() : fake_kernel_new();
		w.ctx = fake_kernel_open(w.fk);
		for (uint32_t d = 0; d < DEVICES; d++) {
			w.fk->devices[d].max_pasid_log2 = 20;
			w.devices[d].fd = -1;
		}
		for (unsigned int i = 0; i < 400; i++)
			step(&w);
		give_back(&w);
		viq_linux_close(w.ctx);
		assert_int_equal(fake_kernel_leaks(w.fk), 0);
		fake_kernel_free(w.fk);
		for (uint32_t kind = 0; kind < KINDS; kind++)
			sum.worked[kind] += w.worked[kind];
		sum.failed += w.failed;
		sum.struck += w.struck;
		sum.destroyed += w.destroyed;
		sum.attached += w.attached;
	}
	print_message("# %llu destroyed, %llu attached, %llu failed, of these %llu on purpose\n",
		      (unsigned long long)sum.destroyed, (unsigned long long)sum.attached,
		      (unsigned long long)sum.failed, (unsigned long long)sum.struck);
	/* It did work. VT-d has no vIOMMU. */
	for (uint32_t kind = IOAS; kind < KINDS; kind++) {
		if (!vtd || kind == IOAS || kind == HWPT || kind == NESTED)
			assert_true(sum.worked[kind] > 50);
	}
	assert_true(sum.destroyed > 500 && sum.attached > 500 && sum.struck > 2000);
}

static void any_calls_smmuv3(void **state)
{
	random_life(false);
}

static void any_calls_vtd(void **state)
{
	random_life(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_calls_smmuv3),
		cmocka_unit_test(any_calls_vtd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
