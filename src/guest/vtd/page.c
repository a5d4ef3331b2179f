/* SPDX-License-Identifier: MIT */
/*
 * Page requests (VT-d 7.4): devices' requests into the guest's queue, and answers to the devices.
 *
 * Of PQH and PQT, which the guest may write at any time, only the part within the queue's size counts. Nothing is read
 * of the queue's memory. A descriptor that cannot be written is lost, as on a bus, and PQT passes it: the queue is
 * where the guest has put it.
 */
#include <errno.h>

#include "base/sized.h"

#include "vtd.h"

/* --- Answers ------------------------------------------------------------------------------------------------------ */

bool vtd_page_response(struct viq_vtd *s, const uint64_t desc[4])
{
	const bool has_pasid = desc[0] & VIQ_VTD_PGRP_PP;
	const struct viq_vtd_page_response response = {
		.size = sizeof(response),
		.source_id = VIQ_GET(VIQ_VTD_PGRP_RID, desc[0]),
		.prgi = VIQ_GET(VIQ_VTD_PGRP_1_PRGI, desc[1]),
		.pasid = has_pasid ? VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]) : 0,
		.has_pasid = has_pasid,
		.code = VIQ_GET(VIQ_VTD_PGRP_RESP, desc[0]),
	};
	int err;

	/* The device tries again when it has the answer: what it must not find any more is gone by then. */
	if (!vtd_batch_flush(s) || !s->budget.left)
		return false;
	budget_spend(&s->budget, VIQ_WORK_CALL);
	err = s->ops.page_response(s->config.opaque, &response);
	if (err)
		return vtd_hook_failed(s, desc, err);
	vtd_batch_add(s, desc[0] & VIQ_VTD_DESC_TYPE, VIQ_VTD_FATE_LOCAL);
	return true;
}

/* The unit's own answer (Table 31). */
static void answer(struct viq_vtd *s, const struct viq_vtd_page_request *request, uint8_t code)
{
	const struct viq_vtd_page_response response = {
		.size = sizeof(response),
		.source_id = request->source_id,
		.prgi = request->prgi,
		.pasid = request->has_pasid ? request->pasid : 0,
		.has_pasid = request->has_pasid,
		.code = code,
	};

	if (!request->last)
		return;
	s->counters.page_responses++;
	(void)s->ops.page_response(s->config.opaque, &response);
}

/* --- The queue ---------------------------------------------------------------------------------------------------- */

/* Offsets within the queue. */
static uint64_t offset_bits(const struct viq_vtd *s)
{
	return ((UINT64_C(4096) << VIQ_GET(VIQ_VTD_PQA_PQS, s->regs.pqa)) - 1) & VIQ_VTD_PQ_OFFSET;
}

static void write_descriptor(struct viq_vtd *s, uint64_t at, const struct viq_vtd_page_request *r)
{
	uint64_t word = VIQ_VTD_PREQ_PAGE | VIQ_PUT(VIQ_VTD_PREQ_RID, r->source_id);
	le64 desc[VIQ_VTD_PREQ_SIZE / 8] = {
		[1] = le64_put((r->addr & VIQ_VTD_PREQ_1_ADDR) | VIQ_PUT(VIQ_VTD_PREQ_1_PRGI, r->prgi) |
			       VIQ_PUT(VIQ_VTD_PREQ_1_LPIG, r->last) | VIQ_PUT(VIQ_VTD_PREQ_1_WRR, r->write) |
			       VIQ_PUT(VIQ_VTD_PREQ_1_RDR, r->read)),
	};

	if (r->has_pasid)
		word |= VIQ_VTD_PREQ_PP | VIQ_PUT(VIQ_VTD_PREQ_PASID, r->pasid) |
			VIQ_PUT(VIQ_VTD_PREQ_EXR, r->exec && r->read) | VIQ_PUT(VIQ_VTD_PREQ_PMR, r->priv);
	desc[0] = le64_put(word);
	s->requesting = true;
	(void)viq_mem_write(s->config.mem, (s->regs.pqa & VIQ_VTD_PQA_PQA) + at, desc, sizeof(desc));
	s->requesting = false;
}

static int queue_request(struct viq_vtd *s, const struct viq_vtd_page_request *r)
{
	const uint64_t bits = offset_bits(s), tail = s->regs.pqt & bits, next = (tail + VIQ_VTD_PREQ_SIZE) & bits;

	/* A request of what the writing of one sets in motion finds no room: PQT does not tell of that one yet. */
	if (s->regs.prs & VIQ_VTD_PRS_PRO || next == (s->regs.pqh & bits) || s->requesting)
		return -ENOSPC;
	write_descriptor(s, tail, r);
	/* Who sees PQT sees the descriptor, and who sees PPR, or gets the message, PQT (7.5). */
	s->regs.pqt = next;
	vtd_show64(s, VIQ_VTD_PQT, next);
	s->counters.page_requests++;
	vtd_page_event(s, VIQ_VTD_PRS_PPR);
	return 0;
}

/* PRO is set already, or is set now: later requests are lost too, until the guest clears it (7.4.1). */
static void lose(struct viq_vtd *s, uint64_t count)
{
	s->counters.page_requests_lost += count;
	if (!(s->regs.prs & VIQ_VTD_PRS_PRO))
		vtd_page_event(s, VIQ_VTD_PRS_PRO);
}

static int take(struct viq_vtd *s, const struct viq_vtd_page_request *r)
{
	int ret;

	/* A guest whose devices may ask has these: else it was reset, and its memory must not be written. */
	if (!(s->regs.gsts & VIQ_VTD_GSTS_TES) ||
	    VIQ_GET(VIQ_VTD_RTADDR_TTM, s->regs.rtaddr_used) != VIQ_VTD_TTM_SCALABLE) {
		s->counters.page_requests_lost++;
		answer(s, r, VIQ_VTD_RESP_INVALID);
		return -ENODEV;
	}
	ret = queue_request(s, r);
	if (ret) {
		lose(s, 1);
		answer(s, r, VIQ_VTD_RESP_SUCCESS);
	}
	return ret;
}

/* Nobody has told the guest that its devices can ask. One that does has to have an answer. */
static int refuse(struct viq_vtd *s, const struct viq_vtd_page_request *r)
{
	if (s->ops.page_response)
		answer(s, r, VIQ_VTD_RESP_INVALID);
	return -ENOTSUP;
}

int viq_vtd_page_request(struct viq_vtd *s, const struct viq_vtd_page_request *asked)
{
	struct viq_vtd_page_request request = {0};
	bool outer;
	int ret;

	if (!s)
		return -EINVAL;
	ret = sized_take(&request, sizeof(request), asked, SIZED_TO(struct viq_vtd_page_request, addr), "request",
			 NULL);
	if (ret)
		return ret;
	if (request.prgi >> VIQ_VTD_PRGI_BITS || (request.has_pasid && request.pasid >> VIQ_VTD_PASID_BITS))
		return -EINVAL;
	outer = vtd_enter(s);
	ret = s->config.ecap & VIQ_VTD_ECAP_PRS ? take(s, &request) : refuse(s, &request);
	if (outer)
		vtd_leave(s);
	return ret;
}

void viq_vtd_page_requests_lost(struct viq_vtd *s, uint64_t count)
{
	bool outer;

	if (!s || !count || !(s->config.ecap & VIQ_VTD_ECAP_PRS))
		return;
	outer = vtd_enter(s);
	lose(s, count);
	if (outer)
		vtd_leave(s);
}
