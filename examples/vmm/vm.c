/* SPDX-License-Identifier: MIT */
/*
 * The virtual machine as KVM knows it (Documentation/virt/kvm/api.rst): guest memory, vCPUs, and a GICv3 in the kernel,
 * so that only what devices do comes to this program.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"

#define RAM_SLOT 0

/* Interrupt numbers of the GIC: 16 between processors, 16 private, then the shared ones; KVM wants a multiple of 32. */
#define GIC_SPI  32
#define GIC_IRQS 64

/* --- What KVM must be able to do ---------------------------------------------------------------------------------- */

static const struct {
	int cap;
	const char *text;
} needed[] = {
	{KVM_CAP_USER_MEMORY, "memory of user space as the guest's"},
	{KVM_CAP_ONE_REG, "access to registers"},
	{KVM_CAP_IRQCHIP, "an interrupt controller in the kernel"},
	{KVM_CAP_DEVICE_CTRL, "devices in the kernel"},
	{KVM_CAP_ARM_PSCI_0_2, "PSCI 0.2"},
	{KVM_CAP_IMMEDIATE_EXIT, "immediate_exit"},
};

static int capability(const struct vm *vm, int cap)
{
	return ioctl(vm->kvm, KVM_CHECK_EXTENSION, cap);
}

static void open_kvm(struct vm *vm)
{
	int version;

	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		die("/dev/kvm: %s%s", strerror(errno),
		    errno == ENOENT ? " (this needs an arm64 machine whose kernel has KVM and was started at EL2)"
				    : "");
	version = ioctl(vm->kvm, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		die("this KVM has version %d of the API; version %d is needed", version, KVM_API_VERSION);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (capability(vm, needed[i].cap) <= 0)
			die("this KVM lacks %s", needed[i].text);
	}
	if (capability(vm, KVM_CAP_MAX_VCPUS) < (int)vm->cpu_count)
		die("this KVM allows %d processors; %u are wanted", capability(vm, KVM_CAP_MAX_VCPUS), vm->cpu_count);
}

/* 40 bits of guest-physical addresses are KVM's default; some processors have fewer. */
static void create_vm(struct vm *vm)
{
	int bits = capability(vm, KVM_CAP_ARM_VM_IPA_SIZE);

	if (bits <= 0 || bits > 40)
		bits = 40;
	if ((RAM_BASE + vm->ram_size - 1) >> bits)
		die("%" PRIu64 " MiB of memory do not fit into the %d bits of a guest's physical addresses",
		    vm->ram_size >> 20, bits);
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, bits == 40 ? 0 : KVM_VM_TYPE_ARM_IPA_SIZE(bits));
	if (vm->fd < 0)
		die("KVM makes no virtual machine: %s", strerror(errno));
}

/* --- Memory ------------------------------------------------------------------------------------------------------- */

int vm_set_memory(struct vm *vm, unsigned int slot, uint64_t gpa, void *host, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = host ? size : 0,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

/* Shared: the pages that a device has pinned stay this program's pages whatever it does. */
static void create_ram(struct vm *vm)
{
	int err;

	vm->ram = mmap(NULL, vm->ram_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm->ram == MAP_FAILED)
		die("%" PRIu64 " MiB of memory for the guest: %s", vm->ram_size >> 20, strerror(errno));
	err = vm_set_memory(vm, RAM_SLOT, RAM_BASE, vm->ram, vm->ram_size);
	if (err)
		die("KVM does not take the guest's memory: %s", strerror(-err));
}

/* --- Processors and interrupts ------------------------------------------------------------------------------------ */

static void create_vcpu(struct vm *vm, unsigned int index)
{
	struct vcpu *vcpu = &vm->cpus[index];
	struct kvm_vcpu_init init;

	*vcpu = (struct vcpu){.vm = vm, .index = index, .fd = ioctl(vm->fd, KVM_CREATE_VCPU, index)};
	if (vcpu->fd < 0)
		die("KVM makes no processor %u: %s", index, strerror(errno));
	vcpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die("processor %u: %s", index, strerror(errno));
	if (ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init))
		die("KVM names no kind of processor: %s", strerror(errno));
	init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
	if (index)
		init.features[0] |= 1U << KVM_ARM_VCPU_POWER_OFF; /* until the first one starts it */
	if (ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init))
		die("KVM does not initialise processor %u: %s", index, strerror(errno));
}

