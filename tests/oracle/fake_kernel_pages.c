/* SPDX-License-Identifier: MIT */
/* The fake kernel's fault queues: devices' page requests, and who answers them (drivers/iommu/iommufd/eventq.c). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "fake_kernel_inside.h"

int fk_fault_alloc(struct fake_kernel *fk, struct fk_ctx *ctx, void *arg)
{
	struct uapi_iommu_fault_alloc *cmd = arg;
	struct fk_object *o;

	if (cmd->flags)
		return -EOPNOTSUPP;
	o = fk_object_new(ctx, FK_FAULTQ);
	o->faultq.file = fk_file_new(fk, FK_FILE_FAULTQ, ctx);
	o->faultq.file->queue = o;
	o->users++; /* the file */
	cmd->out_fault_id = o->id;
	cmd->out_fault_fd = (uint32_t)o->faultq.file->fds[0];
	return 0;
}

static void free_group(struct fk_page_group **link)
{
	struct fk_page_group *group = *link;

	*link = group->next;
	free(group->requests);
	free(group);
}

void fk_faultq_free(struct fk_object *queue)
{
	while (queue->faultq.groups)
		free_group(&queue->faultq.groups);
	if (queue->faultq.file)
		queue->faultq.file->queue = NULL;
}

void fk_pages_detach(struct fake_kernel *fk, const struct fk_object *pt, uint32_t device, uint32_t pasid, bool replaced)
{
	struct fk_page_group **link;

	if (pt->type != FK_NESTED || !pt->nested.faultq)
		return;
	link = &pt->nested.faultq->faultq.groups;
	while (*link) {
		if ((*link)->device == device && (*link)->pasid == pasid) {
			free_group(link);
			if (replaced)
				fk->warnings++;
			else
				fk->pages_ended++;
		} else {
			link = &(*link)->next;
		}
	}
}

static struct fk_page_group **find_group(struct fk_object *queue, uint32_t cookie)
{
	struct fk_page_group **link = &queue->faultq.groups;

	while (*link && (*link)->cookie != cookie)
		link = &(*link)->next;
	return link;
}

int64_t fk_faultq_read(const struct fake_kernel *fk, struct fk_object *queue, void *buf, size_t len)
{
	uint32_t cookie;
	size_t done = 0;
	eventfd_t n;

	if (len % sizeof(struct uapi_iommu_hwpt_pgfault))
		return -ESPIPE;
	eventfd_read(queue->faultq.file->fds[0], &n);
	for (struct fk_page_group *g = queue->faultq.groups; g; g = g->next) {
		size_t size = g->count * sizeof(*g->requests);

		if (g->cookie)
			continue;
		if (size > len - done) {
			eventfd_write(queue->faultq.file->fds[0], 1);
			return done ? (int64_t)done : -EINVAL;
		}
		for (cookie = fk->cookies_grow ? queue->faultq.last + 1 : 1; *find_group(queue, cookie); cookie++)
			;
		g->cookie = queue->faultq.last = cookie;
		for (uint32_t i = 0; i < g->count; i++)
			g->requests[i].cookie = g->cookie;
		memcpy((char *)buf + done, g->requests, size);
		done += size;
	}
	return (int64_t)done;
}

static int answer(struct fake_kernel *fk, struct fk_object *queue, const struct uapi_iommu_hwpt_page_response *response)
{
	struct fk_page_group **link = find_group(queue, response->cookie);

	if (response->code > UAPI_IOMMUFD_PAGE_RESP_INVALID || !response->cookie || !*link)
		return -EINVAL;
	free_group(link);
	++*(response->code == UAPI_IOMMUFD_PAGE_RESP_SUCCESS ? &fk->pages_granted : &fk->pages_refused);
	return 0;
}

int64_t fk_faultq_write(struct fake_kernel *fk, struct fk_object *queue, const void *buf, size_t len)
{
	struct uapi_iommu_hwpt_page_response response;
	size_t done = 0;
	int err = 0;

	if (len % sizeof(response))
		return -ESPIPE;
	while (done < len) {
		memcpy(&response, (const char *)buf + done, sizeof(response));
		err = answer(fk, queue, &response);
		if (err)
			break;
		done += sizeof(response);
	}
	return done ? (int64_t)done : err;
}

/* --- For tests ---------------------------------------------------------------------------------------------------- */

static const struct fk_object *attached(const struct fake_kernel *fk, const struct fk_object *device, uint32_t pasid)
{
	const struct fk_device *dev = &fk->devices[device->device.device];

	if (!pasid)
		return device->device.attached;
	for (uint32_t i = 0; i < FK_PASIDS; i++) {
		if (dev->pasids[i].pasid == pasid)
			return device->device.pasids[i];
	}
	return NULL;
}

static int ask(struct fake_kernel *fk, uint32_t device, uint32_t pasid, uint32_t prgi, uint64_t addr, uint32_t count)
{
	const struct fk_object *o = NULL, *pt;
	struct fk_page_group *g, **link;

	for (struct fk_file *file = fk->files; file && !o; file = file->next)
		o = file->ctx ? fk_device_object(file->ctx, device) : NULL;
	pt = o ? attached(fk, o, pasid) : NULL;
	if (!pt || pt->type != FK_NESTED || !pt->nested.faultq)
		return -ENOENT;
	g = calloc(1, sizeof(*g));
	*g = (struct fk_page_group){
		.device = device, .pasid = pasid, .count = count, .requests = calloc(count, sizeof(*g->requests))};
	for (uint32_t i = 0; i < count; i++)
		g->requests[i] = (struct uapi_iommu_hwpt_pgfault){
			.flags = (pasid ? UAPI_IOMMU_PGFAULT_FLAGS_PASID_VALID : 0) |
				 (i + 1 == count ? UAPI_IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0),
			.dev_id = o->id,
			.pasid = pasid,
			.grpid = prgi,
			.perm = UAPI_IOMMU_PGFAULT_PERM_READ | UAPI_IOMMU_PGFAULT_PERM_WRITE,
			.addr = addr + (uint64_t)i * 4096,
		};
	link = &pt->nested.faultq->faultq.groups;
	while (*link)
		link = &(*link)->next;
	*link = g;
	eventfd_write(pt->nested.faultq->faultq.file->fds[0], 1);
	return 0;
}

int fake_kernel_ask(struct fake_kernel *fk, uint32_t device, uint32_t pasid, uint32_t prgi, uint64_t addr,
		    uint32_t count)
{
	int ret;

	pthread_mutex_lock(&fk->lock);
	ret = ask(fk, device, pasid, prgi, addr, count);
	pthread_mutex_unlock(&fk->lock);
	return ret;
}
