/* SPDX-License-Identifier: MIT */
/*
 * IOMMU groups: what the kernel attaches, replaces and detaches is the whole group. A device that shares one would
 * translate by another's tables, and go on after it was detached: so a group is one device's.
 */
#include <errno.h>
#include <stdlib.h>

#include "device.h"

struct linux_group {
	uint32_t group, device; /* whose it is */
	struct linux_group *next;
};

/* A device that could not be detached keeps its group until its file is closed, which the kernel alone sees. */
static bool is_bound(struct viq_linux *ctx, uint32_t device)
{
	struct viq_linux_hw_info info = {.size = sizeof(info)};

	return viq_linux_hw_info(ctx, device, &info) != -ENOENT;
}

static int take(struct viq_linux *ctx, uint32_t group, uint32_t device, struct viq_why *why)
{
	struct linux_group *g = ctx->groups;

	while (g && g->group != group)
		g = g->next;
	if (g && g->device != device && is_bound(ctx, g->device))
		return why_say(why, -EBUSY,
			       "device %u: device %u of its IOMMU group %u is behind a guest IOMMU: Linux attaches all "
			       "of a group together: remove that one first",
			       device, g->device, group);
	if (!g) {
		g = malloc(sizeof(*g));
		if (!g)
			return why_say(why, -ENOMEM, "out of memory");
		*g = (struct linux_group){.group = group, .next = ctx->groups};
		ctx->groups = g;
	}
	g->device = device;
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
	struct viq_linux *ctx = how->ctx;
	uint32_t group;
	int err;

	if (!find(how, d, &group))
		return 0;
	pthread_mutex_lock(&ctx->lock);
	err = take(ctx, group, d->device, why);
	pthread_mutex_unlock(&ctx->lock);
	return err;
}

void linux_group_put(struct viq_linux *ctx, uint32_t device)
{
	struct linux_group **link = &ctx->groups;

	pthread_mutex_lock(&ctx->lock);
	while (*link) {
		struct linux_group *g = *link;

		if (g->device != device) {
			link = &g->next;
			continue;
		}
		*link = g->next;
		free(g);
	}
	pthread_mutex_unlock(&ctx->lock);
}

void linux_groups_free(struct viq_linux *ctx)
{
	while (ctx->groups) {
		struct linux_group *g = ctx->groups;

		ctx->groups = g->next;
		free(g);
	}
}
