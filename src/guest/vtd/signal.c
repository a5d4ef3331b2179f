/* SPDX-License-Identifier: MIT */
/*
 * Error bits, events and their messages. State first, then the message.
 *
 * An event's condition sets its pending bit (IP); unless it is masked (IM), the message is sent and IP is cleared. IP
 * is also cleared, without a message, when software has cleared all the status that stands behind it.
 */
#include "vtd.h"

static void send(struct viq_vtd *s, const struct vtd_event *event)
{
	if (s->ops.msi)
		s->ops.msi(s->config.opaque, (uint64_t)event->uaddr << 32 | event->addr, event->data);
}

static void set_control(struct viq_vtd *s, struct vtd_event *event, uint64_t value)
{
	event->ctl = (uint32_t)value;
	vtd_show32(s,
		   event == &s->regs.fault_event  ? VIQ_VTD_FECTL
		   : event == &s->regs.wait_event ? VIQ_VTD_IECTL
						  : VIQ_VTD_PECTL,
		   event->ctl);
}

static void raise_event(struct viq_vtd *s, struct vtd_event *event)
{
	if (event->ctl & VIQ_VTD_EVENT_IM)
		set_control(s, event, event->ctl | VIQ_VTD_EVENT_IP);
	else
		send(s, event);
}

bool vtd_fault_status(const struct viq_vtd *s)
{
	return (s->regs.fsts & (VIQ_VTD_FSTS_PFO | VIQ_VTD_FSTS_IQE | VIQ_VTD_FSTS_ICE | VIQ_VTD_FSTS_ITE)) ||
	       vtd_frcd_pending(s);
}

void vtd_fsts_set(struct viq_vtd *s, uint32_t fsts)
{
	s->regs.fsts = fsts;
	vtd_show32(s, VIQ_VTD_FSTS, fsts | (vtd_frcd_pending(s) ? (uint32_t)VIQ_VTD_FSTS_PPF : 0));
}

void vtd_fault_event(struct viq_vtd *s, bool pending_before)
{
	if (!pending_before)
		raise_event(s, &s->regs.fault_event);
}

void vtd_error(struct viq_vtd *s, uint32_t bit, uint64_t iqercd_mask, uint32_t value)
{
	bool pending = vtd_fault_status(s);

	/* The first error's information stays until its bit is cleared. */
	if (s->regs.fsts & bit)
		return;
	s->regs.iqercd = (s->regs.iqercd & ~iqercd_mask) | VIQ_PUT(iqercd_mask, value);
	vtd_show64(s, VIQ_VTD_IQERCD, s->regs.iqercd);
	vtd_fsts_set(s, s->regs.fsts | bit);
	vtd_fault_event(s, pending);
}

void vtd_timeout_report(struct viq_vtd *s)
{
	s->regs.timed_out = 0;
	vtd_error(s, VIQ_VTD_FSTS_ITE, VIQ_VTD_IQERCD_ITESID, s->regs.timeout_sid);
}

void vtd_page_event(struct viq_vtd *s, uint32_t bit)
{
	bool pending = s->regs.prs;

	s->regs.prs |= bit;
	vtd_show32(s, VIQ_VTD_PRS, s->regs.prs);
	if (!pending)
		raise_event(s, &s->regs.page_event);
}

/* --- Wait descriptors --------------------------------------------------------------------------------------------- */

/* A status address among the interrupt messages is left open by the architecture. Here it is neither. */
static bool is_memory(uint64_t addr)
{
	return addr < VIQ_VTD_MSI_FIRST || addr > VIQ_VTD_MSI_LAST;
}

static void wait_event(struct viq_vtd *s)
{
	if (s->regs.ics & VIQ_VTD_ICS_IWC)
		return;
	s->regs.ics |= (uint32_t)VIQ_VTD_ICS_IWC;
	vtd_show32(s, VIQ_VTD_ICS, s->regs.ics);
	raise_event(s, &s->regs.wait_event);
}

void vtd_wait_signal(struct viq_vtd *s, uint64_t qw0, uint64_t qw1)
{
	/* Bits from the host address width on are ignored (6.5.2.9); no machine has more than 52. */
	uint64_t addr = qw1 & VIQ_VTD_WAIT_1_ADDR & VIQ_BITS(51, 0);

	/* What cannot be written is lost, as on a bus: the descriptor is legal, and must not look as if it were not. */
	if (qw0 & VIQ_VTD_WAIT_SW &&
	    (!is_memory(addr) || viq_mem_write_u32(s->config.mem, addr, (uint32_t)VIQ_GET(VIQ_VTD_WAIT_DATA, qw0))))
		s->counters.status_lost++;
	/* First the status, then the interrupt: whoever gets it looks there. */
	if (qw0 & VIQ_VTD_WAIT_IF)
		wait_event(s);
}

/* --- What the guest writes ---------------------------------------------------------------------------------------- */

void vtd_event_control(struct viq_vtd *s, struct vtd_event *event, uint32_t value)
{
	bool owed = event->ctl & VIQ_VTD_EVENT_IP;

	if (!owed || (value & VIQ_VTD_EVENT_IM)) {
		set_control(s, event, (event->ctl & VIQ_VTD_EVENT_IP) | (value & VIQ_VTD_EVENT_IM));
		return;
	}
	set_control(s, event, 0);
	send(s, event);
}

static void not_owed(struct viq_vtd *s, struct vtd_event *event)
{
	set_control(s, event, event->ctl & ~VIQ_VTD_EVENT_IP);
}

void vtd_events_settle(struct viq_vtd *s)
{
	if (!vtd_fault_status(s))
		not_owed(s, &s->regs.fault_event);
	if (!(s->regs.ics & VIQ_VTD_ICS_IWC))
		not_owed(s, &s->regs.wait_event);
	if (!s->regs.prs)
		not_owed(s, &s->regs.page_event);
}
