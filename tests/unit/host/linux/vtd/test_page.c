/* SPDX-License-Identifier: MIT */
/* Page requests of devices (7.4), from the kernel's fault queue to the guest's page request queue, and the answers. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "host/linux/iommufd/linux.h"
#include "host/linux/iommufd/uapi.h"
#include "support/linux_vnest.h"

#define PRQ     UINT64_C(0x00400000)
#define GROUPS  4
#define DID     4
#define PAGE(k) (UINT64_C(0x40000000) + (k)*UINT64_C(0x1000))

/* Two devices with PASIDs 1 and 2, which may ask; the guest has a queue of 128 << order. */
static struct vnest *asking(uint32_t groups, unsigned int order)
{
	struct vnest *n = vnest_kernel(2);

	n->config.page_groups = groups;
	n->fk->devices[0].pri = n->fk->devices[1].pri = true;
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	vvtd_w64(n->g, VREG(PQH), 0);
	vvtd_w64(n->g, VREG(PQA), PRQ | order);
	for (uint32_t d = 0; d < 2; d++) {
		vnest_add(n, d);
		for (uint32_t pasid = 0; pasid < 3; pasid++)
			vnest_set(n, d, pasid, DID, d * 3 + pasid);
	}
	return n;
}

static void bring(struct vnest *n)
{
	assert_int_equal(viq_nest_vtd_faults(n->nest, 0), 0);
}

/* The device asks for count pages from addr on, in one group. */
static void ask(struct vnest *n, uint32_t device, uint32_t pasid, uint32_t prgi, uint64_t addr, uint32_t count)
{
	assert_int_equal(fake_kernel_ask(n->fk, device, pasid, prgi, addr, count), 0);
}

