/* SPDX-License-Identifier: MIT */
#include "minmax.h"
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
	uint32_t l = level(n->left), r = level(n->right);

	n->level = min_u32(n->level, min_u32(l, r) + 1);
	if (n->right)
		n->right->level = min_u32(r, n->level);
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
	/* What has nothing to the left is at the bottom, and so is what it has to the right. */
	if (!at->left)
		return at->right;
	/* The one before it takes its place. */
	other = at->left;
	while (other->right)
		other = other->right;
	other->left = take(at->left, other);
	other->right = at->right;
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
