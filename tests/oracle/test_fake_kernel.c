/* SPDX-License-Identifier: MIT */
/*
 * The fake kernel does what Linux was seen to do: the test of the tests.
 *
 * The invalidate rows were measured on Linux 7.3 with device DMA as the witness; what pins what, and which argument is
 * refused how, is read in drivers/iommu/iommufd.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <viq/smmuv3_spec.h>

#include "support/test.h"
#include "oracle/answers.h"
#include "oracle/fake_vm.h"
#include "host/linux/iommufd/uapi.h"

#define ARRAY_MAX 512

/* count TLBI_NH_VA, each of its own page. */
static void fill(uint64_t (*cmds)[2], uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		cmds[i][0] = VIQ_SMMUV3_OP_TLBI_NH_VA;
		cmds[i][1] = (uint64_t)i << 12;
	}
}

static void assert_ran(const struct fake_vm *vm, uint32_t first, uint32_t end)
{
	assert_int_equal(vm->fk->effect_count, end - first);
	for (uint32_t i = first; i < end; i++)
		assert_int_equal(vm->fk->effects[i - first].cmd[1], (uint64_t)i << 12);
}

/* 400 entries, the one at 300 bad: what runs and what is said, by kernel. */
static void test_refusal(void **state)
{
	static const uint32_t said[FK_BEHAVIOURS] = {300, 300, 252, 300, 300},
			      ran[FK_BEHAVIOURS] = {252, 252, 252, 300, 300};
	uint64_t cmds[ARRAY_MAX][2];

	for (unsigned int b = 0; b < FK_BEHAVIOURS; b++) {
		struct fake_vm vm;
		uint32_t count = 400;

		fake_vm_init(&vm);
		vm.fk->behaviour = b;
		fill(cmds, 400);
		cmds[300][0] = VIQ_SMMUV3_OP_TLBI_S12_VMALL;
		assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), -EIO);
		assert_int_equal(count, said[b]);
		assert_ran(&vm, 0, ran[b]);
		fake_vm_fini(&vm);
	}
}

static void test_refusal_behind_one_valid(void **state)
{
	uint64_t cmds[2][2];
	struct fake_vm vm;
	uint32_t count = 2;

	fake_vm_init(&vm);
	fill(cmds, 2);
	cmds[1][0] = VIQ_SMMUV3_OP_SYNC;
	assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), -EIO);
	assert_int_equal(count, 1);
	assert_ran(&vm, 0, 0);
	count = 1;
	assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), 0);
	assert_int_equal(count, 1);
	assert_ran(&vm, 0, 1);
	fake_vm_fini(&vm);
}

/* The group of 63 that holds entry 100 cannot be issued: the count names its last command, or its first. */
static void test_time_out(void **state)
{
	static const uint32_t said[FK_BEHAVIOURS] = {125, 125, 63, 100, 63};
	uint64_t cmds[ARRAY_MAX][2];

	for (unsigned int b = 0; b < FK_BEHAVIOURS; b++) {
		for (unsigned int ran = 0; ran < FK_RANS; ran++) {
			static const uint32_t more[FK_RANS] = {0, 37, 62};
			struct fake_vm vm;
			uint32_t count = 200;

			fake_vm_init(&vm);
			vm.fk->behaviour = b;
			fill(cmds, 200);
			vm.fk->plans[0] = (struct fk_plan){.cmd = {cmds[100][0], cmds[100][1]},
							   .mask = {~UINT64_C(0), ~UINT64_C(0)},
							   .err = -ETIMEDOUT,
							   .times = 1,
							   .ran = ran};
			assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), -ETIMEDOUT);
			assert_int_equal(count, said[b]);
			assert_int_equal(vm.fk->effect_count, b == FK_EXACT ? 100 : 63 + more[ran]);
			count = 200;
			assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), 0);
			fake_vm_fini(&vm);
		}
	}
}

