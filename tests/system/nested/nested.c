/* SPDX-License-Identifier: MIT */
/*
 * /init of the machine: viq's guest VT-d in front of the machine's own, through Linux's real Intel driver. The kernel's
 * command line says what to do: viq.run=tests (viq.only=PREFIX: those whose names begin so).
 *
 * A page of the device's address space is remapped from OLD to NEW. A device that still reads OLD does so through what
 * an IOMMU, or the device itself, remembers: that must be seen before the guest's descriptor, and never after.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/edu.h"
#include "kernel/machine.h"
#include "kernel/vtd_guest.h"
#include "live/function.h"

#define PAGE   4096u
#define TABLES VTD_GUEST_FREE /* four levels, one table each, for each address space */
#define SPACES 3u
#define OLD(i) (0x80000u + (i)*PAGE)
#define NEW(i) (0xc0000u + (i)*PAGE)
#define PAGES  24u
#define LEAF   0x67u /* present, writable, for users, accessed and dirty (VT-d 9.8) */

static struct nested {
	struct vtd_guest_host host;
	struct vtd_guest guest;
	struct edu edu;
	uint32_t ioas;
	uint8_t *ram;
} n;

/* --- The VMM ------------------------------------------------------------------------------------------------------ */

/* The device has PASIDs: so says who made the machine. */
static bool with_pasids(void)
{
	char value[4];

	return machine_option("viq.pasids", value, sizeof(value));
}

static void start(void)
{
	struct viq_why why = {""};

	n.ram = mmap(NULL, VTD_GUEST_RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(n.ram != MAP_FAILED);
	if (viq_linux_open(NULL, &n.host.ctx, &why))
		fail("%s", why.text);
	edu_open(&n.edu);
	n.host.cdev = n.edu.cdev;
	n.host.pasids = with_pasids();
	check_equal(viq_linux_vfio_bind(n.host.ctx, n.edu.cdev, &n.host.device, NULL), 0);
	edu_start(&n.edu);
	check_equal(viq_linux_ioas_alloc(n.host.ctx, &n.ioas), 0);
	check_equal(viq_linux_ioas_map(n.host.ctx, n.ioas, 0, n.ram, VTD_GUEST_RAM, VIQ_LINUX_READ | VIQ_LINUX_WRITE),
		    0);
	check_equal(viq_linux_hwpt_alloc(n.host.ctx, n.host.device, n.ioas,
					 VIQ_LINUX_NEST_PARENT | (n.host.pasids ? VIQ_LINUX_PASID : 0), &n.host.parent),
		    0);
	vtd_guest_start(&n.guest, &n.host, n.ram);
}

/* The kernel says EBUSY if anything is left that was built on them. */
static void end(void)
{
	vtd_guest_end(&n.guest);
	check_equal(viq_linux_destroy(n.host.ctx, n.host.parent), 0);
	check_equal(viq_linux_destroy(n.host.ctx, n.ioas), 0);
	edu_close(&n.edu);
	viq_linux_close(n.host.ctx);
}

/* --- The guest's tables ------------------------------------------------------------------------------------------- */

static uint64_t root_of(unsigned int space)
{
	return TABLES + space * 4 * PAGE;
}

static void make_space(unsigned int space)
{
	for (unsigned int level = 0; level < 3; level++)
		vtd_guest_poke(&n.guest, root_of(space) + level * PAGE, (root_of(space) + (level + 1) * PAGE) | LEAF);
}

static void map(unsigned int space, unsigned int page, uint64_t where)
{
	vtd_guest_poke(&n.guest, root_of(space) + 3 * PAGE + 8 * page, where ? where | LEAF : 0);
}

/* --- The device --------------------------------------------------------------------------------------------------- */

static void use_pasid(uint32_t pasid)
{
	n.edu.control = pasid ? VIQ_DMA_HAS_PASID | pasid : 0;
}

/* What the device reads; 0: it reaches nothing. */
static uint64_t look(unsigned int page)
{
	struct function function = {n.edu.bar};
	uint32_t status;

	n.edu.bar[VIQ_DMA_CONTROL / 4] = n.edu.control;
	status = function_command(&function, VIQ_DMA_READ, page * PAGE, 0, 8);
	check(status & VIQ_DMA_STATUS_DONE);
	return status & VIQ_DMA_STATUS_ERROR ? 0 : function_read64(&function, VIQ_DMA_DATA);
}

static void fill_pages(void)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		vtd_guest_poke(&n.guest, OLD(i), OLD(i));
		vtd_guest_poke(&n.guest, NEW(i), NEW(i));
	}
}

/*
 * Every page is OLD, is used, and becomes NEW: and the device does not know it. Nothing is kept of the very first
 * request, with which the unit reads its entries.
 */
static void make_stale(unsigned int space, uint32_t pasid)
{
	use_pasid(pasid);
	map(space, 0, OLD(0));
	look(0);
	for (unsigned int i = 0; i < PAGES; i++) {
		map(space, i, OLD(i));
		check_equal(look(i), OLD(i));
		map(space, i, NEW(i));
		check_equal(look(i), OLD(i));
	}
}

