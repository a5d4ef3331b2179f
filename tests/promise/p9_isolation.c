/* SPDX-License-Identifier: MIT */
/*
 * P9: no guest, device, PASID or VMID reaches what belongs to another, whatever is reused, renumbered, unplugged or put
 * into one IOMMU group; device removed means device blocked.
 *
 * Two guests of one Linux host, set by value, over six devices. Devices come, go, move, are taken by the other guest
 * and lose their files; guests go and come again; StreamIDs, source-ids, PASIDs, ids of the kernel and fds are used
 * again; system calls fail once or for good. Each first-stage table that is asked for is one of its own, so what the
 * fake kernel's hardware has in force tells who asked for it, and when. The software hosts' part is p1_no_stale's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <viq/linux_smmuv3.h>
#include <viq/linux_vtd.h>
#include <viq/vtd_spec.h>

#include "host/linux/iommufd/uapi.h"
#include "oracle/fake_kernel.h"

#define DEVICES 6
#define GUESTS  2
#define NUMBERS 6 /* StreamIDs, source-ids */
#define SLOTS   3
#define STEPS   400
#define BASE    UINT64_C(0x10000000)

static const uint32_t pasids[SLOTS] = {0, 1, 300};
/* Devices 0 and 1, 2 and 3 share a group; 4 is alone in its own, and nothing is known of 5's. */
static const uint32_t groups[DEVICES] = {7, 7, 8, 8, 9, 0};

struct guest {
	uint32_t ioas, hwpt;
	struct viq_linux_vsmmu *vsmmu;
	struct viq_linux_vvtd *vvtd;
};

/* What requests were asked to do, since the device is where it is. */
struct slot {
	uint64_t table; /* of BASE on, 0: none */
	bool bypass, broken;
};

struct device {
	int fd; /* the VMM's; -1: closed */
	uint32_t id, number;
	int guest;     /* -1: none */
	bool unclean;  /* it could not be removed as it should: it is, when its file has gone */
	uint32_t left; /* the id that it had then, which may be another's meanwhile */
	struct slot slot[SLOTS];
};

struct world {
	bool vtd, failing;
	uint64_t seed;
	struct fake_kernel *fk;
	struct viq_linux *ctx;
	struct guest guest[GUESTS];
	struct device device[DEVICES];
	uint64_t tables; /* that were asked for */
};

struct counts {
	uint64_t added, refused, allowed, removed, unclean, moved, nested, bypassed, failed, closed, guests, kept,
		checked;
} sum;

static uint32_t below(struct world *w, uint32_t bound)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (uint32_t)((w->seed >> 16) % bound);
}

/* --- What is in force --------------------------------------------------------------------------------------------- */

static enum fk_mode mode_of(const struct world *w, uint32_t d, uint32_t pasid, uint64_t *table, uint32_t *attached)
{
	const struct fk_device *dev = &w->fk->devices[d];
	const struct fk_pasid *p = pasid ? fake_kernel_pasid(w->fk, d, pasid) : NULL;

	*attached = pasid ? (p ? p->attached : 0) : dev->attached;
	*table = pasid ? (p ? p->s1.pgtbl_addr : 0) : w->vtd ? dev->s1.pgtbl_addr : dev->ste[0] & ~UINT64_C(63);
	return pasid ? (p ? p->mode : FK_BLOCKED) : dev->mode;
}

/*
 * Hardware does the same for all of a group, so who else is in it counts: devices of guests, and those that may not
 * have been removed well.
 */
static bool has_neighbour(const struct world *w, uint32_t d, bool unclean)
{
	for (uint32_t i = 0; i < DEVICES; i++) {
		if (i != d && groups[i] && groups[i] == groups[d] &&
		    (w->device[i].guest >= 0 || (unclean && w->device[i].unclean)))
			return true;
	}
	return false;
}

