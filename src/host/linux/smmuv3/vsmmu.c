/* SPDX-License-Identifier: MIT */
/*
 * A nested SMMUv3 as a whole: what all its streams share, made in order and destroyed in reverse. It needs a device:
 * the one that was named at creation, or the first that is added. Until then (!live) nothing is there that could have
 * anything cached, and what the guest sees is only kept in mind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"

#include "vsmmu.h"

void viq_linux_vsmmu_config_init(struct viq_linux_vsmmu_config *config, size_t size)
{
	const struct viq_linux_vsmmu_config defaults = {.calls = VIQ_LINUX_CALLS_BULK, .event_depth = 1024};

	if (config)
		sized_give(config, size, &defaults, sizeof(defaults));
}

/* Take over the caller's configuration and hooks, whatever version its structs have. */
static int take_config(struct viq_linux_vsmmu_config *own, struct viq_linux_vsmmu_ops *ops,
		       const struct viq_linux_vsmmu_config *config, struct viq_why *why)
{
	int err;

	viq_linux_vsmmu_config_init(own, sizeof(*own));
	*ops = (struct viq_linux_vsmmu_ops){.size = sizeof(*ops)};
	err = sized_take(own, sizeof(*own), config, SIZED_TO(struct viq_linux_vsmmu_config, device), "config", why);
	if (!err && own->ops)
		err = sized_take(ops, sizeof(*ops), own->ops, sizeof(ops->size), "config.ops", why);
	if (err)
		return err;
	if (!own->hwpt == !own->ioas)
		return why_say(why, -EINVAL, "config: one of hwpt and ioas must be set");
	if (own->calls > VIQ_LINUX_CALLS_SINGLE)
		return why_say(why, -EINVAL, "config.calls: %u is not one of enum viq_linux_calls", own->calls);
	return 0;
}

static int get_hardware(struct viq_linux_vsmmu *v, uint32_t device, struct viq_why *why)
{
	int err = linux_ask_hw(v->ctx, device, &v->hw, why);

	if (err == -ENOTTY)
		return why_say(why, -EOPNOTSUPP, "the kernel has no GET_HW_INFO: nesting on SMMUv3 needs Linux 6.13");
	if (err)
		return err;
	if (v->hw.type != VIQ_LINUX_HW_SMMUV3)
		return why_say(why, -EOPNOTSUPP, "device %u is not behind an SMMUv3 (IOMMU type %u)", device,
			       v->hw.type);
	return linux_offer_possible(&v->hw, why);
}

/* The stage 2, if it is not the embedder's. */
static int make_parent(struct viq_linux_vsmmu *v, uint32_t device, struct viq_why *why)
{
	int err = v->ioas ? viq_linux_hwpt_alloc(v->ctx, device, v->ioas, VIQ_LINUX_NEST_PARENT, &v->hwpt) : 0;

	return err ? why_say(why, err, "HWPT_ALLOC of a parent for nesting on IOAS %u: %s", v->ioas, strerror(-err))
		   : 0;
}

static void destroy_parent(struct viq_linux_vsmmu *v, int *first)
{
	if (!v->ioas)
		return;
	linux_first(first, viq_linux_destroy(v->ctx, v->hwpt));
	v->hwpt = 0;
}

static int make_viommu(struct viq_linux_vsmmu *v, uint32_t device, struct viq_why *why)
{
	int err = viq_linux_viommu_alloc(v->ctx, device, v->hwpt, &v->viommu);

	switch (err) {
	case 0:
		return 0;
	case -ENOTTY:
		return why_say(why, -EOPNOTSUPP, "the kernel has no vIOMMU objects: Linux 6.13 or later is needed");
	case -EOPNOTSUPP:
		return why_say(why, err,
			       "device %u cannot be nested: its DMA is not known to be coherent (firmware must set "
			       "CANWBS in the IORT, or the SMMU have S2FWB), or the SMMU lacks stage 1 or 2",
			       device);
	case -EINVAL:
		return why_say(why, err,
			       "HWPT %u is no parent for nesting: allocate it with VIQ_LINUX_NEST_PARENT for a "
			       "device behind the same SMMU as device %u",
			       v->hwpt, device);
	case -ENOENT:
		return why_say(why, err, "no HWPT %u or no device %u in this iommufd", v->hwpt, device);
	default:
		return why_say(why, err, "VIOMMU_ALLOC: %s", strerror(-err));
	}
}

