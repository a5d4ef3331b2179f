/* SPDX-License-Identifier: MIT */
/*
 * The invalidation queue (VT-d 6.5.2): check each descriptor against its rule, give it to whoever handles it.
 */

#include "vtd.h"

void vtd_invq_moved(struct viq_vtd *s, struct vtd_queue to)
{
	uint64_t avail = 0, slots;

	s->queue = to;
	s->model.usable = false;
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
		vtd_batch_add(s, desc[0] & VIQ_VTD_DESC_TYPE, VIQ_VTD_FATE_LOCAL);
	else if (result < 0)
		(void)vtd_hook_failed(s, desc, result);
	return !result;
}

/* Context-cache and PASID-cache descriptors: the embedder reads the guest's tables again. */
static bool reconfig(struct viq_vtd *s, const uint64_t desc[4], struct viq_vtd_reconfig what)
{
	what.size = sizeof(what);
	if (vtd_work_covered(s, &what)) {
		vtd_batch_add(s, desc[0] & VIQ_VTD_DESC_TYPE, VIQ_VTD_FATE_LOCAL);
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

/* One that was read, and was not like the model then. What a narrow queue has above is of a wide one before it. */
static inline void load(const struct viq_vtd *s, uint32_t position, uint64_t desc[4])
{
	const bool wide = s->queue.shift == 5;

	desc[0] = le64_get(s->batch.low[position][0]);
	desc[1] = le64_get(s->batch.low[position][1]);
	desc[2] = wide ? le64_get(s->batch.high[position][0]) : 0;
	desc[3] = wide ? le64_get(s->batch.high[position][1]) : 0;
}

static inline bool is_wait(const struct viq_vtd *s, const uint64_t desc[4])
{
	return (desc[0] & VIQ_VTD_DESC_TYPE) == VIQ_VTD_TYPE_WAIT && vtd_bits_legal(&s->rules[VIQ_VTD_TYPE_WAIT], desc);
}

static inline bool is_like(const struct vtd_model *model, const uint64_t desc[4])
{
	return model->usable &&
	       !((desc[0] ^ model->desc[0]) | ((desc[1] ^ model->desc[1]) & model->fixed) | desc[2] | desc[3]);
}

static unsigned int check(const struct viq_vtd *s, const uint64_t desc[4])
{
	return vtd_rule_check(s->rules, &s->offer, true, s->queue.scalable, desc);
}

/* These, and what descriptors behind name, as long as it touches: the guest had written all of it before. */
static struct vtd_irtes irtes_ahead(const struct viq_vtd *s, struct vtd_irtes some)
{
	for (uint32_t i = s->batch.taken + 1; i < s->batch.read; i++) {
		uint64_t desc[VIQ_VTD_DESC_WORDS];
		struct vtd_irtes more;

		load(s, i, desc);
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

static __attribute__((noinline)) bool interrupt_entry_cache(struct viq_vtd *s, const uint64_t desc[4])
{
	struct vtd_irtes its = irtes_of(desc), some;

	if (vtd_irtes_within(its, s->work.done_irtes)) {
		vtd_batch_add(s, desc[0] & VIQ_VTD_DESC_TYPE, VIQ_VTD_FATE_LOCAL);
		return true;
	}
	/* Before the batch, which they stand behind, is flushed. */
	some = irtes_ahead(s, its);
	return vtd_batch_flush(s) && s->budget.left && hook_done(s, desc, vtd_work_remap(s, its, some));
}

/* --- IOTLB and PASID-IOTLB descriptors ---------------------------------------------------------------------------- */

static struct vtd_sweep sweep_of(const struct viq_vtd *s, const uint64_t desc[4])
{
	if ((desc[0] & VIQ_VTD_DESC_TYPE) == VIQ_VTD_TYPE_PIOTLB)
		return vtd_sweep_pasid(s, domain_of(s, desc), VIQ_GET(VIQ_VTD_DESC_PASID, desc[0]));
	return VIQ_GET(VIQ_VTD_DESC_G, desc[0]) == VIQ_VTD_IOTLB_GLOBAL ? vtd_sweep_all()
									: vtd_sweep_domain(s, domain_of(s, desc));
}

/*
 * An IOTLB descriptor, page-selective too, takes away every first-stage entry of the domain: the address is a
 * second-stage one, which cannot be matched with what first-stage and nested entries are tagged with.
 */
static bool is_stage2(const uint64_t desc[4])
{
	return (desc[0] & VIQ_VTD_DESC_TYPE) == VIQ_VTD_TYPE_IOTLB;
}

static uint64_t addr_bits(const struct viq_vtd *s, const uint64_t desc[4])
{
	return is_stage2(desc) ? s->second_stage_bits : VIQ_VTD_DESC_1_ADDR;
}

static struct vtd_span span_of(const struct viq_vtd *s, const uint64_t desc[4])
{
	if (VIQ_GET(VIQ_VTD_DESC_G, desc[0]) != VIQ_VTD_IOTLB_PAGE)
		return (struct vtd_span){0, 0};
	return vtd_page_span(desc[1] & addr_bits(s, desc), VIQ_GET(VIQ_VTD_DESC_1_AM, desc[1]));
}

/* One table after the other, as far as the budget goes: what is left is gone on with by the next run. */
static __attribute__((noinline)) bool alone(struct viq_vtd *s, const uint64_t desc[4], struct vtd_sweep all)
{
	struct vtd_sweep *sweep;

	if (!vtd_batch_flush(s))
		return false;
	sweep = vtd_work_sweep(s, desc, all);
	while (s->budget.left) {
		struct vtd_target *t = vtd_sweep_next(s, sweep);

		if (!t) {
			vtd_work_sweep_done(s);
			vtd_batch_add(s, desc[0] & VIQ_VTD_DESC_TYPE, VIQ_VTD_FATE_HOST);
			return true;
		}
		if (!vtd_batch_alone(s, desc, t, span_of(s, desc), desc[1] & VIQ_VTD_DESC_1_IH, is_stage2(desc)))
			return false;
	}
	return false;
}

/* This one, which is legal, is the model. */
static void model_set(struct viq_vtd *s, const uint64_t desc[4], struct vtd_run run)
{
	struct vtd_span span = span_of(s, desc);

	/* Mostly one: what it loses is known here. */
	if (run.count == 1 && is_stage2(desc) && !vtd_target_of(run.first)->stage2)
		span = (struct vtd_span){0, 0};
	s->model = (struct vtd_model){
		.usable = run.count <= VTD_FEW_CALLS,
		.stage2 = is_stage2(desc),
		.desc = {desc[0], desc[1]},
		.fixed = ~VIQ_VTD_DESC_1_ADDR,
		.run = run,
		.addr = addr_bits(s, desc) & ~(span.bytes - 1),
		/* Whatever the hint says, of everything nothing is kept. */
		.entry = {.npages = span.bytes ? span.bytes / 4096 : VIQ_VTD_S1_ALL,
			  .flags = span.bytes && desc[1] & VIQ_VTD_DESC_1_IH ? VIQ_VTD_S1_LEAF : 0},
	};
}

static bool invalidate(struct viq_vtd *s, const uint64_t desc[4])
{
	struct vtd_sweep of = sweep_of(s, desc);
	struct vtd_run run = vtd_targets(s, of);

	if (vtd_work_alone(s, desc, run.count))
		return alone(s, desc, of);
	model_set(s, desc, run);
	s->batch.alike = s->model.usable ? vtd_alike(s) : s->batch.taken + 1;
	return vtd_batch_add_like(s, s->batch.alike - s->batch.taken);
}

/*
 * The descriptor at head, which was read, if it is of a rarer kind. Apart from the others, which would pay for the
 * registers of these. false, here and in what follows: the run ends, with nothing in the batch, because the queue
 * stopped or the descriptor at head has to be gone on with later.
 */
static __attribute__((noinline)) bool take_other(struct viq_vtd *s)
{
	uint64_t desc[VIQ_VTD_DESC_WORDS];
	unsigned int iqei;

	load(s, s->batch.taken, desc);
	iqei = check(s, desc);
	if (iqei) {
		if (vtd_batch_flush(s))
			vtd_stop_error(s, s->head, iqei, desc);
		return false;
	}
	switch ((enum vtd_handler)s->rules[desc[0] & VIQ_VTD_DESC_TYPE].handler) {
	case HANDLER_INVALID: /* checked above */
	case HANDLER_WAIT:    /* a legal one is taken before */
		break;
	case HANDLER_CC:
		return context_cache(s, desc);
	case HANDLER_IOTLB:
	case HANDLER_PIOTLB:
		return invalidate(s, desc);
	case HANDLER_DEVTLB:
		return vtd_devtlb(s, desc, false);
	case HANDLER_IEC:
		return interrupt_entry_cache(s, desc);
	case HANDLER_PC:
		return pasid_cache(s, desc);
	case HANDLER_PDEVTLB:
		return vtd_devtlb(s, desc, true);
	case HANDLER_PGRP:
		return vtd_page_response(s, desc);
	}
	return true;
}

/*
 * A wait descriptor (6.5.2.9), the promise that everything before it has taken effect: it completes, or is aborted.
 *
 * Descriptors are taken in order, one at a time, so the fence flag (FN) asks for nothing more. A wait descriptor that
 * asks for nothing at all (no SW, IF, FN) is legal and only passed.
 */
static inline bool take_wait(struct viq_vtd *s, uint64_t qw0, uint64_t qw1)
{
	uint32_t slot = s->head;
	bool timed_out;

	if (!vtd_batch_flush(s))
		return false;
	/* Accesses that used what was invalidated have ended, and left their faults. */
	timed_out = s->regs.timed_out;
	if (!timed_out && s->ops.sync)
		budget_spend(&s->budget, s->ops.sync(s->config.opaque));
	/* It was fetched in either case, and IQH has passed it: a driver looks for aborted ones before IQH. */
	s->head = vtd_next(s, slot, 1);
	s->batch.first = ++s->batch.taken;
	vtd_iqh_set(s, s->head);
	vtd_work_over(s);
	s->counters.descriptors[VIQ_VTD_TYPE_WAIT]++;
	if (s->ops.trace)
		vtd_trace_hook(s, slot, (const uint64_t[VIQ_VTD_DESC_WORDS]){qw0, qw1},
			       timed_out ? VIQ_VTD_FATE_ABORTED : VIQ_VTD_FATE_WAIT, 0);
	if (timed_out) {
		s->counters.aborted++;
		vtd_timeout_report(s);
		return false;
	}
	vtd_wait_signal(s, qw0, qw1);
	return true;
}

/* The descriptor at head: head is behind it then. */
static inline bool take_one(struct viq_vtd *s)
{
	uint64_t desc[VIQ_VTD_DESC_WORDS];

	load(s, s->batch.taken, desc);
	if (is_like(&s->model, desc))
		return vtd_batch_add_one(s);
	if (is_wait(s, desc))
		return take_wait(s, desc[0], desc[1]);
	return take_other(s);
}

static inline void read_one(const le64 *from, bool wide, uint64_t desc[4])
{
	desc[0] = le64_load(&from[0]);
	desc[1] = le64_load(&from[1]);
	desc[2] = wide ? le64_load(&from[2]) : 0;
	desc[3] = wide ? le64_load(&from[3]) : 0;
}

/* Into the batch. By value: a pointer would keep them out of registers. */
static __attribute__((noinline)) void keep_one(struct viq_vtd *s, uint64_t qw0, uint64_t qw1, uint64_t qw2,
					       uint64_t qw3)
{
	struct vtd_batch *b = &s->batch;

	b->low[b->read][0] = le64_put(qw0);
	b->low[b->read][1] = le64_put(qw1);
	b->high[b->read][0] = le64_put(qw2);
	b->high[b->read++][1] = le64_put(qw3);
}

/* Two that were kept: is the second one a wait descriptor, and the first one's table the only one? It is the model. */
static __attribute__((noinline)) bool is_straight(struct viq_vtd *s)
{
	uint64_t desc[VIQ_VTD_DESC_WORDS], next[VIQ_VTD_DESC_WORDS];
	uint8_t handler;
	struct vtd_run run;

	load(s, 0, desc);
	load(s, 1, next);
	handler = s->rules[desc[0] & VIQ_VTD_DESC_TYPE].handler;
	if (!is_wait(s, next) || (handler != HANDLER_IOTLB && handler != HANDLER_PIOTLB) || check(s, desc))
		return false;
	run = vtd_targets(s, sweep_of(s, desc));
	if (run.count != 1)
		return false;
	model_set(s, desc, run);
	return true;
}

/*
 * What a guest queues for each page that it unmaps: an invalidation of one table, and a wait descriptor, side by side
 * and nothing else. Straight from the doorbell to the host, without a batch, as there is nothing to gather. false: it
 * is something else, which may have been read, but of which nothing is done.
 */
static inline bool straight(struct viq_vtd *s)
{
	const bool wide = s->queue.shift == 5;
	const unsigned int words = wide ? 4 : 2;
	const le64 *from;
	uint64_t desc[VIQ_VTD_DESC_WORDS], next[VIQ_VTD_DESC_WORDS];

	if (s->head + 2 >= s->ring_slots || vtd_offset(s, s->head + 2) != vtd_iqt(s) || s->queue.bad || s->work.at ||
	    s->budget.left < 2)
		return false;
	from = &s->ring[(size_t)s->head * words];
	read_one(from, wide, desc);
	read_one(from + words, wide, next);
	if (!is_like(&s->model, desc) || s->model.run.count != 1 || !is_wait(s, next)) {
		keep_one(s, desc[0], desc[1], desc[2], desc[3]);
		keep_one(s, next[0], next[1], next[2], next[3]);
		if (!is_straight(s))
			return false;
	}
	if (vtd_batch_straight(s, desc[0], desc[1]) && take_wait(s, next[0], next[1]))
		budget_spend(&s->budget, 2);
	return true;
}

/* Have some of what is queued read. */
static bool read_more(struct viq_vtd *s, uint32_t tail)
{
	/* That may have used up the budget. */
	if (s->batch.read == BATCH_DESCRIPTORS && (!vtd_batch_flush(s) || !s->budget.left))
		return false;
	if (vtd_fetch(s, tail, s->budget.left))
		return true;
	if (vtd_batch_flush(s))
		vtd_stop_error(s, s->head, VIQ_VTD_IQEI_FETCH, NULL);
	return false;
}

/* Guests that unmap much queue long runs of descriptors that are alike: these need no second look. */
static void consume(struct viq_vtd *s)
{
	uint32_t iqei = bad_setup(s), tail = (uint32_t)(vtd_iqt(s) >> s->queue.shift);

	if (iqei) {
		vtd_stop_error(s, s->head, iqei, NULL);
		return;
	}
	do {
		if (s->batch.taken == s->batch.read && !read_more(s, tail))
			return;
		if (!(s->batch.taken < s->batch.alike ? vtd_batch_add_like(s, s->batch.alike - s->batch.taken)
						      : take_one(s)))
			return;
		budget_spend(&s->budget, 1);
		/* Unless it stopped the queue is as it was: what the guest writes meanwhile comes later. */
	} while (s->head != tail && s->budget.left);
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
	s->batch.first = s->batch.taken = s->batch.read = s->batch.alike = 0;
	s->counters.runs++;
	if (!straight(s))
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
