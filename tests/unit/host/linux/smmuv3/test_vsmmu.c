/* SPDX-License-Identifier: MIT */
/* A nested SMMUv3 as a whole: what it makes and leaves, what it refuses and why; devices come, go and are renumbered.
 */
#include <errno.h>
#include <string.h>

#include "host/linux/iommufd/uapi.h"
#include "support/linux_nest.h"

static void break_calls(struct nest *n, unsigned long request, uint64_t times, int err)
{
	n->fk->faults[0] = (struct fk_fault){
		.request = request, .first = n->fk->ioctls[request & 0xff] + 1, .times = times, .err = err};
}

#define ALWAYS UINT32_MAX

/* --- Create ------------------------------------------------------------------------------------------------------- */

static void makes_and_destroys_its_objects(void **state)
{
	struct nest *n = nest_kernel(1);

	assert_int_equal(nest_create(n), 0);
	assert_int_equal(nest_own_objects(n), 4); /* vIOMMU, abort, bypass, event queue */
	assert_true(viq_linux_vsmmu_event_fd(n->vs) >= 0);
	nest_free(n);
}

static void hardware_is_what_the_kernel_says(void **state)
{
	struct nest *n = nest_kernel(1);
	const struct viq_linux_hw_info *hw;

	n->fk->devices[0].capabilities = VIQ_LINUX_CAP_NO_ATS;
	assert_int_equal(nest_create(n), 0);
	hw = viq_linux_vsmmu_hw_info(n->vs);
	assert_int_equal(hw->type, VIQ_LINUX_HW_SMMUV3);
	assert_int_equal(hw->capabilities, VIQ_LINUX_CAP_NO_ATS);
	assert_memory_equal(hw->idr, n->fk->smmus[0].idr, sizeof(hw->idr));
	assert_int_equal(hw->aidr, n->fk->smmus[0].aidr);
	nest_free(n);
}

/* Kernels 6.13 and 6.14 have no event queue; an embedder may want none. */
static void no_event_queue(struct nest *n)
{
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	assert_int_equal(viq_linux_vsmmu_event_fd(n->vs), -1);
	assert_int_equal(viq_nest_smmuv3_events(n->nest, n->config.event_depth), 0);
	assert_int_equal(nest_own_objects(n), 3);
	nest_add(n, 0, 1);
	nest_free(n);
}

static void works_without_event_queue(void **state)
{
	struct nest *n = nest_kernel(1);

	n->fk->no_veventq = true;
	no_event_queue(n);
	n = nest_kernel(1);
	n->config.event_depth = 0;
	no_event_queue(n);
	n = nest_kernel(1);
	n->fk->behaviour = FK_LINUX_6_13;
	n->fk->no_veventq = true;
	no_event_queue(n);
}

static void refuses(struct nest *n, int err, const char *text)
{
	assert_int_equal(nest_create(n), err);
	if (!strstr(n->why.text, text))
		print_error("\"%s\" is not in \"%s\"\n", text, n->why.text);
	assert_non_null(strstr(n->why.text, text));
	assert_int_equal(viq_linux_vsmmu_create(n->ctx, &n->config, &n->vs, NULL), err);
	assert_null(n->vs);
	nest_free(n); /* nothing is left */
}

static void refuses_what_is_no_smmuv3(void **state)
{
	struct nest *n = nest_kernel(1);

	n->fk->smmus[0].type = VIQ_LINUX_HW_VTD;
	refuses(n, -EOPNOTSUPP, "not behind an SMMUv3");
	n = nest_kernel(1);
	n->fk->smmus[0].type = VIQ_LINUX_HW_NONE;
	refuses(n, -EOPNOTSUPP, "not behind an SMMUv3");
}

static void refuses_dma_that_is_not_coherent(void **state)
{
	struct nest *n = nest_kernel(1);

	n->fk->devices[0].coherent = false;
	refuses(n, -EOPNOTSUPP, "CANWBS");
}

static void s2fwb_does_for_coherence(void **state)
{
	struct nest *n = nest_kernel(1);

	n->fk->devices[0].coherent = false;
	n->fk->smmus[0].idr[3] |= VIQ_SMMUV3_IDR3_FWB;
	assert_int_equal(nest_create(n), 0);
	nest_free(n);
}

static void refuses_an_old_kernel(void **state)
{
	struct nest *n = nest_kernel(1);

	n->fk->no_viommu = true;
	refuses(n, -EOPNOTSUPP, "6.13");
	n = nest_kernel(1);
	n->fk->faults[0] = (struct fk_fault){UAPI_IOMMU_GET_HW_INFO, 1, ALWAYS, -ENOTTY};
	refuses(n, -EOPNOTSUPP, "6.13");
}

