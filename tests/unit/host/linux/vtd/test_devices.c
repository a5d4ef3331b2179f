/* SPDX-License-Identifier: MIT */
/* The devices of a nested VT-d: they come, go and are renumbered; the guest is bound, unbound and bound again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/linux/iommufd/uapi.h"
#include "support/linux_vnest.h"
#include "support/sized.h"

static void refuses(struct vnest *n, uint32_t device, uint16_t source_id, int err, const char *text)
{
	assert_int_equal(vnest_try_add(n, device, source_id), err);
	if (!strstr(n->why.text, text))
		fail_msg("'%s' does not say '%s'", n->why.text, text);
	assert_int_equal(vnest_own_objects(n), 0);
}

/* Whatever the VMM had attached before. */
static void added_device_is_blocked_until_the_guest_says(void **state)
{
	struct vnest *n = vnest_new(1);

	assert_int_equal(viq_linux_vfio_attach(n->ctx, n->fd[0], n->ioas), 0);
	vnest_add(n, 0);
	assert_blocked(n, 0, 0);
	vnest_free(n);
}

static void added_device_is_set_up_as_the_tables_say(void **state)
{
	struct vnest *n = vnest_new(1);

	vnest_context_on(n, 0);
	vnest_first(n, 0, 0, 4, 1);
	vnest_first(n, 0, 500, 4, 2);
	vnest_add(n, 0);
	assert_nested(n, 0, 0, 1);
	assert_nested(n, 0, 500, 2);
	vnest_free(n);
}

static void arguments(void **state)
{
	struct viq_linux_vtd_device d = {.size = sizeof(d)};
	struct viq_vtd_reconfig what = {.size = sizeof(what)};
	struct vnest *n = vnest_new(2);

	assert_int_equal(viq_linux_vvtd_add(n->vv, &d, 1, &n->why), -EINVAL);
	d.device = n->id[0];
	d.size = 1;
	assert_int_equal(viq_linux_vvtd_add(n->vv, &d, 1, &n->why), -EINVAL);
	assert_int_equal(viq_linux_vvtd_add(n->vv, NULL, 1, &n->why), -EINVAL);
	d = (struct viq_linux_vtd_device){.size = sizeof(d), .device = n->id[0], .fd = -2};
	assert_int_equal(viq_linux_vvtd_add(n->vv, &d, 1, &n->why), -EINVAL);
	assert_string_equal(n->why.text, "device.fd: -2 is not set");
	d.fd = n->fd[0];
	assert_int_equal(viq_linux_vvtd_add(NULL, &d, 1, &n->why), -EINVAL);
	d = (struct viq_linux_vtd_device){.size = sizeof(d), .device = 99, .fd = n->fd[0]};
	assert_int_equal(viq_linux_vvtd_add(n->vv, &d, 1, &n->why), -ENOENT);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, 1), -ENOENT);
	assert_int_equal(viq_linux_vvtd_remove(NULL, 1), -EINVAL);
	what.cause = VIQ_VTD_RESTORED + 1;
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &what), -EINVAL);
	what.cause = 0;
	what.scope = VIQ_VTD_SCOPE_PASID + 1;
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &what), -EINVAL);
	what.scope = 0;
	assert_takes_later(viq_vtd_reconfig, what, viq_nest_vtd_reconfig(n->nest, later));
	vnest_add(n, 0);
	assert_int_equal(vnest_try_add(n, 1, VNEST_SID(0)), -EEXIST);
	assert_int_equal(vnest_try_add(n, 0, VNEST_SID(1)), -EEXIST);
	vnest_free(n);
}

static int create(struct vnest *n, struct viq_linux_vvtd_config config)
{
	struct viq_linux_vvtd *vv = NULL;
	int err = viq_linux_vvtd_create(n->ctx, &config, &vv, &n->why);

	assert_true(err || vv);
	return err ? err : viq_linux_vvtd_destroy(vv);
}

