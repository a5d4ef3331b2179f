/* SPDX-License-Identifier: MIT */
/* Tables and attachments: see unit.h. */
#include <errno.h>
#include <stdlib.h>

#include "unit.h"

uint64_t soft_vtd_key(const struct vtd_regime *regime, uint32_t pasid)
{
	return (uint64_t)regime->pgtt << 36 | (uint64_t)regime->did << 20 | pasid;
}

static uint16_t soft_vtd_key_did(uint64_t key)
{
	return (uint16_t)(key >> 20);
}

static uint32_t key_stage(uint64_t key)
{
	uint64_t pgtt = key >> 36;

	return pgtt == VIQ_VTD_PGTT_SS || pgtt == VIQ_VTD_PGTT_PT ? VIQ_VTD_TABLE_STAGE2 : 0;
}

static struct soft_vtd_table **key_bucket(struct viq_soft_vtd *soft, uint64_t key)
{
	return &soft->by_key[soft_place(key, 0, SOFT_VTD_BUCKETS - 1)];
}

struct soft_vtd_table *soft_vtd_table_find(const struct viq_soft_vtd *soft, uint32_t id)
{
	struct soft_vtd_table *table = soft->by_id[id % SOFT_VTD_BUCKETS];

	while (table && table->id != id)
		table = table->next_by_id;
	return table;
}

/* An ASID that no table has; there is one, since tables are fewer. Those given back last are used again last. */
static uint16_t take_asid(struct viq_soft_vtd *soft)
{
	do
		soft->last_asid = soft->last_asid % (SOFT_VTD_ASIDS - 1) + 1;
	while (soft->asids[soft->last_asid / 64] >> soft->last_asid % 64 & 1);
	soft->asids[soft->last_asid / 64] |= UINT64_C(1) << soft->last_asid % 64;
	return (uint16_t)soft->last_asid;
}

/* The table of this key, made if there is none. NULL: no memory, or all ids were used up. */
static struct soft_vtd_table *get_table(struct viq_soft_vtd *soft, uint64_t key) MUST_HOLD(soft->lock)
{
	struct soft_vtd_table **bucket = key_bucket(soft, key), *table;

	for (table = *bucket; table; table = table->next_by_key) {
		if (table->key == key)
			return table;
	}
	if (soft->last_id == UINT32_MAX)
		return NULL;
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->key = key;
	table->id = ++soft->last_id;
	table->asid = take_asid(soft);
	/* Nothing is older: also what was filled under the ASID's last table after that was given up. */
	soft_tlb_inv_asid(&soft->vm, table->asid);
	table->next_by_key = *bucket;
	*bucket = table;
	table->next_by_id = soft->by_id[table->id % SOFT_VTD_BUCKETS];
	soft->by_id[table->id % SOFT_VTD_BUCKETS] = table;
	return table;
}

static void put_table(struct viq_soft_vtd *soft, struct soft_vtd_table *table) MUST_HOLD(soft->lock)
{
	struct soft_vtd_table **at;

	if (table->attachments[0] || table->attachments[1])
		return;
	for (at = key_bucket(soft, table->key); *at != table; at = &(*at)->next_by_key)
		;
	*at = table->next_by_key;
	for (at = &soft->by_id[table->id % SOFT_VTD_BUCKETS]; *at != table; at = &(*at)->next_by_id)
		;
	*at = table->next_by_id;
	soft->asids[table->asid / 64] &= ~(UINT64_C(1) << table->asid % 64);
	free(table);
}

static void list_insert(struct soft_vtd_attachment **list, struct soft_vtd_attachment *a)
{
	a->at = list;
	a->next = *list;
	if (a->next)
		a->next->at = &a->next;
	*list = a;
}

static void list_remove(struct soft_vtd_attachment *a)
{
	*a->at = a->next;
	if (a->next)
		a->next->at = a->at;
}

void soft_vtd_attachment_ats(struct soft_vtd_attachment *a)
{
	list_remove(a);
	list_insert(&a->table->attachments[1], a);
}

/* 0 with *out. */
static int link_attachment(struct viq_soft_vtd *soft, struct viq_soft_vtd_dev *dev, const struct soft_vtd_entry *entry,
			   bool rid, struct soft_vtd_attachment **out) MUST_HOLD(soft->lock)
{
	struct soft_vtd_attachment *a;

	if (soft->attachments == soft->config.tables)
		return -ENOSPC;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->table = get_table(soft, soft_vtd_key(&entry->regime, entry->pasid));
	if (!a->table) {
		free(a);
		return -ENOMEM;
	}
	a->dev = dev;
	a->pasid = entry->pasid;
	a->rid = rid;
	list_insert(&a->table->attachments[dev->uses_ats], a);
	soft->attachments++;
	*out = a;
	return 0;
}

