// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "soft_guest.h"

static void record_event(void *opaque, uint32_t viommu, const uint64_t record[4])
{
	struct soft_guest *guest = opaque;

	if (guest->smmu)
		viq_smmuv3_event(guest->smmu, record);
}

int soft_guest_init(struct soft_guest *guest, const struct viq_mem *mem, uint32_t idr5, uint32_t tlb_entries)
{
	struct viq_soft_s2_config identity = {.size = sizeof(identity), .identity = 1};
	struct viq_soft_config config;
	uint32_t s2;
	int err;

	memset(guest, 0, sizeof(*guest));
	viq_soft_config_init(&config);
	config.idr5 = idr5;
	config.mem = mem;
	config.event = record_event;
	config.opaque = guest;
	if (tlb_entries)
		config.tlb_entries = tlb_entries;
	err = viq_soft_create(&config, &guest->soft);
	if (err)
		return err;
	err = viq_soft_s2_alloc(guest->soft, &identity, &s2);
	if (err)
		return err;
	err = viq_soft_viommu_alloc(guest->soft, s2, &guest->viommu);
	if (err)
		return err;
	err = viq_soft_thread_register();
	if (err)
		return err;
	guest->registered = true;
	return 0;
}

void soft_guest_fini(struct soft_guest *guest)
{
	if (guest->registered)
		viq_soft_thread_unregister();
	viq_soft_destroy(guest->soft);
	free(guest->streams);
	memset(guest, 0, sizeof(*guest));
}

static int make_room(struct soft_guest *guest)
{
	size_t room = guest->room ? 2 * guest->room : 16;
	struct soft_stream *bigger;

	if (guest->count < guest->room)
		return 0;
	bigger = realloc(guest->streams, room * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	guest->streams = bigger;
	guest->room = room;
	return 0;
}

int soft_guest_add(struct soft_guest *guest, uint32_t sid, bool ats)
{
	struct soft_stream stream = {.sid = sid};
	uint32_t id;
	int err;

	err = make_room(guest);
	if (err)
		return err;
	err = viq_soft_dev_alloc(guest->soft, &stream.dev);
	if (err)
		return err;
	err = viq_soft_dev_set_ats(stream.dev, ats);
	if (err)
		goto free_dev;
	err = viq_soft_vdevice_alloc(guest->soft, guest->viommu, stream.dev, sid, &id);
	if (err)
		goto free_dev;
	guest->streams[guest->count++] = stream;
	return 0;
free_dev:
	viq_soft_dev_free(stream.dev);
	return err;
}

struct soft_stream *soft_guest_find(const struct soft_guest *guest, uint32_t sid)
{
	for (size_t i = 0; i < guest->count; i++)
		if (guest->streams[i].sid == sid)
			return &guest->streams[i];
	return NULL;
}

static int configure(struct soft_guest *guest, struct soft_stream *stream)
{
	struct viq_smmuv3_stream now = {.size = sizeof(now)};
	int err;

	err = viq_smmuv3_stream_config(guest->smmu, stream->sid, &now);
	if (!err && now.mode == VIQ_SMMUV3_FAULT)
		err = viq_soft_vdevice_fault(guest->soft, guest->viommu, stream->sid, now.event);
	else if (!err)
		err = viq_soft_vdevice_configure(guest->soft, guest->viommu, stream->sid, now.ste);
	/* Nobody may go on with the old configuration. */
	if (err)
		viq_soft_attach(stream->dev, 0);
	return err;
}

int soft_guest_reconfig(struct soft_guest *guest, uint32_t first, uint32_t last)
{
	int first_err = 0;

	for (size_t i = 0; i < guest->count; i++) {
		struct soft_stream *stream = &guest->streams[i];
		int err = 0;

		if (stream->sid >= first && stream->sid <= last)
			err = configure(guest, stream);
		if (!first_err)
			first_err = err;
	}
	return first_err;
}

int soft_guest_dma(struct soft_guest *guest, struct soft_stream *stream, int64_t ssid, bool write, uint64_t iova,
		   void *buf, size_t len)
{
	uint32_t flags = (write ? VIQ_SOFT_WRITE : VIQ_SOFT_READ) | (ssid < 0 ? 0 : VIQ_SOFT_SSV);
	uint32_t pasid = ssid < 0 ? 0 : (uint32_t)ssid;

	if (write)
		return viq_soft_dma_write(stream->dev, iova, pasid, flags, buf, len);
	return viq_soft_dma_read(stream->dev, iova, pasid, flags, buf, len);
}
