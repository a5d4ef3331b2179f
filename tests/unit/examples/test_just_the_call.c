/* SPDX-License-Identifier: MIT */
/* examples/just_the_call.c, whole, on the fake kernel. */
#include <stdio.h>

#include <viq/linux_host.h>
#include <viq/smmuv3_spec.h>

#include "support/test.h"
#include "oracle/fake_vm.h"

static struct fake_vm vm;
static char said[200];

/* The example gets the fake kernel's iommufd in the place of a real one, and its line is kept. */
static int open_fake(const struct viq_linux_config *config, struct viq_linux **out, struct viq_why *why)
{
	assert_int_equal(config->fd, viq_linux_fd(vm.ctx));
	*out = vm.ctx;
	return 0;
}

#define viq_linux_open       open_fake
#define viq_linux_close(ctx) assert_ptr_equal(ctx, vm.ctx)
#define printf(...)          snprintf(said, sizeof(said), __VA_ARGS__)
#define main(argc, argv)     example_main(argc, argv)
int example_main(int argc, char **argv);
#include "../../../examples/just_the_call.c"
#undef main

static void on_every_kernel(void **state)
{
	for (int behaviour = 0; behaviour < FK_BEHAVIOURS; behaviour++) {
		char fd[16], viommu[16], device[16];
		char name[] = "just_the_call", *argv[] = {name, fd, viommu, device, NULL};

		fake_vm_init(&vm);
		fake_vm_behave(&vm, (enum fk_behaviour)behaviour);
		snprintf(fd, sizeof(fd), "%d", viq_linux_fd(vm.ctx));
		snprintf(viommu, sizeof(viommu), "%u", vm.viommu);
		snprintf(device, sizeof(device), "%u", vm.device);
		assert_int_equal(example_main(4, argv), 0);
		assert_string_equal(said, "CONS += 2, illegal entry\n");
		assert_int_equal(vm.fk->effect_count, 2);
		assert_int_equal(example_main(3, argv), 1);
		fake_vm_fini(&vm);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(on_every_kernel)};

	return cmocka_run_group_tests_name("just-the-call", tests, NULL, NULL);
}