static void test_last_group_is_short(void **state)
{
	uint64_t cmds[ARRAY_MAX][2];
	struct fake_vm vm;
	uint32_t count = 130;

	fake_vm_init(&vm);
	fill(cmds, 130);
	vm.fk->plans[0] = (struct fk_plan){
		.cmd = {0, UINT64_C(127) << 12}, .mask = {0, ~UINT64_C(0)}, .err = -ETIMEDOUT, .times = -1};
	assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), -ETIMEDOUT);
	assert_int_equal(count, 129);
	assert_ran(&vm, 0, 126);
	fake_vm_fini(&vm);
}

static void test_nothing_runs(void **state)
{
	uint64_t cmds[ARRAY_MAX][2];
	struct fake_vm vm;
	uint32_t count;

#define NOTHING(object, type, n, err, said)                                                                            \
	do {                                                                                                           \
		count = (n);                                                                                           \
		assert_int_equal(fake_vm_invalidate(&vm, object, type, cmds, &count), err);                            \
		assert_int_equal(count, said);                                                                         \
		assert_int_equal(vm.fk->effect_count, 0);                                                              \
	} while (0)
	fake_vm_init(&vm);
	fill(cmds, ARRAY_MAX);
	NOTHING(vm.viommu, 1, 0, -EINVAL, 0); /* the documented probe does not work */
	NOTHING(vm.viommu, 99, 0, -EINVAL, 0);
	NOTHING(vm.viommu, 99, 5, -EINVAL, 0);
	NOTHING(99, 1, 5, -ENOENT, 0);
	NOTHING(vm.hwpt, 1, 5, -EINVAL, 0);
	vm.fk->memory = 100;
	NOTHING(vm.viommu, 1, 101, -ENOMEM, 101);
	vm.fk->memory = 0;
	vm.fk->inv_fault = (struct fk_inv_fault){vm.fk->inv_calls + 1, 1, -ENOMEM, true, 0};
	NOTHING(vm.viommu, 1, 9, -ENOMEM, 9);
	vm.fk->behaviour = FK_LINUX_NEXT;
	NOTHING(vm.viommu, 1, 0, 0, 0);
	NOTHING(vm.viommu, 99, 0, -EINVAL, 0);
	vm.fk->smmus[0].dead = true;
	NOTHING(vm.viommu, 1, 5, -EIO, 0);
	fake_vm_fini(&vm);
}

/* Commands for a stream need its vDEVICE, at the time when they are looked at. */
static void lose_device(struct fake_kernel *fk, uint64_t call, uint32_t index)
{
	if (index == 2)
		fake_kernel_cdev_close(fk, 0);
}

static void test_stream(void **state)
{
	static const uint64_t sid = (uint64_t)FAKE_VM_VSID << 32;
	const uint64_t cmds[4][2] = {
		{VIQ_SMMUV3_OP_CFGI_CD | sid}, {VIQ_SMMUV3_OP_ATC_INV | sid, 52}, {VIQ_SMMUV3_OP_CFGI_CD_ALL | sid}};
	const uint64_t other[1][2] = {{VIQ_SMMUV3_OP_CFGI_CD}};
	struct fake_vm vm;
	uint32_t count = 1;

	fake_vm_init(&vm);
	assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, other, &count), -EIO);
	count = 3;
	assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), 0);
	assert_int_equal(vm.fk->effect_count, 3);
	vm.fk->before_entry = lose_device;
	count = 3;
	assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), -EIO);
	assert_int_equal(count, 2);
	assert_int_equal(vm.fk->effect_count, 3);
	fake_vm_fini(&vm);
}

