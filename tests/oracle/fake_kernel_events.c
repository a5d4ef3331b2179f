/* SPDX-License-Identifier: MIT */
/* The fake kernel's event queues (vEVENTQ). */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <viq/smmuv3_spec.h>

#include "fake_kernel_inside.h"

#define DEPTH_MAX (1u << 19)

static struct fk_object *queue_of(struct fk_ctx *ctx, const struct fk_object *viommu)
{
	for (struct fk_object *o = ctx->objects; o; o = o->next) {
		if (o->type == FK_VEVENTQ && o->veventq.viommu == viommu)
			return o;
	}
	return NULL;
}

int fk_veventq_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_veventq_alloc *cmd = arg;
	struct fk_object *viommu, *o;

	if (cmd->flags || cmd->__reserved || cmd->type != UAPI_IOMMU_VEVENTQ_TYPE_ARM_SMMUV3)
		return -EOPNOTSUPP;
	if (!cmd->veventq_depth || cmd->veventq_depth > DEPTH_MAX)
		return -EINVAL;
	viommu = fk_get(ctx, cmd->viommu_id, FK_VIOMMU);
	if (!viommu)
		return -ENOENT;
	if (queue_of(ctx, viommu))
		return -EEXIST;
	o = fk_object_new(ctx, FK_VEVENTQ);
	o->veventq.viommu = viommu;
	o->veventq.depth = cmd->veventq_depth;
	o->veventq.file = fk_file_new(fk, FK_FILE_VEVENTQ, ctx);
	o->veventq.file->queue = o;
	o->users++; /* the file */
	viommu->users++;
	cmd->out_veventq_id = o->id;
	cmd->out_veventq_fd = (uint32_t)o->veventq.file->fds[0];
	return 0;
}

#define LOST(e) ((e)->header.flags & UAPI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS)

/*
 * Behind the last one. A note of losses stands at the end only: the next event or note takes its place, and then a gap
 * in the sequence is all that tells of the losses. record NULL: a note.
 */
static void put_event(struct fk_object *q, const uint64_t *record, uint64_t vsid)
{
	struct fk_queued_event **link = &q->veventq.events, *e = calloc(1, sizeof(*e));

	while (*link && (*link)->next)
		link = &(*link)->next;
	if (*link && LOST(*link)) {
		free(*link);
		*link = NULL;
	}
	while (*link)
		link = &(*link)->next;
	*link = e;
	e->header.sequence = q->veventq.sequence;
	q->veventq.sequence = (q->veventq.sequence + 1) & INT32_MAX;
	if (!record) {
		e->header.flags = UAPI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
	} else {
		q->veventq.count++;
		e->data.evt[0].raw = htole64((record[0] & ~VIQ_SMMUV3_EVT_0_SID) | VIQ_PUT(VIQ_SMMUV3_EVT_0_SID, vsid));
		for (int i = 1; i < 4; i++)
			e->data.evt[i].raw = htole64(record[i]);
	}
	eventfd_write(q->veventq.file->fds[0], 1);
}

static int record_event(struct fake_kernel *fk, uint32_t device, const uint64_t *record)
{
	struct fk_object *o = NULL, *q;

	for (struct fk_file *file = fk->files; file && !o; file = file->next)
		o = file->ctx ? fk_device_object(file->ctx, device) : NULL;
	for (struct fk_file *file = fk->files; o && file; file = file->next) {
		if (!file->ctx || fk_device_object(file->ctx, device) != o)
			continue;
		if (!o->device.vmaster)
			return -ENOENT;
		q = queue_of(file->ctx, o->device.vmaster);
		if (!q || !q->veventq.file)
			return -EOPNOTSUPP;
		put_event(q, q->veventq.count == q->veventq.depth ? NULL : record, o->device.vsid);
		return 0;
	}
	return -ENOENT;
}

int fake_kernel_event(struct fake_kernel *fk, uint32_t device, const uint64_t record[4])
{
	int ret;

	pthread_mutex_lock(&fk->lock);
	ret = record_event(fk, device, record);
	pthread_mutex_unlock(&fk->lock);
	return ret;
}

int fake_kernel_lose_event(struct fake_kernel *fk, uint32_t device)
{
	return fake_kernel_event(fk, device, NULL);
}

int64_t fk_veventq_read(struct fk_object *queue, void *buf, size_t len)
{
	struct fk_queued_event *e;
	size_t done = 0;
	eventfd_t n;

	if (len < sizeof(e->header))
		return -EINVAL;
	while ((e = queue->veventq.events)) {
		size_t size = LOST(e) ? sizeof(e->header) : sizeof(e->header) + sizeof(e->data);

		if (size > len - done)
			return done || len - done < sizeof(e->header) ? (int64_t)done : -EINVAL;
		memcpy((char *)buf + done, &e->header, sizeof(e->header));
		memcpy((char *)buf + done + sizeof(e->header), &e->data, size - sizeof(e->header));
		done += size;
		queue->veventq.count -= !LOST(e);
		queue->veventq.events = e->next;
		free(e);
	}
	eventfd_read(queue->veventq.file->fds[0], &n);
	return (int64_t)done;
}
