/* SPDX-License-Identifier: MIT */
/* A guest's tables followed in pieces, with their cost; guests and devices that come and go meanwhile. */
#include <errno.h>
#include <string.h>

#include "host/linux/iommufd/uapi.h"
#include "support/linux_vnest.h"
#include "support/sized.h"

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

/* One step: the least that can be done. */
static int step(struct vnest *n, struct viq_vtd_reconfig *what)
{
	what->work.budget = 1;
	return viq_nest_vtd_reconfig(n->nest, what);
}

static int rest(struct vnest *n, struct viq_vtd_reconfig *what)
{
	what->work.budget = 0;
	return viq_nest_vtd_reconfig(n->nest, what);
}

static uint64_t sets(const struct vnest *n)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < VIQ_VTD_SET_FATES; i++)
		sum += n->fates[i];
	return sum;
}

/*
 * With what may be left after each call of the host and each table of 64 PASIDs: root and context entry each time; a
 * directory entry and the rest of the table for each of the two that there are, as often as they are gone on with; a
 * directory entry for each of the 126 that are not.
 */
static void a_step_at_a_time(void **state)
{
	struct viq_vtd_reconfig what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	struct vnest *n = two_devices();
	uint64_t before = sets(n);
	unsigned int steps = 1;

	for (int ret;; steps++) {
		uint64_t was = sets(n), calls = n->fk->calls;

		ret = step(n, &what);
		assert_true(ret >= 0);
		assert_in_range(sets(n) - was, 0, 1);
		/* Each system call is charged, one at least for a set(): a table is made, attached, the old one goes.
		 */
		calls = n->fk->calls - calls;
		assert_in_range(calls, 0, 3);
		if (calls < sets(n) - was)
			calls = sets(n) - was;
		assert_in_range(what.work.cost, ret + calls * VIQ_WORK_CALL, 3 + 65 + calls * VIQ_WORK_CALL);
		/* What a step has not come to is as before. */
		if (steps == 3)
			assert_true(vnest_mode(n, 0, 7) == FK_TRANSLATE && vnest_mode(n, 1, 7) == FK_BLOCKED);
		if (!ret)
			break;
	}
	/* Context, 128 tables, three that were left at an entry, and the look for what is left, of each; the end. */
	assert_int_equal(steps, 2 * (1 + 128 + 3 + 1) + 1);
	assert_int_equal(sets(n) - before, 2 * 3);
	assert_followed(n, 0);
	assert_followed(n, 1);
	/* At once it is the same, and root and context entry are read once: of each device. */
	before = sets(n);
	assert_int_equal(rest(n, &what), 0);
	assert_int_equal(what.work.cost, 2 * (1 + 2 + 128 + 2 * 64 + 3 * VIQ_WORK_CALL));
	assert_int_equal(sets(n) - before, 2 * 3);
	vnest_free(n);
}

/* A cursor is plain numbers: another change in between has its own, and neither loses anything. */
static void two_at_a_time(void **state)
{
	struct viq_vtd_reconfig all = change(VIQ_VTD_RESTORED, VIQ_VTD_SCOPE_ALL);
	struct viq_vtd_reconfig one = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_PASID);
	struct vnest *n = two_devices();

	one.domain_id = DID;
	one.pasid = 7;
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(step(n, &all), 1);
	assert_nested(n, 0, 0, 0);
	vnest_clear(n, 0, 7);
	vnest_clear(n, 0, 70);
	assert_int_equal(rest(n, &one), 0);
	assert_blocked(n, 0, 7);
	assert_int_equal(rest(n, &all), 0);
	assert_blocked(n, 0, 70);
	assert_followed(n, 1);
	vnest_free(n);
}

