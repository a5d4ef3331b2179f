/* SPDX-License-Identifier: MIT */
/*
 * viq-dma in the hands of a program: vfio maps, unmaps and maps again, and the function reads and writes what is there
 * now, never what was there before.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "function.h"
#include "job.h"

#define IOVA  UINT64_C(0x40000000)
#define PAGE  4096
#define PAGES 512

struct dma {
	int container, group, device, event;
	struct function function;
	uint8_t *before, *after; /* two buffers that take turns at the same IOVA */
};

/* --- vfio ------------------------------------------------------------------- */

static void await_interrupts(struct dma *d)
{
	union {
		struct vfio_irq_set set;
		uint8_t room[sizeof(struct vfio_irq_set) + sizeof(int)];
	} irq = {.set = {.argsz = sizeof(irq.room),
			 .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			 .index = VFIO_PCI_MSI_IRQ_INDEX,
			 .count = 1}};

	d->event = eventfd(0, EFD_CLOEXEC);
	memcpy(irq.set.data, &d->event, sizeof(int));
	check(!ioctl(d->device, VFIO_DEVICE_SET_IRQS, &irq));
}

static uint8_t *buffer(void)
{
	uint8_t *b = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	check(b != MAP_FAILED);
	return b;
}

static void open_function(struct dma *d)
{
	char address[32], path[320], link[320];
	ssize_t len;

	function_find(address, sizeof(address));
	/* viq-vtd remaps no interrupts. */
	devices_write("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "1");
	function_take(address);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", address);
	len = readlink(path, link, sizeof(link) - 1);
	check(len > 0);
	link[len] = 0;
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(link, '/'));
	devices_await(path);
	d->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	d->group = open(path, O_RDWR | O_CLOEXEC);
	check(d->container >= 0 && d->group >= 0);
	check(!ioctl(d->group, VFIO_GROUP_SET_CONTAINER, &d->container));
	check(!ioctl(d->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	d->device = ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, address);
	check(d->device >= 0);
	function_enable(&d->function, d->device);
	await_interrupts(d);
	d->before = buffer();
	d->after = buffer();
}

static void map(struct dma *d, void *memory, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_map m = {.argsz = sizeof(m),
					     .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
					     .vaddr = (uintptr_t)memory,
					     .iova = iova,
					     .size = size};

	if (ioctl(d->container, VFIO_IOMMU_MAP_DMA, &m))
		fail("map: %s", strerror(errno));
}

static void unmap(struct dma *d, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap u = {.argsz = sizeof(u), .iova = iova, .size = size};

	if (ioctl(d->container, VFIO_IOMMU_UNMAP_DMA, &u) || u.size != size)
		fail("unmap: %s", strerror(errno));
}

/* --- Tests ------------------------------------------------------------------ */

static uint64_t fnv(const uint8_t *bytes, size_t len)
{
	uint64_t sum = VIQ_DMA_FNV_START;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * VIQ_DMA_FNV_PRIME;
	return sum;
}

static void expect(uint32_t status, const char *what)
{
	if (status != VIQ_DMA_STATUS_DONE)
		fail("%s: status 0x%x", what, status);
}

/*
 * One buffer is mapped and read through, unmapped, and the other one mapped at the same IOVA. What the function reads
 * then must be the other one's; where it writes, too.
 */
static void take_turns(struct dma *d, unsigned int round, size_t pages)
{
	const size_t size = pages * PAGE;

	memset(d->before, (int)(2 * round), size);
	memset(d->after, (int)(2 * round + 1), size);
	map(d, d->before, IOVA, size);
	expect(function_command(&d->function, VIQ_DMA_SUMUP, IOVA, 0, size), "sum");
	check(function_read64(&d->function, VIQ_DMA_SUM) == fnv(d->before, size));
	unmap(d, IOVA, size);
	map(d, d->after, IOVA, size);
	expect(function_command(&d->function, VIQ_DMA_SUMUP, IOVA, 0, size), "sum after unmap");
	if (function_read64(&d->function, VIQ_DMA_SUM) == fnv(d->before, size))
		fail("viq-dma, round %u: %zu pages were read stale", round, pages);
	check(function_read64(&d->function, VIQ_DMA_SUM) == fnv(d->after, size));
	function_write64(&d->function, VIQ_DMA_DATA, 0x5a5a5a5a5a5a5a5a);
	expect(function_command(&d->function, VIQ_DMA_FILL, 0, IOVA, size), "fill");
	for (size_t i = 0; i < size; i++)
		if (d->before[i] != (uint8_t)(2 * round) || d->after[i] != 0x5a)
			fail("viq-dma, round %u: byte %zu was written stale", round, i);
	unmap(d, IOVA, size);
}

static void turns(struct dma *d, unsigned int rounds)
{
	static const size_t pages[] = {1, 2, 16, PAGES};

	for (unsigned int i = 0; i < rounds; i++)
		take_turns(d, i % 100, pages[i % 4]);
}

/* A list of pages in reverse order, copied to one piece; the interrupt says when it is done. */
static void lists(struct dma *d)
{
	struct pollfd ready = {.fd = d->event, .events = POLLIN};
	uint64_t *list = (uint64_t *)d->after, count;

	for (int i = 0; i < 8; i++) {
		memset(d->before + i * PAGE, 'a' + i, PAGE);
		list[2 * i] = IOVA + (uint64_t)(7 - i) * PAGE;
		list[2 * i + 1] = PAGE;
	}
	map(d, d->before, IOVA, 8 * PAGE);
	map(d, d->after, 2 * IOVA, 16 * PAGE);
	d->function.bar[VIQ_DMA_SRC_COUNT / 4] = 8;
	expect(function_command(&d->function, VIQ_DMA_COPY | VIQ_DMA_SRC_LIST | VIQ_DMA_INTERRUPT, 2 * IOVA,
				2 * IOVA + PAGE, 8 * PAGE),
	       "copy");
	check(poll(&ready, 1, 10000) == 1 && read(d->event, &count, sizeof(count)) == sizeof(count));
	for (int i = 0; i < 8 * PAGE; i++)
		check(d->after[PAGE + i] == 'a' + 7 - i / PAGE);
	check(VIQ_DMA_STATUS_CODE(function_command(&d->function, VIQ_DMA_COPY | VIQ_DMA_SRC_LIST, 2 * IOVA,
						   2 * IOVA + PAGE, 9 * PAGE)) == VIQ_DMA_ERR_LIST);
	check(VIQ_DMA_STATUS_CODE(function_command(&d->function, 99, 0, 0, 8)) == VIQ_DMA_ERR_COMMAND);
	unmap(d, IOVA, 8 * PAGE);
	unmap(d, 2 * IOVA, 16 * PAGE);
}

static struct dma dma;

void dma_check(unsigned int rounds)
{
	if (!dma.function.bar)
		open_function(&dma);
	turns(&dma, rounds);
	lists(&dma);
}

/* A page is read, then unmapped while the failure is armed, and read again: the status. Nothing is mapped then. */
static uint32_t unmap_failing(struct dma *d, const char *failure)
{
	char text[64];

	snprintf(text, sizeof(text), "fail %s", failure);
	map(d, d->before, IOVA, PAGE);
	expect(function_command(&d->function, VIQ_DMA_READ, IOVA, 0, 8), "read");
	devices_ask(text);
	unmap(d, IOVA, PAGE);
	return function_command(&d->function, VIQ_DMA_READ, IOVA, 0, 8);
}

/* Mapping anew may flush, too (VT-d with caching mode), so this looks while nothing is mapped. */
void dma_check_lost(void)
{
	uint32_t status = unmap_failing(&dma, "0:drop");

	if (status == VIQ_DMA_STATUS_DONE)
		fail("viq-dma, round 0: what is not mapped was read, stale");
	check(VIQ_DMA_STATUS_CODE(status) == VIQ_DMA_ERR_ABORTED);
}

void dma_check_failure(const char *failure, enum dma_after after)
{
	struct dma *d = &dma;
	uint32_t status;

	if (!d->function.bar) {
		/* The first unmapping in a domain may invalidate more than once. */
		open_function(d);
		turns(d, 4);
	}
	status = unmap_failing(d, failure);
	devices_ask("struck");
	tap_note("%s: the page is %s", failure, status == VIQ_DMA_STATUS_DONE ? "reached" : "not reached");
	if (after == DMA_STALE)
		expect(status, "a lost invalidation was not noticed");
	else if (after == DMA_GONE)
		check(status != VIQ_DMA_STATUS_DONE);
	devices_ask("fail none");
	map(d, d->before, IOVA, PAGE);
	unmap(d, IOVA, PAGE);
	check(VIQ_DMA_STATUS_CODE(function_command(&d->function, VIQ_DMA_READ, IOVA, 0, 8)) == VIQ_DMA_ERR_ABORTED);
	turns(d, 8);
}

/* The function leaves its domain, and is told so. */
static void close_function(struct dma *d)
{
	munmap((void *)d->function.bar, VIQ_DMA_BAR_SIZE);
	close(d->event);
	close(d->device);
	close(d->group);
	close(d->container);
	*d = (struct dma){0};
}

/* From an identity domain, as only then an SMMU's stream table entry changes. */
void dma_check_attach_lost(void)
{
	struct dma *d = &dma;
	char address[32], path[320];

	open_function(d);
	turns(d, 4);
	close_function(d);
	function_find(address, sizeof(address));
	devices_unbind("vfio-pci", address);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/type", address);
	devices_write(path, "identity");
	devices_ask("fail 0:config-drop:0");
	open_function(d);
	memset(d->before, 0xa5, PAGE);
	map(d, d->before, IOVA, PAGE);
	if (function_command(&d->function, VIQ_DMA_READ, IOVA, 0, 8) == VIQ_DMA_STATUS_DONE)
		check(function_read64(&d->function, VIQ_DMA_DATA) != 0xa5a5a5a5a5a5a5a5);
	unmap(d, IOVA, PAGE);
	devices_ask("struck");
	devices_ask("fail none");
	close_function(d);
	open_function(d);
	turns(d, 8);
}

/* Extended capabilities: their list is from 0x100 on. */
static uint16_t config_word(const struct dma *d, off_t at)
{
	struct vfio_region_info info = {.argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX};
	uint16_t word;

	check(!ioctl(d->device, VFIO_DEVICE_GET_REGION_INFO, &info));
	check(pread(d->device, &word, 2, (off_t)info.offset + at) == 2);
	return word;
}

void dma_check_ats(void)
{
	const uint16_t id = 0x0f;
	off_t at = 0x100;

	open_function(&dma);
	while (at && config_word(&dma, at) != id)
		at = config_word(&dma, at + 2) >> 4;
	check(at && config_word(&dma, at + 6) & 0x8000);
	turns(&dma, 8);
	devices_ask("counted soft_atc_hits");
}