static bool readable(const struct vnest *n)
{
	struct pollfd fd = {.fd = viq_linux_vvtd_page_fd(n->vv), .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

/* What the guest finds in its queue at n: 7.4.1.1. */
static void assert_request(struct vnest *n, uint32_t at, uint32_t device, uint32_t pasid, uint32_t prgi, uint64_t addr,
			   bool last)
{
	const uint64_t qw0 = 1 | (pasid ? 1u << 8 : 0) | (uint64_t)VNEST_SID(device) << 16 | (uint64_t)pasid << 32,
		       qw1 = addr | prgi << 3 | (last ? 4 : 0) | 3;

	assert_true(vvtd_peek64(n->g, PRQ + 32 * at) == qw0);
	assert_true(vvtd_peek64(n->g, PRQ + 32 * at + 8) == qw1);
	assert_true(vvtd_r64(n->g, VREG(PQT)) > 32 * at);
}

static void guest_answers(struct vnest *n, uint32_t device, uint32_t pasid, uint32_t prgi, uint32_t code)
{
	assert_true(vnest_send(n, desc_pgrp(VNEST_SID(device), pasid, pasid, prgi, code)));
}

#define assert_answered(n, granted, refused, ended)                                                                    \
	do {                                                                                                           \
		assert_int_equal((n)->fk->pages_granted, granted);                                                     \
		assert_int_equal((n)->fk->pages_refused, refused);                                                     \
		assert_int_equal((n)->fk->pages_ended, ended);                                                         \
	} while (0)

static void there_and_back(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	assert_false(readable(n));
	ask(n, 0, 1, 5, PAGE(7), 2);
	ask(n, 1, 0, 5, PAGE(9), 1);
	assert_true(readable(n));
	assert_true(vvtd_r64(n->g, VREG(PQT)) == 0);
	bring(n);
	assert_request(n, 0, 0, 1, 5, PAGE(7), false);
	assert_request(n, 1, 0, 1, 5, PAGE(8), true);
	assert_request(n, 2, 1, 0, 5, PAGE(9), true);
	assert_false(readable(n));
	assert_answered(n, 0, 0, 0);
	/* The group is named by all three. */
	guest_answers(n, 0, 2, 5, VIQ_VTD_RESP_SUCCESS);
	guest_answers(n, 0, 0, 5, VIQ_VTD_RESP_SUCCESS);
	guest_answers(n, 0, 1, 6, VIQ_VTD_RESP_SUCCESS);
	guest_answers(n, 1, 1, 5, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 0, 0, 0);
	guest_answers(n, 0, 1, 5, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 1, 0, 0);
	guest_answers(n, 0, 1, 5, VIQ_VTD_RESP_INVALID); /* once */
	assert_answered(n, 1, 0, 0);
	guest_answers(n, 1, 0, 5, VIQ_VTD_RESP_INVALID);
	assert_answered(n, 1, 1, 0);
	assert_int_equal(vnest_counters(n).page_requests, 3);
	assert_int_equal(vnest_counters(n).page_discarded, 0);
	vnest_free(n);
}

/* The kernel knows no response failure. */
static void a_failure_is_an_invalid_request(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	bring(n);
	guest_answers(n, 0, 1, 5, VIQ_VTD_RESP_FAILURE);
	assert_answered(n, 0, 1, 0);
	vnest_free(n);
}

/* What the kernel has is in the guest's queue before its next wait descriptor is done: a driver drains so (PD). */
static void a_wait_descriptor_brings_them(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	vvtd_push_wait(n->g);
	vvtd_ring(n->g);
	assert_true(vvtd_completed(n->g, n->g->prod - 1));
	assert_request(n, 0, 0, 1, 5, PAGE(7), true);
	vnest_free(n);
}

/* More than one read, and more than the guest is given at once. */
static void many(void **state)
{
	struct vnest *n = asking(512, 3);

	for (uint32_t i = 0; i < 400; i++)
		ask(n, i % 2, 1 + i / 2 % 2, i, PAGE(i), 1 + i % 2);
	bring(n);
	assert_true(vvtd_r64(n->g, VREG(PQT)) == 600 * 32);
	for (uint32_t i = 0; i < 400; i++)
		assert_request(n, i + i / 2 + i % 2, i % 2, 1 + i / 2 % 2, i, PAGE(i) + i % 2 * 4096, true);
	for (uint32_t i = 400; i-- > 0;)
		guest_answers(n, i % 2, 1 + i / 2 % 2, i, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 400, 0, 0);
	vnest_free(n);
}

/* A guest that answers nothing holds so many, whatever its devices ask. */
static void one_too_many(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	for (uint32_t i = 0; i <= GROUPS; i++)
		ask(n, 0, 1, i, PAGE(i), 3);
	bring(n);
	assert_true(vvtd_r64(n->g, VREG(PQT)) == GROUPS * 3 * 32);
	assert_answered(n, 1, 0, 0); /* as if the guest's queue were full: the device tries again */
	assert_true(vvtd_r32(n->g, VREG(PRS)) & VREG(PRS_PRO));
	assert_int_equal(vnest_counters(n).page_discarded, 3);
	vvtd_w32(n->g, VREG(PRS), VREG(PRS_PRO) | VREG(PRS_PPR));
	guest_answers(n, 0, 1, 2, VIQ_VTD_RESP_SUCCESS);
	ask(n, 0, 1, 9, PAGE(9), 1);
	bring(n);
	assert_request(n, GROUPS * 3, 0, 1, 9, PAGE(9), true);
	vnest_free(n);
}

/* A device that asks at once when it has been answered cannot make one wait descriptor last. */
static void a_flood_is_charged(void **state)
{
	struct vnest *n = asking(1, 0);
	uint64_t before;
	uint32_t cost;

	ask(n, 0, 1, 5, PAGE(7), 1);
	bring(n);
	for (uint32_t i = 0; i < 3000; i++)
		ask(n, 0, 1, i % 512, PAGE(7), 1);
	before = n->fk->calls;
	cost = viq_nest_vtd_sync(n->nest);
	assert_in_range(n->fk->calls - before, 8, 10); /* 1,024 of them: a read and a write for 256 */
	assert_true(cost >= 1024 + (n->fk->calls - before) * VIQ_WORK_CALL);
	assert_answered(n, 1024, 0, 0);
	vnest_free(n);
}

/* A look at an empty queue is a system call; where no device may ask there is none. */
static void a_look_is_charged(void **state)
{
	struct vnest *n = asking(GROUPS, 0);
	uint64_t before = n->fk->calls;

	assert_int_equal(viq_nest_vtd_sync(n->nest), VIQ_WORK_CALL);
	assert_int_equal(n->fk->calls, before + 1);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), 0);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(1)), 0);
	before = n->fk->calls;
	assert_int_equal(viq_nest_vtd_sync(n->nest), 0);
	assert_int_equal(n->fk->calls, before);
	vnest_free(n);
}

