/* SPDX-License-Identifier: MIT */
/*
 * Work that is no descriptor: devices and interrupt remapping must be configured again, which is the embedder's and can
 * be left and taken up again (<viq/work.h>), and what the IOTLB register asks for, a table at a time.
 *
 * What a register's write has set in motion is *owed*: the register shows it when it is done, and the queue waits for
 * it. One reconfiguration is half done at most: an owed one, or that of the descriptor at IQH. A newer one takes its
 * place: it concerns as much at least, and a descriptor that has not left the queue will be looked at again. So none of
 * this need be saved.
 */
#include <string.h>

#include "vtd.h"

/* --- The embedder's hooks: the batch is empty when these are called, so tables may come and go in them ------------ */

/* 1: more is left, and the budget used up. Else nothing is half done any more. */
static int reconfig(struct viq_vtd *s)
{
	struct viq_vtd_reconfig *what = &s->work.reconfig;
	int ret = 0;

	if (s->ops.reconfig) {
		budget_lend(&s->budget, &what->work);
		s->tables_open = true;
		ret = s->ops.reconfig(s->config.opaque, what);
		s->tables_open = false;
		budget_take_back(&s->budget, &what->work, ret);
	}
	if (ret <= 0)
		what->size = 0;
	return ret;
}

static int remap(struct viq_vtd *s)
{
	struct viq_vtd_remap *what = &s->work.remap;
	int ret = 0;

	if (s->ops.remap) {
		budget_lend(&s->budget, &what->work);
		s->tables_open = true;
		ret = s->ops.remap(s->config.opaque, what);
		s->tables_open = false;
		budget_take_back(&s->budget, &what->work, ret);
	}
	if (ret <= 0)
		what->size = 0;
	return ret;
}

static void begin_reconfig(struct viq_vtd *s, struct viq_vtd_reconfig what)
{
	what.size = sizeof(what);
	s->work.reconfig = what;
}

static void begin_remap(struct viq_vtd *s, enum viq_vtd_remap_cause cause, uint32_t first, uint32_t count)
{
	s->work.remap = (struct viq_vtd_remap){
		.size = sizeof(struct viq_vtd_remap), .cause = cause, .first = first, .count = count};
}

void vtd_work_restored(struct viq_vtd *s)
{
	const struct viq_vtd_reconfig everything = {.cause = VIQ_VTD_RESTORED, .scope = VIQ_VTD_SCOPE_ALL};
	uint32_t left = s->budget.left;

	begin_reconfig(s, everything);
	begin_remap(s, VIQ_VTD_REMAP_RESTORED, 0, 0);
	/* Not by a write of the guest: without end. */
	do
		s->budget.left = 0;
	while (reconfig(s) > 0);
	do
		s->budget.left = 0;
	while (remap(s) > 0);
	s->budget.left = left;
}

void vtd_work_forget(struct viq_vtd *s)
{
	s->work.at = 0;
	s->work.alone_desc[0] = 0;
	if (!(s->work.owed & VTD_OWED_RECONFIG))
		s->work.reconfig.size = 0;
	if (!(s->work.owed & VTD_OWED_REMAP))
		s->work.remap.size = 0;
}

/* --- Of descriptors ----------------------------------------------------------------------------------------------- */

static bool same(const struct viq_vtd_reconfig *a, const struct viq_vtd_reconfig *b)
{
	return !memcmp(a, b, offsetof(struct viq_vtd_reconfig, work));
}

/* The descriptor at head begins; nothing else is half done. */
static void begin(struct viq_vtd *s)
{
	vtd_work_forget(s);
	s->work.at = s->head + 1;
}

static bool is_at_head(const struct viq_vtd *s)
{
	return s->work.at == s->head + 1;
}

/*
 * What was read for one descriptor is as new as what would be read for another one that the guest had queued before:
 * its tables were written before IQT was.
 */
bool vtd_work_covered(const struct viq_vtd *s, const struct viq_vtd_reconfig *what)
{
	const struct viq_vtd_reconfig *done = &s->work.done;

	return done->size && done->cause == what->cause && (done->scope == VIQ_VTD_SCOPE_ALL || same(done, what));
}

int vtd_work_reconfig(struct viq_vtd *s, const struct viq_vtd_reconfig *what)
{
	int ret;

	if (!is_at_head(s) || !same(what, &s->work.reconfig)) {
		begin(s);
		s->work.reconfig = *what;
		s->work.early = true;
	}
	ret = reconfig(s);
	if (!ret && s->work.early)
		s->work.done = *what;
	return ret;
}

int vtd_work_remap(struct viq_vtd *s, struct vtd_irtes its, struct vtd_irtes some)
{
	const struct viq_vtd_remap *what = &s->work.remap;
	struct vtd_irtes half = {what->first, what->first + what->count};
	int ret;

	if (!is_at_head(s) || !what->size || what->cause != VIQ_VTD_IEC || !vtd_irtes_within(its, half)) {
		begin(s);
		begin_remap(s, VIQ_VTD_IEC, some.first, some.end - some.first);
		half = some;
		s->work.early = true;
	}
	ret = remap(s);
	if (!ret && s->work.early)
		s->work.done_irtes = half;
	return ret;
}

static bool is_alone(const struct viq_vtd *s, const uint64_t desc[4])
{
	return is_at_head(s) && s->work.alone_desc[0] == desc[0] && s->work.alone_desc[1] == desc[1];
}

bool vtd_work_is_alone(const struct viq_vtd *s, const uint64_t desc[4], uint32_t calls)
{
	if (calls > VTD_FEW_CALLS && (calls > s->budget.left / VIQ_WORK_CALL || calls > VTD_SLATES))
		return true;
	return is_alone(s, desc) && vtd_batch_empty(s);
}

