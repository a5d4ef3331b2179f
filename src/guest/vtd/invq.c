/* SPDX-License-Identifier: MIT */
/*
 * The invalidation queue (VT-d 6.5.2): check each descriptor against its rule, give it to whoever handles it.
 */

#include "vtd.h"

void vtd_invq_moved(struct viq_vtd *s, struct vtd_queue to)
{
	uint64_t avail = 0, slots;

	s->queue = to;
	s->ring = viq_mem_span(s->config.mem, to.base, &avail);
	slots = avail >> to.shift;
	s->ring_slots = slots < to.slots ? (uint32_t)slots : to.slots;
}

/* Something to fetch from head on, or a tail that cannot be: see bad_setup(). */
static bool may_fetch(const struct viq_vtd *s, uint32_t head)
{
	return vtd_queue_on(s) && vtd_offset(s, head) != vtd_iqt(s);
}

/* Why nothing can be fetched at all, as VIQ_VTD_IQEI_*, or 0. Nothing of it changes while a run goes on. */
static uint32_t bad_setup(const struct viq_vtd *s)
{
	if (s->queue.bad)
		return s->queue.bad;
	if (vtd_iqt(s) & (VIQ_BIT(s->queue.shift) - 1))
		return VIQ_VTD_IQEI_ALIGN;
	return vtd_iqt(s) >> s->queue.shift >= s->queue.slots ? VIQ_VTD_IQEI_TAIL : VIQ_VTD_IQEI_NONE;
}

/* After a hook for the descriptor at head: it is consumed, or stays there for a later run, or the queue stops at it. */
static bool hook_done(struct viq_vtd *s, const uint64_t desc[4], int result)
{
	if (!result)
		vtd_batch_add(s, desc, VIQ_VTD_FATE_LOCAL);
	else if (result < 0)
		(void)vtd_hook_failed(s, desc, result);
	return !result;
}

/* Context-cache and PASID-cache descriptors: the embedder reads the guest's tables again. */
static bool reconfig(struct viq_vtd *s, const uint64_t desc[4], struct viq_vtd_reconfig what)
{
	what.size = sizeof(what);
	if (vtd_work_covered(s, &what)) {
		vtd_batch_add(s, desc, VIQ_VTD_FATE_LOCAL);
		return true;
	}
	return vtd_batch_flush(s) && s->budget.left && hook_done(s, desc, vtd_work_reconfig(s, &what));
}

static uint16_t domain_of(const struct viq_vtd *s, const uint64_t desc[4])
{
	return vtd_domain(s, VIQ_GET(VIQ_VTD_DESC_DID, desc[0]));
}

static __attribute__((noinline)) bool context_cache(struct viq_vtd *s, const uint64_t desc[4])
{
	return reconfig(s, desc,
			vtd_context_scope(s, VIQ_GET(VIQ_VTD_DESC_G, desc[0]), domain_of(s, desc),
					  VIQ_GET(VIQ_VTD_CC_SID, desc[0]), VIQ_GET(VIQ_VTD_CC_FM, desc[0])));
}

static __attribute__((noinline)) bool pasid_cache(struct viq_vtd *s, const uint64_t desc[4])
{
	struct viq_vtd_reconfig what = {.cause = VIQ_VTD_PASID_CACHE, .scope = VIQ_VTD_SCOPE_ALL};
	unsigned int granularity = VIQ_GET(VIQ_VTD_DESC_G, desc[0]);

	if (granularity != VIQ_VTD_PC_GLOBAL) {
		what.scope = granularity == VIQ_VTD_PC_PASID ? VIQ_VTD_SCOPE_PASID : VIQ_VTD_SCOPE_DOMAIN;
		what.domain_id = domain_of(s, desc);
	}
	if (granularity == VIQ_VTD_PC_PASID)
		what.pasid = VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]);
	return reconfig(s, desc, what);
}

static struct vtd_irtes irtes_of(const uint64_t desc[4])
{
	unsigned int order = VIQ_GET(VIQ_VTD_IEC_IM, desc[0]);
	uint32_t first;

	if (!(desc[0] & VIQ_VTD_IEC_G) || order >= 16)
		return (struct vtd_irtes){0, 1u << 16};
	first = VIQ_GET(VIQ_VTD_IEC_IIDX, desc[0]) & ~((1u << order) - 1);
	return (struct vtd_irtes){first, first + (1u << order)};
}

