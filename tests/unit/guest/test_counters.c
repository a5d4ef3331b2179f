/* SPDX-License-Identifier: MIT */
/* Counters of several objects, one after the other, as one: no field is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <viq/smmuv3.h>
#include <viq/vtd.h>

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
	viq_smmuv3_counters_add(&total, NULL);
	viq_smmuv3_counters_add(NULL, &more);
	viq_smmuv3_counters_add(&total, &more);
	assert_sum(&total, sizeof(total), (UINT64_C(1) << 40) + 1000);
	assert_int_equal(more.commands[1], (UINT64_C(1) << 40) + 1);
	viq_smmuv3_counters_add(&more, &more);
	assert_sum(&more, sizeof(more), UINT64_C(2) << 40);
}

static void vtd_counters_are_summed(void **state)
{
	struct viq_vtd_counters total, more;

	fill(&total, sizeof(total), 1000);
	fill(&more, sizeof(more), UINT64_C(1) << 40);
	viq_vtd_counters_add(&total, NULL);
	viq_vtd_counters_add(NULL, &more);
	viq_vtd_counters_add(&total, &more);
	assert_sum(&total, sizeof(total), (UINT64_C(1) << 40) + 1000);
	assert_int_equal(more.descriptors[1], (UINT64_C(1) << 40) + 1);
	viq_vtd_counters_add(&more, &more);
	assert_sum(&more, sizeof(more), UINT64_C(2) << 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smmuv3_counters_are_summed),
		cmocka_unit_test(vtd_counters_are_summed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