struct vtd_sweep *vtd_work_sweep(struct viq_vtd *s, const uint64_t desc[4], struct vtd_sweep all)
{
	if (!is_alone(s, desc)) {
		begin(s);
		s->work.alone = all;
	}
	s->work.alone_desc[0] = desc[0];
	s->work.alone_desc[1] = desc[1];
	return &s->work.alone;
}

void vtd_work_leave(struct viq_vtd *s)
{
	vtd_work_queued(s);
	vtd_work_forget(s);
}

/* --- Of registers ------------------------------------------------------------------------------------------------- */

static bool by_gcmd(const struct viq_vtd_reconfig *what)
{
	return what->cause != VIQ_VTD_CONTEXT_CACHE;
}

void vtd_work_owe_reconfig(struct viq_vtd *s, struct viq_vtd_reconfig what)
{
	const struct viq_vtd_reconfig *old = &s->work.reconfig;

	vtd_work_queued(s);
	/* What was not done yet is part of it. */
	if (s->work.owed & VTD_OWED_RECONFIG && !by_gcmd(&what))
		what = (struct viq_vtd_reconfig){.cause = old->cause, .scope = VIQ_VTD_SCOPE_ALL};
	begin_reconfig(s, what);
	s->work.owed |= VTD_OWED_RECONFIG;
	s->work.waiting &= ~VTD_OWED_RECONFIG;
}

void vtd_work_owe_remap(struct viq_vtd *s, enum viq_vtd_remap_cause cause)
{
	begin_remap(s, cause, 0, 0);
	s->work.owed |= VTD_OWED_REMAP;
}

void vtd_work_owe_iotlb(struct viq_vtd *s, struct vtd_sweep sweep)
{
	s->work.sweep = sweep;
	s->work.owed |= VTD_OWED_IOTLB;
}

/* In struct host_wait; those of the queue are below. */
static uint32_t place_of(uint32_t bit)
{
	return UINT32_MAX - bit;
}

/* It is done, or given up. */
static void paid(struct viq_vtd *s, uint32_t bit)
{
	bool other;

	s->work.owed &= ~bit;
	s->work.waiting &= ~bit;
	if (s->wait.place != place_of(bit))
		return;
	/* Of two that wait it was the last to fail. */
	other = s->work.waiting;
	s->wait =
		(struct host_wait){.waits = other, .asked = other, .times = other, .place = place_of(s->work.waiting)};
}

/* A host, or the hook, could not, as with a descriptor: the register stays busy. false: nobody tries again. */
static bool wait_for_host(struct viq_vtd *s, uint32_t bit, const struct viq_call_result *res)
{
	if (!host_wait_begin(&s->wait, s->wait.run + 1, place_of(bit), s->ops.host_wait, s->config.opaque,
			     s->ops.kick && !s->gate.kicking, res))
		return false;
	s->counters.host_waits++;
	s->work.waiting |= bit;
	if (!s->ops.host_wait)
		gate_owe_kick(&s->gate);
	return true;
}

static void pay_reconfig(struct viq_vtd *s)
{
	struct viq_vtd_reconfig what = s->work.reconfig;
	int ret = reconfig(s);
	struct viq_call_result res;

	if (ret > 0)
		return;
	/* An error has no way back by GSTS: the embedder has blocked the devices. */
	vtd_status_done(s, VIQ_VTD_GSTS_RTPS | VIQ_VTD_GSTS_TES);
	res = host_wait_hook_failed(ret);
	if (ret && s->regs.ccmd & VIQ_VTD_CCMD_ICC && wait_for_host(s, VTD_OWED_RECONFIG, &res)) {
		if (by_gcmd(&what))
			what = (struct viq_vtd_reconfig){.cause = VIQ_VTD_CONTEXT_CACHE, .scope = VIQ_VTD_SCOPE_ALL};
		what.work = (struct viq_work){0};
		begin_reconfig(s, what);
		return;
	}
	paid(s, VTD_OWED_RECONFIG);
	vtd_ccmd_done(s, !ret);
}

static void pay_iotlb(struct viq_vtd *s)
{
	struct viq_call_result res = {.error = VIQ_CALL_NONE};
	bool more = vtd_batch_sweep(s, &s->work.sweep, &res);

	if (more && res.error == VIQ_CALL_NONE)
		return;
	if (more && !(res.error == VIQ_CALL_ILLEGAL && res.handled == res.suspect) &&
	    wait_for_host(s, VTD_OWED_IOTLB, &res))
		return;
	/* As before a wait descriptor completes. */
	if (s->ops.sync)
		budget_spend(&s->budget, s->ops.sync(s->config.opaque));
	paid(s, VTD_OWED_IOTLB);
	vtd_iotlb_done(s, !more);
}

/* Is this of what is owed, and to be gone on with now? */
static bool is_due(const struct viq_vtd *s, uint32_t bit)
{
	return s->work.owed & ~s->work.waiting & bit && s->budget.left;
}

bool vtd_work_pay(struct viq_vtd *s)
{
	if (is_due(s, VTD_OWED_RECONFIG))
		pay_reconfig(s);
	if (is_due(s, VTD_OWED_REMAP) && remap(s) <= 0) {
		s->work.owed &= ~VTD_OWED_REMAP;
		vtd_status_done(s, VIQ_VTD_GSTS_IRTPS | VIQ_VTD_GSTS_IRES | VIQ_VTD_GSTS_CFIS);
	}
	/* What caches may have been filled by comes first (11.4.6.1). */
	while (!(s->work.owed & VTD_OWED_RECONFIG) && is_due(s, VTD_OWED_IOTLB))
		pay_iotlb(s);
	return !s->work.owed;
}
