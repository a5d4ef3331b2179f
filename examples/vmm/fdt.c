/* SPDX-License-Identifier: MIT */
/*
 * The device tree: what the guest is told about its machine. Each function is a node; what the properties mean is in
 * Documentation/devicetree/bindings, in the file named above it.
 */
#include <libfdt.h>
#include <stdio.h>

#include "vmm.h"

enum phandle {
	PHANDLE_GIC = 1,
	PHANDLE_SMMU,
};

/* An interrupt of the GIC: its kind, its number of that kind, its trigger (arm,gic-v3.yaml). */
#define GIC_SPI   0
#define GIC_PPI   1
#define IRQ_EDGE  1
#define IRQ_LEVEL 4

/* pci.txt of Open Firmware, "ranges": 32-bit memory */
#define PCI_MEMORY32 0x02000000

static void check(int err)
{
	if (err)
		die("the device tree: %s", fdt_strerror(err));
}

static void begin(void *fdt, const char *name)
{
	check(fdt_begin_node(fdt, name));
}

/* A node with registers: name@address */
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

static void flag(void *fdt, const char *name)
{
	check(fdt_property(fdt, name, NULL, 0));
}

static void string(void *fdt, const char *name, const char *value)
{
	check(fdt_property_string(fdt, name, value));
}

/* Strings one after the other, of which a literal holds all but the last zero. */
#define strings(fdt, name, list) check(fdt_property(fdt, name, list, sizeof(list)))

static void put_cells(void *fdt, const char *name, const uint32_t *values, size_t count)
{
	void *to;

	check(fdt_property_placeholder(fdt, name, (int)(count * 4), &to));
	for (size_t i = 0; i < count; i++)
		fdt32_st((uint8_t *)to + i * 4, values[i]);
}

#define cells(fdt, name, ...)                                                                                          \
	put_cells(fdt, name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
/* A number of two cells */
#define CELLS2(value) (uint32_t)((uint64_t)(value) >> 32), (uint32_t)(value)

/* --- The nodes ---------------------------------------------------------------------------------------------------- */

/* chosen.yaml (of dt-schema) */
static void chosen(void *fdt, const char *append, uint64_t initrd, uint64_t initrd_size)
{
	char console[32];

	snprintf(console, sizeof(console), "/serial@%llx", (unsigned long long)UART_BASE);
	begin(fdt, "chosen");
	string(fdt, "bootargs", append ? append : "");
	string(fdt, "stdout-path", console);
	if (initrd_size) {
		cells(fdt, "linux,initrd-start", CELLS2(initrd));
		cells(fdt, "linux,initrd-end", CELLS2(initrd + initrd_size));
	}
	end(fdt);
}

static void memory(void *fdt, const struct vm *vm)
{
	begin_at(fdt, "memory", RAM_BASE);
	string(fdt, "device_type", "memory");
	cells(fdt, "reg", CELLS2(RAM_BASE), CELLS2(vm->ram_size));
	end(fdt);
}

/* arm/cpus.yaml. reg is MPIDR's affinity, which KVM makes of the vCPU's number: the same up to 16. */
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

/* arm/psci.yaml: KVM answers. */
static void psci(void *fdt)
{
	begin(fdt, "psci");
	strings(fdt, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	string(fdt, "method", "hvc");
	end(fdt);
}

/* timer/arm,arch_timer.yaml: secure, non-secure, virtual, hypervisor, as KVM wires them */
static void timer(void *fdt)
{
	begin(fdt, "timer");
	string(fdt, "compatible", "arm,armv8-timer");
	cells(fdt, "interrupts", GIC_PPI, 13, IRQ_LEVEL, GIC_PPI, 14, IRQ_LEVEL, GIC_PPI, 11, IRQ_LEVEL, GIC_PPI, 10,
	      IRQ_LEVEL);
	flag(fdt, "always-on");
	end(fdt);
}

/* interrupt-controller/arm,gic-v3.yaml */
static void gic(void *fdt, const struct vm *vm)
{
	begin_at(fdt, "interrupt-controller", GICD_BASE);
	string(fdt, "compatible", "arm,gic-v3");
	cells(fdt, "reg", CELLS2(GICD_BASE), CELLS2(GICD_SIZE), CELLS2(GICR_BASE), CELLS2(GICR_SIZE * vm->cpu_count));
	flag(fdt, "interrupt-controller");
	cells(fdt, "#interrupt-cells", 3);
	cells(fdt, "phandle", PHANDLE_GIC);
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

/* iommu/arm,smmu-v3.yaml. dma-coherent: its queues and tables are read by this program, through the caches. */
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

/* pci/host-generic-pci.yaml, pci/pci-iommu.txt: every requester ID of bus 0 is that StreamID of the SMMU. */
static void pci(void *fdt)
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
	flag(fdt, "dma-coherent");
	end(fdt);
}

void fdt_build(const struct vm *vm, const char *append, uint64_t initrd, uint64_t initrd_size, void *blob, size_t size)
{
	check(fdt_create(blob, (int)size));
	check(fdt_finish_reservemap(blob));
	begin(blob, "");
	string(blob, "compatible", "linux,dummy-virt");
	string(blob, "model", "viq-vmm");
	cells(blob, "#address-cells", 2);
	cells(blob, "#size-cells", 2);
	cells(blob, "interrupt-parent", PHANDLE_GIC);
	chosen(blob, append, initrd, initrd_size);
	memory(blob, vm);
	cpus(blob, vm);
	psci(blob);
	timer(blob);
	gic(blob, vm);
	uart(blob);
	smmu(blob);
	pci(blob);
	end(blob);
	check(fdt_finish(blob));
}