/* Longer than any that a device may ask for: the others are not held up. */
static void a_long_group(void **state)
{
	struct vnest *n = asking(GROUPS, 3);

	ask(n, 0, 1, 5, PAGE(0), 700);
	ask(n, 1, 1, 6, PAGE(7), 1);
	bring(n);
	assert_true(vvtd_r64(n->g, VREG(PQT)) == 701 * 32);
	assert_request(n, 699, 0, 1, 5, PAGE(699), true);
	assert_request(n, 700, 1, 1, 6, PAGE(7), true);
	vnest_free(n);
}

/* Pass-through, or other tables, in the place of what has asked: only what is detached first is sure to be answered. */
static void another_table(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	for (uint32_t pasid = 0; pasid < 2; pasid++) {
		ask(n, 0, pasid, 5, PAGE(7), 1);
		ask(n, 1, pasid, 5, PAGE(7), 1);
		bring(n);
		vnest_entry(n, 0, pasid, 1 | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_PT), 1, 0);
		assert_true(vnest_send(n, desc_pc(VREG(PC_PASID), DID, pasid)));
		vnest_set(n, 1, pasid, DID, 30 + pasid);
		assert_answered(n, 0, 0, 2 * (pasid + 1));
	}
	assert_int_equal(n->fk->warnings, 0);
	vnest_free(n);
}

/* 7.4.1: what finds no room is answered, and the device asks again. */
static void the_guests_queue_is_full(void **state)
{
	struct vnest *n = asking(200, 0);

	for (uint32_t i = 0; i < 128; i++)
		ask(n, 0, 1, i, PAGE(i), 1);
	bring(n);
	assert_true(vvtd_r32(n->g, VREG(PRS)) & VREG(PRS_PRO));
	assert_answered(n, 1, 0, 0);
	vnest_free(n);
}

/* Group 5 of the first device has ended, as so many have. Another one gets its cookie, and only its own answer. */
static void hits_nobody(struct vnest *n, uint32_t pasid, uint32_t ended)
{
	ask(n, 1, 2, 6, PAGE(8), 1);
	bring(n);
	guest_answers(n, 0, pasid, 5, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 0, 0, ended);
	guest_answers(n, 1, 2, 6, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 1, 0, ended);
}

/* The kernel answers the groups of a table that goes. Its cookies are free, and the guest's late answer hits nobody. */
static void a_late_answer(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	bring(n);
	vnest_clear(n, 0, 1);
	vnest_flush(n, DID, 1);
	assert_answered(n, 0, 0, 1);
	guest_answers(n, 0, 1, 5, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 0, 0, 1);

	ask(n, 0, 2, 5, PAGE(7), 1);
	bring(n);
	vnest_clear(n, 0, 2);
	vnest_flush(n, DID, 2);
	assert_answered(n, 0, 0, 2);
	hits_nobody(n, 2, 2);
	vnest_free(n);
}

/* What has been answered holds no place, whoever did it. */
static void places(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	n->fk->cookies_grow = true;
	for (uint32_t i = 0; i < 3 * GROUPS; i++) {
		ask(n, 0, 1, i, PAGE(i), 1);
		bring(n);
		guest_answers(n, 0, 1, i, VIQ_VTD_RESP_INVALID);
	}
	assert_answered(n, 0, 3 * GROUPS, 0);

	ask(n, 1, 1, 1, PAGE(1), 1);
	for (uint32_t i = 0; i < GROUPS - 1; i++)
		ask(n, 0, i, i, PAGE(i), 1);
	bring(n);
	for (uint32_t pasid = 0; pasid < 3; pasid++)
		vnest_clear(n, 0, pasid);
	assert_true(vnest_send(n, desc_pc(VREG(PC_GLOBAL), 0, 0)));
	assert_answered(n, 0, 3 * GROUPS, GROUPS - 1);
	for (uint32_t i = 2; i < 2 + GROUPS - 1; i++)
		ask(n, 1, 2, i, PAGE(i), 1);
	bring(n);
	assert_answered(n, 0, 3 * GROUPS, GROUPS - 1);
	guest_answers(n, 1, 1, 1, VIQ_VTD_RESP_SUCCESS);
	for (uint32_t i = 2; i < 2 + GROUPS - 1; i++)
		guest_answers(n, 1, 2, i, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, GROUPS, 3 * GROUPS, GROUPS - 1);
	vnest_free(n);
}

