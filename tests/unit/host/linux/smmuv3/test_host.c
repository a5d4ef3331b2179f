/* SPDX-License-Identifier: MIT */
/*
 * The exact host for a vIOMMU that somebody else has made: its life. That it is exact is shown in test_exact.c, whose
 * fixture is one.
 */
#include <errno.h>
#include <string.h>

#include "support/test.h"
#include "support/sized.h"
#include "support/linux_call.h"

static struct viq_why why;

static int create(struct fake_vm *vm, uint32_t viommu, const struct viq_linux_hw_info *hw, uint32_t calls)
{
	struct viq_linux_smmuv3_host *host = (void *)vm;
	int err;

	memset(&why, 0, sizeof(why));
	err = viq_linux_smmuv3_host_create(vm->ctx, viommu, hw, calls, &host, &why);
	if (err)
		assert_ptr_equal(host, vm);
	else
		viq_linux_smmuv3_host_destroy(host);
	return err;
}

static void what_is_no_smmu_is_refused(void **state)
{
	struct viq_linux_hw_info hw = {.size = sizeof(hw)}, other;
	struct viq_linux_smmuv3_host *host;
	struct fake_vm vm;

	fake_vm_init(&vm);
	assert_int_equal(viq_linux_hw_info(vm.ctx, vm.device, &hw), 0);
	assert_int_equal(create(&vm, vm.viommu, NULL, 0), -EINVAL);
	assert_int_equal(viq_linux_smmuv3_host_create(NULL, vm.viommu, &hw, 0, &host, NULL), -EINVAL);
	assert_int_equal(viq_linux_smmuv3_host_create(vm.ctx, vm.viommu, &hw, 0, NULL, NULL), -EINVAL);
	assert_int_equal(create(&vm, vm.viommu, &hw, VIQ_LINUX_CALLS_SINGLE + 1), -EINVAL);
	assert_non_null(strstr(why.text, "calls"));
	other = hw;
	other.size--;
	assert_int_equal(create(&vm, vm.viommu, &other, 0), -EINVAL);
	assert_non_null(strstr(why.text, "size"));
	other = hw;
	other.type = VIQ_LINUX_HW_VTD;
	assert_int_equal(create(&vm, vm.viommu, &other, 0), -EOPNOTSUPP);
	assert_non_null(strstr(why.text, "SMMUv3"));
	assert_int_equal(create(&vm, vm.viommu + 1000, &hw, 0), -ENOENT);
	assert_non_null(strstr(why.text, "no object"));
	assert_null(viq_linux_smmuv3_host_get(NULL).ops);
	viq_linux_smmuv3_host_destroy(NULL);
	for (uint32_t calls = 0; calls <= VIQ_LINUX_CALLS_SINGLE; calls++)
		assert_int_equal(create(&vm, vm.viommu, &hw, calls), 0);
	fake_vm_fini(&vm);
}

static int hw_info_and_create(struct fake_vm *vm, struct viq_linux_hw_info *hw)
{
	int err = viq_linux_hw_info(vm->ctx, vm->device, hw);

	return err ? err : create(vm, vm->viommu, hw, 0);
}

/* What viq_linux_hw_info() fills for a caller is good for the same caller. */
static void hardware_as_another_version_has_it(void **state)
{
	struct viq_linux_hw_info hw = {.size = sizeof(hw)};
	struct fake_vm vm;

	fake_vm_init(&vm);
	assert_int_equal(viq_linux_hw_info(vm.ctx, vm.device, &hw), 0);
	assert_takes_later(viq_linux_hw_info, hw, create(&vm, vm.viommu, later, 0));
	assert_gives_later(viq_linux_hw_info, hw_info_and_create(&vm, later));
	fake_vm_fini(&vm);
}

/* Whatever the kernel's answer to an empty array: one that is there is found, and any failure is told as it is. */
static void failures_of_the_question(void **state)
{
	static const struct {
		int err, want;
	} rows[] = {
		{-EINVAL, 0},       {-ENOTTY, -EOPNOTSUPP}, {-EOPNOTSUPP, -EOPNOTSUPP},
		{-ENOENT, -ENOENT}, {-ENOMEM, -ENOMEM},     {-EIO, -EIO},
	};
	struct viq_linux_hw_info hw = {.size = sizeof(hw)};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_vm vm;

		fake_vm_init(&vm);
		assert_int_equal(viq_linux_hw_info(vm.ctx, vm.device, &hw), 0);
		vm.fk->inv_fault = (struct fk_inv_fault){.first = vm.fk->inv_calls + 1, .times = 1, .err = rows[i].err};
		assert_int_equal(create(&vm, vm.viommu, &hw, 0), rows[i].want);
		assert_int_equal(!!why.text[0], !!rows[i].want);
		fake_vm_fini(&vm);
	}
}

