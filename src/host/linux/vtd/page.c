/* SPDX-License-Identifier: MIT */
/*
 * Page requests of devices (7.4), by the kernel's fault queue. read() gives whole groups, each with a cookie by which
 * it is answered; the kernel answers the groups of what is detached by itself, as invalid, and the cookie is free for
 * another group, which only a read() of ours can bring. So a cookie that comes again ends the group that had it, should
 * it be here still, since a change of what is attached has failed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"

#include "vvtd.h"

/* Requests of one read(). A group that is longer would never come: Linux lets a device have 32 requests (PRQ_DEPTH). */
#define BATCH 256

int linux_vtd_pages_open(struct viq_linux_vvtd *v, uint32_t groups, struct viq_why *why)
{
	struct uapi_iommu_fault_alloc cmd = {.size = sizeof(cmd)};
	struct linux_vtd_pages *p = &v->pages;
	int err;

	if (!v->ctx->sys.write)
		return why_say(why, -EOPNOTSUPP, "config.page_groups: sys.write is not there");
	p->groups = calloc(groups, sizeof(*p->groups));
	p->read = calloc(BATCH, sizeof(*p->read));
	if (!p->groups || !p->read) {
		err = why_say(why, -ENOMEM, "out of memory");
	} else {
		err = linux_ioctl(v->ctx, v->ctx->fd, UAPI_IOMMU_FAULT_QUEUE_ALLOC, &cmd);
		if (err == -ENOTTY)
			err = why_say(why, -EOPNOTSUPP, "FAULT_QUEUE_ALLOC: page requests need Linux 6.11");
		else if (err)
			why_say(why, err, "FAULT_QUEUE_ALLOC: %s", strerror(-err));
	}
	if (err) {
		free(p->groups);
		free(p->read);
		return err;
	}
	p->max = groups;
	p->fault = cmd.out_fault_id;
	p->fd = (int)cmd.out_fault_fd;
	return 0;
}

int linux_vtd_pages_close(struct viq_linux_vvtd *v)
{
	struct linux_vtd_pages *p = &v->pages;

	if (p->fd < 0)
		return 0;
	linux_close(v->ctx, p->fd);
	free(p->groups);
	free(p->read);
	return viq_linux_destroy(v->ctx, p->fault);
}

/* --- Groups ------------------------------------------------------------------------------------------------------- */

static void free_group(struct linux_vtd_pages *p, struct linux_vtd_page_group *g)
{
	memmove(g, g + 1, (size_t)(&p->groups[--p->count] - g) * sizeof(*g));
}

void linux_vtd_pages_forget(struct viq_linux_vvtd *v, uint32_t device, uint32_t pasid)
{
	struct linux_vtd_pages *p = &v->pages;

	for (uint32_t i = p->count; i > 0; i--) {
		struct linux_vtd_page_group *g = &p->groups[i - 1];

		if (g->device == device && g->has_pasid == (pasid != 0) && (!pasid || g->pasid == pasid))
			free_group(p, g);
	}
}

static struct linux_vtd_page_group *find_cookie(struct linux_vtd_pages *p, uint32_t cookie)
{
	for (uint32_t i = 0; i < p->count; i++) {
		if (p->groups[i].cookie == cookie)
			return &p->groups[i];
	}
	return NULL;
}

/* 0: the kernel has the answer, or had one before. */
static int answer(const struct viq_linux_vvtd *v, uint32_t cookie, uint32_t code)
{
	const struct uapi_iommu_hwpt_page_response response = {.cookie = cookie, .code = code};
	int64_t ret = linux_write(v->ctx, v->pages.fd, &response, sizeof(response));

	if (ret < 0)
		return ret == -EINVAL ? 0 : (int)ret;
	return ret == sizeof(response) ? 0 : -EIO;
}

static const struct linux_vtd_device *find_device(const struct viq_linux_vvtd *v, uint32_t device)
{
	for (size_t i = 0; i < v->devices.count; i++) {
		const struct linux_vtd_device *d = v->devices.items[i];

		if (d->dev.device == device)
			return d;
	}
	return NULL;
}

/* A group has come: by its last request. */
static void take_group(struct viq_linux_vvtd *v, const struct uapi_iommu_hwpt_pgfault *f)
{
	struct linux_vtd_pages *p = &v->pages;
	struct linux_vtd_page_group *g = find_cookie(p, f->cookie);

	if (g)
		free_group(p, g);
	if (p->count == p->max || !find_device(v, f->dev_id) || f->grpid >> VIQ_VTD_PRGI_BITS ||
	    f->pasid >> VIQ_VTD_PASID_BITS) {
		/* Whoever asks must have an answer; that this one fails nobody can be told. */
		(void)answer(v, f->cookie, UAPI_IOMMUFD_PAGE_RESP_INVALID);
		return;
	}
	p->groups[p->count++] = (struct linux_vtd_page_group){
		.cookie = f->cookie,
		.device = f->dev_id,
		.pasid = f->pasid,
		.prgi = f->grpid,
		.has_pasid = f->flags & UAPI_IOMMU_PGFAULT_FLAGS_PASID_VALID,
	};
}

