/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "calls.h"
#include "device.h"

static bool has_device(const struct sorted *devices, uint32_t device)
{
	for (size_t i = 0; i < devices->count; i++) {
		const struct linux_device *d = devices->items[i];

		if (d->device == device)
			return true;
	}
	return false;
}

int linux_device_check(const struct sorted *devices, const struct linux_device *d, bool embedder_attaches,
		       const char *number, struct viq_why *why)
{
	if (!d->device)
		return why_say(why, -EINVAL, "device: the device's id is not set");
	if (d->fd < 0 && !embedder_attaches)
		return why_say(why, -EINVAL, "device %u has no vfio fd, and there is no ops.attach", d->device);
	if (sorted_find(devices, d->number))
		return why_say(why, -EEXIST, "%s %#x has a device already: remove or move it first", number, d->number);
	if (has_device(devices, d->device))
		return why_say(why, -EEXIST, "device %u has another %s already: move it", d->device, number);
	return 0;
}

int linux_device_keep(const struct viq_linux *ctx, struct linux_device *d, struct viq_why *why)
{
	int fd = d->fd < 0 ? -1 : linux_keep(ctx, d->fd);

	if (d->fd >= 0 && fd < 0)
		return why_say(why, fd, "device.fd: %d cannot be duplicated: %s", d->fd, strerror(-fd));
	d->fd = fd;
	return 0;
}

void linux_device_let_go(const struct viq_linux *ctx, struct linux_device *d)
{
	if (d->fd >= 0)
		linux_let_go(ctx, d->fd);
	d->fd = -1;
}

static bool is_from(const struct viq_linux_move *moves, uint32_t count, uint32_t number)
{
	for (uint32_t i = 0; i < count; i++) {
		if (moves[i].from == number)
			return true;
	}
	return false;
}

int linux_moves_check(const struct sorted *devices, const struct viq_linux_move *moves, uint32_t count, uint32_t last)
{
	for (uint32_t i = 0; i < count; i++) {
		if (moves[i].to > last)
			return -EINVAL;
		if (!sorted_find(devices, moves[i].from))
			return -ENOENT;
		for (uint32_t j = 0; j < i; j++) {
			if (moves[j].from == moves[i].from || moves[j].to == moves[i].to)
				return -EEXIST;
		}
		if (sorted_find(devices, moves[i].to) && !is_from(moves, count, moves[i].to))
			return -EEXIST;
	}
	return 0;
}

struct linux_device *linux_removed_take(struct linux_device **removed, uint32_t device)
{
	for (; *removed; removed = &(*removed)->next) {
		struct linux_device *d = *removed;

		if (d->device == device) {
			*removed = d->next;
			return d;
		}
	}
	return NULL;
}

void linux_removed_collect(struct linux_device **removed, bool (*free_gone)(void *opaque, struct linux_device *d),
			   void *opaque)
{
	while (*removed) {
		struct linux_device *d = *removed, *next = d->next;

		if (free_gone(opaque, d))
			*removed = next;
		else
			removed = &d->next;
	}
}

static int call_attach(const struct linux_attacher *how, const struct linux_device *d, uint32_t pasid, uint32_t pt)
{
	if (d->fd < 0) {
		int err = how->attach(how->opaque, d->device, pasid, pt);

		return err > 0 ? -EIO : err;
	}
	if (!pasid)
		return pt ? viq_linux_vfio_attach(how->ctx, d->fd, pt) : viq_linux_vfio_detach(how->ctx, d->fd);
	return pt ? viq_linux_vfio_attach_pasid(how->ctx, d->fd, pasid, pt)
		  : viq_linux_vfio_detach_pasid(how->ctx, d->fd, pasid);
}

int linux_slot_attach(struct linux_attacher *how, const struct linux_device *d, struct linux_slot *s, uint32_t pt)
{
	int err;

	if (s->sure && s->attached == pt)
		return 0;
	how->calls++;
	err = call_attach(how, d, s->pasid, pt);
	s->sure = !err;
	if (err)
		return err;
	s->attached = pt;
	if (pt)
		linux_add(&how->attaches, 1);
	return 0;
}

unsigned int linux_slot_collect(struct linux_attacher *how, struct linux_slot *s, int *first)
{
	unsigned int gone = 0;

	for (unsigned int i = 0; i < 2; i++) {
		int err;

		if (!s->tables[i] || (s->sure && s->tables[i] == s->attached))
			continue;
		how->calls++;
		err = viq_linux_destroy(how->ctx, s->tables[i]);
		/* Somebody else has destroyed it. */
		if (err && err != -ENOENT) {
			linux_first(first, err);
			continue;
		}
		s->tables[i] = 0;
		gone |= 1u << i;
	}
	return gone;
}