static void devices_come_and_go_between_steps(void **state)
{
	struct viq_vtd_reconfig what = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	struct vnest *n = two_devices();

	/* In the middle of its PASIDs. */
	assert_int_equal(step(n, &what), 1);
	assert_int_equal(step(n, &what), 1);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(0)), 0);
	assert_int_equal(rest(n, &what), 0);
	assert_followed(n, 1);
	/* One that was not reached yet. */
	vnest_add(n, 0);
	assert_followed(n, 0);
	assert_int_equal(step(n, &what), 1);
	assert_int_equal(step(n, &what), 1);
	assert_int_equal(viq_linux_vvtd_remove(n->vv, VNEST_SID(1)), 0);
	assert_int_equal(rest(n, &what), 0);
	assert_followed(n, 0);
	/* The guest goes. */
	assert_int_equal(step(n, &what), 1);
	vnest_bind(n, false);
	assert_int_equal(rest(n, &what), -ENODEV);
	vnest_bind(n, true);
	assert_int_equal(rest(n, &what), 0);
	assert_followed(n, 0);
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

static int create_from(const struct viq_nest_vtd_config *config)
{
	struct viq_nest_vtd *nest;
	int err = viq_nest_vtd_create(config, &nest, NULL);

	if (!err)
		viq_nest_vtd_destroy(nest);
	return err;
}

/* Pointers above the width that the guest's machine has are reserved. */
static void a_narrow_machine(void **state)
{
	struct vnest *n = vnest_new(1);
	struct viq_nest_vtd_config config;

	vnest_bind(n, false);
	viq_nest_vtd_destroy(n->nest);
	viq_nest_vtd_config_init(&config, sizeof(config));
	assert_int_equal(config.haw, 52);
	config.backend = viq_linux_vvtd_backend(n->vv);
	for (config.haw = 31; config.haw <= 53; config.haw += 22)
		assert_int_equal(viq_nest_vtd_create(&config, &n->nest, NULL), -EINVAL);
	for (config.haw = 32; config.haw <= 52; config.haw += 20) {
		assert_int_equal(viq_nest_vtd_create(&config, &n->nest, NULL), 0);
		viq_nest_vtd_destroy(n->nest);
	}
	config.haw = 39;
	assert_takes_later(viq_nest_vtd_config, config, create_from(later));
	assert_int_equal(viq_nest_vtd_create(&config, &n->nest, NULL), 0);
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

/* --- A host that does as it is told ------------------------------------------------------------------------------- */

#define SETS 32

/* Devices with consecutive source-ids, and what they were set to. */
struct scripted {
	uint16_t first;
	uint32_t devices;
	bool unsure[2];
	int error; /* of setting requests without PASID of the first one */
	struct {
		uint16_t source_id;
		uint32_t pasid;
		struct viq_vtd_translation as;
	} sets[SETS];
	uint32_t count, settled;
	bool listened;
	bool backwards;     /* next() and next_pasid() give what is before */
	uint32_t too_large; /* next_pasid() gives this one */
	int next_error;
};

static int scripted_next(void *opaque, uint32_t *source_id, struct viq_vtd_device_state *state)
{
	struct scripted *s = opaque;

	if (s->next_error)
		return s->next_error;
	if (s->backwards && *source_id > s->first) {
		--*source_id;
		return 1;
	}
	if (*source_id < s->first)
		*source_id = s->first;
	if (*source_id >= s->first + s->devices)
		return 0;
	state->pasid_bits = 6;
	state->rid_pasid = UINT32_MAX;
	state->unsure = s->unsure[*source_id - s->first];
	return 1;
}

static int scripted_next_pasid(void *opaque, uint16_t source_id, uint32_t *pasid)
{
	struct scripted *s = opaque;

	*pasid = s->too_large ? s->too_large : *pasid - 1;
	return s->backwards || s->too_large;
}

static int scripted_set(void *opaque, uint16_t source_id, uint32_t pasid, const struct viq_vtd_translation *as,
			struct viq_vtd_outcome *outcome)
{
	struct scripted *s = opaque;

	assert_true(s->count < SETS);
	s->sets[s->count].source_id = source_id;
	s->sets[s->count].pasid = pasid;
	s->sets[s->count++].as = *as;
	return source_id == s->first && !pasid ? s->error : 0;
}

static int scripted_listen(void *opaque, const struct viq_vtd_listener *listener)
{
	struct scripted *s = opaque;

	s->listened = listener != NULL;
	return 0;
}

static void scripted_settle(void *opaque)
{
	struct scripted *s = opaque;

	s->settled++;
}

static const struct viq_vtd_backend_ops scripted_ops = {
	.size = sizeof(scripted_ops),
	.next = scripted_next,
	.next_pasid = scripted_next_pasid,
	.set = scripted_set,
	.listen = scripted_listen,
	.settle = scripted_settle,
};

/* In the place of Linux. */
static void use(struct vnest *n, struct scripted *s)
{
	struct viq_nest_vtd_config config;

	viq_nest_vtd_destroy(n->nest);
	viq_nest_vtd_config_init(&config, sizeof(config));
	config.backend = (struct viq_vtd_backend){&scripted_ops, s};
	assert_int_equal(viq_nest_vtd_create(&config, &n->nest, NULL), 0);
	vnest_bind(n, true);
	assert_true(s->listened);
}

/* An error of the host stops nobody else, and is what the guest's queue hears of; whatever it says of itself. */
static void the_first_error_is_told(void **state)
{
	static const int errors[] = {-EIO, -ENOENT, -ENODEV, -EAGAIN};
	struct viq_vtd_reconfig all = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	struct scripted s = {.first = VNEST_SID(0), .devices = 2};
	struct vnest *n = vnest_new(1);

	use(n, &s);
	vnest_context_on(n, 0);
	vnest_first(n, 0, 0, DID, 1);
	vnest_first(n, 0, 7, DID, 2);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		s.error = errors[i];
		s.count = s.settled = 0;
		assert_int_equal(viq_nest_vtd_reconfig(n->nest, &all), errors[i]);
		assert_int_equal(s.count, 3); /* 0 and 7 of the first; the second has no context entry */
		assert_int_equal(s.sets[1].pasid, 7);
		assert_int_equal(s.sets[2].source_id, VNEST_SID(0) + 1);
		assert_int_equal(s.sets[2].as.mode, VIQ_VTD_BLOCK);
		assert_int_equal(s.sets[2].as.reason, 0x41);
		assert_int_equal(s.settled, 1);
	}
	vnest_free(n);
}

