/* SPDX-License-Identifier: MIT */
/* CAP and ECAP of a guest on a physical VT-d: each field by itself, and what no guest can be offered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/linux_vnest.h"

static void check(struct vnest *n, const struct viq_vtd_config *config, const char *field)
{
	n->why.text[0] = 0;
	if (!field) {
		assert_int_equal(viq_linux_vvtd_check(n->vv, config->cap, config->ecap, &n->why), 0);
		return;
	}
	assert_int_equal(viq_linux_vvtd_check(n->vv, config->cap, config->ecap, &n->why), -EINVAL);
	assert_memory_equal(n->why.text, field, strlen(field));
}

/* A host that has only what nesting needs. */
static void poor(struct vnest *n)
{
	n->fk->smmus[0].cap = 0;
	n->fk->smmus[0].ecap = VIQ_VTD_ECAP_SMTS | VIQ_VTD_ECAP_NEST | VIQ_VTD_ECAP_FSTS;
}

static void what_is_offered_is_taken(void **state)
{
	struct vnest *n = vnest_kernel(1);
	struct viq_vtd_config config = n->guest_config;

	assert_int_equal(vnest_create(n), 0);
	viq_linux_vvtd_offer(n->vv, &config.cap, &config.ecap);
	check(n, &config, NULL);
	assert_true(config.cap & VIQ_VTD_CAP_FS5LP);
	assert_true(config.ecap & VIQ_VTD_ECAP_SRS);
	assert_true(config.ecap & VIQ_VTD_ECAP_EAFS);
	vnest_guest(n); /* the guest VT-d takes it too */
	vnest_free(n);
}

static void a_poor_host(void **state)
{
	struct vnest *n = vnest_kernel(1);
	struct viq_vtd_config config = n->guest_config;

	poor(n);
	n->fk->smmus[0].ecap |= VIQ_VTD_ECAP_PSS; /* without ECAP.PASID it means nothing */
	assert_int_equal(vnest_create(n), 0);
	config.cap &= ~VIQ_VTD_CAP_CM;
	config.ecap |=
		VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_SSADS | VIQ_VTD_ECAP_NEST | VIQ_VTD_ECAP_NWFS | VIQ_VTD_ECAP_DIT;
	viq_linux_vvtd_offer(n->vv, &config.cap, &config.ecap);
	check(n, &config, NULL);
	assert_true(config.cap & VIQ_VTD_CAP_CM);
	assert_false(config.cap & VIQ_VTD_CAP_FS1GP);
	assert_false(config.ecap & (VIQ_VTD_ECAP_DT | VIQ_VTD_ECAP_DIT | VIQ_VTD_ECAP_PASID | VIQ_VTD_ECAP_PSS |
				    VIQ_VTD_ECAP_SSTS | VIQ_VTD_ECAP_NEST));
	n->guest_config = config;
	vnest_guest(n);
	vnest_free(n);
}

/* One field too much, or too little, and the message names it. */
static void each_field_is_checked(void **state)
{
	static const struct {
		const char *name;
		uint64_t cap, ecap; /* bits to be changed in what a poor host offers */
	} rows[] = {
		{"CAP.CM", VIQ_VTD_CAP_CM, 0},
		{"CAP.FS1GP", VIQ_VTD_CAP_FS1GP, 0},
		{"CAP.FS5LP", VIQ_VTD_CAP_FS5LP, 0},
		{"ECAP.SMTS", 0, VIQ_VTD_ECAP_SMTS},
		{"ECAP.FSTS", 0, VIQ_VTD_ECAP_FSTS},
		{"ECAP.SSTS", 0, VIQ_VTD_ECAP_SSTS},
		{"ECAP.NEST", 0, VIQ_VTD_ECAP_NEST},
		{"ECAP.SSADS", 0, VIQ_VTD_ECAP_SSADS},
		{"ECAP.RPRIVS", 0, VIQ_VTD_ECAP_RPRIVS},
		{"ECAP.DT", 0, VIQ_VTD_ECAP_DT},
		{"ECAP.NWFS", 0, VIQ_VTD_ECAP_NWFS},
		{"ECAP.SC", 0, VIQ_VTD_ECAP_SC},
		{"ECAP.SRS", 0, VIQ_VTD_ECAP_SRS},
		{"ECAP.EAFS", 0, VIQ_VTD_ECAP_EAFS},
		{"ECAP.SMPWCS", 0, VIQ_VTD_ECAP_SMPWCS},
		{"ECAP.PASID", 0, VIQ_VTD_ECAP_PASID},
		{"ECAP.PSS", 0, VIQ_PUT(VIQ_VTD_ECAP_PSS, 1)},
	};
	struct vnest *n = vnest_kernel(1);
	struct viq_vtd_config config = n->guest_config, same;

	poor(n);
	assert_int_equal(vnest_create(n), 0);
	viq_linux_vvtd_offer(n->vv, &config.cap, &config.ecap);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct viq_vtd_config changed = config;

		changed.cap ^= rows[i].cap;
		changed.ecap ^= rows[i].ecap;
		check(n, &changed, rows[i].name);
	}
	assert_int_equal(viq_linux_vvtd_check(NULL, config.cap, config.ecap, &n->why), -EINVAL);
	/* Nobody to ask: nothing is offered, nothing taken away. */
	same = config;
	viq_linux_vvtd_offer(NULL, &same.cap, &same.ecap);
	viq_linux_vvtd_offer(n->vv, NULL, &same.ecap);
	viq_linux_vvtd_offer(n->vv, &same.cap, NULL);
	assert_true(same.cap == config.cap && same.ecap == config.ecap);
	vnest_free(n);
}

