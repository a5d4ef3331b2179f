/* SPDX-License-Identifier: MIT */
/* Page requests (7.4 to 7.8): the queue and its registers, overflow, the event, answers to devices. */
#include <errno.h>

#include "support/vvtd.h"

#define PRQ     UINT64_C(0x00400000)
#define ENTRIES 128 /* PQS = 0 */

static struct vvtd *new_unit(uint32_t budget)
{
	struct viq_vtd_config config;

	vvtd_config(&config);
	config.ecap |= VREG(ECAP_PRS) | VREG(ECAP_PDS);
	config.budget = budget;
	return vvtd_new(&config);
}

/* A guest whose devices may ask: scalable mode, translation on, a queue, interrupts. */
static struct vvtd *new_guest(uint32_t budget)
{
	struct vvtd *v = new_unit(budget);

	vvtd_w64(v, VREG(RTADDR), 0x1000 | VIQ_PUT(VREG(RTADDR_TTM), 1));
	vvtd_gcmd(v, VREG(GCMD_SRTP), true);
	vvtd_boot(v, 256, 0);
	vvtd_gcmd(v, VREG(GCMD_TE), true);
	vvtd_w64(v, VREG(PQH), 0);
	vvtd_w64(v, VREG(PQT), 0);
	vvtd_w64(v, VREG(PQA), PRQ);
	vvtd_w32(v, VREG(PEDATA), 0x71);
	vvtd_w32(v, VREG(PEADDR), 0xfee03000);
	vvtd_w32(v, VREG(PEUADDR), 0x9);
	vvtd_w32(v, VREG(PECTL), 0);
	vvtd_forget(v);
	return v;
}

static struct viq_vtd_page_request request_of(uint16_t sid, uint16_t prgi, bool last)
{
	return (struct viq_vtd_page_request){.size = sizeof(struct viq_vtd_page_request),
					     .source_id = sid,
					     .prgi = prgi,
					     .last = last,
					     .read = true,
					     .addr = 0x12345000};
}

static int ask(struct vvtd *v, uint16_t sid, uint16_t prgi, bool last)
{
	const struct viq_vtd_page_request r = request_of(sid, prgi, last);

	return viq_vtd_page_request(v->vtd, &r);
}

static const struct viq_vtd_page_response *last_response(const struct vvtd *v)
{
	const struct viq_vtd_page_response *found = NULL;

	for (size_t i = 0; i < v->log_count; i++) {
		if (v->log[i].kind == VLOG_RESPONSE)
			found = &v->log[i].response;
	}
	assert_non_null(found);
	return found;
}

#define assert_slot(v, n, qw0, qw1)                                                                                    \
	do {                                                                                                           \
		assert_true(vvtd_peek64(v, PRQ + 32 * (n)) == (qw0));                                                  \
		assert_true(vvtd_peek64(v, PRQ + 32 * (n) + 8) == (qw1));                                              \
		assert_true(!vvtd_peek64(v, PRQ + 32 * (n) + 16) && !vvtd_peek64(v, PRQ + 32 * (n) + 24));             \
	} while (0)

/* 7.4.1.1, each bit. */
static void test_descriptor(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);
	struct viq_vtd_page_request r = request_of(0xabcd, 0x1ff, true);

	for (uint64_t at = 0; at < 32 * 8; at += 8)
		vvtd_poke64(v, PRQ + at, UINT64_MAX);
	r.addr = UINT64_MAX;
	r.pasid = 0xfffff;
	r.exec = r.priv = true;
	assert_int_equal(viq_vtd_page_request(v->vtd, &r), 0);
	assert_slot(v, 0, 0x00000000abcd0001, 0xfffffffffffffffd); /* no PASID: nothing of it, EXR and PMR */
	r.has_pasid = true;
	assert_int_equal(viq_vtd_page_request(v->vtd, &r), 0);
	assert_slot(v, 1, 0x003fffffabcd0101, 0xfffffffffffffffd);
	r = request_of(0, 0, false);
	r.has_pasid = r.write = r.exec = true;
	r.read = false;
	r.addr = 0;
	assert_int_equal(viq_vtd_page_request(v->vtd, &r), 0);
	assert_slot(v, 2, 0x0000000000000101, 0x2); /* EXR goes with RDR */
	assert_true(vvtd_peek64(v, PRQ + 96) == UINT64_MAX);
	assert_true(vvtd_r64(v, VREG(PQT)) == 96);
	assert_int_equal(vvtd_r32(v, VREG(PRS)), VREG(PRS_PPR));
	assert_int_equal(vtd_counters(v->vtd).page_requests, 3);
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 0);
	vvtd_free(v);
}