/* Source-ids and PASIDs of a host go up, or it is left alone: a walk over them ends whatever it says. */
static void a_host_that_goes_backwards(void **state)
{
	struct viq_vtd_reconfig all = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_ALL);
	struct scripted s = {.first = VNEST_SID(0), .devices = 2, .backwards = true};
	struct vnest *n = vnest_new(1);

	use(n, &s);
	vnest_context_on(n, 0);
	vnest_first(n, 0, 0, DID, 1);
	vnest_first(n, 0, 7, DID, 2);
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &all), -EIO);
	assert_int_equal(s.count, 2);
	s.devices = 1;
	s.backwards = false;
	for (uint32_t pasid = 1u << 20; pasid; pasid += pasid) {
		s.count = 0;
		s.too_large = pasid;
		assert_int_equal(viq_nest_vtd_follow(n->nest, s.first), -EIO);
		assert_int_equal(s.count, 2);
	}
	s.next_error = -ENODEV;
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &all), -ENODEV);
	assert_int_equal(viq_nest_vtd_follow(n->nest, s.first), -ENODEV);
	vnest_free(n);
}

static int create(struct scripted *s, const struct viq_vtd_backend_ops *ops)
{
	struct viq_nest_vtd_config config;
	struct viq_nest_vtd *nest;
	int err;

	viq_nest_vtd_config_init(&config, sizeof(config));
	config.backend = (struct viq_vtd_backend){ops, s};
	err = viq_nest_vtd_create(&config, &nest, NULL);
	if (!err)
		viq_nest_vtd_destroy(nest);
	return err;
}