/* A group ends without our having a part in it: the kernel gives its cookie to another one. */
static void a_cookie_comes_again(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	bring(n);
	assert_int_equal(viq_linux_vfio_detach_pasid(n->ctx, n->fd[0], 1), 0);
	assert_answered(n, 0, 0, 1);
	hits_nobody(n, 1, 1);
	vnest_free(n);
}

/* Between the kernel's read and the guest, and behind it. */
static void a_device_goes(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	ask(n, 1, 1, 5, PAGE(8), 1);
	assert_int_equal(viq_nest_vtd_faults(n->nest, 1), 0); /* the other one waits here */
	assert_true(vvtd_r64(n->g, VREG(PQT)) == 32);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(1)), 0);
	assert_answered(n, 0, 0, 1);
	bring(n);
	assert_true(vvtd_r64(n->g, VREG(PQT)) == 32);
	assert_false(vvtd_r32(n->g, VREG(PRS)) & VREG(PRS_PRO)); /* nobody waits for that */
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), 0);
	assert_answered(n, 0, 0, 2);
	guest_answers(n, 0, 1, 5, VIQ_VTD_RESP_SUCCESS);
	guest_answers(n, 1, 1, 5, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 0, 0, 2);
	vnest_free(n);
}

/* An entry is cleared while a request for it waits here: nobody is told of a loss. */
static void an_entry_goes(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	ask(n, 0, 2, 6, PAGE(8), 1);
	assert_int_equal(viq_nest_vtd_faults(n->nest, 1), 0);
	vnest_clear(n, 0, 2);
	vvtd_push(n->g, desc_pc(VREG(PC_PASID), DID, 2));
	vvtd_ring(n->g);
	bring(n);
	assert_true(vvtd_r64(n->g, VREG(PQT)) == 32);
	assert_false(vvtd_r32(n->g, VREG(PRS)) & VREG(PRS_PRO));
	assert_int_equal(vnest_counters(n).page_discarded, 1);
	vnest_free(n);
}

/* The same, and behind it in the same read one group too many: that one is lost, and no other. */
static void an_entry_goes_before_a_loss(void **state)
{
	struct vnest *n = asking(1, 0);

	ask(n, 0, 2, 6, PAGE(8), 2);
	ask(n, 0, 1, 5, PAGE(7), 1);
	assert_int_equal(viq_nest_vtd_faults(n->nest, 1), 0);
	vnest_clear(n, 0, 2);
	vvtd_push(n->g, desc_pc(VREG(PC_PASID), DID, 2));
	vvtd_ring(n->g);
	bring(n);
	assert_answered(n, 1, 0, 1);
	assert_int_equal(vnest_counters(n).page_discarded, 2);
	assert_int_equal(vtd_counters(n->g->vtd).page_requests_lost, 1);
	vnest_free(n);
}

/* The guest has renumbered its buses, and answers as it names the device now. */
static void a_device_moves(void **state)
{
	const struct viq_linux_move move = {.from = VNEST_SID(0), .to = VNEST_SID(4)};
	struct vnest *n = asking(GROUPS, 0);

	vnest_set(n, 4, 1, DID, 9);
	assert_int_equal(vnest_move(n, &move, 1), 0);
	ask(n, 0, 1, 5, PAGE(7), 1);
	bring(n);
	assert_request(n, 0, 4, 1, 5, PAGE(7), true);
	guest_answers(n, 0, 1, 5, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 0, 0, 0);
	guest_answers(n, 4, 1, 5, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 1, 0, 0);
	vnest_free(n);
}

/* The guest's answer waits in its queue until the kernel takes it. */
static void the_kernel_takes_no_answer(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	bring(n);
	/* The next call is the write. */
	n->fk->faults[0] = (struct fk_fault){.first = n->fk->calls + 1, .times = 1, .err = -ENOMEM};
	assert_false(vnest_send(n, desc_pgrp(VNEST_SID(0), true, 1, 5, VIQ_VTD_RESP_SUCCESS)));
	assert_answered(n, 0, 0, 0);
	assert_true(vnest_retry(n));
	assert_answered(n, 1, 0, 0);
	vnest_free(n);
}

/* It has answered the group itself, and says so: done. */
static void the_kernel_has_answered(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	bring(n);
	n->fk->faults[0] = (struct fk_fault){.first = n->fk->calls + 1, .times = 1, .err = -EINVAL};
	guest_answers(n, 0, 1, 5, VIQ_VTD_RESP_SUCCESS);
	/* Once: nothing waits any more. */
	guest_answers(n, 0, 1, 5, VIQ_VTD_RESP_SUCCESS);
	assert_answered(n, 0, 0, 0);
	vnest_free(n);
}

