/* SPDX-License-Identifier: MIT */
/*
 * One device behind a StreamID: what it is attached to.
 *
 * A change is: make the new page table, attach it in place of the old one, destroy the old one. The kernel replaces
 * without a gap, and a replacement that fails changes nothing, so a stream translates with the old page table or with
 * the new one and it is known with which. What is attached by ops.attach is not known after a failure (!sure): then
 * nothing is taken to be in force before an attach has succeeded.
 *
 * Destroying the old page table cannot change what the device does. If the kernel refuses it is garbage, tried again
 * before the next page table is made: there are never more than two, because one is made only when there is none, and
 * then its own and the new one are all that can become garbage.
 */
#include <errno.h>

#include "vsmmu.h"

static void publish(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t flags)
{
	pthread_mutex_lock(&v->lock);
	s->flags = flags;
	pthread_mutex_unlock(&v->lock);
}

int linux_stream_bind(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	int err = viq_linux_vdevice_alloc(v->ctx, v->viommu, s->device, s->vsid, &s->vdevice);

	if (!err)
		publish(v, s, VIQ_CALL_STREAM_KNOWN);
	return err;
}

int linux_stream_unbind(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	int err = s->vdevice ? viq_linux_destroy(v->ctx, s->vdevice) : 0;

	if (!err)
		s->vdevice = 0;
	return err;
}

/* Destroy a page table that nothing should be attached to. */
static void discard(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t pt)
{
	if (!pt || !viq_linux_destroy(v->ctx, pt))
		return;
	s->garbage[s->garbage[0] ? 1 : 0] = pt;
}

int linux_stream_collect(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	int first = 0;

	for (size_t i = 0; i < LINUX_STREAM_GARBAGE; i++) {
		int err = s->garbage[i] ? viq_linux_destroy(v->ctx, s->garbage[i]) : 0;

		if (!err)
			s->garbage[i] = 0;
		linux_first(&first, err);
	}
	return first;
}

int linux_stream_release(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	uint32_t own = s->own;

	s->own = 0;
	discard(v, s, own);
	return linux_stream_collect(v, s);
}

static int call_attach(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t pt)
{
	if (s->fd < 0) {
		int err = v->ops.attach(v->opaque, s->device, pt);

		return err > 0 ? -EIO : err;
	}
	return pt ? viq_linux_vfio_attach(v->ctx, s->fd, pt) : viq_linux_vfio_detach(v->ctx, s->fd);
}

/* own: pt if it becomes the stream's own page table, else 0. */
static int attach(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t pt, uint32_t own, bool ats)
{
	uint32_t old = s->own;
	int err;

	if (s->sure && s->attached == pt && !own)
		return 0;
	err = call_attach(v, s, pt);
	s->sure = !err;
	if (err)
		return err;
	s->attached = pt;
	s->own = own;
	/*
	 * The kernel has emptied the device's ATC if it was switched off, and it was empty if it is switched on: until
	 * here commands for it went where the old page table wanted them.
	 */
	publish(v, s, (s->flags & VIQ_CALL_STREAM_KNOWN) | (ats ? VIQ_CALL_STREAM_ATS : 0));
	if (pt)
		linux_add(&v->attaches, 1);
	discard(v, s, old);
	return 0;
}

int linux_stream_share(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t pt)
{
	return attach(v, s, pt, 0, false);
}

int linux_stream_detach(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	return attach(v, s, 0, 0, false);
}

int linux_stream_abort(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	return linux_stream_share(v, s, v->abort) ? linux_stream_detach(v, s) : 0;
}

int linux_stream_translate(struct viq_linux_vsmmu *v, struct linux_stream *s, const uint64_t ste[2], bool ats)
{
	uint32_t fresh;
	int err;

	err = viq_linux_nested_alloc(v->ctx, s->device, v->viommu, ste, &fresh);
	if (err)
		return err;
	err = attach(v, s, fresh, fresh, ats);
	if (err) {
		discard(v, s, fresh);
		return err;
	}
	s->ste[0] = ste[0];
	s->ste[1] = ste[1];
	return 0;
}

bool linux_stream_has(const struct linux_stream *s, const uint64_t ste[2])
{
	return s->sure && s->own && s->attached == s->own && s->ste[0] == ste[0] && s->ste[1] == ste[1];
}
