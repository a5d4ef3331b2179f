/* SPDX-License-Identifier: MIT */
/* Field by field the lesser of two SMMUs (IHI 0070 6.3.1 to 6.3.8); what is not in a guest's tables stays. */

#include "support/test.h"
#include "host/offer_smmuv3.h"

/* Two-level tables, ATS, ASID16, TTF 2; 20-bit SubstreamIDs, 16-bit StreamIDs; HAD, RIL, BBML 2; all granules, VAX. */
static const struct viq_smmuv3_ids rich = {.size = sizeof(rich),
					   .idr0 = 1u << 27 | 1u << 24 | 1u << 19 | 1u << 12 | 1u << 10 | 2u << 2 |
						   1u << 1,
					   .idr1 = 20u << 6 | 16,
					   .idr3 = 1u << 2 | 1u << 10 | 2u << 11,
					   .idr5 = 1u << 10 | 0x75u,
					   .aidr = 2};

static void the_lesser_of_both(void **state)
{
	struct viq_smmuv3_ids ids = rich;

	offer_smmuv3(&rich, false, true, &ids);
	assert_memory_equal(&ids, &rich, sizeof(ids));
	offer_smmuv3(&(struct viq_smmuv3_ids){.idr0 = 2u << 2 | 1u << 26, .idr1 = 3u << 6, .idr5 = 2 | 1u << 5}, false,
		     true, &ids);
	assert_int_equal(ids.idr0, 1u << 27 | 1u << 26 | 1u << 24 | 2u << 2 | 1u << 1);
	assert_int_equal(ids.idr1, 3u << 6 | 16);
	assert_int_equal(ids.idr3, 0);
	assert_int_equal(ids.idr5, 2 | 1u << 5);
	assert_int_equal(ids.aidr, 0);
	/* And back: but for ATS, which is asked for, only what is set in any case. */
	offer_smmuv3(&rich, true, false, &ids);
	assert_int_equal(ids.idr0, rich.idr0 & ~(1u << 10));
	assert_int_equal(ids.idr1, rich.idr1);
	assert_int_equal(ids.idr3, 1u << 10 | 2u << 11);
	assert_int_equal(ids.idr5, 0x72); /* VAX needs v3.1 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_lesser_of_both)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