/* Kernels before 7.3 let reserved bits through, and they hang the queue. */
static void test_wedge(void **state)
{
	const uint64_t cmds[1][2] = {{VIQ_SMMUV3_OP_TLBI_NH_ALL, VIQ_BIT(63)}};
	struct fake_vm vm;
	uint32_t count = 1;

	fake_vm_init(&vm);
	assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), -EIO);
	vm.fk->behaviour = FK_LINUX_6_13;
	count = 1;
	assert_int_equal(fake_vm_invalidate(&vm, vm.viommu, 1, cmds, &count), -ETIMEDOUT);
	assert_int_equal(vm.fk->wedged, 1);
	assert_int_equal(vm.fk->effect_count, 0);
	fake_kernel_reset(vm.fk);
	fake_vm_fini(&vm);
}

/* --- Objects ------------------------------------------------------------------------------------------------------ */

static const uint64_t stage1[2] = {VIQ_SMMUV3_STE_0_V | 5 << 1 | 0x10000, VIQ_BIT(28)};
static const uint64_t bypass[2] = {VIQ_SMMUV3_STE_0_V | 4 << 1}, not_valid[2] = {~VIQ_SMMUV3_STE_0_V, ~UINT64_C(0)};

static void test_pins(void **state)
{
	struct fake_vm vm;
	uint32_t nested, queue;
	int fd;

	fake_vm_init(&vm);
	assert_int_equal(viq_linux_nested_alloc(vm.ctx, vm.device, vm.viommu, stage1, &nested), 0);
	assert_int_equal(viq_linux_veventq_alloc(vm.ctx, vm.viommu, 4, &queue, &fd), 0);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, vm.fk->devices[0].fd, nested), 0);
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.ioas), -EBUSY);   /* stage 2 */
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.hwpt), -EBUSY);   /* vIOMMU */
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.viommu), -EBUSY); /* vDEVICE, nested, queue */
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.device), -EBUSY); /* vfio */
	assert_int_equal(viq_linux_destroy(vm.ctx, nested), -EBUSY);    /* attached */
	assert_int_equal(viq_linux_destroy(vm.ctx, queue), -EBUSY);     /* its file */
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.vdevice), 0);     /* also while attached */
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.vdevice), -ENOENT);
	assert_int_equal(viq_linux_vfio_detach(vm.ctx, vm.fk->devices[0].fd), 0);
	assert_int_equal(viq_linux_destroy(vm.ctx, nested), 0);
	assert_int_equal(fake_kernel_sys()->close(vm.fk, fd), 0);
	assert_int_equal(viq_linux_destroy(vm.ctx, queue), 0);
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.viommu), 0);
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.hwpt), 0);
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.ioas), 0);
	assert_int_equal(fake_kernel_objects(vm.fk), 1);
	fake_kernel_cdev_close(vm.fk, 0);
	assert_int_equal(fake_kernel_objects(vm.fk), 0);
	fake_vm_fini(&vm);
}

/* arm_smmu_domain_alloc_paging_flags() of Linux 7.3: a parent has no other flag. VT-d's may have. */
static void test_parent(void **state)
{
	static const uint32_t others[] = {VIQ_LINUX_PASID, VIQ_LINUX_DIRTY_TRACKING,
					  VIQ_LINUX_PASID | VIQ_LINUX_DIRTY_TRACKING};
	struct fake_vm vm;
	uint32_t id;

	fake_vm_init(&vm);
	vm.fk->devices[0].capabilities |= VIQ_LINUX_CAP_DIRTY_TRACKING;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(
			viq_linux_hwpt_alloc(vm.ctx, vm.device, vm.ioas, VIQ_LINUX_NEST_PARENT | others[i], &id),
			-EOPNOTSUPP);
		assert_int_equal(viq_linux_hwpt_alloc(vm.ctx, vm.device, vm.ioas, others[i], &id), 0);
		assert_int_equal(viq_linux_destroy(vm.ctx, id), 0);
	}
	assert_int_equal(viq_linux_hwpt_alloc(vm.ctx, vm.device, vm.ioas, VIQ_LINUX_NEST_PARENT, &id), 0);
	assert_int_equal(viq_linux_destroy(vm.ctx, id), 0);
	fake_vm_fini(&vm);
}

