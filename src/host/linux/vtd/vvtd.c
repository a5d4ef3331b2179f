/* SPDX-License-Identifier: MIT */
/* A nested VT-d as a whole: made after a try, listened to, destroyed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sized.h"

#include "vvtd.h"

void viq_linux_vvtd_config_init(struct viq_linux_vvtd_config *config, size_t size)
{
	const struct viq_linux_vvtd_config defaults = {.max_tables = 4096};

	if (config)
		sized_give(config, size, &defaults, sizeof(defaults));
}

/* Take over the caller's configuration and hooks, whatever version its structs have. */
static int take_config(struct viq_linux_vvtd_config *own, struct viq_linux_vvtd_ops *ops,
		       const struct viq_linux_vvtd_config *config, struct viq_why *why)
{
	int err;

	viq_linux_vvtd_config_init(own, sizeof(*own));
	*ops = (struct viq_linux_vvtd_ops){.size = sizeof(*ops)};
	err = sized_take(own, sizeof(*own), config, SIZED_TO(struct viq_linux_vvtd_config, device), "config", why);
	if (!err && own->ops)
		err = sized_take(ops, sizeof(*ops), own->ops, sizeof(ops->size), "config.ops", why);
	if (err)
		return err;
	if (!own->hwpt || !own->device)
		return why_say(why, -EINVAL, "config: hwpt and device must be set");
	if (!own->max_tables)
		return why_say(why, -EINVAL, "config.max_tables: must be 1 at least");
	return 0;
}

static int get_hardware(struct viq_linux_vvtd *v, uint32_t device, struct viq_why *why)
{
	int err = linux_ask_hw(v->ctx, device, &v->hw, why);

	if (err == -ENOTTY)
		return why_say(why, -EOPNOTSUPP, "the kernel has no GET_HW_INFO: nesting on VT-d needs Linux 6.8");
	if (err)
		return err;
	if (v->hw.type != VIQ_LINUX_HW_VTD)
		return why_say(why, -EOPNOTSUPP, "device %u is not behind a VT-d (IOMMU type %u)", device, v->hw.type);
	return linux_vtd_offer_possible(&v->hw, why);
}

/* The registers do not tell whether the host uses what the hardware has. */
static int try_nesting(struct viq_linux_vvtd *v, uint32_t device, struct viq_why *why)
{
	const struct viq_linux_vtd_s1 s1 = {.addr_width = 48};
	uint32_t nested;
	int err = viq_linux_vtd_nested_alloc(v->ctx, device, v->hwpt, 0, &s1, &nested);

	switch (err) {
	case 0:
		err = viq_linux_destroy(v->ctx, nested);
		return err ? why_say(why, err, "DESTROY of a nested page table: %s", strerror(-err)) : 0;
	case -EOPNOTSUPP:
		return why_say(why, err,
			       "device %u cannot be nested: boot the host with intel_iommu=on,sm_on, on a kernel of "
			       "6.8 or later",
			       device);
	case -EINVAL:
		return why_say(why, err,
			       "HWPT %u is no parent for nesting: allocate it with VIQ_LINUX_NEST_PARENT for device "
			       "%u",
			       v->hwpt, device);
	default:
		return why_say(why, err, "HWPT_ALLOC of a nested page table: %s", strerror(-err));
	}
}

int viq_linux_vvtd_create(struct viq_linux *ctx, const struct viq_linux_vvtd_config *config,
			  struct viq_linux_vvtd **out, struct viq_why *why)
{
	struct viq_linux_vvtd_config own;
	struct viq_linux_vvtd_ops ops;
	struct viq_linux_vvtd *v;
	int err;

	if (!ctx || !out)
		return why_say(why, -EINVAL, "ctx and out must not be NULL");
	err = take_config(&own, &ops, config, why);
	if (err)
		return err;
	v = calloc(1, sizeof(*v));
	if (!v)
		return why_say(why, -ENOMEM, "out of memory");
	v->ctx = v->inv.calls.ctx = ctx;
	v->ops = ops;
	v->opaque = own.opaque;
	v->attacher = (struct linux_attacher){.ctx = ctx,
					      .owner = linux_owner(ctx),
					      .attach = v->ops.attach,
					      .group = v->ops.group,
					      .opaque = v->opaque};
	v->hwpt = own.hwpt;
	v->max_tables = own.max_tables;
	v->pages.fd = -1;
	err = get_hardware(v, own.device, why);
	if (!err)
		err = try_nesting(v, own.device, why);
	if (!err && own.page_groups)
		err = linux_vtd_pages_open(v, own.page_groups, why);
	if (err) {
		free(v);
		return err;
	}
	*out = v;
	return 0;
}

