/* SPDX-License-Identifier: MIT */
/* A guest's tables followed in pieces, with their cost; guests and devices that come and go meanwhile. */
#include <errno.h>
#include <string.h>

#include "support/linux_vnest.h"

#define DID 4

static struct viq_vtd_reconfig change(enum viq_vtd_reconfig_cause cause, enum viq_vtd_scope scope)
{
	return (struct viq_vtd_reconfig){.size = sizeof(struct viq_vtd_reconfig), .cause = cause, .scope = scope};
}

/* Two devices with an entry for requests without PASID and two with; the guest has told nobody of any. */
static struct vnest *two_devices(void)
{
	struct vnest *n = vnest_new(2);

	for (uint32_t i = 0; i < 2; i++) {
		vnest_add(n, i);
		vnest_context_on(n, i);
		vnest_first(n, i, 0, DID, 10 * i);
		vnest_first(n, i, 7, DID, 10 * i + 1);
		vnest_first(n, i, 70, DID, 10 * i + 2);
		assert_blocked(n, i, 0);
	}
	return n;
}

static void assert_followed(struct vnest *n, uint32_t device)
{
	assert_nested(n, device, 0, 10 * device);
	assert_nested(n, device, 7, 10 * device + 1);
	assert_nested(n, device, 70, 10 * device + 2);
}

/*
 * A context entry, or a table of 64 PASIDs, at a time: root, context; directory and 64 entries for each of the two
 * tables that there are; a directory entry for each of the 126 that are not.
 */
static void a_step_at_a_time(void **state)
{
	struct viq_vtd_reconfig what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	struct vnest *n = two_devices();
	struct viq_nest_vtd_cost sum = {0};
	unsigned int steps = 1;
	uint64_t sets = 0;

	assert_int_equal(viq_nest_vtd_step(n->nest, 1, NULL), -ENODEV);
	assert_int_equal(viq_nest_vtd_begin(n->nest, &what), 0);
	for (;; steps++) {
		struct viq_nest_vtd_cost cost = {0};
		int err = viq_nest_vtd_step(n->nest, 1, &cost);

		assert_in_range(cost.reads, 0, 2);
		assert_in_range(cost.entries, 0, 65);
		assert_in_range(cost.sets, 0, 65);
		sum.reads += cost.reads;
		sum.entries += cost.entries;
		sum.sets += cost.sets;
		/* What a step has not come to is as before. */
		if (steps == 3)
			assert_true(vnest_mode(n, 0, 7) == FK_TRANSLATE && vnest_mode(n, 1, 7) == FK_BLOCKED);
		if (err != -EAGAIN) {
			assert_int_equal(err, 0);
			break;
		}
	}
	/* Context, 128 tables and the look for what is left, of each; the end. */
	assert_int_equal(steps, 2 * (1 + 128 + 1) + 1);
	for (unsigned int i = 0; i < VIQ_VTD_SET_FATES; i++)
		sets += n->fates[i];
	assert_int_equal(sum.entries, 2 * (2 + 128 + 2 * 64));
	assert_int_equal(sum.reads, 2 * (2 + 128 + 2));
	assert_int_equal(sum.sets, 2 * 3);
	assert_int_equal(sets, 2 + sum.sets); /* with those of adding */
	assert_followed(n, 0);
	assert_followed(n, 1);
	assert_int_equal(viq_nest_vtd_step(n->nest, 1, NULL), -ENODEV);
	vnest_free(n);
}

/* What is begun again on the way is done for every device from the start. */
static void begun_again(void **state)
{
	struct viq_vtd_reconfig all = change(VIQ_VTD_RESTORED, VIQ_VTD_SCOPE_ALL);
	struct viq_vtd_reconfig one = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_PASID);
	struct vnest *n = two_devices();
	uint32_t hwpt;

	one.domain_id = DID;
	one.pasid = 7;
	assert_int_equal(viq_nest_vtd_begin(n->nest, &all), 0);
	assert_int_equal(viq_nest_vtd_step(n->nest, 3, NULL), -EAGAIN);
	assert_nested(n, 0, 0, 0);
	hwpt = vnest_attached(n, 0, 0);
	assert_int_equal(viq_nest_vtd_begin(n->nest, &one), 0);
	assert_int_equal(viq_nest_vtd_step(n->nest, 0, NULL), 0);
	assert_followed(n, 0);
	assert_followed(n, 1);
	/* It was RESTORED: what was cached may not survive. */
	assert_int_not_equal(vnest_attached(n, 0, 0), hwpt);
	/* By itself it is one PASID's. */
	vnest_clear(n, 0, 7);
	vnest_clear(n, 0, 70);
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &one), 0);
	assert_blocked(n, 0, 7);
	assert_nested(n, 0, 70, 2);
	vnest_free(n);
}

