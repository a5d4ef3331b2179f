/* SPDX-License-Identifier: MIT */
/* Counters of several objects, one after the other, as one: no field is left out. */

#include <errno.h>
#include <string.h>

#include <viq/smmuv3.h>
#include <viq/vtd.h>

#include "support/test.h"

#define MORE 4 /* words of a later version */

/* Every word another number, in the whole struct: a field that is not summed shows, whatever its name. */
static void fill(void *counters, size_t size, uint64_t first)
{
	uint64_t *words = counters;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		words[i] = first + i * i;
}

static void assert_sum(const void *counters, size_t size, uint64_t first)
{
	const uint64_t *words = counters;

	for (size_t i = 0; i < size / sizeof(*words); i++)
		assert_int_equal(words[i], first + 2 * i * i);
}

static void smmuv3_counters_are_summed(void **state)
{
	struct viq_smmuv3_counters total, more;

	fill(&total, sizeof(total), 1000);
	fill(&more, sizeof(more), UINT64_C(1) << 40);
	viq_smmuv3_counters_add(&total, NULL, sizeof(total));
	viq_smmuv3_counters_add(NULL, &more, sizeof(total));
	viq_smmuv3_counters_add(&total, &more, sizeof(total));
	assert_sum(&total, sizeof(total), (UINT64_C(1) << 40) + 1000);
	assert_int_equal(more.commands[1], (UINT64_C(1) << 40) + 1);
	viq_smmuv3_counters_add(&more, &more, sizeof(total));
	assert_sum(&more, sizeof(more), UINT64_C(2) << 40);
}

static void vtd_counters_are_summed(void **state)
{
	struct viq_vtd_counters total, more;

	fill(&total, sizeof(total), 1000);
	fill(&more, sizeof(more), UINT64_C(1) << 40);
	viq_vtd_counters_add(&total, NULL, sizeof(total));
	viq_vtd_counters_add(NULL, &more, sizeof(total));
	viq_vtd_counters_add(&total, &more, sizeof(total));
	assert_sum(&total, sizeof(total), (UINT64_C(1) << 40) + 1000);
	assert_int_equal(more.descriptors[1], (UINT64_C(1) << 40) + 1);
	viq_vtd_counters_add(&more, &more, sizeof(total));
	assert_sum(&more, sizeof(more), UINT64_C(2) << 40);
}

/* Both from one object, into structs of any version: as much as both know, zeroes behind it, and nothing further. */
#define ASSERT_SIZES(type, get)                                                                                        \
	do {                                                                                                           \
		union {                                                                                                \
			struct type known;                                                                             \
			uint64_t words[sizeof(struct type) / 8 + MORE + 1];                                            \
		} whole, got;                                                                                          \
                                                                                                                       \
		assert_int_equal(get(&whole.known, sizeof(whole.known)), 0);                                           \
		for (size_t words = 0; words <= sizeof(struct type) / 8 + MORE; words++) {                             \
			memset(&got, 0x5a, sizeof(got));                                                               \
			assert_int_equal(get(&got.known, 8 * words), 0);                                               \
			for (size_t i = 0; i <= words; i++)                                                            \
				assert_int_equal(got.words[i], i == words                    ? 0x5a5a5a5a5a5a5a5a      \
							       : i < sizeof(struct type) / 8 ? whole.words[i]          \
											     : 0);                     \
			for (size_t odd = 1; odd < 8; odd++)                                                           \
				assert_int_equal(get(&got.known, 8 * words + odd), -EINVAL);                           \
		}                                                                                                      \
		assert_int_equal(get(NULL, sizeof(whole.known)), -EINVAL);                                             \
	} while (0)

static struct viq_smmuv3 *smmu;
static struct viq_vtd *vtd;

static int get_smmuv3(struct viq_smmuv3_counters *out, size_t size)
{
	return viq_smmuv3_counters(smmu, out, size);
}

static int get_vtd(struct viq_vtd_counters *out, size_t size)
{
	return viq_vtd_counters(vtd, out, size);
}

static void counters_for_older_and_newer_callers(void **state)
{
	struct viq_smmuv3_config config;
	struct viq_vtd_config vtd_config;
	struct viq_mem *mem;

	assert_int_equal(viq_mem_create(NULL, 0, NULL, NULL, &mem, NULL), 0);
	viq_smmuv3_config_init(&config, sizeof(config));
	viq_vtd_config_init(&vtd_config, sizeof(vtd_config));
	config.mem = vtd_config.mem = mem;
	assert_int_equal(viq_smmuv3_create(&config, &smmu, NULL), 0);
	assert_int_equal(viq_vtd_create(&vtd_config, &vtd, NULL), 0);
	/* One doorbell each: behind the arrays of opcodes and codes. */
	viq_smmuv3_mmio_write(smmu, VIQ_SMMUV3_CMDQ_PROD, 4, 1);
	viq_vtd_mmio_write(vtd, VIQ_VTD_IQT, 4, 0);
	ASSERT_SIZES(viq_smmuv3_counters, get_smmuv3);
	ASSERT_SIZES(viq_vtd_counters, get_vtd);
	viq_smmuv3_destroy(smmu);
	viq_vtd_destroy(vtd);
	viq_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuv3_counters_are_summed),
		cmocka_unit_test(vtd_counters_are_summed),
		cmocka_unit_test(counters_for_older_and_newer_callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
