/* SPDX-License-Identifier: MIT */
/*
 * /init of the machine: viq's guest VT-d in front of the machine's own. The kernel's command line says what to do:
 * viq.run=tests (viq.only=PREFIX: those whose names begin so).
 */
#include <poll.h>
#include <string.h>

#include "kernel/machine.h"
#include "live/function.h"
#include "vmm.h"

#define PAGES 24u

static void start(void)
{
	struct viq_linux *ctx;
	struct viq_why why = {""};

	if (viq_linux_open(NULL, &ctx, &why))
		fail("%s", why.text);
	vmm_start(ctx);
}

static void end(void)
{
	vmm_end();
	viq_linux_close(vmm.host.ctx);
}

static void push_space(uint32_t pasid)
{
	vtd_guest_push(&vmm.guest,
		       VIQ_VTD_TYPE_PIOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PIOTLB_PASID) |
			       VIQ_PUT(VIQ_VTD_DESC_DID, VTD_GUEST_DID) | VIQ_PUT(VIQ_VTD_DESC_PASID, pasid),
		       0);
}

/* --- Tests -------------------------------------------------------------------------------------------------------- */

/* Requests without PASID: page by page, each descriptor reaches its page and is done when the guest is told. */
static void test_pages(void)
{
	start();
	vtd_guest_set(&vmm.guest, 0, vmm_space(0));
	vmm_make_stale(0, 0, PAGES);
	for (unsigned int i = 0; i < PAGES; i++) {
		vtd_guest_push_page(&vmm.guest, 0, i);
		check(vtd_guest_ring(&vmm.guest));
		vmm_see(0, i, 1, true);
	}
	end();
}

/* All pages in one doorbell; a page that is unmapped is not reached. */
static void test_bulk(void)
{
	start();
	vtd_guest_set(&vmm.guest, 0, vmm_space(0));
	vmm_make_stale(0, 0, PAGES);
	vmm_map(0, 3, 0);
	for (unsigned int i = 0; i < PAGES; i++)
		vtd_guest_push_page(&vmm.guest, 0, i);
	check(vtd_guest_ring(&vmm.guest));
	vmm_see(0, 0, 3, true);
	vmm_see(0, 4, PAGES - 4, true);
	check_equal(vmm_look(3), 0);
	end();
}

/* Two PASIDs and requests without, each with an address space: what is meant for one does not reach the others. */
static void test_pasids(void)
{
	const uint32_t pasids[VMM_SPACES] = {0, 5, 63};

	if (!vmm_has_pasids())
		tap_skip("the device has no PASIDs");
	start();
	for (unsigned int i = 0; i < VMM_SPACES; i++) {
		vtd_guest_set(&vmm.guest, pasids[i], vmm_space(i));
		vmm_make_stale(i, pasids[i], PAGES);
	}
	vtd_guest_push_page(&vmm.guest, 5, 2);
	check(vtd_guest_ring(&vmm.guest));
	vmm_see(5, 2, 1, true);
	push_space(63);
	check(vtd_guest_ring(&vmm.guest));
	vmm_see(63, 0, PAGES, true);
	vtd_guest_push(&vmm.guest, VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_GLOBAL), 0);
	check(vtd_guest_ring(&vmm.guest));
	for (unsigned int i = 0; i < VMM_SPACES; i++)
		vmm_see(pasids[i], 0, PAGES, true);
	end();
}

/* A PASID gets other tables, and then none. */
static void test_entries(void)
{
	if (!vmm_has_pasids())
		tap_skip("the device has no PASIDs");
	start();
	vtd_guest_set(&vmm.guest, 5, vmm_space(0));
	vmm_map(0, 0, vmm_old(0));
	vmm_map(1, 0, vmm_new(0));
	vmm_use_pasid(5);
	check_equal(vmm_look(0), vmm_old(0));
	vtd_guest_set(&vmm.guest, 5, vmm_space(1));
	check_equal(vmm_look(0), vmm_new(0));
	vtd_guest_set(&vmm.guest, 5, 0);
	check_equal(vmm_look(0), 0);
	end();
}

/* A descriptor with a reserved bit: the guest is told of just that one, all before it is done, nothing after it. */
static void test_exact(void)
{
	uint32_t bad;

	start();
	vtd_guest_set(&vmm.guest, 0, vmm_space(0));
	vmm_make_stale(0, 0, PAGES);
	vtd_guest_push_page(&vmm.guest, 0, 0);
	bad = vmm.guest.tail;
	vtd_guest_push(&vmm.guest, VIQ_VTD_TYPE_PIOTLB | VIQ_PUT(VIQ_VTD_DESC_G, 1), 0);
	vtd_guest_push_page(&vmm.guest, 0, 1);
	check(!vtd_guest_ring(&vmm.guest));
	check_equal(viq_vtd_mmio_read(vmm.guest.vtd, VIQ_VTD_FSTS, 4) & VIQ_VTD_FSTS_IQE, VIQ_VTD_FSTS_IQE);
	check_equal(viq_vtd_mmio_read(vmm.guest.vtd, VIQ_VTD_IQH, 8), bad * VIQ_VTD_DESC_SIZE_256);
	vmm_see(0, 0, 1, true);
	vmm_see(0, 1, 1, false);
	end();
}

