/* SPDX-License-Identifier: MIT */
/* The devices of a nested SMMUv3: they come, go, and are renumbered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/sized.h"

#include "vsmmu.h"

struct linux_stream *linux_streams_find(const struct viq_linux_vsmmu *v, uint32_t vsid)
{
	return sorted_find(&v->streams, vsid);
}

static void insert(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	pthread_mutex_lock(&v->lock);
	sorted_insert(&v->streams, s);
	pthread_mutex_unlock(&v->lock);
}

static void take_out(struct viq_linux_vsmmu *v, const struct linux_stream *s)
{
	pthread_mutex_lock(&v->lock);
	sorted_remove(&v->streams, s);
	pthread_mutex_unlock(&v->lock);
}

static int make_room(struct viq_linux_vsmmu *v)
{
	int err;

	pthread_mutex_lock(&v->lock);
	err = sorted_reserve(&v->streams);
	pthread_mutex_unlock(&v->lock);
	return err;
}

/* --- Come and go -------------------------------------------------------------------------------------------------- */

/* Destroy what was made for a removed device; free it if that is done. */
static bool free_gone(void *opaque, struct linux_device *removed)
{
	struct linux_stream *s = (struct linux_stream *)removed;
	struct viq_linux_vsmmu *v = opaque;

	(void)linux_stream_unbind(v, s);
	(void)linux_stream_collect(v, s);
	if (s->vdevice || s->slot.tables[0] || s->slot.tables[1])
		return false;
	if (linux_slot_empty(&s->slot))
		linux_group_put(&v->attacher, s->dev.device);
	free(s);
	return true;
}

void linux_streams_collect_removed(struct viq_linux_vsmmu *v)
{
	linux_removed_collect(&v->removed, free_gone, v);
}

/* Block the device and undo what was made for it; s is in no list any more. */
static int undo(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	int err;

	err = linux_stream_detach(v, s);
	/* The second best: it keeps a page table in use that all share, but the device reaches nothing. */
	if (err)
		(void)linux_stream_share(v, s, v->abort);
	linux_first(&err, linux_stream_unbind(v, s));
	linux_first(&err, linux_stream_collect(v, s));
	linux_events_settle(v);
	linux_removed_put(v->ctx, &v->removed, &s->dev);
	linux_streams_collect_removed(v);
	return err;
}

int linux_streams_drop(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	take_out(v, s);
	return undo(v, s);
}

int viq_linux_vsmmu_remove(struct viq_linux_vsmmu *v, uint32_t vsid)
{
	struct linux_stream *s = v ? linux_streams_find(v, vsid) : NULL;

	if (!s)
		return v ? -ENOENT : -EINVAL;
	return linux_streams_drop(v, s);
}

/* ATS is each device's own matter. */
static int ask_device(struct viq_linux_vsmmu *v, uint32_t device, bool *ats, struct viq_why *why)
{
	struct viq_linux_hw_info info;
	int err = linux_ask_hw(v->ctx, device, &info, why);

	if (err)
		return err;
	if (info.type != VIQ_LINUX_HW_SMMUV3)
		return why_say(why, -ENODEV, "device %u is not behind an SMMUv3", device);
	*ats = *ats && !(info.capabilities & VIQ_LINUX_CAP_NO_ATS);
	return 0;
}

static int why_no_vdevice(const struct linux_stream *s, int err, struct viq_why *why)
{
	switch (err) {
	case -EINVAL:
		return why_say(why, -ENODEV, "device %u is behind another physical SMMUv3: it needs a vSMMU of its own",
			       s->dev.device);
	case -EEXIST:
		return why_say(why, err, "StreamID %#x or device %u is bound already: destroy that vDEVICE first",
			       s->dev.number, s->dev.device);
	case -EOPNOTSUPP:
		return why_say(why, err, "device %u: the kernel nests only devices with exactly one StreamID",
			       s->dev.device);
	default:
		return why_say(why, err, "device %u: VDEVICE_ALLOC for StreamID %#x: %s", s->dev.device, s->dev.number,
			       strerror(-err));
	}
}

static int why_not_attached(const struct linux_stream *s, int err, struct viq_why *why)
{
	return why_say(why, err, "device %u at StreamID %#x cannot be attached: %s%s", s->dev.device, s->dev.number,
		       strerror(-err), err == -EINVAL ? "; is another device in its IOMMU group?" : "");
}

