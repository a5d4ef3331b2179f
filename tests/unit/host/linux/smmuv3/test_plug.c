/* SPDX-License-Identifier: MIT */
/* The first device is plugged into a guest that lives: until then there is neither a vIOMMU nor a stage 2. */
#include <errno.h>
#include <string.h>

#include "host/linux/iommufd/uapi.h"
#include "support/linux_nest.h"

#define SID 5

/* Objects that all streams share: stage 2, vIOMMU, two page tables, event queue. */
#define SHARED 5

/* A guest that has booted, without a device. */
static struct nest *without_device(uint32_t devices)
{
	struct nest *n = nest_kernel(devices);

	n->config.device = 0;
	n->config.hwpt = 0;
	n->config.ioas = n->ioas;
	assert_int_equal(nest_create(n), 0);
	assert_int_equal(nest_own_objects(n), 0);
	assert_null(viq_linux_vsmmu_hw_info(n->vs));
	assert_int_equal(viq_linux_vsmmu_event_fd(n->vs), -1);
	nest_guest(n);
	nest_boot(n, true);
	nest_stage1(n, SID);
	nest_cfgi_ste(n, SID);
	return n;
}

static void first_device_of_a_living_guest(void **state)
{
	const uint64_t record[4] = {0x10, 0, 0x1000};
	struct nest *n = without_device(2);

	/* Nothing is cached. */
	assert_true(nest_send(n, cmd_nh_all()));
	assert_true(nest_send(n, cmd_cfgi_cd(SID, 0)));
	assert_int_equal(viq_nest_smmuv3_events(n->nest, 0), 0);
	assert_int_equal(n->fk->ioctls[UAPI_IOMMU_HWPT_INVALIDATE & 0xff], 0);
	nest_add(n, 0, SID);
	assert_int_equal(nest_own_objects(n), SHARED + 2);
	assert_stage1(n, 0, NEST_S1_0(SID), NEST_S1_1);
	assert_int_equal(viq_linux_vsmmu_hw_info(n->vs)->type, VIQ_LINUX_HW_SMMUV3);
	assert_true(viq_linux_vsmmu_event_fd(n->vs) >= 0);
	/* From now on they reach the kernel, from the front end that was there before. */
	assert_true(nest_send(n, cmd_cfgi_cd(SID, 0)));
	assert_int_equal(nest_effects(n, VIQ_SMMUV3_OP_CFGI_CD, SID), 1);
	assert_int_equal(fake_kernel_event(n->fk, 0, record), 0);
	assert_int_equal(viq_nest_smmuv3_events(n->nest, 0), 0);
	assert_int_equal(vsmmu_peek64(n->g, VSMMU_EVENTQ), 0x10 | (uint64_t)SID << 32);
	/* The second is nothing new; when both are gone the next one finds what the first has made. */
	nest_stage1(n, SID + 1);
	nest_add(n, 1, SID + 1);
	assert_int_equal(nest_own_objects(n), SHARED + 4);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID), 0);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 1), 0);
	assert_int_equal(nest_own_objects(n), SHARED);
	nest_add(n, 1, SID);
	assert_stage1(n, 1, NEST_S1_0(SID), NEST_S1_1);
	nest_free(n);
}

/* A stage 2 that the embedder has made before: it stays the embedder's. */
static void first_device_on_the_embedders_stage_2(void **state)
{
	struct nest *n = nest_kernel(1);

	n->config.device = 0;
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	nest_boot(n, true);
	nest_add(n, 0, SID);
	assert_int_equal(nest_own_objects(n), SHARED - 1 + 1);
	nest_free(n);
}

static void never_a_device(void **state)
{
	struct nest *n = without_device(1);

	nest_free(n);
}

/* The guest has read its ID registers long ago. */
static void less_than_the_guest_was_promised(void **state)
{
	struct nest *n = without_device(2);

	n->fk->smmus[1] = n->fk->smmus[0];
	n->fk->devices[1].smmu = 1;
	n->fk->smmus[0].idr[3] &= ~(uint32_t)REG(IDR3_RIL);
	n->fk->smmus[1].idr[3] |= (uint32_t)REG(IDR3_RIL);
	assert_true(n->g->config.idr3 & REG(IDR3_RIL));
	assert_int_equal(nest_try_add(n, 0, SID, true), -ENODEV);
	assert_string_equal(n->why.text, "IDR3.RIL: the guest would see 1, the host has 0");
	assert_int_equal(nest_own_objects(n), 0);
	assert_null(viq_linux_vsmmu_hw_info(n->vs));
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	assert_true(nest_send(n, cmd_nh_all()));
	/* A device behind a better SMMU can be the first. */
	nest_add(n, 1, SID);
	assert_stage1(n, 1, NEST_S1_0(SID), NEST_S1_1);
	nest_free(n);
}