static void arguments_of_create(void **state)
{
	struct vnest *n = vnest_kernel(1);
	struct viq_linux_vvtd_config c = n->config;
	struct viq_linux_vvtd *vv = NULL;

	assert_int_equal(create(n, c), 0);
	c.max_tables = 0;
	assert_int_equal(create(n, c), -EINVAL);
	c = n->config;
	c.hwpt = 0;
	assert_int_equal(create(n, c), -EINVAL);
	c = n->config;
	c.device = 0;
	assert_int_equal(create(n, c), -EINVAL);
	c = n->config;
	c.size--;
	assert_int_equal(create(n, c), -EINVAL);
	assert_int_equal(viq_linux_vvtd_create(NULL, &n->config, &vv, NULL), -EINVAL);
	assert_int_equal(viq_linux_vvtd_create(n->ctx, NULL, &vv, NULL), -EINVAL);
	assert_int_equal(viq_linux_vvtd_create(n->ctx, &n->config, NULL, NULL), -EINVAL);
	assert_null(vv);
	n->fk->faults[0] = (struct fk_fault){UAPI_IOMMU_GET_HW_INFO, 0, UINT64_MAX, -ENOTTY};
	assert_int_equal(create(n, n->config), -EOPNOTSUPP);
	assert_non_null(strstr(n->why.text, "6.8"));
	n->fk->faults[0] = (struct fk_fault){0};
	vnest_free(n);
}

static void devices_behind_other_hardware(void **state)
{
	struct vnest *n = vnest_new(2);

	n->fk->devices[1].smmu = 1;
	n->fk->smmus[1].cap &= ~VIQ_VTD_CAP_FS5LP;
	refuses(n, 1, 1, -ENODEV, "lacks");
	n->fk->smmus[1].cap |= VIQ_VTD_CAP_FS5LP;
	n->fk->smmus[1].ecap &= ~VIQ_VTD_ECAP_NEST;
	refuses(n, 1, 1, -ENODEV, "ECAP.NEST");
	n->fk->smmus[1].type = VIQ_LINUX_HW_SMMUV3;
	refuses(n, 1, 1, -ENODEV, "not behind a VT-d");
	n->fk->smmus[1] = n->fk->smmus[0];
	vnest_add(n, 1); /* of one kind: one guest VT-d for both */
	vnest_free(n);
}

static void removed_device_is_blocked(void **state)
{
	struct vnest *n = vnest_new(1);

	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	vnest_set(n, 0, 7, 4, 2);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), 0);
	assert_blocked(n, 0, 0);
	assert_blocked(n, 0, 7);
	assert_int_equal(vnest_own_objects(n), 0);
	vnest_flush(n, 4, 0);
	assert_blocked(n, 0, 0);
	vnest_add(n, 0);
	assert_nested(n, 0, 0, 1);
	assert_nested(n, 0, 7, 2);
	vnest_free(n);
}

/* What could not be blocked when it was removed is when it comes back, PASIDs that bypass among it. */
static void device_that_comes_back_half_removed(void **state)
{
	struct vnest *n = vnest_new(1);

	n->own_attach = true;
	vnest_add(n, 0);
	vnest_set(n, 0, 7, 4, 2);
	vnest_entry(n, 0, 9, 1 | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_PT), 1, 0);
	vnest_flush(n, 1, 9);
	assert_int_equal(vnest_mode(n, 0, 9), FK_OWN_TABLES);
	n->attach_fails = -1;
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), -ENOMEM);
	assert_int_equal(vnest_try_add(n, 0, VNEST_SID(0)), -ENOMEM);
	vnest_clear(n, 0, 7);
	vnest_clear(n, 0, 9);
	n->attach_fails = 0;
	vnest_bind(n, false); /* no guest's tables are needed to know */
	vnest_add(n, 0);
	assert_blocked(n, 0, 7);
	assert_blocked(n, 0, 9);
	vnest_free(n);
}

/* Blocked once more, whatever was known: somebody else may have had it meanwhile. */
static void device_that_comes_back_is_blocked_again(void **state)
{
	struct vnest *n = vnest_new(1);

	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	vnest_set(n, 0, 7, 4, 2);
	n->fk->faults[0] = (struct fk_fault){.request = UAPI_IOMMU_DESTROY,
					     .first = n->fk->ioctls[UAPI_IOMMU_DESTROY & 0xff] + 1,
					     .times = UINT32_MAX,
					     .err = -EBUSY};
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), -EBUSY);
	assert_blocked(n, 0, 0);
	n->fk->faults[0].times = 0;
	assert_int_equal(viq_linux_vfio_attach(n->ctx, n->fd[0], n->hwpt), 0);
	assert_int_equal(viq_linux_vfio_attach_pasid(n->ctx, n->fd[0], 7, n->hwpt), 0);
	vnest_bind(n, false);
	vnest_add(n, 0);
	assert_blocked(n, 0, 0);
	assert_blocked(n, 0, 7);
	vnest_free(n);
}

