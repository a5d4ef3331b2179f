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
		die("processor %u: register 0x%llx: %s", vcpu->index, (unsigned long long)id, strerror(errno));
}

#define CORE_REGISTER(field) (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(regs.field))

void vcpu_set_entry(struct vcpu *vcpu, uint64_t pc, uint64_t x0)
{
	set_register(vcpu, CORE_REGISTER(pc), pc);
	set_register(vcpu, CORE_REGISTER(regs[0]), x0);
}

/* The guest's byte order is this program's: KVM gives and takes the value as it would stand in memory. */
static void mmio(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	uint64_t value = 0;

	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		vm_mmio_write(vcpu->vm, run->mmio.phys_addr, run->mmio.len, value);
	} else {
		value = vm_mmio_read(vcpu->vm, run->mmio.phys_addr, run->mmio.len);
		memcpy(run->mmio.data, &value, run->mmio.len);
	}
}

static void system_event(struct vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_end(vcpu->vm, "switched off", false);
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vm_end(vcpu->vm, "reset", false);
		break;
	case KVM_SYSTEM_EVENT_CRASH:
		vm_end(vcpu->vm, "crashed", true);
		break;
	default:
		say("processor %u: system event %u", vcpu->index, vcpu->run->system_event.type);
		vm_end(vcpu->vm, "a system event that is not known here", true);
	}
}

/* After KVM_RUN: does the guest go on? */
static bool handle(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	switch (run->exit_reason) {
	case KVM_EXIT_MMIO:
		mmio(vcpu);
		return true;
	case KVM_EXIT_SYSTEM_EVENT:
		system_event(vcpu);
		return false;
	case KVM_EXIT_FAIL_ENTRY:
		say("processor %u: reason 0x%llx", vcpu->index,
		    (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		vm_end(vcpu->vm, "a processor cannot be entered", true);
		return false;
	case KVM_EXIT_INTERNAL_ERROR:
		say("processor %u: error %u", vcpu->index, run->internal.suberror);
		vm_end(vcpu->vm, "KVM has an internal error", true);
		return false;
	default:
		say("processor %u: exit %u", vcpu->index, run->exit_reason);
		vm_end(vcpu->vm, "KVM has asked for what is not known here", true);
		return false;
	}
}

/* Most often an instruction that KVM cannot emulate: a load or store pair, say, where no memory is. */
static void run_failed(struct vcpu *vcpu, int err)
{
	say("processor %u: KVM_RUN: %s", vcpu->index, strerror(err));
	vm_end(vcpu->vm, "KVM does not run the guest", true);
}

static void *work(void *opaque)
{
	struct vcpu *vcpu = opaque;
	bool going = true;

	while (going) {
		if (!ioctl(vcpu->fd, KVM_RUN, 0)) {
			going = handle(vcpu);
		} else if (errno != EINTR) {
			run_failed(vcpu, errno);
			going = false;
		} else {
			going = !__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_RELAXED);
		}
	}
	return NULL;
}

/* That it arrives is all that matters. */
static void kicked(int signal)
{
}

void vcpus_start(struct vm *vm)
{
	struct sigaction action = {.sa_handler = kicked}; /* no SA_RESTART: a write to the console ends as well */

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