static int make_table(struct viq_linux_vsmmu *v, uint32_t device, const uint64_t ste[2], uint32_t *pt,
		      struct viq_why *why)
{
	int err = viq_linux_nested_alloc(v->ctx, device, v->viommu, ste, pt);

	return err ? why_say(why, err, "HWPT_ALLOC of a nested page table: %s", strerror(-err)) : 0;
}

/* Kernels from 6.13 on can do without; 6.15 brought it. */
static int make_event_queue(struct viq_linux_vsmmu *v, struct viq_why *why)
{
	uint32_t depth = v->event_depth;
	int err;

	if (!depth)
		return 0;
	err = viq_linux_veventq_alloc(v->ctx, v->viommu, depth, &v->event_queue, &v->event_fd);
	if (!err) {
		v->waiting = calloc(depth, sizeof(*v->waiting));
		if (v->waiting)
			return 0;
		linux_close(v->ctx, v->event_fd);
		viq_linux_destroy(v->ctx, v->event_queue);
		err = -ENOMEM;
	}
	v->event_queue = 0;
	v->event_fd = -1;
	if (err == -ENOTTY || err == -EOPNOTSUPP)
		return 0;
	if (err == -EINVAL)
		return why_say(why, err, "config.event_depth: %u is more than the kernel takes", depth);
	return why_say(why, err, "VEVENTQ_ALLOC: %s", strerror(-err));
}

static int make_objects(struct viq_linux_vsmmu *v, uint32_t device, struct viq_why *why)
{
	int err, unused = 0;

	err = make_parent(v, device, why);
	if (err)
		return err;
	err = make_viommu(v, device, why);
	if (err)
		goto destroy_parent;
	err = make_table(v, device, linux_ste_abort, &v->abort, why);
	if (err)
		goto destroy_viommu;
	err = make_table(v, device, linux_ste_bypass, &v->bypass, why);
	if (err)
		goto destroy_abort;
	err = make_event_queue(v, why);
	if (err)
		goto destroy_bypass;
	return 0;

destroy_bypass:
	viq_linux_destroy(v->ctx, v->bypass);
destroy_abort:
	viq_linux_destroy(v->ctx, v->abort);
destroy_viommu:
	viq_linux_destroy(v->ctx, v->viommu);
destroy_parent:
	destroy_parent(v, &unused);
	v->viommu = 0;
	return err;
}

int linux_vsmmu_start(struct viq_linux_vsmmu *v, uint32_t device, struct viq_why *why)
{
	int err = get_hardware(v, device, why);

	/* A guest that was there before has seen its ID registers. */
	if (!err && v->promised.size && linux_offer_check(&v->hw, &v->promised, why))
		err = -ENODEV;
	if (!err)
		err = make_objects(v, device, why);
	if (err)
		return err;
	linux_invalidate_start(&v->inv, v->viommu, &v->hw);
	__atomic_store_n(&v->live, true, __ATOMIC_RELEASE);
	return 0;
}

int viq_linux_vsmmu_create(struct viq_linux *ctx, const struct viq_linux_vsmmu_config *config,
			   struct viq_linux_vsmmu **out, struct viq_why *why)
{
	struct viq_linux_vsmmu_config own;
	struct viq_linux_vsmmu_ops ops;
	struct viq_linux_vsmmu *v;
	int err;

