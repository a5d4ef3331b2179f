/* SPDX-License-Identifier: MIT */
#include "tree.h"

static struct tree_node *skew(struct tree_node *n)
{
	struct tree_node *l = n ? n->left : NULL;

	if (!l || l->level != n->level)
		return n;
	n->left = l->right;
	l->right = n;
	return l;
}

static struct tree_node *split(struct tree_node *n)
{
	struct tree_node *r = n ? n->right : NULL;

	if (!r || !r->right || r->right->level != n->level)
		return n;
	n->right = r->left;
	r->left = n;
	r->level++;
	return r;
}

static struct tree_node *insert(struct tree_node *at, struct tree_node *n)
{
	if (!at)
		return n;
	if (tree_below(at, n->key, n->serial))
		at->right = insert(at->right, n);
	else
		at->left = insert(at->left, n);
	return split(skew(at));
}

static uint32_t level(const struct tree_node *n)
{
	return n ? n->level : 0;
}

/* A level that was lost below. */
static struct tree_node *settle(struct tree_node *n)
{
	uint32_t l = level(n->left), r = level(n->right), most = (l < r ? l : r) + 1;

	if (most < n->level) {
		n->level = most;
		if (n->right && r > most)
			n->right->level = most;
	}
	n = skew(n);
	n->right = skew(n->right);
	if (n->right)
		n->right->right = skew(n->right->right);
	n = split(n);
	n->right = split(n->right);
	return n;
}

static struct tree_node *take(struct tree_node *at, const struct tree_node *n)
{
	struct tree_node *other;

	if (at != n) {
		if (tree_below(at, n->key, n->serial))
			at->right = take(at->right, n);
		else
			at->left = take(at->left, n);
		return settle(at);
	}
	/* One beside it takes its place. */
	other = at->left ? at->left : at->right;
	if (!other)
		return NULL;
	if (at->left) {
		while (other->right)
			other = other->right;
		other->left = take(at->left, other);
		other->right = at->right;
	} else {
		while (other->left)
			other = other->left;
		other->right = take(at->right, other);
		other->left = NULL;
	}
	other->level = at->level;
	return settle(other);
}

void tree_insert(struct tree *t, struct tree_node *n)
{
	n->left = n->right = NULL;
	n->level = 1;
	t->root = insert(t->root, n);
	t->count++;
}

void tree_remove(struct tree *t, const struct tree_node *n)
{
	t->root = take(t->root, n);
	t->count--;
}
