/* SPDX-License-Identifier: MIT */
/*
 * A guest VT-d on the kernel's mock IOMMU: its queue, and the entries that it writes, through viq to real iommufd
 * objects and arrays. What an array did is what the mock's driver says of each page.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mock.h"
#include "tap.h"
#include "tests.h"
#include "vtd_guest.h"

struct mocked {
	struct mock mock;
	struct vtd_guest guest;
};

static void start(struct mocked *m)
{
	uint8_t *ram = aligned_alloc(4096, VTD_GUEST_RAM);

	memset(ram, 0, VTD_GUEST_RAM);
	mock_open(&m->mock);
	vtd_guest_start(&m->guest,
			&(struct vtd_guest_host){.ctx = m->mock.ctx,
						 .parent = m->mock.parent,
						 .device = m->mock.device,
						 .cdev = m->mock.cdev,
						 .pasids = true},
			ram);
}

static void end(struct mocked *m)
{
	vtd_guest_end(&m->guest);
	free(m->guest.ram);
	mock_close(&m->mock);
}

static void check_pages(struct mocked *m, uint32_t nested, unsigned int mask)
{
	for (uint32_t page = 0; page < MOCK_PAGES; page++)
		check_equal(mock_invalidated(&m->mock, nested, page), mask >> page & 1);
}

/* --- Tests -------------------------------------------------------------------------------------------------------- */

/* Entries of one doorbell are one array, and each does what it says. */
void test_mock_array(void)
{
	struct mocked m;

	start(&m);
	vtd_guest_set(&m.guest, 0, 0x40000);
	check(m.mock.rid != m.mock.parent);
	check_pages(&m, m.mock.rid, 0);
	vtd_guest_push_page(&m.guest, 0, 1);
	check(vtd_guest_ring(&m.guest));
	check_pages(&m, m.mock.rid, 0x2);
	m.mock.calls = 0;
	vtd_guest_push_page(&m.guest, 0, 0);
	vtd_guest_push_page(&m.guest, 0, 3);
	check(vtd_guest_ring(&m.guest));
	check_equal(m.mock.calls, 1);
	check_equal(m.mock.last_count, 2);
	check_pages(&m, m.mock.rid, 0xb);
	/* Of another PASID: nobody's. */
	vtd_guest_push_page(&m.guest, 9, 2);
	check(vtd_guest_ring(&m.guest));
	check_pages(&m, m.mock.rid, 0xb);
	end(&m);
}

/* The kernel fails in the middle of an array: what its count says has been done, and nothing else. */
void test_mock_count(void)
{
	for (int bad = 0; bad < MOCK_PAGES; bad++) {
		struct mocked m;
		uint32_t first;

		start(&m);
		vtd_guest_set(&m.guest, 0, 0x40000);
		first = m.guest.tail;
		for (uint32_t page = 0; page < MOCK_PAGES; page++)
			vtd_guest_push_page(&m.guest, 0, page);
		m.mock.fault_at = bad;
		check(!vtd_guest_ring(&m.guest));
		check_equal(m.mock.last_error, -EFAULT);
		check_equal(m.mock.last_count, bad);
		check_pages(&m, m.mock.rid, (1u << bad) - 1);
		check_equal(viq_vtd_mmio_read(m.guest.vtd, VIQ_VTD_IQH, 8), (first + bad) * VIQ_VTD_DESC_SIZE_256);
		/* Not the fault of the guest: its queue stands still, and goes on there when it is run again. */
		check_equal(viq_vtd_mmio_read(m.guest.vtd, VIQ_VTD_FSTS, 4), 0);
		check_equal(viq_vtd_waits_for_host(m.guest.vtd), 1);
		check(!viq_vtd_run(m.guest.vtd, 0));
		check_equal(m.guest.ram[VTD_GUEST_STATUS + 8 * (m.guest.tail - 1)], VTD_GUEST_DONE);
		check_pages(&m, m.mock.rid, 0xf);
		end(&m);
	}
}

/* A legal entry that the kernel refuses: all of the table goes, and the guest's wait completes. */
void test_mock_refusal(void)
{
	struct mocked m;

	start(&m);
	vtd_guest_set(&m.guest, 0, 0x40000);
	vtd_guest_push_page(&m.guest, 0, 2);
	vtd_guest_push_page(&m.guest, 0, MOCK_PAGES);
	check(vtd_guest_ring(&m.guest));
	check_equal(m.mock.last_error, 0);
	check_pages(&m, m.mock.rid, 0xf);
	end(&m);
}

/* Entries come, change and go, for requests without PASID and with; a global descriptor reaches every table. */
void test_mock_pasids(void)
{
	struct mocked m;
	uint32_t old;

	start(&m);
	vtd_guest_set(&m.guest, 0, 0x40000);
	vtd_guest_set(&m.guest, 5, 0x41000);
	vtd_guest_set(&m.guest, 63, 0x42000);
	check(mock_attached(&m.mock, 5, m.mock.pasids[5]));
	check(mock_attached(&m.mock, 63, m.mock.pasids[63]));
	check(mock_attached(&m.mock, 6, 0));
	vtd_guest_push(&m.guest, VIQ_VTD_TYPE_IOTLB | VIQ_PUT(VIQ_VTD_DESC_G, VIQ_VTD_IOTLB_GLOBAL), 0);
	check(vtd_guest_ring(&m.guest));
	check_pages(&m, m.mock.rid, 0xf);
	check_pages(&m, m.mock.pasids[5], 0xf);
	check_pages(&m, m.mock.pasids[63], 0xf);
	old = m.mock.pasids[5];
	vtd_guest_set(&m.guest, 5, 0x43000);
	check(m.mock.pasids[5] != old);
	check(mock_attached(&m.mock, 5, m.mock.pasids[5]));
	check_pages(&m, m.mock.pasids[5], 0);
	vtd_guest_set(&m.guest, 5, 0);
	check(mock_attached(&m.mock, 5, 0));
	vtd_guest_set(&m.guest, 0, 0);
	check_equal(m.mock.rid, m.mock.parent);
	end(&m);
}