static int tell_device(struct viq_linux_vvtd *v, const struct linux_vtd_device *d)
{
	int err = 0;

	for (size_t i = 0; i < d->slots.count; i++)
		linux_first(&err, linux_vtd_slot_tell(v, d, d->slots.items[i]));
	return err;
}

static void forget_device(struct viq_linux_vvtd *v, const struct linux_vtd_device *d)
{
	for (size_t i = 0; i < d->slots.count; i++)
		linux_vtd_slot_forget(v, d->slots.items[i]);
}

/* For each slot there is, also of removed devices. */
static int tell_all(struct viq_linux_vvtd *v)
{
	int err = 0;

	for (size_t i = 0; i < v->devices.count; i++)
		linux_first(&err, tell_device(v, v->devices.items[i]));
	for (struct linux_device *d = v->removed; d; d = d->next)
		linux_first(&err, tell_device(v, (struct linux_vtd_device *)d));
	return err;
}

static void forget_all(struct viq_linux_vvtd *v)
{
	for (size_t i = 0; i < v->devices.count; i++)
		forget_device(v, v->devices.items[i]);
	for (struct linux_device *d = v->removed; d; d = d->next)
		forget_device(v, (struct linux_vtd_device *)d);
}

int viq_linux_vvtd_listen(struct viq_linux_vvtd *v, const struct viq_vtd_listener *listener)
{
	struct viq_vtd_listener own = {0};
	int err = v ? 0 : -EINVAL;

	if (!err && listener)
		err = sized_take(&own, sizeof(own), listener, SIZED_TO(struct viq_vtd_listener, opaque), "listener",
				 NULL);
	if (err)
		return err;
	if (listener && (!own.attach || !own.detach))
		return -EINVAL;
	if (v->listener.size)
		forget_all(v);
	v->listener = own;
	if (listener)
		err = tell_all(v);
	if (err) {
		forget_all(v);
		v->listener = (struct viq_vtd_listener){0};
	}
	return err;
}

/* What the kernel has not destroyed leaks. */
static void free_removed(struct viq_linux_vvtd *v, int *err)
{
	linux_vtd_collect_removed(v);
	while (v->removed) {
		struct linux_vtd_device *d = (struct linux_vtd_device *)v->removed;

		for (size_t i = 0; i < d->slots.count; i++) {
			const struct linux_vtd_slot *s = d->slots.items[i];

			if (s->slot.tables[0] || s->slot.tables[1])
				linux_first(err, -EBUSY);
		}
		v->removed = d->dev.next;
		linux_vtd_free_device(d);
	}
}

int viq_linux_vvtd_destroy(struct viq_linux_vvtd *v)
{
	int err = 0;

	if (!v)
		return 0;
	while (v->devices.count)
		linux_first(&err, linux_vtd_drop(v, v->devices.items[v->devices.count - 1]));
	linux_vtd_collect_removed(v);
	if (v->listener.size)
		forget_all(v);
	free_removed(v, &err);
	linux_first(&err, linux_vtd_pages_close(v));
	free(v->devices.items);
	free(v);
	return err;
}

const struct viq_linux_hw_info *viq_linux_vvtd_hw_info(const struct viq_linux_vvtd *v)
{
	return v ? &v->hw : NULL;
}

int viq_linux_vvtd_counters(struct viq_linux_vvtd *v, struct viq_linux_vtd_counters *out, size_t size)
{
	struct viq_linux_vtd_counters now;

	if (!v)
		return -EINVAL;
	now = (struct viq_linux_vtd_counters){
		.ioctls = linux_calls_made(&v->inv.calls),
		.entries = linux_calls_entries(&v->inv.calls),
		.failed = linux_load(&v->inv.calls.failed),
		.refused = linux_load(&v->inv.refused),
		.whole = linux_load(&v->inv.whole),
		.attaches = linux_load(&v->attacher.attaches),
		.rejected = linux_load(&v->rejected),
		.tables = linux_load(&v->tables),
		.set_failed = linux_load(&v->failed),
		.page_requests = linux_load(&v->pages.requests),
		.page_discarded = linux_load(&v->pages.discarded),
	};
	return sized_counters(out, size, &now, sizeof(now));
}
