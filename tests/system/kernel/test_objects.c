/* SPDX-License-Identifier: MIT */
/* The objects of <viq/linux.h> on a real kernel: each can be made, and refuses what the header says, with its error. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <viq/linux.h>
#include <viq/smmuv3_spec.h>

#include "edu.h"
#include "guest.h"
#include "tap.h"
#include "tests.h"

#define NO_SUCH_ID 999999
#define VSID       16

struct objects {
	struct viq_linux *ctx;
	struct edu edu;
	struct guest guest;
	uint32_t device, ioas, stage2, viommu, vdevice, nested, queue;
	int queue_fd;
};

static void open_device(struct objects *o)
{
	guest_create(&o->guest);
	check_equal(viq_linux_open(NULL, &o->ctx, NULL), 0);
	edu_open(&o->edu);
	check_equal(viq_linux_vfio_bind(o->ctx, o->edu.cdev, &o->device, NULL), 0);
}

/* A device has one user: what a second one is told, viq doctor takes for "in use". */
static void second_bind(const struct objects *o)
{
	struct viq_linux *other;
	char path[64];
	uint32_t id;
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", o->edu.cdev);
	again = open(path, O_RDWR | O_CLOEXEC);
	check(again >= 0);
	check_equal(viq_linux_open(NULL, &other, NULL), 0);
	check_equal(viq_linux_vfio_bind(other, again, &id, NULL), -EINVAL);
	close(again);
	viq_linux_close(other);
}

static void hw_info(const struct objects *o)
{
	struct viq_linux_hw_info hw = {.size = sizeof(hw)};

	check_equal(viq_linux_hw_info(o->ctx, NO_SUCH_ID, &hw), -ENOENT);
	check_equal(viq_linux_hw_info(o->ctx, o->device, &hw), 0);
	check_equal(hw.type, VIQ_LINUX_HW_SMMUV3);
	check(hw.idr[0] & VIQ_SMMUV3_IDR0_S1P && hw.idr[0] & VIQ_SMMUV3_IDR0_S2P);
	check(VIQ_GET(VIQ_SMMUV3_IDR1_SIDSIZE, hw.idr[1]) > 0);
}

static void mappings(struct objects *o)
{
	char *ram = o->guest.ram;

	check_equal(viq_linux_ioas_alloc(o->ctx, &o->ioas), 0);
	check_equal(viq_linux_ioas_map(o->ctx, NO_SUCH_ID, GUEST_BASE, ram, GUEST_BYTES, VIQ_LINUX_READ), -ENOENT);
	check_equal(viq_linux_ioas_unmap(o->ctx, o->ioas, GUEST_BASE, GUEST_PAGE), -ENOENT);
	check_equal(viq_linux_ioas_map(o->ctx, o->ioas, GUEST_BASE, ram, GUEST_BYTES, VIQ_LINUX_READ | VIQ_LINUX_WRITE),
		    0);
	check_equal(viq_linux_ioas_map(o->ctx, o->ioas, GUEST_BASE + GUEST_PAGE, ram, GUEST_PAGE, VIQ_LINUX_READ),
		    -EEXIST);
	check_equal(viq_linux_ioas_unmap(o->ctx, o->ioas, GUEST_BASE, GUEST_PAGE), -ENOENT);
	check_equal(viq_linux_ioas_unmap(o->ctx, o->ioas, GUEST_BASE, GUEST_BYTES), 0);
}

/* Attaching a device cuts holes. */
static void ranges(struct objects *o)
{
	struct viq_linux_range range[8];
	uint32_t count = 8;

	check_equal(viq_linux_ioas_ranges(o->ctx, o->ioas, range, &count), 0);
	check_equal(count, 1);
	check(range[0].first == 0 && range[0].last == UINT64_MAX);
	check_equal(viq_linux_hwpt_alloc(o->ctx, o->device, o->ioas, VIQ_LINUX_NEST_PARENT, &o->stage2), 0);
	check_equal(viq_linux_vfio_attach(o->ctx, o->edu.cdev, o->stage2), 0);
	count = 8;
	check_equal(viq_linux_ioas_ranges(o->ctx, o->ioas, range, &count), 0);
	check(count >= 2 && count <= 8 &&
	      range[count - 1].last < UINT64_MAX); /* the MSI window; the SMMU's output size */
	for (uint32_t i = 1; i < count; i++)
		check(range[i].first > range[i - 1].last);
	count = 1;
	check_equal(viq_linux_ioas_ranges(o->ctx, o->ioas, range, &count), -EMSGSIZE);
	check(count >= 2);
}

