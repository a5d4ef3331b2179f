/* SPDX-License-Identifier: MIT */
/* Sorted sets: as a model has them, and never deeper than twice the logarithm, whatever is put in in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/tree.h"

#define MANY 4096

static struct tree_node nodes[MANY];

static uint32_t level(const struct tree_node *n)
{
	return n ? n->level : 0;
}

/*
 * Nodes on the longest way down. Every pair is in order, and the levels are those of an AA tree, from which the bound
 * follows: one less to the left, one or none less to the right, but one less after two steps to the right; 0 is none.
 */
static unsigned int depth(const struct tree_node *n)
{
	unsigned int l, r;

	if (!n)
		return 0;
	assert_true(!n->left || tree_below(n->left, n->key, n->serial));
	assert_true(!n->right || tree_below(n, n->right->key, n->right->serial));
	assert_int_equal(level(n->left), n->level - 1);
	assert_true(n->level - level(n->right) <= 1);
	assert_true(!n->right || level(n->right->right) < n->level);
	l = depth(n->left);
	r = depth(n->right);
	return 1 + (l > r ? l : r);
}

static void assert_shallow(const struct tree *t)
{
	unsigned int log = 0;

	while ((t->count + 1) >> log > 1)
		log++;
	assert_true(depth(t->root) <= 2 * log + 1);
}

static void any_order_is_shallow(void **state)
{
	for (unsigned int order = 0; order < 3; order++) {
		struct tree t = {0};

		for (uint32_t i = 0; i < MANY; i++) {
			uint32_t at = order == 0 ? i : order == 1 ? MANY - 1 - i : i * 1021 % MANY;

			nodes[at] = (struct tree_node){.key = at / 4, .serial = at % 4};
			tree_insert(&t, &nodes[at]);
		}
		assert_int_equal(t.count, MANY);
		assert_shallow(&t);
		for (uint32_t i = 0; i < MANY; i++) {
			assert_ptr_equal(tree_from(&t, i / 4, i % 4), &nodes[i]);
			assert_ptr_equal(tree_next(&t, &nodes[i]), i + 1 < MANY ? &nodes[i + 1] : NULL);
		}
		/* From either end, and from the middle. */
		for (uint32_t i = 0; i < MANY; i++) {
			uint32_t at = order == 0 ? i : order == 1 ? MANY - 1 - i : (i + MANY / 2) % MANY;

			tree_remove(&t, &nodes[at]);
			if (i % 64 == 0)
				assert_shallow(&t);
		}
		assert_null(t.root);
		assert_int_equal(t.count, 0);
	}
}

static void as_a_model_has_it(void **state)
{
	bool is_in[MANY] = {0};
	struct tree t = {0};
	uint64_t seed = 1;

	for (unsigned int step = 0; step < 50000; step++) {
		uint32_t at = (uint32_t)(seed >> 33) % 512, next = at;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		if (is_in[at]) {
			tree_remove(&t, &nodes[at]);
		} else {
			/* The rest is as the tree has left it. */
			nodes[at].key = at;
			nodes[at].serial = 7;
			tree_insert(&t, &nodes[at]);
		}
		is_in[at] = !is_in[at];
		while (next < 512 && !is_in[next])
			next++;
		assert_ptr_equal(tree_from(&t, at, 0), next < 512 ? &nodes[next] : NULL);
		if (step % 97 == 0)
			assert_shallow(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_is_shallow),
		cmocka_unit_test(as_a_model_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