/* s->dev.number is free. It aborts, whatever was attached to it before. */
static int set_up(struct viq_linux_vsmmu *v, struct linux_stream *s, struct viq_why *why)
{
	int err;

	err = linux_stream_bind(v, s);
	if (err)
		return why_no_vdevice(s, err, why);
	err = linux_stream_share(v, s, v->abort);
	return err ? why_not_attached(s, err, why) : 0;
}

/* The device as it was removed, if something of it is left; else a new one. NULL: no memory. */
static struct linux_stream *get_stream(struct viq_linux_vsmmu *v, uint32_t device)
{
	struct linux_stream *s;

	linux_streams_collect_removed(v);
	s = (struct linux_stream *)linux_removed_take(&v->removed, device);
	if (!s)
		return calloc(1, sizeof(*s));
	s->flags = 0;
	/* Somebody else may have attached it since then. */
	s->slot.sure = false;
	return s;
}

int viq_linux_vsmmu_add(struct viq_linux_vsmmu *v, const struct viq_linux_device *device, uint32_t vsid,
			struct viq_why *why)
{
	struct viq_linux_device own = {0};
	struct linux_stream *s;
	struct linux_device d;
	bool ats;
	int err;

	if (!v)
		return why_say(why, -EINVAL, "vsmmu: NULL");
	err = sized_take(&own, sizeof(own), device, SIZED_TO(struct viq_linux_device, fd), "device", why);
	if (err)
		return err;
	d = (struct linux_device){.number = vsid, .device = own.device, .fd = own.fd};
	err = linux_device_check(&v->streams, &d, v->ops.attach, "StreamID", why);
	if (err)
		return err;
	err = v->live ? 0 : linux_vsmmu_start(v, d.device, why);
	if (err)
		return err;
	ats = own.ats;
	err = ask_device(v, d.device, &ats, why);
	if (err)
		return err;
	err = linux_device_keep(v->ctx, &d, why);
	if (err)
		return err;
	s = make_room(v) ? NULL : get_stream(v, d.device);
	if (!s) {
		linux_device_let_go(v->ctx, &d);
		return why_say(why, -ENOMEM, "out of memory");
	}
	s->dev = d;
	s->ats = ats;
	err = linux_group_take(&v->attacher, &s->dev, why);
	if (err) {
		/* What it is attached to is another guest IOMMU's, or the embedder's. */
		linux_removed_put(v->ctx, &v->removed, &s->dev);
		linux_streams_collect_removed(v);
		return err;
	}
	insert(v, s);
	err = set_up(v, s, why);
	if (err)
		(void)linux_streams_drop(v, s);
	return err;
}

/* --- Renumbering -------------------------------------------------------------------------------------------------- */

/* Out of the list, aborting and without a number. NULL, and gone: that failed. */
static struct linux_stream *lift(struct viq_linux_vsmmu *v, uint32_t from, int *first)
{
	struct linux_stream *s = linux_streams_find(v, from);
	int err;

	ASSERT(s);
	take_out(v, s);
	err = linux_stream_abort(v, s);
	linux_first(&err, linux_stream_unbind(v, s));
	linux_first(first, err);
	if (!err) {
		linux_events_settle(v);
		return s;
	}
	(void)undo(v, s);
	return NULL;
}

static void put_down(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t to, int *first)
{
	int err;

	s->dev.number = to;
	insert(v, s);
	err = set_up(v, s, NULL);
	linux_first(first, err);
	if (err)
		(void)linux_streams_drop(v, s);
}

int viq_linux_vsmmu_move(struct viq_linux_vsmmu *v, const struct viq_linux_move *moves, uint32_t count)
{
	void **moving = NULL;
	int err;

	if (!v || (count && !moves))
		return -EINVAL;
	err = linux_moves_check(&v->streams, moves, count, UINT32_MAX);
	if (err || !count)
		return err;
	/*
	 * All numbers are free before the first is given again: swaps and longer cycles need no other care. The array
	 * has room for all, so those in the air are kept behind its end: nothing here may fail for lack of memory.
	 */
	for (uint32_t i = 0; i < count; i++) {
		struct linux_stream *s = lift(v, moves[i].from, &err);

		moving = &v->streams.items[v->streams.count];
		memmove(moving, moving + 1, i * sizeof(*moving));
		moving[i] = s;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (moving[i])
			put_down(v, moving[i], moves[i].to, &err);
	}
	return err;
}
