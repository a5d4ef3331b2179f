/* SPDX-License-Identifier: MIT */
/* Entry types: sizes, and the commands that name a stream, against the architecture's numbers. */
#include <endian.h>

#include <viq/smmuv3_spec.h>
#include <viq/vtd_spec.h>

#include "support/test.h"
#include "call/types.h"

static void sizes_are_those_of_the_entries(void **state)
{
	(void)state;
	assert_int_equal(call_type_find(VIQ_CALL_SMMUV3)->entry_size, VIQ_SMMUV3_CMD_SIZE);
	assert_int_equal(call_type_find(VIQ_CALL_VTD_S1)->entry_size, sizeof(struct viq_vtd_s1_entry));
	assert_null(call_type_find(VIQ_CALL_VTD_S1)->needs);
	for (uint32_t type = VIQ_CALL_SMMUV3 + 1; type < 100; type++)
		assert_null(call_type_find(type));
	assert_null(call_type_find(UINT32_MAX));
}

/* IHI 0070 4.3.3, 4.3.4, 4.5.1; CFGI_STE and its like are never a host's. */
static uint32_t expected(unsigned int op)
{
	switch (op) {
	case VIQ_SMMUV3_OP_CFGI_CD:
	case VIQ_SMMUV3_OP_CFGI_CD_ALL:
		return VIQ_CALL_STREAM_KNOWN;
	case VIQ_SMMUV3_OP_ATC_INV:
		return VIQ_CALL_STREAM_KNOWN | VIQ_CALL_STREAM_ATS;
	}
	return 0;
}

static void commands_that_name_a_stream(void **state)
{
	const struct call_type *type = call_type_find(VIQ_CALL_SMMUV3);

	(void)state;
	for (unsigned int op = 0; op < 256; op++) {
		uint64_t ones = ~(VIQ_SMMUV3_CMD_OP | VIQ_SMMUV3_CMD_SID);
		uint64_t entry[2] = {
			htole64(ones | VIQ_PUT(VIQ_SMMUV3_CMD_OP, op) | VIQ_PUT(VIQ_SMMUV3_CMD_SID, 0x89abcdef)),
			UINT64_MAX,
		};
		uint32_t sid = 0;

		assert_int_equal(type->needs(entry, &sid), expected(op));
		assert_int_equal(sid, 0x89abcdef);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_those_of_the_entries),
		cmocka_unit_test(commands_that_name_a_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
