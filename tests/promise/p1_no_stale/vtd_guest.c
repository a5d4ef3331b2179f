/* SPDX-License-Identifier: MIT */
/* The guest's driver: edits, the queue, and what Linux does after errors. */
#include "vtd.h"

#define QUEUE  UINT64_C(0x01000000) /* as the fixture has it */
#define STATUS UINT64_C(0x01100000) /* a word for each slot */
#define SLOTS  128u
#define ALL    UINT64_C(0x7ffffffffffff000)

/* --- The queue ---------------------------------------------------------------------------------------------------- */

static void write_slot(struct p1_world *w, uint32_t slot, struct test_desc desc)
{
	for (unsigned int i = 0; i < 4; i++)
		viq_mem_write_u64(w->vm.mem, QUEUE + slot * 32 + i * 8, desc.qw[i]);
}

static bool wait_done(struct p1_world *w, uint32_t slot)
{
	uint32_t status;

	return !viq_mem_read(w->vm.mem, STATUS + slot * 4, &status, sizeof(status)) && status == 2;
}

static void append(struct p1_world *w, struct test_desc desc, bool is_wait)
{
	struct p1_pending *p;

	/* Never a full ring: ring, and let errors be handled, until there is room. */
	for (unsigned int i = 0; w->pending_count > 100 && !w->result.stale; i++) {
		if (i == 10000) {
			p1_found(w, "the queue stands still");
			return;
		}
		guest_ring(w);
		guest_observe(w);
	}
	p = &w->pending[w->pending_count++];
	*p = (struct p1_pending){.desc = desc, .slot = w->tail, .is_wait = is_wait, .begun = UINT64_MAX};
	write_slot(w, w->tail, desc);
	w->tail = (w->tail + 1) % SLOTS;
	w->result.descriptors++;
}

void guest_push(struct p1_world *w, struct test_desc desc)
{
	append(w, desc, false);
	if (w->pending_count > 90)
		guest_push_wait(w);
}

void guest_push_wait(struct p1_world *w)
{
	viq_mem_write_u32(w->vm.mem, STATUS + w->tail * 4, 0);
	append(w, desc_wait(true, false, false, 2, STATUS + w->tail * 4), true);
}

void guest_ring(struct p1_world *w)
{
	w->now++;
	model_entries(w);
	for (uint32_t i = w->rung; i < w->pending_count; i++)
		w->pending[i].begun = w->now;
	w->rung = w->pending_count;
	vm_write(&w->vm, VREG(IQT), 8, w->tail * 32);
}

/* An ITE that names a device: device-TLB invalidations so far may not have happened. */
static void lose_devtlbs(struct p1_world *w)
{
	for (uint32_t i = 0; i < w->rung; i++) {
		unsigned int type = w->pending[i].desc.qw[0] & 15;

		if (type == VIQ_VTD_TYPE_DEVTLB || type == VIQ_VTD_TYPE_PDEVTLB)
			w->pending[i].lost = true;
	}
}

/* Linux: overwrite the culprit, go on. What it was to do is not done. */
static void repair(struct p1_world *w)
{
	uint32_t head = (uint32_t)(vm_reg(&w->vm, VREG(IQH), 8) >> 5);

	for (uint32_t i = 0; i < w->pending_count; i++) {
		if (w->pending[i].slot != head)
			continue;
		if (w->pending[i].is_wait)
			p1_found(w, "IQE at a wait descriptor");
		w->pending[i].lost = true;
		write_slot(w, head, desc_wait(false, false, true, 0, 0));
		return;
	}
	p1_found(w, "IQE with IQH at slot %u, where nothing is pending", head);
}

static void handle_errors(struct p1_world *w)
{
	uint32_t fsts = (uint32_t)vm_reg(&w->vm, VREG(FSTS), 4);
	uint64_t code = vm_reg(&w->vm, VREG(IQERCD), 8);

	/* ITE follows. */
	if (fsts & VIQ_VTD_FSTS_ICE)
		w->result.ice++;
	if (fsts & VIQ_VTD_FSTS_ITE) {
		w->result.ite++;
		if (VIQ_GET(VIQ_VTD_IQERCD_ITESID, code))
			lose_devtlbs(w);
	}
	if (fsts & VIQ_VTD_FSTS_IQE) {
		w->result.iqe++;
		repair(w);
	}
	if (fsts & (VIQ_VTD_FSTS_ICE | VIQ_VTD_FSTS_ITE | VIQ_VTD_FSTS_IQE)) {
		w->now++;
		model_entries(w);
		vm_write(&w->vm, VREG(FSTS), 4, fsts & (VIQ_VTD_FSTS_ICE | VIQ_VTD_FSTS_ITE | VIQ_VTD_FSTS_IQE));
	}
}

