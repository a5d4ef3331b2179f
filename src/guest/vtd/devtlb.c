/* SPDX-License-Identifier: MIT */
/*
 * Device-TLB descriptors (VT-d 6.5.2): who holds what they invalidate.
 *
 * A table says whether an entry of the invalidate call reaches the device as well (VIQ_VTD_DEVTLB_IMPLIED). If it does,
 * the descriptor becomes such an entry, unless one that covers it is already waiting to be sent: the call that carries
 * it is made after this descriptor was read, so all that the guest changed before is in force by then. That holds
 * within one batch only; nothing is concluded from entries that were sent before.
 */
#include <errno.h>

#include "vtd.h"

static struct viq_vtd_devtlb decode(const uint64_t desc[4], bool pasid_based)
{
	uint64_t s_bit = pasid_based ? VIQ_VTD_PDEVTLB_1_S : VIQ_VTD_DEVTLB_1_S;
	struct vtd_span span = vtd_devtlb_span(desc[1] & VIQ_VTD_DESC_1_ADDR, desc[1] & s_bit);

	return (struct viq_vtd_devtlb){
		.size = sizeof(struct viq_vtd_devtlb),
		.source_id = pasid_based ? VIQ_GET(VIQ_VTD_PDEVTLB_SID, desc[0]) : VIQ_GET(VIQ_VTD_DEVTLB_SID, desc[0]),
		.has_pasid = pasid_based,
		.all_pasids = pasid_based && (desc[1] & VIQ_VTD_PDEVTLB_1_G),
		.pasid = pasid_based ? VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]) : 0,
		.addr = span.addr,
		.bytes = span.bytes,
	};
}

/* Is the table behind the requests whose translations are invalidated? */
static bool concerns(const struct viq_vtd_devtlb *inv, const struct viq_vtd_table *table)
{
	if (!inv->has_pasid)
		return table->flags & VIQ_VTD_TABLE_RID;
	return !(table->flags & VIQ_VTD_TABLE_RID) && (inv->all_pasids || table->pasid == inv->pasid);
}

/* Does a device need telling that no entry reaches? It does if nothing is known of it. */
static bool needs_hook(const struct viq_vtd *s, struct vtd_run run, const struct viq_vtd_devtlb *inv)
{
	bool known = false;

	for (; run.first; vtd_run_step(&s->tables.attachments, &run)) {
		const struct viq_vtd_table *table = &vtd_attachment_of(run.first)->table;

		if (!concerns(inv, table))
			continue;
		if (!(table->flags & VIQ_VTD_DEVTLB_IMPLIED))
			return true;
		known = true;
	}
	return !known;
}

/* Returns an enum viq_vtd_fate: FATE_RETRY if it could not be done, *err. */
static uint8_t call_hook(struct viq_vtd *s, const struct viq_vtd_devtlb *inv, int *err)
{
	*err = s->ops.devtlb(s->config.opaque, inv);
	switch (*err) {
	case 0:
		return VIQ_VTD_FATE_LOCAL;
	case -ETIMEDOUT:
		return VIQ_VTD_FATE_TIMEOUT;
	case -EIO:
		return VIQ_VTD_FATE_ICE;
	}
	return VIQ_VTD_FATE_RETRY;
}

static bool has_entry(const struct vtd_attachment *a, const struct viq_vtd_devtlb *inv)
{
	return concerns(inv, &a->table) && (a->table.flags & VIQ_VTD_DEVTLB_IMPLIED);
}

/* Of these tables, those that have no entry yet. Two attachments may be one table. */
static uint32_t without_entries(const struct viq_vtd *s, struct vtd_run run, const struct viq_vtd_devtlb *inv)
{
	uint32_t n = 0;

	for (; run.first; vtd_run_step(&s->tables.attachments, &run)) {
		const struct vtd_attachment *a = vtd_attachment_of(run.first);

		n += has_entry(a, inv) && !a->target->count;
	}
	return n;
}