static int64_t written, given;

static int64_t lying_write(void *opaque, int fd, const void *buf, size_t len)
{
	return written;
}

static int64_t lying_read(void *opaque, int fd, void *buf, size_t len)
{
	memset(buf, 0xff, len);
	return given < 0 ? (int64_t)len - given : given;
}

/* P8: more or less than it was given, or has room for: nothing is known of the answer, which waits. */
static void the_kernel_lies(void **state)
{
	static const int64_t nonsense[] = {0, 1, 9, 1 << 20};
	struct viq_vtd_page_response response = {
		.size = sizeof(response), .source_id = VNEST_SID(0), .has_pasid = true, .pasid = 1, .prgi = 5};
	struct vnest *n = asking(GROUPS, 0);
	struct viq_linux_sys sys = *fake_kernel_sys();

	ask(n, 0, 1, 5, PAGE(7), 1);
	bring(n);
	n->ctx->sys.write = lying_write;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		written = nonsense[i];
		assert_int_equal(viq_linux_vvtd_page_response(n->vv, &response), -EIO);
	}
	n->ctx->sys = sys;
	n->ctx->sys.read = lying_read;
	for (given = -4000; given < 8; given += 4003) {
		assert_int_equal(viq_nest_vtd_faults(n->nest, 0), -EIO);
		assert_int_equal(vnest_counters(n).page_requests, 1);
		assert_int_equal(vnest_counters(n).page_discarded, 0);
	}
	n->ctx->sys = sys;
	assert_int_equal(viq_linux_vvtd_page_response(n->vv, &response), 0);
	assert_answered(n, 1, 0, 0);
	vnest_free(n);
}

static struct uapi_iommu_hwpt_pgfault strange;
static struct uapi_iommu_hwpt_page_response answered;
static unsigned int strangers, answers;

static int64_t strange_read(void *opaque, int fd, void *buf, size_t len)
{
	if (!strangers)
		return -EAGAIN;
	strangers--;
	memcpy(buf, &strange, sizeof(strange));
	return sizeof(strange);
}

static int64_t taken_write(void *opaque, int fd, const void *buf, size_t len)
{
	answers++;
	memcpy(&answered, buf, sizeof(answered));
	return (int64_t)len;
}

/* P8: of a device that is not here, of a group or PASID that cannot be. The guest is not asked; the device is told. */
static void groups_that_cannot_be(void **state)
{
	struct vnest *n = asking(GROUPS, 0);
	const struct uapi_iommu_hwpt_pgfault good = {.flags = UAPI_IOMMU_PGFAULT_FLAGS_PASID_VALID |
							      UAPI_IOMMU_PGFAULT_FLAGS_LAST_PAGE,
						     .dev_id = n->id[0],
						     .pasid = 1,
						     .grpid = 5,
						     .perm = UAPI_IOMMU_PGFAULT_PERM_READ,
						     .addr = PAGE(7)};

	n->ctx->sys.read = strange_read;
	n->ctx->sys.write = taken_write;
	answers = 0;
	for (uint32_t i = 0; i < 4; i++) {
		strange = good;
		strange.cookie = 40 + i;
		strange.dev_id += i == 1 ? 1000 : 0;
		strange.grpid |= i == 2 ? 1u << VIQ_VTD_PRGI_BITS : 0;
		strange.pasid |= i == 3 ? 1u << VIQ_VTD_PASID_BITS : 0;
		strangers = 1;
		bring(n);
		assert_int_equal(answers, i);
		assert_int_equal(vnest_counters(n).page_requests, 1);
		assert_int_equal(vnest_counters(n).page_discarded, i);
		if (i)
			assert_true(answered.cookie == 40 + i && answered.code == UAPI_IOMMUFD_PAGE_RESP_INVALID);
	}
	n->ctx->sys = *fake_kernel_sys();
	vnest_free(n);
}