static void nesting(struct objects *o)
{
	uint64_t bypass[2] = {VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, 4), 0};
	const uint64_t stage_2[2] = {VIQ_SMMUV3_STE_0_V | VIQ_PUT(VIQ_SMMUV3_STE_0_CONFIG, 6), 0};
	uint32_t id;

	check_equal(viq_linux_viommu_alloc(o->ctx, o->device, NO_SUCH_ID, &id), -ENOENT);
	check_equal(viq_linux_viommu_alloc(o->ctx, o->device, o->stage2, &o->viommu), 0);
	check_equal(viq_linux_vdevice_alloc(o->ctx, o->viommu, o->device, VSID, &o->vdevice), 0);
	check_equal(viq_linux_vdevice_alloc(o->ctx, o->viommu, o->device, VSID + 1, &id), -EEXIST);
	check_equal(viq_linux_nested_alloc(o->ctx, o->device, o->viommu, stage_2, &id), -EIO);
	check_equal(viq_linux_nested_alloc(o->ctx, o->device, o->viommu, bypass, &o->nested), 0);
	bypass[1] = UINT64_MAX;
	check_equal(viq_linux_nested_alloc(o->ctx, o->device, o->viommu, bypass, &id), -EIO);
	check_equal(viq_linux_vfio_attach(o->ctx, o->edu.cdev, o->nested), 0);
	check_equal(viq_linux_destroy(o->ctx, o->nested), -EBUSY);
	check_equal(viq_linux_vfio_detach(o->ctx, o->edu.cdev), 0);
}

static void event_queue(struct objects *o)
{
	struct viq_linux_vevent events[4];
	uint32_t id, count = 4;
	int fd;

	check_equal(viq_linux_veventq_alloc(o->ctx, o->viommu, 64, &o->queue, &o->queue_fd), 0);
	check_equal(viq_linux_veventq_alloc(o->ctx, o->viommu, 64, &id, &fd), -EEXIST);
	check_equal(viq_linux_veventq_read(o->ctx, o->queue_fd, events, &count), -EAGAIN);
	check_equal(viq_linux_destroy(o->ctx, o->queue), -EBUSY);
	close(o->queue_fd);
	check_equal(viq_linux_destroy(o->ctx, o->queue), 0);
}

/* What others stand on stays; in reverse order all go. */
static void destroy_all(struct objects *o)
{
	check_equal(viq_linux_destroy(o->ctx, o->viommu), -EBUSY);
	check_equal(viq_linux_destroy(o->ctx, o->stage2), -EBUSY);
	check_equal(viq_linux_destroy(o->ctx, o->ioas), -EBUSY);
	check_equal(viq_linux_destroy(o->ctx, o->nested), 0);
	check_equal(viq_linux_destroy(o->ctx, o->vdevice), 0);
	check_equal(viq_linux_destroy(o->ctx, o->viommu), 0);
	check_equal(viq_linux_destroy(o->ctx, o->stage2), 0);
	check_equal(viq_linux_destroy(o->ctx, o->ioas), 0);
	check_equal(viq_linux_destroy(o->ctx, o->ioas), -ENOENT);
	close(o->edu.cdev);
	viq_linux_close(o->ctx);
	guest_destroy(&o->guest);
}

void test_objects(void)
{
	static struct objects o;

	open_device(&o);
	second_bind(&o);
	hw_info(&o);
	mappings(&o);
	ranges(&o);
	nesting(&o);
	event_queue(&o);
	destroy_all(&o);
}