static void refuses_a_table_that_is_no_parent(void **state)
{
	struct nest *n = nest_kernel(1);
	uint32_t plain;

	assert_int_equal(viq_linux_hwpt_alloc(n->ctx, n->id[0], n->ioas, 0, &plain), 0);
	n->config.hwpt = plain;
	assert_int_equal(nest_create(n), -EINVAL);
	assert_non_null(strstr(n->why.text, "VIQ_LINUX_NEST_PARENT"));
	assert_int_equal(viq_linux_destroy(n->ctx, plain), 0);
	nest_free(n);
}

static void refuses_ids_that_are_not(void **state)
{
	struct nest *n = nest_kernel(1);

	n->config.device = 4711;
	refuses(n, -ENOENT, "4711");
	n = nest_kernel(1);
	n->config.hwpt = 4711;
	refuses(n, -ENOENT, "4711");
}

static void refuses_bad_configurations(void **state)
{
	struct nest *n;

#define REFUSES(change, text)                                                                                          \
	do {                                                                                                           \
		n = nest_kernel(1);                                                                                    \
		n->change;                                                                                             \
		refuses(n, -EINVAL, text);                                                                             \
	} while (0)
	REFUSES(config.size--, "config.size");
	REFUSES(config.ioas = n->ioas, "one of hwpt and ioas");
	REFUSES(config.hwpt = 0, "one of hwpt and ioas");
	REFUSES(config.calls = VIQ_LINUX_CALLS_SINGLE + 1, "calls");
	REFUSES(ops.size--, "config.ops.size");
	REFUSES(config.event_depth = UINT32_MAX, "event_depth");
#undef REFUSES
	n = nest_kernel(1);
	assert_int_equal(viq_linux_vsmmu_create(NULL, &n->config, &n->vs, NULL), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_create(n->ctx, NULL, &n->vs, NULL), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_create(n->ctx, &n->config, NULL, NULL), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_destroy(NULL), 0);
	nest_free(n);
}

static void destroy_blocks_what_is_still_there(void **state)
{
	struct nest *n = nest_new(3);

	nest_boot(n, true);
	for (uint32_t i = 0; i < 3; i++) {
		nest_stage1(n, 10 + i);
		nest_add(n, i, 10 + i);
		assert_int_equal(nest_mode(n, i), FK_TRANSLATE);
	}
	nest_destroy(n);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(nest_mode(n, i), FK_BLOCKED);
	nest_free(n);
}

static void destroy_says_what_the_kernel_said(void **state)
{
	struct nest *n = nest_new(1);

	break_calls(n, UAPI_IOMMU_DESTROY, 1, -EIO);
	assert_int_equal(viq_linux_vsmmu_destroy(n->vs), -EIO);
	n->vs = NULL;
	nest_free_leaky(n);
}

/* --- The host ----------------------------------------------------------------------------------------------------- */

static void host_invalidates(void **state)
{
	struct nest *n = nest_new(1);
	struct viq_call_host host = viq_linux_vsmmu_host(n->vs);
	struct viq_linux_counters c;

	assert_int_equal(host.ops->report_group, 1);
	assert_int_not_equal(host.object, 0);
	nest_boot(n, false);
	assert_true(nest_send(n, cmd_nh_asid(3)));
	assert_int_equal(n->fk->effect_count, 1);
	assert_int_equal(n->fk->effects[0].cmd[0], cmd_nh_asid(3).dw[0]);
	assert_int_equal(n->fk->effects[0].viommu, host.object);
	c = nest_counters(n);
	assert_int_equal(c.ioctls, 1);
	assert_int_equal(c.entries, 1);
	assert_int_equal(c.failed, 0);
	assert_int_equal(viq_linux_vsmmu_counters(NULL, &c, sizeof(c)), -EINVAL);
	assert_null(viq_linux_vsmmu_host(NULL).ops);
	assert_null(viq_linux_vsmmu_backend(NULL).ops);
	nest_free(n);
}

static uint32_t longest_call(uint32_t calls)
{
	struct nest *n = nest_kernel(1);
	uint32_t longest;

	n->config.calls = calls;
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	nest_boot(n, false);
	for (uint32_t i = 0; i < 201; i++)
		vsmmu_push_test(n->g, cmd_nh_asid(i));
	vsmmu_push_sync(n->g);
	assert_true(nest_send(n, cmd_nh_asid(201)));
	assert_int_equal(n->fk->effect_count, 202);
	/* However many calls that took, no failure made them: they use up no budget. */
	assert_int_equal(smmuv3_counters(n->g->smmu).budget_ends, 0);
	longest = n->fk->longest;
	nest_free(n);
	return longest;
}

static void calls_are_as_long_as_asked_for(void **state)
{
	assert_int_equal(longest_call(VIQ_LINUX_CALLS_SINGLE), 1);
	assert_int_equal(longest_call(VIQ_LINUX_CALLS_STRICT), 63);
	assert_int_equal(longest_call(VIQ_LINUX_CALLS_BULK), 201);
	assert_int_equal(longest_call(VIQ_LINUX_CALLS_DEFAULT), 201);
}