/* A signal each time: no answer has been given, and none is taken for given. */
static void interrupted_without_end(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	bring(n);
	n->fk->faults[0] = (struct fk_fault){.first = 0, .times = UINT64_MAX, .err = -EINTR};
	assert_false(vnest_send(n, desc_pgrp(VNEST_SID(0), true, 1, 5, VIQ_VTD_RESP_SUCCESS)));
	assert_answered(n, 0, 0, 0);
	n->fk->faults[0] = (struct fk_fault){0};
	assert_true(vnest_retry(n));
	assert_answered(n, 1, 0, 0);
	vnest_free(n);
}

/* Each time that the kernel has no room for a group there is more, up to a bound. */
static void a_group_without_an_end(void **state)
{
	struct vnest *n = asking(GROUPS, 0);
	uint64_t calls = n->fk->calls;

	ask(n, 0, 1, 5, PAGE(7), 1);
	n->fk->faults[0] = (struct fk_fault){.first = 0, .times = UINT64_MAX, .err = -EINVAL};
	assert_int_equal(viq_nest_vtd_faults(n->nest, 0), -EINVAL);
	assert_in_range(n->fk->calls - calls, 2, 16);
	n->fk->faults[0] = (struct fk_fault){0};
	bring(n);
	assert_request(n, 0, 0, 1, 5, PAGE(7), true);
	vnest_free(n);
}

static void the_kernel_gives_nothing(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	ask(n, 0, 1, 5, PAGE(7), 1);
	n->fk->faults[0] = (struct fk_fault){.first = n->fk->calls + 1, .times = 1, .err = -EIO};
	assert_int_equal(viq_nest_vtd_faults(n->nest, 0), -EIO);
	bring(n);
	assert_request(n, 0, 0, 1, 5, PAGE(7), true);
	vnest_free(n);
}

/* --- Who may ask -------------------------------------------------------------------------------------------------- */

static void only_where_it_is_wanted(void **state)
{
	const struct viq_vtd_page_response response = {.size = sizeof(response), .source_id = VNEST_SID(0)};
	struct vnest *n = vnest_new(1);

	assert_int_equal(viq_linux_vvtd_page_fd(n->vv), -1);
	assert_int_equal(viq_linux_vvtd_page_fd(NULL), -1);
	assert_int_equal(viq_linux_vvtd_page_response(n->vv, &response), 0);
	assert_int_equal(viq_linux_vvtd_page_response(n->vv, NULL), -EINVAL);
	assert_int_equal(viq_linux_vvtd_page_response(NULL, &response), -EINVAL);
	assert_false(vvtd_r64(n->g, VREG(ECAP)) & (VREG(ECAP_PRS) | VREG(ECAP_PDS)));
	vnest_destroy(n);
	n->config.page_groups = GROUPS;
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	assert_true(vvtd_r64(n->g, VREG(ECAP)) & VREG(ECAP_PRS));
	assert_true(vvtd_r64(n->g, VREG(ECAP)) & VREG(ECAP_PDS));
	vnest_destroy(n);
	/* Nor without device-TLBs (11.4.3). */
	n->guest_config.ecap &= ~VREG(ECAP_DT);
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	assert_false(vvtd_r64(n->g, VREG(ECAP)) & (VREG(ECAP_PRS) | VREG(ECAP_PDS)));
	vnest_destroy(n);
	n->guest_config.ecap |= VREG(ECAP_DT);
	n->fk->smmus[0].ecap &= ~VREG(ECAP_PRS);
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	assert_false(vvtd_r64(n->g, VREG(ECAP)) & (VREG(ECAP_PRS) | VREG(ECAP_PDS)));
	vnest_free(n);
}

/* A device that the kernel has not enabled PRI in is blocked, and no other. */
static void a_device_without(void **state)
{
	struct vnest *n = asking(GROUPS, 0);

	n->fk->devices[1].pri = false;
	vnest_first(n, 1, 1, DID, 20);
	assert_true(vnest_send(n, desc_pc(VREG(PC_PASID), DID, 1)));
	assert_int_equal(n->last.fate, VIQ_VTD_SET_FAILED);
	assert_int_equal(n->last.os_error, -ENODEV);
	assert_blocked(n, 1, 1);
	assert_nested(n, 0, 1, 1);
	vnest_free(n);
}

/* The guest was not told that its devices can ask: one that does has an answer. */
static void a_guest_without(void **state)
{
	struct vnest *n = vnest_kernel(1);

	n->config.page_groups = GROUPS;
	n->fk->devices[0].pri = true;
	n->guest_config.ecap &= ~VREG(ECAP_DT);
	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	vnest_boot(n);
	vnest_add(n, 0);
	vnest_set(n, 0, 1, DID, 1);
	ask(n, 0, 1, 5, PAGE(7), 2);
	bring(n);
	assert_answered(n, 0, 1, 0);
	vnest_free(n);
}

