/* SPDX-License-Identifier: MIT */
/* What a device takes of memory: a machine may have 65,536 of them (StreamIDs, source-ids), of which few do much. */
#include "support/nomem.h"
#include "support/soft.h"

#include <viq/soft_vtd.h>

#define DEVICES 1000u
#define AT_MOST 1536u /* bytes of each; without ATS */

static void smmuv3_streams(void **state)
{
	struct machine m;
	size_t before;

	machine_init_s1(&m, NULL);
	before = nomem_bytes();
	for (uint32_t i = 0; i < DEVICES; i++) {
		const uint64_t ste[2] = {ste0(VIQ_SMMUV3_STE_CONFIG_S1, m.cd, 0)};
		struct viq_soft_dev *dev;
		uint32_t id;

		assert_int_equal(viq_soft_dev_alloc(m.soft, &dev, NULL), 0);
		assert_int_equal(viq_soft_vdevice_alloc(m.soft, m.viommu, dev, VSID + 1 + i, &id, NULL), 0);
		assert_int_equal(viq_soft_vdevice_configure(m.soft, m.viommu, VSID + 1 + i, ste), 0);
	}
	assert_in_range((nomem_bytes() - before) / DEVICES, 1, AT_MOST);
	machine_fini(&m);
}

static void vtd_devices(void **state)
{
	struct viq_soft_vtd_config config;
	struct viq_soft_vtd *soft;
	struct machine m;
	size_t before;

	machine_init(&m, NULL); /* for its memory */
	viq_soft_vtd_config_init(&config, sizeof(config));
	config.mem = m.mem;
	assert_int_equal(viq_soft_vtd_create(&config, &soft, NULL), 0);
	before = nomem_bytes();
	for (uint16_t sid = 0; sid < DEVICES; sid++) {
		struct viq_soft_vtd_dev *dev;

		assert_int_equal(viq_soft_vtd_dev_alloc(soft, sid, &dev, NULL), 0);
	}
	assert_in_range((nomem_bytes() - before) / DEVICES, 1, AT_MOST);
	viq_soft_vtd_destroy(soft);
	machine_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuv3_streams),
		cmocka_unit_test(vtd_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