static uint32_t told(const struct nest *n, uint32_t sid)
{
	const struct viq_call_host host = viq_linux_vsmmu_host(n->vs);

	return viq_call_stream(&host, sid);
}

static void host_knows_the_streams_that_are_here(void **state)
{
	struct nest *n = nest_new(2);

	assert_int_equal(told(n, 0), 0);
	nest_add(n, 0, 0);
	nest_add(n, 1, UINT32_MAX);
	assert_int_equal(told(n, 0), VIQ_CALL_STREAM_KNOWN);
	assert_int_equal(told(n, UINT32_MAX), VIQ_CALL_STREAM_KNOWN);
	assert_int_equal(told(n, 1), 0);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 0), 0);
	assert_int_equal(told(n, 0), 0);
	assert_int_equal(told(n, UINT32_MAX), VIQ_CALL_STREAM_KNOWN);
	nest_free(n);
}

/* --- Add, remove -------------------------------------------------------------------------------------------------- */

/* The kernel gives events and invalidations a StreamID by the vDEVICE that is there when a device is attached. */
static void vdevice_comes_first(struct fake_kernel *fk, uint64_t call, unsigned long request)
{
	if (request == UAPI_IOMMU_VDEVICE_ALLOC)
		*(bool *)fk->opaque = true;
	if (request == UAPI_VFIO_ATTACH_IOMMUFD_PT)
		assert_true(*(bool *)fk->opaque);
}

static void add_binds_before_it_attaches(void **state)
{
	struct nest *n = nest_new(1);
	bool bound = false;

	nest_boot(n, true);
	nest_stage1(n, 7);
	n->fk->before_call = vdevice_comes_first;
	n->fk->opaque = &bound;
	nest_add(n, 0, 7);
	assert_stage1(n, 0, NEST_S1_0(7), NEST_S1_1);
	n->fk->before_call = NULL;
	nest_free(n);
}

static void add_follows_the_tables(void **state)
{
	struct nest *n = nest_new(3);

	nest_add(n, 0, 1); /* SMMUEN = 0, GBPA bypasses */
	assert_int_equal(nest_mode(n, 0), FK_BYPASS);
	nest_boot(n, true);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	nest_stage1(n, 2);
	nest_add(n, 1, 2);
	assert_int_equal(nest_mode(n, 1), FK_TRANSLATE);
	nest_add(n, 2, 1000); /* behind the end of the table */
	assert_int_equal(nest_mode(n, 2), FK_ABORT);
	nest_free(n);
}

static void add_without_a_guest_aborts(void **state)
{
	struct nest *n = nest_kernel(1);

	assert_int_equal(nest_create(n), 0);
	/* Whatever was attached before. */
	assert_int_equal(viq_linux_vfio_attach(n->ctx, n->fd[0], n->hwpt), 0);
	assert_int_equal(nest_mode(n, 0), FK_OWN_TABLES);
	nest_add(n, 0, 1);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	nest_free(n);
}

static void adds_not(struct nest *n, uint32_t device, uint32_t vsid, int err, const char *text)
{
	size_t before = nest_own_objects(n);
	uint32_t knew = told(n, vsid);

	assert_int_equal(nest_try_add(n, device, vsid, true), err);
	if (!strstr(n->why.text, text))
		print_error("\"%s\" is not in \"%s\"\n", text, n->why.text);
	assert_non_null(strstr(n->why.text, text));
	assert_int_equal(nest_own_objects(n), before);
	assert_int_equal(told(n, vsid), knew);
}

static void add_refuses(void **state)
{
	struct nest *n = nest_new(4);
	struct viq_linux_device d = {.size = sizeof(d), .device = n->id[0], .fd = n->fd[0]};

	nest_add(n, 0, 1);
	adds_not(n, 1, 1, -EEXIST, "0x1 has a device");
	adds_not(n, 0, 2, -EEXIST, "another StreamID");
	n->fk->devices[1].streams = 2;
	adds_not(n, 1, 2, -EOPNOTSUPP, "one StreamID");
	n->fk->devices[2].smmu = 1;
	adds_not(n, 2, 3, -ENODEV, "another physical SMMU");
	n->fk->smmus[1].type = VIQ_LINUX_HW_VTD;
	adds_not(n, 2, 3, -ENODEV, "not behind an SMMUv3");
	n->id[3] = 4711;
	adds_not(n, 3, 4, -ENOENT, "4711");
	n->own_attach = true;
	n->ops.attach = NULL; /* copied at creation: still there */
	n->attach_fails = -1;
	n->fk->devices[1].streams = 1;
	adds_not(n, 1, 9, -ENOMEM, "cannot be attached");
	assert_int_equal(viq_linux_vsmmu_add(n->vs, NULL, 9, NULL), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_add(NULL, &d, 9, NULL), -EINVAL);
	d.size--;
	assert_int_equal(viq_linux_vsmmu_add(n->vs, &d, 9, NULL), -EINVAL);
	nest_free(n);
}