/* Descriptor i of a block whose first was read to this place of the batch. */
static void load(const struct viq_vtd *s, uint32_t start, uint32_t i, uint64_t desc[4])
{
	desc[0] = le64_get(s->batch.desc[start + i][0]);
	desc[1] = le64_get(s->batch.desc[start + i][1]);
	desc[2] = le64_get(s->upper[i][0]);
	desc[3] = le64_get(s->upper[i][1]);
}

static unsigned int check(const struct viq_vtd *s, const uint64_t desc[4])
{
	/* Of 128 bits the other half was read as 0. */
	return vtd_rule_check(s->rules, &s->offer, true, s->queue.scalable, desc);
}

/* These, and what descriptors behind name, as long as it touches: the guest had written all of it before. */
static struct vtd_irtes irtes_ahead(const struct viq_vtd *s, struct vtd_irtes some, uint32_t start, uint32_t i,
				    uint32_t count)
{
	while (++i < count) {
		uint64_t desc[VIQ_VTD_DESC_WORDS];
		struct vtd_irtes more;

		load(s, start, i, desc);
		if ((desc[0] & VIQ_VTD_DESC_TYPE) != VIQ_VTD_TYPE_IEC || check(s, desc))
			break;
		more = irtes_of(desc);
		if (more.first > some.end || some.first > more.end)
			break;
		some.first = more.first < some.first ? more.first : some.first;
		some.end = more.end > some.end ? more.end : some.end;
	}
	return some;
}

static __attribute__((noinline)) bool interrupt_entry_cache(struct viq_vtd *s, const uint64_t desc[4], uint32_t start,
							    uint32_t i, uint32_t count)
{
	struct vtd_irtes its = irtes_of(desc), some;

	if (vtd_irtes_within(its, s->work.done_irtes)) {
		vtd_batch_add(s, desc, VIQ_VTD_FATE_LOCAL);
		return true;
	}
	/* Before the batch, which they stand behind, is flushed. */
	some = irtes_ahead(s, its, start, i, count);
	return vtd_batch_flush(s) && s->budget.left && hook_done(s, desc, vtd_work_remap(s, its, some));
}

static struct vtd_run iotlb_run(const struct viq_vtd *s, const uint64_t desc[4])
{
	if (VIQ_GET(VIQ_VTD_DESC_G, desc[0]) == VIQ_VTD_IOTLB_GLOBAL)
		return vtd_targets_all(s);
	return vtd_targets_domain(s, domain_of(s, desc));
}

static struct vtd_span iotlb_span(const struct viq_vtd *s, const uint64_t desc[4])
{
	if (VIQ_GET(VIQ_VTD_DESC_G, desc[0]) != VIQ_VTD_IOTLB_PAGE)
		return (struct vtd_span){0, 0};
	return vtd_page_span(desc[1] & s->second_stage_bits, VIQ_GET(VIQ_VTD_DESC_1_AM, desc[1]));
}

/* One table after the other, as far as the budget goes: what is left is gone on with by the next run. */
static __attribute__((noinline)) bool alone(struct viq_vtd *s, const uint64_t desc[4], struct vtd_sweep all,
					    struct vtd_span span, bool stage2)
{
	struct vtd_sweep *sweep;

	if (!vtd_batch_flush(s))
		return false;
	sweep = vtd_work_sweep(s, desc, all);
	while (s->budget.left) {
		struct vtd_target *t = vtd_sweep_next(s, sweep);

		if (!t) {
			vtd_work_sweep_done(s);
			vtd_batch_add(s, desc, VIQ_VTD_FATE_HOST);
			return true;
		}
		if (!vtd_batch_alone(s, desc, t, span, desc[1] & VIQ_VTD_DESC_1_IH, stage2))
			return false;
	}
	return false;
}

/*
 * Page-selective, too, takes away every first-stage entry of the domain: the address is a second-stage one, which
 * cannot be matched with what first-stage and nested entries are tagged with.
 */
static bool iotlb(struct viq_vtd *s, const uint64_t desc[4])
{
	struct vtd_run run = iotlb_run(s, desc);
	struct vtd_span span = iotlb_span(s, desc);

	if (vtd_work_alone(s, desc, run.count))
		return alone(s, desc,
			     VIQ_GET(VIQ_VTD_DESC_G, desc[0]) == VIQ_VTD_IOTLB_GLOBAL
				     ? vtd_sweep_all()
				     : vtd_sweep_domain(s, domain_of(s, desc)),
			     span, true);
	return vtd_batch_add_entries(s, desc, run, span, desc[1] & VIQ_VTD_DESC_1_IH, true);
}