/* The last wait descriptor that is seen to have completed, with all that is before it. */
static void retire(struct p1_world *w)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < w->rung; i++) {
		if (w->pending[i].is_wait && wait_done(w, w->pending[i].slot))
			done = i + 1;
	}
	if (!done)
		return;
	for (uint32_t i = 0; i < done; i++) {
		model_complete(w, &w->pending[i]);
		w->result.waits += w->pending[i].is_wait;
	}
	memmove(w->pending, w->pending + done, (w->pending_count - done) * sizeof(w->pending[0]));
	w->pending_count -= done;
	w->rung -= done;
}

void guest_observe(struct p1_world *w)
{
	uint32_t fsts = (uint32_t)vm_reg(&w->vm, VREG(FSTS), 4);

	/* Errors first: what they undo must not count as done. A clear may run the queue on, into the next error. */
	if (fsts & (VIQ_VTD_FSTS_ICE | VIQ_VTD_FSTS_ITE | VIQ_VTD_FSTS_IQE)) {
		handle_errors(w);
		return;
	}
	w->now++;
	model_entries(w);
	viq_vtd_run(w->vm.vtd, 1 + p1_below(w, 16));
	fsts = (uint32_t)vm_reg(&w->vm, VREG(FSTS), 4);
	if (!(fsts & (VIQ_VTD_FSTS_ICE | VIQ_VTD_FSTS_ITE)))
		retire(w);
}

/* --- Invalidations ------------------------------------------------------------------------------------------------ */

static unsigned int pick(struct p1_world *w, int last, uint32_t bound)
{
	return last >= 0 && p1_below(w, 4) ? (unsigned int)last : p1_below(w, bound);
}

/* Device-TLBs after the IOTLB: of the slot, or all that the device has without PASID. */
static void push_devtlb(struct p1_world *w, unsigned int dev, unsigned int slot, unsigned int page)
{
	bool all = p1_below(w, 3) == 0;
	uint64_t addr = all ? ALL : p1_iova(page);

	if (!w->ats[dev])
		return;
	if (slot)
		guest_push(w, desc_pdevtlb(p1_sids[dev], slot, false, addr, all));
	else
		guest_push(w, desc_devtlb(p1_sids[dev], addr, all));
}

static void push_legacy(struct p1_world *w, uint16_t did, unsigned int dev, unsigned int page)
{
	switch (p1_below(w, 12)) {
	case 0:
		guest_push(w, desc_iotlb(VIQ_VTD_IOTLB_GLOBAL, 0, 0, 0, false));
		break;
	case 1:
	case 2:
		guest_push(w, desc_iotlb(VIQ_VTD_IOTLB_DOMAIN, did, 0, 0, false));
		break;
	case 3:
	case 4:
		guest_push(w, desc_cc(VIQ_VTD_CC_DEVICE, did, p1_sids[dev], 0));
		guest_push(w, desc_iotlb(VIQ_VTD_IOTLB_DOMAIN, did, 0, 0, false));
		break;
	case 5:
		guest_push(w, desc_cc(VIQ_VTD_CC_DOMAIN, did, 0, 0));
		break;
	case 6:
		guest_push(w, desc_cc(VIQ_VTD_CC_GLOBAL, 0, 0, 0));
		break;
	default:
		guest_push(w, desc_iotlb(VIQ_VTD_IOTLB_PAGE, did, p1_iova(page), p1_below(w, 4), p1_below(w, 2)));
	}
}