/* What the interface refuses changes nothing. */
static void test_refused(void **state)
{
	struct viq_vtd_page_request r = request_of(1, 1, true);
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED), *none = vvtd_new(NULL);

	assert_int_equal(viq_vtd_page_request(NULL, &r), -EINVAL);
	assert_int_equal(viq_vtd_page_request(v->vtd, NULL), -EINVAL);
	assert_int_equal(viq_vtd_page_request(none->vtd, &r), -ENOTSUP);
	assert_int_equal(last_response(none)->code, VIQ_VTD_RESP_INVALID); /* or the device would wait for ever */
	viq_vtd_page_requests_lost(none->vtd, 1);
	assert_int_equal(vvtd_r32(none, VREG(PRS)), 0);
	r.prgi = 512;
	assert_int_equal(viq_vtd_page_request(v->vtd, &r), -EINVAL);
	r = request_of(1, 1, true);
	r.pasid = 1u << 20;
	r.has_pasid = true;
	assert_int_equal(viq_vtd_page_request(v->vtd, &r), -EINVAL);
	viq_vtd_page_requests_lost(v->vtd, 0);
	assert_int_equal(vvtd_r32(v, VREG(PRS)), 0);
	assert_true(vvtd_r64(v, VREG(PQT)) == 0);
	vvtd_free(v);
	vvtd_free(none);
}

/* 7.5: one message until PPR and PRO are clear; masked it waits; cleared status takes it back. */
static void test_event(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);

	assert_int_equal(ask(v, 1, 0, false), 0);
	assert_int_equal(ask(v, 1, 0, true), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	assert_true(v->log[vvtd_log_find(v, 0, VLOG_MSI)].a == 0x9fee03000);
	assert_int_equal(v->log[vvtd_log_find(v, 0, VLOG_MSI)].b, 0x71);
	vvtd_w32(v, VREG(PRS), VREG(PRS_PPR));
	assert_int_equal(vvtd_r32(v, VREG(PRS)), 0);
	assert_int_equal(ask(v, 1, 1, true), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 2);
	vvtd_w32(v, VREG(PECTL), VREG(EVENT_IM));
	vvtd_w32(v, VREG(PRS), VREG(PRS_PPR));
	assert_int_equal(ask(v, 1, 2, true), 0);
	assert_int_equal(vvtd_r32(v, VREG(PECTL)), VREG(EVENT_IM) | VREG(EVENT_IP));
	vvtd_w32(v, VREG(PRS), VREG(PRS_PPR));
	assert_int_equal(vvtd_r32(v, VREG(PECTL)), VREG(EVENT_IM));
	assert_int_equal(ask(v, 1, 3, true), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 2);
	vvtd_w32(v, VREG(PECTL), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 3);
	assert_int_equal(vvtd_r32(v, VREG(PECTL)), 0);
	/* Faults are another event. */
	assert_int_equal(vvtd_r32(v, VREG(FSTS)), 0);
	vvtd_free(v);
}