static void devices_come_and_go_between_steps(void **state)
{
	struct viq_vtd_reconfig what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	struct vnest *n = two_devices();

	/* In the middle of its PASIDs. */
	assert_int_equal(viq_nest_vtd_begin(n->nest, &what), 0);
	assert_int_equal(viq_nest_vtd_step(n->nest, 2, NULL), -EAGAIN);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), 0);
	assert_int_equal(viq_nest_vtd_step(n->nest, 0, NULL), 0);
	assert_followed(n, 1);
	/* One that was not reached yet. */
	vnest_add(n, 0);
	assert_followed(n, 0);
	assert_int_equal(viq_nest_vtd_begin(n->nest, &what), 0);
	assert_int_equal(viq_nest_vtd_step(n->nest, 2, NULL), -EAGAIN);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(1)), 0);
	assert_int_equal(viq_nest_vtd_step(n->nest, 0, NULL), 0);
	assert_followed(n, 0);
	/* The guest goes: nothing is left of what was begun. */
	assert_int_equal(viq_nest_vtd_begin(n->nest, &what), 0);
	vnest_bind(n, false);
	assert_int_equal(viq_nest_vtd_step(n->nest, 0, NULL), -ENODEV);
	vnest_bind(n, true);
	assert_int_equal(viq_nest_vtd_step(n->nest, 0, NULL), -ENODEV);
	vnest_free(n);
}

/* A guest that has booted without any host, and whose first device is hot-plugged. */
static void a_living_guest(void **state)
{
	struct viq_vtd_reconfig all = change(VIQ_VTD_RESTORED, VIQ_VTD_SCOPE_ALL);
	struct vnest *n = vnest_new(1);

	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &all), 0);
	vnest_bind(n, false);
	vnest_context_on(n, 0);
	vnest_first(n, 0, 0, DID, 1);
	vnest_bind(n, true);
	assert_int_equal(viq_nest_vtd_follow(n->nest, VNEST_SID(0)), -ENOENT);
	vnest_add(n, 0);
	assert_nested(n, 0, 0, 1);
	/* And what it invalidates from now on arrives. */
	fake_kernel_reset(n->fk);
	assert_true(vnest_send(n, desc_page(DID, 0, 5)));
	assert_int_equal(n->fk->effect_count, 1);
	vnest_free(n);
}

/* Pointers above the width that the guest's machine has are reserved. */
static void a_narrow_machine(void **state)
{
	struct vnest *n = vnest_new(1);
	struct viq_nest_vtd_config config;

	vnest_bind(n, false);
	viq_nest_vtd_destroy(n->nest);
	viq_nest_vtd_config_init(&config);
	assert_int_equal(config.haw, 52);
	config.backend = viq_linux_vvtd_backend(n->vv);
	for (config.haw = 31; config.haw <= 53; config.haw += 22)
		assert_int_equal(viq_nest_vtd_create(&config, &n->nest), -EINVAL);
	config.haw = 39;
	assert_int_equal(viq_nest_vtd_create(&config, &n->nest), 0);
	vnest_bind(n, true);
	vnest_add(n, 0);
	vnest_context_on(n, 0);
	vnest_entry(n, 0, 0, VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS), DID, UINT64_C(1) << 38);
	vnest_flush(n, DID, 0);
	assert_int_equal(vnest_mode(n, 0, 0), FK_TRANSLATE);
	vnest_entry(n, 0, 0, VIQ_VTD_PE_P | VIQ_PUT(VIQ_VTD_PE_PGTT, VIQ_VTD_PGTT_FS), DID, UINT64_C(1) << 39);
	vnest_flush(n, DID, 0);
	assert_blocked(n, 0, 0);
	vnest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_living_guest),
		cmocka_unit_test(a_narrow_machine),
		cmocka_unit_test(a_step_at_a_time),
		cmocka_unit_test(begun_again),
		cmocka_unit_test(devices_come_and_go_between_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
