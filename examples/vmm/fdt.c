/* SPDX-License-Identifier: MIT */
/*
 * The device tree: what the guest is told about its machine. Above each node stands the file that says what its
 * properties mean, in Documentation/devicetree/bindings.
 */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "vmm.h"

#define PHANDLE_GIC    1
#define PHANDLE_SMMU   2
#define PHANDLE_ITS    3
#define PHANDLE_WINDOW 4
#define PHANDLE_DEVICE 5

/* An interrupt of the GIC: its kind, its number of that kind, its trigger. */
#define GIC_SPI   0
#define GIC_PPI   1
#define IRQ_EDGE  1
#define IRQ_LEVEL 4

#define PCI_MEMORY32 0x02000000 /* of "ranges" */

static void check(int err)
{
	if (err)
		die("the device tree: %s", fdt_strerror(err));
}

static void begin(void *fdt, const char *name)
{
	check(fdt_begin_node(fdt, name));
}

/* A node with registers */
static void begin_at(void *fdt, const char *name, uint64_t address)
{
	char full[64];

	snprintf(full, sizeof(full), "%s@%llx", name, (unsigned long long)address);
	begin(fdt, full);
}

static void end(void *fdt)
{
	check(fdt_end_node(fdt));
}

static void put(void *fdt, const char *name, const void *value, size_t size)
{
	check(fdt_property(fdt, name, value, (int)size));
}

#define flag(fdt, name)          put(fdt, name, NULL, 0)
#define string(fdt, name, value) put(fdt, name, value, strlen(value) + 1)
/* Several in a literal, with zeros between them */
#define strings(fdt, name, literal) put(fdt, name, literal, sizeof(literal))

static void put_cells(void *fdt, const char *name, const uint32_t *values, size_t count)
{
	fdt32_t big[16];

	for (size_t i = 0; i < count; i++)
		big[i] = cpu_to_fdt32(values[i]);
	put(fdt, name, big, count * sizeof(big[0]));
}