static void a_host_of_another_version(void **state)
{
	struct scripted s = {0};

	assert_int_equal(create(&s, NULL), -EINVAL);
	assert_takes_later(viq_vtd_backend_ops, scripted_ops, create(&s, later));
}

/* What may still translate is set again altogether, whatever the guest's descriptor names. */
static void an_unsure_device_is_done_whole(void **state)
{
	struct viq_vtd_reconfig pasid = change(VIQ_VTD_PASID_CACHE, VIQ_VTD_SCOPE_PASID);
	struct viq_vtd_reconfig other = change(VIQ_VTD_CONTEXT_CACHE, VIQ_VTD_SCOPE_DEVICE);
	struct scripted s = {.first = VNEST_SID(0), .devices = 1};
	struct vnest *n = vnest_new(1);

	use(n, &s);
	vnest_context_on(n, 0);
	vnest_first(n, 0, 0, DID, 1);
	vnest_first(n, 0, 7, DID, 2);
	pasid.pasid = 7;
	other.source_id = VNEST_SID(0) + 1;
	other.source_mask = UINT16_MAX;
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &pasid), 0);
	assert_int_equal(s.count, 1);
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &other), 0);
	assert_int_equal(s.count, 1);
	s.unsure[0] = true;
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &pasid), 0);
	assert_int_equal(s.count, 3);
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &other), 0);
	assert_int_equal(s.count, 5);
	vnest_free(n);
}

/* Translation is on, and SRTP was never set: there is no table to look at. */
static void without_a_root_table(void **state)
{
	struct viq_vtd_reconfig all = change(VIQ_VTD_ENABLED, VIQ_VTD_SCOPE_ALL);
	struct scripted s = {.first = VNEST_SID(0), .devices = 1};
	struct vnest *n = vnest_kernel(1);

	assert_int_equal(vnest_create(n), 0);
	vnest_guest(n);
	use(n, &s);
	assert_int_equal(viq_nest_vtd_reconfig(n->nest, &all), 0);
	assert_int_equal(s.sets[0].as.mode, VIQ_VTD_BYPASS);
	vvtd_gcmd(n->g, VREG(GCMD_TE), true);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.sets[s.count - 1].as.mode, VIQ_VTD_BLOCK);
	assert_int_equal(s.sets[s.count - 1].as.reason, 0x30);
	vnest_free(n);
}

/* --- Isolated by the VMM, or by a host that failed -----------------------------------------------------------------
 */

/* Until the guest has an entry read again its requests are blocked, and no table of the device is attached. */
static void a_device_that_is_blocked(void **state)
{
	struct vnest *n = two_devices();

	assert_int_equal(viq_nest_vtd_follow(n->nest, VNEST_SID(0)), 0);
	assert_int_equal(viq_nest_vtd_follow(n->nest, VNEST_SID(1)), 0);
	assert_int_equal(vnest_counters(n).tables, 6);
	assert_int_equal(viq_nest_vtd_block(n->nest, VNEST_SID(0)), 0);
	assert_blocked(n, 0, 0);
	assert_blocked(n, 0, 7);
	assert_blocked(n, 0, 70);
	assert_followed(n, 1);
	assert_int_equal(vnest_counters(n).tables, 3);
	/* Twice is once. What concerns its neighbour alone does not concern it. */
	assert_int_equal(viq_nest_vtd_block(n->nest, VNEST_SID(0)), 0);
	assert_true(vnest_send(n, desc_cc(VIQ_VTD_CC_DEVICE, DID, VNEST_SID(1), 0)));
	assert_blocked(n, 0, 0);
	vnest_flush(n, DID, 7);
	assert_nested(n, 0, 7, 1);
	assert_blocked(n, 0, 0);
	assert_blocked(n, 0, 70);
	assert_true(vnest_send(n, desc_cc(VIQ_VTD_CC_DEVICE, DID, VNEST_SID(0), 0)));
	assert_followed(n, 0);
	assert_int_equal(viq_nest_vtd_block(n->nest, VNEST_SID(0)), 0);
	assert_int_equal(viq_nest_vtd_follow(n->nest, VNEST_SID(0)), 0);
	assert_followed(n, 0);
	assert_int_equal(viq_nest_vtd_block(n->nest, VNEST_SID(0) + 1), -ENOENT);
	assert_int_equal(viq_nest_vtd_block(NULL, VNEST_SID(0)), -EINVAL);
	vnest_free(n);
}