static void check_device(const struct world *w, uint32_t d)
{
	const struct device *dev = &w->device[d];

	/* Not bound: vfio has it, or its group's. */
	if (!w->fk->devices[d].object_id)
		return;
	for (uint32_t s = 0; s < (w->vtd ? SLOTS : 1); s++) {
		const struct slot *slot = &dev->slot[s];
		uint64_t table;
		uint32_t attached;
		enum fk_mode mode = mode_of(w, d, pasids[s], &table, &attached);

		sum.checked++;
		if (mode == FK_BLOCKED || mode == FK_ABORT || dev->unclean)
			continue;
		if (dev->guest < 0) {
			/* It is not behind a guest IOMMU: what it meets is its neighbour's, if it has one. */
			assert_true(has_neighbour(w, d, true));
			continue;
		}
		assert_false(has_neighbour(w, d, false));
		if (mode == FK_TRANSLATE)
			assert_true(slot->table == table || (slot->broken && table));
		else
			assert_true(slot->bypass || slot->broken);
		if (mode == FK_OWN_TABLES && w->vtd)
			assert_int_equal(attached, w->guest[dev->guest].hwpt);
	}
}

static void check(const struct world *w)
{
	for (uint32_t d = 0; d < DEVICES; d++)
		check_device(w, d);
	assert_int_equal(w->fk->bad_handles, 0);
	assert_int_equal(w->fk->warnings, 0);
}

/* --- Guests ------------------------------------------------------------------------------------------------------- */

static int on_table(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	*handle = 1;
	return 0;
}

static void on_table_gone(void *opaque, uint32_t handle)
{
}

static void make_guest(struct world *w, struct guest *g, uint32_t device)
{
	const struct viq_vtd_listener listener = {
		.size = sizeof(listener), .attach = on_table, .detach = on_table_gone};
	struct viq_linux_vsmmu_config sc;
	struct viq_linux_vvtd_config vc;

	assert_int_equal(viq_linux_ioas_alloc(w->ctx, &g->ioas), 0);
	assert_int_equal(viq_linux_hwpt_alloc(w->ctx, device, g->ioas,
					      VIQ_LINUX_NEST_PARENT | (w->vtd ? VIQ_LINUX_PASID : 0), &g->hwpt),
			 0);
	if (w->vtd) {
		viq_linux_vvtd_config_init(&vc, sizeof(vc));
		vc.hwpt = g->hwpt;
		vc.device = device;
		assert_int_equal(viq_linux_vvtd_create(w->ctx, &vc, &g->vvtd, NULL), 0);
		assert_int_equal(viq_linux_vvtd_listen(g->vvtd, &listener), 0);
		return;
	}
	viq_linux_vsmmu_config_init(&sc, sizeof(sc));
	sc.hwpt = g->hwpt;
	assert_int_equal(viq_linux_vsmmu_create(w->ctx, &sc, &g->vsmmu, NULL), 0);
}

static void open_device(struct world *w, uint32_t d)
{
	struct device *dev = &w->device[d];

	dev->fd = fake_kernel_cdev(w->fk, d);
	assert_true(dev->fd >= 0);
	assert_int_equal(viq_linux_vfio_bind(w->ctx, dev->fd, &dev->id, NULL), 0);
	for (uint32_t i = 0; i < DEVICES; i++) {
		if (w->device[i].left == dev->id)
			w->device[i].left = 0;
	}
}

static void heal(struct world *w)
{
	w->fk->faults[0] = (struct fk_fault){0};
	w->failing = false;
}

static void gone(struct device *dev, int err)
{
	dev->guest = -1;
	dev->left = err ? dev->id : 0;
	/* Without a file of the VMM's that was its last one. */
	dev->unclean = err && dev->fd >= 0;
}

/* A guest goes, with all its devices; what the kernel does not let go of is left there. Another one comes. */
static void renew_guest(struct world *w)
{
	uint32_t n = below(w, GUESTS), bound = 0;
	struct guest *g = &w->guest[n];
	int err;

	while (bound < DEVICES && w->device[bound].fd < 0)
		bound++;
	if (bound == DEVICES)
		return;
	err = w->vtd ? viq_linux_vvtd_destroy(g->vvtd) : viq_linux_vsmmu_destroy(g->vsmmu);
	for (uint32_t d = 0; d < DEVICES; d++) {
		if (w->device[d].guest != (int)n)
			continue;
		gone(&w->device[d], err);
	}
	check(w);
	heal(w);
	(void)viq_linux_destroy(w->ctx, g->hwpt);
	(void)viq_linux_destroy(w->ctx, g->ioas);
	make_guest(w, g, w->device[bound].id);
	sum.guests++;
}

