/* SPDX-License-Identifier: MIT */
/*
 * The guest's most expensive register write, per guest, budget and host: an input that goes further beyond the budget
 * than those before it, or makes more calls, is kept as if it had reached new code. P4 says how far it may go.
 */
#include <stdio.h>

#include <viq/work.h>

#include "support/worst.h"
#include "input.h"

#define LEVELS 256

/* libFuzzer looks at these, and clears them before each input. */
__attribute__((section("__libfuzzer_extra_counters"),
	       used)) static uint8_t levels[2][WORST_GUESTS][WORST_CONTRACTS][WORST_BUDGETS][LEVELS];

static uint64_t most[2][WORST_GUESTS][WORST_BUDGETS];

/* The worst input so far is kept in the folder that VIQ_WORST names. */
static void keep(const struct worst *w, unsigned int what, const uint8_t *data, size_t size)
{
	const char *folder = getenv("VIQ_WORST");
	char path[512];
	FILE *out;

	if (!folder)
		return;
	snprintf(path, sizeof(path), "%s/%s-%s-%u", folder, what ? "calls" : "beyond", w->guest ? "vtd" : "smmuv3",
		 w->units);
	out = fopen(path, "wb");
	if (!out)
		return;
	fwrite(data, 1, size, out);
	fclose(out);
	fprintf(stderr, "%s: %llu units beyond, %llu calls, contract %u\n", path, (unsigned long long)w->beyond,
		(unsigned long long)w->calls, w->contract);
}

static void told(unsigned int what, const struct worst *w, uint64_t amount, uint64_t unit, const uint8_t *data,
		 size_t size)
{
	uint64_t level = amount / unit, *max = &most[what][w->guest][w->budget];

	levels[what][w->guest][w->contract][w->budget][level < LEVELS ? level : LEVELS - 1] = 1;
	if (amount > *max) {
		*max = amount;
		keep(w, what, data, size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct worst w = worst_of(data, size);

	told(0, &w, w.beyond, VIQ_WORK_CALL / 2, data, size);
	told(1, &w, w.calls, 1, data, size);
	if (w.beyond > worst_allowed(&w)) {
		fprintf(stderr, "%llu units beyond a budget of %u\n", (unsigned long long)w.beyond, w.units);
		abort();
	}
	return 0;
}