static void devices_swap_their_numbers(void **state)
{
	const struct viq_linux_move moves[] = {{VNEST_SID(0), VNEST_SID(1)}, {VNEST_SID(1), VNEST_SID(0)}};
	struct vnest *n = vnest_new(2);

	for (uint32_t i = 0; i < 2; i++) {
		vnest_add(n, i);
		vnest_set(n, i, 0, 4, 10 + i);
	}
	vnest_set(n, 0, 7, 4, 20);
	assert_int_equal(vnest_move(n, moves, 2), 0);
	assert_nested(n, 0, 0, 11);
	assert_nested(n, 1, 0, 10);
	assert_nested(n, 1, 7, 20);
	assert_blocked(n, 0, 7);
	/* Device-selective descriptors concern who is there now. */
	vnest_clear(n, 0, 0);
	assert_true(vnest_send(n, desc_cc(VREG(CC_DEVICE), 0, VNEST_SID(0), 0)));
	assert_blocked(n, 1, 0);
	assert_nested(n, 0, 0, 11);
	/* Without a guest nobody says what is at the new number. */
	vnest_bind(n, false);
	assert_int_equal(vnest_move(n, moves, 2), 0);
	assert_blocked(n, 0, 0);
	vnest_free(n);
}

static void moves_that_cannot_be(void **state)
{
	static const struct viq_linux_move onto[] = {{VNEST_SID(0), VNEST_SID(1)}};
	static const struct viq_linux_move from_nowhere[] = {{5, 6}};
	static const struct viq_linux_move twice[] = {{VNEST_SID(0), 6}, {VNEST_SID(1), 6}};
	static const struct viq_linux_move too_high[] = {{VNEST_SID(0), 6}, {VNEST_SID(1), 0x10000}};
	struct vnest *n = vnest_new(2);

	for (uint32_t i = 0; i < 2; i++) {
		vnest_add(n, i);
		vnest_set(n, i, 0, 4, 10 + i);
	}
	assert_int_equal(viq_linux_vvtd_move(n->vv, onto, 1), -EEXIST);
	assert_int_equal(viq_linux_vvtd_move(n->vv, from_nowhere, 1), -ENOENT);
	assert_int_equal(viq_linux_vvtd_move(n->vv, twice, 2), -EEXIST);
	assert_int_equal(viq_linux_vvtd_move(n->vv, too_high, 2), -EINVAL);
	assert_int_equal(viq_linux_vvtd_move(n->vv, NULL, 1), -EINVAL);
	assert_int_equal(viq_linux_vvtd_move(n->vv, NULL, 0), 0);
	assert_nested(n, 0, 0, 10);
	assert_nested(n, 1, 0, 11);
	vnest_free(n);
}

/* A guest VT-d that is made anew, as at a restart of the VMM's own part: the tables that there are it must know. */
static void bound_again_the_tables_are_known(void **state)
{
	struct viq_vtd_reconfig what = {.size = sizeof(what), .cause = VIQ_VTD_PASID_CACHE};
	struct vnest *n = vnest_new(1);
	uint32_t hwpt;

	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	hwpt = vnest_attached(n, 0, 0);
	vnest_bind(n, false);
	assert_nested(n, 0, 0, 1);
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &what), -ENODEV);
	fake_kernel_reset(n->fk);
	assert_true(vnest_send(n, desc_page(4, 0, 5)));
	assert_int_equal(n->fk->effect_count, 0); /* it is nobody's */
	assert_int_equal(viq_nest_vtd_bind(n->nest, n->g->vtd, NULL), -EINVAL);
	vnest_bind(n, true);
	assert_true(vnest_send(n, desc_page(4, 0, 5)));
	assert_int_equal(vnest_effects(n, hwpt, entry_page(5, true)), 1);
	/* Twice is once. */
	vnest_bind(n, true);
	assert_true(vnest_send(n, desc_page(4, 0, 6)));
	assert_int_equal(vnest_effects(n, hwpt, entry_page(6, true)), 1);
	vnest_free(n);
}

