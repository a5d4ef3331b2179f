/* SPDX-License-Identifier: MIT */
/* Which bits of a record each event defines (IHI 0070 7.3.2 to 7.3.16). */

#include "support/test.h"
#include "spec/smmuv3/event.h"

static void fields_of_each_event(void **state)
{
	static const struct {
		unsigned int number;
		const char *name;
		uint64_t fields[4];
	} expected[] = {
		{0x01, "F_UUT", {0xfffff800, 0xe0000ffff, UINT64_MAX, 0}},
		{0x02, "C_BAD_STREAMID", {0xfffff800, 0, 0, 0}},
		{0x03, "F_STE_FETCH", {0xfffff800, 0xffff, 0, UINT64_C(0x000ffffffffffff8)}},
		{0x04, "C_BAD_STE", {0xfffff800, 0, 0, 0}},
		{0x05, "F_BAD_ATS_TREQ", {0xfffff800, 0, UINT64_MAX, 0}},
		{0x06, "F_STREAM_DISABLED", {0, 0, 0, 0}},
		{0x07, "F_TRANSL_FORBIDDEN", {0, 0x800000000, UINT64_MAX, 0}},
		{0x08, "C_BAD_SUBSTREAMID", {0xfffff000, 0, 0, 0}},
		{0x09, "F_CD_FETCH", {0xfffff800, 0xffff, 0, UINT64_C(0x000ffffffffffff8)}},
		{0x0a, "C_BAD_CD", {0xfffff800, 0, 0, 0}},
		{0x0b, "F_WALK_EABT", {0xfffff800, 0x38e0000ffff, UINT64_MAX, UINT64_C(0x000ffffffffffff8)}},
		{0x10, "F_TRANSLATION", {0xfffff800, 0x38e8000ffff, UINT64_MAX, UINT64_C(0x000ffffffffff000)}},
		{0x11, "F_ADDR_SIZE", {0xfffff800, 0x38e8000ffff, UINT64_MAX, UINT64_C(0x000ffffffffff000)}},
		{0x12, "F_ACCESS", {0xfffff800, 0x38e8000ffff, UINT64_MAX, UINT64_C(0x000ffffffffff000)}},
		{0x13, "F_PERMISSION", {0xfffff800, 0x138e8000ffff, UINT64_MAX, UINT64_C(0x000ffffffffff000)}},
	};
	size_t known = 0;

	for (unsigned int number = 0; number < 0x200; number++) {
		const struct smmuv3_event *e = smmuv3_event_find(number);

		if (known == sizeof(expected) / sizeof(expected[0]) || expected[known].number != number) {
			assert_null(e);
			continue;
		}
		assert_non_null(e);
		assert_string_equal(e->name, expected[known].name);
		for (unsigned int word = 0; word < 4; word++)
			assert_int_equal(e->fields[word], expected[known].fields[word]);
		known++;
	}
	assert_int_equal(known, sizeof(expected) / sizeof(expected[0]));
	assert_null(smmuv3_event_find(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_each_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
