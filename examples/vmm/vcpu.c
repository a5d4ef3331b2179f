/* SPDX-License-Identifier: MIT */
/*
 * Virtual processors: a thread each, which is in the guest until KVM has something for this program to do.
 *
 * They are stopped by immediate_exit, which KVM_RUN looks at when it begins, and a signal, which ends one that runs: a
 * thread sees one of the two wherever it is. immediate_exit is never taken back.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm.h"

#define KICK SIGUSR1

static void set_register(const struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&value};

	if (ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg))
		die("a register of the first processor: %s", strerror(errno));
}

#define CORE_REGISTER(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.field))

void vcpu_set_entry(struct vcpu *vcpu, uint64_t pc, uint64_t x0)
{
	set_register(vcpu, CORE_REGISTER(pc), pc);
	set_register(vcpu, CORE_REGISTER(regs[0]), x0);
}

/* Where no device is, reads give 0 and writes are lost. The guest's byte order is this program's. */
static bool mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	unsigned int size = run->mmio.len;
	const struct mmio *mmio = vm_find_mmio(vcpu->vm, run->mmio.phys_addr, size);
	uint64_t value = 0;

	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, size);
		if (mmio)
			mmio->write(mmio->opaque, run->mmio.phys_addr - mmio->base, size, value);
	} else {
		if (mmio)
			value = mmio->read(mmio->opaque, run->mmio.phys_addr - mmio->base, size);
		memcpy(run->mmio.data, &value, size);
	}
	return true;
}

static bool failed(struct vcpu *vcpu, const char *text, uint64_t code)
{
	say("processor %u: %s: %llu", vcpu->index, text, (unsigned long long)code);
	vm_end(vcpu->vm, text, true);
	return false;
}

/* From PSCI */
static bool system_event(struct vcpu *vcpu, uint32_t type)
{
	if (type != KVM_SYSTEM_EVENT_SHUTDOWN && type != KVM_SYSTEM_EVENT_RESET)
		return failed(vcpu, "system event", type);
	vm_end(vcpu->vm, type == KVM_SYSTEM_EVENT_RESET ? "reset" : "switched off", false);
	return false;
}

/* What KVM_RUN returned for. Does this vCPU go on? */
static bool handle(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		return mmio(vcpu);
	case KVM_EXIT_SYSTEM_EVENT:
		return system_event(vcpu, run->system_event.type);
	case KVM_EXIT_FAIL_ENTRY:
		return failed(vcpu, "entry failed", run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_INTERNAL_ERROR:
		return failed(vcpu, "internal error of KVM", run->internal.suberror);
	default:
		return failed(vcpu, "unexpected exit", run->exit_reason);
	}
}

static void *work(void *opaque)
{
	struct vcpu *vcpu = opaque;
	bool going = true;

	while (going) {
		if (!ioctl(vcpu->fd, KVM_RUN, 0))
			going = handle(vcpu);
		else if (errno == EINTR)
			going = !__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_RELAXED);
		else
			going = failed(vcpu, "error of KVM_RUN", (uint64_t)errno);
	}
	return NULL;
}

/* That it arrives is all that matters. */
static void kicked(int signal)
{
}

void vcpus_start(struct vm *vm)
{
	struct sigaction action = {.sa_handler = kicked}; /* no SA_RESTART: writing to the console ends as well */

	sigaction(KICK, &action, NULL);
	for (unsigned int i = 0; i < vm->cpu_count; i++) {
		if (pthread_create(&vm->cpus[i].thread, NULL, work, &vm->cpus[i]))
			die("a thread for processor %u cannot be made", i);
	}
}

void vcpus_stop(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->cpu_count; i++) {
		__atomic_store_n(&vm->cpus[i].run->immediate_exit, 1, __ATOMIC_RELAXED);
		pthread_kill(vm->cpus[i].thread, KICK);
	}
	for (unsigned int i = 0; i < vm->cpu_count; i++)
		pthread_join(vm->cpus[i].thread, NULL);
}