static void a_device_that_cannot_be_blocked(void **state)
{
	struct scripted s = {.first = VNEST_SID(0), .devices = 1, .error = -EIO};
	struct vnest *n = vnest_new(1);

	use(n, &s);
	assert_int_equal(viq_nest_vtd_block(n->nest, VNEST_SID(0)), -EIO);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.sets[0].as.mode, VIQ_VTD_BLOCK);
	/* A host that goes backwards. */
	s.backwards = true;
	s.error = 0;
	assert_int_equal(viq_nest_vtd_block(n->nest, VNEST_SID(0)), -EIO);
	assert_int_equal(s.count, 2);
	s.next_error = -ENODEV;
	assert_int_equal(viq_nest_vtd_block(n->nest, VNEST_SID(0)), -ENODEV);
	vnest_free(n);
}

/* The next attempt to attach a page table fails, as while a device is being reset. */
static void busy_once(struct vnest *n)
{
	const unsigned long request = UAPI_VFIO_ATTACH_IOMMUFD_PT;

	n->fk->faults[0] = (struct fk_fault){
		.request = request, .first = n->fk->ioctls[request & 0xff] + 1, .times = 1, .err = -EBUSY};
}

/* FAILED: blocked, the guest's descriptor completes, and the next one sets it up, whatever that is of. */
static void a_failure_is_set_again(void **state)
{
	struct vnest *n = vnest_new(2);

	vnest_add(n, 0);
	vnest_context_on(n, 0);
	vnest_context_on(n, 1);
	for (uint32_t pasid = 0; pasid <= 7; pasid += 7) {
		vnest_first(n, 0, pasid, DID, pasid);
		busy_once(n);
		vnest_flush(n, DID, pasid);
		assert_int_equal(n->fates[VIQ_VTD_SET_FAILED], 1 + pasid / 7);
		assert_blocked(n, 0, pasid);
		assert_int_equal(vnest_counters(n).tables, pasid / 7);
		assert_true(vnest_send(n, desc_cc(VIQ_VTD_CC_DEVICE, DID, VNEST_SID(1), 0)));
		assert_nested(n, 0, pasid, pasid);
	}
	/* Its entry is gone by then. */
	vnest_first(n, 0, 9, DID, 9);
	busy_once(n);
	vnest_flush(n, DID, 9);
	vnest_clear(n, 0, 9);
	vnest_flush(n, DID, 9);
	assert_blocked(n, 0, 9);
	vnest_first(n, 0, 9, DID, 9);
	vnest_flush(n, DID, 7);
	assert_blocked(n, 0, 9);
	vnest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_that_cannot_be_blocked),
		cmocka_unit_test(a_device_that_is_blocked),
		cmocka_unit_test(a_failure_is_set_again),
		cmocka_unit_test(a_host_of_another_version),
		cmocka_unit_test(a_host_that_goes_backwards),
		cmocka_unit_test(a_living_guest),
		cmocka_unit_test(a_narrow_machine),
		cmocka_unit_test(a_step_at_a_time),
		cmocka_unit_test(an_unsure_device_is_done_whole),
		cmocka_unit_test(devices_come_and_go_between_steps),
		cmocka_unit_test(the_first_error_is_told),
		cmocka_unit_test(two_at_a_time),
		cmocka_unit_test(without_a_root_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
