/* SPDX-License-Identifier: MIT */
/*
 * Nested page tables by what the guest calls them.
 *
 * The key is what was in the guest's entries at attachment, as hardware would have cached it. A guest clears an entry
 * before it invalidates, and may have reused it by then, so its memory says nothing of what is cached.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"
#include "call/host.h"

#include "vtd.h"

#define PASID_BITS 20

static uint64_t key_of(uint32_t domain_id, uint32_t pasid)
{
	return (uint64_t)domain_id << PASID_BITS | pasid;
}

struct vtd_sweep vtd_sweep_all(void)
{
	return (struct vtd_sweep){.end = UINT64_MAX};
}

struct vtd_sweep vtd_sweep_domain(const struct viq_vtd *s, uint16_t domain_id)
{
	return (struct vtd_sweep){.key = key_of(domain_id, 0), .end = key_of(domain_id + 1u, 0)};
}

struct vtd_sweep vtd_sweep_pasid(const struct viq_vtd *s, uint16_t domain_id, uint32_t pasid)
{
	return (struct vtd_sweep){.key = key_of(domain_id, pasid), .end = key_of(domain_id, pasid) + 1};
}

struct vtd_target *vtd_sweep_next(const struct viq_vtd *s, struct vtd_sweep *sweep)
{
	struct vtd_target *t = vtd_target_from(s, sweep->key, sweep->serial);

	if (!t || t->node.key >= sweep->end)
		return NULL;
	sweep->key = t->node.key;
	sweep->serial = t->node.serial + 1;
	return t;
}

static struct vtd_run count(const struct tree *tree, uint64_t key, uint64_t end, uint32_t limit)
{
	struct tree_node *n = tree_from(tree, key, 0);
	struct vtd_run run = {NULL, 0};

	if (n && n->key < end)
		run.first = n;
	for (; n && n->key < end && run.count < limit; n = tree_next(tree, n))
		run.count++;
	return run;
}

struct vtd_run vtd_targets(const struct viq_vtd *s, struct vtd_sweep sweep)
{
	/* One more than the batch can take is as good as all of them. */
	return count(&s->tables.targets, sweep.key, sweep.end, VTD_SLATES + 1);
}

struct vtd_run vtd_attachments_of(const struct viq_vtd *s, uint16_t source_id)
{
	return count(&s->tables.attachments, source_id, source_id + UINT64_C(1), UINT32_MAX);
}

struct vtd_run vtd_attachments_all(const struct viq_vtd *s)
{
	return (struct vtd_run){tree_from(&s->tables.attachments, 0, 0), s->tables.attachments.count};
}

const struct viq_vtd_table *vtd_table_of(const struct viq_vtd *s, const struct vtd_target *target)
{
	struct vtd_run all = vtd_attachments_all(s);

	for (; all.first; vtd_run_step(&s->tables.attachments, &all)) {
		const struct vtd_attachment *a = vtd_attachment_of(all.first);

		if (a->target == target)
			return &a->table;
	}
	return NULL;
}

static bool same_host(const struct viq_call_host *a, const struct viq_call_host *b)
{
	return a->ops == b->ops && a->opaque == b->opaque && a->object == b->object;
}

/* Nothing is in the batch when targets come and go. */
static int get_slate(struct viq_vtd *s)
{
	struct vtd_slate *slate;

	if (s->tables.slates > s->tables.targets.count || s->tables.slates == VTD_SLATES)
		return 0;
	/* What is read of it was written before. */
	slate = malloc(sizeof(*slate));
	if (!slate)
		return -ENOMEM;
	slate->rest = (vtd_entry_rest){0};
	slate->same = 0;
	slate->next = s->tables.slate;
	s->tables.slate = slate;
	s->tables.free_slates = ++s->tables.slates;
	return 0;
}

static void put_slates(struct viq_vtd *s)
{
	while (s->tables.slates > s->tables.targets.count) {
		struct vtd_slate *slate = s->tables.slate;

		s->tables.slate = slate->next;
		s->tables.free_slates = --s->tables.slates;
		free(slate);
	}
}

