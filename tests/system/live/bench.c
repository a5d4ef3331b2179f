/* SPDX-License-Identifier: MIT */
/* What an IOMMU costs its guest: unmapping through vfio, and reads of a disk whose driver unmaps at once. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "job.h"

#define PAGE     4096u
#define IOVA     UINT64_C(0x700001000) /* no table of the last level is filled, so that none goes at once */
#define MANY     512u
#define TIMES    400u
#define READS    4000u
#define FUNCTION "/sys/bus/pci/devices/%s/%s"

static int must_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	return fd;
}

/* A container of vfio with the network card in it. */
static int open_container(void)
{
	char address[32], path[512], link[512], group[64];
	int container, fd;
	ssize_t length;

	devices_find("e1000e", address, sizeof(address));
	snprintf(path, sizeof(path), FUNCTION, address, "iommu_group");
	length = readlink(path, link, sizeof(link) - 1);
	check(length > 0);
	link[length] = 0;
	devices_unbind("e1000e", address);
	snprintf(path, sizeof(path), FUNCTION, address, "driver_override");
	devices_write(path, "vfio-pci");
	/* viq remaps no interrupts; the only program of this guest is trusted. */
	devices_write("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "1");
	devices_bind("vfio-pci", address);
	snprintf(group, sizeof(group), "/dev/vfio/%.40s", strrchr(link, '/') + 1);
	devices_await(group);
	container = must_open("/dev/vfio/vfio");
	fd = must_open(group);
	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container) || ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		fail("vfio: %s", strerror(errno));
	return container;
}

static void measure(int container, void *memory, unsigned int pages)
{
	static uint64_t took[TIMES];

	for (unsigned int i = 0; i < TIMES; i++) {
		struct vfio_iommu_type1_dma_map map = {
			.argsz = sizeof(map),
			.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
			.vaddr = (uintptr_t)memory,
			.iova = IOVA,
			.size = (uint64_t)pages * PAGE,
		};
		struct vfio_iommu_type1_dma_unmap unmap = {
			.argsz = sizeof(unmap), .iova = IOVA, .size = (uint64_t)pages * PAGE};
		uint64_t start;

		if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
			fail("mapping %u pages: %s", pages, strerror(errno));
		start = machine_now_ns();
		if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap))
			fail("unmapping %u pages: %s", pages, strerror(errno));
		took[i] = machine_now_ns() - start;
		check_equal(unmap.size, (uint64_t)pages * PAGE);
	}
	tap_note("bench unmap-%u %llu", pages, (unsigned long long)machine_median(took, TIMES));
}

void bench_unmap(void)
{
	int container = open_container();
	/* Scattered, so that the driver maps page by page. */
	char *memory = mmap(NULL, (size_t)MANY * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	check(memory != MAP_FAILED);
	measure(container, memory, 1);
	measure(container, memory, 16);
	measure(container, memory, MANY);
}

void bench_reads(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t start;
	int fd;

	devices_await(NVME);
	fd = open(NVME, O_RDONLY | O_DIRECT | O_CLOEXEC);
	check(fd >= 0 && page != MAP_FAILED);
	start = machine_now_ns();
	for (unsigned int i = 0; i < READS; i++)
		check_equal(pread(fd, page, PAGE, (off_t)(i % 1024) * PAGE), PAGE);
	tap_note("bench reads %llu", (unsigned long long)(READS * UINT64_C(1000000000) / (machine_now_ns() - start)));
}
