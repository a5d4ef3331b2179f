/* SPDX-License-Identifier: MIT */
/*
 * The guest's interrupt controller, which is KVM's: a GICv3 for wires, and an ITS for MSIs
 * (Documentation/virt/kvm/devices/arm-vgic-v3.rst, arm-vgic-its.rst).
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm.h"

/* Interrupt numbers of the GIC: 16 between processors, 16 private, then the shared ones; KVM wants a multiple of 32. */
#define GIC_SPI  32
#define GIC_IRQS 64

#define DOORBELL (ITS_BASE + 0x10040) /* GITS_TRANSLATER */

static int make_device(struct vm *vm, uint32_t type, const char *what)
{
	struct kvm_create_device device = {.type = type};

	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &device))
		die("this KVM has no %s: %s", what, strerror(errno));
	return (int)device.fd;
}

static void set(int device, uint32_t group, uint64_t attribute, const void *value)
{
	struct kvm_device_attr attr = {.group = group, .attr = attribute, .addr = (uintptr_t)value};

	if (ioctl(device, KVM_SET_DEVICE_ATTR, &attr))
		die("setting up the GICv3: %s", strerror(errno));
}

void gic_create(struct vm *vm)
{
	uint64_t distributor = GICD_BASE, redistributors = GICR_BASE, its = ITS_BASE;
	uint32_t irqs = GIC_IRQS;

	vm->gic = make_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3, "GICv3");
	set(vm->gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor);
	set(vm->gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redistributors);
	set(vm->gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs);
	set(vm->gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	vm->its = make_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS, "ITS");
	set(vm->its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &its);
	set(vm->its, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

void gic_destroy(struct vm *vm)
{
	close(vm->its);
	close(vm->gic);
}

void vm_set_irq(struct vm *vm, unsigned int spi, bool level)
{
	struct kvm_irq_level line = {
		.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (GIC_SPI + spi),
		.level = level,
	};

	if (ioctl(vm->fd, KVM_IRQ_LINE, &line))
		vm_end(vm, "KVM does not take an interrupt", true);
}

void vm_pulse_irq(struct vm *vm, unsigned int spi)
{
	vm_set_irq(vm, spi, true);
	vm_set_irq(vm, spi, false);
}

/* KVM takes the whole table each time. Wires are not in it: KVM_IRQ_LINE names the GIC's interrupts themselves. */
int vm_route_msi(struct vm *vm, unsigned int gsi, uint32_t device, uint32_t data)
{
	union {
		struct kvm_irq_routing table;
		uint8_t room[sizeof(struct kvm_irq_routing) + GSIS * sizeof(struct kvm_irq_routing_entry)];
	} routing;
	struct vm_msi *msi = &vm->msis[gsi];
	uint32_t count = 0;

	if (msi->used && msi->device == device && msi->data == data)
		return 0;
	*msi = (struct vm_msi){.used = true, .device = device, .data = data};
	memset(&routing, 0, sizeof(routing));
	for (uint32_t i = 0; i < GSIS; i++) {
		if (!vm->msis[i].used)
			continue;
		routing.table.entries[count++] = (struct kvm_irq_routing_entry){
			.gsi = i,
			.type = KVM_IRQ_ROUTING_MSI,
			.flags = KVM_MSI_VALID_DEVID,
			.u.msi = {.address_lo = (uint32_t)DOORBELL,
				  .address_hi = (uint32_t)(DOORBELL >> 32),
				  .data = vm->msis[i].data,
				  .devid = vm->msis[i].device},
		};
	}
	routing.table.nr = count;
	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, &routing.table) ? -errno : 0;
}

int vm_connect_event(struct vm *vm, unsigned int gsi, int event, bool on)
{
	struct kvm_irqfd irqfd = {.fd = (uint32_t)event, .gsi = gsi, .flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN};

	return ioctl(vm->fd, KVM_IRQFD, &irqfd) ? -errno : 0;
}
