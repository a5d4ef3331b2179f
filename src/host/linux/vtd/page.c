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

/*
 * Requests of one read(), which brings whole groups. Linux lets a device have 32 (PRQ_DEPTH); of one that does not keep
 * to that a group may be longer, and would hold all others up.
 */
#define BATCH     256
#define BATCH_MAX 8192

int linux_vtd_pages_open(struct viq_linux_vvtd *v, uint32_t groups, struct viq_why *why)
{
	struct uapi_iommu_fault_alloc cmd = {.size = sizeof(cmd)};
	struct linux_vtd_pages *p = &v->pages;
	int err;

	if (!v->ctx->sys.write)
		return why_say(why, -EOPNOTSUPP, "config.page_groups: sys.write is not there");
	p->groups = calloc(groups, sizeof(*p->groups));
	p->room = BATCH;
	p->read = calloc(p->room, sizeof(*p->read));
	if (!p->groups || !p->read) {
		err = why_say(why, -ENOMEM, "out of memory");
	} else {
		err = linux_ioctl(v->ctx, v->ctx->fd, UAPI_IOMMU_FAULT_QUEUE_ALLOC, &cmd);
		if (err == -ENOTTY)
			err = why_say(why, -EOPNOTSUPP, "FAULT_QUEUE_ALLOC: page requests need Linux 6.11");
		else if (err)
			why_say(why, err, "FAULT_QUEUE_ALLOC: %s", strerror(-err));
	}
	/* A queue that cannot be read. */
	if (!err && (int)cmd.out_fault_fd < 0) {
		(void)viq_linux_destroy(v->ctx, cmd.out_fault_id);
		err = why_say(why, -EIO, "FAULT_QUEUE_ALLOC: no file");
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

		if (g->device == device && (g->has_pasid ? g->pasid : 0) == pasid)
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

/* 0: the kernel has them, but for those of which it had an answer before. */
static int answer(const struct viq_linux_vvtd *v, const struct uapi_iommu_hwpt_page_response *responses, uint32_t count)
{
	const int64_t size = sizeof(*responses);

	for (uint32_t at = 0; at < count;) {
		int64_t ret = linux_write(v->ctx, v->pages.fd, &responses[at], (count - at) * sizeof(*responses));

		if (ret == -EINVAL)
			ret = size;
		if (ret < 0)
			return (int)ret;
		if (!ret || ret % size || ret / size > count - at)
			return -EIO;
		at += (uint32_t)(ret / size);
	}
	return 0;
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

/*
 * A group has come: by its last request. false: it is not kept, and *code is the answer. One too many is as one that
 * finds the guest's queue full (Table 31): the device tries again.
 */
static bool take_group(struct viq_linux_vvtd *v, const struct uapi_iommu_hwpt_pgfault *f, uint32_t *code)
{
	struct linux_vtd_pages *p = &v->pages;
	struct linux_vtd_page_group *g = find_cookie(p, f->cookie);

	if (g)
		free_group(p, g);
	*code = UAPI_IOMMUFD_PAGE_RESP_INVALID;
	if (!find_device(v, f->dev_id) || f->grpid >> VIQ_VTD_PRGI_BITS || f->pasid >> VIQ_VTD_PASID_BITS)
		return false;
	*code = UAPI_IOMMUFD_PAGE_RESP_SUCCESS;
	if (p->count == p->max)
		return false;
	p->groups[p->count++] = (struct linux_vtd_page_group){
		.cookie = f->cookie,
		.device = f->dev_id,
		.pasid = f->pasid,
		.prgi = f->grpid,
		.has_pasid = f->flags & UAPI_IOMMU_PGFAULT_FLAGS_PASID_VALID,
	};
	return true;
}

/* The guest is told of these, up to the last one of the group: length, which the kernel leaves 0, says so. */
static void lose_group(struct uapi_iommu_hwpt_pgfault *read, uint32_t last)
{
	const uint32_t cookie = read[last].cookie;

	for (uint32_t n = last + 1; n && read[n - 1].cookie == cookie; n--)
		read[n - 1].length = 1;
}

/* -EINVAL: a group has no room, and there is to be no more. */
static int grow(struct linux_vtd_pages *p)
{
	void *read = p->room < BATCH_MAX ? realloc(p->read, p->room * 2 * sizeof(*p->read)) : NULL;

	if (!read)
		return p->room < BATCH_MAX ? -ENOMEM : -EINVAL;
	p->read = read;
	p->room *= 2;
	return 0;
}

/* What the kernel has now: two system calls at most, but for those that make room. */
static int fill(struct viq_linux_vvtd *v)
{
	struct uapi_iommu_hwpt_page_response responses[BATCH];
	struct linux_vtd_pages *p = &v->pages;
	uint32_t refused = 0;
	int64_t ret;
	int err = 0;

	p->at = p->end = 0;
	do {
		ret = linux_read(v->ctx, p->fd, p->read, p->room * sizeof(*p->read));
		if (ret == -EINVAL)
			err = grow(p);
	} while (ret == -EINVAL && !err);
	if (ret < 0)
		return ret == -EAGAIN ? 0 : err ? err : (int)ret;
	if ((size_t)ret > p->room * sizeof(*p->read) || (size_t)ret % sizeof(*p->read))
		return -EIO;
	p->end = (uint32_t)((size_t)ret / sizeof(*p->read));
	for (uint32_t i = 0; i < p->end; i++) {
		struct uapi_iommu_hwpt_page_response *r = &responses[refused];

		p->read[i].length = 0;
		if (!(p->read[i].flags & UAPI_IOMMU_PGFAULT_FLAGS_LAST_PAGE) || take_group(v, &p->read[i], &r->code))
			continue;
		if (r->code == UAPI_IOMMUFD_PAGE_RESP_SUCCESS)
			lose_group(p->read, i);
		r->cookie = p->read[i].cookie;
		if (++refused == BATCH) {
			linux_first(&err, answer(v, responses, refused));
			refused = 0;
		}
	}
	if (refused)
		linux_first(&err, answer(v, responses, refused));
	return err;
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
	/* One each, so that what a guest's devices ask is charged whatever becomes of it. */
	while (*count < room && p->at < p->end) {
		const struct uapi_iommu_hwpt_pgfault *f = &p->read[p->at++];
		struct viq_vtd_host_page_request *out = &requests[(*count)++];
		bool handed = hand_out(v, f, out);

		linux_add(handed ? &p->requests : &p->discarded, 1);
		/* What was asked of a table that has gone goes with it. */
		if (!handed)
			*out = (struct viq_vtd_host_page_request){.lost = f->length};
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
	struct uapi_iommu_hwpt_page_response kernels = {0};
	struct viq_vtd_page_response own = {0};
	const struct linux_vtd_device *d;
	struct linux_vtd_pages *p;
	int err;

	if (!v)
		return -EINVAL;
	err = sized_take(&own, sizeof(own), response, SIZED_TO(struct viq_vtd_page_response, code), "response", NULL);
	if (err)
		return err;
	kernels.code =
		own.code == VIQ_VTD_RESP_SUCCESS ? UAPI_IOMMUFD_PAGE_RESP_SUCCESS : UAPI_IOMMUFD_PAGE_RESP_INVALID;
	d = sorted_find(&v->devices, own.source_id);
	p = &v->pages;
	for (uint32_t i = 0; d && i < p->count; i++) {
		struct linux_vtd_page_group *g = &p->groups[i];

		if (g->device != d->dev.device || g->prgi != own.prgi || g->has_pasid != own.has_pasid ||
		    (own.has_pasid && g->pasid != own.pasid))
			continue;
		kernels.cookie = g->cookie;
		err = answer(v, &kernels, 1);
		if (!err)
			free_group(p, g);
		return err;
	}
	return 0;
}
