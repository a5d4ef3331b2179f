/* SPDX-License-Identifier: MIT */
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "function.h"
#include "job.h"

static uint32_t function_read32(const struct function *f, unsigned int reg)
{
	return f->bar[reg / 4];
}

void function_write64(struct function *f, unsigned int reg, uint64_t value)
{
	f->bar[reg / 4] = (uint32_t)value;
	f->bar[reg / 4 + 1] = (uint32_t)(value >> 32);
}

uint64_t function_read64(const struct function *f, unsigned int reg)
{
	return function_read32(f, reg) | (uint64_t)function_read32(f, reg + 4) << 32;
}

void function_begin(struct function *f, uint32_t cmd, uint64_t src, uint64_t dst, uint64_t len)
{
	function_write64(f, VIQ_DMA_SRC, src);
	function_write64(f, VIQ_DMA_DST, dst);
	function_write64(f, VIQ_DMA_LEN, len);
	f->bar[VIQ_DMA_CMD / 4] = cmd;
}

uint32_t function_wait(const struct function *f)
{
	for (int i = 0; i < 100000; i++) {
		uint32_t status = function_read32(f, VIQ_DMA_STATUS);

		if (!(status & VIQ_DMA_STATUS_BUSY))
			return status;
		usleep(100);
	}
	return 0;
}

uint32_t function_command(struct function *f, uint32_t cmd, uint64_t src, uint64_t dst, uint64_t len)
{
	function_begin(f, cmd, src, dst, len);
	return function_wait(f);
}

void function_find(char *address, size_t size)
{
	char path[320], text[16];

	for (int slot = 0; slot < 32; slot++) {
		snprintf(address, size, "0000:00:%02x.0", slot);
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", address);
		if (access(path, F_OK))
			continue;
		devices_read(path, text, sizeof(text));
		if (strtoul(text, NULL, 16) == VIQ_DMA_DEVICE_ID)
			return;
	}
	fail("no viq-dma");
}

void function_take(const char *address)
{
	char path[320];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", address);
	devices_write(path, "vfio-pci");
	devices_write("/sys/bus/pci/drivers_probe", address);
}

void function_enable(struct function *f, int device)
{
	struct vfio_region_info info = {.argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX};
	uint16_t word;

	check(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info));
	check(pread(device, &word, 2, (off_t)info.offset + 4) == 2);
	word |= 6; /* memory, bus master */
	check(pwrite(device, &word, 2, (off_t)info.offset + 4) == 2);
	info = (struct vfio_region_info){.argsz = sizeof(info), .index = VFIO_PCI_BAR0_REGION_INDEX};
	check(!ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info));
	f->bar = mmap(NULL, VIQ_DMA_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)info.offset);
	check(f->bar != MAP_FAILED);
	check(function_read32(f, VIQ_DMA_ID) == VIQ_DMA_MAGIC);
}
