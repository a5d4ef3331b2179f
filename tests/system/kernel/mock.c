/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <viq/vtd_spec.h>

#include "host/linux/iommufd/uapi.h"
#include "mock.h"
#include "tap.h"

/* drivers/iommu/iommufd/iommufd_test.h, which is in no installed header */
#define TEST_CMD           UAPI_IOMMUFD(0xa0)
#define OP_CHECK_IOTLB     14
#define OP_DOMAIN_REPLACE  10
#define OP_DOMAIN_FLAGS    12
#define OP_PASID_ATTACH    18
#define OP_PASID_REPLACE   19
#define OP_PASID_DETACH    20
#define OP_PASID_CHECK     21
#define FLAGS_DEVICE_PASID (1u << 2)
#define DATA_SELFTEST      0xdeadu
#define INVALIDATE_DATA    0xdeadbeefu
#define INVALIDATE_ALL     (1u << 0)
#define CACHED             0xbadbeefu /* what a page holds until it is invalidated */
#define ENTRY_MAX          64

struct test_cmd {
	uint32_t size, op, id, reserved;
	uint32_t arg[12];
	uint32_t last, pad;
};
static_assert(sizeof(struct test_cmd) == 72, "struct iommu_test_cmd");

struct entry {
	uint32_t flags, iotlb_id;
};

static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

static int test(struct mock *m, uint32_t op, uint32_t id, uint32_t a, uint32_t b)
{
	struct test_cmd cmd = {.size = sizeof(cmd), .op = op, .id = id, .arg = {a, b}};

	return call(m->fd, TEST_CMD, &cmd);
}

/* --- In the mock's words ------------------------------------------------------------------------------------------ */

static int hw_info(struct uapi_iommu_hw_info *cmd)
{
	struct uapi_iommu_hw_info_vtd regs = {
		.cap_reg = VIQ_VTD_CAP_FS1GP,
		.ecap_reg = VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_NEST | VIQ_VTD_ECAP_FSTS | VIQ_VTD_ECAP_PASID |
			    VIQ_PUT(VIQ_VTD_ECAP_PSS, 19),
	};

	memcpy((void *)(uintptr_t)cmd->data_uptr, &regs, sizeof(regs));
	cmd->data_len = sizeof(regs);
	cmd->out_data_type = VIQ_LINUX_HW_VTD;
	cmd->out_max_pasid_log2 = 6;
	cmd->out_capabilities = 0;
	return 0;
}

static int hwpt_alloc(struct mock *m, struct uapi_iommu_hwpt_alloc *cmd)
{
	const uint32_t selftest[2] = {CACHED, 0};
	struct uapi_iommu_hwpt_alloc mine = *cmd;
	int err;

	if (mine.data_type == UAPI_IOMMU_HWPT_DATA_VTD_S1) {
		mine.data_type = DATA_SELFTEST;
		mine.data_uptr = (uintptr_t)selftest;
		mine.data_len = sizeof(selftest);
	}
	err = call(m->fd, UAPI_IOMMU_HWPT_ALLOC, &mine);
	cmd->out_hwpt_id = mine.out_hwpt_id;
	return err;
}

/* Entries right before memory that is not there, so that the kernel can read only the first readable ones. */
static struct entry *place(void *pages, uint32_t readable)
{
	return (struct entry *)((char *)pages + 4096 - readable * sizeof(struct entry));
}

static int invalidate(struct mock *m, struct uapi_iommu_hwpt_invalidate *cmd)
{
	const struct viq_vtd_s1_entry *from = (const void *)(uintptr_t)cmd->data_uptr;
	uint32_t readable = m->fault_at >= 0 ? (uint32_t)m->fault_at : cmd->entry_num;
	void *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uapi_iommu_hwpt_invalidate mine = *cmd;
	struct entry *to = place(pages, readable);
	int err;

	check(pages != MAP_FAILED && cmd->entry_num <= ENTRY_MAX && readable <= cmd->entry_num);
	check_equal(munmap((char *)pages + 4096, 4096), 0);
	for (uint32_t i = 0; i < readable; i++) {
		bool all = from[i].npages == VIQ_VTD_S1_ALL;

		to[i] = (struct entry){.flags = all ? INVALIDATE_ALL : 0,
				       .iotlb_id = all ? 0 : (uint32_t)(from[i].addr >> 12)};
	}
	m->fault_at = -1;
	mine.data_type = INVALIDATE_DATA;
	mine.data_uptr = (uintptr_t)to;
	mine.entry_len = sizeof(*to);
	err = call(m->fd, UAPI_IOMMU_HWPT_INVALIDATE, &mine);
	munmap(pages, 4096);
	m->calls++;
	m->last_error = err;
	m->last_count = cmd->entry_num = mine.entry_num;
	return err;
}

