/* SPDX-License-Identifier: MIT */
/*
 * A guest VT-d on the kernel's mock IOMMU: its queue, and the entries that it writes, through viq to real iommufd
 * objects and arrays. What an array did is what the mock's driver says of each page.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <viq/linux_vtd.h>
#include <viq/nest_vtd.h>
#include <viq/vtd.h>

#include "mock.h"
#include "tap.h"
#include "tests.h"

#define RAM    0x100000
#define QUEUE  0x10000 /* 128 descriptors of 256 bits */
#define STATUS 0x20000
#define ROOT   0x30000
#define CTX    0x31000
#define DIR    0x32000
#define TABLE  0x33000
#define SID    0x0100
#define DID    4
#define DONE   2

struct vtd_guest {
	struct mock mock;
	uint8_t *ram;
	struct viq_mem *mem;
	struct viq_vtd *vtd;
	struct viq_vtd_ops ops;
	struct viq_linux_vvtd *vv;
	struct viq_nest_vtd *nest;
	uint32_t tail; /* descriptors queued */
};

static void poke(struct vtd_guest *g, uint64_t gpa, uint64_t value)
{
	value = htole64(value);
	memcpy(g->ram + gpa, &value, sizeof(value));
}

static int on_reconfig(void *opaque, struct viq_vtd_reconfig *what)
{
	struct vtd_guest *g = opaque;

	return viq_nest_vtd_reconfig(g->nest, what);
}

static void make_guest(struct vtd_guest *g)
{
	struct viq_mem_region region = {.size = RAM};
	struct viq_why why = {{0}};
	struct viq_vtd_config config;

	g->ram = region.host = aligned_alloc(4096, RAM);
	memset(g->ram, 0, RAM);
	check_equal(viq_mem_create(&region, 1, NULL, NULL, &g->mem, NULL), 0);
	viq_vtd_config_init(&config, sizeof(config));
	viq_linux_vvtd_offer(g->vv, &config.cap, &config.ecap);
	g->ops = (struct viq_vtd_ops){.size = sizeof(g->ops), .reconfig = on_reconfig};
	config.mem = g->mem;
	config.ops = &g->ops;
	config.opaque = g;
	if (viq_linux_vvtd_check(g->vv, config.cap, config.ecap, &why))
		fail("%s", why.text);
	check_equal(viq_vtd_create(&config, &g->vtd, NULL), 0);
	check_equal(viq_nest_vtd_bind(g->nest, g->vtd, g->mem), 0);
}

static void boot(struct vtd_guest *g)
{
	poke(g, ROOT + (SID >> 8) * 16, CTX | 1);
	poke(g, CTX, VIQ_VTD_SCTX_P | VIQ_VTD_SCTX_PASIDE | DIR);
	poke(g, DIR, TABLE | 1);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_IQA, 8, QUEUE | VIQ_VTD_IQA_DW);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_RTADDR, 8, ROOT | VIQ_PUT(VIQ_VTD_RTADDR_TTM, VIQ_VTD_TTM_SCALABLE));
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_SRTP);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_GCMD, 4, VIQ_VTD_GCMD_QIE | VIQ_VTD_GCMD_TE);
}

static void start(struct vtd_guest *g)
{
	struct viq_linux_vtd_device device = {.size = sizeof(device), .pasids = true};
	struct viq_linux_vvtd_config config;
	struct viq_nest_vtd_config nest;
	struct viq_why why = {{0}};

	*g = (struct vtd_guest){0};
	mock_open(&g->mock);
	viq_linux_vvtd_config_init(&config, sizeof(config));
	config.hwpt = g->mock.parent;
	config.device = g->mock.device;
	if (viq_linux_vvtd_create(g->mock.ctx, &config, &g->vv, &why))
		fail("%s", why.text);
	viq_nest_vtd_config_init(&nest, sizeof(nest));
	nest.backend = viq_linux_vvtd_backend(g->vv);
	check_equal(viq_nest_vtd_create(&nest, &g->nest, NULL), 0);
	make_guest(g);
	boot(g);
	device.device = g->mock.device;
	device.fd = g->mock.cdev;
	if (viq_linux_vvtd_add(g->vv, &device, SID, &why))
		fail("%s", why.text);
	check_equal(viq_nest_vtd_follow(g->nest, SID), 0);
}

/* Nothing may be left: the mock's own objects can be destroyed then. */
static void end(struct vtd_guest *g)
{
	viq_nest_vtd_destroy(g->nest);
	viq_vtd_destroy(g->vtd);
	check_equal(viq_linux_vvtd_destroy(g->vv), 0);
	viq_mem_destroy(g->mem);
	free(g->ram);
	mock_close(&g->mock);
}

/* --- The guest's driver ------------------------------------------------------------------------------------------- */

static void push(struct vtd_guest *g, uint64_t qw0, uint64_t qw1)
{
	uint64_t gpa = QUEUE + g->tail++ * VIQ_VTD_DESC_SIZE_256;

	check(g->tail < 128);
	poke(g, gpa, qw0);
	poke(g, gpa + 8, qw1);
}

static void push_page(struct vtd_guest *g, uint32_t pasid, uint64_t page)
{
	push(g,
	     VIQ_VTD_TYPE_PIOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PIOTLB_PAGE) | VIQ_PUT(VIQ_VTD_DESC_DID, DID) |
		     VIQ_PUT(VIQ_VTD_DESC_PASID, pasid),
	     page << 12);
}