static void device_without_fd_needs_attach(void **state)
{
	struct nest *n = nest_kernel(1);

	n->ops.attach = NULL;
	assert_int_equal(nest_create(n), 0);
	n->own_attach = true;
	adds_not(n, 0, 1, -EINVAL, "ops.attach");
	n->own_attach = false;
	nest_add(n, 0, 1);
	nest_free(n);
}

static void embedder_may_attach_itself(void **state)
{
	struct nest *n = nest_new(1);

	n->own_attach = true;
	nest_boot(n, true);
	nest_stage1(n, 3);
	nest_add(n, 0, 3);
	assert_stage1(n, 0, NEST_S1_0(3), NEST_S1_1);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 3), 0);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	nest_free(n);
}

/* What a hook returns is a negative errno or 0; anything else is an error as well. */
static int attach_says_one(void *opaque, uint32_t device, uint32_t pasid, uint32_t pt)
{
	return 1;
}

static void strange_answers_of_the_hook_are_errors(void **state)
{
	struct nest *n = nest_kernel(1);

	n->ops.attach = attach_says_one;
	assert_int_equal(nest_create(n), 0);
	n->own_attach = true;
	adds_not(n, 0, 1, -EIO, "cannot be attached");
	nest_free(n);
}

static void removed_devices_are_blocked(void **state)
{
	struct nest *n = nest_new(1);

	nest_boot(n, true);
	nest_stage1(n, 3);
	nest_add(n, 0, 3);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 4), -ENOENT);
	assert_int_equal(viq_linux_vsmmu_remove(NULL, 3), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 3), 0);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	assert_int_equal(nest_own_objects(n), 4);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 3), -ENOENT);
	nest_cfgi_ste(n, 3);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	nest_add(n, 0, 3);
	assert_int_equal(nest_mode(n, 0), FK_TRANSLATE);
	nest_free(n);
}

/* The VMM's fd, closed, and its number another file's now: that of another device. */
static void reuse(struct nest *n, uint32_t device, uint32_t by)
{
	const int fd = n->fd[device];

	fake_kernel_cdev_close(n->fk, device);
	n->fd[by] = fake_kernel_cdev(n->fk, by);
	assert_int_equal(n->fd[by], fd);
	assert_int_equal(viq_linux_vfio_bind(n->ctx, n->fd[by], &n->id[by], NULL), 0);
	assert_int_equal(viq_linux_vfio_attach(n->ctx, n->fd[by], n->hwpt), 0);
}

/* Files of the VMM's are used later: whatever it closes, and opens in their place, the device is meant. */
static void fd_that_the_vmm_reuses(void **state)
{
	struct nest *n = nest_new(1);
	size_t files = fake_kernel_files(n->fk);

	nest_boot(n, true);
	nest_stage1(n, 3);
	nest_add(n, 0, 3);
	assert_int_equal(fake_kernel_files(n->fk), files + 1);
	n->devices = 2;
	reuse(n, 0, 1);
	assert_int_equal(nest_mode(n, 0), FK_TRANSLATE);
	nest_ste(n, 3, NEST_V_BYPASS, 0);
	nest_cfgi_ste(n, 3);
	assert_int_equal(nest_mode(n, 0), FK_BYPASS);
	assert_int_equal(nest_move(n, &(struct viq_linux_move){3, 4}, 1), 0);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 4), 0);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	assert_int_equal(n->fk->devices[0].object_id, 0); /* that was its last fd */
	assert_int_equal(n->fk->devices[1].attached, n->hwpt);
	assert_int_equal(fake_kernel_files(n->fk), files); /* its two are gone, the other device's is there */
	assert_int_equal(viq_linux_vfio_detach(n->ctx, n->fd[1]), 0);
	nest_free(n);
}

/* A device that was not let in leaves none behind, nor do many that come and go; all are closed in the end. */
static void fds_are_closed_once(void **state)
{
	struct nest *n = nest_new(2);
	size_t files = fake_kernel_files(n->fk);

	for (uint32_t i = 0; i < 100; i++) {
		nest_add(n, 0, 3 + i);
		assert_int_equal(nest_try_add(n, 1, 3 + i, true), -EEXIST);
		assert_int_equal(viq_linux_vsmmu_remove(n->vs, 3 + i), 0);
		assert_int_equal(fake_kernel_files(n->fk), files);
	}
	n->fk->devices[0].group = n->fk->devices[1].group = 12;
	nest_add(n, 0, 3);
	assert_int_equal(nest_try_add(n, 1, 4, true), -EBUSY);
	assert_int_equal(fake_kernel_files(n->fk), files + 1);
	nest_destroy(n);
	assert_int_equal(fake_kernel_files(n->fk), files - 1);
	nest_free(n);
}

