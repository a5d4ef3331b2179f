/* SPDX-License-Identifier: MIT */
/*
 * One device behind a StreamID: what it is attached to. A failed change leaves it translating with the old page table
 * or with the new one: see struct linux_slot for what is known then.
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
	int err;

	if (s->vdevice) /* of its last number, and not destroyed yet */
		return -EEXIST;
	err = viq_linux_vdevice_alloc(v->ctx, v->viommu, s->dev.device, s->dev.number, &s->vdevice);
	if (!err)
		publish(v, s, VIQ_CALL_STREAM_KNOWN);
	return err;
}

int linux_stream_unbind(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	int err;

	if (!s->vdevice)
		return 0;
	v->attacher.calls++;
	err = viq_linux_destroy(v->ctx, s->vdevice);
	/* -ENOENT: the device is gone, and has taken it along. */
	if (!err || err == -ENOENT)
		s->vdevice = 0;
	return err;
}

int linux_stream_collect(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	int err = 0;

	(void)linux_slot_collect(&v->attacher, &s->slot, &err);
	return err;
}

static int attach(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t pt, bool ats)
{
	int err = linux_slot_attach(&v->attacher, &s->dev, &s->slot, pt);

	if (err)
		return err;
	/*
	 * The kernel has emptied the device's ATC if it was switched off, and it was empty if it is switched on: until
	 * here commands for it went where the old page table wanted them.
	 */
	publish(v, s, (s->flags & VIQ_CALL_STREAM_KNOWN) | (ats ? VIQ_CALL_STREAM_ATS : 0));
	(void)linux_stream_collect(v, s);
	return 0;
}

int linux_stream_share(struct viq_linux_vsmmu *v, struct linux_stream *s, uint32_t pt)
{
	return attach(v, s, pt, false);
}

int linux_stream_detach(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	return attach(v, s, 0, false);
}

int linux_stream_abort(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	return linux_stream_share(v, s, v->abort) ? linux_stream_detach(v, s) : 0;
}

int linux_stream_translate(struct viq_linux_vsmmu *v, struct linux_stream *s, const uint64_t ste[2], bool ats,
			   bool *refused)
{
	unsigned int i = linux_slot_free(&s->slot);
	int err;

	v->attacher.calls++;
	err = viq_linux_nested_alloc(v->ctx, s->dev.device, v->viommu, ste, &s->slot.tables[i]);
	*refused = err == -EIO || err == -EINVAL;
	if (err)
		return err;
	s->ste[i][0] = ste[0];
	s->ste[i][1] = ste[1];
	return attach(v, s, s->slot.tables[i], ats);
}

int linux_stream_make_room(struct viq_linux_vsmmu *v, struct linux_stream *s)
{
	int err = s->slot.sure ? 0 : linux_stream_abort(v, s);

	return err ? err : linux_stream_collect(v, s);
}

bool linux_stream_has(const struct linux_stream *s, const uint64_t ste[2])
{
	int own = linux_slot_own(&s->slot);

	return own >= 0 && s->ste[own][0] == ste[0] && s->ste[own][1] == ste[1];
}