static void test_attach(void **state)
{
	const uint64_t s2[2] = {VIQ_SMMUV3_STE_0_V | 6 << 1}, shared[2] = {stage1[0], VIQ_BIT(44)};
	const uint64_t split_ats[2] = {stage1[0], VIQ_BIT(29)};
	struct fake_vm vm;
	const struct fk_device *dev;
	uint32_t s1, by, ab, other;
	int cdev;

	fake_vm_init(&vm);
	dev = &vm.fk->devices[0];
	cdev = dev->fd;
	assert_int_equal(viq_linux_nested_alloc(vm.ctx, vm.device, vm.viommu, s2, &s1), -EIO);
	assert_int_equal(viq_linux_nested_alloc(vm.ctx, vm.device, vm.viommu, shared, &s1), -EIO);
	assert_int_equal(viq_linux_nested_alloc(vm.ctx, vm.device, vm.viommu, split_ats, &s1), -EIO);
	assert_int_equal(viq_linux_nested_alloc(vm.ctx, vm.device, vm.viommu, stage1, &s1), 0);
	assert_int_equal(viq_linux_nested_alloc(vm.ctx, vm.device, vm.viommu, bypass, &by), 0);
	assert_int_equal(viq_linux_nested_alloc(vm.ctx, vm.device, vm.viommu, not_valid, &ab), 0);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, cdev, s1), 0);
	assert_int_equal(dev->mode, FK_TRANSLATE);
	assert_true(dev->ats);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, cdev, by), 0);
	assert_int_equal(dev->mode, FK_BYPASS);
	assert_false(dev->ats);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, cdev, ab), 0);
	assert_int_equal(dev->mode, FK_ABORT);
	/* Without a vDEVICE a stream can abort and bypass only; a refusal changes nothing. */
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.vdevice), 0);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, cdev, s1), -ENOENT);
	assert_int_equal(dev->attached, ab);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, cdev, by), 0);
	/* An IOAS makes a page table, which goes with the attachment. */
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, cdev, vm.ioas), 0);
	assert_int_equal(dev->mode, FK_OWN_TABLES);
	other = dev->attached;
	assert_int_equal(viq_linux_vfio_detach(vm.ctx, cdev), 0);
	assert_int_equal(dev->mode, FK_BLOCKED);
	assert_int_equal(viq_linux_destroy(vm.ctx, other), -ENOENT);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, cdev, 99), -ENOENT);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, cdev, vm.viommu), -EINVAL);
	fake_vm_fini(&vm);
}

static void test_vdevice(void **state)
{
	struct fake_vm vm;
	uint32_t id, second;

	fake_vm_init(&vm);
	assert_int_equal(viq_linux_vfio_bind(vm.ctx, fake_kernel_cdev(vm.fk, 1), &second, NULL), 0);
	assert_int_equal(viq_linux_vdevice_alloc(vm.ctx, vm.viommu, vm.device, 7, &id), -EEXIST);
	assert_int_equal(viq_linux_vdevice_alloc(vm.ctx, vm.viommu, second, FAKE_VM_VSID, &id), -EEXIST);
	assert_int_equal(viq_linux_vdevice_alloc(vm.ctx, vm.viommu, 99, 7, &id), -ENOENT);
	vm.fk->devices[1].smmu = 1;
	assert_int_equal(viq_linux_vdevice_alloc(vm.ctx, vm.viommu, second, 7, &id), -EINVAL);
	vm.fk->devices[1].smmu = 0;
	assert_int_equal(viq_linux_vdevice_alloc(vm.ctx, vm.viommu, second, 7, &id), 0);
	/* A vDEVICE that went with its device leaves its id behind. */
	fake_kernel_cdev_close(vm.fk, 1);
	assert_int_equal(viq_linux_destroy(vm.ctx, id), -ENOENT);
	vm.fk->devices[0].coherent = false;
	assert_int_equal(viq_linux_viommu_alloc(vm.ctx, vm.device, vm.hwpt, &id), -EOPNOTSUPP);
	vm.fk->smmus[0].idr[3] |= VIQ_SMMUV3_IDR3_FWB;
	assert_int_equal(viq_linux_viommu_alloc(vm.ctx, vm.device, vm.hwpt, &id), 0);
	vm.fk->no_viommu = true;
	assert_int_equal(viq_linux_viommu_alloc(vm.ctx, vm.device, vm.hwpt, &id), -ENOTTY);
	fake_vm_fini(&vm);
}