/* --- Devices ------------------------------------------------------------------------------------------------------ */

/* A new table, of nobody else. The device aborts, or is blocked, until it is set. */
static void arrived(struct device *dev, int guest, uint32_t number)
{
	dev->guest = guest;
	dev->number = number;
	memset(dev->slot, 0, sizeof(dev->slot));
}

static int call_add(struct world *w, const struct guest *g, const struct device *dev, uint32_t number,
		    struct viq_why *why)
{
	const struct viq_linux_device s = {.size = sizeof(s), .device = dev->id, .fd = dev->fd, .ats = 1};
	const struct viq_linux_vtd_device v = {.size = sizeof(v), .device = dev->id, .fd = dev->fd, .pasids = 1};

	return w->vtd ? viq_linux_vvtd_add(g->vvtd, &v, (uint16_t)number, why)
		      : viq_linux_vsmmu_add(g->vsmmu, &s, number, why);
}

static bool number_used(const struct world *w, int guest, uint32_t number)
{
	for (uint32_t d = 0; d < DEVICES; d++) {
		if (w->device[d].guest == guest && w->device[d].number == number)
			return true;
	}
	return false;
}

/* May the library take a neighbour for one that is still attached? It asks the kernel for the id. */
static bool seems_to_have_neighbour(const struct world *w, uint32_t d)
{
	struct viq_linux_hw_info info = {.size = sizeof(info)};

	for (uint32_t i = 0; i < DEVICES; i++) {
		if (i != d && groups[i] == groups[d] && w->device[i].left &&
		    !viq_linux_hw_info(w->ctx, w->device[i].left, &info))
			return true;
	}
	return has_neighbour(w, d, false);
}

static void add(struct world *w)
{
	static bool was_refused[DEVICES];
	uint32_t d = below(w, DEVICES), number = below(w, NUMBERS);
	struct device *dev = &w->device[d];
	int guest = (int)below(w, GUESTS), err;
	struct viq_why why = {""};
	bool used = number_used(w, guest, number);

	if (dev->fd < 0 || dev->guest >= 0)
		return;
	err = call_add(w, &w->guest[guest], dev, number, &why);
	if (!err) {
		assert_false(used || has_neighbour(w, d, false));
		sum.added++;
		sum.allowed += was_refused[d];
		was_refused[d] = false;
		dev->unclean = false;
		dev->left = 0;
		arrived(dev, guest, number);
	} else if (err == -EBUSY && strstr(why.text, "IOMMU group")) {
		assert_true(w->failing || seems_to_have_neighbour(w, d));
		was_refused[d] = true;
		sum.refused++;
	} else if (err == -EBUSY && strstr(why.text, "another guest IOMMU")) {
		assert_int_equal(dev->left, dev->id);
		sum.kept++;
	} else if (!(err == -EEXIST && used)) {
		/* Nothing else stands in the way of a device that was removed well. */
		assert_true(w->failing || dev->unclean);
		gone(dev, err);
	}
}

static void remove_device(struct world *w)
{
	uint32_t d = below(w, DEVICES);
	struct device *dev = &w->device[d];
	const struct guest *g = &w->guest[dev->guest < 0 ? 0 : dev->guest];
	int err;

	if (dev->guest < 0)
		return;
	err = w->vtd ? viq_linux_vvtd_remove(g->vvtd, (uint16_t)dev->number)
		     : viq_linux_vsmmu_remove(g->vsmmu, dev->number);
	gone(dev, err);
	sum.removed++;
	sum.unclean += dev->unclean;
}

