/* SPDX-License-Identifier: MIT */
/*
 * A sorted set of structs, each of which has a node with a key and a serial: the pair is in the set once. {0} is empty.
 * Each operation takes O(log n) steps, whatever the keys and their order are (an AA tree, at most 2 log2(n + 1) deep),
 * and needs no memory.
 */
#ifndef VIQ_BASE_TREE_H
#define VIQ_BASE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree_node {
	uint64_t key, serial;
	struct tree_node *left, *right;
	uint32_t level;
};

struct tree {
	struct tree_node *root;
	uint32_t count;
};

/* The struct that a node is in; NULL: none. */
#define TREE_ENTRY(node, type, member) ((node) ? (type *)(void *)((char *)(void *)(node)-offsetof(type, member)) : NULL)

static inline bool tree_below(const struct tree_node *n, uint64_t key, uint64_t serial)
{
	return n->key < key || (n->key == key && n->serial < serial);
}

/* The lowest node that is not below this pair. NULL: none. */
static inline struct tree_node *tree_from(const struct tree *t, uint64_t key, uint64_t serial)
{
	struct tree_node *n = t->root, *found = NULL;

	while (n) {
		if (tree_below(n, key, serial)) {
			n = n->right;
		} else {
			found = n;
			n = n->left;
		}
	}
	return found;
}

/* The one after it. */
static inline struct tree_node *tree_next(const struct tree *t, const struct tree_node *n)
{
	struct tree_node *next = n->right;

	while (next && next->left)
		next = next->left;
	return next ? next : tree_from(t, n->key, n->serial + 1);
}

/* key and serial are set, and not in the set. */
void tree_insert(struct tree *t, struct tree_node *n);
/* It is there. */
void tree_remove(struct tree *t, const struct tree_node *n);

#endif
