/* SPDX-License-Identifier: MIT */
/*
 * An assigned device and an emulated one behind one guest VT-d: two nestings are bound to it, each with a host of its
 * own, and both are given what the guest has changed.
 */
#include <errno.h>

#include <viq/soft_vtd.h>

#include "host/linux/iommufd/uapi.h"
#include "support/linux_vnest.h"

#define DID 4

struct both {
	struct vnest *n; /* has the device */
	struct viq_soft_vtd *soft;
	struct viq_soft_vtd_dev *dev;
	struct viq_nest_vtd *nest;
};

/* The second nesting looks at everything; the first one is told by the hook. */
static void tell(struct both *b)
{
	struct viq_vtd_reconfig what = {.size = sizeof(what), .cause = VIQ_VTD_RESTORED, .scope = VIQ_VTD_SCOPE_ALL};

	assert_int_equal(viq_nest_vtd_reconfig(b->nest, &what), 0);
}

static uint64_t soft_entries(const struct both *b)
{
	struct viq_soft_counters counters;

	assert_int_equal(viq_soft_vtd_counters(b->soft, &counters, sizeof(counters)), 0);
	return counters.entries;
}

/* The device is 0, the emulated one 1, each with first-stage tables, in the same domain. */
static void setup(struct both *b)
{
	struct viq_soft_vtd_config config;
	struct viq_nest_vtd_config nest;

	b->n = vnest_new(1);
	viq_soft_vtd_config_init(&config, sizeof(config));
	config.cap = b->n->g->config.cap;
	config.ecap = b->n->g->config.ecap;
	config.mem = b->n->g->mem;
	assert_int_equal(viq_soft_vtd_create(&config, &b->soft, NULL), 0);
	assert_int_equal(viq_soft_thread_register(), 0);
	viq_nest_vtd_config_init(&nest, sizeof(nest));
	nest.backend = viq_soft_vtd_backend(b->soft);
	assert_int_equal(viq_nest_vtd_create(&nest, &b->nest, NULL), 0);
	assert_int_equal(viq_nest_vtd_bind(b->nest, b->n->g->vtd, b->n->g->mem), 0);
	assert_int_equal(viq_soft_vtd_dev_alloc(b->soft, VNEST_SID(1), &b->dev, NULL), 0);
	vnest_add(b->n, 0);
	for (uint32_t at = 0; at < 2; at++) {
		vnest_context_on(b->n, at);
		vnest_first(b->n, at, 0, DID, at);
	}
	vnest_flush(b->n, DID, 0);
	tell(b);
}

static void teardown(struct both *b)
{
	viq_nest_vtd_destroy(b->nest);
	viq_soft_thread_unregister();
	viq_soft_vtd_destroy(b->soft);
	vnest_free(b->n);
}

/* 6.5.2.4: a PASID-selective or page-selective descriptor concerns every table of its domain and PASID. */
static void both_are_invalidated(void **state)
{
	struct both b;
	uint64_t before;
	uint32_t hwpt;

	setup(&b);
	assert_nested(b.n, 0, 0, 0);
	hwpt = vnest_attached(b.n, 0, 0);
	before = soft_entries(&b);
	assert_true(vnest_send(b.n, desc_page(DID, 0, 0x1234)));
	assert_int_equal(vnest_effects(b.n, hwpt, entry_page(0x1234, true)), 1);
	assert_int_equal(soft_entries(&b), before + 1);
	teardown(&b);
}

/* The last device is unplugged: the emulated one is invalidated as before, and no call is made for the other. */
static void one_leaves(void **state)
{
	struct both b;
	uint64_t before, ioctls;

	setup(&b);
	assert_int_equal(viq_linux_vvtd_remove(b.n->vv, VNEST_SID(0)), 0);
	before = soft_entries(&b);
	ioctls = vnest_counters(b.n).ioctls;
	assert_true(vnest_send(b.n, desc_page(DID, 0, 0x1234)));
	assert_int_equal(soft_entries(&b), before + 1);
	assert_int_equal(vnest_counters(b.n).ioctls, ioctls);
	/* And the other way round. */
	vnest_add(b.n, 0);
	viq_nest_vtd_destroy(b.nest);
	b.nest = NULL;
	before = soft_entries(&b);
	assert_true(vnest_send(b.n, desc_page(DID, 0, 0x1235)));
	assert_int_equal(vnest_effects(b.n, vnest_attached(b.n, 0, 0), entry_page(0x1235, true)), 1);
	assert_int_equal(soft_entries(&b), before);
	teardown(&b);
}

/* A failure of one is the guest's: the wait descriptor behind it does not complete. */
static void a_failure_holds_the_queue(void **state)
{
	struct both b;

	setup(&b);
	b.n->fk->calls = 0;
	b.n->fk->faults[0] =
		(struct fk_fault){.request = UAPI_IOMMU_HWPT_INVALIDATE, .first = 1, .times = 1, .err = -ENOMEM};
	assert_false(vnest_send(b.n, desc_page(DID, 0, 0x1234)));
	assert_true(vnest_retry(b.n));
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_are_invalidated),
		cmocka_unit_test(a_failure_holds_the_queue),
		cmocka_unit_test(one_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
