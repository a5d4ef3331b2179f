/* SPDX-License-Identifier: MIT */
/*
 * P4: the worst register writes and runs that a search has found (tests/fuzz/fuzz_worst.c), by guest and budget, on
 * hosts that fail at the worst moments. They cost what they did: if a change makes one cheaper, search again, and
 * write down the new one here. The inputs are the files of tests/fuzz/worst.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"
#include "support/worst.h"

static const char *folder;

static const struct {
	const char *name;
	uint32_t budget;
	uint64_t beyond, calls; /* units beyond the budget, and calls of hosts and hooks, in one write or run */
} found[] = {
	{"smmuv3-1", 1, 64, 1},
	{"smmuv3-64", 64, 1069, 17},
	{"smmuv3-65", 65, 1598, 25},
	{"smmuv3-200", 200, 1072, 17},
	{"smmuv3-1024", 1024, 2740, 58},
	{"smmuv3-5000", 5000, 676, 72},
	{"smmuv3-1024-passing", 1024, 164, 16},
	{"smmuv3-1024-responses", 1024, 16, 16},
	{"vtd-1", 1, 256, 4},
	{"vtd-64", 64, 256, 4},
	{"vtd-65", 65, 256, 5},
	{"vtd-200", 200, 1369, 24},
	{"vtd-1024", 1024, 972, 29},
	{"vtd-5000", 5000, 1535, 101},
	{"vtd-1024-passing", 1024, 110, 16},
	{"vtd-1024-responses", 1024, 16, 16},
};

static void each_costs_what_it_did(void **state)
{
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		uint8_t data[512];
		struct worst w;
		char path[1024];
		size_t size;
		FILE *in;

		snprintf(path, sizeof(path), "%s/%s", folder, found[i].name);
		in = fopen(path, "rb");
		assert_non_null(in);
		size = fread(data, 1, sizeof(data), in);
		assert_true(size > 0 && size < sizeof(data));
		fclose(in);
		w = worst_of(data, size);
		print_message("# %s: %llu beyond, %llu calls\n", found[i].name, (unsigned long long)w.beyond,
			      (unsigned long long)w.calls);
		assert_int_equal(w.units, found[i].budget);
		assert_true(w.beyond <= worst_allowed(&w));
		assert_int_equal(w.beyond, found[i].beyond);
		assert_int_equal(w.calls, found[i].calls);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_costs_what_it_did),
	};

	if (argc != 2)
		return EXIT_FAILURE;
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