/* What the kernel has now. */
static int fill(struct viq_linux_vvtd *v)
{
	struct linux_vtd_pages *p = &v->pages;
	const size_t room = BATCH * sizeof(*p->read);
	int64_t ret = linux_read(v->ctx, p->fd, p->read, room);

	p->at = p->end = 0;
	if (ret < 0)
		return ret == -EAGAIN ? 0 : (int)ret;
	if ((size_t)ret > room || (size_t)ret % sizeof(*p->read))
		return -EIO;
	p->end = (uint32_t)((size_t)ret / sizeof(*p->read));
	for (uint32_t i = 0; i < p->end; i++) {
		if (p->read[i].flags & UAPI_IOMMU_PGFAULT_FLAGS_LAST_PAGE)
			take_group(v, &p->read[i]);
	}
	return 0;
}

/* --- Requests ----------------------------------------------------------------------------------------------------- */

/* false: its group was answered. */
static bool hand_out(struct viq_linux_vvtd *v, const struct uapi_iommu_hwpt_pgfault *f,
		     struct viq_vtd_host_page_request *out)
{
	const struct linux_vtd_device *d = find_device(v, f->dev_id);
	const bool has_pasid = f->flags & UAPI_IOMMU_PGFAULT_FLAGS_PASID_VALID;
	const bool read = f->perm & UAPI_IOMMU_PGFAULT_PERM_READ;

	if (!d || !find_cookie(&v->pages, f->cookie))
		return false;
	*out = (struct viq_vtd_host_page_request){
		.lost = v->pages.lost,
		.request = {.size = sizeof(out->request),
			    .source_id = (uint16_t)d->dev.number,
			    .prgi = (uint16_t)f->grpid,
			    .pasid = f->pasid,
			    .has_pasid = has_pasid,
			    .last = f->flags & UAPI_IOMMU_PGFAULT_FLAGS_LAST_PAGE,
			    .read = read,
			    .write = f->perm & UAPI_IOMMU_PGFAULT_PERM_WRITE,
			    /* What means nothing else, and would have the request refused. */
			    .exec = f->perm & UAPI_IOMMU_PGFAULT_PERM_EXEC && has_pasid && read,
			    .priv = f->perm & UAPI_IOMMU_PGFAULT_PERM_PRIV && has_pasid,
			    .addr = f->addr},
	};
	return true;
}

int linux_vtd_page_requests(struct viq_linux_vvtd *v, struct viq_vtd_host_page_request *requests, uint32_t *count)
{
	struct linux_vtd_pages *p = &v->pages;
	const uint32_t room = *count;
	int err = 0;

	*count = 0;
	if (p->fd >= 0 && p->at == p->end)
		err = fill(v);
	if (err)
		return err;
	while (*count < room && p->at < p->end) {
		if (hand_out(v, &p->read[p->at++], &requests[*count])) {
			linux_add(&p->requests, 1);
			p->lost = 0;
			++*count;
		} else {
			linux_add(&p->discarded, 1);
			p->lost++;
		}
	}
	if (*count < room && p->lost) {
		requests[(*count)++] = (struct viq_vtd_host_page_request){.lost = p->lost};
		p->lost = 0;
	}
	return 0;
}

/* --- Answers ------------------------------------------------------------------------------------------------------ */

int viq_linux_vvtd_page_fd(const struct viq_linux_vvtd *v)
{
	return v ? v->pages.fd : -1;
}

int viq_linux_vvtd_page_response(struct viq_linux_vvtd *v, const struct viq_vtd_page_response *response)
{
	struct viq_vtd_page_response own = {0};
	const struct linux_vtd_device *d;
	struct linux_vtd_pages *p;
	int err;

	if (!v)
		return -EINVAL;
	err = sized_take(&own, sizeof(own), response, SIZED_TO(struct viq_vtd_page_response, code), "response", NULL);
	if (err)
		return err;
	d = sorted_find(&v->devices, own.source_id);
	p = &v->pages;
	for (uint32_t i = 0; d && i < p->count; i++) {
		struct linux_vtd_page_group *g = &p->groups[i];

		if (g->device != d->dev.device || g->prgi != own.prgi || g->has_pasid != own.has_pasid ||
		    (own.has_pasid && g->pasid != own.pasid))
			continue;
		err = answer(v, g->cookie,
			     own.code == VIQ_VTD_RESP_SUCCESS ? UAPI_IOMMUFD_PAGE_RESP_SUCCESS
							      : UAPI_IOMMUFD_PAGE_RESP_INVALID);
		if (!err)
			free_group(p, g);
		return err;
	}
	return 0;
}