/* However many both have: one descriptor reads them all (P4). */
static void pss_is_bounded(void **state)
{
	struct vnest *n = vnest_kernel(1);
	struct viq_vtd_config config = n->guest_config;

	n->fk->smmus[0].ecap |= VIQ_PUT(VIQ_VTD_ECAP_PSS, 19);
	config.ecap |= VIQ_PUT(VIQ_VTD_ECAP_PSS, 19);
	assert_int_equal(vnest_create(n), 0);
	viq_linux_vvtd_offer(n->vv, &config.cap, &config.ecap);
	assert_int_equal(VIQ_GET(VIQ_VTD_ECAP_PSS, config.ecap), 15);
	vnest_free(n);
}

/* PASIDs are fewer on either side. */
static void pss_is_the_smaller(void **state)
{
	struct vnest *n = vnest_kernel(1);
	struct viq_vtd_config config = n->guest_config;

	n->fk->smmus[0].ecap = (n->fk->smmus[0].ecap & ~VIQ_VTD_ECAP_PSS) | VIQ_PUT(VIQ_VTD_ECAP_PSS, 11);
	assert_int_equal(vnest_create(n), 0);
	viq_linux_vvtd_offer(n->vv, &config.cap, &config.ecap);
	assert_int_equal(VIQ_GET(VIQ_VTD_ECAP_PSS, config.ecap), 11);
	config.ecap = (config.ecap & ~VIQ_VTD_ECAP_PSS) | VIQ_PUT(VIQ_VTD_ECAP_PSS, 7);
	viq_linux_vvtd_offer(n->vv, &config.cap, &config.ecap);
	assert_int_equal(VIQ_GET(VIQ_VTD_ECAP_PSS, config.ecap), 7);
	vnest_free(n);
}

static void hosts_that_cannot_nest(void **state)
{
	static const struct {
		uint64_t ecap;
		const char *name;
	} rows[] = {
		{VIQ_VTD_ECAP_SMTS, "ECAP.SMTS"}, {VIQ_VTD_ECAP_NEST, "ECAP.NEST"}, {VIQ_VTD_ECAP_FSTS, "ECAP.FSTS"}};
	struct vnest *n = vnest_kernel(1);

	for (size_t i = 0; i < 3; i++) {
		n->fk->smmus[0].ecap ^= rows[i].ecap;
		assert_int_equal(vnest_create(n), -EOPNOTSUPP);
		assert_memory_equal(n->why.text, rows[i].name, strlen(rows[i].name));
		n->fk->smmus[0].ecap ^= rows[i].ecap;
	}
	/* The hardware could, the host's driver does not. */
	n->fk->smmus[0].legacy_mode = true;
	assert_int_equal(vnest_create(n), -EOPNOTSUPP);
	assert_non_null(strstr(n->why.text, "sm_on"));
	n->fk->smmus[0].legacy_mode = false;
	n->fk->smmus[0].type = VIQ_LINUX_HW_AMD;
	assert_int_equal(vnest_create(n), -EOPNOTSUPP);
	assert_non_null(strstr(n->why.text, "not behind a VT-d"));
	n->fk->smmus[0].type = VIQ_LINUX_HW_VTD;
	n->config.hwpt = n->ioas;
	assert_int_not_equal(vnest_create(n), 0);
	n->config.hwpt = n->hwpt;
	assert_int_equal(vnest_create(n), 0);
	assert_int_equal(vnest_own_objects(n), 0);
	vnest_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_offered_is_taken), cmocka_unit_test(a_poor_host),
		cmocka_unit_test(each_field_is_checked),    cmocka_unit_test(pss_is_bounded),
		cmocka_unit_test(pss_is_the_smaller),       cmocka_unit_test(hosts_that_cannot_nest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
