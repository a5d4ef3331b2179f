// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "soft_vtd_guest.h"

static int attach(void *opaque, const struct viq_vtd_table *table, uint32_t *handle)
{
	struct soft_vtd_guest *guest = opaque;
	struct viq_vtd_table behind = *table;
	int err = guest->fault ? viq_fault_host(guest->fault, &table->host, &behind.host) : 0;

	return err ? err : viq_vtd_attach(guest->vtd, &behind, handle);
}

static void detach(void *opaque, uint32_t handle)
{
	struct soft_vtd_guest *guest = opaque;

	viq_vtd_detach(guest->vtd, handle);
}

static void record_fault(void *opaque, const uint64_t record[2], bool parent)
{
	struct soft_vtd_guest *guest = opaque;

	if (guest->vtd && !parent)
		viq_vtd_fault(guest->vtd, record);
}

int soft_vtd_guest_init(struct soft_vtd_guest *guest, const struct viq_soft_vtd_config *config)
{
	static const struct viq_soft_vtd_ops ops = {
		.size = sizeof(ops), .attach = attach, .detach = detach, .fault = record_fault};
	struct viq_soft_vtd_config own = *config;
	int err;

	memset(guest, 0, sizeof(*guest));
	own.ops = &ops;
	own.opaque = guest;
	err = viq_soft_vtd_create(&own, &guest->soft);
	if (err)
		return err;
	err = viq_soft_thread_register();
	if (err)
		return err;
	guest->registered = true;
	return 0;
}

void soft_vtd_guest_fini(struct soft_vtd_guest *guest)
{
	if (guest->registered)
		viq_soft_thread_unregister();
	viq_soft_vtd_destroy(guest->soft);
	free(guest->sources);
	memset(guest, 0, sizeof(*guest));
}

static int make_room(struct soft_vtd_guest *guest)
{
	size_t room = guest->room ? 2 * guest->room : 16;
	struct soft_vtd_source *bigger;

	if (guest->count < guest->room)
		return 0;
	bigger = realloc(guest->sources, room * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	guest->sources = bigger;
	guest->room = room;
	return 0;
}

int soft_vtd_guest_add(struct soft_vtd_guest *guest, uint16_t sid, bool ats)
{
	struct soft_vtd_source source = {.sid = sid};
	int err;

	err = make_room(guest);
	if (err)
		return err;
	err = viq_soft_vtd_dev_alloc(guest->soft, sid, &source.dev);
	if (err)
		return err;
	err = viq_soft_vtd_dev_set_ats(source.dev, ats);
	if (err) {
		viq_soft_vtd_dev_free(source.dev);
		return err;
	}
	guest->sources[guest->count++] = source;
	return 0;
}

struct soft_vtd_source *soft_vtd_guest_find(const struct soft_vtd_guest *guest, uint16_t sid)
{
	for (size_t i = 0; i < guest->count; i++)
		if (guest->sources[i].sid == sid)
			return &guest->sources[i];
	return NULL;
}

int soft_vtd_guest_reconfig(struct soft_vtd_guest *guest, const struct viq_vtd_reconfig *what)
{
	struct viq_vtd_tables tables = {.size = sizeof(tables)};
	int err;

	err = viq_vtd_tables(guest->vtd, &tables);
	return err ? err : viq_soft_vtd_reconfig(guest->soft, &tables, what);
}

int soft_vtd_guest_devtlb(struct soft_vtd_guest *guest, const struct viq_vtd_devtlb *inv)
{
	return viq_soft_vtd_devtlb(guest->soft, inv);
}

int soft_vtd_guest_dma(struct soft_vtd_guest *guest, struct soft_vtd_source *source, int64_t pasid, bool write,
		       uint64_t iova, void *buf, size_t len)
{
	uint32_t flags = (write ? VIQ_SOFT_WRITE : VIQ_SOFT_READ) | (pasid < 0 ? 0 : VIQ_SOFT_SSV);
	uint32_t number = pasid < 0 ? 0 : (uint32_t)pasid;

	(void)guest;
	if (write)
		return viq_soft_vtd_dma_write(source->dev, iova, number, flags, buf, len);
	return viq_soft_vtd_dma_read(source->dev, iova, number, flags, buf, len);
}
