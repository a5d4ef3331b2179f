/* SPDX-License-Identifier: MIT */
/*
 * Whose a device is: of one guest IOMMU, as long as anything of it may be attached there. Another one would not know
 * what that is. The same goes for its IOMMU group: what the kernel attaches, replaces and detaches is the whole group,
 * so a device that shares one would translate by another's tables, and go on after it was detached.
 */
#include <errno.h>
#include <stdlib.h>

#include "device.h"

struct linux_group {
	uint64_t owner; /* the guest IOMMU */
	uint32_t device;
	bool known; /* its group is: */
	uint32_t group;
	struct linux_group *next;
};

/* A device that could not be detached keeps its group until its file is closed, which the kernel alone sees. */
static bool is_bound(struct viq_linux *ctx, uint32_t device)
{
	struct viq_linux_hw_info info = {.size = sizeof(info)};

	return viq_linux_hw_info(ctx, device, &info) != -ENOENT;
}

static int why_taken(const struct linux_group *g, uint32_t device, struct viq_why *why)
{
	if (g->device == device)
		return why_say(
			why, -EBUSY,
			"device %u: another guest IOMMU has it, or could not remove it: remove it there, or close "
			"its vfio cdev",
			device);
	return why_say(
		why, -EBUSY,
		"device %u: device %u of its IOMMU group %u is behind a guest IOMMU: Linux attaches all of a group "
		"together: remove that one first",
		device, g->device, g->group);
}

/* *own: the device's record, if there is one. */
static int find_own(struct viq_linux *ctx, const struct linux_group *want, struct linux_group **own,
		    struct viq_why *why)
{
	for (struct linux_group *g = ctx->groups; g; g = g->next) {
		bool same = g->device == want->device;

		if (!same && !(g->known && want->known && g->group == want->group))
			continue;
		if (!(same && g->owner == want->owner) && is_bound(ctx, g->device))
			return why_taken(g, want->device, why);
		*own = g;
	}
	return 0;
}

static int take(struct viq_linux *ctx, const struct linux_group *want, struct viq_why *why)
{
	struct linux_group *own = NULL;
	int err = find_own(ctx, want, &own, why);

	if (err)
		return err;
	if (!own) {
		own = malloc(sizeof(*own));
		if (!own)
			return why_say(why, -ENOMEM, "out of memory");
		own->next = ctx->groups;
		ctx->groups = own;
	}
	*own = (struct linux_group){want->owner, want->device, want->known, want->group, own->next};
	return 0;
}

/* Who has the device's file may know: the system, or the embedder. */
static bool find(const struct linux_attacher *how, const struct linux_device *d, uint32_t *group)
{
	const struct viq_linux *ctx = how->ctx;

	if (d->fd < 0)
		return how->group && !how->group(how->opaque, d->device, group);
	return ctx->sys.group && !ctx->sys.group(ctx->opaque, d->fd, group);
}

int linux_group_take(const struct linux_attacher *how, const struct linux_device *d, struct viq_why *why)
{
	struct linux_group want = {.owner = how->owner, .device = d->device};
	int err;

	want.known = find(how, d, &want.group);
	pthread_mutex_lock(&how->ctx->lock);
	err = take(how->ctx, &want, why);
	pthread_mutex_unlock(&how->ctx->lock);
	return err;
}

/* owner 0: whoever. */
static void put(struct viq_linux *ctx, uint32_t device, uint64_t owner)
{
	struct linux_group **link = &ctx->groups;

	pthread_mutex_lock(&ctx->lock);
	while (*link) {
		struct linux_group *g = *link;

		if (g->device != device || (owner && g->owner != owner)) {
			link = &g->next;
			continue;
		}
		*link = g->next;
		free(g);
	}
	pthread_mutex_unlock(&ctx->lock);
}

void linux_group_put(const struct linux_attacher *how, uint32_t device)
{
	put(how->ctx, device, how->owner);
}

void linux_group_new(struct viq_linux *ctx, uint32_t device)
{
	put(ctx, device, 0);
}

void linux_groups_free(struct viq_linux *ctx)
{
	while (ctx->groups) {
		struct linux_group *g = ctx->groups;

		ctx->groups = g->next;
		free(g);
	}
}
