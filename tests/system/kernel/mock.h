/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own mock IOMMU (CONFIG_IOMMUFD_TEST) in the place of a VT-d: real iommufd objects, attachments, PASIDs
 * and arrays; below them a driver that only notes what it was told.
 *
 * viq drives it as it drives a VT-d, through struct viq_linux_sys. Here the calls are put into the mock's own words:
 * the driver knows four pages, 0 to 3, of each nested page table, refuses others with EINVAL, and tells of each whether
 * it was invalidated.
 */
#ifndef VIQ_KERNEL_MOCK_H
#define VIQ_KERNEL_MOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <viq/linux.h>

#define MOCK_PAGES 4

struct mock {
	struct viq_linux_sys sys;
	struct viq_linux *ctx;
	int fd, cdev; /* cdev: stands for the device's, is never used as a file */
	uint32_t ioas, parent, device, stdev;
	uint32_t rid;        /* attached for requests without PASID; parent: blocked, which the mock cannot be */
	uint32_t pasids[64]; /* attached by PASID, 0: none */
	int fault_at;        /* the next array cannot be read from this entry on; -1: it can */
	uint32_t calls, last_count;
	int last_error;
};

/* Skips the test if the kernel has none. */
void mock_open(struct mock *mock);
void mock_close(struct mock *mock);
/* Was the page of this nested page table invalidated since it was made? */
bool mock_invalidated(struct mock *mock, uint32_t nested, uint32_t page);
/* The kernel says so too: this is attached to the PASID (0: to none). */
bool mock_attached(struct mock *mock, uint32_t pasid, uint32_t pt);

#endif