/* Full with one slot free (7.4.1): the request is lost, and all after it until PRO is cleared; the last is answered. */
static void test_overflow(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);

	for (unsigned int i = 0; i < ENTRIES - 1; i++)
		assert_int_equal(ask(v, 1, i, true), 0);
	assert_true(vvtd_r64(v, VREG(PQT)) == 32 * (ENTRIES - 1));
	vvtd_w32(v, VREG(PRS), VREG(PRS_PPR));
	vvtd_forget(v);
	assert_int_equal(ask(v, 2, 7, false), -ENOSPC);
	assert_int_equal(vvtd_r32(v, VREG(PRS)), VREG(PRS_PRO));
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 0);
	/* Room does not help as long as PRO stays. */
	vvtd_w64(v, VREG(PQH), 32 * 2);
	assert_int_equal(ask(v, 2, 7, true), -ENOSPC);
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 1);
	assert_int_equal(last_response(v)->code, VREG(RESP_SUCCESS));
	assert_int_equal(last_response(v)->source_id, 2);
	assert_int_equal(last_response(v)->prgi, 7);
	assert_false(last_response(v)->has_pasid);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	vvtd_w32(v, VREG(PRS), VREG(PRS_PRO));
	assert_int_equal(ask(v, 2, 8, true), 0);
	assert_true(vvtd_r64(v, VREG(PQT)) == 0);
	assert_int_equal(ask(v, 2, 9, true), 0);
	assert_int_equal(ask(v, 2, 10, true), -ENOSPC);
	assert_int_equal(vtd_counters(v->vtd).page_requests_lost, 3);
	assert_int_equal(vtd_counters(v->vtd).page_responses, 2);
	/* A host that has lost some. */
	vvtd_w32(v, VREG(PRS), VREG(PRS_PRO) | VREG(PRS_PPR));
	viq_vtd_page_requests_lost(v->vtd, 5);
	assert_int_equal(vvtd_r32(v, VREG(PRS)), VREG(PRS_PRO));
	assert_int_equal(vtd_counters(v->vtd).page_requests_lost, 8);
	vvtd_free(v);
}

/* Pointers are the guest's to write, whatever it means by that; only the queue is written. */
static void test_nonsense(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);

	vvtd_w64(v, VREG(PQT), UINT64_MAX);
	vvtd_w64(v, VREG(PQH), 32 * (ENTRIES + 5));
	assert_int_equal(ask(v, 3, 1, true), 0);
	assert_true(vvtd_peek64(v, PRQ + 32 * (ENTRIES - 1)) == 0x30001);
	assert_true(vvtd_r64(v, VREG(PQT)) == 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(ask(v, 3, 1, true), 0);
	assert_int_equal(ask(v, 3, 1, true), -ENOSPC);
	vvtd_w32(v, VREG(PRS), 3);
	/* The largest queue, and one where there is no memory. */
	vvtd_w64(v, VREG(PQA), PRQ | 7);
	vvtd_w64(v, VREG(PQT), 0x7ffe0);
	vvtd_w64(v, VREG(PQH), 0x40);
	assert_int_equal(ask(v, 3, 1, true), 0);
	assert_true(vvtd_peek64(v, PRQ + 0x7ffe0) == 0x30001);
	vvtd_w64(v, VREG(PQA), 0xffffffffff000);
	assert_int_equal(ask(v, 3, 1, true), 0);
	assert_true(vvtd_r64(v, VREG(PQT)) == 32);
	vvtd_free(v);
}

/* No memory is written for a guest that cannot have enabled it: one that was reset, or is in legacy mode. */
static void test_not_enabled(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);

	vvtd_gcmd(v, VREG(GCMD_TE), false);
	assert_int_equal(ask(v, 4, 1, false), -ENODEV);
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 0);
	assert_int_equal(ask(v, 4, 1, true), -ENODEV);
	assert_int_equal(last_response(v)->code, VREG(RESP_INVALID));
	vvtd_gcmd(v, VREG(GCMD_TE), true);
	assert_int_equal(ask(v, 4, 1, true), 0);
	v->lax = true;
	viq_vtd_reset(v->vtd);
	vvtd_forget(v);
	assert_int_equal(ask(v, 4, 2, true), -ENODEV);
	assert_int_equal(vvtd_log_number(v, VLOG_WRITE), 0);
	assert_int_equal(vvtd_r32(v, VREG(PECTL)), VREG(EVENT_IM));
	vvtd_w64(v, VREG(RTADDR), 0x1000);
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_SRTP));
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_TE));
	vvtd_forget(v);
	assert_int_equal(ask(v, 4, 3, true), -ENODEV);
	assert_int_equal(vvtd_log_number(v, VLOG_WRITE), 0);
	vvtd_free(v);
}