static void cover(struct viq_vtd *s, struct vtd_run run, const struct viq_vtd_devtlb *inv)
{
	for (; run.first; vtd_run_step(&s->tables.attachments, &run)) {
		const struct vtd_attachment *a = vtd_attachment_of(run.first);

		if (has_entry(a, inv))
			vtd_batch_cover(s, a->target, (struct vtd_span){inv->addr, inv->bytes});
	}
}

void vtd_device_timeout(struct viq_vtd *s, uint16_t source_id)
{
	/* The embedder may block it, until a descriptor has it configured. */
	vtd_work_queued(s);
	if (s->ops.device_timeout)
		s->ops.device_timeout(s->config.opaque, source_id);
}

/* The device did not answer. The next wait descriptor, which waits for its answer, will not complete. */
static void time_out(struct viq_vtd *s, uint16_t source_id)
{
	s->counters.timeouts++;
	s->budget.left = 0;
	vtd_device_timeout(s, source_id);
	if (s->regs.timed_out)
		return;
	s->regs.timed_out = 1;
	s->regs.timeout_sid = source_id;
}

/* The same for a device with more tables than a run can call: one after the other, what is left by the next run. */
static bool cover_alone(struct viq_vtd *s, const uint64_t desc[4], struct vtd_run run, const struct viq_vtd_devtlb *inv)
{
	const struct vtd_span span = {inv->addr, inv->bytes};
	struct vtd_sweep *sweep;

	if (!vtd_batch_flush(s))
		return false;
	sweep = vtd_work_sweep(s, desc, (struct vtd_sweep){0});
	for (; run.first; vtd_run_step(&s->tables.attachments, &run)) {
		const struct vtd_attachment *a = vtd_attachment_of(run.first);

		if (a->node.serial <= sweep->serial || !has_entry(a, inv))
			continue;
		if (!s->budget.left || !vtd_batch_alone(s, desc, a->target, span, true, false))
			return false;
		sweep->serial = a->node.serial;
	}
	return true;
}

bool vtd_devtlb(struct viq_vtd *s, const uint64_t desc[4], bool pasid_based)
{
	const struct viq_vtd_devtlb inv = decode(desc, pasid_based);
	struct vtd_run run = vtd_attachments_of(s, inv.source_id);
	bool alone = vtd_work_alone(s, desc, run.count);
	uint8_t fate = VIQ_VTD_FATE_HOST;
	int err;

	/* A device with many PASIDs: looking through its attachments costs, too. */
	budget_spend(&s->budget, run.count / (VIQ_WORK_CALL / 4));
	if (alone ? !cover_alone(s, desc, run, &inv) : !vtd_batch_room(s, without_entries(s, run, &inv)))
		return false;
	if (needs_hook(s, run, &inv)) {
		if (!vtd_batch_flush(s) || !s->budget.left)
			return false;
		budget_spend(&s->budget, VIQ_WORK_CALL);
		fate = call_hook(s, &inv, &err);
		if (fate == VIQ_VTD_FATE_RETRY)
			return vtd_hook_failed(s, desc, err);
	}
	if (alone)
		vtd_work_sweep_done(s);
	else
		cover(s, run, &inv);
	vtd_batch_add(s, desc[0] & VIQ_VTD_DESC_TYPE, fate);
	if (fate == VIQ_VTD_FATE_ICE) {
		/* IQH has passed the descriptor when its error can be seen. */
		if (!vtd_batch_flush(s))
			return false;
		s->counters.ice++;
		vtd_error(s, VIQ_VTD_FSTS_ICE, VIQ_VTD_IQERCD_ICESID, inv.source_id);
	}
	/* A wrong answer is none: the right one does not come (6.5.2.12: no wait descriptor may speak for it). */
	if (fate == VIQ_VTD_FATE_TIMEOUT || fate == VIQ_VTD_FATE_ICE)
		time_out(s, inv.source_id);
	return true;
}