static void push_scalable(struct p1_world *w, uint16_t did, unsigned int slot, unsigned int page)
{
	uint64_t second = w->kind[did - 10] == P1_SECOND ? p1_iova(page) : p1_gpa(pick(w, w->last_gpage, P1_GPAGES));

	switch (p1_below(w, w->kind[did - 10] == P1_FIRST ? 16 : 18)) {
	case 0:
		guest_push(w, desc_iotlb(VIQ_VTD_IOTLB_GLOBAL, 0, 0, 0, false));
		break;
	case 1:
		guest_push(w, desc_iotlb(VIQ_VTD_IOTLB_DOMAIN, did, 0, 0, false));
		break;
	case 2:
	case 16:
	case 17:
		guest_push(w, desc_iotlb(VIQ_VTD_IOTLB_PAGE, did, second, p1_below(w, 3), p1_below(w, 2)));
		break;
	case 3:
	case 4:
		guest_push(w, desc_piotlb(VIQ_VTD_PIOTLB_PASID, did, slot, 0, 0, false));
		break;
	case 5:
		guest_push(w, desc_pc(VIQ_VTD_PC_PASID, did, slot));
		guest_push(w, desc_piotlb(VIQ_VTD_PIOTLB_PASID, did, slot, 0, 0, false));
		break;
	case 6:
		guest_push(w, desc_pc(VIQ_VTD_PC_DOMAIN, did, 0));
		break;
	case 7:
		guest_push(w, desc_pc(VIQ_VTD_PC_GLOBAL, 0, 0));
		break;
	case 8:
		guest_push(w, desc_cc(VIQ_VTD_CC_GLOBAL, 0, 0, 0));
		break;
	default:
		guest_push(w,
			   desc_piotlb(VIQ_VTD_PIOTLB_PAGE, did, slot, p1_iova(page), p1_below(w, 4), p1_below(w, 2)));
	}
}

void guest_invalidate_random(struct p1_world *w)
{
	unsigned int domain = pick(w, w->last_domain, P1_DOMAINS), slot = pick(w, w->last_slot, p1_slots(w));
	unsigned int page = pick(w, w->last_page, P1_PAGES), dev = pick(w, w->last_dev, P1_DEVS);
	uint16_t did = (uint16_t)(10 + domain);

	if (w->legacy)
		push_legacy(w, did, dev, page);
	else
		push_scalable(w, did, slot, page);
	if (p1_below(w, 4))
		push_devtlb(w, dev, slot, page);
	if (p1_below(w, 3))
		guest_push_wait(w);
}

/* Everything, confirmed. Failures have been switched off. */
void guest_settle(struct p1_world *w)
{
	for (unsigned int round = 0; round < 2 && !w->result.stale; round++) {
		guest_push(w, desc_cc(VIQ_VTD_CC_GLOBAL, 0, 0, 0));
		if (!w->legacy)
			guest_push(w, desc_pc(VIQ_VTD_PC_GLOBAL, 0, 0));
		guest_push(w, desc_iotlb(VIQ_VTD_IOTLB_GLOBAL, 0, 0, 0, false));
		for (unsigned int dev = 0; dev < P1_DEVS; dev++) {
			guest_push(w, desc_devtlb(p1_sids[dev], ALL, true));
			for (unsigned int slot = 1; slot < p1_slots(w); slot++)
				guest_push(w, desc_pdevtlb(p1_sids[dev], slot, false, ALL, true));
		}
		guest_push_wait(w);
		for (unsigned int i = 0; w->pending_count && !w->result.stale; i++) {
			if (i == 10000) {
				p1_found(w, "the queue stands still: FSTS 0x%x, IQH 0x%x, IQT 0x%x",
					 (unsigned int)vm_reg(&w->vm, VREG(FSTS), 4),
					 (unsigned int)vm_reg(&w->vm, VREG(IQH), 8),
					 (unsigned int)vm_reg(&w->vm, VREG(IQT), 8));
				break;
			}
			/* A wait descriptor that was aborted never completes: one more. */
			if (i % 64 == 63)
				guest_push_wait(w);
			guest_ring(w);
			guest_observe(w);
		}
	}
}

/* --- Edits -------------------------------------------------------------------------------------------------------- */

/* Frames are not used again soon, so that an old one is known as such. */
static uint32_t new_frame(struct p1_world *w)
{
	w->next_frame = w->next_frame % (P1_FRAMES - 1) + 1;
	return w->next_frame;
}

/* Where a page of the guest's own guest is: of interest to all nested domains. */
void guest_edit_second(struct p1_world *w, unsigned int gpage)
{
	uint32_t *at = &w->gmap[gpage];

	if (*at && !p1_below(w, 4)) {
		vm_unmap(&w->second, p1_gpa(gpage));
		*at = 0;
	} else {
		*at = new_frame(w);
		vm_map(&w->second, p1_gpa(gpage), VM_DATA + (uint64_t)*at * 4096);
	}
	w->last_gpage = (int)gpage;
}