/* 7.6.1, each bit; answers go out in queue order, behind what is before them. */
static void test_response(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);
	struct vvtd_host *host = vvtd_host_new(v);
	struct test_desc ignored = desc_pgrp(0x1234, false, 0xfffff, 0x1ff, 0xf);
	size_t entry, response;

	vvtd_attach(v, host, 1, 5, 0x10, 0);
	vvtd_forget(v);
	vvtd_push(v, desc_page(1, 5, 7));
	vvtd_push(v, desc_pgrp(0x10, true, 5, 0x155, 1));
	ignored.qw[1] |= VREG(PGRP_1_LPIG);
	vvtd_push(v, ignored);
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vidle(v);
	entry = vvtd_log_find(v, 0, VLOG_HOST);
	response = vvtd_log_find(v, 0, VLOG_RESPONSE);
	assert_true(entry < response && response < v->log_count);
	assert_int_equal(v->log[response].response.source_id, 0x10);
	assert_int_equal(v->log[response].response.prgi, 0x155);
	assert_int_equal(v->log[response].response.pasid, 5);
	assert_true(v->log[response].response.has_pasid);
	assert_int_equal(v->log[response].response.code, 1);
	assert_int_equal(last_response(v)->source_id, 0x1234);
	assert_int_equal(last_response(v)->prgi, 0x1ff);
	assert_int_equal(last_response(v)->pasid, 0);
	assert_false(last_response(v)->has_pasid);
	assert_int_equal(last_response(v)->code, 0xf);
	assert_int_equal(vtd_counters(v->vtd).descriptors[9], 2);
	/* Reserved bits: qw0 [11:5], [63:52]; qw1 [1:0], [63:12]; qw2 and qw3. */
	for (unsigned int bit = 0; bit < 256; bit++) {
		struct test_desc d = desc_pgrp(0xffff, true, 0xfffff, 0x1ff, 0xf);
		const bool reserved = bit >= 128 || (bit >= 5 && bit <= 8) || (bit >= 52 && bit <= 63) || bit == 64 ||
				      bit == 65 || (bit >= 76 && bit <= 127);

		d.qw[bit / 64] |= VIQ_BIT(bit % 64);
		if (bit >= 4 && (bit < 9 || bit > 11))
			assert_int_equal(viq_vtd_descriptor_check(d.qw, 256, &v->config), reserved ? 4 : 0);
	}
	assert_int_equal(viq_vtd_descriptor_check(desc_pgrp(1, true, 1, 1, 0).qw, 128, &v->config), 3);
	vvtd_free(v);
}

/* P1: the device must not try again before what is ahead of the answer has taken effect. */
static void test_response_behind_what_failed(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);
	struct vvtd_host *host = vvtd_host_new(v);

	vvtd_attach(v, host, 1, 5, 0x10, 0);
	vvtd_host_fail(host, entry_page(7, true), VIQ_CALL_NO_MEMORY, -1);
	vvtd_push(v, desc_page(1, 5, 7));
	vvtd_push(v, desc_pgrp(0x10, true, 5, 0x155, 1));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vwaits(v, 0);
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 0);
	host->times = 0;
	vvtd_retry(v);
	assert_vidle(v);
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 1);
	vvtd_free(v);
}