static void set_gic(const struct vm *vm, uint32_t group, uint64_t attribute, const void *value)
{
	struct kvm_device_attr attr = {.group = group, .attr = attribute, .addr = (uintptr_t)value};

	if (ioctl(vm->gic, KVM_SET_DEVICE_ATTR, &attr))
		die("KVM refuses group %u, attribute %" PRIu64 " of the GICv3: %s", group, attribute, strerror(errno));
}

/* When all vCPUs exist: their redistributors are made with it. */
static void create_gic(struct vm *vm)
{
	struct kvm_create_device device = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};
	uint64_t distributor = GICD_BASE, redistributors = GICR_BASE;
	uint32_t irqs = GIC_IRQS;

	if (ioctl(vm->fd, KVM_CREATE_DEVICE, &device))
		die("this KVM has no GICv3: %s", strerror(errno));
	vm->gic = (int)device.fd;
	set_gic(vm, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &distributor);
	set_gic(vm, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redistributors);
	set_gic(vm, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs);
	set_gic(vm, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
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

/* --- The whole ---------------------------------------------------------------------------------------------------- */

void vm_create(struct vm *vm, uint64_t ram_size, unsigned int cpu_count)
{
	int run_size;

	*vm = (struct vm){.ram_size = ram_size, .cpu_count = cpu_count};
	vm->end_fd = eventfd(0, EFD_CLOEXEC);
	if (vm->end_fd < 0)
		die("eventfd: %s", strerror(errno));
	open_kvm(vm);
	create_vm(vm);
	create_ram(vm);
	run_size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_size < (int)sizeof(struct kvm_run))
		die("KVM shares %d bytes of a processor's state; %zu are needed", run_size, sizeof(struct kvm_run));
	vm->run_size = (size_t)run_size;
	for (unsigned int i = 0; i < cpu_count; i++)
		create_vcpu(vm, i);
	create_gic(vm);
}

void vm_destroy(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->cpu_count; i++) {
		munmap(vm->cpus[i].run, vm->run_size);
		close(vm->cpus[i].fd);
	}
	close(vm->gic);
	close(vm->fd);
	munmap(vm->ram, vm->ram_size);
	close(vm->kvm);
	close(vm->end_fd);
}

void vm_end(struct vm *vm, const char *text, bool failed)
{
	const char *none = NULL;
	uint64_t one = 1;

	if (!__atomic_compare_exchange_n(&vm->ending, &none, text, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	vm->failed = failed;
	if (write(vm->end_fd, &one, sizeof(one)) != sizeof(one))
		die("eventfd: %s", strerror(errno));
}

/* --- Devices ------------------------------------------------------------------------------------------------------ */

void vm_add_mmio(struct vm *vm, const struct mmio *mmio)
{
	if (vm->mmio_count == sizeof(vm->mmio) / sizeof(vm->mmio[0]))
		die("too many devices");
	vm->mmio[vm->mmio_count++] = *mmio;
}

static const struct mmio *find(const struct vm *vm, uint64_t address, unsigned int size)
{
	for (unsigned int i = 0; i < vm->mmio_count; i++) {
		const struct mmio *mmio = &vm->mmio[i];

		if (address >= mmio->base && address - mmio->base <= mmio->size - size)
			return mmio;
	}
	return NULL;
}

/* A real bus has a default as well; an access there is most likely a mistake, though, and one line is enough. */
static void stray(struct vm *vm, const char *what, uint64_t address, unsigned int size)
{
	if (!__atomic_exchange_n(&vm->strayed, true, __ATOMIC_RELAXED))
		say("the guest %s %u bytes at 0x%" PRIx64 ", where no device is; more of this is not told", what, size,
		    address);
}

uint64_t vm_mmio_read(struct vm *vm, uint64_t address, unsigned int size)
{
	const struct mmio *mmio = find(vm, address, size);

	if (mmio)
		return mmio->read(mmio->opaque, address - mmio->base, size);
	stray(vm, "reads", address, size);
	return 0;
}

void vm_mmio_write(struct vm *vm, uint64_t address, unsigned int size, uint64_t value)
{
	const struct mmio *mmio = find(vm, address, size);

	if (mmio)
		mmio->write(mmio->opaque, address - mmio->base, size, value);
	else
		stray(vm, "writes", address, size);
}
