/* SPDX-License-Identifier: MIT */
/* A fake kernel with what a VM needs before its guest starts: a device, its memory, a vIOMMU, a vDEVICE. */
#ifndef TESTS_SUPPORT_FAKE_VM_H
#define TESTS_SUPPORT_FAKE_VM_H

#include "fake_kernel.h"

#define FAKE_VM_VSID 0x100u /* the StreamID of device 0; others have none */

struct fake_vm {
	struct fake_kernel *fk;
	struct viq_linux *ctx;
	uint32_t device, ioas, hwpt, viommu, vdevice;
};

void fake_vm_init(struct fake_vm *vm);
/* The kernel is another one, and the library knows what it would have found out when it opened it. */
void fake_vm_behave(struct fake_vm *vm, enum fk_behaviour behaviour);
/* Closes everything. Fails the test if the library used a file that was not open, or a command wedged the queue. */
void fake_vm_fini(struct fake_vm *vm);

/* One bare IOMMU_HWPT_INVALIDATE. *count: entries in, entry_num out. Words in CPU byte order. */
int fake_vm_invalidate(struct fake_vm *vm, uint32_t object, uint32_t type, const uint64_t (*cmds)[2], uint32_t *count);

#endif
