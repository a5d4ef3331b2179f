/* SPDX-License-Identifier: MIT */
/*
 * One device's requests, without PASID or with one: what they are attached to.
 *
 * A change is: make the new page table, tell the guest VT-d of it, attach it in place of the old one, destroy the old
 * one. The kernel replaces without a gap where hardware can, and flushes what was cached of the old one. After a
 * replacement that failed it is not known what is attached: Linux goes back to the old page table for requests without
 * PASID, and leaves those with one blocked although it keeps the old page table in its books. So nothing is taken to
 * be in force (!sure) before an attach has succeeded, and the next thing that is tried is to block.
 *
 * The guest VT-d knows a page table as long as the kernel has it: from before it is attached until it has been
 * destroyed, which the kernel refuses while it is in use. One that cannot be destroyed, for whatever reason, goes on to
 * be invalidated, and is tried again before the next one is made: a new one is made only if there is none but the
 * attached one, so two are all there can be.
 */
#include <errno.h>

#include "vvtd.h"

/* --- Page tables -------------------------------------------------------------------------------------------------- */

static int tell_table(struct viq_linux_vvtd *v, const struct linux_vtd_device *d, const struct linux_vtd_slot *s,
		      struct linux_vtd_table *t)
{
	const struct viq_vtd_table table = {
		.size = sizeof(table),
		.flags = VIQ_VTD_DEVTLB_IMPLIED | (s->pasid ? 0 : VIQ_VTD_TABLE_RID),
		.pasid = t->of.pasid,
		.domain_id = t->of.domain_id,
		.source_id = d->source_id,
		.host = {.ops = &linux_vtd_host_ops, .opaque = v, .object = t->hwpt},
	};

	return viq_vtd_attach(v->vtd, &table, &t->handle);
}

static void forget_table(struct viq_linux_vvtd *v, struct linux_vtd_table *t)
{
	if (t->handle)
		(void)viq_vtd_detach(v->vtd, t->handle);
	t->handle = 0;
}

static int destroy_table(struct viq_linux_vvtd *v, struct linux_vtd_table *t)
{
	int err = viq_linux_destroy(v->ctx, t->hwpt);

	/* Somebody else has destroyed it. */
	if (err && err != -ENOENT)
		return err;
	forget_table(v, t);
	t->hwpt = 0;
	__atomic_fetch_sub(&v->tables, 1, __ATOMIC_RELAXED);
	return 0;
}

static int make_table(struct viq_linux_vvtd *v, const struct linux_vtd_device *d, const struct linux_vtd_slot *s,
		      const struct linux_vtd_want *want, struct linux_vtd_table *t)
{
	uint32_t flags = d->pasid_bits ? VIQ_LINUX_PASID : 0;
	int err;

	if (linux_load(&v->tables) >= v->max_tables)
		return -ENOSPC;
	err = viq_linux_vtd_nested_alloc(v->ctx, d->device, v->hwpt, flags, &want->s1, &t->hwpt);
	if (err) {
		t->hwpt = 0;
		return err;
	}
	linux_add(&v->tables, 1);
	t->of = *want;
	err = tell_table(v, d, s, t);
	if (err)
		(void)destroy_table(v, t);
	return err;
}

int linux_vtd_slot_collect(struct viq_linux_vvtd *v, struct linux_vtd_slot *s)
{
	int first = 0;

	for (int i = 0; i < 2; i++) {
		struct linux_vtd_table *t = &s->tables[i];

		if (t->hwpt && !(s->sure && t->hwpt == s->attached))
			linux_first(&first, destroy_table(v, t));
	}
	return first;
}

int linux_vtd_slot_tell(struct viq_linux_vvtd *v, const struct linux_vtd_device *d, struct linux_vtd_slot *s)
{
	for (int i = 0; i < 2; i++) {
		int err = s->tables[i].hwpt ? tell_table(v, d, s, &s->tables[i]) : 0;

		if (err)
			return err;
	}
	return 0;
}

void linux_vtd_slot_forget(struct viq_linux_vvtd *v, struct linux_vtd_slot *s)
{
	for (int i = 0; i < 2; i++)
		forget_table(v, &s->tables[i]);
}

bool linux_vtd_slot_empty(const struct linux_vtd_slot *s)
{
	return s->sure && !s->attached && !s->tables[0].hwpt && !s->tables[1].hwpt;
}

/* --- Attaching ---------------------------------------------------------------------------------------------------- */

static int call_attach(struct viq_linux_vvtd *v, const struct linux_vtd_device *d, uint32_t pasid, uint32_t pt)
{
	if (d->fd < 0) {
		int err = v->ops.attach(v->opaque, d->device, pasid, pt);

		return err > 0 ? -EIO : err;
	}
	if (!pasid)
		return pt ? viq_linux_vfio_attach(v->ctx, d->fd, pt) : viq_linux_vfio_detach(v->ctx, d->fd);
	return pt ? viq_linux_vfio_attach_pasid(v->ctx, d->fd, pasid, pt)
		  : viq_linux_vfio_detach_pasid(v->ctx, d->fd, pasid);
}

static int attach(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s, uint32_t pt)
{
	int err;

	if (!s->sure || s->attached != pt) {
		err = call_attach(v, d, s->pasid, pt);
		s->sure = !err;
		if (err)
			return err;
		s->attached = pt;
		if (pt)
			linux_add(&v->attaches, 1);
	}
	(void)linux_vtd_slot_collect(v, s);
	return 0;
}

int linux_vtd_slot_bypass(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s)
{
	return attach(v, d, s, v->hwpt);
}

int linux_vtd_slot_block(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s)
{
	return attach(v, d, s, 0);
}

int linux_vtd_slot_nest(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s,
			const struct linux_vtd_want *want)
{
	struct linux_vtd_table *t;
	int err;

	/* With no room for one more, its own one goes first: there is a gap then. */
	if (!s->sure || linux_load(&v->tables) >= v->max_tables) {
		err = linux_vtd_slot_block(v, d, s);
		if (err)
			return err;
	}
	/* A kernel that cannot free must not be made to allocate without end. */
	err = linux_vtd_slot_collect(v, s);
	if (err)
		return err;
	t = &s->tables[s->tables[0].hwpt ? 1 : 0];
	err = make_table(v, d, s, want, t);
	return err ? err : attach(v, d, s, t->hwpt);
}

static bool same(const struct linux_vtd_want *a, const struct linux_vtd_want *b)
{
	return a->pasid == b->pasid && a->domain_id == b->domain_id && a->s1.flags == b->s1.flags &&
	       a->s1.pgtbl_addr == b->s1.pgtbl_addr && a->s1.addr_width == b->s1.addr_width;
}

bool linux_vtd_slot_has(const struct linux_vtd_slot *s, const struct linux_vtd_want *want)
{
	for (int i = 0; i < 2; i++) {
		const struct linux_vtd_table *t = &s->tables[i];

		if (s->sure && t->hwpt && s->attached == t->hwpt && same(&t->of, want))
			return true;
	}
	return false;
}