static int queue_without_file(void *opaque, int fd, unsigned long request, void *arg)
{
	int ret = fake_kernel_sys()->ioctl(opaque, fd, request, arg);
	uint32_t *words = arg;

	if (!ret && request == 0x3b8e) { /* IOMMU_FAULT_QUEUE_ALLOC */
		assert_int_equal(fake_kernel_sys()->close(opaque, (int)words[3]), 0);
		words[3] = UINT32_MAX;
	}
	return ret;
}

/* It says that there is a queue, and gives no file: nothing is left of it. */
static void a_queue_without_file(void **state)
{
	struct vnest *n = vnest_kernel(1);
	struct viq_linux_sys sys = *fake_kernel_sys();
	struct viq_linux_config config;
	struct viq_linux *ctx;

	sys.ioctl = queue_without_file;
	viq_linux_config_init(&config, sizeof(config));
	config.fd = viq_linux_fd(n->ctx);
	config.sys = &sys;
	config.sys_opaque = n->fk;
	assert_int_equal(viq_linux_open(&config, &ctx, NULL), 0);
	n->config.page_groups = GROUPS;
	assert_int_equal(viq_linux_vvtd_create(ctx, &n->config, &n->vv, &n->why), -EIO);
	assert_string_equal(n->why.text, "FAULT_QUEUE_ALLOC: no file");
	assert_int_equal(vnest_own_objects(n), 0);
	viq_linux_close(ctx);
	vnest_free(n);
}

static void a_kernel_without(void **state)
{
	struct vnest *n = vnest_kernel(1);
	struct viq_linux_vtd_device d = {.size = sizeof(d), .device = n->id[0], .fd = n->fd[0], .page_requests = true};

	assert_int_equal(vnest_create(n), 0);
	assert_int_equal(viq_linux_vvtd_add(n->vv, &d, 8, &n->why), -EINVAL);
	assert_string_equal(n->why.text, "device.page_requests: config.page_groups is 0");
	vnest_destroy(n);
	n->config.page_groups = GROUPS;
	n->fk->no_faultq = true;
	assert_int_equal(vnest_create(n), -EOPNOTSUPP);
	assert_string_equal(n->why.text, "FAULT_QUEUE_ALLOC: page requests need Linux 6.11");
	n->fk->no_faultq = false;
	/* System calls of an embedder that knows no write(). */
	n->ctx->sys.write = NULL;
	assert_int_equal(vnest_create(n), -EOPNOTSUPP);
	assert_string_equal(n->why.text, "config.page_groups: sys.write is not there");
	n->ctx->sys.write = fake_kernel_sys()->write;
	assert_int_equal(vnest_create(n), 0);
	vnest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(a_failure_is_an_invalid_request),
		cmocka_unit_test(a_wait_descriptor_brings_them),
		cmocka_unit_test(many),
		cmocka_unit_test(one_too_many),
		cmocka_unit_test(a_flood_is_charged),
		cmocka_unit_test(a_look_is_charged),
		cmocka_unit_test(a_long_group),
		cmocka_unit_test(another_table),
		cmocka_unit_test(the_guests_queue_is_full),
		cmocka_unit_test(a_late_answer),
		cmocka_unit_test(places),
		cmocka_unit_test(a_cookie_comes_again),
		cmocka_unit_test(a_device_goes),
		cmocka_unit_test(an_entry_goes),
		cmocka_unit_test(an_entry_goes_before_a_loss),
		cmocka_unit_test(a_device_moves),
		cmocka_unit_test(the_kernel_takes_no_answer),
		cmocka_unit_test(the_kernel_has_answered),
		cmocka_unit_test(the_kernel_lies),
		cmocka_unit_test(groups_that_cannot_be),
		cmocka_unit_test(interrupted_without_end),
		cmocka_unit_test(a_group_without_an_end),
		cmocka_unit_test(the_kernel_gives_nothing),
		cmocka_unit_test(only_where_it_is_wanted),
		cmocka_unit_test(a_device_without),
		cmocka_unit_test(a_guest_without),
		cmocka_unit_test(a_queue_without_file),
		cmocka_unit_test(a_kernel_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