#define cells(fdt, name, ...)                                                                                          \
	put_cells(fdt, name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
/* A number of two cells */
#define CELLS2(value) (uint32_t)((uint64_t)(value) >> 32), (uint32_t)(value)

/* chosen.yaml of dt-schema */
static void chosen(void *fdt, const char *append, uint64_t initrd, uint64_t initrd_size)
{
	char console[32];

	snprintf(console, sizeof(console), "/serial@%llx", (unsigned long long)UART_BASE);
	begin(fdt, "chosen");
	string(fdt, "bootargs", append);
	string(fdt, "stdout-path", console);
	if (initrd_size) {
		cells(fdt, "linux,initrd-start", CELLS2(initrd));
		cells(fdt, "linux,initrd-end", CELLS2(initrd + initrd_size));
	}
	end(fdt);
}

/* arm/cpus.yaml: reg is the affinity in MPIDR, which up to 15 KVM makes the same as the vCPU's number. */
static void cpus(void *fdt, const struct vm *vm)
{
	begin(fdt, "cpus");
	cells(fdt, "#address-cells", 1);
	cells(fdt, "#size-cells", 0);
	for (unsigned int i = 0; i < vm->cpu_count; i++) {
		begin_at(fdt, "cpu", i);
		string(fdt, "device_type", "cpu");
		string(fdt, "compatible", "arm,armv8");
		string(fdt, "enable-method", "psci");
		cells(fdt, "reg", i);
		end(fdt);
	}
	end(fdt);
}

/* What KVM does itself: arm/psci.yaml, timer/arm,arch_timer.yaml, interrupt-controller/arm,gic-v3.yaml, with the ITS */
static void kvm(void *fdt, const struct vm *vm)
{
	begin(fdt, "psci");
	strings(fdt, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	string(fdt, "method", "hvc");
	end(fdt);

	begin(fdt, "timer");
	string(fdt, "compatible", "arm,armv8-timer");
	cells(fdt, "interrupts", GIC_PPI, 13, IRQ_LEVEL, GIC_PPI, 14, IRQ_LEVEL, GIC_PPI, 11, IRQ_LEVEL, GIC_PPI, 10,
	      IRQ_LEVEL);
	end(fdt);

	begin_at(fdt, "interrupt-controller", GICD_BASE);
	string(fdt, "compatible", "arm,gic-v3");
	cells(fdt, "reg", CELLS2(GICD_BASE), CELLS2(GICD_SIZE), CELLS2(GICR_BASE), CELLS2(GICR_SIZE * vm->cpu_count));
	flag(fdt, "interrupt-controller");
	cells(fdt, "#interrupt-cells", 3);
	cells(fdt, "phandle", PHANDLE_GIC);
	cells(fdt, "#address-cells", 2);
	cells(fdt, "#size-cells", 2);
	flag(fdt, "ranges");
	begin_at(fdt, "msi-controller", ITS_BASE);
	string(fdt, "compatible", "arm,gic-v3-its");
	cells(fdt, "reg", CELLS2(ITS_BASE), CELLS2(ITS_SIZE));
	flag(fdt, "msi-controller");
	cells(fdt, "#msi-cells", 1);
	cells(fdt, "phandle", PHANDLE_ITS);
	end(fdt);
	end(fdt);
}

/* serial/arm,sbsa-uart.yaml */
static void uart(void *fdt)
{
	begin_at(fdt, "serial", UART_BASE);
	string(fdt, "compatible", "arm,sbsa-uart");
	cells(fdt, "reg", CELLS2(UART_BASE), CELLS2(UART_SIZE));
	cells(fdt, "interrupts", GIC_SPI, SPI_UART, IRQ_LEVEL);
	cells(fdt, "current-speed", 115200);
	end(fdt);
}

/* iommu/arm,smmu-v3.yaml. dma-coherent: this program reads its queues and tables, through the caches. */
static void smmu(void *fdt)
{
	begin_at(fdt, "iommu", SMMU_BASE);
	string(fdt, "compatible", "arm,smmu-v3");
	cells(fdt, "reg", CELLS2(SMMU_BASE), CELLS2(SMMU_SIZE));
	cells(fdt, "interrupts", GIC_SPI, SPI_SMMU_EVENTQ, IRQ_EDGE, GIC_SPI, SPI_SMMU_GERROR, IRQ_EDGE);
	strings(fdt, "interrupt-names", "eventq\0gerror");
	flag(fdt, "dma-coherent");
	cells(fdt, "#iommu-cells", 1);
	cells(fdt, "phandle", PHANDLE_SMMU);
	end(fdt);
}

/*
 * reserved-memory/reserved-memory.yaml. The addresses to which the host has the device write its MSIs, and which the
 * guest has to map to themselves, because what the device writes passes the guest's page tables. Linux takes that for
 * something that must always be so, and gives such a device to no program.
 */
static void msi_window(void *fdt)
{
	begin(fdt, "reserved-memory");
	cells(fdt, "#address-cells", 2);
	cells(fdt, "#size-cells", 2);
	flag(fdt, "ranges");
	begin_at(fdt, "msi-window", MSI_WINDOW_BASE);
	cells(fdt, "reg", CELLS2(MSI_WINDOW_BASE), CELLS2(MSI_WINDOW_SIZE));
	flag(fdt, "no-map"); /* by the processor, that is */
	cells(fdt, "iommu-addresses", PHANDLE_DEVICE, PCI_MEMORY32, CELLS2(MSI_WINDOW_BASE), CELLS2(MSI_WINDOW_SIZE));
	cells(fdt, "phandle", PHANDLE_WINDOW);
	end(fdt);
	end(fdt);
}

/* The device itself: all else that there is to know of it is asked on the bus. */
static void device(void *fdt)
{
	begin_at(fdt, "device", ASSIGNED_SLOT);
	cells(fdt, "reg", ASSIGNED_SID << 8, 0, 0, 0, 0);
	cells(fdt, "memory-region", PHANDLE_WINDOW);
	cells(fdt, "phandle", PHANDLE_DEVICE);
	end(fdt);
}

/* pci/host-generic-pci.yaml. iommu-map, msi-map: a function's StreamID and its DeviceID are its requester ID. */
static void pci(void *fdt, bool window)
{
	begin_at(fdt, "pcie", PCI_ECAM_BASE);
	string(fdt, "compatible", "pci-host-ecam-generic");
	string(fdt, "device_type", "pci");
	cells(fdt, "#address-cells", 3);
	cells(fdt, "#size-cells", 2);
	cells(fdt, "bus-range", 0, 0);
	cells(fdt, "reg", CELLS2(PCI_ECAM_BASE), CELLS2(PCI_ECAM_SIZE));
	cells(fdt, "ranges", PCI_MEMORY32, CELLS2(PCI_MMIO_BASE), CELLS2(PCI_MMIO_BASE), CELLS2(PCI_MMIO_SIZE));
	cells(fdt, "iommu-map", 0, PHANDLE_SMMU, 0, 0x10000);
	cells(fdt, "msi-map", 0, PHANDLE_ITS, 0, 0x10000);
	flag(fdt, "dma-coherent");
	if (window)
		device(fdt);
	end(fdt);
}

void fdt_build(const struct vm *vm, const struct boot *boot, uint64_t initrd, uint64_t initrd_size, void *blob,
	       size_t size)
{
	check(fdt_create(blob, (int)size));
	check(fdt_finish_reservemap(blob));
	begin(blob, "");
	string(blob, "compatible", "linux,dummy-virt");
	cells(blob, "#address-cells", 2);
	cells(blob, "#size-cells", 2);
	cells(blob, "interrupt-parent", PHANDLE_GIC);
	chosen(blob, boot->append, initrd, initrd_size);
	begin_at(blob, "memory", RAM_BASE);
	string(blob, "device_type", "memory");
	cells(blob, "reg", CELLS2(RAM_BASE), CELLS2(vm->ram_size));
	end(blob);
	cpus(blob, vm);
	kvm(blob, vm);
	uart(blob);
	smmu(blob);
	if (!boot->no_window)
		msi_window(blob);
	pci(blob, !boot->no_window);
	end(blob);
	check(fdt_finish(blob));
}