static void unlink_attachment(struct viq_soft_vtd *soft, struct soft_vtd_attachment *a) MUST_HOLD(soft->lock)
{
	list_remove(a);
	soft->attachments--;
	put_table(soft, a->table);
}

static int tell(struct viq_soft_vtd *soft, struct soft_vtd_attachment *a) MUST_HOLD(soft->config_lock)
{
	const struct viq_vtd_listener *listener = &soft->listener;
	const struct viq_vtd_table told = {
		.size = sizeof(told),
		.flags = (a->rid ? VIQ_VTD_TABLE_RID : 0) | (soft->config.devtlb_implied ? VIQ_VTD_DEVTLB_IMPLIED : 0) |
			 key_stage(a->table->key),
		.pasid = a->pasid,
		.domain_id = soft_vtd_key_did(a->table->key),
		.source_id = (uint16_t)a->dev->sid,
		.host = soft_vtd_host(soft, a->table->id),
	};
	int ret;

	if (!listener->size)
		return -ENODEV;
	ret = listener->attach(listener->opaque, &told, &a->handle);
	a->told = !ret;
	return ret;
}

static void forget(struct viq_soft_vtd *soft, struct soft_vtd_attachment *a)
{
	if (a->told)
		soft->listener.detach(soft->listener.opaque, a->handle);
	a->told = false;
}

int soft_vtd_attach(struct viq_soft_vtd_dev *dev, struct soft_vtd_entry *entry, bool rid)
{
	struct viq_soft_vtd *soft = dev->soft;
	struct soft_vtd_attachment *a;
	int ret;

	guard_held(&soft->config_lock);
	pthread_mutex_lock(&soft->lock);
	ret = link_attachment(soft, dev, entry, rid, &a);
	pthread_mutex_unlock(&soft->lock);
	if (ret)
		return ret;
	ret = tell(soft, a);
	if (ret) {
		soft_vtd_release(soft, a);
		return ret;
	}
	entry->asid = a->table->asid;
	entry->attachment = a;
	return 0;
}

void soft_vtd_release(struct viq_soft_vtd *soft, struct soft_vtd_attachment *attachment)
{
	pthread_mutex_lock(&soft->lock);
	unlink_attachment(soft, attachment);
	pthread_mutex_unlock(&soft->lock);
	forget(soft, attachment);
	free(attachment);
}

int soft_vtd_tables_tell(struct viq_soft_vtd *soft)
{
	int ret = 0;

	for (uint32_t i = 0; i < 2 * SOFT_VTD_BUCKETS; i++) {
		for (struct soft_vtd_table *t = soft->by_id[i / 2]; t; t = t->next_by_id) {
			for (struct soft_vtd_attachment *a = t->attachments[i % 2]; a && !ret; a = a->next)
				ret = tell(soft, a);
		}
	}
	return ret;
}

void soft_vtd_tables_forget(struct viq_soft_vtd *soft)
{
	for (uint32_t i = 0; i < 2 * SOFT_VTD_BUCKETS; i++) {
		for (struct soft_vtd_table *t = soft->by_id[i / 2]; t; t = t->next_by_id) {
			for (struct soft_vtd_attachment *a = t->attachments[i % 2]; a; a = a->next)
				forget(soft, a);
		}
	}
}

void soft_vtd_table_devtlbs(const struct soft_vtd_table *table, uint64_t first, uint64_t last)
{
	for (const struct soft_vtd_attachment *a = table->attachments[1]; a; a = a->next) {
		if (!a->dev->uses_ats)
			continue;
		soft_atc_inv(a->dev->atc, false, a->pasid, first, last);
		if (a->rid)
			soft_atc_inv(a->dev->atc, false, SOFT_NO_PASID, first, last);
	}
}

void soft_vtd_tables_destroy(struct viq_soft_vtd *soft)
{
	for (uint32_t i = 0; i < SOFT_VTD_BUCKETS; i++) {
		while (soft->by_id[i]) {
			struct soft_vtd_table *table = soft->by_id[i];

			soft->by_id[i] = table->next_by_id;
			for (int list = 0; list < 2; list++) {
				for (struct soft_vtd_attachment *a = table->attachments[list], *next; a; a = next) {
					next = a->next;
					free(a);
				}
			}
			free(table);
		}
	}
}