/* A device that cannot be told now holds the queue, and is told once. */
static void test_response_waits(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);

	v->response_result = -ENOMEM;
	vvtd_push(v, desc_pgrp(1, true, 2, 3, 0));
	vvtd_push_wait(v);
	vvtd_ring(v);
	assert_vwaits(v, 0);
	vvtd_retry(v);
	assert_vwaits(v, 0);
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 2);
	v->response_result = 0;
	vvtd_retry(v);
	assert_vidle(v);
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 3);
	/* The unit's own answer holds nothing. */
	v->response_result = -ENOMEM;
	vvtd_gcmd(v, VREG(GCMD_TE), false);
	assert_int_equal(ask(v, 1, 1, true), -ENODEV);
	assert_vidle(v);
	vvtd_free(v);
}

/* P4: an answer costs what a host call costs. */
static void test_response_budget(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_CALL);

	vvtd_forget(v);
	for (unsigned int i = 0; i < 8; i++)
		vvtd_push(v, desc_pgrp(1, true, 2, i, 0));
	vvtd_ring(v);
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 1);
	assert_int_equal(vvtd_log_number(v, VLOG_KICK), 1);
	viq_vtd_run(v->vtd, 3 * VIQ_WORK_CALL);
	assert_in_range(vvtd_log_number(v, VLOG_RESPONSE), 3, 4);
	assert_true(vvtd_drain(v, 8));
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 8);
	for (unsigned int i = 0, at = 0; i < 8; i++, at++) {
		at = (unsigned int)vvtd_log_find(v, at, VLOG_RESPONSE);
		assert_int_equal(v->log[at].response.prgi, i);
	}
	vvtd_free(v);
}

/* Requests that sync() brings are there before a wait descriptor completes, with PD and without (7.7). */
static uint32_t bring(void *opaque)
{
	struct vvtd *v = opaque;

	return ask(v, 6, 1, false) == 0;
}

static void test_drain(void **state)
{
	struct vvtd *v;
	struct viq_vtd_config config;
	struct test_desc pd = desc_wait(true, false, true, VVTD_DONE, VVTD_STATUS);
	size_t status;

	vvtd_config(&config);
	config.ecap |= VREG(ECAP_PRS) | VREG(ECAP_PDS);
	v = new_guest(VIQ_WORK_UNLIMITED);
	v->ops.sync = bring;
	viq_vtd_destroy(v->vtd);
	config.mem = v->mem;
	config.ops = &v->ops;
	config.opaque = v;
	assert_int_equal(viq_vtd_create(&config, &v->vtd, NULL), 0);
	vvtd_w64(v, VREG(RTADDR), 0x1000 | VIQ_PUT(VREG(RTADDR_TTM), 1));
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_SRTP));
	vvtd_boot(v, 256, 0);
	vvtd_gcmd(v, VREG(GCMD_TE), true);
	vvtd_w64(v, VREG(PQA), PRQ);
	vvtd_forget(v);
	v->lax = true;
	pd.qw[0] |= VREG(WAIT_PD);
	vvtd_push(v, pd);
	vvtd_ring(v);
	assert_vidle(v);
	assert_true(vvtd_r64(v, VREG(PQT)) == 32);
	status = vvtd_log_find(v, 0, VLOG_WRITE);
	assert_true(v->log[status].a == PRQ && v->log[status].b == 32);
	status = vvtd_log_find(v, status + 1, VLOG_WRITE);
	assert_true(v->log[status].a == VVTD_STATUS);
	vvtd_free(v);
}

/* Who serves the queue's memory has a device ask: no second descriptor into the slot that is being written. */
static int asks_again(void *opaque, uint64_t gpa, const void *buf, size_t len)
{
	struct vvtd *v = opaque;

	assert_true(gpa == VVTD_RAM_SIZE);
	assert_int_equal(len, 32);
	assert_int_equal(ask(v, 6, 2, true), -ENOSPC);
	return 0;
}

