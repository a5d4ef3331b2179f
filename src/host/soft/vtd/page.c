/* SPDX-License-Identifier: MIT */
/*
 * Page requests of devices (VT-d 7.4.1): checked as Table 30 has it, by the cached entries, and left in a ring for who
 * has the guest. What comes back from the guest goes to the device past this unit: it keeps no group.
 */
#include <errno.h>
#include <string.h>

#include "base/sized.h"
#include "unit.h"
#include "walk_entry.h"

_Static_assert(sizeof(struct viq_vtd_page_request) == sizeof(((struct soft_record *)0)->words), "it is a record");

/* --- From a device ------------------------------------------------------------------------------------------------ */

/* 0 with the entry, which is NULL if it is not cached; or -EFAULT with *fault. */
static int check(struct viq_soft_vtd *soft, const struct soft_vtd_view *view, const struct soft_vtd_request *req,
		 const struct soft_vtd_entry **entry, struct soft_vtd_fault *fault)
{
	struct vtd_context ctx = view->ctx;
	struct vtd_regime regime;
	uint32_t pasid;
	int ret = 0;

	*entry = NULL;
	if (VIQ_GET(VIQ_VTD_RTADDR_TTM, view->rtaddr) == VIQ_VTD_TTM_LEGACY)
		return soft_vtd_fail(fault, VIQ_VTD_FR_TTM_PGRP, false);
	if (soft->looks)
		soft_vtd_look(soft);
	if (view->state == SOFT_VTD_FAULT && soft->looks)
		ret = soft_vtd_read_context(soft, view->rtaddr, req, &ctx, fault);
	else if (view->state == SOFT_VTD_FAULT)
		*fault = view->fault, ret = -EFAULT;
	if (!ret)
		ret = soft_vtd_select_pasid(&soft->features, &ctx, req, &pasid, fault);
	if (!ret && !ctx.pre)
		ret = soft_vtd_fail(fault, VIQ_VTD_FR_SM_PRE, ctx.fpd);
	if (ret)
		return ret;
	if (view->state == SOFT_VTD_ON)
		*entry = soft_vtd_entry_find(view, pasid);
	if (*entry)
		return 0;
	ret = soft_vtd_fetch_pasid(soft->guest_mem, &soft->features, &ctx, pasid, &regime, fault);
	/* With CAP.CM = 1 hardware may have cached that it was not present. */
	return ret || soft->looks ? ret : soft_vtd_fail(fault, VIQ_VTD_FR_PE_P, ctx.fpd);
}

/*
 * What is cached of the page may be what made the device ask. It need not be gone from accesses that are under way: no
 * grace period.
 */
static void forget(struct viq_soft_vtd_dev *dev, const struct soft_vtd_entry *entry, const struct soft_vtd_request *req)
{
	struct viq_soft_vtd *soft = dev->soft;
	struct soft_tlb_range page = {.first = req->addr, .last = req->addr | 0xfff};

	pthread_mutex_lock(&soft->lock);
	if (entry) {
		page.leaves = soft_vm_leaves(&soft->vm);
		soft_tlb_inv_va(&soft->vm, entry->asid, &page);
	}
	if (dev->atc)
		soft_atc_inv(dev->atc, false, req->has_pasid ? req->pasid : SOFT_NO_PASID, page.first, page.last);
	pthread_mutex_unlock(&soft->lock);
}

static void record_fault(struct viq_soft_vtd_dev *dev, const struct soft_vtd_request *req,
			 const struct soft_vtd_fault *fault)
{
	uint64_t record[2];

	soft_vtd_count(dev->soft, SOFT_FAULTS);
	if (!fault->recorded)
		return;
	soft_vtd_fault_record(req, fault, record);
	/* T1 and T2 together: 01 page request. */
	record[1] = (record[1] & ~(uint64_t)VIQ_VTD_FRCD_1_T1) | VIQ_VTD_FRCD_1_T2;
	soft_vtd_fault(dev, record, false);
}