static void what_cannot_be_nested(void **state)
{
	struct nest *n = without_device(1);

	n->fk->smmus[0].type = VIQ_LINUX_HW_VTD;
	assert_int_equal(nest_try_add(n, 0, SID, true), -EOPNOTSUPP);
	assert_non_null(strstr(n->why.text, "not behind an SMMUv3"));
	n->fk->smmus[0].type = VIQ_LINUX_HW_SMMUV3;
	n->fk->devices[0].coherent = false;
	assert_int_equal(nest_try_add(n, 0, SID, true), -EOPNOTSUPP);
	assert_non_null(strstr(n->why.text, "coherent"));
	assert_int_equal(nest_own_objects(n), 0);
	n->fk->devices[0].coherent = true;
	nest_add(n, 0, SID);
	nest_free(n);
}

/* Every call that the first device takes fails once: nothing is left, and it is added the second time. */
static void each_call_fails_once(void **state)
{
	for (uint64_t call = 1;; call++) {
		struct nest *n = without_device(1);
		int err;

		n->fk->faults[0] = (struct fk_fault){0, n->fk->calls + call, 1, -ENOMEM};
		err = nest_try_add(n, 0, SID, true);
		n->fk->faults[0] = (struct fk_fault){0};
		if (!err) {
			nest_free(n);
			assert_in_range(call, 9, 20);
			return;
		}
		assert_int_equal(err, -ENOMEM);
		assert_int_not_equal(n->why.text[0], 0);
		assert_int_equal(nest_own_objects(n), viq_linux_vsmmu_hw_info(n->vs) ? SHARED : 0);
		assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
		nest_add(n, 0, SID);
		assert_stage1(n, 0, NEST_S1_0(SID), NEST_S1_1);
		nest_free(n);
	}
}

/* Another vSMMU of the same configuration: made, and destroyed. */
static int try_another(struct nest *n)
{
	struct viq_linux_vsmmu *first = n->vs;
	int err = nest_create(n);

	if (!err)
		assert_int_equal(viq_linux_vsmmu_destroy(n->vs), 0);
	n->vs = first;
	return err;
}

/* The VMID is the stage 2's, so ASIDs of one guest would be found in the TLB for the other (docs/kernels.md). */
static void one_vsmmu_on_a_stage_2(void **state)
{
	for (int later = 0; later < 2; later++) {
		struct nest *n = nest_kernel(2);
		uint32_t device = n->config.device, stage2 = n->hwpt, other;

		n->config.device = later ? 0 : device;
		assert_int_equal(nest_create(n), 0);
		for (uint32_t i = 0; i < 2; i++) {
			n->config.device = i ? device : 0;
			assert_int_equal(try_another(n), -EBUSY);
			assert_non_null(strstr(n->why.text, "config.hwpt"));
		}
		/* On another one there may, and on one that is made for it. */
		assert_int_equal(viq_linux_hwpt_alloc(n->ctx, device, n->ioas, VIQ_LINUX_NEST_PARENT, &other), 0);
		n->config.hwpt = other;
		assert_int_equal(try_another(n), 0);
		assert_int_equal(try_another(n), 0); /* it was given back */
		n->config.hwpt = 0;
		n->config.ioas = n->ioas;
		assert_int_equal(try_another(n), 0);
		n->config.ioas = 0;
		assert_int_equal(viq_linux_destroy(n->ctx, other), 0);
		/* Given back by what could not be made, and by what is destroyed. */
		nest_destroy(n);
		n->config.hwpt = stage2;
		n->config.device = 77;
		assert_int_equal(nest_create(n), -ENOENT);
		n->config.device = device;
		assert_int_equal(nest_create(n), 0);
		nest_free(n);
	}
}

/* As long as the kernel has the vIOMMU, streams of the guest that was may translate there. */
static void stage_2_of_a_viommu_that_is_left(void **state)
{
	struct nest *n = nest_kernel(1);

	assert_int_equal(nest_create(n), 0);
	n->fk->faults[0] = (struct fk_fault){UAPI_IOMMU_DESTROY, 0, UINT64_MAX, -EBUSY};
	assert_int_equal(viq_linux_vsmmu_destroy(n->vs), -EBUSY);
	n->vs = NULL;
	n->fk->faults[0] = (struct fk_fault){0};
	assert_int_equal(nest_create(n), -EBUSY);
	nest_free_leaky(n);
}