/* Every stream is known: which have a vDEVICE is the kernel's knowledge, and the embedder's. */
static void every_stream_is_known(void **state)
{
	struct linux_fixture f;
	uint64_t cmds[3][2];
	struct viq_call_result res;

	linux_fixture_init(&f, FK_LINUX_7_3, VIQ_LINUX_CALLS_BULK, false);
	f.host = viq_linux_smmuv3_host_get(f.exact);
	assert_int_equal(viq_call_stream(&f.host, FAKE_VM_VSID), VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS);
	assert_int_equal(viq_call_stream(&f.host, 5), VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS);
	linux_atc(cmds[0], FAKE_VM_VSID, 1);
	linux_atc(cmds[1], 5, 2);
	linux_atc(cmds[2], FAKE_VM_VSID, 3);
	res = linux_call(&f, (const uint64_t(*)[2])cmds, 3);
	assert_int_equal(res.error, VIQ_CALL_GONE);
	assert_int_equal(res.handled, 1);
	assert_int_equal(res.suspect, 1);
	assert_int_equal(linux_ran(&f, cmds[0]), 1);
	assert_int_equal(linux_ran(&f, cmds[2]), 0);
	linux_fixture_fini(&f);
}

static void counters_are_those_of_its_calls(void **state)
{
	struct viq_linux_host_counters c;
	struct linux_fixture f;
	uint64_t cmds[2][2];

	linux_fixture_init(&f, FK_LINUX_7_3, VIQ_LINUX_CALLS_SINGLE, true);
	linux_tlbi(cmds[0], 1);
	linux_tlbi(cmds[1], 2);
	cmds[1][0] |= VIQ_BIT(8);
	assert_int_equal(linux_call(&f, (const uint64_t(*)[2])cmds, 2).handled, 1);
	assert_int_equal(viq_linux_smmuv3_host_counters(f.exact, &c, sizeof(c)), 0);
	assert_int_equal(c.ioctls, 2); /* the erratum; the question at creation is not one of the embedder's */
	assert_int_equal(c.entries, 2);
	assert_int_equal(c.repeated, 1);
	assert_int_equal(c.refused, 1);
	assert_int_equal(c.failed, 0);
	assert_int_equal(c.whole, 0);
	assert_int_equal(viq_linux_smmuv3_host_counters(NULL, &c, sizeof(c)), -EINVAL);
	assert_int_equal(viq_linux_smmuv3_host_counters(f.exact, NULL, sizeof(c)), -EINVAL);
	assert_int_equal(viq_linux_smmuv3_host_counters(f.exact, &c, sizeof(c) - 1), -EINVAL);
	/* An older caller's, and not a byte more. */
	c = (struct viq_linux_host_counters){.failed = 77};
	assert_int_equal(viq_linux_smmuv3_host_counters(f.exact, &c, offsetof(struct viq_linux_host_counters, failed)),
			 0);
	assert_int_equal(c.entries, 2);
	assert_int_equal(c.failed, 77);
	linux_fixture_fini(&f);
}

/* The vIOMMU may go first: it belongs to somebody else. */
static void the_object_may_go_first(void **state)
{
	struct linux_fixture f;
	struct viq_call_result res;
	uint64_t cmd[2];

	linux_fixture_init(&f, FK_LINUX_7_3, VIQ_LINUX_CALLS_BULK, false);
	assert_int_equal(viq_linux_destroy(f.vm.ctx, f.vm.vdevice), 0);
	assert_int_equal(viq_linux_destroy(f.vm.ctx, f.vm.viommu), 0);
	linux_tlbi(cmd, 1);
	res = linux_call(&f, (const uint64_t(*)[2])cmd, 1);
	assert_int_equal(res.error, VIQ_CALL_GONE);
	assert_int_equal(res.handled, 0);
	linux_fixture_recount(&f);
	linux_fixture_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_those_of_its_calls), cmocka_unit_test(every_stream_is_known),
		cmocka_unit_test(failures_of_the_question),        cmocka_unit_test(the_object_may_go_first),
		cmocka_unit_test(what_is_no_smmu_is_refused),      cmocka_unit_test(hardware_as_another_version_has_it),
	};

	return cmocka_run_group_tests_name("linux-host", tests, NULL, NULL);
}