	if (!ctx || !out)
		return why_say(why, -EINVAL, "ctx and out must not be NULL");
	err = take_config(&own, &ops, config, why);
	if (err)
		return err;
	v = calloc(1, sizeof(*v));
	if (!v || pthread_mutex_init(&v->lock, NULL)) {
		free(v);
		return why_say(why, -ENOMEM, "out of memory");
	}
	v->ctx = ctx;
	v->ops = ops;
	v->opaque = own.opaque;
	v->attacher = (struct linux_attacher){.ctx = ctx,
					      .owner = linux_owner(ctx),
					      .attach = v->ops.attach,
					      .group = v->ops.group,
					      .opaque = v->opaque};
	v->hwpt = own.hwpt;
	v->ioas = own.ioas;
	v->event_depth = own.event_depth;
	v->event_fd = -1;
	linux_invalidate_init(&v->inv, ctx, 0, &v->hw, own.calls);
	err = own.hwpt ? linux_parent_take(ctx, own.hwpt, why) : 0;
	if (!err && own.device) {
		err = linux_vsmmu_start(v, own.device, why);
		if (err)
			linux_parent_put(ctx, own.hwpt);
	}
	if (err) {
		pthread_mutex_destroy(&v->lock);
		free(v);
		return err;
	}
	v->inv.object = v->viommu; /* 0 for good, if it is made later */
	*out = v;
	return 0;
}

/* What the kernel has not destroyed leaks; the vIOMMU, which is in use by it, cannot be destroyed and tells so. */
static void free_removed(struct viq_linux_vsmmu *v)
{
	linux_streams_collect_removed(v);
	while (v->removed) {
		struct linux_device *d = v->removed;

		v->removed = d->next;
		free(d);
	}
}

int viq_linux_vsmmu_destroy(struct viq_linux_vsmmu *v)
{
	int err = 0, left = 0;

	if (!v)
		return 0;
	while (v->streams.count)
		linux_first(&err, linux_streams_drop(v, v->streams.items[v->streams.count - 1]));
	free_removed(v);
	/* The open fd keeps the queue in use. */
	if (v->event_fd >= 0)
		linux_close(v->ctx, v->event_fd);
	if (v->event_queue)
		linux_first(&err, viq_linux_destroy(v->ctx, v->event_queue));
	if (v->live) {
		linux_first(&err, viq_linux_destroy(v->ctx, v->bypass));
		linux_first(&err, viq_linux_destroy(v->ctx, v->abort));
		left = viq_linux_destroy(v->ctx, v->viommu);
		linux_first(&err, left);
		destroy_parent(v, &err);
	}
	/* A vIOMMU that is left keeps the VMID. */
	if (!left || left == -ENOENT)
		linux_parent_put(v->ctx, v->hwpt);
	pthread_mutex_destroy(&v->lock);
	free(v->streams.items);
	free(v->waiting);
	free(v);
	return err;
}

const struct viq_linux_hw_info *viq_linux_vsmmu_hw_info(const struct viq_linux_vsmmu *v)
{
	return v && v->live ? &v->hw : NULL;
}

int viq_linux_vsmmu_counters(struct viq_linux_vsmmu *v, struct viq_linux_counters *out, size_t size)
{
	struct viq_linux_counters now;

	if (!v)
		return -EINVAL;
	now = (struct viq_linux_counters){
		.ioctls = linux_calls_made(&v->inv.calls),
		.entries = linux_calls_entries(&v->inv.calls),
		.failed = linux_load(&v->inv.calls.failed),
		.repeated = linux_load(&v->inv.repeated),
		.refused = linux_load(&v->inv.refused),
		.attaches = linux_load(&v->attacher.attaches),
		.rejected = linux_load(&v->rejected),
		.events = linux_load(&v->events),
		.events_lost = linux_load(&v->events_lost),
		.events_kept = linux_load(&v->events_kept),
		.set_failed = linux_load(&v->failed),
	};
	return sized_counters(out, size, &now, sizeof(now));
}