/* A device that is lost takes its vDEVICE along; what is left can be taken away. */
static void lost_device_can_be_removed(void **state)
{
	struct nest *n = nest_new(2);

	nest_boot(n, true);
	nest_stage1(n, 3);
	n->own_attach = true; /* there is no duplicate */
	nest_add(n, 0, 3);
	nest_add(n, 1, 4);
	fake_kernel_cdev_close(n->fk, 0);
	n->fk->bad_handles = 0;
	assert_int_not_equal(viq_linux_vsmmu_remove(n->vs, 3), 0);
	assert_true(n->fk->bad_handles > 0);
	n->fk->bad_handles = 0;
	assert_int_equal(told(n, 3), 0);
	assert_true(nest_send(n, cmd_cfgi_cd(3, 0)));
	assert_true(nest_send(n, cmd_cfgi_cd(4, 0)));
	nest_free(n);
}

/* The page table that a removed device still uses is destroyed when the kernel can, whoever's CFGI_STE comes along. */
static void table_of_a_removed_device_goes_when_its_file_is_closed(void **state)
{
	struct nest *n = nest_new(2);

	n->own_attach = true;
	nest_boot(n, true);
	nest_stage1(n, 3);
	nest_add(n, 0, 3);
	nest_add(n, 1, 4);
	n->attach_fails = -1;
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 3), -ENOMEM);
	n->attach_fails = 0;
	assert_int_equal(nest_mode(n, 0), FK_TRANSLATE);
	nest_cfgi_ste(n, 4);
	assert_int_equal(nest_own_objects(n), 4 + 1 + 1); /* a vDEVICE; the page table */
	fake_kernel_cdev_close(n->fk, 0);
	nest_cfgi_ste(n, 4);
	assert_int_equal(nest_own_objects(n), 4 + 1);
	nest_free(n);
}

/* What the kernel did not destroy is no obstacle when the device comes back, and is destroyed then. */
static void device_that_comes_back_half_removed(void **state)
{
	struct nest *n = nest_new(1);

	n->own_attach = true;
	nest_boot(n, true);
	nest_stage1(n, 3);
	nest_stage1(n, 5);
	nest_add(n, 0, 3);
	n->attach_fails = -1;
	break_calls(n, UAPI_IOMMU_DESTROY, ALWAYS, -EBUSY);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 3), -ENOMEM);
	assert_int_equal(nest_own_objects(n), 4 + 2);
	n->attach_fails = 0;
	assert_int_equal(nest_try_add(n, 0, 5, true), -EEXIST);
	assert_non_null(strstr(n->why.text, "is bound already"));
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	assert_int_equal(told(n, 5), 0);
	n->fk->faults[0].times = 0;
	nest_add(n, 0, 5);
	assert_stage1(n, 0, NEST_S1_0(5), NEST_S1_1);
	assert_int_equal(nest_own_objects(n), 4 + 2);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 5), 0);
	assert_int_equal(nest_own_objects(n), 4);
	nest_free(n);
}

/* It is attached once more, whatever was known: somebody else may have had it meanwhile. */
static void device_that_comes_back_is_attached_again(void **state)
{
	struct nest *n = nest_new(1);

	nest_boot(n, true);
	nest_stage1(n, 3);
	nest_add(n, 0, 3);
	break_calls(n, UAPI_IOMMU_DESTROY, ALWAYS, -EBUSY);
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 3), -EBUSY);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	n->fk->faults[0].times = 0;
	break_calls(n, UAPI_IOMMU_DESTROY, 2, -EBUSY); /* the vDEVICE; the page table is not lost */
	assert_int_equal(viq_linux_vfio_attach(n->ctx, n->fd[0], n->hwpt), 0);
	assert_int_equal(nest_try_add(n, 0, 3, true), -EEXIST);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	nest_add(n, 0, 3);
	assert_int_equal(nest_mode(n, 0), FK_TRANSLATE);
	nest_free(n);
}

static void destroy_tells_of_what_the_kernel_keeps(void **state)
{
	struct nest *n = nest_new(1);

	n->own_attach = true;
	nest_boot(n, true);
	nest_stage1(n, 3);
	nest_add(n, 0, 3);
	n->attach_fails = -1;
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 3), -ENOMEM);
	viq_nest_smmuv3_bind(n->nest, NULL, NULL);
	assert_int_equal(viq_linux_vsmmu_destroy(n->vs), -EBUSY);
	n->vs = NULL;
	assert_int_equal(nest_own_objects(n), 2); /* the page table; its vIOMMU */
	nest_free_leaky(n);
}