static void move(struct world *w)
{
	uint32_t d = below(w, DEVICES), to = below(w, NUMBERS);
	struct device *dev = &w->device[d], *other = NULL;
	const struct guest *g = &w->guest[dev->guest < 0 ? 0 : dev->guest];
	struct viq_linux_move moves[2] = {{dev->number, to}, {to, dev->number}};
	uint32_t count = 1;
	int err;

	if (dev->guest < 0 || dev->number == to)
		return;
	for (uint32_t i = 0; i < DEVICES; i++) {
		if (w->device[i].guest == dev->guest && w->device[i].number == to)
			other = &w->device[i];
	}
	count += other != NULL;
	err = w->vtd ? viq_linux_vvtd_move(g->vvtd, moves, count) : viq_linux_vsmmu_move(g->vsmmu, moves, count);
	assert_true(!err || w->failing || dev->unclean || (other && other->unclean));
	for (uint32_t i = 0; i < count; i++) {
		struct device *moved = i ? other : dev;
		const struct viq_call_host host = viq_linux_vsmmu_host(g->vsmmu);

		arrived(moved, moved->guest, moves[i].to);
		/* One that could not be blocked: VT-d tries again with the next change, an SMMUv3 has let go of it. */
		for (uint32_t s = 0; err && w->vtd && s < SLOTS; s++)
			moved->slot[s].broken = true;
		if (err && !w->vtd && !viq_call_stream(&host, moves[i].to)) {
			gone(moved, err);
		}
	}
	sum.moved++;
}

/* The VMM closes its fd, also early; the device's last file takes the binding along. */
static void close_device(struct world *w)
{
	uint32_t d = below(w, DEVICES);
	struct device *dev = &w->device[d];

	if (dev->fd >= 0) {
		fake_kernel_cdev_close(w->fk, d);
		dev->fd = -1;
		dev->unclean = false;
		sum.closed++;
	} else if (dev->guest < 0 && !w->failing) {
		open_device(w, d);
	}
}

/* --- Setting ------------------------------------------------------------------------------------------------------ */

static void set(struct world *w)
{
	uint32_t d = below(w, DEVICES), s = w->vtd ? below(w, SLOTS) : 0, what = below(w, 4);
	struct device *dev = &w->device[d];
	const struct guest *g = &w->guest[dev->guest < 0 ? 0 : dev->guest];
	struct viq_smmuv3_outcome so = {.size = sizeof(so)};
	struct viq_vtd_outcome vo = {.size = sizeof(vo)};
	struct slot *slot = &dev->slot[s], before = *slot;
	int err;

	if (dev->guest < 0)
		return;
	*slot = (struct slot){.bypass = what == 1, .table = what > 1 ? BASE + ++w->tables * 4096 : 0};
	if (w->vtd) {
		const struct viq_vtd_translation t = {.size = sizeof(t),
						      .mode = what > 1 ? VIQ_VTD_STAGE1
							      : what   ? VIQ_VTD_BYPASS
								       : VIQ_VTD_BLOCK,
						      .pasid = pasids[s],
						      .domain_id = (uint16_t)(1 + below(w, 2)),
						      .table = slot->table,
						      .levels = 4};

		err = viq_linux_vvtd_set(g->vvtd, (uint16_t)dev->number, pasids[s], &t, &vo);
		slot->broken = vo.fate == VIQ_VTD_SET_BROKEN;
		sum.nested += vo.fate == VIQ_VTD_SET_NESTED;
		sum.bypassed += vo.fate == VIQ_VTD_SET_BYPASS;
	} else {
		const struct viq_smmuv3_stream t = {.size = sizeof(t),
						    .mode = what > 1 ? VIQ_SMMUV3_STAGE1
							    : what   ? VIQ_SMMUV3_BYPASS
								     : VIQ_SMMUV3_ABORT,
						    .ste = {slot->table | 0xb, 0xd6}};

		err = viq_linux_vsmmu_set(g->vsmmu, dev->number, &t, &so);
		slot->broken = so.fate == VIQ_SMMUV3_STREAM_BROKEN;
		sum.nested += so.fate == VIQ_SMMUV3_STREAM_STAGE1;
		sum.bypassed += so.fate == VIQ_SMMUV3_STREAM_BYPASS;
	}
	sum.failed += err != 0;
	slot->broken |= before.broken && err;
}

/* --- Worlds ------------------------------------------------------------------------------------------------------- */

static void trouble(struct world *w)
{
	static const int errors[] = {-ENOMEM, -EIO, -EBUSY, -EINVAL};
	static const unsigned long requests[] = {0, 0, UAPI_IOMMU_DESTROY, UAPI_VFIO_ATTACH_IOMMUFD_PT,
						 UAPI_VFIO_DETACH_IOMMUFD_PT};
	uint32_t r = below(w, 5);
	uint64_t calls = requests[r] ? w->fk->ioctls[requests[r] & 0xff] : w->fk->calls;

	if (below(w, 2)) {
		heal(w);
		return;
	}
	w->failing = true;
	w->fk->faults[0] = (struct fk_fault){requests[r], calls + 1 + below(w, 6), below(w, 3) ? 1 : UINT32_MAX,
					     errors[below(w, 4)]};
}

