/* SPDX-License-Identifier: MIT */
/*
 * One device's requests, without PASID or with one: what they are attached to (struct linux_slot). Linux flushes what
 * was cached of the old page table; after a replacement that failed it goes back to the old one for requests without
 * PASID, and leaves those with one blocked although it keeps the old page table in its books. So after a failure the
 * next thing that is tried is to block.
 *
 * Who listens knows a page table as long as the kernel has it: from before it is attached until it has been
 * destroyed. One that cannot be destroyed goes on to be invalidated.
 */
#include <errno.h>

#include "vvtd.h"

/* --- Page tables -------------------------------------------------------------------------------------------------- */

static int tell_table(struct viq_linux_vvtd *v, const struct linux_vtd_device *d, const struct linux_vtd_slot *s,
		      struct linux_vtd_table *t, uint32_t hwpt)
{
	const struct viq_vtd_table table = {
		.size = sizeof(table),
		.flags = VIQ_VTD_DEVTLB_IMPLIED | (s->slot.pasid ? 0 : VIQ_VTD_TABLE_RID),
		.pasid = t->of.pasid,
		.domain_id = t->of.domain_id,
		.source_id = (uint16_t)d->dev.number,
		.host = linux_vtd_host_of(&v->inv, hwpt),
	};

	if (!v->listener.size)
		return -ENODEV;
	return v->listener.attach(v->listener.opaque, &table, &t->handle);
}

static void forget_table(struct viq_linux_vvtd *v, struct linux_vtd_table *t)
{
	if (t->handle)
		v->listener.detach(v->listener.opaque, t->handle);
	t->handle = 0;
}

/*
 * Of a first-stage entry the kernel takes FSPTPTR, FSPM, SRE, WPE and EAFE. PWSNP and PGSNP it decides itself, by what
 * the host's memory needs.
 */
static struct viq_linux_vtd_s1 words_of(const struct viq_vtd_translation *want)
{
	return (struct viq_linux_vtd_s1){
		.flags = (want->sre ? VIQ_LINUX_VTD_SRE : 0) | (want->wpe ? VIQ_LINUX_VTD_WPE : 0) |
			 (want->eafe ? VIQ_LINUX_VTD_EAFE : 0),
		.pgtbl_addr = want->table,
		.addr_width = want->levels == 5 ? 57 : 48,
	};
}

static int make_table(struct viq_linux_vvtd *v, const struct linux_vtd_device *d, struct linux_vtd_slot *s,
		      unsigned int i, const struct viq_vtd_translation *want)
{
	const struct viq_linux_vtd_s1 s1 = words_of(want);
	uint32_t flags = d->pasid_bits ? VIQ_LINUX_PASID : 0;
	int err;

	if (linux_load(&v->tables) >= v->max_tables)
		return -ENOSPC;
	v->attacher.calls++;
	err = linux_vtd_nested_alloc(v->ctx, d->dev.device, v->hwpt, flags, d->page_requests ? v->pages.fault : 0, &s1,
				     &s->slot.tables[i]);
	if (err)
		return err;
	linux_add(&v->tables, 1);
	s->tables[i].of = *want;
	err = tell_table(v, d, s, &s->tables[i], s->slot.tables[i]);
	if (err)
		(void)linux_vtd_slot_collect(v, s);
	return err;
}

int linux_vtd_slot_collect(struct viq_linux_vvtd *v, struct linux_vtd_slot *s)
{
	int first = 0;
	unsigned int gone = linux_slot_collect(&v->attacher, &s->slot, &first);

	for (unsigned int i = 0; i < 2; i++) {
		if (!(gone & 1u << i))
			continue;
		forget_table(v, &s->tables[i]);
		__atomic_fetch_sub(&v->tables, 1, __ATOMIC_RELAXED);
	}
	return first;
}

int linux_vtd_slot_tell(struct viq_linux_vvtd *v, const struct linux_vtd_device *d, struct linux_vtd_slot *s)
{
	for (int i = 0; i < 2; i++) {
		int err = s->slot.tables[i] ? tell_table(v, d, s, &s->tables[i], s->slot.tables[i]) : 0;

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

/* --- Attaching ---------------------------------------------------------------------------------------------------- */

static int attach(struct viq_linux_vvtd *v, struct linux_vtd_device *d, struct linux_vtd_slot *s, uint32_t pt)
{
	int err = 0;

	/*
	 * Kernels up to 7.3 answer the groups of a table that is replaced by another one's queue, if it has any, and
	 * count each first stage that is attached, but not one that is replaced: so there is a gap.
	 */
	if (d->page_requests && pt && linux_slot_own(&s->slot) >= 0)
		err = linux_slot_attach(&v->attacher, &d->dev, &s->slot, 0);
	if (!err)
		err = linux_slot_attach(&v->attacher, &d->dev, &s->slot, pt);
	if (err)
		return err;
	linux_vtd_pages_forget(v, d->dev.device, s->slot.pasid);
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
			const struct viq_vtd_translation *want, bool *refused)
{
	unsigned int i;
	int err;

	/* With no room for one more, its own one goes first: there is a gap then. */
	if (!s->slot.sure || linux_load(&v->tables) >= v->max_tables) {
		err = linux_vtd_slot_block(v, d, s);
		if (err)
			return err;
	}
	/* A kernel that cannot free must not be made to allocate without end. */
	err = linux_vtd_slot_collect(v, s);
	if (err)
		return err;
	i = linux_slot_free(&s->slot);
	err = make_table(v, d, s, i, want);
	*refused = err == -EINVAL || err == -EOPNOTSUPP || err == -ENOSPC;
	return err ? err : attach(v, d, s, s->slot.tables[i]);
}

static bool same(const struct viq_vtd_translation *a, const struct viq_vtd_translation *b)
{
	return a->pasid == b->pasid && a->domain_id == b->domain_id && a->table == b->table && a->levels == b->levels &&
	       a->sre == b->sre && a->wpe == b->wpe && a->eafe == b->eafe;
}

bool linux_vtd_slot_has(const struct linux_vtd_slot *s, const struct viq_vtd_translation *want)
{
	int own = linux_slot_own(&s->slot);

	return own >= 0 && same(&s->tables[own].of, want);
}