/* Between the question whether a stream is here and the call. It is not the guest's fault: the command is consumed. */
static void unplug_in_the_call(struct fake_kernel *fk, uint64_t call, unsigned long request)
{
	struct nest *n = fk->opaque;

	if (request != UAPI_IOMMU_HWPT_INVALIDATE)
		return;
	fk->before_call = NULL;
	assert_int_equal(viq_linux_vsmmu_remove(n->vs, 3), 0);
}

static void stream_that_goes_during_the_call(void **state)
{
	struct nest *n = nest_new(1);

	nest_boot(n, true);
	nest_add(n, 0, 3);
	n->fk->opaque = n;
	n->fk->before_call = unplug_in_the_call;
	vsmmu_push_test(n->g, cmd_nh_all());
	assert_true(nest_send(n, cmd_cfgi_cd(3, 0)));
	assert_int_equal(n->fk->effect_count, 1); /* the one before */
	assert_int_equal(smmuv3_counters(n->g->smmu).no_stream, 1);
	assert_idle(n->g);
	nest_free(n);
}

static uint32_t busy_but_for; /* device 0 takes no other page table */

static int busy_attach(void *opaque, uint32_t device, uint32_t pasid, uint32_t pt)
{
	struct nest *n = opaque;
	uint32_t i = device == n->id[0] ? 0 : 1;

	if (!i && busy_but_for && pt && pt != busy_but_for)
		return -EBUSY;
	return pt ? viq_linux_vfio_attach(n->ctx, n->fd[i], pt) : viq_linux_vfio_detach(n->ctx, n->fd[i]);
}

/* One that is being reset, for good: it aborts, its guest's command completes, and the other one is served (P5). */
static void a_busy_device_holds_no_other(void **state)
{
	struct nest *n = nest_kernel(2);

	busy_but_for = 0;
	n->own_attach = true;
	n->ops.attach = busy_attach;
	assert_int_equal(nest_create(n), 0);
	nest_guest(n);
	nest_boot(n, false);
	nest_add(n, 0, 1);
	nest_add(n, 1, 2);
	busy_but_for = n->fk->devices[0].attached;
	nest_stage1(n, 1);
	nest_stage1(n, 2);
	nest_cfgi_ste(n, 1);
	assert_int_equal(n->last.fate, VIQ_SMMUV3_STREAM_FAILED);
	assert_int_equal(n->last.os_error, -EBUSY);
	assert_int_equal(nest_mode(n, 0), FK_ABORT);
	nest_cfgi_ste(n, 2);
	assert_int_equal(nest_mode(n, 1), FK_TRANSLATE);
	for (uint64_t page = 0; page < 10; page++)
		assert_true(nest_send(n, cmd_nh_va(2, page << 12)));
	assert_true(nest_counters(n).set_failed > 0);
	assert_int_equal(nest_counters(n).rejected, 0);
	assert_int_equal(viq_nest_smmuv3_follow(n->nest, 1), -EBUSY);
	busy_but_for = 0;
	assert_int_equal(viq_nest_smmuv3_follow(n->nest, 1), 0);
	assert_int_equal(nest_mode(n, 0), FK_TRANSLATE);
	nest_free(n);
}

static void many_devices_in_any_order(void **state)
{
	struct nest *n = nest_new(FK_DEVICES);
	uint64_t seed = test_seed();
	uint32_t at[FK_DEVICES]; /* 0: not there */

	nest_boot(n, true);
	for (uint32_t sid = 0; sid < 256; sid++)
		nest_stage1(n, sid);
	memset(at, 0, sizeof(at));
	for (unsigned int i = 0; i < 500; i++) {
		uint32_t device = test_below(&seed, FK_DEVICES), sid = 1 + test_below(&seed, 12), taken = 0;

		for (uint32_t j = 0; j < FK_DEVICES; j++)
			taken += at[j] == sid;
		if (at[device]) {
			assert_int_equal(viq_linux_vsmmu_remove(n->vs, at[device]), 0);
			at[device] = 0;
		} else {
			assert_int_equal(nest_try_add(n, device, sid, true), taken ? -EEXIST : 0);
			at[device] = taken ? 0 : sid;
		}
		for (uint32_t j = 0; j < FK_DEVICES; j++) {
			assert_int_equal(nest_mode(n, j), at[j] ? FK_TRANSLATE : FK_BLOCKED);
			if (at[j])
				assert_stage1(n, j, NEST_S1_0(at[j]), NEST_S1_1);
		}
		for (uint32_t s = 0; s < 14; s++) {
			bool here = false;

			for (uint32_t j = 0; j < FK_DEVICES; j++)
				here |= s && at[j] == s;
			assert_int_equal(told(n, s), here ? VIQ_CALL_STREAM_KNOWN : 0);
		}
	}
	nest_free(n);
}