/* The target of this key and host, made if there is none yet. */
static struct vtd_target *get_target(struct viq_vtd *s, const struct viq_vtd_table *table)
{
	struct vtd_sweep same_key = vtd_sweep_pasid(s, table->domain_id, table->pasid);
	uint64_t key = same_key.key;
	struct vtd_target *target;

	while ((target = vtd_sweep_next(s, &same_key))) {
		if (same_host(&target->host, &table->host))
			return target;
	}
	target = get_slate(s) ? NULL : malloc(sizeof(*target));
	if (!target)
		return NULL;
	*target = (struct vtd_target){.node = {.key = key, .serial = ++s->tables.last_serial}, .host = table->host};
	tree_insert(&s->tables.targets, &target->node);
	return target;
}

static void put_target(struct viq_vtd *s, struct vtd_target *target)
{
	if (--target->attachments)
		return;
	s->model.usable = false;
	tree_remove(&s->tables.targets, &target->node);
	free(target);
	put_slates(s);
}

static struct vtd_attachment *find_handle(const struct viq_vtd *s, uint32_t handle)
{
	struct tree_node *n = tree_from(&s->tables.by_handle, handle, 0);

	return n && n->key == handle ? TREE_ENTRY(n, struct vtd_attachment, by_handle) : NULL;
}

/* Handles are not used again soon, so that one kept by mistake matches no table. */
static uint32_t new_handle(struct viq_vtd *s)
{
	do
		s->tables.last_handle++;
	while (!s->tables.last_handle || find_handle(s, s->tables.last_handle));
	return s->tables.last_handle;
}

static bool table_ok(const struct viq_vtd *s, const struct viq_vtd_table *table)
{
	return table->domain_id == vtd_domain(s, table->domain_id) &&
	       !(table->flags & ~(VIQ_VTD_TABLE_RID | VIQ_VTD_DEVTLB_IMPLIED | VIQ_VTD_TABLE_STAGE2)) &&
	       !(table->pasid >> PASID_BITS) && call_host_ok(&table->host);
}

int viq_vtd_attach(struct viq_vtd *s, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct viq_vtd_table own = {0};
	struct vtd_attachment *a;
	struct vtd_target *target;
	int ret;

	if (!s || !handle)
		return -EINVAL;
	ret = sized_take(&own, sizeof(own), table, SIZED_TO(struct viq_vtd_table, host), "table", NULL);
	if (ret)
		return ret;
	if (!table_ok(s, &own))
		return -EINVAL;
	if (s->gate.busy && !s->tables_open)
		return -EBUSY;
	a = malloc(sizeof(*a));
	if (!a)
		return -ENOMEM;
	target = get_target(s, &own);
	if (!target) {
		free(a);
		return -ENOMEM;
	}
	s->model.usable = false;
	target->stage2 = own.flags & VIQ_VTD_TABLE_STAGE2 && (target->stage2 || !target->attachments);
	target->attachments++;
	*handle = new_handle(s);
	*a = (struct vtd_attachment){.node = {.key = own.source_id, .serial = ++s->tables.last_serial},
				     .by_handle = {.key = *handle},
				     .table = own,
				     .target = target};
	tree_insert(&s->tables.attachments, &a->node);
	tree_insert(&s->tables.by_handle, &a->by_handle);
	return 0;
}

int viq_vtd_detach(struct viq_vtd *s, uint32_t handle)
{
	struct vtd_attachment *a;

	if (!s)
		return -EINVAL;
	if (s->gate.busy && !s->tables_open)
		return -EBUSY;
	a = find_handle(s, handle);
	if (!a)
		return -ENOENT;
	tree_remove(&s->tables.by_handle, &a->by_handle);
	tree_remove(&s->tables.attachments, &a->node);
	put_target(s, a->target);
	free(a);
	return 0;
}

void vtd_tables_free(struct viq_vtd *s)
{
	struct tree_node *n;

	while ((n = s->tables.attachments.root)) {
		struct vtd_attachment *a = TREE_ENTRY(n, struct vtd_attachment, node);

		tree_remove(&s->tables.attachments, n);
		put_target(s, a->target);
		free(a);
	}
	put_slates(s); /* one that was made for a target which could not be */
}