static void test_memory(void **state)
{
	static uint8_t ram[0x4000] __attribute__((aligned(0x1000)));
	struct viq_linux_range r[2];
	struct fake_vm vm;
	uint32_t n = 0;

	fake_vm_init(&vm);
	assert_int_equal(viq_linux_ioas_map(vm.ctx, vm.ioas, 0x8000000, ram, 0x4000, VIQ_LINUX_READ), 0);
	assert_int_equal(viq_linux_ioas_map(vm.ctx, vm.ioas, 0x8003000, ram, 0x1000, VIQ_LINUX_READ), -EEXIST);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, vm.fk->devices[0].fd, vm.hwpt), -EADDRINUSE);
	assert_int_equal(viq_linux_ioas_unmap(vm.ctx, vm.ioas, 0x8000000, 0x1000), -ENOENT);
	assert_int_equal(viq_linux_ioas_unmap(vm.ctx, vm.ioas, 0x8000000, 0x4000), 0);
	assert_int_equal(viq_linux_ioas_unmap(vm.ctx, vm.ioas, 0x8000000, 0x4000), -ENOENT);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, vm.fk->devices[0].fd, vm.hwpt), 0);
	assert_int_equal(viq_linux_ioas_map(vm.ctx, vm.ioas, 0x8000000, ram, 0x4000, VIQ_LINUX_READ), -EINVAL);
	assert_int_equal(viq_linux_ioas_ranges(vm.ctx, vm.ioas, NULL, &n), -EMSGSIZE);
	assert_int_equal(n, 2);
	assert_int_equal(viq_linux_ioas_ranges(vm.ctx, vm.ioas, r, &n), 0);
	assert_int_equal(r[0].last, 0x7ffffff);
	assert_int_equal(r[1].first, 0x8100000);
	fake_vm_fini(&vm);
}

/* Losses are noted at the end; what comes behind the note takes its place. */
static void test_events(void **state)
{
	const uint64_t record[4] = {VIQ_SMMUV3_EVT_F_TRANSLATION, 1, 2, 3};
	uint32_t nested, queue, bytes[32];
	struct fake_vm vm;
	struct pollfd poller;
	int fd;

	fake_vm_init(&vm);
	assert_int_equal(viq_linux_veventq_alloc(vm.ctx, vm.viommu, 2, &queue, &fd), 0);
	assert_int_equal(fake_kernel_event(vm.fk, 0, record), -ENOENT);
	assert_int_equal(viq_linux_nested_alloc(vm.ctx, vm.device, vm.viommu, stage1, &nested), 0);
	assert_int_equal(viq_linux_vfio_attach(vm.ctx, vm.fk->devices[0].fd, nested), 0);
	poller = (struct pollfd){.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&poller, 1, 0), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(fake_kernel_event(vm.fk, 0, record), 0); /* 0, 1, lost 2, lost 3 */
	assert_int_equal(poll(&poller, 1, 0), 1);
	assert_int_equal(fake_kernel_sys()->read(vm.fk, fd, bytes, 39), -EINVAL);
	assert_int_equal(fake_kernel_sys()->read(vm.fk, fd, bytes, 40), 40);
	assert_int_equal(bytes[0], 0);
	assert_int_equal(bytes[1], 0);
	assert_int_equal(bytes[3], FAKE_VM_VSID);
	assert_int_equal(fake_kernel_event(vm.fk, 0, record), 0); /* 4 */
	assert_int_equal(fake_kernel_event(vm.fk, 0, record), 0); /* lost 5 */
	assert_int_equal(fake_kernel_sys()->read(vm.fk, fd, bytes, sizeof(bytes)), 88);
	assert_int_equal(bytes[1], 1);
	assert_int_equal(bytes[11], 4);
	assert_int_equal(bytes[20], 1);
	assert_int_equal(bytes[21], 5);
	assert_int_equal(poll(&poller, 1, 0), 0);
	assert_int_equal(fake_kernel_sys()->read(vm.fk, fd, bytes, sizeof(bytes)), 0);
	fake_vm_fini(&vm);
}