static void see(uint32_t pasid, unsigned int first, unsigned int count, bool fresh)
{
	use_pasid(pasid);
	for (unsigned int i = first; i < first + count; i++)
		check_equal(look(i), fresh ? NEW(i) : OLD(i));
}

static void push_space(uint32_t pasid)
{
	vtd_guest_push(&n.guest,
		       VIQ_VTD_TYPE_PIOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PIOTLB_PASID) |
			       VIQ_PUT(VIQ_VTD_DESC_DID, VTD_GUEST_DID) | VIQ_PUT(VIQ_VTD_DESC_PASID, pasid),
		       0);
}

/* --- Tests -------------------------------------------------------------------------------------------------------- */

/* Requests without PASID: page by page, each descriptor reaches its page and is done when the guest is told. */
static void test_pages(void)
{
	start();
	fill_pages();
	make_space(0);
	vtd_guest_set(&n.guest, 0, root_of(0));
	make_stale(0, 0);
	for (unsigned int i = 0; i < PAGES; i++) {
		vtd_guest_push_page(&n.guest, 0, i);
		check(vtd_guest_ring(&n.guest));
		see(0, i, 1, true);
	}
	end();
}

/* All pages in one doorbell; a page that is unmapped is not reached. */
static void test_bulk(void)
{
	start();
	fill_pages();
	make_space(0);
	vtd_guest_set(&n.guest, 0, root_of(0));
	make_stale(0, 0);
	map(0, 3, 0);
	for (unsigned int i = 0; i < PAGES; i++)
		vtd_guest_push_page(&n.guest, 0, i);
	check(vtd_guest_ring(&n.guest));
	see(0, 0, 3, true);
	see(0, 4, PAGES - 4, true);
	check_equal(look(3), 0);
	end();
}

/* Two PASIDs and requests without, each with an address space: what is meant for one does not reach the others. */
static void test_pasids(void)
{
	const uint32_t pasids[SPACES] = {0, 5, 63};

	if (!with_pasids())
		tap_skip("the device has no PASIDs");
	start();
	fill_pages();
	for (unsigned int i = 0; i < SPACES; i++) {
		make_space(i);
		vtd_guest_set(&n.guest, pasids[i], root_of(i));
		make_stale(i, pasids[i]);
	}
	vtd_guest_push_page(&n.guest, 5, 2);
	check(vtd_guest_ring(&n.guest));
	see(5, 2, 1, true);
	push_space(63);
	check(vtd_guest_ring(&n.guest));
	see(63, 0, PAGES, true);
	vtd_guest_push(&n.guest, VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_GLOBAL), 0);
	check(vtd_guest_ring(&n.guest));
	for (unsigned int i = 0; i < SPACES; i++)
		see(pasids[i], 0, PAGES, true);
	end();
}

/* A PASID gets other tables, and then none. */
static void test_entries(void)
{
	if (!with_pasids())
		tap_skip("the device has no PASIDs");
	start();
	fill_pages();
	make_space(0);
	make_space(1);
	vtd_guest_set(&n.guest, 5, root_of(0));
	map(0, 0, OLD(0));
	map(1, 0, NEW(0));
	use_pasid(5);
	check_equal(look(0), OLD(0));
	vtd_guest_set(&n.guest, 5, root_of(1));
	check_equal(look(0), NEW(0));
	vtd_guest_set(&n.guest, 5, 0);
	check_equal(look(0), 0);
	end();
}

/* A descriptor with a reserved bit: the guest is told of just that one, all before it is done, nothing after it. */
static void test_exact(void)
{
	uint32_t bad;

	start();
	fill_pages();
	make_space(0);
	vtd_guest_set(&n.guest, 0, root_of(0));
	make_stale(0, 0);
	vtd_guest_push_page(&n.guest, 0, 0);
	bad = n.guest.tail;
	vtd_guest_push(&n.guest, VIQ_VTD_TYPE_PIOTLB | VIQ_PUT(VIQ_VTD_DESC_G, 1), 0);
	vtd_guest_push_page(&n.guest, 0, 1);
	check(!vtd_guest_ring(&n.guest));
	check_equal(viq_vtd_mmio_read(n.guest.vtd, VIQ_VTD_FSTS, 4) & VIQ_VTD_FSTS_IQE, VIQ_VTD_FSTS_IQE);
	check_equal(viq_vtd_mmio_read(n.guest.vtd, VIQ_VTD_IQH, 8), bad * VIQ_VTD_DESC_SIZE_256);
	see(0, 0, 1, true);
	see(0, 1, 1, false);
	end();
}

static const struct tap_test tests[] = {
	{"pages", test_pages},     {"bulk", test_bulk},   {"pasids", test_pasids},
	{"entries", test_entries}, {"exact", test_exact},
};

static const struct machine_job jobs[] = {{"tests", MACHINE_TESTS(tests)}};

int main(void)
{
	return machine_run(jobs, sizeof(jobs) / sizeof(jobs[0]));
}
