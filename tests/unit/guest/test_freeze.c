/* SPDX-License-Identifier: MIT */
/* Fields that only newer versions of a saved state have. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "support/test.h"
#include "guest/freeze.h"

struct made_up {
	uint32_t first, newer;
	uint64_t last;
};

static void visit(struct freeze_cursor *c, struct made_up *s)
{
	freeze_visit(c, &s->first, sizeof(s->first));
	freeze_visit_since(c, &s->newer, sizeof(s->newer), 2);
	freeze_visit(c, &s->last, sizeof(s->last));
}

/* Version 1 has no place for the newer field; it comes back as 0. */
static void an_older_version_lacks_the_newer_field(void **state)
{
	static const uint8_t fields[2][16] = {{1, 0, 0, 0, 3}, {1, 0, 0, 0, 2, 0, 0, 0, 3}};

	for (uint32_t version = 1; version <= 2; version++) {
		struct made_up from = {1, version == 2 ? 2 : 0, 3}, to = {7, 7, 7};
		uint8_t buf[FREEZE_HEADER + 16] = {0};
		struct freeze_cursor out = {.out = buf, .pos = FREEZE_HEADER, .version = version};
		struct freeze_cursor in = {.in = buf, .pos = FREEZE_HEADER, .version = 2};

		visit(&out, &from);
		assert_false(out.lost);
		assert_int_equal(out.pos, FREEZE_HEADER + (version == 2 ? 16 : 12));
		assert_memory_equal(buf + FREEZE_HEADER, fields[version - 1], 16);
		freeze_put_header(buf, (uint32_t)out.pos, "MADE UP!", version);
		assert_int_equal(freeze_check_header(buf, out.pos, "MADE UP!", &in.version), 0);
		assert_int_equal(in.version, version);
		visit(&in, &to);
		assert_memory_equal(&to, &from, sizeof(to));
	}
}

static void what_an_older_version_cannot_hold_is_noticed(void **state)
{
	struct made_up from = {1, 2, 3};
	uint8_t buf[FREEZE_HEADER + 16];
	struct freeze_cursor out = {.out = buf, .pos = FREEZE_HEADER, .version = 1};
	struct freeze_cursor count = {.pos = FREEZE_HEADER, .version = 1};

	visit(&out, &from);
	assert_true(out.lost);
	visit(&count, &from);
	assert_false(count.lost);
}

static void versions_that_are_not_known(void **state)
{
	uint8_t buf[FREEZE_HEADER] = {0};
	uint32_t version = 2;

	freeze_put_header(buf, sizeof(buf), "MADE UP!", 3);
	assert_int_equal(freeze_check_header(buf, sizeof(buf), "MADE UP!", &version), -ENOTSUP);
	freeze_put_header(buf, sizeof(buf), "MADE UP!", 0);
	assert_int_equal(freeze_check_header(buf, sizeof(buf), "MADE UP!", &version), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_version_lacks_the_newer_field),
		cmocka_unit_test(what_an_older_version_cannot_hold_is_noticed),
		cmocka_unit_test(versions_that_are_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