/* The code that the device is answered at once, for the last of a group; or -1. */
static int accept_request(struct viq_soft_vtd_dev *dev, const struct viq_vtd_page_request *r)
{
	const struct soft_vtd_view *view = atomic_load_explicit(&dev->view, memory_order_acquire);
	const struct soft_vtd_request req = {.addr = r->addr,
					     .pasid = r->pasid,
					     .sid = (uint16_t)dev->sid,
					     .has_pasid = r->has_pasid,
					     .access = (uint8_t)((r->exec ? SOFT_X : 0) | (r->priv ? SOFT_P : 0))};
	struct soft_record left = {.source = dev->id};
	const struct soft_vtd_entry *entry;
	struct soft_vtd_fault fault;
	bool lost;

	/* Blocked; or nothing is translated, and so no guest has enabled it. */
	if (!view || view->state == SOFT_VTD_OFF)
		return VIQ_VTD_RESP_INVALID;
	if (check(dev->soft, view, &req, &entry, &fault)) {
		record_fault(dev, &req, &fault);
		return VIQ_VTD_RESP_INVALID;
	}
	forget(dev, entry, &req);
	memcpy(left.words, r, sizeof(left.words));
	if (soft_ring_offer(dev->soft->requests, &left, &lost) && dev->soft->config.notify)
		dev->soft->config.notify(dev->soft->config.opaque);
	return lost ? VIQ_VTD_RESP_SUCCESS : -1;
}

static int take_request(struct viq_vtd_page_request *own, const struct viq_vtd_page_request *asked)
{
	int ret = sized_take(own, sizeof(*own), asked, SIZED_TO(struct viq_vtd_page_request, addr), "request", NULL);

	if (ret)
		return ret;
	own->addr &= ~UINT64_C(0xfff);
	if (!own->has_pasid) {
		own->pasid = 0;
		own->exec = own->priv = false;
	}
	own->exec &= own->read;
	return own->prgi >> VIQ_VTD_PRGI_BITS || own->pasid >> VIQ_VTD_PASID_BITS ? -EINVAL : 0;
}

int viq_soft_vtd_page_request(struct viq_soft_vtd_dev *dev, const struct viq_vtd_page_request *asked,
			      struct viq_vtd_page_response *answer)
{
	struct viq_vtd_page_request own = {0};
	struct viq_vtd_page_response mine;
	int code, ret;

	if (!dev || !answer || !SIZED_ROOM(struct viq_vtd_page_response, answer, code))
		return -EINVAL;
	ret = take_request(&own, asked);
	if (ret)
		return ret;
	if (!dev->soft->requests)
		return -ENOTSUP;
	viq_soft_access_begin();
	if (!soft_in_section())
		return -EINVAL;
	own.source_id = (uint16_t)dev->sid;
	code = accept_request(dev, &own);
	viq_soft_access_end();
	if (code < 0 || !own.last)
		return 0;
	mine = (struct viq_vtd_page_response){.source_id = (uint16_t)dev->sid,
					      .prgi = own.prgi,
					      .pasid = own.pasid,
					      .has_pasid = own.has_pasid,
					      .code = (uint8_t)code};
	sized_give(answer, answer->size, &mine, sizeof(mine));
	return 1;
}

/* --- To the guest ------------------------------------------------------------------------------------------------- */

static bool is_there(const struct viq_soft_vtd *soft, const struct soft_record *record,
		     const struct viq_vtd_page_request *request)
{
	const struct viq_soft_vtd_dev *dev = request->size ? soft_vtd_dev_find(soft, request->source_id) : NULL;

	return dev && dev->id == record->source;
}

int soft_vtd_page_requests(struct viq_soft_vtd *soft, struct viq_vtd_host_page_request *requests, uint32_t *count)
{
	struct soft_record record;
	const uint32_t room = *count;
	uint64_t lost = 0;

	*count = 0;
	if (!soft->requests)
		return 0;
	if (soft_in_section())
		return -EDEADLK;
	pthread_mutex_lock(&soft->lock);
	while (*count < room && soft_ring_take(soft->requests, &record)) {
		struct viq_vtd_host_page_request r;

		memcpy(&r.request, record.words, sizeof(r.request));
		lost += record.lost;
		r.lost = lost;
		/* What a device has asked goes with it. */
		if (!is_there(soft, &record, &r.request))
			r.request = (struct viq_vtd_page_request){0};
		if (!r.request.size && !lost)
			continue;
		requests[(*count)++] = r;
		lost = 0;
	}
	pthread_mutex_unlock(&soft->lock);
	return 0;
}
