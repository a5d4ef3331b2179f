/* SPDX-License-Identifier: MIT */
/* The devices of a nested VT-d: they come, go, and are renumbered. Each has a list of its PASIDs that are attached. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/sized.h"

#include "vvtd.h"

/* --- PASIDs of a device ------------------------------------------------------------------------------------------- */

struct linux_vtd_slot *linux_vtd_find_slot(const struct linux_vtd_device *d, uint32_t pasid)
{
	return sorted_find(&d->slots, pasid);
}

struct linux_vtd_slot *linux_vtd_get_slot(struct linux_vtd_device *d, uint32_t pasid)
{
	struct linux_vtd_slot *s = linux_vtd_find_slot(d, pasid);

	if (s || sorted_reserve(&d->slots))
		return s;
	s = malloc(sizeof(*s));
	if (!s)
		return NULL;
	/* A PASID is blocked before something is attached to it. What requests without meet is the caller's matter. */
	*s = (struct linux_vtd_slot){.slot = {.pasid = pasid, .sure = pasid != 0}};
	sorted_insert(&d->slots, s);
	return s;
}

void linux_vtd_free_slot(struct linux_vtd_device *d, struct linux_vtd_slot *s)
{
	sorted_remove(&d->slots, s);
	free(s);
}

void linux_vtd_free_device(struct linux_vtd_device *d)
{
	for (size_t i = 0; i < d->slots.count; i++)
		free(d->slots.items[i]);
	free(d->slots.items);
	free(d);
}

/* --- Come and go -------------------------------------------------------------------------------------------------- */

/* Block all of its requests. The first error of the kernel; only what failed is left, and the first slot. */
static int block_all(struct viq_linux_vvtd *v, struct linux_vtd_device *d)
{
	int err = 0;

	/* PASIDs first: some kernels look at what is attached for requests without. */
	for (size_t i = d->slots.count; i-- > 0;) {
		struct linux_vtd_slot *s = d->slots.items[i];

		s->failed = false;
		linux_first(&err, linux_vtd_slot_block(v, d, s));
		linux_first(&err, linux_vtd_slot_collect(v, s));
		if (s->slot.pasid && linux_slot_empty(&s->slot))
			linux_vtd_free_slot(d, s);
	}
	return err;
}

/* Destroy the tables of a removed device that the kernel does not need any more; free it if nothing is attached. */
static bool free_gone(void *opaque, struct linux_device *removed)
{
	struct linux_vtd_device *d = (struct linux_vtd_device *)removed;
	struct viq_linux_vvtd *v = opaque;
	bool empty = true;

	for (size_t i = 0; i < d->slots.count; i++) {
		struct linux_vtd_slot *s = d->slots.items[i];

		(void)linux_vtd_slot_collect(v, s);
		if (!linux_slot_empty(&s->slot))
			empty = false;
	}
	if (!empty)
		return false;
	linux_group_put(&v->attacher, d->dev.device);
	linux_vtd_free_device(d);
	return true;
}

void linux_vtd_collect_removed(struct viq_linux_vvtd *v)
{
	linux_removed_collect(&v->removed, free_gone, v);
}

int linux_vtd_drop(struct viq_linux_vvtd *v, struct linux_vtd_device *d)
{
	int err;

	sorted_remove(&v->devices, d);
	v->pages.askers -= d->page_requests;
	err = block_all(v, d);
	/*
	 * Its file is let go of: tables that may be in use wait until the kernel destroys them, and what
	 * is not known to be blocked is known as such if the device comes back.
	 */
	linux_removed_put(v->ctx, &v->removed, &d->dev);
	linux_vtd_collect_removed(v);
	return err;
}

int viq_linux_vvtd_remove(struct viq_linux_vvtd *v, uint16_t source_id)
{
	struct linux_vtd_device *d;

	if (!v)
		return -EINVAL;
	d = sorted_find(&v->devices, source_id);
	return d ? linux_vtd_drop(v, d) : -ENOENT;
}

/* The guest was told what config.device's VT-d has: this one's must have it too. PASIDs are each device's own matter.
 */
static int ask_device(struct viq_linux_vvtd *v, const struct viq_linux_vtd_device *device, uint32_t *pasid_bits,
		      struct viq_why *why)
{
	const uint64_t cap = VIQ_VTD_CAP_FS1GP | VIQ_VTD_CAP_FS5LP;
	const uint64_t ecap = VIQ_VTD_ECAP_SRS | VIQ_VTD_ECAP_EAFS | VIQ_VTD_ECAP_SMPWCS;
	struct viq_linux_hw_info hw;
	int err = linux_ask_hw(v->ctx, device->device, &hw, why);

