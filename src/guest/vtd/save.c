/* SPDX-License-Identifier: MIT */
/*
 * Freeze and thaw: the registers, the fault records, a time-out that no wait descriptor has told yet, and VER, CAP and
 * ECAP to compare.
 *
 * Between two accesses of the guest the batch is empty (each access ends with a flush), so descriptors between IQH and
 * IQT are all in guest memory. Devices that are half configured are configured anew, and a descriptor that was half
 * done is done again. Attached tables are the embedder's.
 *
 * The format is that of guest/freeze.h, with the fields of visit_fields(), in order.
 */
#include <errno.h>
#include <string.h>

#include "guest/freeze.h"

#include "vtd.h"

#define MAGIC "VIQVTD\0"

struct state {
	uint32_t version;
	uint64_t cap, ecap;
	struct vtd_regs regs;
	uint64_t frcd[VIQ_VTD_FRCD_MAX][2];
};

#define VISIT(member)          freeze_visit(c, &s->member, sizeof(s->member))
#define SINCE(version, member) freeze_visit_since(c, &s->member, sizeof(s->member), version)

static void visit_event(struct freeze_cursor *c, struct vtd_event *s)
{
	VISIT(ctl), VISIT(data), VISIT(addr), VISIT(uaddr);
}

static void visit_fields(struct freeze_cursor *c, struct state *s, uint32_t records)
{
	VISIT(version), VISIT(cap), VISIT(ecap);
	VISIT(regs.gsts), VISIT(regs.rtaddr), VISIT(regs.rtaddr_used), VISIT(regs.irta), VISIT(regs.irta_used);
	VISIT(regs.ccmd), VISIT(regs.iva), VISIT(regs.iotlb);
	VISIT(regs.fsts), VISIT(regs.ics);
	visit_event(c, &s->regs.fault_event);
	visit_event(c, &s->regs.wait_event);
	VISIT(regs.iqa), VISIT(regs.iqa_used), VISIT(regs.iqh), VISIT(regs.iqt), VISIT(regs.iqercd);
	VISIT(regs.fault_next), VISIT(regs.timed_out), VISIT(regs.timeout_sid);
	for (uint32_t i = 0; i < records; i++)
		VISIT(frcd[i][0]), VISIT(frcd[i][1]);
	SINCE(2, regs.pqh), SINCE(2, regs.pqt), SINCE(2, regs.pqa), SINCE(2, regs.prs);
	SINCE(2, regs.page_event.ctl), SINCE(2, regs.page_event.data);
	SINCE(2, regs.page_event.addr), SINCE(2, regs.page_event.uaddr);
}

static void take_state(const struct viq_vtd *s, struct state *state)
{
	state->version = s->config.version;
	state->cap = s->config.cap;
	state->ecap = s->config.ecap;
	state->regs = s->regs;
	memcpy(state->frcd, s->frcd, sizeof(state->frcd));
	/* What is owed is part of what a restored object does: nothing is cached then. */
	vtd_invreg_finish(&state->regs);
}

static size_t state_size(const struct viq_vtd *s, uint32_t version)
{
	struct freeze_cursor c = {.pos = FREEZE_HEADER, .version = version};
	struct state none;

	visit_fields(&c, &none, vtd_frcd_count(s));
	return c.pos;
}

size_t viq_vtd_save_size(const struct viq_vtd *s)
{
	return s ? state_size(s, VIQ_VTD_SAVE_VERSION) : 0;
}

int viq_vtd_save(const struct viq_vtd *s, void *buf, size_t *len)
{
	return viq_vtd_save_as(s, VIQ_VTD_SAVE_VERSION, buf, len);
}

int viq_vtd_save_as(const struct viq_vtd *s, uint32_t version, void *buf, size_t *len)
{
	struct freeze_cursor c = {.out = buf, .pos = FREEZE_HEADER, .version = version};
	struct state state;
	size_t need;

	if (!s || !buf || !len)
		return -EINVAL;
	if (s->gate.busy)
		return -EBUSY;
	if (!version || version > VIQ_VTD_SAVE_VERSION)
		return -ENOTSUP;
	need = state_size(s, version);
	if (*len < need)
		return -ENOSPC;
	take_state(s, &state);
	visit_fields(&c, &state, vtd_frcd_count(s));
	if (c.lost)
		return -ENOTSUP;
	freeze_put_header(buf, (uint32_t)need, MAGIC, version);
	*len = need;
	return 0;
}

/* IQH is where only descriptors have brought it, and IQA cannot be written while the queue is on. */
static bool queue_ok(const struct vtd_regs *r)
{
	uint32_t bytes = UINT32_C(4096) << VIQ_GET(VIQ_VTD_IQA_QS, r->iqa_used);
	uint32_t size = r->iqa_used & VIQ_VTD_IQA_DW ? VIQ_VTD_DESC_SIZE_256 : VIQ_VTD_DESC_SIZE_128;

	if (!(r->gsts & VIQ_VTD_GSTS_QIES))
		return !r->iqh && !r->timed_out;
	return r->iqa == r->iqa_used && r->iqh < bytes && !(r->iqh % size);
}

/* Could this object have come into this state? The hash does not tell: anyone can compute it. */
static bool state_ok(const struct viq_vtd *s, const struct state *t)
{
	uint64_t defined = VIQ_BITS(15, 0) | VIQ_BITS(63, 28);

	if (t->version != s->config.version || t->cap != s->config.cap || t->ecap != s->config.ecap ||
	    !vtd_regs_ok(s, &t->regs) || !queue_ok(&t->regs) || t->regs.fault_next >= vtd_frcd_count(s) ||
	    VIQ_GET(VIQ_VTD_FSTS_FRI, t->regs.fsts) >= vtd_frcd_count(s))
		return false;
	for (uint32_t i = 0; i < vtd_frcd_count(s); i++) {
		if ((t->frcd[i][0] & ~VIQ_VTD_FRCD_0_FI) || (t->frcd[i][1] & ~defined))
			return false;
	}
	return true;
}

/* 0: it can be taken over. The object is as it was in any case. */
static int read_state(const struct viq_vtd *s, const uint8_t *buf, size_t len, struct state *state)
{
	struct freeze_cursor c = {.in = buf, .pos = FREEZE_HEADER, .version = VIQ_VTD_SAVE_VERSION};
	int ret = freeze_check_header(buf, len, MAGIC, &c.version);

	if (ret)
		return ret;
	if (len != state_size(s, c.version))
		return -EINVAL;
	visit_fields(&c, state, vtd_frcd_count(s));
	return state_ok(s, state) ? 0 : -EINVAL;
}

int viq_vtd_restore(struct viq_vtd *s, const void *buf, size_t len)
{
	struct state state = {0};
	int ret;

	if (!s || !buf)
		return -EINVAL;
	if (s->gate.busy)
		return -EBUSY;
	ret = read_state(s, buf, len, &state);
	if (ret)
		return ret;
	vtd_enter(s);
	vtd_regs_set(s, &state.regs, state.frcd);
	vtd_batch_drop(s);
	s->wait = (struct host_wait){0};
	vtd_work_restored(s);
	/* The kick of a budget that ended before the save was another object's. */
	gate_owe_kick(&s->gate);
	vtd_leave(s);
	return 0;
}