/* --- Move --------------------------------------------------------------------------------------------------------- */

/* n devices at 1 .. n, each translating by the STE of its number. */
static struct nest *with_streams(uint32_t count)
{
	struct nest *n = nest_new(count);

	nest_boot(n, true);
	for (uint32_t i = 0; i < count; i++) {
		nest_stage1(n, 1 + i);
		nest_add(n, i, 1 + i);
	}
	return n;
}

/* The device is at vsid: its STE is in force, and an event of it comes with this number. */
static void is_at(struct nest *n, uint32_t device, uint32_t vsid)
{
	const uint64_t record[4] = {VIQ_SMMUV3_EVT_F_TRANSLATION, 0, UINT64_C(0xabc000) + device};
	uint64_t at = VSMMU_EVENTQ + 32 * (uint64_t)(vsmmu_r32(n->g, REG(EVENTQ_PROD)) & 15);

	assert_stage1(n, device, NEST_S1_0(vsid), NEST_S1_1);
	assert_true(told(n, vsid));
	assert_int_equal(fake_kernel_event(n->fk, device, record), 0);
	assert_int_equal(viq_nest_smmuv3_events(n->nest, n->config.event_depth), 0);
	assert_int_equal(vsmmu_peek64(n->g, at), record[0] | (uint64_t)vsid << 32);
	assert_int_equal(vsmmu_peek64(n->g, at + 16), record[2]);
}

static void move_to_a_free_number(void **state)
{
	struct nest *n = with_streams(2);
	const struct viq_linux_move move = {1, 40};

	nest_stage1(n, 40);
	assert_int_equal(nest_move(n, &move, 1), 0);
	is_at(n, 0, 40);
	is_at(n, 1, 2);
	assert_int_equal(told(n, 1), 0);
	assert_int_equal(nest_own_objects(n), 4 + 2 * 2);
	nest_free(n);
}

static void move_swaps(void **state)
{
	struct nest *n = with_streams(2);
	const struct viq_linux_move moves[] = {{1, 2}, {2, 1}};

	assert_int_equal(nest_move(n, moves, 2), 0);
	is_at(n, 0, 2);
	is_at(n, 1, 1);
	nest_free(n);
}

/* No device may have a new number while another one still has it: all abort before the first vDEVICE is made. */
static void nobody_translates(struct fake_kernel *fk, uint64_t call, unsigned long request)
{
	if (request != UAPI_IOMMU_VDEVICE_ALLOC || fk->ioctls[request & 0xff] != *(uint64_t *)fk->opaque + 1)
		return;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_not_equal(fk->devices[i].mode, FK_TRANSLATE);
}

static void move_in_a_circle(void **state)
{
	struct nest *n = with_streams(4);
	const struct viq_linux_move moves[] = {{1, 2}, {2, 3}, {3, 1}};
	uint64_t before = n->fk->ioctls[UAPI_IOMMU_VDEVICE_ALLOC & 0xff];

	n->fk->before_call = nobody_translates;
	n->fk->opaque = &before;
	assert_int_equal(nest_move(n, moves, 3), 0);
	n->fk->before_call = NULL;
	is_at(n, 0, 2);
	is_at(n, 1, 3);
	is_at(n, 2, 1);
	is_at(n, 3, 4);
	nest_free(n);
}

static void move_to_itself(void **state)
{
	struct nest *n = with_streams(1);
	const struct viq_linux_move move = {1, 1};

	assert_int_equal(nest_move(n, &move, 1), 0);
	is_at(n, 0, 1);
	assert_int_equal(nest_move(n, NULL, 0), 0);
	nest_free(n);
}

static void move_refuses_and_changes_nothing(void **state)
{
	struct nest *n = with_streams(3);
	const struct viq_linux_move unknown[] = {{1, 8}, {7, 9}}, taken[] = {{1, 2}}, twice[] = {{1, 8}, {2, 8}};
	const struct viq_linux_move split[] = {{1, 8}, {1, 9}}, late[] = {{1, 2}, {2, 3}};
	uint64_t calls = n->fk->calls;

	assert_int_equal(nest_move(n, unknown, 2), -ENOENT);
	assert_int_equal(nest_move(n, taken, 1), -EEXIST);
	assert_int_equal(nest_move(n, twice, 2), -EEXIST);
	assert_int_equal(nest_move(n, split, 2), -EEXIST);
	assert_int_equal(nest_move(n, late, 2), -EEXIST);
	assert_int_equal(nest_move(n, NULL, 1), -EINVAL);
	assert_int_equal(viq_linux_vsmmu_move(NULL, unknown, 1), -EINVAL);
	assert_int_equal(n->fk->calls, calls);
	for (uint32_t i = 0; i < 3; i++)
		is_at(n, i, i + 1);
	nest_free(n);
}

