/* SPDX-License-Identifier: MIT */
/* A stream whose table entry is bad: every access aborts, and the guest hears of each (IHI 0070 7.3.3 to 7.3.5). */
#include "support/soft.h"

static int access_once(struct machine *m, uint32_t ssid, uint32_t flags)
{
	struct viq_soft_xlate x;
	int ret;

	viq_soft_access_begin();
	ret = viq_soft_translate(m->dev, 0x1000, ssid, VIQ_SOFT_READ | flags, &x);
	viq_soft_access_end();
	return ret;
}

static void each_access_of_a_bad_stream_is_recorded(void **state)
{
	static const unsigned int events[] = {VIQ_SMMUV3_EVT_C_BAD_STREAMID, VIQ_SMMUV3_EVT_F_STE_FETCH,
					      VIQ_SMMUV3_EVT_C_BAD_STE};
	const uint64_t fetch = 0x40001240;
	struct machine m;

	machine_init_s1(&m, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t record[4] = {events[i], 0, 0, events[i] == VIQ_SMMUV3_EVT_F_STE_FETCH ? fetch : 0};

		machine_events(&m);
		assert_int_equal(viq_soft_vdevice_fault(m.soft, m.viommu, VSID, record), 0);
		assert_int_equal(access_once(&m, 0, 0), -EFAULT);
		assert_int_equal(access_once(&m, 5, VIQ_SOFT_SSV), -EFAULT);
		assert_int_equal(machine_events(&m), 2);
		assert_int_equal(m.events[0][0], events[i] | (uint64_t)VSID << 32);
		assert_int_equal(m.events[1][0], events[i] | 1 << 11 | 5 << 12 | (uint64_t)VSID << 32);
		assert_int_equal(m.events[0][3], record[3]);
		assert_int_equal(m.events[0][1] | m.events[0][2], 0);
	}
	machine_fini(&m);
}

/* 3.9.1: a translation request that meets a bad configuration is answered to the device. */
static void a_device_with_ats_records_nothing(void **state)
{
	const uint64_t record[4] = {VIQ_SMMUV3_EVT_C_BAD_STE};
	struct machine m;

	machine_init_s1(&m, NULL);
	assert_int_equal(viq_soft_dev_set_ats(m.dev, true), 0);
	assert_int_equal(viq_soft_vdevice_fault(m.soft, m.viommu, VSID, record), 0);
	assert_int_equal(access_once(&m, 0, 0), -EFAULT);
	assert_int_equal(machine_events(&m), 0);
	machine_fini(&m);
}

static void a_good_entry_ends_it(void **state)
{
	const uint64_t record[4] = {VIQ_SMMUV3_EVT_C_BAD_STE};
	const uint64_t aborting[2] = {VIQ_SMMUV3_STE_0_V, 0};
	struct machine m;

	machine_init_s1(&m, NULL);
	assert_int_equal(viq_soft_vdevice_fault(m.soft, m.viommu, VSID, record), 0);
	assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID, aborting), 0);
	assert_int_equal(access_once(&m, 0, 0), -EFAULT);
	assert_int_equal(machine_events(&m), 0); /* Config = 0 is silent */
	machine_fini(&m);
}

static void only_events_of_the_stream_table(void **state)
{
	const uint64_t record[4] = {VIQ_SMMUV3_EVT_C_BAD_STE}, other[4] = {VIQ_SMMUV3_EVT_C_BAD_CD};
	struct machine m;

	machine_init_s1(&m, NULL);
	assert_int_equal(viq_soft_vdevice_fault(m.soft, m.viommu, VSID, other), -EINVAL);
	assert_int_equal(viq_soft_vdevice_fault(m.soft, m.viommu, VSID, NULL), -EINVAL);
	assert_int_equal(viq_soft_vdevice_fault(NULL, m.viommu, VSID, record), -EINVAL);
	assert_int_equal(viq_soft_vdevice_fault(m.soft, m.viommu, VSID + 1, record), -ENOENT);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_access_of_a_bad_stream_is_recorded),
		cmocka_unit_test(a_device_with_ats_records_nothing),
		cmocka_unit_test(a_good_entry_ends_it),
		cmocka_unit_test(only_events_of_the_stream_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
