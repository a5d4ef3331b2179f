/* SPDX-License-Identifier: MIT */
/*
 * The virtual machine as KVM knows it (Documentation/virt/kvm/api.rst): guest memory, vCPUs, and in gic.c an interrupt
 * controller in the kernel, so that only what devices do comes to this program.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"

/* The result of a system call, unless it failed. */
static int must(int result, const char *what)
{
	if (result < 0)
		die("%s: %s", what, strerror(errno));
	return result;
}

/* Shared memory: of fd, or new. Pages of it that a device has pinned stay the guest's, whatever this program does. */
static void *map(int fd, size_t size, const char *what)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (at == MAP_FAILED)
		die("%s: %s", what, strerror(errno));
	return at;
}

void *vm_map(size_t size, const char *what)
{
	return map(-1, size, what);
}

static const struct {
	int cap;
	const char *text;
} needed[] = {
	{KVM_CAP_ONE_REG, "access to registers"},
	{KVM_CAP_DEVICE_CTRL, "an interrupt controller in the kernel"},
	{KVM_CAP_ARM_PSCI_0_2, "PSCI 0.2"},
	{KVM_CAP_IMMEDIATE_EXIT, "immediate_exit"},
	{KVM_CAP_ARM_VM_IPA_SIZE, "a choice of the guest's address size"},
	{KVM_CAP_READONLY_MEM, "memory that a guest can only read"},
	{KVM_CAP_IRQFD, "interrupts by eventfd"},
	{KVM_CAP_IRQ_ROUTING, "a choice of what they do"},
};

static int capability(const struct vm *vm, int cap)
{
	return ioctl(vm->kvm, KVM_CHECK_EXTENSION, cap);
}

static void open_kvm(struct vm *vm)
{
	int bits;

	vm->kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm (an arm64 Linux with KVM is needed)");
	if (ioctl(vm->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		die("this KVM does not have version %d of the API", KVM_API_VERSION);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (capability(vm, needed[i].cap) <= 0)
			die("this KVM lacks %s", needed[i].text);
	}
	/* KVM's default is 40 bits of guest-physical addresses, which not every machine has. */
	bits = capability(vm, KVM_CAP_ARM_VM_IPA_SIZE);
	vm->fd = must(ioctl(vm->kvm, KVM_CREATE_VM, KVM_VM_TYPE_ARM_IPA_SIZE(bits < 40 ? bits : 40)),
		      "making a virtual machine");
}

static void make_vcpu(struct vm *vm, unsigned int index)
{
	struct vcpu *vcpu = &vm->cpus[index];
	struct kvm_vcpu_init init;

	vcpu->vm = vm;
	vcpu->index = index;
	vcpu->fd = must(ioctl(vm->fd, KVM_CREATE_VCPU, index), "making a processor");
	vcpu->run = map(vcpu->fd, vm->run_size, "a processor's state");
	must(ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init), "the kind of processor");
	init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
	if (index)
		init.features[0] |= 1U << KVM_ARM_VCPU_POWER_OFF; /* until the first one starts it */
	must(ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init), "initialising a processor");
}

void vm_create(struct vm *vm, uint64_t ram_size, unsigned int cpu_count)
{
	*vm = (struct vm){.ram_size = ram_size, .cpu_count = cpu_count};
	vm->end_fd = must(eventfd(0, EFD_CLOEXEC), "eventfd");
	open_kvm(vm);
	vm->ram = map(-1, ram_size, "memory for the guest");
	must(vm_set_memory(vm, RAM_SLOT, RAM_BASE, vm->ram, ram_size), "the guest's memory");
	vm->run_size = (size_t)must(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "a processor's state");
	for (unsigned int i = 0; i < cpu_count; i++)
		make_vcpu(vm, i);
	gic_create(vm); /* when all vCPUs exist: their redistributors are made with it */
}

void vm_destroy(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->cpu_count; i++) {
		munmap(vm->cpus[i].run, vm->run_size);
		close(vm->cpus[i].fd);
	}
	gic_destroy(vm);
	close(vm->fd);
	munmap(vm->ram, vm->ram_size);
	close(vm->kvm);
	close(vm->end_fd);
}

static int set_memory(struct vm *vm, unsigned int slot, uint64_t gpa, void *host, uint64_t size, uint32_t flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = host ? flags : 0,
		.guest_phys_addr = gpa,
		.memory_size = host ? size : 0,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

int vm_set_memory(struct vm *vm, unsigned int slot, uint64_t gpa, void *host, uint64_t size)
{
	return set_memory(vm, slot, gpa, host, size, 0);
}

int vm_set_read_only(struct vm *vm, unsigned int slot, uint64_t gpa, void *host, uint64_t size)
{
	return set_memory(vm, slot, gpa, host, size, KVM_MEM_READONLY);
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

void vm_add_mmio(struct vm *vm, const struct mmio *mmio)
{
	if (vm->mmio_count == sizeof(vm->mmio) / sizeof(vm->mmio[0]))
		die("too many devices");
	vm->mmio[vm->mmio_count++] = *mmio;
}

const struct mmio *vm_find_mmio(struct vm *vm, uint64_t address, unsigned int size)
{
	for (unsigned int i = 0; i < vm->mmio_count; i++) {
		const struct mmio *mmio = &vm->mmio[i];

		if (address >= mmio->base && address - mmio->base <= mmio->size - size)
			return mmio;
	}
	if (!__atomic_exchange_n(&vm->strayed, true, __ATOMIC_RELAXED))
		say("the guest accesses 0x%llx, where nothing is (told once)", (unsigned long long)address);
	return NULL;
}