static void test_arguments(void **state)
{
	struct {
		struct uapi_iommu_ioas_alloc cmd;
		uint32_t tail;
	} a = {.cmd = {.size = sizeof(a)}};
	struct uapi_iommu_hwpt_invalidate inv = {.size = sizeof(inv), .__reserved = 1, .entry_num = 3};
	struct fake_vm vm;
	int fd;

	fake_vm_init(&vm);
	fd = viq_linux_fd(vm.ctx);
	assert_int_equal(fake_kernel_sys()->ioctl(vm.fk, fd, UAPI_IOMMU_IOAS_ALLOC, &a), 0);
	a.tail = 1;
	assert_int_equal(fake_kernel_sys()->ioctl(vm.fk, fd, UAPI_IOMMU_IOAS_ALLOC, &a), -E2BIG);
	a.cmd.size = 8;
	assert_int_equal(fake_kernel_sys()->ioctl(vm.fk, fd, UAPI_IOMMU_IOAS_ALLOC, &a), -EINVAL);
	a.cmd.size = 12;
	a.cmd.flags = 1;
	assert_int_equal(fake_kernel_sys()->ioctl(vm.fk, fd, UAPI_IOMMU_IOAS_ALLOC, &a), -EOPNOTSUPP);
	assert_int_equal(fake_kernel_sys()->ioctl(vm.fk, fd, UAPI_IOMMU_HWPT_INVALIDATE, &inv), -EOPNOTSUPP);
	assert_int_equal(inv.entry_num, 0);
	assert_int_equal(fake_kernel_sys()->ioctl(vm.fk, fd, UAPI_IOMMUFD(0x7f), &a), -ENOTTY);
	assert_int_equal(fake_kernel_sys()->ioctl(vm.fk, 1, UAPI_IOMMU_IOAS_ALLOC, &a), -EBADF);
	assert_int_equal(vm.fk->bad_handles, 1);
	fake_kernel_reset(vm.fk);
	fake_vm_fini(&vm);
}

static int invalidate(void *opaque, void *call)
{
	struct fake_vm *vm = opaque;

	return fake_kernel_sys()->ioctl(vm->fk, viq_linux_fd(vm->ctx), UAPI_IOMMU_HWPT_INVALIDATE, call);
}

/* The same list that the real kernels answer: tests/system/kernel/test_bare.c. */
static void test_answers(void **state)
{
	static const enum fk_behaviour behaviours[] = {FK_LINUX_6_13, FK_LINUX_7_3, FK_LINUX_REPORT};

	for (unsigned int i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++) {
		struct answers_kernel kernel = {.invalidate = invalidate, .reports = behaviours[i] == FK_LINUX_REPORT};
		struct fake_vm vm;
		char text[200];

		fake_vm_init(&vm);
		fake_vm_behave(&vm, behaviours[i]);
		kernel.opaque = &vm;
		kernel.viommu = vm.viommu;
		kernel.stage2 = vm.hwpt;
		if (!answers_agree(&kernel, text, sizeof(text)))
			fail_msg("kernel %u: %s", behaviours[i], text);
		fake_vm_fini(&vm);
	}
}

