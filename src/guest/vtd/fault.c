/* SPDX-License-Identifier: MIT */
/* Primary fault logging: the fault recording registers, used in turn. */
#include <errno.h>

#include "spec/vtd/pte.h"

#include "vtd.h"

#define FAULT_BITS_1                                                                                                   \
	(VIQ_VTD_FRCD_1_SID | VIQ_VTD_FRCD_1_T2 | VIQ_VTD_FRCD_1_PRIV | VIQ_VTD_FRCD_1_EXE | VIQ_VTD_FRCD_1_PP |       \
	 VIQ_VTD_FRCD_1_FR | VIQ_VTD_FRCD_1_PV | VIQ_VTD_FRCD_1_AT | VIQ_VTD_FRCD_1_T1)

uint32_t vtd_frcd_count(const struct viq_vtd *s)
{
	return (uint32_t)VIQ_GET(VIQ_VTD_CAP_NFR, s->config.cap) + 1;
}

bool vtd_frcd_pending(const struct viq_vtd *s)
{
	for (uint32_t i = 0; i < vtd_frcd_count(s); i++) {
		if (s->frcd[i][1] & VIQ_VTD_FRCD_1_F)
			return true;
	}
	return false;
}

void vtd_frcd_set(struct viq_vtd *s, uint32_t n, uint32_t half, uint64_t value)
{
	s->frcd[n][half] = value;
	vtd_show64(s, vtd_frcd_offset(s) + UINT64_C(8) * (2 * n + half), value);
}

void vtd_frcd_clear(struct viq_vtd *s, uint32_t n, uint64_t value)
{
	if (!(value & VIQ_VTD_FRCD_1_F))
		return;
	vtd_frcd_set(s, n, 1, s->frcd[n][1] & ~VIQ_VTD_FRCD_1_F);
	vtd_fsts_set(s, s->regs.fsts);
	vtd_events_settle(s);
}

/* FI (11.4.7.6): a page address has no bits above the largest width in SAGAW. Interrupts have their index there. */
static uint64_t fault_info(const struct viq_vtd *s, const uint64_t record[2])
{
	if (VIQ_GET(VIQ_VTD_FRCD_1_FR, record[1]) >> 4 == 2)
		return record[0] & VIQ_VTD_FRCD_0_FI;
	return record[0] & VIQ_VTD_FRCD_0_FI & vtd_low_bits(vtd_level_shift(vtd_max_aw(s->config.cap) + 3u));
}

static int lose(struct viq_vtd *s)
{
	/* PFO only ever rises while PPF is set: it is no event of its own. */
	vtd_fsts_set(s, s->regs.fsts | VIQ_VTD_FSTS_PFO);
	s->counters.faults_lost++;
	return -ENOSPC;
}

static int record_fault(struct viq_vtd *s, const uint64_t record[2])
{
	uint32_t n = s->regs.fault_next, fsts;
	bool pending;

	if ((s->regs.fsts & VIQ_VTD_FSTS_PFO) || (s->frcd[n][1] & VIQ_VTD_FRCD_1_F))
		return lose(s);
	fsts = s->regs.fsts;
	if (!vtd_frcd_pending(s))
		fsts = (fsts & ~(uint32_t)VIQ_VTD_FSTS_FRI) | (uint32_t)VIQ_PUT(VIQ_VTD_FSTS_FRI, n);
	pending = vtd_fault_status(s);
	/* Who sees F sees the whole record, and who sees PPF, F. */
	vtd_frcd_set(s, n, 0, fault_info(s, record));
	vtd_frcd_set(s, n, 1, (record[1] & FAULT_BITS_1) | VIQ_VTD_FRCD_1_F);
	vtd_fsts_set(s, fsts);
	s->regs.fault_next = (n + 1) % vtd_frcd_count(s);
	s->counters.faults++;
	vtd_fault_event(s, pending);
	return 0;
}

void viq_vtd_fault_lost(struct viq_vtd *s, uint64_t count)
{
	bool outer, pending;

	if (!s || !count)
		return;
	outer = vtd_enter(s);
	pending = vtd_fault_status(s);
	s->counters.faults_lost += count;
	vtd_fsts_set(s, s->regs.fsts | VIQ_VTD_FSTS_PFO);
	/* While PFO is set nothing is recorded (7.2.1): a guest that has no other reason to look must be told. */
	vtd_fault_event(s, pending);
	if (outer)
		vtd_leave(s);
}

int viq_vtd_fault(struct viq_vtd *s, const uint64_t record[2])
{
	bool outer;
	int ret;

	if (!s || !record)
		return -EINVAL;
	outer = vtd_enter(s);
	ret = record_fault(s, record);
	if (outer)
		vtd_leave(s);
	return ret;
}