static void test_inside(void **state)
{
	const struct viq_mem_ops ops = {.size = sizeof(ops), .write = asks_again};
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);
	struct viq_vtd_config config = v->config;
	struct viq_mem *mem;

	assert_int_equal(viq_mem_create(NULL, 0, &ops, v, &mem, NULL), 0);
	viq_vtd_destroy(v->vtd);
	config.mem = mem;
	assert_int_equal(viq_vtd_create(&config, &v->vtd, NULL), 0);
	vvtd_w64(v, VREG(RTADDR), 0x1000 | VIQ_PUT(VREG(RTADDR_TTM), 1));
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_SRTP));
	vvtd_w32(v, VREG(GCMD), VREG(GCMD_TE));
	vvtd_w64(v, VREG(PQA), VVTD_RAM_SIZE);
	vvtd_forget(v);
	assert_int_equal(ask(v, 6, 1, true), 0);
	assert_true(vvtd_r64(v, VREG(PQT)) == 32);
	assert_int_equal(vvtd_r32(v, VREG(PRS)), VREG(PRS_PPR) | VREG(PRS_PRO));
	assert_int_equal(vvtd_log_number(v, VLOG_RESPONSE), 1);
	assert_int_equal(last_response(v)->prgi, 2);
	assert_int_equal(last_response(v)->code, VREG(RESP_SUCCESS));
	assert_int_equal(vtd_counters(v->vtd).page_requests, 1);
	assert_int_equal(vtd_counters(v->vtd).page_requests_lost, 1);
	vvtd_free(v);
	viq_mem_destroy(mem);
}

/* 11.4.11: RsvdZ in a unit without PRS, and the bits that hold with it. */
static void test_registers(void **state)
{
	static const struct {
		uint64_t offset, bits;
	} regs[] = {
		{VREG(PQH), 0x7ffe0},   {VREG(PQT), 0x7ffe0},       {VREG(PQA), 0xfffffffffffff007}, {VREG(PRS), 0},
		{VREG(PEDATA), 0xffff}, {VREG(PEADDR), 0xfffffffc}, {VREG(PEUADDR), 0xffffffff},
	};
	struct vvtd *v = new_unit(VIQ_WORK_UNLIMITED), *none = vvtd_new(NULL);

	assert_int_equal(vvtd_r32(v, VREG(PECTL)), VREG(EVENT_IM));
	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		vvtd_w32(v, regs[i].offset, UINT32_MAX);
		vvtd_w32(none, regs[i].offset, UINT32_MAX);
		assert_int_equal(vvtd_r32(v, regs[i].offset), (uint32_t)regs[i].bits);
		assert_int_equal(vvtd_r32(none, regs[i].offset), 0);
	}
	vvtd_w64(v, VREG(PQA), UINT64_MAX);
	assert_true(vvtd_r64(v, VREG(PQA)) == 0xfffffffffffff007);
	vvtd_w32(none, VREG(PECTL), 0);
	assert_int_equal(vvtd_r32(none, VREG(PECTL)), 0);
	vvtd_free(v);
	vvtd_free(none);
}

/* P7: what waits in the queue, and the event, are there on the other side. */
static void test_migrate(void **state)
{
	struct vvtd *v = new_guest(VIQ_WORK_UNLIMITED);

	vvtd_w32(v, VREG(PECTL), VREG(EVENT_IM));
	assert_int_equal(ask(v, 1, 1, true), 0);
	vvtd_migrate(v);
	assert_true(vvtd_r64(v, VREG(PQT)) == 32);
	assert_int_equal(vvtd_r32(v, VREG(PRS)), VREG(PRS_PPR));
	vvtd_forget(v);
	vvtd_w32(v, VREG(PECTL), 0);
	assert_int_equal(vvtd_log_number(v, VLOG_MSI), 1);
	assert_int_equal(ask(v, 1, 2, true), 0);
	assert_slot(v, 1, 0x10001, 0x12345015);
	vvtd_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_descriptor),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_event),           cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_nonsense),        cmocka_unit_test(test_not_enabled),
		cmocka_unit_test(test_response),        cmocka_unit_test(test_response_waits),
		cmocka_unit_test(test_response_budget), cmocka_unit_test(test_drain),
		cmocka_unit_test(test_inside),          cmocka_unit_test(test_registers),
		cmocka_unit_test(test_migrate),         cmocka_unit_test(test_response_behind_what_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
