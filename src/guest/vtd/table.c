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

/* The first target whose key is not below this one, and whose serial is not if the key is this one. */
static uint32_t bound(const struct viq_vtd *s, uint64_t key, uint64_t serial)
{
	uint32_t lo = 0, hi = s->tables.target_count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct vtd_target *t = s->tables.targets[mid];

		if (t->key < key || (t->key == key && t->serial < serial))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint32_t lower_bound(const struct viq_vtd *s, uint64_t key)
{
	return bound(s, key, 0);
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
	uint32_t at = bound(s, sweep->key, sweep->serial);
	struct vtd_target *t = at < s->tables.target_count ? s->tables.targets[at] : NULL;

	if (!t || t->key >= sweep->end)
		return NULL;
	sweep->key = t->key;
	sweep->serial = t->serial + 1;
	return t;
}

struct vtd_run vtd_targets_all(const struct viq_vtd *s)
{
	return (struct vtd_run){0, s->tables.target_count};
}

struct vtd_run vtd_targets_domain(const struct viq_vtd *s, uint16_t domain_id)
{
	return (struct vtd_run){lower_bound(s, key_of(domain_id, 0)), lower_bound(s, key_of(domain_id + 1u, 0))};
}

struct vtd_run vtd_targets_pasid(const struct viq_vtd *s, uint16_t domain_id, uint32_t pasid)
{
	uint64_t key = key_of(domain_id, pasid);
	struct vtd_run run = {lower_bound(s, key), 0};

	for (run.end = run.first; run.end < s->tables.target_count && s->tables.targets[run.end]->key == key;)
		run.end++;
	return run;
}

/* The first attachment whose source-id is not below this one, and whose serial is not if it is this one. */
static uint32_t source_bound(const struct viq_vtd *s, uint32_t source_id, uint64_t serial)
{
	uint32_t lo = 0, hi = s->tables.attachment_count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct vtd_attachment *a = s->tables.attachments[mid];

		if (a->table.source_id < source_id || (a->table.source_id == source_id && a->serial < serial))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct vtd_run vtd_attachments_of(const struct viq_vtd *s, uint16_t source_id)
{
	return (struct vtd_run){source_bound(s, source_id, 0), source_bound(s, source_id + 1u, 0)};
}

const struct viq_vtd_table *vtd_table_of(const struct viq_vtd *s, const struct vtd_target *target)
{
	for (uint32_t i = 0; i < s->tables.attachment_count; i++) {
		if (s->tables.attachments[i]->target == target)
			return &s->tables.attachments[i]->table;
	}
	return NULL;
}

/* Room for one more of everything. */
static int grow(struct vtd_tables *t)
{
	uint32_t room = t->room ? 2 * t->room : 16;
	struct vtd_target **targets, **active;
	struct vtd_attachment **attachments;

	if (t->attachment_count < t->room)
		return 0;
	/* Each array that grew stays grown if the next one cannot: room counts the smallest. */
	targets = realloc(t->targets, room * sizeof(struct vtd_target *));
	if (!targets)
		return -ENOMEM;
	t->targets = targets;
	active = realloc(t->active, room * sizeof(struct vtd_target *));
	if (!active)
		return -ENOMEM;
	t->active = active;
	attachments = realloc(t->attachments, room * sizeof(struct vtd_attachment *));
	if (!attachments)
		return -ENOMEM;
	t->attachments = attachments;
	t->room = room;
	return 0;
}

static bool same_host(const struct viq_call_host *a, const struct viq_call_host *b)
{
	return a->ops == b->ops && a->opaque == b->opaque && a->object == b->object;
}

/* The target of this key and host, made if there is none yet. */
static struct vtd_target *get_target(struct viq_vtd *s, const struct viq_vtd_table *table)
{
	struct vtd_tables *t = &s->tables;
	struct vtd_run run = vtd_targets_pasid(s, table->domain_id, table->pasid);
	struct vtd_target *target;

	for (uint32_t i = run.first; i < run.end; i++) {
		if (same_host(&t->targets[i]->host, &table->host))
			return t->targets[i];
	}
	/* Its entries are written before they are looked at. */
	target = malloc(sizeof(*target));
	if (!target)
		return NULL;
	target->key = key_of(table->domain_id, table->pasid);
	target->serial = ++t->last_serial;
	target->host = table->host;
	target->stage2 = false;
	target->attachments = target->count = target->stretch_count = 0;
	memmove(&t->targets[run.end + 1], &t->targets[run.end],
		(t->target_count - run.end) * sizeof(struct vtd_target *));
	t->targets[run.end] = target;
	t->target_count++;
	return target;
}

static void put_target(struct viq_vtd *s, struct vtd_target *target)
{
	struct vtd_tables *t = &s->tables;
	uint32_t i;

	if (--target->attachments)
		return;
	i = bound(s, target->key, target->serial);
	t->target_count--;
	memmove(&t->targets[i], &t->targets[i + 1], (t->target_count - i) * sizeof(struct vtd_target *));
	free(target);
}

/* Handles are not used again soon, so that one kept by mistake matches no table. */
static uint32_t new_handle(struct viq_vtd *s)
{
	do
		s->tables.last_handle++;
	while (!s->tables.last_handle || sorted_find(&s->tables.by_handle, s->tables.last_handle));
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
	struct vtd_attachment *a, **place;
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
	if (grow(&s->tables) || sorted_reserve(&s->tables.by_handle))
		return -ENOMEM;
	a = malloc(sizeof(*a));
	if (!a)
		return -ENOMEM;
	target = get_target(s, &own);
	if (!target) {
		free(a);
		return -ENOMEM;
	}
	target->stage2 = own.flags & VIQ_VTD_TABLE_STAGE2 && (target->stage2 || !target->attachments);
	target->attachments++;
	*a = (struct vtd_attachment){
		.handle = new_handle(s), .table = own, .target = target, .serial = ++s->tables.last_serial};
	*handle = a->handle;
	sorted_insert(&s->tables.by_handle, a);
	place = &s->tables.attachments[source_bound(s, own.source_id, a->serial)];
	memmove(place + 1, place,
		(size_t)(&s->tables.attachments[s->tables.attachment_count] - place) * sizeof(*place));
	s->tables.attachment_count++;
	*place = a;
	return 0;
}

int viq_vtd_detach(struct viq_vtd *s, uint32_t handle)
{
	struct vtd_attachment *a, **place;

	if (!s)
		return -EINVAL;
	if (s->gate.busy && !s->tables_open)
		return -EBUSY;
	a = sorted_find(&s->tables.by_handle, handle);
	if (!a)
		return -ENOENT;
	sorted_remove(&s->tables.by_handle, a);
	place = &s->tables.attachments[source_bound(s, a->table.source_id, a->serial)];
	s->tables.attachment_count--;
	memmove(place, place + 1,
		(size_t)(&s->tables.attachments[s->tables.attachment_count] - place) * sizeof(*place));
	put_target(s, a->target);
	free(a);
	return 0;
}

void vtd_tables_free(struct viq_vtd *s)
{
	for (uint32_t i = 0; i < s->tables.target_count; i++)
		free(s->tables.targets[i]);
	for (uint32_t i = 0; i < s->tables.attachment_count; i++)
		free(s->tables.attachments[i]);
	free(s->tables.by_handle.items);
	free(s->tables.targets);
	free(s->tables.active);
	free(s->tables.attachments);
}