/* A wait descriptor, and the doorbell. Did it complete? */
static bool ring(struct vtd_guest *g)
{
	uint64_t status = STATUS + 8 * g->tail;

	push(g, VIQ_VTD_TYPE_WAIT | VIQ_VTD_WAIT_SW | VIQ_PUT(VIQ_VTD_WAIT_DATA, DONE), status);
	viq_vtd_mmio_write(g->vtd, VIQ_VTD_IQT, 4, g->tail * VIQ_VTD_DESC_SIZE_256);
	return g->ram[status] == DONE;
}

static bool flush_pasid(struct vtd_guest *g, uint32_t pasid)
{
	push(g,
	     VIQ_VTD_TYPE_PC | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_PC_PASID) | VIQ_PUT(VIQ_VTD_DESC_DID, DID) |
		     VIQ_PUT(VIQ_VTD_DESC_PASID, pasid),
	     0);
	return ring(g);
}

/* The entry of a PASID below 64; table 0: none. Its descriptor must complete. */
static void set_entry(struct vtd_guest *g, uint32_t pasid, uint64_t table)
{
	uint64_t gpa = TABLE + pasid * VIQ_VTD_PE_SIZE;

	poke(g, gpa + 16, table);
	poke(g, gpa + 8, DID);
	poke(g, gpa, table ? VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS) : 0);
	check(flush_pasid(g, pasid));
}

static void check_pages(struct vtd_guest *g, uint32_t nested, unsigned int mask)
{
	for (uint32_t page = 0; page < MOCK_PAGES; page++)
		check_equal(mock_invalidated(&g->mock, nested, page), mask >> page & 1);
}

/* --- Tests -------------------------------------------------------------------------------------------------------- */

/* Entries of one doorbell are one array, and each does what it says. */
void test_mock_array(void)
{
	struct vtd_guest g;

	start(&g);
	set_entry(&g, 0, 0x40000);
	check(g.mock.rid != g.mock.parent);
	check_pages(&g, g.mock.rid, 0);
	push_page(&g, 0, 1);
	check(ring(&g));
	check_pages(&g, g.mock.rid, 0x2);
	g.mock.calls = 0;
	push_page(&g, 0, 0);
	push_page(&g, 0, 3);
	check(ring(&g));
	check_equal(g.mock.calls, 1);
	check_equal(g.mock.last_count, 2);
	check_pages(&g, g.mock.rid, 0xb);
	/* Of another PASID: nobody's. */
	push_page(&g, 9, 2);
	check(ring(&g));
	check_pages(&g, g.mock.rid, 0xb);
	end(&g);
}

/* The kernel fails in the middle of an array: what its count says has been done, and nothing else. */
void test_mock_count(void)
{
	for (int bad = 0; bad < MOCK_PAGES; bad++) {
		struct vtd_guest g;
		uint32_t first;

		start(&g);
		set_entry(&g, 0, 0x40000);
		first = g.tail;
		for (uint32_t page = 0; page < MOCK_PAGES; page++)
			push_page(&g, 0, page);
		g.mock.fault_at = bad;
		check(!ring(&g));
		check_equal(g.mock.last_error, -EFAULT);
		check_equal(g.mock.last_count, bad);
		check_pages(&g, g.mock.rid, (1u << bad) - 1);
		check_equal(viq_vtd_mmio_read(g.vtd, VIQ_VTD_IQH, 8), (first + bad) * VIQ_VTD_DESC_SIZE_256);
		/* Not the fault of the guest: its queue stands still, and goes on there when it is run again. */
		check_equal(viq_vtd_mmio_read(g.vtd, VIQ_VTD_FSTS, 4), 0);
		check_equal(viq_vtd_waits_for_host(g.vtd), 1);
		check(!viq_vtd_run(g.vtd, 0));
		check_equal(g.ram[STATUS + 8 * (g.tail - 1)], DONE);
		check_pages(&g, g.mock.rid, 0xf);
		end(&g);
	}
}

/* A legal entry that the kernel refuses: all of the table goes, and the guest's wait completes. */
void test_mock_refusal(void)
{
	struct vtd_guest g;

	start(&g);
	set_entry(&g, 0, 0x40000);
	push_page(&g, 0, 2);
	push_page(&g, 0, MOCK_PAGES);
	check(ring(&g));
	check_equal(g.mock.last_error, 0);
	check_pages(&g, g.mock.rid, 0xf);
	end(&g);
}

/* Entries come, change and go, for requests without PASID and with; a global descriptor reaches every table. */
void test_mock_pasids(void)
{
	struct vtd_guest g;
	uint32_t old;

	start(&g);
	set_entry(&g, 0, 0x40000);
	set_entry(&g, 5, 0x41000);
	set_entry(&g, 63, 0x42000);
	check(mock_attached(&g.mock, 5, g.mock.pasids[5]));
	check(mock_attached(&g.mock, 63, g.mock.pasids[63]));
	check(mock_attached(&g.mock, 6, 0));
	push(&g, VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_GLOBAL), 0);
	check(ring(&g));
	check_pages(&g, g.mock.rid, 0xf);
	check_pages(&g, g.mock.pasids[5], 0xf);
	check_pages(&g, g.mock.pasids[63], 0xf);
	old = g.mock.pasids[5];
	set_entry(&g, 5, 0x43000);
	check(g.mock.pasids[5] != old);
	check(mock_attached(&g.mock, 5, g.mock.pasids[5]));
	check_pages(&g, g.mock.pasids[5], 0);
	set_entry(&g, 5, 0);
	check(mock_attached(&g.mock, 5, 0));
	set_entry(&g, 0, 0);
	check_equal(g.mock.rid, g.mock.parent);
	end(&g);
}