/* --- Page requests ------------------------------------------------------------------------------------------------ */

/* The device asks for a page, and the guest finds that in its queue (7.4.1.1). Returns the group. */
static uint32_t request(struct function *function, uint32_t pasid, unsigned int page)
{
	const uint64_t at = viq_vtd_mmio_read(vmm.guest.vtd, VIQ_VTD_PQT, 8);
	struct pollfd fd = {.fd = viq_linux_vvtd_page_fd(vmm.guest.vv), .events = POLLIN};
	uint64_t qw[2];

	function_begin(function, VIQ_DMA_ASK | VIQ_DMA_ASK_WRITE, page * 4096, 0, 8);
	check_equal(poll(&fd, 1, 5000), 1);
	check_equal(viq_nest_vtd_faults(vmm.guest.nest, 0), 0);
	check_equal(viq_vtd_mmio_read(vmm.guest.vtd, VIQ_VTD_PQT, 8), at + 32);
	memcpy(qw, vmm.ram + VTD_GUEST_PRQ + at, sizeof(qw));
	check_equal(qw[0], 1u | (pasid ? 1u << 8 : 0) | (uint64_t)VTD_GUEST_SID << 16 | (uint64_t)pasid << 32);
	check_equal(qw[1] & ~VIQ_VTD_PGRP_1_PRGI, page * 4096 | 4 | 2); /* the last of its group; to write */
	return (uint32_t)VIQ_GET(VIQ_VTD_PGRP_1_PRGI, qw[1]);
}

static void answer(uint32_t pasid, uint32_t group, uint32_t code)
{
	vtd_guest_push(&vmm.guest,
		       VIQ_VTD_TYPE_PGRP | (pasid ? VIQ_VTD_PGRP_PP : 0) | VIQ_PUT(VIQ_VTD_PGRP_RESP, code) |
			       VIQ_PUT(VIQ_VTD_PGRP_RID, VTD_GUEST_SID) | VIQ_PUT(VIQ_VTD_DESC_PASID, pasid),
		       VIQ_PUT(VIQ_VTD_PGRP_1_PRGI, group));
	check(vtd_guest_ring(&vmm.guest));
}

/* From the device through the kernel to the guest, and the guest's answer back to the device. */
static void test_requests(void)
{
	const uint32_t pasid = 5;
	struct function function;
	uint32_t group, status;

	if (!vmm_has_pasids())
		tap_skip("the device does not ask for pages");
	vmm.host.asks = true;
	start();
	function.bar = vmm.edu.bar;
	vtd_guest_set(&vmm.guest, pasid, vmm_space(0));
	vmm_use_pasid(pasid);
	check_equal(vmm_look(3), 0);
	group = request(&function, pasid, 3);
	vmm_map(0, 3, vmm_new(3));
	answer(pasid, group, VIQ_VTD_RESP_SUCCESS);
	check_equal(function_wait(&function), VIQ_DMA_STATUS_DONE);
	check_equal(vmm_look(3), vmm_new(3));
	group = request(&function, pasid, 4);
	answer(pasid, group, VIQ_VTD_RESP_INVALID);
	status = function_wait(&function);
	check_equal(VIQ_DMA_STATUS_CODE(status), VIQ_DMA_ERR_INVALID);
	/* The tables go: the kernel answers by itself, and the guest's answer comes too late for anybody. */
	group = request(&function, pasid, 5);
	vtd_guest_set(&vmm.guest, pasid, 0);
	status = function_wait(&function);
	check_equal(VIQ_DMA_STATUS_CODE(status), VIQ_DMA_ERR_INVALID);
	answer(pasid, group, VIQ_VTD_RESP_SUCCESS);
	end();
}

static const struct tap_test tests[] = {
	{"pages", test_pages},     {"bulk", test_bulk},   {"pasids", test_pasids},
	{"entries", test_entries}, {"exact", test_exact}, {"requests", test_requests},
};

static const struct machine_job jobs[] = {{"tests", MACHINE_TESTS(tests)}};

int main(void)
{
	return machine_run(jobs, sizeof(jobs) / sizeof(jobs[0]));
}