static void run(uint64_t seed, bool vtd)
{
	static void (*const steps[])(struct world *) = {add, add, add,  set,           set,     set,
							set, set, move, remove_device, trouble, close_device};
	struct world w = {.vtd = vtd, .seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};

	w.fk = vtd ? fake_kernel_new_vtd() : fake_kernel_new();
	w.fk->smmus[0].idr[0] |= 1 << 24; /* STALL_MODEL: no stalls */
	w.ctx = fake_kernel_open(w.fk);
	for (uint32_t d = 0; d < DEVICES; d++) {
		w.fk->devices[d].group = groups[d];
		w.device[d] = (struct device){.fd = -1, .guest = -1};
		open_device(&w, d);
	}
	for (uint32_t n = 0; n < GUESTS; n++)
		make_guest(&w, &w.guest[n], w.device[0].id);
	for (unsigned int i = 0; i < STEPS; i++) {
		if (below(&w, 50))
			steps[below(&w, sizeof(steps) / sizeof(steps[0]))](&w);
		else
			renew_guest(&w);
		check(&w);
	}
	heal(&w);
	for (uint32_t n = 0; n < GUESTS; n++)
		(void)!(vtd ? viq_linux_vvtd_destroy(w.guest[n].vvtd) : viq_linux_vsmmu_destroy(w.guest[n].vsmmu));
	/* With the last file the binding goes, and nothing is left of any fd. */
	for (uint32_t d = 0; d < DEVICES; d++) {
		if (w.device[d].fd >= 0)
			fake_kernel_cdev_close(w.fk, d);
		assert_int_equal(w.fk->devices[d].object_id, 0);
	}
	assert_int_equal(fake_kernel_files(w.fk), 1);
	viq_linux_close(w.ctx);
	assert_int_equal(fake_kernel_files(w.fk), 0);
	fake_kernel_free(w.fk);
}

/* VIQ_SEED runs that world alone, VIQ_RUNS the number of worlds. */
static void run_many(bool vtd)
{
	const char *seed = getenv("VIQ_SEED"), *text = getenv("VIQ_RUNS");
	unsigned int runs = seed ? 1 : text ? (unsigned int)strtoul(text, NULL, 0) : 300;
	uint64_t first = seed ? strtoull(seed, NULL, 0) : 1;

	sum = (struct counts){0};
	for (unsigned int i = 0; i < runs; i++)
		run(first + i, vtd);
	print_message("seeds %llu to %llu: %llu added, %llu refused by their group, %llu let in after that, %llu "
		      "removed (%llu not well), %llu moved, %llu nested, %llu bypassed, %llu failed, %llu closed, "
		      "%llu guests, %llu kept by the other guest, %llu looks\n",
		      (unsigned long long)first, (unsigned long long)(first + runs - 1), (unsigned long long)sum.added,
		      (unsigned long long)sum.refused, (unsigned long long)sum.allowed, (unsigned long long)sum.removed,
		      (unsigned long long)sum.unclean, (unsigned long long)sum.moved, (unsigned long long)sum.nested,
		      (unsigned long long)sum.bypassed, (unsigned long long)sum.failed, (unsigned long long)sum.closed,
		      (unsigned long long)sum.guests, (unsigned long long)sum.kept, (unsigned long long)sum.checked);
	if (runs < 100)
		return;
	/* It met what it is there for. */
	assert_true(sum.added > 10 * runs && sum.removed > 5 * runs && sum.moved > 5 * runs);
	assert_true(sum.refused > 2 * runs && sum.allowed > runs / 2 && sum.unclean > runs / 20);
	assert_true(sum.nested > 10 * runs && sum.bypassed > 5 * runs && sum.failed > runs);
	assert_true(sum.closed > 5 * runs && sum.guests > 4 * runs && sum.kept > 0);
}

static void guests_of_smmuv3(void **state)
{
	run_many(false);
}

static void guests_of_vtd(void **state)
{
	run_many(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guests_of_smmuv3),
		cmocka_unit_test(guests_of_vtd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