static struct vtd_run pasid_iotlb_run(const struct viq_vtd *s, const uint64_t desc[4])
{
	return vtd_targets_pasid(s, domain_of(s, desc), VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]));
}

static struct vtd_span pasid_iotlb_span(const uint64_t desc[4])
{
	if (VIQ_GET(VIQ_VTD_DESC_G, desc[0]) != VIQ_VTD_PIOTLB_PAGE)
		return (struct vtd_span){0, 0};
	return vtd_page_span(desc[1] & VIQ_VTD_DESC_1_ADDR, VIQ_GET(VIQ_VTD_DESC_1_AM, desc[1]));
}

static bool pasid_iotlb(struct viq_vtd *s, const uint64_t desc[4])
{
	struct vtd_run run = pasid_iotlb_run(s, desc);
	struct vtd_span span = pasid_iotlb_span(desc);

	if (vtd_work_alone(s, desc, run.count))
		return alone(s, desc, vtd_sweep_pasid(s, domain_of(s, desc), VIQ_GET(VIQ_VTD_DESC_PASID, desc[0])),
			     span, false);
	return vtd_batch_add_entries(s, desc, run, span, desc[1] & VIQ_VTD_DESC_1_IH, false);
}

/*
 * The descriptor at head, number i of a block of count: head is behind it then. false, here and in what follows: the
 * run ends, with nothing in the batch, because the queue stopped or the descriptor at head has to be gone on with
 * later.
 */
static bool take_one(struct viq_vtd *s, const uint64_t desc[4], uint32_t start, uint32_t i, uint32_t count)
{
	unsigned int iqei = check(s, desc);

	if (iqei) {
		if (vtd_batch_flush(s))
			vtd_stop_error(s, s->head, iqei, desc);
		return false;
	}
	switch ((enum vtd_handler)s->rules[desc[0] & VIQ_VTD_DESC_TYPE].handler) {
	case HANDLER_INVALID: /* checked above */
	case HANDLER_PGRP:    /* refused by viq_vtd_config_check() */
		break;
	case HANDLER_CC:
		return context_cache(s, desc);
	case HANDLER_IOTLB:
		return iotlb(s, desc);
	case HANDLER_DEVTLB:
		return vtd_devtlb(s, desc, false);
	case HANDLER_IEC:
		return interrupt_entry_cache(s, desc, start, i, count);
	case HANDLER_WAIT:
		return vtd_wait(s, desc);
	case HANDLER_PIOTLB:
		return pasid_iotlb(s, desc);
	case HANDLER_PC:
		return pasid_cache(s, desc);
	case HANDLER_PDEVTLB:
		return vtd_devtlb(s, desc, true);
	}
	return true;
}

/* The next descriptors may be like this one, if it is an invalidation that concerns one table at most. */
static void choose_model(const struct viq_vtd *s, const uint64_t desc[4], struct vtd_model *model)
{
	const struct vtd_rule *rule = &s->rules[desc[0] & VIQ_VTD_DESC_TYPE];
	struct vtd_span span = {0, 0};
	struct vtd_run run = {.count = 2};
	struct vtd_target *target = NULL;
	uint64_t addr = VIQ_VTD_DESC_1_ADDR;

	if (rule->handler == HANDLER_IOTLB) {
		run = iotlb_run(s, desc);
		target = vtd_target_of(run.first);
		if (target && target->stage2) {
			span = iotlb_span(s, desc);
			addr = s->second_stage_bits;
		}
	} else if (rule->handler == HANDLER_PIOTLB) {
		run = pasid_iotlb_run(s, desc);
		target = vtd_target_of(run.first);
		span = pasid_iotlb_span(desc);
	}
	*model = (struct vtd_model){.usable = run.count <= 1};
	if (!model->usable)
		return;
	model->desc[0] = desc[0];
	model->desc[1] = desc[1];
	model->fixed = rule->reserved[1] | VIQ_VTD_DESC_1_AM;
	model->target = target;
	model->addr_mask = span.bytes ? ~(span.bytes - 1) & addr : 0;
	model->npages = span.bytes ? span.bytes / 4096 : VIQ_VTD_S1_ALL;
	model->leaf_mask = span.bytes ? VIQ_VTD_S1_LEAF : 0;
}