	if (err)
		return err;
	if (hw.type != VIQ_LINUX_HW_VTD)
		return why_say(why, -ENODEV, "device %u is not behind a VT-d (IOMMU type %u)", device->device, hw.type);
	if (linux_vtd_offer_possible(&hw, why))
		return -ENODEV;
	if (v->hw.cap & cap & ~hw.cap || v->hw.ecap & ecap & ~hw.ecap)
		return why_say(why, -ENODEV,
			       "device %u is behind a VT-d that lacks what the guest may have been told "
			       "(CAP %#llx, ECAP %#llx): it needs a guest VT-d of its own",
			       device->device, (unsigned long long)hw.cap, (unsigned long long)hw.ecap);
	*pasid_bits = device->pasids ? hw.max_pasid_log2 : 0;
	return 0;
}

/* The device as it was removed, if something of it may still be attached; else a new one. NULL: no memory. */
static struct linux_vtd_device *get_device(struct viq_linux_vvtd *v, uint32_t device)
{
	struct linux_vtd_device *d = (struct linux_vtd_device *)linux_removed_take(&v->removed, device);

	/* Somebody else may have attached it since then. */
	for (size_t i = 0; d && i < d->slots.count; i++)
		((struct linux_vtd_slot *)d->slots.items[i])->slot.sure = false;
	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (d && !linux_vtd_get_slot(d, 0)) {
		linux_vtd_free_device(d);
		return NULL;
	}
	return d;
}

static int set_up(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct viq_why *why)
{
	int err = block_all(v, d);

	return err ? why_say(why, err, "device %u at source-id %#x cannot be blocked: %s", d->dev.device, d->dev.number,
			     strerror(-err))
		   : 0;
}

int viq_linux_vvtd_add(struct viq_linux_vvtd *v, const struct viq_linux_vtd_device *device, uint16_t source_id,
		       struct viq_why *why)
{
	struct viq_linux_vtd_device own = {0};
	struct linux_vtd_device *d;
	struct linux_device dev;
	uint32_t pasid_bits = 0;
	int err;

	if (!v)
		return why_say(why, -EINVAL, "vvtd: NULL");
	err = sized_take(&own, sizeof(own), device, SIZED_TO(struct viq_linux_vtd_device, fd), "device", why);
	if (err)
		return err;
	if (own.fd < -1)
		return why_say(why, -EINVAL, "device.fd: %d is not set", own.fd);
	if (own.page_requests && v->pages.fd < 0)
		return why_say(why, -EINVAL, "device.page_requests: config.page_groups is 0");
	dev = (struct linux_device){.number = source_id, .device = own.device, .fd = own.fd};
	err = linux_device_check(&v->devices, &dev, v->ops.attach, "source-id", why);
	if (!err)
		err = ask_device(v, &own, &pasid_bits, why);
	if (err)
		return err;
	err = linux_device_keep(v->ctx, &dev, why);
	if (err)
		return err;
	d = sorted_reserve(&v->devices) ? NULL : get_device(v, own.device);
	if (!d) {
		linux_device_let_go(v->ctx, &dev);
		return why_say(why, -ENOMEM, "out of memory");
	}
	d->dev = dev;
	d->pasid_bits = pasid_bits;
	d->page_requests = own.page_requests;
	err = linux_group_take(&v->attacher, &d->dev, why);
	if (err) {
		/* What it is attached to is another guest IOMMU's, or the embedder's. */
		linux_removed_put(v->ctx, &v->removed, &d->dev);
		linux_vtd_collect_removed(v);
		return err;
	}
	sorted_insert(&v->devices, d);
	v->pages.askers += d->page_requests;
	err = set_up(v, d, why);
	if (err)
		(void)linux_vtd_drop(v, d);
	return err;
}

/* --- Renumbering -------------------------------------------------------------------------------------------------- */

int viq_linux_vvtd_move(struct viq_linux_vvtd *v, const struct viq_linux_move *moves, uint32_t count)
{
	void **moving = NULL;
	int err;

	if (!v || (count && !moves))
		return -EINVAL;
	err = linux_moves_check(&v->devices, moves, count, UINT16_MAX);
	if (err || !count)
		return err;
	/* The array has room for all: those in the air are kept behind its end, so memory cannot be lacking. */
	for (uint32_t i = 0; i < count; i++) {
		struct linux_vtd_device *d = sorted_find(&v->devices, moves[i].from);

		ASSERT(d);
		linux_first(&err, block_all(v, d));
		sorted_remove(&v->devices, d);
		moving = &v->devices.items[v->devices.count];
		memmove(moving, moving + 1, i * sizeof(*moving));
		moving[i] = d;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct linux_vtd_device *d = moving[i];

		d->dev.number = moves[i].to;
		sorted_insert(&v->devices, d);
	}
	return err;
}