/* What one of a group is attached to, all of it is. */
static void one_device_of_a_group(bool own_attach)
{
	struct viq_linux_vsmmu *first;
	struct nest *n = nest_new(4);

	n->own_attach = own_attach; /* its group is the embedder's to tell */
	n->fk->devices[0].group = n->fk->devices[1].group = 12;
	n->fk->devices[2].group = 13;
	nest_add(n, 0, SID);
	assert_int_equal(nest_try_add(n, 1, SID + 1, true), -EBUSY);
	assert_non_null(strstr(n->why.text, "IOMMU group 12"));
	assert_int_equal(nest_mode(n, 0), FK_BYPASS); /* as the guest's firmware has it */
	nest_add(n, 2, SID + 2);
	nest_add(n, 3, SID + 3); /* of a group that is not known */
	/* A refusal, and a move, leave it to whom it was. */
	assert_int_equal(nest_move(n, &(struct viq_linux_move){SID, SID + 1}, 1), 0);
	assert_int_equal(nest_try_add(n, 1, SID, true), -EBUSY);
	/* Nor behind another guest SMMUv3. */
	first = n->vs;
	n->config.hwpt = 0;
	n->config.ioas = n->ioas;
	n->config.device = 0;
	assert_int_equal(viq_linux_vsmmu_create(n->ctx, &n->config, &n->vs, &n->why), 0);
	assert_int_equal(nest_try_add(n, 1, SID, true), -EBUSY);
	assert_int_equal(viq_linux_vsmmu_destroy(n->vs), 0);
	n->vs = first;
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID + 1), 0);
	nest_add(n, 1, SID);
	nest_free(n);
}

static void one_device_of_an_iommu_group(void **state)
{
	one_device_of_a_group(false);
	one_device_of_a_group(true);
}

/* It goes on there as if nothing had been tried. */
static void device_that_another_guest_has(void **state)
{
	struct nest *n = nest_new(1);
	struct viq_linux_vsmmu *first = n->vs;
	uint64_t attaches;

	nest_boot(n, false);
	nest_add(n, 0, SID);
	nest_stage1(n, SID);
	nest_cfgi_ste(n, SID);
	assert_stage1(n, 0, NEST_S1_0(SID), NEST_S1_1);
	attaches = n->fk->devices[0].attaches;
	n->config.hwpt = 0;
	n->config.ioas = n->ioas;
	n->config.device = 0;
	assert_int_equal(viq_linux_vsmmu_create(n->ctx, &n->config, &n->vs, &n->why), 0);
	assert_int_equal(nest_try_add(n, 0, SID, true), -EBUSY);
	assert_stage1(n, 0, NEST_S1_0(SID), NEST_S1_1);
	assert_int_equal(n->fk->devices[0].attaches, attaches);
	assert_int_equal(viq_linux_vsmmu_destroy(n->vs), 0);
	n->vs = first;
	assert_stage1(n, 0, NEST_S1_0(SID), NEST_S1_1);
	nest_free(n);
}

/* The kernel has it attached to what all share: the next of its group would move it along. */
static void group_of_a_device_that_could_not_be_detached(void **state)
{
	struct nest *n = nest_new(2);

	n->fk->devices[0].group = n->fk->devices[1].group = 12;
	nest_add(n, 0, SID);
	n->fk->faults[0] = (struct fk_fault){UAPI_VFIO_DETACH_IOMMUFD_PT, 0, UINT64_MAX, -EIO};
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID), -EIO);
	n->fk->faults[0] = (struct fk_fault){0};
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	assert_int_equal(nest_try_add(n, 1, SID, true), -EBUSY);
	nest_add(n, 0, SID); /* but itself may come back, */
	n->fk->faults[0] = (struct fk_fault){UAPI_VFIO_DETACH_IOMMUFD_PT, 0, UINT64_MAX, -EIO};
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, SID), -EIO);
	n->fk->faults[0] = (struct fk_fault){0};
	fake_kernel_cdev_close(n->fk, 0); /* and then it is certainly gone */
	nest_add(n, 1, SID);
	nest_free_leaky(n);
}

/* Nothing can be cached, but an id that is none is still none. */
static void an_object_of_nobody(void **state)
{
	struct nest *n = without_device(1);
	struct viq_call_host host = viq_linux_vsmmu_host(n->vs);
	const struct viq_call_piece piece = {cmd_nh_all().dw, 1};
	struct viq_call_request req = {
		.size = sizeof(req), .type = VIQ_CALL_SMMUV3, .entry_size = 16, .pieces = &piece, .piece_count = 1};
	struct viq_call_result res = {.size = sizeof(res)};

	req.object = host.object;
	assert_int_equal(viq_call_invalidate(&host, &req, &res), 0);
	assert_int_equal(res.handled, 1);
	req.object++;
	assert_int_equal(host.ops->invalidate(host.opaque, &req, &res), -ENOENT);
	assert_int_equal(n->fk->ioctls[UAPI_IOMMU_HWPT_INVALIDATE & 0xff], 0);
	nest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_of_nobody),
		cmocka_unit_test(first_device_of_a_living_guest),
		cmocka_unit_test(first_device_on_the_embedders_stage_2),
		cmocka_unit_test(never_a_device),
		cmocka_unit_test(less_than_the_guest_was_promised),
		cmocka_unit_test(what_cannot_be_nested),
		cmocka_unit_test(each_call_fails_once),
		cmocka_unit_test(one_vsmmu_on_a_stage_2),
		cmocka_unit_test(stage_2_of_a_viommu_that_is_left),
		cmocka_unit_test(one_device_of_an_iommu_group),
		cmocka_unit_test(device_that_another_guest_has),
		cmocka_unit_test(group_of_a_device_that_could_not_be_detached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
