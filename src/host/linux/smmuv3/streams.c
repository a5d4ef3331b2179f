/* SPDX-License-Identifier: MIT */
/* The devices of a nested SMMUv3: they come, go, and are renumbered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vsmmu.h"

/* --- The list ----------------------------------------------------------------------------------------------------- */

/* The place of vsid: the first stream that is not below it. */
static size_t place(const struct viq_linux_vsmmu *v, uint32_t vsid)
{
	size_t low = 0, high = v->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (v->streams[mid]->vsid < vsid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct linux_stream *linux_streams_find(const struct viq_linux_vsmmu *v, uint32_t vsid)
{
	size_t i = place(v, vsid);

	return i < v->count && v->streams[i]->vsid == vsid ? v->streams[i] : NULL;
}

static bool has_device(const struct viq_linux_vsmmu *v, uint32_t device)
{
	for (size_t i = 0; i < v->count; i++) {
		if (v->streams[i]->device == device)
			return true;
	}
	return false;
}

static int make_room(struct viq_linux_vsmmu *v)
{
	size_t room = v->room ? 2 * v->room : 4;
	struct linux_stream **bigger;

	if (v->count < v->room)
		return 0;
	bigger = malloc(room * sizeof(struct linux_stream *));
	if (!bigger)
		return -ENOMEM;
	if (v->count)
		memcpy(bigger, v->streams, v->count * sizeof(struct linux_stream *));
	pthread_mutex_lock(&v->lock);
	free(v->streams);
	v->streams = bigger;
	v->room = room;
	pthread_mutex_unlock(&v->lock);
	return 0;
}

/* There is room, and nobody at s->vsid. */
static void insert(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	size_t i = place(v, s->vsid);

	pthread_mutex_lock(&v->lock);
	memmove(&v->streams[i + 1], &v->streams[i], (v->count - i) * sizeof(struct linux_stream *));
	v->streams[i] = s;
	v->count++;
	pthread_mutex_unlock(&v->lock);
}

static void take_out(struct viq_linux_vsmmu *v, const struct linux_stream *s)
{
	size_t i = place(v, s->vsid);

	pthread_mutex_lock(&v->lock);
	v->count--;
	memmove(&v->streams[i], &v->streams[i + 1], (v->count - i) * sizeof(struct linux_stream *));
	pthread_mutex_unlock(&v->lock);
}

/* --- Come and go -------------------------------------------------------------------------------------------------- */

/* Block the device and undo what was made for it; s is in no list any more, and freed. */
static int undo(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	int err;

	err = linux_stream_detach(v, s);
	/* The second best: it keeps a page table in use that all share, but the device reaches nothing. */
	if (err)
		(void)linux_stream_share(v, s, v->abort);
	linux_first(&err, linux_stream_unbind(v, s));
	linux_first(&err, linux_stream_release(v, s));
	free(s);
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

static int check_device(const struct viq_linux_vsmmu *v, const struct viq_linux_device *d, uint32_t vsid,
			struct viq_linux_why *why)
{
	if (!v || !d || d->size != sizeof(*d) || !d->device)
		return linux_why(why, -EINVAL, "device: the struct's size or the device id is not set");
	if (d->fd < 0 && !v->ops.attach)
		return linux_why(why, -EINVAL, "device %u has no vfio fd, and there is no ops.attach", d->device);
	if (linux_streams_find(v, vsid))
		return linux_why(why, -EEXIST, "StreamID %#x has a device already: remove or move it first", vsid);
	if (has_device(v, d->device))
		return linux_why(why, -EEXIST, "device %u has another StreamID already: move it", d->device);
	return 0;
}

/* ATS is each device's own matter. */
static int ask_device(struct viq_linux_vsmmu *v, struct linux_stream *s, struct viq_linux_why *why)
{
	struct viq_linux_hw_info info;
	int err = linux_ask_hw(v->ctx, s->device, &info, why);

	if (err)
		return err;
	if (info.type != VIQ_LINUX_HW_SMMUV3)
		return linux_why(why, -ENODEV, "device %u is not behind an SMMUv3", s->device);
	s->ats = s->ats && !(info.capabilities & VIQ_LINUX_CAP_NO_ATS);
	return 0;
}

static int why_no_vdevice(const struct linux_stream *s, int err, struct viq_linux_why *why)
{
	switch (err) {
	case -EINVAL:
		return linux_why(why, -ENODEV,
				 "device %u is behind another physical SMMUv3: it needs a vSMMU of its own", s->device);
	case -EEXIST:
		return linux_why(why, err, "StreamID %#x or device %u is bound already: destroy that vDEVICE first",
				 s->vsid, s->device);
	case -EOPNOTSUPP:
		return linux_why(why, err, "device %u: the kernel nests only devices with exactly one StreamID",
				 s->device);
	default:
		return linux_why(why, err, "device %u: VDEVICE_ALLOC for StreamID %#x: %s", s->device, s->vsid,
				 strerror(-err));
	}
}

static int why_not_attached(const struct linux_stream *s, int err, struct viq_linux_why *why)
{
	return linux_why(why, err, "device %u at StreamID %#x cannot be attached: %s%s", s->device, s->vsid,
			 strerror(-err), err == -EINVAL ? "; is another device in its IOMMU group?" : "");
}

/* s->vsid is free. It aborts before the guest's tables are looked at, whatever was attached to it before. */
static int set_up(struct viq_linux_vsmmu *v, struct linux_stream *s, struct viq_linux_why *why)
{
	int err;

	err = linux_stream_bind(v, s);
	if (err)
		return why_no_vdevice(s, err, why);
	err = linux_stream_share(v, s, v->abort);
	if (!err && v->smmu)
		err = linux_reconfig_stream(v, s);
	return err ? why_not_attached(s, err, why) : 0;
}

int viq_linux_vsmmu_add(struct viq_linux_vsmmu *v, const struct viq_linux_device *device, uint32_t vsid,
			struct viq_linux_why *why)
{
	struct linux_stream *s;
	int err;

	err = check_device(v, device, vsid, why);
	if (err)
		return err;
	err = make_room(v);
	if (err)
		return linux_why(why, err, "out of memory");
	s = malloc(sizeof(*s));
	if (!s)
		return linux_why(why, -ENOMEM, "out of memory");
	*s = (struct linux_stream){.vsid = vsid, .device = device->device, .fd = device->fd, .ats = device->ats};
	err = ask_device(v, s, why);
	if (err) {
		free(s);
		return err;
	}
	insert(v, s);
	err = set_up(v, s, why);
	if (err)
		(void)linux_streams_drop(v, s);
	return err;
}

/* --- Renumbering -------------------------------------------------------------------------------------------------- */

static bool is_from(const struct viq_linux_move *moves, uint32_t count, uint32_t vsid)
{
	for (uint32_t i = 0; i < count; i++) {
		if (moves[i].from == vsid)
			return true;
	}
	return false;
}

static int check_moves(const struct viq_linux_vsmmu *v, const struct viq_linux_move *moves, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!linux_streams_find(v, moves[i].from))
			return -ENOENT;
		for (uint32_t j = 0; j < i; j++) {
			if (moves[j].from == moves[i].from || moves[j].to == moves[i].to)
				return -EEXIST;
		}
		if (linux_streams_find(v, moves[i].to) && !is_from(moves, count, moves[i].to))
			return -EEXIST;
	}
	return 0;
}

/* Out of the list, aborting and without a number. NULL, and gone: that failed. */
static struct linux_stream *lift(struct viq_linux_vsmmu *v, uint32_t from, int *first)
{
	struct linux_stream *s = linux_streams_find(v, from);
	int err;

	take_out(v, s);
	err = linux_stream_abort(v, s);
	linux_first(&err, linux_stream_unbind(v, s));
	linux_first(first, err);
	if (!err)
		return s;
	(void)undo(v, s);
	return NULL;
}

static void put_down(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t to, int *first)
{
	int err;

	s->vsid = to;
	insert(v, s);
	err = set_up(v, s, NULL);
	linux_first(first, err);
	if (err)
		(void)linux_streams_drop(v, s);
}

int viq_linux_vsmmu_move(struct viq_linux_vsmmu *v, const struct viq_linux_move *moves, uint32_t count)
{
	struct linux_stream **moving;
	int err;

	if (!v || (count && !moves))
		return -EINVAL;
	err = check_moves(v, moves, count);
	if (err || !count)
		return err;
	moving = malloc(count * sizeof(struct linux_stream *));
	if (!moving)
		return -ENOMEM;
	/* All numbers are free before the first is given again: swaps and longer cycles need no other care. */
	for (uint32_t i = 0; i < count; i++)
		moving[i] = lift(v, moves[i].from, &err);
	for (uint32_t i = 0; i < count; i++) {
		if (moving[i])
			put_down(v, moving[i], moves[i].to, &err);
	}
	free(moving);
	return err;
}
