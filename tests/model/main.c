/* SPDX-License-Identifier: MIT */
/* The models of a program; and whether each memory order in the code is needed: see model_main(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine.h"

static const char *const names[] = {
	[MODEL_RELAXED] = "relaxed", [MODEL_ACQUIRE] = "acquire", [MODEL_RELEASE] = "release",
	[MODEL_ACQ_REL] = "acq_rel", [MODEL_SEQ_CST] = "seq_cst",
};

/* The orders next below this one: all lower ones fail where these do. */
static unsigned int weaker(int order, int out[2])
{
	switch (order) {
	case MODEL_SEQ_CST:
		out[0] = MODEL_ACQ_REL;
		return 1;
	case MODEL_ACQ_REL:
		out[0] = MODEL_ACQUIRE;
		out[1] = MODEL_RELEASE;
		return 2;
	case MODEL_RELAXED:
		return 0;
	default:
		out[0] = MODEL_RELAXED;
		return 1;
	}
}

static unsigned int search_all(const struct model *models, size_t count)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < count; i++) {
		const clock_t start = clock();
		const char *wrong = model_search(&models[i]);

		printf("%-24s %9llu states, %9llu executions, %.1f s: %s\n", models[i].name,
		       (unsigned long long)model_states(), (unsigned long long)model_executions(),
		       (double)(clock() - start) / CLOCKS_PER_SEC, wrong ? wrong : "holds");
		fflush(stdout);
		failed += wrong != NULL;
	}
	return failed;
}

static bool is_spare(const char *const *spare, const char *key, bool *used)
{
	for (unsigned int i = 0; spare[i]; i++) {
		if (!strcmp(spare[i], key))
			return used[i] = true;
	}
	return false;
}

/* The name of the model that fails with this order, or NULL. */
static const char *breaks(const struct model *models, size_t count, int site, int order)
{
	const char *name = NULL;

	model_weak_site = site;
	model_weak_order = order;
	for (size_t i = 0; i < count && !name; i++) {
		if (model_search(&models[i]))
			name = models[i].name;
	}
	model_weak_site = 0;
	return name;
}

static unsigned int weaken(const struct model *models, size_t count, const char *const *spare)
{
	unsigned int met, failed = 0;
	struct model_site *const *sites = model_sites(&met);
	bool used[64] = {false};

	for (unsigned int i = 0; i < met; i++) {
		int orders[2] = {0};
		unsigned int n = weaker(sites[i]->order, orders);

		for (unsigned int k = 0; k < n; k++) {
			const char *name;
			bool expected;
			char key[256];

			snprintf(key, sizeof(key), "%s: %s, %s", sites[i]->function, sites[i]->what,
				 names[sites[i]->order]);
			if (n == 2 || sites[i]->order == MODEL_SEQ_CST)
				snprintf(key + strlen(key), sizeof(key) - strlen(key), " as %s", names[orders[k]]);
			name = breaks(models, count, (int)i + 1, orders[k]);
			expected = is_spare(spare, key, used);
			printf("%-78s %s%s%s\n", key, name ? "fails: " : "holds", name ? name : "",
			       !name == expected ? ""
			       : expected        ? ", though it was to hold"
						 : ", and nothing says why");
			fflush(stdout);
			failed += !name != expected;
		}
	}
	for (unsigned int i = 0; spare[i]; i++) {
		if (used[i])
			continue;
		printf("%s: there is no such line\n", spare[i]);
		failed++;
	}
	return failed;
}

/* --tell MODEL: that one alone, and the steps of an execution that goes wrong. --models: without the weaker orders. */
int model_main(int argc, char **argv, const struct model *models, size_t count, const char *const *spare)
{
	unsigned int failed;

	for (size_t i = 0; argc == 3 && !strcmp(argv[1], "--tell") && i < count; i++) {
		model_tell = true;
		if (!strcmp(models[i].name, argv[2]))
			return search_all(&models[i], 1) != 0;
	}
	failed = search_all(models, count);
	if (!failed && argc == 1)
		failed = weaken(models, count, spare);
	return failed != 0;
}