/* A mock device has always something attached for requests without PASID. */
static int attach(struct mock *m, uint32_t pasid, uint32_t pt)
{
	int err;

	if (!pasid) {
		err = test(m, OP_DOMAIN_REPLACE, m->stdev, pt ? pt : m->parent, 0);
		if (!err)
			m->rid = pt ? pt : m->parent;
		return err;
	}
	check(pasid < 64);
	if (pt)
		err = test(m, m->pasids[pasid] ? OP_PASID_REPLACE : OP_PASID_ATTACH, m->stdev, pasid, pt);
	else
		err = m->pasids[pasid] ? test(m, OP_PASID_DETACH, m->stdev, pasid, 0) : 0;
	if (!err)
		m->pasids[pasid] = pt;
	return err;
}

static int sys_ioctl(void *opaque, int fd, unsigned long request, void *arg)
{
	const struct uapi_vfio_device_attach_iommufd_pt *at = arg;
	const struct uapi_vfio_device_detach_iommufd_pt *de = arg;
	struct mock *m = opaque;

	switch (request) {
	case UAPI_IOMMU_GET_HW_INFO:
		return hw_info(arg);
	case UAPI_IOMMU_HWPT_ALLOC:
		return hwpt_alloc(m, arg);
	case UAPI_IOMMU_HWPT_INVALIDATE:
		return invalidate(m, arg);
	case UAPI_VFIO_ATTACH_IOMMUFD_PT:
		return attach(m, at->flags ? at->pasid : 0, at->pt_id);
	case UAPI_VFIO_DETACH_IOMMUFD_PT:
		return attach(m, de->flags ? de->pasid : 0, 0);
	}
	return call(fd, request, arg);
}

static int sys_open(void *opaque, const char *path, int flags)
{
	int fd = open(path, flags);

	return fd < 0 ? -errno : fd;
}

static int sys_close(void *opaque, int fd)
{
	return close(fd) ? -errno : 0;
}

static int64_t sys_read(void *opaque, int fd, void *buf, size_t len)
{
	return -EBADF;
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

static void make_device(struct mock *m)
{
	struct test_cmd cmd = {
		.size = sizeof(cmd), .op = OP_DOMAIN_FLAGS, .id = m->ioas, .arg = {0, 0, 0, FLAGS_DEVICE_PASID}};
	int err = call(m->fd, TEST_CMD, &cmd);

	if (err == -ENOTTY)
		tap_skip("this kernel has no mock IOMMU (CONFIG_IOMMUFD_TEST)");
	check_equal(err, 0);
	m->stdev = cmd.arg[0];
	m->device = cmd.arg[2];
}

void mock_open(struct mock *m)
{
	struct viq_linux_config config;

	*m = (struct mock){.fault_at = -1, .cdev = 1000000};
	m->sys = (struct viq_linux_sys){
		.size = sizeof(m->sys), .open = sys_open, .close = sys_close, .ioctl = sys_ioctl, .read = sys_read};
	viq_linux_config_init(&config, sizeof(config));
	config.sys = &m->sys;
	config.sys_opaque = m;
	check_equal(viq_linux_open(&config, &m->ctx, NULL), 0);
	m->fd = viq_linux_fd(m->ctx);
	check_equal(viq_linux_ioas_alloc(m->ctx, &m->ioas), 0);
	make_device(m);
	check_equal(
		viq_linux_hwpt_alloc(m->ctx, m->device, m->ioas, VIQ_LINUX_NEST_PARENT | VIQ_LINUX_PASID, &m->parent),
		0);
}

void mock_close(struct mock *m)
{
	check_equal(viq_linux_destroy(m->ctx, m->stdev), 0);
	check_equal(viq_linux_destroy(m->ctx, m->parent), 0);
	check_equal(viq_linux_destroy(m->ctx, m->ioas), 0);
	viq_linux_close(m->ctx);
}

bool mock_invalidated(struct mock *m, uint32_t nested, uint32_t page)
{
	int gone = test(m, OP_CHECK_IOTLB, nested, page, 0), there = test(m, OP_CHECK_IOTLB, nested, page, CACHED);

	check(!gone != !there);
	return !gone;
}

bool mock_attached(struct mock *m, uint32_t pasid, uint32_t pt)
{
	return !test(m, OP_PASID_CHECK, m->stdev, pasid, pt);
}