/* A stage 2 without PASID: the kernel attaches no PASID then, and the guest's queue goes on. */
static void stage_2_that_is_not_for_pasids(void **state)
{
	struct vnest *n = vnest_kernel(1);
	uint32_t good = n->hwpt;

	assert_int_equal(viq_linux_hwpt_alloc(n->ctx, n->id[0], n->ioas, VIQ_LINUX_NEST_PARENT, &n->config.hwpt), 0);
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	vnest_add(n, 0);
	vnest_context_on(n, 0);
	vnest_entry(n, 0, 9, 1 | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_PT), 1, 0);
	vnest_flush(n, 1, 9);
	assert_blocked(n, 0, 9);
	assert_int_equal(n->last.fate, VIQ_VTD_SET_FAILED);
	vnest_destroy(n);
	assert_int_equal(viq_linux_destroy(n->ctx, n->config.hwpt), 0);
	n->hwpt = good;
	vnest_free(n);
}

/* Whatever the VMM closes, and opens in its place, the device is meant; the duplicate is closed once. */
static void fd_that_the_vmm_reuses(void **state)
{
	struct vnest *n = vnest_new(1);
	const int fd = n->fd[0];
	size_t files = fake_kernel_files(n->fk);

	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	vnest_set(n, 0, 7, 4, 2);
	assert_int_equal(fake_kernel_files(n->fk), files + 1);
	n->devices = 2;
	fake_kernel_cdev_close(n->fk, 0);
	n->fd[1] = fake_kernel_cdev(n->fk, 1);
	assert_int_equal(n->fd[1], fd);
	assert_int_equal(viq_linux_vfio_bind(n->ctx, fd, &n->id[1], NULL), 0);
	assert_int_equal(viq_linux_vfio_attach(n->ctx, fd, n->hwpt), 0);
	assert_int_equal(viq_linux_vfio_attach_pasid(n->ctx, fd, 7, n->hwpt), 0);
	assert_nested(n, 0, 7, 2);
	vnest_set(n, 0, 7, 4, 3);
	assert_nested(n, 0, 7, 3);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), 0);
	assert_blocked(n, 0, 0);
	assert_blocked(n, 0, 7);
	assert_int_equal(n->fk->devices[0].object_id, 0); /* that was its last fd */
	assert_int_equal(vnest_attached(n, 1, 0), n->hwpt);
	assert_int_equal(vnest_attached(n, 1, 7), n->hwpt);
	assert_int_equal(fake_kernel_files(n->fk), files);
	assert_int_equal(viq_linux_vfio_detach_pasid(n->ctx, fd, 7), 0);
	assert_int_equal(viq_linux_vfio_detach(n->ctx, fd), 0);
	vnest_free(n);
}

static void fds_are_closed_once(void **state)
{
	struct vnest *n = vnest_new(2);
	size_t files = fake_kernel_files(n->fk);

	for (uint32_t i = 0; i < 100; i++) {
		vnest_add(n, 0);
		assert_int_equal(vnest_try_add(n, 1, VNEST_SID(0)), -EEXIST);
		assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), 0);
		assert_int_equal(fake_kernel_files(n->fk), files);
	}
	n->fk->devices[0].group = n->fk->devices[1].group = 12;
	vnest_add(n, 0);
	refuses(n, 1, VNEST_SID(1), -EBUSY, "IOMMU group 12");
	assert_int_equal(fake_kernel_files(n->fk), files + 1);
	vnest_destroy(n);
	assert_int_equal(fake_kernel_files(n->fk), files);
	vnest_free(n);
}

/* What one of a group is attached to, all of it is. */
static void one_device_of_a_group(bool own_attach)
{
	struct viq_linux_vvtd *first;
	struct vnest *n = vnest_new(4);

	n->own_attach = own_attach; /* its group is the embedder's to tell */
	n->fk->devices[0].group = n->fk->devices[1].group = 12;
	n->fk->devices[2].group = 13;
	vnest_add(n, 0);
	refuses(n, 1, VNEST_SID(1), -EBUSY, "IOMMU group 12");
	vnest_add(n, 2);
	vnest_add(n, 3); /* of a group that is not known */
	/* A refusal, and a move, leave it to whom it was. */
	assert_int_equal(vnest_move(n, &(struct viq_linux_move){VNEST_SID(0), VNEST_SID(1)}, 1), 0);
	refuses(n, 1, VNEST_SID(0), -EBUSY, "IOMMU group 12");
	/* Nor behind another guest VT-d. */
	first = n->vv;
	assert_int_equal(viq_linux_vvtd_create(n->ctx, &n->config, &n->vv, &n->why), 0);
	refuses(n, 1, VNEST_SID(0), -EBUSY, "IOMMU group 12");
	assert_int_equal(viq_linux_vvtd_destroy(n->vv), 0);
	n->vv = first;
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(1)), 0);
	vnest_add(n, 1);
	vnest_free(n);
}