static void move_removes_what_it_cannot_move(void **state)
{
	struct nest *n = with_streams(3);
	const struct viq_linux_move moves[] = {{1, 2}, {2, 3}, {3, 1}};

	break_calls(n, UAPI_IOMMU_VDEVICE_ALLOC, 1, -ENOMEM);
	assert_int_equal(nest_move(n, moves, 3), -ENOMEM);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	assert_int_equal(told(n, 2), 0);
	is_at(n, 1, 3);
	is_at(n, 2, 1);
	nest_add(n, 0, 2);
	is_at(n, 0, 2);
	nest_free(n);
}

/* A vDEVICE that is not destroyed at once is tried again: its device and its number are not lost for good. */
static void move_gives_numbers_back(void **state)
{
	struct nest *n = with_streams(1);
	const struct viq_linux_move move = {1, 2};

	break_calls(n, UAPI_IOMMU_DESTROY, 2, -EBUSY); /* the nested page table, the vDEVICE */
	assert_int_equal(nest_move(n, &move, 1), -EBUSY);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	assert_int_equal(nest_own_objects(n), 4);
	nest_add(n, 0, 1);
	is_at(n, 0, 1);
	nest_free(n);
}

/* What could be moved but not be stopped before is removed too: nothing translates under a number it has lost. */
static void move_removes_what_does_not_stop(void **state)
{
	struct nest *n = with_streams(2);
	const struct viq_linux_move moves[] = {{1, 2}, {2, 1}};

	n->fk->faults[1] = (struct fk_fault){UAPI_VFIO_ATTACH_IOMMUFD_PT,
					     n->fk->ioctls[UAPI_VFIO_ATTACH_IOMMUFD_PT & 0xff] + 1, 1, -EBUSY};
	break_calls(n, UAPI_VFIO_DETACH_IOMMUFD_PT, 1, -EIO);
	assert_int_equal(nest_move(n, moves, 2), -EIO);
	assert_int_equal(nest_mode(n, 0), FK_BLOCKED);
	assert_int_equal(told(n, 2), 0);
	is_at(n, 1, 1);
	nest_add(n, 0, 2);
	nest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_and_destroys_its_objects),
		cmocka_unit_test(hardware_is_what_the_kernel_says),
		cmocka_unit_test(works_without_event_queue),
		cmocka_unit_test(refuses_what_is_no_smmuv3),
		cmocka_unit_test(refuses_dma_that_is_not_coherent),
		cmocka_unit_test(s2fwb_does_for_coherence),
		cmocka_unit_test(refuses_an_old_kernel),
		cmocka_unit_test(refuses_a_table_that_is_no_parent),
		cmocka_unit_test(refuses_ids_that_are_not),
		cmocka_unit_test(refuses_bad_configurations),
		cmocka_unit_test(destroy_blocks_what_is_still_there),
		cmocka_unit_test(destroy_says_what_the_kernel_said),
		cmocka_unit_test(host_invalidates),
		cmocka_unit_test(calls_are_as_long_as_asked_for),
		cmocka_unit_test(host_knows_the_streams_that_are_here),
		cmocka_unit_test(add_binds_before_it_attaches),
		cmocka_unit_test(add_follows_the_tables),
		cmocka_unit_test(add_without_a_guest_aborts),
		cmocka_unit_test(add_refuses),
		cmocka_unit_test(device_without_fd_needs_attach),
		cmocka_unit_test(embedder_may_attach_itself),
		cmocka_unit_test(strange_answers_of_the_hook_are_errors),
		cmocka_unit_test(removed_devices_are_blocked),
		cmocka_unit_test(fd_that_the_vmm_reuses),
		cmocka_unit_test(fds_are_closed_once),
		cmocka_unit_test(lost_device_can_be_removed),
		cmocka_unit_test(table_of_a_removed_device_goes_when_its_file_is_closed),
		cmocka_unit_test(device_that_comes_back_half_removed),
		cmocka_unit_test(device_that_comes_back_is_attached_again),
		cmocka_unit_test(destroy_tells_of_what_the_kernel_keeps),
		cmocka_unit_test(stream_that_goes_during_the_call),
		cmocka_unit_test(a_busy_device_holds_no_other),
		cmocka_unit_test(many_devices_in_any_order),
		cmocka_unit_test(move_to_a_free_number),
		cmocka_unit_test(move_swaps),
		cmocka_unit_test(move_in_a_circle),
		cmocka_unit_test(move_to_itself),
		cmocka_unit_test(move_refuses_and_changes_nothing),
		cmocka_unit_test(move_removes_what_it_cannot_move),
		cmocka_unit_test(move_gives_numbers_back),
		cmocka_unit_test(move_removes_what_does_not_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
