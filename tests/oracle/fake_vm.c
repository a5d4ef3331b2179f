/* SPDX-License-Identifier: MIT */

#include <endian.h>
#include <stdlib.h>

#include "support/test.h"
#include "fake_vm.h"
#include "host/linux/iommufd/linux.h"

void fake_vm_init(struct fake_vm *vm)
{
	int cdev;

	vm->fk = fake_kernel_new();
	vm->ctx = fake_kernel_open(vm->fk);
	cdev = fake_kernel_cdev(vm->fk, 0);
	assert_int_equal(viq_linux_vfio_bind(vm->ctx, cdev, &vm->device, NULL), 0);
	assert_int_equal(viq_linux_ioas_alloc(vm->ctx, &vm->ioas), 0);
	assert_int_equal(viq_linux_hwpt_alloc(vm->ctx, vm->device, vm->ioas, VIQ_LINUX_NEST_PARENT, &vm->hwpt), 0);
	assert_int_equal(viq_linux_viommu_alloc(vm->ctx, vm->device, vm->hwpt, &vm->viommu), 0);
	assert_int_equal(viq_linux_vdevice_alloc(vm->ctx, vm->viommu, vm->device, FAKE_VM_VSID, &vm->vdevice), 0);
	fake_kernel_reset(vm->fk);
}

void fake_vm_behave(struct fake_vm *vm, enum fk_behaviour behaviour)
{
	vm->fk->behaviour = behaviour;
	vm->ctx->report = behaviour == FK_LINUX_REPORT;
}

void fake_vm_fini(struct fake_vm *vm)
{
	assert_int_equal(vm->fk->wedged, 0);
	assert_int_equal(vm->fk->bad_handles, 0);
	viq_linux_close(vm->ctx);
	fake_kernel_free(vm->fk);
}

int fake_vm_invalidate(struct fake_vm *vm, uint32_t object, uint32_t type, const uint64_t (*cmds)[2], uint32_t *count)
{
	uint64_t(*le)[2] = calloc(*count + 1, sizeof(*le));
	struct uapi_iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = object,
		.data_uptr = (uintptr_t)le,
		.data_type = type,
		.entry_len = sizeof(*le),
		.entry_num = *count,
	};
	int ret;

	for (uint32_t i = 0; cmds && i < *count; i++) {
		le[i][0] = htole64(cmds[i][0]);
		le[i][1] = htole64(cmds[i][1]);
	}
	ret = fake_kernel_sys()->ioctl(vm->fk, viq_linux_fd(vm->ctx), UAPI_IOMMU_HWPT_INVALIDATE, &cmd);
	free(le);
	*count = cmd.entry_num;
	return ret;
}