static void one_device_of_an_iommu_group(void **state)
{
	one_device_of_a_group(false);
	one_device_of_a_group(true);
}

/* It goes on there as if nothing had been tried. */
static void device_that_another_guest_has(void **state)
{
	struct vnest *n = vnest_new(1);
	struct viq_linux_vvtd *first = n->vv;
	struct viq_linux_vtd_device d = {.size = sizeof(d), .device = n->id[0], .fd = n->fd[0], .pasids = true};

	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	vnest_set(n, 0, 7, 4, 2);
	assert_int_equal(viq_linux_vvtd_create(n->ctx, &n->config, &n->vv, &n->why), 0);
	/* Nothing that is left of the first attempt makes the second one another. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(viq_linux_vvtd_add(n->vv, &d, VNEST_SID(0), &n->why), -EBUSY);
		assert_nested(n, 0, 0, 1);
		assert_nested(n, 0, 7, 2);
	}
	assert_int_equal(viq_linux_vvtd_destroy(n->vv), 0);
	n->vv = first;
	assert_nested(n, 0, 0, 1);
	assert_nested(n, 0, 7, 2);
	vnest_free(n);
}

/* Its table translates for all of the group as long as the kernel has it. */
static void group_of_a_device_that_could_not_be_detached(void **state)
{
	struct vnest *n = vnest_new(2);

	n->fk->devices[0].group = n->fk->devices[1].group = 12;
	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	n->fk->faults[0] = (struct fk_fault){UAPI_VFIO_DETACH_IOMMUFD_PT, 0, UINT64_MAX, -EIO};
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), -EIO);
	n->fk->faults[0] = (struct fk_fault){0};
	assert_int_equal(vnest_try_add(n, 1, VNEST_SID(1)), -EBUSY);
	fake_kernel_cdev_close(n->fk, 0);
	vnest_add(n, 1);
	vnest_free_leaky(n);
}

static void looking_in(void **state)
{
	struct viq_linux_vtd_counters none;
	struct vnest *n = vnest_new(1);

	assert_int_equal(viq_linux_vvtd_hw_info(n->vv)->ecap, n->fk->smmus[0].ecap);
	vnest_add(n, 0);
	vnest_set(n, 0, 0, 4, 1);
	vnest_set(n, 0, 7, 4, 2);
	assert_true(vnest_send(n, desc_iotlb(VREG(IOTLB_GLOBAL), 0, 0, 0, false)));
	assert_int_equal(vnest_counters(n).tables, 2);
	assert_int_equal(vnest_counters(n).attaches, 2);
	assert_int_equal(vnest_counters(n).ioctls, n->fk->inv_calls);
	assert_int_equal(vnest_counters(n).entries, n->fk->entries);
	assert_int_equal(viq_linux_vvtd_counters(NULL, &none, sizeof(none)), -EINVAL);
	assert_null(viq_linux_vvtd_hw_info(NULL));
	assert_int_equal(viq_linux_vvtd_destroy(NULL), 0);
	vnest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(added_device_is_blocked_until_the_guest_says),
		cmocka_unit_test(added_device_is_set_up_as_the_tables_say),
		cmocka_unit_test(arguments),
		cmocka_unit_test(arguments_of_create),
		cmocka_unit_test(devices_behind_other_hardware),
		cmocka_unit_test(removed_device_is_blocked),
		cmocka_unit_test(device_that_comes_back_half_removed),
		cmocka_unit_test(device_that_comes_back_is_blocked_again),
		cmocka_unit_test(devices_swap_their_numbers),
		cmocka_unit_test(moves_that_cannot_be),
		cmocka_unit_test(bound_again_the_tables_are_known),
		cmocka_unit_test(stage_2_that_is_not_for_pasids),
		cmocka_unit_test(fd_that_the_vmm_reuses),
		cmocka_unit_test(fds_are_closed_once),
		cmocka_unit_test(one_device_of_an_iommu_group),
		cmocka_unit_test(device_that_another_guest_has),
		cmocka_unit_test(group_of_a_device_that_could_not_be_detached),
		cmocka_unit_test(looking_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