/*
 * Look at the descriptors that vtd_fetch() left at the batch's end, one by one, as far as the budget goes. They stay in
 * place or move down, because the batch never has more of them than were read.
 */
static bool take_each(struct viq_vtd *s, uint32_t count, struct vtd_model *model)
{
	const uint32_t start = s->batch.count;
	uint64_t desc[VIQ_VTD_DESC_WORDS] = {0};

	for (uint32_t i = 0; i < count && s->budget.left; i++) {
		load(s, start, i, desc);
		if (!take_one(s, desc, start, i, count))
			return false;
		budget_spend(&s->budget, 1);
	}
	if (may_fetch(s, s->head))
		choose_model(s, desc, model);
	return true;
}

static void consume(struct viq_vtd *s)
{
	struct vtd_model model = {.usable = false};
	uint32_t iqei = bad_setup(s);

	if (iqei) {
		vtd_stop_error(s, s->head, iqei, NULL);
		return;
	}
	do {
		bool alike;
		uint32_t count;

		if (s->batch.count == BATCH_DESCRIPTORS && !vtd_batch_flush(s))
			return;
		/* That may have used up the budget. */
		if (!s->budget.left)
			break;
		count = vtd_fetch(s, s->budget.left, &model, &alike);
		if (!count) {
			if (vtd_batch_flush(s))
				vtd_stop_error(s, s->head, VIQ_VTD_IQEI_FETCH, NULL);
			return;
		}
		if (alike) {
			vtd_batch_add_like(s, &model, count);
			budget_spend(&s->budget, count);
		} else if (!take_each(s, count, &model)) {
			return;
		}
	} while (may_fetch(s, s->head) && s->budget.left);
	/* What was read is confirmed before this returns: IQH never stands still for lack of a wait descriptor. */
	(void)vtd_batch_flush(s);
}

bool vtd_invq_waits(const struct viq_vtd *s)
{
	return s->work.owed || may_fetch(s, vtd_iqh(s));
}

/* Go on with the queue as far as the budget goes. true: work is left that could be done. */
static bool run(struct viq_vtd *s)
{
	bool left = may_fetch(s, vtd_iqh(s));

	/* The guest has taken the descriptor back. */
	if (!left)
		vtd_work_forget(s);
	if (!left || !s->budget.left)
		return left;
	s->head = vtd_iqh(s);
	s->counters.runs++;
	consume(s);
	if (s->work.at && s->work.at != vtd_iqh(s) + 1)
		vtd_work_forget(s);
	left = !s->wait.waits && may_fetch(s, vtd_iqh(s));
	if (s->regs.timed_out && vtd_offset(s, vtd_iqh(s)) == vtd_iqt(s))
		vtd_timeout_report(s);
	s->counters.budget_ends += left;
	return left;
}

bool viq_vtd_run(struct viq_vtd *s, uint32_t budget)
{
	if (!s || !vtd_invq_waits(s))
		return false;
	if (!gate_enter(&s->gate)) {
		gate_owe_kick(&s->gate);
		return false;
	}
	s->wait.waits = false;
	s->work.waiting = 0;
	s->budget.left = budget_of_run(budget);
	if (vtd_work_pay(s))
		run(s);
	/* Who runs the queue sees what is left, but need not know that it waits. */
	if (vtd_settle(s) && s->wait.waits)
		vtd_kick(s);
	return vtd_work_left(s) || (vtd_invq_waits(s) && !s->wait.waits);
}

uint64_t viq_vtd_waits_for_host(const struct viq_vtd *s)
{
	return s && s->wait.waits && vtd_invq_waits(s) ? s->wait.times : 0;
}

/* What a register's write owes comes first, and a queue that waits for the host may wait on. *left: work is left. */
static __attribute__((noinline)) bool may_go_on(struct viq_vtd *s, bool *left)
{
	bool paid = vtd_work_pay(s);

	*left = vtd_work_left(s);
	if (!paid || (s->wait.waits && s->wait.asked && may_fetch(s, vtd_iqh(s))))
		return false;
	s->wait.waits = false;
	return true;
}

void vtd_invq_doorbell(struct viq_vtd *s)
{
	bool left = false;

	if (!(s->work.owed || s->wait.waits) || may_go_on(s, &left))
		left = run(s);
	if (left)
		gate_owe_kick(&s->gate);
}