static void test_faults(void **state)
{
	struct fake_vm vm;
	uint32_t id;

	fake_vm_init(&vm);
	vm.fk->faults[0] = (struct fk_fault){.first = 2, .times = 1, .err = -ENOMEM};
	vm.fk->faults[1] = (struct fk_fault){UAPI_IOMMU_IOAS_ALLOC, 3, 2, -EINTR};
	assert_int_equal(viq_linux_ioas_alloc(vm.ctx, &id), 0);
	assert_int_equal(viq_linux_ioas_alloc(vm.ctx, &id), -ENOMEM);
	assert_int_equal(viq_linux_ioas_alloc(vm.ctx, &id), 0); /* interrupted twice */
	assert_int_equal(vm.fk->calls, 5);
	assert_int_equal(viq_linux_destroy(vm.ctx, id), 0);
	fake_kernel_lose(vm.fk, vm.ioas);
	assert_int_equal(viq_linux_destroy(vm.ctx, vm.viommu), -ENOENT);
	fake_vm_fini(&vm);
}

/* As struct iommufd_group of Linux: the first attach and every replacement are the group's, until the last detach. */
static void test_group(void **state)
{
	struct fake_kernel *fk = fake_kernel_new();
	uint32_t id[2], ioas, first, second;
	struct viq_linux *ctx = fake_kernel_open(fk);
	int fd[2];

	fk->devices[0].group = fk->devices[1].group = 12;
	for (uint32_t i = 0; i < 2; i++) {
		fd[i] = fake_kernel_cdev(fk, i);
		assert_int_equal(viq_linux_vfio_bind(ctx, fd[i], &id[i], NULL), 0);
	}
	assert_int_equal(viq_linux_ioas_alloc(ctx, &ioas), 0);
	assert_int_equal(viq_linux_hwpt_alloc(ctx, id[0], ioas, 0, &first), 0);
	assert_int_equal(viq_linux_hwpt_alloc(ctx, id[0], ioas, 0, &second), 0);
	assert_int_equal(viq_linux_vfio_attach(ctx, fd[0], first), 0);
	assert_int_equal(fk->devices[1].attached, first);
	assert_int_equal(viq_linux_vfio_attach(ctx, fd[1], second), -EINVAL);
	assert_int_equal(viq_linux_vfio_attach(ctx, fd[1], first), 0);
	assert_int_equal(viq_linux_vfio_attach(ctx, fd[1], second), 0);
	assert_int_equal(fk->devices[0].attached, second);
	assert_int_equal(viq_linux_destroy(ctx, first), 0);
	assert_int_equal(viq_linux_vfio_detach(ctx, fd[0]), 0);
	assert_int_equal(fk->devices[0].mode, FK_OWN_TABLES);
	assert_int_equal(viq_linux_vfio_detach(ctx, fd[1]), 0);
	assert_int_equal(fk->devices[0].mode, FK_BLOCKED);
	assert_int_equal(viq_linux_destroy(ctx, second), 0);
	fake_kernel_cdev_close(fk, 0);
	fake_kernel_cdev_close(fk, 1);
	viq_linux_close(ctx);
	fake_kernel_free(fk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusal),      cmocka_unit_test(test_refusal_behind_one_valid),
		cmocka_unit_test(test_time_out),     cmocka_unit_test(test_last_group_is_short),
		cmocka_unit_test(test_nothing_runs), cmocka_unit_test(test_stream),
		cmocka_unit_test(test_wedge),        cmocka_unit_test(test_pins),
		cmocka_unit_test(test_attach),       cmocka_unit_test(test_parent),
		cmocka_unit_test(test_vdevice),      cmocka_unit_test(test_memory),
		cmocka_unit_test(test_events),       cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_faults),       cmocka_unit_test(test_group),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
