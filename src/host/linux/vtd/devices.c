/* SPDX-License-Identifier: MIT */
/* The devices of a nested VT-d: they come, go, and are renumbered. Each has a list of its PASIDs that are attached. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vvtd.h"

/* --- PASIDs of a device ------------------------------------------------------------------------------------------- */

/* The first slot that is not below pasid. */
static size_t slot_place(const struct linux_vtd_device *d, uint32_t pasid)
{
	size_t low = 0, high = d->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (d->slots[mid]->pasid < pasid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct linux_vtd_slot *linux_vtd_find_slot(const struct linux_vtd_device *d, uint32_t pasid)
{
	size_t i = slot_place(d, pasid);

	return i < d->count && d->slots[i]->pasid == pasid ? d->slots[i] : NULL;
}

static int slot_room(struct linux_vtd_device *d)
{
	size_t room = d->room ? 2 * d->room : 4;
	struct linux_vtd_slot **bigger;

	if (d->count < d->room)
		return 0;
	bigger = realloc(d->slots, room * sizeof(struct linux_vtd_slot *));
	if (!bigger)
		return -ENOMEM;
	d->slots = bigger;
	d->room = room;
	return 0;
}

struct linux_vtd_slot *linux_vtd_get_slot(struct linux_vtd_device *d, uint32_t pasid)
{
	struct linux_vtd_slot *s = linux_vtd_find_slot(d, pasid);
	size_t i = slot_place(d, pasid);

	if (s || slot_room(d))
		return s;
	s = malloc(sizeof(*s));
	if (!s)
		return NULL;
	/* A PASID is blocked before something is attached to it. What requests without meet is the caller's matter. */
	*s = (struct linux_vtd_slot){.pasid = pasid, .sure = pasid != 0};
	memmove(&d->slots[i + 1], &d->slots[i], (d->count - i) * sizeof(struct linux_vtd_slot *));
	d->slots[i] = s;
	d->count++;
	return s;
}

void linux_vtd_free_slot(struct linux_vtd_device *d, struct linux_vtd_slot *s)
{
	size_t i = slot_place(d, s->pasid);

	d->count--;
	memmove(&d->slots[i], &d->slots[i + 1], (d->count - i) * sizeof(struct linux_vtd_slot *));
	free(s);
}

void linux_vtd_free_device(struct linux_vtd_device *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->slots[i]);
	free(d->slots);
	free(d);
}

/* --- The list ----------------------------------------------------------------------------------------------------- */

static size_t place(const struct viq_linux_vvtd *v, uint32_t source_id)
{
	size_t i = 0;

	while (i < v->count && v->devices[i]->source_id < source_id)
		i++;
	return i;
}

static struct linux_vtd_device *find(const struct viq_linux_vvtd *v, uint32_t source_id)
{
	size_t i = place(v, source_id);

	return i < v->count && v->devices[i]->source_id == source_id ? v->devices[i] : NULL;
}

static bool has_device(const struct viq_linux_vvtd *v, uint32_t device)
{
	for (size_t i = 0; i < v->count; i++) {
		if (v->devices[i]->device == device)
			return true;
	}
	return false;
}

static int make_room(struct viq_linux_vvtd *v)
{
	size_t room = v->room ? 2 * v->room : 4;
	struct linux_vtd_device **bigger;

	if (v->count < v->room)
		return 0;
	bigger = realloc(v->devices, room * sizeof(struct linux_vtd_device *));
	if (!bigger)
		return -ENOMEM;
	v->devices = bigger;
	v->room = room;
	return 0;
}

/* There is room, and nobody there. */
static void insert(struct viq_linux_vvtd *v, struct linux_vtd_device *d)
{
	size_t i = place(v, d->source_id);

	memmove(&v->devices[i + 1], &v->devices[i], (v->count - i) * sizeof(struct linux_vtd_device *));
	v->devices[i] = d;
	v->count++;
}

static void take_out(struct viq_linux_vvtd *v, const struct linux_vtd_device *d)
{
	size_t i = place(v, d->source_id);

	v->count--;
	memmove(&v->devices[i], &v->devices[i + 1], (v->count - i) * sizeof(struct linux_vtd_device *));
}

/* --- Come and go -------------------------------------------------------------------------------------------------- */

/* Block all of its requests. The first error of the kernel; only what failed is left, and the first slot. */
static int block_all(struct viq_linux_vvtd *v, struct linux_vtd_device *d)
{
	int err = 0;

	/* PASIDs first: some kernels look at what is attached for requests without. */
	for (size_t i = d->count; i-- > 0;) {
		struct linux_vtd_slot *s = d->slots[i];

		linux_first(&err, linux_vtd_slot_block(v, d, s));
		linux_first(&err, linux_vtd_slot_collect(v, s));
		if (s->pasid && linux_vtd_slot_empty(s))
			linux_vtd_free_slot(d, s);
	}
	return err;
}

/* Destroy the tables of a removed device that the kernel does not need any more. Is nothing of it attached? */
static bool collect_device(struct viq_linux_vvtd *v, struct linux_vtd_device *d)
{
	bool empty = true;

	for (size_t i = 0; i < d->count; i++) {
		(void)linux_vtd_slot_collect(v, d->slots[i]);
		if (!linux_vtd_slot_empty(d->slots[i]))
			empty = false;
	}
	return empty;
}

void linux_vtd_collect_removed(struct viq_linux_vvtd *v)
{
	struct linux_vtd_device **link = &v->removed;

	while (*link) {
		struct linux_vtd_device *d = *link;

		if (collect_device(v, d)) {
			*link = d->next;
			linux_vtd_free_device(d);
		} else {
			link = &d->next;
		}
	}
}

int linux_vtd_drop(struct viq_linux_vvtd *v, struct linux_vtd_device *d)
{
	int err;

	take_out(v, d);
	err = block_all(v, d);
	/*
	 * Its file may be closed from now on: tables that may be in use wait until the kernel destroys them, and what
	 * is not known to be blocked is known as such if the device comes back.
	 */
	d->next = v->removed;
	v->removed = d;
	linux_vtd_collect_removed(v);
	return err;
}

int viq_linux_vvtd_remove(struct viq_linux_vvtd *v, uint16_t source_id)
{
	struct linux_vtd_device *d;

	if (!v)
		return -EINVAL;
	d = find(v, source_id);
	return d ? linux_vtd_drop(v, d) : -ENOENT;
}

static int check_device(const struct viq_linux_vvtd *v, const struct viq_linux_vtd_device *d, uint16_t source_id,
			struct viq_linux_why *why)
{
	if (!v || !d || d->size != sizeof(*d) || !d->device || d->fd < -1)
		return linux_why(why, -EINVAL, "device: size, device or fd is not set");
	if (d->fd < 0 && !v->ops.attach)
		return linux_why(why, -EINVAL, "device %u has no vfio fd, and there is no ops.attach", d->device);
	if (find(v, source_id))
		return linux_why(why, -EEXIST, "source-id %#x has a device already: remove or move it first",
				 source_id);
	if (has_device(v, d->device))
		return linux_why(why, -EEXIST, "device %u has another source-id already: move it", d->device);
	return 0;
}

/* The guest was told what config.device's VT-d has: this one's must have it too. PASIDs are each device's own matter.
 */
static int ask_device(struct viq_linux_vvtd *v, const struct viq_linux_vtd_device *device, uint32_t *pasid_bits,
		      struct viq_linux_why *why)
{
	const uint64_t cap = VIQ_VTD_CAP_FS1GP | VIQ_VTD_CAP_FS5LP;
	const uint64_t ecap = VIQ_VTD_ECAP_SRS | VIQ_VTD_ECAP_EAFS | VIQ_VTD_ECAP_SMPWCS;
	struct viq_linux_hw_info hw;
	int err = linux_ask_hw(v->ctx, device->device, &hw, why);

	if (err)
		return err;
	if (hw.type != VIQ_LINUX_HW_VTD)
		return linux_why(why, -ENODEV, "device %u is not behind a VT-d (IOMMU type %u)", device->device,
				 hw.type);
	if (linux_vtd_offer_possible(&hw, why))
		return -ENODEV;
	if (v->hw.cap & cap & ~hw.cap || v->hw.ecap & ecap & ~hw.ecap)
		return linux_why(why, -ENODEV,
				 "device %u is behind a VT-d that lacks what the guest may have been told "
				 "(CAP %#llx, ECAP %#llx): it needs a guest VT-d of its own",
				 device->device, (unsigned long long)hw.cap, (unsigned long long)hw.ecap);
	*pasid_bits = device->pasids ? hw.max_pasid_log2 : 0;
	return 0;
}

/* Everything, whatever was attached before. */
static const struct viq_vtd_reconfig everything = {
	.size = sizeof(everything), .cause = VIQ_VTD_RESTORED, .scope = VIQ_VTD_SCOPE_ALL};

static int set_up(struct viq_linux_vvtd *v, struct linux_vtd_device *d)
{
	int err = block_all(v, d);

	if (!err && v->vtd)
		err = linux_vtd_follow(v, d, &everything);
	return err;
}

/* The device as it was removed, if something of it may still be attached; else a new one. NULL: no memory. */
static struct linux_vtd_device *get_device(struct viq_linux_vvtd *v, uint32_t device)
{
	struct linux_vtd_device **link = &v->removed, *d;

	for (; *link; link = &(*link)->next) {
		d = *link;
		if (d->device == device) {
			*link = d->next;
			return d;
		}
	}
	d = calloc(1, sizeof(*d));
	if (d && !linux_vtd_get_slot(d, 0)) {
		linux_vtd_free_device(d);
		return NULL;
	}
	return d;
}

int viq_linux_vvtd_add(struct viq_linux_vvtd *v, const struct viq_linux_vtd_device *device, uint16_t source_id,
		       struct viq_linux_why *why)
{
	struct linux_vtd_device *d;
	uint32_t pasid_bits = 0;
	int err;

	err = check_device(v, device, source_id, why);
	if (!err)
		err = ask_device(v, device, &pasid_bits, why);
	if (err)
		return err;
	d = make_room(v) ? NULL : get_device(v, device->device);
	if (!d)
		return linux_why(why, -ENOMEM, "out of memory");
	d->source_id = source_id;
	d->device = device->device;
	d->fd = device->fd;
	d->pasid_bits = pasid_bits;
	insert(v, d);
	err = set_up(v, d);
	if (err) {
		linux_why(why, err, "device %u at source-id %#x cannot be attached: %s", d->device, source_id,
			  strerror(-err));
		(void)linux_vtd_drop(v, d);
	}
	return err;
}

/* --- Renumbering -------------------------------------------------------------------------------------------------- */

static bool is_from(const struct viq_linux_vtd_move *moves, uint32_t count, uint16_t source_id)
{
	for (uint32_t i = 0; i < count; i++) {
		if (moves[i].from == source_id)
			return true;
	}
	return false;
}

static int check_moves(const struct viq_linux_vvtd *v, const struct viq_linux_vtd_move *moves, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!find(v, moves[i].from))
			return -ENOENT;
		for (uint32_t j = 0; j < i; j++) {
			if (moves[j].from == moves[i].from || moves[j].to == moves[i].to)
				return -EEXIST;
		}
		if (find(v, moves[i].to) && !is_from(moves, count, moves[i].to))
			return -EEXIST;
	}
	return 0;
}

int viq_linux_vvtd_move(struct viq_linux_vvtd *v, const struct viq_linux_vtd_move *moves, uint32_t count)
{
	struct linux_vtd_device **moving;
	int err;

	if (!v || (count && !moves))
		return -EINVAL;
	err = check_moves(v, moves, count);
	if (err || !count)
		return err;
	moving = malloc(count * sizeof(struct linux_vtd_device *));
	if (!moving)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		moving[i] = find(v, moves[i].from);
		linux_first(&err, block_all(v, moving[i]));
		take_out(v, moving[i]);
	}
	for (uint32_t i = 0; i < count; i++) {
		moving[i]->source_id = moves[i].to;
		insert(v, moving[i]);
	}
	for (uint32_t i = 0; i < count && v->vtd; i++)
		linux_first(&err, linux_vtd_follow(v, moving[i], &everything));
	free(moving);
	return err;
}
