/* SPDX-License-Identifier: MIT */
/*
 * PCI as a device tree calls it "pci-host-ecam-generic": a piece of memory that is the configuration space of all
 * functions of bus 0, 4 KiB each (PCI Express Base Specification 7.2.2), and a window in which the guest places BARs.
 * There are two functions: a host bridge that does nothing, and the assigned device.
 */
#include <linux/pci_regs.h>

#include "vmm.h"

#define FUNCTION_SIZE 4096
#define ALL_ONES      UINT32_MAX /* what a read gives that nobody answers */

/* Generic names that Red Hat lends to virtual machines; a bridge to the host (class 06, subclass 00), no BARs. */
static const uint32_t host_bridge[] = {
	[PCI_VENDOR_ID / 4] = 0x0008u << 16 | 0x1b36u,
	[PCI_CLASS_REVISION / 4] = 0x0600u << 16,
	[PCI_SUBSYSTEM_VENDOR_ID / 4] = 0x1100u << 16 | 0x1af4u,
};

static uint32_t host_bridge_read(uint32_t offset)
{
	uint32_t word = offset / 4 < sizeof(host_bridge) / sizeof(host_bridge[0]) ? host_bridge[offset / 4] : 0;

	return word >> offset % 4 * 8;
}

static uint32_t config_read(struct assigned *assigned, uint64_t address, unsigned int size)
{
	uint32_t offset = (uint32_t)(address % FUNCTION_SIZE);

	switch (address / FUNCTION_SIZE) {
	case 0:
		return host_bridge_read(offset);
	case ASSIGNED_SLOT << 3:
		return assigned_config_read(assigned, offset, size);
	default:
		return ALL_ONES;
	}
}

/* An access that crosses a register's end is nobody's. One of 8 bytes is two: registers have 4 at most. */
static uint64_t ecam_read(void *opaque, uint64_t address, unsigned int size)
{
	if (address % size)
		return UINT64_MAX;
	if (size == 8)
		return config_read(opaque, address, 4) | (uint64_t)config_read(opaque, address + 4, 4) << 32;
	return config_read(opaque, address, size);
}

static void ecam_write(void *opaque, uint64_t address, unsigned int size, uint64_t value)
{
	uint32_t offset = (uint32_t)(address % FUNCTION_SIZE);

	if (address % size || address / FUNCTION_SIZE != ASSIGNED_SLOT << 3)
		return;
	assigned_config_write(opaque, offset, size == 8 ? 4 : size, (uint32_t)value);
	if (size == 8)
		assigned_config_write(opaque, offset + 4, 4, (uint32_t)(value >> 32));
}

void pci_create(struct vm *vm, struct assigned *assigned)
{
	vm_add_mmio(vm, &(struct mmio){PCI_ECAM_BASE, PCI_ECAM_SIZE, ecam_read, ecam_write, assigned});
}