static void edit_page(struct p1_world *w)
{
	unsigned int domain = p1_below(w, P1_DOMAINS), root = p1_below(w, P1_ROOTS), page = p1_below(w, P1_PAGES);
	uint32_t *at = &w->map[domain][root][page];

	if (*at && p1_below(w, 2)) {
		vm_unmap(&w->pt[domain][root], p1_iova(page));
		*at = 0;
	} else if (w->kind[domain] == P1_NESTED) {
		*at = 1 + p1_below(w, P1_GPAGES);
		vm_map(&w->pt[domain][root], p1_iova(page), p1_gpa(*at - 1));
	} else {
		*at = new_frame(w);
		vm_map(&w->pt[domain][root], p1_iova(page), VM_DATA + (uint64_t)*at * 4096);
	}
	w->last_domain = (int)domain;
	w->last_page = (int)page;
}

static void write_context(struct p1_world *w, unsigned int dev)
{
	struct p1_entry *e = &w->entry[dev][0];
	uint64_t ctx[VIQ_VTD_SCTX_WORDS];

	if (e->domain < 0) {
		assert_int_equal(synth_vtd_root_set(&w->vm.root, p1_sids[dev], NULL), 0);
		return;
	}
	e->root = (int8_t)w->root[e->domain][0];
	synth_vtd_legacy_context(ctx, &w->pt[e->domain][e->root], 0, 10u + (unsigned int)e->domain);
	if (w->ats[dev])
		ctx[0] |= VIQ_PUT(VIQ_VTD_CTX_TT, VIQ_VTD_TT_SS_ATS);
	assert_int_equal(synth_vtd_root_set(&w->vm.root, p1_sids[dev], ctx), 0);
}

static void write_entry(struct p1_world *w, unsigned int dev, unsigned int slot)
{
	struct p1_entry *e = &w->entry[dev][slot];
	const struct synth_vtd_pt *pt, *second;

	if (w->legacy) {
		write_context(w, dev);
		return;
	}
	if (e->domain < 0) {
		assert_int_equal(synth_vtd_pasids_set(&w->pasids[dev], slot, NULL), 0);
		return;
	}
	e->root = (int8_t)w->root[e->domain][slot];
	pt = &w->pt[e->domain][e->root];
	second = w->kind[e->domain] == P1_SECOND ? pt : w->kind[e->domain] == P1_NESTED ? &w->second : NULL;
	vm_entry(&w->pasids[dev], slot, pt == second ? NULL : pt, second, 10u + (unsigned int)e->domain);
}

/* Other tables for a (domain-id, PASID), in all devices' entries: they share what is cached under that name. */
static void switch_tables(struct p1_world *w, unsigned int domain, unsigned int slot)
{
	w->root[domain][slot] = !w->root[domain][slot];
	for (unsigned int dev = 0; dev < P1_DEVS; dev++) {
		if (w->entry[dev][slot].domain == (int)domain)
			write_entry(w, dev, slot);
	}
}

static void edit_entry(struct p1_world *w)
{
	unsigned int dev = p1_below(w, P1_DEVS), slot = p1_below(w, p1_slots(w));
	struct p1_entry *e = &w->entry[dev][slot];

	/* The name of the old one, or of the new one, will be told; not always. */
	w->last_domain = e->domain;
	w->last_dev = (int)dev;
	w->last_slot = (int)slot;
	if (e->domain >= 0 && p1_below(w, 3) == 0) {
		switch_tables(w, (unsigned int)e->domain, slot);
		return;
	}
	e->domain = (int8_t)((int)p1_below(w, P1_DOMAINS + 1) - 1);
	write_entry(w, dev, slot);
	if (w->last_domain < 0)
		w->last_domain = e->domain;
}

void guest_edit(struct p1_world *w)
{
	w->result.edits++;
	w->now++;
	model_entries(w);
	if (w->hypervisor && !p1_below(w, 5))
		guest_edit_second(w, p1_below(w, P1_GPAGES));
	else if (p1_below(w, 4))
		edit_page(w);
	else
		edit_entry(w);
}
